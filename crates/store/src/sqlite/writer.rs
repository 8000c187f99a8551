//! The writer: one thread that runs what is waiting in one transaction, commits once and answers each.
//!
//! A batch in which something fails is rolled back and run again one by one, so that one bad command fails alone.
//! While the disk takes no writes, completions are kept and tried again; everything else is refused. A failed sync
//! ends the process: what the system did with the pages is not known any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use workbell_model::{DeliveryNo, EndpointKey, WorkOrderId};
use workbell_wire::Timestamp;

use super::change::Publish;
use super::checkpoint::{Checkpointer, FORCED_BYTES, checkpoint};
use super::sweep;
use super::write::{Event, Write};
use crate::error::Error;
use crate::record::{Acceptance, AcceptanceResult, ByHand, Change, Completion, Swept};
use crate::store::{Fresh, Subscriber};

/// Commands that may wait. 4,096 at some 2 KiB each; a publisher beyond that is told to come again.
const CHANNEL: usize = 4096;

/// Notifications and completions in one transaction. 512: more gain nothing, and a commit stays short.
const BATCH: usize = 512;

/// How long to wait before what could not be written is tried again.
const AGAIN: Duration = Duration::from_millis(500);

type Reply<T> = oneshot::Sender<Result<T, Error>>;

pub(super) enum Command {
    Accept(Vec<Acceptance>, Reply<Vec<AcceptanceResult>>),
    Complete(Box<Completion>),
    Settle(DeliveryNo, Timestamp, Reply<()>),
    MendLane(EndpointKey, WorkOrderId),
    Retry(ByHand, Reply<()>),
    Discard(ByHand, Reply<()>),
    Change(Box<Change>, Reply<()>),
    Sweep(sweep::Cutoffs, Reply<Swept>),
    CheckValue(Vec<u8>, Reply<Vec<u8>>),
    Close(Reply<()>),
}

impl Command {
    fn weight(&self) -> usize {
        match self {
            Command::Accept(acceptances, _) => acceptances.len().max(1),
            Command::Sweep(..) => BATCH / 2,
            Command::Complete(_)
            | Command::Settle(..)
            | Command::MendLane(..)
            | Command::Retry(..)
            | Command::Discard(..)
            | Command::Change(..)
            | Command::CheckValue(..)
            | Command::Close(_) => 1,
        }
    }

    /// Whether it must have a transaction of its own, because others of the batch would not see its effect.
    fn stands_alone(&self) -> bool {
        matches!(self, Command::Change(..) | Command::Close(_))
    }
}

/// What is answered once the transaction is on disk.
enum Answer {
    Accepted(Vec<AcceptanceResult>),
    Done,
    Swept(Swept),
    Value(Vec<u8>),
    Changed(Publish),
}

/// The side that sends.
#[derive(Debug)]
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
    trouble: Arc<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    is_there: AtomicBool,
    text: Mutex<String>,
}

impl Writer {
    pub(super) fn start(
        mut state: Write,
        checkpoints: Connection,
        subscriber: Arc<OnceLock<Arc<dyn Subscriber>>>,
    ) -> Result<Self, Error> {
        let (commands, waiting) = mpsc::channel(CHANNEL);
        let trouble = Arc::new(Trouble::default());
        let log_bytes = count_log_bytes(&mut state.connection)?;
        let cannot = |error: std::io::Error| Error::Unavailable(format!("no thread can be started: {error}"));
        let checkpointer = Checkpointer::start(checkpoints).map_err(cannot)?;
        let thread = Thread {
            state,
            waiting,
            subscriber,
            trouble: trouble.clone(),
            kept: Vec::new(),
            position: sweep::Position::default(),
            checkpointer,
            log_bytes,
        };
        std::thread::Builder::new()
            .name("workbell-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(cannot)?;
        Ok(Writer { commands, trouble })
    }

    pub(super) async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| Error::Closed)
    }

    pub(super) fn try_send(&self, command: Command) -> Result<(), Error> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Error::QueueFull,
            TrySendError::Closed(_) => Error::Closed,
        })
    }

    pub(super) fn trouble(&self) -> Option<String> {
        if self.trouble.is_there.load(Ordering::Acquire) {
            Some(self.trouble.text.lock().unwrap_or_else(PoisonError::into_inner).clone())
        } else {
            None
        }
    }
}

struct Thread {
    state: Write,
    waiting: mpsc::Receiver<Command>,
    subscriber: Arc<OnceLock<Arc<dyn Subscriber>>>,
    trouble: Arc<Trouble>,
    /// Completions that could not be written yet.
    kept: Vec<Command>,
    position: sweep::Position,
    checkpointer: Checkpointer,
    log_bytes: Arc<AtomicU64>,
}

impl Thread {
    fn run(mut self) {
        let mut left_over = None;
        while let Some(first) = self.next(&mut left_over) {
            if let Command::Close(reply) = first {
                self.close();
                // Whoever asked may have gone away.
                let _gone = reply.send(Ok(()));
                return;
            }
            let mut batch = std::mem::take(&mut self.kept);
            let mut weight = batch.len() + first.weight();
            let mut alone = first.stands_alone();
            if alone && !batch.is_empty() {
                left_over = Some(first);
                alone = false;
            } else {
                batch.push(first);
            }
            while !alone && left_over.is_none() && weight < BATCH {
                let Ok(command) = self.waiting.try_recv() else { break };
                if command.stands_alone() {
                    left_over = Some(command);
                } else {
                    weight += command.weight();
                    batch.push(command);
                }
            }
            self.run_batch(batch);
        }
        self.close();
    }

    /// The next command; meanwhile what is left of other work goes on.
    fn next(&mut self, left_over: &mut Option<Command>) -> Option<Command> {
        loop {
            if let Some(command) = left_over.take() {
                return Some(command);
            }
            let in_trouble = self.trouble.is_there.load(Ordering::Acquire);
            if self.kept.is_empty() && self.state.to_discard.is_empty() && !in_trouble {
                return self.waiting.blocking_recv();
            }
            match self.waiting.try_recv() {
                Ok(command) => return Some(command),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            if in_trouble {
                std::thread::sleep(AGAIN);
                self.probe();
            } else if self.kept.is_empty() {
                self.discard_of_deleted();
            } else {
                let batch = std::mem::take(&mut self.kept);
                self.run_batch(batch);
            }
        }
    }

    /// Runs a batch in one transaction; when that fails, each of it in one of its own.
    fn run_batch(&mut self, mut batch: Vec<Command>) {
        match self.attempt(&mut batch) {
            Ok(answers) => self.publish(batch, answers),
            Err(error) if batch.len() == 1 || is_trouble(&error) => self.fail(batch, &error),
            Err(_) => {
                for command in batch {
                    self.run_batch(vec![command]);
                }
            }
        }
    }

    fn attempt(&mut self, batch: &mut [Command]) -> Result<Vec<Answer>, Error> {
        let result = self.execute_all(batch).and_then(|answers| {
            self.state.commit()?;
            Ok(answers)
        });
        if let Err(error) = &result {
            end_process_if_sync_failed(error);
            self.state.roll_back();
        }
        result
    }

    fn execute_all(&mut self, batch: &mut [Command]) -> Result<Vec<Answer>, Error> {
        self.state.begin()?;
        batch.iter_mut().map(|command| self.execute(command)).collect()
    }

    fn execute(&mut self, command: &mut Command) -> Result<Answer, Error> {
        let state = &mut self.state;
        match command {
            Command::Accept(acceptances, _) => {
                let mut results = Vec::with_capacity(acceptances.len());
                for acceptance in acceptances.iter() {
                    results.push(state.accept(acceptance)?);
                }
                Ok(Answer::Accepted(results))
            }
            Command::Complete(completion) => {
                state.complete(completion).map(|()| Answer::Done).map_err(Error::from)
            }
            Command::Settle(no, now, _) => state.settle(*no, *now).map(|()| Answer::Done),
            Command::MendLane(endpoint, work_order_id) => {
                state.mend(&(endpoint.clone(), *work_order_id), Timestamp::EPOCH).map(|()| Answer::Done)
            }
            Command::Retry(by_hand, _) => state.retry(by_hand).map(|()| Answer::Done),
            Command::Discard(by_hand, _) => state.discard(by_hand).map(|()| Answer::Done),
            Command::Change(change, _) => state.change((**change).clone()).map(Answer::Changed),
            Command::Sweep(cutoffs, _) => state.sweep(*cutoffs, &mut self.position).map(Answer::Swept),
            Command::CheckValue(fresh, _) => state.check_value(fresh).map(Answer::Value),
            Command::Close(_) => Ok(Answer::Done),
        }
    }

    /// After the commit: the directory, subscribers, then answers, so that who is answered finds what was written.
    fn publish(&mut self, batch: Vec<Command>, answers: Vec<Answer>) {
        self.set_trouble(None);
        let log_bytes = self.log_bytes.load(Ordering::Relaxed);
        self.checkpointer.log_is_at(log_bytes);
        let mut replies: Vec<Box<dyn FnOnce()>> = Vec::new();
        let mut accepts = Vec::new();
        for (command, answer) in batch.into_iter().zip(answers) {
            match (command, answer) {
                (Command::Accept(_, reply), Answer::Accepted(results)) => accepts.push((reply, results)),
                (Command::Change(_, reply), Answer::Changed(publish)) => {
                    publish(&mut self.state.directory.write());
                    replies.push(Box::new(move || drop(reply.send(Ok(())))));
                }
                (Command::Sweep(_, reply), Answer::Swept(swept)) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(swept)))));
                }
                (Command::CheckValue(_, reply), Answer::Value(value)) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(value)))));
                }
                (
                    Command::Settle(_, _, reply) | Command::Retry(_, reply) | Command::Discard(_, reply),
                    Answer::Done,
                ) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(())))));
                }
                // The others are answered through the subscriber, or by nobody.
                _ => {}
            }
        }
        self.tell();
        for (reply, results) in accepts {
            // A publisher that went away is served by its repeat.
            let _gone = reply.send(Ok(results));
        }
        for reply in replies {
            reply();
        }
        if log_bytes >= FORCED_BYTES {
            self.force_checkpoint();
        }
    }

    /// Tells the subscriber what was committed, in its order.
    fn tell(&mut self) {
        let events = std::mem::take(&mut self.state.events);
        let Some(subscriber) = self.subscriber.get() else { return };
        let mut fresh: Vec<Fresh> = Vec::new();
        for event in events {
            if let Event::Accepted(delivery) = event {
                fresh.push(delivery);
                continue;
            }
            if !fresh.is_empty() {
                subscriber.accepted(std::mem::take(&mut fresh));
            }
            match event {
                Event::Accepted(_) => {}
                Event::Completed { endpoint, work_order_id, sequence, state, due } => {
                    subscriber.completed(&endpoint, work_order_id, sequence, state, due);
                }
                Event::LaneChanged(endpoint, work_order_id) => {
                    subscriber.lane_changed(&endpoint, work_order_id)
                }
                Event::EndpointChanged(endpoint, change) => subscriber.endpoint_changed(&endpoint, change),
            }
        }
        if !fresh.is_empty() {
            subscriber.accepted(fresh);
        }
    }

    /// Answers a failed batch. Completions are kept when the disk is at fault.
    fn fail(&mut self, batch: Vec<Command>, error: &Error) {
        if is_trouble(error) {
            self.set_trouble(Some(error.to_string()));
        }
        for command in batch {
            match command {
                Command::Complete(completion) if is_trouble(error) => {
                    self.kept.push(Command::Complete(completion))
                }
                Command::Complete(completion) => {
                    tracing::error!(delivery = %completion.delivery.id(), %error, "an attempt's outcome was refused by the store");
                }
                Command::Accept(_, reply) => drop(reply.send(Err(again(error)))),
                Command::Settle(_, _, reply) | Command::Retry(_, reply) | Command::Discard(_, reply) => {
                    drop(reply.send(Err(again(error))));
                }
                Command::Change(_, reply) | Command::Close(reply) => drop(reply.send(Err(again(error)))),
                Command::Sweep(_, reply) => drop(reply.send(Err(again(error)))),
                Command::CheckValue(_, reply) => drop(reply.send(Err(again(error)))),
                Command::MendLane(..) => {}
            }
        }
    }

    fn set_trouble(&self, text: Option<String>) {
        let was = self.trouble.is_there.load(Ordering::Acquire);
        match &text {
            Some(text) => {
                self.trouble.text.lock().unwrap_or_else(PoisonError::into_inner).clone_from(text);
                if !was {
                    tracing::error!(trouble = %text, "the store takes no writes; nothing is accepted or sent until it does");
                }
            }
            None if was => tracing::info!("the store takes writes again"),
            None => return,
        }
        self.trouble.is_there.store(text.is_some(), Ordering::Release);
        if was != text.is_some()
            && let Some(subscriber) = self.subscriber.get()
        {
            subscriber.condition_changed(text.is_none());
        }
    }

    /// Goes on with what deleted endpoints left behind.
    fn discard_of_deleted(&mut self) {
        let Some(endpoint) = self.state.to_discard.last().cloned() else { return };
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let step = self
            .state
            .begin()
            .map_err(Error::from)
            .and_then(|()| self.state.discard_step(&endpoint, now))
            .and_then(|more| self.state.commit().map(|()| more).map_err(Error::from));
        match step {
            Ok(more) => {
                if !more {
                    self.state.to_discard.pop();
                }
                self.tell();
            }
            Err(error) => {
                end_process_if_sync_failed(&error);
                self.state.roll_back();
                tracing::warn!(%error, "deliveries of a deleted endpoint could not be discarded yet");
                std::thread::sleep(AGAIN);
            }
        }
    }

    fn force_checkpoint(&mut self) {
        match checkpoint(&self.state.connection, "RESTART") {
            Ok(_) => self.log_bytes.store(0, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the write-ahead log is long and could not be worked off"),
        }
    }

    fn close(&mut self) {
        if !self.kept.is_empty() {
            let batch = std::mem::take(&mut self.kept);
            self.run_batch(batch);
        }
        if let Err(error) = checkpoint(&self.state.connection, "TRUNCATE") {
            tracing::debug!(%error, "the last checkpoint was left to the next start");
        }
    }

    /// Writes one byte to see whether the disk takes it again.
    fn probe(&mut self) {
        let probe = self
            .state
            .begin()
            .and_then(|()| {
                self.state.connection.execute(
                    "INSERT INTO meta (name, value) VALUES ('probe', x'00')
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    [],
                )
            })
            .and_then(|_| self.state.commit());
        match probe {
            Ok(()) => self.set_trouble(None),
            Err(error) => {
                end_process_if_sync_failed(&Error::from(error));
                self.state.roll_back();
            }
        }
    }
}

/// Ends the process when a sync failed: what the system then did with the pages is not known, and a repeated sync
/// may claim success for pages that it dropped. After a restart the file says what is there.
fn end_process_if_sync_failed(error: &Error) {
    let Error::Database(rusqlite::Error::SqliteFailure(failure, _)) = error else { return };
    if matches!(
        failure.extended_code,
        rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
    ) {
        tracing::error!(%error, "a sync of the store failed; the process ends, for only a restart can tell what is on disk");
        std::process::abort();
    }
}

/// Whether the disk, not the command, is at fault.
fn is_trouble(error: &Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseCorrupt, DiskFull, FileLockingProtocolFailed, NotADatabase, OutOfMemory,
        ReadOnly, SystemIoFailure,
    };
    let Error::Database(rusqlite::Error::SqliteFailure(failure, _)) = error else { return false };
    matches!(
        failure.code,
        CannotOpen
            | DatabaseCorrupt
            | DiskFull
            | FileLockingProtocolFailed
            | NotADatabase
            | OutOfMemory
            | ReadOnly
            | SystemIoFailure
    )
}

/// The same error for one more caller.
fn again(error: &Error) -> Error {
    match error {
        Error::Database(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::DiskFull =>
        {
            Error::DiskFull
        }
        Error::NotFound(what) => Error::NotFound(what.clone()),
        Error::Exists(what) => Error::Exists(what.clone()),
        Error::BranchTaken(branch) => Error::BranchTaken(*branch),
        Error::StateConflict(why) => Error::StateConflict(why.clone()),
        Error::UndeliveredExist(count) => Error::UndeliveredExist(*count),
        Error::TooMany(limit) => Error::TooMany(*limit),
        other => Error::Unavailable(other.to_string()),
    }
}

/// Bytes in the write-ahead log after each commit.
fn count_log_bytes(connection: &mut Connection) -> Result<Arc<AtomicU64>, Error> {
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = Arc::new(AtomicU64::new(0));
    let counter = bytes.clone();
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
        counter.store(u64::try_from(pages).unwrap_or(0) * page, Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(bytes)
}

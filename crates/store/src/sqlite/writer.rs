//! The writer: one thread that runs what is waiting in one transaction, commits once and answers each.
//!
//! A batch in which something fails is rolled back and run again one by one, so that one bad command fails alone.
//! While the disk takes no writes, completions are kept and everything else is refused; each half second those kept
//! are tried again, and once they are written the rest may go on. A failed sync ends the process.

mod tell;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use workbell_wire::Timestamp;

use super::checkpoint::{Checkpointer, checkpoint};
use super::command::{Answer, Command};
use super::refused::{Refused, Remedy};
use super::sweep;
use super::trouble::{Trouble, end_process_if_sync_failed, is_trouble};
use super::write::Write;
use crate::audit::Act;
use crate::counters::Counters;
use crate::error::Error;
use crate::feed::FeedBells;
use crate::store::Subscriber;

/// Commands that may wait. 4,096; a publisher beyond that is told to come again.
const CHANNEL: usize = 4096;

/// Bytes of notifications that may wait. 64 MiB: four of the largest arrays that can be published.
const CHANNEL_BYTES: usize = 64 << 20;

/// Notifications and completions in one transaction. 512: more gain nothing, and a commit stays short.
pub(super) const BATCH: usize = 512;

/// Commands of a batch beside which more is removed at once. 64: they take some milliseconds.
const BUSY: usize = 64;

/// How long to wait before what could not be written is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// How often commands are looked for meanwhile, to refuse them soon.
const LOOK: Duration = Duration::from_millis(10);

/// Longest wait for a reader when the log is worked off as the store closes.
const LONGEST_WAIT_AT_CLOSE: Duration = Duration::from_secs(1);

/// The side that sends. When it is dropped the writer ends what it was given, and the drop waits for that.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while it is dropped.
    commands: Option<mpsc::Sender<Command>>,
    trouble: Arc<Trouble>,
    waiting_bytes: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut state: Write,
        checkpoints: Connection,
        subscriber: Arc<OnceLock<Arc<dyn Subscriber>>>,
        counters: Arc<Counters>,
        feed_bells: Arc<FeedBells>,
    ) -> Result<Self, Error> {
        let (commands, waiting) = mpsc::channel(CHANNEL);
        let trouble = Arc::new(Trouble::default());
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let log_bytes = count_log_bytes(&mut state.connection)?;
        let cannot = |error: std::io::Error| Error::Unavailable(format!("no thread can be started: {error}"));
        let checkpointer = Checkpointer::start(checkpoints).map_err(cannot)?;
        let thread = Thread {
            state,
            waiting,
            waiting_bytes: waiting_bytes.clone(),
            subscriber,
            trouble: trouble.clone(),
            kept: Vec::new(),
            refused: Refused::default(),
            position: sweep::Position::default(),
            checkpointer,
            log_bytes,
            counters,
            feed_bells,
        };
        let thread = std::thread::Builder::new()
            .name("workbell-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(cannot)?;
        Ok(Writer { commands: Some(commands), trouble, waiting_bytes, thread: Some(thread) })
    }

    /// Waits for room among what is waiting.
    pub(super) async fn send(&self, command: Command) -> Result<(), Error> {
        let commands = self.commands.as_ref().ok_or(Error::Closed)?;
        self.waiting_bytes.fetch_add(command.bytes(), Ordering::Relaxed);
        commands.send(command).await.map_err(|_| Error::Closed)
    }

    /// Fails at once when too much is waiting.
    pub(super) fn try_send(&self, command: Command) -> Result<(), Error> {
        let commands = self.commands.as_ref().ok_or(Error::Closed)?;
        let bytes = command.bytes();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let sent = if before > 0 && before + bytes > CHANNEL_BYTES {
            Err(Error::QueueFull)
        } else {
            commands.try_send(command).map_err(|error| match error {
                TrySendError::Full(_) => Error::QueueFull,
                TrySendError::Closed(_) => Error::Closed,
            })
        };
        if sent.is_err() {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.error().map(|error| error.to_string())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so, and has nothing to give back.
            let _ended = thread.join();
        }
    }
}

struct Thread {
    state: Write,
    waiting: mpsc::Receiver<Command>,
    waiting_bytes: Arc<AtomicUsize>,
    subscriber: Arc<OnceLock<Arc<dyn Subscriber>>>,
    trouble: Arc<Trouble>,
    /// Completions that could not be written yet, oldest first. Bounded by the attempts that were in flight, for no
    /// new one starts meanwhile.
    kept: Vec<Command>,
    refused: Refused,
    position: sweep::Position,
    checkpointer: Checkpointer,
    log_bytes: Arc<AtomicU64>,
    counters: Arc<Counters>,
    feed_bells: Arc<FeedBells>,
}

impl Thread {
    fn run(mut self) {
        let mut left_over = None;
        while let Some(first) = self.next(&mut left_over) {
            if let Command::Close(reply) = first {
                self.close();
                drop(self);
                // Whoever asked may have gone away.
                let _gone = reply.send(Ok(()));
                return;
            }
            let mut weight = first.weight();
            let mut is_full = first.stands_alone();
            let mut batch = vec![first];
            while !is_full && weight < BATCH {
                let Some(command) = self.take() else { break };
                if command.stands_alone() {
                    left_over = Some(command);
                    is_full = true;
                } else {
                    weight += command.weight();
                    batch.push(command);
                }
            }
            self.run_batch(batch);
        }
        self.close();
    }

    /// The next command. Meanwhile what could not be written is tried again, and work in steps goes on.
    fn next(&mut self, left_over: &mut Option<Command>) -> Option<Command> {
        if self.trouble.is_there() {
            match left_over.take() {
                Some(close @ Command::Close(_)) => return Some(close),
                Some(command) => self.keep_or_refuse(command),
                None => {}
            }
            if let Some(close) = self.wait_for_the_disk()? {
                return Some(close);
            }
        }
        if let Some(command) = left_over.take() {
            return Some(command);
        }
        loop {
            if let Some(completion) = self.refused.due() {
                self.run_batch(vec![Command::Complete(completion)]);
            } else if self.state.to_discard.is_empty() && self.refused.is_empty() {
                let command = self.waiting.blocking_recv()?;
                self.waiting_bytes.fetch_sub(command.bytes(), Ordering::Relaxed);
                return Some(command);
            }
            match self.waiting.try_recv() {
                Ok(command) => {
                    self.waiting_bytes.fetch_sub(command.bytes(), Ordering::Relaxed);
                    return Some(command);
                }
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if self.state.to_discard.is_empty() => std::thread::sleep(LOOK),
                Err(TryRecvError::Empty) => self.discard_of_deleted(),
            }
            if self.trouble.is_there()
                && let Some(close) = self.wait_for_the_disk()?
            {
                return Some(close);
            }
        }
    }

    fn take(&mut self) -> Option<Command> {
        let command = self.waiting.try_recv().ok()?;
        self.waiting_bytes.fetch_sub(command.bytes(), Ordering::Relaxed);
        Some(command)
    }

    /// Returns when writes succeed again, with a command to close when that comes first; `None` when there will be no
    /// more commands.
    fn wait_for_the_disk(&mut self) -> Option<Option<Command>> {
        let mut tried = Instant::now();
        loop {
            match self.waiting.try_recv() {
                Ok(close @ Command::Close(_)) => return Some(Some(close)),
                Ok(command) => {
                    self.waiting_bytes.fetch_sub(command.bytes(), Ordering::Relaxed);
                    self.keep_or_refuse(command);
                }
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if tried.elapsed() < AGAIN => std::thread::sleep(LOOK),
                Err(TryRecvError::Empty) => {
                    self.try_again();
                    if !self.trouble.is_there() {
                        return Some(None);
                    }
                    tried = Instant::now();
                }
            }
        }
    }

    fn keep_or_refuse(&mut self, command: Command) {
        match command {
            complete @ Command::Complete(_) => self.kept.push(complete),
            other => {
                let error = self.trouble.error().unwrap_or(Error::Unavailable("of an error".to_owned()));
                other.refuse(&error);
            }
        }
    }

    /// Writes what was kept; when there is nothing, something else, to see whether the disk takes it.
    fn try_again(&mut self) {
        if self.kept.is_empty() {
            match self.probe() {
                Ok(()) => self.set_trouble(None),
                Err(error) => {
                    end_process_if_sync_failed(&error);
                    self.state.roll_back();
                    self.set_trouble(Some(&Error::from(error)));
                }
            }
        } else {
            let batch = std::mem::take(&mut self.kept);
            self.run_batch(batch);
        }
    }

    fn probe(&mut self) -> rusqlite::Result<()> {
        self.state.begin()?;
        self.state.connection.execute(
            "INSERT INTO meta (name, value) VALUES ('probe', x'00')
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [],
        )?;
        self.state.commit()
    }

    /// Runs a batch in one transaction; when that fails, each of it in one of its own.
    fn run_batch(&mut self, mut batch: Vec<Command>) {
        match self.attempt(&mut batch) {
            Ok(answers) => self.publish(batch, answers),
            Err(error) if is_trouble(&error) => {
                self.set_trouble(Some(&error));
                for command in batch {
                    self.keep_or_refuse(command);
                }
            }
            Err(error) if batch.len() == 1 => {
                batch.into_iter().for_each(|command| self.refuse(command, &error))
            }
            Err(_) => {
                for command in batch {
                    if self.trouble.is_there() {
                        self.keep_or_refuse(command);
                    } else {
                        self.run_batch(vec![command]);
                    }
                }
            }
        }
    }

    /// One that fails alone. An outcome is not given up.
    fn refuse(&mut self, command: Command, error: &Error) {
        match command {
            Command::Complete(completion) => match self.refused.refused(completion, error) {
                Remedy::Write(command) => self.run_batch(vec![command]),
                Remedy::Kept => {}
            },
            other => other.refuse(error),
        }
    }

    fn attempt(&mut self, batch: &mut [Command]) -> Result<Vec<Answer>, Error> {
        let began = Instant::now();
        self.counters.write_began();
        let result = self.execute_all(batch).and_then(|answers| {
            self.state.roll_up()?;
            self.state.commit()?;
            self.counters.committed(batch.len(), began.elapsed());
            Ok(answers)
        });
        if let Err(error) = &result {
            if let Error::Database(error) = error {
                end_process_if_sync_failed(error);
            }
            self.state.roll_back();
        }
        result
    }

    fn execute_all(&mut self, batch: &mut [Command]) -> Result<Vec<Answer>, Error> {
        self.state.begin()?;
        let is_busy = batch.len() > BUSY;
        for command in batch.iter_mut() {
            if let Command::Sweep(cutoffs, _) = command {
                cutoffs.rows = if is_busy { sweep::BUSY_STEP } else { sweep::STEP };
            }
        }
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
            Command::Complete(completion) => state.complete(completion).map(|()| Answer::Done),
            Command::CreateWorkOrder(creation, _) => state.create_work_order(creation).map(Answer::Acted),
            Command::Act(acting, _) => state.act(acting).map(Answer::Acted),
            Command::LogInbound(inbound) => {
                state.log_inbound(inbound).map(|()| Answer::Done).map_err(Error::from)
            }
            Command::Settle(no, now, _) => state.settle(*no, *now).map(|()| Answer::Done),
            Command::Mend(mending, now, _) => state.mend_found(mending, *now).map(|()| Answer::Done),
            Command::Retry(by_hand, _) => {
                judged(state.audited_by_hand(Act::DeliveryRetried, by_hand, Write::retry))
            }
            Command::Discard(by_hand, _) => {
                judged(state.audited_by_hand(Act::DeliveryDiscarded, by_hand, Write::discard))
            }
            Command::Change(change, _) => {
                let (change, author) = (**change).clone();
                state.audited(change, &author).map(Answer::Changed)
            }
            Command::Sweep(cutoffs, _) => {
                state.sweep(*cutoffs, &self.position).map(|(swept, position)| Answer::Swept(swept, position))
            }
            Command::OfJob(wanted, _) => match state.of_job(wanted) {
                Ok(job) => Ok(Answer::OfJob(job)),
                Err(error) => judged(Err(error)),
            },
            Command::OfAlert(wanted, _) => state.of_alert(wanted).map(|()| Answer::Done),
            Command::CheckValue(fresh, _) => state.check_value(fresh).map(Answer::Value),
            Command::LogEmulation(emulation, _) => {
                state.log_emulation(emulation).map(Answer::Logged).map_err(Error::from)
            }
            Command::Close(_) => Ok(Answer::Done),
        }
    }

    /// After the commit: the directory, subscribers, then answers, so that who is answered finds what was written.
    fn publish(&mut self, batch: Vec<Command>, answers: Vec<Answer>) {
        self.set_trouble(None);
        self.state.show();
        let mut replies: Vec<Box<dyn FnOnce()>> = Vec::new();
        let mut accepts = Vec::new();
        for (command, answer) in batch.into_iter().zip(answers) {
            match (command, answer) {
                (Command::Accept(_, reply), Answer::Accepted(results)) => {
                    self.counters.took(results.iter().filter(|result| result.is_ok()).count());
                    accepts.push((reply, results));
                }
                (Command::CreateWorkOrder(_, reply) | Command::Act(_, reply), Answer::Acted(result)) => {
                    self.counters.took(usize::from(result.is_ok()));
                    replies.push(Box::new(move || drop(reply.send(Ok(result)))));
                }
                (Command::Complete(completion), _) => {
                    self.counters.attempted(completion.attempt.error);
                    if !self.refused.is_empty() {
                        self.refused.written(&completion);
                    }
                }
                (Command::Change(_, reply), Answer::Changed(publish)) => {
                    publish(&mut self.state.directory.write());
                    replies.push(Box::new(move || drop(reply.send(Ok(())))));
                }
                (Command::Sweep(_, reply), Answer::Swept(swept, position)) => {
                    self.position = position;
                    replies.push(Box::new(move || drop(reply.send(Ok(swept)))));
                }
                (Command::OfJob(_, reply), Answer::OfJob(job)) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(job)))));
                }
                (Command::CheckValue(_, reply), Answer::Value(value)) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(value)))));
                }
                (Command::LogEmulation(_, reply), Answer::Logged(no)) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(no)))));
                }
                (
                    Command::Settle(_, _, reply)
                    | Command::Mend(_, _, reply)
                    | Command::Retry(_, reply)
                    | Command::Discard(_, reply)
                    | Command::OfAlert(_, reply),
                    Answer::Done,
                ) => {
                    replies.push(Box::new(move || drop(reply.send(Ok(())))));
                }
                (command, Answer::Refused(error)) => replies.push(Box::new(move || command.refuse(&error))),
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
        let log_bytes = self.log_bytes.load(Ordering::Relaxed);
        self.counters.log_is_at(log_bytes);
        if self.checkpointer.log_is_at(log_bytes, &self.state.connection) {
            self.log_bytes.store(0, Ordering::Relaxed);
        }
    }

    fn set_trouble(&self, why: Option<&Error>) {
        if !self.trouble.set(why) {
            return;
        }
        match why {
            Some(error) => {
                tracing::error!(%error, "the store takes no writes; nothing is accepted or sent until it does");
            }
            None => tracing::info!("the store takes writes again"),
        }
        if let Some(subscriber) = self.subscriber.get() {
            subscriber.condition_changed(why.is_none());
        }
    }

    /// Goes on with what was left by something deleted.
    fn discard_of_deleted(&mut self) {
        let Some(discard) = self.state.to_discard.last().cloned() else { return };
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let step = self
            .state
            .begin()
            .map_err(Error::from)
            .and_then(|()| self.state.discard_step(&discard, now))
            .and_then(|more| self.state.commit().map(|()| more).map_err(Error::from));
        match step {
            Ok(more) => {
                if let Some(last) = self.state.to_discard.last_mut()
                    && let Some(more) = more
                {
                    *last = more;
                } else {
                    self.state.to_discard.pop();
                }
                self.state.show();
                self.tell();
            }
            Err(error) => {
                if let Error::Database(error) = &error {
                    end_process_if_sync_failed(error);
                }
                self.state.roll_back();
                if is_trouble(&error) {
                    self.set_trouble(Some(&error));
                } else {
                    // It would fail again and again; the next start tries once more.
                    tracing::error!(%error, "deliveries of something deleted could not be discarded");
                    self.state.to_discard.pop();
                }
            }
        }
    }

    fn close(&mut self) {
        if !self.kept.is_empty() {
            let batch = std::mem::take(&mut self.kept);
            self.run_batch(batch);
        }
        for command in self.refused.all() {
            if !self.trouble.is_there() {
                self.run_batch(vec![command]);
            }
        }
        let _kept_as_it_was = self.state.connection.busy_timeout(LONGEST_WAIT_AT_CLOSE);
        if let Err(error) = checkpoint(&self.state.connection, "TRUNCATE") {
            tracing::debug!(%error, "the last checkpoint was left to the next start");
        }
    }
}

/// What was refused without having changed anything is an answer, and no failure of its batch.
fn judged(result: Result<(), Error>) -> Result<Answer, Error> {
    match result {
        Ok(()) => Ok(Answer::Done),
        Err(error @ (Error::NotFound(_) | Error::StateConflict(_))) => Ok(Answer::Refused(error)),
        Err(error) => Err(error),
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

//! A few connections for reading, each used by one query at a time on a blocking thread.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::counters::Counters;
use crate::error::Error;

#[derive(Debug)]
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Readers {
    pub(super) fn new(
        count: usize,
        counters: Arc<Counters>,
        open: impl Fn() -> Result<Connection, Error>,
    ) -> Result<Self, Error> {
        let free = (0..count).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers { free: Arc::new(Mutex::new(free)), permits: Arc::new(Semaphore::new(count)), counters })
    }

    /// Later queries are refused.
    pub(super) fn close(&self) {
        self.permits.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs a query in a read transaction of its own, so that all its statements see one state.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        self.counters.read();
        let free = self.free.clone();
        let work = move || {
            let taken = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // There are as many permits as connections, until they are closed.
            let mut connection = taken.ok_or(Error::Closed)?;
            let result = in_transaction(&mut connection, query);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    query: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = connection.transaction()?;
    let result = query(&transaction);
    transaction.finish()?;
    result
}

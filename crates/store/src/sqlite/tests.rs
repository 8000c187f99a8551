//! The embedded engine passes the conformance suite, and keeps its own promises.

mod batch;

mod hooks;
mod moving;
mod one_commit;
mod opening;
mod place;
mod plans;
mod refused;
mod rolled_back_feed;
mod size;
mod trouble;
mod write_ahead_log;

pub(crate) use hooks::Hooks;
use place::Folder;

use crate::conformance::conformance_suite;

conformance_suite!(Folder::fresh());

/// Runs futures side by side, in their order at first.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        let mut all = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all {
            std::task::Poll::Ready(waiting.iter_mut().filter_map(|(_, output)| output.take()).collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

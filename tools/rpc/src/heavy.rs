//! Calls that take long run on blocking threads, a bounded number at a time, with a bounded queue.

use crate::error::{LIMIT_EXCEEDED, RpcError};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The gate in front of the blocking threads.
pub(crate) struct HeavyGate {
    /// One permit for each call that runs.
    running: Arc<Semaphore>,
    /// One permit for each call that runs or waits.
    admitted: Arc<Semaphore>,
}

impl HeavyGate {
    pub(crate) fn new(running_max: usize, waiting_max: usize) -> Self {
        let running_max = running_max.clamp(1, Semaphore::MAX_PERMITS);
        let admitted_max = running_max.saturating_add(waiting_max).min(Semaphore::MAX_PERMITS);
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            admitted: Arc::new(Semaphore::new(admitted_max)),
        }
    }

    /// Runs `work` when its turn comes. The permits go with the work: a caller that goes away leaves the
    /// thread busy, and so counted.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let busy = || RpcError::new(LIMIT_EXCEEDED, "the node is busy: too many calls are waiting");
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        let work = move || {
            let outcome = work();
            drop((running, admitted));
            outcome
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(error) => Err(RpcError::internal(&format!("a call did not end: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn one_runs_one_waits_and_the_third_is_refused() {
        let gate = Arc::new(HeavyGate::new(1, 1));
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                gate.run(move || {
                    let _ = started.send(());
                    let _ = held.recv();
                    Ok(1)
                })
                .await
            }
        });
        running.await.expect("the first runs");
        let mut second = Box::pin(gate.run(|| Ok(2)));
        // Polled once, it waits in the queue.
        assert!(futures::poll!(&mut second).is_pending());
        let third = gate.run(|| Ok(3)).await.expect_err("the queue is full");
        assert_eq!(third.code, LIMIT_EXCEEDED);
        release.send(()).expect("the first is there");
        assert_eq!(first.await.expect("ends"), Ok(1));
        assert_eq!(second.await, Ok(2));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_place() {
        let gate = HeavyGate::new(1, 0);
        let panicked: Result<(), _> = gate.run(|| panic!("on purpose")).await;
        assert_eq!(panicked.expect_err("a panic").code, crate::error::INTERNAL);
        assert_eq!(gate.run(|| Ok(())).await, Ok(()));
    }
}

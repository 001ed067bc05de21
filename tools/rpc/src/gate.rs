//! Work that may take long runs on blocking threads, a bounded number at a time, with a bounded queue and a
//! bounded time. There is a gate for each kind of work, so that none of them waits for another.

use crate::call::Cancel;
use crate::error::{LIMIT_EXCEEDED, RpcError};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A gate in front of the blocking threads.
pub(crate) struct Gate {
    /// One permit for each work that runs.
    running: Arc<Semaphore>,
    /// One permit for each that runs or waits.
    admitted: Arc<Semaphore>,
    /// For how long somebody waits for it, the time in the queue included.
    time_max: Duration,
    /// What is answered when that is over.
    expired: fn(Duration) -> RpcError,
}

/// Tells the work to stop when whoever waits for it is gone.
struct Waiting(Cancel);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Gate {
    pub(crate) fn new(
        running_max: usize,
        waiting_max: usize,
        time_ms_max: u64,
        expired: fn(Duration) -> RpcError,
    ) -> Self {
        let running_max = running_max.clamp(1, Semaphore::MAX_PERMITS);
        let admitted_max = running_max.saturating_add(waiting_max).min(Semaphore::MAX_PERMITS);
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            admitted: Arc::new(Semaphore::new(admitted_max)),
            time_max: Duration::from_millis(time_ms_max),
            expired,
        }
    }

    /// Runs `work` when its turn comes. When the time is over, or the caller is gone, its [`Cancel`] is set.
    /// The permits go with the work: as long as it does not look there the thread is busy, and so counted.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let cancel = Cancel::default();
        let _waiting = Waiting(cancel.clone());
        match tokio::time::timeout(self.time_max, self.enter(work, cancel)).await {
            Ok(outcome) => outcome,
            Err(_) => Err((self.expired)(self.time_max)),
        }
    }

    fn enter<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, RpcError> + Send + 'static,
        cancel: Cancel,
    ) -> impl Future<Output = Result<T, RpcError>> + Send {
        let busy = || RpcError::new(LIMIT_EXCEEDED, "the node is busy: too many calls are waiting");
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy());
        let running = Arc::clone(&self.running);
        async move {
            let admitted = admitted?;
            let running = running.acquire_owned().await.map_err(|_| busy())?;
            let work = move || {
                let outcome = work(&cancel);
                drop((running, admitted));
                outcome
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(outcome) => outcome,
                Err(error) => Err(RpcError::internal(&format!("a call did not end: {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Longer than any test waits.
    const LONG_MS: u64 = 600_000;

    fn gate(running_max: usize, waiting_max: usize, time_ms_max: u64) -> Arc<Gate> {
        Arc::new(Gate::new(running_max, waiting_max, time_ms_max, RpcError::call_expired))
    }

    /// Work that begins, says so, and waits to be released or cancelled; then what it saw.
    fn held(cancel: &Cancel, started: &mpsc::Sender<()>, released: &mpsc::Receiver<()>) -> bool {
        let _ = started.send(());
        loop {
            if cancel.is_set() {
                return true;
            }
            match released.try_recv() {
                Err(mpsc::TryRecvError::Empty) => std::thread::yield_now(),
                _ => return false,
            }
        }
    }

    #[tokio::test]
    async fn one_runs_one_waits_and_the_third_is_refused() {
        let gate = gate(1, 1, LONG_MS);
        let (release, released) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                gate.run(move |_| {
                    let _ = started.send(());
                    let _ = released.recv();
                    Ok(1)
                })
                .await
            }
        });
        running.await.expect("the first runs");
        let mut second = Box::pin(gate.run(|_| Ok(2)));
        // Polled once, it waits in the queue.
        assert!(futures::poll!(&mut second).is_pending());
        let third = gate.run(|_| Ok(3)).await.expect_err("the queue is full");
        assert_eq!(third.code, LIMIT_EXCEEDED);
        release.send(()).expect("the first is there");
        assert_eq!(first.await.expect("ends"), Ok(1));
        assert_eq!(second.await, Ok(2));
    }

    #[tokio::test]
    async fn work_that_takes_too_long_is_told_so_and_so_is_what_waits_behind_it() {
        let gate = gate(1, 1, 30);
        let (started, _running) = mpsc::channel();
        let (_release, released) = mpsc::channel();
        let (ended, end) = tokio::sync::oneshot::channel();
        let first = gate.run(move |cancel| {
            let _ = ended.send(held(cancel, &started, &released));
            Ok(())
        });
        let error = first.await.expect_err("too late");
        assert_eq!((error.code, error.message.as_str()), (-32000, "execution aborted (timeout = 30ms)"));
        assert_eq!(end.await, Ok(true), "it was told");

        let (started, running) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let blind = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.run(move |_| Ok(held(&Cancel::default(), &started, &released))).await }
        });
        tokio::task::spawn_blocking(move || running.recv()).await.expect("ends").expect("it runs");
        let behind = gate.run(|_| Ok(())).await.expect_err("its turn never came");
        assert_eq!(behind.code, -32000);
        assert!(blind.await.expect("ends").is_err(), "who does not look is not waited for either");
        release.send(()).expect("it still runs");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_told_so() {
        let gate = gate(1, 0, LONG_MS);
        let (started, running) = mpsc::channel();
        let (_release, released) = mpsc::channel();
        let (ended, end) = tokio::sync::oneshot::channel();
        let abandoned = tokio::spawn(async move {
            gate.run(move |cancel| {
                let _ = ended.send(held(cancel, &started, &released));
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || running.recv()).await.expect("ends").expect("it runs");
        abandoned.abort();
        assert_eq!(end.await, Ok(true));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_place() {
        let gate = gate(1, 0, LONG_MS);
        let panicked: Result<(), _> = gate.run(|_| panic!("on purpose")).await;
        assert_eq!(panicked.expect_err("a panic").code, crate::error::INTERNAL);
        assert_eq!(gate.run(|_| Ok(())).await, Ok(()));
    }
}

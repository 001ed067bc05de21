//! The wishes of whoever started this process.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Turns true at Ctrl-C or SIGTERM. A second one ends the process at once.
pub(crate) fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                // What is on disk survives it.
                std::process::exit(130);
            }
        }
    });
    Ok(receiver)
}

/// Returns when the process is told to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody listens for signals any more: then nothing stops this.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

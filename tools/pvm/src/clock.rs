//! Interrupts runs from time to time, so that they can look at the time.

use crate::PvmError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::Engine;

/// How often a run may be interrupted.
const PERIOD: Duration = Duration::from_millis(20);

/// Advances the epoch of the engines while anything runs.
pub(crate) struct Clock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    runs: usize,
    is_closed: bool,
}

/// Keeps the clock ticking while it lives.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Clock {
    pub(crate) fn start(engines: Vec<Engine>) -> Result<Self, PvmError> {
        let shared = Arc::new(Shared::default());
        let ticking = shared.clone();
        std::thread::Builder::new()
            .name("pvm-clock".into())
            .spawn(move || tick(&ticking, &engines))
            .map_err(|error| PvmError::Thread { detail: error.to_string() })?;
        Ok(Self(shared))
    }

    /// Lets the clock tick; takes a wake-up of its thread when nothing else runs, so it is done per level.
    pub(crate) fn ticking(&self) -> Ticking<'_> {
        let mut state = self.0.lock();
        state.runs += 1;
        if state.runs == 1 {
            self.0.changed.notify_all();
        }
        Ticking(&self.0)
    }
}

fn tick(shared: &Shared, engines: &[Engine]) {
    let mut state = shared.lock();
    while !state.is_closed {
        if state.runs == 0 {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        state = shared.changed.wait_timeout(state, PERIOD).unwrap_or_else(PoisonError::into_inner).0;
        engines.iter().for_each(Engine::increment_epoch);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.lock().runs -= 1;
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

//! What a record may take.

use millrace_trace::RECORD_BYTES_MAX;

/// Opcodes between two questions whether anybody still waits.
const STEPS_BETWEEN: u64 = 4_096;

/// Why a recorder stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Nobody waits any more.
    Interrupted,
    /// The record would be larger than it may be.
    TooLarge,
}

/// Counts what recorders keep, over all executions of a request.
pub(crate) struct Meter<'a> {
    bytes_left: usize,
    steps: u64,
    fault: Option<Fault>,
    goes_on: &'a dyn Fn() -> bool,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(goes_on: &'a dyn Fn() -> bool) -> Self {
        Self { bytes_left: RECORD_BYTES_MAX, steps: 0, fault: None, goes_on }
    }

    /// Makes room for so many bytes; false when there is none.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => self.fault = Some(Fault::TooLarge),
        }
        self.fault.is_none()
    }

    /// Counts an opcode.
    pub(crate) fn tick(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_BETWEEN) {
            self.check();
        }
    }

    /// Asks whether anybody still waits.
    pub(crate) fn check(&mut self) {
        if !(self.goes_on)() {
            self.fault = Some(Fault::Interrupted);
        }
    }

    pub(crate) const fn fault(&self) -> Option<Fault> {
        self.fault
    }
}

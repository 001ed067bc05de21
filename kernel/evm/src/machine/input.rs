//! Call data. A call lends the memory of the caller instead of copying from it: the caller stands still until the call
//! is over. The gas of a call does not depend on how much it passes on, so that a copy would be work that nobody pays
//! for: with what 30 million gas buy, hundreds of gigabytes.

use super::interpreter::Frame;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::Range;
use evm::interpreter::{ExitError, ExitFatal, Machine, Memory};
use evm::standard::State as FrameState;
use millrace_primitives::U256;

/// The bytes that a frame was called with.
pub(crate) enum Input {
    /// Of the outermost call, and of a bridge.
    Owned(Vec<u8>),
    /// A part of the memory of the caller, which has it all.
    Lent(Rc<Memory>, Range<usize>),
}

impl Input {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Lent(memory, range) => memory.data().get(range.clone()).unwrap_or(&[]),
        }
    }
}

/// The bytes of memory at an offset, which are paid for, made sure to be there: the memory of the crate is as long as
/// what was last written.
pub(super) fn paid_range(
    machine: &mut Machine<FrameState<'static>>,
    offset: U256,
    size: U256,
) -> Result<Range<usize>, ExitError> {
    if size.is_zero() {
        return Ok(0..0);
    }
    machine.memory.resize_offset(offset, size)?;
    let narrow = |value: U256| usize::try_from(value).map_err(|_| ExitError::from(ExitFatal::NotSupported));
    let (start, size) = (narrow(offset)?, narrow(size)?);
    let end = start.checked_add(size).ok_or(ExitFatal::NotSupported)?;
    if machine.memory.data().len() < end {
        machine.memory.set(end.saturating_sub(1), &[0], None)?;
    }
    Ok(start..end)
}

impl Frame {
    /// Notes which part of memory the call opcode at hand passes on, and leaves it out on the stack, where `size_at` is the
    /// place of its size and the offset is above. So the crate has nothing to copy.
    pub(super) fn note_input(&mut self, size_at: usize) -> Result<(), ExitError> {
        let stack = &self.machine.stack;
        let (offset, size) = (stack.peek(size_at.saturating_sub(1))?, stack.peek(size_at)?);
        self.passed_on = paid_range(&mut self.machine, offset, size)?;
        self.machine.stack.set(size_at, U256::zero())?;
        Ok(())
    }

    /// Lends the memory for the call at hand; nothing when it passes nothing on.
    pub(super) fn lend(&mut self) -> Option<Input> {
        let range = core::mem::take(&mut self.passed_on);
        if range.is_empty() {
            return None;
        }
        let memory = Rc::new(core::mem::replace(&mut self.machine.memory, Memory::new(0)));
        self.lent = Some(Rc::clone(&memory));
        Some(Input::Lent(memory, range))
    }

    /// Takes the memory back when the call is over and nobody else has it.
    pub(super) fn take_back(&mut self) {
        if let Some(memory) = self.lent.take() {
            self.machine.memory = Rc::try_unwrap(memory).unwrap_or_else(|shared| (*shared).clone());
        }
    }
}

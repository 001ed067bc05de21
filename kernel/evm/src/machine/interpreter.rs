//! One frame that runs code. In place of the crate's `EtableInterpreter`, which looks for the jump
//! destinations of the whole code at every call: ours takes them from the [`Code`] that the block shares.

use super::bridge::Errand;
use super::delegation;
use super::host::Backend;
use super::input::Input;
use super::opcodes::Done;
use crate::state::Code;
use crate::trace::Tracer;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::Range;
use evm::interpreter::trap::{CallCreateTrap, CallFeedback, CreateFeedback};
use evm::interpreter::{
    Capture, Control, ExitError, ExitException, ExitFatal, ExitResult, ExitSucceed, FeedbackInterpreter,
    Interpreter, Machine, Memory, Opcode, eval,
};
use evm::standard::{State as FrameState, eval_gasometer};
use millrace_primitives::{Fork, U256};

/// The engine stopped because the state could not be read; the failure itself is in the state.
pub(crate) const READ_FAILED: ExitFatal = ExitFatal::Unfinished;

/// Of Osaka; the crate does not know it.
const CLZ: Opcode = Opcode(0x1e);

/// A frame.
pub(crate) struct Frame {
    pub(super) fork: Fork,
    pub(super) machine: Machine<FrameState<'static>>,
    pub(super) code: Rc<Code>,
    /// The machine of the crate is told of none.
    pub(super) input: Input,
    /// Which part of its memory the call at hand passes on.
    pub(super) passed_on: Range<usize>,
    /// Its memory while a call has it.
    pub(super) lent: Option<Rc<Memory>>,
    pub(super) position: usize,
    /// Of a bridge, which runs no code: what it waits for.
    pub(super) errand: Option<Errand>,
}

impl Frame {
    pub(crate) fn new(fork: Fork, code: Rc<Code>, input: Input, state: FrameState<'static>) -> Self {
        let (stack_limit, memory_limit) = (state.config.stack_limit(), state.config.memory_limit());
        let machine = Machine::new(code.shared(), Rc::default(), stack_limit, memory_limit, state);
        Self { fork, machine, code, input, passed_on: 0..0, lent: None, position: 0, errand: None }
    }

    /// One opcode of `code`, which is that of the frame.
    #[inline]
    pub(super) fn step<H: Backend>(
        &mut self,
        code: &[u8],
        host: &mut H,
    ) -> Result<(), Capture<ExitResult, CallCreateTrap>> {
        let Some(opcode) = code.get(self.position).copied() else {
            return Err(Capture::Exit(ExitSucceed::Stopped.into()));
        };
        match self.run_fixed(code, opcode) {
            Ok(Done::Next(size)) => {
                self.position = self.position.saturating_add(size).saturating_add(1);
                Ok(())
            }
            Ok(Done::Jump(to)) => self.jump(usize::try_from(to).ok()),
            Ok(Done::Paid) => {
                let control = eval::eval_any(&mut self.machine, host, self.position);
                self.follow(control)
            }
            Ok(Done::Nothing) => self.step_metered(host, Opcode(opcode)),
            Err(error) => Err(Capture::Exit(Err(error))),
        }
    }

    /// An opcode whose price depends on what it works on: left to the crate. Only these read the state.
    fn step_metered<H: Backend>(
        &mut self,
        host: &mut H,
        opcode: Opcode,
    ) -> Result<(), Capture<ExitResult, CallCreateTrap>> {
        if let Err(error) = self.mend(host, opcode) {
            return Err(Capture::Exit(Err(error)));
        }
        if opcode == CLZ && self.fork >= Fork::Osaka {
            return self.count_leading_zeros().map_err(|error| Capture::Exit(Err(error)));
        }
        let control: Control<CallCreateTrap> = eval_gasometer(&mut self.machine, host, self.position);
        let control = match control {
            Control::NoAction => match self.run_paid(host, opcode) {
                Ok(true) => Control::NoAction,
                Ok(false) => eval::eval_any(&mut self.machine, host, self.position),
                Err(error) => Control::Exit(Err(error)),
            },
            other => other,
        };
        if host.has_failed() {
            return Err(Capture::Exit(READ_FAILED.into()));
        }
        self.follow(control)
    }

    /// What the crate lacks or gets wrong before it looks at an opcode.
    fn mend<H: Backend>(&mut self, host: &mut H, opcode: Opcode) -> Result<(), ExitError> {
        match opcode {
            Opcode::CREATE | Opcode::CREATE2 => mend_creation(&mut self.machine, opcode),
            Opcode::CODECOPY => mend_code_copy(&mut self.machine),
            Opcode::CALL | Opcode::CALLCODE | Opcode::DELEGATECALL | Opcode::STATICCALL
                if self.fork >= Fork::Prague =>
            {
                delegation::charge(&mut self.machine, host)
            }
            _ => Ok(()),
        }
    }

    /// What is ours of an opcode that is paid for; whether that is all of it.
    fn run_paid<H: Backend>(&mut self, host: &mut H, opcode: Opcode) -> Result<bool, ExitError> {
        match opcode {
            Opcode::CALL | Opcode::CALLCODE => self.note_input(4).map(|()| false),
            Opcode::DELEGATECALL | Opcode::STATICCALL => self.note_input(3).map(|()| false),
            _ => self.run_copy(host, opcode),
        }
    }

    /// `CLZ` (EIP-7939): as many zeros as the word begins with, 256 for zero.
    fn count_leading_zeros(&mut self) -> Result<(), ExitError> {
        const GAS: u64 = 5;
        self.machine.state.gasometer.record_gas64(GAS)?;
        let word = self.machine.stack.peek(0)?;
        self.machine.stack.set(0, U256::from(word.leading_zeros()))?;
        self.position = self.position.saturating_add(1);
        Ok(())
    }

    fn follow(
        &mut self,
        control: Control<CallCreateTrap>,
    ) -> Result<(), Capture<ExitResult, CallCreateTrap>> {
        match control {
            Control::NoAction => Ok(()),
            Control::Continue(count) => {
                self.position = self.position.saturating_add(count);
                Ok(())
            }
            Control::Jump(to) => self.jump(Some(to)),
            Control::Exit(result) => Err(Capture::Exit(result)),
            Control::Trap(trap) => Err(Capture::Trap(trap)),
        }
    }

    fn jump(&mut self, to: Option<usize>) -> Result<(), Capture<ExitResult, CallCreateTrap>> {
        match to {
            Some(to) if self.code.destinations().get(to) == Some(&true) => {
                self.position = to;
                Ok(())
            }
            _ => Err(Capture::Exit(ExitException::InvalidJump.into())),
        }
    }
}

/// What `CODECOPY` fills is memory that `MSIZE` counts: the crate forgets that.
fn mend_code_copy(machine: &mut Machine<FrameState<'static>>) -> Result<(), ExitError> {
    const OFFSET: usize = 0;
    const SIZE: usize = 2;
    let (offset, size) = (machine.stack.peek(OFFSET)?, machine.stack.peek(SIZE)?);
    // Only the length is set here, and not before it is paid for is anything made as long.
    Ok(machine.memory.resize_offset(offset, size)?)
}

/// Two things that the crate does not do right at a creation, mended before it looks at the stack.
///
/// Too long an initialisation code ends the frame (EIP-3860): the crate takes the length for a `usize` first,
/// which on a 32-bit machine ends the whole transaction. And `CREATE2` of nothing must not let memory reach
/// to its offset, which nobody paid for.
fn mend_creation(machine: &mut Machine<FrameState<'static>>, opcode: Opcode) -> Result<(), ExitError> {
    const OFFSET: usize = 1;
    const SIZE: usize = 2;
    let size = machine.stack.peek(SIZE)?;
    let limit = machine.state.config.max_initcode_size().unwrap_or(usize::MAX);
    if size > U256::from(limit) {
        return Err(ExitException::CreateContractLimit.into());
    }
    if size.is_zero() && opcode == Opcode::CREATE2 {
        machine.stack.set(OFFSET, U256::zero())?;
    }
    Ok(())
}

impl AsRef<Machine<FrameState<'static>>> for Frame {
    fn as_ref(&self) -> &Machine<FrameState<'static>> {
        &self.machine
    }
}

impl AsMut<Machine<FrameState<'static>>> for Frame {
    fn as_mut(&mut self) -> &mut Machine<FrameState<'static>> {
        &mut self.machine
    }
}

impl<H: Backend> Interpreter<H> for Frame {
    type State = FrameState<'static>;
    type Trap = CallCreateTrap;

    fn deconstruct(self) -> (Self::State, Vec<u8>) {
        (self.machine.state, self.machine.retval)
    }

    fn state(&self) -> &Self::State {
        &self.machine.state
    }

    fn state_mut(&mut self) -> &mut Self::State {
        &mut self.machine.state
    }

    fn run(&mut self, host: &mut H) -> Capture<ExitResult, Self::Trap> {
        if let Some(errand) = self.errand.take() {
            return self.run_errand(errand, host);
        }
        let code = Rc::clone(&self.code);
        if H::Tracer::IS_ON {
            return self.run_watched(code.bytes(), host);
        }
        loop {
            if let Err(capture) = self.step(code.bytes(), host) {
                return capture;
            }
        }
    }
}

impl<H: Backend> FeedbackInterpreter<H, CallFeedback> for Frame {
    fn feedback(&mut self, feedback: CallFeedback, _host: &mut H) -> Result<(), ExitError> {
        feedback.to_machine(self)?;
        self.position = self.position.saturating_add(1);
        Ok(())
    }
}

impl<H: Backend> FeedbackInterpreter<H, CreateFeedback> for Frame {
    fn feedback(&mut self, feedback: CreateFeedback, _host: &mut H) -> Result<(), ExitError> {
        feedback.to_machine(self)?;
        self.position = self.position.saturating_add(1);
        Ok(())
    }
}

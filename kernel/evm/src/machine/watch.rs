//! What a tracer is told. None of this is compiled where nobody watches.

use super::host::Backend;
use super::interpreter::{Frame, READ_FAILED};
use crate::execute::Halt;
use crate::trace::{Enter, Exit, Scheme, SelfDestruct, Step, StepEnd, Tracer};
use alloc::vec::Vec;
use evm::InvokerExit;
use evm::interpreter::trap::{CallCreateTrap, CallScheme, CallTrap, CreateScheme};
use evm::interpreter::uint::U256Ext;
use evm::interpreter::{Capture, ExitError, ExitException, ExitResult, ExitSucceed, Opcode};
use evm::standard::{State as FrameState, SubstackInvoke};
use millrace_primitives::{Address, U256};

/// Gas that a call with value gives on top (Yellow Paper, appendix G).
const STIPEND: u64 = 2_300;

impl Frame {
    /// Runs until the frame ends or calls, and tells of each opcode.
    pub(super) fn run_watched<H: Backend>(
        &mut self,
        code: &[u8],
        host: &mut H,
    ) -> Capture<ExitResult, CallCreateTrap> {
        loop {
            let opcode = code.get(self.position).copied().unwrap_or(Opcode::STOP.as_u8());
            let gas = self.gas();
            let address = self.address();
            host.tracer().step(&Step {
                position: self.position as u64,
                opcode,
                gas,
                address,
                machine: &self.machine,
            });
            let beneficiary = self.machine.stack.peek(0).unwrap_or_default().to_h160();
            let balance =
                if opcode == Opcode::SUICIDE.as_u8() { host.balance(address) } else { U256::zero() };
            let capture = self.step(code, host).err();
            let halt = match &capture {
                Some(Capture::Exit(Err(error))) if *error != ExitError::Reverted => {
                    Some(Halt::from(error.clone()))
                }
                _ => None,
            };
            let handed_on = match &capture {
                Some(Capture::Trap(trap)) => match &**trap {
                    CallCreateTrap::Call(call) => self.handed_on(call),
                    CallCreateTrap::Create(_) => 0,
                },
                _ => 0,
            };
            let taken = gas.saturating_sub(self.gas()).saturating_add(handed_on);
            let gas_cost = if halt.is_none() { taken } else { 0 };
            host.tracer().step_end(&StepEnd { gas_cost, top: self.machine.stack.peek(0).ok(), halt });
            if matches!(capture, Some(Capture::Exit(Ok(ExitSucceed::Suicided)))) {
                host.tracer().self_destruct(&SelfDestruct { contract: address, beneficiary, balance });
            }
            if !host.tracer().goes_on() {
                return Capture::Exit(READ_FAILED.into());
            }
            if let Some(capture) = capture {
                return capture;
            }
        }
    }

    fn gas(&self) -> u64 {
        self.machine.state.gasometer.gas64()
    }

    fn address(&self) -> Address {
        self.machine.state.runtime.context.address
    }

    /// All but a 64th (EIP-150).
    fn most_handed_on(&self) -> u64 {
        let gas = self.gas();
        gas.saturating_sub(gas / 64)
    }

    /// Gas that a call takes with it, without the stipend.
    fn handed_on(&self, call: &CallTrap) -> u64 {
        u64::try_from(call.gas).unwrap_or(u64::MAX).min(self.most_handed_on())
    }
}

/// The outermost frame begins.
pub(super) fn outermost(
    (caller, target, value): (Address, Address, U256),
    creates: bool,
    gas: u64,
    input: &[u8],
) -> Enter<'_> {
    let scheme = if creates { Scheme::Create } else { Scheme::Call };
    Enter { scheme, caller, target, value: Some(value), gas, input }
}

/// A frame begins that an opcode of `parent` asked for.
pub(super) fn enter<H: Backend>(trap: &CallCreateTrap, lent: Option<&[u8]>, parent: &Frame, host: &mut H) {
    let caller = parent.address();
    let enter = match trap {
        CallCreateTrap::Call(call) => {
            let stipend = if call.has_value() { STIPEND } else { 0 };
            let scheme = match call.scheme {
                CallScheme::Call => Scheme::Call,
                CallScheme::CallCode => Scheme::CallCode,
                CallScheme::DelegateCall => Scheme::DelegateCall,
                CallScheme::StaticCall => Scheme::StaticCall,
            };
            // A bridge calls in the name of another.
            let caller = if scheme == Scheme::Call { call.context.caller } else { caller };
            Enter {
                scheme,
                caller,
                target: call.target,
                value: (scheme != Scheme::StaticCall).then_some(call.context.apparent_value),
                gas: parent.handed_on(call).saturating_add(stipend),
                input: lent.unwrap_or(&call.input),
            }
        }
        CallCreateTrap::Create(create) => Enter {
            scheme: match create.scheme {
                CreateScheme::Legacy { .. } => Scheme::Create,
                CreateScheme::Create2 { .. } => Scheme::Create2,
            },
            caller,
            target: create.scheme.address(host),
            value: Some(create.value),
            gas: parent.most_handed_on(),
            input: &create.code,
        },
    };
    host.tracer().enter(&enter);
}

/// A frame ends.
pub(super) fn exit<'a>(result: &ExitResult, output: &'a [u8], gas_left: u64) -> Exit<'a> {
    let halt = result.as_ref().err().map(|error| Halt::from(error.clone()));
    let output = if halt.is_none_or(|halt| halt == Halt::Reverted) { output } else { &[] };
    Exit { gas_left, output, halt }
}

/// How a frame ended, kept until its parent has taken it up: only then is it known whether what a creation made could
/// be deployed, and what that took.
pub(super) struct Ending {
    result: ExitResult,
    output: Vec<u8>,
    creates: bool,
    /// Of the parent, before it gets back what is left.
    gas: u64,
}

impl Ending {
    pub(super) fn of(
        invoke: &SubstackInvoke,
        exit: &InvokerExit<FrameState<'static>>,
        parent: &Frame,
    ) -> Self {
        Self {
            result: exit.result.clone(),
            output: exit.retval.clone(),
            creates: matches!(invoke, SubstackInvoke::Create { .. }),
            gas: parent.gas(),
        }
    }

    pub(super) fn tell<H: Backend>(self, parent: &Frame, host: &mut H) {
        let Self { mut result, output, creates, gas } = self;
        let is_deployed = parent.machine.stack.peek(0).is_ok_and(|address| !address.is_zero());
        if creates && result.is_ok() && !is_deployed {
            result = Err(not_deployed(parent, &output).into());
        }
        host.tracer().exit(&exit(&result, &output, parent.gas().saturating_sub(gas)));
    }
}

/// Why code could not be deployed: it begins with 0xef (EIP-3541), is too long (EIP-170), or cannot be paid for.
fn not_deployed(parent: &Frame, code: &[u8]) -> ExitException {
    let limit = parent.machine.state.config.create_contract_limit();
    if code.first() == Some(&Opcode::EOFMAGIC.as_u8()) {
        ExitException::InvalidOpcode(Opcode::EOFMAGIC)
    } else if limit.is_some_and(|limit| code.len() > limit) {
        ExitException::CreateContractLimit
    } else {
        ExitException::OutOfGas
    }
}

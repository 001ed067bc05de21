//! The contracts of the rollup itself as the engine calls them: most calls are over at once; one that has to ask a contract is a frame
//! without code that makes one call.

use super::host::Backend;
use super::input::Input;
use super::interpreter::{Frame, READ_FAILED};
use crate::state::Code;
use crate::system::{self, Answer, FA_BRIDGE, Failure, LOCK, PROXY_CALLER};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use evm::interpreter::runtime::Context;
use evm::interpreter::trap::{CallCreateTrap, CallScheme, CallTrap};
use evm::interpreter::{Capture, ExitError, ExitResult, ExitSucceed};
use evm::standard::State as FrameState;
use evm::{InvokerControl, InvokerExit};
use millrace_primitives::{Address, Fork, H256, U256};

/// What a bridge in the middle of a call waits for.
pub(super) enum Errand {
    /// To call.
    Ask(Box<CallTrap>),
    /// The answer, which will be on the stack.
    Wait,
}

/// A call of such a contract.
pub(super) fn enter<H: Backend>(
    (fork, scheme): (Fork, CallScheme),
    contract: Address,
    input: Input,
    mut state: FrameState<'static>,
    host: &mut H,
) -> InvokerControl<Frame, FrameState<'static>> {
    let Context { caller, apparent_value, address } = state.runtime.context.clone();
    let is_direct = matches!(scheme, CallScheme::Call | CallScheme::StaticCall) && address == contract;
    let is_plain = scheme == CallScheme::Call && is_direct && !state.gasometer.is_static;
    let (value, input) = (apparent_value, input.bytes());
    let call = system::Call { contract, caller, value, input, is_plain, is_direct };
    let (result, retval) = match system::call(&call, &mut state, host) {
        Ok(Answer::Asks { contract, input }) => {
            let mut frame = Frame::new(fork, Rc::new(Code::default()), Input::Owned(Vec::new()), state);
            frame.errand = Some(Errand::Ask(Box::new(question(contract, input))));
            return InvokerControl::Enter(frame);
        }
        Ok(Answer::Done) => (ExitSucceed::Returned.into(), Vec::new()),
        Ok(Answer::Returns(output)) => (ExitSucceed::Returned.into(), output),
        Err(Failure::Reverted(reason)) => (Err(ExitError::Reverted), system::error(reason)),
        Err(Failure::Exit(error)) => (Err(error), Vec::new()),
    };
    InvokerControl::DirectExit(InvokerExit { result, substate: Some(state), retval })
}

/// All gas but a 64th (EIP-150) goes with it; what it returns is of no interest.
fn question(contract: Address, input: Vec<u8>) -> CallTrap {
    CallTrap {
        target: contract,
        transfer: None,
        input,
        gas: U256::MAX,
        is_static: false,
        out_offset: U256::zero(),
        out_len: U256::zero(),
        context: Context { address: contract, caller: PROXY_CALLER, apparent_value: U256::zero() },
        scheme: CallScheme::Call,
    }
}

impl Frame {
    /// The next step of a bridge that asks a contract.
    pub(super) fn run_errand<H: Backend>(
        &mut self,
        errand: Errand,
        host: &mut H,
    ) -> Capture<ExitResult, CallCreateTrap> {
        if host.has_failed() {
            return Capture::Exit(READ_FAILED.into());
        }
        match errand {
            Errand::Ask(call) => {
                self.errand = Some(Errand::Wait);
                Capture::Trap(Box::new(CallCreateTrap::Call(*call)))
            }
            Errand::Wait => match self.machine.stack.pop() {
                Ok(answer) if !answer.is_zero() => {
                    let unlocked = host.set_transient_storage(FA_BRIDGE, LOCK, H256::zero());
                    Capture::Exit(unlocked.map(|()| ExitSucceed::Returned))
                }
                Ok(_) => {
                    self.machine.retval = system::error("Proxy withdraw failed");
                    Capture::Exit(Err(ExitError::Reverted))
                }
                Err(error) => Capture::Exit(Err(error.into())),
            },
        }
    }
}

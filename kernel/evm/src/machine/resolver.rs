//! What a call or a creation runs: a precompile, nothing, or a frame.

use super::bridge;
use super::host::Backend;
use super::input::Input;
use super::interpreter::Frame;
use crate::precompile;
use crate::state::Code;
use crate::system;
use alloc::rc::Rc;
use alloc::vec::Vec;
use evm::interpreter::trap::CallScheme;
use evm::interpreter::{ExitError, ExitException, ExitSucceed};
use evm::standard::{Resolver as ResolverTrait, ResolverOrigin, State as FrameState};
use evm::{GasMutState, InvokerControl, InvokerExit};
use millrace_primitives::{Fork, H160, U256};

/// Finds code through the host, and precompiles by address.
pub(crate) struct Resolver {
    pub(crate) fork: Fork,
}

type Resolved = Result<InvokerControl<Frame, FrameState<'static>>, ExitError>;

impl<H: Backend> ResolverTrait<H> for Resolver {
    type State = FrameState<'static>;
    type Interpreter = Frame;

    fn resolve_call(
        &self,
        _origin: ResolverOrigin,
        scheme: CallScheme,
        code_address: H160,
        input: Vec<u8>,
        state: FrameState<'static>,
        host: &mut H,
    ) -> Resolved {
        let input = host.passed_on().take().unwrap_or(Input::Owned(input));
        if precompile::is_precompile(self.fork, code_address) {
            let exit = run_precompile(self.fork, code_address, input.bytes(), state);
            return Ok(InvokerControl::DirectExit(exit));
        }
        if system::is_system(code_address) {
            return Ok(bridge::enter((self.fork, scheme), code_address, input, state, host));
        }
        let code = code_to_run(self.fork, code_address, host);
        if code.bytes().is_empty() {
            return Ok(InvokerControl::DirectExit(InvokerExit {
                result: ExitSucceed::Stopped.into(),
                substate: Some(state),
                retval: Vec::new(),
            }));
        }
        Ok(InvokerControl::Enter(Frame::new(self.fork, code, input, state)))
    }

    fn resolve_create(
        &self,
        _origin: ResolverOrigin,
        init_code: Vec<u8>,
        state: FrameState<'static>,
        _host: &mut H,
    ) -> Resolved {
        let code = Rc::new(Code::new(init_code));
        Ok(InvokerControl::Enter(Frame::new(self.fork, code, Input::Owned(Vec::new()), state)))
    }
}

/// The code at an address; that of another account where this one delegates to it, but no further (EIP-7702). A
/// delegation to a precompile runs nothing.
fn code_to_run<H: Backend>(fork: Fork, address: H160, host: &H) -> Rc<Code> {
    let code = host.code_of(address);
    match code.delegate() {
        Some(delegate) if fork >= Fork::Prague => host.code_of(delegate),
        _ => code,
    }
}

fn run_precompile(
    fork: Fork,
    address: H160,
    input: &[u8],
    mut state: FrameState<'static>,
) -> InvokerExit<FrameState<'static>> {
    use evm::interpreter::runtime::GasState;
    let gas = u64::try_from(state.gas()).unwrap_or(u64::MAX);
    let (result, retval) = match precompile::run(fork, address, input, gas) {
        Ok(output) => match state.record_gas(U256::from(output.gas)) {
            Ok(()) => (ExitSucceed::Returned.into(), output.bytes),
            Err(error) => (Err(error), Vec::new()),
        },
        Err(precompile::Failure::OutOfGas) => (Err(ExitException::OutOfGas.into()), Vec::new()),
        Err(precompile::Failure::BadInput) => {
            (Err(ExitException::Other("precompile input".into()).into()), Vec::new())
        }
    };
    InvokerExit { result, substate: Some(state), retval }
}

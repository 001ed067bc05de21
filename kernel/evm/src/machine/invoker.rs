//! The outermost call of a transaction. Validity, fees and nonces are settled around the engine
//! (`execute`), so this one only runs; calls and creations inside are left to the standard invoker.

use super::host::Backend;
use super::input::Input;
use super::interpreter::Frame;
use super::resolver::Resolver;
use super::watch;
use crate::fork;
use crate::trace::Tracer;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::convert::Infallible;
use evm::interpreter::runtime::{Context, RuntimeState, SetCodeOrigin, TransactionContext, Transfer};
use evm::interpreter::trap::{CallCreateTrap, CallScheme};
use evm::interpreter::{Capture, ExitError, ExitSucceed};
use evm::standard::{
    GasometerState, Invoker as StandardInvoker, InvokerState, ResolverOrigin, State as FrameState,
    SubstackInvoke, routines,
};
use evm::{Invoker as InvokerTrait, InvokerControl, InvokerExit, MergeStrategy};
use millrace_primitives::{Address, U256};

/// Frames up to this depth live on the stack of the machine, where they are faster; deeper ones on the heap,
/// so that a call depth of 1,024 takes no more stack than one of this.
pub(crate) const STACK_DEPTH: usize = 4;

/// What the outermost call needs.
pub(crate) struct Message {
    pub(crate) caller: Address,
    /// The account called, or the one to be created.
    pub(crate) address: Address,
    pub(crate) creates: bool,
    pub(crate) value: U256,
    /// Call data or initialisation code.
    pub(crate) input: Vec<u8>,
    /// Gas for the execution, of which `intrinsic_gas` is spent already.
    pub(crate) gas_limit: u64,
    pub(crate) intrinsic_gas: u64,
    pub(crate) gas_price: U256,
}

/// How the outermost call ended.
pub(crate) struct Ended {
    pub(crate) result: Result<ExitSucceed, ExitError>,
    /// Returned or reverted with.
    pub(crate) output: Vec<u8>,
    /// Gas used, less what was refunded.
    pub(crate) gas_used: u64,
    /// Gas used, before refunds.
    pub(crate) gas_spent: u64,
}

/// What must be remembered from the beginning of the outermost call to its end.
pub(crate) struct Outermost {
    creates: Option<Address>,
    gas_limit: u64,
}

/// The invoker of the rollup.
pub(crate) struct Invoker<'a> {
    inner: StandardInvoker<'static, 'a, Resolver>,
    resolver: &'a Resolver,
}

impl<'a> Invoker<'a> {
    pub(crate) const fn new(resolver: &'a Resolver) -> Self {
        Self { inner: StandardInvoker::new(resolver), resolver }
    }
}

impl<H: Backend> InvokerTrait<H> for Invoker<'_> {
    type State = FrameState<'static>;
    type Interpreter = Frame;
    type Interrupt = Infallible;
    type TransactArgs = Message;
    type TransactInvoke = Outermost;
    type TransactValue = Ended;
    type SubstackInvoke = SubstackInvoke;

    fn new_transact(
        &self,
        message: Message,
        host: &mut H,
    ) -> Result<(Outermost, InvokerControl<Frame, FrameState<'static>>), ExitError> {
        let Message { caller, address, creates, value, input, .. } = message;
        let runtime = RuntimeState {
            context: Context { address, caller, apparent_value: value },
            transaction_context: Rc::new(TransactionContext { gas_price: message.gas_price, origin: caller }),
            retbuf: Vec::new(),
        };
        let mut gasometer = GasometerState::new(message.gas_limit, false);
        gasometer.record_gas64(message.intrinsic_gas)?;
        let state = FrameState { runtime, gasometer, config: fork::config(self.resolver.fork) };
        let transfer = Transfer { source: caller, target: address, value };
        let origin = ResolverOrigin::Transaction;
        if H::Tracer::IS_ON {
            let gas = state.gasometer.gas64();
            host.tracer().enter(&watch::outermost((caller, address, value), creates, gas, &input));
        }
        host.push_substate();
        let control = if creates {
            routines::make_enter_create_machine(origin, self.resolver, caller, input, transfer, state, host)?
        } else {
            let (scheme, transfer) = (CallScheme::Call, Some(transfer));
            routines::make_enter_call_machine(
                origin,
                self.resolver,
                scheme,
                address,
                input,
                transfer,
                state,
                host,
            )?
        };
        Ok((Outermost { creates: creates.then_some(address), gas_limit: message.gas_limit }, control))
    }

    fn finalize_transact(
        &self,
        outermost: &Outermost,
        exit: InvokerExit<FrameState<'static>>,
        host: &mut H,
    ) -> Result<Ended, ExitError> {
        let InvokerExit { mut result, mut substate, retval } = exit;
        let mut output = retval;
        let mut deployed = Vec::new();
        if let (Ok(_), Some(address), Some(state)) = (&result, outermost.creates, substate.as_mut()) {
            let code = core::mem::take(&mut output);
            if H::Tracer::IS_ON {
                deployed.clone_from(&code);
            }
            let origin = SetCodeOrigin::Transaction;
            if let Err(error) = routines::deploy_create_code(address, code, state, host, origin) {
                result = Err(error);
            }
        }
        let strategy = match &result {
            Ok(_) => MergeStrategy::Commit,
            Err(ExitError::Reverted) => MergeStrategy::Revert,
            Err(_) => MergeStrategy::Discard,
        };
        host.pop_substate(strategy)?;
        let used = |with_refund| {
            let left = substate
                .as_ref()
                .map_or(0, |state| u64::try_from(state.effective_gas(with_refund)).unwrap_or(0));
            outermost.gas_limit.saturating_sub(left)
        };
        let (gas_used, gas_spent) = match &result {
            Ok(_) => (used(true), used(false)),
            Err(ExitError::Reverted) => (used(false), used(false)),
            Err(_) => (outermost.gas_limit, outermost.gas_limit),
        };
        if H::Tracer::IS_ON {
            let output = if outermost.creates.is_some() && result.is_ok() { &deployed } else { &output };
            let gas_left = outermost.gas_limit.saturating_sub(gas_spent);
            host.tracer().exit(&watch::exit(&result, output, gas_left));
        }
        Ok(Ended { result, output, gas_used, gas_spent })
    }

    fn enter_substack(
        &self,
        trap: CallCreateTrap,
        parent: &mut Frame,
        host: &mut H,
        depth: usize,
    ) -> Capture<Result<(SubstackInvoke, InvokerControl<Frame, FrameState<'static>>), ExitError>, Infallible>
    {
        let input = parent.lend();
        if H::Tracer::IS_ON {
            watch::enter(&trap, input.as_ref().map(Input::bytes), parent, host);
        }
        *host.passed_on() = input;
        let entered = self.inner.enter_substack(trap, parent, host, depth);
        // A call that fails before it runs leaves it.
        *host.passed_on() = None;
        if H::Tracer::IS_ON
            && let Capture::Exit(Err(error)) = &entered
        {
            host.tracer().exit(&watch::exit(&Err(error.clone()), &[], 0));
        }
        entered
    }

    fn exit_substack(
        &self,
        invoke: SubstackInvoke,
        exit: InvokerExit<FrameState<'static>>,
        parent: &mut Frame,
        host: &mut H,
    ) -> Result<(), ExitError> {
        parent.take_back();
        if H::Tracer::IS_ON {
            let ending = watch::Ending::of(&invoke, &exit, parent);
            let result = self.inner.exit_substack(invoke, exit, parent, host);
            ending.tell(parent, host);
            return result;
        }
        self.inner.exit_substack(invoke, exit, parent, host)
    }
}

//! Watching an execution: what a [`Tracer`] is told, in the order in which it happens.
//!
//! A traced execution does what an untraced one does. [`NoTracer`] watches nothing and costs nothing: whether a
//! tracer [`is on`](Tracer::IS_ON) is known when the engine is compiled, and all that the kernel compiles is off.
//!
//! Each frame is an [`Enter`] and an [`Exit`] around everything that happens in it, the outermost included; also a call
//! that fails before it runs, for its depth or for lack of funds. In a frame each opcode is a [`Step`] and a
//! [`StepEnd`]; what a call opcode calls comes after its own end.

use crate::execute::Halt;
use evm::interpreter::Machine;
use evm::standard::State as FrameState;
use millrace_primitives::{Address, Log, U256};

/// Watches an execution. What it does not care about it leaves out.
pub trait Tracer {
    /// False only in [`NoTracer`].
    const IS_ON: bool = true;

    /// A frame begins.
    fn enter(&mut self, _enter: &Enter<'_>) {}

    /// The innermost frame ends.
    fn exit(&mut self, _exit: &Exit<'_>) {}

    /// The innermost frame is about to run an opcode.
    fn step(&mut self, _step: &Step<'_>) {}

    /// It ran the opcode.
    fn step_end(&mut self, _end: &StepEnd) {}

    /// The innermost frame emits a log. It is undone with the frame.
    fn log(&mut self, _log: &Log) {}

    /// The innermost frame destroys itself.
    fn self_destruct(&mut self, _end: &SelfDestruct) {}

    /// Asked after each opcode: false stops the execution, whose outcome means nothing then.
    fn goes_on(&self) -> bool {
        true
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoTracer;

impl Tracer for NoTracer {
    const IS_ON: bool = false;
}

impl<T: Tracer + ?Sized> Tracer for &mut T {
    const IS_ON: bool = T::IS_ON;

    fn enter(&mut self, enter: &Enter<'_>) {
        (**self).enter(enter);
    }

    fn exit(&mut self, exit: &Exit<'_>) {
        (**self).exit(exit);
    }

    fn step(&mut self, step: &Step<'_>) {
        (**self).step(step);
    }

    fn step_end(&mut self, end: &StepEnd) {
        (**self).step_end(end);
    }

    fn log(&mut self, log: &Log) {
        (**self).log(log);
    }

    fn self_destruct(&mut self, end: &SelfDestruct) {
        (**self).self_destruct(end);
    }

    fn goes_on(&self) -> bool {
        (**self).goes_on()
    }
}

/// How a frame came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// By `CALL`, or as the outermost call.
    Call,
    /// By `CALLCODE`.
    CallCode,
    /// By `DELEGATECALL`.
    DelegateCall,
    /// By `STATICCALL`.
    StaticCall,
    /// By `CREATE`, or as the outermost creation.
    Create,
    /// By `CREATE2`.
    Create2,
}

impl Scheme {
    /// Whether a contract is made.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Create2)
    }
}

/// A frame begins.
#[derive(Clone, Copy, Debug)]
pub struct Enter<'a> {
    /// How.
    pub scheme: Scheme,
    /// The account that calls: the one whose storage its frame works on.
    pub caller: Address,
    /// Whose code runs, or the account that is created.
    pub target: Address,
    /// In wei: what is transferred, or what a `DELEGATECALL` takes over from its caller. A `STATICCALL` has none.
    pub value: Option<U256>,
    /// Gas that it may use: without what the outermost call spent before its first opcode, with the stipend.
    pub gas: u64,
    /// Call data or initialisation code.
    pub input: &'a [u8],
}

/// A frame ends.
#[derive(Clone, Copy, Debug)]
pub struct Exit<'a> {
    /// Of the gas that it entered with.
    pub gas_left: u64,
    /// What it returned or reverted with; the code of a contract that was created.
    pub output: &'a [u8],
    /// Why it failed, when it did.
    pub halt: Option<Halt>,
}

/// An opcode that is about to run, and the frame that it finds.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Index of the opcode in the code.
    pub position: u64,
    /// The opcode; `STOP` beyond the end of the code.
    pub opcode: u8,
    /// Gas left before it.
    pub gas: u64,
    /// The account whose storage the frame works on.
    pub address: Address,
    pub(crate) machine: &'a Machine<FrameState<'static>>,
}

impl Step<'_> {
    /// Number of words on the stack.
    pub fn stack_size(&self) -> usize {
        self.machine.stack.len()
    }

    /// The word of the stack so far below its top, if there is one.
    pub fn peek(&self, below_top: usize) -> Option<U256> {
        self.machine.stack.peek(below_top).ok()
    }

    /// The memory of the frame.
    pub fn memory(&self) -> &[u8] {
        self.machine.memory.data()
    }

    /// What the last call of the frame returned.
    pub fn return_data(&self) -> &[u8] {
        &self.machine.state.runtime.retbuf
    }
}

/// An opcode has run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepEnd {
    /// Gas that it took, with what a call hands on but for the stipend; zero when it failed, which takes all there is.
    pub gas_cost: u64,
    /// The top of the stack after it, if there is one.
    pub top: Option<U256>,
    /// Why it failed, when it did; a `REVERT` does not fail.
    pub halt: Option<Halt>,
}

/// A frame destroys itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelfDestruct {
    /// The contract.
    pub contract: Address,
    /// Who receives its balance.
    pub beneficiary: Address,
    /// Its balance in wei.
    pub balance: U256,
}

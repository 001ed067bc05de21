//! What a trace of an execution is, as plain values: between the engine, which records it, and the JSON-RPC, which
//! shows it in the forms of go-ethereum.
//!
//! **Bounds**: whoever records counts bytes and gives up ([`RECORD_BYTES_MAX`]); calls are a flat list, so that no depth
//! of calls is a depth of stack. **Deliberately unknown**: executions, JSON.

mod opcode;

pub use opcode::opcode_name;

use millrace_primitives::{Address, Gas, H256, U256};
use std::collections::BTreeMap;

/// About as much memory as the record of one execution may take, in bytes: its JSON is two to three times as large.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// What to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// Each opcode.
    Steps(StepOptions),
    /// The tree of calls.
    Calls(CallOptions),
    /// What is read and written of the state.
    Prestate(PrestateOptions),
}

/// What of each opcode to record: by default its stack, and the storage where it works on that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StepOptions {
    /// Without stacks.
    pub no_stack: bool,
    /// Without storage.
    pub no_storage: bool,
    /// With the memory.
    pub memory: bool,
    /// With what the last call returned.
    pub return_data: bool,
    /// At most so many opcodes, the rest is left out; zero for all.
    pub limit: u64,
}

/// What of the calls to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallOptions {
    /// Only the outermost.
    pub only_top: bool,
    /// With logs.
    pub logs: bool,
}

/// What of the state to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PrestateOptions {
    /// What changed, before and after; otherwise what was touched, before.
    pub diff: bool,
    /// Without codes.
    pub no_code: bool,
    /// Without storage.
    pub no_storage: bool,
}

/// What was recorded, by what was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trace {
    /// Of [`Watch::Steps`].
    Steps(Steps),
    /// Of [`Watch::Calls`]: every frame behind the one that called it. Never empty.
    Calls(Vec<Frame>),
    /// Of [`Watch::Prestate`].
    Prestate(Prestate),
}

/// The opcodes of an execution.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Steps {
    /// Gas used, as in the receipt.
    pub gas: Gas,
    /// Whether it reverted or was halted.
    pub failed: bool,
    /// What it returned or reverted with.
    pub output: Vec<u8>,
    /// In the order in which they ran.
    pub steps: Vec<Step>,
}

/// One opcode, and the frame as it found it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Index in the code.
    pub position: u64,
    /// The opcode.
    pub opcode: u8,
    /// Gas left before it.
    pub gas: u64,
    /// Gas that it took, with what a call hands on.
    pub gas_cost: u64,
    /// Depth of the frame, from 1.
    pub depth: u32,
    /// Why it failed, when it did.
    pub error: Option<String>,
    /// From the bottom to the top.
    pub stack: Option<Vec<U256>>,
    /// Whole.
    pub memory: Option<Vec<u8>>,
    /// What the last call returned.
    pub return_data: Option<Vec<u8>>,
    /// Every slot of the account that was read or written so far, at an opcode that reads or writes one.
    pub storage: Option<BTreeMap<H256, H256>>,
}

/// How a frame came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// `CALL`, or the outermost call.
    Call,
    /// `CALLCODE`.
    CallCode,
    /// `DELEGATECALL`.
    DelegateCall,
    /// `STATICCALL`.
    StaticCall,
    /// `CREATE`, or the outermost creation.
    Create,
    /// `CREATE2`.
    Create2,
    /// `SELFDESTRUCT`: no frame, but shown like one.
    SelfDestruct,
}

impl FrameKind {
    /// The name of the opcode.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::CallCode => "CALLCODE",
            Self::DelegateCall => "DELEGATECALL",
            Self::StaticCall => "STATICCALL",
            Self::Create => "CREATE",
            Self::Create2 => "CREATE2",
            Self::SelfDestruct => "SELFDESTRUCT",
        }
    }

    /// Whether a contract is made.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Create2)
    }
}

/// A call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// How many calls it is in: zero for the outermost.
    pub depth: u32,
    /// How it came to be.
    pub kind: FrameKind,
    /// Who called.
    pub from: Address,
    /// Whose code ran, or what was created; `None` when nothing was.
    pub to: Option<Address>,
    /// In wei; a `STATICCALL` has none.
    pub value: Option<U256>,
    /// That it might use. Of the outermost: the gas limit.
    pub gas: u64,
    /// That it used. Of the outermost: as in the receipt.
    pub gas_used: u64,
    /// Call data or initialisation code.
    pub input: Vec<u8>,
    /// What it returned or reverted with; the code that was deployed.
    pub output: Vec<u8>,
    /// Why it failed, when it did.
    pub error: Option<String>,
    /// Those it emitted; none when it or one that called it failed.
    pub logs: Vec<FrameLog>,
}

/// A log of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrameLog {
    /// Who emitted it.
    pub address: Address,
    /// At most four.
    pub topics: Vec<H256>,
    /// Of any size.
    pub data: Vec<u8>,
    /// How many calls of the frame came before it.
    pub position: u32,
}

/// What an execution read and wrote of the state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prestate {
    /// As it was before.
    pub before: BTreeMap<Address, AccountState>,
    /// As it was after; only where differences were asked for.
    pub after: Option<BTreeMap<Address, AccountState>>,
}

/// What is told of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountState {
    /// In wei.
    pub balance: Option<U256>,
    /// Transactions sent.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Vec<u8>>,
    /// Slots.
    pub storage: BTreeMap<H256, H256>,
}

/// Accounts and slots of a transaction that are warm from the beginning (EIP-2930).
pub type AccessList = Vec<(Address, Vec<H256>)>;

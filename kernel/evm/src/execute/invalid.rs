//! Why a transaction may not be in a block, and why a valid one failed.

use evm::interpreter::{ExitError, ExitException};
use millrace_primitives::U256;

/// The first rule that a transaction breaks. All are checked before it is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// It was signed for another chain.
    WrongChainId,
    /// An earlier transaction of the sender has this nonce already.
    NonceTooLow {
        /// What the state says.
        expected: u64,
    },
    /// A transaction of the sender is missing before this one.
    NonceTooHigh {
        /// What the state says.
        expected: u64,
    },
    /// The nonce of the sender is 2^64 - 1 (EIP-2681).
    NonceMax,
    /// The tip is more than the whole (EIP-1559).
    TipAboveFeeCap,
    /// It pays less for gas than the block asks.
    FeeCapBelowBaseFee {
        /// Of the block.
        base_fee: U256,
    },
    /// Its value and the most it may pay for gas are more than the sender has.
    InsufficientFunds {
        /// In wei.
        needed: U256,
        /// In wei.
        available: U256,
    },
    /// What it may cost does not fit 256 bits.
    CostOverflow,
    /// The gas limit is above that of a block.
    GasLimitAboveBlock,
    /// The gas limit is above that of a transaction (EIP-7825).
    GasLimitAboveCap,
    /// The gas limit does not cover data availability and the intrinsic gas together.
    GasLimitTooLow {
        /// What would cover them.
        needed: u64,
    },
    /// The intrinsic gas alone is above what an execution may use.
    IntrinsicGasAboveCap,
    /// The sender has code (EIP-3607).
    SenderHasCode,
    /// The initialisation code is too long (EIP-3860).
    InitcodeTooLarge,
    /// Its type belongs to a later fork.
    TypeNotInFork,
    /// It sets code and creates a contract (EIP-7702).
    SetCodeCreates,
    /// It sets code and authorizes nothing (EIP-7702).
    NoAuthorizations,
}

/// Why an execution failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// By its own will; the output says why.
    Reverted,
    /// The gas did not suffice.
    OutOfGas,
    /// An opcode that does not exist in the fork, or that may not run in a static call.
    InvalidOpcode(u8),
    /// An opcode found too little on the stack.
    StackUnderflow,
    /// More than 1,024 words on the stack.
    StackOverflow,
    /// A jump to where there is no `JUMPDEST`.
    InvalidJump,
    /// Return data was read beyond its end, or memory beyond any bound.
    OutOfBounds,
    /// A transfer of more than there is.
    InsufficientBalance,
    /// More than 1,024 calls deep.
    CallTooDeep,
    /// There was a contract already where one was to be created.
    CreateCollision,
    /// The code to deploy, or the code that makes it, is too long (EIP-170, EIP-3860).
    CodeTooLarge,
    /// A nonce would pass 2^64 - 1 (EIP-2681).
    NonceMax,
    /// A precompile refused its input.
    Precompile,
    /// The engine stopped for a reason of its own. It should not happen.
    Internal,
}

impl From<ExitError> for Halt {
    fn from(error: ExitError) -> Self {
        match error {
            ExitError::Reverted => Self::Reverted,
            ExitError::Exception(exception) => Self::from(exception),
            ExitError::Fatal(_) => Self::Internal,
        }
    }
}

impl From<ExitException> for Halt {
    fn from(exception: ExitException) -> Self {
        match exception {
            ExitException::StackUnderflow => Self::StackUnderflow,
            ExitException::StackOverflow => Self::StackOverflow,
            ExitException::InvalidJump => Self::InvalidJump,
            ExitException::InvalidRange | ExitException::OutOfOffset => Self::OutOfBounds,
            ExitException::DesignatedInvalid => Self::InvalidOpcode(0xfe),
            ExitException::InvalidOpcode(opcode) => Self::InvalidOpcode(opcode.as_u8()),
            ExitException::CallTooDeep => Self::CallTooDeep,
            ExitException::CreateCollision => Self::CreateCollision,
            ExitException::CreateContractLimit => Self::CodeTooLarge,
            ExitException::OutOfGas => Self::OutOfGas,
            ExitException::OutOfFund => Self::InsufficientBalance,
            ExitException::MaxNonce => Self::NonceMax,
            ExitException::Other(_) => Self::Precompile,
            _ => Self::Internal,
        }
    }
}

//! Why a blueprint or a transaction was dropped. The codes are stable: the node reads them in events.

use millrace_evm::{execute::Invalid, transaction::DecodeError};

/// Declares faults with their stable codes.
macro_rules! faults {
    ($(#[$about:meta])* $faults:ident: $($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum $faults {
            $($(#[$doc])* $name = $code,)*
        }

        impl $faults {
            /// The fault with this code.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The stable code.
            pub const fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

faults! {
    /// What is wrong with a blueprint whose signature is right.
    BlueprintFault:
    /// Its pieces do not make up the payload that the header commits to.
    Payload = 1;
    /// Its number is not the next one.
    Number = 2;
    /// Its parent is not the head.
    Parent = 3;
    /// It is older than the head.
    TimestampBeforeParent = 4;
    /// It is too far ahead of the layer 1.
    TimestampAhead = 5;
    /// It names a delayed item that does not wait.
    UnknownDelayedItem = 6;
    /// It names a delayed item twice.
    RepeatedDelayedItem = 7;
    /// The run that executed it trapped.
    Trapped = 8;
    /// Its delayed items and its payload together are larger than a blueprint may be.
    TooLarge = 9;
}

faults! {
    /// What is wrong with a transaction of a valid blueprint.
    TransactionFault:
    /// Its bytes are no transaction of a known type.
    Undecodable = 1;
    /// No key made its signature.
    Signature = 2;
    /// It is for another chain.
    ChainId = 3;
    /// Its nonce was used.
    NonceTooLow = 4;
    /// A nonce before it is missing.
    NonceTooHigh = 5;
    /// The sender cannot pay.
    Funds = 6;
    /// It offers less than the base fee.
    FeeCap = 7;
    /// Its gas limit does not cover what is charged before execution.
    IntrinsicGas = 8;
    /// The sender is a contract.
    SenderHasCode = 9;
    /// The block has no execution gas left for its limit.
    BlockFull = 10;
    /// Another rule of Ethereum forbids it.
    Rule = 11;
    /// Executing it made the kernel trap.
    Trapped = 12;
    /// Something in durable storage that it needs is damaged.
    Unreadable = 13;
}

impl TransactionFault {
    /// Whether the same transaction may be valid in a later block, through no act of its sender's own that undoes
    /// it: the base fee falls, funds arrive, the nonce before it is used, an upgrade mends the storage.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::FeeCap | Self::Funds | Self::NonceTooHigh | Self::BlockFull | Self::Unreadable)
    }
}

impl From<&DecodeError> for TransactionFault {
    fn from(error: &DecodeError) -> Self {
        match error {
            DecodeError::WrongChainId(_) => Self::ChainId,
            _ => Self::Undecodable,
        }
    }
}

impl From<&Invalid> for TransactionFault {
    fn from(invalid: &Invalid) -> Self {
        match invalid {
            Invalid::WrongChainId => Self::ChainId,
            Invalid::NonceTooLow { .. } => Self::NonceTooLow,
            Invalid::NonceTooHigh { .. } => Self::NonceTooHigh,
            Invalid::InsufficientFunds { .. } => Self::Funds,
            Invalid::FeeCapBelowBaseFee { .. } => Self::FeeCap,
            Invalid::GasLimitTooLow { .. } => Self::IntrinsicGas,
            Invalid::SenderHasCode => Self::SenderHasCode,
            _ => Self::Rule,
        }
    }
}

//! Why a blueprint or a transaction was dropped. The codes are stable: the node reads them in events.

/// What is wrong with a blueprint whose signature is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BlueprintFault {
    /// Its pieces do not make up the payload that the header commits to.
    Payload = 1,
    /// Its number is not the next one.
    Number = 2,
    /// Its parent is not the head.
    Parent = 3,
    /// It is older than the head.
    TimestampBeforeParent = 4,
    /// It is too far ahead of the layer 1.
    TimestampAhead = 5,
    /// It names a delayed item that does not wait.
    UnknownDelayedItem = 6,
    /// It names a delayed item twice.
    RepeatedDelayedItem = 7,
    /// The run that executed it trapped.
    Trapped = 8,
}

impl BlueprintFault {
    /// The stable code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What is wrong with a transaction of a valid blueprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TransactionFault {
    /// Its bytes are no transaction of a known type.
    Undecodable = 1,
    /// No key made its signature.
    Signature = 2,
    /// It is for another chain.
    ChainId = 3,
    /// Its nonce was used.
    NonceTooLow = 4,
    /// A nonce before it is missing.
    NonceTooHigh = 5,
    /// The sender cannot pay.
    Funds = 6,
    /// It offers less than the base fee.
    FeeCap = 7,
    /// Its gas limit does not cover what is charged before execution.
    IntrinsicGas = 8,
    /// The sender is a contract.
    SenderHasCode = 9,
    /// The block has no execution gas left for its limit.
    BlockFull = 10,
    /// Another rule of Ethereum forbids it.
    Rule = 11,
}

impl TransactionFault {
    /// The stable code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

//! The error codes of the PVM.

use core::fmt;

/// A host call that was refused. The codes are those of the Octez WASM PVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// −1: the key is longer than [`crate::limits::KEY_BYTES_MAX`].
    KeyTooLarge,
    /// −2: the key is not a path.
    InvalidKey,
    /// −3: there is no value at this key.
    NotAValue,
    /// −4: the offset is outside the value.
    InvalidAccess,
    /// −5: the value would pass 2^31 − 1 bytes.
    ValueSizeExceeded,
    /// −6: a pointer is outside the memory of the kernel.
    MemoryInvalidAccess,
    /// −7: more bytes than one host call moves.
    InputOutputTooLarge,
    /// −8: an argument makes no sense.
    GenericInvalidAccess,
    /// −9: the key is under `/readonly`.
    ReadOnly,
    /// −10: there is neither value nor subtree at this key.
    NotANode,
    /// −11: the outbox of this level is full.
    OutboxFull,
    /// −12: no child has this index.
    BadChildIndex,
    /// −13: there is a value already.
    AlreadyExists,
    /// Any other code.
    Other(i32),
}

impl HostError {
    /// The error behind a negative result of a host call.
    pub const fn from_code(code: i32) -> Self {
        match code {
            -1 => Self::KeyTooLarge,
            -2 => Self::InvalidKey,
            -3 => Self::NotAValue,
            -4 => Self::InvalidAccess,
            -5 => Self::ValueSizeExceeded,
            -6 => Self::MemoryInvalidAccess,
            -7 => Self::InputOutputTooLarge,
            -8 => Self::GenericInvalidAccess,
            -9 => Self::ReadOnly,
            -10 => Self::NotANode,
            -11 => Self::OutboxFull,
            -12 => Self::BadChildIndex,
            -13 => Self::AlreadyExists,
            other => Self::Other(other),
        }
    }

    /// The code that the PVM gives for this error.
    pub const fn code(self) -> i32 {
        match self {
            Self::KeyTooLarge => -1,
            Self::InvalidKey => -2,
            Self::NotAValue => -3,
            Self::InvalidAccess => -4,
            Self::ValueSizeExceeded => -5,
            Self::MemoryInvalidAccess => -6,
            Self::InputOutputTooLarge => -7,
            Self::GenericInvalidAccess => -8,
            Self::ReadOnly => -9,
            Self::NotANode => -10,
            Self::OutboxFull => -11,
            Self::BadChildIndex => -12,
            Self::AlreadyExists => -13,
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host call refused: {self:?} ({})", self.code())
    }
}

impl core::error::Error for HostError {}

//! Keys of the durable storage and the codes of refused operations.

/// Bytes of the longest key.
pub const KEY_BYTES_MAX: usize = 240;

/// Why a host function refused: the negative number that the kernel gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(i32)]
pub enum ErrorCode {
    /// The key is longer than [`KEY_BYTES_MAX`].
    #[error("key too large")]
    KeyTooLarge = -1,
    /// The key is not `/step/step…` with steps of `[A-Za-z0-9._-]`.
    #[error("invalid key")]
    InvalidKey = -2,
    /// There is no value at this key.
    #[error("not a value")]
    NotAValue = -3,
    /// The offset is outside the value.
    #[error("access outside the value")]
    InvalidAccess = -4,
    /// The value would be larger than [`super::VALUE_BYTES_MAX`].
    #[error("value size exceeded")]
    ValueSizeExceeded = -5,
    /// A pointer is outside the memory of the kernel.
    #[error("memory access out of bounds")]
    MemoryInvalidAccess = -6,
    /// More bytes than one call moves.
    #[error("input or output too large")]
    InputOutputTooLarge = -7,
    /// An argument is negative that must not be.
    #[error("invalid argument")]
    GenericInvalidAccess = -8,
    /// The key is below `/readonly`, or the root.
    #[error("read-only")]
    ReadOnly = -9,
    /// There is neither value nor subtree at this key.
    #[error("not a node")]
    NotANode = -10,
    /// The outbox of this level is full.
    #[error("outbox full")]
    OutboxFull = -11,
    /// No child has this index.
    #[error("no child of this index")]
    BadChildIndex = -12,
    /// There is a value already.
    #[error("value already exists")]
    AlreadyExists = -13,
    /// The new durable storage is not enabled.
    #[error("new durable storage not enabled")]
    NdsNotEnabled = -16,
}

impl ErrorCode {
    /// The number.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

/// A well-formed key; the empty key is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a>(&'a str);

impl<'a> Key<'a> {
    /// The key of everything.
    pub const ROOT: Self = Self("");

    /// Checks the bytes of a key as the PVM does.
    ///
    /// # Errors
    /// [`ErrorCode::KeyTooLarge`], then [`ErrorCode::InvalidKey`].
    pub const fn parse(bytes: &'a [u8]) -> Result<Self, ErrorCode> {
        if bytes.len() > KEY_BYTES_MAX {
            return Err(ErrorCode::KeyTooLarge);
        }
        if !is_well_formed(bytes) {
            return Err(ErrorCode::InvalidKey);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self(text)),
            Err(_) => Err(ErrorCode::InvalidKey),
        }
    }

    /// A key whose form the caller vouches for, of any length: for callers that hold checked keys of
    /// their own type. A malformed one reaches names that no kernel can spell, nothing worse.
    pub const fn trusted(text: &'a str) -> Self {
        Self(text)
    }

    /// A constant: a bad one does not build when used in a `const`.
    #[allow(clippy::panic, reason = "evaluated by the compiler only")]
    pub const fn constant(text: &'a str) -> Self {
        match Self::parse(text.as_bytes()) {
            Ok(key) => key,
            Err(_) => panic!("not a durable key"),
        }
    }

    /// The text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether kernels may not write here: the root, `/readonly` and all below it.
    pub fn is_read_only(self) -> bool {
        match self.0.strip_prefix("/readonly") {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => self.0.is_empty(),
        }
    }

    pub(super) fn steps(self) -> impl Iterator<Item = &'a str> + Clone {
        self.0.split('/').skip(1)
    }
}

const fn is_well_formed(key: &[u8]) -> bool {
    if key.is_empty() {
        return true;
    }
    if key[0] != b'/' || key[key.len() - 1] == b'/' {
        return false;
    }
    let mut index = 1;
    while index < key.len() {
        match key[index] {
            b'/' if key[index - 1] == b'/' => return false,
            b'/' | b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => index += 1,
            _ => return false,
        }
    }
    true
}

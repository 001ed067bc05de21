//! The text forms of the layer 1: base58 with a prefix that says what it is and a checksum.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// The longest text that is looked at; decoding base58 takes quadratic time.
pub const TEXT_BYTES_MAX: usize = 128;

/// Why a text is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Longer than [`TEXT_BYTES_MAX`].
    TooLong,
    /// Not base58, or a checksum that does not match.
    Malformed,
    /// Sound, but something else: another prefix or another length.
    OtherKind,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "text too long",
            Self::Malformed => "not base58 with a matching checksum",
            Self::OtherKind => "base58 of something else",
        })
    }
}

impl core::error::Error for TextError {}

/// Something with a text form.
pub trait Base58Check: Sized {
    /// The text, such as `sr1…`, `KT1…`, `edpk…`.
    fn to_base58(&self) -> String;

    /// Reads the text.
    ///
    /// # Errors
    /// [`TextError`] says what is wrong with it.
    fn from_base58(text: &str) -> Result<Self, TextError>;
}

/// `prefix` and `payload` as text.
pub(crate) fn encode(prefix: &[u8], payload: &[u8]) -> String {
    bs58::encode([prefix, payload].concat()).with_check().into_string()
}

/// The bytes of `text`, prefix included, checksum excluded.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, TextError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TextError::TooLong);
    }
    bs58::decode(text).with_check(None).into_vec().map_err(|_| TextError::Malformed)
}

/// The `N` bytes behind `prefix` in `text`.
pub(crate) fn decode_array<const N: usize>(prefix: &[u8], text: &str) -> Result<[u8; N], TextError> {
    array_after(prefix, &decode(text)?).ok_or(TextError::OtherKind)
}

/// The `N` bytes behind `prefix`, if that is all of `bytes`.
pub(crate) fn array_after<const N: usize>(prefix: &[u8], bytes: &[u8]) -> Option<[u8; N]> {
    bytes.strip_prefix(prefix)?.try_into().ok()
}

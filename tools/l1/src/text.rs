//! The names of the layer 1 as text: base58 with a checksum, the first bytes telling what is named.

use blake2::digest::consts::{U20, U32};
use blake2::{Blake2b, Digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Longer texts are no names; decoding base58 takes quadratic time.
const TEXT_BYTES_MAX: usize = 128;

/// Prefixes that Octez gives to its base58 names.
mod prefix {
    /// `B…`, 51 characters.
    pub(super) const BLOCK: &[u8] = &[1, 52];
    /// `src1…`, 54 characters.
    pub(super) const COMMITMENT: &[u8] = &[17, 165, 134, 138];
    /// `srib1…`, 55 characters.
    pub(super) const INBOX: &[u8] = &[3, 255, 138, 145, 110];
    /// `srib2…`, 55 characters.
    pub(super) const INBOX_WITNESS: &[u8] = &[3, 255, 138, 145, 140];
    /// `o…`, 51 characters.
    pub(super) const OPERATION: &[u8] = &[5, 116];
    /// `srs1…`, 54 characters.
    pub(super) const STATE: &[u8] = &[17, 165, 235, 240];
    /// `scmsg…`, 55 characters.
    pub(super) const MESSAGE: &[u8] = &[3, 250, 179, 247, 196];
}

/// A text that is not the base58 name that was expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not {expected}: {text:?}")]
pub struct NotAName {
    /// What was expected, in words.
    pub expected: &'static str,
    /// The text, cut to its first 100 characters.
    pub text: String,
}

fn encode(prefix: &[u8], payload: &[u8]) -> String {
    bs58::encode([prefix, payload].concat()).with_check().into_string()
}

fn decode(prefix: &[u8], text: &str, expected: &'static str) -> Result<[u8; 32], NotAName> {
    let refused = || NotAName { expected, text: text.chars().take(100).collect() };
    if text.len() > TEXT_BYTES_MAX {
        return Err(refused());
    }
    let bytes = bs58::decode(text).with_check(None).into_vec().map_err(|_| refused())?;
    let payload = bytes.strip_prefix(prefix).ok_or_else(refused)?;
    payload.try_into().map_err(|_| refused())
}

/// Blake2b-256 of some bytes.
pub(crate) fn blake2b_256(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

/// Blake2b-160 of some bytes.
pub(crate) fn blake2b_160(bytes: &[u8]) -> [u8; 20] {
    Blake2b::<U20>::digest(bytes).into()
}

/// Declares a 32-byte name with its base58 form.
macro_rules! name32 {
    ($(#[$doc:meta])* $name:ident, $prefix:expr, $words:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps bare bytes: the caller states what they are.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode($prefix, &self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                decode($prefix, text, $words).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name32! {
    /// The hash of a block of the layer 1, shown as `B…`.
    L1BlockHash, prefix::BLOCK, "a block hash (B…)"
}
name32! {
    /// The name of a message in the batcher, shown as `scmsg…`.
    MessageId, prefix::MESSAGE, "a message id (scmsg…)"
}
name32! {
    /// The hash of a commitment, shown as `src1…`.
    CommitmentHash, prefix::COMMITMENT, "a commitment hash (src1…)"
}
name32! {
    /// The hash of a state of the PVM, shown as `srs1…`.
    StateHash, prefix::STATE, "a state hash (srs1…)"
}
name32! {
    /// The hash of an operation of the layer 1, shown as `o…`.
    OperationHash, prefix::OPERATION, "an operation hash (o…)"
}
name32! {
    /// The hash of an inbox, shown as `srib1…`.
    InboxHash, prefix::INBOX, "an inbox hash (srib1…)"
}
name32! {
    /// The hash of the messages of one level, shown as `srib2…`.
    InboxWitness, prefix::INBOX_WITNESS, "an inbox witness (srib2…)"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_first_letters_and_lengths_of_octez() {
        for filler in [0x00, 0x7f, 0xff] {
            let bytes = [filler; 32];
            let cases = [
                (L1BlockHash::new(bytes).to_string(), "B", 51),
                (MessageId::new(bytes).to_string(), "scmsg", 55),
                (CommitmentHash::new(bytes).to_string(), "src1", 54),
                (StateHash::new(bytes).to_string(), "srs1", 54),
                (OperationHash::new(bytes).to_string(), "o", 51),
                (InboxHash::new(bytes).to_string(), "srib1", 55),
                (InboxWitness::new(bytes).to_string(), "srib2", 55),
            ];
            for (text, start, length) in cases {
                assert!(text.starts_with(start), "{text}");
                assert_eq!(text.len(), length, "{text}");
            }
        }
    }

    #[test]
    fn names_are_read_back_and_damage_is_noticed() {
        let hash = L1BlockHash::new([7; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        let text = MessageId::new([7; 32]).to_string();
        assert!(text.parse::<L1BlockHash>().is_err(), "a message is no block");
        assert!(text.replace("scmsg", "scmsh").parse::<MessageId>().is_err());
        assert!("B".repeat(10_000).parse::<L1BlockHash>().is_err());
        let mut damaged = hash.to_string();
        damaged.pop();
        assert!(damaged.parse::<L1BlockHash>().is_err());
    }
}

//! Names that are digests: what was hashed is part of the type.

use crate::H256;
use core::fmt;

/// Declares a newtype over a fixed number of bytes, shown in hexadecimal.
macro_rules! digest {
    ($(#[$doc:meta])* $name:ident[$size:literal]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $size]);

        impl $name {
            /// Number of bytes.
            pub const SIZE_BYTES: usize = $size;

            /// Wraps bare bytes: the caller states what they are.
            pub const fn new(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// Reads a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest! {
    /// Keccak-256 of the RLP of a block header.
    BlockHash[32]
}
digest! {
    /// Keccak-256 of an encoded transaction, or the name of a deposit.
    TransactionHash[32]
}
digest! {
    /// Blake2b-256 of some bytes.
    Blake2bHash[32]
}
digest! {
    /// The 20 bytes behind an `sr1…` address.
    RollupAddress[20]
}
digest! {
    /// The 20 bytes behind a `KT1…` address.
    ContractHash[20]
}
digest! {
    /// An account of the layer 1 as Michelson packs it: 0, curve of the key, hash of the key; or 1, hash of
    /// the contract, 0.
    L1Account[22]
}
digest! {
    /// What `reveal_preimage` takes: a zero byte for Blake2b, then the 32 bytes of the digest.
    PreimageHash[33]
}

impl From<BlockHash> for H256 {
    fn from(hash: BlockHash) -> Self {
        H256(hash.0)
    }
}

impl From<TransactionHash> for H256 {
    fn from(hash: TransactionHash) -> Self {
        H256(hash.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use alloc::format;

    #[test]
    fn digests_read_exact_lengths_and_show_hexadecimal() {
        let address = RollupAddress::from_slice(&[0xab; 20]);
        assert_eq!(address.map(|a| format!("{a}")), Some("ab".repeat(20)));
        assert_eq!(RollupAddress::from_slice(&[0; 21]), None);
        assert_eq!(BlockHash::from_slice(&[0; 31]), None);
    }
}

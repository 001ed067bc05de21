//! Encodings shared by several values: fixed-width integers in big-endian order, and RLP lists read
//! strictly (exact number of items).

use alloc::vec::Vec;
use millrace_primitives::{Address, BlockHash, BlockNumber, H256, Timestamp, TransactionHash, U256};
use millrace_wire::signature::PublicKey;
use rlp::Rlp;

use crate::Value;

/// Declares the encoding of a newtype over `u64`: eight bytes, big-endian.
macro_rules! fixed_u64 {
    ($($name:ident),*) => {$(
        impl Value for $name {
            const SIZE_BYTES_MAX: usize = 8;
            const IS_FIXED: bool = true;

            fn encode(&self) -> Vec<u8> {
                self.get().to_be_bytes().to_vec()
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(u64::from_be_bytes).map(Self::new)
            }
        }
    )*};
}

fixed_u64!(BlockNumber, Timestamp);

/// Declares the encoding of 32 bytes that stand for themselves.
macro_rules! fixed_hash {
    ($($name:ident),*) => {$(
        impl Value for $name {
            const SIZE_BYTES_MAX: usize = 32;
            const IS_FIXED: bool = true;

            fn encode(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; 32] = bytes.try_into().ok()?;
                Some(bytes.into_hash())
            }
        }
    )*};
}

/// Bytes into the hash type that the context asks for.
trait IntoHash<H> {
    fn into_hash(self) -> H;
}

impl IntoHash<BlockHash> for [u8; 32] {
    fn into_hash(self) -> BlockHash {
        BlockHash::new(self)
    }
}

impl IntoHash<H256> for [u8; 32] {
    fn into_hash(self) -> H256 {
        H256(self)
    }
}

fixed_hash!(BlockHash, H256);

/// A list of exactly `count` items that spans all of `bytes`.
pub(crate) fn list(bytes: &[u8], count: usize) -> Option<Rlp<'_>> {
    whole_list(bytes).filter(|rlp| has_items(rlp, count))
}

/// Declares the encoding of bytes that stand for themselves, up to a largest size.
macro_rules! raw_bytes {
    ($name:ident, $size_bytes_max:expr, is_fixed: $is_fixed:literal) => {
        impl Value for $name {
            const SIZE_BYTES_MAX: usize = $size_bytes_max;
            const IS_FIXED: bool = $is_fixed;

            fn encode(&self) -> Vec<u8> {
                self.0.clone()
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                Some(Self(bytes.to_vec()))
            }
        }
    };
}

pub(crate) use raw_bytes;

/// A list that spans all of `bytes`.
pub(crate) fn whole_list(bytes: &[u8]) -> Option<Rlp<'_>> {
    let rlp = Rlp::new(bytes);
    let is_whole = rlp.payload_info().ok()?.total() == bytes.len();
    (is_whole && rlp.is_list()).then_some(rlp)
}

/// Whether this is a list of exactly `count` items.
pub(crate) fn has_items(rlp: &Rlp<'_>, count: usize) -> bool {
    rlp.is_list() && rlp.item_count() == Ok(count)
}

/// Item `index` as a list of at most `count_max` items.
pub(crate) fn items_at<'a>(rlp: &Rlp<'a>, index: usize, count_max: usize) -> Option<Rlp<'a>> {
    let items = rlp.at(index).ok()?;
    (items.is_list() && items.item_count().ok()? <= count_max).then_some(items)
}

/// The bytes of item `index`.
pub(crate) fn bytes_at<'a>(rlp: &Rlp<'a>, index: usize) -> Option<&'a [u8]> {
    rlp.at(index).ok()?.data().ok()
}

/// Item `index` as an array of exactly `N` bytes.
pub(crate) fn array_at<const N: usize>(rlp: &Rlp<'_>, index: usize) -> Option<[u8; N]> {
    bytes_at(rlp, index)?.try_into().ok()
}

/// Item `index` as an integer.
pub(crate) fn u64_at(rlp: &Rlp<'_>, index: usize) -> Option<u64> {
    rlp.val_at(index).ok()
}

/// Item `index` as an EVM word.
pub(crate) fn u256_at(rlp: &Rlp<'_>, index: usize) -> Option<U256> {
    rlp.val_at(index).ok()
}

/// Item `index` as a list of transaction hashes.
pub(crate) fn hashes_at(rlp: &Rlp<'_>, index: usize) -> Option<Vec<TransactionHash>> {
    let items = rlp.at(index).ok()?;
    if !items.is_list() {
        return None;
    }
    items.iter().map(|item| TransactionHash::from_slice(item.data().ok()?)).collect()
}

/// Item `index` as a list of public keys in the binary form of the layer 1.
pub(crate) fn public_keys_at(rlp: &Rlp<'_>, index: usize) -> Option<Vec<PublicKey>> {
    let items = rlp.at(index).ok()?;
    if !items.is_list() {
        return None;
    }
    items.iter().map(|item| PublicKey::from_bytes(item.data().ok()?)).collect()
}

/// Item `index` as an address, or as none when it is empty.
#[allow(clippy::option_option, reason = "the outer one is the failure to decode")]
pub(crate) fn address_or_nothing_at(rlp: &Rlp<'_>, index: usize) -> Option<Option<Address>> {
    match bytes_at(rlp, index)? {
        [] => Some(None),
        bytes => bytes.try_into().ok().map(|bytes: [u8; 20]| Some(Address::from(bytes))),
    }
}

//! Addresses of the layer 1, as bytes and as text.

use crate::{
    base58::{self, Base58Check, TextError},
    bytes::Reader,
};
use alloc::{string::String, vec::Vec};
use millrace_primitives::{ContractHash, RollupAddress};

const ROLLUP_PREFIX: &[u8] = &[6, 124, 117];
const CONTRACT_PREFIX: &[u8] = &[2, 90, 121];

/// `sr1…`
impl Base58Check for RollupAddress {
    fn to_base58(&self) -> String {
        base58::encode(ROLLUP_PREFIX, self.as_bytes())
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        base58::decode_array(ROLLUP_PREFIX, text).map(Self::new)
    }
}

/// `KT1…`
impl Base58Check for ContractHash {
    fn to_base58(&self) -> String {
        base58::encode(CONTRACT_PREFIX, self.as_bytes())
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        base58::decode_array(CONTRACT_PREFIX, text).map(Self::new)
    }
}

/// The curve of a key, by its tag in binary encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// Tag 0, `tz1`.
    Ed25519,
    /// Tag 1, `tz2`.
    Secp256k1,
    /// Tag 2, `tz3`.
    P256,
    /// Tag 3, `tz4`.
    Bls,
}

impl Curve {
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Ed25519 => 0,
            Self::Secp256k1 => 1,
            Self::P256 => 2,
            Self::Bls => 3,
        }
    }

    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::Ed25519),
            1 => Some(Self::Secp256k1),
            2 => Some(Self::P256),
            3 => Some(Self::Bls),
            _ => None,
        }
    }

    const fn prefix(self) -> [u8; 3] {
        match self {
            Self::Ed25519 => [6, 161, 159],
            Self::Secp256k1 => [6, 161, 161],
            Self::P256 => [6, 161, 164],
            Self::Bls => [6, 161, 166],
        }
    }
}

/// An implicit account: `tz1…` to `tz4…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKeyHash {
    /// The curve of the key.
    pub curve: Curve,
    /// Blake2b-160 of the key.
    pub hash: [u8; 20],
}

impl PublicKeyHash {
    /// Bytes of the binary form.
    pub const SIZE_BYTES: usize = 21;

    /// The binary form: tag of the curve, hash.
    pub fn to_bytes(self) -> [u8; Self::SIZE_BYTES] {
        let mut bytes = [self.curve.tag(); Self::SIZE_BYTES];
        if let Some(hash) = bytes.last_chunk_mut::<20>() {
            *hash = self.hash;
        }
        bytes
    }

    /// Reads the binary form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (curve, hash) = (Curve::from_tag(reader.u8()?)?, reader.array()?);
        reader.is_empty().then_some(Self { curve, hash })
    }
}

impl Base58Check for PublicKeyHash {
    fn to_base58(&self) -> String {
        base58::encode(&self.curve.prefix(), &self.hash)
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        let bytes = base58::decode(text)?;
        [Curve::Ed25519, Curve::Secp256k1, Curve::P256, Curve::Bls]
            .into_iter()
            .find_map(|curve| {
                let hash = bytes.strip_prefix(curve.prefix().as_slice())?.try_into().ok()?;
                Some(Self { curve, hash })
            })
            .ok_or(TextError::OtherKind)
    }
}

/// The 22-byte form of a smart contract in Michelson: tag 1, hash, one byte of padding.
pub fn contract_to_bytes(contract: &ContractHash) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(22);
    bytes.push(1);
    bytes.extend_from_slice(contract.as_bytes());
    bytes.push(0);
    bytes
}

/// Reads the 22-byte form of a smart contract. An implicit account or an entrypoint after it is `None`.
pub fn contract_from_bytes(bytes: &[u8]) -> Option<ContractHash> {
    match bytes {
        [1, hash @ .., 0] => ContractHash::from_slice(hash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_text_forms_of_the_layer_1() {
        let rollup = RollupAddress::new([0; 20]);
        assert_eq!(rollup.to_base58(), "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57");
        assert_eq!(RollupAddress::from_base58(&rollup.to_base58()), Ok(rollup));
        let contract = ContractHash::new([0; 20]);
        assert_eq!(contract.to_base58(), "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT");
        assert_eq!(ContractHash::from_base58(&contract.to_base58()), Ok(contract));
        let account = PublicKeyHash { curve: Curve::Ed25519, hash: [0; 20] };
        assert_eq!(account.to_base58(), "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU");
        for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256, Curve::Bls] {
            let account = PublicKeyHash { curve, hash: [7; 20] };
            assert_eq!(PublicKeyHash::from_base58(&account.to_base58()), Ok(account));
            assert_eq!(PublicKeyHash::from_bytes(&account.to_bytes()), Some(account));
        }
    }

    #[test]
    fn wrong_texts_are_refused_with_the_reason() {
        let contract = ContractHash::new([3; 20]).to_base58();
        assert_eq!(RollupAddress::from_base58(&contract), Err(TextError::OtherKind));
        let mut flipped = contract.clone();
        flipped.replace_range(10..11, if &contract[10..11] == "x" { "y" } else { "x" });
        assert_eq!(ContractHash::from_base58(&flipped), Err(TextError::Malformed));
        assert_eq!(ContractHash::from_base58("KT1 0OIl"), Err(TextError::Malformed));
        assert_eq!(ContractHash::from_base58(""), Err(TextError::Malformed));
        assert_eq!(ContractHash::from_base58(&"1".repeat(129)), Err(TextError::TooLong));
    }

    #[test]
    fn only_smart_contracts_without_entrypoint_have_the_22_byte_form() {
        let contract = ContractHash::new([9; 20]);
        let bytes = contract_to_bytes(&contract);
        assert_eq!(bytes.len(), 22);
        assert_eq!(contract_from_bytes(&bytes), Some(contract));
        for bad in [&bytes[..21], &[bytes.as_slice(), b"mint"].concat(), &[0; 22], &[1; 22], &[], &[1]] {
            assert_eq!(contract_from_bytes(bad), None);
        }
    }
}

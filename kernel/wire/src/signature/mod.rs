//! Keys and signatures of the layer 1: a signature is made over the Blake2b-256 of the bytes.
//!
//! Three curves, as on the layer 1: Ed25519 (`tz1`), secp256k1 (`tz2`) and P-256 (`tz3`). BLS keys (`tz4`) are
//! refused wherever a key is read. Each signature has one accepted form: of the two ECDSA signatures that a
//! signer can make of one, only that with the low s counts, on both curves.

mod ecdsa;
mod ed25519;
#[cfg(any(test, feature = "signing"))]
mod secret;

#[cfg(any(test, feature = "signing"))]
pub use secret::SecretKey;

pub use ed25519::PreparedKey;

use crate::{
    address::{Curve, PublicKeyHash},
    base58::{self, Base58Check, TextError},
    digest::{blake2b_160, blake2b_256},
};
use alloc::{string::String, vec::Vec};

const ED25519_KEY_PREFIX: &[u8] = &[13, 15, 37, 217];
const SECP256K1_KEY_PREFIX: &[u8] = &[3, 254, 226, 86];
const P256_KEY_PREFIX: &[u8] = &[3, 178, 139, 127];
const ED25519_SIGNATURE_PREFIX: &[u8] = &[9, 245, 205, 134, 18];
const SECP256K1_SIGNATURE_PREFIX: &[u8] = &[13, 115, 101, 19, 63];
const P256_SIGNATURE_PREFIX: &[u8] = &[54, 240, 44, 52];
const GENERIC_SIGNATURE_PREFIX: &[u8] = &[4, 130, 43];

/// A public key. Any bytes of the right size: whether they are a key says [`PublicKey::is_valid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// `edpk…`: y, little-endian, and the sign of x in the last bit.
    Ed25519([u8; 32]),
    /// `sppk…`: 2 or 3 for an even or odd y, then x, big-endian.
    Secp256k1([u8; 33]),
    /// `p2pk…`: as for secp256k1.
    P256([u8; 33]),
}

impl PublicKey {
    /// Bytes of the longest binary form.
    pub const SIZE_BYTES_MAX: usize = 34;

    /// Its curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::Ed25519(_) => Curve::Ed25519,
            Self::Secp256k1(_) => Curve::Secp256k1,
            Self::P256(_) => Curve::P256,
        }
    }

    /// The key without its curve.
    fn point(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key,
            Self::Secp256k1(key) | Self::P256(key) => key,
        }
    }

    /// The binary form of the layer 1: tag of the curve, key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::SIZE_BYTES_MAX);
        bytes.push(self.curve().tag());
        bytes.extend_from_slice(self.point());
        bytes
    }

    /// Reads the binary form. It is not checked that the bytes are a point.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, key) = bytes.split_first()?;
        match Curve::from_tag(*tag)? {
            Curve::Ed25519 => key.try_into().ok().map(Self::Ed25519),
            Curve::Secp256k1 => key.try_into().ok().map(Self::Secp256k1),
            Curve::P256 => key.try_into().ok().map(Self::P256),
            Curve::Bls => None,
        }
    }

    /// The account of this key.
    pub fn hash(&self) -> PublicKeyHash {
        PublicKeyHash { curve: self.curve(), hash: blake2b_160(self.point()) }
    }

    /// Whether the bytes are a point of the curve in its only accepted form, and not of small order: such a
    /// key would sign everything. Costs about a tenth of [`PublicKey::verify`].
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Ed25519(key) => ed25519::is_valid(key),
            Self::Secp256k1(key) => ecdsa::is_valid_secp256k1(key),
            Self::P256(key) => ecdsa::is_valid_p256(key),
        }
    }

    /// Whether `signature` is this key's over `bytes`. False for keys that are not valid.
    ///
    /// Ed25519 asks for a canonical scalar and a key that is not of small order, ECDSA for a low s. One such
    /// check is the dearest thing that a message can make the kernel do.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> bool {
        let digest = blake2b_256(&[bytes]);
        match self {
            Self::Ed25519(key) => ed25519::verify_ed25519(key, &digest, &signature.0),
            Self::Secp256k1(key) => ecdsa::verify_secp256k1(key, &digest, &signature.0),
            Self::P256(key) => ecdsa::verify_p256(key, &digest, &signature.0),
        }
    }
}

/// `edpk…` with 54 characters, `sppk…` and `p2pk…` with 55.
impl Base58Check for PublicKey {
    fn to_base58(&self) -> String {
        let prefix = match self {
            Self::Ed25519(_) => ED25519_KEY_PREFIX,
            Self::Secp256k1(_) => SECP256K1_KEY_PREFIX,
            Self::P256(_) => P256_KEY_PREFIX,
        };
        base58::encode(prefix, self.point())
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        let bytes = base58::decode(text)?;
        let ed25519 = || base58::array_after(ED25519_KEY_PREFIX, &bytes).map(Self::Ed25519);
        let secp256k1 = || base58::array_after(SECP256K1_KEY_PREFIX, &bytes).map(Self::Secp256k1);
        let p256 = || base58::array_after(P256_KEY_PREFIX, &bytes).map(Self::P256);
        ed25519().or_else(secp256k1).or_else(p256).ok_or(TextError::OtherKind)
    }
}

/// The 64 bytes of a signature, of whichever curve the key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// The text form that names the curve: `edsig…`, `spsig1…`, `p2sig…`. There is none for BLS.
    pub fn to_base58_of(&self, curve: Curve) -> Option<String> {
        let prefix = match curve {
            Curve::Ed25519 => ED25519_SIGNATURE_PREFIX,
            Curve::Secp256k1 => SECP256K1_SIGNATURE_PREFIX,
            Curve::P256 => P256_SIGNATURE_PREFIX,
            Curve::Bls => return None,
        };
        Some(base58::encode(prefix, &self.0))
    }

    /// The same signature in the form that [`PublicKey::verify`] accepts: with the low s on the curves of
    /// ECDSA. For signers that give either form.
    pub fn with_low_s(self, curve: Curve) -> Self {
        match curve {
            Curve::Ed25519 | Curve::Bls => self,
            Curve::Secp256k1 => Self(ecdsa::with_low_s(&ecdsa::SECP256K1_ORDER, self.0)),
            Curve::P256 => Self(ecdsa::with_low_s(&ecdsa::P256_ORDER, self.0)),
        }
    }
}

/// Written as `sig…`, which leaves the curve open; read in that form and in those that name a curve.
impl Base58Check for Signature {
    fn to_base58(&self) -> String {
        base58::encode(GENERIC_SIGNATURE_PREFIX, &self.0)
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        let bytes = base58::decode(text)?;
        [
            GENERIC_SIGNATURE_PREFIX,
            ED25519_SIGNATURE_PREFIX,
            SECP256K1_SIGNATURE_PREFIX,
            P256_SIGNATURE_PREFIX,
        ]
        .into_iter()
        .find_map(|prefix| base58::array_after(prefix, &bytes))
        .map(Self)
        .ok_or(TextError::OtherKind)
    }
}

#[cfg(test)]
mod tests;

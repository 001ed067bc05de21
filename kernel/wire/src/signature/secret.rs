//! Secret keys: for tools and tests.

use super::{PublicKey, Signature};
use crate::{
    address::Curve,
    base58::{self, Base58Check, TextError},
    digest::blake2b_256,
};
use alloc::string::String;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;

const ED25519_SEED_PREFIX: &[u8] = &[13, 15, 58, 7];
const SECP256K1_PREFIX: &[u8] = &[17, 162, 224, 201];
const P256_PREFIX: &[u8] = &[16, 81, 238, 189];

/// A secret key of one of the three curves. Its text form, `edsk…`, `spsk…` or `p2sk…` with 54 characters, is
/// not encrypted.
#[derive(Clone)]
pub struct SecretKey(Secret);

#[derive(Clone)]
enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl SecretKey {
    /// The Ed25519 key that grows from 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The key of `curve` with these bytes: a seed for Ed25519, else a big-endian number that must be above
    /// zero and below the order of the curve. There is none for BLS.
    pub fn from_bytes(curve: Curve, bytes: &[u8; 32]) -> Option<Self> {
        match curve {
            Curve::Ed25519 => Some(Self::from_seed(bytes)),
            Curve::Secp256k1 => {
                k256::ecdsa::SigningKey::from_slice(bytes).ok().map(|key| Self(Secret::Secp256k1(key)))
            }
            Curve::P256 => p256::ecdsa::SigningKey::from_slice(bytes).ok().map(|key| Self(Secret::P256(key))),
            Curve::Bls => None,
        }
    }

    /// Its public key.
    pub fn public_key(&self) -> PublicKey {
        match &self.0 {
            Secret::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
            Secret::Secp256k1(key) => {
                PublicKey::Secp256k1(compressed(key.verifying_key().to_encoded_point(true).as_bytes()))
            }
            Secret::P256(key) => {
                PublicKey::P256(compressed(key.verifying_key().to_encoded_point(true).as_bytes()))
            }
        }
    }

    /// Signs the Blake2b-256 of `bytes`, without randomness: Ed25519 needs none, ECDSA takes its nonce from
    /// RFC 6979. The form is the one that [`PublicKey::verify`] accepts.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        let digest = blake2b_256(&[bytes]);
        match &self.0 {
            Secret::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                Signature(key.sign(&digest).to_bytes())
            }
            Secret::Secp256k1(key) => {
                let signature: Result<k256::ecdsa::Signature, _> = key.sign_prehash(&digest);
                signed(signature.map(|signature| signature.to_bytes().into())).with_low_s(Curve::Secp256k1)
            }
            Secret::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash(&digest);
                signed(signature.map(|signature| signature.to_bytes().into())).with_low_s(Curve::P256)
            }
        }
    }
}

/// A digest of 32 bytes is always signed, short of a nonce that nobody has ever met; no bytes verify then.
fn signed<E>(signature: Result<[u8; 64], E>) -> Signature {
    Signature(signature.unwrap_or([0; 64]))
}

/// A compressed point has 33 bytes, since no public key is the point at infinity.
fn compressed(point: &[u8]) -> [u8; 33] {
    point.try_into().unwrap_or([0; 33])
}

impl Base58Check for SecretKey {
    fn to_base58(&self) -> String {
        match &self.0 {
            Secret::Ed25519(key) => base58::encode(ED25519_SEED_PREFIX, key.as_bytes()),
            Secret::Secp256k1(key) => base58::encode(SECP256K1_PREFIX, &key.to_bytes()),
            Secret::P256(key) => base58::encode(P256_PREFIX, &key.to_bytes()),
        }
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        let bytes = base58::decode(text)?;
        let prefixes = [
            (Curve::Ed25519, ED25519_SEED_PREFIX),
            (Curve::Secp256k1, SECP256K1_PREFIX),
            (Curve::P256, P256_PREFIX),
        ];
        prefixes
            .into_iter()
            .find_map(|(curve, prefix)| Self::from_bytes(curve, &base58::array_after(prefix, &bytes)?))
            .ok_or(TextError::OtherKind)
    }
}

/// Never shows the secret.
impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretKey of {}", self.public_key().to_base58())
    }
}

//! Keys and signatures of the layer 1: a signature is made over the Blake2b-256 of the bytes.

use crate::{
    address::{Curve, PublicKeyHash},
    base58::{self, Base58Check, TextError},
    digest::{blake2b_160, blake2b_256},
};
use alloc::{string::String, vec::Vec};
use ed25519_dalek::VerifyingKey;

const ED25519_KEY_PREFIX: &[u8] = &[13, 15, 37, 217];
const ED25519_SIGNATURE_PREFIX: &[u8] = &[9, 245, 205, 134, 18];
#[cfg(any(test, feature = "signing"))]
const ED25519_SEED_PREFIX: &[u8] = &[13, 15, 58, 7];

/// A public key. Later curves are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// Any 32 bytes: whether they are a point shows when a signature is checked.
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// The binary form of the layer 1: tag of the curve, key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self::Ed25519(key) = self;
        let mut bytes = Vec::with_capacity(33);
        bytes.push(0);
        bytes.extend_from_slice(key);
        bytes
    }

    /// Reads the binary form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0, key @ ..] => key.try_into().ok().map(Self::Ed25519),
            _ => None,
        }
    }

    /// The account of this key.
    pub fn hash(&self) -> PublicKeyHash {
        let Self::Ed25519(key) = self;
        PublicKeyHash { curve: Curve::Ed25519, hash: blake2b_160(key) }
    }

    /// Whether `signature` is this key's over `bytes`.
    ///
    /// Ed25519 is checked strictly: canonical scalar, no key and no nonce of small order. One such check
    /// is the dearest thing that a message can make the kernel do.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> bool {
        let Self::Ed25519(key) = self;
        let digest = blake2b_256(&[bytes]);
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(&digest, &signature).is_ok())
    }
}

/// `edpk…`, 54 characters.
impl Base58Check for PublicKey {
    fn to_base58(&self) -> String {
        let Self::Ed25519(key) = self;
        base58::encode(ED25519_KEY_PREFIX, key)
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        base58::decode_array(ED25519_KEY_PREFIX, text).map(Self::Ed25519)
    }
}

/// The 64 bytes of a signature, of whichever curve the key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// `edsig…`
impl Base58Check for Signature {
    fn to_base58(&self) -> String {
        base58::encode(ED25519_SIGNATURE_PREFIX, &self.0)
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        base58::decode_array(ED25519_SIGNATURE_PREFIX, text).map(Self)
    }
}

/// A secret key. Ed25519 only; its text form is `edsk…` with 54 characters, the seed.
#[cfg(any(test, feature = "signing"))]
#[derive(Clone)]
pub struct SecretKey(ed25519_dalek::SigningKey);

#[cfg(any(test, feature = "signing"))]
impl SecretKey {
    /// The key that grows from 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Its public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// Signs the Blake2b-256 of `bytes`. Ed25519 is deterministic: no randomness is needed.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        use ed25519_dalek::Signer as _;
        Signature(self.0.sign(&blake2b_256(&[bytes])).to_bytes())
    }
}

#[cfg(any(test, feature = "signing"))]
impl Base58Check for SecretKey {
    fn to_base58(&self) -> String {
        base58::encode(ED25519_SEED_PREFIX, self.0.as_bytes())
    }

    fn from_base58(text: &str) -> Result<Self, TextError> {
        base58::decode_array(ED25519_SEED_PREFIX, text).map(|seed| Self::from_seed(&seed))
    }
}

/// Never shows the secret.
#[cfg(any(test, feature = "signing"))]
impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretKey of {}", self.public_key().to_base58())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first account of every Octez sandbox.
    const PUBLIC: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
    const SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";
    const ACCOUNT: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";

    #[test]
    fn keys_have_the_text_forms_of_the_layer_1() {
        let secret = SecretKey::from_base58(SECRET).unwrap();
        assert_eq!(secret.to_base58(), SECRET);
        let public = secret.public_key();
        assert_eq!(public.to_base58(), PUBLIC);
        assert_eq!(PublicKey::from_base58(PUBLIC), Ok(public));
        assert_eq!(public.hash().to_base58(), ACCOUNT);
        assert_eq!(PublicKey::from_bytes(&public.to_bytes()), Some(public));
        assert_eq!(PublicKey::from_base58(SECRET), Err(TextError::OtherKind));
        assert_eq!(format!("{secret:?}"), format!("SecretKey of {PUBLIC}"));
    }

    #[test]
    fn binary_keys_of_other_curves_or_sizes_are_refused() {
        for bad in [&[][..], &[0; 32], &[0; 34], &[1; 34], &[3; 33]] {
            assert_eq!(PublicKey::from_bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_signature_is_for_one_key_and_one_message() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let signature = secret.sign(b"message");
        assert_eq!(Signature::from_base58(&signature.to_base58()), Ok(signature));
        assert!(secret.public_key().verify(b"message", &signature));
        assert!(!secret.public_key().verify(b"messagf", &signature));
        assert!(!SecretKey::from_seed(&[8; 32]).public_key().verify(b"message", &signature));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.public_key().verify(b"message", &flipped), "bit {bit}");
        }
    }

    #[test]
    fn the_bytes_of_a_signature_are_pinned() {
        // Ed25519 of RFC 8032, made by OpenSSL, over the Blake2b-256 of the message, made by Python.
        let golden = "5e3f3c42cd59023820545f2838eaae16b6138e6ec021d7ef66ee06733666d1ff\
                      6611331c90c1af0bb358c2c70396d92dea33cf283e8dd67a2951425c61938101";
        let secret = SecretKey::from_base58(SECRET).unwrap();
        assert_eq!(hex::encode(secret.sign(&[0, 1, 2, 3]).0), golden);
    }

    #[test]
    fn a_second_scalar_for_the_same_signature_is_refused() {
        // s + L, with L the order of the group: the same point, not canonical.
        let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let secret = SecretKey::from_seed(&[7; 32]);
        let mut signature = secret.sign(b"message");
        let mut carry = 0u16;
        for (byte, add) in signature.0[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!secret.public_key().verify(b"message", &signature));
    }

    #[test]
    fn keys_that_sign_everything_are_refused() {
        // The neutral element as key and as nonce, and s = 0: a valid equation for any message.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&identity);
        assert!(!PublicKey::Ed25519(identity).verify(b"anything", &Signature(signature)));
        // Not a point at all.
        assert!(!PublicKey::Ed25519([2; 32]).verify(b"anything", &Signature([0; 64])));
    }
}

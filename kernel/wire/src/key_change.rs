//! How a sequencer hands its key over: what it signs, and the call that carries the signature.
//!
//! ```text
//! signed     "sequencer_change" | new key | chain id 32 | counter 32
//! call data  0xb89aa22f | offset 32 | offset 32 | size 32 | new key | size 32 | signature
//! ```
//! The new key is in the binary form of the layer 1 (tag of the curve, key: 33 or 34 bytes), integers are big-endian, and
//! what is dynamic in call data is padded to words. Both are Etherlink's, byte for byte: `change_sequencer_key(bytes,
//! bytes)` at `0xff…06`. Anybody may send the call: the key in office has signed what it asks for.
//!
//! The tag keeps the signature apart from all else that the key signs. The counter makes it good once: it has another
//! value after each request, and after each change of authority. The rollup is not signed; two rollups with one chain id
//! and one sequencer would take each other's.
//!
//! **Deliberately unknown**: who is in office, and what the counter is.

use crate::{
    authority::{Authority, PublicKey},
    signature::Signature,
};
use alloc::vec::Vec;
use core::fmt;
use millrace_primitives::{Address, Epoch, H160, U256};

/// The contract that takes the call.
pub const CONTRACT: Address = H160([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);

/// Call data that asks the contract for the counter: `sequencer_key_change_counter()`, which returns a `uint256`.
pub const COUNTER_CALL: [u8; 4] = [0xf0, 0x14, 0xbd, 0x2a];

/// `change_sequencer_key(bytes,bytes)`
const SELECTOR: [u8; 4] = [0xb8, 0x9a, 0xa2, 0x2f];

/// Sets the signature apart from those of blueprints and signals.
const SIGN_TAG: &[u8] = b"sequencer_change";

/// Another key for the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The key.
    pub key: PublicKey,
    /// The chain that it is for.
    pub chain_id: U256,
    /// What the contract answers to [`COUNTER_CALL`], or [`counter`].
    pub counter: U256,
}

/// Why a key change is refused. Each is found before the next is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChangeError {
    /// A committee is in office: only governance changes it.
    Committee,
    /// The key is in office already.
    SameKey,
    /// The key is not a point of its curve, or of small order.
    InvalidKey,
    /// The signature is not that of the key in office over this.
    Signature,
}

impl fmt::Display for KeyChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Committee => "a committee is in office",
            Self::SameKey => "the key is in office already",
            Self::InvalidKey => "the key is not a point of its curve",
            Self::Signature => "the signature is not that of the key in office",
        })
    }
}

impl core::error::Error for KeyChangeError {}

/// The counter that is signed: it grows with each request that the contract has taken and with each authority that has
/// taken office, so no value comes back.
pub fn counter(epoch: Epoch, requests: u64) -> U256 {
    U256::from(epoch.get()).saturating_add(U256::from(requests))
}

impl KeyChange {
    /// The bytes that the sequencer signs.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let [chain_id, counter] = [self.chain_id, self.counter].map(word);
        [SIGN_TAG, &self.key.to_bytes(), &chain_id, &counter].concat()
    }

    /// The call data for [`CONTRACT`]. The signature is the one that [`PublicKey::verify`] accepts.
    pub fn call_data(&self, signature: &Signature) -> Vec<u8> {
        let (mut head, mut tail) = (SELECTOR.to_vec(), Vec::new());
        for part in [self.key.to_bytes().as_slice(), &signature.0] {
            head.extend(word(U256::from(tail.len().saturating_add(HEAD_BYTES))));
            tail.extend(word(U256::from(part.len())));
            tail.extend_from_slice(part);
            tail.resize(tail.len().next_multiple_of(WORD_BYTES), 0);
        }
        [head, tail].concat()
    }

    /// The single key in office, when it has asked for this. Costs one [`PublicKey::is_valid`] and one
    /// [`PublicKey::verify`] at most.
    ///
    /// # Errors
    /// [`KeyChangeError`] says why it is refused.
    pub fn check(&self, in_office: &Authority, signature: &Signature) -> Result<PublicKey, KeyChangeError> {
        let ([current], 1) = (in_office.members.as_slice(), in_office.quorum) else {
            return Err(KeyChangeError::Committee);
        };
        if self.key == *current {
            return Err(KeyChangeError::SameKey);
        }
        if !self.key.is_valid() {
            return Err(KeyChangeError::InvalidKey);
        }
        if !current.verify(&self.signing_bytes(), signature) {
            return Err(KeyChangeError::Signature);
        }
        Ok(*current)
    }
}

const WORD_BYTES: usize = 32;
/// Two offsets.
const HEAD_BYTES: usize = 2 * WORD_BYTES;

fn word(number: U256) -> [u8; WORD_BYTES] {
    let mut bytes = [0; WORD_BYTES];
    number.to_big_endian(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Curve, digest::keccak_256, signature::SecretKey};

    fn keys() -> [SecretKey; 3] {
        [Curve::Ed25519, Curve::Secp256k1, Curve::P256]
            .map(|curve| SecretKey::from_bytes(curve, &[7; 32]).unwrap())
    }

    fn change(key: PublicKey) -> KeyChange {
        KeyChange { key, chain_id: U256::from(42_793), counter: U256::from(3) }
    }

    #[test]
    fn selectors_are_those_of_the_functions() {
        assert_eq!(keccak_256(b"change_sequencer_key(bytes,bytes)")[..4], SELECTOR);
        assert_eq!(keccak_256(b"sequencer_key_change_counter()")[..4], COUNTER_CALL);
    }

    #[test]
    fn the_bytes_are_pinned() {
        let key = PublicKey::Ed25519([0xab; 32]);
        let signed = [
            hex::encode("sequencer_change"),
            format!("00{}", "ab".repeat(32)),
            format!("{:064x}", 42_793),
            format!("{:064x}", 3),
        ];
        assert_eq!(hex::encode(change(key).signing_bytes()), signed.concat());
        let call = [
            "b89aa22f".to_owned(),
            format!("{:064x}", 64),
            format!("{:064x}", 64 + 32 + 64),
            format!("{:064x}", 33),
            format!("00{}", "ab".repeat(32)),
            "00".repeat(31),
            format!("{:064x}", 64),
            "cd".repeat(64),
        ];
        assert_eq!(hex::encode(change(key).call_data(&Signature([0xcd; 64]))), call.concat());
        let longer = change(PublicKey::P256([2; 33])).signing_bytes();
        assert_eq!((longer.len(), longer[16]), (16 + 34 + 64, 2));
    }

    #[test]
    fn every_curve_hands_over_to_every_other() {
        for current in keys() {
            let in_office = Authority::single(Epoch::new(1), current.public_key());
            for next in [1, 2, 3].map(|byte| SecretKey::from_seed(&[byte; 32]).public_key()) {
                let change = change(next);
                let signature = current.sign(&change.signing_bytes());
                assert_eq!(change.check(&in_office, &signature), Ok(current.public_key()));
            }
        }
    }

    #[test]
    fn what_differs_in_anything_is_refused() {
        let [current, other, _] = keys();
        let in_office = Authority::single(Epoch::ZERO, current.public_key());
        let good = change(other.public_key());
        let signature = current.sign(&good.signing_bytes());
        let rows = [
            (KeyChange { counter: U256::from(2), ..good }, signature, KeyChangeError::Signature),
            (KeyChange { counter: U256::from(4), ..good }, signature, KeyChangeError::Signature),
            (KeyChange { chain_id: U256::from(1), ..good }, signature, KeyChangeError::Signature),
            (change(SecretKey::from_seed(&[1; 32]).public_key()), signature, KeyChangeError::Signature),
            (good, other.sign(&good.signing_bytes()), KeyChangeError::Signature),
            (good, Signature([0; 64]), KeyChangeError::Signature),
            (change(current.public_key()), signature, KeyChangeError::SameKey),
            (change(PublicKey::Ed25519([2; 32])), signature, KeyChangeError::InvalidKey),
            (change(PublicKey::Secp256k1([4; 33])), signature, KeyChangeError::InvalidKey),
            (change(PublicKey::P256([4; 33])), signature, KeyChangeError::InvalidKey),
        ];
        for (change, signature, error) in rows {
            assert_eq!(change.check(&in_office, &signature), Err(error), "{change:?}");
        }
        let members = vec![current.public_key(), SecretKey::from_seed(&[1; 32]).public_key()];
        let committee = Authority { epoch: Epoch::ZERO, members, quorum: 1 };
        assert_eq!(good.check(&committee, &signature), Err(KeyChangeError::Committee));
    }

    #[test]
    fn no_counter_comes_back() {
        assert_eq!(counter(Epoch::ZERO, 0), U256::zero());
        assert_eq!(counter(Epoch::new(u32::MAX), u64::MAX), U256::from(u64::from(u32::MAX)) + u64::MAX);
        for (epoch, requests) in [(0, 1), (1, 0)] {
            assert!(counter(Epoch::new(5 + epoch), 7 + requests) > counter(Epoch::new(5), 7));
        }
    }
}

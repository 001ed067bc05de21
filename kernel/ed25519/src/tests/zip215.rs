//! The rules of ZIP 215, which differ from others where points have a part of small order or encodings are not
//! canonical.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};
use num_bigint::BigInt;
use sha2::{Digest, Sha512};

use super::{Random, bytes, p};
use crate::Key;

/// All ways to check, which must agree.
fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let valid = crate::verify(key, message, signature);
    let key = Key::decode(key).unwrap();
    assert_eq!(key.verify(message, signature), valid);
    assert_eq!(key.prepare().verify(message, signature), valid);
    valid
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let digest = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&digest.finalize().into())
}

/// The rules as written, on another implementation of the curve.
pub(super) fn reference(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let [r, s] = signature.as_chunks::<32>().0 else { panic!() };
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s));
    let points = (CompressedEdwardsY(*key).decompress(), CompressedEdwardsY(*r).decompress());
    let (Some(s), (Some(a), Some(point))) = (s, points) else { return false };
    let rest = ED25519_BASEPOINT_POINT * s - point - a * challenge(r, key, message);
    rest.mul_by_cofactor().is_identity()
}

/// All encodings of the points of small order: eight canonical ones and six others.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut encodings: Vec<[u8; 32]> =
        EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    let zero_and_one = [p(), p() + 1].map(|y| bytes::<32>(&y));
    let mut others = zero_and_one.to_vec();
    for mut encoding in zero_and_one.into_iter().chain([bytes(&BigInt::from(1)), bytes(&(p() - 1))]) {
        encoding[31] |= 0x80;
        others.push(encoding);
    }
    encodings.extend(others);
    encodings.sort_unstable();
    encodings.dedup();
    encodings
}

fn signature_of(r: &[u8; 32], s: &Scalar) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

#[test]
fn all_pairs_of_small_order_are_valid() {
    let encodings = small_order_encodings();
    assert_eq!(encodings.len(), 14);
    for key in &encodings {
        assert!(Key::decode(key).unwrap().is_small_order());
        for r in &encodings {
            let signature = signature_of(r, &Scalar::ZERO);
            assert!(reference(key, b"Zcash", &signature));
            assert!(verify(key, b"Zcash", &signature), "{key:?} {r:?}");
            let signature = signature_of(r, &Scalar::ONE);
            assert!(!reference(key, b"Zcash", &signature));
            assert!(!verify(key, b"Zcash", &signature));
        }
    }
}

#[test]
fn the_encoding_is_hashed_as_it_is() {
    // A key and an R that are not canonical, with a true signature: the challenge is over the bytes as given.
    let mut numbers = Random(40);
    for key in small_order_encodings() {
        for _ in 0..10 {
            let secret = Scalar::from_bytes_mod_order(numbers.bytes());
            let r = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
            assert!(verify(&key, b"m", &signature_of(&r, &secret)));
            assert!(!verify(&key, b"m", &signature_of(&r, &(secret + Scalar::ONE))));
        }
    }
}

#[test]
fn parts_of_small_order_in_key_and_nonce_do_not_matter() {
    let mut numbers = Random(41);
    let mut differences = 0;
    for _ in 0..30 {
        let (secret, nonce) =
            (Scalar::from_bytes_mod_order(numbers.bytes()), Scalar::from_bytes_mod_order(numbers.bytes()));
        for torsion in EIGHT_TORSION {
            let key = (ED25519_BASEPOINT_POINT * secret + torsion).compress().to_bytes();
            let other = EIGHT_TORSION[numbers.below(8) as usize];
            let r = (ED25519_BASEPOINT_POINT * nonce + other).compress().to_bytes();
            let challenge = challenge(&r, &key, b"mixed");
            let signature = signature_of(&r, &(nonce + challenge * secret));
            assert!(verify(&key, b"mixed", &signature) && reference(&key, b"mixed", &signature));
            assert!(!Key::decode(&key).unwrap().is_small_order());
            // Not so under the equation without the cofactor.
            let rest = other + torsion * challenge;
            differences += u32::from(rest != EdwardsPoint::identity());
            let wrong = signature_of(&r, &(nonce + challenge * secret + Scalar::ONE));
            assert!(!verify(&key, b"mixed", &wrong) && !reference(&key, b"mixed", &wrong));
        }
    }
    assert!(differences > 100, "{differences}");
}

#[test]
fn noncanonical_encodings_of_large_order_are_decoded() {
    // The 19 values of y from p on, with both signs: which are points is the same as for y - p.
    for y in 0..19 {
        for sign in [0, 0x80] {
            let encode = |y: BigInt| -> [u8; 32] {
                let mut encoding: [u8; 32] = bytes(&y);
                encoding[31] |= sign;
                encoding
            };
            let (low, high) = (encode(BigInt::from(y)), encode(p() + y));
            assert_eq!(Key::decode(&low).is_some(), Key::decode(&high).is_some());
            assert_eq!(Key::decode(&high).is_some(), CompressedEdwardsY(high).decompress().is_some());
        }
    }
}

use k256::ecdsa::SigningKey;
use k256::{EncodedPoint, PublicKey};
use num_bigint::BigInt;

use super::{Random, bytes, p};
use crate::{decompress, verify};

/// Decompression by the other implementation.
fn reference(key: &[u8; 33]) -> Option<[u8; 64]> {
    use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
    let point = EncodedPoint::from_bytes(key).ok()?;
    let key = Option::<PublicKey>::from(PublicKey::from_encoded_point(&point))?;
    key.to_encoded_point(false).as_bytes().get(1..)?.try_into().ok()
}

fn compressed(first: u8, x: &[u8; 32]) -> [u8; 33] {
    let mut key = [first; 33];
    key[1..].copy_from_slice(x);
    key
}

#[test]
fn a_compressed_key_is_the_key() {
    let mut numbers = Random(40);
    for _ in 0..100 {
        let secret = SigningKey::from_slice(&numbers.bytes()).unwrap();
        let public = secret.verifying_key();
        let short: [u8; 33] = public.to_encoded_point(true).as_bytes().try_into().unwrap();
        let long: [u8; 64] = public.to_encoded_point(false).as_bytes()[1..].try_into().unwrap();
        assert_eq!(decompress(&short), Some(long));
        // The other parity is the opposite point, which is another key.
        let opposite = decompress(&compressed(short[0] ^ 1, short[1..].try_into().unwrap())).unwrap();
        assert_eq!(opposite[..32], long[..32]);
        assert_ne!(opposite[32..], long[32..]);
        let digest = numbers.bytes();
        let (signature, _) = secret.sign_prehash_recoverable(&digest).unwrap();
        let (r, s) = signature.split_bytes();
        assert!(verify(&digest, &r.into(), &s.into(), &long));
        assert!(!verify(&digest, &r.into(), &s.into(), &opposite));
    }
}

#[test]
fn arbitrary_bytes_agree_with_the_reference() {
    let mut numbers = Random(41);
    let mut found = 0;
    for _ in 0..300 {
        let key = compressed(2 + numbers.below(2) as u8, &numbers.bytes());
        assert_eq!(decompress(&key), reference(&key));
        found += u32::from(decompress(&key).is_some());
    }
    assert!((100..200).contains(&found), "{found}");
}

#[test]
fn what_is_no_compressed_point_is_refused() {
    let one = bytes(&BigInt::from(1));
    assert!(decompress(&compressed(2, &one)).is_some());
    for first in (0..=u8::MAX).filter(|first| !matches!(first, 2 | 3)) {
        assert_eq!(decompress(&compressed(first, &one)), None, "{first}");
    }
    // x = 0 and x = 5 are on no point; p + 1 has another name; the last is the largest number.
    for x in [bytes(&BigInt::from(0)), bytes(&BigInt::from(5)), bytes(&(p() + 1)), [0xff; 32]] {
        for first in [2, 3] {
            assert_eq!(decompress(&compressed(first, &x)), None, "{x:?}");
        }
    }
}

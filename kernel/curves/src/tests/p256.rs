use super::{cases, numbers};
use crate::p256::verify;
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use proptest::prelude::*;

const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn bytes(digits: &str) -> [u8; 32] {
    core::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
}

/// What the library makes of a signature.
fn expected(digest: &[u8; 32], [r, s]: [&[u8; 32]; 2], [x, y]: [&[u8; 32]; 2]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(&[&[4], &x[..], &y[..]].concat());
    let signature = Signature::from_scalars(*r, *s);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_prehash(digest, &signature).is_ok(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn verification_agrees(secret in numbers(), digest in numbers(), place in 0usize..160, bit in 0u32..8) {
        let Ok(key) = SigningKey::from_slice(&secret) else { return Ok(()) };
        let Ok(signature): Result<Signature, _> = key.sign_prehash(&digest) else { return Ok(()) };
        let point = key.verifying_key().to_encoded_point(false);
        let mut parts: [[u8; 32]; 5] = [digest, [0; 32], [0; 32], [0; 32], [0; 32]];
        parts[1].copy_from_slice(&signature.r().to_bytes());
        parts[2].copy_from_slice(&signature.s().to_bytes());
        parts[3].copy_from_slice(point.x().unwrap());
        parts[4].copy_from_slice(point.y().unwrap());
        let [digest, r, s, x, y] = &parts;
        prop_assert!(verify(digest, [r, s], [x, y]));
        parts[place / 32][place % 32] ^= 1 << bit;
        let [digest, r, s, x, y] = &parts;
        prop_assert_eq!(verify(digest, [r, s], [x, y]), expected(digest, [r, s], [x, y]));
    }
}

/// Numbers at the ends of their ranges, with a key that is a point.
#[test]
fn numbers_out_of_range_verify_nothing() {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let (x, y) = (bytes_of(point.x().unwrap()), bytes_of(point.y().unwrap()));
    let order = bytes(ORDER);
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    let p = bytes("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    for bad in [[0; 32], order, p, [0xff; 32]] {
        assert!(!verify(&[1; 32], [&bad, &one], [&x, &y]));
        assert!(!verify(&[1; 32], [&one, &bad], [&x, &y]));
        assert!(!verify(&[1; 32], [&one, &one], [&bad, &y]));
        assert!(!verify(&[1; 32], [&one, &one], [&x, &bad]));
    }
    assert!(!verify(&[1; 32], [&one, &one], [&[0; 32], &[0; 32]]));
}

fn bytes_of(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap()
}

/// A crafted signature whose point has an x of the order or more: r is x less the order (as in the cases of EIP-7951
/// and Wycheproof). With z = 0, s = r and the key R itself, the point is r/s R = R.
#[test]
fn an_x_beyond_the_order_is_taken_modulo_it() {
    // The least x above the order on the curve is found by trying.
    let mut found = 0;
    for above in 0u8..40 {
        let mut x = bytes(ORDER);
        x[31] = x[31].wrapping_add(above);
        let mut compressed = [2; 33];
        compressed[1..].copy_from_slice(&x);
        let Ok(key) = VerifyingKey::from_sec1_bytes(&compressed) else { continue };
        let y = bytes_of(key.to_encoded_point(false).y().unwrap());
        let mut r = [0; 32];
        r[31] = above;
        let is_valid = expected(&[0; 32], [&r, &r], [&x, &y]);
        assert_eq!(verify(&[0; 32], [&r, &r], [&x, &y]), is_valid, "{above}");
        assert!(!verify(&[0; 32], [&r, &one_more(r)], [&x, &y]));
        found += u32::from(is_valid);
    }
    assert!(found > 5);
}

fn one_more(mut number: [u8; 32]) -> [u8; 32] {
    number[31] += 1;
    number
}

/// The sum is the point at infinity: u1 G = -u2 Q.
#[test]
fn a_sum_at_infinity_verifies_nothing() {
    // The key is G, so that s = 1 and z = -r make it so.
    let key = SigningKey::from_slice(&{
        let mut one = [0; 32];
        one[31] = 1;
        one
    })
    .unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let (x, y) = (bytes_of(point.x().unwrap()), bytes_of(point.y().unwrap()));
    let mut r = [0; 32];
    r[31] = 5;
    let mut z = bytes(ORDER);
    z[31] -= 5;
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    assert!(!verify(&z, [&r, &one], [&x, &y]));
    // And twice the same point: u1 G = u2 Q takes a doubling.
    z = r;
    assert_eq!(verify(&z, [&r, &one], [&x, &y]), expected(&z, [&r, &one], [&x, &y]));
}

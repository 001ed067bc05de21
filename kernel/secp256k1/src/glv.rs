//! Scalars cut in half by the endomorphism of the curve.
//!
//! (x, y) -> (beta x, y) is multiplication by lambda, a cube root of one modulo n (Gallant, Lambert and
//! Vanstone, 2001). Each scalar k is k1 + lambda k2 with halves below 2^128 in size, found by rounding k
//! against a short basis (a1, b1), (a2, b2) of the lattice of all (x, y) with x + lambda y = 0 modulo n.
//! |k1| < 0.64 * 2^128 and |k2| < 0.55 * 2^128 (half the sum of the coordinates of the basis).

use crate::field::Field;
use crate::scalar::{Scalar, product};

/// The x coordinate is multiplied by this for multiplication by lambda; a cube root of one modulo p.
pub(crate) const BETA: Field = Field::from_words(&[
    0x7195_01ee,
    0xc139_6c28,
    0x12f5_8995,
    0x9cf0_4975,
    0xac34_34e9,
    0x6e64_479e,
    0x657c_0710,
    0x7ae9_6a2b,
]);

/// a1, which is also b2.
const A1: [u32; 5] = [0x9284_eb15, 0xe86c_90e4, 0xa7d4_6bcd, 0x3086_d221, 0];
/// a2.
const A2: [u32; 5] = [0x9d44_cfd8, 0x57c1_108d, 0xa8e2_f3f6, 0x14ca_50f7, 1];
/// -b1.
const MINUS_B1: [u32; 5] = [0x0abf_e4c3, 0x6f54_7fa9, 0x010e_8828, 0xe443_7ed6, 0];
/// b2 * 2^384 / n, rounded.
const G1: [u32; 8] =
    [0x45db_b031, 0xe893_209a, 0x71e8_ca7f, 0x3daa_8a14, 0x9284_eb15, 0xe86c_90e4, 0xa7d4_6bcd, 0x3086_d221];
/// -b1 * 2^384 / n, rounded.
const G2: [u32; 8] =
    [0x8ac4_7f71, 0x1571_b4ae, 0x9df5_06c6, 0x2212_08ac, 0x0abf_e4c4, 0x6f54_7fa9, 0x010e_8828, 0xe443_7ed6];

/// k1 and k2 with k = k1 + lambda k2, in two's complement: words of 32 bits, the last one with its sign.
#[inline(never)]
pub(crate) fn split(k: &Scalar) -> ([i64; 5], [i64; 5]) {
    let c1 = rounded(&k.0, &G1);
    let c2 = rounded(&k.0, &G2);
    // Modulo 2^160 is enough for results of 128 bits and a sign.
    let low: [u32; 5] = core::array::from_fn(|i| k.0[i]);
    let k1 = minus(&minus(&low, &product_low(&c1, &A1)), &product_low(&c2, &A2));
    let k2 = minus(&product_low(&c1, &MINUS_B1), &product_low(&c2, &A1));
    (signed(&k1), signed(&k2))
}

/// The last word with its sign.
fn signed(words: &[u32; 5]) -> [i64; 5] {
    core::array::from_fn(|i| if i < 4 { i64::from(words[i]) } else { i64::from(words[i] as i32) })
}

/// `k g / 2^384`, rounded to the nearest.
fn rounded(k: &[u32; 8], g: &[u32; 8]) -> [u32; 5] {
    let wide: [u32; 16] = product(k, g);
    let mut words = [0; 5];
    let mut carry = u64::from(wide[11] >> 31);
    for i in 0..4 {
        let t = u64::from(wide[12 + i]).wrapping_add(carry);
        words[i] = t as u32;
        carry = t >> 32;
    }
    words[4] = carry as u32;
    words
}

/// The product modulo 2^160.
fn product_low(a: &[u32; 5], b: &[u32; 5]) -> [u32; 5] {
    let mut words = [0; 5];
    for i in 0..5 {
        let mut carry = 0u64;
        for j in 0..5 - i {
            let t = u64::from(a[i]).wrapping_mul(u64::from(b[j]));
            let t = t.wrapping_add(u64::from(words[i + j])).wrapping_add(carry);
            words[i + j] = t as u32;
            carry = t >> 32;
        }
    }
    words
}

/// `a - b` modulo 2^160.
fn minus(a: &[u32; 5], b: &[u32; 5]) -> [u32; 5] {
    let (mut words, mut borrow) = ([0; 5], 0i64);
    for i in 0..5 {
        let t = i64::from(a[i]).wrapping_sub(i64::from(b[i])).wrapping_add(borrow);
        words[i] = t as u32;
        borrow = t >> 32;
    }
    words
}

//! Tests against independent implementations: big integers for the arithmetic, `curve25519-dalek` for the curve,
//! `ed25519-dalek` for keys that sign.

mod curve;
mod field;
mod scalar;
mod signatures;
mod zip215;

use num_bigint::{BigInt, BigUint, Sign};

/// A fixed sequence of pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next() as u8)
    }

    fn words(&mut self) -> [u32; 8] {
        core::array::from_fn(|_| self.next() as u32)
    }
}

fn p() -> BigInt {
    (BigInt::from(1) << 255) - 19
}

fn order() -> BigInt {
    (BigInt::from(1) << 252) + number("27742317777372353535851937790883648493")
}

fn number(decimal: &str) -> BigInt {
    decimal.parse().unwrap()
}

/// The representative in 0..modulus.
fn modulo(x: &BigInt, modulus: &BigInt) -> BigInt {
    ((x % modulus) + modulus) % modulus
}

fn of_words(words: &[u32]) -> BigInt {
    BigInt::from_biguint(Sign::Plus, BigUint::new(words.to_vec()))
}

fn words(x: &BigInt) -> [u32; 8] {
    let mut digits = x.to_biguint().unwrap().to_u32_digits();
    digits.resize(8, 0);
    digits.try_into().unwrap()
}

fn bytes<const N: usize>(x: &BigInt) -> [u8; N] {
    let mut bytes = x.to_biguint().unwrap().to_bytes_le();
    bytes.resize(N, 0);
    bytes.try_into().unwrap()
}

fn from_hex<const N: usize>(hex: &str) -> [u8; N] {
    assert_eq!(hex.len(), 2 * N);
    core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

//! Tests against independent implementations: big integers for the arithmetic, `k256` for the curve.

mod curve;
mod decompression;
mod field;
mod recovery;
mod scalar;

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

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes());
        }
        bytes
    }

    fn words(&mut self) -> [u32; 8] {
        core::array::from_fn(|_| self.next() as u32)
    }
}

fn p() -> BigInt {
    (BigInt::from(1) << 256) - (BigInt::from(1) << 32) - 977
}

fn n() -> BigInt {
    number("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
}

fn number(hex: &str) -> BigInt {
    BigInt::parse_bytes(hex.as_bytes(), 16).unwrap()
}

/// The representative in 0..modulus.
fn modulo(x: &BigInt, modulus: &BigInt) -> BigInt {
    ((x % modulus) + modulus) % modulus
}

fn of_words(words: &[u32; 8]) -> BigInt {
    BigInt::from_biguint(Sign::Plus, BigUint::new(words.to_vec()))
}

fn words(x: &BigInt) -> [u32; 8] {
    let mut digits = x.to_biguint().unwrap().to_u32_digits();
    digits.resize(8, 0);
    digits.try_into().unwrap()
}

fn bytes(x: &BigInt) -> [u8; 32] {
    let bytes = x.to_biguint().unwrap().to_bytes_be();
    let mut padded = [0; 32];
    padded[32 - bytes.len()..].copy_from_slice(&bytes);
    padded
}

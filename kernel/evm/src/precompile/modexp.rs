//! 0x05: modular exponentiation of integers of any size (EIP-198, gas of EIP-2565).
//!
//! Sizes are bounded by gas alone until Osaka: with 30 million, base and modulus have at most 76 kB, and an
//! exponent 11 MB.

use super::{Failure, Output, charge, padded};
use alloc::vec;
use alloc::vec::Vec;
use num_bigint::BigUint;
use num_traits::{One, Zero};

/// Exponents of at most this many bits are worked through bit by bit: the window tables of the general
/// algorithm would cost more than they save, and more than was paid for.
const SHORT_EXPONENT_BITS: u64 = 16;

/// Three sizes of 32 bytes come first.
const HEADER_BYTES: usize = 96;

pub(super) fn run(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let size = |offset| {
        let bytes = padded::<32>(input, offset);
        let (high, low) = bytes.split_last_chunk::<8>().map_or((&[][..], [0; 8]), |(h, l)| (h, *l));
        // No gas buys a size beyond 64 bits, so it is held at the largest.
        if high.iter().all(|byte| *byte == 0) { u64::from_be_bytes(low) } else { u64::MAX }
    };
    let (base_size, exponent_size, modulus_size) = (size(0), size(32), size(64));
    if base_size == 0 && modulus_size == 0 {
        charge(GAS_MIN, gas)?;
        return Ok(Output { gas: GAS_MIN, bytes: Vec::new() });
    }
    let head_size = exponent_size.min(32);
    let exponent_at = usize::try_from(base_size).unwrap_or(usize::MAX).saturating_add(HEADER_BYTES);
    let head = BigUint::from_bytes_be(&window(input, exponent_at, head_size as usize));
    let cost = cost(base_size.max(modulus_size), exponent_size, &head);
    charge(cost, gas)?;

    // Paid for: with 30 million gas, base and modulus have at most 76 kB and the exponent 11 MB.
    let base_size = usize::try_from(base_size).map_err(|_| Failure::OutOfGas)?;
    let modulus_size = usize::try_from(modulus_size).map_err(|_| Failure::OutOfGas)?;
    let exponent_size = usize::try_from(exponent_size).map_err(|_| Failure::OutOfGas)?;
    let modulus_at = exponent_at.saturating_add(exponent_size);
    let modulus = BigUint::from_bytes_be(&window(input, modulus_at, modulus_size));
    let mut bytes = vec![0; modulus_size];
    if !modulus.is_zero() && !modulus.is_one() {
        let base = BigUint::from_bytes_be(&window(input, HEADER_BYTES, base_size));
        let exponent = BigUint::from_bytes_be(&window(input, exponent_at, exponent_size));
        let result = power(&base, &exponent, &modulus).to_bytes_be();
        let start = modulus_size.saturating_sub(result.len());
        if let Some(place) = bytes.get_mut(start..) {
            place.copy_from_slice(&result);
        }
    }
    Ok(Output { gas: cost, bytes })
}

const GAS_MIN: u64 = 200;

/// EIP-2565. Saturates: whoever pays the largest 64-bit number has it.
fn cost(size_max: u64, exponent_size: u64, head: &BigUint) -> u64 {
    let words = u128::from(size_max.div_ceil(8));
    let complexity = words.saturating_mul(words);
    let head_bits = u128::from(head.bits().saturating_sub(1));
    let tail_bits = u128::from(exponent_size.saturating_sub(32)).saturating_mul(8);
    let iterations = head_bits.saturating_add(tail_bits).max(1);
    let cost = complexity.saturating_mul(iterations) / 3;
    u64::try_from(cost).unwrap_or(u64::MAX).max(GAS_MIN)
}

/// `size` bytes of the input from `offset`, as if zeros followed it without end.
fn window(input: &[u8], offset: usize, size: usize) -> Vec<u8> {
    let rest = input.get(offset..).unwrap_or(&[]);
    let mut out = rest.get(..size.min(rest.len())).unwrap_or(&[]).to_vec();
    out.resize(size, 0);
    out
}

/// The modulus is above one.
#[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow, the modulus is not zero")]
fn power(base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    if exponent.bits() > SHORT_EXPONENT_BITS {
        return base.modpow(exponent, modulus);
    }
    let base = base % modulus;
    let mut result = BigUint::one();
    for bit in (0..exponent.bits()).rev() {
        result = (&result * &result) % modulus;
        if exponent.bit(bit) {
            result = (result * &base) % modulus;
        }
    }
    result
}

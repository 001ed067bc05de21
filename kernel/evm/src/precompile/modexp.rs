//! 0x05: modular exponentiation of integers of any size (EIP-198, gas of EIP-2565), from Osaka of at most 1,024
//! bytes (EIP-7823) and dearer (EIP-7883).
//!
//! Before Osaka sizes are bounded by gas alone: with 30 million, base and modulus have at most 76 kB, and an
//! exponent 11 MB.

use super::{Failure, Output, charge, padded};
use alloc::vec::Vec;
use millrace_curves::power;
use millrace_primitives::{Fork, U256};

/// Three sizes of 32 bytes come first.
const HEADER_BYTES: usize = 96;

/// Largest size of each number from Osaka.
const SIZE_MAX: u64 = 1_024;

pub(super) fn run(fork: Fork, input: &[u8], gas: u64) -> Result<Output, Failure> {
    let size = |offset| {
        let bytes = padded::<32>(input, offset);
        let (high, low) = bytes.split_last_chunk::<8>().map_or((&[][..], [0; 8]), |(h, l)| (h, *l));
        // No gas buys a size beyond 64 bits, so it is held at the largest.
        if high.iter().all(|byte| *byte == 0) { u64::from_be_bytes(low) } else { u64::MAX }
    };
    let (base_size, exponent_size, modulus_size) = (size(0), size(32), size(64));
    if fork >= Fork::Osaka && base_size.max(exponent_size).max(modulus_size) > SIZE_MAX {
        return Err(Failure::BadInput);
    }
    let exponent_at = usize::try_from(base_size).unwrap_or(usize::MAX).saturating_add(HEADER_BYTES);
    let head = U256::from_big_endian(&window(input, exponent_at, exponent_size.min(32) as usize));
    let cost = cost(fork, base_size.max(modulus_size), exponent_size, head);
    charge(cost, gas)?;
    // Whatever the exponent is said to be: without a modulus there is nothing to compute.
    if modulus_size == 0 {
        return Ok(Output { gas: cost, bytes: Vec::new() });
    }

    // Paid for: with 30 million gas, base and modulus have at most 76 kB and the exponent 11 MB.
    let base_size = usize::try_from(base_size).map_err(|_| Failure::OutOfGas)?;
    let modulus_size = usize::try_from(modulus_size).map_err(|_| Failure::OutOfGas)?;
    let exponent_size = usize::try_from(exponent_size).map_err(|_| Failure::OutOfGas)?;
    let modulus_at = exponent_at.saturating_add(exponent_size);
    let bytes = power(
        &window(input, HEADER_BYTES, base_size),
        &window(input, exponent_at, exponent_size),
        &window(input, modulus_at, modulus_size),
    );
    Ok(Output { gas: cost, bytes })
}

/// Saturates: whoever pays the largest 64-bit number has it.
fn cost(fork: Fork, size_max: u64, exponent_size: u64, head: U256) -> u64 {
    let words = u128::from(size_max.div_ceil(8));
    let square = words.saturating_mul(words);
    let head_bits = u128::from((head.bits() as u64).saturating_sub(1));
    let tail_bytes = u128::from(exponent_size.saturating_sub(32));
    let iterations = |bits_of_byte| tail_bytes.saturating_mul(bits_of_byte).saturating_add(head_bits).max(1);
    let (cost, least) = if fork >= Fork::Osaka {
        let complexity = if size_max <= 32 { 16 } else { square.saturating_mul(2) };
        (complexity.saturating_mul(iterations(16)), 500)
    } else {
        (square.saturating_mul(iterations(8)) / 3, 200)
    };
    u64::try_from(cost).unwrap_or(u64::MAX).max(least)
}

/// `size` bytes of the input from `offset`, as if zeros followed it without end.
fn window(input: &[u8], offset: usize, size: usize) -> Vec<u8> {
    let rest = input.get(offset..).unwrap_or(&[]);
    let mut out = rest.get(..size.min(rest.len())).unwrap_or(&[]).to_vec();
    out.resize(size, 0);
    out
}

//! The contracts that are built in: 0x01 to 0x09 in every fork, 0x0a from Cancun, 0x0b to 0x11 from Prague, 0x100
//! from Osaka. docs/precompiles.md lists them with what they cost.
//!
//! All are integer arithmetic in pure Rust: the PVM refuses floats.

mod blake2f;
mod bls12_381;
mod bn254;
mod hashes;
mod kzg;
mod modexp;
mod p256;

use alloc::vec::Vec;
use millrace_primitives::{Address, Fork};

/// What a precompile did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Gas used.
    pub gas: u64,
    /// What it returns.
    pub bytes: Vec<u8>,
}

/// Why a precompile failed: either way the call uses up its gas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// There was less gas than it takes.
    OutOfGas,
    /// The input is not what it works on.
    BadInput,
}

/// Whether this fork has one at this address.
pub fn is_precompile(fork: Fork, address: Address) -> bool {
    number(fork, address).is_some()
}

/// The number that the address of a precompile is.
fn number(fork: Fork, address: Address) -> Option<u16> {
    let (rest, last) = address.0.split_last_chunk::<2>()?;
    let number = u16::from_be_bytes(*last);
    let since = match number {
        0x01..=0x09 => Fork::Shanghai,
        0x0a => Fork::Cancun,
        0x0b..=0x11 => Fork::Prague,
        0x100 => Fork::Osaka,
        _ => return None,
    };
    (fork >= since && rest.iter().all(|byte| *byte == 0)).then_some(number)
}

/// Runs the precompile at this address, which [`is_precompile`], with `gas` to spend. Nothing is computed
/// before it is known to be paid for.
///
/// # Errors
/// Less gas than it takes, or an input that it does not work on.
pub fn run(fork: Fork, address: Address, input: &[u8], gas: u64) -> Result<Output, Failure> {
    match number(fork, address).unwrap_or_default() {
        0x01 => hashes::ecrecover(input, gas),
        0x02 => hashes::sha256(input, gas),
        0x03 => hashes::ripemd160(input, gas),
        0x04 => hashes::identity(input, gas),
        0x05 => modexp::run(fork, input, gas),
        0x06 => bn254::add(input, gas),
        0x07 => bn254::mul(input, gas),
        0x08 => bn254::pairing(input, gas),
        0x09 => blake2f::run(input, gas),
        0x0a => kzg::run(input, gas),
        0x0b => bls12_381::g1_add(input, gas),
        0x0c => bls12_381::g1_products(input, gas),
        0x0d => bls12_381::g2_add(input, gas),
        0x0e => bls12_381::g2_products(input, gas),
        0x0f => bls12_381::pairing(input, gas),
        0x10 => bls12_381::map_number_to_g1(input, gas),
        0x11 => bls12_381::map_number_to_g2(input, gas),
        0x100 => p256::run(input, gas),
        _ => Err(Failure::BadInput),
    }
}

/// Takes the cost, if there is that much gas.
const fn charge(cost: u64, gas: u64) -> Result<(), Failure> {
    if cost > gas { Err(Failure::OutOfGas) } else { Ok(()) }
}

/// `base + per_word × words` of the input.
const fn linear(input: &[u8], base: u64, per_word: u64) -> u64 {
    (input.len() as u64).div_ceil(32).saturating_mul(per_word).saturating_add(base)
}

/// `N` bytes of the input from `offset`, as if zeros followed it without end.
fn padded<const N: usize>(input: &[u8], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    let rest = input.get(offset..).unwrap_or(&[]);
    for (to, from) in out.iter_mut().zip(rest) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests;

//! The contracts that are built in: 0x01 to 0x09, with the gas of Cancun (which is that of Istanbul and
//! Berlin). 0x0a, the point evaluation of EIP-4844, is absent: a rollup has no blobs of its own whose
//! commitments could be opened, and its trusted set-up would weigh more than all the rest. The address is an
//! ordinary account.
//!
//! All are integer arithmetic in pure Rust: the PVM refuses floats.

mod blake2f;
mod bn254;
mod hashes;
mod modexp;

use alloc::vec::Vec;
use millrace_primitives::{Address, Fork};

/// Addresses 1 to this are built in.
const LAST: u8 = 9;

/// What a precompile did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Output {
    /// Gas used.
    pub(crate) gas: u64,
    /// What it returns.
    pub(crate) bytes: Vec<u8>,
}

/// Why a precompile failed: either way the call uses up its gas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// There was less gas than it takes.
    OutOfGas,
    /// The input is not what it works on.
    BadInput,
}

/// Whether this fork has one at this address.
pub(crate) fn is_precompile(_fork: Fork, address: Address) -> bool {
    number(address).is_some()
}

fn number(address: Address) -> Option<u8> {
    let (last, rest) = address.0.split_last()?;
    ((1..=LAST).contains(last) && rest.iter().all(|byte| *byte == 0)).then_some(*last)
}

/// Runs the precompile at this address, which [`is_precompile`], with `gas` to spend. Nothing is computed
/// before it is known to be paid for.
pub(crate) fn run(_fork: Fork, address: Address, input: &[u8], gas: u64) -> Result<Output, Failure> {
    match number(address).unwrap_or_default() {
        1 => hashes::ecrecover(input, gas),
        2 => hashes::sha256(input, gas),
        3 => hashes::ripemd160(input, gas),
        4 => hashes::identity(input, gas),
        5 => modexp::run(input, gas),
        6 => bn254::add(input, gas),
        7 => bn254::mul(input, gas),
        8 => bn254::pairing(input, gas),
        9 => blake2f::run(input, gas),
        _ => Err(Failure::BadInput),
    }
}

/// Takes the cost, if there is that much gas.
pub(crate) const fn charge(cost: u64, gas: u64) -> Result<(), Failure> {
    if cost > gas { Err(Failure::OutOfGas) } else { Ok(()) }
}

/// `base + per_word × words` of the input.
pub(crate) const fn linear(input: &[u8], base: u64, per_word: u64) -> u64 {
    (input.len() as u64).div_ceil(32).saturating_mul(per_word).saturating_add(base)
}

/// `N` bytes of the input from `offset`, as if zeros followed it without end.
pub(crate) fn padded<const N: usize>(input: &[u8], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    let rest = input.get(offset..).unwrap_or(&[]);
    for (to, from) in out.iter_mut().zip(rest) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests;

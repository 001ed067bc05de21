//! 0x100: verification of a signature on P-256 (EIP-7951).

use super::{Failure, Output, charge};
use alloc::vec;
use alloc::vec::Vec;
use millrace_curves::p256::verify;

/// Digest, r, s, and the coordinates of the key, 32 bytes each.
const INPUT_BYTES: usize = 160;

/// One in a word for a signature that verifies, nothing for all else: there is no failure but want of gas.
pub(super) fn run(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 6_900;
    charge(COST, gas)?;
    let mut bytes = Vec::new();
    if input.len() == INPUT_BYTES
        && let ([digest, r, s, x, y], _) = input.as_chunks::<32>()
        && verify(digest, [r, s], [x, y])
    {
        bytes = vec![0; 31];
        bytes.push(1);
    }
    Ok(Output { gas: COST, bytes })
}

//! 0x01 to 0x04: recovery of a signer, SHA-256, RIPEMD-160, identity.

use super::{Failure, Output, charge, linear, padded};
use crate::transaction::{Signature, recover_address};
use alloc::vec;
use alloc::vec::Vec;
use millrace_primitives::{H256, U256};
use ripemd::{Digest, Ripemd160};
use sha2::Sha256;

/// The address that signed a digest, padded to a word; nothing when there is none.
pub(super) fn ecrecover(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 3_000;
    charge(COST, gas)?;
    let digest = H256(padded::<32>(input, 0));
    let v = U256::from_big_endian(&padded::<32>(input, 32));
    let signature = Signature {
        r: U256::from_big_endian(&padded::<32>(input, 64)),
        s: U256::from_big_endian(&padded::<32>(input, 96)),
        y_parity: v == U256::from(28),
    };
    let is_well_formed = (v == U256::from(27) || v == U256::from(28)) && signature.is_in_range();
    let signer = if is_well_formed { recover_address(digest, &signature) } else { None };
    let bytes = signer.map_or_else(Vec::new, |address| H256::from(address).0.to_vec());
    Ok(Output { gas: COST, bytes })
}

pub(super) fn sha256(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let cost = linear(input, 60, 12);
    charge(cost, gas)?;
    Ok(Output { gas: cost, bytes: Sha256::digest(input).to_vec() })
}

pub(super) fn ripemd160(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let cost = linear(input, 600, 120);
    charge(cost, gas)?;
    let mut bytes = vec![0; 12];
    bytes.extend_from_slice(&Ripemd160::digest(input));
    Ok(Output { gas: cost, bytes })
}

pub(super) fn identity(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let cost = linear(input, 15, 3);
    charge(cost, gas)?;
    Ok(Output { gas: cost, bytes: input.to_vec() })
}

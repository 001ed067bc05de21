//! Accounts of the layer 1 as callers name them: base58 with a checksum, or the 22 bytes of Michelson.

use super::Failure;
use millrace_primitives::{ContractHash, L1Account};

/// Every such text has this length; nothing else is decoded, so decoding takes the time of this.
const TEXT_BYTES: usize = 36;
/// What it holds: prefix, hash, checksum.
const DECODED_BYTES: usize = 27;

const CONTRACT: [u8; 3] = [2, 90, 121];
/// `tz1` to `tz4`, in the order of their tags.
const KEY_HASHES: [[u8; 3]; 4] = [[6, 161, 159], [6, 161, 161], [6, 161, 164], [6, 161, 166]];

/// The account behind `tz1…` to `tz4…` or `KT1…`. As on Etherlink, a contract has no entrypoint behind it.
pub(super) fn from_base58(text: &[u8]) -> Result<L1Account, Failure> {
    const BAD: Failure = Failure::Reverted("not an account of the layer 1");
    if text.len() != TEXT_BYTES {
        return Err(BAD);
    }
    let mut decoded = [0; DECODED_BYTES];
    let size = bs58::decode(text).with_check(None).onto(&mut decoded[..]).map_err(|_| BAD)?;
    let decoded = decoded.get(..size).ok_or(BAD)?;
    let (prefix, hash) = decoded.split_first_chunk::<3>().ok_or(BAD)?;
    let hash: &[u8; 20] = hash.try_into().map_err(|_| BAD)?;
    if *prefix == CONTRACT {
        return Ok(of_contract(&ContractHash::new(*hash)));
    }
    let tag = (0u8..).zip(KEY_HASHES).find(|(_, of_kind)| of_kind == prefix).ok_or(BAD)?.0;
    let mut bytes = [0; 22];
    let (tags, rest) = bytes.split_at_mut(2);
    tags.copy_from_slice(&[0, tag]);
    rest.copy_from_slice(hash);
    Ok(L1Account::new(bytes))
}

/// The contract behind `KT1…`.
pub(super) fn contract_from_base58(text: &[u8]) -> Result<ContractHash, Failure> {
    contract(&from_base58(text)?)
}

/// Reads the bytes of Michelson.
pub(super) fn from_bytes(bytes: &[u8; 22]) -> Result<L1Account, Failure> {
    match bytes {
        [0, 0..=3, ..] | [1, .., 0] => Ok(L1Account::new(*bytes)),
        _ => Err(Failure::Reverted("not an account of the layer 1")),
    }
}

/// The contract, if it is one.
pub(super) fn contract(account: &L1Account) -> Result<ContractHash, Failure> {
    match account.as_bytes() {
        [1, hash @ .., 0] => ContractHash::from_slice(hash),
        _ => None,
    }
    .ok_or(Failure::Reverted("not a contract of the layer 1"))
}

/// The account of a contract.
pub(super) fn of_contract(contract: &ContractHash) -> L1Account {
    let mut bytes = [0; 22];
    let [tag, hash @ .., _] = &mut bytes;
    *tag = 1;
    hash.copy_from_slice(contract.as_bytes());
    L1Account::new(bytes)
}

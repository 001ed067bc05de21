//! Whether the values of an installer make a rollup of this kernel.

use super::{
    Decoded, Fault, Stored,
    values::{World, entry, written},
};
use crate::Parameters;
use millrace_layout::{
    catalog::{PARAMETERS, Writer},
    parameters as layout,
    world::{Code, allocation_digest_with_slots},
};
use millrace_primitives::{EMPTY_CODE_HASH, H256};
use millrace_wire::authority::Authority;
use sha3::{Digest, Keccak256};

/// Notes what is wrong with the values, and answers what an originator would have written to get them. An installer without a
/// value at any key of this layout is of another kernel, and nobody here can judge it.
pub(super) fn judge(values: &[Stored], faults: &mut Vec<Fault>) -> Option<Parameters> {
    if values.iter().all(|value| value.key.is_none()) {
        return None;
    }
    let mut found = Found::default();
    for value in values {
        found.take(value, faults);
    }
    let Found { parameters, authority, world, is_corrupt } = found;
    let Some(stored) = parameters else {
        let is_there = values.iter().any(|value| value.path == PARAMETERS.pattern);
        if !is_there {
            faults.push(Fault::NoParameters(PARAMETERS.pattern.to_owned()));
        }
        return None;
    };
    check_world(&world, faults);
    let accounts: Vec<_> = world.accounts.iter().map(|(address, account)| (*address, *account)).collect();
    if !is_corrupt && stored.allocation_digest != allocation_digest_with_slots(&accounts, &world.slots) {
        faults.push(Fault::Digest);
    }
    if let Some(Err(error)) = authority.as_ref().map(Authority::validate) {
        faults.push(Fault::Authority(error));
    }
    let written = written(&stored, authority.as_ref(), &world);
    // Unless that is known already.
    if faults.is_empty()
        && let Err(error) = written.genesis()
    {
        faults.push(Fault::Parameter(error));
    }
    Some(written)
}

/// What the values are together.
#[derive(Default)]
struct Found {
    parameters: Option<Box<layout::Parameters>>,
    authority: Option<Authority>,
    world: World,
    /// A value that is there could not be read.
    is_corrupt: bool,
}

impl Found {
    fn take(&mut self, value: &Stored, faults: &mut Vec<Fault>) {
        let path = || value.path.clone();
        let Some((entry, _)) = entry(&value.path) else {
            faults.push(Fault::UnknownKey(path()));
            return;
        };
        if !entry.writers.contains(&Writer::Installer) || entry.value.is_empty() {
            faults.push(Fault::KernelsKey(path()));
            return;
        }
        match value.decoded.clone() {
            Some(Decoded::Parameters(parameters)) => self.parameters = Some(parameters),
            Some(Decoded::Authority(authority)) => self.authority = Some(authority),
            Some(Decoded::Account(address, account)) => {
                self.world.accounts.insert(address, account);
            }
            Some(Decoded::Code(hash, code)) => {
                if H256(Keccak256::digest(&code.0).into()) != hash {
                    faults.push(Fault::CodeHash(path()));
                }
                self.world.codes.insert(hash, code);
            }
            Some(Decoded::Slot(address, slot, word)) => {
                self.world.slots.entry(address).or_default().insert(slot, word);
            }
            Some(Decoded::Version(_) | Decoded::Root(_)) => {}
            None => {
                self.is_corrupt = true;
                // Pages that are not at hand are no fault of the value.
                if value.content.bytes().is_some() {
                    faults.push(Fault::Corrupt(path()));
                }
            }
        }
    }
}

/// Whether accounts, code and storage belong together.
fn check_world(world: &World, faults: &mut Vec<Fault>) {
    for (address, account) in &world.accounts {
        let is_contract = account.code_hash != EMPTY_CODE_HASH;
        let has_code = world.codes.get(&account.code_hash).is_some_and(|Code(code)| !code.is_empty());
        if is_contract && !has_code {
            faults.push(Fault::NoCode(*address));
        }
    }
    for address in world.slots.keys() {
        let account = world.accounts.get(address);
        if account.is_none_or(|account| account.code_hash == EMPTY_CODE_HASH) {
            faults.push(Fault::Storage(*address));
        }
    }
}

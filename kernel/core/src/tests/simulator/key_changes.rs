//! What a sequencer asks for: another key, right and wrong. Anybody may send it, by any way.

use super::{setup::CHAIN_ID, users::Site};
use fastrand::Rng;
use millrace_evm::{system::KEY_CHANGES, transaction::Transaction};
use millrace_layout::{sequencers, world::World};
use millrace_primitives::{Epoch, H256, U256};
use millrace_wire::key_change::{COUNTER_CALL, KeyChange, counter};

/// Makes a request for another key of a transaction, or what one would be but for a detail.
pub(super) fn make(rng: &mut Rng, site: &Site<'_>, transaction: &mut Transaction) {
    let in_office = sequencers::read(site.host).unwrap();
    let signer = match &in_office {
        Some(authority) if rng.u8(0..8) > 0 => site.setup.keys_of(authority)[0],
        _ => rng.choice(&site.setup.keys).unwrap(),
    };
    let requests = World::Committed.slot(KEY_CHANGES, H256::zero()).unwrap().read(site.host).unwrap();
    let requests = U256::from_big_endian(requests.unwrap_or_default().as_bytes());
    let epoch = in_office.as_ref().map_or(Epoch::ZERO, |authority| authority.epoch);
    let right = counter(epoch, requests.as_u64());
    let change = KeyChange {
        key: rng.choice(&site.setup.keys).unwrap().public_key(),
        chain_id: U256::from(if rng.u8(0..12) == 0 { 1 } else { CHAIN_ID }),
        counter: if rng.u8(0..12) == 0 { right + 1 } else { right },
    };
    transaction.to = Some(KEY_CHANGES);
    transaction.value = U256::from(u8::from(rng.u8(0..16) == 0));
    transaction.data = match rng.u8(0..12) {
        0 => COUNTER_CALL.to_vec(),
        _ => change.call_data(&signer.sign(&change.signing_bytes())),
    };
    match rng.u8(0..12) {
        0 => {
            let size = rng.usize(0..transaction.data.len());
            transaction.data.truncate(size);
        }
        1 => {
            let at = rng.usize(0..transaction.data.len());
            transaction.data[at] ^= 1 << rng.u8(0..8);
        }
        _ => {}
    }
}

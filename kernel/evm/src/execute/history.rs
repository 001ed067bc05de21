//! Hashes of past blocks in the state (EIP-2935): contracts can look further back than the 256 of `BLOCKHASH`.
//!
//! Ethereum calls a contract as the system at the start of each block. What that call does is one slot, written here
//! directly; the contract itself stands in the state for those who ask it, put there with the first slot.

use super::BlockEnvironment;
use crate::Fork;
use crate::state::{State, StateReader};
use millrace_primitives::{Address, BlockHash, H160, U256};

/// Where the hashes are.
pub const HISTORY_CONTRACT: Address = H160([
    0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb, 0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20,
    0x00, 0x29, 0x35,
]);
/// Slot `number mod 8,191` holds the hash of that block: about an hour of blocks at two a second.
pub const HISTORY_WINDOW: u64 = 8_191;
/// The code that EIP-2935 gives: called by anybody but the system, it takes a number and answers the hash.
const CODE: [u8; 83] = [
    0x33, 0x73, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xfe, 0x14, 0x60, 0x46, 0x57, 0x60, 0x20, 0x36, 0x03, 0x60, 0x42, 0x57, 0x5f,
    0x35, 0x60, 0x01, 0x43, 0x03, 0x81, 0x11, 0x60, 0x42, 0x57, 0x61, 0x1f, 0xff, 0x81, 0x43, 0x03, 0x11,
    0x60, 0x42, 0x57, 0x61, 0x1f, 0xff, 0x90, 0x06, 0x54, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3, 0x5b, 0x5f,
    0x5f, 0xfd, 0x5b, 0x5f, 0x35, 0x61, 0x1f, 0xff, 0x60, 0x01, 0x43, 0x03, 0x06, 0x55, 0x00,
];

/// Writes down the hash of the parent, before the first transaction of a block. Before Prague there is nothing to do.
///
/// # Errors
/// When the state cannot be read; it is as before.
pub fn record_parent<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    parent: BlockHash,
) -> Result<(), R::Error> {
    let Some(number) = block.number.get().checked_sub(1).filter(|_| block.fork >= Fork::Prague) else {
        return Ok(());
    };
    state.begin();
    // Nobody has a key for the address and creations cannot reach it, so it is as it was left here.
    if state.nonce_of(HISTORY_CONTRACT) == 0 {
        let _ = state.increment_nonce(HISTORY_CONTRACT);
        state.set_code(HISTORY_CONTRACT, CODE.to_vec());
    }
    let slot = number.checked_rem(HISTORY_WINDOW).unwrap_or_default();
    state.set_slot(HISTORY_CONTRACT, U256::from(slot), U256::from_big_endian(parent.as_bytes()));
    match state.take_failure() {
        Some(error) => {
            state.abandon();
            Err(error)
        }
        None => {
            state.finish();
            Ok(())
        }
    }
}

//! The hash of a machine at rest, which commitments and the RPC of a rollup node name.
//!
//! Octez keeps the whole machine in one tree, hashed as the durable storage is (context format 1, binary). At rest
//! the tree holds, values in Octez's `data_encoding` (`n` and `z` are its numbers of any size, without and with sign):
//!
//! | path | value |
//! | --- | --- |
//! | `durable/…` | the durable storage |
//! | `wasm/input` | level (int32) and index (n) of the last input; absent before the first |
//! | `wasm/current_tick` | n |
//! | `wasm/reboot_counter` | n, one more than the reboots of a level |
//! | `wasm/tag`, `wasm/value` | `collect`; or `stuck` and why |
//! | `pvm/last_top_level_call` | n, the tick at which the last run, or the rest, began |
//! | `pvm/max_nb_ticks` | n, ticks of a run |
//! | `pvm/maximum_reboots_per_input` | n |
//! | `pvm/outbox_validity_period`, `pvm/outbox_message_limit` | int32 and z, as at the origination |
//! | `tag` | `Some`: the encoding of the buffers is an option, and not in a directory of its own |
//! | `value/pvm/buffers/input/…` | a vector of the inputs that were not read |
//! | `value/pvm/buffers/output/1/outboxes/<level>/…` | a vector of messages, for each level in the window |
//! | `value/pvm/buffers/output/2/last_level` | int32; absent before the first level |
//! | `value/pvm/buffers/output/3/validity_period`, `…/4/message_limit` | int32 and z; a migration changes the former |
//!
//! A vector is `length` and `head` (z) and `contents/<index>`. An outbox message is one leaf, with its length
//! in 4 bytes before it. An input is `raw-level` (int32), `message-counter` (z) and, as a value of the durable storage,
//! `length` and `contents/<chunk>`.
//!
//! **Sources**: Octez, `lib_scoru_wasm/wasm_pvm.ml` (`pvm_state_encoding`), `wasm_encoding.ml` (buffers), `wasm_pvm_errors.ml`
//! and `lib_tree_encoding`. Established by recorded states of Octez's machine: after originations, levels, reboots, migrations and
//! in every way of being stuck that has a known spelling (`tests/state_hashes.rs` and the recorded vectors).
//!
//! **Deliberately unknown**: a machine in the middle of a run, whose state is that of an interpreter of wasm; and the
//! ticks of the run in which a machine got stuck, which only counting ticks tells ([`State::count_stuck_run`]).

mod encoding;
mod registers;
mod stuck;

pub use registers::Registers;
pub(crate) use stuck::NO_MEMORY;

use crate::durable::NodeHash;
use crate::pvm::State;
use crate::status::{Status, Stuck};
use encoding::Directory;
use std::fmt;

/// Octez's prefix of these names: `srs1…`, 54 characters.
const PREFIX: [u8; 4] = [17, 165, 235, 240];

/// The hash of the state of a machine. Shown in base58 with a checksum, as `srs1…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHash(NodeHash);

impl StateHash {
    /// Wraps bare bytes: the caller states what they are.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode([PREFIX.as_slice(), &self.0].concat()).with_check().into_string())
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateHash({self})")
    }
}

impl State {
    /// Tells how many ticks the phases of the run took in which the machine has just got stuck (decode, link, init, eval).
    /// Nothing else makes the hash of a stuck machine known. Before it was given more inputs: they count from there.
    pub fn count_stuck_run(&mut self, phases_ticks: u64) {
        // The step that leaves the snapshot, and the one that finds no other kernel after a failed boot.
        let steps = match &self.status {
            Status::WaitingForInput => return,
            Status::Stuck(Stuck::NoFallbackKernel { .. }) => 2,
            Status::Stuck(_) => 1,
        };
        if let Some(registers) = &mut self.registers {
            registers.count_stuck_run(phases_ticks.saturating_add(steps));
        }
    }

    /// The hash of the whole machine, as Octez makes it. `None` when not all is known that it covers: the registers,
    /// the ticks of the run in which it got stuck, or how Octez spells why.
    ///
    /// What did not change since the last time is not hashed again.
    pub fn hash(&self) -> Option<StateHash> {
        let registers = self.registers.as_ref()?;
        let mut root = Directory::default();
        root.node("durable", self.durable.hash());
        let mut wasm = Directory::default();
        match &self.status {
            Status::WaitingForInput => wasm.string("tag", "collect"),
            Status::Stuck(why) => {
                wasm.string("tag", "stuck");
                wasm.leaf("value", stuck::encode(why)?);
            }
        }
        registers.write_wasm(&mut wasm)?;
        root.directory("wasm", wasm);
        root.directory("pvm", registers.pvm());
        root.string("tag", "Some");
        let mut pvm = Directory::default();
        pvm.directory("buffers", registers.buffers());
        let mut value = Directory::default();
        value.directory("pvm", pvm);
        root.directory("value", value);
        Some(StateHash(root.hash()))
    }
}

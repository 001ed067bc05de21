//! What a file holds.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Bytes, written in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        hex::decode(digits).map(Self).map_err(serde::de::Error::custom)
    }
}

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Vector {
    /// Unlike that of any other.
    pub name: String,
    /// The version at origination, as the durable storage spells it.
    pub pvm_version: String,
    /// What was given at origination.
    pub params: Parameters,
    /// The boot sector.
    pub kernel: Kernel,
    /// By their hash, 33 bytes.
    #[serde(default)]
    pub preimages: BTreeMap<String, Bytes>,
    /// Answers to requests of other kinds, by the whole request.
    #[serde(default)]
    pub other_reveals: BTreeMap<String, Bytes>,
    /// The inboxes.
    pub levels: Vec<Inbox>,
    /// What each result code is of.
    #[serde(default)]
    pub calls: Vec<String>,
    /// What was observed.
    pub expected: Expected,
}

/// What was given at origination.
#[derive(Clone, Debug, Deserialize)]
pub struct Parameters {
    /// Ticks of a run, padding included.
    pub ticks_per_snapshot: u64,
    /// Levels that outboxes are kept.
    pub outbox_validity_period: u32,
    /// Messages in the outbox of a level.
    pub outbox_message_limit: usize,
    /// Reboots of a level.
    pub maximum_reboots_per_input: u32,
    /// The answer to the reveal of metadata: an address of 20 bytes, a level of 4.
    pub metadata: Bytes,
    /// The answer to the reveal of the constants of the data-availability layer: four integers of 8 bytes.
    pub dal_parameters: Bytes,
}

/// The boot sector.
#[derive(Clone, Debug, Deserialize)]
pub struct Kernel {
    /// Its bytes, a module or not.
    pub wasm: Bytes,
}

/// The messages of a level.
#[derive(Clone, Debug, Deserialize)]
pub struct Inbox {
    /// All of them, as the machine received them.
    pub inbox: Vec<Bytes>,
}

/// What was observed.
#[derive(Clone, Debug, Deserialize)]
pub struct Expected {
    /// The whole machine before any input.
    pub initial_state_hash: Option<StateHash>,
    /// After each level; there may be fewer than inboxes.
    pub levels: Vec<Level>,
}

/// The hash of the whole machine.
#[derive(Clone, Debug, Deserialize)]
pub struct StateHash {
    /// 32 bytes.
    pub hex: Bytes,
}

/// What was observed after a level.
#[derive(Clone, Debug, Deserialize)]
pub struct Level {
    /// Its number.
    pub level: u32,
    /// `ok`, `stuck` or `waiting_for_reveal`.
    pub status: String,
    /// Runs, failed boots included.
    pub kernel_runs: u64,
    /// The same in order.
    pub runs: Vec<Runs>,
    /// The tick counter once the inbox was fed.
    pub ticks_after_inputs: Option<u64>,
    /// The tick counter at the end.
    pub ticks_total: Option<u64>,
    /// Why the machine is stuck.
    pub stuck: Option<Fault>,
    /// The request that waits.
    pub waiting_reveal: Option<Bytes>,
    /// All values.
    pub durable: BTreeMap<String, Content>,
    /// The hash of the root of the durable storage.
    pub durable_hash: Option<Bytes>,
    /// The hash of the machine.
    pub state_hash: Option<StateHash>,
    /// The messages to the layer 1.
    pub outbox: Vec<Content>,
    /// What each call of `write_debug` wrote.
    pub debug: Vec<Content>,
    /// The requests, tag included.
    pub reveal_requests: Vec<Content>,
    /// Result codes.
    pub results: Option<Results>,
}

/// Equal runs, one after the other.
#[derive(Clone, Debug, Deserialize)]
pub struct Runs {
    /// How each ended: `ok`, `trap`, `fallback`, `stuck`, `waiting_for_reveal`.
    pub outcome: String,
    /// How many they are.
    pub count: u64,
    /// The kind of trap.
    pub trap: Option<String>,
    /// What was wrong.
    pub error: Option<Fault>,
    /// By phase.
    #[serde(default)]
    pub ticks: Phases,
}

/// Ticks by phase; one that was not reached has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Phases {
    /// From bytes to a module.
    #[serde(default)]
    pub decode: u64,
    /// Looking for the imports.
    #[serde(default)]
    pub link: u64,
    /// Memory, tables, data, the start function.
    #[serde(default)]
    pub init: u64,
    /// `kernel_run`.
    #[serde(default)]
    pub eval: u64,
}

impl Phases {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.decode + self.link + self.init + self.eval
    }
}

/// What was wrong; the words of it are for people.
#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    /// What kind.
    pub kind: String,
    /// What it comes from.
    pub cause: Option<Box<Fault>>,
}

/// Bytes, or what stands for many of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// In full.
    Full(Bytes),
    /// Their number, and their digest where it was taken.
    Digest {
        /// How many.
        length: u64,
        /// Blake2b-256.
        blake2b: Option<Bytes>,
    },
}

/// Result codes of the calls that a kernel made.
#[derive(Clone, Debug, Deserialize)]
pub struct Results {
    /// Where the kernel stored them, little-endian.
    pub key: String,
    /// In the order of the calls.
    pub codes: Vec<i32>,
}

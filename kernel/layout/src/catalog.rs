//! Every key of the layout.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// Who writes a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writer {
    /// The config program of the installer, at origination.
    Installer,
    /// Stage 0 of the kernel: versions and upgrades.
    Upgrade,
    /// Stage 1 of the kernel: the inbox.
    Inbox,
    /// Stage 2 of the kernel: blocks.
    Block,
}

/// A key, or a family of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its path; parts in `<…>` vary.
    pub pattern: &'static str,
    /// What it holds and how that is encoded; empty for a node without a value of its own.
    pub value: &'static str,
    /// Largest encoding in bytes.
    pub size_bytes_max: usize,
    /// Who writes it.
    pub writers: &'static [Writer],
    /// The storage version that brought it.
    pub since: u64,
}

impl Entry {
    /// The path with its variable parts filled in from left to right.
    pub(crate) fn fill(&self, parts: &[&dyn fmt::Display]) -> String {
        let mut text = String::with_capacity(160);
        let mut rest = self.pattern;
        for part in parts {
            let Some((before, after)) = rest.split_once('<') else { break };
            text.push_str(before);
            // Writing to a string cannot fail.
            let _ = write!(text, "{part}");
            rest = after.split_once('>').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        text
    }
}

/// Declares the entries and the list of all of them.
macro_rules! catalog {
    ($($(#[$doc:meta])* $name:ident = $pattern:literal, $value:literal, $size:expr, [$($writer:ident),*];)*) => {
        $(
            $(#[$doc])*
            pub const $name: Entry = Entry {
                pattern: $pattern,
                value: $value,
                size_bytes_max: $size,
                writers: &[$(Writer::$writer),*],
                since: 1,
            };
        )*

        /// Every key, in the order of this page.
        pub const ALL: &[Entry] = &[$($name),*];
    };
}

use crate::{Value, blueprints, clock, delayed, events, parameters, world};
use millrace_primitives::{Account, BlockHash, BlockNumber, H256};
use millrace_wire::authority::Authority;

catalog! {
    /// Which layout this is.
    STORAGE_VERSION = "/base/storage_version", "u64, big-endian", 8, [Upgrade];
    /// The parameters of the rollup.
    PARAMETERS = "/base/parameters", "RLP list of 13: format 1, chain id, ticketer (20 bytes or empty), pool, minimum base fee, DA fee per byte, gas target per second, execution gas per transaction, execution gas per block, gas limit in headers, lookahead in seconds, genesis timestamp, allocation digest", parameters::Parameters::SIZE_BYTES_MAX, [Installer];
    /// Who may order transactions.
    AUTHORITY = "/base/authority", "RLP list of 3: epoch, quorum, list of public keys (tag byte, key)", Authority::SIZE_BYTES_MAX, [Installer];
    /// Level and time of the layer 1.
    L1_CLOCK = "/base/l1", "level u32, timestamp of its predecessor u64, big-endian", clock::L1Clock::SIZE_BYTES_MAX, [Inbox];
    /// Header and certificate of a blueprint, byte for byte as its chunks carry them.
    BLUEPRINT_HEADER = "/base/blueprints/<number>/header", "header and certificate of blueprint format 2", blueprints::Announced::SIZE_BYTES_MAX, [Inbox];
    /// The pieces of a blueprint.
    BLUEPRINT_CHUNKS = "/base/blueprints/<number>/chunks", "", 0, [Inbox];
    /// One piece of the payload of a blueprint.
    BLUEPRINT_CHUNK = "/base/blueprints/<number>/chunks/<index>", "bytes", blueprints::Piece::SIZE_BYTES_MAX, [Inbox];
    /// Which positions of the delayed inbox are in use.
    DELAYED_BOUNDS = "/base/delayed/bounds", "front u64, back u64, big-endian", delayed::Bounds::SIZE_BYTES_MAX, [Inbox, Block];
    /// An item of the delayed inbox.
    DELAYED_ITEM = "/base/delayed/items/<position>", "RLP list of 8: name, level, timestamp, kind 1 (deposit), amount in mutez, receiver, level, index in the inbox", delayed::Item::SIZE_BYTES_MAX, [Inbox, Block];
    /// Where an item of the delayed inbox is.
    DELAYED_NAME = "/base/delayed/names/<name>", "position u64, big-endian", delayed::Position::SIZE_BYTES_MAX, [Inbox, Block];
    /// The events of the level.
    EVENTS = "/base/events", "", 0, [Inbox, Block];
    /// How many events the level has.
    EVENTS_COUNT = "/base/events/count", "u64, big-endian", events::Count::SIZE_BYTES_MAX, [Inbox, Block];
    /// An event of the level.
    EVENT = "/base/events/<index>", "RLP list of 4: kind, name or number, position, reason", events::Event::SIZE_BYTES_MAX, [Inbox, Block];
    /// The last block whose blueprint and delayed items have left their queues.
    SETTLED = "/base/settled", "block number u64, big-endian", BlockNumber::SIZE_BYTES_MAX, [Block];
    /// An account with its storage.
    ACCOUNT_NODE = "/evm/world/accounts/<address>", "", 0, [Installer, Block];
    /// Nonce, balance and code hash of an account.
    ACCOUNT = "/evm/world/accounts/<address>/info", "nonce u64, balance 32 bytes, code hash 32 bytes, big-endian", Account::SIZE_BYTES_MAX, [Installer, Block];
    /// The storage of an account.
    SLOTS = "/evm/world/accounts/<address>/storage", "", 0, [Block];
    /// A storage slot that is not zero.
    SLOT = "/evm/world/accounts/<address>/storage/<slot>", "32 bytes", H256::SIZE_BYTES_MAX, [Block];
    /// The code of a contract.
    CODE = "/evm/world/codes/<hash>", "bytes", world::Code::SIZE_BYTES_MAX, [Installer, Block];
    /// The last block.
    HEAD = "/evm/world/head", "RLP list of 4: hash, list of 11 header fields, backlog in gas, list of consumed delayed items", world::Head::SIZE_BYTES_MAX, [Block];
    /// The hash of a recent block.
    BLOCK_HASH = "/evm/world/hashes/<number mod 256>", "32 bytes", BlockHash::SIZE_BYTES_MAX, [Block];
    /// Transactions and receipts of the last block.
    BODY = "/evm/world/body", "RLP list of 2: list of transactions, list of receipts (lists of 8: type, success, cumulative gas, gas, price per gas, sender, created, logs)", world::Body::SIZE_BYTES_MAX, [Block];
}

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
    /// A node, and the kernel in runs of a node's own: never on the layer 1.
    Node,
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

use crate::{
    Value, attempt, blueprints, clock, dal, delayed, events, governance, node, outbox, parameters, progress,
    queue, sequencers, upgrade, world,
};
use millrace_primitives::{Account, BlockHash, BlockNumber, H256};
use millrace_wire::authority::Authority;

catalog! {
    /// Which layout this is.
    STORAGE_VERSION = "/base/storage_version", "u64, big-endian", 8, [Upgrade];
    /// The parameters of the rollup.
    PARAMETERS = "/base/parameters", "RLP list of 19: format 1, chain id, contracts, pool, minimum base fee, DA fee per byte, where execution fees go (0 burned, 1 pool), gas target per second, execution gas per transaction, execution gas per block, gas limit in headers, lookahead in seconds, delayed inbox (timeout in seconds, timeout in levels, items of a forced block), whether there is an FA bridge, genesis timestamp, allocation digest, fork of the EVM (0 Shanghai, 1 Cancun, 2 Prague, 3 Osaka), data availability layer (whether it is listened to, whether signals are, slot indices as bytes ascending, accounts of publishers 21 bytes each), upgrades (shortest notice in seconds, the same of security governance, seconds until anybody can force one, levels of a trial); contracts are a list of 6, each 20 bytes or empty: ticketer, delayed bridge, admin, kernel governance, security governance, sequencer governance", parameters::Parameters::SIZE_BYTES_MAX, [Installer, Inbox];
    /// Who may order transactions.
    AUTHORITY = "/base/authority", "RLP list of 3: epoch, quorum, list of public keys (tag byte, key)", Authority::SIZE_BYTES_MAX, [Installer, Inbox];
    /// Keys of members, prepared for checking signatures.
    ALL_PREPARED = "/base/prepared", "", 0, [Inbox];
    /// One of them.
    PREPARED = "/base/prepared/<key>", "key 32, multiples of it 1,728 (millrace_ed25519::PreparedKey)", sequencers::Prepared::SIZE_BYTES_MAX, [Inbox];
    /// Level and time of the layer 1.
    L1_CLOCK = "/base/l1", "level u32, timestamp of its predecessor u64, big-endian", clock::L1Clock::SIZE_BYTES_MAX, [Inbox];
    /// The blueprints that wait.
    BLUEPRINTS = "/base/blueprints", "", 0, [Inbox, Block];
    /// A blueprint that waits.
    BLUEPRINT = "/base/blueprints/<number>", "", 0, [Inbox, Block];
    /// Header and certificate of a blueprint, byte for byte as its chunks carry them.
    BLUEPRINT_HEADER = "/base/blueprints/<number>/header", "header and certificate of blueprint format 2", blueprints::Announced::SIZE_BYTES_MAX, [Inbox];
    /// How many chunks a blueprint of format 0 has.
    BLUEPRINT_LEGACY = "/base/blueprints/<number>/count", "u16, big-endian", blueprints::LegacyCount::SIZE_BYTES_MAX, [Inbox];
    /// The pieces of a blueprint.
    BLUEPRINT_CHUNKS = "/base/blueprints/<number>/chunks", "", 0, [Inbox];
    /// One piece of the payload of a blueprint.
    BLUEPRINT_CHUNK = "/base/blueprints/<number>/chunks/<index>", "bytes", blueprints::Piece::SIZE_BYTES_MAX, [Inbox];
    /// Another blueprint for the same number, as long as neither is whole.
    RIVAL = "/base/blueprints/<number>/rival", "", 0, [Inbox];
    /// Its header and certificate.
    RIVAL_HEADER = "/base/blueprints/<number>/rival/header", "as that of the blueprint", blueprints::Announced::SIZE_BYTES_MAX, [Inbox];
    /// The pieces of its payload.
    RIVAL_CHUNKS = "/base/blueprints/<number>/rival/chunks", "", 0, [Inbox];
    /// One of them.
    RIVAL_CHUNK = "/base/blueprints/<number>/rival/chunks/<index>", "bytes", blueprints::Piece::SIZE_BYTES_MAX, [Inbox];
    /// The slots of the data availability layer that are being imported.
    DAL_IMPORT = "/base/dal/import", "RLP list of 7: level, slots taken up in it, bytes of a slot, bytes of a page, offset in the first slot, whether a run trapped since, list of slots (published level, index)", dal::Import::SIZE_BYTES_MAX, [Inbox];
    /// Which slots of a level are done.
    DAL_DONE = "/base/dal/done/<level mod 512>", "published level u32, big-endian; bit set of 32 bytes (bit i mod 8, from the lowest, of byte i / 8 for slot i)", dal::Done::SIZE_BYTES_MAX, [Inbox];
    /// Which positions of the delayed inbox are in use.
    DELAYED_BOUNDS = "/base/delayed/bounds", "front u64, back u64, big-endian", delayed::Bounds::SIZE_BYTES_MAX, [Inbox, Block];
    /// An item of the delayed inbox.
    DELAYED_ITEM = "/base/delayed/items/<position>", "RLP list of 5: name, level, timestamp, kind, content; kind 1: deposit, list of 4 (amount in mutez, receiver, level, index in the inbox); kind 2: FA deposit, list of 6 (amount, receiver, proxy or empty, ticket hash, level, index); kind 3: transaction, its bytes", delayed::Item::SIZE_BYTES_MAX, [Inbox, Block];
    /// Where an item of the delayed inbox is.
    DELAYED_NAME = "/base/delayed/names/<name>", "position u64, big-endian", delayed::Position::SIZE_BYTES_MAX, [Inbox, Block];
    /// A transaction on its way through the delayed bridge.
    BRIDGE = "/base/delayed/bridge", "", 0, [Inbox];
    /// How much of it has arrived.
    BRIDGE_PROGRESS = "/base/delayed/bridge/progress", "expected u8, received u8, bytes u32, big-endian", delayed::bridge::Progress::SIZE_BYTES_MAX, [Inbox];
    /// One of its chunks.
    BRIDGE_CHUNK = "/base/delayed/bridge/chunks/<index>", "bytes", delayed::bridge::Chunk::SIZE_BYTES_MAX, [Inbox];
    /// The block that is being made, or was made last.
    ATTEMPT = "/base/attempt", "level u32, number u64, ordered by u8 (0 authority, 1 timeout, 2 nobody), forced gas u64, most items u32, name of the first item 32, trapped u8, big-endian", attempt::Attempt::SIZE_BYTES_MAX, [Block];
    /// Which positions of the queue of a rollup without sequencer are in use.
    QUEUE_BOUNDS = "/base/queue/bounds", "front u64, back u64, big-endian", delayed::Bounds::SIZE_BYTES_MAX, [Inbox, Block];
    /// A transaction of that queue.
    QUEUE_TRANSACTION = "/base/queue/transactions/<position>", "bytes", queue::Waiting::SIZE_BYTES_MAX, [Inbox, Block];
    /// Which transactions are being put together for that queue.
    QUEUE_PARTIALS = "/base/queue/announced", "RLP list of lists of 2: hash, level", queue::Partials::SIZE_BYTES_MAX, [Inbox];
    /// What was announced of one.
    QUEUE_PARTIAL = "/base/queue/partial/<hash>", "RLP list of hashes of chunks", queue::Partial::SIZE_BYTES_MAX, [Inbox];
    /// One of its chunks.
    QUEUE_CHUNK = "/base/queue/partial/<hash>/<index>", "bytes", queue::Chunk::SIZE_BYTES_MAX, [Inbox];
    /// The kernel upgrades that wait.
    PENDING_UPGRADES = "/base/upgrades", "RLP list of lists of 3, earliest first: root hash 33 bytes, activation, source (1 kernel governance, 2 security governance, 3 admin)", governance::PendingUpgrades::SIZE_BYTES_MAX, [Inbox, Upgrade];
    /// The changes of authority that wait.
    PENDING_AUTHORITIES = "/base/next_authorities", "RLP list of 3: number of the next one, number of the next request of the sequencer, list of lists of 6, earliest first: number, level of the announcement, list of public keys, quorum, pool (20 bytes or empty), activation", governance::PendingAuthorities::SIZE_BYTES_MAX, [Inbox, Block];
    /// The last change of authority that took effect.
    AUTHORITY_CHANGE = "/base/authority_change", "epoch u32, number u64, activation u64, big-endian", sequencers::Change::SIZE_BYTES_MAX, [Inbox];
    /// A kernel that is being revealed.
    FETCH = "/upgrade/fetch", "RLP list of 6: format 1, root hash 33 bytes, list of positions in pages of hashes, bytes, pages, whether a run is at it", upgrade::Fetch::SIZE_BYTES_MAX, [Inbox, Upgrade];
    /// As much of it as is there.
    STAGED_KERNEL = "/upgrade/kernel", "bytes", upgrade::KERNEL_BYTES_MAX, [Upgrade];
    /// A change of kernels that is not over.
    HANDOVER = "/upgrade/handover", "RLP list of 10: format 1, phase (1 switching, 2 migrating, 3 trial, 4 leaving), root hash, activation, root hash before or empty, last block of the kernel before, failures, level of the last one, reason, list of at most one cursor", upgrade::Handover::SIZE_BYTES_MAX, [Upgrade];
    /// Which kernel runs.
    KERNEL_ROOT = "/upgrade/root", "root hash 33 bytes", upgrade::KernelRoot::SIZE_BYTES_MAX, [Upgrade];
    /// The kernel before the one that runs.
    BACKUP_KERNEL = "/upgrade/backup/kernel", "bytes", upgrade::KERNEL_BYTES_MAX, [Upgrade];
    /// What a migration started from: /base.
    BACKUP_BASE = "/upgrade/backup/base", "", 0, [Upgrade];
    /// And /evm.
    BACKUP_WORLD = "/upgrade/backup/evm", "", 0, [Upgrade];
    /// A block that did not fit one run.
    PROGRESS = "/base/progress", "RLP list of 15: format 2, number, timestamp, ordered by, items, transactions, content, position, gas used, execution gas, consumed items, dropped (position, reason), messages to the layer 1, body, changes", progress::Progress::SIZE_BYTES_MAX, [Block];
    /// The same while it is written.
    PROGRESS_NEXT = "/tmp/progress", "as /base/progress", progress::Progress::SIZE_BYTES_MAX, [Block];
    /// What is not yet what it will be: none of it outlives the run that wrote it.
    SCRATCH = "/tmp", "", 0, [Inbox, Block];
    /// What takes the place of another value in one step.
    REPLACEMENT = "/tmp/value", "as what it replaces", governance::PendingAuthorities::SIZE_BYTES_MAX, [Inbox, Upgrade, Block];
    /// The events of the level.
    EVENTS = "/base/events", "", 0, [Inbox, Block];
    /// How many events the level has.
    EVENTS_COUNT = "/base/events/count", "u64, big-endian", events::Count::SIZE_BYTES_MAX, [Inbox, Block];
    /// An event of the level.
    EVENT = "/base/events/<index>", "RLP list of 4: kind, name or number or time or root hash, position or count or time, reason or source", events::Event::SIZE_BYTES_MAX, [Inbox, Block];
    /// The last block whose blueprint and delayed items have left their queues.
    SETTLED = "/base/settled", "block number u64, big-endian", BlockNumber::SIZE_BYTES_MAX, [Block];
    /// How far the messages to the layer 1 have come.
    OUTBOX_CURSOR = "/base/outbox/cursor", "next u64, oldest stored u64, level u32, sent in that level u8, whether next is being sent u8, big-endian", outbox::Cursor::SIZE_BYTES_MAX, [Block];
    /// A message of which nobody knows whether it was sent.
    OUTBOX_UNCERTAIN = "/base/outbox/uncertain/<number>", "bytes", outbox::Message::SIZE_BYTES_MAX, [Block];
    /// An account with its storage.
    ACCOUNT_NODE = "/evm/world/accounts/<address>", "", 0, [Installer, Block];
    /// Nonce, balance and code hash of an account.
    ACCOUNT = "/evm/world/accounts/<address>/info", "nonce u64, balance 32 bytes, code hash 32 bytes, big-endian", Account::SIZE_BYTES_MAX, [Installer, Block];
    /// The storage of an account.
    SLOTS = "/evm/world/accounts/<address>/storage", "", 0, [Installer, Block];
    /// A storage slot that is not zero.
    SLOT = "/evm/world/accounts/<address>/storage/<slot>", "32 bytes", H256::SIZE_BYTES_MAX, [Installer, Block];
    /// The code of a contract.
    CODE = "/evm/world/codes/<hash>", "bytes", world::Code::SIZE_BYTES_MAX, [Installer, Block];
    /// How many messages to the layer 1 there ever were.
    OUTBOX_COUNT = "/evm/world/outbox/count", "u64, big-endian", events::Count::SIZE_BYTES_MAX, [Block];
    /// A message to the layer 1 that waits.
    OUTBOX_MESSAGE = "/evm/world/outbox/messages/<number>", "outbox message", outbox::Message::SIZE_BYTES_MAX, [Block];
    /// The last block.
    HEAD = "/evm/world/head", "RLP list of 6: hash, list of 11 header fields, backlog in gas, list of consumed delayed items, front of the queue, list of 0 or 3: what the sequencer asked for (number, epoch, public key)", world::Head::SIZE_BYTES_MAX, [Block];
    /// The hash of a recent block.
    BLOCK_HASH = "/evm/world/hashes/<number mod 256>", "32 bytes", BlockHash::SIZE_BYTES_MAX, [Block];
    /// Transactions and receipts of the last block.
    BODY = "/evm/world/body", "RLP list of 2: list of transactions, list of receipts (lists of 8: type, success, cumulative gas, gas, price per gas, sender, created, logs)", world::Body::SIZE_BYTES_MAX, [Block];
    /// What a node and its kernel say to each other.
    NODE = "/node", "", 0, [Node];
    /// What the node wants a block of.
    NODE_BLUEPRINT = "/node/blueprint", "RLP list of 6: format 1, ordered by, number, parent, timestamp, payload of blueprint format 2", node::Ordered::SIZE_BYTES_MAX, [Node];
    /// What became of it.
    NODE_OUTCOME = "/node/outcome", "RLP list; format 1, kind 1 (made), hash, list of 11 header fields, body as /evm/world/body, dropped (list of lists of 3: position, reason, item or empty), upgrades (list of lists of 2: root hash, 0 for taken over or reason); format 1, kind 2 (rejected), reason; format 1, kind 3 (another level has to come first)", node::Outcome::SIZE_BYTES_MAX, [Node];
}

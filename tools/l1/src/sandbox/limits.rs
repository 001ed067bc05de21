//! The bounds of the sandbox: those of the layer 1, and our own.

/// Largest inbox message, its tag included (protocol constant).
pub const MESSAGE_BYTES_MAX: usize = millrace_wire::MESSAGE_BYTES_MAX;

/// Largest payload of an external message: an inbox message without its tag.
pub const PAYLOAD_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 1;

/// Inbox data of one level: the manager operations of a block (protocol constant). What does not fit waits.
pub const LEVEL_BYTES_MAX: usize = 512 * 1_024;

/// What a message costs in its operation besides its own bytes: a length.
pub const MESSAGE_OVERHEAD_BYTES: usize = 4;

/// Largest operation (protocol constant).
pub const OPERATION_BYTES_MAX: usize = 32 * 1_024;

/// Bytes of an operation besides its messages, at most: branch 32, signature 64, kind 1, source 21, fee, counter, gas
/// limit and storage limit with ten each, and the length of the list of messages.
pub const OPERATION_OVERHEAD_BYTES: usize = 32 + 64 + 1 + 21 + 4 * 10 + 4;

/// Messages of one operation, with their lengths.
pub const OPERATION_MESSAGES_BYTES_MAX: usize = OPERATION_BYTES_MAX - OPERATION_OVERHEAD_BYTES;

/// Least fee of an operation, to which a mutez a byte is added (default of Octez's bakers).
pub const FEE_MIN_MUTEZ: u64 = 100;

/// Keys of the batcher, unless it has another number: as many operations of 32 KiB fill a block.
pub const BATCHER_KEYS: u32 = 16;

/// What the account that calls the contracts has at the beginning: a billion tez.
pub const DEPOSITOR_MUTEZ: u64 = 1_000_000_000_000_000;

/// What the delayed bridge burns for a transaction, at least: one tez.
pub const DELAYED_BURN_MUTEZ: u64 = 1_000_000;

/// Levels of which the layer 1 remembers the operations, and so the deepest reorganisation.
pub const CONTENTS_MAX: u32 = STATES_MAX as u32 - 1;

/// How far the clock of the layer 1 may be from that of the machine, in seconds: ten years.
pub const CLOCK_OFFSET_S_MAX: i64 = 10 * 366 * 86_400;

/// Levels until the layer 1 cannot undo a block.
pub const FINALITY_LEVELS: u32 = 2;

/// Bytes of messages that may wait for a level: 128 full levels. More are refused.
pub const MEMPOOL_BYTES_MAX: usize = 128 * LEVEL_BYTES_MAX;

/// Levels whose durable state is kept, in memory and as differences on disk.
pub const STATES_MAX: usize = 64;

/// Levels whose block, record and outbox messages are kept on disk: nearly three hours at a level a second. Whoever
/// follows the rollup node looks at the newest levels only.
pub const LEVELS_KEPT: u32 = 10_000;

/// Old levels are removed so many at a time: no level takes long, and the layer 1 writes to the disk for it seldom.
pub const PRUNED_AT_ONCE: usize = 64;

/// Bytes of a database that are kept in memory, for each of the two.
pub const CACHE_BYTES: usize = 64 << 20;

/// Levels that the rollup node may be behind before the sandbox pauses its layer 1: a machine too slow for
/// the chosen level time falls behind once, not for ever.
pub const LAG_LEVELS_MAX: u32 = 32;

/// Largest request body: hexadecimal for twice a level, and some room.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// Outbox messages in one answer.
pub const OUTBOX_ANSWER_MAX: usize = 1_000;

/// Longest name of a protocol.
pub const PROTOCOL_BYTES_MAX: usize = 64;

/// Most blocks that one `POST /sandbox/bake` makes.
pub const BAKE_LEVELS_MAX: u32 = 1_000;

/// Largest installer kernel: what fits in an origination (protocol constant), with room for experiments.
pub const INSTALLER_BYTES_MAX: u64 = 64 << 20;

/// Ticks that Octez reckons for one run of a kernel, however short (protocol constant).
pub const TICKS_PER_RUN: u128 = 50_000_000_000_000;

/// Bytes of durable values that one answer holds.
pub const VALUE_ANSWER_BYTES_MAX: usize = 32 << 20;

/// Simulations that run at once; each may take as long as a level.
pub const SIMULATIONS_AT_ONCE: usize = 2;

/// Insights of one simulation.
pub const INSIGHTS_MAX: usize = 1_000;

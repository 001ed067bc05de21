//! The messages of a level, as the layer 1 puts them in the inbox.

/// Bytes of the largest message, tags included.
pub const INPUT_BYTES_MAX: usize = 4_096;

const INTERNAL: u8 = 0;
const START_OF_LEVEL: u8 = 1;
const END_OF_LEVEL: u8 = 2;
const LEVEL_INFO: u8 = 3;
const PROTOCOL_MIGRATION: u8 = 4;
const EXTERNAL: u8 = 1;

/// What the info-per-level message tells about the block before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelInfo {
    /// Seconds since the Unix epoch.
    pub predecessor_timestamp: i64,
    /// The hash of the block before.
    pub predecessor: [u8; 32],
}

/// All inputs of a level in order: start of level, info, a protocol migration if there is one, the
/// messages, end of level. Each message is whole, its tag included.
pub fn level_inputs(info: LevelInfo, migration: Option<&str>, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut inputs = Vec::with_capacity(messages.len() + 4);
    inputs.push(vec![INTERNAL, START_OF_LEVEL]);
    let timestamp = info.predecessor_timestamp.to_be_bytes();
    inputs.push([&[INTERNAL, LEVEL_INFO], timestamp.as_slice(), &info.predecessor].concat());
    if let Some(protocol) = migration {
        let size = (protocol.len() as u32).to_be_bytes();
        inputs.push([&[INTERNAL, PROTOCOL_MIGRATION], size.as_slice(), protocol.as_bytes()].concat());
    }
    inputs.extend_from_slice(messages);
    inputs.push(vec![INTERNAL, END_OF_LEVEL]);
    inputs
}

/// An external message: the tag and the bytes that a user sent.
pub fn external(bytes: &[u8]) -> Vec<u8> {
    [&[EXTERNAL], bytes].concat()
}

/// A call of the rollup by a contract of the layer 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// A binary Micheline expression.
    pub payload: &'a [u8],
    /// The 20 bytes of the contract that called.
    pub sender: &'a [u8; 20],
    /// The account that signed the operation: curve tag and 20 bytes.
    pub source: &'a [u8; 21],
    /// The rollup.
    pub destination: &'a [u8; 20],
}

/// An internal message.
pub fn transfer(transfer: Transfer<'_>) -> Vec<u8> {
    [&[INTERNAL, 0], transfer.payload, transfer.sender, transfer.source, transfer.destination].concat()
}

/// What the PVM itself understands of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    StartOfLevel,
    EndOfLevel,
    Migration(&'a [u8]),
    MalformedMigration,
    Other,
}

pub(crate) fn meaning(input: &[u8]) -> Meaning<'_> {
    match input {
        [INTERNAL, START_OF_LEVEL] => Meaning::StartOfLevel,
        [INTERNAL, END_OF_LEVEL] => Meaning::EndOfLevel,
        [INTERNAL, PROTOCOL_MIGRATION, body @ ..] => match body.split_at_checked(4) {
            Some((size, name)) if size == (name.len() as u32).to_be_bytes() => Meaning::Migration(name),
            _ => Meaning::MalformedMigration,
        },
        _ => Meaning::Other,
    }
}

/// Whether these are the inputs of a level: one end of level, and nothing after it.
pub(crate) fn are_of_level(inputs: &[Vec<u8>]) -> bool {
    let is_end = |input: &Vec<u8>| meaning(input) == Meaning::EndOfLevel;
    inputs.iter().filter(|input| is_end(input)).count() == 1 && inputs.last().is_some_and(is_end)
}

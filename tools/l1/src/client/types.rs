//! What the RPC of the rollup node says, as types.

use crate::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash, StateHash};
use millrace_primitives::L1Level;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Which block of the layer 1 a question is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockId {
    /// The newest that the rollup node has processed.
    Head,
    /// The newest that the layer 1 cannot undo.
    Finalized,
    /// The last one with a cemented commitment.
    Cemented,
    /// The block of that level on the chain of the head.
    Level(L1Level),
    /// A block by its hash.
    Hash(L1BlockHash),
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Finalized => f.write_str("finalized"),
            Self::Cemented => f.write_str("cemented"),
            Self::Level(level) => write!(f, "{level}"),
            Self::Hash(hash) => write!(f, "{hash}"),
        }
    }
}

/// An item of the streams of blocks, and the head of a full block. Fields that Millrace has no use for are
/// left out when reading; the sandbox serves them all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockHeader {
    /// Hash of the block of the layer 1.
    pub block_hash: L1BlockHash,
    /// Its level.
    #[serde(with = "level_number")]
    pub level: L1Level,
    /// Hash of the block before.
    pub predecessor: L1BlockHash,
    /// The commitment made at this level, if one was.
    pub commitment_hash: Option<CommitmentHash>,
    /// The last commitment made before.
    pub previous_commitment_hash: CommitmentHash,
    /// Hash of the messages of this level.
    pub inbox_witness: InboxWitness,
    /// Hash of all messages up to this level.
    pub inbox_hash: InboxHash,
    /// Ticks of the PVM before this level, in decimal.
    pub initial_tick: String,
    /// Ticks of this level, in decimal.
    pub num_ticks: String,
    /// What the PVM was doing at the end of the level.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "Universal::optional")]
    pub pvm_status: Option<String>,
}

/// The answer of `GET /health`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Everything works.
    pub healthy: bool,
    /// Works, but not as it should.
    pub degraded: bool,
    /// The connection to the layer 1.
    pub l1: L1Health,
}

/// How the rollup node stands to its layer 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct L1Health {
    /// `connected`, `reconnecting` or `disconnected`.
    pub connection: String,
    /// Blocks of the layer 1 that the rollup node has not processed yet.
    pub blocks_late: i64,
}

/// The answer of `GET /version`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Of the software.
    #[serde(deserialize_with = "Universal::text")]
    pub version: String,
    /// Of its block store.
    #[serde(deserialize_with = "Universal::text")]
    pub store_version: String,
    /// Of its state store.
    #[serde(deserialize_with = "Universal::text")]
    pub context_version: String,
}

/// A commitment to a state, by its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commitment {
    /// Its hash.
    pub hash: CommitmentHash,
    /// The state at the end of the level.
    pub state: StateHash,
    /// The level.
    pub level: L1Level,
    /// The commitment before.
    pub predecessor: CommitmentHash,
}

/// `{commitment, hash}`, as several endpoints answer it.
#[derive(Deserialize)]
pub(super) struct CommitmentWithHash {
    commitment: CommitmentParts,
    hash: CommitmentHash,
}

#[derive(Deserialize)]
struct CommitmentParts {
    compressed_state: StateHash,
    #[serde(with = "level_number")]
    inbox_level: L1Level,
    predecessor: CommitmentHash,
}

impl From<CommitmentWithHash> for Commitment {
    fn from(CommitmentWithHash { commitment, hash }: CommitmentWithHash) -> Self {
        let CommitmentParts { compressed_state, inbox_level, predecessor } = commitment;
        Self { hash, state: compressed_state, level: inbox_level, predecessor }
    }
}

/// A text of Octez: what is no UTF-8 comes as a list of bytes, and is read with replacement characters.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Universal {
    Text(String),
    Bytes { invalid_utf8_string: Vec<u8> },
}

impl Universal {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Bytes { invalid_utf8_string } => String::from_utf8_lossy(&invalid_utf8_string).into_owned(),
        }
    }

    pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(Self::deserialize(deserializer)?.into_text())
    }

    fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Ok(Option::<Self>::deserialize(deserializer)?.map(Self::into_text))
    }
}

/// A level as a JSON number. Octez has signed 32-bit levels; a negative one is refused.
pub(super) mod level_number {
    use millrace_primitives::L1Level;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(level: &L1Level, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(level.get())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<L1Level, D::Error> {
        u32::deserialize(deserializer).map(L1Level::new)
    }
}

/// A length: Octez writes 64-bit integers as decimal strings; plain numbers are taken too.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Int64 {
    Number(u64),
    Text(String),
}

impl Int64 {
    pub(super) fn get(self) -> Option<u64> {
        match self {
            Self::Number(value) => Some(value),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ids_are_the_words_of_octez() {
        let ids = [BlockId::Head, BlockId::Finalized, BlockId::Cemented, BlockId::Level(L1Level::new(12))];
        assert_eq!(ids.map(|id| id.to_string()), ["head", "finalized", "cemented", "12"]);
        assert!(BlockId::Hash(L1BlockHash::new([1; 32])).to_string().starts_with('B'));
    }

    #[test]
    fn a_header_survives_json_and_unknown_fields() {
        let header = BlockHeader {
            block_hash: L1BlockHash::new([1; 32]),
            level: L1Level::new(7),
            predecessor: L1BlockHash::new([2; 32]),
            commitment_hash: None,
            previous_commitment_hash: CommitmentHash::new([3; 32]),
            inbox_witness: InboxWitness::new([4; 32]),
            inbox_hash: InboxHash::new([5; 32]),
            initial_tick: "0".into(),
            num_ticks: "100000000000000".into(),
            pvm_status: None,
        };
        let mut json = serde_json::to_value(&header).unwrap();
        assert!(json.get("commitment_hash").unwrap().is_null(), "present, as Octez sends it");
        json.as_object_mut().unwrap().insert("context".into(), "CoV…".into());
        assert_eq!(serde_json::from_value::<BlockHeader>(json.clone()).unwrap(), header);
        json["pvm_status"] = serde_json::json!({ "invalid_utf8_string": [79, 255] });
        let read = serde_json::from_value::<BlockHeader>(json).unwrap();
        assert_eq!(read.pvm_status.as_deref(), Some("O\u{fffd}"));
    }
}

//! What the rollup sent to the layer 1, and operations of the layer 1.

use serde::{Deserialize, Serialize};

/// `GET /sandbox/outbox`: the messages of the levels that are kept, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outbox {
    /// The newest level whose commitment is cemented.
    pub cemented_level: u32,
    /// At most so many as fit in an answer.
    pub messages: Vec<Message>,
}

/// A message to the layer 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The level in which the rollup sent it.
    pub level: u32,
    /// Its place among the messages of the level.
    pub index: u32,
    /// Its bytes, in hexadecimal.
    pub bytes: String,
    /// What it says; `null` when no contract understands it.
    pub withdrawal: Option<Withdrawal>,
    /// What became of it.
    pub state: State,
}

/// A withdrawal in words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who gets it: `tz1…` or `KT1…`.
    pub receiver: String,
    /// How much, in decimal: mutez when it is the native token.
    pub amount: String,
    /// Whose tickets: `KT1…`.
    pub ticketer: String,
    /// The contract that is called: `KT1…`.
    pub destination: String,
    /// What is called there.
    pub entrypoint: String,
}

/// What became of an outbox message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be executed from this level on.
    Waiting {
        /// When its commitment is cemented.
        until_level: u32,
    },
    /// Anybody can have it executed.
    Executable,
    /// It was.
    Executed,
    /// No contract understands it: it can never be executed.
    Unexecutable,
}

/// `POST /sandbox/outbox/execute`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Execute {
    /// The level of the message.
    pub level: u32,
    /// Its place among the messages of the level.
    pub index: u32,
}

/// `GET /sandbox/operation/<id>`: what became of an operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It waits.
    Pending {
        /// The first level that may have it; 0 when the next one may.
        not_before_level: u32,
    },
    /// It is in a block.
    Included {
        /// The level.
        level: u32,
        /// What its account paid for it.
        fee_mutez: u64,
        /// Why it failed, if it did.
        failure: Option<String>,
    },
    /// It was never here, or is forgotten.
    Unknown,
}

//! What a sandbox is told to do wrong: the bodies of `POST /sandbox/fault/…`.

use crate::MessageId;
use serde::{Deserialize, Serialize};

/// `POST /sandbox/fault/reorg`: the newest blocks give way to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorg {
    /// How many; 1 or 2, for what is deeper is final.
    pub levels: u32,
    /// How many come in their place: as many when left out, never fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_levels: Option<u32>,
    /// What becomes of the operations in them. When left out they are in the new blocks, before all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Fate>,
    /// Whether final blocks may give way too, which no layer 1 does.
    #[serde(default)]
    pub beyond_finality: bool,
}

/// What becomes of operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// They are never seen again, though they were taken.
    Dropped,
    /// They wait so many levels longer than they would.
    DelayedLevels(u32),
}

/// `POST /sandbox/fault/operations`: operations are lost or late.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operations {
    /// What becomes of them.
    pub fate: Fate,
    /// Of which.
    pub which: Which,
}

/// Operations that something becomes of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those of the next so many injections and calls, however many messages each has.
    Next(u32),
    /// The one of this name, which waits.
    Id(MessageId),
}

/// `POST /sandbox/fault/levels`: levels stop, or go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// Whether they stop. `POST /sandbox/bake` makes levels all the same.
    pub stopped: bool,
    /// Levels that come all at once, now.
    #[serde(default)]
    pub burst: u32,
}

/// `POST /sandbox/fault/clock`: the clock of the layer 1 jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// By so many seconds, ahead or back. Times of blocks never go back: they stand still instead.
    pub skip_s: i64,
}

/// `POST /sandbox/fault/full_blocks`: others fill the next blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullBlocks {
    /// How many.
    pub levels: u32,
    /// Bytes of each that are left.
    #[serde(default)]
    pub free_bytes: usize,
    /// Whether they are filled with messages for another rollup, which ours has to read as well.
    #[serde(default)]
    pub messages: bool,
}

/// `POST /sandbox/fault/migration`: the next level is the first of another protocol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Its name as the rollup is told, such as `t024_024`.
    pub protocol: String,
}

/// `POST /sandbox/fault/rollup_node`: how the rollup node behaves from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// As it should.
    #[default]
    Working,
    /// As if its process were gone: connections are cut, and no level is processed.
    Stopped,
    /// It takes requests and never answers; streams fall silent.
    Hanging,
    /// Every answer takes so long.
    SlowMs(u64),
    /// It takes no messages, and does everything else.
    RefusingInjections,
    /// A gateway before it says 502 to everything.
    BadGateway,
}

/// `GET /sandbox/faults`: what is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InForce {
    /// Whether levels have stopped.
    pub levels_stopped: bool,
    /// How far the clock of the layer 1 is ahead of the machine's.
    pub clock_offset_s: i64,
    /// What becomes of the next injections, and of how many.
    pub arriving: Option<(Fate, u32)>,
    /// The next blocks, filled by others.
    pub full_blocks: Option<FullBlocks>,
    /// How the rollup node behaves.
    pub rollup_node: Behaviour,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn same<T: Serialize + DeserializeOwned>(text: Value) -> T {
        let read: T = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), text);
        read
    }

    #[test]
    fn faults_are_written_as_documented() {
        let reorg: Reorg = serde_json::from_value(json!({ "levels": 2 })).unwrap();
        assert_eq!((reorg.new_levels, reorg.operations, reorg.beyond_finality), (None, None, false));
        same::<Operations>(json!({ "fate": "dropped", "which": { "next": 3 } }));
        let id = MessageId::new([7; 32]);
        let late = same::<Operations>(json!({ "fate": { "delayed_levels": 2 }, "which": { "id": id } }));
        assert_eq!(late.which, Which::Id(id));
        for word in ["working", "stopped", "hanging", "refusing_injections", "bad_gateway"] {
            same::<Behaviour>(json!(word));
        }
        assert_eq!(same::<Behaviour>(json!({ "slow_ms": 20 })), Behaviour::SlowMs(20));
        assert!(serde_json::from_value::<Levels>(json!({ "stoped": true })).is_err());
    }
}

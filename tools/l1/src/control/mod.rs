//! What the layer 1 of a sandbox is asked to do over HTTP: the bodies of `POST /sandbox/…`, and a client that sends
//! them. The sandbox reads the same types, so the two cannot disagree.

pub mod faults;
pub mod outbox;

use crate::MessageId;
use crate::client::{ClientError, RollupNode, RollupNodeConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// `POST /sandbox/deposit`: sends tez to the rollup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// The account on the rollup: 20 bytes in hexadecimal.
    pub receiver: String,
    /// How much.
    pub amount_mutez: u64,
    /// Who pays, `tz1…`: an account that can do with a billion tez when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// `POST /sandbox/delayed`: sends a transaction past the sequencer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delayed {
    /// The signed transaction in hexadecimal.
    pub transaction: String,
}

/// `POST /sandbox/governance`: has a contract of governance tell the rollup what was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Governance {
    /// Whose decision.
    pub from: Governor,
    /// What.
    pub decision: Decision,
}

/// A contract of governance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Governor {
    /// Decides everything.
    Admin,
    /// Decides about kernels.
    Kernel,
    /// Decides about kernels that go before others.
    Security,
    /// Decides who orders transactions.
    Sequencer,
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Another kernel.
    KernelUpgrade(KernelUpgrade),
    /// No other kernel after all.
    CancelUpgrade(CancelUpgrade),
    /// Another single sequencer.
    Sequencer(Sequencer),
    /// Another committee.
    Committee(Committee),
    /// Nobody orders transactions any more.
    RemoveSequencer,
    /// Any bytes, in hexadecimal: what only a broken contract would send.
    Raw(String),
}

/// Another kernel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelUpgrade {
    /// The root of its preimages: 33 bytes in hexadecimal.
    pub root_hash: String,
    /// When it takes over.
    pub activation: Activation,
}

/// No other kernel after all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelUpgrade {
    /// Of the kernel that does not come.
    pub root_hash: String,
}

/// Another single sequencer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequencer {
    /// `edpk…`, `sppk…` or `p2pk…`.
    pub key: String,
    /// Who receives the fees: 20 bytes in hexadecimal.
    pub pool: String,
    /// When it takes over.
    pub activation: Activation,
}

/// Another committee.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committee {
    /// The keys, `edpk…` each.
    pub members: Vec<String>,
    /// How many of them must sign.
    pub quorum: u16,
    /// Who receives the fees: 20 bytes in hexadecimal.
    pub pool: String,
    /// When it takes over.
    pub activation: Activation,
}

/// When a decision takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Seconds since 1970.
    AtS(u64),
    /// Seconds after the newest block of the layer 1.
    InS(u64),
}

/// The answer to a decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Of its message.
    pub id: MessageId,
    /// Whose it is, `KT1…`.
    pub contract: String,
    /// The bytes that the rollup gets, in hexadecimal.
    pub payload: String,
}

/// `POST /sandbox/bake`: makes levels at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bake {
    /// How many. One when left out.
    #[serde(default = "one")]
    pub levels: u32,
}

fn one() -> u32 {
    1
}

/// The newest block of the layer 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Its level.
    pub level: u32,
    /// Its hash.
    pub block_hash: crate::L1BlockHash,
}

/// A connection to the layer 1 of a sandbox.
#[derive(Clone, Debug)]
pub struct Control {
    node: RollupNode,
}

impl Control {
    /// The sandbox whose rollup node is at `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] when it is no `http` URL.
    pub fn new(endpoint: &str) -> Result<Self, ClientError> {
        Ok(Self { node: RollupNode::new(endpoint, RollupNodeConfig::default())? })
    }

    /// Sends tez to the rollup.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] says why it was refused.
    pub async fn deposit(&self, deposit: &Deposit) -> Result<MessageId, ClientError> {
        self.id("deposit", deposit).await
    }

    /// Sends a transaction past the sequencer.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn delayed(&self, delayed: &Delayed) -> Result<MessageId, ClientError> {
        self.id("delayed", delayed).await
    }

    /// Has a contract of governance tell the rollup what was decided.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn decide(&self, governance: &Governance) -> Result<Decided, ClientError> {
        self.post("governance", governance).await
    }

    /// Makes levels, and waits until the rollup node has processed them.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn bake(&self, levels: u32) -> Result<Head, ClientError> {
        self.post("bake", &Bake { levels }).await
    }

    /// Has the newest blocks give way to others, and waits until the rollup node has processed them.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn reorganise(&self, reorg: &faults::Reorg) -> Result<Head, ClientError> {
        self.post("fault/reorg", reorg).await
    }

    /// Stops levels, or lets them go on.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn levels(&self, levels: faults::Levels) -> Result<faults::InForce, ClientError> {
        self.post("fault/levels", &levels).await
    }

    /// Has the clock of the layer 1 jump.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn clock(&self, clock: faults::Clock) -> Result<faults::InForce, ClientError> {
        self.post("fault/clock", &clock).await
    }

    /// Has operations get lost or late.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn operations(&self, operations: faults::Operations) -> Result<faults::InForce, ClientError> {
        self.post("fault/operations", &operations).await
    }

    /// Has others fill the next blocks.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn full_blocks(&self, full: faults::FullBlocks) -> Result<faults::InForce, ClientError> {
        self.post("fault/full_blocks", &full).await
    }

    /// Has the next level be the first of another protocol.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn migrate(&self, migration: &faults::Migration) -> Result<faults::InForce, ClientError> {
        self.post("fault/migration", migration).await
    }

    /// Has the rollup node behave well or badly.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn behave(&self, behaviour: faults::Behaviour) -> Result<faults::InForce, ClientError> {
        self.post("fault/rollup_node", &behaviour).await
    }

    /// Ends all faults. The clock goes on from where it is.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn mend(&self) -> Result<faults::InForce, ClientError> {
        self.post("fault/none", &()).await
    }

    /// The faults in force.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn faults(&self) -> Result<faults::InForce, ClientError> {
        self.get("faults").await
    }

    /// What the rollup sent to the layer 1, and what became of it; the newest first.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn outbox(&self) -> Result<outbox::Outbox, ClientError> {
        self.get("outbox").await
    }

    /// Executes an outbox message whose commitment is cemented.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn execute(&self, execute: &outbox::Execute) -> Result<MessageId, ClientError> {
        self.id("outbox/execute", execute).await
    }

    /// What an account of the layer 1 has, in mutez.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn balance_mutez(&self, account: &str) -> Result<u64, ClientError> {
        self.get(&format!("balance/{account}")).await
    }

    /// What became of an operation.
    ///
    /// # Errors
    /// As [`Control::deposit`].
    pub async fn operation(&self, id: MessageId) -> Result<outbox::Operation, ClientError> {
        self.get(&format!("operation/{id}")).await
    }

    async fn get<A: DeserializeOwned>(&self, what: &str) -> Result<A, ClientError> {
        let path: Vec<&str> = std::iter::once("sandbox").chain(what.split('/')).collect();
        self.node.fetch(&path).await
    }

    async fn id<B: Serialize + Sync>(&self, what: &str, body: &B) -> Result<MessageId, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            id: MessageId,
        }
        self.post(what, body).await.map(|answer: Answer| answer.id)
    }

    async fn post<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        what: &str,
        body: &B,
    ) -> Result<A, ClientError> {
        let path: Vec<&str> = std::iter::once("sandbox").chain(what.split('/')).collect();
        self.node.post(&path, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decisions_are_written_as_documented() {
        let cases = [
            (
                json!({ "from": "security", "decision":
                    { "kernel_upgrade": { "root_hash": "00ab", "activation": { "in_s": 60 } } } }),
                Governor::Security,
            ),
            (json!({ "from": "sequencer", "decision": "remove_sequencer" }), Governor::Sequencer),
            (json!({ "from": "admin", "decision": { "raw": "c0" } }), Governor::Admin),
        ];
        for (text, from) in cases {
            let read: Governance = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(read.from, from);
            assert_eq!(serde_json::to_value(read).unwrap(), text);
        }
        for wrong in [
            json!({ "from": "nobody", "decision": "remove_sequencer" }),
            json!({ "from": "admin", "decision": { "cancel_upgrade": { "root_hash": "", "more": 1 } } }),
            json!({ "from": "admin" }),
        ] {
            assert!(serde_json::from_value::<Governance>(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str::<Bake>("{}").unwrap().levels, 1);
    }
}

//! What would come of messages, were they the next level.

use super::types::{Universal, level_number};
use super::{BlockId, ClientError, RollupNode};
use crate::StateHash;
use millrace_primitives::L1Level;
use serde::{Deserialize, Serialize};

/// Messages to run on the state after a block, without consequences.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Simulation {
    /// Complete inbox messages, tags included; the node puts them between those that frame a level.
    pub messages: Vec<Vec<u8>>,
    /// Preimages that the kernel can have besides those of the node.
    pub pages: Vec<Vec<u8>>,
    /// What to tell of the state afterwards.
    pub insights: Vec<Insight>,
}

/// A question about the state, by the steps of a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", content = "key", rename_all = "snake_case")]
pub enum Insight {
    /// The value at a durable key.
    DurableStorage(Vec<String>),
    /// A leaf of the tree of the PVM.
    PvmState(Vec<String>),
}

impl Insight {
    /// The value at a durable key such as `/a/b`.
    pub fn durable(key: &str) -> Self {
        Self::DurableStorage(key.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect())
    }
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Simulated {
    /// The state at the end.
    pub state_hash: StateHash,
    /// What the PVM was doing then.
    pub status: String,
    /// The level that was run.
    pub level: L1Level,
    /// Ticks of the PVM, in decimal.
    pub num_ticks: String,
    /// The answers, in the order of the questions; `None` where there is nothing.
    pub insights: Vec<Option<Vec<u8>>>,
}

#[derive(Serialize)]
struct Request<'a> {
    messages: Vec<String>,
    reveal_pages: Vec<String>,
    insight_requests: &'a [Insight],
}

#[derive(Deserialize)]
struct Answer {
    state_hash: StateHash,
    #[serde(deserialize_with = "Universal::text")]
    status: String,
    #[serde(with = "level_number")]
    inbox_level: L1Level,
    num_ticks: String,
    #[serde(default)]
    insights: Vec<Option<String>>,
}

impl RollupNode {
    /// Runs messages on the state after a block, as the level after it. Nothing of it stays.
    ///
    /// # Errors
    /// Any [`ClientError`] of a request; [`ClientError::Status`] for a block that the node does not know or whose state it has
    /// forgotten.
    pub async fn simulate(&self, id: BlockId, simulation: &Simulation) -> Result<Simulated, ClientError> {
        let hexadecimal = |pieces: &[Vec<u8>]| pieces.iter().map(hex::encode).collect();
        let body = Request {
            messages: hexadecimal(&simulation.messages),
            reveal_pages: hexadecimal(&simulation.pages),
            insight_requests: &simulation.insights,
        };
        let request = self.posting(&["global", "block", &id.to_string(), "simulate"], &body)?;
        let answer: Answer = request.json().await?;
        let insights: Result<_, hex::FromHexError> =
            answer.insights.into_iter().map(|text| text.map(hex::decode).transpose()).collect();
        Ok(Simulated {
            state_hash: answer.state_hash,
            status: answer.status,
            level: answer.inbox_level,
            num_ticks: answer.num_ticks,
            insights: insights.map_err(|error| request.undecodable(error))?,
        })
    }
}

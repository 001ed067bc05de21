//! A decision in all forms that somebody on the layer 1 may need.

use crate::{micheline::Expression, payload::voted_bytes};
use millrace_primitives::{ContractHash, RollupAddress};
use millrace_wire::{base58::Base58Check as _, governance::Decision};
use serde_json::{Value, json};
use std::fmt;

/// Whose names stand in the command lines; what is not known is left to be filled in.
#[derive(Clone, Debug, Default)]
pub struct Parties {
    /// The contract of governance.
    pub contract: Option<ContractHash>,
    /// The rollup.
    pub rollup: Option<RollupAddress>,
    /// The account that votes, by alias or address.
    pub voter: Option<String>,
}

/// A command line of `octez-client`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it is for.
    pub purpose: &'static str,
    /// The line.
    pub line: String,
}

/// A decision, spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// What the rollup has to receive.
    pub payload: Vec<u8>,
    /// How to have the deployed contracts send it; none when they cannot.
    ///
    /// Entrypoints and arguments are those of Etherlink's contracts (`etherlink/governance`, and its documentation for
    /// voters). They add the time themselves: now, and the adoption period.
    pub calls: Vec<Call>,
}

impl Spelling {
    /// Spells a decision.
    pub fn of(decision: &Decision, parties: &Parties) -> Self {
        Self { payload: decision.encode(), calls: calls(decision, parties) }
    }

    /// The payload as Micheline.
    pub fn bytes(&self) -> Expression {
        Expression::Bytes(self.payload.clone())
    }

    /// The parameter with which a contract calls the rollup, of type `or (or (pair bytes (ticket …)) bytes) bytes`.
    pub fn parameter(&self) -> Expression {
        Expression::Primitive("Right".into(), vec![self.bytes()])
    }

    /// All of it.
    pub fn to_json(&self) -> Value {
        let calls = self.calls.iter().map(|call| json!({ "purpose": call.purpose, "line": call.line }));
        json!({
            "payload": self.bytes().to_text(),
            "size_bytes": self.payload.len(),
            "micheline": self.bytes().to_json(),
            "rollup_parameter": self.parameter().to_text(),
            "rollup_parameter_json": self.parameter().to_json(),
            "calls": calls.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "payload           {}", self.bytes().to_text())?;
        writeln!(f, "  bytes           {}", self.payload.len())?;
        writeln!(f, "  as JSON         {}", self.bytes().to_json())?;
        writeln!(f, "rollup parameter  {}", self.parameter().to_text())?;
        writeln!(f, "  as JSON         {}", self.parameter().to_json())?;
        if self.calls.is_empty() {
            writeln!(f, "The deployed contracts cannot send this: a contract of the administrator has to.")?;
        }
        self.calls.iter().try_for_each(|call| writeln!(f, "{}:\n  {}", call.purpose, call.line))
    }
}

fn calls(decision: &Decision, parties: &Parties) -> Vec<Call> {
    let (argument, trigger) = match decision {
        Decision::KernelUpgrade(_) | Decision::CancelUpgrade(_) => {
            let bytes = voted_bytes(decision).unwrap_or_default();
            (Expression::Bytes(bytes), "trigger_kernel_upgrade")
        }
        Decision::SequencerUpgrade(upgrade) => {
            let key = Expression::Text(upgrade.key.to_base58());
            let pool = Expression::Bytes(upgrade.pool.as_bytes().to_vec());
            (Expression::Primitive("Pair".into(), vec![key, pool]), "trigger_committee_upgrade")
        }
        Decision::RemoveSequencer | Decision::CommitteeChange(_) => return Vec::new(),
    };
    let rollup = parties.rollup.map_or("<ROLLUP>".to_owned(), |rollup| rollup.to_base58());
    let vote = Expression::Text("yea".into());
    [
        ("propose", "new_proposal", argument.clone()),
        ("or join a proposal", "upvote_proposal", argument),
        ("then vote for it", "vote", vote),
        ("then, anybody", trigger, Expression::Text(rollup)),
    ]
    .map(|(purpose, entrypoint, argument)| Call { purpose, line: line(parties, entrypoint, &argument) })
    .into()
}

fn line(parties: &Parties, entrypoint: &str, argument: &Expression) -> String {
    let contract = parties.contract.map_or("<CONTRACT>".to_owned(), |contract| contract.to_base58());
    let voter = parties.voter.as_deref().unwrap_or("<ACCOUNT>");
    let argument = argument.to_text();
    format!("octez-client transfer 0 from {voter} to {contract} --entrypoint {entrypoint} --arg '{argument}'")
}

//! What a payload will do, in words.

use crate::{
    payload::Payload,
    time::{show, span},
};
use millrace_layout::parameters::Upgrades;
use millrace_primitives::Timestamp;
use millrace_wire::{
    base58::Base58Check as _,
    governance::{CancelUpgrade, CommitteeChange, Decision, KernelUpgrade, SequencerUpgrade},
};
use serde_json::{Value, json};
use std::fmt;

/// A time so far away is taken for a mistake.
const FAR_S: u64 = 366 * 86_400;

/// Who sends a payload to the rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The contract of the administrator.
    Admin,
    /// The contract of ordinary kernel governance.
    Kernel,
    /// The contract of security governance.
    Security,
    /// The contract of sequencer governance.
    Sequencer,
}

impl Sender {
    const fn name(self) -> &'static str {
        match self {
            Self::Admin => "the administrator",
            Self::Kernel => "kernel governance",
            Self::Security => "security governance",
            Self::Sequencer => "sequencer governance",
        }
    }

    const fn may_change_kernels(self) -> bool {
        matches!(self, Self::Admin | Self::Kernel | Self::Security)
    }

    const fn may_change_sequencers(self) -> bool {
        matches!(self, Self::Admin | Self::Sequencer)
    }
}

/// What an explanation takes into account.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The time now.
    pub now: Timestamp,
    /// The rules of the rollup; Etherlink's when they are not known.
    pub terms: Option<Upgrades>,
    /// Who sends it, if that is known.
    pub sender: Option<Sender>,
}

/// Something that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The time is over.
    Past {
        /// For how long.
        ago_s: u64,
    },
    /// The time is more than a year away.
    Far,
    /// The kernel refuses what leaves so little time.
    Notice {
        /// What is left.
        left_s: u64,
        /// What there must be.
        notice_s: u64,
    },
    /// It may not decide this.
    NotAllowed(Sender),
    /// So few members certify a block that two groups without a common member can.
    QuorumOfHalf {
        /// How many must sign.
        quorum: u16,
        /// How many there are.
        members: usize,
    },
    /// One member that does not sign stops the chain.
    QuorumOfAll {
        /// How many there are.
        members: usize,
    },
    /// Nobody has the key of the account that receives the fees.
    NoPool,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Past { ago_s } => {
                write!(f, "its time is over since {}: it takes effect at once", span(*ago_s))
            }
            Self::Far => f.write_str("its time is more than a year away"),
            Self::Notice { left_s, notice_s } => write!(
                f,
                "it leaves {}, less than the notice of {} that this rollup wants: the kernel ignores it (reason 185)",
                span(*left_s),
                span(*notice_s)
            ),
            Self::NotAllowed(sender) => {
                write!(f, "{} may not decide this: the kernel ignores it (reason 180)", sender.name())
            }
            Self::QuorumOfHalf { quorum, members } => write!(
                f,
                "{quorum} of {members} is not more than half: two groups without a common member can certify different \
                 blocks"
            ),
            Self::QuorumOfAll { members } => {
                write!(f, "all {members} members must sign: one that is away stops the chain")
            }
            Self::NoPool => f.write_str("the fees go to the zero address, where nobody can reach them"),
        }
    }
}

/// What a payload will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One thing each, in order.
    pub statements: Vec<String>,
    /// What to look at twice.
    pub warnings: Vec<Warning>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statements.iter().try_for_each(|statement| writeln!(f, "- {statement}"))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "WARNING: {warning}"))
    }
}

impl Explanation {
    /// Both lists of texts.
    pub fn to_json(&self) -> Value {
        let warnings: Vec<_> = self.warnings.iter().map(ToString::to_string).collect();
        json!({ "statements": self.statements, "warnings": warnings })
    }
}

/// Explains a payload.
pub fn explain(payload: &Payload, circumstances: &Circumstances) -> Explanation {
    let mut explanation = Explanation { statements: Vec::new(), warnings: Vec::new() };
    let mut author = Author { explanation: &mut explanation, circumstances };
    match payload {
        Payload::Decision(Decision::KernelUpgrade(upgrade)) => author.kernel_upgrade(upgrade),
        Payload::Decision(Decision::CancelUpgrade(cancel)) => author.cancel(cancel),
        Payload::Decision(Decision::SequencerUpgrade(upgrade)) => author.sequencer(upgrade),
        Payload::Decision(Decision::CommitteeChange(change)) => author.committee(change),
        Payload::Decision(Decision::RemoveSequencer) => author.removal(),
        Payload::KernelVote { root_hash, cancels } => {
            author.say(if *cancels {
                format!("This is what voters choose to cancel the upgrade to the kernel {root_hash}.")
            } else {
                format!("This is what voters choose to have the kernel {root_hash}.")
            });
            author.say("The contract adds the time when it is triggered: then, and its adoption period.");
        }
        Payload::SequencerVote { key, pool } => {
            author.say(format!(
                "This is what voters choose to have {} as the only sequencer.",
                key.to_base58()
            ));
            author.say(format!("Fees would go to {pool:?}."));
            author.say("The contract adds the time when it is triggered: then, and its adoption period.");
        }
    }
    explanation
}

struct Author<'a> {
    explanation: &'a mut Explanation,
    circumstances: &'a Circumstances,
}

impl Author<'_> {
    fn say(&mut self, statement: impl Into<String>) {
        self.explanation.statements.push(statement.into());
    }

    fn warn(&mut self, warning: Warning) {
        self.explanation.warnings.push(warning);
    }

    fn terms(&self) -> Upgrades {
        self.circumstances.terms.unwrap_or_default()
    }

    /// The time with how far it is, and the warnings about that.
    fn when(&mut self, time: Timestamp) -> String {
        let now = self.circumstances.now;
        let left_s = time.since(now);
        if time <= now {
            self.warn(Warning::Past { ago_s: now.since(time) });
        } else if left_s > FAR_S {
            self.warn(Warning::Far);
        }
        let distance = if time <= now { "in the past".into() } else { format!("in {}", span(left_s)) };
        format!("{} ({}, {distance})", show(time), time.get())
    }

    fn check_right(&mut self, has_right: fn(Sender) -> bool) {
        if let Some(sender) = self.circumstances.sender.filter(|sender| !has_right(*sender)) {
            self.warn(Warning::NotAllowed(sender));
        }
    }

    fn kernel_upgrade(&mut self, upgrade: &KernelUpgrade) {
        self.check_right(Sender::may_change_kernels);
        let KernelUpgrade { root_hash, activation } = upgrade;
        let terms = self.terms();
        self.say(format!("Another kernel takes over: the one whose pages have the root {root_hash}."));
        let when = self.when(*activation);
        self.say(format!(
            "When: before the first valid block whose timestamp is {when} or later. That is the clock of the chain, so a \
             sequencer with low timestamps can put it off."
        ));
        let is_security = self.circumstances.sender == Some(Sender::Security);
        if is_security {
            self.say(
                "It comes from security governance: upgrades of others wait until it is done or cancelled.",
            );
        }
        let notice_s = if is_security { terms.security_notice_s } else { terms.notice_s };
        let left_s = activation.since(self.circumstances.now);
        if self.circumstances.terms.is_some() && left_s < notice_s {
            self.warn(Warning::Notice { left_s, notice_s });
        }
        let forced = activation.saturating_add(terms.forced_after_s);
        self.say(format!(
            "If no such block comes, anybody can force it by a message to the rollup from {} on (the clock of the layer 1).",
            show(forced)
        ));
        self.say(
            "By then every page of the kernel must be with the rollup nodes: those that miss one stand still until they \
             have it. `millrace governance check` looks for all of them.",
        );
        if terms.trial_levels > 0 {
            self.say(format!(
                "The old kernel is kept, and comes back when the new one does not start, does not know the storage, fails \
                 to migrate it, or makes no block in {} levels in which it should have (after a migration it stays).",
                terms.trial_levels
            ));
        }
        self.say("Until it has taken over it can be cancelled (`millrace governance encode cancel`).");
        self.say_if_terms_are_unknown();
    }

    fn say_if_terms_are_unknown(&mut self) {
        if self.circumstances.terms.is_none() {
            self.say(
                "The rules of the rollup were not given (--parameters): those of Etherlink are assumed.",
            );
        }
    }

    fn cancel(&mut self, cancel: &CancelUpgrade) {
        self.check_right(Sender::may_change_kernels);
        self.say(format!("Upgrades that wait for the kernel {} are cancelled, at once.", cancel.root_hash));
        self.say(
            "Kernel governance cancels its own, security governance also those of kernel governance, the administrator \
             all. When none waits, nothing happens (reason 183).",
        );
        self.say(format!("Its time, {}, plays no role.", show(cancel.timestamp)));
    }

    fn sequencer(&mut self, upgrade: &SequencerUpgrade) {
        self.check_right(Sender::may_change_sequencers);
        self.say(format!("Another sequencer: {}.", upgrade.key.to_base58()));
        self.change_of_authority(upgrade.activation);
        self.fees(upgrade.pool);
    }

    fn committee(&mut self, change: &CommitteeChange) {
        self.check_right(Sender::may_change_sequencers);
        let (members, quorum) = (change.members.len(), change.quorum);
        self.say(format!(
            "A committee orders transactions: {quorum} of {members} members certify a blueprint."
        ));
        for (index, member) in change.members.iter().enumerate() {
            self.say(format!("Member {index}: {}.", member.to_base58()));
        }
        if usize::from(quorum) * 2 <= members {
            self.warn(Warning::QuorumOfHalf { quorum, members });
        } else if usize::from(quorum) == members && members > 1 {
            self.warn(Warning::QuorumOfAll { members });
        }
        self.change_of_authority(change.activation);
        self.fees(change.pool);
    }

    fn change_of_authority(&mut self, activation: Timestamp) {
        let when = self.when(activation);
        self.say(format!(
            "When: at the beginning of the first level after its announcement whose predecessor has the time {when} or \
             later. That is the clock of the layer 1: nobody who is to go can put it off."
        ));
        self.say(
            "Blueprints of before that wait are forgotten, and refused from then on; the delayed inbox stays. It is \
             ignored when its time is not after that of the last change that took effect (reason 188), and takes the place \
             of a change that waits for the same time.",
        );
    }

    fn fees(&mut self, pool: millrace_primitives::Address) {
        self.say(format!("From then on the fees for bytes go to {pool:?}."));
        if pool.is_zero() {
            self.warn(Warning::NoPool);
        }
    }

    fn removal(&mut self) {
        self.check_right(Sender::may_change_sequencers);
        self.say("Nobody orders transactions any more, from the next level on.");
        self.say("Changes of the sequencer that wait are cancelled with it.");
        self.say(
            "The kernel makes a block in each level of the delayed inbox and of what anybody sends, until a sequencer is \
             put in charge again.",
        );
    }
}

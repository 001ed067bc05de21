//! An upgrade on a copy of a rollup.
//!
//! Levels that a rollup has been through are replayed twice from the same state: as they were, and with a decision of
//! governance in the first of them. The first time has to end as the rollup did, or nothing can be said. Then both times
//! are compared: blocks by their hashes, the durable storage key by key, what runs took.
//!
//! The decision is the message that the layer 1 would deliver, behind all others of its level: names of deposits depend on
//! places of messages. It is announced by a contract that the rollup listens to and whose notice allows a time of the past.
//! When there is none, the upgrade is put among those that wait, as if it had been announced in time.

mod differences;
pub mod dump;
pub mod limits;
mod replay;
mod report;

pub use differences::{BlockDifference, ChainComparison, Fate, Group, KeyDifference, StorageDifferences};
pub use replay::Cost;

use millrace_engine::{
    EngineError,
    standing::{Refusal, Standing, announced},
};
use millrace_layout::{
    events::Event,
    governance::{PendingUpgrade, Source},
    parameters::{Contracts, Parameters},
};
use millrace_primitives::{BlockNumber, ContractHash, L1Level, PreimageHash, RollupAddress, Timestamp};
use millrace_pvm::{Machine, MachineConfig, Preimages, PvmError, Rollup, State, Status};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    governance::{Decision, KernelUpgrade},
    message::{self, Parameter, Transfer},
};
use replay::{Played, Stage};
use std::{ops::RangeInclusive, path::PathBuf, sync::Arc};

/// The account of the layer 1 whose operation triggers the decision; it plays no role.
const TRIGGER: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: *b"millrace rehearsal 0" };

/// What a rollup has been through.
#[derive(Clone)]
pub struct Recording {
    /// Which rollup.
    pub rollup: Rollup,
    /// Where it stood before the first level.
    pub start: State,
    /// The levels, one after the other.
    pub levels: Vec<RecordedLevel>,
}

impl Recording {
    /// The same without the levels in which the installer was at work: before the first block there is nobody to announce
    /// anything to.
    ///
    /// # Errors
    /// [`RehearsalError::State`] for one that cannot be read.
    pub fn since_first_block(mut self) -> Result<Self, RehearsalError> {
        while Standing::of(&self.start.durable).head()?.is_none() && !self.levels.is_empty() {
            match self.levels.remove(0).after {
                Some(after) => self.start = after,
                None => break,
            }
        }
        Ok(self)
    }
}

/// A level that a rollup has been through.
#[derive(Clone)]
pub struct RecordedLevel {
    /// Which.
    pub level: L1Level,
    /// All its inputs, from its start to its end.
    pub inputs: Vec<Vec<u8>>,
    /// Where the rollup stood after it; `None` when that is not known.
    pub after: Option<State>,
}

/// The upgrade to rehearse.
#[derive(Clone, Copy, Debug)]
pub struct Proposal {
    /// The root of the pages of the kernel.
    pub root_hash: PreimageHash,
    /// When it takes over; `None` for at once.
    pub activation: Option<Timestamp>,
    /// Who announces it; `None` for whoever may.
    pub source: Option<Source>,
    /// Whether other blocks than before are what is wanted.
    pub expects_changes: bool,
}

/// How the upgrade came to the rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// In whose name.
    pub source: Source,
    /// When the kernel was to take over.
    pub activation: Timestamp,
    /// How.
    pub way: Way,
}

/// How an upgrade came to a rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a message of this contract in the first level.
    Message(ContractHash),
    /// It waited already: the rollup listens to no such contract, so in truth it cannot be upgraded.
    NoContract,
    /// It waited already, as if it had been announced long enough before.
    Notice {
        /// The notice that the rollup wants.
        notice_s: u64,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The kernel took over, and the chain is the same.
    Good,
    /// The kernel took over, and the chain is another one.
    ChainDiffers {
        /// Whether that was wanted.
        is_expected: bool,
    },
    /// The kernel took over and makes fewer blocks than the one before.
    Behind {
        /// How many are missing.
        blocks: u64,
    },
    /// The kernel took over, and what it keeps cannot be read by this program.
    Unreadable,
    /// The kernel that runs ignored the announcement.
    Ignored {
        /// Its words.
        reason: String,
    },
    /// The kernel that runs refused the new one.
    Refused(u8),
    /// The new kernel took over, and gave way to the one before.
    GaveWay(u8),
    /// The rollup is dead for good.
    Dead(String),
    /// The levels were over before it was due.
    NotDue,
}

/// What a verdict means for whoever decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nothing speaks against it.
    Good,
    /// Something does.
    Bad,
    /// The rehearsal does not tell.
    Unknown,
}

impl Verdict {
    /// What it means.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::Good | Self::ChainDiffers { is_expected: true } => Weight::Good,
            Self::ChainDiffers { is_expected: false }
            | Self::Behind { .. }
            | Self::Ignored { .. }
            | Self::Refused(_)
            | Self::GaveWay(_)
            | Self::Dead(_) => Weight::Bad,
            Self::Unreadable | Self::NotDue => Weight::Unknown,
        }
    }
}

/// When the new kernel took over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// In which level.
    pub level: L1Level,
    /// Its first block is one of these: those of that level, or the next one when the level has none.
    pub first_block: RangeInclusive<u64>,
}

/// A level both times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelComparison {
    /// Which.
    pub level: L1Level,
    /// As it was.
    pub without: Cost,
    /// With the upgrade.
    pub with: Cost,
    /// Runs with the upgrade that did not end as they should.
    pub troubles: Vec<String>,
}

/// A rehearsal that was carried out.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The upgrade.
    pub proposal: Proposal,
    /// How it came to the rollup.
    pub announcement: Announcement,
    /// What came of it.
    pub verdict: Verdict,
    /// When the kernel took over, if it did.
    pub switch: Option<Switch>,
    /// Each level.
    pub levels: Vec<LevelComparison>,
    /// Whether the replay without the upgrade could be held against what the rollup had recorded.
    pub is_baseline_recorded: bool,
    /// Both chains; `None` when one cannot be read.
    pub chain: Option<ChainComparison>,
    /// How the durable storages differ after the last level.
    pub storage: StorageDifferences,
    /// The layout before and after.
    pub storage_versions: [Option<u64>; 2],
    /// The root of the kernel that runs in the end; `None` of the one that the rollup began with.
    pub kernel_root: Option<PreimageHash>,
    /// Upgrades that waited before: they come first, or after it.
    pub waiting_before: usize,
}

/// A rehearsal could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// Nothing to replay.
    #[error("there is no level to replay")]
    NoLevels,
    /// The PVM does not start.
    #[error("the PVM does not start: {0}")]
    Machine(PvmError),
    /// The PVM could not run a level.
    #[error("level {level} cannot be run: {error}")]
    Pvm {
        /// Which.
        level: L1Level,
        /// Why.
        error: PvmError,
    },
    /// The state of the rollup cannot be read.
    #[error("the state of the rollup cannot be read: {0}")]
    State(#[from] EngineError),
    /// Without the upgrade the replay ends otherwise than the rollup did: then nothing follows from it.
    #[error(
        "the replay of level {level} as it was ends otherwise than the rollup did, in {count} keys ({}): the recording is \
         damaged, or this program runs kernels otherwise",
        .keys.join(", ")
    )]
    Baseline {
        /// The first such level.
        level: L1Level,
        /// How many keys differ.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
    },
}

/// The PVM of a rehearsal, which counts operators. Compiled kernels are kept in `cache_dir`.
///
/// # Errors
/// [`RehearsalError::Machine`].
pub fn machine(cache_dir: Option<PathBuf>) -> Result<Machine, RehearsalError> {
    let config = MachineConfig { cache_dir, metered: true, ..MachineConfig::default() };
    Machine::new(config).map_err(RehearsalError::Machine)
}

/// Rehearses an upgrade. `preimages` has the pages of the new kernel, and whatever else the kernel reveals in these levels.
///
/// # Errors
/// [`RehearsalError`]: nothing can be said then. What the upgrade does wrong is a [`Verdict`].
pub fn rehearse(
    machine: &Machine,
    preimages: Arc<dyn Preimages>,
    recording: &Recording,
    proposal: Proposal,
) -> Result<Rehearsal, RehearsalError> {
    let first = recording.levels.first().ok_or(RehearsalError::NoLevels)?;
    let stage = Stage { machine, rollup: recording.rollup, preimages };
    let as_it_was = || recording.levels.iter().map(|level| (level.level, level.inputs.as_slice()));

    // Kernels are compiled at their first run, which should not count as their time.
    stage.play(recording.start.clone(), as_it_was().take(1))?;
    let without = stage.play(recording.start.clone(), as_it_was())?;
    check_baseline(recording, &without)?;

    let (announcement, start, inputs) = announce(recording, first, &proposal)?;
    let with_upgrade = || std::iter::once((first.level, inputs.as_slice())).chain(as_it_was().skip(1));
    stage.play(start.clone(), with_upgrade().take(1))?;
    let with = stage.play(start, with_upgrade())?;

    let waiting_before = Standing::of(&recording.start.durable).upgrades_waiting()?.len();
    let comparison = Comparison {
        proposal,
        announcement,
        inputs: &inputs,
        without: &without,
        with: &with,
        waiting_before,
    };
    Ok(comparison.conclude(recording))
}

/// The replay without the upgrade has to end as the rollup did, level by level.
fn check_baseline(recording: &Recording, played: &[Played]) -> Result<(), RehearsalError> {
    for (recorded, played) in recording.levels.iter().zip(played) {
        let Some(expected) = &recorded.after else { continue };
        let differences = StorageDifferences::between(&expected.durable, &played.after.durable);
        if differences.count() > 0 || expected.status != played.after.status {
            return Err(RehearsalError::Baseline {
                level: recorded.level,
                count: differences.count(),
                keys: differences.first_keys(),
            });
        }
    }
    Ok(())
}

/// The state and the inputs of the first level with the upgrade announced.
fn announce(
    recording: &Recording,
    first: &RecordedLevel,
    proposal: &Proposal,
) -> Result<(Announcement, State, Vec<Vec<u8>>), RehearsalError> {
    let standing = Standing::of(&recording.start.durable);
    let parameters = standing.parameters()?;
    // The next block is not before the last one: this is at once.
    let at_once = standing.head()?.map_or(Timestamp::ZERO, |head| head.header.timestamp);
    let activation = proposal.activation.unwrap_or(at_once);
    let (source, way) = way(&parameters, proposal);
    let announcement = Announcement { source, activation, way };
    let mut inputs = first.inputs.clone();
    let Way::Message(sender) = way else {
        let upgrade = PendingUpgrade { root_hash: *proposal.root_hash.as_bytes(), activation, source };
        let durable = announced(&recording.start.durable, upgrade)?;
        return Ok((announcement, State::of(durable, recording.start.status.clone()), inputs));
    };
    let upgrade = KernelUpgrade { root_hash: proposal.root_hash, activation };
    let payload = Decision::KernelUpgrade(upgrade).encode();
    let transfer = Transfer { sender, source: TRIGGER, parameter: Parameter::Governance(&payload) };
    let rollup = RollupAddress::new(recording.rollup.address);
    // Before the end of the level, which comes last.
    inputs.insert(inputs.len().saturating_sub(1), message::transfer(&rollup, &transfer));
    Ok((announcement, recording.start.clone(), inputs))
}

/// Who announces the upgrade, and how.
fn way(parameters: &Parameters, proposal: &Proposal) -> (Source, Way) {
    let Contracts { admin, kernel_governance, security_governance, .. } = parameters.contracts;
    let terms = parameters.upgrades;
    let contracts = [
        (Source::Kernel, kernel_governance, terms.notice_s),
        (Source::Security, security_governance, terms.security_notice_s),
        (Source::Admin, admin, terms.notice_s),
    ];
    let wanted =
        contracts.iter().filter(|(source, ..)| proposal.source.is_none_or(|wanted| wanted == *source));
    let known: Vec<_> =
        wanted.filter_map(|(source, contract, notice_s)| Some((*source, (*contract)?, *notice_s))).collect();
    // A time that was asked for is announced as it is: that the notice is too short shows then.
    let can_be_sent = |notice_s: u64| notice_s == 0 || proposal.activation.is_some();
    if let Some((source, contract, _)) = known.iter().find(|(.., notice_s)| can_be_sent(*notice_s)) {
        return (*source, Way::Message(*contract));
    }
    match known.first() {
        Some((source, _, notice_s)) => (*source, Way::Notice { notice_s: *notice_s }),
        None => (proposal.source.unwrap_or(Source::Kernel), Way::NoContract),
    }
}

/// Both times, before they are made a [`Rehearsal`].
struct Comparison<'a> {
    proposal: Proposal,
    announcement: Announcement,
    /// Of the first level, with the announcement.
    inputs: &'a [Vec<u8>],
    waiting_before: usize,
    without: &'a [Played],
    with: &'a [Played],
}

impl Comparison<'_> {
    fn conclude(self, recording: &Recording) -> Rehearsal {
        let switch = self.switch(&recording.start);
        let chain = ChainComparison::between(self.without, self.with);
        let verdict = self.verdict(switch.is_some(), chain.as_ref());
        let levels = self.without.iter().zip(self.with).map(|(without, with)| LevelComparison {
            level: with.level,
            without: without.cost,
            with: with.cost,
            troubles: with.troubles.clone(),
        });
        let ends = (self.without.last(), self.with.last());
        let storage = match ends {
            (Some(without), Some(with)) => {
                StorageDifferences::between(&without.after.durable, &with.after.durable)
            }
            _ => StorageDifferences::default(),
        };
        let after = &ends.1.map_or(&recording.start, |with| &with.after).durable;
        let version =
            |durable| Standing::of(durable).storage_version().ok().flatten().map(|version| version.0);
        Rehearsal {
            proposal: self.proposal,
            announcement: self.announcement,
            verdict,
            switch,
            levels: levels.collect(),
            is_baseline_recorded: recording.levels.iter().all(|level| level.after.is_some()),
            chain,
            storage,
            storage_versions: [version(&recording.start.durable), version(after)],
            kernel_root: Standing::of(after).kernel_root().ok().flatten(),
            waiting_before: self.waiting_before,
        }
    }

    /// The level in which the kernel took over.
    fn switch(&self, start: &State) -> Option<Switch> {
        let is_switch = |event: &Event| matches!(event, Event::UpgradeActivated { root_hash } if root_hash == self.proposal.root_hash.as_bytes());
        let index = self.with.iter().position(|level| level.events.iter().any(is_switch))?;
        let level = &self.with[index];
        let number = |head: Option<BlockNumber>| head.map_or(0, |number| number.get() + 1);
        let next = match index.checked_sub(1) {
            Some(before) => number(self.with[before].head),
            None => number(Standing::of(&start.durable).head().ok().flatten().map(|head| head.header.number)),
        };
        let last = level.head.map_or(next, BlockNumber::get).max(next);
        Some(Switch { level: level.level, first_block: next..=last })
    }

    fn verdict(&self, has_switched: bool, chain: Option<&ChainComparison>) -> Verdict {
        if let Some(Status::Stuck(stuck)) = self.with.last().map(|level| &level.after.status) {
            return Verdict::Dead(stuck.to_string());
        }
        let root = self.proposal.root_hash;
        let events = || self.with.iter().flat_map(|level| &level.events);
        let failure = events().find_map(|event| match event {
            Event::UpgradeFailed { root_hash, reason } if root_hash == root.as_bytes() => Some(*reason),
            _ => None,
        });
        match failure {
            Some(reason) if has_switched => return Verdict::GaveWay(reason),
            Some(reason) => return Verdict::Refused(reason),
            None => {}
        }
        if !has_switched {
            return match self.ignored() {
                Some(reason) => Verdict::Ignored { reason },
                None => Verdict::NotDue,
            };
        }
        match chain {
            None => Verdict::Unreadable,
            Some(chain) if chain.behind() > 0 => Verdict::Behind { blocks: chain.behind() },
            Some(chain) if chain.first_difference.is_some() => {
                Verdict::ChainDiffers { is_expected: self.proposal.expects_changes }
            }
            Some(_) => Verdict::Good,
        }
    }

    /// Why the announcement was ignored, if it was, in the words of the kernel.
    fn ignored(&self) -> Option<String> {
        let Way::Message(_) = self.announcement.way else { return None };
        let first = self.with.first()?;
        let is_ours = |event: &Event| matches!(event, Event::UpgradeAnnounced { root_hash, .. } if root_hash == self.proposal.root_hash.as_bytes());
        if first.events.iter().any(is_ours) {
            return None;
        }
        let index = self.inputs.len().saturating_sub(2);
        let line = format!("message {index} of level {}: ", first.level);
        let reason = first.debug.lines().find_map(|text| text.split_once(&line).map(|(_, reason)| reason));
        Some(reason.unwrap_or("the kernel says nothing about it").to_owned())
    }
}

/// The reason of a refusal in words.
pub(crate) fn reason_text(code: u8) -> String {
    match Refusal::from_code(code) {
        Some(refusal) => refusal.to_string(),
        None => format!("a reason that this program does not know ({code})"),
    }
}

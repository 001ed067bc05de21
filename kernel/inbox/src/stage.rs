//! The loop over the inbox.

use crate::{
    Reason,
    blueprint::{self, Chain},
    deposit,
};
use alloc::format;
use core::fmt;
use millrace_host::{Debug, Host, HostError, Inbox, Input, Reveal, Store};
use millrace_layout::{LayoutError, clock, clock::L1Clock, events};
use millrace_primitives::RollupAddress;
use millrace_wire::{
    frame::{External, Kind},
    message::{self, Ignored, InfoPerLevel, Message, Parameter},
};

/// How much of the inbox one run reads. What is left stays in the inbox over a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Messages of any kind.
    pub messages_max: u32,
    /// Signature checks.
    pub signature_checks_max: u32,
}

impl Budget {
    /// What one run can do and stay provable. By estimate, not yet by measurement, a stored chunk costs in
    /// the order of 10^6 ticks and a signature check 3·10^7 (Etherlink's model: 2.7·10^7 for a signed chunk):
    /// together less than 2·10^10, where a run should stay below 10^11.
    pub const RUN: Self = Self { messages_max: 4_096, signature_checks_max: 256 };
}

/// Whether the inbox of the level has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of it.
    Done,
    /// The budget is used up and there may be more: another run should go on.
    More,
}

/// What a run read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whether to go on.
    pub progress: Progress,
    /// Messages read, of all kinds.
    pub messages: u32,
    /// Messages that were stored.
    pub kept: u32,
    /// Messages that changed nothing, for a [`Reason`].
    pub ignored: u32,
    /// Messages left behind because of durable storage.
    pub failed: u32,
    /// Signatures checked.
    pub signature_checks: u32,
}

/// Stage 1 cannot go on. No message causes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxError {
    /// The host does not say who this rollup is.
    Metadata(HostError),
    /// The host does not give the next message.
    Read(HostError),
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata(error) => write!(f, "rollup metadata: {error}"),
            Self::Read(error) => write!(f, "inbox: {error}"),
        }
    }
}

impl core::error::Error for InboxError {}

/// What became of a message. The outer `Result` of the functions that answer this is for durable storage.
pub(crate) type Judged = Result<Outcome, Reason>;

/// What became of a message that was not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is stored.
    Kept,
    /// It says where in the level we are.
    Marker,
    /// It was the last.
    EndOfLevel,
}

/// Reads the inbox of the level within [`Budget::RUN`].
///
/// # Errors
/// [`InboxError`]: the inbox cannot be read.
pub fn read_inbox(host: &mut impl Host) -> Result<Progress, InboxError> {
    read_inbox_within(host, &Budget::RUN).map(|summary| summary.progress)
}

/// Reads the inbox of the level within `budget`.
///
/// # Errors
/// [`InboxError`]: the inbox cannot be read.
pub fn read_inbox_within(
    host: &mut (impl Store + Inbox + Reveal + Debug),
    budget: &Budget,
) -> Result<Summary, InboxError> {
    let rollup = host.reveal_metadata().map_err(InboxError::Metadata)?.rollup;
    let mut run = Run::new(rollup);
    while run.is_within(budget) {
        let Some(input) = host.read_input().map_err(InboxError::Read)? else {
            return Ok(run.summary(Progress::Done));
        };
        if run.read(host, &input) == Some(Outcome::EndOfLevel) {
            return Ok(run.summary(Progress::Done));
        }
    }
    Ok(run.summary(Progress::More))
}

/// What a run counts and remembers. All of it can be read from durable storage again.
struct Run {
    chain: Chain,
    clock: Option<L1Clock>,
    messages: u32,
    kept: u32,
    ignored: u32,
    failed: u32,
}

impl Run {
    fn new(rollup: RollupAddress) -> Self {
        Self { chain: Chain::new(rollup), clock: None, messages: 0, kept: 0, ignored: 0, failed: 0 }
    }

    fn is_within(&self, budget: &Budget) -> bool {
        self.messages < budget.messages_max && self.chain.signature_checks < budget.signature_checks_max
    }

    fn summary(&self, progress: Progress) -> Summary {
        Summary {
            progress,
            messages: self.messages,
            kept: self.kept,
            ignored: self.ignored,
            failed: self.failed,
            signature_checks: self.chain.signature_checks,
        }
    }

    /// Reads one message, counts it, and reports it when it changed nothing.
    fn read(&mut self, host: &mut (impl Store + Debug), input: &Input) -> Option<Outcome> {
        self.messages = self.messages.saturating_add(1);
        match self.judge(host, input) {
            Ok(Ok(outcome)) => {
                if outcome == Outcome::Kept {
                    self.kept = self.kept.saturating_add(1);
                }
                Some(outcome)
            }
            Ok(Err(reason)) => {
                self.ignored = self.ignored.saturating_add(1);
                // All rollups share one inbox: a line for each message of the others would drown ours.
                if reason != Reason::Message(Ignored::OtherRollup) {
                    host.debug(&format!("message {} of level {}: {reason}", input.index, input.level));
                }
                None
            }
            Err(error) => {
                self.failed = self.failed.saturating_add(1);
                host.debug(&format!("message {} of level {}: {error}", input.index, input.level));
                None
            }
        }
    }

    fn judge(&mut self, host: &mut impl Store, input: &Input) -> Result<Judged, LayoutError> {
        let message = match message::parse(&input.bytes, &self.chain.rollup()) {
            Ok(message) => message,
            Err(ignored) => return Ok(Err(Reason::Message(ignored))),
        };
        match message {
            Message::StartOfLevel => Ok(Ok(Outcome::Marker)),
            Message::EndOfLevel => Ok(Ok(Outcome::EndOfLevel)),
            Message::InfoPerLevel(info) => self.start_level(host, input, &info).map(Ok),
            Message::External(External { kind: Kind::BlueprintChunk, body }) => {
                blueprint::read(host, &mut self.chain, body)
            }
            Message::Transfer(transfer) => match transfer.parameter {
                Parameter::Deposit { routing, ticket } => {
                    let clock = self.clock(host)?;
                    deposit::read(host, input, clock, &deposit::Offered { routing, ticket })
                }
                Parameter::DelayedBridge(_) | Parameter::Governance(_) => Ok(Err(Reason::Unsupported)),
            },
            Message::ProtocolMigration(_) | Message::DalAttestedSlots(_) => Ok(Err(Reason::Unsupported)),
        }
    }

    /// Moves the clock, and lets the events of the level before go.
    fn start_level(
        &mut self,
        host: &mut impl Store,
        input: &Input,
        info: &InfoPerLevel,
    ) -> Result<Outcome, LayoutError> {
        let clock = L1Clock { level: input.level, timestamp: info.predecessor_timestamp };
        clock::write(host, clock)?;
        self.clock = Some(clock);
        events::clear(host)?;
        Ok(Outcome::Marker)
    }

    /// The clock of this level: its message comes before all that needs it.
    fn clock(&mut self, host: &impl Store) -> Result<L1Clock, LayoutError> {
        match self.clock {
            Some(clock) => Ok(clock),
            None => Ok(*self.clock.insert(clock::key()?.require(host)?)),
        }
    }
}

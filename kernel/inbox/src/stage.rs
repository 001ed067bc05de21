//! The loop over the inbox.

use crate::{
    Reason, authority,
    blueprint::{self, Chain},
    cost,
    dal::{self, import},
    delayed::{self, Arrival},
    deposit, governance, legacy, queue,
};
use alloc::format;
use core::fmt;
use millrace_host::{Budget, Debug, HostError, Inbox, Input, Reveal, Store};
use millrace_layout::{
    LayoutError, clock,
    clock::L1Clock,
    events,
    parameters::{self, Parameters},
};
use millrace_primitives::{RollupAddress, Ticks};
use millrace_wire::{
    frame::{External, Kind},
    message::{self, DalAttestedSlots, Ignored, InfoPerLevel, Message, Parameter, Transfer},
};

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

/// Reads the inbox of the level as far as `budget` goes. What is left stays in the inbox over a reboot.
///
/// # Errors
/// [`InboxError`]: the inbox cannot be read.
pub fn read_inbox(
    host: &mut (impl Store + Inbox + Reveal + Debug),
    budget: &mut Budget,
) -> Result<Summary, InboxError> {
    let rollup = host.reveal_metadata().map_err(InboxError::Metadata)?.rollup;
    if let Err(error) = authority::finish(host) {
        host.debug(&format!("change of authority: {error}"));
    }
    let mut run = Run::new(rollup);
    loop {
        // What was taken up comes before the messages after it, whatever was read in which run.
        if run.has_import && run.import(host, budget) == Progress::More {
            return Ok(run.summary(Progress::More));
        }
        if !budget.covers(cost::MESSAGE_MAX) {
            return Ok(run.summary(Progress::More));
        }
        let Some(input) = host.read_input().map_err(InboxError::Read)? else {
            return Ok(run.summary(Progress::Done));
        };
        let outcome = run.read(host, &input);
        budget.spend(run.take_ticks());
        if outcome == Some(Outcome::EndOfLevel) {
            return Ok(run.summary(Progress::Done));
        }
    }
}

/// What a run counts and remembers. All of it can be read from durable storage again.
struct Run {
    chain: Chain,
    clock: Option<L1Clock>,
    parameters: Option<Parameters>,
    /// There may be slots to read: an earlier run may have left some.
    has_import: bool,
    messages: u32,
    kept: u32,
    ignored: u32,
    failed: u32,
    /// What the messages since the last [`Run::take_ticks`] took.
    ticks: Ticks,
}

impl Run {
    fn new(rollup: RollupAddress) -> Self {
        Self {
            chain: Chain::new(rollup),
            clock: None,
            parameters: None,
            has_import: true,
            messages: 0,
            kept: 0,
            ignored: 0,
            failed: 0,
            ticks: Ticks::ZERO,
        }
    }

    fn take_ticks(&mut self) -> Ticks {
        let signatures = core::mem::take(&mut self.chain.ticks);
        core::mem::take(&mut self.ticks).saturating_add(signatures.get())
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

    /// Reads the slots that were taken up.
    fn import(&mut self, host: &mut (impl Store + Reveal + Debug), budget: &mut Budget) -> Progress {
        match import::run(host, &mut self.chain, budget) {
            Ok(Progress::More) => return Progress::More,
            Ok(Progress::Done) => {}
            Err(error) => {
                self.failed = self.failed.saturating_add(1);
                host.debug(&format!("import of slots: {error}"));
            }
        }
        self.has_import = false;
        Progress::Done
    }

    /// Reads one message, counts it, and reports it when it changed nothing.
    fn read(&mut self, host: &mut (impl Store + Reveal + Debug), input: &Input) -> Option<Outcome> {
        self.messages = self.messages.saturating_add(1);
        self.ticks = self.ticks.saturating_add(cost::message(input.bytes.len()).get());
        match self.judge(host, input) {
            Ok(Ok(outcome)) => {
                if outcome == Outcome::Kept {
                    self.kept = self.kept.saturating_add(1);
                    self.ticks = self.ticks.saturating_add(cost::KEPT.get());
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

    fn judge(&mut self, host: &mut (impl Store + Reveal), input: &Input) -> Result<Judged, LayoutError> {
        let message = match message::parse(&input.bytes, &self.chain.rollup()) {
            Ok(message) => message,
            Err(ignored) => return Ok(Err(Reason::Message(ignored))),
        };
        match message {
            Message::StartOfLevel => Ok(Ok(Outcome::Marker)),
            Message::EndOfLevel => Ok(Ok(Outcome::EndOfLevel)),
            Message::InfoPerLevel(info) => self.start_level(host, input, &info).map(Ok),
            Message::External(external) => self.external(host, input, &external),
            Message::Transfer(transfer) => self.transfer(host, input, &transfer),
            Message::DalAttestedSlots(slots) => self.attested(host, input, &slots),
            Message::ProtocolMigration(_) => Ok(Err(Reason::Unsupported)),
        }
    }

    fn external(
        &mut self,
        host: &mut (impl Store + Reveal),
        input: &Input,
        external: &External<'_>,
    ) -> Result<Judged, LayoutError> {
        match external.kind {
            Kind::BlueprintChunk => blueprint::read(host, &mut self.chain, external.body),
            Kind::LegacyBlueprintChunk => legacy::read(host, &mut self.chain, external.body),
            Kind::Transaction | Kind::ChunkedTransaction | Kind::TransactionChunk => {
                if self.chain.context(host)?.authority.is_some() {
                    return Ok(Err(Reason::SequencerInOffice));
                }
                queue::read(host, input.level, external)
            }
            Kind::ForcedUpgrade => {
                let now = self.clock(host)?.timestamp;
                let terms = self.parameters(host)?.upgrades;
                governance::read_forced(host, &terms, now)
            }
            Kind::DalSignal => self.signal(host, input, external.body),
        }
    }

    fn signal(
        &mut self,
        host: &mut (impl Store + Reveal),
        input: &Input,
        body: &[u8],
    ) -> Result<Judged, LayoutError> {
        let parameters = self.parameters(host)?.dal.clone();
        let judged = dal::read_signal(host, &mut self.chain, &parameters, (input.level, body))?;
        self.has_import |= judged.is_ok();
        Ok(judged)
    }

    fn attested(
        &mut self,
        host: &mut impl Store,
        input: &Input,
        slots: &DalAttestedSlots<'_>,
    ) -> Result<Judged, LayoutError> {
        let parameters = self.parameters(host)?.dal.clone();
        let judged = dal::read_attested(host, &mut self.chain, &parameters, (input.level, slots))?;
        self.has_import |= judged == Ok(Outcome::Kept);
        Ok(judged)
    }

    fn transfer(
        &mut self,
        host: &mut impl Store,
        input: &Input,
        transfer: &Transfer<'_>,
    ) -> Result<Judged, LayoutError> {
        let clock = self.clock(host)?;
        let arrival = Arrival { level: input.level, timestamp: clock.timestamp, index: input.index };
        let parameters = self.parameters(host)?;
        match &transfer.parameter {
            Parameter::Deposit { routing, ticket } => {
                deposit::read(host, parameters, arrival, &deposit::Offered { routing, ticket: *ticket })
            }
            Parameter::DelayedBridge(bytes)
                if parameters.contracts.delayed_bridge == Some(transfer.sender) =>
            {
                delayed::read_bridge(host, arrival, bytes)
            }
            Parameter::DelayedBridge(_) => Ok(Err(Reason::OtherSender)),
            Parameter::Governance(bytes) => {
                governance::read(host, parameters, transfer.sender, (clock, bytes))
            }
        }
    }

    /// The parameters, which no message changes but the first of the level.
    fn parameters(&mut self, host: &impl Store) -> Result<&Parameters, LayoutError> {
        match &mut self.parameters {
            Some(parameters) => Ok(parameters),
            none => Ok(none.insert(parameters::read(host)?)),
        }
    }

    /// Moves the clock, lets the events of the level before go, and changes the authority if it is time.
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
        if authority::take_office(host, clock)? {
            self.parameters = None;
            self.chain.forget();
        }
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

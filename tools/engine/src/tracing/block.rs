//! Transactions of a block, executed again as the block did.

use super::meter::Meter;
use super::{Ended, Record, Recorder, check, finish_calls, finish_steps, prestate, touched::Touched};
use crate::host::NativeHost;
use crate::states::parameters;
use crate::{CallError, Engine, EngineError};
use millrace_block::{BlockError, Replay, TransactionFault, WorldReader};
use millrace_evm::execute::Outcome;
use millrace_evm::keccak;
use millrace_evm::state::{Changes, State};
use millrace_evm::trace::{NoTracer, Tracer};
use millrace_evm::transaction::{DEPOSIT_SENDER, Deposit, SignedTransaction};
use millrace_layout::LayoutError;
use millrace_primitives::{Address, Block, Gas, Mutez, Receipt, TransactionHash, U256};
use millrace_pvm::durable::Durable;
use millrace_trace::{Frame, FrameKind, PrestateOptions, Steps, Trace, Watch};
use millrace_wire::{deposit::NativeDeposit, fa_deposit::BRIDGE, fa_deposit::FaDeposit};
use std::collections::BTreeSet;

/// A block, and what to record of it.
#[derive(Clone, Copy)]
pub struct BlockTrace<'a> {
    /// The block.
    pub block: &'a Block,
    /// The names of what came through the delayed inbox: it is charged otherwise.
    pub delayed: &'a BTreeSet<TransactionHash>,
    /// The index of the only transaction that is asked for; `None` for all.
    pub only: Option<usize>,
    /// What to record.
    pub watch: Watch,
    /// Asked now and then: false ends the work.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// What a transaction of a block is.
pub(crate) enum Part {
    Deposit(NativeDeposit),
    FaDeposit(FaDeposit),
    Transaction,
}

impl Part {
    pub(crate) fn of(raw: &[u8]) -> Self {
        if let Some(deposit) = FaDeposit::from_transaction(raw) {
            return Self::FaDeposit(deposit);
        }
        let Ok(Some(Deposit { receiver, value, level, index })) = Deposit::decode(raw) else {
            return Self::Transaction;
        };
        // The bridge deals in mutez.
        let amount = u64::try_from(value / U256::from(Mutez::WEI)).unwrap_or(u64::MAX);
        Self::Deposit(NativeDeposit { amount: Mutez::new(amount), receiver, level, index })
    }
}

impl Engine {
    /// Executes a block again on `parent`, the state after the block before it, and records what is asked for: a
    /// trace for each transaction, or for the only one.
    ///
    /// # Errors
    /// [`CallError::TraceTooLarge`], [`CallError::Interrupted`], [`EngineError::Replay`] when the block does not
    /// follow that state.
    pub fn trace_block(&self, parent: &Durable, request: &BlockTrace<'_>) -> Result<Vec<Trace>, CallError> {
        let host = NativeHost::reading(parent)?;
        let parameters = parameters(parent)?;
        let Block { header, transactions, receipts } = request.block;
        let replay = Replay::start(&host, &parameters, header.timestamp).map_err(EngineError::from)?;
        let mut work = Work { host: &host, replay, request, meter: Meter::new(request.goes_on) };
        let mut traces = Vec::new();
        for (index, (raw, receipt)) in transactions.iter().zip(receipts).enumerate() {
            work.meter.check();
            check(&work.meter)?;
            if request.only.is_some_and(|only| only != index) {
                work.include(raw, receipt, NoTracer)?.ok_or(EngineError::Replay { index })?;
                continue;
            }
            traces.push(work.trace(raw, receipt)?.ok_or(EngineError::Replay { index })?);
            if request.only.is_some() {
                break;
            }
        }
        Ok(traces)
    }
}

struct Work<'a, 'h> {
    host: &'h NativeHost<'static>,
    replay: Replay<'h, NativeHost<'static>>,
    request: &'a BlockTrace<'a>,
    meter: Meter<'a>,
}

/// A deposit has no outcome but that it is in the block.
type Included = Option<Outcome>;

impl Work<'_, '_> {
    /// Executes a transaction; `None` when the outcome is not that of the block.
    fn include<T: Tracer>(
        &mut self,
        raw: &[u8],
        receipt: &Receipt,
        tracer: T,
    ) -> Result<Option<Included>, CallError> {
        let included = match Part::of(raw) {
            Part::Deposit(deposit) => self.replay.deposit(&deposit).map(nothing),
            Part::FaDeposit(deposit) => self.replay.fa_deposit(&deposit).map(nothing),
            Part::Transaction => {
                let name = TransactionHash::new(keccak(raw).0);
                let is_delayed = self.request.delayed.contains(&name);
                self.replay.transaction(raw, is_delayed, tracer).map(|outcome| outcome.map(Some))
            }
        };
        let included: Result<Included, TransactionFault> = included.map_err(EngineError::from)?;
        let is_same = |outcome: &Outcome| {
            outcome.gas_used == receipt.gas_used && outcome.succeeded == receipt.succeeded
        };
        Ok(included.ok().filter(|outcome| outcome.as_ref().is_none_or(is_same)))
    }

    fn trace(&mut self, raw: &[u8], receipt: &Receipt) -> Result<Option<Trace>, CallError> {
        let before = match self.request.watch {
            Watch::Prestate(_) => self.replay.state().changes(),
            _ => Changes::default(),
        };
        // The recorder borrows the meter while the replay runs.
        let mut meter = std::mem::replace(&mut self.meter, Meter::new(self.request.goes_on));
        let mut recorder = Recorder::new(self.request.watch, &mut meter);
        let included = self.include(raw, receipt, &mut recorder);
        let record = recorder.record;
        self.meter = meter;
        let included = included?;
        // A record that is not whole stopped the execution: there is no outcome then.
        check(&self.meter)?;
        let Some(included) = included else { return Ok(None) };
        let Some(outcome) = included else { return self.trace_deposit(raw, &before).map(Some) };
        let gas_limit = SignedTransaction::decode(raw, self.replay.environment().chain_id)
            .map_or(Gas::ZERO, |signed| signed.transaction().gas_limit);
        let Outcome { gas_used, output, halt, .. } = outcome;
        let ended = Ended { gas_limit, gas_used, output, halt };
        Ok(Some(match record {
            Record::Steps(steps) => Trace::Steps(finish_steps(steps, ended)),
            Record::Calls(calls) => Trace::Calls(finish_calls(calls, &ended)),
            Record::Touched(mut touched) => {
                self.touch_authorities(raw, &mut touched);
                self.prestate(touched, &before)?
            }
        }))
    }

    /// The accounts that let their code be another's are touched before the outermost call.
    fn touch_authorities(&mut self, raw: &[u8], touched: &mut Touched) {
        let Ok(signed) = SignedTransaction::decode(raw, self.replay.environment().chain_id) else { return };
        for authority in signed.transaction().authorizations.iter().filter_map(|one| one.authority()) {
            touched.account(authority, &mut self.meter);
        }
    }

    fn prestate(&mut self, mut touched: Touched, before: &Changes) -> Result<Trace, CallError> {
        let beneficiary = self.replay.environment().beneficiary;
        let outermost = touched.outermost.map(|(caller, target)| [caller, target]);
        for address in outermost.into_iter().flatten().chain([beneficiary]) {
            touched.account(address, &mut self.meter);
        }
        check(&self.meter)?;
        self.read_prestate(touched, before).map_err(|error| EngineError::from(error).into())
    }

    fn read_prestate(&self, touched: Touched, before: &Changes) -> Result<Trace, LayoutError> {
        let options = match self.request.watch {
            Watch::Prestate(options) => options,
            _ => PrestateOptions::default(),
        };
        let before = State::resume(WorldReader::new(self.host), before)?;
        Ok(Trace::Prestate(prestate::read(touched, options, &before, self.replay.state())?))
    }

    /// A deposit runs no code of its own. The call of the proxy of an FA deposit is not shown.
    fn trace_deposit(&mut self, raw: &[u8], before: &Changes) -> Result<Trace, CallError> {
        Ok(match self.request.watch {
            Watch::Steps(_) => Trace::Steps(Steps::default()),
            Watch::Calls(_) => Trace::Calls(vec![frame_of_deposit(raw)]),
            Watch::Prestate(_) => {
                let touched = Touched::of_difference(before, &self.replay.state().changes());
                self.read_prestate(touched, before).map_err(EngineError::from)?
            }
        })
    }
}

fn nothing(result: Result<(), TransactionFault>) -> Result<Included, TransactionFault> {
    result.map(|()| None)
}

fn frame_of_deposit(raw: &[u8]) -> Frame {
    let (to, value, input): (Address, U256, Vec<u8>) = match Part::of(raw) {
        Part::Deposit(deposit) => (deposit.receiver, deposit.amount.to_wei().get(), deposit.data()),
        Part::FaDeposit(deposit) => (BRIDGE, U256::zero(), deposit.data()),
        Part::Transaction => (Address::zero(), U256::zero(), Vec::new()),
    };
    Frame {
        depth: 0,
        kind: FrameKind::Call,
        from: DEPOSIT_SENDER,
        to: Some(to),
        value: Some(value),
        gas: 0,
        gas_used: 0,
        input,
        output: Vec::new(),
        error: None,
        logs: Vec::new(),
    }
}

impl From<BlockError> for CallError {
    fn from(error: BlockError) -> Self {
        Self::Engine(error.into())
    }
}

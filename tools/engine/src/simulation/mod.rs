//! Blocks that are only tried out, one after the other on the state of a real one: what `eth_simulateV1` asks.
//!
//! Each block has overrides of its own on top of what the ones before it left. Nothing is checked of a call but what
//! its execution needs, unless validation is asked for: then it is a transaction that nobody signed.

mod call;
mod pretence;
mod transfers;

use crate::host::NativeHost;
use crate::overrides::{Overrides, ReadFault};
use crate::states::parameters;
use crate::tracing::meter::{Fault, Meter};
use crate::{Call, CallError, Engine, EngineError, Offered, Signature, keccak};
use call::{Performed, Unsigned};
use millrace_block::{WorldReader, charges, fees};
use millrace_evm::Fees;
use millrace_evm::block::{header_hash, receipts_root, transactions_root};
use millrace_evm::execute::{BlockEnvironment, Halt, Invalid, TransactionError, history::record_parent};
use millrace_evm::state::{Changes, State, StateReader};
use millrace_evm::system::{Approval, KeyChangeFault, KeyChangeRequest};
use millrace_layout::{parameters::Parameters, world::World};
use millrace_primitives::{
    Account, Address, Block, BlockHash, BlockNumber, Epoch, Gas, H256, Header, Log, Receipt, Timestamp, U256,
};
use millrace_pvm::durable::Durable;
use pretence::pretend;
use std::collections::BTreeMap;
use transfers::Transfers;

/// How far behind the real block the last one may be, as in go-ethereum.
pub const SIMULATED_BLOCKS_MAX: u64 = 256;
/// Between blocks whose timestamps are left out.
const SECONDS_BETWEEN: u64 = 1;
/// Blocks to try out.
#[derive(Clone, Copy)]
pub struct Simulated<'a> {
    /// In order.
    pub blocks: &'a [BlockInput],
    /// Whether each call must keep to the rules of a transaction, and gas has a price.
    pub validates: bool,
    /// Whether transfers of the native token are told of by logs.
    pub shows_transfers: bool,
    /// Most gas of all calls together.
    pub gas_max: Gas,
    /// Asked now and then: false ends the work.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// A block to try out.
#[derive(Clone, Debug, Default)]
pub struct BlockInput {
    /// What it pretends, besides what the ones before it left.
    pub overrides: Overrides,
    /// Its calls, each with its nonce if that is given.
    pub calls: Vec<(Call, Option<u64>)>,
}

/// A block that was tried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedBlock {
    /// As it would be.
    pub block: Block,
    /// The hash of its header.
    pub hash: BlockHash,
    /// What became of its calls.
    pub calls: Vec<SimulatedCall>,
}

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedCall {
    /// What it returned or reverted with.
    pub output: Vec<u8>,
    /// Those emitted, and those that tell of transfers if they were asked for.
    pub logs: Vec<Log>,
    /// Gas that it used.
    pub gas_used: Gas,
    /// Why it failed, when it did.
    pub halt: Option<Halt>,
}

/// Why blocks cannot be tried out.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The number of a block is not above that of the one before.
    #[error("block numbers must be in order: {number} <= {parent}")]
    Number {
        /// Of the block.
        number: BlockNumber,
        /// Of the one before.
        parent: BlockNumber,
    },
    /// The timestamp of a block is not above that of the one before.
    #[error("block timestamps must be in order: {timestamp} <= {parent}")]
    Timestamp {
        /// Of the block.
        timestamp: Timestamp,
        /// Of the one before.
        parent: Timestamp,
    },
    /// More than [`SIMULATED_BLOCKS_MAX`].
    #[error("too many blocks")]
    TooManyBlocks,
    /// A call asks for more gas than its block has left.
    #[error("block gas limit reached: {asked} > {left}")]
    BlockFull {
        /// By the call.
        asked: Gas,
        /// In the block.
        left: Gas,
    },
    /// All calls together used what a request may use.
    #[error("the calls use more gas than a request may")]
    GasExhausted,
    /// A call breaks a rule.
    #[error("{invalid:?}")]
    Invalid {
        /// The rule.
        invalid: Invalid,
        /// What the call offered.
        offered: Box<Offered>,
    },
    /// Nobody waits, the record is too large, or the state could not be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Engine {
    /// Tries blocks out on `state`.
    ///
    /// # Errors
    /// [`SimulateError`]; a call that fails is in its block.
    pub fn simulate(
        &self,
        state: &Durable,
        request: &Simulated<'_>,
    ) -> Result<Vec<SimulatedBlock>, SimulateError> {
        let host = NativeHost::reading(state).map_err(CallError::from)?;
        let parameters = parameters(state).map_err(CallError::from)?;
        let head = World::Committed.head().and_then(|key| key.require(&host)).map_err(EngineError::from);
        let head = head.map_err(CallError::from)?;
        let inputs = in_order(&head.header, request.blocks)?;
        let mut chain = Chain {
            fees: charges(&parameters),
            parameters: &parameters,
            request,
            host: &host,
            hashes: BTreeMap::new(),
            changes: Changes::default(),
            backlog: head.backlog,
            gas_left: request.gas_max,
            meter: Meter::new(request.goes_on),
        };
        let (mut parent, mut hash) = (head.header, head.hash);
        let mut blocks = Vec::with_capacity(inputs.len());
        for (number, timestamp, input) in inputs {
            let block = chain.block(&parent, hash, (number, timestamp), &input)?;
            (parent, hash) = (block.block.header.clone(), block.hash);
            blocks.push(block);
        }
        Ok(blocks)
    }
}

type Placed = (BlockNumber, Timestamp, BlockInput);

/// The blocks with their numbers and timestamps, empty ones where numbers are left out.
fn in_order(head: &Header, blocks: &[BlockInput]) -> Result<Vec<Placed>, SimulateError> {
    let (mut number, mut timestamp) = (head.number, head.timestamp);
    let last = head.number.saturating_add(SIMULATED_BLOCKS_MAX);
    let mut placed = Vec::new();
    for block in blocks {
        let pretended = block.overrides.block;
        let next = pretended.number.unwrap_or(number.saturating_add(1));
        if next <= number {
            return Err(SimulateError::Number { number: next, parent: number });
        }
        if next > last {
            return Err(SimulateError::TooManyBlocks);
        }
        while number.saturating_add(1) < next {
            number = number.saturating_add(1);
            timestamp = timestamp.saturating_add(SECONDS_BETWEEN);
            placed.push((number, timestamp, BlockInput::default()));
        }
        let at = pretended.timestamp.unwrap_or(timestamp.saturating_add(SECONDS_BETWEEN));
        if at <= timestamp {
            return Err(SimulateError::Timestamp { timestamp: at, parent: timestamp });
        }
        (number, timestamp) = (next, at);
        placed.push((number, timestamp, block.clone()));
    }
    Ok(placed)
}

/// The real state, and the hashes of the blocks that are tried out.
struct Reader<'h> {
    world: WorldReader<'h, NativeHost<'static>>,
    hashes: BTreeMap<BlockNumber, H256>,
}

impl StateReader for Reader<'_> {
    type Error = ReadFault;

    fn account(&self, address: Address) -> Result<Option<Account>, ReadFault> {
        Ok(self.world.account(address)?)
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, ReadFault> {
        Ok(self.world.storage(address, slot)?)
    }

    fn code(&self, code_hash: H256) -> Result<Vec<u8>, ReadFault> {
        Ok(self.world.code(code_hash)?)
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, ReadFault> {
        match self.hashes.get(&number) {
            Some(hash) => Ok(Some(*hash)),
            None => Ok(self.world.block_hash(number)?),
        }
    }

    fn epoch(&self) -> Result<Epoch, ReadFault> {
        Ok(self.world.epoch()?)
    }

    fn approve_key_change(
        &self,
        request: &KeyChangeRequest<'_>,
    ) -> Result<Result<Approval, KeyChangeFault>, ReadFault> {
        Ok(self.world.approve_key_change(request)?)
    }
}

/// What goes from block to block.
struct Chain<'a, 'h> {
    parameters: &'a Parameters,
    /// What transactions are charged.
    fees: Fees,
    request: &'a Simulated<'a>,
    host: &'h NativeHost<'static>,
    /// Of the blocks that were tried out.
    hashes: BTreeMap<BlockNumber, H256>,
    changes: Changes,
    backlog: Gas,
    gas_left: Gas,
    meter: Meter<'a>,
}

/// A block that grows.
#[derive(Default)]
struct Grown {
    transactions: Vec<Vec<u8>>,
    receipts: Vec<Receipt>,
    calls: Vec<SimulatedCall>,
    gas_used: Gas,
    execution_gas: Gas,
}

impl Chain<'_, '_> {
    fn block(
        &mut self,
        parent: &Header,
        parent_hash: BlockHash,
        (number, timestamp): (BlockNumber, Timestamp),
        input: &BlockInput,
    ) -> Result<SimulatedBlock, SimulateError> {
        let parameters = self.parameters;
        self.backlog = fees::backlog_at(parameters, self.backlog, parent.timestamp, timestamp);
        let base_fee =
            if self.request.validates { fees::base_fee(parameters, self.backlog) } else { U256::zero() };
        let environment = input.overrides.block.apply(BlockEnvironment {
            number,
            timestamp,
            beneficiary: parent.beneficiary,
            gas_limit: parent.gas_limit,
            base_fee,
            chain_id: parameters.chain_id,
            prev_randao: H256::zero(),
            blob_base_fee: U256::one(),
            fork: parameters.fork,
            ticketer: parameters.contracts.ticketer,
        });
        self.hashes.insert(parent.number, H256::from(parent_hash));
        let reader = Reader { world: WorldReader::new(self.host), hashes: self.hashes.clone() };
        let pretended = State::resume(&reader, &self.changes)
            .and_then(|state| pretend(&state, &input.overrides.accounts))
            .map_err(unreadable)?;
        let mut state = State::resume(&reader, &pretended).map_err(unreadable)?;
        record_parent(&mut state, &environment, parent_hash).map_err(unreadable)?;
        let mut grown = Grown::default();
        for (call, nonce) in &input.calls {
            self.call(&mut state, &environment, (call, *nonce), &mut grown)?;
        }
        self.changes = state.changes();
        self.backlog = self.backlog.saturating_add(grown.execution_gas.get());
        Ok(seal(parent, parent_hash, &environment, (grown, self.changes.digest())))
    }

    fn call<R: StateReader<Error = ReadFault>>(
        &mut self,
        state: &mut State<R>,
        environment: &BlockEnvironment,
        (call, nonce): (&Call, Option<u64>),
        grown: &mut Grown,
    ) -> Result<(), SimulateError> {
        self.meter.check();
        let in_block = Gas::new(environment.gas_limit.get().saturating_sub(grown.gas_used.get()));
        if let Some(asked) = call.gas.filter(|asked| *asked > in_block) {
            return Err(SimulateError::BlockFull { asked, left: in_block });
        }
        if self.gas_left == Gas::ZERO {
            return Err(SimulateError::GasExhausted);
        }
        let gas = call.gas.unwrap_or(in_block).min(self.gas_left);
        let mut recorder = Transfers::new(self.request.shows_transfers, &mut self.meter);
        let unsigned = Unsigned { call: Call { gas: Some(gas), ..call.clone() }, nonce };
        let performed = match self.request.validates {
            true => unsigned.transact(state, environment, &self.fees, &mut recorder),
            false => unsigned.perform(state, environment, &self.fees, &mut recorder),
        };
        let logs = recorder.logs;
        if let Some(fault) = self.meter.fault() {
            return Err(CallError::from(fault).into());
        }
        let Performed { call: mut done, transaction, mut receipt, execution_gas } = performed?;
        if self.request.shows_transfers && done.halt.is_none() {
            done.logs = logs;
        }
        let size: usize = done.logs.iter().map(|log| 320 + log.data.len()).sum();
        if !self.meter.take(size + done.output.len() + transaction.data.len()) {
            return Err(CallError::from(Fault::TooLarge).into());
        }
        self.gas_left = self.gas_left.saturating_sub(done.gas_used.get());
        grown.gas_used = grown.gas_used.saturating_add(done.gas_used.get());
        grown.execution_gas = grown.execution_gas.saturating_add(execution_gas.get());
        receipt.cumulative_gas_used = grown.gas_used;
        let nobody = Signature { r: U256::zero(), s: U256::zero(), y_parity: false };
        grown.transactions.push(transaction.encode(&nobody));
        grown.receipts.push(receipt);
        grown.calls.push(done);
        Ok(())
    }
}

/// The header has the form of a real one. Its state root commits to all that the simulation changed so far.
fn seal(
    parent: &Header,
    parent_hash: BlockHash,
    environment: &BlockEnvironment,
    (grown, changes): (Grown, H256),
) -> SimulatedBlock {
    let Grown { transactions, receipts, calls, gas_used, .. } = grown;
    let (receipts_root, logs_bloom) = receipts_root(&receipts);
    let header = Header {
        parent_hash,
        beneficiary: environment.beneficiary,
        state_root: keccak(&[parent.state_root.0, changes.0].concat()),
        transactions_root: transactions_root(&transactions),
        receipts_root,
        logs_bloom,
        number: environment.number,
        gas_limit: environment.gas_limit,
        gas_used,
        timestamp: environment.timestamp,
        base_fee_per_gas: environment.base_fee,
    };
    let hash = header_hash(&header);
    SimulatedBlock { block: Block { header, transactions, receipts }, hash, calls }
}

fn unreadable(fault: ReadFault) -> SimulateError {
    CallError::from(TransactionError::Reader(fault)).into()
}

#[cfg(test)]
mod tests;

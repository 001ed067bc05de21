//! A rollup in memory, its sequencer, and the messages for it: for tests here and elsewhere.

use crate::{Progress, Summary, read_inbox};
use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};
use millrace_host::{Budget, Input, MemoryHost, Metadata};
use millrace_layout::{LayoutError, parameters, sequencers, world};
use millrace_primitives::{
    Address, BlockHash, BlockNumber, Bloom, ContractHash, Epoch, Gas, H256, Header, L1Level, RollupAddress,
    Timestamp, TransactionHash, U256,
};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    authority::Authority,
    blueprint::{Blueprint, Certificate, Domain, Payload, prepare},
    message::{self, InfoPerLevel, Parameter, Ticket, Transfer},
    signature::SecretKey,
};

/// The address of the rollup.
pub const ROLLUP: RollupAddress = RollupAddress::new([0x11; 20]);
/// The contract whose tickets are tez.
pub const TICKETER: ContractHash = ContractHash::new([0x22; 20]);
/// The number of the head.
pub const HEAD: BlockNumber = BlockNumber::new(10);
/// The epoch of the sequencer.
pub const EPOCH: Epoch = Epoch::new(3);
/// The first level that is run.
pub const FIRST_LEVEL: L1Level = L1Level::new(100);

/// A rollup in memory.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it runs.
    pub host: MemoryHost,
    /// The key of its sequencer.
    pub sequencer: SecretKey,
    /// The level that comes next.
    pub level: L1Level,
}

impl Scenario {
    /// A rollup with a ticketer and a single sequencer, at block [`HEAD`].
    ///
    /// # Errors
    /// Never, on a host without faults.
    pub fn new() -> Result<Self, LayoutError> {
        let mut host = MemoryHost::new(Metadata { rollup: ROLLUP, origination_level: L1Level::new(1) });
        let sequencer = SecretKey::from_seed(&[7; 32]);
        let contracts = parameters::Contracts { ticketer: Some(TICKETER), ..Default::default() };
        let parameters = parameters::Parameters { contracts, ..Default::default() };
        parameters::key()?.write(&mut host, &parameters)?;
        sequencers::key()?.write(&mut host, &Authority::single(EPOCH, sequencer.public_key()))?;
        world::World::Committed.head()?.write(&mut host, &head(HEAD))?;
        host.reset_meter();
        Ok(Self { host, sequencer, level: FIRST_LEVEL })
    }

    /// What the sequencer signs for.
    pub fn domain(&self) -> Domain {
        Domain { rollup: ROLLUP, chain_id: parameters::Parameters::default().chain_id }
    }

    /// Blueprint `number` as messages, signed by the sequencer.
    pub fn blueprint(&self, number: u64, payload: Payload) -> Vec<Vec<u8>> {
        self.sealed(&blueprint(number, payload), EPOCH, &self.domain(), &self.sequencer)
    }

    /// A blueprint as messages for this rollup, signed by `signer` for `domain`; none when it is too large.
    pub fn sealed(
        &self,
        blueprint: &Blueprint,
        epoch: Epoch,
        domain: &Domain,
        signer: &SecretKey,
    ) -> Vec<Vec<u8>> {
        let prepared = prepare(epoch, blueprint, Certificate::SINGLE_SIZE_BYTES);
        let Ok(prepared) = prepared else { return vec![] };
        let signature = signer.sign(&prepared.signing_bytes(domain));
        prepared.seal(Certificate::Single(signature), &ROLLUP).unwrap_or_default()
    }

    /// Runs stage 1 over a level with `messages` between the messages of the layer 1, as often as it asks
    /// for, and answers the summary of each run.
    pub fn run_level(&mut self, messages: &[Vec<u8>], budget: &Budget) -> Vec<Summary> {
        let mut inbox = vec![message::start_of_level(), message::info_per_level(&info(self.level))];
        inbox.extend_from_slice(messages);
        inbox.push(message::end_of_level());
        self.host.open_level(self.level, inbox);
        self.level = self.level.saturating_add(1);
        let mut summaries = Vec::new();
        while let Ok(summary) = read_inbox(&mut self.host, &mut budget.clone()) {
            summaries.push(summary);
            if summary.progress == Progress::Done {
                break;
            }
        }
        summaries
    }

    /// Runs stage 1 over messages that come one by one, without the messages of a level.
    pub fn run_messages(&mut self, messages: &[Vec<u8>]) -> Option<Summary> {
        for (index, bytes) in (2u32..).zip(messages) {
            self.host.push_input(Input { level: self.level, index, bytes: bytes.clone() });
        }
        read_inbox(&mut self.host, &mut Budget::RUN.clone()).ok()
    }

    /// Durable storage.
    pub fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        self.host.dump()
    }
}

/// What the layer 1 says at `level`: one second a level.
pub fn info(level: L1Level) -> InfoPerLevel {
    InfoPerLevel { predecessor_timestamp: timestamp(level), predecessor: [0x55; 32] }
}

/// The time of the block before `level`.
pub fn timestamp(level: L1Level) -> Timestamp {
    Timestamp::new(1_700_000_000).saturating_add(u64::from(level.get()))
}

/// A head with this number.
pub fn head(number: BlockNumber) -> world::Head {
    let header = Header {
        parent_hash: BlockHash::new([0; 32]),
        beneficiary: Address::zero(),
        state_root: H256::zero(),
        transactions_root: H256::zero(),
        receipts_root: H256::zero(),
        logs_bloom: Bloom::default(),
        number,
        gas_limit: Gas::ZERO,
        gas_used: Gas::ZERO,
        timestamp: Timestamp::ZERO,
        base_fee_per_gas: U256::zero(),
    };
    world::Head {
        hash: BlockHash::new([0xaa; 32]),
        header,
        backlog: Gas::ZERO,
        consumed: vec![],
        queue_front: 0,
        key_change: None,
    }
}

/// A blueprint with this number.
pub fn blueprint(number: u64, payload: Payload) -> Blueprint {
    Blueprint {
        number: BlockNumber::new(number),
        parent: BlockHash::new([0xaa; 32]),
        timestamp: Timestamp::new(1_700_000_000),
        payload,
    }
}

/// A payload of `size_bytes` bytes, give or take a few; `seed` makes it different from others.
pub fn payload(size_bytes: usize, seed: u8) -> Payload {
    Payload {
        delayed: vec![TransactionHash::new([seed; 32])],
        transactions: vec![vec![seed | 0x80; size_bytes.saturating_sub(40).max(1)]],
    }
}

/// A deposit of tez by `ticketer`, as a message.
pub fn deposit(ticketer: ContractHash, routing: &[u8], amount: U256) -> Vec<u8> {
    let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount };
    transfer(Parameter::Deposit { routing, ticket })
}

/// A call of the rollup, as a message.
pub fn transfer(parameter: Parameter<'_>) -> Vec<u8> {
    let source = PublicKeyHash { curve: Curve::Ed25519, hash: [0x44; 20] };
    message::transfer(&ROLLUP, &Transfer { sender: ContractHash::new([0x33; 20]), source, parameter })
}

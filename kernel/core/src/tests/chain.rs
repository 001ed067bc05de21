//! A rollup under test: a host, a sequencer, funded accounts, and levels.

use crate::run;
use k256::ecdsa::SigningKey;
use millrace_evm::{
    keccak,
    transaction::{Signature, Transaction, TransactionType},
};
use millrace_host::{MemoryHost, RunEnd, Store};
use millrace_layout::{
    events::{self, Event},
    parameters::{self, Parameters},
    sequencers,
    world::{Body, Head, World},
};
use millrace_primitives::{
    Account, Address, BlockHash, BlockNumber, ContractHash, Epoch, Gas, L1Level, RollupAddress, Timestamp,
    TransactionHash, U256,
};
use millrace_wire::{
    address::PublicKeyHash,
    authority::Authority,
    blueprint::{Blueprint, Domain, Payload, prepare},
    message::{self, InfoPerLevel, Parameter, Ticket, Transfer},
    signature::SecretKey,
};
use std::collections::BTreeMap;

pub(super) const ROLLUP: RollupAddress = RollupAddress::new([7; 20]);
pub(super) const TICKETER: ContractHash = ContractHash::new([8; 20]);
pub(super) const START: Timestamp = Timestamp::new(1_700_000_000);
pub(super) const GWEI: u64 = 1_000_000_000;

/// An account of the rollup with its key.
pub(super) struct User {
    key: SigningKey,
    pub(super) address: Address,
}

impl User {
    pub(super) fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_slice(&keccak(&point.as_bytes()[1..]).as_bytes()[12..]);
        Self { key, address }
    }

    /// A signed transfer of `value` wei.
    pub(super) fn transfer(&self, nonce: u64, to: Address, value: u64) -> Vec<u8> {
        self.sign(Transaction {
            transaction_type: TransactionType::DynamicFee,
            chain_id: Some(U256::from(1337)),
            nonce,
            gas_limit: Gas::new(650_000),
            max_fee_per_gas: U256::from(2 * GWEI),
            max_priority_fee_per_gas: U256::zero(),
            to: Some(to),
            value: U256::from(value),
            data: vec![],
            access_list: vec![],
        })
    }

    pub(super) fn sign(&self, transaction: Transaction) -> Vec<u8> {
        let digest = transaction.signing_hash();
        let (signature, id) = self.key.sign_prehash_recoverable(digest.as_bytes()).unwrap();
        let (r, s) = signature.split_bytes();
        let (r, s) = (U256::from_big_endian(&r), U256::from_big_endian(&s));
        transaction.encode(&Signature { r, s, y_parity: id.is_y_odd() })
    }
}

/// The rollup.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) host: MemoryHost,
    pub(super) level: u32,
    sequencer: SecretKey,
}

impl Chain {
    /// Originated with alice (seed 1) and bob (seed 2) owning a thousand tokens each; no level yet.
    pub(super) fn new() -> Self {
        let mut host = MemoryHost::with_rollup(ROLLUP);
        let sequencer = SecretKey::from_seed(&[9; 32]);
        let parameters =
            Parameters { ticketer: Some(TICKETER), genesis_timestamp: START, ..Parameters::default() };
        parameters::key().unwrap().write(&mut host, &parameters).unwrap();
        let authority = Authority::single(Epoch::ZERO, sequencer.public_key());
        sequencers::key().unwrap().write(&mut host, &authority).unwrap();
        for seed in [1, 2] {
            let account = Account { balance: U256::exp10(21), ..Account::default() };
            World::Committed.account(User::new(seed).address).unwrap().write(&mut host, &account).unwrap();
        }
        Self { host, level: 0, sequencer }
    }

    /// The same after its first, empty level.
    pub(super) fn started() -> Self {
        let mut chain = Self::new();
        chain.run(&[]);
        chain
    }

    /// The time that the next level tells the kernel: a level takes six seconds.
    pub(super) fn now(&self) -> Timestamp {
        START.saturating_add(u64::from(self.level) * 6)
    }

    /// One level with these messages between the usual ones; answers how often the kernel ran.
    pub(super) fn run(&mut self, messages: &[Vec<u8>]) -> u32 {
        self.open(messages);
        let end = self.host.run_level(|host| {
            run(host);
            RunEnd::Returned
        });
        assert!(!end.too_many_reboots);
        end.runs
    }

    /// Puts the inbox of the next level in place.
    pub(super) fn open(&mut self, messages: &[Vec<u8>]) {
        let info = InfoPerLevel { predecessor_timestamp: self.now(), predecessor: [0; 32] };
        let mut inbox = vec![message::start_of_level(), message::info_per_level(&info)];
        inbox.extend_from_slice(messages);
        inbox.push(message::end_of_level());
        self.host.open_level(L1Level::new(self.level), inbox);
        self.level += 1;
    }

    pub(super) fn head(&self) -> Head {
        World::Committed.head().unwrap().require(&self.host).unwrap()
    }

    pub(super) fn body(&self) -> Body {
        World::Committed.body().unwrap().require(&self.host).unwrap()
    }

    pub(super) fn number(&self) -> u64 {
        self.head().header.number.get()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        events::all(&self.host).unwrap()
    }

    pub(super) fn balance(&self, address: Address) -> U256 {
        let account = World::Committed.account(address).unwrap().read(&self.host).unwrap();
        account.unwrap_or_default().balance
    }

    /// A blueprint of the next block.
    pub(super) fn next(&self, transactions: Vec<Vec<u8>>) -> Blueprint {
        let head = self.head();
        Blueprint {
            number: BlockNumber::new(head.header.number.get() + 1),
            parent: head.hash,
            timestamp: self.now().max(head.header.timestamp),
            payload: Payload { delayed: vec![], transactions },
        }
    }

    /// The same, and with delayed items.
    pub(super) fn next_with(&self, delayed: Vec<TransactionHash>, transactions: Vec<Vec<u8>>) -> Blueprint {
        Blueprint { payload: Payload { delayed, transactions }, ..self.next(vec![]) }
    }

    /// A blueprint after a block that does not exist yet.
    pub(super) fn after(&self, number: u64, parent: BlockHash, transactions: Vec<Vec<u8>>) -> Blueprint {
        Blueprint { number: BlockNumber::new(number + 1), parent, ..self.next(transactions) }
    }

    /// The messages of a blueprint, signed by the sequencer.
    pub(super) fn seal(&self, blueprint: &Blueprint) -> Vec<Vec<u8>> {
        let domain = Domain { rollup: ROLLUP, chain_id: U256::from(1337) };
        let prepared = prepare(Epoch::ZERO, blueprint).unwrap();
        let signature = self.sequencer.sign(&prepared.signing_bytes(&domain));
        prepared.seal(signature, &ROLLUP)
    }

    /// One level that makes one block of these transactions.
    pub(super) fn block(&mut self, transactions: Vec<Vec<u8>>) {
        let number = self.number();
        let messages = self.seal(&self.next(transactions));
        self.run(&messages);
        assert_eq!(self.number(), number + 1, "{:?}", self.host.debug_lines());
    }

    /// Durable storage without what only says where in the layer 1 the kernel is.
    pub(super) fn world(&self) -> BTreeMap<String, Vec<u8>> {
        let passing = ["/base/l1", "/base/events", "/kernel/env", "/readonly", "/tmp"];
        let is_kept = |key: &String| !passing.iter().any(|prefix| key.starts_with(prefix));
        self.host.dump().into_iter().filter(|(key, _)| is_kept(key)).collect()
    }

    /// All wei of all accounts.
    pub(super) fn supply(&self) -> U256 {
        let accounts = self.host.dump().into_iter().filter(|(key, _)| key.starts_with("/evm/world/accounts"));
        accounts
            .filter(|(key, _)| key.ends_with("/info"))
            .map(|(_, value)| U256::from_big_endian(&value[8..40]))
            .fold(U256::zero(), |sum, balance| sum + balance)
    }

    /// Whether nothing is left of a block in the making.
    pub(super) fn is_tidy(&self) -> bool {
        let working = World::Working.head().unwrap();
        !self.host.store_has_node(working.path()).unwrap()
    }
}

/// A deposit of `mutez` for whoever the routing bytes say, from `ticketer`.
pub(super) fn deposit(ticketer: ContractHash, routing: &[u8], mutez: u64) -> Vec<u8> {
    let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::from(mutez) };
    let parameter = Parameter::Deposit { routing, ticket };
    let source = PublicKeyHash::from_bytes(&[0; 21]).unwrap();
    message::transfer(&ROLLUP, &Transfer { sender: ticketer, source, parameter })
}

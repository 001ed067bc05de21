//! A rollup under test: a host, a sequencer, funded accounts, and levels.

use super::kernels::{self, BOOT};
use blake2::{Blake2b, Digest, digest::consts::U32};
use k256::ecdsa::SigningKey;
use millrace_evm::{
    keccak,
    transaction::{Authorization, Signature, Transaction, TransactionType},
};
use millrace_host::{Budget, FaultAt, MemoryHost, RunEnd, Store};
use millrace_layout::{
    delayed,
    events::{self, Event},
    parameters::{self, Contracts, Parameters},
    sequencers,
    world::{Body, Code, Head, World},
};
use millrace_primitives::{
    Account, Address, Blake2bHash, BlockHash, BlockNumber, ContractHash, Epoch, Gas, H256, L1Level,
    RollupAddress, Timestamp, TransactionHash, U256,
};
use millrace_wire::{
    address::PublicKeyHash,
    authority::Authority,
    blueprint::{Blueprint, Certificate, Domain, Payload, legacy, prepare},
    delayed::{cut, name},
    governance::Decision,
    message::{self, InfoPerLevel, Parameter, Ticket, Transfer},
    signature::SecretKey,
};
use std::collections::BTreeMap;

pub(super) const ROLLUP: RollupAddress = RollupAddress::new([7; 20]);
pub(super) const TICKETER: ContractHash = ContractHash::new([8; 20]);
/// The contract that sends delayed transactions.
pub(super) const BRIDGE: ContractHash = ContractHash::new([10; 20]);
/// A contract with tickets of its own.
pub(super) const OTHER_TICKETER: ContractHash = ContractHash::new([11; 20]);
/// The contract that decides about the kernel and the authority.
pub(super) const ADMIN: ContractHash = ContractHash::new([12; 20]);
/// Those that decide about the kernel.
pub(super) const KERNEL_GOVERNANCE: ContractHash = ContractHash::new([13; 20]);
pub(super) const SECURITY_GOVERNANCE: ContractHash = ContractHash::new([14; 20]);
/// The one that decides about the authority.
pub(super) const SEQUENCER_GOVERNANCE: ContractHash = ContractHash::new([15; 20]);
/// How long an item of the delayed inbox may wait: both.
pub(super) const TIMEOUT_S: u64 = 43_200;
pub(super) const TIMEOUT_LEVELS: u32 = 720;
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
        self.sign(transfer_of(nonce, to, value))
    }

    pub(super) fn sign(&self, transaction: Transaction) -> Vec<u8> {
        let signature = self.signature(&transaction);
        transaction.encode(&signature)
    }

    pub(super) fn signature(&self, transaction: &Transaction) -> Signature {
        self.signature_of(transaction.signing_hash())
    }

    fn signature_of(&self, digest: H256) -> Signature {
        let (signature, id) = self.key.sign_prehash_recoverable(digest.as_bytes()).unwrap();
        let (r, s) = signature.split_bytes();
        let (r, s) = (U256::from_big_endian(&r), U256::from_big_endian(&s));
        Signature { r, s, y_parity: id.is_y_odd() }
    }
}

impl User {
    /// Lets the account run the code of another (EIP-7702).
    pub(super) fn authorize(&self, address: Address, nonce: u64) -> Authorization {
        let chain_id = U256::from(1337);
        let claim = Authorization { chain_id, address, nonce, y_parity: 0, r: U256::zero(), s: U256::zero() };
        let Signature { r, s, y_parity } = self.signature_of(claim.signing_hash());
        Authorization { y_parity: u8::from(y_parity), r, s, ..claim }
    }
}

/// A transfer that nobody has signed yet.
pub(super) fn transfer_of(nonce: u64, to: Address, value: u64) -> Transaction {
    Transaction {
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
        authorizations: Vec::new(),
    }
}

/// The rollup.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) host: MemoryHost,
    pub(super) level: u32,
    /// Added to what the levels take: [`Chain::pass`].
    skew_s: i64,
    /// What each run may do.
    pub(super) budget: Budget,
    /// The epoch that blueprints are signed for.
    pub(super) epoch: Epoch,
    /// The key of the single sequencer.
    pub(super) sequencer: SecretKey,
}

impl Chain {
    /// Originated with alice (seed 1) and bob (seed 2) owning a thousand tokens each; no level yet.
    pub(super) fn new() -> Self {
        Self::originated(&Self::parameters())
    }

    /// What [`Chain::new`] has: a ticketer, and nothing else of the layer 1.
    pub(super) fn parameters() -> Parameters {
        Parameters {
            contracts: Contracts { ticketer: Some(TICKETER), ..Contracts::default() },
            genesis_timestamp: START,
            ..Parameters::default()
        }
    }

    /// The same with the delayed bridge, the FA bridge and governance.
    pub(super) fn bridged() -> Parameters {
        let contracts = Contracts {
            ticketer: Some(TICKETER),
            delayed_bridge: Some(BRIDGE),
            admin: Some(ADMIN),
            kernel_governance: Some(KERNEL_GOVERNANCE),
            security_governance: Some(SECURITY_GOVERNANCE),
            sequencer_governance: Some(SEQUENCER_GOVERNANCE),
        };
        Parameters { contracts, has_fa_bridge: true, ..Self::parameters() }
    }

    /// After its first, empty level, with all bridges.
    pub(super) fn with_bridges() -> Self {
        Self::started_with(&Self::bridged())
    }

    /// After its first, empty level, with parameters of the caller's.
    pub(super) fn started_with(parameters: &Parameters) -> Self {
        let mut chain = Self::originated(parameters);
        chain.run(&[]);
        chain
    }

    /// The same with nobody in charge of ordering.
    pub(super) fn without_sequencer(parameters: &Parameters) -> Self {
        let mut chain = Self::originated(parameters);
        sequencers::key().unwrap().delete(&mut chain.host).unwrap();
        chain.run(&[]);
        chain
    }

    fn originated(parameters: &Parameters) -> Self {
        let mut host = MemoryHost::with_rollup(ROLLUP);
        let sequencer = SecretKey::from_seed(&[9; 32]);
        parameters::key().unwrap().write(&mut host, parameters).unwrap();
        let authority = Authority::single(Epoch::ZERO, sequencer.public_key());
        sequencers::key().unwrap().write(&mut host, &authority).unwrap();
        for seed in [1, 2] {
            let account = Account { balance: U256::exp10(21), ..Account::default() };
            World::Committed.account(User::new(seed).address).unwrap().write(&mut host, &account).unwrap();
        }
        host.set_value(BOOT, kernels::module(b"the first kernel"));
        Self { host, level: 0, skew_s: 0, budget: Budget::RUN, epoch: Epoch::ZERO, sequencer }
    }

    /// The same after its first, empty level.
    pub(super) fn started() -> Self {
        let mut chain = Self::new();
        chain.run(&[]);
        chain
    }

    /// The time that the next level tells the kernel: a level takes six seconds.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::new((START.get() + u64::from(self.level) * 6).saturating_add_signed(self.skew_s))
    }

    /// Lets levels and time pass, without the rollup taking note of either: the next level is `levels` later than it
    /// would be, and its time `seconds`.
    pub(super) fn pass(&mut self, levels: u32, seconds: u64) {
        self.level += levels;
        self.skew_s += seconds as i64 - i64::from(levels) * 6;
    }

    /// Lets so much pass that everything that waits now is overdue in the next level.
    pub(super) fn pass_deadline(&mut self) {
        self.pass(TIMEOUT_LEVELS, TIMEOUT_S);
    }

    /// One level with these messages between the usual ones; answers how often the kernel ran.
    pub(super) fn run(&mut self, messages: &[Vec<u8>]) -> u32 {
        self.open(messages);
        let budget = self.budget;
        let end = self.host.run_level(|host| kernels::run(host, budget));
        assert!(!end.too_many_reboots);
        end.runs
    }

    /// One level in which whoever reads at or below `path` makes the module trap.
    pub(super) fn run_trapping(&mut self, path: String, messages: &[Vec<u8>]) -> u32 {
        self.host.set_trap(Some(path));
        let runs = self.run(messages);
        self.host.set_trap(None);
        runs
    }

    /// One level, undisturbed; answers how many host calls in it can fail.
    pub(super) fn run_counting(&mut self, messages: &[Vec<u8>]) -> u64 {
        self.host.reset_meter();
        self.run(messages);
        self.host.fallible_calls()
    }

    /// One level whose run dies at the host call with this number. The next run finds the host as it should be.
    pub(super) fn run_dying(&mut self, fatal: u64, messages: &[Vec<u8>]) {
        self.open(messages);
        self.host.reset_meter();
        self.host.set_fault(Some(FaultAt::Dead(fatal)));
        self.host.run_level(|host| {
            let end = kernels::run(host, Budget::RUN);
            if host.fallible_calls() <= fatal {
                return end;
            }
            host.set_fault(None);
            RunEnd::Trapped
        });
        self.host.set_fault(None);
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

    /// The names of what waits in the delayed inbox, oldest first.
    pub(super) fn waiting(&self) -> Vec<TransactionHash> {
        delayed::oldest(&self.host, usize::MAX).unwrap().iter().map(|item| item.name).collect()
    }

    /// Puts a contract there, as if it had been deployed long ago.
    pub(super) fn install(&mut self, address: Address, code: &[u8]) {
        let code_hash = keccak(code);
        let account = Account { nonce: 1, code_hash, ..Account::default() };
        World::Committed.account(address).unwrap().write(&mut self.host, &account).unwrap();
        World::Committed.code(code_hash).unwrap().write(&mut self.host, &Code(code.to_vec())).unwrap();
    }

    /// The value of a small slot of a contract.
    pub(super) fn slot(&self, address: Address, slot: u64) -> U256 {
        let key = World::Committed.slot(address, H256(U256::from(slot).into())).unwrap();
        U256::from_big_endian(key.read(&self.host).unwrap().unwrap_or_default().as_bytes())
    }

    pub(super) fn nonce(&self, address: Address) -> u64 {
        let account = World::Committed.account(address).unwrap().read(&self.host).unwrap();
        account.unwrap_or_default().nonce
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
        self.seal_for(ROLLUP, blueprint)
    }

    /// The same, signed for `rollup`, in messages for this one.
    pub(super) fn seal_for(&self, rollup: RollupAddress, blueprint: &Blueprint) -> Vec<Vec<u8>> {
        let domain = Domain { rollup, chain_id: U256::from(1337) };
        let prepared = prepare(self.epoch, blueprint, Certificate::SINGLE_SIZE_BYTES).unwrap();
        let signature = self.sequencer.sign(&prepared.signing_bytes(&domain));
        prepared.seal(Certificate::Single(signature), &ROLLUP).unwrap()
    }

    /// The message of an authentic blueprint of one piece that holds these bytes instead of a payload.
    pub(super) fn seal_bytes(&self, piece: &[u8]) -> Vec<Vec<u8>> {
        let domain = Domain { rollup: ROLLUP, chain_id: U256::from(1337) };
        let mut prepared = prepare(Epoch::ZERO, &self.next(vec![]), Certificate::SINGLE_SIZE_BYTES).unwrap();
        // The tree over one piece is its leaf: tag, count, index, piece.
        let leaf = Blake2b::<U32>::digest([&[0, 0, 1, 0, 0], piece].concat());
        prepared.header.payload_root = Blake2bHash::new(leaf.into());
        prepared.header.payload_size_bytes = piece.len() as u32;
        prepared.pieces = vec![piece.to_vec()];
        let signature = self.sequencer.sign(&prepared.signing_bytes(&domain));
        prepared.seal(Certificate::Single(signature), &ROLLUP).unwrap()
    }

    /// The messages of a blueprint of format 0, signed by the sequencer.
    pub(super) fn seal_legacy(&self, blueprint: &Blueprint) -> Vec<Vec<u8>> {
        self.legacy_messages(blueprint.number, &legacy::encode_payload(blueprint))
    }

    /// The same of any bytes.
    pub(super) fn legacy_messages(&self, number: BlockNumber, payload: &[u8]) -> Vec<Vec<u8>> {
        let chunks = legacy::cut(payload, number, None).unwrap();
        chunks.iter().map(|chunk| self.legacy_message(chunk)).collect()
    }

    pub(super) fn legacy_message(&self, chunk: &legacy::Chunk<'_>) -> Vec<u8> {
        chunk.signed(self.sequencer.sign(&chunk.encode())).message(&ROLLUP)
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
        let passing = ["/base/l1", "/base/attempt", "/base/events", "/kernel/env", "/readonly", "/tmp"];
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
    tickets(ticketer, routing, U256::from(mutez))
}

/// A deposit of any amount.
pub(super) fn tickets(ticketer: ContractHash, routing: &[u8], amount: U256) -> Vec<u8> {
    let ticket = Ticket { ticketer, token_id: U256::zero(), metadata: None, amount };
    transfer(ticketer, Parameter::Deposit { routing, ticket })
}

/// A call of the rollup by `sender`.
pub(super) fn transfer(sender: ContractHash, parameter: Parameter<'_>) -> Vec<u8> {
    let source = PublicKeyHash::from_bytes(&[0; 21]).unwrap();
    message::transfer(&ROLLUP, &Transfer { sender, source, parameter })
}

/// A decision of `sender`.
pub(super) fn decision(sender: ContractHash, decision: &Decision) -> Vec<u8> {
    transfer(sender, Parameter::Governance(&decision.encode()))
}

/// What the delayed bridge sends for a transaction.
pub(super) fn delay(raw: &[u8]) -> Vec<Vec<u8>> {
    cut(raw).unwrap().iter().map(|message| bridge(&message.encode())).collect()
}

/// Any bytes of the delayed bridge.
pub(super) fn bridge(bytes: &[u8]) -> Vec<u8> {
    transfer(BRIDGE, Parameter::DelayedBridge(bytes))
}

/// The name of a delayed transaction.
pub(super) fn name_of(raw: &[u8]) -> TransactionHash {
    name(raw)
}

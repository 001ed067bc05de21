//! Where calls run, what they pretend, and when they end.

use super::*;
use crate::simulation::{BlockInput, Simulated};
use crate::{AccountOverride, BlockOverrides, SOURCES, SOURCES_MARK, StorageOverride, keccak};
use millrace_host::Store as _;
use millrace_layout::{
    parameters::{self, Parameters},
    pvm::BOOT_KERNEL,
    sequencers,
    version::{self, CURRENT},
    world::{Code, Head, World},
};
use millrace_primitives::{Account, Address, BlockHash, BlockNumber, Bloom, Epoch, Header};
use millrace_wire::{
    authority::Authority,
    key_change::{CONTRACT, COUNTER_CALL, KeyChange},
    signature::{PublicKey, Signature},
};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Returns what it sees of its block, the price of gas, and what it has.
const WITNESS: u64 = 0x100a;
/// Returns its slots 1 and 2.
pub(crate) const STORAGE: u64 = 0x100b;
/// Reads one slot after the other for as long as it has gas.
const READER: u64 = 0x100c;
/// Runs in a circle for as long as it has gas.
pub(crate) const CIRCLE: u64 = 0x100d;

const HEAD_NUMBER: u64 = 7;
const HEAD_TIME: u64 = 1_000;
/// Not the minimum, which is a gwei.
const HEAD_BASE_FEE: u64 = 3_000_000_000;

pub(crate) fn address(number: u64) -> Address {
    let mut bytes = [0; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

pub(crate) fn word(number: u64) -> H256 {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    H256(bytes)
}

pub(crate) fn install(host: &mut NativeHost<'_>, number: u64, code: &[u8]) {
    let code_hash = keccak(code);
    let account = Account { nonce: 1, balance: U256::from(number), code_hash };
    World::Committed.account(address(number)).unwrap().write(host, &account).unwrap();
    World::Committed.code(code_hash).unwrap().write(host, &Code(code.to_vec())).unwrap();
}

pub(crate) fn chain() -> (Engine, Durable) {
    let parameters = Parameters::default();
    let header = Header {
        parent_hash: BlockHash::new([1; 32]),
        beneficiary: address(0x99),
        state_root: H256::zero(),
        transactions_root: H256::zero(),
        receipts_root: H256::zero(),
        logs_bloom: Bloom::default(),
        number: BlockNumber::new(HEAD_NUMBER),
        gas_limit: parameters.gas_limit_header,
        gas_used: Gas::ZERO,
        timestamp: Timestamp::new(HEAD_TIME),
        base_fee_per_gas: U256::from(HEAD_BASE_FEE),
    };
    let mut host = NativeHost::new(&Durable::new());
    // So much that the next base fee is above the minimum.
    let backlog = Gas::new(2_000_000_000);
    let (hash, consumed) = (BlockHash::new([2; 32]), Vec::new());
    let head = Head { header, hash, backlog, consumed, queue_front: 0, key_change: None };
    World::Committed.head().unwrap().write(&mut host, &head).unwrap();
    let witness =
        "435f52 42602052 48604052 45606052 41608052 4460a052 3a60c052 4760e052 6101005ff3".replace(' ', "");
    install(&mut host, WITNESS, &bytes(&witness));
    install(&mut host, STORAGE, &bytes("6001545f5260025460205260405ff3"));
    install(&mut host, READER, &bytes("5f5b805450600101600156"));
    install(&mut host, CIRCLE, &bytes("5b5f56"));
    for slot in 1..=2 {
        let key = World::Committed.slot(address(STORAGE), word(slot)).unwrap();
        key.write(&mut host, &word(10 * slot)).unwrap();
    }
    (engine_of(&mut host, &parameters), host.durable)
}

/// Makes a state one of our kernel, on our layout.
pub(crate) fn engine_of(host: &mut NativeHost<'_>, parameters: &Parameters) -> Engine {
    let kernel = [SOURCES_MARK, SOURCES].concat();
    host.write_value(BOOT_KERNEL, kernel.as_bytes()).unwrap();
    version::key().unwrap().write(host, &CURRENT).unwrap();
    parameters::key().unwrap().write(host, parameters).unwrap();
    Engine::of(&host.durable).unwrap()
}

pub(crate) fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    hexadecimal.as_bytes().chunks(2).map(|pair| 16 * digit(pair[0]) + digit(pair[1])).collect()
}

pub(crate) fn to(number: u64) -> Call {
    Call { to: Some(address(number)), ..Call::default() }
}

fn words(outcome: &CallOutcome) -> Vec<U256> {
    assert!(outcome.succeeded, "{outcome:?}");
    outcome.output.chunks(32).map(U256::from_big_endian).collect()
}

/// A call that nothing limits but the chain.
pub(crate) fn simulation<'a>(call: &'a Call, stage: Stage, overrides: &'a Overrides) -> Simulation<'a> {
    Simulation { call, stage, overrides, gas_max: Gas::MAX, goes_on: &|| true }
}

fn seen(stage: Stage, overrides: &Overrides, number: u64) -> Vec<U256> {
    let (engine, state) = chain();
    words(&engine.call(&state, &simulation(&to(number), stage, overrides)).unwrap())
}

#[test]
fn a_call_is_in_the_head_or_in_the_block_after_it() {
    let (engine, state) = chain();
    let none = Overrides::default();
    let of_head = seen(Stage::Head, &none, WITNESS);
    let head = [HEAD_NUMBER, HEAD_TIME, HEAD_BASE_FEE].map(U256::from);
    assert_eq!(of_head[..3], head);
    let later = Timestamp::new(HEAD_TIME + 60);
    let base_fee = engine.next_base_fee(&state, later).unwrap();
    assert!(
        base_fee > engine.parameters(&state).unwrap().base_fee_min && base_fee != U256::from(HEAD_BASE_FEE)
    );
    let of_next = seen(Stage::Next(later), &none, WITNESS);
    assert_eq!(of_next[..3], [U256::from(HEAD_NUMBER + 1), U256::from(HEAD_TIME + 60), base_fee]);
    // A clock that goes behind the chain does not take the next block there.
    let behind = seen(Stage::Next(Timestamp::new(1)), &none, WITNESS);
    assert_eq!(behind[1], U256::from(HEAD_TIME));
}

#[test]
fn the_block_can_be_pretended() {
    let block = BlockOverrides {
        number: Some(BlockNumber::new(100)),
        timestamp: Some(Timestamp::new(200)),
        base_fee: Some(U256::from(300)),
        gas_limit: Some(Gas::new(400)),
        beneficiary: Some(address(500)),
        prev_randao: Some(word(600)),
    };
    let overrides = Overrides { block, ..Overrides::default() };
    for stage in [Stage::Head, Stage::Next(Timestamp::new(9_999))] {
        let expected = [100, 200, 300, 400, 500, 600, 0, WITNESS].map(U256::from);
        assert_eq!(seen(stage, &overrides, WITNESS), expected, "{stage:?}");
    }
    assert_eq!(
        seen(Stage::Head, &Overrides::default(), WITNESS)[3..6],
        [U256::from(1u64 << 50), U256::from(0x99), U256::zero()]
    );
}

#[test]
fn accounts_can_be_pretended_and_nothing_stays() {
    let (engine, state) = chain();
    let slots = BTreeMap::from([(word(2), word(77))]);
    let accounts = |number, account| Overrides {
        accounts: BTreeMap::from([(address(number), account)]),
        ..Overrides::default()
    };
    let storage = |storage| accounts(STORAGE, AccountOverride { storage, ..AccountOverride::default() });
    let both = |first: u64, second: u64| vec![U256::from(first), U256::from(second)];
    let run = |overrides: &Overrides, number| {
        let call = to(number);
        words(&engine.call(&state, &simulation(&call, Stage::Head, overrides)).unwrap())
    };
    assert_eq!(run(&Overrides::default(), STORAGE), both(10, 20));
    assert_eq!(run(&storage(StorageOverride::Slots(slots.clone())), STORAGE), both(10, 77));
    assert_eq!(run(&storage(StorageOverride::Whole(slots.clone())), STORAGE), both(0, 77));

    // Code, balance and storage where there is no account at all.
    let account = AccountOverride {
        balance: Some(U256::from(5)),
        code: Some(bytes("600254 5f52 47 602052 60405ff3".replace(' ', "").as_str())),
        storage: StorageOverride::Slots(slots),
        nonce: Some(9),
    };
    assert_eq!(run(&accounts(0xfff, account), 0xfff), both(77, 5));
    // And code away.
    let account = AccountOverride { code: Some(Vec::new()), ..AccountOverride::default() };
    assert_eq!(run(&accounts(STORAGE, account), STORAGE), []);

    // The nonce decides where a contract would be created.
    let creation = Call { from: Some(address(1)), data: vec![], ..Call::default() };
    let overrides = accounts(1, AccountOverride { nonce: Some(41), ..AccountOverride::default() });
    let outcome = engine.call(&state, &simulation(&creation, Stage::Head, &overrides)).unwrap();
    assert_eq!(outcome.created, Some(millrace_evm::created_address(address(1), 41)));

    // A balance that is pretended can be sent and pays for gas.
    let rich = accounts(1, AccountOverride { balance: Some(U256::MAX >> 1), ..AccountOverride::default() });
    let gift = Call {
        from: Some(address(1)),
        value: U256::exp10(30),
        gas_price: Some(U256::exp10(10)),
        ..to(WITNESS)
    };
    let poor = engine.call(&state, &simulation(&gift, Stage::Head, &Overrides::default()));
    assert!(matches!(poor, Err(CallError::Invalid(Invalid::InsufficientFunds { .. }))));
    let outcome = words(&engine.call(&state, &simulation(&gift, Stage::Head, &rich)).unwrap());
    assert_eq!(outcome[6..], [U256::from(HEAD_BASE_FEE), U256::exp10(30) + WITNESS], "at the base fee");
    assert!(engine.estimate(&state, &simulation(&gift, Stage::Head, &rich)).is_ok());
    assert_eq!(run(&Overrides::default(), STORAGE), both(10, 20), "nothing stayed");
}

#[test]
fn an_estimate_is_for_the_next_block_and_the_lowest_base_fee() {
    let (engine, state) = chain();
    // Fails in any block but number 8, the next.
    let code = Some(bytes("43600814600857fe5b00"));
    let account = AccountOverride { code, ..AccountOverride::default() };
    let overrides =
        Overrides { accounts: BTreeMap::from([(address(0xfff), account)]), ..Overrides::default() };
    let call = to(0xfff);
    let next = Stage::Next(Timestamp::new(HEAD_TIME + 1));
    let gas = engine.estimate(&state, &simulation(&call, next, &overrides)).unwrap();
    let in_head = engine.estimate(&state, &simulation(&call, Stage::Head, &overrides));
    assert!(matches!(in_head, Err(CallError::Failed(_))));
    // 150 bytes at the minimum of a gwei take 600,000 gas, however dear gas is now.
    assert!((621_000..622_000).contains(&gas.get()), "{gas}");
}

#[test]
fn a_call_ends_when_nobody_waits_for_it() {
    let (engine, state) = chain();
    let reads = Cell::new(0);
    let patience = |reads_max: u32| {
        let reads = &reads;
        move || reads.replace(reads.get() + 1) < reads_max
    };
    let (none, call) = (Overrides::default(), to(READER));
    let impatient = patience(100);
    let simulation = Simulation { goes_on: &impatient, ..simulation(&call, Stage::Head, &none) };
    assert!(matches!(engine.call(&state, &simulation), Err(CallError::Interrupted)));
    assert!(reads.get() < 110, "{} reads", reads.get());
    reads.set(0);
    assert!(matches!(engine.estimate(&state, &simulation), Err(CallError::Interrupted)));
    let patient = Simulation { goes_on: &|| true, ..simulation };
    assert!(!engine.call(&state, &patient).unwrap().succeeded, "else it runs out of gas");
}

#[test]
fn a_call_gets_no_more_gas_than_is_allowed() {
    let (engine, state) = chain();
    let none = Overrides::default();
    for gas in [None, Some(Gas::new(20_000_000))] {
        let call = Call { gas, ..to(CIRCLE) };
        let modest = Simulation { gas_max: Gas::new(100_000), ..simulation(&call, Stage::Head, &none) };
        assert_eq!(engine.call(&state, &modest).unwrap().execution_gas, Gas::new(100_000), "{gas:?}");
        let Err(CallError::Failed(outcome)) = engine.estimate(&state, &modest) else { panic!("{gas:?}") };
        assert_eq!(outcome.execution_gas, Gas::new(100_000), "{gas:?}");
    }
    let call = to(CIRCLE);
    let outcome = engine.call(&state, &simulation(&call, Stage::Head, &none)).unwrap();
    assert_eq!(outcome.execution_gas, engine.parameters(&state).unwrap().execution_gas_transaction_max);
}

#[test]
fn calls_and_simulations_see_who_is_in_office() {
    let (engine, state) = chain();
    let mut host = NativeHost::new(&state);
    // The base point of Ed25519, and nobody's: no call here has its signature.
    let point = |first| PublicKey::Ed25519(core::array::from_fn(|byte| if byte == 0 { first } else { 0x66 }));
    let authority = Authority::single(Epoch::new(4), PublicKey::Secp256k1([2; 33]));
    sequencers::key().unwrap().write(&mut host, &authority).unwrap();
    let state = host.durable;
    let counter = Call { to: Some(CONTRACT), data: COUNTER_CALL.to_vec(), ..Call::default() };
    let change = KeyChange { key: point(0x58), chain_id: U256::from(1337), counter: U256::from(4) };
    let unsigned = Call { data: change.call_data(&Signature([0; 64])), ..counter.clone() };
    let none = Overrides::default();
    assert_eq!(words(&engine.call(&state, &simulation(&counter, Stage::Head, &none)).unwrap()), [4.into()]);
    let refused = engine.call(&state, &simulation(&unsigned, Stage::Head, &none)).unwrap();
    let reason = "the sequencer has not signed this";
    let says_so = |output: &[u8]| String::from_utf8_lossy(output).contains(reason);
    assert!(!refused.succeeded && says_so(&refused.output), "{refused:?}");
    let calls = vec![(counter, None), (unsigned, None)];
    let blocks = [BlockInput { calls, ..BlockInput::default() }];
    let simulated = Simulated {
        blocks: &blocks,
        validates: false,
        shows_transfers: false,
        gas_max: Gas::new(50_000_000),
        goes_on: &|| true,
    };
    let blocks = engine.simulate(&state, &simulated).unwrap();
    let [counted, refused] = &blocks[0].calls[..] else { panic!("two calls") };
    assert_eq!(counted.output, word(4).0);
    assert!(says_so(&refused.output), "{refused:?}");
}

//! Traces against what is worked out by hand.

use super::meter::Meter;
use super::*;
use crate::calls::tests::{CIRCLE, STORAGE, address, bytes, chain, install, simulation, to, word};
use crate::host::NativeHost;
use crate::{
    BlockTrace, Call, CallError, Engine, Overrides, Signature, Stage, Transaction, TransactionType, keccak,
};
use k256::ecdsa::SigningKey;
use millrace_primitives::{Account, Address, Block, H256, Mutez, Timestamp, TransactionHash, U256};
use millrace_pvm::durable::Durable;
use millrace_trace::{
    AccountState, CallOptions, FrameKind, PrestateOptions, RECORD_BYTES_MAX, StepOptions, Trace,
};
use millrace_wire::{blueprint::Blueprint, blueprint::Payload, deposit::NativeDeposit};
use std::collections::{BTreeMap, BTreeSet};

/// Reads slots 1 and 2 of STORAGE through a static call, logs, sets its slot 1 to 7.
const BUSY: u64 = 0x21;
/// Only the static call.
const READS: u64 = 0x22;
/// Calls BUSY, then reverts with a byte.
const REVERTS: u64 = 0x23;

const ALL: Watch = Watch::Calls(CallOptions { only_top: false, logs: true });

fn world() -> (Engine, Durable) {
    let (engine, state) = chain();
    let mut host = NativeHost::new(&state);
    install(&mut host, BUSY, &bytes("5f5f5f5f61100b5afa505f5fa0600760015500"));
    install(&mut host, READS, &bytes("5f5f5f5f61100b5afa00"));
    install(&mut host, REVERTS, &bytes("5f5f5f5f5f60215af1602a5f5360015ffd"));
    let rich = Account { balance: U256::exp10(24), ..Account::default() };
    millrace_layout::world::World::Committed.account(sender()).unwrap().write(&mut host, &rich).unwrap();
    (engine, host.durable)
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32].into()).unwrap()
}

fn sender() -> Address {
    let point = key().verifying_key().to_encoded_point(false);
    Address::from_slice(&keccak(&point.as_bytes()[1..]).0[12..])
}

fn traced(call: &Call, watch: Watch) -> Trace {
    let (engine, state) = world();
    let none = Overrides::default();
    engine.trace_call(&state, &simulation(call, Stage::Head, &none), watch).unwrap()
}

fn frames(trace: Trace) -> Vec<Frame> {
    let Trace::Calls(frames) = trace else { panic!("no calls") };
    frames
}

#[test]
fn calls_are_a_tree_with_logs() {
    let frames = frames(traced(&Call { from: Some(sender()), ..to(BUSY) }, ALL));
    let [outermost, inner] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((outermost.depth, outermost.kind, outermost.from), (0, FrameKind::Call, sender()));
    assert_eq!((inner.depth, inner.kind, inner.from), (1, FrameKind::StaticCall, address(BUSY)));
    assert_eq!((inner.to, inner.value), (Some(address(STORAGE)), None));
    // Both slots are cold: 4,200; the rest as STORAGE has it.
    assert_eq!(inner.gas_used, 4_200 + 3 + 3 + 2 + 6 + 3 + 6 + 3 + 2);
    let [log] = outermost.logs.as_slice() else { panic!("one log") };
    assert_eq!((log.address, log.position, log.topics.len()), (address(BUSY), 1, 0));
    assert_eq!(outermost.error, None);
}

#[test]
fn what_fails_takes_its_logs_and_keeps_its_reason() {
    let all = frames(traced(&to(REVERTS), ALL));
    assert_eq!(all.iter().map(|frame| frame.depth).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(all[0].error.as_deref(), Some("execution reverted"));
    assert_eq!(all[0].output, [0x2a]);
    assert_eq!(all[1].error, None);
    assert!(all.iter().all(|frame| frame.logs.is_empty()), "the logs are undone");
    let top = Watch::Calls(CallOptions { only_top: true, logs: true });
    let top = frames(traced(&to(REVERTS), top));
    assert_eq!(top, all[..1]);
}

#[test]
fn steps_show_what_is_asked_for() {
    let steps = |options| match traced(&to(BUSY), Watch::Steps(options)) {
        Trace::Steps(steps) => steps,
        other => panic!("{other:?}"),
    };
    let default = steps(StepOptions::default());
    assert!(!default.failed);
    let stores: Vec<_> = default.steps.iter().filter(|step| step.storage.is_some()).collect();
    let storage = |pairs: &[(u64, u64)]| {
        Some(pairs.iter().map(|(key, value)| (word(*key), word(*value))).collect::<BTreeMap<_, _>>())
    };
    let shown: Vec<_> =
        stores.iter().map(|step| (step.opcode, step.depth, step.gas_cost, step.storage.clone())).collect();
    let expected = [
        (0x54, 2, 2_100, storage(&[(1, 10)])),
        (0x54, 2, 2_100, storage(&[(1, 10), (2, 20)])),
        (0x55, 1, 22_100, storage(&[(1, 7)])),
    ];
    assert_eq!(shown, expected);
    let first = &default.steps[0];
    assert_eq!((first.position, first.opcode, first.stack.clone()), (0, 0x5f, Some(vec![])));
    assert_eq!((first.memory.clone(), first.return_data.clone()), (None, None));

    let other =
        steps(StepOptions { no_stack: true, no_storage: true, memory: true, return_data: true, limit: 0 });
    assert_eq!(other.steps.len(), default.steps.len());
    let last = other.steps.last().unwrap();
    assert_eq!((last.stack.clone(), last.storage.clone(), last.memory.clone()), (None, None, Some(vec![])));
    let returned = [word(10).0, word(20).0].concat();
    assert_eq!(last.return_data.as_deref(), Some(returned.as_slice()));
    assert!(other.steps.iter().all(|step| step.storage.is_none()));
    let limited = steps(StepOptions { limit: 3, ..StepOptions::default() });
    assert_eq!(limited.steps, default.steps[..3]);
    assert_eq!(limited.gas, default.gas);
}

fn prestate(call: &Call, diff: bool) -> millrace_trace::Prestate {
    match traced(call, Watch::Prestate(PrestateOptions { diff, ..PrestateOptions::default() })) {
        Trace::Prestate(prestate) => prestate,
        other => panic!("{other:?}"),
    }
}

#[test]
fn prestates_have_what_was_touched() {
    let call = Call { from: Some(sender()), ..to(BUSY) };
    let all = prestate(&call, false);
    assert_eq!(all.after, None);
    let touched: Vec<_> = all.before.keys().copied().collect();
    let mut expected = vec![address(STORAGE), address(BUSY), sender()];
    expected.sort();
    // The beneficiary is touched too, but does not exist.
    assert_eq!(touched, expected);
    let storage = &all.before[&address(STORAGE)].storage;
    assert_eq!(*storage, BTreeMap::from([(word(1), word(10)), (word(2), word(20))]));
    assert_eq!(all.before[&address(BUSY)].storage, BTreeMap::from([(word(1), H256::zero())]));
}

#[test]
fn differences_have_what_changed_and_nothing_else() {
    let call = Call { from: Some(sender()), value: U256::from(5), ..to(BUSY) };
    let diff = prestate(&call, true);
    let after = diff.after.unwrap();
    let busy = AccountState {
        balance: Some(U256::from(BUSY + 5)),
        storage: BTreeMap::from([(word(1), word(7))]),
        ..AccountState::default()
    };
    let caller =
        AccountState { balance: Some(U256::exp10(24) - 5), nonce: Some(1), ..AccountState::default() };
    assert_eq!(after, BTreeMap::from([(address(BUSY), busy), (sender(), caller)]));
    assert_eq!(diff.before.len(), 2);
    assert_eq!(diff.before[&sender()].balance, Some(U256::exp10(24)));
    assert!(diff.before[&address(BUSY)].storage.is_empty(), "it was zero");
    assert!(diff.before[&address(BUSY)].code.is_some());
}

#[test]
fn access_lists_have_what_is_cold_without_them() {
    let (engine, state) = world();
    let none = Overrides::default();
    let call = Call { from: Some(sender()), ..to(READS) };
    let without = engine.call(&state, &simulation(&call, Stage::Head, &none)).unwrap();
    let (list, with) = engine.access_list(&state, &simulation(&call, Stage::Head, &none)).unwrap();
    assert_eq!(list, [(address(STORAGE), vec![word(1), word(2)])]);
    // 100 less for the account (2,400 instead of 2,500) and for each slot.
    assert_eq!(without.execution_gas.get() - with.execution_gas.get(), 300);
    let (list, _) = engine.access_list(&state, &simulation(&to(BUSY), Stage::Head, &none)).unwrap();
    let expected = [(address(BUSY), vec![word(1)]), (address(STORAGE), vec![word(1), word(2)])];
    assert_eq!(list, expected);
    // The list is right: the execution with it finds nothing else.
    let (_, outcome) = engine.access_list(&state, &simulation(&to(REVERTS), Stage::Head, &none)).unwrap();
    assert_eq!(outcome.halt, Some(Halt::Reverted));
}

#[test]
fn records_are_bounded_in_size_and_time() {
    let (engine, state) = world();
    let none = Overrides::default();
    let call = Call { gas: Some(Gas::new(30_000_000)), ..to(CIRCLE) };
    let watch = Watch::Steps(StepOptions::default());
    let endless = engine.trace_call(&state, &simulation(&call, Stage::Head, &none), watch);
    assert!(matches!(endless, Err(CallError::TraceTooLarge)));
    let asked = std::cell::Cell::new(0);
    let goes_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 50
    };
    let interrupted = crate::Simulation { goes_on: &goes_on, ..simulation(&call, Stage::Head, &none) };
    let watch = Watch::Calls(CallOptions::default());
    assert!(matches!(engine.trace_call(&state, &interrupted, watch), Err(CallError::Interrupted)));
    let mut meter = Meter::new(&|| true);
    assert!(meter.take(RECORD_BYTES_MAX) && !meter.take(1));
}

/// A transaction of the sender.
fn signed(engine: &Engine, nonce: u64, target: u64) -> Vec<u8> {
    let transaction = Transaction {
        transaction_type: TransactionType::DynamicFee,
        chain_id: Some(engine.chain_id()),
        nonce,
        gas_limit: Gas::new(3_000_000),
        max_fee_per_gas: U256::exp10(11),
        max_priority_fee_per_gas: U256::zero(),
        to: Some(address(target)),
        value: U256::zero(),
        data: Vec::new(),
        access_list: Vec::new(),
        authorizations: Vec::new(),
    };
    let (signature, recovery) = key().sign_prehash_recoverable(&transaction.signing_hash().0).unwrap();
    let (r, s) = signature.split_bytes();
    let [r, s] = [r, s].map(|bytes| U256::from_big_endian(&bytes));
    transaction.sign(Signature { r, s, y_parity: recovery.is_y_odd() }).encode()
}

/// A block with a deposit, a delayed transaction and two others, and the state before it.
fn block() -> (Engine, Durable, Block, BTreeSet<TransactionHash>) {
    use millrace_layout::delayed::{Content, Item};
    use millrace_primitives::L1Level;
    let (engine, state) = world();
    let deposit =
        NativeDeposit { amount: Mutez::new(3), receiver: address(0x77), level: L1Level::new(5), index: 6 };
    let delayed = signed(&engine, 0, READS);
    let items = [
        (deposit.hash(), Content::Deposit(deposit)),
        (TransactionHash::new(keccak(&delayed).0), Content::Transaction(delayed)),
    ];
    let items = items.map(|(name, content)| Item {
        name,
        level: L1Level::new(5),
        timestamp: Timestamp::new(1),
        content,
    });
    let state_with_items =
        items.iter().try_fold(state.clone(), |state, item| engine.delay(&state, item)).unwrap();
    let head = engine.head(&state).unwrap();
    let blueprint = Blueprint {
        number: head.header.number.saturating_add(1),
        parent: head.hash,
        timestamp: Timestamp::new(1_002),
        payload: Payload {
            delayed: items.iter().map(|item| item.name).collect(),
            transactions: vec![signed(&engine, 1, BUSY), signed(&engine, 2, BUSY)],
        },
    };
    let applied = engine.apply(&state_with_items, &blueprint).unwrap();
    assert_eq!(applied.dropped, []);
    (engine, state, applied.block, items.iter().map(|item| item.name).collect())
}

#[test]
fn blocks_are_executed_again_as_they_were() {
    let (engine, state, block, delayed) = block();
    let request = BlockTrace { block: &block, delayed: &delayed, only: None, watch: ALL, goes_on: &|| true };
    let traces = engine.trace_block(&state, &request).unwrap();
    assert_eq!(traces.len(), 4);
    for (trace, receipt) in traces.iter().cloned().zip(&block.receipts) {
        let frames = frames(trace);
        assert_eq!(frames[0].gas_used, receipt.gas_used.get());
        assert_eq!(frames[0].logs.len(), receipt.logs.len());
        assert_eq!(frames[0].from, receipt.sender);
    }
    let deposit = frames(traces[0].clone());
    let fields = (deposit[0].to, deposit[0].value, deposit[0].input.len());
    assert_eq!(fields, (Some(address(0x77)), Some(U256::from(3) * U256::exp10(12)), 15));
    assert_eq!(frames(traces[2].clone())[0].gas, 3_000_000);
    // One alone is what it is among the others.
    for (index, trace) in traces.iter().enumerate() {
        let alone = engine.trace_block(&state, &BlockTrace { only: Some(index), ..request });
        assert_eq!(alone.unwrap(), std::slice::from_ref(trace));
    }
}

#[test]
fn a_prestate_in_a_block_is_that_of_its_place() {
    let (engine, state, block, delayed) = block();
    let watch = Watch::Prestate(PrestateOptions { diff: true, ..PrestateOptions::default() });
    let request = BlockTrace { block: &block, delayed: &delayed, only: None, watch, goes_on: &|| true };
    let traces = engine.trace_block(&state, &request).unwrap();
    let [deposit, _, first, second] = traces.as_slice() else { panic!("four traces") };
    let of = |trace: &Trace| match trace {
        Trace::Prestate(prestate) => (prestate.before.clone(), prestate.after.clone().unwrap()),
        other => panic!("{other:?}"),
    };
    let credited = AccountState { balance: Some(U256::from(3) * U256::exp10(12)), ..AccountState::default() };
    assert_eq!(of(deposit), (BTreeMap::new(), BTreeMap::from([(address(0x77), credited)])));
    assert_eq!(of(first).1[&address(BUSY)].storage, BTreeMap::from([(word(1), word(7))]));
    // The second stores what is there already.
    assert!(!of(second).1.contains_key(&address(BUSY)));
    assert_eq!(of(second).0[&sender()].nonce, Some(2));
    assert_eq!(of(second).1[&sender()].nonce, Some(3));
}

#[test]
fn a_block_on_another_state_is_refused() {
    let (engine, state, block, delayed) = block();
    let request =
        BlockTrace { block: &block, delayed: &delayed, only: Some(3), watch: ALL, goes_on: &|| true };
    // Nothing is known to be delayed: the transaction is charged otherwise.
    let none = BTreeSet::new();
    let refusal = engine.trace_block(&state, &BlockTrace { delayed: &none, ..request });
    let replay = |index| matches!(&refusal, Err(CallError::Engine(crate::EngineError::Replay { index: at })) if *at == index);
    assert!(replay(1), "{refusal:?}");
    let interrupted = engine.trace_block(&state, &BlockTrace { goes_on: &|| false, ..request });
    assert!(matches!(interrupted, Err(CallError::Interrupted)));
}

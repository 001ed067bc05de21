//! Blocks that are tried out on the chain of the tests of calls.

use super::*;
use crate::calls::tests::{CIRCLE, STORAGE, address, bytes, chain, to, word};
use crate::{AccountOverride, BlockOverrides, StorageOverride};

/// Counts in slot 0 and returns the count.
const COUNTER: &str = "5f546001018060005560005260206000f3";
const COUNTS: u64 = 0x31;

fn request(blocks: &[BlockInput]) -> Simulated<'_> {
    Simulated {
        blocks,
        validates: false,
        shows_transfers: false,
        gas_max: Gas::new(50_000_000),
        goes_on: &|| true,
    }
}

fn run(request: &Simulated<'_>) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let (engine, state) = chain();
    engine.simulate(&state, request)
}

fn calls(calls: Vec<Call>) -> BlockInput {
    BlockInput { calls: calls.into_iter().map(|call| (call, None)).collect(), ..BlockInput::default() }
}

fn with_code(number: u64, code: &str) -> (Address, AccountOverride) {
    (address(number), AccountOverride { code: Some(bytes(code)), ..AccountOverride::default() })
}

fn word_of(call: &SimulatedCall) -> U256 {
    U256::from_big_endian(&call.output)
}

#[test]
fn calls_see_the_ones_before_them_in_all_blocks() {
    let mut first = calls(vec![to(COUNTS), to(COUNTS)]);
    first.overrides.accounts.extend([with_code(COUNTS, COUNTER)]);
    let mut third = calls(vec![to(COUNTS)]);
    let slots = StorageOverride::Slots(BTreeMap::from([(word(0), word(40))]));
    let storage = AccountOverride { storage: slots, ..AccountOverride::default() };
    third.overrides.accounts.insert(address(COUNTS), storage);
    let mut fourth = calls(vec![to(COUNTS)]);
    let storage =
        AccountOverride { storage: StorageOverride::Whole(BTreeMap::new()), ..AccountOverride::default() };
    fourth.overrides.accounts.insert(address(COUNTS), storage);
    let blocks = [first, calls(vec![to(COUNTS)]), third, fourth];
    let blocks = run(&request(&blocks)).unwrap();
    let counts: Vec<Vec<_>> = blocks.iter().map(|block| block.calls.iter().map(word_of).collect()).collect();
    assert_eq!(counts, [vec![1.into(), 2.into()], vec![3.into()], vec![41.into()], vec![U256::one()]]);
}

#[test]
fn blocks_follow_each_other_with_real_hashes() {
    // BLOCKHASH(NUMBER - 1), then the same of 2 before.
    let hashes = "6001430340600052600243034060205260406000f3";
    let mut asks = calls(vec![to(COUNTS)]);
    asks.overrides.accounts.extend([with_code(COUNTS, hashes)]);
    let blocks = [BlockInput::default(), asks];
    let blocks = run(&request(&blocks)).unwrap();
    let (engine, state) = chain();
    let head = engine.head(&state).unwrap();
    let [first, second] = blocks.as_slice() else { panic!("two blocks") };
    assert_eq!((first.block.header.parent_hash, second.block.header.parent_hash), (head.hash, first.hash));
    assert_eq!(first.hash, header_hash(&first.block.header));
    assert_eq!(second.calls[0].output, [*first.hash.as_bytes(), *head.hash.as_bytes()].concat());
    let header = &second.block.header;
    assert_eq!(header.number.get(), head.header.number.get() + 2);
    assert_eq!(header.timestamp.get(), head.header.timestamp.get() + 2);
    assert_eq!(header.gas_used, second.calls[0].gas_used);
    assert_eq!(header.base_fee_per_gas, U256::zero());
    assert_ne!(first.block.header.state_root, header.state_root);
}

#[test]
fn numbers_and_timestamps_rise_and_gaps_are_filled() {
    let (engine, state) = chain();
    let head = engine.head(&state).unwrap().header;
    let at = |number: Option<u64>, timestamp: Option<u64>| {
        let block = BlockOverrides {
            number: number.map(|above| BlockNumber::new(head.number.get() + above)),
            timestamp: timestamp.map(|above| Timestamp::new(head.timestamp.get() + above)),
            ..BlockOverrides::default()
        };
        BlockInput { overrides: Overrides { block, ..Overrides::default() }, ..BlockInput::default() }
    };
    let blocks = run(&request(&[at(Some(3), Some(9)), at(None, None)])).unwrap();
    let places: Vec<_> = blocks
        .iter()
        .map(|block| &block.block.header)
        .map(|header| {
            (header.number.get() - head.number.get(), header.timestamp.get() - head.timestamp.get())
        })
        .collect();
    assert_eq!(places, [(1, 1), (2, 2), (3, 9), (4, 10)]);
    let refused = run(&request(&[at(Some(2), None), at(Some(2), None)]));
    assert!(matches!(refused, Err(SimulateError::Number { .. })));
    let refused = run(&request(&[at(None, Some(5)), at(None, Some(5))]));
    assert!(matches!(refused, Err(SimulateError::Timestamp { .. })));
    let refused = run(&request(&[at(Some(SIMULATED_BLOCKS_MAX + 1), None)]));
    assert!(matches!(refused, Err(SimulateError::TooManyBlocks)));
}

#[test]
fn without_validation_only_funds_count() {
    let rich = AccountOverride { balance: Some(U256::from(10)), ..AccountOverride::default() };
    let pays = |value: u64| Call { from: Some(address(0x50)), value: U256::from(value), ..to(0x51) };
    let mut block = calls(vec![pays(4), pays(4), Call { from: Some(address(0x51)), ..to(STORAGE) }]);
    block.overrides.accounts.insert(address(0x50), rich);
    let blocks = run(&request(&[block.clone()])).unwrap();
    assert!(blocks[0].calls.iter().all(|call| call.halt.is_none()));
    block.calls.push((pays(4), None));
    let refused = run(&request(&[block]));
    let is_poor = |invalid: &Invalid| matches!(invalid, Invalid::InsufficientFunds { available, .. } if *available == U256::from(2));
    assert!(matches!(refused, Err(SimulateError::Invalid { invalid, .. }) if is_poor(&invalid)));
}

#[test]
fn with_validation_calls_are_transactions() {
    let rich =
        AccountOverride { balance: Some(U256::exp10(24)), nonce: Some(5), ..AccountOverride::default() };
    let price = Some(U256::exp10(11));
    let call =
        Call { from: Some(address(0x50)), gas: Some(Gas::new(3_000_000)), gas_price: price, ..to(STORAGE) };
    let validated = |call: Call, nonce: Option<u64>| {
        let mut block = BlockInput { calls: vec![(call, nonce)], ..BlockInput::default() };
        block.overrides.accounts.insert(address(0x50), rich.clone());
        run(&Simulated { validates: true, ..request(&[block]) })
    };
    let blocks = validated(call.clone(), None).unwrap();
    let header = &blocks[0].block.header;
    assert!(!header.base_fee_per_gas.is_zero());
    // Data availability is charged for, as in a transaction.
    let without = run(&request(&[calls(vec![to(STORAGE)])])).unwrap();
    assert!(blocks[0].calls[0].gas_used > without[0].calls[0].gas_used);
    assert_eq!(blocks[0].block.receipts[0].effective_gas_price, header.base_fee_per_gas);
    let invalid = |refused: Result<Vec<SimulatedBlock>, SimulateError>| match refused {
        Err(SimulateError::Invalid { invalid, .. }) => invalid,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(validated(call.clone(), Some(4))), Invalid::NonceTooLow { expected: 5 });
    assert_eq!(invalid(validated(call.clone(), Some(6))), Invalid::NonceTooHigh { expected: 5 });
    let free = Call { gas_price: None, ..call };
    assert!(matches!(invalid(validated(free, None)), Invalid::FeeCapBelowBaseFee { .. }));
}

#[test]
fn transfers_are_logs_unless_they_are_undone() {
    // Logs, sends 1 wei to 0x61; and the same, then reverts.
    let sends = "5f5fa05f5f5f5f600160615af100";
    let reverts = "5f5fa05f5f5f5f600160615af15f5ffd";
    let mut block = calls(vec![
        Call { from: Some(address(0x50)), value: U256::from(3), ..to(0x62) },
        Call { from: Some(address(0x50)), ..to(0x63) },
    ]);
    let rich = AccountOverride { balance: Some(U256::from(10)), ..AccountOverride::default() };
    block.overrides.accounts.insert(address(0x50), rich);
    block.overrides.accounts.extend([with_code(0x62, sends), with_code(0x63, reverts)]);
    let blocks = [block];
    let shown = run(&Simulated { shows_transfers: true, ..request(&blocks) }).unwrap();
    let [sent, reverted] = shown[0].calls.as_slice() else { panic!("two calls") };
    let seen: Vec<_> = sent.logs.iter().map(|log| (log.address, log.data.last().copied())).collect();
    let transfers = Address::repeat_byte(0xee);
    assert_eq!(seen, [(transfers, Some(3)), (address(0x62), None), (transfers, Some(1))]);
    assert_eq!(sent.logs[0].topics[1..], [H256::from(address(0x50)), H256::from(address(0x62))]);
    assert_eq!((reverted.halt, reverted.logs.len()), (Some(Halt::Reverted), 0));
    // The block has what was emitted, and nothing else.
    assert_eq!(shown[0].block.receipts[0].logs.len(), 1);
    let plain = run(&request(&blocks)).unwrap();
    assert_eq!(plain[0].calls[0].logs.len(), 1);
    assert_eq!(plain[0].hash, shown[0].hash);
}

#[test]
fn gas_and_time_are_bounded() {
    let greedy = Call { gas: Some(Gas::new(1 << 60)), ..to(STORAGE) };
    assert!(matches!(run(&request(&[calls(vec![greedy])])), Err(SimulateError::BlockFull { .. })));
    let blocks = [calls(vec![to(CIRCLE), to(STORAGE)])];
    let exhausted = run(&Simulated { gas_max: Gas::new(30_000), ..request(&blocks) });
    assert!(matches!(exhausted, Err(SimulateError::GasExhausted)));
    let interrupted = run(&Simulated { goes_on: &|| false, ..request(&blocks) });
    assert!(matches!(interrupted, Err(SimulateError::Call(CallError::Interrupted))));
}

//! Our frames, opcodes and outermost call against the crate's own, on random programs.

use super::{Host, Message, run};
use crate::Fork;
use crate::execute::BlockEnvironment;
use crate::keccak::keccak;
use crate::state::{Changes, State, StateReader};
use alloc::vec;
use alloc::vec::Vec;
use evm::interpreter::ExitError;
use evm::interpreter::etable::Chained;
use evm::standard::{
    EtableResolver, ExecutionEtable, GasometerEtable, Invoker, TransactArgs, TransactArgsCallCreate,
    TransactGasPrice, TransactValueCallCreate,
};
use millrace_primitives::{Account, Address, BlockNumber, Gas, H160, H256, Timestamp, U256};
use proptest::prelude::*;

const CALLER: Address = H160([0xca; 20]);
const CONTRACT: Address = H160([0xc0; 20]);
const GAS_LIMIT: u64 = 200_000;

/// A caller, and a contract with some storage.
struct World {
    code: Vec<u8>,
}

impl StateReader for World {
    type Error = ();

    fn account(&self, address: Address) -> Result<Option<Account>, ()> {
        let account = if address == CALLER {
            Account { balance: U256::exp10(18), ..Account::default() }
        } else if address == CONTRACT {
            Account { nonce: 1, balance: U256::from(1_000), code_hash: keccak(&self.code) }
        } else {
            return Ok(None);
        };
        Ok(Some(account))
    }

    fn storage(&self, _: Address, slot: H256) -> Result<H256, ()> {
        Ok(if slot.0[31].is_multiple_of(2) { H256::zero() } else { slot })
    }

    fn code(&self, _: H256) -> Result<Vec<u8>, ()> {
        Ok(self.code.clone())
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, ()> {
        Ok(Some(keccak(&number.get().to_be_bytes())))
    }
}

fn block() -> BlockEnvironment {
    BlockEnvironment {
        number: BlockNumber::new(300),
        timestamp: Timestamp::new(7),
        beneficiary: H160::repeat_byte(0xfe),
        gas_limit: Gas::new(1 << 40),
        base_fee: U256::zero(),
        chain_id: U256::from(1337),
        prev_randao: H256::repeat_byte(9),
        blob_base_fee: U256::one(),
        fork: Fork::Cancun,
        ticketer: None,
    }
}

/// What can be compared: output or none, gas used, what changed.
type Seen = (Option<Vec<u8>>, u64, Changes);

fn ours(code: &[u8], input: &[u8]) -> Seen {
    let mut state = State::new(World { code: code.to_vec() });
    let block = block();
    state.begin();
    assert!(state.increment_nonce(CALLER));
    for address in [block.beneficiary, CALLER, CONTRACT] {
        state.warm(address);
    }
    let message = Message {
        caller: CALLER,
        address: CONTRACT,
        creates: false,
        value: U256::from(5),
        input: input.to_vec(),
        gas_limit: GAS_LIMIT,
        intrinsic_gas: 21_000 + input.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>(),
        gas_price: U256::zero(),
    };
    let ended = run(message, &mut Host::new(&mut state, &block));
    state.finish();
    let gas = if matches!(ended.result, Err(ExitError::Reverted)) { 0 } else { ended.gas_used };
    (ended.result.is_ok().then_some(ended.output), gas, state.changes())
}

/// The crate as it is. It does not tell what a reverted transaction used.
fn theirs(code: &[u8], input: &[u8]) -> Seen {
    let mut state = State::new(World { code: code.to_vec() });
    let block = block();
    state.begin();
    let etable = Chained(GasometerEtable::new(), ExecutionEtable::new());
    let resolver = EtableResolver::new(&(), &etable);
    let arguments = TransactArgs {
        call_create: TransactArgsCallCreate::Call { address: CONTRACT, data: input.to_vec() },
        caller: CALLER,
        value: U256::from(5),
        gas_limit: U256::from(GAS_LIMIT),
        gas_price: TransactGasPrice::Legacy(U256::zero()),
        access_list: vec![],
        config: crate::fork::config(Fork::Cancun),
    };
    let mut host = Host::new(&mut state, &block);
    let ended = evm::transact(arguments, Some(4), &mut host, &Invoker::new(&resolver));
    state.finish();
    let (output, gas) = match ended {
        Ok(value) => match value.call_create {
            TransactValueCallCreate::Call { retval, .. } => (Some(retval), value.used_gas.as_u64()),
            TransactValueCallCreate::Create { .. } => panic!("not a creation"),
        },
        Err(ExitError::Reverted) => (None, 0),
        Err(_) => (None, GAS_LIMIT),
    };
    (output, gas, state.changes())
}

/// One instruction with its data. Calls go to the contract itself and strangers: precompiles, creations and the memory
/// that `CODECOPY` fills are where we differ from the crate by intent.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let push = |range: core::ops::Range<u8>| {
        (range, prop::collection::vec(any::<u8>(), 32))
            .prop_map(|(size, data)| [&[0x5f + size], data.get(..usize::from(size)).unwrap_or(&[])].concat())
    };
    let call = (0usize..4, any::<bool>()).prop_map(|(kind, itself)| {
        let target = if itself { 0x30 } else { 0x33 };
        let value: &[u8] = if kind < 2 { &[0x60, 3] } else { &[] };
        let opcode = [0xf1, 0xf2, 0xf4, 0xfa][kind];
        // Offsets and sizes of 64, some value, and a third of the gas or so.
        [&[0x60, 64, 0x60, 32, 0x60, 64, 0x5f], value, &[target, 0x62, 0, 0x80, 0, opcode]].concat()
    });
    prop_oneof![
        8 => push(0..3),
        2 => push(3..33),
        6 => (0x01u8..0x1e).prop_map(|opcode| vec![opcode]),
        3 => prop::sample::select(vec![0x20u8, 0x31, 0x35, 0x37, 0x3b, 0x3c, 0x3e, 0x3f, 0x40, 0x49])
            .prop_map(|opcode| vec![opcode]),
        4 => (0x30u8..0x4b).prop_filter("CODECOPY", |opcode| *opcode != 0x39).prop_map(|opcode| vec![opcode]),
        6 => (0x50u8..0x5f).prop_map(|opcode| vec![opcode]),
        5 => (0x80u8..0xa5).prop_map(|opcode| vec![opcode]),
        2 => (0u8..200).prop_map(|to| vec![0x5b, 0x60, to, 0x56]),
        2 => (0u8..200).prop_map(|to| vec![0x60, 1, 0x60, to, 0x57]),
        2 => call,
        1 => prop::sample::select(vec![0x00u8, 0xf3, 0xfd, 0xfe, 0xff]).prop_map(|opcode| vec![opcode]),
    ]
}

fn program() -> impl Strategy<Value = Vec<u8>> {
    // Small numbers first, so that something is there to work on.
    let seed = prop::collection::vec(0u8..96, 8..24)
        .prop_map(|values| values.into_iter().flat_map(|value| [0x60, value]).collect::<Vec<u8>>());
    (seed, prop::collection::vec(instruction(), 1..60))
        .prop_map(|(seed, rest)| [seed, rest.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_run_as_in_the_crate(
        code in program(),
        input in prop::collection::vec(any::<u8>(), 0..70),
    ) {
        prop_assert_eq!(ours(&code, &input), theirs(&code, &input));
    }
}

#[test]
fn random_programs_are_not_all_failures() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = program();
    let succeeded = (0..300)
        .filter(|_| {
            let tree = strategy.new_tree(&mut runner);
            tree.is_ok_and(|tree| ours(&tree.current(), &[1; 40]).0.is_some())
        })
        .count();
    assert!(succeeded > 30, "{succeeded} of 300");
}

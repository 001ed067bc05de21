//! The deepest calls and the most memory that the EVM allows, on the kernel as wasm in the PVM and natively on a small
//! stack: nothing traps, and both make the same block. `docs/evm-limits.md` has the figures.

use crate::{
    accounts::{self, Account},
    code::{GAS, MSTORE, POP, PUSH0, RETURN, call, deployer, push, push_address, repeat, touch},
    rollup::Bench,
};
use anyhow::{Context as _, ensure};
use millrace_engine::{Transaction, TransactionType};
use millrace_primitives::{Address, BlockNumber, Gas, H256, U256};
use millrace_pvm::{MachineConfig, Status};
use millrace_wire::blueprint::{Blueprint, Payload};
use std::{path::Path, thread};

/// What a transaction may use on a rollup with the default parameters.
const GAS_MAX: u64 = 30_000_000;
/// What it takes to get 1,024 calls deep: each keeps a 64th back, so all that a frame uses counts a hundred million fold.
const GAS_DEEP: u64 = 400_000_000_000;
const GAS_DEEP_CREATIONS: u64 = 100_000_000_000_000;

/// Bounds that hold with room to spare. The PVM has 65,536 pages and 60,000 frames.
const PAGES_MAX: u64 = 6_000;
const FRAMES_MAX: u32 = 250;
/// Stack on which the native kernel must do the same.
const NATIVE_STACK_BYTES: usize = 512 << 10;

struct Session {
    bench: Bench,
    sender: Account,
    nonce: u64,
    chain_id: U256,
}

/// What a transaction did.
struct Done {
    succeeded: bool,
    created: Option<Address>,
    pages: u64,
}

impl Session {
    /// A rollup on which gas is cheap, with this much of it for a transaction.
    fn new(gas_max: u64) -> anyhow::Result<Self> {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
        let config = MachineConfig { call_depth_limit: Some(FRAMES_MAX), ..MachineConfig::default() };
        let mut bench = Bench::boot_on(&dist, config)?;
        bench.change_parameters(|parameters| {
            parameters.da_fee_per_byte = U256::zero();
            parameters.base_fee_min = U256::one();
            parameters.execution_gas_transaction_max = Gas::new(gas_max);
            parameters.execution_gas_block_max = Gas::new(gas_max.max(30_500_000));
        })?;
        let sender = accounts::all()?.swap_remove(0);
        let chain_id = bench.engine.chain_id();
        Ok(Self { bench, sender, nonce: 0, chain_id })
    }

    fn transaction(&self, to: Option<Address>, data: Vec<u8>, gas_limit: u64) -> Transaction {
        Transaction {
            transaction_type: TransactionType::DynamicFee,
            chain_id: Some(self.chain_id),
            nonce: self.nonce,
            gas_limit: Gas::new(gas_limit),
            // The base fee rises with what was executed, but not to this.
            max_fee_per_gas: U256::from(1_000_000),
            max_priority_fee_per_gas: U256::zero(),
            to,
            value: U256::zero(),
            data,
            access_list: vec![],
            authorizations: vec![],
        }
    }

    /// A block with this transaction, in the PVM and natively.
    fn send(&mut self, transaction: &Transaction) -> anyhow::Result<Done> {
        let head = self.bench.head()?;
        let raw = self.sender.sign_transaction(transaction)?;
        let blueprint = Blueprint {
            number: BlockNumber::new(head.header.number.get() + 1),
            parent: head.hash,
            timestamp: self.bench.now().max(head.header.timestamp),
            payload: Payload { delayed: vec![], transactions: vec![raw] },
        };
        let bench = &self.bench;
        let applied = thread::scope(|scope| {
            let native = || bench.engine.apply(bench.durable(), &blueprint);
            let thread = thread::Builder::new().stack_size(NATIVE_STACK_BYTES).spawn_scoped(scope, native)?;
            anyhow::Ok(thread.join().ok().context("the native kernel panicked")??)
        })?;
        let messages = self.bench.seal(&blueprint)?;
        let report = self.bench.level(&messages)?;
        ensure!(report.status == Status::WaitingForInput, "{:?}", report.status);
        ensure!(self.bench.head()?.hash == applied.hash, "wasm and native differ");
        let receipt = applied.block.receipts.first().with_context(|| format!("{:?}", applied.dropped))?;
        self.nonce += 1;
        let pages = report.runs.iter().filter_map(|run| run.memory_pages).max().unwrap_or_default();
        Ok(Done { succeeded: receipt.succeeded, created: receipt.created, pages })
    }

    fn deploy(&mut self, code: &[u8]) -> anyhow::Result<Address> {
        let done = self.send(&self.transaction(None, deployer(code), GAS_MAX))?;
        done.created.context("no contract was created")
    }

    fn slot(&self, address: Address) -> anyhow::Result<u64> {
        let value = self.bench.engine.storage(self.bench.durable(), address, H256::zero())?;
        Ok(U256::from_big_endian(value.as_bytes()).as_u64())
    }

    /// A transaction that must succeed, within the bound of memory.
    fn must_succeed(&mut self, name: &str, transaction: &Transaction) -> anyhow::Result<()> {
        let done = self.send(transaction).with_context(|| name.to_owned())?;
        eprintln!("{name}: {} pages", done.pages);
        ensure!(done.succeeded, "{name} failed");
        ensure!(done.pages <= PAGES_MAX, "{name}: {} pages", done.pages);
        Ok(())
    }
}

/// Calls the address in the call data with the same call data, and answers one more than what that answers: how deep it
/// went.
fn descending(opcode: u8) -> Vec<u8> {
    let value: &[u8] = if matches!(opcode, 0xf1 | 0xf2) { &[PUSH0] } else { &[] };
    [
        &[PUSH0, 0x35, PUSH0, MSTORE, 0x60, 32, 0x60, 32, 0x60, 32, PUSH0][..],
        value,
        &[PUSH0, 0x35, GAS, opcode, POP, 0x60, 32, 0x51, 0x60, 1, 0x01, 0x60, 32, MSTORE],
        &[0x60, 32, 0x60, 32, RETURN],
    ]
    .concat()
}

fn argument(address: Address) -> Vec<u8> {
    [&[0; 12], address.as_bytes()].concat()
}

#[test]
fn calls_of_every_kind_nest_as_deep_as_they_may() -> anyhow::Result<()> {
    let mut session = Session::new(GAS_DEEP)?;
    // Calls what the call data says and keeps the answer.
    let keeping = [
        &[PUSH0, 0x35, PUSH0, MSTORE, 0x60, 32, PUSH0, 0x60, 32, PUSH0, PUSH0][..],
        &[PUSH0, 0x35, GAS, 0xf1, POP, PUSH0, 0x51, PUSH0, 0x55, 0x00],
    ]
    .concat();
    let keeping = session.deploy(&keeping)?;
    let mut last = Address::zero();
    for (name, opcode) in [("CALL", 0xf1), ("CALLCODE", 0xf2), ("DELEGATECALL", 0xf4), ("STATICCALL", 0xfa)] {
        last = session.deploy(&descending(opcode))?;
        let transaction = session.transaction(Some(keeping), argument(last), GAS_DEEP);
        session.must_succeed(name, &transaction)?;
        ensure!(session.slot(keeping)? == 1_024, "{name}: {} calls", session.slot(keeping)?);
    }
    // The same through an account that delegates to the last of them.
    let delegating = accounts::all()?.swap_remove(1);
    let transaction = Transaction {
        transaction_type: TransactionType::SetCode,
        authorizations: vec![delegating.authorize(session.chain_id, last)?],
        ..session.transaction(Some(keeping), argument(delegating.address), GAS_DEEP)
    };
    session.must_succeed("calls through a delegation", &transaction)?;
    ensure!(session.slot(keeping)? == 1_024, "{} calls", session.slot(keeping)?);
    Ok(())
}

#[test]
fn creations_nest_as_deep_as_they_may() -> anyhow::Result<()> {
    let mut session = Session::new(GAS_DEEP_CREATIONS)?;
    let counter = session.deploy(&[PUSH0, 0x54, 0x60, 1, 0x01, PUSH0, 0x55])?;
    for (name, opcode, expected) in [("CREATE", 0xf0, 1_024), ("CREATE2", 0xf5, 2_048)] {
        // Counts, and creates itself.
        let salt: &[u8] = if opcode == 0xf5 { &[PUSH0] } else { &[] };
        let code = [
            &call(0xf1, &push_address(counter), 0)[..],
            &[POP, 0x38, PUSH0, PUSH0, 0x39],
            salt,
            &[0x38, PUSH0, PUSH0, opcode, 0x00],
        ]
        .concat();
        let transaction = session.transaction(None, code, GAS_DEEP_CREATIONS);
        session.must_succeed(name, &transaction)?;
        // The deepest creation is itself at depth 1,024, where it cannot call.
        ensure!(session.slot(counter)? == expected, "{name}: {} calls", session.slot(counter)?);
    }
    Ok(())
}

/// The most words of memory that this gas buys a frame: 3 for each and their square / 512.
fn words_for(gas: u64) -> u64 {
    let cost = |words: u64| 3 * words + words * words / 512;
    let (mut low, mut high) = (0, 1 << 20);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if cost(middle) <= gas { low = middle } else { high = middle }
    }
    low
}

/// Bytes of each frame with which calls in each other get most memory out of [`GAS_MAX`]; found by trying (92 frames).
const FRAME_BYTES: usize = 7_900 * 32;

/// Programs that use as much memory as [`GAS_MAX`] buys, run as initialisation code.
fn memory_hogs(stage: &Hogs) -> Vec<(&'static str, Vec<u8>)> {
    let one = usize::try_from(words_for(GAS_MAX - 200_000) * 32).unwrap_or_default();
    // Two thirds of the gas for half of it each.
    let half = usize::try_from(words_for(GAS_MAX / 2) * 32).unwrap_or_default() / 2;
    let to = |address, size| [call(0xf1, &push_address(address), size), vec![POP]].concat();
    let returned = |size: usize| [push(size), push(0), push(size), vec![0x3e]].concat();
    let copied = |opcode: u8, size: usize| [push(size), push(0), push(size), vec![opcode]].concat();
    let identity = [touch(half - 1), call(0xfa, &push(4), half), vec![POP]].concat();
    let next = |opcodes: &[u8]| [&[0x60, 1, 0x01, 0x80][..], opcodes].concat();
    vec![
        ("memory of one frame", touch(one - 1)),
        ("memory of many frames", to(stage.growing, 0)),
        ("memory of many frames, all of it passed on", to(stage.passing, 0)),
        ("RETURNDATACOPY of half", [&identity[..], &returned(half)].concat()),
        ("MCOPY of half", [touch(half - 1), copied(0x5e, half)].concat()),
        ("CALLDATACOPY of half", copied(0x37, half)),
        ("CODECOPY of half", copied(0x39, half)),
        (
            "a log of as many bytes as can be paid for",
            [touch(2_000_000), push(2_000_000), vec![PUSH0, 0xa0]].concat(),
        ),
        ("creations in creations of 48 KB", to(stage.creating, 0)),
        ("transient slots", repeat(&[PUSH0], &next(&[0x80, 0x5d]), 112)),
        ("changes to undo", repeat(&[0x60, 7, 0x60, 8], &[0x80, PUSH0, 0x55, 0x90], 108)),
        ("new slots", repeat(&[PUSH0], &next(&[0x80, 0x55]), 22_112)),
        ("accounts looked at", repeat(&[0x61, 0xff, 0xff], &next(&[0x31, POP]), 2_611)),
        ("logs", repeat(&[PUSH0], &[PUSH0, PUSH0, 0xa0], 379)),
    ]
}

struct Hogs {
    growing: Address,
    passing: Address,
    creating: Address,
}

#[test]
fn the_most_memory_that_gas_buys_traps_nothing() -> anyhow::Result<()> {
    let mut session = Session::new(GAS_MAX)?;
    let itself = |size: usize| [call(0xf1, &[0x30], size), vec![POP]].concat();
    // Makes a contract of 48 KB of the code that runs, which does the same.
    let creating =
        [&[0x38, PUSH0, PUSH0, 0x39][..], &push(49_152), &[PUSH0, PUSH0, 0xf0, POP, 0x00]].concat();
    let hogs = Hogs {
        growing: session.deploy(&[touch(FRAME_BYTES - 1), itself(0)].concat())?,
        passing: session.deploy(&[touch(FRAME_BYTES - 1), itself(FRAME_BYTES)].concat())?,
        creating: session.deploy(&creating)?,
    };
    for (name, code) in memory_hogs(&hogs) {
        let transaction = session.transaction(None, code, GAS_MAX);
        session.must_succeed(name, &transaction)?;
    }
    let largest = [&[0x5b; 49_151][..], &[0x00]].concat();
    let transaction = session.transaction(None, largest, GAS_MAX);
    session.must_succeed("the largest initialisation code", &transaction)
}

/// Doubles what is at the beginning of memory until it is at least this large; gives the code and how large it is.
fn doubled(start: &[u8], size_min: usize) -> (Vec<u8>, usize) {
    let (mut code, mut size) = (crate::code::store(start), start.len());
    while size < size_min {
        code.extend([push(size), push(0), push(size), vec![0x5e]].concat());
        size *= 2;
    }
    (code, size)
}

#[test]
fn precompiles_on_the_largest_input_trap_nothing() -> anyhow::Result<()> {
    let mut session = Session::new(GAS_MAX)?;
    let run = |number: u64, start: &[u8], size: usize| {
        let (code, _) = doubled(start, size);
        // Fails the whole when the precompile fails.
        let check = [call(0xfa, &push(number), size), vec![0x15, PUSH0, 0x57]].concat();
        [code, check].concat()
    };
    let sizes = [1_024u64, 64, 1_024];
    let mut modexp: Vec<u8> =
        sizes.iter().flat_map(|size| [&[0; 24][..], &size.to_be_bytes()].concat()).collect();
    modexp.extend([0xff; 1_024 + 64 + 1_024]);
    // Points at infinity: nothing to multiply, but each is read and checked.
    let inputs = [
        ("sha256", run(2, &[7; 32], 1_500_000)),
        ("ripemd160", run(3, &[7; 32], 1_500_000)),
        ("identity", run(4, &[7; 32], 1_500_000)),
        ("modexp", run(5, &modexp, modexp.len())),
        ("bn254 pairing", run(8, &[0; 192], 192 * 800)),
        ("blake2f", run(9, &[&[0, 1, 0, 0][..], &[5; 208], &[1]].concat(), 213)),
    ];
    for (name, code) in inputs {
        let transaction = session.transaction(None, code, GAS_MAX);
        session.must_succeed(name, &transaction)?;
    }
    Ok(())
}

//! A sample of Ethereum's state tests through the kernel as wasm in the PVM: its state afterwards is that of the node,
//! which runs the same kernel natively, and that of the EVM alone.
//!
//! The accounts of a fixture are put into the durable storage of a rollup that has been booted, its environment into the
//! parameters, and the transaction into a block. A rollup differs from Ethereum in what a block looks like (number, time,
//! randomness) and in that no tip is paid; where none of that plays a role the state root is Ethereum's as well, which is
//! counted.

use crate::rollup::Bench;
use anyhow::{Context as _, ensure};
use millrace_conformance::{
    case::{Case, Subject},
    collect::{collect, vectors},
    format::{Found, read},
    state_test::{Post, StateTest},
    world::World,
};
use millrace_engine::Engine;
use millrace_evm::{
    BlockEnvironment, Fees, SignedTransaction, State, TransactionError,
    execute::history::{HISTORY_CONTRACT, record_parent},
    transact,
};
use millrace_layout::{
    Value,
    world::{Code, World as Stored},
};
use millrace_primitives::{BlockNumber, Fork, Gas, H256, U256};
use millrace_pvm::{
    Status,
    durable::{Durable, Key},
};
use millrace_wire::blueprint::{Blueprint, Payload};
use std::path::Path;

/// One case of this many is run, whatever is new among the suites first.
const SAMPLE_ONE_OF: usize = 12;
/// Most gas of a transaction of the sample.
const GAS_MAX: u64 = 30_000_000;

/// What a rollup can take: valid, no blobs, a base fee, a gas limit within the bounds.
fn sample() -> Vec<Case> {
    let cases = collect(&vectors()).into_iter().flat_map(|fixture| match read(&fixture) {
        Found::Cases(cases) => cases,
        Found::OfThePvm => Vec::new(),
    });
    let fits = |case: &Case| match &case.subject {
        Subject::State(test, post) => {
            let block = test.block(post);
            post.is_valid() && case.transaction_type != Some(3) && !block.base_fee.is_zero()
        }
        _ => false,
    };
    cases.filter(fits).step_by(SAMPLE_ONE_OF).collect()
}

fn put<V: Value>(durable: &mut Durable, key: millrace_layout::Key<V>, value: &V) {
    durable.set(Key::trusted(key.path().as_str()), value.encode().as_slice());
}

/// Puts the accounts of a fixture where the kernel keeps its own.
fn install(durable: &mut Durable, world: &World) -> anyhow::Result<()> {
    let stored = Stored::Committed;
    let odd = |error| anyhow::anyhow!("{error:?}");
    for (address, account) in world.accounts() {
        put(durable, stored.account(address).map_err(odd)?, &account);
    }
    for (address, slot, value) in world.slots() {
        put(durable, stored.slot(address, slot).map_err(odd)?, &value);
    }
    for (hash, code) in world.codes().filter(|(_, code)| !code.is_empty()) {
        put(durable, stored.code(hash).map_err(odd)?, &Code(code.to_vec()));
    }
    Ok(())
}

/// What came of a case.
enum Ran {
    /// The state is that of Ethereum too.
    AsOnEthereum,
    /// It is not, for the block or the tip play a role.
    AsInARollup,
    /// The rollup does not take the transaction: its fees or its time differ.
    NotTaken,
}

fn run(bench: &mut Bench, test: &StateTest, post: &Post) -> anyhow::Result<Ran> {
    let block = test.block(post);
    let raw = test.transaction_bytes(post)?;
    let signed =
        SignedTransaction::decode(&raw, block.chain_id).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    if signed.transaction().gas_limit.get() > GAS_MAX {
        return Ok(Ran::NotTaken);
    }
    bench.change_parameters(|parameters| {
        (parameters.chain_id, parameters.fork, parameters.pool) =
            (block.chain_id, post.fork, block.beneficiary);
        (parameters.base_fee_min, parameters.da_fee_per_byte) = (block.base_fee, U256::zero());
        (parameters.gas_limit_header, parameters.gas_target_per_s) = (block.gas_limit, Gas::new(1 << 50));
    })?;
    bench.change_durable(|durable| install(durable, test.before()))?;
    bench.engine = Engine::of(bench.durable())?;
    let head = bench.head()?;
    let blueprint = Blueprint {
        number: BlockNumber::new(head.header.number.get() + 1),
        parent: head.hash,
        timestamp: bench.now(),
        payload: Payload { delayed: vec![], transactions: vec![raw] },
    };
    let expected = alone(
        test,
        post,
        signed,
        &BlockEnvironment {
            number: blueprint.number,
            timestamp: blueprint.timestamp,
            prev_randao: H256::zero(),
            blob_base_fee: U256::one(),
            ..block
        },
        head.hash,
    )?;

    let applied = bench.engine.apply(bench.durable(), &blueprint)?;
    let messages = bench.seal(&blueprint)?;
    let report = bench.level(&messages)?;
    ensure!(report.status == Status::WaitingForInput, "{:?}", report.status);
    let confirmed = bench.head()?;
    ensure!(confirmed.hash == applied.hash, "wasm and native disagree");
    let Some(expected) = expected else {
        ensure!(applied.block.receipts.is_empty(), "the EVM alone refuses what the kernel takes");
        return Ok(Ran::NotTaken);
    };
    ensure!(applied.block.receipts.len() == 1, "dropped: {:?}", applied.dropped);
    let differences = differences(bench, test.before(), &expected)?;
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    let is_ethereum = expected.without(HISTORY_CONTRACT).root() == post.root();
    Ok(if is_ethereum { Ran::AsOnEthereum } else { Ran::AsInARollup })
}

/// The state after the transaction by the EVM alone; nothing when it is refused.
fn alone(
    test: &StateTest,
    post: &Post,
    signed: SignedTransaction,
    block: &BlockEnvironment,
    parent: millrace_primitives::BlockHash,
) -> anyhow::Result<Option<World>> {
    let unreadable = |error| anyhow::anyhow!("{error:?}");
    let mut state = State::new(test.before());
    record_parent(&mut state, block, parent).map_err(unreadable)?;
    let recovered = signed.recover().ok().with_context(|| format!("no sender in {}", post.place()))?;
    let fees = Fees { da_fee_per_byte: U256::zero(), ..Fees::default() };
    match transact(&mut state, block, &fees, &recovered) {
        Ok(_) => Ok(Some(test.before().after(&state.changes()))),
        Err(TransactionError::Invalid(_)) => Ok(None),
        Err(TransactionError::Reader(error)) => Err(unreadable(error)),
    }
}

/// Accounts and slots of the rollup that are not as expected.
fn differences(bench: &Bench, before: &World, expected: &World) -> anyhow::Result<Vec<String>> {
    let durable = bench.durable();
    let mut found = Vec::new();
    let addresses = before.accounts().chain(expected.accounts()).map(|(address, _)| address);
    for address in addresses.collect::<std::collections::BTreeSet<_>>() {
        let actual = bench.engine.account(durable, address)?;
        let wanted = expected.accounts().find(|(known, _)| *known == address).map(|(_, account)| account);
        if actual != wanted {
            found.push(format!("{address:?}: {actual:?}, not {wanted:?}"));
        }
    }
    let wanted: std::collections::BTreeMap<_, _> =
        expected.slots().map(|(address, slot, value)| ((address, slot), value)).collect();
    let slots = before.slots().chain(expected.slots()).map(|(address, slot, _)| (address, slot));
    for (address, slot) in slots.collect::<std::collections::BTreeSet<_>>() {
        let actual = bench.engine.storage(durable, address, slot)?;
        let wanted = wanted.get(&(address, slot)).copied().unwrap_or_default();
        if actual != wanted {
            found.push(format!("{address:?}[{slot:?}]: {actual:?}, not {wanted:?}"));
        }
    }
    Ok(found)
}

#[test]
#[allow(clippy::print_stdout, reason = "says what it ran, or that there was nothing to run")]
fn a_sample_of_ethereums_fixtures_leaves_the_same_state_as_wasm() {
    if !vectors().exists() {
        println!("there are no fixtures at {}; none were run as wasm", vectors().display());
        return;
    }
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
    let mut bench = Bench::boot(&dist).unwrap();
    let booted = bench.save();
    let (mut ran, mut as_on_ethereum, mut not_taken, mut failed) = (0, 0, 0, Vec::new());
    let mut forks = std::collections::BTreeSet::new();
    for case in sample() {
        let Subject::State(test, post) = &case.subject else { continue };
        bench.load(booted.clone()).unwrap();
        match run(&mut bench, test, post) {
            Ok(Ran::NotTaken) => not_taken += 1,
            Ok(outcome) => {
                ran += 1;
                as_on_ethereum += u32::from(matches!(outcome, Ran::AsOnEthereum));
                forks.insert(post.fork);
            }
            Err(error) => failed.push(format!("{}: {error:#}", case.id)),
        }
    }
    println!(
        "{ran} ran as wasm, of which {as_on_ethereum} have Ethereum's state root; {not_taken} are not for a rollup"
    );
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(ran > 100 && as_on_ethereum > 20, "{ran} ran, {as_on_ethereum} as on Ethereum");
    assert!(forks.len() >= 3, "only {forks:?}");
    assert!(forks.contains(&Fork::Prague));
}

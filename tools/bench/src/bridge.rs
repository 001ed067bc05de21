//! Withdrawals: calls of the bridge of the native token, and what they cost in the PVM.

use crate::{
    accounts::{self, Ask},
    inbox::{Row, TICKETER, between, row},
    rollup::Bench,
};
use anyhow::ensure;
use millrace_engine::keccak;
use millrace_primitives::{Address, BlockNumber, ContractHash, H160, U256};
use millrace_pvm::LevelReport;
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Payload},
    outbox::MESSAGE_BYTES_MAX,
};

pub(crate) const NATIVE_BRIDGE: Address =
    H160([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/// Wei of a mutez.
pub(crate) const MUTEZ: u64 = 1_000_000_000_000;
/// An account of the layer 1: 22 zeros in the bytes of Michelson.
const RECEIVER: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
/// Settles fast withdrawals.
const SETTLER: ContractHash = ContractHash::new([0x44; 20]);
/// Enough for a withdrawal of either kind, without a price for bytes.
pub(crate) const GAS: u64 = 250_000;
/// As many as leave in a level.
const WITHDRAWALS: usize = 100;
/// Payload of the largest message, for a number of the withdrawal of two bytes.
const PAYLOAD_BYTES: usize = 3_943;

/// Call data of a function that takes nothing but strings and bytes.
fn call_data(signature: &str, arguments: &[&[u8]]) -> Vec<u8> {
    let word = |number: usize| -> [u8; 32] { U256::from(number).into() };
    let (mut head, mut tail) = (keccak(signature.as_bytes()).0[..4].to_vec(), vec![]);
    for argument in arguments {
        head.extend(word(arguments.len() * 32 + tail.len()));
        tail.extend(word(argument.len()));
        tail.extend_from_slice(argument);
        tail.resize(tail.len().next_multiple_of(32), 0);
    }
    [head, tail].concat()
}

/// Pays out a burn of the native ticket.
pub(crate) fn withdraw() -> Vec<u8> {
    call_data("withdraw_base58(string)", &[RECEIVER.as_bytes()])
}

/// Lets somebody advance the money.
pub(crate) fn fast_withdraw(payload: &[u8]) -> Vec<u8> {
    let contract = SETTLER.to_base58();
    let arguments = [RECEIVER.as_bytes(), contract.as_bytes(), payload];
    call_data("fast_withdraw_base58(string,string,bytes)", &arguments)
}

/// What a withdrawal costs with the block and the message, and one that waited. Levels of one and of as many as leave
/// are compared.
pub(crate) fn measure(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let saved = bench.save();
    bench.change_parameters(|parameters| {
        parameters.contracts.ticketer = Some(TICKETER);
        parameters.da_fee_per_byte = U256::zero();
    })?;
    let (small, large) = (withdraw(), fast_withdraw(&[7; PAYLOAD_BYTES]));
    let rows = vec![
        made(bench, "withdrawal, made and sent", &small)?,
        made(bench, "withdrawal of 4,096 bytes, made and sent", &large)?,
        waited(bench, "withdrawal that waited, sent", &small)?,
        waited(bench, "one of 4,096 bytes that waited, sent", &large)?,
    ];
    bench.load(saved)?;
    Ok(rows)
}

fn made(bench: &mut Bench, what: &str, data: &[u8]) -> anyhow::Result<Row> {
    // Numbers above 63 have two bytes.
    let before = vec![withdraw(); WITHDRAWALS];
    compared(bench, what, |bench, count| {
        let messages = block(bench, before.clone())?;
        bench.level(&messages)?;
        let messages = block(bench, vec![data.to_vec(); count])?;
        bench.level(&messages)
    })
}

fn waited(bench: &mut Bench, what: &str, data: &[u8]) -> anyhow::Result<Row> {
    compared(bench, what, |bench, count| {
        let messages = block(bench, [vec![withdraw(); WITHDRAWALS], vec![data.to_vec(); count]].concat())?;
        bench.level(&messages)?;
        bench.quiet_level()
    })
}

/// What one more costs in levels from which one withdrawal leaves and as many as can.
fn compared(
    bench: &mut Bench,
    what: &str,
    level: impl Fn(&mut Bench, usize) -> anyhow::Result<LevelReport>,
) -> anyhow::Result<Row> {
    let mut measured = vec![];
    for count in [1, WITHDRAWALS] {
        let saved = bench.save();
        let report = level(bench, count)?;
        let sizes: Vec<_> = report.outbox.iter().map(Vec::len).collect();
        ensure!(sizes.len() == count, "{what}: {} of {count} left", sizes.len());
        ensure!(sizes.iter().all(|size| [103, MESSAGE_BYTES_MAX].contains(size)), "{what}: {sizes:?}");
        measured.push(row(what, &report));
        bench.load(saved)?;
    }
    Ok(between(what, WITHDRAWALS - 1, &measured[0], &measured[1]))
}

/// The next block: withdrawals of a mutez with these call data.
fn block(bench: &Bench, calls: Vec<Vec<u8>>) -> anyhow::Result<Vec<Vec<u8>>> {
    let head = bench.head()?;
    let accounts = accounts::all()?;
    let mut nonces = vec![];
    for account in &accounts {
        let known = bench.engine.account(bench.durable(), account.address)?;
        nonces.push(known.map_or(0, |account| account.nonce));
    }
    let mut transactions = vec![];
    for (index, data) in calls.into_iter().enumerate() {
        let sender = index % accounts.len();
        let nonce = nonces[sender];
        nonces[sender] += 1;
        let ask = Ask { nonce, to: Some(NATIVE_BRIDGE), value: MUTEZ, data, gas_limit: GAS };
        transactions.push(accounts[sender].sign(bench.engine.chain_id(), ask)?);
    }
    bench.seal(&Blueprint {
        number: BlockNumber::new(head.header.number.get() + 1),
        parent: head.hash,
        timestamp: bench.now(),
        payload: Payload { delayed: vec![], transactions },
    })
}

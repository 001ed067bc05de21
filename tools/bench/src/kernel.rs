//! What a level costs in the PVM. Scenarios and units are those in which Etherlink's kernel was measured: ten
//! senders to ten receivers, warm accounts, one blueprint a level, whole levels.

use crate::{
    accounts::{self, Account, Ask},
    rollup::{Bench, Measured},
    swap::{Exchange, Setup},
};
use anyhow::Context as _;
use millrace_primitives::{Address, U256};
use millrace_pvm::{HostUse, LevelReport};
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path};

/// OpenZeppelin's ERC-20 5.7.0 (`tezt-tests/npm/contracts/Token.sol`), solc 0.8.37, optimizer 200 runs, target Paris.
pub(crate) const TOKEN: &str = include_str!("../contracts/token.hex");
/// `transfer(address,uint256)`.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
const EXECUTION_GAS_TRANSFER: u64 = 21_000;
const EXECUTION_GAS_TOKEN: u64 = 45_000;
const EXECUTION_GAS_DEPLOY: u64 = 2_000_000;
/// Transactions of a block, as in the baseline.
const COUNTS: [usize; 3] = [1, 100, 500];

/// What was measured of the kernel.
#[derive(Debug, Serialize)]
pub(crate) struct KernelReport {
    /// Size of `kernel.wasm`.
    kernel_bytes: u64,
    /// Size of `installer.wasm`.
    installer_bytes: u64,
    levels: Vec<Level>,
    /// From the levels with 100 and 500 transactions.
    marginal: Vec<Marginal>,
}

/// One level.
#[derive(Debug, Serialize)]
struct Level {
    scenario: String,
    transactions: usize,
    gas_used: u64,
    runs: usize,
    operators: u64,
    host_calls: u64,
    host_calls_by_kind: BTreeMap<String, u64>,
    inbox_bytes: usize,
    read_bytes: u64,
    written_bytes: u64,
    /// Of one execution natively, unmetered.
    native_us: u64,
    /// Of one execution in the metered PVM.
    wasm_metered_us: u64,
}

/// What one more transaction costs.
#[derive(Debug, Serialize)]
struct Marginal {
    scenario: String,
    operators: f64,
    host_calls: f64,
    inbox_bytes: f64,
    read_bytes: f64,
    written_bytes: f64,
    native_us: f64,
}

/// The kinds of transaction.
#[derive(Clone, Copy)]
enum Kind {
    Transfer,
    Token(Address),
    Swap(Exchange),
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Token(_) => "ERC-20 transfer",
            Self::Swap(_) => "swap",
        }
    }

    /// Transactions of a block, as in the baseline.
    const fn counts(self) -> [usize; 3] {
        match self {
            Self::Transfer | Self::Token(_) => COUNTS,
            Self::Swap(_) => [1, 100, 200],
        }
    }
}

/// Runs every scenario.
pub(crate) fn measure(dist: &Path) -> anyhow::Result<KernelReport> {
    let size = |name: &str| -> anyhow::Result<u64> {
        let path = dist.join(name);
        Ok(fs::metadata(&path).with_context(|| format!("no {}", path.display()))?.len())
    };
    let (kernel_bytes, installer_bytes) = (size("kernel.wasm")?, size("installer.wasm")?);
    let accounts = accounts::all()?;
    let mut bench = Bench::boot(dist)?;
    let mut nonces = vec![0; accounts.len()];
    let mut levels = vec![quiet(&bench.quiet_level()?)];
    // Once in the life of a key, it is prepared for the checks to come.
    levels.push(level("first block", 0, &bench.block(vec![])?));
    levels.push(level("empty block", 0, &bench.block(vec![])?));
    let token = deploy(&mut bench, &accounts, &mut nonces, &mut levels)?;

    let mut marginal = vec![];
    let mut kinds = vec![Kind::Transfer, Kind::Token(token)];
    let setup = Setup { bench: &mut bench, accounts: &accounts, nonces: &mut nonces }.exchange()?;
    match setup {
        Some(exchange) => kinds.push(Kind::Swap(exchange)),
        None => println!("Uniswap is not installed (tools/bench/npm): swaps are left out"),
    }
    for kind in kinds {
        // Every account and slot that the measured levels touch exists before.
        let warm = batch(&bench, &accounts, &mut nonces, (kind, 20))?;
        bench.block(warm)?;
        let saved = bench.save();
        let mut measured = vec![];
        for count in kind.counts() {
            bench.load(saved.clone())?;
            let mut nonces = nonces.clone();
            let transactions = batch(&bench, &accounts, &mut nonces, (kind, count))?;
            measured.push(level(kind.name(), count, &bench.block(transactions)?));
        }
        bench.load(saved)?;
        if let [.., low, high] = measured.as_slice() {
            marginal.push(difference(low, high));
        }
        levels.append(&mut measured);
    }
    Ok(KernelReport { kernel_bytes, installer_bytes, levels, marginal })
}

/// A history to compare wasm engines on (`tools/pvm/examples/engines.rs`): the external messages of each level.
/// The last three are an empty block, and full blocks of both kinds.
pub(crate) fn history(dist: &Path) -> anyhow::Result<Vec<Vec<Vec<u8>>>> {
    let accounts = accounts::all()?;
    let mut bench = Bench::boot(dist)?;
    let mut nonces = vec![0; accounts.len()];
    let token = deploy(&mut bench, &accounts, &mut nonces, &mut vec![])?;
    bench.block(vec![])?;
    for kind in [Kind::Transfer, Kind::Token(token)] {
        let transactions = batch(&bench, &accounts, &mut nonces, (kind, COUNTS[2]))?;
        bench.block(transactions)?;
    }
    Ok(bench.history().to_vec())
}

fn deploy(
    bench: &mut Bench,
    accounts: &[Account],
    nonces: &mut [u64],
    levels: &mut Vec<Level>,
) -> anyhow::Result<Address> {
    let mut data = hex::decode(TOKEN.trim()).ok().context("the token is not hexadecimal")?;
    data.extend_from_slice(&word(U256::exp10(24)));
    let gas_limit = da_gas(bench, data.len())? + EXECUTION_GAS_DEPLOY;
    let ask = Ask { nonce: nonces[0], to: None, value: 0, data, gas_limit };
    let measured = bench.block(vec![accounts[0].sign(bench.engine.chain_id(), ask)?])?;
    nonces[0] += 1;
    levels.push(level("ERC-20 deployment", 1, &measured));
    let token = measured.applied.block.receipts[0].created.context("no contract was created")?;
    // Each sender gets tokens to send on.
    let mut transactions = vec![];
    for account in &accounts[1..] {
        let mut ask = token_transfer(bench, nonces[0], (token, account.address, 1_000_000))?;
        // A slot that becomes more than zero costs more than the measured transfers.
        ask.gas_limit += EXECUTION_GAS_TOKEN;
        transactions.push(accounts[0].sign(bench.engine.chain_id(), ask)?);
        nonces[0] += 1;
    }
    bench.block(transactions)?;
    Ok(token)
}

/// `count` transactions, the senders in turn, each to its neighbour.
fn batch(
    bench: &Bench,
    accounts: &[Account],
    nonces: &mut [u64],
    (kind, count): (Kind, usize),
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut transactions = Vec::with_capacity(count);
    for index in 0..count {
        let sender = index % accounts.len();
        let to = accounts[(sender + 1) % accounts.len()].address;
        let ask = match kind {
            Kind::Transfer => Ask {
                nonce: nonces[sender],
                to: Some(to),
                value: 1,
                data: vec![],
                gas_limit: da_gas(bench, 0)? + EXECUTION_GAS_TRANSFER,
            },
            Kind::Token(token) => token_transfer(bench, nonces[sender], (token, to, 1))?,
            Kind::Swap(exchange) => exchange.swap(bench, nonces[sender], to)?,
        };
        transactions.push(accounts[sender].sign(bench.engine.chain_id(), ask)?);
        nonces[sender] += 1;
    }
    Ok(transactions)
}

fn token_transfer(
    bench: &Bench,
    nonce: u64,
    (token, to, amount): (Address, Address, u64),
) -> anyhow::Result<Ask> {
    let data = token_transfer_data(to, amount);
    let gas_limit = da_gas(bench, data.len())? + EXECUTION_GAS_TOKEN;
    Ok(Ask { nonce, to: Some(token), value: 0, data, gas_limit })
}

/// Call data of a transfer of tokens.
pub(crate) fn token_transfer_data(to: Address, amount: u64) -> Vec<u8> {
    [&TRANSFER[..], &[0; 12], to.as_bytes(), &word(U256::from(amount))].concat()
}

/// Gas for data availability at the minimum base fee, where it is highest.
pub(crate) fn da_gas(bench: &Bench, data_bytes: usize) -> anyhow::Result<u64> {
    let parameters = bench.engine.parameters(bench.durable())?;
    let fee = parameters.da_fee_per_byte * U256::from(150 + data_bytes);
    Ok((fee / parameters.base_fee_min).as_u64())
}

pub(crate) fn word(value: U256) -> [u8; 32] {
    let mut word = [0; 32];
    value.to_big_endian(&mut word);
    word
}

fn quiet(report: &LevelReport) -> Level {
    costs("no message", 0, report)
}

fn level(scenario: &str, transactions: usize, measured: &Measured) -> Level {
    Level {
        gas_used: measured.applied.block.header.gas_used.get(),
        inbox_bytes: measured.inbox_bytes,
        native_us: measured.native_us,
        wasm_metered_us: measured.wasm_us,
        ..costs(scenario, transactions, &measured.report)
    }
}

fn costs(scenario: &str, transactions: usize, report: &LevelReport) -> Level {
    let sum = |of: fn(&HostUse) -> u64| report.runs.iter().map(|run| of(&run.host_use)).sum();
    let mut host_calls_by_kind = BTreeMap::new();
    for (name, count) in report.runs.iter().flat_map(|run| &run.host_use.calls) {
        *host_calls_by_kind.entry((*name).to_owned()).or_default() += count;
    }
    Level {
        scenario: scenario.to_owned(),
        transactions,
        gas_used: 0,
        runs: report.runs.len(),
        operators: report.runs.iter().filter_map(|run| run.operators).sum(),
        host_calls: sum(HostUse::calls_total),
        host_calls_by_kind,
        inbox_bytes: 0,
        read_bytes: sum(|host_use| host_use.store_read_bytes),
        written_bytes: sum(|host_use| host_use.store_written_bytes),
        native_us: 0,
        wasm_metered_us: 0,
    }
}

#[allow(clippy::cast_precision_loss, reason = "a quotient for people to read")]
fn difference(low: &Level, high: &Level) -> Marginal {
    let count = (high.transactions - low.transactions) as f64;
    let per = |low: u64, high: u64| (high as f64 - low as f64) / count;
    Marginal {
        scenario: high.scenario.clone(),
        operators: per(low.operators, high.operators),
        host_calls: per(low.host_calls, high.host_calls),
        inbox_bytes: per(low.inbox_bytes as u64, high.inbox_bytes as u64),
        read_bytes: per(low.read_bytes, high.read_bytes),
        written_bytes: per(low.written_bytes, high.written_bytes),
        native_us: per(low.native_us, high.native_us),
    }
}

impl KernelReport {
    /// The tables.
    pub(crate) fn print(&self) {
        println!("kernel.wasm {} bytes, installer.wasm {} bytes\n", self.kernel_bytes, self.installer_bytes);
        println!(
            "{:<20} {:>5} {:>12} {:>5} {:>14} {:>11} {:>9} {:>10} {:>10} {:>10}",
            "level",
            "txs",
            "gas",
            "runs",
            "operators",
            "host calls",
            "inbox B",
            "read B",
            "written B",
            "native us"
        );
        for level in &self.levels {
            println!(
                "{:<20} {:>5} {:>12} {:>5} {:>14} {:>11} {:>9} {:>10} {:>10} {:>10}",
                level.scenario,
                level.transactions,
                level.gas_used,
                level.runs,
                level.operators,
                level.host_calls,
                level.inbox_bytes,
                level.read_bytes,
                level.written_bytes,
                level.native_us
            );
        }
        println!(
            "\nper transaction, from the levels with 100 and 500 (Etherlink: transfer 3.74 M operators, 19.8 host calls,"
        );
        println!("1,196 bytes written; ERC-20 transfer 4.05 M, 23.8, 1,483)");
        for row in &self.marginal {
            println!(
                "{:<20} {:>12.0} operators {:>7.2} host calls {:>7.1} B inbox {:>7.1} B read {:>7.1} B written {:>7.1} us native",
                row.scenario,
                row.operators,
                row.host_calls,
                row.inbox_bytes,
                row.read_bytes,
                row.written_bytes,
                row.native_us
            );
        }
    }
}

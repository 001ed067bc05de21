//! One kernel after another as real wasm in the PVM, each in the way of the next: `docs/upgrades.md` says what happens.
//!
//! The old kernel is that of `dist/`, the new ones are a few lines each ([`foreign`]) or the kernel that tests upgrade to
//! (`make next`). All of them come as they would: announced by governance, revealed page by page from a folder, due with a
//! block of the sequencer. A twin without the announcement tells what must be there in the end.

use crate::{
    inbox::transfer,
    rollup::Bench,
    rows::{self, Messages, deposit, next, transaction},
};
use anyhow::{Context as _, ensure};
use millrace_installer::Preimages;
use millrace_layout::{Value as _, events::Event, upgrade::Handover};
use millrace_next_kernel::{Conduct, NextKernel};
use millrace_primitives::{ContractHash, PreimageHash, Timestamp};
use millrace_pvm::{BOOT_KEY, LevelReport, Machine, Outcome, Status, durable::Durable};
use millrace_wire::{
    governance::{Decision, KernelUpgrade},
    message::Parameter,
};
use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};
use tempfile::TempDir;

mod foreign;
mod migrations;
mod ours;
mod ticks;

/// The contract that decides about the kernel.
const ADMIN: ContractHash = ContractHash::new(*b"bench admin of it...");
/// Enough for a transfer and its bytes.
const GAS: u64 = 700_000;
/// What an upgrade that failed may leave: the events of its level, and an empty queue where there was none.
const LEFT_OF_AN_UPGRADE: [&str; 2] = ["/base/events", "/base/upgrades"];
/// As many transactions as the tests send.
const NONCES_MAX: u64 = 1 << 16;

/// A rollup after its genesis. All tests share its machine, and with it what was compiled.
fn genesis() -> anyhow::Result<Bench> {
    static GENESIS: OnceLock<Mutex<Bench>> = OnceLock::new();
    let empty = tempfile::tempdir()?;
    if GENESIS.get().is_none() {
        let mut bench = rows::bench()?;
        bench.change_parameters(|parameters| parameters.contracts.admin = Some(ADMIN))?;
        // Another test may have been first.
        let _ = GENESIS.set(Mutex::new(bench));
    }
    let genesis = GENESIS.get().context("it was set")?.lock().unwrap_or_else(PoisonError::into_inner);
    genesis.fork(None, empty.path())
}

/// A rollup, and the folder from which its pages come.
struct Scene {
    bench: Bench,
    pages: TempDir,
    /// Transactions sent so far.
    nonce: u64,
}

impl Scene {
    fn of(bench: &Bench) -> anyhow::Result<Self> {
        let pages = tempfile::tempdir()?;
        Ok(Self { bench: bench.fork(None, pages.path())?, pages, nonce: 0 })
    }

    /// After its genesis, and the first block.
    fn started() -> anyhow::Result<Self> {
        let mut scene = Self::of(&genesis()?)?;
        let messages = scene.blueprint()?;
        scene.level(&messages)?;
        Ok(scene)
    }

    /// The same rollup in the same state, with pages of its own.
    fn twin(&self) -> anyhow::Result<Self> {
        Ok(Self { nonce: self.nonce, ..Self::of(&self.bench)? })
    }

    /// The same, on another machine, with the same pages.
    fn moved(self, machine: &Machine) -> anyhow::Result<Self> {
        Ok(Self { bench: self.bench.fork(Some(machine), self.pages.path())?, ..self })
    }

    /// A level with these messages.
    fn level(&mut self, messages: &[Vec<u8>]) -> anyhow::Result<LevelReport> {
        self.bench.level(messages)
    }

    /// The blueprint of the next block, in messages: a transfer.
    fn blueprint(&mut self) -> anyhow::Result<Messages> {
        ensure!(self.nonce < NONCES_MAX);
        let transfer = transaction(&self.bench, self.nonce, GAS)?;
        self.nonce += 1;
        let waiting = self.bench.waiting()?;
        self.bench.seal(&next(&self.bench, waiting, vec![transfer])?)
    }

    fn deposit(&self, receiver: u8) -> Vec<u8> {
        deposit(&self.bench, &[receiver; 20])
    }

    /// Puts the pages of a kernel into the folder.
    fn publish(&self, kernel: &[u8]) -> anyhow::Result<PreimageHash> {
        let mut pages = Preimages::default();
        let root_hash = pages.add(kernel)?;
        for (hash, page) in pages.iter() {
            fs::write(self.page(hash), page)?;
        }
        Ok(root_hash)
    }

    /// Where the page with this name is, or would be.
    fn page(&self, name: &PreimageHash) -> PathBuf {
        self.pages.path().join(name.to_string())
    }

    /// Publishes a kernel; answers its root, and the decision that it takes over with the next block.
    fn announce(&self, kernel: &[u8]) -> anyhow::Result<(PreimageHash, Vec<u8>)> {
        let root_hash = self.publish(kernel)?;
        Ok((root_hash, self.announcement(root_hash)))
    }

    fn announcement(&self, root_hash: PreimageHash) -> Vec<u8> {
        let decision = Decision::KernelUpgrade(KernelUpgrade { root_hash, activation: Timestamp::ZERO });
        transfer(&self.bench, ADMIN, Parameter::Governance(&decision.encode()))
    }

    /// A level with the announcement of a kernel.
    fn announced(&mut self, kernel: &[u8]) -> anyhow::Result<PreimageHash> {
        let root_hash = self.publish(kernel)?;
        self.announced_as(root_hash)
    }

    /// A level with the announcement of the kernel with this root.
    fn announced_as(&mut self, root_hash: PreimageHash) -> anyhow::Result<PreimageHash> {
        let message = self.announcement(root_hash);
        let report = self.level(&[message])?;
        ensure!(outcomes(&report) == [Outcome::Finished], "{:?}", outcomes(&report));
        ensure!(
            self.events()?.iter().any(|event| matches!(event, Event::UpgradeAnnounced { .. })),
            "not announced: {}",
            debug(&report)
        );
        Ok(root_hash)
    }

    fn number(&self) -> anyhow::Result<u64> {
        self.bench.head_number()
    }

    fn runs(&self, kernel: &[u8]) -> bool {
        value(self.bench.durable(), BOOT_KEY.as_str()).as_deref() == Some(kernel)
    }

    /// The kernel that runs.
    fn kernel(&self) -> anyhow::Result<Vec<u8>> {
        value(self.bench.durable(), BOOT_KEY.as_str()).context("no kernel")
    }

    /// What the kernel said of the level.
    fn events(&self) -> anyhow::Result<Vec<Event>> {
        let mut events = vec![];
        for (key, value) in self.bench.durable().values_below("/base/events") {
            if !key.ends_with("/count") {
                events.push(Event::decode(&value.to_bytes()).with_context(|| format!("{key} is no event"))?);
            }
        }
        Ok(events)
    }

    /// Which upgrades failed in the level, and why.
    fn refusals(&self) -> anyhow::Result<Vec<([u8; 33], u8)>> {
        let refusal = |event| match event {
            Event::UpgradeFailed { root_hash, reason } => Some((root_hash, reason)),
            _ => None,
        };
        Ok(self.events()?.into_iter().filter_map(refusal).collect())
    }

    fn handover(&self) -> anyhow::Result<Option<Handover>> {
        let bytes = value(self.bench.durable(), "/upgrade/handover");
        bytes.map(|bytes| Handover::decode(&bytes).context("no record")).transpose()
    }

    /// Everything under `/base` and `/evm` that is not as with the twin, but for keys that begin like this.
    fn differences(&self, twin: &Self, except: &[&str]) -> Vec<String> {
        let is_kept = |key: &String| {
            ["/base/", "/evm/"].iter().any(|subtree| key.starts_with(subtree))
                && !except.iter().any(|prefix| key.starts_with(prefix))
        };
        let differences = self.bench.durable().differences_since(twin.bench.durable());
        differences.into_iter().map(|(key, _)| key).filter(is_kept).collect()
    }

    /// That nothing is left of an upgrade which failed.
    fn is_as(&self, twin: &Self, except: &[&str]) -> anyhow::Result<()> {
        let differences = self.differences(twin, &[&LEFT_OF_AN_UPGRADE, except].concat());
        ensure!(differences.is_empty(), "{differences:?} differ");
        ensure!(self.bench.durable().values_below("/upgrade").next().is_none(), "something is left of it");
        Ok(())
    }

    /// Upgrades to a kernel that is good; it makes the next block, which is that of native execution.
    fn upgrades_to(&mut self, kernel: &[u8]) -> anyhow::Result<()> {
        self.announced(kernel)?;
        let waiting = self.bench.waiting()?;
        let transfer = transaction(&self.bench, self.nonce, GAS)?;
        self.nonce += 1;
        let blueprint = next(&self.bench, waiting, vec![transfer])?;
        let applied = self.bench.engine.apply(self.bench.durable(), &blueprint)?;
        let messages = self.bench.seal(&blueprint)?;
        let mut report = self.level(&messages)?;
        ensure!(self.runs(kernel), "it does not run: {}", debug(&report));
        let mut levels = 0;
        // A migration waits for the next level when this one has few reboots left.
        while self.number()? != applied.block.header.number.get() && levels < 2 {
            report = self.level(&[])?;
            levels += 1;
        }
        ensure!(self.bench.head()?.hash == applied.hash, "{}", debug(&report));
        ensure!(self.handover()?.is_some(), "it has read no message yet");
        let messages = self.blueprint()?;
        let report = self.level(&messages)?;
        ensure!(self.handover()?.is_none(), "its trial is over");
        ensure!(self.number()? == applied.block.header.number.get() + 1, "{}", debug(&report));
        ensure!(self.runs(kernel) && report.status == Status::WaitingForInput);
        Ok(())
    }
}

fn outcomes(report: &LevelReport) -> Vec<Outcome> {
    report.runs.iter().map(|run| run.outcome.clone()).collect()
}

fn debug(report: &LevelReport) -> String {
    format!("{:?} {}", report.runs.last(), String::from_utf8_lossy(&report.debug))
}

fn value(durable: &Durable, key: &str) -> Option<Vec<u8>> {
    durable.get(key).map(|value| value.to_bytes().into_owned())
}

/// The kernel that tests upgrade to.
fn next_kernel(conduct: Conduct) -> anyhow::Result<Vec<u8>> {
    Ok(NextKernel::built()?.with(conduct))
}

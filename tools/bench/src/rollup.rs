//! A rollup in the metered PVM, and blueprints for it.

use anyhow::{Context as _, ensure};
use millrace_engine::{Applied, Engine, standing::Standing};
use millrace_layout::{
    Value as _,
    parameters::{self, Parameters},
    world::Head,
};
use millrace_primitives::{BlockNumber, Epoch, L1Level, RollupAddress, Timestamp};
use millrace_pvm::{
    DalParameters, LevelReport, Machine, MachineConfig, PreimageFolder, Pvm, Rollup, Slots, State, Version,
    durable::{Durable, Key},
    inputs::{LevelInfo, level_inputs},
};
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Domain, Payload, legacy, prepare},
    dal::{PublishedSlots, Signal},
    frame::Kind,
    message,
    signature::SecretKey,
};
use std::{fs, path::Path, sync::Arc, time::Instant};

const ADDRESS: [u8; 20] = [0x33; 20];
/// The sequencer of a sandbox (`millrace_installer::development`).
const SEQUENCER_SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";
const START_S: u64 = 1_750_000_000;
const LEVEL_S: u64 = 6;
/// The installer is done, and slots of the first level are settled.
const FIRST_LEVEL: u32 = 8;

/// A rollup that was booted from `dist/`.
pub(crate) struct Bench {
    pvm: Pvm,
    pub(crate) engine: Engine,
    sequencer: SecretKey,
    slots: Arc<Slots<PreimageFolder>>,
    level: u32,
    /// The external messages of each level so far.
    history: Vec<Vec<Vec<u8>>>,
}

/// A level with one block.
pub(crate) struct Measured {
    pub(crate) report: LevelReport,
    pub(crate) applied: Applied,
    /// Time of `Engine::apply` on the same blueprint, in microseconds.
    pub(crate) native_us: u64,
    /// Time of the level in the PVM, in microseconds.
    pub(crate) wasm_us: u64,
    /// Bytes of the inbox.
    pub(crate) inbox_bytes: usize,
}

/// Makes the blocks of the rollup beside the PVM: natively, or as wasm on the same machine.
fn engine(
    machine: &Machine,
    slots: &Arc<Slots<PreimageFolder>>,
    durable: &Durable,
) -> anyhow::Result<Engine> {
    let rollup = RollupAddress::new(ADDRESS);
    Ok(Engine::with_wasm(machine.clone(), slots.clone(), rollup, durable)?)
}

impl Bench {
    pub(crate) fn boot(dist: &Path) -> anyhow::Result<Self> {
        Self::boot_on(dist, MachineConfig { metered: true, ..MachineConfig::default() })
    }

    /// Boots on a machine of another kind.
    pub(crate) fn boot_on(dist: &Path, config: MachineConfig) -> anyhow::Result<Self> {
        let installer = dist.join("installer.wasm");
        let installer =
            fs::read(&installer).with_context(|| format!("no {}: run make dist", installer.display()))?;
        let machine = Machine::new(config)?;
        let preimages = PreimageFolder::new(dist.join("preimages"));
        let slots = Arc::new(Slots::new(preimages, DalParameters::USHUAIA));
        let rollup = Rollup { address: ADDRESS, origination_level: 0 };
        let mut pvm = Pvm::originate(machine.clone(), rollup, slots.clone(), Version::V5, installer);
        for level in 0..FIRST_LEVEL {
            pvm.run_level(level, &inputs(level, &[]))?;
        }
        let engine = engine(&machine, &slots, pvm.durable()).context("the installer did not boot")?;
        let sequencer =
            SecretKey::from_base58(SEQUENCER_SECRET).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let authority = engine.authority(pvm.durable())?.context("no sequencer")?;
        ensure!(authority.members == [sequencer.public_key()], "dist/ has another sequencer key");
        let history = vec![vec![]; FIRST_LEVEL as usize];
        Ok(Self { pvm, engine, sequencer, slots, level: FIRST_LEVEL, history })
    }

    /// The same rollup in the same state, with pages in another folder, on the same machine or another.
    #[cfg(test)]
    pub(crate) fn fork(&self, machine: Option<&Machine>, pages: &Path) -> anyhow::Result<Self> {
        let machine = machine.unwrap_or(self.pvm.machine()).clone();
        let slots = Arc::new(Slots::new(PreimageFolder::new(pages), DalParameters::USHUAIA));
        let rollup = Rollup { address: ADDRESS, origination_level: 0 };
        let pvm = Pvm::restore(machine.clone(), rollup, slots.clone(), self.pvm.state().clone());
        let (sequencer, level, history) = (self.sequencer.clone(), self.level, self.history.clone());
        let engine = engine(&machine, &slots, pvm.durable())?;
        Ok(Self { pvm, engine, sequencer, slots, level, history })
    }

    /// The external messages of each level from origination on, outer tag included.
    pub(crate) fn history(&self) -> &[Vec<Vec<u8>>] {
        &self.history
    }

    /// The state, to come back to.
    pub(crate) fn save(&self) -> (State, u32) {
        (self.pvm.state().clone(), self.level)
    }

    /// Back to a state.
    pub(crate) fn load(&mut self, (state, level): (State, u32)) -> anyhow::Result<()> {
        self.pvm.set_state(state);
        self.level = level;
        self.history.truncate(level as usize);
        Ok(())
    }

    /// A level without any message for us.
    pub(crate) fn quiet_level(&mut self) -> anyhow::Result<LevelReport> {
        self.level(&[])
    }

    /// A level with one block of these transactions, all of which must succeed.
    pub(crate) fn block(&mut self, transactions: Vec<Vec<u8>>) -> anyhow::Result<Measured> {
        let count = transactions.len();
        let head = self.head()?;
        let blueprint = Blueprint {
            number: BlockNumber::new(head.header.number.get() + 1),
            parent: head.hash,
            timestamp: time(self.level),
            payload: Payload { delayed: vec![], transactions },
        };
        let messages = self.seal(&blueprint)?;
        let started = Instant::now();
        let applied = self.engine.apply(self.pvm.durable(), &blueprint)?;
        let native_us = micros(started);
        let level = inputs(self.level, &messages);
        let started = Instant::now();
        let report = self.pvm.run_level(self.level, &level)?;
        let wasm_us = micros(started);
        self.level += 1;
        self.history.push(messages);

        let confirmed = self.head()?;
        let debug = String::from_utf8_lossy(&report.debug);
        ensure!(confirmed.hash == applied.hash, "wasm and native disagree: {debug}");
        ensure!(applied.block.receipts.len() == count, "{:?}", applied.dropped);
        let failed = applied.block.receipts.iter().find(|receipt| !receipt.succeeded);
        ensure!(failed.is_none(), "a transaction failed: {failed:?}");
        let inbox_bytes = level.iter().map(Vec::len).sum();
        Ok(Measured { report, applied, native_us, wasm_us, inbox_bytes })
    }

    /// Changes the parameters of the rollup where it stands, which no real rollup can.
    pub(crate) fn change_parameters(&mut self, change: impl FnOnce(&mut Parameters)) -> anyhow::Result<()> {
        let mut parameters = self.engine.parameters(self.pvm.durable())?;
        change(&mut parameters);
        let key = parameters::key().map_err(|error| anyhow::anyhow!("{error:?}"))?;
        self.change_durable(|durable| {
            durable.set(Key::trusted(key.path().as_str()), parameters.encode().as_slice());
            Ok(())
        })
    }

    /// Changes durable storage where it stands, which no real rollup can.
    pub(crate) fn change_durable(
        &mut self,
        change: impl FnOnce(&mut Durable) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut state = self.pvm.state().clone();
        change(&mut state.durable)?;
        self.pvm.set_state(state);
        Ok(())
    }

    /// A level with these messages.
    pub(crate) fn level(&mut self, messages: &[Vec<u8>]) -> anyhow::Result<LevelReport> {
        let report = self.pvm.run_level(self.level, &inputs(self.level, messages))?;
        self.level += 1;
        self.history.push(messages.to_vec());
        Ok(report)
    }

    /// The last block, whatever layout the storage has.
    pub(crate) fn head(&self) -> anyhow::Result<Head> {
        Standing::of(self.pvm.durable()).head()?.context("no block")
    }

    /// Durable storage.
    pub(crate) fn durable(&self) -> &Durable {
        self.pvm.durable()
    }

    /// The names of what waits in the delayed inbox, oldest first.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> anyhow::Result<Vec<millrace_primitives::TransactionHash>> {
        Ok(Standing::of(self.pvm.durable()).waiting()?.iter().map(|item| item.name).collect())
    }

    /// The number of the last block.
    pub(crate) fn head_number(&self) -> anyhow::Result<u64> {
        Ok(self.head()?.header.number.get())
    }

    /// The time of the next level.
    pub(crate) fn now(&self) -> Timestamp {
        time(self.level)
    }

    /// The address of the rollup.
    pub(crate) fn rollup(&self) -> RollupAddress {
        RollupAddress::new(ADDRESS)
    }

    /// A chunk of format 0 as a message, signed by the sequencer.
    pub(crate) fn sign_legacy(&self, chunk: &legacy::Chunk<'_>) -> Vec<u8> {
        chunk.signed(self.sequencer.sign(&chunk.encode())).message(&self.rollup())
    }

    /// Makes slots that begin with these bytes available; answers a signal of the sequencer for them.
    pub(crate) fn signal(&self, slots: Vec<(u8, Vec<u8>)>) -> anyhow::Result<Vec<u8>> {
        let indices = slots.iter().map(|(slot, _)| *slot).collect();
        for (slot, bytes) in slots {
            self.slots.attest(i32::try_from(self.settled())?, slot, bytes);
        }
        self.signal_of(indices)
    }

    /// The last level whose slots are settled in the next level.
    fn settled(&self) -> i64 {
        i64::from(self.level) - DalParameters::USHUAIA.attestation_lag
    }

    /// A signal of the sequencer for slots, whether they are there or not.
    pub(crate) fn signal_of(&self, indices: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let published_level = L1Level::new(u32::try_from(self.settled())?);
        let levels = vec![PublishedSlots { published_level, slots: indices }];
        let signature = self.sequencer.sign(&Signal::signing_bytes(&levels));
        Ok(message::external(&self.rollup(), Kind::DalSignal, &Signal { levels, signature }.encode()))
    }

    /// The messages of a blueprint, signed by the sequencer.
    pub(crate) fn seal(&self, blueprint: &Blueprint) -> anyhow::Result<Vec<Vec<u8>>> {
        let rollup = RollupAddress::new(ADDRESS);
        let domain = Domain { rollup, chain_id: self.engine.chain_id() };
        let prepared = prepare(Epoch::ZERO, blueprint, Certificate::SINGLE_SIZE_BYTES)?;
        let signature = self.sequencer.sign(&prepared.signing_bytes(&domain));
        Ok(prepared.seal(Certificate::Single(signature), &rollup)?)
    }
}

fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn time(level: u32) -> Timestamp {
    Timestamp::new(START_S + u64::from(level) * LEVEL_S)
}

fn inputs(level: u32, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let predecessor_timestamp = i64::try_from(time(level).get()).unwrap_or(i64::MAX);
    level_inputs(LevelInfo { predecessor_timestamp, predecessor: [0; 32] }, None, messages)
}

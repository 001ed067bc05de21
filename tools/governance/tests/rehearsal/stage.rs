//! A rollup that was booted from `dist/` and made a few blocks.

use millrace_engine::standing::Standing;
use millrace_governance::rehearsal::{self, RecordedLevel, Recording};
use millrace_installer::{Preimages as Cut, development};
use millrace_layout::{
    Value as _,
    parameters::{self, Contracts, Parameters},
};
use millrace_primitives::{
    BlockNumber, ContractHash, Epoch, L1Level, PreimageHash, RollupAddress, Timestamp,
};
use millrace_pvm::{
    Machine, PreimageFolder, PreimageMap, Preimages, Pvm, Rollup, State, Version,
    durable::Key,
    inputs::{LevelInfo, level_inputs},
};
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Domain, Payload, prepare},
    signature::SecretKey,
};
use std::{
    borrow::Cow,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

/// The contract of kernel governance.
pub(crate) const GOVERNANCE: ContractHash = ContractHash::new(*b"kernel governance 01");
/// The contract of security governance.
pub(crate) const SECURITY: ContractHash = ContractHash::new(*b"security governance ");
/// The contract of the administrator.
pub(crate) const ADMIN: ContractHash = ContractHash::new(*b"administrator 000001");

const ROLLUP: Rollup = Rollup { address: [0x33; 20], origination_level: 0 };
const BOOT_LEVELS: u32 = 4;
const LEVELS: u32 = 4;
const START_S: u64 = 1_750_000_000;
const LEVEL_S: u64 = 6;

pub(crate) struct Stage {
    pub(crate) machine: Machine,
    pub(crate) kernel: Vec<u8>,
    pub(crate) recording: Recording,
    /// The time of the block of each level.
    pub(crate) block_times: Vec<Timestamp>,
    booted: State,
}

/// The one stage of all tests.
pub(crate) fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(Stage::set_up)
}

impl Stage {
    fn set_up() -> Self {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
        let read = |name: &str| {
            fs::read(dist.join(name)).unwrap_or_else(|error| panic!("dist/{name}: {error}: run make dist"))
        };
        let cache_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-kernels");
        let machine = rehearsal::machine(Some(cache_dir)).unwrap();
        let folder = Arc::new(PreimageFolder::new(dist.join("preimages")));
        let mut pvm = Pvm::originate(machine.clone(), ROLLUP, folder, Version::V5, read("installer.wasm"));
        for level in 0..BOOT_LEVELS {
            pvm.run_level(level, &inputs(level, &[])).unwrap();
        }
        let booted = pvm.state().clone();
        let mut stage = Self {
            machine,
            kernel: read("kernel.wasm"),
            recording: Recording { rollup: ROLLUP, start: booted.clone(), levels: Vec::new() },
            block_times: (BOOT_LEVELS..BOOT_LEVELS + LEVELS).map(time).collect(),
            booted,
        };
        stage.recording = stage.recording_with(|_| {});
        stage
    }

    /// The same levels, on a rollup with other parameters.
    pub(crate) fn recording_with(&self, change: impl FnOnce(&mut Parameters)) -> Recording {
        let mut start = self.booted.clone();
        let mut parameters = Standing::of(&start.durable).parameters().unwrap();
        parameters.contracts = Contracts {
            admin: Some(ADMIN),
            kernel_governance: Some(GOVERNANCE),
            security_governance: Some(SECURITY),
            ..parameters.contracts
        };
        change(&mut parameters);
        let key = parameters::key().unwrap();
        start.durable.set(Key::trusted(key.path().as_str()), parameters.encode().as_slice());

        let nothing = Arc::new(PreimageMap::default());
        let mut pvm = Pvm::restore(self.machine.clone(), ROLLUP, nothing, start.clone());
        let levels = (BOOT_LEVELS..BOOT_LEVELS + LEVELS).map(|level| {
            let inputs = inputs(level, &block(pvm.state(), level));
            let report = pvm.run_level(level, &inputs).unwrap();
            let head = Standing::of(pvm.durable()).head().unwrap().unwrap();
            let expected = u64::from(level - BOOT_LEVELS) + 1;
            let debug = String::from_utf8_lossy(&report.debug);
            assert_eq!(head.header.number.get(), expected, "no block: {debug}");
            RecordedLevel { level: L1Level::new(level), inputs, after: Some(pvm.state().clone()) }
        });
        let levels = levels.collect();
        Recording { rollup: ROLLUP, start, levels }
    }
}

/// The pages of a kernel, and their root.
pub(crate) fn pages_of(kernel: &[u8]) -> (PreimageHash, Arc<dyn Preimages>) {
    let mut cut = Cut::default();
    let root_hash = cut.add(kernel).unwrap();
    let mut pages = PreimageMap::default();
    cut.iter().for_each(|(_, page)| {
        pages.insert(page.to_vec());
    });
    (root_hash, Arc::new(pages))
}

/// The same kernel, named otherwise.
pub(crate) fn with_custom_section(kernel: &[u8]) -> Vec<u8> {
    let section =
        wasm_encoder::CustomSection { name: Cow::from("rehearsal"), data: Cow::from(&b"other"[..]) };
    let mut bytes = kernel.to_vec();
    bytes.push(wasm_encoder::Section::id(&section));
    wasm_encoder::Encode::encode(&section, &mut bytes);
    bytes
}

/// The messages of an empty block on top of a state.
fn block(state: &State, level: u32) -> Vec<Vec<u8>> {
    let standing = Standing::of(&state.durable);
    let head = standing.head().unwrap().unwrap();
    let blueprint = Blueprint {
        number: BlockNumber::new(head.header.number.get() + 1),
        parent: head.hash,
        timestamp: time(level),
        payload: Payload { delayed: vec![], transactions: vec![] },
    };
    let rollup = RollupAddress::new(ROLLUP.address);
    let domain = Domain { rollup, chain_id: standing.parameters().unwrap().chain_id };
    let prepared = prepare(Epoch::ZERO, &blueprint, Certificate::SINGLE_SIZE_BYTES).unwrap();
    let key = SecretKey::from_base58(development::SEQUENCER_SECRET).unwrap();
    let signature = key.sign(&prepared.signing_bytes(&domain));
    prepared.seal(Certificate::Single(signature), &rollup).unwrap()
}

fn time(level: u32) -> Timestamp {
    Timestamp::new(START_S + u64::from(level) * LEVEL_S)
}

fn inputs(level: u32, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let predecessor_timestamp = i64::try_from(time(level).get()).unwrap();
    level_inputs(LevelInfo { predecessor_timestamp, predecessor: [0; 32] }, None, messages)
}

//! The shipped kernel natively, as wasm, and as one that this program does not have: the same code, with other
//! fingerprints. Needs `dist/`: `make dist`.

use k256::ecdsa::SigningKey;
use millrace_engine::standing::with_upgrades;
use millrace_engine::{
    Applied, Engine, EngineError, Mode, Pages, SOURCES, SOURCES_MARK, Signature, Transaction,
    TransactionType, check_kernel,
};
use millrace_installer::Preimages as Tree;
use millrace_layout::governance::{PendingUpgrade, PendingUpgrades, Source};
use millrace_primitives::{Address, Gas, RollupAddress, Timestamp, U256};
use millrace_pvm::{
    BOOT_KEY, Machine, MachineConfig, PreimageFolder, PreimageMap, Preimages, durable::Durable,
    reveal::RevealHash,
};
use millrace_wire::blueprint::{Blueprint, Payload};
use std::{
    env, fs, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

/// The first key of the development mnemonic, known to everybody.
const SECRET: [u8; 32] = [
    0xac, 0x09, 0x74, 0xbe, 0xc3, 0x9a, 0x17, 0xe3, 0x6b, 0xa4, 0xa6, 0xb4, 0xd2, 0x38, 0xff, 0x94, 0x4b,
    0xac, 0xb4, 0x78, 0xcb, 0xed, 0x5e, 0xfc, 0xae, 0x78, 0x4d, 0x7b, 0xf4, 0xf2, 0xff, 0x80,
];
const ROLLUP: RollupAddress = RollupAddress::new([7; 20]);
const START: Timestamp = Timestamp::new(1_800_000_000);

/// Pages of `dist/`, and of what tests publish.
struct Published {
    dist: PreimageFolder,
    more: PreimageMap,
}

impl Preimages for Published {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        match self.more.preimage(hash)? {
            Some(page) => Ok(Some(page)),
            None => self.dist.preimage(hash),
        }
    }
}

/// What all tests share: kernels take seconds to compile.
struct Ground {
    machine: Machine,
    genesis: Durable,
    /// Ours, and two that differ in nothing but their names.
    kernels: [([u8; 33], Vec<u8>); 3],
}

fn dist() -> PathBuf {
    env::var_os("MILLRACE_DIST")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../dist"), PathBuf::from)
}

fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let read =
            |name: &str| fs::read(dist().join(name)).unwrap_or_else(|_| panic!("no {name}: make dist"));
        let ours = read("kernel.wasm");
        check_kernel(&ours).expect("dist/ is stale: make dist");
        let compiled = env::current_exe().unwrap().parent().unwrap().join("../compiled-kernels");
        let config = MachineConfig { cache_dir: Some(compiled), ..MachineConfig::default() };
        let machine = Machine::new(config).unwrap();
        let preimages = Arc::new(PreimageFolder::new(dist().join("preimages")));
        let genesis = Engine::boot(&machine, &read("installer.wasm"), preimages, ROLLUP).unwrap();
        let kernels = [ours.clone(), foreign(&ours, b'x'), foreign(&ours, b'y')];
        let kernels = kernels.map(|kernel| (*Tree::default().add(&kernel).unwrap().as_bytes(), kernel));
        Ground { machine, genesis, kernels }
    })
}

/// The same kernel with another fingerprint and a section that means nothing.
fn foreign(kernel: &[u8], name: u8) -> Vec<u8> {
    let mut foreign = kernel.to_vec();
    let mark = SOURCES_MARK.as_bytes();
    let start = foreign.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    foreign[start..start + SOURCES.len()].fill(name);
    foreign.extend_from_slice(&[0, 2, 1, name]);
    assert!(check_kernel(&foreign).is_err());
    foreign
}

fn engine(mode: Mode, kernels: &[&[u8]]) -> Engine {
    let mut more = PreimageMap::default();
    for kernel in kernels {
        let mut tree = Tree::default();
        tree.add(kernel).unwrap();
        for (_, page) in tree.iter() {
            more.insert(page.to_vec());
        }
    }
    let preimages = Published { dist: PreimageFolder::new(dist().join("preimages")), more };
    let ground = ground();
    let engine = Engine::with_wasm(ground.machine.clone(), Arc::new(preimages), ROLLUP, &ground.genesis);
    engine.unwrap().in_mode(mode)
}

fn with_all(mode: Mode) -> Engine {
    engine(mode, &ground().kernels.each_ref().map(|(_, kernel)| kernel.as_slice()))
}

fn transfer(engine: &Engine, nonce: u64) -> Vec<u8> {
    let transaction = Transaction {
        transaction_type: TransactionType::DynamicFee,
        chain_id: Some(engine.chain_id()),
        nonce,
        gas_limit: Gas::new(1_000_000),
        max_fee_per_gas: U256::exp10(11),
        max_priority_fee_per_gas: U256::zero(),
        to: Some(Address::repeat_byte(0xaa)),
        value: U256::from(1),
        data: Vec::new(),
        access_list: Vec::new(),
        authorizations: Vec::new(),
    };
    let key = SigningKey::from_slice(&SECRET).unwrap();
    let (signature, recovery) = key.sign_prehash_recoverable(&transaction.signing_hash().0).unwrap();
    let (r, s) = signature.split_bytes();
    let [r, s] = [r, s].map(|bytes| U256::from_big_endian(&bytes));
    transaction.sign(Signature { r, s, y_parity: recovery.is_y_odd() }).encode()
}

fn blueprint(engine: &Engine, state: &Durable, delay_s: u64, transactions: Vec<Vec<u8>>) -> Blueprint {
    let head = engine.head(state).unwrap();
    Blueprint {
        number: head.header.number.saturating_add(1),
        parent: head.hash,
        timestamp: START.saturating_add(delay_s),
        payload: Payload { delayed: Vec::new(), transactions },
    }
}

fn announced(state: &Durable, upgrades: &[([u8; 33], u64)]) -> Durable {
    let upgrade = |&(root_hash, delay_s): &([u8; 33], u64)| PendingUpgrade {
        root_hash,
        activation: START.saturating_add(delay_s),
        source: Source::Admin,
    };
    let upgrades = PendingUpgrades(upgrades.iter().map(upgrade).collect());
    with_upgrades(state, &upgrades).unwrap()
}

fn assert_same(one: &Applied, other: &Applied) {
    assert_eq!(one.hash, other.hash);
    assert_eq!(one.block, other.block);
    assert_eq!(one.dropped, other.dropped);
    assert_eq!((one.switched, &one.failed), (other.switched, &other.failed));
    let differences: Vec<String> =
        one.state.differences_since(&other.state).into_iter().map(|(key, _)| key).collect();
    assert_eq!(differences, [""; 0]);
}

fn runs(state: &Durable, kernel: usize) -> bool {
    state.get(BOOT_KEY.as_str()).is_some_and(|found| *found.to_bytes() == *ground().kernels[kernel].1)
}

#[test]
fn natively_and_as_wasm_blocks_and_states_are_the_same() {
    let [native, wasm, verify] = [Mode::Native, Mode::Wasm, Mode::Verify].map(with_all);
    let mut state = ground().genesis.clone();
    let blocks = [vec![], vec![transfer(&native, 0), transfer(&native, 5)], vec![transfer(&native, 1)]];
    for (index, transactions) in blocks.into_iter().enumerate() {
        let blueprint = blueprint(&native, &state, index as u64, transactions);
        let applied = native.apply(&state, &blueprint).unwrap();
        assert_same(&applied, &wasm.apply(&state, &blueprint).unwrap());
        assert_same(&applied, &verify.apply(&state, &blueprint).unwrap());
        assert_eq!(applied.dropped.len(), usize::from(index == 1));
        assert!(!applied.state.exists("/node"));
        state = applied.state;
    }
    let stale = Blueprint { timestamp: Timestamp::ZERO, ..blueprint(&native, &state, 9, vec![]) };
    for engine in [native, wasm, verify] {
        let error = engine.apply(&state, &stale).unwrap_err();
        assert!(matches!(error, EngineError::Blueprint(_)), "{error}");
    }
}

#[test]
fn another_kernel_takes_over_at_the_first_block_that_is_late_enough_and_ours_comes_back() {
    let [native, wasm, verify] = [Mode::Native, Mode::Wasm, Mode::Verify].map(with_all);
    let kernels = &ground().kernels;
    let (ours, first, second) = (kernels[0].0, kernels[1].0, kernels[2].0);
    let waiting = [(first, 10), (second, 20), (ours, 30)];
    let mut state = announced(&ground().genesis, &waiting);
    // When, which kernel then runs, and what has just taken over.
    let rows = [
        (9, 0, None),
        (10, 1, Some(first)),
        (11, 1, None),
        (19, 1, None),
        (21, 2, Some(second)),
        (30, 0, Some(ours)),
        (31, 0, None),
    ];
    for (nonce, (delay_s, kernel, switched)) in rows.into_iter().enumerate() {
        let timestamp = START.saturating_add(delay_s);
        let due = native.due_upgrade(&state, timestamp).unwrap();
        assert_eq!(
            due.map(|due| (due.upgrade.root_hash, due.pages)),
            switched.map(|root| (root, Pages::Whole))
        );
        let blueprint = blueprint(&native, &state, delay_s, vec![transfer(&native, nonce as u64)]);
        let applied = native.apply(&state, &blueprint).unwrap();
        assert_eq!(applied.block.receipts.len(), 1, "{:?}", applied.dropped);
        assert!(runs(&applied.state, kernel), "{delay_s} s");
        assert_eq!(applied.switched.map(|switched| switched.root_hash), switched, "{delay_s} s");
        assert_same(&applied, &wasm.apply(&state, &blueprint).unwrap());
        assert_same(&applied, &verify.apply(&state, &blueprint).unwrap());
        state = applied.state;
    }
    assert_eq!(native.pending_upgrades(&state).unwrap(), []);
}

#[test]
fn all_that_is_due_takes_over_before_one_block() {
    let [native, wasm] = [Mode::Native, Mode::Wasm].map(with_all);
    let kernels = &ground().kernels;
    let garbage = Tree::default().add(b"no kernel").unwrap();
    let engines = [Mode::Native, Mode::Wasm].map(|mode| {
        let [ours, first, second] = kernels.each_ref().map(|(_, kernel)| kernel.as_slice());
        engine(mode, &[ours, first, second, b"no kernel"])
    });
    let waiting = [(kernels[1].0, 1), (*garbage.as_bytes(), 2), (kernels[2].0, 3), (kernels[1].0, 9)];
    let state = announced(&ground().genesis, &waiting);
    let blueprint = blueprint(&native, &state, 5, vec![transfer(&native, 0)]);
    let [by_native, by_wasm] = engines.map(|engine| engine.apply(&state, &blueprint).unwrap());
    assert_same(&by_native, &by_wasm);
    assert!(runs(&by_native.state, 2));
    assert_eq!(by_native.failed.len(), 1);
    assert_eq!(by_native.failed[0].root_hash, *garbage.as_bytes());
    // Cancelled, the last one never does.
    let cancelled = with_upgrades(&by_native.state, &PendingUpgrades::default()).unwrap();
    let later = self::blueprint(&native, &cancelled, 9, vec![]);
    let [by_native, by_wasm] = [&native, &wasm].map(|engine| engine.apply(&cancelled, &later).unwrap());
    assert_same(&by_native, &by_wasm);
    assert!(runs(&by_native.state, 2));
}

#[test]
fn a_foreign_kernel_waits_for_pages_too() {
    let all = with_all(Mode::Native);
    let kernels = &ground().kernels;
    let state = announced(&ground().genesis, &[(kernels[1].0, 1), (kernels[2].0, 2)]);
    let first_only = engine(Mode::Native, &[&kernels[1].1]);
    let blueprint = blueprint(&all, &state, 1, vec![]);
    let switched = first_only.apply(&state, &blueprint).unwrap().state;
    let next = self::blueprint(&all, &switched, 2, vec![]);
    let error = first_only.apply(&switched, &next).unwrap_err();
    assert!(matches!(error, EngineError::PageMissing { .. }), "{error}");
    assert!(runs(&all.apply(&switched, &next).unwrap().state, 2));
}

#[test]
fn what_another_kernel_made_is_read_natively() {
    let engine = with_all(Mode::Native);
    let state = announced(&ground().genesis, &[(ground().kernels[1].0, 0)]);
    let blueprint = blueprint(&engine, &state, 0, vec![transfer(&engine, 0)]);
    let applied = engine.apply(&state, &blueprint).unwrap();
    let head = engine.head(&applied.state).unwrap();
    assert_eq!((head.hash, head.header.clone()), (applied.hash, applied.block.header.clone()));
    assert_eq!(engine.head_block(&applied.state).unwrap(), applied.block);
    let receiver = engine.account(&applied.state, Address::repeat_byte(0xaa)).unwrap().unwrap();
    assert_eq!(receiver.balance, U256::from(1));
    assert!(engine.admit(&applied.state, START.saturating_add(1), &transfer(&engine, 1)).is_ok());
    // A program that has only this one does not run it.
    assert!(matches!(Engine::of(&applied.state), Err(EngineError::Kernel(_))));
}

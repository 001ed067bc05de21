//! Upgrades from the native kernel to small modules, good and bad.

use crate::calls::tests::chain;
use crate::host::NativeHost;
use crate::standing::with_upgrades;
use crate::{
    Applied, BlueprintFault, Candidate, Engine, EngineError, FailedUpgrade, Mode, Pages, Refusal, SOURCES,
    SOURCES_MARK,
};
use millrace_layout::{
    Value as _,
    attempt::OrderedBy,
    governance::{PendingUpgrade, PendingUpgrades, Source},
    node::Outcome,
    upgrade, version,
};
use millrace_primitives::{Gas, RollupAddress, Timestamp};
use millrace_pvm::{
    BOOT_KEY, FALLBACK_KEY, Machine, MachineConfig, PreimageMap, Trap,
    durable::{Durable, Key},
};
use millrace_wire::blueprint::{Blueprint, Payload};
use std::sync::Arc;

const VERSION_KEY: Key<'static> = Key::trusted("/readonly/wasm_version");
/// Of the head, a thousand; the upgrades are for this time.
const DUE: Timestamp = Timestamp::new(1_010);

/// A module with a function for the rollup and these further parts.
fn module(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {parts} (memory (export \"memory\") 1) (func (export \"kernel_run\")))"))
        .unwrap()
}

/// A kernel that answers this, whatever it is asked.
fn that_answers(outcome: &Outcome) -> Vec<u8> {
    let value: String = outcome.encode().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let size_bytes = outcome.encode().len();
    wat::parse_str(format!(
        "(module
            (import \"smart_rollup_core\" \"store_write\" (func $write (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export \"memory\") 1)
            (data (i32.const 0) \"/node/outcome\")
            (data (i32.const 64) \"{value}\")
            (func (export \"kernel_run\"))
            (func (export \"node_run\")
                (drop (call $write (i32.const 0) (i32.const 13) (i32.const 0) (i32.const 64) (i32.const {size_bytes})))))"
    ))
    .unwrap()
}

/// A pending upgrade to a module of one page or two, whose pages are put where they are looked for.
fn publish(preimages: &mut PreimageMap, module: &[u8]) -> [u8; 33] {
    let page = |tag: u8, body: &[u8]| [&[tag][..], &(body.len() as u32).to_be_bytes(), body].concat();
    let hashes: Vec<_> = module.chunks(4_091).map(|piece| preimages.insert(page(0, piece))).collect();
    preimages.insert(page(1, &hashes.concat()))
}

fn pending(root_hash: [u8; 33], activation: Timestamp) -> PendingUpgrade {
    PendingUpgrade { root_hash, activation, source: Source::Admin }
}

/// A state with our kernel, in which these modules wait for [`DUE`].
struct Scene {
    engine: Engine,
    state: Durable,
    roots: Vec<[u8; 33]>,
}

impl Scene {
    fn new(modules: &[Vec<u8>]) -> Self {
        let mut preimages = PreimageMap::default();
        let roots: Vec<_> = modules.iter().map(|module| publish(&mut preimages, module)).collect();
        Self::with(preimages, roots)
    }

    fn with(preimages: PreimageMap, roots: Vec<[u8; 33]>) -> Self {
        let (_, mut state) = chain();
        state.set(VERSION_KEY, b"2.0.0-r5".as_slice());
        let machine = Machine::new(MachineConfig::default()).unwrap();
        let rollup = RollupAddress::new([7; 20]);
        let engine = Engine::with_wasm(machine, Arc::new(preimages), rollup, &state).unwrap();
        let upgrades = roots.iter().map(|root_hash| pending(*root_hash, DUE)).collect();
        let state = with_upgrades(&state, &PendingUpgrades(upgrades)).unwrap();
        Self { engine, state, roots }
    }

    fn blueprint(&self, timestamp: Timestamp) -> Blueprint {
        let head = self.engine.head(&self.state).unwrap();
        let number = head.header.number.saturating_add(1);
        Blueprint { number, parent: head.hash, timestamp, payload: Payload::default() }
    }

    fn apply(&self, timestamp: Timestamp) -> Result<Applied, EngineError> {
        self.engine.apply(&self.state, &self.blueprint(timestamp))
    }

    fn error(&self) -> EngineError {
        self.apply(DUE).unwrap_err()
    }
}

/// Whether our kernel runs.
fn is_ours(state: &Durable) -> bool {
    let ours = [SOURCES_MARK, SOURCES].concat();
    state.get(BOOT_KEY.as_str()).is_some_and(|kernel| *kernel.to_bytes() == *ours.as_bytes())
}

#[test]
fn before_its_time_an_upgrade_does_nothing() {
    let scene = Scene::new(&[module("")]);
    let early = Timestamp::new(DUE.get() - 1);
    assert_eq!(scene.engine.due_upgrade(&scene.state, early).unwrap(), None);
    let applied = scene.apply(early).unwrap();
    assert!(is_ours(&applied.state));
    assert_eq!((applied.switched, applied.failed), (None, vec![]));
    assert_eq!(scene.engine.pending_upgrades(&applied.state).unwrap().len(), 1);
    assert_eq!(applied.state.subkeys("/node"), [""; 0]);
    for late in [DUE, DUE.saturating_add(1)] {
        let due = scene.engine.due_upgrade(&scene.state, late).unwrap().unwrap();
        assert_eq!((due.upgrade.root_hash, due.pages), (scene.roots[0], Pages::Whole));
    }
}

#[test]
fn a_block_of_the_kernels_own_is_made_by_the_kernel_that_is_due_with_it() {
    let scene = Scene::new(&[that_answers(&Outcome::Rejected(77))]);
    let own = |timestamp| {
        let blueprint = scene.blueprint(timestamp);
        let candidate = Candidate { ordered_by: OrderedBy::Timeout, blueprint, gas: Gas::ZERO };
        scene.engine.apply_own(&scene.state, &candidate)
    };
    assert!(is_ours(&own(Timestamp::new(DUE.get() - 1)).unwrap().state));
    for late in [DUE, DUE.saturating_add(1)] {
        let error = own(late).unwrap_err();
        assert!(matches!(error, EngineError::UnknownFault { code: 77 }), "by the new kernel: {error}");
    }
}

#[test]
fn a_page_that_is_missing_stops_the_block_and_nothing_else() {
    let kernel = module("(func (result i32) f32.const 1 drop i32.const 1)");
    let mut preimages = PreimageMap::default();
    let root_hash = publish(&mut preimages, &kernel);
    let absent = Scene::with(PreimageMap::default(), vec![root_hash]);
    let due = absent.engine.due_upgrade(&absent.state, DUE).unwrap().unwrap();
    assert_eq!(due.pages, Pages::Missing { page: root_hash });
    assert_eq!(absent.engine.prepare(&absent.state, root_hash).unwrap(), Pages::Missing { page: root_hash });
    let error = absent.error();
    assert!(matches!(error, EngineError::PageMissing { page } if page == root_hash), "{error}");
    assert!(!error.may_be_the_content());
    // Nothing else waits for it.
    assert!(absent.apply(Timestamp::new(DUE.get() - 1)).is_ok());
    // Once it is there, the same is tried again.
    let there = Scene::with(preimages, vec![root_hash]);
    assert_eq!(there.engine.prepare(&there.state, root_hash).unwrap(), Pages::Whole);
    assert!(there.apply(DUE).is_ok());
}

#[test]
fn a_page_that_is_another_one_is_no_page() {
    struct Wrong;
    impl millrace_pvm::Preimages for Wrong {
        fn preimage(&self, _: &[u8; 33]) -> std::io::Result<Option<Vec<u8>>> {
            Ok(Some(vec![0, 0, 0, 0, 1, 1]))
        }
    }
    let scene = Scene::with(PreimageMap::default(), vec![[9; 33]]);
    let machine = Machine::new(MachineConfig::default()).unwrap();
    let rollup = RollupAddress::new([7; 20]);
    let engine = Engine::with_wasm(machine, Arc::new(Wrong), rollup, &scene.state).unwrap();
    assert!(matches!(engine.apply(&scene.state, &scene.blueprint(DUE)), Err(EngineError::Pvm(_))));
    assert!(matches!(engine.due_upgrade(&scene.state, DUE), Err(EngineError::Pvm(_))));
}

#[test]
fn kernels_that_are_none_make_room_for_our_block() {
    let float = module("(func (result i32) f32.const 1 drop i32.const 1)");
    let unlinked = module("(import \"smart_rollup_core\" \"no_such_function\" (func))");
    let start_traps = module("(func $start unreachable) (start $start)");
    let rows = [
        (b"no kernel at all".to_vec(), Refusal::NotWasm),
        (wat::parse_str("(module)").unwrap(), Refusal::Entry),
        (float.clone(), Refusal::Pvm),
        (unlinked.clone(), Refusal::Pvm),
        (start_traps.clone(), Refusal::Pvm),
    ];
    for (kernel, refusal) in rows {
        let scene = Scene::new(&[kernel]);
        let applied = scene.apply(DUE).unwrap();
        assert!(is_ours(&applied.state), "{refusal}");
        assert_eq!(applied.switched, None, "{refusal}");
        let failure = FailedUpgrade { root_hash: scene.roots[0], reason: refusal.code() };
        assert_eq!(applied.failed, [failure]);
        assert_eq!(scene.engine.pending_upgrades(&applied.state).unwrap(), []);
        assert_eq!(upgrade::handover().unwrap().read(&NativeHost::new(&applied.state)), Ok(None));
        // The same block as without any upgrade.
        let undisturbed = Scene::new(&[]).apply(DUE).unwrap();
        assert_eq!(applied.hash, undisturbed.hash);
    }
    // All of them in one block, each in its turn.
    let scene = Scene::new(&[float, b"none".to_vec(), unlinked, start_traps]);
    let applied = scene.apply(DUE).unwrap();
    let reasons: Vec<u8> = applied.failed.iter().map(|failure| failure.reason).collect();
    let [pvm, not_wasm] = [Refusal::Pvm, Refusal::NotWasm].map(Refusal::code);
    assert_eq!(reasons, [pvm, not_wasm, pvm, pvm]);
    assert!(is_ours(&applied.state));
}

#[test]
fn what_is_refused_is_not_due() {
    let scene = Scene::new(&[b"none".to_vec(), module("")]);
    let due = scene.engine.due_upgrade(&scene.state, DUE).unwrap().unwrap();
    assert_eq!((due.upgrade.root_hash, due.pages), (scene.roots[1], Pages::Whole));
    assert_eq!(scene.engine.prepare(&scene.state, scene.roots[0]).unwrap(), Pages::Refused(Refusal::NotWasm));
    let alone = Scene::new(&[b"none".to_vec()]);
    assert_eq!(alone.engine.due_upgrade(&alone.state, DUE).unwrap(), None);
}

#[test]
fn a_kernel_without_a_function_for_nodes_is_refused_by_name() {
    let error = Scene::new(&[module("")]).error();
    assert!(matches!(error, EngineError::NoNodeEntry { .. }), "{error}");
    assert!(error.to_string().contains("node_run") && error.to_string().contains("not known"), "{error}");
    assert!(!error.may_be_the_content());
}

#[test]
fn what_a_kernel_does_to_a_node_is_an_error() {
    let trap = Scene::new(&[module("(func (export \"node_run\") unreachable)")]).error();
    assert!(matches!(trap, EngineError::Trapped { trap: Trap::Unreachable, .. }), "{trap}");
    let deep = "(func $deep (export \"node_run\") call $deep)";
    let stuck = Scene::new(&[module(deep)]).error();
    assert!(matches!(stuck, EngineError::Stuck { .. }), "{stuck}");
    let silent = Scene::new(&[module("(func (export \"node_run\"))")]).error();
    assert!(matches!(silent, EngineError::NoOutcome { .. }), "{silent}");
    let waits = Scene::new(&[that_answers(&Outcome::Waits)]).error();
    assert!(matches!(waits, EngineError::NoOutcome { .. }), "{waits}");
    let rejects = |code| Scene::new(&[that_answers(&Outcome::Rejected(code))]).error();
    assert!(matches!(rejects(3), EngineError::Blueprint(BlueprintFault::Parent)));
    assert!(matches!(rejects(77), EngineError::UnknownFault { code: 77 }));
}

#[test]
fn what_the_pvm_notes_of_runs_is_noted_natively() {
    let scene = Scene::new(&[]);
    let applied = scene.apply(DUE).unwrap();
    assert_eq!(applied.state.get(FALLBACK_KEY.as_str()), applied.state.get(BOOT_KEY.as_str()));
    let resting = |key: &str| applied.state.get(key).map(|value| value.to_bytes().into_owned());
    assert_eq!(resting("/kernel/env/reboot"), Some(vec![]));
    assert_eq!(resting("/readonly/kernel/env/reboot_counter"), Some(1_001u32.to_le_bytes().to_vec()));
    assert_eq!(resting("/readonly/kernel/env/stuck"), None);
}

#[test]
fn a_state_of_another_layout_is_not_read() {
    let mut scene = Scene::new(&[]);
    let path = version::key().unwrap().path().as_str().to_owned();
    scene.state.set(Key::trusted(&path), 9u64.to_be_bytes().as_slice());
    let error = scene.engine.head(&scene.state).unwrap_err();
    let known = version::CURRENT.0;
    assert!(
        matches!(error, EngineError::UnknownLayout { found: Some(9), known: ours } if ours == known),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("layout 9") && text.contains(&format!("knows {known}")), "{text}");
    assert!(scene.engine.parameters(&scene.state).is_err());
    assert!(scene.engine.pending_upgrades(&scene.state).is_err());
    assert!(scene.engine.due_upgrade(&scene.state, DUE).is_err());
    scene.state.delete(Key::trusted(&path));
    assert!(matches!(scene.engine.head(&scene.state), Err(EngineError::UnknownLayout { found: None, .. })));
}

#[test]
fn without_a_machine_another_kernel_is_refused() {
    let scene = Scene::new(&[module("(func (export \"node_run\"))")]);
    let native = Engine::of(&scene.state).unwrap();
    // It has no preimages either.
    let missing = native.apply(&scene.state, &scene.blueprint(DUE)).unwrap_err();
    assert!(matches!(missing, EngineError::PageMissing { .. }), "{missing}");
    let mut foreign = scene.state.clone();
    foreign.set(BOOT_KEY, module(""));
    assert!(matches!(Engine::of(&foreign), Err(EngineError::Kernel(_))));
    let refused = native.apply(&foreign, &scene.blueprint(DUE)).unwrap_err();
    assert!(matches!(refused, EngineError::Kernel(_)), "{refused}");
    // And there is only one way to run ours.
    let wasm = native.in_mode(Mode::Wasm);
    assert!(wasm.apply(&scene.state, &scene.blueprint(Timestamp::new(1_001))).is_ok());
}

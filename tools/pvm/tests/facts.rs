//! What the Octez PVM does that no recording shows: see `docs/pvm.md`.

use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    BootPhase, DalParameters, LevelReport, Machine, MachineConfig, Outcome, PreimageMap, Preimages, Pvm,
    PvmError, Rollup, Slots, Status, Stuck, Version,
};
use std::sync::{Arc, OnceLock};

const INFO: LevelInfo = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
const ROLLUP: Rollup = Rollup { address: [7; 20], origination_level: 42 };

fn pvm_of(version: Version, preimages: Arc<dyn Preimages>, wat: &str) -> Pvm {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| Machine::new(MachineConfig::default()).expect("a machine")).clone();
    Pvm::originate(machine, ROLLUP, preimages, version, wat::parse_str(wat).expect("a kernel"))
}

fn pvm(version: Version, wat: &str) -> Pvm {
    pvm_of(version, Arc::new(PreimageMap::default()), wat)
}

fn level(pvm: &mut Pvm, number: u32, messages: &[Vec<u8>]) -> LevelReport {
    pvm.run_level(number, &level_inputs(INFO, None, messages)).expect("a level")
}

const VERSIONS: [Version; 8] = [
    Version::V0,
    Version::V1,
    Version::V2,
    Version::V3,
    Version::V4,
    Version::V5,
    Version::V6,
    Version::Experimental,
];

/// Every import, its type, and the first version that has it.
const IMPORTS: [(&str, &str, Version); 30] = [
    ("read_input", "(param i32 i32 i32) (result i32)", Version::V0),
    ("write_output", "(param i32 i32) (result i32)", Version::V0),
    ("write_debug", "(param i32 i32)", Version::V0),
    ("store_has", "(param i32 i32) (result i32)", Version::V0),
    ("store_list_size", "(param i32 i32) (result i64)", Version::V0),
    ("store_get_nth_key", "(param i32 i32 i64 i32 i32) (result i32)", Version::V0),
    ("store_delete", "(param i32 i32) (result i32)", Version::V0),
    ("store_copy", "(param i32 i32 i32 i32) (result i32)", Version::V0),
    ("store_move", "(param i32 i32 i32 i32) (result i32)", Version::V0),
    ("store_value_size", "(param i32 i32) (result i32)", Version::V0),
    ("store_read", "(param i32 i32 i32 i32 i32) (result i32)", Version::V0),
    ("store_write", "(param i32 i32 i32 i32 i32) (result i32)", Version::V0),
    ("reveal_preimage", "(param i32 i32 i32 i32) (result i32)", Version::V0),
    ("reveal_metadata", "(param i32 i32) (result i32)", Version::V0),
    ("store_delete_value", "(param i32 i32) (result i32)", Version::V1),
    ("store_create", "(param i32 i32 i32) (result i32)", Version::V1),
    ("__internal_store_get_hash", "(param i32 i32 i32 i32) (result i32)", Version::V1),
    ("store_exists", "(param i32 i32) (result i32)", Version::V2),
    ("reveal", "(param i32 i32 i32 i32) (result i32)", Version::V3),
    ("nds_registry_resize", "(param i64) (result i32)", Version::V6),
    ("nds_registry_copy", "(param i64 i64) (result i32)", Version::V6),
    ("nds_registry_move", "(param i64 i64) (result i32)", Version::V6),
    ("nds_registry_clear", "(param i64) (result i32)", Version::V6),
    ("nds_store_exists", "(param i64 i32 i32) (result i32)", Version::V6),
    ("nds_store_delete", "(param i64 i32 i32) (result i32)", Version::V6),
    ("nds_store_value_size", "(param i64 i32 i32) (result i32)", Version::V6),
    ("nds_store_read", "(param i64 i32 i32 i64 i32 i32) (result i32)", Version::V6),
    ("nds_store_write", "(param i64 i32 i32 i64 i32 i32) (result i32)", Version::V6),
    ("nds_store_set", "(param i64 i32 i32 i32 i32) (result i32)", Version::V6),
    ("nds_database_get_hash", "(param i64 i32 i32) (result i32)", Version::V6),
];

fn importing(imports: &str) -> String {
    format!(r#"(module {imports} (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))"#)
}

fn phase(version: Version, wat: &str) -> Option<BootPhase> {
    match level(&mut pvm(version, wat), 0, &[]).status {
        Status::WaitingForInput => None,
        Status::Stuck(Stuck::NoFallbackKernel { phase, .. }) => Some(phase),
        Status::Stuck(other) => panic!("{other}"),
    }
}

#[test]
fn every_import_links_from_its_version_on_and_with_its_type_alone() {
    let import = |name: &str, ty: &str| format!("(import \"smart_rollup_core\" \"{name}\" (func {ty}))");
    for version in VERSIONS {
        let there = IMPORTS.iter().filter(|(_, _, since)| *since <= version);
        let all: String = there.map(|(name, ty, _)| import(name, ty)).collect();
        assert_eq!(phase(version, &importing(&all)), None, "{version:?}");
        for (name, ty, _) in IMPORTS.iter().filter(|(_, _, since)| *since > version) {
            let wat = importing(&import(name, ty));
            assert_eq!(phase(version, &wat), Some(BootPhase::Link), "{name} at {version:?}");
        }
    }
    for (name, ty, _) in IMPORTS {
        let wat = importing(&import(name, &ty.replacen("(param", "(param i32", 1)));
        assert_eq!(phase(Version::V6, &wat), Some(BootPhase::Init), "{name}");
    }
}

#[test]
fn every_protocol_switches_to_its_version_and_the_latest_counts() {
    let protocols = [
        ("nairobi_017", Version::V1),
        ("oxford_018", Version::V2),
        ("paris_019", Version::V4),
        ("paris_020", Version::V4),
        ("quebec_021", Version::V5),
        ("r022_022", Version::V5),
        ("s023_023", Version::V5),
        ("t024_024", Version::V5),
        ("u025_025", Version::V6),
    ];
    let mut pvm = pvm(Version::V0, &importing(""));
    for (level, (protocol, version)) in (0..).zip(protocols) {
        pvm.run_level(level, &level_inputs(INFO, Some(protocol), &[])).expect("a level");
        assert_eq!(pvm.version(), Ok(version), "{protocol}");
    }
    // Two in a level, in any place: the last one counts; an older one goes back.
    let migration = |name: &str| [&[0, 4, 0, 0, 0, name.len() as u8], name.as_bytes()].concat();
    level(&mut pvm, 20, &[migration("u025_025"), external(b"m"), migration("oxford_018")]);
    assert_eq!(pvm.version(), Ok(Version::V2));
}

/// Counts the messages of a level and adds up their second bytes.
const READER: &str = r#"(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (memory 1) (export "m" (memory 0)) (data (i32.const 0) "/count") (data (i32.const 16) "/sum")
  (func (export "kernel_run") (local $count i32) (local $sum i32)
    (loop $more
      (if (call $read_input (i32.const 64) (i32.const 128) (i32.const 4096)) (then
        ;; Messages are numbered from 0, in order.
        (if (i32.ne (i32.load (i32.const 68)) (local.get $count)) (then (unreachable)))
        (if (i32.ne (i32.load (i32.const 64)) (i32.const 9)) (then (unreachable)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.const 129))))
        (br $more))))
    (i32.store (i32.const 8192) (local.get $count))
    (i32.store (i32.const 8196) (local.get $sum))
    (drop (call $store_write (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 8192) (i32.const 4)))
    (drop (call $store_write (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 8196) (i32.const 4)))))"#;

fn number(pvm: &Pvm, key: &str) -> u32 {
    let bytes = pvm.durable().get(key).expect("a number").to_bytes().into_owned();
    u32::from_le_bytes(bytes.try_into().expect("4 bytes"))
}

#[test]
fn an_inbox_of_many_messages_of_all_kinds_is_read_in_order() {
    let mut pvm = pvm(Version::V6, READER);
    let mut messages: Vec<Vec<u8>> = vec![external(&[3; 4_095]); 50_000];
    // An attestation of slots, a kind that nobody knows, an empty message.
    messages.extend([vec![0, 5, 0, 0], vec![0, 200], vec![1]]);
    let report = level(&mut pvm, 9, &messages);
    assert_eq!(report.runs[0].outcome, Outcome::Finished);
    assert_eq!(number(&pvm, "/count"), 50_003 + 3);
    // The second bytes: the start of the level, its info, the messages; that of the last two is what was there before
    // for the empty one, and of the end.
    assert_eq!(number(&pvm, "/sum"), 1 + 3 + 50_000 * 3 + 5 + 200 + 200 + 2);
}

#[test]
fn too_many_reboots_are_noted_until_a_level_rests_by_itself() {
    let wat = r#"(module
      (import "smart_rollup_core" "store_has" (func $store_has (param i32 i32) (result i32)))
      (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
      (memory 1) (export "m" (memory 0)) (data (i32.const 0) "/kernel/env/reboot") (data (i32.const 32) "/stop")
      (func (export "kernel_run")
        (if (i32.eqz (call $store_has (i32.const 32) (i32.const 5))) (then
          (drop (call $store_write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))))"#;
    let mut pvm = pvm(Version::V5, wat);
    let noted = "/readonly/kernel/env/too_many_reboot";
    assert_eq!(level(&mut pvm, 0, &[]).runs.len(), 1_001);
    assert!(pvm.durable().exists(noted));
    let mut state = pvm.state().clone();
    state.durable.set(millrace_pvm::durable::Key::constant("/stop"), Vec::new());
    pvm.set_state(state);
    assert_eq!(level(&mut pvm, 1, &[]).runs.len(), 1);
    assert!(!pvm.durable().exists(noted));
}

/// Reveals what the data segments ask for, and sends what it gets: the size, and the first bytes.
#[test]
fn pages_are_revealed_whole_cut_or_not_at_all() {
    let page = |level: u32, slot: u8, page: u16| {
        let bytes = [&[2], level.to_be_bytes().as_slice(), &[slot], &page.to_be_bytes()].concat();
        bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>()
    };
    let requests = [
        (page(7, 5, 0), 4_096, 3_967),
        (page(7, 5, 1), 10, 10),
        (page(7, 5, 0x7fff), 4_096, 0),
        (page(7, 6, 0), 4_096, 0),
        (page(8, 5, 0), 4_096, 0),
        // One byte more or less is no request; neither is one for an adaptive page here.
        (page(7, 5, 0) + "\\00", 4_096, 0),
        (page(7, 5, 0)[..21].to_owned(), 4_096, 0),
        (format!("\\04{}\\21\\00", &page(7, 5, 0)[3..]), 4_096, 0),
        ("\\03".to_owned(), 4_096, 32),
        ("\\01".to_owned(), 4_096, 24),
    ];
    let mut data = String::new();
    let mut calls = String::new();
    for (index, (request, max, _)) in requests.iter().enumerate() {
        let (at, size) = (index * 64, request.len() / 3);
        data += &format!("(data (i32.const {at}) \"{request}\")");
        calls += &format!(
            "(i32.store (i32.const 2048) (call $reveal (i32.const {at}) (i32.const {size}) (i32.const 4096)
              (i32.const {max})))
             (i32.store (i32.const 2052) (i32.load (i32.const 4096)))
             (drop (call $write_output (i32.const 2048) (i32.const 8)))"
        );
    }
    let wat = format!(
        r#"(module
          (import "smart_rollup_core" "reveal" (func $reveal (param i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
          (memory 1) (export "m" (memory 0)) {data} (func (export "kernel_run") {calls}))"#
    );
    let slots = Slots::new(PreimageMap::default(), DalParameters::USHUAIA);
    slots.attest(7, 5, [vec![1; 3_967], vec![2; 3_967]].concat());
    let mut pvm = pvm_of(Version::V6, Arc::new(slots), &wat);
    let report = level(&mut pvm, 12, &[]);
    let sizes: Vec<i32> = requests.iter().map(|(_, _, size)| *size).collect();
    let answered: Vec<i32> = report
        .outbox
        .iter()
        .map(|bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    assert_eq!(answered, sizes);
    let first: Vec<u8> = report.outbox.iter().map(|bytes| bytes[4]).collect();
    assert_eq!(first[..3], [1, 2, 2]);
    assert_eq!(report.reveal_requests.len(), requests.len());
}

#[test]
fn a_level_that_waits_shows_how_far_it_came_and_is_run_anew() {
    let wat = r#"(module
      (import "smart_rollup_core" "reveal_preimage" (func $reveal (param i32 i32 i32 i32) (result i32)))
      (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
      (memory 1) (export "m" (memory 0)) (data (i32.const 0) "/before")
      (func (export "kernel_run")
        (drop (call $store_write (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $reveal (i32.const 1024) (i32.const 33) (i32.const 2048) (i32.const 100)))))"#;
    let mut pvm = pvm(Version::V5, wat);
    let before = pvm.durable().hash();
    let inputs = level_inputs(INFO, None, &[]);
    let missing = PvmError::PreimageMissing { hash: [0; 33] };
    assert_eq!(pvm.run_level(0, &inputs), Err(missing));
    assert_eq!(pvm.durable().hash(), before);
    let interrupted = pvm.interrupted().expect("it began");
    assert!(interrupted.durable.exists("/before") && interrupted.report.runs.is_empty());
    // It waits as long as it takes; a level that is run to its end forgets.
    assert!(pvm.run_level(0, &inputs).is_err());
    assert!(pvm.run_level(1, &[]).is_err());
    let mut sound = pvm_of(Version::V5, Arc::new(PreimageMap::default()), &importing(""));
    level(&mut sound, 0, &[]);
    assert!(sound.interrupted().is_none());
}

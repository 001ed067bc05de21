//! The runner itself, on a vector of our own: what is right passes, and what is wrong fails for its reason.

use millrace_pvm_vectors::report::{Counts, Report, Verdict};
use millrace_pvm_vectors::runner::{self, Options};
use millrace_pvm_vectors::skips::Skip;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// `(module (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))`.
const IDLE: &str = "0061736d0100000001040160000003020100050301000107120201\
     6d02000a6b65726e656c5f72756e00000a040102000b";

fn level(number: u32) -> Value {
    let window: u64 = 50_000_000_000_000;
    let begun = u64::from(number - 7) * 2 * window;
    json!({
        "level": number,
        "status": "ok",
        "kernel_runs": 1,
        "runs": [{ "outcome": "ok", "count": 1, "ticks": { "decode": 81, "link": 1, "init": 39, "eval": 21 } }],
        "ticks_after_inputs": begun + 3,
        "ticks_total": begun + 2 * window,
        "durable": {
            "/kernel/boot.wasm": IDLE,
            "/kernel/env/reboot": "",
            "/readonly/kernel/boot.wasm": { "length": 49 },
            "/readonly/kernel/env/reboot_counter": "e9030000",
            "/readonly/wasm_version": "322e302e302d7235",
        },
        "outbox": [],
        "debug": [],
        "reveal_requests": [],
    })
}

fn vector() -> Value {
    json!({
        "name": "idle",
        "pvm_version": "2.0.0-r5",
        "params": {
            "ticks_per_snapshot": 50_000_000_000_000_u64,
            "outbox_validity_period": 241_920,
            "outbox_message_limit": 100,
            "maximum_reboots_per_input": 1000,
            "metadata": "00".repeat(24),
            "dal_parameters": "00".repeat(32),
            "something_new": [1],
        },
        "kernel": { "wat": null, "wasm": IDLE },
        "levels": [
            { "messages": [], "inbox": ["0001", "0003", "0002"] },
            { "messages": [], "inbox": ["0001", "0003", "0002"] },
        ],
        "expected": { "levels": [level(7), level(8)] },
        "something_new": true,
    })
}

fn folder(files: &[(&str, &Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.to_string()).unwrap();
    }
    folder
}

fn options(folder: &TempDir) -> Options {
    Options { vectors: folder.path().to_owned(), filter: None, skips: Vec::new() }
}

fn run(vector: &Value) -> Report {
    runner::run(&options(&folder(&[("a.json", vector)]))).unwrap()
}

fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
    Counts { passed, failed, skipped }
}

#[test]
fn what_is_as_it_was_recorded_passes() {
    let report = run(&vector());
    assert_eq!(report.counts(), counts(1, 0, 0), "{report}");
    assert!(report.is_success());
    let agreement = report.agreement();
    assert_eq!((agreement.levels, agreement.levels_of_exact_ticks), (2, 2));
    assert_eq!(agreement.levels_of_exact_counter, 2);
    assert_eq!(report.to_string().lines().last(), Some("1 passed, 0 failed, 0 skipped"));
}

#[test]
fn what_is_otherwise_fails_for_its_reason() {
    let cases = [
        ("/expected/levels/1/status", json!("stuck"), "level 8: status stuck was recorded"),
        ("/expected/levels/0/kernel_runs", json!(2), "2 runs were recorded, there were 1"),
        ("/expected/levels/0/runs/0/outcome", json!("trap"), "run 0: trap"),
        ("/expected/levels/0/outbox", json!(["00"]), "outbox: 1 were recorded, there are 0"),
        ("/expected/levels/0/debug", json!(["00", "01"]), "debug output: 2 were recorded"),
        ("/expected/levels/0/reveal_requests", json!([{ "length": 5 }]), "reveal requests: 1"),
        ("/expected/levels/0/results", json!({ "key": "/r", "codes": [1] }), "1 result codes"),
        ("/expected/levels/0/durable_hash", json!("00".repeat(32)), "durable hash: 0000"),
        ("/expected/levels/0/durable/~1kernel~1env~1reboot", json!("01"), "0x01 was recorded"),
        ("/expected/levels/0/durable/~1kernel~1boot.wasm", json!({ "length": 46 }), "46 bytes was recorded"),
        ("/expected/levels/0/durable/~1a", json!(""), "/a: is not there"),
        ("/expected/levels/0/durable", json!({}), "/kernel/boot.wasm: was not there"),
        ("/expected/levels", json!([level(7)]), "2 inboxes, but 1 levels"),
        ("/levels/0/inbox", json!(["0001"]), "end-of-level"),
        ("/pvm_version", json!("2.0.0-r99"), "nobody knows the version"),
        ("/params/metadata", json!("00"), "metadata are 24 bytes"),
        ("/kernel/wasm", json!("0"), "no vector"),
        ("/expected", json!(null), "no vector"),
    ];
    for (place, value, reason) in cases {
        let mut vector = vector();
        match vector.pointer_mut(place) {
            Some(field) => *field = value,
            None => {
                let (object, field) = place.rsplit_once('/').unwrap();
                vector.pointer_mut(object).unwrap()[field.replace("~1", "/")] = value;
            }
        }
        let report = run(&vector);
        assert_eq!(report.counts(), counts(0, 1, 0), "{place}");
        assert!(!report.is_success());
        assert!(report.to_string().contains(reason), "{place}: {report}");
    }
}

#[test]
fn what_a_printer_says_of_a_bad_pointer_is_no_debug_output() {
    let mut vector = vector();
    vector["expected"]["levels"][0]["debug"] = json!([hex::encode("Error code: -6")]);
    assert!(run(&vector).is_success());
}

#[test]
fn ticks_fail_no_vector_and_are_reported() {
    let mut vector = vector();
    vector["expected"]["levels"][0]["runs"][0]["ticks"]["eval"] = json!(79);
    vector["expected"]["levels"][1]["ticks_total"] = json!(7);
    let report = run(&vector);
    assert_eq!(report.counts(), counts(1, 0, 0));
    let text = report.to_string();
    assert!(text.contains("exact on 1 of 2 levels, 1 of 2 runs"), "{text}");
    assert!(text.contains("29.00 % at worst"), "{text}");
    assert!(text.contains("the same after 1 of 2 levels"), "{text}");
    assert!(report.details().contains("1 × Phases"), "{}", report.details());
}

#[test]
fn a_hash_of_the_machine_is_compared_where_there_is_one() {
    let mut vector = vector();
    vector["expected"]["initial_state_hash"] = json!({ "hex": "07".repeat(32), "b58": "srs1" });
    vector["expected"]["levels"][0]["state_hash"] = json!({ "hex": "08".repeat(32), "b58": "srs1" });
    let folder = folder(&[("a.json", &vector)]);
    let report = runner::run(&options(&folder)).unwrap();
    assert!(report.is_success(), "a vector fails by no such hash");
    assert!(report.to_string().contains("state hash: the same 0 of 2 times, not known 0 times"), "{report}");
}

#[test]
fn vectors_are_chosen_skipped_and_looked_for_below_the_folder() {
    let mut named = vector();
    named["name"] = json!("another");
    let ethereum = json!({ "a test": { "env": {} } });
    let folder = folder(&[("x/idle.json", &vector()), ("y/z/b.json", &named), ("c.json", &ethereum)]);
    fs::write(folder.path().join("d.txt"), "{").unwrap();
    let report = runner::run(&options(&folder)).unwrap();
    assert_eq!((report.counts(), report.other_files), (counts(2, 0, 0), 1), "{report}");
    let filter = |text: &str| Options { filter: Some(text.to_owned()), ..options(&folder) };
    assert_eq!(runner::run(&filter("anoth")).unwrap().tallies[0].name, "another");
    assert_eq!(runner::run(&filter("x/")).unwrap().counts(), counts(1, 0, 0));
    let skips = vec![Skip { name: "another".to_owned(), reason: "a reason".to_owned() }];
    let report = runner::run(&Options { skips, ..options(&folder) }).unwrap();
    assert_eq!(report.counts(), counts(1, 0, 1));
    assert!(report.tallies.iter().any(|tally| tally.verdict == Verdict::Skipped("a reason".to_owned())));
    assert!(report.to_string().contains("skipped another: a reason"), "{report}");
}

#[test]
fn nothing_to_run_is_no_success() {
    let empty = tempfile::tempdir().unwrap();
    let report = runner::run(&options(&empty)).unwrap();
    assert!(!report.is_success());
    assert!(report.to_string().contains("no vectors were found"), "{report}");
    fs::write(empty.path().join("broken.json"), "{").unwrap();
    assert_eq!(runner::run(&options(&empty)).unwrap().counts(), counts(0, 1, 0));
    let missing = Options { vectors: empty.path().join("missing"), ..options(&empty) };
    assert_eq!(runner::run(&missing).unwrap().counts(), counts(0, 1, 0));
}

//! Rehearsals with the built kernel: `make dist` first, as `make test` does.

mod stage;

use millrace_governance::rehearsal::{
    Fate, Proposal, RecordedLevel, Rehearsal, RehearsalError, Verdict, Way, Weight, dump, rehearse,
};
use millrace_layout::governance::Source;
use millrace_primitives::{PreimageHash, Timestamp};
use millrace_pvm::{State, durable::Durable};
use stage::{ADMIN, GOVERNANCE, SECURITY, Stage, pages_of, stage, with_custom_section};

const TICKS_OF_THE_LARGEST_RUN_MIN: u64 = 1_000_000;

fn proposal(root_hash: PreimageHash) -> Proposal {
    Proposal { root_hash, activation: None, source: None, expects_changes: false }
}

fn rehearse_kernel(stage: &Stage, kernel: &[u8]) -> Rehearsal {
    let (root_hash, preimages) = pages_of(kernel);
    rehearse(&stage.machine, preimages, &stage.recording, proposal(root_hash)).unwrap()
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn the_same_kernel_under_another_name_makes_the_same_blocks() {
    let stage = stage();
    let kernel = with_custom_section(&stage.kernel);
    let rehearsal = rehearse_kernel(stage, &kernel);
    assert_eq!(rehearsal.verdict, Verdict::Good, "{rehearsal}");
    assert_eq!(rehearsal.announcement.way, Way::Message(GOVERNANCE));

    let first = stage.recording.levels[0].level;
    let switch = rehearsal.switch.as_ref().unwrap();
    assert_eq!((switch.level, *switch.first_block.start(), *switch.first_block.end()), (first, 1, 1));
    assert_eq!(rehearsal.kernel_root, Some(rehearsal.proposal.root_hash));
    assert_eq!(rehearsal.storage_versions[0], rehearsal.storage_versions[1]);

    let chain = rehearsal.chain.as_ref().unwrap();
    assert_eq!((chain.equal, chain.first_difference), (stage.recording.levels.len(), None));
    assert!(chain.head_with.is_some() && chain.head_with == chain.head_without);

    // Only the kernel and the notes about it, and the kernel is longer by the section.
    let place = rehearsal.storage.groups.get("/kernel/boot.wasm").unwrap();
    assert_eq!(place.first[0].fate, Fate::Changed);
    assert_eq!(place.first[0].size_bytes_after, Some(kernel.len()));
    for place in rehearsal.storage.groups.keys() {
        assert!(
            ["/kernel/", "/readonly/", "/upgrade/", "/base/upgrades"]
                .iter()
                .any(|root| place.starts_with(root)),
            "{place}"
        );
    }

    for level in &rehearsal.levels {
        assert!(level.without.largest_run_ticks.get() > TICKS_OF_THE_LARGEST_RUN_MIN);
        assert!(level.troubles.is_empty());
    }
    // The switch takes a run more.
    assert!(rehearsal.levels[0].with.runs > rehearsal.levels[0].without.runs);
    assert_eq!(rehearsal.levels[1].with.runs, rehearsal.levels[1].without.runs);
    assert!(rehearsal.warnings().is_empty(), "{:?}", rehearsal.warnings());

    let (text, json) = (rehearsal.to_string(), rehearsal.to_json());
    assert!(text.starts_with("GOOD"), "{text}");
    assert_eq!(json["verdict"]["weight"], "good");
    assert_eq!(json["chain"]["equal_blocks"], stage.recording.levels.len());
    assert_eq!(json["levels"].as_array().unwrap().len(), stage.recording.levels.len());
}

#[test]
fn garbage_is_refused_and_nothing_changes() {
    let rehearsal = rehearse_kernel(stage(), &[7; 10_000]);
    assert_eq!(rehearsal.verdict, Verdict::Refused(5), "{rehearsal}");
    assert!(rehearsal.to_string().contains("not WebAssembly (reason 5)"));
    assert_eq!((&rehearsal.switch, rehearsal.kernel_root), (&None, None));
    assert_eq!(rehearsal.chain.as_ref().unwrap().first_difference, None);
}

#[test]
fn a_kernel_that_would_have_the_pvm_stuck_is_refused() {
    let two = r#"(module (memory 1) (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))"#;
    let none = r#"(module (memory 1) (export "m" (memory 0)) (func (export "other")))"#;
    for (kernel, reason) in [(two, 8), (none, 7)] {
        let rehearsal = rehearse_kernel(stage(), &module(kernel));
        assert_eq!(rehearsal.verdict, Verdict::Refused(reason), "{rehearsal}");
    }
}

#[test]
fn a_kernel_with_a_float_gives_way() {
    let float = r#"(module (memory 1) (export "m" (memory 0)) (func (export "kernel_run"))
        (func $rate (result f64) (f64.const 1)))"#;
    let rehearsal = rehearse_kernel(stage(), &module(float));
    assert_eq!(rehearsal.verdict, Verdict::GaveWay(9), "{rehearsal}");
    assert!(rehearsal.switch.is_some());
    let trouble = &rehearsal.levels[0].troubles[0];
    assert!(trouble.contains("float") && trouble.contains("decode"), "{trouble}");
    assert_eq!(rehearsal.verdict.weight(), Weight::Bad);
}

#[test]
fn a_kernel_that_does_nothing_is_behind() {
    let idle = r#"(module (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))"#;
    let rehearsal = rehearse_kernel(stage(), &module(idle));
    let blocks = stage().recording.levels.len() as u64;
    assert_eq!(rehearsal.verdict, Verdict::Behind { blocks }, "{rehearsal}");
    let difference = rehearsal.chain.as_ref().unwrap().first_difference.unwrap();
    assert_eq!((difference.number.get(), difference.with), (1, None));
    assert!(difference.without.is_some());
}

#[test]
fn a_kernel_that_recurses_for_ever_kills_the_rollup() {
    let deep = r#"(module (memory 1) (export "m" (memory 0))
        (func $f (param i32) (result i32) (i32.add (i32.const 1) (call $f (local.get 0))))
        (func (export "kernel_run") (drop (call $f (i32.const 0)))))"#;
    let rehearsal = rehearse_kernel(stage(), &module(deep));
    assert!(matches!(&rehearsal.verdict, Verdict::Dead(why) if why.contains("call stack")), "{rehearsal}");
}

#[test]
fn who_announces_and_when_is_up_to_the_caller() {
    let stage = stage();
    let (root_hash, preimages) = pages_of(&with_custom_section(&stage.kernel));
    let play = |proposal| rehearse(&stage.machine, preimages.clone(), &stage.recording, proposal).unwrap();
    let of = |source| Proposal { source: Some(source), ..proposal(root_hash) };

    let by_admin = play(of(Source::Admin));
    assert_eq!((by_admin.announcement.way, by_admin.verdict), (Way::Message(ADMIN), Verdict::Good));
    let by_security = play(of(Source::Security));
    assert_eq!((by_security.announcement.way, by_security.verdict), (Way::Message(SECURITY), Verdict::Good));

    // Before the block of the last level, and never.
    let last = stage.block_times.last().copied().unwrap();
    let late = play(Proposal { activation: Some(last), ..proposal(root_hash) });
    assert_eq!(late.verdict, Verdict::Good, "{late}");
    assert_eq!(late.switch.unwrap().level, stage.recording.levels.last().unwrap().level);
    let never = play(Proposal { activation: Some(last.saturating_add(1)), ..proposal(root_hash) });
    assert_eq!((&never.verdict, never.verdict.weight()), (&Verdict::NotDue, Weight::Unknown));
}

#[test]
fn a_rollup_that_wants_notice_ignores_what_gives_none() {
    let stage = stage();
    let (root_hash, preimages) = pages_of(&with_custom_section(&stage.kernel));
    let recording = stage.recording_with(|parameters| {
        parameters.upgrades.notice_s = 1_000;
        parameters.upgrades.security_notice_s = 1_000;
    });
    let play = |proposal| rehearse(&stage.machine, preimages.clone(), &recording, proposal).unwrap();

    let at_once = play(proposal(root_hash));
    assert_eq!(at_once.announcement.way, Way::Notice { notice_s: 1_000 });
    assert_eq!(at_once.verdict, Verdict::Good, "{at_once}");

    let activation = Some(Timestamp::new(stage.block_times[0].get() + 999));
    let too_soon = play(Proposal { activation, ..proposal(root_hash) });
    let Verdict::Ignored { reason } = &too_soon.verdict else { panic!("{too_soon}") };
    assert!(reason.contains("less notice"), "{reason}");
}

#[test]
fn a_rollup_without_governance_is_upgraded_in_the_copy_only() {
    let stage = stage();
    let (root_hash, preimages) = pages_of(&with_custom_section(&stage.kernel));
    let recording = stage.recording_with(|parameters| parameters.contracts = Default::default());
    let rehearsal = rehearse(&stage.machine, preimages, &recording, proposal(root_hash)).unwrap();
    assert_eq!((rehearsal.announcement.way, &rehearsal.verdict), (Way::NoContract, &Verdict::Good));
    assert!(rehearsal.warnings()[0].contains("cannot be upgraded"), "{:?}", rehearsal.warnings());
}

#[test]
fn nothing_is_said_when_the_replay_is_not_what_was() {
    let stage = stage();
    let (root_hash, preimages) = pages_of(&with_custom_section(&stage.kernel));
    let mut recording = stage.recording.clone();
    let before = recording.levels[0].after.clone();
    recording.levels[1].after = before;
    let outcome = rehearse(&stage.machine, preimages.clone(), &recording, proposal(root_hash));
    let level = recording.levels[1].level;
    assert!(matches!(outcome, Err(RehearsalError::Baseline { level: at, count: 1.., .. }) if at == level));

    recording.levels.clear();
    let outcome = rehearse(&stage.machine, preimages, &recording, proposal(root_hash));
    assert!(matches!(outcome, Err(RehearsalError::NoLevels)));
}

#[test]
fn levels_before_the_first_block_are_left_out() {
    let stage = stage();
    let mut recording = stage.recording.clone();
    let (start, level) = (recording.start.clone(), recording.levels[0].level);
    recording.levels.insert(0, RecordedLevel { level, inputs: vec![], after: Some(start.clone()) });
    recording.start = State::of(Durable::new(), start.status.clone());
    let since = recording.since_first_block().unwrap();
    assert_eq!(since.levels.len(), stage.recording.levels.len());
    assert!(since.start.durable.differences_since(&start.durable).is_empty());
}

#[test]
fn a_missing_page_is_no_verdict() {
    let stage = stage();
    let (_, preimages) = pages_of(&[7; 10_000]);
    let nowhere = PreimageHash::new([0; 33]);
    let outcome = rehearse(&stage.machine, preimages, &stage.recording, proposal(nowhere));
    assert!(matches!(outcome, Err(RehearsalError::Pvm { .. })));
}

#[test]
fn a_dump_is_upgraded_by_force() {
    let stage = stage();
    let (root_hash, preimages) = pages_of(&with_custom_section(&stage.kernel));
    let sets = stage.recording.start.durable.values().map(
        |(key, value)| serde_json::json!({ "set": { "value": hex::encode(value.to_bytes()), "to": key } }),
    );
    let sets: Vec<_> = sets.collect();
    let text = serde_json::json!({ "instructions": sets }).to_string();
    let durable = dump::storage(&text).unwrap();
    assert!(durable.changes_since(&stage.recording.start.durable).is_empty());

    // Without messages there are no blocks.
    let recording = dump::recording(durable.clone(), stage.recording.rollup, None).unwrap();
    let forced = rehearse(&stage.machine, preimages.clone(), &recording, proposal(root_hash)).unwrap();
    assert_eq!(forced.verdict, Verdict::Good, "{forced}");
    assert_eq!(forced.switch.as_ref().unwrap().level, recording.levels[1].level);
    assert_eq!(forced.kernel_root, Some(root_hash));
    assert!(forced.warnings().iter().any(|warning| warning.contains("nothing to compare")));

    // With those of the rollup there are.
    let levels = stage.recording.levels.iter().map(|level| {
        let messages = &level.inputs[2..level.inputs.len() - 1];
        messages.iter().map(|message| serde_json::json!({ "serialized": hex::encode(message) })).collect()
    });
    let levels: Vec<Vec<_>> = levels.collect();
    let inputs = dump::inputs(&serde_json::to_string(&levels).unwrap()).unwrap();
    let recording = dump::recording(durable, stage.recording.rollup, Some(inputs)).unwrap();
    let replayed = rehearse(&stage.machine, preimages, &recording, proposal(root_hash)).unwrap();
    assert_eq!(replayed.verdict, Verdict::Good, "{replayed}");
    assert_eq!(replayed.chain.as_ref().unwrap().equal, stage.recording.levels.len());
    assert!(!replayed.is_baseline_recorded);
}

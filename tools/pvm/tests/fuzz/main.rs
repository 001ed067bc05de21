//! Fuzzing of the machine: host functions with arguments that no sane kernel gives, and bytes that are almost kernels.
//!
//! Whatever a kernel is or does, the host answers with an outcome, a status or an error that has a type; it does not
//! panic, nothing escapes its bounds, and the same bytes come to the same. The number of cases is bounded and their seeds
//! are fixed, so that all runs of the test are alike; with `MILLRACE_FUZZ_SECONDS` it goes on as long with others, and
//! `MILLRACE_FUZZ_SEED` begins with one of them.

mod calls;
mod modules;
mod session;

use millrace_pvm::durable::Durable;
use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    LevelReport, Machine, MachineConfig, Outcome, PreimageMap, Pvm, PvmError, Rollup, State, Status, Stuck,
    Version,
};
use std::sync::Arc;

const ROLLUP: Rollup = Rollup { address: [7; 20], origination_level: 3 };
/// What a run may take: a loop without end has to be stopped.
const RUN_TIME_MS_MAX: u64 = 200;
/// Levels of a case.
const LEVELS: u32 = 2;

fn machine() -> Machine {
    let config = MachineConfig { run_time_ms_max: Some(RUN_TIME_MS_MAX), ..MachineConfig::default() };
    Machine::new(config).expect("a machine")
}

/// A kernel, originated.
fn originate(machine: &Machine, kernel: Vec<u8>) -> Pvm {
    let mut preimages = PreimageMap::default();
    preimages.insert(calls::PREIMAGE.to_vec());
    Pvm::originate(machine.clone(), ROLLUP, Arc::new(preimages), Version::LATEST, kernel)
}

/// Runs a kernel for some levels, checks what must hold whatever it is, and tells what came of it.
fn run(machine: &Machine, kernel: &[u8]) -> Vec<String> {
    let mut pvm = originate(machine, kernel.to_vec());
    let mut seen = Vec::new();
    for level in 0..LEVELS {
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        let inputs = level_inputs(info, None, &[external(b"first"), external(&[5; 4_095])]);
        let before = pvm.state().clone();
        match pvm.run_level(level, &inputs) {
            Ok(report) => {
                check_report(&report);
                seen.extend(report.runs.iter().take(3).map(|run| outcome(&run.outcome)));
            }
            Err(error) => {
                check_refusal(&error);
                assert!(before.durable.is_same(pvm.durable()), "{error}: the state is not as it was");
                assert_eq!(before.status, pvm.state().status);
                seen.push("no preimage".into());
                break;
            }
        }
        check_state(pvm.state());
    }
    seen
}

fn check_report(report: &LevelReport) {
    assert!(report.runs.len() <= 1_001, "{} runs", report.runs.len());
    assert!(report.outbox.len() <= 100, "{} messages", report.outbox.len());
    assert!(report.outbox.iter().all(|message| message.len() <= 4_096));
    assert_eq!(report.debug.len(), report.debug_call_sizes.iter().sum::<usize>());
    assert!(report.inputs_read <= 5, "{} inputs read", report.inputs_read);
    let is_stuck = matches!(report.runs.last().map(|run| &run.outcome), Some(Outcome::Stuck(_)));
    assert!(report.runs.is_empty() || is_stuck == matches!(report.status, Status::Stuck(_)));
}

/// What a host may refuse a level for, here: nobody has the page, or the kernel broke the name of its PVM. Nothing else is
/// the kernel's doing.
fn check_refusal(error: &PvmError) {
    assert!(matches!(error, PvmError::PreimageMissing { .. }), "{error}");
}

/// The storage holds together: a hash that was kept through changes is the one of the same values put together anew.
fn check_state(state: &State) {
    let values = state.durable.values().map(|(key, value)| (key, value.clone()));
    // A kernel reaches no deeper than its keys do, but copies may.
    let (short, deep): (Vec<_>, Vec<_>) = values.partition(|(key, _)| key.len() <= 240);
    if deep.is_empty() {
        let anew = Durable::from_values(short).expect("keys of the storage are keys");
        assert_eq!(anew.hash(), state.durable.hash());
    }
    let is_stuck = matches!(state.status, Status::Stuck(_));
    assert!(is_stuck || state.hash().is_some(), "the hash of a machine at rest is known");
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished => "finished".into(),
        Outcome::Trapped(trap) => format!("trapped: {trap}"),
        Outcome::FellBack { phase, .. } => format!("fell back, could not {phase}"),
        Outcome::Stuck(Stuck::NoFallbackKernel { phase, .. }) => format!("stuck: could not {phase}"),
        Outcome::Stuck(stuck) => format!("stuck: {stuck}"),
    }
}

//! What a switch takes, by the estimate of `make bench`: eight ticks an operator, and 42 a byte that a host call moves.

use super::{Scene, debug, next_kernel, outcomes};
use anyhow::ensure;
use millrace_next_kernel::Conduct;
use millrace_pvm::{Outcome, RunReport};

const TICKS_PER_OPERATOR: u64 = 8;
const TICKS_PER_BYTE: u64 = 42;
/// What a run should do at most (`Budget::RUN`).
const TICKS_RUN: u64 = 100_000_000_000;

fn ticks(run: &RunReport) -> u64 {
    let host = &run.host_use;
    let bytes = host.store_read_bytes + host.store_written_bytes + host.input_bytes + host.revealed_bytes;
    run.operators.unwrap_or(0) * TICKS_PER_OPERATOR + bytes * TICKS_PER_BYTE
}

#[test]
#[allow(clippy::print_stdout, reason = "says what it measured")]
fn a_switch_and_a_migration_fit_their_runs() -> anyhow::Result<()> {
    let mut scene = Scene::started()?;
    let kernel = next_kernel(Conduct::Migrates)?;
    scene.announced(&kernel)?;
    let messages = scene.blueprint()?;
    let report = scene.level(&messages)?;
    ensure!(scene.runs(&kernel) && outcomes(&report).iter().all(|outcome| *outcome == Outcome::Finished));
    println!("a kernel of {} bytes in {} pages", kernel.len(), report.reveal_requests.len());
    for (index, run) in report.runs.iter().enumerate() {
        ensure!(run.operators.is_some_and(|operators| operators > 0), "the machine counts");
        println!(
            "run {index}: {:?} operators, about {} ticks, {:?}",
            run.operators,
            ticks(run),
            run.host_use
        );
        ensure!(ticks(run) < TICKS_RUN, "run {index}: {}", debug(&report));
    }
    Ok(())
}

//! What the PVM itself costs: runs, host functions, hashes of the storage, starts, reorganisations. Times are those of
//! this machine, now, without counting; operators are of a machine that counts, and repeat exactly.

mod host;
mod runs;
mod storage;

use millrace_pvm::{Machine, MachineConfig, PreimageMap, Pvm, Rollup, State, Version};
use serde::Serialize;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const ROLLUP: Rollup = Rollup { address: [0x33; 20], origination_level: 0 };
/// Keys of the storages that are measured.
pub(crate) const KEYS: usize = 1_000_000;
/// Times that something is measured: the shortest counts.
const TRIES: usize = 3;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct PvmReport {
    rows: Vec<Row>,
}

/// Something that the PVM does.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    what: String,
    time_us: f64,
    /// Of the kernel, where it is a kernel that does it.
    operators: Option<f64>,
}

/// Runs every scenario, those of large storages with so many keys.
pub(crate) fn measure(dist: &Path, keys: usize) -> anyhow::Result<PvmReport> {
    let mut rows = runs::measure(dist)?;
    rows.extend(host::measure(keys)?);
    rows.extend(storage::measure(keys)?);
    Ok(PvmReport { rows })
}

fn machine(metered: bool) -> anyhow::Result<Machine> {
    Ok(Machine::new(MachineConfig { metered, ..MachineConfig::default() })?)
}

fn originate(machine: &Machine, preimages: PreimageMap, kernel: &str) -> anyhow::Result<Pvm> {
    Ok(Pvm::originate(machine.clone(), ROLLUP, Arc::new(preimages), Version::LATEST, wat::parse_str(kernel)?))
}

/// The shortest of some times; `work` says how long it took.
fn shortest(mut work: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        shortest = shortest.min(work()?);
    }
    Ok(shortest)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed())
}

/// The time of a level from a state, which stays as it is.
fn level_time(pvm: &mut Pvm, from: &State, level: u32, inputs: &[Vec<u8>]) -> anyhow::Result<Duration> {
    shortest(|| {
        pvm.set_state(from.clone());
        let (report, time) = timed(|| pvm.run_level(level, inputs));
        report?;
        Ok(time)
    })
}

fn row(what: impl Into<String>, time: Duration, operators: Option<f64>) -> Row {
    Row { what: what.into(), time_us: time.as_secs_f64() * 1e6, operators }
}

impl PvmReport {
    /// The table.
    pub(crate) fn print(&self) {
        println!("\n{:<62} {:>14} {:>10}", "the PVM", "us", "operators");
        for row in &self.rows {
            let operators = row.operators.map(|operators| format!("{operators:.0}")).unwrap_or_default();
            println!("{:<62} {:>14.2} {:>10}", row.what, row.time_us, operators);
        }
    }
}

/// A number with commas.
fn grouped(number: usize) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1_000), number % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_measured() -> anyhow::Result<()> {
        // A storage of the size that is reported takes a minute.
        const SOME_KEYS: usize = 2_000;
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
        let report = measure(&dist, SOME_KEYS)?;
        report.print();
        for row in &report.rows {
            // A difference of two times is nothing when others keep the machine busy; one of operators never is.
            assert!(row.time_us.is_finite(), "{row:?}");
            assert!(row.operators.is_none_or(f64::is_finite), "{row:?}");
        }
        // Whatever a host function does, a call of it is a few operators: the arguments, the call, the result.
        let calls: Vec<_> = report.rows.iter().filter(|row| row.what.starts_with("store_has")).collect();
        assert_eq!(calls.iter().filter_map(|row| row.operators).collect::<Vec<_>>(), [4.0]);
        Ok(())
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([7, 1_000, 1_001_007].map(grouped), ["7", "1,000", "1,001,007"]);
    }
}

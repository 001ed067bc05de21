//! The targets for a bounded time.

use millrace_fuzz::{Session, parsers::Parsers, stage_one::StageOne};
use std::time::Duration;

fn session() -> Session {
    let session = Session::from_environment().unwrap();
    eprintln!("MILLRACE_FUZZ_SEED={}", session.seed);
    session.share(2)
}

/// Runs a target; a session of any time has to meet so many different outcomes.
fn run(cases_min: u64, outcomes_min: usize, case: impl FnMut(&mut fastrand::Rng) -> Vec<String>) {
    let session = session().at_least(cases_min);
    let report = session.run(case);
    eprintln!("{report}");
    let met = report.outcomes.len();
    assert!(
        session.duration.is_zero() || met >= outcomes_min,
        "{} cases met only {met} outcomes",
        report.cases
    );
}

#[test]
fn no_bytes_upset_the_parsers() {
    let parsers = Parsers::new().unwrap();
    run(10_000, 8, |rng| parsers.case(rng));
}

#[test]
fn no_messages_upset_stage_one() {
    let stage_one = StageOne::new().unwrap();
    run(1_000, 15, |rng| stage_one.case(rng));
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let stage_one = StageOne::new().unwrap();
    let once = || Session { seed: 7, duration: Duration::ZERO, cases_min: 1 }.run(|rng| stage_one.case(rng));
    let (first, second) = (once(), once());
    assert_eq!((first.cases, &first.outcomes), (1, &second.outcomes));
}

//! The targets for a bounded time.

use millrace_fuzz::{Report, Session, parsers::Parsers, stage_one::StageOne};
use std::time::Duration;

fn session() -> Session {
    let session = Session::from_environment().unwrap();
    eprintln!("MILLRACE_FUZZ_SEED={}", session.seed);
    session.share(2)
}

fn distinct(report: &Report, cases_min: u64, outcomes_min: usize) {
    eprintln!("{report}");
    assert!(
        report.cases < cases_min || report.outcomes.len() >= outcomes_min,
        "{} cases met only {} outcomes",
        report.cases,
        report.outcomes.len()
    );
}

#[test]
fn no_bytes_upset_the_parsers() {
    let parsers = Parsers::new().unwrap();
    distinct(&session().run(|rng| parsers.case(rng)), 10_000, 8);
}

#[test]
fn no_messages_upset_stage_one() {
    let stage_one = StageOne::new().unwrap();
    distinct(&session().run(|rng| stage_one.case(rng)), 1_000, 15);
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let stage_one = StageOne::new().unwrap();
    let run = || Session { seed: 7, duration: Duration::ZERO }.run(|rng| stage_one.case(rng));
    let (first, second) = (run(), run());
    assert_eq!((first.cases, &first.outcomes), (1, &second.outcomes));
}

//! Our EVM against revm.

use millrace_differential::{
    corpus,
    session::{Report, Session, run_seed},
    verdict::{End, Ended, Seen, check},
};
use millrace_primitives::Fork;

#[test]
fn random_transactions_end_as_in_revm() -> anyhow::Result<()> {
    let session = Session::from_environment()?;
    eprintln!("MILLRACE_FUZZ_SEED={} for {:?}", session.seed, session.duration);
    let report = session.run()?;
    eprintln!("{report:?}");
    Ok(())
}

#[test]
fn the_first_seeds_end_as_in_revm_and_in_every_way() -> anyhow::Result<()> {
    let mut report = Report::new();
    for seed in 0..400 {
        run_seed(seed, &mut report)?;
    }
    let least = |name: &str, count: u64| {
        let seen: u64 =
            report.iter().filter(|(seen, _)| seen.starts_with(name)).map(|(_, count)| count).sum();
        assert!(seen >= count, "{name}: {seen} of {report:?}");
    };
    least("succeeded", 150);
    least("reverted", 20);
    least("halted", 100);
    least("invalid", 30);
    Ok(())
}

#[test]
fn what_chance_seldom_reaches_ends_as_in_revm() -> anyhow::Result<()> {
    for fork in Fork::ALL {
        for (name, case) in corpus::all(fork) {
            let all = match check(&case)? {
                Ok(all) => all,
                Err(difference) => anyhow::bail!("{fork:?}: {name}: {difference}"),
            };
            let is_success = |seen: &Seen| matches!(seen, Seen::Ended(Ended { end: End::Success, .. }));
            // But for what is meant to fail, and what the fork has not: delegations.
            let is_meant = matches!(name, "a longer one" | "collides with itself" | "a call of itself");
            let all_succeed = all.iter().all(is_success);
            assert!(all_succeed || is_meant || fork < Fork::Prague, "{fork:?}: {name}: {all:?}");
        }
    }
    Ok(())
}

//! Fuzzes as long as `MILLRACE_FUZZ_SECONDS` says, and reports what was seen.

use anyhow::Result;
use millrace_fuzz::{Session, parsers::Parsers, stage_one::StageOne};

fn main() -> Result<()> {
    let session = Session::from_environment()?;
    eprintln!("MILLRACE_FUZZ_SEED={} for {:?}", session.seed, session.duration);
    let session = session.share(2);
    let parsers = Parsers::new()?;
    eprintln!("parsers: {}", session.run(|rng| parsers.case(rng)));
    let stage_one = StageOne::new()?;
    eprintln!("stage one: {}", session.run(|rng| stage_one.case(rng)));
    Ok(())
}

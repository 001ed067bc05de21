//! What the engine is told of a fork. The crate knows those up to Cancun whole; of Prague only the floor under the
//! price of call data, which is settled around the engine here (`execute`), as are all other rules that concern a
//! transaction and not an opcode.

use evm::standard::Config;
use millrace_primitives::Fork;

static SHANGHAI: Config = Config::shanghai();
static CANCUN: Config = Config::cancun();

/// The configuration of the engine.
pub(crate) const fn config(fork: Fork) -> &'static Config {
    match fork {
        Fork::Shanghai => &SHANGHAI,
        Fork::Cancun | Fork::Prague | Fork::Osaka => &CANCUN,
    }
}

//! The forks of Ethereum that a rollup may run.

use evm::standard::Config;

/// The rules in force, each with those before it. Prague and Osaka come later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Fork {
    /// March 2023: `PUSH0`, warm beneficiary, bounded initialisation code.
    Shanghai,
    /// March 2024: transient storage, `MCOPY`, tame `SELFDESTRUCT`, the opcodes of blobs.
    #[default]
    Cancun,
}

static SHANGHAI: Config = Config::shanghai();
static CANCUN: Config = Config::cancun();

impl Fork {
    /// The configuration of the engine.
    pub(crate) const fn config(self) -> &'static Config {
        match self {
            Self::Shanghai => &SHANGHAI,
            Self::Cancun => &CANCUN,
        }
    }
}

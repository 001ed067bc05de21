//! Commands that have contracts of governance tell the rollup what was decided.

use super::contracts::{address, hexadecimal};
use millrace_l1::client::ClientError;
use millrace_l1::control::{
    Activation, CancelUpgrade as Cancel, Committee, Control, Decision, Governance, Governor, KernelUpgrade,
    Sequencer,
};

/// The account of fees that nobody can spend from.
const NO_POOL: &str = "0x0000000000000000000000000000000000000000";

/// Announce another kernel, as kernel governance.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace l1 propose-upgrade --root-hash 00… --activation +60
  millrace l1 propose-upgrade --root-hash 00… --activation 1790000000 --security")]
pub(super) struct ProposeUpgrade {
    /// The root of the kernel's preimages: 66 hexadecimal digits, as `rollup.json` has it. The pages must be where the
    /// rollup node looks for them.
    #[arg(long, value_name = "HASH", value_parser = hexadecimal)]
    root_hash: String,
    /// When it takes over: seconds since 1970, or +SECONDS after the newest level.
    #[arg(long, value_name = "TIME", value_parser = activation)]
    activation: Activation,
    #[command(flatten)]
    by: KernelGovernor,
}

/// Announce that a kernel that was announced does not come.
#[derive(Debug, clap::Args)]
pub(super) struct CancelUpgrade {
    /// The root of its preimages: 66 hexadecimal digits.
    #[arg(long, value_name = "HASH", value_parser = hexadecimal)]
    root_hash: String,
    #[command(flatten)]
    by: KernelGovernor,
}

/// Who decides about kernels.
#[derive(Debug, clap::Args)]
struct KernelGovernor {
    /// Decide as security governance: such a kernel goes before others.
    #[arg(long, conflicts_with = "admin")]
    security: bool,
    /// Decide as the admin.
    #[arg(long)]
    admin: bool,
}

impl KernelGovernor {
    fn governor(&self) -> Governor {
        match (self.security, self.admin) {
            (true, _) => Governor::Security,
            (_, true) => Governor::Admin,
            _ => Governor::Kernel,
        }
    }
}

/// Announce another single sequencer, as sequencer governance.
#[derive(Debug, clap::Args)]
pub(super) struct ProposeSequencer {
    /// Its public key: edpk…, sppk… or p2pk….
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    office: Office,
}

/// Announce a committee of sequencers, as sequencer governance.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  millrace l1 propose-committee edpk… edpk… edpk… edpk… --quorum 3 --activation +300")]
pub(super) struct ProposeCommittee {
    /// The public keys of its members: edpk….
    #[arg(value_name = "KEY", required = true)]
    members: Vec<String>,
    /// How many of them must sign; more than two thirds when left out.
    #[arg(long, value_name = "COUNT")]
    quorum: Option<u16>,
    #[command(flatten)]
    office: Office,
}

/// When somebody takes office, and where the fees go.
#[derive(Debug, clap::Args)]
struct Office {
    /// When: seconds since 1970, or +SECONDS after the newest level. It takes effect with the beginning of a level.
    #[arg(long, value_name = "TIME", default_value = "+0", value_parser = activation)]
    activation: Activation,
    /// The account on the rollup that receives the fees.
    #[arg(long, value_name = "ADDRESS", default_value = NO_POOL, value_parser = address)]
    pool: String,
    #[command(flatten)]
    by: SequencerGovernor,
}

/// Tell the rollup that nobody orders transactions any more, as sequencer governance.
#[derive(Debug, clap::Args)]
pub(super) struct RemoveSequencer {
    #[command(flatten)]
    by: SequencerGovernor,
}

/// Who decides about sequencers.
#[derive(Debug, clap::Args)]
struct SequencerGovernor {
    /// Decide as the admin.
    #[arg(long)]
    admin: bool,
}

impl SequencerGovernor {
    fn governor(&self) -> Governor {
        if self.admin { Governor::Admin } else { Governor::Sequencer }
    }
}

/// Send any bytes as the decision of a contract: to see what the kernel makes of them.
#[derive(Debug, clap::Args)]
pub(super) struct ProposeRaw {
    /// The bytes, in hexadecimal.
    #[arg(value_name = "BYTES", value_parser = hexadecimal)]
    bytes: String,
    /// Whose decision.
    #[arg(long, value_name = "CONTRACT", value_parser = governor)]
    from: Governor,
}

impl ProposeUpgrade {
    pub(super) fn governance(self) -> Governance {
        let Self { root_hash, activation, by } = self;
        let decision = Decision::KernelUpgrade(KernelUpgrade { root_hash, activation });
        Governance { from: by.governor(), decision }
    }
}

impl CancelUpgrade {
    pub(super) fn governance(self) -> Governance {
        let decision = Decision::CancelUpgrade(Cancel { root_hash: self.root_hash });
        Governance { from: self.by.governor(), decision }
    }
}

impl ProposeSequencer {
    pub(super) fn governance(self) -> Governance {
        let Office { activation, pool, by } = self.office;
        let decision = Decision::Sequencer(Sequencer { key: self.key, pool, activation });
        Governance { from: by.governor(), decision }
    }
}

impl ProposeCommittee {
    pub(super) fn governance(self) -> Governance {
        let Self { members, quorum, office: Office { activation, pool, by } } = self;
        let quorum = quorum.unwrap_or_else(|| more_than_two_thirds(members.len()));
        let decision = Decision::Committee(Committee { members, quorum, pool, activation });
        Governance { from: by.governor(), decision }
    }
}

impl RemoveSequencer {
    pub(super) fn governance(self) -> Governance {
        Governance { from: self.by.governor(), decision: Decision::RemoveSequencer }
    }
}

impl ProposeRaw {
    pub(super) fn governance(self) -> Governance {
        Governance { from: self.from, decision: Decision::Raw(self.bytes) }
    }
}

pub(super) async fn run(control: &Control, governance: Governance) -> Result<String, ClientError> {
    let decided = control.decide(&governance).await?;
    Ok(format!("{} tells the rollup: 0x{}", decided.contract, decided.payload))
}

fn more_than_two_thirds(members: usize) -> u16 {
    u16::try_from(members * 2 / 3 + 1).unwrap_or(u16::MAX)
}

/// Reads a time: seconds since 1970, or after the newest level with a `+`.
fn activation(text: &str) -> Result<Activation, String> {
    let seconds = |digits: &str| match digits.parse() {
        Ok(seconds) if digits.starts_with(|first: char| first.is_ascii_digit()) => Ok(seconds),
        _ => Err("a time is seconds since 1970, or +SECONDS after the newest level".to_owned()),
    };
    match text.strip_prefix('+') {
        Some(digits) => seconds(digits).map(Activation::InS),
        None => seconds(text).map(Activation::AtS),
    }
}

fn governor(text: &str) -> Result<Governor, String> {
    match text {
        "admin" => Ok(Governor::Admin),
        "kernel" => Ok(Governor::Kernel),
        "security" => Ok(Governor::Security),
        "sequencer" => Ok(Governor::Sequencer),
        _ => Err("one of admin, kernel, security, sequencer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_relative() {
        assert_eq!(activation("1790000000"), Ok(Activation::AtS(1_790_000_000)));
        assert_eq!(activation("+60"), Ok(Activation::InS(60)));
        for wrong in ["", "+", "-1", "++1", "tomorrow", "1.5"] {
            assert!(activation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds() {
        assert_eq!([1, 2, 3, 4, 6, 7, 100].map(more_than_two_thirds), [1, 2, 3, 3, 5, 5, 67]);
    }
}

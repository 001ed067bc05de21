//! `millrace governance encode`, `decode` and `explain`.

use super::{BAD, print};
use crate::preimages::root_hash;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use millrace_governance::{
    Payload, PayloadError,
    explain::{Circumstances, Explanation, Sender, explain as explain_payload},
    spelling::{Parties, Spelling},
    time,
};
use millrace_installer::Parameters;
use millrace_primitives::{Address, ContractHash, PreimageHash, RollupAddress, Timestamp};
use millrace_wire::{
    base58::Base58Check,
    governance::{CancelUpgrade, CommitteeChange, Decision, KernelUpgrade, SequencerUpgrade},
    signature::PublicKey,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// Most characters that are read from the standard input.
const INPUT_CHARS_MAX: u64 = 64 << 10;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace governance encode kernel-upgrade --root-hash 00… --activation 2027-01-15T12:00:00Z
  millrace governance encode cancel --root-hash 00… --contract KT1… --rollup sr1…
  millrace governance encode sequencer --key edpk… --pool 0x… --activation 1800000000
  millrace governance encode committee --member edpk… --member edpk… --member edpk… --quorum 3 --pool 0x… --activation 1800000000
  millrace governance encode remove-sequencer

Contracts of kernel and sequencer governance add the time themselves: what voters choose is in the command lines.
Warnings go to the standard error stream.")]
pub(crate) struct Encode {
    #[command(subcommand)]
    decision: DecisionArguments,
}

#[derive(Debug, Subcommand)]
enum DecisionArguments {
    /// Another kernel takes over.
    KernelUpgrade(Upgrade),
    /// The same bytes from the contract of security governance: it goes before all others, with a notice of its own.
    SecurityUpgrade(Upgrade),
    /// An upgrade that waits does not happen.
    Cancel(Cancel),
    /// Another single sequencer.
    Sequencer(Sequencer),
    /// A committee orders transactions.
    Committee(Committee),
    /// Nobody orders transactions any more.
    RemoveSequencer(Output),
}

#[derive(Debug, Args)]
struct Output {
    /// The contract of governance, for the command lines.
    #[arg(long, value_name = "KT1", value_parser = base58::<ContractHash>)]
    contract: Option<ContractHash>,
    /// The rollup, for the command lines.
    #[arg(long, value_name = "SR1", value_parser = base58::<RollupAddress>)]
    rollup: Option<RollupAddress>,
    /// The account that votes, for the command lines: an alias or an address.
    #[arg(long, value_name = "ACCOUNT", value_parser = alias)]
    voter: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Upgrade {
    /// The root of the pages of the kernel: 33 bytes in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = root_hash)]
    root_hash: PreimageHash,
    /// When it takes over: seconds since 1970, or as in 2027-01-15T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    activation: Timestamp,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Cancel {
    /// The root of the pages of the kernel whose upgrade does not happen.
    #[arg(long, value_name = "HEX", value_parser = root_hash)]
    root_hash: PreimageHash,
    /// Plays no role; contracts add one.
    #[arg(long, value_name = "TIME", value_parser = time::parse, default_value = "0")]
    timestamp: Timestamp,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Sequencer {
    /// Its public key: edpk…, sppk… or p2pk….
    #[arg(long, value_name = "KEY", value_parser = base58::<PublicKey>)]
    key: PublicKey,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Committee {
    /// The public key of a member, edpk…; once for each, in the order in which certificates count them.
    #[arg(long = "member", value_name = "KEY", value_parser = base58::<PublicKey>, required = true)]
    members: Vec<PublicKey>,
    /// How many of them certify a blueprint.
    #[arg(long, value_name = "COUNT")]
    quorum: u16,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Terms {
    /// Who receives the fees from then on: 20 bytes in hexadecimal.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pool: Address,
    /// When it takes effect: seconds since 1970, or as in 2027-01-15T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    activation: Timestamp,
}

impl DecisionArguments {
    fn decision(&self) -> Decision {
        match self {
            Self::KernelUpgrade(Upgrade { root_hash, activation, .. })
            | Self::SecurityUpgrade(Upgrade { root_hash, activation, .. }) => {
                Decision::KernelUpgrade(KernelUpgrade { root_hash: *root_hash, activation: *activation })
            }
            Self::Cancel(Cancel { root_hash, timestamp, .. }) => {
                Decision::CancelUpgrade(CancelUpgrade { root_hash: *root_hash, timestamp: *timestamp })
            }
            Self::Sequencer(Sequencer { key, terms: Terms { pool, activation }, .. }) => {
                Decision::SequencerUpgrade(SequencerUpgrade {
                    key: *key,
                    pool: *pool,
                    activation: *activation,
                })
            }
            Self::Committee(Committee { members, quorum, terms: Terms { pool, activation }, .. }) => {
                let (members, quorum, pool, activation) = (members.clone(), *quorum, *pool, *activation);
                Decision::CommitteeChange(CommitteeChange { members, quorum, pool, activation })
            }
            Self::RemoveSequencer(_) => Decision::RemoveSequencer,
        }
    }

    const fn output(&self) -> &Output {
        match self {
            Self::KernelUpgrade(arguments) | Self::SecurityUpgrade(arguments) => &arguments.output,
            Self::Cancel(arguments) => &arguments.output,
            Self::Sequencer(arguments) => &arguments.output,
            Self::Committee(arguments) => &arguments.output,
            Self::RemoveSequencer(output) => output,
        }
    }
}

/// Makes the bytes, and refuses those that the kernel would ignore.
pub(crate) fn encode(arguments: Encode) -> anyhow::Result<ExitCode> {
    let decision = arguments.decision.decision();
    let payload = Payload::decode(&decision.encode())?;
    let output = arguments.decision.output();
    let sender =
        matches!(arguments.decision, DecisionArguments::SecurityUpgrade(_)).then_some(Sender::Security);
    let circumstances = Circumstances { now: now(), terms: None, sender };
    for warning in explain_payload(&payload, &circumstances).warnings {
        eprintln!("WARNING: {warning}");
    }
    let parties = Parties { contract: output.contract, rollup: output.rollup, voter: output.voter.clone() };
    let spelling = Spelling::of(&decision, &parties);
    print(output.json, || spelling.to_json(), &spelling);
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace governance decode 0xeba1…
  octez-client … | millrace governance decode -

The payload is bytes in hexadecimal, Micheline (0x…, Right 0x…, Pair \"sr1…\" 0x…, Pair \"edpk…\" 0x…) or Micheline as
JSON ({\"bytes\": …}). The 33 bytes that voters choose are read too. Exit code 1 when the kernel would ignore it.")]
pub(crate) struct Decode {
    /// The payload; - reads it from the standard input.
    payload: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says what a payload is.
pub(crate) fn decode(arguments: &Decode) -> anyhow::Result<ExitCode> {
    match read(&arguments.payload)? {
        Ok(payload) => {
            let fields = fields(&payload);
            print(arguments.json, || json_of(&payload), Table(&fields));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(refused(arguments.json, &error)),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace governance explain 0xeba1… --parameters rollup.yaml --sender kernel

Exit code 1 when the kernel would ignore it, whatever is warned of.")]
pub(crate) struct Explain {
    /// The payload, as `millrace governance decode` takes it; - reads it from the standard input.
    payload: String,
    /// The parameters of the rollup: rollup.yaml, or the rollup.json of its installer.
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Who sends it.
    #[arg(long, value_enum)]
    sender: Option<SenderArgument>,
    /// The time now, instead of that of this machine.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    now: Option<Timestamp>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SenderArgument {
    /// The administrator.
    Admin,
    /// Ordinary kernel governance.
    Kernel,
    /// Security governance.
    Security,
    /// Sequencer governance.
    Sequencer,
}

impl From<SenderArgument> for Sender {
    fn from(argument: SenderArgument) -> Self {
        match argument {
            SenderArgument::Admin => Self::Admin,
            SenderArgument::Kernel => Self::Kernel,
            SenderArgument::Security => Self::Security,
            SenderArgument::Sequencer => Self::Sequencer,
        }
    }
}

/// Says what a payload will do.
pub(crate) fn explain(arguments: &Explain) -> anyhow::Result<ExitCode> {
    let terms = arguments.parameters.as_deref().map(upgrades).transpose()?;
    let payload = match read(&arguments.payload)? {
        Ok(payload) => payload,
        Err(error) => return Ok(refused(arguments.json, &error)),
    };
    let circumstances = Circumstances {
        now: arguments.now.unwrap_or_else(now),
        terms,
        sender: arguments.sender.map(Sender::from),
    };
    let explanation: Explanation = explain_payload(&payload, &circumstances);
    let json = || {
        let mut json = json_of(&payload);
        json["explanation"] = explanation.to_json();
        json
    };
    print(arguments.json, json, &explanation);
    Ok(ExitCode::SUCCESS)
}

/// The rules about upgrades in a file of parameters.
fn upgrades(path: &Path) -> anyhow::Result<millrace_layout::parameters::Upgrades> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let shown = || path.display().to_string();
    let parameters = if text.trim_start().starts_with('{') {
        let mut index: Value = serde_json::from_str(&text).with_context(shown)?;
        serde_json::from_value(index["parameters"].take()).with_context(shown)?
    } else {
        Parameters::from_yaml(&text).with_context(shown)?
    };
    Ok(parameters.genesis().with_context(shown)?.parameters.upgrades)
}

fn read(text: &str) -> anyhow::Result<Result<Payload, PayloadError>> {
    if text != "-" {
        return Ok(Payload::read(text));
    }
    let mut input = String::new();
    let read = std::io::stdin().take(INPUT_CHARS_MAX + 1).read_to_string(&mut input);
    read.context("the standard input is no text")?;
    Ok(Payload::read(&input))
}

/// Says why there is no payload.
fn refused(is_json: bool, error: &PayloadError) -> ExitCode {
    if is_json {
        let canonical = match error {
            PayloadError::NotCanonical { canonical } => Some(format!("0x{}", hex::encode(canonical))),
            _ => None,
        };
        let json = json!({ "error": error.to_string(), "reason": error.reason(), "canonical": canonical });
        println!("{json:#}");
    } else {
        eprintln!("error: {error}");
    }
    ExitCode::from(BAD)
}

type Fields = Vec<(&'static str, Value)>;

/// What a payload says, field by field.
fn fields(payload: &Payload) -> Fields {
    let mut fields: Fields = vec![("kind", payload.kind().into())];
    let mut add = |name, value: String| fields.push((name, value.into()));
    match payload {
        Payload::Decision(Decision::RemoveSequencer) => {}
        Payload::Decision(Decision::KernelUpgrade(KernelUpgrade { root_hash, activation })) => {
            add("root_hash", root_hash.to_string());
            add("activation", time::show(*activation));
        }
        Payload::Decision(Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp })) => {
            add("root_hash", root_hash.to_string());
            add("timestamp", time::show(*timestamp));
        }
        Payload::Decision(Decision::SequencerUpgrade(SequencerUpgrade { key, pool, activation })) => {
            add("key", key.to_base58());
            add("pool", format!("{pool:?}"));
            add("activation", time::show(*activation));
        }
        Payload::Decision(Decision::CommitteeChange(change)) => {
            add("pool", format!("{:?}", change.pool));
            add("activation", time::show(change.activation));
            fields.push(("quorum", change.quorum.into()));
            let members: Vec<_> = change.members.iter().map(Base58Check::to_base58).collect();
            fields.push(("members", members.into()));
        }
        Payload::KernelVote { root_hash, .. } => add("root_hash", root_hash.to_string()),
        Payload::SequencerVote { key, pool } => {
            add("key", key.to_base58());
            add("pool", format!("{pool:?}"));
        }
    }
    fields
}

fn json_of(payload: &Payload) -> Value {
    let named = fields(payload).into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(named.collect())
}

/// Fields in lines.
struct Table<'a>(&'a Fields);

impl std::fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in self.0 {
            match value {
                Value::String(text) => writeln!(f, "{name:<11} {text}")?,
                Value::Array(texts) => {
                    for text in texts {
                        writeln!(f, "{name:<11} {}", text.as_str().unwrap_or_default())?;
                    }
                }
                other => writeln!(f, "{name:<11} {other}")?,
            }
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::new(now.map_or(0, |now| now.as_secs()))
}

fn address(text: &str) -> Result<Address, String> {
    let digits = text.strip_prefix("0x").ok_or("an address starts with 0x")?;
    let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
    let bytes: [u8; 20] =
        bytes.try_into().map_err(|bytes: Vec<u8>| format!("20 bytes are needed, not {}", bytes.len()))?;
    Ok(bytes.into())
}

pub(super) fn base58<T: Base58Check>(text: &str) -> Result<T, String> {
    T::from_base58(text).map_err(|error| error.to_string())
}

/// It stands in a command line for a shell.
fn alias(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("an alias has letters, digits and _-.: only".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        let digits = "00".repeat(33);
        assert!(root_hash(&digits).is_ok() && root_hash(&format!("0x{digits}")).is_ok());
        for bad in ["", "0x", "zz", &digits[2..], &"01".repeat(33)] {
            assert!(root_hash(bad).is_err(), "{bad}");
        }
        assert!(address(&format!("0x{}", "ab".repeat(20))).is_ok());
        for bad in ["0xab", &"ab".repeat(20)] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert!(alias("my_baker-1.x").is_ok());
        for bad in ["", "a b", "a'b", "$(x)"] {
            assert!(alias(bad).is_err(), "{bad}");
        }
        assert!(base58::<PublicKey>("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx").is_err());
    }

    #[test]
    fn the_rules_of_a_rollup_are_read_from_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters = millrace_installer::development::parameters();
        parameters.upgrades.notice_s = 77;
        let index = json!({ "parameters": parameters }).to_string();
        let (json, yaml) = (folder.path().join("rollup.json"), folder.path().join("rollup.yaml"));
        fs::write(&json, index).unwrap();
        fs::write(&yaml, "chain_id: 1\nsequencer: edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav\nupgrades:\n  notice_s: 78\n")
            .unwrap();
        assert_eq!(upgrades(&json).unwrap().notice_s, 77);
        assert_eq!(upgrades(&yaml).unwrap().notice_s, 78);
        fs::write(&json, "{}").unwrap();
        assert!(upgrades(&json).is_err());
    }
}

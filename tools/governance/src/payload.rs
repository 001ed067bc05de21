//! Payloads of governance: what they say, and the forms in which one meets them.

use crate::{
    canonical,
    micheline::{self, Expression, MichelineError},
};
use millrace_primitives::{Address, PreimageHash};
use millrace_wire::{
    authority::AuthorityError,
    base58::Base58Check as _,
    governance::{CancelUpgrade, Decision, GovernanceError},
    signature::PublicKey,
};

/// The first byte in place of the hash function, in what voters choose to cancel.
const CANCEL: u8 = 0xff;

/// What somebody was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// What a contract sends to the rollup.
    Decision(Decision),
    /// What voters choose on a contract of kernel governance; the contract adds the time, and sends a decision.
    KernelVote {
        /// The kernel that is meant.
        root_hash: PreimageHash,
        /// Whether its upgrade is to be cancelled.
        cancels: bool,
    },
    /// What voters choose on a contract of sequencer governance; the contract adds the time, and sends a decision.
    SequencerVote {
        /// The key of the sequencer to come, which is valid.
        key: PublicKey,
        /// Who receives the fees.
        pool: Address,
    },
}

/// Why something is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The text is neither bytes in hexadecimal nor Micheline.
    #[error("this is neither bytes in hexadecimal nor Micheline: {0}")]
    Text(#[from] MichelineError),
    /// Micheline of another shape than any argument of governance.
    #[error("governance is not called with `{0}`")]
    Shape(String),
    /// The kernel ignores these bytes.
    #[error("the kernel ignores these bytes: {} (reason {})", text_of(*.0), reason_of(*.0))]
    Refused(GovernanceError),
    /// They say something, but not in the only spelling that the kernel takes.
    #[error(
        "the kernel ignores these bytes: not minimal RLP (reason 190); the same decision is spelled 0x{}",
        hex::encode(.canonical)
    )]
    NotCanonical {
        /// The bytes that the kernel takes.
        canonical: Vec<u8>,
    },
    /// The key of a vote that is none, or no valid one.
    #[error("`{0}` is not a valid public key")]
    Key(String),
}

impl PayloadError {
    /// The stable number with which the kernel ignores the bytes; `None` when there are none.
    pub fn reason(&self) -> Option<u16> {
        match self {
            Self::Refused(error) => Some(reason_of(*error)),
            Self::NotCanonical { .. } => Some(reason_of(GovernanceError::Malformed)),
            Self::Text(_) | Self::Shape(_) | Self::Key(_) => None,
        }
    }
}

/// The numbers are those of `docs/messages.md` (`inbox::Reason`).
const fn reason_of(error: GovernanceError) -> u16 {
    match error {
        GovernanceError::Malformed => 190,
        GovernanceError::Width => 191,
        GovernanceError::Timestamp => 192,
        GovernanceError::RootHash => 193,
        GovernanceError::Key => 194,
        GovernanceError::Authority(_) => 195,
    }
}

fn text_of(error: GovernanceError) -> String {
    match error {
        GovernanceError::Malformed => "no list that governance knows, or bytes after it".into(),
        GovernanceError::Width => "a field of another width than it must have".into(),
        GovernanceError::Timestamp => "a time before 1970".into(),
        GovernanceError::RootHash => "a root hash of an unknown hash function".into(),
        GovernanceError::Key => "not a public key, or one that cannot sign".into(),
        GovernanceError::Authority(AuthorityError::Quorum) => {
            format!("a quorum that cannot be reached: {}", AuthorityError::Quorum)
        }
        GovernanceError::Authority(error) => format!("a committee that cannot take office: {error}"),
    }
}

impl Payload {
    /// Reads text: bytes in hexadecimal with or without `0x`; Micheline as text or JSON, alone, as the parameter of the
    /// rollup (`Right …`), or as the argument of a contract (`Pair "sr1…" 0x…`, `Pair "edpk…" 0x…`).
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(text: &str) -> Result<Self, PayloadError> {
        let text = text.trim();
        let is_hexadecimal = text.len() <= micheline::TEXT_BYTES_MAX
            && !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hexadecimal {
            return Self::decode(&micheline::bytes(text)?);
        }
        Self::of_expression(&Expression::parse(text)?)
    }

    fn of_expression(expression: &Expression) -> Result<Self, PayloadError> {
        let shape = || PayloadError::Shape(expression.to_text().chars().take(80).collect());
        match expression {
            Expression::Bytes(bytes) => Self::decode(bytes),
            Expression::Primitive(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("Right", [inner]) => Self::of_expression(inner),
                ("Pair", [Expression::Text(text), Expression::Bytes(bytes)]) => {
                    if text.starts_with("sr1") || text.starts_with("KT1") {
                        return Self::decode(bytes);
                    }
                    let pool: [u8; 20] = bytes.as_slice().try_into().map_err(|_| shape())?;
                    let key = PublicKey::from_base58(text).ok().filter(PublicKey::is_valid);
                    let key = key.ok_or_else(|| PayloadError::Key(text.chars().take(80).collect()))?;
                    Ok(Self::SequencerVote { key, pool: pool.into() })
                }
                _ => Err(shape()),
            },
            Expression::Text(_) | Expression::Integer(_) => Err(shape()),
        }
    }

    /// Reads bytes: a decision, or the 33 bytes that voters choose.
    ///
    /// # Errors
    /// [`PayloadError::Refused`] and [`PayloadError::NotCanonical`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        if let Some(vote) = kernel_vote(bytes) {
            return Ok(vote);
        }
        let error = match Decision::decode(bytes) {
            Ok(decision) => return Ok(Self::Decision(decision)),
            Err(error) => error,
        };
        // A time or a key that is wrong stays wrong in whatever spelling.
        match canonical::respell(bytes) {
            Some(canonical) if canonical != bytes && Decision::decode(&canonical).is_ok() => {
                Err(PayloadError::NotCanonical { canonical })
            }
            _ => Err(PayloadError::Refused(error)),
        }
    }

    /// What kind it is, as the command line names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Decision(Decision::RemoveSequencer) => "remove-sequencer",
            Self::Decision(Decision::KernelUpgrade(_)) => "kernel-upgrade",
            Self::Decision(Decision::CancelUpgrade(_)) => "cancel",
            Self::Decision(Decision::SequencerUpgrade(_)) => "sequencer",
            Self::Decision(Decision::CommitteeChange(_)) => "committee",
            Self::KernelVote { cancels: false, .. } => "vote for a kernel-upgrade",
            Self::KernelVote { cancels: true, .. } => "vote for a cancel",
            Self::SequencerVote { .. } => "vote for a sequencer",
        }
    }
}

/// No decision has 33 bytes and begins like this: it would be one byte, with bytes after it.
fn kernel_vote(bytes: &[u8]) -> Option<Payload> {
    let (tag, digest) = bytes.split_first()?;
    if digest.len() != 32 || !matches!(*tag, 0 | CANCEL) {
        return None;
    }
    let root_hash = PreimageHash::from_slice(&[&[0], digest].concat())?;
    Some(Payload::KernelVote { root_hash, cancels: *tag == CANCEL })
}

/// The 33 bytes that voters choose for this decision; `None` when it is none about kernels.
pub fn voted_bytes(decision: &Decision) -> Option<Vec<u8>> {
    match decision {
        Decision::KernelUpgrade(upgrade) => Some(upgrade.root_hash.as_bytes().to_vec()),
        Decision::CancelUpgrade(CancelUpgrade { root_hash, .. }) => {
            Some([&[CANCEL], &root_hash.as_bytes()[1..]].concat())
        }
        _ => None,
    }
}

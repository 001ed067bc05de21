//! What contracts of the layer 1 decide about the rollup: the bytes of a `Right …`.
//!
//! ```text
//! nothing                                                            remove the sequencer
//! RLP [ 0x00 | digest 32, timestamp ]                                kernel upgrade
//! RLP [ 0xff | digest 32, timestamp ]                                cancel the upgrade to that kernel
//! RLP [ key in base58, pool 20, timestamp ]                          sequencer upgrade
//! RLP [ [ tag of curve | key, … ], quorum u16, pool 20, timestamp ]  committee change
//! ```
//!
//! Fixed-width fields are little-endian; timestamps are i64 and never before 1970. The first, second and fourth
//! are Etherlink's (`upgrade.rs` of its kernel), the others ours, told apart by their first item.
//!
//! A cancellation has the shape of an upgrade because the contracts that are in use let voters choose 33 bytes
//! and nothing else: so a vote on those contracts can cancel. The first byte of a root hash names the hash
//! function of the layer 1, which has only 0x00; the digest says which upgrade is meant, so that a late
//! cancellation does not hit another one.
//!
//! **Bounds**: one message. **Failure**: keys and committees that could not certify a block are refused here, on
//! receipt, when refusing costs nothing. **Deliberately unknown**: which contract may decide what, and when it
//! takes effect.

use crate::{
    authority::{Authority, AuthorityError, MEMBERS_MAX},
    base58::Base58Check,
    little_endian,
    rlp_strict::{self, Item},
    signature::PublicKey,
};
use alloc::vec::Vec;
use millrace_primitives::{Address, Epoch, PreimageHash, Timestamp};
use rlp::RlpStream;

/// The first byte of root hashes: Blake2b-256.
const ROOT_HASH: u8 = 0;
/// In its place, to cancel.
const CANCEL: u8 = 0xff;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody orders transactions any more, at once.
    RemoveSequencer,
    /// Another kernel.
    KernelUpgrade(KernelUpgrade),
    /// No other kernel after all.
    CancelUpgrade(CancelUpgrade),
    /// Another single sequencer.
    SequencerUpgrade(SequencerUpgrade),
    /// Another committee.
    CommitteeChange(CommitteeChange),
}

/// Another kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelUpgrade {
    /// The root of its preimages.
    pub root_hash: PreimageHash,
    /// When it takes over.
    pub activation: Timestamp,
}

/// The end of an upgrade that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelUpgrade {
    /// The upgrade to cancel, by its [`KernelUpgrade::root_hash`].
    pub root_hash: PreimageHash,
    /// What the contract adds to every vote. It plays no role: a cancellation takes effect at once.
    pub timestamp: Timestamp,
}

/// Another single sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerUpgrade {
    /// Its key, which is valid.
    pub key: PublicKey,
    /// Who receives the fees.
    pub pool: Address,
    /// When it takes over.
    pub activation: Timestamp,
}

/// Another committee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitteeChange {
    /// As in [`Authority::members`].
    pub members: Vec<PublicKey>,
    /// As in [`Authority::quorum`].
    pub quorum: u16,
    /// Who receives the fees.
    pub pool: Address,
    /// When it takes over.
    pub activation: Timestamp,
}

/// Why bytes decide nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GovernanceError {
    /// Not one of the lists in minimal RLP, or with bytes after it.
    Malformed,
    /// A field of another width than its type has.
    Width,
    /// A timestamp before 1970.
    Timestamp,
    /// A root hash of an unknown hash function.
    RootHash,
    /// Not a public key, or not a valid one.
    Key,
    /// A committee that cannot take office.
    Authority(AuthorityError),
}

impl SequencerUpgrade {
    /// The authority that it makes.
    pub fn authority(&self, epoch: Epoch) -> Authority {
        Authority::single(epoch, self.key)
    }
}

impl CommitteeChange {
    /// The authority that it makes.
    pub fn authority(&self, epoch: Epoch) -> Authority {
        Authority { epoch, members: self.members.clone(), quorum: self.quorum }
    }
}

impl Decision {
    /// Reads the bytes of a `Right …` from a contract of governance. Costs one [`PublicKey::is_valid`] a key:
    /// look at the sender first.
    ///
    /// # Errors
    /// [`GovernanceError`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, GovernanceError> {
        if bytes.is_empty() {
            return Ok(Self::RemoveSequencer);
        }
        let items = rlp_strict::whole_list(bytes).ok_or(GovernanceError::Malformed)?;
        match rlp_strict::split(items).ok_or(GovernanceError::Malformed)? {
            (Item::List(members), rest) => committee_change(members, rest).map(Self::CommitteeChange),
            (Item::String(&[tag, ref digest @ ..]), rest) if digest.len() == 32 => {
                kernel_upgrade(tag, digest, rest)
            }
            (Item::String(key), rest) => sequencer_upgrade(key, rest).map(Self::SequencerUpgrade),
        }
    }

    /// The bytes, for tools and tests.
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        match self {
            Self::RemoveSequencer => return Vec::new(),
            Self::KernelUpgrade(upgrade) => {
                stream.begin_list(2).append(&upgrade.root_hash.as_bytes().as_slice());
                append_timestamp(upgrade.activation, &mut stream);
            }
            Self::CancelUpgrade(cancel) => {
                let mut root_hash = *cancel.root_hash.as_bytes();
                if let Some(tag) = root_hash.first_mut() {
                    *tag = CANCEL;
                }
                stream.begin_list(2).append(&root_hash.as_slice());
                append_timestamp(cancel.timestamp, &mut stream);
            }
            Self::SequencerUpgrade(upgrade) => {
                stream.begin_list(3).append(&upgrade.key.to_base58().as_bytes());
                stream.append(&upgrade.pool);
                append_timestamp(upgrade.activation, &mut stream);
            }
            Self::CommitteeChange(change) => {
                stream.begin_list(4).begin_list(change.members.len());
                change.members.iter().for_each(|member| {
                    stream.append(&member.to_bytes());
                });
                stream.append(&change.quorum.to_le_bytes().as_slice());
                stream.append(&change.pool);
                append_timestamp(change.activation, &mut stream);
            }
        }
        stream.out().to_vec()
    }
}

fn kernel_upgrade(tag: u8, digest: &[u8], rest: &[u8]) -> Result<Decision, GovernanceError> {
    let timestamp = last_timestamp(rest)?;
    let root_hash = PreimageHash::from_slice(&[&[ROOT_HASH], digest].concat());
    let root_hash = root_hash.ok_or(GovernanceError::Width)?;
    match tag {
        ROOT_HASH => Ok(Decision::KernelUpgrade(KernelUpgrade { root_hash, activation: timestamp })),
        CANCEL => Ok(Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp })),
        _ => Err(GovernanceError::RootHash),
    }
}

fn sequencer_upgrade(key: &[u8], mut rest: &[u8]) -> Result<SequencerUpgrade, GovernanceError> {
    let pool = next_address(&mut rest)?;
    let activation = last_timestamp(rest)?;
    let text = core::str::from_utf8(key).map_err(|_| GovernanceError::Key)?;
    let key = PublicKey::from_base58(text).map_err(|_| GovernanceError::Key)?;
    if key.is_valid() { Ok(SequencerUpgrade { key, pool, activation }) } else { Err(GovernanceError::Key) }
}

fn committee_change(mut keys: &[u8], mut rest: &[u8]) -> Result<CommitteeChange, GovernanceError> {
    let quorum = rlp_strict::next_string(&mut rest).ok_or(GovernanceError::Malformed)?;
    let quorum = little_endian::u16(quorum).ok_or(GovernanceError::Width)?;
    let pool = next_address(&mut rest)?;
    let activation = last_timestamp(rest)?;
    let mut members = Vec::new();
    while !keys.is_empty() {
        if members.len() >= MEMBERS_MAX {
            return Err(GovernanceError::Authority(AuthorityError::TooManyMembers));
        }
        let key = rlp_strict::next_string(&mut keys).ok_or(GovernanceError::Malformed)?;
        members.push(PublicKey::from_bytes(key).ok_or(GovernanceError::Key)?);
    }
    let change = CommitteeChange { members, quorum, pool, activation };
    change.authority(Epoch::ZERO).validate().map_err(GovernanceError::Authority)?;
    Ok(change)
}

fn next_address(items: &mut &[u8]) -> Result<Address, GovernanceError> {
    let field = rlp_strict::next_string(items).ok_or(GovernanceError::Malformed)?;
    let field: [u8; 20] = field.try_into().map_err(|_| GovernanceError::Width)?;
    Ok(field.into())
}

/// The only item that is left.
fn last_timestamp(mut items: &[u8]) -> Result<Timestamp, GovernanceError> {
    let field = rlp_strict::next_string(&mut items).ok_or(GovernanceError::Malformed)?;
    if !items.is_empty() {
        return Err(GovernanceError::Malformed);
    }
    if field.len() != 8 {
        return Err(GovernanceError::Width);
    }
    little_endian::timestamp(field).ok_or(GovernanceError::Timestamp)
}

fn append_timestamp(timestamp: Timestamp, stream: &mut RlpStream) {
    stream.append(&little_endian::timestamp_field(timestamp).as_slice());
}

#[cfg(test)]
mod tests;

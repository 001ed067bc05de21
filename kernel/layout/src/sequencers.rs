//! Who may order transactions.

use crate::{
    Key, LayoutError, Value,
    catalog::{ALL_PREPARED, AUTHORITY, AUTHORITY_CHANGE, PREPARED},
    codec,
    key::{at, path},
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{Epoch, Timestamp, TransactionHash};
use millrace_wire::{authority::Authority, signature::PreparedKey};
use rlp::RlpStream;

impl Value for Authority {
    const SIZE_BYTES_MAX: usize = 8_192;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(3);
        stream.append(&self.epoch.get());
        stream.append(&self.quorum);
        stream.begin_list(self.members.len());
        for member in &self.members {
            stream.append(&member.to_bytes());
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 3)?;
        Some(Self {
            epoch: Epoch::new(rlp.val_at(0).ok()?),
            quorum: rlp.val_at(1).ok()?,
            members: codec::public_keys_at(&rlp, 2)?,
        })
    }
}

/// The key of the authority in office.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<Authority>, LayoutError> {
    Key::new(AUTHORITY.pattern.to_string())
}

/// The authority in office; `None` when nobody orders transactions.
///
/// # Errors
/// As [`Key::read`].
pub fn read(store: &impl Store) -> Result<Option<Authority>, LayoutError> {
    key()?.read(store)
}

/// The last change of authority that took effect. It stays when the authority is removed: epochs are never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The epoch that began with it.
    pub epoch: Epoch,
    /// Its number among all that were announced.
    pub number: u64,
    /// When it was to take effect.
    pub activation: Timestamp,
}

impl Value for Change {
    const SIZE_BYTES_MAX: usize = 20;
    // One host call: a run that dies has written all of it or nothing.
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.epoch.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.activation.get().to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk::<4>()?;
        let (number, activation) = rest.split_first_chunk::<8>()?;
        Some(Self {
            epoch: Epoch::new(u32::from_be_bytes(*epoch)),
            number: u64::from_be_bytes(*number),
            activation: Timestamp::new(u64::from_be_bytes(activation.try_into().ok()?)),
        })
    }
}

/// The key of the last change of authority that took effect; absent before the first.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn change() -> Result<Key<Change>, LayoutError> {
    Key::new(AUTHORITY_CHANGE.pattern.to_string())
}

/// A key of a member, prepared for checking many signatures. Derived from the key alone: it may be forgotten at any time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared(pub Vec<u8>);

impl Value for Prepared {
    const SIZE_BYTES_MAX: usize = PreparedKey::SIZE_BYTES;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == PreparedKey::SIZE_BYTES).then(|| Self(bytes.to_vec()))
    }
}

/// The key of what is prepared of the Ed25519 key `member`.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn prepared(member: &[u8; 32]) -> Result<Key<Prepared>, LayoutError> {
    Key::new(PREPARED.fill(&[&TransactionHash::new(*member)]))
}

/// Forgets all that is prepared: the members change.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn forget_prepared(store: &mut impl Store) -> Result<(), LayoutError> {
    let all = path(ALL_PREPARED.pattern.to_string())?;
    store.store_delete(all.as_path()).map_err(at(&all))
}

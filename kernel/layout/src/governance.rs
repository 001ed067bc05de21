//! What governance has announced and what has not happened yet.

use crate::{
    Key, LayoutError, Value,
    catalog::{PENDING_AUTHORITY, PENDING_UPGRADES},
    codec,
};
use alloc::{string::ToString, vec::Vec};
use millrace_primitives::{Address, Timestamp};
use millrace_wire::authority::{Authority, PublicKey};
use rlp::{Rlp, RlpStream};

/// Most kernel upgrades that may wait.
pub const UPGRADES_MAX: usize = 8;

/// Who announced an upgrade.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Source {
    /// The contract of ordinary kernel governance.
    Kernel = 1,
    /// The contract of security governance.
    Security = 2,
    /// The administrator.
    Admin = 3,
}

impl Source {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Kernel),
            2 => Some(Self::Security),
            3 => Some(Self::Admin),
            _ => None,
        }
    }
}

/// A kernel that will take over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PendingUpgrade {
    /// The root of its preimages: a tag and a Blake2b-256.
    pub root_hash: [u8; 33],
    /// The first block at or after this time is made by it.
    pub activation: Timestamp,
    /// Who announced it.
    pub source: Source,
}

/// The kernel upgrades that wait, earliest first; those for the same time in the order of their arrival.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PendingUpgrades(pub Vec<PendingUpgrade>);

impl Value for PendingUpgrades {
    const SIZE_BYTES_MAX: usize = 1_024;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(self.0.len());
        for upgrade in &self.0 {
            stream.begin_list(3);
            stream.append(&upgrade.root_hash.as_slice());
            stream.append(&upgrade.activation.get());
            stream.append(&(upgrade.source as u8));
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::whole_list(bytes)?;
        rlp.iter().map(|upgrade| upgrade_of(&upgrade)).collect::<Option<_>>().map(Self)
    }
}

fn upgrade_of(rlp: &Rlp<'_>) -> Option<PendingUpgrade> {
    codec::has_items(rlp, 3).then_some(())?;
    Some(PendingUpgrade {
        root_hash: codec::array_at(rlp, 0)?,
        activation: Timestamp::new(codec::u64_at(rlp, 1)?),
        source: Source::from_byte(rlp.val_at(2).ok()?)?,
    })
}

/// A change of who orders transactions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingAuthority {
    /// The members to come, in the order in which certificates refer to them; nobody when the sequencer is
    /// removed.
    pub members: Vec<PublicKey>,
    /// How many of them must sign.
    pub quorum: u16,
    /// Receives what transactions pay for their bytes from then on.
    pub pool: Option<Address>,
    /// When.
    pub activation: Timestamp,
}

impl Value for PendingAuthority {
    const SIZE_BYTES_MAX: usize = Authority::SIZE_BYTES_MAX + 64;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(4);
        stream.begin_list(self.members.len());
        for member in &self.members {
            stream.append(&member.to_bytes());
        }
        stream.append(&self.quorum);
        stream.append(&self.pool.as_ref().map_or(&[][..], Address::as_bytes));
        stream.append(&self.activation.get());
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 4)?;
        Some(Self {
            members: codec::public_keys_at(&rlp, 0)?,
            quorum: rlp.val_at(1).ok()?,
            pool: codec::address_or_nothing_at(&rlp, 2)?,
            activation: Timestamp::new(codec::u64_at(&rlp, 3)?),
        })
    }
}

/// The key of the kernel upgrades that wait.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn upgrades() -> Result<Key<PendingUpgrades>, LayoutError> {
    Key::new(PENDING_UPGRADES.pattern.to_string())
}

/// The key of the change of authority that waits.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn authority() -> Result<Key<PendingAuthority>, LayoutError> {
    Key::new(PENDING_AUTHORITY.pattern.to_string())
}

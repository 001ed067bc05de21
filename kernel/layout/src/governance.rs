//! What governance, or a sequencer itself, has announced and what has not happened yet.

use crate::{
    Key, LayoutError, Value,
    catalog::{PENDING_AUTHORITIES, PENDING_UPGRADES},
    codec,
};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{Address, L1Level, Timestamp};
use millrace_wire::authority::{Authority, PublicKey};
use rlp::{Rlp, RlpStream};

/// Most kernel upgrades of one source that may wait: nobody can keep the others out.
pub const UPGRADES_MAX: usize = 8;
/// Most changes of authority that may wait.
pub const AUTHORITIES_MAX: usize = 8;

/// Who announced an upgrade. Each may cancel what those before it announced, and what it announced itself.
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

impl PendingUpgrades {
    /// The one whose turn is next. One of security governance goes before all others, and they wait for it: they were
    /// made without what it mends.
    pub fn next(&self) -> Option<&PendingUpgrade> {
        self.0.iter().find(|upgrade| upgrade.source == Source::Security).or(self.0.first())
    }
}

impl Value for PendingUpgrades {
    const SIZE_BYTES_MAX: usize = 2_048;
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
    /// Its number: each announcement has the next one.
    pub number: u64,
    /// The level in which it was announced. It takes effect in a later one.
    pub announced_at: L1Level,
    /// The members to come, in the order in which certificates refer to them; nobody when the sequencer is
    /// removed.
    pub members: Vec<PublicKey>,
    /// How many of them must sign.
    pub quorum: u16,
    /// Receives what transactions pay for their bytes from then on; `None` leaves it as it is, as a removal does and a
    /// sequencer that hands its key over.
    pub pool: Option<Address>,
    /// When.
    pub activation: Timestamp,
}

impl PendingAuthority {
    /// Whether the sequencer asked for it: governance always says who receives the fees, unless it removes somebody.
    pub fn is_key_change(&self) -> bool {
        self.pool.is_none() && !self.members.is_empty()
    }
}

/// The changes of authority that wait, earliest first, each at a time of its own. One that the sequencer asked for waits
/// alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PendingAuthorities {
    /// The number of the next one that is announced.
    pub next_number: u64,
    /// The number of the next request of the sequencer ([`crate::world::KeyChange`]): those before have been noted.
    pub key_changes: u64,
    /// Those that wait.
    pub waiting: Vec<PendingAuthority>,
}

impl Value for PendingAuthorities {
    const SIZE_BYTES_MAX: usize = AUTHORITIES_MAX * (Authority::SIZE_BYTES_MAX + 64) + 32;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(3);
        stream.append(&self.next_number).append(&self.key_changes).begin_list(self.waiting.len());
        for change in &self.waiting {
            stream.begin_list(6).append(&change.number).append(&change.announced_at.get());
            stream.begin_list(change.members.len());
            for member in &change.members {
                stream.append(&member.to_bytes());
            }
            stream.append(&change.quorum);
            stream.append(&change.pool.as_ref().map_or(&[][..], Address::as_bytes));
            stream.append(&change.activation.get());
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 3)?;
        let waiting = rlp.at(2).ok()?;
        waiting.is_list().then_some(())?;
        Some(Self {
            next_number: codec::u64_at(&rlp, 0)?,
            key_changes: codec::u64_at(&rlp, 1)?,
            waiting: waiting.iter().map(|change| authority_of(&change)).collect::<Option<_>>()?,
        })
    }
}

fn authority_of(rlp: &Rlp<'_>) -> Option<PendingAuthority> {
    codec::has_items(rlp, 6).then_some(())?;
    Some(PendingAuthority {
        number: codec::u64_at(rlp, 0)?,
        announced_at: L1Level::new(rlp.val_at(1).ok()?),
        members: codec::public_keys_at(rlp, 2)?,
        quorum: rlp.val_at(3).ok()?,
        pool: codec::address_or_nothing_at(rlp, 4)?,
        activation: Timestamp::new(codec::u64_at(rlp, 5)?),
    })
}

/// The key of the kernel upgrades that wait.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn upgrades() -> Result<Key<PendingUpgrades>, LayoutError> {
    Key::new(PENDING_UPGRADES.pattern.to_string())
}

/// The kernel upgrades that wait. A list that does not decode counts as empty: it may not keep out the upgrade that mends it.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn upgrades_waiting(store: &impl Store) -> Result<PendingUpgrades, LayoutError> {
    Ok(upgrades()?.read_or_lose(store)?.unwrap_or_default())
}

/// The changes of authority that wait. A list that does not decode counts as empty.
///
/// # Errors
/// [`LayoutError::Host`].
pub fn authorities_waiting(store: &impl Store) -> Result<PendingAuthorities, LayoutError> {
    Ok(authorities()?.read_or_lose(store)?.unwrap_or_default())
}

/// The key of the changes of authority that wait.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn authorities() -> Result<Key<PendingAuthorities>, LayoutError> {
    Key::new(PENDING_AUTHORITIES.pattern.to_string())
}

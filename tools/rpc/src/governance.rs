//! What the layer 1 has decided about the rollup, as plain values.

use millrace_primitives::{Address, Epoch, L1Level, Timestamp};

/// Who orders transactions, as the rollup node showed it last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorityStatus {
    /// The level of the layer 1 at which it was so.
    pub level: L1Level,
    /// The time of its predecessor, which changes of authority go by.
    pub timestamp: Timestamp,
    /// The epoch in office; `None` when nobody orders.
    pub epoch: Option<Epoch>,
    /// The members as Tezos spells public keys; none when nobody orders.
    pub members: Vec<String>,
    /// How many of them must sign.
    pub quorum: u16,
    /// Receives the fees.
    pub pool: Address,
    /// Why this node leaves it to others to make blocks; `None` when it is in office.
    pub standby: Option<String>,
    /// The changes that wait, earliest first.
    pub announced: Vec<AnnouncedAuthority>,
}

/// A change of who orders transactions that waits for its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnouncedAuthority {
    /// When it takes effect.
    pub activation: Timestamp,
    /// The level in which it was announced.
    pub announced_at: L1Level,
    /// The members to come; none when the sequencer is removed.
    pub members: Vec<String>,
    /// How many of them must sign.
    pub quorum: u16,
    /// Receives the fees from then on; `None` leaves it as it is.
    pub pool: Option<Address>,
}

/// Which kernel runs, and which wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpgradesStatus {
    /// The root of the one that runs on the rollup node; `None` for the one that the rollup was originated with.
    pub kernel_root: Option<Vec<u8>>,
    /// Those that wait there, earliest first.
    pub waiting: Vec<AnnouncedUpgrade>,
}

/// A kernel that will take over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnouncedUpgrade {
    /// The root of its preimages.
    pub root_hash: [u8; 33],
    /// The first block at or after this time is made by it.
    pub activation: Timestamp,
    /// Who announced it.
    pub source: &'static str,
}

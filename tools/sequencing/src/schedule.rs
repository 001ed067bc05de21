//! Whether it is this node's turn to order transactions.
//!
//! Who orders changes on the clock of the layer 1: at the beginning of the first level whose predecessor is as late as the
//! activation. What was signed before and is not in a level by then is refused. So whoever is in office stops some time
//! before any announced change, its own re-election included, and nobody begins before the rollup node shows the new
//! epoch, has confirmed all that is here, and has emptied the queue of a rollup without a sequencer. Between the two the
//! chain stands still for a moment; no number is given twice.

use crate::Moment;
use millrace_primitives::{BlockNumber, Epoch, L1Level, Timestamp};
use millrace_wire::{authority::Authority, signature::PublicKey};
use thiserror::Error;

/// A change of authority that waits for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// When it takes effect.
    pub activation: Timestamp,
    /// Who orders alone from then on; `None` for a committee and for nobody.
    pub sole: Option<PublicKey>,
}

/// What the rollup node shows at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The level.
    pub level: L1Level,
    /// The time of its predecessor.
    pub timestamp: Timestamp,
    /// Who orders in this level; `None` when nobody does.
    pub authority: Option<Authority>,
    /// The changes that wait, earliest first.
    pub announced: Vec<Announced>,
    /// The last block that the rollup node has, equal to the local one of this number.
    pub confirmed: BlockNumber,
    /// Whether nothing is left of the time when nobody ordered: the kernel makes blocks of that first.
    pub is_queue_empty: bool,
}

/// Why this node leaves it to others to make blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Standby {
    /// The rollup node was not heard yet.
    #[error("waiting for the rollup node to say who orders transactions")]
    Unheard,
    /// Nobody orders: the kernel makes the blocks.
    #[error("standing by: the rollup has no sequencer")]
    Nobody,
    /// Another orders, and this node has no key for that.
    #[error("standing by: epoch {epoch} belongs to another sequencer")]
    Other {
        /// The epoch in office.
        epoch: Epoch,
    },
    /// A committee orders, which takes more than one node.
    #[error("standing by: epoch {epoch} belongs to a committee")]
    Committee {
        /// The epoch in office.
        epoch: Epoch,
    },
    /// The epoch is about to end: what is signed now might come too late.
    #[error("production stopped before the change of authority at {activation}: epoch {epoch} ends")]
    Ending {
        /// The epoch in office.
        epoch: Epoch,
        /// When it ends.
        activation: Timestamp,
    },
    /// The epoch is this node's, and begins when the rollup node has confirmed all that is here.
    #[error("waiting to begin epoch {epoch}: {confirmed} of {local} blocks are confirmed")]
    Beginning {
        /// The epoch in office.
        epoch: Epoch,
        /// The last block here.
        local: BlockNumber,
        /// The last confirmed block.
        confirmed: BlockNumber,
    },
    /// The epoch is this node's, and begins when the kernel has emptied the queue.
    #[error("waiting to begin epoch {epoch}: the kernel empties the queue first")]
    Queue {
        /// The epoch in office.
        epoch: Epoch,
    },
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// This node's.
    InOffice(Office),
    /// Not this node's.
    Standby(Standby),
}

/// An epoch in which this node may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Office {
    /// The epoch.
    pub epoch: Epoch,
    /// The key to sign with.
    pub key: PublicKey,
    /// No block is begun at this time or later; `None` while no change is announced.
    pub until: Option<Timestamp>,
}

/// Follows who orders transactions, and says whether it is this node.
#[derive(Clone, Debug)]
pub struct Schedule {
    keys: Vec<PublicKey>,
    margin_s: u64,
    view: Option<View>,
    local: BlockNumber,
    /// The epoch that this node has begun: what is unconfirmed here was made in it.
    begun: Option<Epoch>,
}

impl Schedule {
    /// `keys` are those of this node; `local` is its last block, and `made_in` the epoch in which this node made it, if it did.
    pub const fn new(
        keys: Vec<PublicKey>,
        margin_s: u64,
        local: BlockNumber,
        made_in: Option<Epoch>,
    ) -> Self {
        Self { keys, margin_s, view: None, local, begun: made_in }
    }

    /// The rollup node has read a level.
    pub fn observe(&mut self, view: View) {
        let epoch = view.authority.as_ref().map(|authority| authority.epoch);
        if self.begun != epoch {
            self.begun = None;
        }
        let is_ours = self.key_of(view.authority.as_ref()).is_ok();
        if is_ours && view.confirmed == self.local && view.is_queue_empty {
            self.begun = epoch;
        }
        self.view = Some(view);
    }

    /// The last local block is this one now: it was made, taken over, or is what an unwinding left.
    pub const fn moved(&mut self, local: BlockNumber) {
        self.local = local;
    }

    /// Whether this node may begin a block at `now`.
    pub fn charge(&self, now: Moment) -> Charge {
        match self.office(now) {
            Ok(office) => Charge::InOffice(office),
            Err(standby) => Charge::Standby(standby),
        }
    }

    fn office(&self, now: Moment) -> Result<Office, Standby> {
        let view = self.view.as_ref().ok_or(Standby::Unheard)?;
        let (epoch, key) = self.key_of(view.authority.as_ref())?;
        // A clock that is slow must not make this node late.
        let time = now.to_timestamp().max(view.timestamp);
        let activation = view.announced.iter().map(|change| change.activation).min();
        let until =
            activation.map(|activation| Timestamp::new(activation.get().saturating_sub(self.margin_s)));
        match (activation, until) {
            (Some(activation), Some(until)) if time >= until => {
                return Err(Standby::Ending { epoch, activation });
            }
            _ => {}
        }
        if self.begun == Some(epoch) {
            return Ok(Office { epoch, key, until });
        }
        if view.is_queue_empty {
            Err(Standby::Beginning { epoch, local: self.local, confirmed: view.confirmed })
        } else {
            Err(Standby::Queue { epoch })
        }
    }

    /// The epoch in office and the key of this node for it.
    fn key_of(&self, authority: Option<&Authority>) -> Result<(Epoch, PublicKey), Standby> {
        let authority = authority.ok_or(Standby::Nobody)?;
        let epoch = authority.epoch;
        match (authority.members.as_slice(), authority.quorum) {
            ([key], 1) if self.keys.contains(key) => Ok((epoch, *key)),
            ([_], 1) => Err(Standby::Other { epoch }),
            _ => Err(Standby::Committee { epoch }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVATION: u64 = 2_000;

    fn key(number: u8) -> PublicKey {
        PublicKey::Ed25519([number; 32])
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_ms(seconds * 1_000)
    }

    fn view(epoch: u32, member: u8, confirmed: u64) -> View {
        View {
            level: L1Level::new(7),
            timestamp: Timestamp::new(1_000),
            authority: Some(Authority::single(Epoch::new(epoch), key(member))),
            announced: Vec::new(),
            confirmed: BlockNumber::new(confirmed),
            is_queue_empty: true,
        }
    }

    fn schedule(keys: &[u8], local: u64) -> Schedule {
        Schedule::new(keys.iter().map(|number| key(*number)).collect(), 100, BlockNumber::new(local), None)
    }

    fn announced(view: View, members: &[u8]) -> View {
        let change =
            Announced { activation: Timestamp::new(ACTIVATION), sole: members.first().map(|m| key(*m)) };
        View { announced: vec![change], ..view }
    }

    fn in_office(epoch: u32, member: u8, until: Option<u64>) -> Charge {
        let until = until.map(Timestamp::new);
        Charge::InOffice(Office { epoch: Epoch::new(epoch), key: key(member), until })
    }

    fn standby(standby: Standby) -> Charge {
        Charge::Standby(standby)
    }

    #[test]
    fn nothing_is_signed_before_the_rollup_node_was_heard() {
        assert_eq!(schedule(&[1], 0).charge(at(1_000)), standby(Standby::Unheard));
    }

    #[test]
    fn one_of_several_keys_is_in_charge() {
        let mut schedule = schedule(&[3, 1], 5);
        schedule.observe(view(0, 1, 5));
        assert_eq!(schedule.charge(at(1_000)), in_office(0, 1, None));
        schedule.observe(view(1, 3, 5));
        assert_eq!(schedule.charge(at(1_000)), in_office(1, 3, None));
    }

    #[test]
    fn without_a_key_in_charge_a_node_stands_by() {
        let mut schedule = schedule(&[1], 0);
        let epoch = Epoch::new(4);
        schedule.observe(view(4, 2, 0));
        assert_eq!(schedule.charge(at(1_000)), standby(Standby::Other { epoch }));
        schedule.observe(View { authority: None, ..view(4, 2, 0) });
        assert_eq!(schedule.charge(at(1_000)), standby(Standby::Nobody));
        let committee = Authority { epoch, members: vec![key(1), key(2)], quorum: 2 };
        schedule.observe(View { authority: Some(committee), ..view(4, 2, 0) });
        assert_eq!(schedule.charge(at(1_000)), standby(Standby::Committee { epoch }));
    }

    #[test]
    fn production_stops_the_margin_before_any_change() {
        for successors in [&[1][..], &[2], &[]] {
            let mut schedule = schedule(&[1], 5);
            schedule.observe(announced(view(0, 1, 5), successors));
            assert_eq!(schedule.charge(at(1_899)), in_office(0, 1, Some(1_900)));
            let ending = Standby::Ending { epoch: Epoch::ZERO, activation: Timestamp::new(ACTIVATION) };
            for seconds in [1_900, 2_000, 9_000] {
                assert_eq!(schedule.charge(at(seconds)), standby(ending), "{successors:?} at {seconds}");
            }
            // A clock that was set back does not prolong it.
            let late = View { timestamp: Timestamp::new(1_950), ..view(0, 1, 5) };
            schedule.observe(announced(late, successors));
            assert_eq!(schedule.charge(at(0)), standby(ending));
        }
    }

    #[test]
    fn an_epoch_begins_when_all_that_is_here_is_confirmed_and_the_queue_is_empty() {
        let mut schedule = schedule(&[1, 2], 5);
        schedule.observe(view(0, 1, 5));
        schedule.moved(BlockNumber::new(8));
        assert_eq!(schedule.charge(at(1_000)), in_office(0, 1, None), "ahead in its own epoch");
        schedule.observe(view(1, 2, 6));
        let (epoch, confirmed) = (Epoch::new(1), BlockNumber::new(6));
        let beginning = Standby::Beginning { epoch, local: BlockNumber::new(8), confirmed };
        assert_eq!(schedule.charge(at(1_000)), standby(beginning));
        // What was not confirmed is unwound; the next level says that both are equal.
        schedule.moved(BlockNumber::new(6));
        schedule.observe(View { is_queue_empty: false, ..view(1, 2, 6) });
        assert_eq!(schedule.charge(at(1_000)), standby(Standby::Queue { epoch }));
        schedule.observe(view(1, 2, 6));
        assert_eq!(schedule.charge(at(1_000)), in_office(1, 2, None));
    }

    #[test]
    fn a_restart_goes_on_in_the_epoch_of_its_last_block() {
        let restarted = |made_in| {
            let mut schedule = Schedule::new(vec![key(1)], 100, BlockNumber::new(8), made_in);
            schedule.observe(view(3, 1, 6));
            schedule.charge(at(1_000))
        };
        assert_eq!(restarted(Some(Epoch::new(3))), in_office(3, 1, None));
        for made_in in [None, Some(Epoch::new(2))] {
            assert!(matches!(restarted(made_in), Charge::Standby(Standby::Beginning { .. })), "{made_in:?}");
        }
    }

    #[test]
    fn an_epoch_that_a_reorganisation_brings_back_begins_anew() {
        let mut schedule = schedule(&[1], 5);
        schedule.observe(view(0, 1, 5));
        schedule.observe(view(1, 2, 5));
        schedule.moved(BlockNumber::new(6));
        schedule.observe(view(0, 1, 5));
        assert!(matches!(schedule.charge(at(1_000)), Charge::Standby(Standby::Beginning { .. })));
    }
}

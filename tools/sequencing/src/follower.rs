//! Whether the rollup node confirms the chain that was built here.
//!
//! The shell reads the head of the rollup node at each level of the layer 1 with the hashes of all blocks
//! that are new to it, and the head at the last final level. Equal hashes move the heads. Of a difference, or
//! of a block that was never built here, [`Evidence::cause`] says whether it has a cause that the node can go on from:
//! then the rollup node's blocks are taken over. Any other is a [`Divergence`] and stays one.

use millrace_primitives::{BlockHash, BlockNumber, Epoch};
use std::ops::RangeInclusive;
use thiserror::Error;

/// The rollup node has a chain that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Divergence {
    /// Both have a block with this number, and not the same one.
    #[error("block {number} differs: {local} here, {confirmed} at the rollup node")]
    Hash {
        /// The lowest number known to differ.
        number: BlockNumber,
        /// What was built here.
        local: BlockHash,
        /// What the rollup node computed.
        confirmed: BlockHash,
    },
    /// The rollup node has a block that was never built here.
    #[error("the rollup node confirmed block {number} ({confirmed}), which this node does not have")]
    Missing {
        /// Its number.
        number: BlockNumber,
        /// Its hash.
        confirmed: BlockHash,
    },
    /// The kernel of the rollup node dropped a blueprint whose block was built here, for a reason that does not pass.
    #[error(
        "the rollup node dropped the blueprint of block {number}, which was built here, with reason {reason}"
    )]
    Dropped {
        /// The block.
        number: BlockNumber,
        /// The kernel's code.
        reason: u8,
    },
}

impl Divergence {
    /// The block at which the chains part.
    pub const fn number(&self) -> BlockNumber {
        match self {
            Self::Hash { number, .. } | Self::Missing { number, .. } | Self::Dropped { number, .. } => {
                *number
            }
        }
    }
}

/// Why the rollup node has other blocks than this node, and rightly so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The authority changed: what was signed before, or by another, does not count.
    Authority,
    /// The kernel forced what was overdue in the delayed inbox into a block of its own.
    Flush,
    /// A kernel took over or gave way at another block than here.
    Upgrade,
    /// The local block was taken over from the rollup node, which has another one since the layer 1 was reorganised.
    Reorganisation,
    /// A blueprint of this node that it had given up in an unwinding became a block after all.
    GivenUp,
    /// An upstream had another block than the layer 1.
    Upstream,
}

impl Cause {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Authority => "the authority changed",
            Self::Flush => "the kernel forced overdue items into a block of its own",
            Self::Upgrade => "a kernel took over or gave way at another block",
            Self::Reorganisation => "the layer 1 was reorganised",
            Self::GivenUp => "a blueprint that was given up became a block after all",
            Self::Upstream => "an upstream had another block than the layer 1",
        }
    }
}

/// What is known of a local block that the rollup node does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The epoch in which this node made the local block; `None` when it was taken over.
    pub made_in: Option<Epoch>,
    /// The epoch in office in the level that parts the chains; `None` when nobody was.
    pub epoch: Option<Epoch>,
    /// The kernel says that it forced a block of this number.
    pub is_forced: bool,
    /// The kernel says that an upgrade was carried out or failed in that level, and the kernels differ.
    pub is_upgrade: bool,
    /// This node made the rollup node's block, and gave it up in an unwinding.
    pub is_given_up: bool,
}

impl Evidence {
    /// Why the chains part; `None` when nothing explains it.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self { made_in: None, .. } => Some(Cause::Reorganisation),
            Self { made_in, epoch, .. } if made_in != epoch => Some(Cause::Authority),
            Self { is_forced: true, .. } => Some(Cause::Flush),
            Self { is_upgrade: true, .. } => Some(Cause::Upgrade),
            Self { is_given_up: true, .. } => Some(Cause::GivenUp),
            _ => None,
        }
    }
}

/// The first of the unconfirmed local blocks that will never be confirmed when `epoch` is in office: it was taken over
/// from the rollup node and is gone there, or was made in another epoch. Each comes with its number and the epoch in which
/// this node made it.
pub fn first_doomed(
    unconfirmed: impl IntoIterator<Item = (BlockNumber, Option<Epoch>)>,
    epoch: Option<Epoch>,
) -> Option<BlockNumber> {
    let is_doomed = |made_in: Option<Epoch>| made_in.is_none() || made_in != epoch;
    unconfirmed.into_iter().find(|(_, made_in)| is_doomed(*made_in)).map(|(number, _)| number)
}

/// What a report of the rollup node changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Same,
    /// All blocks up to this one are confirmed.
    Forward(BlockNumber),
    /// The layer 1 was reorganised: only the blocks up to this one are confirmed now.
    Back(BlockNumber),
}

/// Compares the chain of the rollup node with the local one.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    confirmed: Option<BlockNumber>,
    finalized: Option<BlockNumber>,
    diverged: Option<Divergence>,
}

impl Follower {
    /// Nothing is known of the rollup node yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last block that the rollup node has too.
    pub fn confirmed(&self) -> Option<BlockNumber> {
        self.confirmed
    }

    /// The last block whose level is final.
    pub fn finalized(&self) -> Option<BlockNumber> {
        self.finalized
    }

    /// The difference that was found, if any.
    pub fn diverged(&self) -> Option<Divergence> {
        self.diverged
    }

    /// The blocks whose hashes are to be compared when the rollup node's head is `head` and it can tell the
    /// hashes of its last `hashes_kept` blocks: all that are new, and at least the head. An older block that
    /// it can no longer tell is compared through its descendants, whose hashes commit to it.
    pub fn wanted(&self, head: BlockNumber, hashes_kept: u64) -> RangeInclusive<u64> {
        let oldest_kept = head.get().saturating_add(1).saturating_sub(hashes_kept.max(1));
        let new = self.confirmed.map_or(0, |confirmed| confirmed.get().saturating_add(1));
        new.max(oldest_kept).min(head.get())..=head.get()
    }

    /// The first of the rollup node's `blocks` that is not the local one. Nothing is remembered of it.
    pub fn difference(
        blocks: &[(BlockNumber, BlockHash)],
        local: impl Fn(BlockNumber) -> Option<BlockHash>,
    ) -> Option<Divergence> {
        blocks.iter().find_map(|&(number, confirmed)| match local(number) {
            Some(local) if local == confirmed => None,
            Some(local) => Some(Divergence::Hash { number, local, confirmed }),
            None => Some(Divergence::Missing { number, confirmed }),
        })
    }

    /// The local blocks after `branch` are no longer there.
    pub fn unwound(&mut self, branch: BlockNumber) {
        self.confirmed = self.confirmed.map(|confirmed| confirmed.min(branch));
    }

    /// Nothing explains this difference.
    pub fn diverge(&mut self, divergence: Divergence) -> Divergence {
        *self.diverged.get_or_insert(divergence)
    }

    /// Takes the `blocks` of the rollup node that [`Follower::wanted`] asked for, in ascending order, the
    /// last being its head. `local` gives the hash of a block of the local chain.
    ///
    /// # Errors
    /// The first [`Divergence`] ever found, from then on always.
    pub fn confirm(
        &mut self,
        blocks: &[(BlockNumber, BlockHash)],
        local: impl Fn(BlockNumber) -> Option<BlockHash>,
    ) -> Result<Progress, Divergence> {
        self.compare(blocks, local)?;
        let Some((head, _)) = blocks.last() else { return Ok(Progress::Same) };
        let before = self.confirmed.replace(*head);
        Ok(match before {
            Some(before) if before == *head => Progress::Same,
            Some(before) if before > *head => Progress::Back(*head),
            _ => Progress::Forward(*head),
        })
    }

    /// Takes the head of the rollup node at the last final level. It never goes back.
    ///
    /// # Errors
    /// As [`Follower::confirm`].
    pub fn finalize(
        &mut self,
        head: (BlockNumber, BlockHash),
        local: impl Fn(BlockNumber) -> Option<BlockHash>,
    ) -> Result<Progress, Divergence> {
        self.compare(&[head], local)?;
        if self.finalized.is_some_and(|finalized| finalized >= head.0) {
            return Ok(Progress::Same);
        }
        self.finalized = Some(head.0);
        Ok(Progress::Forward(head.0))
    }

    /// The kernel dropped the blueprint of a local block, and would drop it again.
    ///
    /// # Errors
    /// The first [`Divergence`] ever found, from then on always.
    pub fn dropped(&mut self, number: BlockNumber, reason: u8) -> Result<(), Divergence> {
        Err(self.diverge(Divergence::Dropped { number, reason }))
    }

    fn compare(
        &mut self,
        blocks: &[(BlockNumber, BlockHash)],
        local: impl Fn(BlockNumber) -> Option<BlockHash>,
    ) -> Result<(), Divergence> {
        if let Some(divergence) = self.diverged {
            return Err(divergence);
        }
        match Self::difference(blocks, local) {
            None => Ok(()),
            Some(divergence) => Err(self.diverge(divergence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> BlockHash {
        let mut bytes = [0xab; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        BlockHash::new(bytes)
    }

    fn blocks(range: RangeInclusive<u64>) -> Vec<(BlockNumber, BlockHash)> {
        range.map(|number| (BlockNumber::new(number), hash(number))).collect()
    }

    /// The local chain has the blocks 0 to 9.
    fn local(number: BlockNumber) -> Option<BlockHash> {
        (number.get() < 10).then(|| hash(number.get()))
    }

    #[test]
    fn every_new_block_is_wanted_and_at_least_the_head() {
        let mut follower = Follower::new();
        assert_eq!(follower.wanted(BlockNumber::new(3), 256), 0..=3);
        follower.confirm(&blocks(0..=3), local).unwrap();
        assert_eq!(follower.wanted(BlockNumber::new(9), 256), 4..=9);
        assert_eq!(follower.wanted(BlockNumber::new(9), 2), 8..=9);
        assert_eq!(follower.wanted(BlockNumber::new(3), 256), 3..=3);
        assert_eq!(follower.wanted(BlockNumber::new(1), 256), 1..=1);
    }

    #[test]
    fn equal_hashes_move_the_confirmed_head_and_a_reorganisation_moves_it_back() {
        let mut follower = Follower::new();
        assert_eq!(follower.confirm(&blocks(0..=5), local), Ok(Progress::Forward(BlockNumber::new(5))));
        assert_eq!(follower.confirm(&blocks(5..=5), local), Ok(Progress::Same));
        assert_eq!(follower.confirm(&blocks(2..=2), local), Ok(Progress::Back(BlockNumber::new(2))));
        assert_eq!(follower.confirm(&[], local), Ok(Progress::Same));
        assert_eq!(follower.confirmed(), Some(BlockNumber::new(2)));
    }

    #[test]
    fn the_finalized_head_never_goes_back() {
        let mut follower = Follower::new();
        let head = |number| (BlockNumber::new(number), hash(number));
        assert_eq!(follower.finalize(head(4), local), Ok(Progress::Forward(BlockNumber::new(4))));
        assert_eq!(follower.finalize(head(3), local), Ok(Progress::Same));
        assert_eq!(follower.finalized(), Some(BlockNumber::new(4)));
    }

    #[test]
    fn the_first_difference_is_named_and_stays() {
        let mut follower = Follower::new();
        let mut theirs = blocks(0..=5);
        theirs[3].1 = hash(77);
        let number = BlockNumber::new(3);
        let divergence = Divergence::Hash { number, local: hash(3), confirmed: hash(77) };
        assert_eq!(follower.confirm(&theirs, local), Err(divergence));
        assert_eq!(follower.confirm(&blocks(0..=5), local), Err(divergence));
        assert_eq!(follower.finalize((BlockNumber::ZERO, hash(0)), local), Err(divergence));
        assert_eq!(follower.confirmed(), None);
        assert_eq!(follower.diverged(), Some(divergence));
    }

    #[test]
    fn each_cause_is_told_from_what_is_known_and_nothing_else_is_one() {
        let ours = Some(Epoch::new(3));
        let known =
            Evidence { made_in: ours, epoch: ours, is_forced: false, is_upgrade: false, is_given_up: false };
        let cases = [
            (known, None),
            (Evidence { made_in: None, ..known }, Some(Cause::Reorganisation)),
            (Evidence { epoch: Some(Epoch::new(4)), ..known }, Some(Cause::Authority)),
            (Evidence { epoch: None, ..known }, Some(Cause::Authority)),
            (Evidence { is_forced: true, ..known }, Some(Cause::Flush)),
            (Evidence { is_upgrade: true, ..known }, Some(Cause::Upgrade)),
            (Evidence { is_given_up: true, ..known }, Some(Cause::GivenUp)),
        ];
        for (evidence, cause) in cases {
            assert_eq!(evidence.cause(), cause, "{evidence:?}");
        }
    }

    #[test]
    fn blocks_of_another_epoch_and_blocks_of_others_are_doomed() {
        let (three, four) = (Some(Epoch::new(3)), Some(Epoch::new(4)));
        let chain = |made_in: &[Option<Epoch>]| {
            (5..).map(BlockNumber::new).zip(made_in.iter().copied()).collect::<Vec<_>>()
        };
        assert_eq!(first_doomed(chain(&[]), three), None);
        assert_eq!(first_doomed(chain(&[three, three]), three), None);
        assert_eq!(first_doomed(chain(&[three, four]), three), Some(BlockNumber::new(6)));
        assert_eq!(first_doomed(chain(&[three, None, three]), three), Some(BlockNumber::new(6)));
        assert_eq!(first_doomed(chain(&[three]), None), Some(BlockNumber::new(5)));
        assert_eq!(first_doomed(chain(&[None]), None), Some(BlockNumber::new(5)));
    }

    #[test]
    fn an_unwinding_takes_the_confirmed_head_back_and_nothing_else() {
        let mut follower = Follower::new();
        follower.confirm(&blocks(0..=5), local).unwrap();
        follower.unwound(BlockNumber::new(7));
        assert_eq!(follower.confirmed(), Some(BlockNumber::new(5)));
        follower.unwound(BlockNumber::new(3));
        assert_eq!(follower.confirmed(), Some(BlockNumber::new(3)));
        assert_eq!(follower.wanted(BlockNumber::new(6), 256), 4..=6);
    }

    #[test]
    fn a_dropped_blueprint_is_a_divergence_and_stays_one() {
        let mut follower = Follower::new();
        follower.confirm(&blocks(0..=5), local).unwrap();
        let number = BlockNumber::new(6);
        let divergence = Divergence::Dropped { number, reason: 3 };
        assert_eq!(follower.dropped(number, 3), Err(divergence));
        assert_eq!(follower.confirm(&blocks(5..=5), local), Err(divergence));
        assert_eq!(follower.dropped(BlockNumber::new(7), 4), Err(divergence));
        assert_eq!(divergence.number(), number);
    }

    #[test]
    fn a_block_that_was_never_built_here_is_a_divergence() {
        let number = BlockNumber::new(10);
        let expected = Divergence::Missing { number, confirmed: hash(10) };
        assert_eq!(Follower::new().confirm(&blocks(8..=12), local), Err(expected));
    }
}

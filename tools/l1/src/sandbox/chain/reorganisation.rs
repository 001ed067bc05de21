//! Reorganisations: the newest blocks give way to others.

use super::faults::Fate;
use super::{Block, Chain, Inner, Origin, tables};
use crate::sandbox::limits::{BAKE_LEVELS_MAX, CONTENTS_MAX, FINALITY_LEVELS};
use crate::sandbox::store::StoreError;
use millrace_primitives::{L1Level, Timestamp};
use redb::WriteTransaction;
use std::sync::Arc;
use tables::BRANCH;

/// What a reorganisation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reorganisation {
    /// How many blocks give way; one at least.
    pub levels: u32,
    /// How many come in their place; as many at least, for no layer 1 prefers a shorter chain.
    pub new_levels: u32,
    /// What becomes of the operations in them: `None`, and they wait for a block again, before all that came later.
    pub fate: Option<Fate>,
    /// Whether final blocks may give way, which no layer 1 does.
    pub beyond_finality: bool,
}

/// Why nothing was reorganised.
#[derive(Debug, thiserror::Error)]
pub enum ReorganisationError {
    /// No blocks, or more than there are or are remembered.
    #[error("between 1 and {available} blocks can give way")]
    Levels {
        /// How many there are.
        available: u32,
    },
    /// Some of them are final.
    #[error("blocks that {FINALITY_LEVELS} others are on are final: only beyond_finality takes them off")]
    Final,
    /// Too few or too many blocks in their place.
    #[error("between {least} and {BAKE_LEVELS_MAX} blocks can come in their place")]
    NewLevels {
        /// As many as give way.
        least: u32,
    },
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chain {
    /// Takes the newest blocks off the chain and puts others there, all at once: nobody sees a chain in between. Answers
    /// the new head.
    ///
    /// # Errors
    /// [`ReorganisationError`]; nothing has changed then.
    pub fn reorganise(
        &self,
        reorganisation: Reorganisation,
        now: Timestamp,
    ) -> Result<Arc<Block>, ReorganisationError> {
        let Reorganisation { levels, new_levels, fate, beyond_finality } = reorganisation;
        let mut inner = self.lock();
        let available = inner.head.level.get().min(CONTENTS_MAX);
        if !(1..=available).contains(&levels) {
            return Err(ReorganisationError::Levels { available });
        }
        if levels > FINALITY_LEVELS && !beyond_finality {
            return Err(ReorganisationError::Final);
        }
        if !(levels..=BAKE_LEVELS_MAX).contains(&new_levels) {
            return Err(ReorganisationError::NewLevels { least: levels });
        }
        let mut next = inner.clone();
        next.branch = next.branch.wrapping_add(1);
        self.store.write(|transaction| {
            for _ in 0..levels {
                next.take_off(transaction, fate)?;
            }
            tables::write_meta(transaction, BRANCH, &next.branch.to_be_bytes())?;
            for _ in 0..new_levels {
                let draft = next.draft(now)?;
                next.write(transaction, &draft)?;
                next.settle(draft);
            }
            Ok(())
        })?;
        *inner = next;
        let head = Arc::clone(&inner.head);
        self.head.send_replace(Arc::clone(&head));
        Ok(head)
    }
}

impl Inner {
    /// Takes the newest block off.
    fn take_off(&mut self, transaction: &WriteTransaction, fate: Option<Fate>) -> Result<(), StoreError> {
        let contents = tables::take_off(transaction, &self.head)?;
        self.ledger.undo(&contents.undo);
        tables::write_ledger(transaction, &self.ledger, &contents.undo)?;
        let below = tables::predecessor(transaction, &self.head)?;
        for included in contents.operations {
            let mut operation = included.operation;
            // A new protocol is no operation of somebody: the other branch has it too.
            let fate = fate.filter(|_| operation.origin != Origin::Protocol);
            match fate {
                Some(Fate::Dropped) => continue,
                Some(Fate::Delayed { levels }) => {
                    let next = below.level.saturating_add(1).max(operation.not_before);
                    operation.not_before = next.saturating_add(levels);
                }
                // It has had its time: any level does.
                None => operation.not_before = L1Level::ZERO,
            }
            tables::write_pending(transaction, &operation)?;
            self.mempool.insert(operation);
        }
        self.head = Arc::new(below);
        Ok(())
    }
}

//! What the task is told of the rollup node, and what it does about it.

use super::{Answer, ImportAnswer, Sequencer};
use crate::{
    blueprint::Built,
    chain::admit,
    import::{ImportError, import},
    layer1::Report,
    shared::{Decided, Reorganisation, Shared, Snapshot},
    takeover::{TakeOverError, TakenOver, take_over},
    time,
};
use millrace_primitives::{BlockNumber, L1Level, Timestamp};
use millrace_rpc::SealedBlock;
use millrace_sequencing::{
    isolation::Isolation,
    producer::Stopped,
    schedule::{Announced, Charge, View},
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::task::JoinError;

/// What the schedule is to know of the decisions of the layer 1.
fn view_of(decided: &Decided) -> View {
    let Decided { level, governance, confirmed } = decided;
    let sole = |members: &[_], quorum| match (members, quorum) {
        ([key], 1) => Some(*key),
        _ => None,
    };
    let waiting = governance.authorities.waiting.iter();
    View {
        level: *level,
        timestamp: governance.clock.map_or(Timestamp::ZERO, |clock| clock.timestamp),
        authority: governance.authority.clone(),
        announced: waiting
            .map(|change| Announced {
                activation: change.activation,
                sole: sole(&change.members, change.quorum),
            })
            .collect(),
        confirmed: *confirmed,
        is_queue_empty: governance.queue.front >= governance.queue.back,
    }
}

impl Sequencer {
    pub(super) fn reported(&mut self, report: Report) {
        match report {
            Report::Level { level, confirmed, delayed, dropped, decided } => {
                let before = self.publisher.confirmed_head();
                self.producer.compared();
                self.producer.take_over(None);
                self.publisher.confirmed(confirmed);
                self.schedule.observe(view_of(&decided));
                self.shared.decided.send_replace(Some(Arc::clone(&decided)));
                self.decided = Some(decided);
                let trouble = self.hand_over_again(level, &dropped);
                let is_behind = self.publisher.lag_blocks() > 0;
                self.shared.report(|status| match trouble {
                    Some(trouble) => status.publication = Some(trouble),
                    None if confirmed > before || !is_behind => status.publication = None,
                    None => {}
                });
                tracing::debug!(%level, %confirmed, lag_blocks = self.publisher.lag_blocks(), "level");
                self.delayed.extend(delayed);
                self.shared.report(|status| {
                    status.is_linked = true;
                    status.following = None;
                });
            }
            Report::TakeOver(plan, answer) => {
                let number = plan.branch.saturating_add(1);
                if let Some(cause) = plan.cause {
                    tracing::warn!(%number, level = %plan.level, cause = cause.text(), "the chains part");
                }
                self.producer.take_over(Some(number));
                self.plan = Some((plan, answer));
            }
            Report::Upstream(import, answer) => self.import = Some((import, answer)),
            Report::Stuck(reason) => {
                tracing::error!(reason, "the rollup node's chain cannot be taken over");
                self.shared.report(|status| status.following = Some(reason));
            }
            Report::Lost => self.shared.report(|status| status.is_linked = false),
            Report::Diverged(divergence) => {
                tracing::error!(%divergence, "the rollup node has another chain: no more blocks are made");
                self.producer.diverge(divergence);
                self.shared.report(|status| status.is_linked = false);
            }
        }
    }

    /// Marks what has to go again; answers why.
    fn hand_over_again(&mut self, level: L1Level, dropped: &[BlockNumber]) -> Option<String> {
        let again = self.publisher.level(level);
        let mut trouble = None;
        if let (Some(first), Some(last)) = (again.first(), again.last()) {
            tracing::warn!(%level, %first, %last, "not confirmed for long: blueprints go again");
            trouble = Some(format!(
                "blocks {first} to {last} are not confirmed for long: their blueprints go again"
            ));
        }
        for number in dropped {
            tracing::warn!(%level, %number, "ahead of the layer 1: a blueprint goes again");
            self.publisher.dropped(*number);
            trouble =
                Some(format!("the blueprint of block {number} was ahead of the layer 1: it goes again"));
        }
        trouble
    }

    /// Begins to take blocks over when some wait for that and none is being made.
    pub(super) fn start_taking_over(&mut self) {
        if self.is_moving_head() {
            return;
        }
        let Some((plan, answer)) = self.plan.take() else { return };
        let shared = Arc::clone(&self.shared);
        self.taking_over = Some(tokio::task::spawn_blocking(move || (take_over(&shared, &plan), answer)));
    }

    /// Begins to make a block of an upstream when one waits for that and nothing else is being done.
    pub(super) fn start_importing(&mut self) {
        if self.is_moving_head() {
            return;
        }
        let Some((block, answer)) = self.import.take() else { return };
        let obstacle = if matches!(self.producer.stopped(), Some(Stopped::Diverged(_))) {
            Some(ImportError::Diverged)
        } else if matches!(self.schedule.charge(time::now()), Charge::InOffice(_)) {
            Some(ImportError::InOffice)
        } else {
            None
        };
        if let Some(obstacle) = obstacle {
            // An error means that nobody waits for it: the node stops. Here and below.
            let _ = answer.send(Err(obstacle));
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.importing = Some(tokio::task::spawn_blocking(move || (import(&shared, &block), answer)));
    }

    pub(super) fn imported(
        &mut self,
        imported: Result<(Result<Built, ImportError>, ImportAnswer), JoinError>,
    ) {
        match imported {
            Ok((made, answer)) => {
                let _ = answer.send(made.map(|built| self.advance(built)));
            }
            // Whoever waits for the answer tries again.
            Err(error) => tracing::error!(%error, "a block of the upstream was not made"),
        }
    }

    pub(super) fn taken_over(
        &mut self,
        taken: Result<(Result<TakenOver, TakeOverError>, Answer), JoinError>,
    ) {
        let (taken, answer) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                // Whoever waits for the answer tries again.
                tracing::error!(%error, "blocks of the rollup node were not taken over");
                return;
            }
        };
        let outcome = taken.map(|taken| self.adopt(taken));
        // An error means that nobody waits for it: the node stops.
        let _ = answer.send(outcome);
    }

    /// Goes on from the new head.
    fn adopt(&mut self, taken: TakenOver) {
        let TakenOver { branch, cause, removed, added, nonces } = taken;
        let head = added.last().map_or(branch, Snapshot::number);
        if let Some(handing) = self.handing.take() {
            // What it did not hand over and is still of use goes again.
            handing.abort();
        }
        self.publisher.unwound(branch);
        self.publisher.signed_up_to(head);
        self.schedule.moved(head);
        self.shared.replace_after(branch, &added, |pool| {
            pool.settle(nonces);
        });
        // The next level lists again what waits.
        self.delayed.clear();
        (self.isolation, self.suspect) = (Isolation::default(), None);
        self.is_priced_out = false;
        let blocks = |snapshots: &[Snapshot]| -> Vec<_> {
            snapshots.iter().map(|snapshot| Arc::clone(&snapshot.block)).collect()
        };
        let (gone, removed, added) = (removed.clone(), blocks(&removed), blocks(&added));
        for block in &added {
            tracing::debug!(number = %block.block.header.number, hash = %block.hash, "block taken over");
            // Nobody may be listening, here and below.
            let _ = self.shared.blocks.send(Arc::clone(block));
        }
        if let (Some(cause), false) = (cause, removed.is_empty()) {
            tracing::warn!(
                %branch, cause = cause.text(), removed = removed.len(), added = added.len(),
                "blocks were unwound"
            );
            let event = Arc::new(Reorganisation { branch, cause, removed, added });
            let _ = self.shared.reorganisations.send(Arc::clone(&event));
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || return_transactions(&shared, &gone, &event.added));
        }
    }
}

/// Gives the transactions of users back to the pool that were in blocks which are gone, and that no other block has. What
/// came through the delayed inbox waits there again.
fn return_transactions(shared: &Shared, removed: &[Snapshot], added: &[Arc<SealedBlock>]) {
    let taken: BTreeSet<_> = added.iter().flat_map(|block| &block.transaction_hashes).collect();
    let (mut returned, mut refused) = (0u64, 0u64);
    for Snapshot { block, state, .. } in removed {
        let delayed = shared.engine.consumed(state).unwrap_or_else(|error| {
            tracing::error!(%error, "the delayed items of an unwound block cannot be told");
            BTreeSet::new()
        });
        for (raw, hash) in block.block.transactions.iter().zip(&block.transaction_hashes) {
            if taken.contains(hash) || delayed.contains(hash) {
                continue;
            }
            match admit(shared, raw.clone()) {
                Ok(_) => returned = returned.saturating_add(1),
                Err(error) => {
                    refused = refused.saturating_add(1);
                    tracing::debug!(%hash, %error, "a transaction of an unwound block is not taken again");
                }
            }
        }
    }
    tracing::info!(returned, refused, "transactions of unwound blocks are back in the pool");
}

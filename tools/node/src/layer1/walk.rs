//! When the rollup node has other blocks than this node: level by level, which of them, why, and what they were made of.

use super::{FollowError, Layer1Task, Report, lookup};
use crate::{
    gathered::Gathered,
    shared::Snapshot,
    takeover::{Plan, Proposal, TakeOverError, Wanted},
};
use millrace_engine::{FromContent, Governance};
use millrace_l1::client::BlockId;
use millrace_layout::{
    events::Event,
    governance::{PendingUpgrade, PendingUpgrades, Source},
    world::Head,
};
use millrace_primitives::{BlockHash, BlockNumber, Epoch, L1Level};
use millrace_sequencing::follower::{Cause, Divergence, Evidence, Follower, first_doomed};
use millrace_store::Mark;
use millrace_wire::blueprint::Blueprint;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Items of the delayed inbox that are read when a block was forced: more than the forced blocks of a level take.
const FORCED_ITEMS_MAX: u64 = 8_192;

/// A level as the rollup node has it.
struct Level {
    at: BlockId,
    level: L1Level,
    head: Head,
    /// The head of the level before.
    before: Option<Head>,
    governance: Governance,
    events: Vec<Event>,
}

/// Where the chains part.
struct Parting {
    /// The first local block that goes, or the first that is missing.
    number: BlockNumber,
    cause: Option<Cause>,
}

impl Level {
    /// The blocks that it brought.
    fn numbers(&self) -> impl Iterator<Item = BlockNumber> + use<> {
        let first = self.before.as_ref().map_or(0, |head| head.header.number.get().saturating_add(1));
        (first..=self.head.header.number.get()).map(BlockNumber::new)
    }

    fn epoch(&self) -> Option<Epoch> {
        self.governance.authority.as_ref().map(|authority| authority.epoch)
    }

    fn is_forced(&self, block: BlockNumber) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Forced { number, .. } if *number == block))
    }

    /// The kernels that took over or failed in it.
    fn switched(&self) -> impl Iterator<Item = [u8; 33]> {
        self.events.iter().filter_map(|event| match event {
            Event::UpgradeActivated { root_hash } | Event::UpgradeFailed { root_hash, .. } => {
                Some(*root_hash)
            }
            _ => None,
        })
    }

    fn failed(&self) -> Option<[u8; 33]> {
        self.events.iter().find_map(|event| match event {
            Event::UpgradeFailed { root_hash, .. } => Some(*root_hash),
            _ => None,
        })
    }

    /// The upgrades that waited before its blocks: those that wait after them, and those that had their turn.
    fn upgrades_before(&self, earlier: &PendingUpgrades) -> PendingUpgrades {
        let mut waiting = self.governance.upgrades.0.clone();
        for root_hash in self.switched() {
            let known = earlier.0.iter().find(|upgrade| upgrade.root_hash == root_hash).copied();
            let upgrade = known.or_else(|| self.announced(root_hash));
            waiting.extend(upgrade.filter(|upgrade| !waiting.contains(upgrade)));
        }
        waiting.sort_by_key(|upgrade| upgrade.activation);
        PendingUpgrades(waiting)
    }

    /// An upgrade that was announced in this very level.
    fn announced(&self, wanted: [u8; 33]) -> Option<PendingUpgrade> {
        self.events.iter().find_map(|event| match *event {
            Event::UpgradeAnnounced { root_hash, activation, source } if root_hash == wanted => {
                let source = [Source::Kernel, Source::Security, Source::Admin]
                    .into_iter()
                    .find(|known| *known as u8 == source)?;
                Some(PendingUpgrade { root_hash, activation, source })
            }
            _ => None,
        })
    }
}

impl Layer1Task {
    /// Makes the local chain one that the rollup node's at this level is the beginning of, as far as the causes of all
    /// differences are known.
    ///
    /// # Errors
    /// [`FollowError::Diverged`] when one is not.
    pub(super) async fn reconcile(
        &mut self,
        at: BlockId,
        level: L1Level,
        governance: &Governance,
    ) -> Result<(), FollowError> {
        let head = self.reading.head(at).await?;
        // A hash commits to all blocks before it.
        if self.shared.hash(head.header.number)? == Some(head.hash)
            && self.first_doomed(&head, governance).is_none()
            && !self.is_switch_elsewhere(at, governance).await?
        {
            self.agreed = Some(level);
            return Ok(());
        }
        let mut next = self.last_agreed(level).await?.saturating_add(1);
        while next < level {
            if let Some(past) = self.read(BlockId::Level(next), next).await? {
                self.take_level(past, false).await?;
            }
            self.agreed = Some(next);
            next = next.saturating_add(1);
        }
        if let Some(last) = self.read(at, level).await? {
            self.take_level(last, true).await?;
        }
        self.agreed = Some(level);
        Ok(())
    }

    /// Whether a kernel took over or failed in this level, and not here at the same block.
    async fn is_switch_elsewhere(&self, at: BlockId, governance: &Governance) -> Result<bool, FollowError> {
        let head = self.shared.head();
        let local = self.shared.engine.governance(&head.state)?.kernel_root;
        if local == governance.kernel_root {
            return Ok(false);
        }
        let is_switch =
            |event: &Event| matches!(event, Event::UpgradeActivated { .. } | Event::UpgradeFailed { .. });
        Ok(self.reading.events(at).await?.iter().any(is_switch))
    }

    async fn read(&self, at: BlockId, level: L1Level) -> Result<Option<Level>, FollowError> {
        let head = match self.reading.head(at).await {
            Err(FollowError::NoHead) => return Ok(None),
            head => head?,
        };
        let before = match level.checked_sub(1) {
            Some(before) => self.reading.head_at(before).await?,
            None => None,
        };
        let governance = self.reading.governance(at).await?;
        let events = self.reading.events(at).await?;
        Ok(Some(Level { at, level, head, before, governance, events }))
    }

    /// The last level below `level` whose head is a local block. Heads only grow along a chain, so it is searched for in
    /// halves; before the rollup was there everybody agrees.
    async fn last_agreed(&self, level: L1Level) -> Result<L1Level, FollowError> {
        if let Some(agreed) = self.agreed
            && agreed.saturating_add(1) == level
            && self.agrees(agreed).await?
        {
            return Ok(agreed);
        }
        let finalized = self.shared.store.mark(Mark::Finalized)?.map_or(L1Level::ZERO, |mark| mark.level);
        let (mut low, mut high) = (finalized.get().min(level.get()), level.get());
        while low.saturating_add(1) < high {
            let middle = low.midpoint(high);
            if self.agrees(L1Level::new(middle)).await? { low = middle } else { high = middle }
        }
        Ok(L1Level::new(low))
    }

    async fn agrees(&self, level: L1Level) -> Result<bool, FollowError> {
        match self.reading.head_at(level).await? {
            None => Ok(true),
            Some(head) => Ok(self.shared.hash(head.header.number)? == Some(head.hash)),
        }
    }

    /// The first unconfirmed local block that the rollup node will never confirm.
    fn first_doomed(&self, head: &Head, governance: &Governance) -> Option<BlockNumber> {
        let unconfirmed = self.shared.since(head.header.number.saturating_add(1));
        let made = unconfirmed.iter().map(|snapshot| (snapshot.number(), snapshot.made_in));
        first_doomed(made, governance.authority.as_ref().map(|authority| authority.epoch))
    }

    /// Takes over what a level has and this node has not. Only of the last level it is known what is still to come.
    async fn take_level(&mut self, level: Level, is_last: bool) -> Result<(), FollowError> {
        let mut hashes = Vec::new();
        for number in level.numbers() {
            hashes.push((number, self.reading.hash(level.at, &level.head, number).await?));
        }
        let Some(Parting { number, cause }) = self.parting(&level, &hashes, is_last)? else { return Ok(()) };
        // The genesis block is never of another epoch, and final.
        let branch = number.checked_sub(1).unwrap_or(BlockNumber::ZERO);
        hashes.retain(|(other, _)| *other >= number);
        let plan = self.plan(level, (branch, cause), &hashes).await?;
        let (answer, answered) = oneshot::channel();
        let report = Report::TakeOver(Box::new(plan), answer);
        self.reports.send(report).await.map_err(|_| FollowError::Stopping)?;
        answered.await.map_err(|_| TakeOverError::Interrupted)??;
        self.follower.unwound(branch);
        // They are to be reported again: those that were in blocks that are gone wait for others.
        self.reported.clear();
        Ok(())
    }

    /// Where the chains part in this level, and why; `None` when they do not.
    fn parting(
        &mut self,
        level: &Level,
        hashes: &[(BlockNumber, Option<BlockHash>)],
        is_last: bool,
    ) -> Result<Option<Parting>, FollowError> {
        let known: Vec<_> =
            hashes.iter().filter_map(|(number, hash)| hash.map(|hash| (*number, hash))).collect();
        let local = self.local_hashes(&known)?;
        if let Some(difference) = Follower::difference(&known, lookup(&local)) {
            // Older ones whose hashes are not told may be missing as well.
            let head = self.shared.head().number().saturating_add(1);
            let number = difference.number().min(head);
            let cause = self.explain(level, number, difference)?;
            return Ok(Some(Parting { number, cause }));
        }
        if let Some(number) = self.switched_elsewhere(level)? {
            return Ok(Some(Parting { number, cause: Some(Cause::Upgrade) }));
        }
        if !is_last {
            return Ok(None);
        }
        let doomed = self.first_doomed(&level.head, &level.governance).map(|number| {
            let made_in = self.shared.recent(number).and_then(|snapshot| snapshot.made_in);
            let cause = if made_in.is_none() { Cause::Reorganisation } else { Cause::Authority };
            Parting { number, cause: Some(cause) }
        });
        Ok(doomed)
    }

    /// Why the rollup node has another block of this number, or one that is missing here.
    fn explain(
        &mut self,
        level: &Level,
        number: BlockNumber,
        difference: Divergence,
    ) -> Result<Option<Cause>, FollowError> {
        let is_forced = level.is_forced(number);
        let head = self.shared.head();
        if number > head.number() {
            // Blocks of others are followed; so is a chain that is ahead of a database that was restored.
            let is_ours =
                level.governance.authority.as_ref().is_some_and(|authority| {
                    authority.members.iter().any(|member| self.keys.contains(member))
                });
            let is_known = is_forced || !is_ours || !self.is_compared;
            return if is_known { Ok(None) } else { Err(self.follower.diverge(difference).into()) };
        }
        let snapshot = self.shared.recent(number);
        let finalized = self.shared.heads.borrow().finalized;
        let (Some(snapshot), true) = (snapshot, number > finalized) else {
            return Err(self.follower.diverge(difference).into());
        };
        let local_root = self.shared.engine.governance(&snapshot.state)?.kernel_root;
        let is_given_up = match difference {
            Divergence::Hash { confirmed, .. } => self.shared.store.is_given_up(&confirmed)?,
            _ => false,
        };
        let evidence = Evidence {
            made_in: snapshot.made_in,
            epoch: level.epoch(),
            is_forced,
            is_upgrade: level.switched().next().is_some() && local_root != level.governance.kernel_root,
            is_given_up,
        };
        match evidence.cause() {
            Some(cause) => Ok(Some(cause)),
            // What it has, an upstream said.
            None if self.keys.is_empty() => Ok(Some(Cause::Upstream)),
            None => Err(self.follower.diverge(difference).into()),
        }
    }

    /// The first local block that another kernel made than the rollup node's, though the block may be the same: a kernel
    /// took over in this level and not here, or failed there and not here.
    fn switched_elsewhere(&self, level: &Level) -> Result<Option<BlockNumber>, FollowError> {
        if level.switched().next().is_none() {
            return Ok(None);
        }
        let root_of = |snapshot: &Snapshot| {
            self.shared.engine.governance(&snapshot.state).map(|governance| governance.kernel_root)
        };
        let at_head = self.shared.recent(level.head.header.number);
        if let Some(snapshot) = at_head
            && root_of(&snapshot)? != level.governance.kernel_root
        {
            return Ok(level.numbers().next());
        }
        let Some(failed) = level.failed() else { return Ok(None) };
        for snapshot in self.shared.since(level.head.header.number.saturating_add(1)) {
            if root_of(&snapshot)?.as_deref() == Some(&failed[..]) {
                return Ok(Some(snapshot.number()));
            }
        }
        Ok(None)
    }

    async fn plan(
        &self,
        level: Level,
        (branch, cause): (BlockNumber, Option<Cause>),
        hashes: &[(BlockNumber, Option<BlockHash>)],
    ) -> Result<Plan, FollowError> {
        let mut plan = Plan {
            level: level.level,
            branch,
            cause,
            upgrades: level.governance.upgrades.clone(),
            governance: Arc::new(level.governance.clone()),
            blocks: Vec::new(),
            items: Vec::new(),
            waiting: Vec::new(),
        };
        if hashes.is_empty() {
            return Ok(plan);
        }
        let before = level.level.checked_sub(1).map(BlockId::Level);
        if let Some(before) = before
            && level.switched().next().is_some()
        {
            plan.upgrades = level.upgrades_before(&self.reading.governance(before).await?.upgrades);
        }
        let mut gathered = Gathered::of_messages(
            &self.reading.rollup_node.block_messages(level.at).await?,
            &self.domain.rollup,
        );
        for &(number, hash) in hashes {
            let blueprints = self.blueprints(&level, number, &mut gathered).await?;
            for name in blueprints.iter().flat_map(|blueprint| &blueprint.payload.delayed) {
                if let Some(before) = before {
                    plan.items.extend(self.reading.item(before, *name).await?);
                }
            }
            let mut proposals: Vec<_> = blueprints.into_iter().map(Proposal::Blueprint).collect();
            if level.is_forced(number) {
                proposals.insert(0, Proposal::Forced);
            }
            plan.blocks.push(Wanted { number, hash, proposals });
        }
        let body = self.reading.body(level.at).await?;
        if let Some(last) = plan.blocks.last_mut() {
            last.proposals.push(Proposal::Content(Box::new(FromContent::read(&level.head, body))));
        }
        if let Some(before) = before
            && hashes.iter().any(|(number, _)| level.is_forced(*number))
        {
            plan.waiting = self.reading.oldest_items(before, FORCED_ITEMS_MAX).await?;
        }
        Ok(plan)
    }

    /// The blueprints of whoever is in office that may have become this block.
    async fn blueprints(
        &self,
        level: &Level,
        number: BlockNumber,
        gathered: &mut Gathered,
    ) -> Result<Vec<Blueprint>, FollowError> {
        let Some(authority) = &level.governance.authority else { return Ok(Vec::new()) };
        let found = gathered.certified(number, authority, &self.domain);
        if !found.is_empty() {
            return Ok(found);
        }
        // It may have come earlier, in part or whole, and waited for another.
        if let Some(before) = level.level.checked_sub(1)
            && let Some((announced, pieces)) =
                self.reading.waiting_blueprint(BlockId::Level(before), number).await?
        {
            gathered.add(number, announced, pieces);
        }
        Ok(gathered.certified(number, authority, &self.domain))
    }
}

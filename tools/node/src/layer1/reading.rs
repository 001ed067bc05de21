//! Reading the durable storage of the rollup node, typed.

use super::FollowError;
use millrace_engine::Governance;
use millrace_l1::client::{BlockId, ClientError, RollupNode};
use millrace_layout::{
    Key, Value,
    blueprints::{self, Announced},
    delayed::{self, Item, Position},
    events::{self, Event},
    world::{Body, HASHES_KEPT, Head, World},
};
use millrace_primitives::{BlockHash, BlockNumber, L1Level, TransactionHash};
use std::collections::BTreeMap;

/// What the rollup node has, block by block.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) rollup_node: RollupNode,
}

/// The folder of a key.
fn folder<V: Value>(key: &Key<V>) -> Result<String, FollowError> {
    let path = key.path().as_str();
    let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    folder.ok_or_else(|| FollowError::Corrupt(path.to_owned()))
}

impl Reading {
    pub(super) async fn value<V: Value>(
        &self,
        block: BlockId,
        key: &Key<V>,
    ) -> Result<Option<V>, FollowError> {
        let path = key.path().as_str();
        let Some(bytes) = self.rollup_node.durable_value(block, path).await? else { return Ok(None) };
        V::decode(&bytes).map(Some).ok_or_else(|| FollowError::Corrupt(path.to_owned()))
    }

    pub(super) async fn head(&self, block: BlockId) -> Result<Head, FollowError> {
        self.value(block, &World::Committed.head()?).await?.ok_or(FollowError::NoHead)
    }

    /// The head after a level; `None` before there was one, or when the rollup node does not know the level.
    pub(super) async fn head_at(&self, level: L1Level) -> Result<Option<Head>, FollowError> {
        match self.head(BlockId::Level(level)).await {
            Err(FollowError::NoHead | FollowError::Client(ClientError::Status { .. })) => Ok(None),
            head => head.map(Some),
        }
    }

    pub(super) async fn body(&self, block: BlockId) -> Result<Body, FollowError> {
        let key = World::Committed.body()?;
        let path = key.path().to_string();
        self.value(block, &key).await?.ok_or(FollowError::Corrupt(path))
    }

    /// The hash of block `number` when `head` is the head; `None` when it is too old to be told.
    pub(super) async fn hash(
        &self,
        block: BlockId,
        head: &Head,
        number: BlockNumber,
    ) -> Result<Option<BlockHash>, FollowError> {
        match head.header.number.since(number) {
            0 => Ok(Some(head.hash)),
            HASHES_KEPT.. => Ok(None),
            _ => {
                let key = World::Committed.block_hash(number)?;
                let path = key.path().to_string();
                self.value(block, &key).await?.ok_or(FollowError::Corrupt(path)).map(Some)
            }
        }
    }

    pub(super) async fn governance(&self, block: BlockId) -> Result<Governance, FollowError> {
        let mut values = BTreeMap::new();
        for path in Governance::paths()? {
            if let Some(value) = self.rollup_node.durable_value(block, &path).await? {
                values.insert(path, value);
            }
        }
        Ok(Governance::decode(|path| values.get(path).cloned())?)
    }

    /// What the kernel tells of a level.
    pub(super) async fn events(&self, block: BlockId) -> Result<Vec<Event>, FollowError> {
        let count = events::count()?;
        let list = folder(&count)?;
        let mut found = Vec::new();
        for (name, bytes) in self.rollup_node.durable_values(block, &list).await? {
            if count
                .path()
                .as_str()
                .strip_prefix(&list)
                .is_some_and(|rest| rest.trim_start_matches('/') == name)
            {
                continue;
            }
            let event = Event::decode(&bytes);
            found.push(event.ok_or_else(|| FollowError::Corrupt(format!("{list}/{name}")))?);
        }
        Ok(found)
    }

    /// The oldest items of the delayed inbox, at most `count_max`.
    pub(super) async fn oldest_items(
        &self,
        block: BlockId,
        count_max: u64,
    ) -> Result<Vec<Item>, FollowError> {
        let bounds = self.value(block, &delayed::bounds()?).await?.unwrap_or_default();
        let mut items = Vec::new();
        for position in bounds.front..bounds.back.min(bounds.front.saturating_add(count_max)) {
            // An item that left from the middle is a hole.
            items.extend(self.value(block, &delayed::item(Position(position))?).await?);
        }
        Ok(items)
    }

    /// The item of this name, if it waits.
    pub(super) async fn item(
        &self,
        block: BlockId,
        name: TransactionHash,
    ) -> Result<Option<Item>, FollowError> {
        let Some(position) = self.value(block, &delayed::name(name)?).await? else { return Ok(None) };
        let item = self.value(block, &delayed::item(position)?).await?;
        Ok(item.filter(|item: &Item| item.name == name))
    }

    /// What waits of the blueprint of this number: header with certificate, and pieces by index.
    pub(super) async fn waiting_blueprint(
        &self,
        block: BlockId,
        number: BlockNumber,
    ) -> Result<Option<(Announced, BTreeMap<u16, Vec<u8>>)>, FollowError> {
        let Some(announced) = self.value(block, &blueprints::announced(number)?).await? else {
            return Ok(None);
        };
        let list = folder(&blueprints::piece(number, 0)?)?;
        let pieces = self.rollup_node.durable_values(block, &list).await?;
        let pieces = pieces.into_iter().filter_map(|(index, piece)| Some((index.parse().ok()?, piece)));
        Ok(Some((announced, pieces.collect())))
    }
}

//! What the layer 1 has decided: who orders transactions, which kernels are to come.

use crate::api::{Api, Json, json};
use crate::arguments::Arguments;
use crate::error::RpcError;
use crate::governance::{AnnouncedAuthority, AnnouncedUpgrade, AuthorityStatus, UpgradesStatus};
use crate::hexadecimal::{Data, Fixed, Quantity};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityReply {
    level: Quantity,
    timestamp: Quantity,
    epoch: Option<Quantity>,
    members: Vec<String>,
    quorum: Quantity,
    pool: Fixed<20>,
    in_office: bool,
    standby: Option<String>,
    announced: Vec<AnnouncedReply>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnnouncedReply {
    activation: Quantity,
    announced_at: Quantity,
    members: Vec<String>,
    quorum: Quantity,
    pool: Option<Fixed<20>>,
}

impl From<AnnouncedAuthority> for AnnouncedReply {
    fn from(announced: AnnouncedAuthority) -> Self {
        let AnnouncedAuthority { activation, announced_at, members, quorum, pool } = announced;
        Self {
            activation: activation.get().into(),
            announced_at: u64::from(announced_at.get()).into(),
            members,
            quorum: u64::from(quorum).into(),
            pool: pool.map(Fixed::from),
        }
    }
}

/// Nothing before the rollup node was heard.
pub(super) fn authority(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let reply = api.chain.authority().map(|status| {
        let AuthorityStatus { level, timestamp, epoch, members, quorum, pool, standby, announced } = status;
        AuthorityReply {
            level: u64::from(level.get()).into(),
            timestamp: timestamp.get().into(),
            epoch: epoch.map(|epoch| u64::from(epoch.get()).into()),
            members,
            quorum: u64::from(quorum).into(),
            pool: pool.into(),
            in_office: standby.is_none(),
            standby,
            announced: announced.into_iter().map(AnnouncedReply::from).collect(),
        }
    });
    json(&reply)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradesReply {
    kernel_root: Option<String>,
    waiting: Vec<UpgradeReply>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeReply {
    root_hash: String,
    activation: Quantity,
    source: &'static str,
}

impl From<AnnouncedUpgrade> for UpgradeReply {
    fn from(AnnouncedUpgrade { root_hash, activation, source }: AnnouncedUpgrade) -> Self {
        Self { root_hash: Data(&root_hash).to_text(), activation: activation.get().into(), source }
    }
}

/// Nothing before the rollup node was heard.
pub(super) fn pending_upgrades(api: &Api, _: &Arguments<'_>) -> Result<Json, RpcError> {
    let reply = api.chain.upgrades().map(|UpgradesStatus { kernel_root, waiting }| UpgradesReply {
        kernel_root: kernel_root.map(|root| Data(&root).to_text()),
        waiting: waiting.into_iter().map(UpgradeReply::from).collect(),
    });
    json(&reply)
}

/// The kernel that made a block.
pub(super) fn kernel_root(api: &Api, arguments: &Arguments<'_>) -> Result<Json, RpcError> {
    let at = api.state_at(arguments.optional(0, "block")?)?;
    json(&api.chain.kernel_root(at)?.map(|root| Data(root.as_bytes()).to_text()))
}

//! What the layer 1 has decided, put into the words of the JSON-RPC.

use crate::shared::Shared;
use millrace_engine::Governance;
use millrace_layout::governance::Source;
use millrace_rpc::{AnnouncedAuthority, AnnouncedUpgrade, AuthorityStatus, UpgradesStatus};
use millrace_wire::{base58::Base58Check as _, signature::PublicKey};

fn spelled(members: &[PublicKey]) -> Vec<String> {
    members.iter().map(|member| member.to_base58()).collect()
}

/// Who orders transactions.
pub(super) fn authority(shared: &Shared) -> Option<AuthorityStatus> {
    let decided = shared.decided.borrow().clone()?;
    let Governance { clock, authority, authorities, parameters, .. } = &decided.governance;
    let standby = shared.status.borrow().standby.map(|standby| standby.to_string());
    let announced = authorities.waiting.iter().map(|change| AnnouncedAuthority {
        activation: change.activation,
        announced_at: change.announced_at,
        members: spelled(&change.members),
        quorum: change.quorum,
        pool: change.pool,
    });
    let pool =
        parameters.as_ref().map_or_else(|| shared.head().block.block.header.beneficiary, |known| known.pool);
    Some(AuthorityStatus {
        level: decided.level,
        timestamp: clock.map(|clock| clock.timestamp).unwrap_or_default(),
        epoch: authority.as_ref().map(|authority| authority.epoch),
        members: authority.as_ref().map(|authority| spelled(&authority.members)).unwrap_or_default(),
        quorum: authority.as_ref().map_or(0, |authority| authority.quorum),
        pool,
        standby,
        announced: announced.collect(),
    })
}

/// Which kernel runs and which are to come.
pub(super) fn upgrades(shared: &Shared) -> Option<UpgradesStatus> {
    let decided = shared.decided.borrow().clone()?;
    let source = |source| match source {
        Source::Kernel => "kernel governance",
        Source::Security => "security governance",
        Source::Admin => "admin",
    };
    let waiting = decided.governance.upgrades.0.iter().map(|upgrade| AnnouncedUpgrade {
        root_hash: upgrade.root_hash,
        activation: upgrade.activation,
        source: source(upgrade.source),
    });
    let kernel_root = decided.governance.kernel_root.clone();
    Some(UpgradesStatus { kernel_root, waiting: waiting.collect() })
}

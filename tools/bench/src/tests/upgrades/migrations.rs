//! A migration of two steps over several runs, over whatever a rollup may have: row 43.

use super::{ADMIN, Scene, debug, genesis, next_kernel, outcomes, value};
use crate::{inbox::BRIDGE, inbox::transfer, rows::transaction};
use anyhow::{Context as _, ensure};
use millrace_next_kernel::{Conduct, OPTIONAL};
use millrace_primitives::{BlockHash, BlockNumber, Timestamp};
use millrace_pvm::{Outcome, durable::Durable, durable::Key};
use millrace_wire::{
    blueprint::{Blueprint, Payload},
    delayed,
    governance::{Decision, SequencerUpgrade},
    message::Parameter,
    signature::SecretKey,
};
use std::collections::BTreeMap;

/// What a rollup cannot be without.
const NEEDED: [&str; 2] = ["/base/storage_version", "/base/parameters"];

/// Everything waits: items of each kind, a blueprint that lacks the one before it, a further upgrade, a further sequencer.
fn busy() -> anyhow::Result<Scene> {
    let mut scene = Scene::started()?;
    let later = scene.bench.now().saturating_add(86_400);
    let key = SecretKey::from_seed(&[77; 32]).public_key();
    let change = SequencerUpgrade { key, pool: millrace_primitives::Address::zero(), activation: later };
    let decisions = [Decision::SequencerUpgrade(change), further(&scene, later)?];
    let decisions: Vec<_> = decisions
        .iter()
        .map(|decision| transfer(&scene.bench, ADMIN, Parameter::Governance(&decision.encode())))
        .collect();
    let raw = transaction(&scene.bench, 9, super::GAS)?;
    let delayed: Vec<_> = delayed::cut(&raw)
        .context("too large")?
        .iter()
        .map(|part| transfer(&scene.bench, BRIDGE, Parameter::DelayedBridge(&part.encode())))
        .collect();
    let future = Blueprint {
        number: BlockNumber::new(scene.number()? + 3),
        parent: BlockHash::new([3; 32]),
        timestamp: later,
        payload: Payload { delayed: vec![], transactions: vec![] },
    };
    let future = scene.bench.seal(&future)?;
    let deposits = vec![scene.deposit(0xd1), scene.deposit(0xd2)];
    let report = scene.level(&[decisions, deposits, delayed, future].concat())?;
    ensure!(scene.bench.waiting()?.len() == 3, "{}", debug(&report));
    for path in ["/base/next_authorities", "/base/upgrades", "/base/blueprints"] {
        ensure!(scene.bench.durable().values_below(path).next().is_some(), "{path}: {}", debug(&report));
    }
    Ok(scene)
}

/// An upgrade that is not due for long.
fn further(scene: &Scene, activation: Timestamp) -> anyhow::Result<Decision> {
    let root_hash = scene.publish(b"much later")?;
    Ok(Decision::KernelUpgrade(millrace_wire::governance::KernelUpgrade { root_hash, activation }))
}

/// Without these values, as no message can make it.
fn without(mut scene: Scene, is_gone: impl Fn(&str) -> bool) -> anyhow::Result<Scene> {
    scene.bench.change_durable(|durable| {
        let gone: Vec<_> =
            durable.values_below("/base").map(|(key, _)| key).filter(|key| is_gone(key)).collect();
        ensure!(!gone.is_empty());
        for key in gone {
            durable.delete(Key::trusted(&key));
        }
        Ok(())
    })?;
    Ok(scene)
}

fn values(durable: &Durable, keys: impl IntoIterator<Item = String>) -> BTreeMap<String, Vec<u8>> {
    keys.into_iter().filter_map(|key| Some((key.clone(), value(durable, &key)?))).collect()
}

/// The items of the delayed inbox by position, at one place or the other.
fn items(durable: &Durable, place: &str) -> Vec<(String, Vec<u8>)> {
    let items = durable.values_below(place);
    items.map(|(key, item)| (key.replace(place, ""), item.to_bytes().into_owned())).collect()
}

#[test]
fn row_43_a_migration_needs_nothing_that_is_optional() -> anyhow::Result<()> {
    let next = next_kernel(Conduct::Migrates)?;
    let states = [
        ("genesis", Scene::of(&genesis()?)?),
        ("nobody in charge", without(Scene::started()?, |key| key == "/base/authority")?),
        ("busy", busy()?),
        ("bare", without(busy()?, |key| !NEEDED.contains(&key))?),
    ];
    for (name, mut scene) in states {
        let mut check = || -> anyhow::Result<()> {
            let has_sequencer = scene.bench.durable().exists("/base/authority");
            let number = scene.number()?;
            let (_, announcement) = scene.announce(&next)?;
            let blueprint = if has_sequencer { scene.blueprint()? } else { vec![] };
            let before = items(scene.bench.durable(), "/base/delayed/items");
            let report = scene.level(&[vec![announcement], blueprint].concat())?;
            ensure!(
                outcomes(&report).iter().all(|outcome| *outcome == Outcome::Finished),
                "{}",
                debug(&report)
            );
            // One run of the old kernel, several of the new one.
            ensure!(outcomes(&report).len() > 4, "{} runs: {}", outcomes(&report).len(), debug(&report));
            ensure!(scene.runs(&next), "{}", debug(&report));
            let durable = scene.bench.durable();
            let version = value(durable, "/base/storage_version").context("no version")?;
            ensure!(version == 3u64.to_be_bytes(), "{version:?}");
            // Without a sequencer what waits leaves with the block of this level, its copies stay.
            let copies = items(durable, "/base/next/items");
            ensure!(copies == before, "{copies:?}");
            let copied =
                values(durable, (0..OPTIONAL.len()).map(|index| format!("/base/next/values/{index}")));
            let authority = copied.get("/base/next/values/0").cloned();
            ensure!(authority == value(durable, OPTIONAL[0]), "{name}: {authority:?}");
            ensure!(
                copied.contains_key("/base/next/values/4"),
                "the clock is never absent: {:?}",
                copied.keys()
            );
            ensure!(scene.number()? == number + 1, "{}", debug(&report));
            scene.level(&[])?;
            ensure!(
                scene.handover()?.is_none()
                    && scene.bench.durable().values_below("/upgrade/backup/base").next().is_none()
            );
            ensure!(scene.runs(&next));
            Ok(())
        };
        check().context(name)?;
    }
    Ok(())
}

//! Kernels of ours that go wrong: they run our code, so they give way by themselves.

use super::{Scene, debug, next_kernel, outcomes, value};
use anyhow::{Context as _, ensure};
use millrace_engine::check_kernel;
use millrace_layout::upgrade::Phase;
use millrace_next_kernel::Conduct;
use millrace_pvm::{Outcome, Status, Trap};

/// Levels of a trial by default (`upgrades.trial_levels`).
const TRIAL_LEVELS: usize = 20;
/// The layouts of the kernel of `dist/` and of the one that tests upgrade to.
const LAYOUTS: [u8; 2] = [1, 3];

fn layout(scene: &Scene) -> anyhow::Result<u8> {
    let bytes = value(scene.bench.durable(), "/base/storage_version").context("no version")?;
    bytes.last().copied().context("an empty version")
}

#[test]
fn a_node_knows_that_it_is_another_kernel() -> anyhow::Result<()> {
    let old = Scene::started()?.kernel()?;
    ensure!(check_kernel(&old).is_ok(), "dist/ has the kernel of these sources");
    for conduct in Conduct::ALL {
        let foreign = check_kernel(&next_kernel(conduct)?).err().context("taken for the kernel of dist/")?;
        ensure!(foreign.found.is_some_and(|found| found.len() == 64), "{conduct:?} has no fingerprint");
    }
    Ok(())
}

#[test]
fn a_migration_that_goes_wrong_is_undone_in_the_same_level() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let old = start.kernel()?;
    let good = next_kernel(Conduct::Migrates)?;
    let rows = [
        (Conduct::SkipsALayout, 10),
        (Conduct::FailsToMigrate, 11),
        (Conduct::TrapsInMigration, 12),
        (Conduct::MigratesForEver, 13),
    ];
    for (conduct, reason) in rows {
        let check = || -> anyhow::Result<()> {
            let (mut scene, mut twin) = (start.twin()?, start.twin()?);
            let root_hash = scene.announced(&next_kernel(conduct)?)?;
            twin.level(&[])?;
            let messages =
                [vec![scene.deposit(0xd1)], scene.blueprint()?, vec![scene.deposit(0xd2)]].concat();
            ensure!(
                messages == [vec![twin.deposit(0xd1)], twin.blueprint()?, vec![twin.deposit(0xd2)]].concat()
            );
            let report = scene.level(&messages)?;
            twin.level(&messages)?;
            let traps = outcomes(&report).iter().filter(|outcome| **outcome != Outcome::Finished).count();
            ensure!(
                traps == usize::from(conduct == Conduct::TrapsInMigration),
                "{traps} traps: {}",
                debug(&report)
            );
            ensure!(scene.refusals()? == [(*root_hash.as_bytes(), reason)], "{:?}", scene.refusals()?);
            // The old kernel, its storage to the byte, the block, and both deposits.
            ensure!(scene.runs(&old) && scene.number()? == start.number()? + 1, "{}", debug(&report));
            ensure!(scene.bench.waiting()?.len() == 2 && layout(&scene)? == LAYOUTS[0]);
            scene.is_as(&twin, &[])?;
            scene.upgrades_to(&good)?;
            ensure!(layout(&scene)? == LAYOUTS[1] && scene.bench.waiting()?.is_empty());
            Ok(())
        };
        check().with_context(|| format!("{conduct:?}"))?;
    }
    Ok(())
}

#[test]
fn a_kernel_that_makes_no_block_gives_way_after_its_trial() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let old = start.kernel()?;
    let good = next_kernel(Conduct::SameLayout)?;
    // After a trap the blueprint goes, and the sequencer's next message brings it again: every other level has one.
    for (conduct, levels) in [(Conduct::MakesNoBlock, TRIAL_LEVELS), (Conduct::Traps, 2 * TRIAL_LEVELS - 1)] {
        let check = || -> anyhow::Result<()> {
            let (mut scene, mut twin) = (start.twin()?, start.twin()?);
            let bad = next_kernel(conduct)?;
            let root_hash = scene.announced(&bad)?;
            twin.level(&[])?;
            // The sequencer sends what is not confirmed; somebody deposits in each level.
            let blueprint = scene.blueprint()?;
            ensure!(blueprint == twin.blueprint()?);
            let mut traps = 0;
            for level in 0..levels {
                let messages = [vec![scene.deposit(level as u8 + 1)], blueprint.clone()].concat();
                let report = scene.level(&messages)?;
                twin.level(&messages)?;
                traps +=
                    outcomes(&report).iter().filter(|outcome| matches!(outcome, Outcome::Trapped(_))).count();
                ensure!(report.status == Status::WaitingForInput, "{}", debug(&report));
                ensure!(
                    scene.runs(&bad) && scene.number()? == start.number()?,
                    "level {level}: {}",
                    debug(&report)
                );
                ensure!(scene.refusals()?.is_empty(), "level {level}");
            }
            ensure!(traps == if conduct == Conduct::Traps { TRIAL_LEVELS } else { 0 }, "{traps} traps");
            let handover = scene.handover()?.context("no trial")?;
            ensure!(handover.phase == Phase::Trial, "{handover:?}");
            let report = scene.level(&blueprint)?;
            twin.level(&blueprint)?;
            ensure!(scene.refusals()? == [(*root_hash.as_bytes(), 14)], "{}", debug(&report));
            ensure!(scene.runs(&old) && scene.number()? == start.number()? + 1, "{}", debug(&report));
            ensure!(scene.bench.waiting()?.len() == levels, "every deposit of the trial is kept");
            // When the block was tried is all that tells them apart, and not even that after another block.
            scene.is_as(&twin, &["/base/attempt"])?;
            let messages = scene.blueprint()?;
            ensure!(messages == twin.blueprint()?);
            scene.level(&messages)?;
            twin.level(&messages)?;
            scene.is_as(&twin, &[])?;
            ensure!(scene.bench.waiting()?.is_empty());
            scene.upgrades_to(&good)
        };
        check().with_context(|| format!("{conduct:?}"))?;
    }
    Ok(())
}

#[test]
fn a_kernel_that_migrated_and_makes_no_block_stays_until_another_one_comes() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let good = next_kernel(Conduct::Migrates)?;
    for conduct in [Conduct::MigratesAndTraps, Conduct::MigratesAndMakesNoBlock] {
        let check = || -> anyhow::Result<()> {
            let mut scene = start.twin()?;
            let bad = next_kernel(conduct)?;
            scene.announced(&bad)?;
            let blueprint = scene.blueprint()?;
            let levels = 2 * TRIAL_LEVELS + 5;
            for level in 0..levels {
                let report =
                    scene.level(&[vec![scene.deposit(level as u8 + 1)], blueprint.clone()].concat())?;
                ensure!(scene.runs(&bad) && scene.number()? == start.number()?, "{}", debug(&report));
                ensure!(layout(&scene)? == LAYOUTS[1], "level {level}");
            }
            ensure!(scene.bench.waiting()?.len() == levels, "messages are read all the while");
            // It hears governance, and gives way before the block.
            let (_, announcement) = scene.announce(&good)?;
            scene.level(&[announcement])?;
            let report = scene.level(&blueprint)?;
            ensure!(scene.runs(&good) && scene.number()? == start.number()? + 1, "{}", debug(&report));
            let messages = scene.blueprint()?;
            let report = scene.level(&messages)?;
            ensure!(scene.number()? == start.number()? + 2, "{}", debug(&report));
            ensure!(scene.bench.waiting()?.is_empty() && layout(&scene)? == LAYOUTS[1]);
            ensure!(scene.handover()?.is_none(), "its trial is over");
            Ok(())
        };
        check().with_context(|| format!("{conduct:?}"))?;
    }
    Ok(())
}

#[test]
fn a_kernel_that_traps_at_messages_gives_way_in_the_same_level() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let old = start.kernel()?;
    let mut scene = start.twin()?;
    let bad = next_kernel(Conduct::TrapsAtMessages)?;
    let root_hash = scene.announced(&bad)?;
    // The old kernel has read all there is when it takes over, and it makes a block of that.
    let messages = scene.blueprint()?;
    scene.level(&messages)?;
    ensure!(scene.runs(&bad) && scene.number()? == start.number()? + 1);
    ensure!(scene.handover()?.context("its trial is over")?.phase == Phase::Trial);
    let messages = [vec![scene.deposit(0xd1)], scene.blueprint()?, vec![scene.deposit(0xd2)]].concat();
    let report = scene.level(&messages)?;
    // Its only message of the level is that the level begins.
    let trapped = Outcome::Trapped(Trap::Unreachable);
    ensure!(outcomes(&report) == [trapped, Outcome::Finished, Outcome::Finished], "{}", debug(&report));
    ensure!(scene.refusals()? == [(*root_hash.as_bytes(), 15)], "{:?}", scene.refusals()?);
    ensure!(scene.runs(&old) && scene.number()? == start.number()? + 2, "{}", debug(&report));
    ensure!(scene.bench.waiting()?.len() == 2, "both deposits wait");
    scene.upgrades_to(&next_kernel(Conduct::SameLayout)?)
}

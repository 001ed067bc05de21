//! Kernels of a few lines that run nothing of ours.

use super::{Scene, debug, next_kernel, outcomes, value};
use anyhow::{Context as _, ensure};
use millrace_installer::Preimages;
use millrace_next_kernel::Conduct;
use millrace_primitives::{PreimageHash, U256};
use millrace_pvm::{
    BOOT_KEY, BootPhase, FALLBACK_KEY, Machine, MachineConfig, Outcome, PvmError, Status, Stuck, Trap,
    durable::Key,
};
use std::fs;

/// What the kernels below share: host functions, a memory, and where boot kernel and a mark of theirs are.
const PRELUDE: &str = r#"
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $delete (param i32 i32) (result i32)))
  (memory 1) (export "memory" (memory 0))
  (data (i32.const 0) "/kernel/boot.wasm") (data (i32.const 32) "/mark") (data (i32.const 48) "/kernel/env/reboot")
  (func $mark (drop (call $write (i32.const 32) (i32.const 5) (i32.const 0) (i32.const 32) (i32.const 1))))
"#;
/// Bytes of a kernel in a full page.
const PAGE_CONTENTS_BYTES: usize = 4_091;
/// An entry that does nothing.
const ENTRY: &str = r#"(func (export "kernel_run"))"#;

fn module(text: &str) -> anyhow::Result<Vec<u8>> {
    Ok(wat::parse_str(format!("(module {text})"))?)
}

fn kernel(rest: &str) -> anyhow::Result<Vec<u8>> {
    module(&format!("{PRELUDE} {rest}"))
}

/// A kernel whose run is these instructions.
fn running(body: &str) -> anyhow::Result<Vec<u8>> {
    kernel(&format!(r#"(func (export "kernel_run") {body})"#))
}

/// Beside what others do in the level of the switch.
fn with_deposit(scene: &mut Scene, receiver: u8) -> anyhow::Result<Vec<Vec<u8>>> {
    Ok([vec![scene.deposit(receiver)], scene.blueprint()?].concat())
}

fn balance(scene: &Scene, receiver: u8) -> anyhow::Result<U256> {
    let address = millrace_primitives::Address::repeat_byte(receiver);
    let account = scene.bench.engine.account(scene.bench.durable(), address)?;
    Ok(account.map(|account| account.balance).unwrap_or_default())
}

#[test]
fn what_is_no_kernel_never_takes_over() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let mut cut = kernel(ENTRY)?;
    cut.truncate(cut.len() - 3);
    let rows: [(&str, Vec<u8>, u8); 6] = [
        ("garbage", b"nothing that anybody runs".to_vec(), 5),
        ("cut", cut, 6),
        ("no entry", kernel("")?, 7),
        ("an entry with a parameter", kernel(r#"(func (export "kernel_run") (param i32))"#)?, 7),
        ("an entry that is no function", kernel(r#"(global (export "kernel_run") i32 (i32.const 0))"#)?, 7),
        ("two memories", kernel(&format!("(memory 1) {ENTRY}"))?, 8),
    ];
    for (name, bad, reason) in rows {
        let scene = start.twin()?;
        let root_hash = scene.publish(&bad)?;
        is_refused(scene, root_hash, reason).context(name)?;
    }
    // A page that has its name and is none.
    let scene = start.twin()?;
    let page = [9, 0, 0, 0, 1, 7];
    let root_hash = Preimages::name(&page);
    fs::write(scene.page(&root_hash), page)?;
    is_refused(scene, root_hash, 1).context("a page that is none")
}

/// The old kernel makes the block as if nobody had announced anything, and a good kernel takes over after.
fn is_refused(mut scene: Scene, root_hash: PreimageHash, reason: u8) -> anyhow::Result<()> {
    let (mut twin, old, number) = (scene.twin()?, scene.kernel()?, scene.number()?);
    scene.announced_as(root_hash)?;
    twin.level(&[])?;
    // A deposit in the level of the block that would have brought it.
    let messages = with_deposit(&mut scene, 0xd1)?;
    ensure!(messages == with_deposit(&mut twin, 0xd1)?);
    let report = scene.level(&messages)?;
    twin.level(&messages)?;
    ensure!(outcomes(&report) == [Outcome::Finished], "{}", debug(&report));
    ensure!(scene.refusals()? == [(*root_hash.as_bytes(), reason)], "{:?}", scene.refusals()?);
    ensure!(scene.runs(&old) && scene.number()? == number + 1, "{}", debug(&report));
    scene.is_as(&twin, &[])?;
    scene.upgrades_to(&next_kernel(Conduct::SameLayout)?)?;
    ensure!(balance(&scene, 0xd1)? == U256::exp10(12), "the deposit arrived");
    Ok(())
}

#[test]
fn a_page_that_nobody_has_halts_the_node_until_it_is_there() -> anyhow::Result<()> {
    let mut scene = Scene::started()?;
    let number = scene.number()?;
    let good = next_kernel(Conduct::SameLayout)?;
    scene.announced(&good)?;
    // The one with the last bytes of the kernel.
    let (_, last) = good.split_at(good.len() - good.len() % PAGE_CONTENTS_BYTES);
    let page = [&[0][..], &u32::try_from(last.len())?.to_be_bytes(), last].concat();
    let place = scene.page(&Preimages::name(&page));
    fs::remove_file(&place)?;
    let messages = with_deposit(&mut scene, 0xd1)?;
    let before = scene.bench.durable().clone();
    for _ in 0..2 {
        let error = scene.level(&messages).err().context("it went on")?;
        ensure!(matches!(error.downcast_ref(), Some(PvmError::PreimageMissing { .. })), "{error:?}");
        ensure!(scene.bench.durable().is_same(&before), "the level has not been");
    }
    fs::write(place, page)?;
    let report = scene.level(&messages)?;
    ensure!(scene.runs(&good) && scene.number()? == number + 1, "{}", debug(&report));
    ensure!(scene.bench.waiting()?.len() == 1, "the deposit of the level");
    Ok(())
}

#[test]
fn what_the_pvm_refuses_costs_a_run_and_nothing_of_the_inbox() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let old = start.kernel()?;
    let good = next_kernel(Conduct::SameLayout)?;
    let importing = |module: &str, name: &str, ty: &str| {
        self::module(&format!(
            r#"(import "{module}" "{name}" (func {ty})) (memory 1) (export "memory" (memory 0)) {ENTRY}"#
        ))
    };
    let rows: [(&str, Vec<u8>, BootPhase); 10] = [
        ("a float", kernel(&format!("{ENTRY} (func (drop (f32.const 0)))"))?, BootPhase::Decode),
        ("a float among types", kernel(&format!("(type (func (param f64))) {ENTRY}"))?, BootPhase::Decode),
        ("an unknown import", importing("smart_rollup_core", "store_fly", "")?, BootPhase::Link),
        ("an import from elsewhere", importing("env", "store_has", "")?, BootPhase::Link),
        (
            "an import of a later version",
            importing("smart_rollup_core", "nds_store_exists", "(param i64 i32 i32) (result i32)")?,
            BootPhase::Link,
        ),
        ("an import of another type", importing("smart_rollup_core", "store_has", "")?, BootPhase::Init),
        ("no memory", module(ENTRY)?, BootPhase::Init),
        (
            "a start that traps",
            kernel(&format!("{ENTRY} (func $s (unreachable)) (start $s)"))?,
            BootPhase::Init,
        ),
        ("a start that calls the host", kernel(&format!("{ENTRY} (start $mark)"))?, BootPhase::Init),
        (
            "data beyond its memory",
            kernel(&format!(r#"{ENTRY} (data (i32.const 65536) "x")"#))?,
            BootPhase::Init,
        ),
    ];
    for (name, bad, expected) in rows {
        let check = || -> anyhow::Result<()> {
            let (mut scene, mut twin) = (start.twin()?, start.twin()?);
            let root_hash = scene.announced(&bad)?;
            twin.level(&[])?;
            let messages = with_deposit(&mut scene, 0xd1)?;
            ensure!(messages == with_deposit(&mut twin, 0xd1)?);
            let report = scene.level(&messages)?;
            twin.level(&messages)?;
            // The inbox had been read: what is lost is the run that would have made the block.
            match &outcomes(&report)[..] {
                [Outcome::Finished, Outcome::FellBack { phase, .. }] => {
                    ensure!(*phase == expected, "{phase:?}")
                }
                other => anyhow::bail!("{other:?}"),
            }
            ensure!(report.status == Status::WaitingForInput && scene.runs(&old));
            ensure!(scene.bench.durable().exists("/readonly/kernel/env/upgrade_error"));
            ensure!(scene.number()? == start.number()? && twin.number()? == start.number()? + 1);
            ensure!(scene.bench.waiting()?.len() == 1, "the deposit of the level waits");
            // The next level makes it, and brings a deposit of its own.
            let other = [scene.deposit(0xd2)];
            let report = scene.level(&other)?;
            twin.level(&other)?;
            ensure!(outcomes(&report) == [Outcome::Finished, Outcome::Finished], "{}", debug(&report));
            ensure!(scene.refusals()? == [(*root_hash.as_bytes(), 9)], "{:?}", scene.refusals()?);
            ensure!(!scene.bench.durable().exists("/readonly/kernel/env/upgrade_error"));
            ensure!(scene.number()? == twin.number()?, "{}", debug(&report));
            // When the block was tried is all that tells them apart,
            scene.is_as(&twin, &["/base/attempt"])?;
            // and not even that after another block.
            let messages = scene.blueprint()?;
            ensure!(messages == twin.blueprint()?);
            scene.level(&messages)?;
            twin.level(&messages)?;
            scene.is_as(&twin, &[])?;
            for receiver in [0xd1, 0xd2] {
                ensure!(balance(&scene, receiver)? == U256::exp10(12), "both deposits arrived");
            }
            scene.upgrades_to(&good)
        };
        check().context(name)?;
    }
    Ok(())
}

/// The level in which a kernel takes over that starts.
fn taken_over(start: &Scene, bad: &[u8]) -> anyhow::Result<(Scene, Vec<Outcome>)> {
    let mut scene = start.twin()?;
    scene.announced(bad)?;
    let messages = with_deposit(&mut scene, 0xd1)?;
    let report = scene.level(&messages)?;
    Ok((scene, outcomes(&report)))
}

#[test]
fn what_traps_before_it_reaches_our_code_stays_and_leaves_what_there_is_alone() -> anyhow::Result<()> {
    const LEVELS: usize = 25;
    let start = Scene::started()?;
    let bad = running("(unreachable)")?;
    let (mut scene, outcomes) = taken_over(&start, &bad)?;
    let trapped = Outcome::Trapped(Trap::Unreachable);
    ensure!(outcomes == [Outcome::Finished, trapped.clone()], "{outcomes:?}");
    let twin = scene.twin()?;
    for _ in 0..LEVELS {
        let deposit = scene.deposit(0xd2);
        let report = scene.level(&[deposit])?;
        ensure!(super::outcomes(&report) == [trapped.clone()] && report.status == Status::WaitingForInput);
    }
    // The PVM has nothing else to go back to: it has started once.
    ensure!(scene.runs(&bad) && value(scene.bench.durable(), FALLBACK_KEY.as_str()) == Some(bad));
    // What came in the level of the switch is there, what came later is lost, and no key has changed.
    ensure!(scene.bench.waiting()?.len() == 1 && scene.number()? == start.number()?);
    ensure!(scene.bench.durable().differences_since(twin.bench.durable()).is_empty());
    ensure!(scene.bench.durable().exists("/upgrade/backup/kernel"), "nobody puts it back");
    Ok(())
}

#[test]
fn what_takes_itself_away_loses_every_other_level() -> anyhow::Result<()> {
    const LEVELS: usize = 6;
    let start = Scene::started()?;
    // Garbage in its first bytes.
    let garbage =
        "(drop (call $write (i32.const 0) (i32.const 17) (i32.const 0) (i32.const 32) (i32.const 5)))";
    for away in ["(drop (call $delete (i32.const 0) (i32.const 17)))", garbage] {
        let bad = running(&format!("(call $mark) {away}"))?;
        let (mut scene, outcomes) = taken_over(&start, &bad)?;
        ensure!(outcomes == [Outcome::Finished, Outcome::Finished], "{outcomes:?}");
        ensure!(!scene.runs(&bad));
        for level in 0..LEVELS {
            let report = scene.level(&[])?;
            // The PVM puts back what started last, which is the same kernel, and ends the level with it.
            match &super::outcomes(&report)[..] {
                [Outcome::FellBack { phase: BootPhase::Decode, .. }] if level % 2 == 0 => {
                    ensure!(scene.runs(&bad), "level {level}");
                }
                [Outcome::Finished] if level % 2 == 1 => ensure!(!scene.runs(&bad), "level {level}"),
                other => anyhow::bail!("level {level}: {other:?}"),
            }
        }
        ensure!(scene.number()? == start.number()? && scene.bench.waiting()?.len() == 1);
    }
    Ok(())
}

#[test]
fn what_goes_beyond_the_pvm_is_the_end() -> anyhow::Result<()> {
    let start = Scene::started()?;
    let recursing = kernel(
        r#"(func $f (param $n i32) (if (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1))))))
           (func (export "kernel_run") (call $mark) (call $f (i32.const 60000)))"#,
    )?;
    let (scene, outcomes) = taken_over(&start, &recursing)?;
    ensure!(outcomes == [Outcome::Finished, Outcome::Stuck(Stuck::CallStackExhausted)], "{outcomes:?}");
    is_dead(scene, &Stuck::CallStackExhausted)?;
    // It ends once, so that its second run alone has little time. Time stands for ticks here.
    let endless = running("(if (call $has (i32.const 32) (i32.const 5)) (then (loop (br 0)))) (call $mark)")?;
    let (scene, outcomes) = taken_over(&start, &endless)?;
    ensure!(outcomes == [Outcome::Finished, Outcome::Finished], "{outcomes:?}");
    let hasty = Machine::new(MachineConfig { run_time_ms_max: Some(200), ..MachineConfig::default() })?;
    let mut scene = scene.moved(&hasty)?;
    let report = scene.level(&[])?;
    ensure!(super::outcomes(&report) == [Outcome::Stuck(Stuck::TooManyTicks)], "{}", debug(&report));
    is_dead(scene, &Stuck::TooManyTicks)
}

/// The PVM swallows levels, even with a good kernel in its place.
fn is_dead(mut scene: Scene, stuck: &Stuck) -> anyhow::Result<()> {
    ensure!(scene.bench.durable().exists("/mark"), "what was written before stays");
    let good = value(scene.bench.durable(), "/upgrade/backup/kernel").context("no kernel is kept")?;
    scene.bench.change_durable(|durable| {
        durable.set(Key::trusted(BOOT_KEY.as_str()), good);
        Ok(())
    })?;
    let before = scene.bench.durable().clone();
    for _ in 0..3 {
        let report = scene.level(&[])?;
        ensure!(
            report.runs.is_empty() && report.status == Status::Stuck(stuck.clone()),
            "{}",
            debug(&report)
        );
    }
    ensure!(scene.bench.durable().is_same(&before), "nothing is done any more");
    Ok(())
}

//! Compares wasm engines on a real kernel: `engines KERNEL.wasm INPUTS.json [PREIMAGES]`.
//!
//! `KERNEL.wasm` is a boot sector: a kernel, or an installer with its preimages. `INPUTS.json` is a list of
//! levels, each a list of `{"external": hex}` or `{"serialized": hex}`. Every level is run by the machine
//! (wasmtime), by the machine counting operators, and by wasmi from the same storage; results must agree.
//! Levels begin at 0, are 6 seconds long, and the rollup is that of tools/bench.
//! Run it from an optimised build.

use anyhow::{Context, Result, anyhow, ensure};
use millrace_pvm::durable::{Durable, Key};
use millrace_pvm::inputs::{LevelInfo, external, level_inputs};
use millrace_pvm::{
    BOOT_KEY, Machine, MachineConfig, PortableHost, PreimageFolder, PreimageMap, Preimages, Pvm, Rollup,
    State, Status, Version, with_operator_count,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROLLUP: Rollup = Rollup { address: [0x33; 20], origination_level: 0 };
/// When level 0 began.
const START_S: i64 = 1_750_000_000;
const REBOOT_KEY: Key<'static> = Key::constant("/kernel/env/reboot");
/// Each figure is the least of this many tries.
const TRIES: usize = 3;

/// A level and the storage before and after it.
struct Level {
    number: u32,
    inputs: Vec<Vec<u8>>,
    before: Durable,
    after: Durable,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kernel, inputs, rest @ ..] = &arguments[..] else {
        anyhow::bail!("usage: engines KERNEL.wasm INPUTS.json [PREIMAGES]")
    };
    let preimages: Arc<dyn Preimages> = match rest {
        [folder] => Arc::new(PreimageFolder::new(folder)),
        _ => Arc::new(PreimageMap::default()),
    };
    let boot_sector = std::fs::read(kernel).context("the kernel")?;
    let levels = read_levels(inputs)?;
    let levels = record(boot_sector, &levels, &preimages)?;
    let last = levels.last().context("no level")?;
    let wasm = last.after.get(BOOT_KEY.as_str()).context("no kernel")?.to_bytes().into_owned();
    println(format!("kernel: {} bytes, {} levels", wasm.len(), levels.len()));
    overhead()?;
    compile_times(&wasm)?;
    run_times(&levels, &preimages)
}

#[allow(clippy::print_stdout, reason = "the output of a program")]
fn println(line: String) {
    println!("{line}");
}

fn read_levels(path: &str) -> Result<Vec<Vec<Vec<u8>>>> {
    let levels: Vec<Vec<serde_json::Value>> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let decode = |digits: &str| hex::decode(digits).map_err(|error| anyhow!("{error}"));
    let message = |message: &serde_json::Value| -> Result<Vec<u8>> {
        if let Some(digits) = message["external"].as_str() {
            return Ok(external(&decode(digits)?));
        }
        let digits = message["serialized"].as_str().context("neither external nor serialized")?;
        decode(digits)
    };
    levels.iter().map(|level| level.iter().map(message).collect()).collect()
}

/// Runs all levels once, keeping the storages between.
fn record(
    boot_sector: Vec<u8>,
    levels: &[Vec<Vec<u8>>],
    preimages: &Arc<dyn Preimages>,
) -> Result<Vec<Level>> {
    let machine = Machine::new(MachineConfig::default())?;
    let mut pvm = Pvm::originate(machine, ROLLUP, preimages.clone(), Version::LATEST, boot_sector);
    let mut recorded = Vec::new();
    for (number, messages) in levels.iter().enumerate() {
        let number = number as u32;
        let info = LevelInfo { predecessor_timestamp: START_S + 6 * i64::from(number), predecessor: [0; 32] };
        let inputs = level_inputs(info, None, messages);
        let before = pvm.durable().clone();
        let report = pvm.run_level(number, &inputs)?;
        ensure!(report.status == Status::WaitingForInput, "stuck at level {number}: {:?}", report.status);
        recorded.push(Level { number, inputs, before, after: pvm.durable().clone() });
    }
    Ok(recorded)
}

fn least(mut measure: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        least = least.min(measure()?);
    }
    Ok(least)
}

/// What a run costs before the kernel does anything: 1,001 runs of a kernel that asks for a reboot.
fn overhead() -> Result<()> {
    let kernel = wat::parse_str(
        r#"(module
          (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
          (memory 17) (export "memory" (memory 0)) (data (i32.const 0) "/kernel/env/reboot")
          (func (export "kernel_run")
            (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))"#,
    )?;
    let machine = Machine::new(MachineConfig::default())?;
    let mut pvm =
        Pvm::originate(machine.clone(), ROLLUP, Arc::new(PreimageMap::default()), Version::LATEST, kernel);
    let inputs = level_inputs(LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] }, None, &[]);
    let mut runs = 1;
    let taken = least(|| {
        let begin = Instant::now();
        runs = pvm.run_level(1, &inputs)?.runs.len() as u32;
        Ok(begin.elapsed())
    })?;
    println(format!("an empty run: {:?}", taken / runs));
    let one_run = running_once(machine)?;
    println(format!("a level of one empty run: {one_run:?}"));
    durable_times()
}

/// A level with one run, as most are.
fn running_once(machine: Machine) -> Result<Duration> {
    let kernel =
        wat::parse_str(r#"(module (memory 17) (export "memory" (memory 0)) (func (export "kernel_run")))"#)?;
    let mut pvm = Pvm::originate(machine, ROLLUP, Arc::new(PreimageMap::default()), Version::LATEST, kernel);
    let inputs = level_inputs(LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] }, None, &[]);
    let begin = Instant::now();
    for level in 0..1_000 {
        pvm.run_level(level, &inputs)?;
    }
    Ok(begin.elapsed() / 1_000)
}

/// What reads and writes of small values cost in a storage of 100,000 accounts, natively.
fn durable_times() -> Result<()> {
    const ACCOUNTS: u32 = 100_000;
    let key = |n: u32| {
        format!("/evm/world/accounts/{:040x}/info", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let keys: Vec<String> = (0..ACCOUNTS).map(key).collect();
    let mut durable = Durable::new();
    let timed = |label: &str, work: &mut dyn FnMut()| {
        let begin = Instant::now();
        work();
        println(format!("durable storage, {label}: {:?} each", begin.elapsed() / ACCOUNTS));
    };
    timed("insert", &mut || keys.iter().for_each(|key| durable.set(Key::trusted(key), [7; 72].as_slice())));
    let mut bytes = 0;
    timed("read", &mut || {
        bytes += keys.iter().filter_map(|key| durable.get(key)).map(|value| value.len()).sum::<usize>();
    });
    ensure!(bytes == 72 * ACCOUNTS as usize, "a value is missing");
    let old = durable.clone();
    timed("overwrite, shared", &mut || {
        keys.iter().for_each(|key| durable.set(Key::trusted(key), [8; 72].as_slice()))
    });
    timed("overwrite, not shared", &mut || {
        keys.iter().for_each(|key| durable.set(Key::trusted(key), [9; 72].as_slice()));
    });
    timed("difference", &mut || bytes = durable.differences_since(&old).len());
    timed("hash", &mut || bytes = usize::from(durable.hash()[0]));
    let old = durable.clone();
    durable.set(Key::trusted(&keys[5]), [1].as_slice());
    let begin = Instant::now();
    ensure!(durable.differences_since(&old).len() == 1, "one difference");
    println(format!("durable storage, one difference: {:?}", begin.elapsed()));
    Ok(())
}

fn compile_times(wasm: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = || Pvm::originate as fn(Machine, Rollup, Arc<dyn Preimages>, Version, Vec<u8>) -> Pvm;
    let start = |cache_dir: Option<std::path::PathBuf>| -> Result<Duration> {
        let machine = Machine::new(MachineConfig { cache_dir, ..MachineConfig::default() })?;
        let mut pvm =
            empty()(machine, ROLLUP, Arc::new(PreimageMap::default()), Version::LATEST, wasm.to_vec());
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        let begin = Instant::now();
        // Whatever the kernel makes of an empty storage: compilation is what takes time here.
        pvm.run_level(1, &level_inputs(info, None, &[]))?;
        Ok(begin.elapsed())
    };
    println(format!("first level, wasmtime, compiling:        {:?}", least(|| start(None))?));
    start(Some(folder.path().to_owned()))?;
    let cached = least(|| start(Some(folder.path().to_owned())))?;
    println(format!("first level, wasmtime, compiled before:   {cached:?}"));
    for (mode, label) in [
        (wasmi::CompilationMode::Eager, "eager"),
        (wasmi::CompilationMode::LazyTranslation, "lazy translation"),
    ] {
        let mut config = wasmi::Config::default();
        config.compilation_mode(mode);
        let taken = least(|| {
            let begin = Instant::now();
            wasmi::Module::new(&wasmi::Engine::new(&config), wasm)?;
            Ok(begin.elapsed())
        })?;
        println(format!("wasmi, {label}: {taken:?}"));
    }
    Ok(())
}

fn run_times(levels: &[Level], preimages: &Arc<dyn Preimages>) -> Result<()> {
    println("level | wasmtime | wasmtime, counting | wasmi | wasmi, fuel | operators | fuel".into());
    let machines =
        [false, true].map(|metered| Machine::new(MachineConfig { metered, ..MachineConfig::default() }));
    let [plain, metered] = machines;
    let (plain, metered) = (plain?, metered?);
    let (wasmi_plain, wasmi_fuel) = (Wasmi::new(false), Wasmi::new(true));
    for level in levels {
        let mut operators = 0;
        let mut on_wasmtime = |machine: &Machine| {
            let state = State::of(level.before.clone(), Status::WaitingForInput);
            let mut pvm = Pvm::restore(machine.clone(), ROLLUP, preimages.clone(), state);
            let begin = Instant::now();
            let report = pvm.run_level(level.number, &level.inputs)?;
            let taken = begin.elapsed();
            operators = report.runs.iter().filter_map(|run| run.operators).sum();
            ensure!(pvm.durable().hash() == level.after.hash(), "runs of level {} differ", level.number);
            Ok(taken)
        };
        let wasmtime_plain = least(|| on_wasmtime(&plain))?;
        let wasmtime_metered = least(|| on_wasmtime(&metered))?;
        let mut counts = (0, 0);
        let mut on_wasmi = |engine: &Wasmi| {
            let (taken, fuel, operators) = engine.run(level, preimages)?;
            counts = (fuel, operators);
            Ok(taken)
        };
        let wasmi_without = least(|| on_wasmi(&wasmi_plain))?;
        let wasmi_with = least(|| on_wasmi(&wasmi_fuel))?;
        ensure!(counts.1 == operators, "operators differ: {operators} and {}", counts.1);
        println(format!(
            "{} | {wasmtime_plain:?} | {wasmtime_metered:?} | {wasmi_without:?} | {wasmi_with:?} | {operators} | {}",
            level.number, counts.0
        ));
    }
    Ok(())
}

struct Wasmi {
    engine: wasmi::Engine,
    counts: bool,
    modules: std::cell::RefCell<Vec<(Vec<u8>, wasmi::Module)>>,
}

const FUEL: u64 = u64::MAX / 2;

impl Wasmi {
    fn new(counts: bool) -> Self {
        let mut config = wasmi::Config::default();
        config.compilation_mode(wasmi::CompilationMode::Eager).consume_fuel(counts);
        Self { engine: wasmi::Engine::new(&config), counts, modules: Default::default() }
    }

    fn module(&self, wasm: &[u8]) -> Result<wasmi::Module> {
        let mut modules = self.modules.borrow_mut();
        if let Some((_, module)) = modules.iter().find(|(known, _)| known == wasm) {
            return Ok(module.clone());
        }
        // Both kinds run the module that counts, or wasmi without fuel the plain one.
        let module = if self.counts { with_operator_count(wasm)? } else { wasm.to_vec() };
        let module = wasmi::Module::new(&self.engine, module)?;
        modules.push((wasm.to_vec(), module.clone()));
        Ok(module)
    }

    /// All runs of a level: time without translation, fuel, operators.
    fn run(&self, level: &Level, preimages: &Arc<dyn Preimages>) -> Result<(Duration, u64, u64)> {
        let durable = level.before.clone();
        let mut host =
            PortableHost::new(level.number, ROLLUP, preimages.clone(), durable, level.inputs.clone());
        let (mut taken, mut fuel, mut operators) = (Duration::ZERO, 0, 0);
        loop {
            host.durable().delete(REBOOT_KEY);
            let wasm = host.durable().get(BOOT_KEY.as_str()).context("no kernel")?.to_bytes().into_owned();
            let module = self.module(&wasm)?;
            let begin = Instant::now();
            let mut store = wasmi::Store::new(&self.engine, host);
            if self.counts {
                store.set_fuel(FUEL)?;
            }
            let instance = linker(&self.engine, &module)?.instantiate_and_start(&mut store, &module)?;
            instance.get_typed_func::<(), ()>(&store, "kernel_run")?.call(&mut store, ())?;
            taken += begin.elapsed();
            if self.counts {
                fuel += FUEL - store.get_fuel()?;
            }
            if let Some(wasmi::Val::I64(count)) =
                instance.get_global(&store, "operators").map(|global| global.get(&store))
            {
                operators += count as u64;
            }
            host = store.into_data();
            if host.durable().get(REBOOT_KEY.as_str()).is_none() {
                break;
            }
        }
        let same = host.durable().differences_since(&level.after);
        let differences: Vec<_> = same.iter().filter(|(key, _)| !key.contains("/kernel/env/")).collect();
        ensure!(differences.len() <= 1, "wasmi differs: {differences:?}");
        Ok((taken, fuel, operators))
    }
}

fn linker(engine: &wasmi::Engine, module: &wasmi::Module) -> Result<wasmi::Linker<PortableHost>> {
    let mut linker = wasmi::Linker::new(engine);
    for import in module.imports() {
        let name: &'static str = import.name().to_owned().leak();
        let ty = import.ty().func().context("an import that is no function")?.clone();
        let call = move |mut caller: wasmi::Caller<'_, PortableHost>,
                         arguments: &[wasmi::Val],
                         results: &mut [wasmi::Val]| {
            let failed = || wasmi::Error::new(format!("{name} ends the run"));
            let memory =
                caller.get_export("memory").and_then(wasmi::Extern::into_memory).ok_or_else(failed)?;
            let arguments: Vec<i64> = arguments
                .iter()
                .map(|argument| match argument {
                    wasmi::Val::I32(number) => i64::from(*number),
                    wasmi::Val::I64(number) => *number,
                    _ => 0,
                })
                .collect();
            let (memory, host) = memory.data_and_store_mut(&mut caller);
            let result = host.call(name, &arguments, memory).ok_or_else(failed)?;
            if let Some(place) = results.first_mut() {
                *place = match place {
                    wasmi::Val::I64(_) => wasmi::Val::I64(result),
                    _ => wasmi::Val::I32(result as i32),
                };
            }
            Ok(())
        };
        linker.func_new(import.module(), name, ty, call)?;
    }
    Ok(linker)
}

//! Counts the operators that a module executes: `operators MODULE.wasm INPUTS`.
//!
//! `INPUTS` has one case a line, `name hex`. For each, the module's `kernel_run` runs in a fresh instance; it
//! gets the bytes from `read_input`, and what it gives to `write_output` is printed beside the count and the time. A
//! case of no bytes is written `-`.

use anyhow::{Context, Result, anyhow};
use millrace_pvm::with_operator_count;
use std::time::Instant;
use wasmtime::{Caller, Engine, Extern, Linker, Module, Store};

/// What the host functions share.
struct Case {
    input: Vec<u8>,
    output: Vec<u8>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, inputs] = &arguments[..] else { anyhow::bail!("usage: operators MODULE.wasm INPUTS") };
    let counted = with_operator_count(&std::fs::read(module).context("the module")?)?;
    let engine = Engine::default();
    let module = Module::new(&engine, counted).map_err(|error| anyhow!("{error:?}"))?;
    for line in std::fs::read_to_string(inputs).context("the inputs")?.lines() {
        let (name, digits) = line.split_once(' ').context("a line is a name and digits")?;
        let input =
            if digits == "-" { vec![] } else { hex::decode(digits).map_err(|error| anyhow!("{error}"))? };
        let begin = Instant::now();
        let (operators, output) = run(&engine, &module, input).map_err(|error| anyhow!("{error:?}"))?;
        let took = begin.elapsed().as_micros();
        println(format!("{name} {operators} {took}us {}", hex::encode(output)));
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the output of a program")]
fn println(line: String) {
    println!("{line}");
}

fn run(engine: &Engine, module: &Module, input: Vec<u8>) -> wasmtime::Result<(i64, Vec<u8>)> {
    let mut linker = Linker::new(engine);
    let memory = |caller: &mut Caller<'_, Case>| match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => Err(wasmtime::Error::msg("no memory")),
    };
    linker.func_wrap(
        "smart_rollup_core",
        "read_input",
        move |mut caller: Caller<'_, Case>, _info: u32, to: u32, _max: u32| -> wasmtime::Result<u32> {
            let input = caller.data().input.clone();
            memory(&mut caller)?.write(&mut caller, to as usize, &input)?;
            Ok(input.len() as u32)
        },
    )?;
    linker.func_wrap(
        "smart_rollup_core",
        "write_output",
        move |mut caller: Caller<'_, Case>, from: u32, count: u32| -> wasmtime::Result<u32> {
            let mut output = vec![0; count as usize];
            memory(&mut caller)?.read(&caller, from as usize, &mut output)?;
            caller.data_mut().output = output;
            Ok(0)
        },
    )?;
    let mut store = Store::new(engine, Case { input, output: vec![] });
    let instance = linker.instantiate(&mut store, module)?;
    instance.get_typed_func::<(), ()>(&mut store, "kernel_run")?.call(&mut store, ())?;
    let count = instance.get_global(&mut store, "operators").and_then(|count| count.get(&mut store).i64());
    let count = count.ok_or_else(|| wasmtime::Error::msg("no count"))?;
    Ok((count, store.into_data().output))
}

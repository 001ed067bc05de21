//! One call of each host function, on a storage of many keys in one directory.

use super::{Row, level_time, machine, originate, storage};
use anyhow::{Context as _, ensure};
use millrace_pvm::{
    LevelReport, Machine, PreimageMap, State, Status,
    durable::{Durable, Key},
    inputs::{LevelInfo, external, level_inputs},
};

/// Calls of a run, where nothing bounds them.
const CALLS: u32 = 20_000;
/// Calls that take something that there is not more of.
const INPUTS: u32 = 1_000;
const OUTPUTS: u32 = 100;
/// Bytes of an input.
const INPUT_BYTES: usize = 2_048;

/// Where things are in the memory of the kernel: keys, a hash, and room.
const MEMORY: &str = r#"(memory 2) (export "memory" (memory 0))
  (data (i32.const 0) "/wide/0000777") (data (i32.const 32) "/value") (data (i32.const 48) "/absent")
  (data (i32.const 64) "/copy") (data (i32.const 80) "/wide") (data (i32.const 96) "/new")"#;
const AT_DEEP: &str = "(i32.const 0) (i32.const 13)";
const AT_VALUE: &str = "(i32.const 32) (i32.const 6)";
const AT_ABSENT: &str = "(i32.const 48) (i32.const 7)";
const AT_COPY: &str = "(i32.const 64) (i32.const 5)";
const AT_WIDE: &str = "(i32.const 80) (i32.const 5)";
const AT_NEW: &str = "(i32.const 96) (i32.const 4)";
const HASH_AT: u32 = 128;
const PAGE: [u8; 4_096] = [7; 4_096];

/// A call to measure.
struct Call {
    what: &'static str,
    count: u32,
    /// In the text format: the result, if there is one, is dropped.
    instructions: String,
}

fn call(what: &'static str, instructions: String) -> Call {
    Call { what, count: CALLS, instructions }
}

fn calls() -> Vec<Call> {
    let at = |offset: u32, bytes: u32| format!("(i32.const {offset}) (i32.const {bytes})");
    let room = |bytes: u32| at(1_024, bytes);
    let drop = |function: &str, arguments: String| format!("(drop (call ${function} {arguments}))");
    vec![
        call("store_has", drop("store_has", AT_DEEP.into())),
        call("store_exists", drop("store_exists", AT_DEEP.into())),
        call("store_value_size", drop("store_value_size", AT_DEEP.into())),
        call("store_list_size, of many", drop("store_list_size", AT_WIDE.into())),
        call(
            "store_get_nth_key, of many",
            drop("store_get_nth_key", format!("{AT_WIDE} (i64.const 1777) {}", room(64))),
        ),
        call("store_read, 32 bytes", drop("store_read", format!("{AT_DEEP} (i32.const 0) {}", room(32)))),
        call(
            "store_read, 2,048 bytes",
            drop("store_read", format!("{AT_VALUE} (i32.const 512) {}", room(2_048))),
        ),
        call("store_write, 32 bytes", drop("store_write", format!("{AT_DEEP} (i32.const 0) {}", room(32)))),
        call(
            "store_write, 2,048 bytes",
            drop("store_write", format!("{AT_VALUE} (i32.const 512) {}", room(2_048))),
        ),
        call(
            "store_create and store_delete",
            format!(
                "{} {}",
                drop("store_create", format!("{AT_NEW} (i32.const 4096)")),
                drop("store_delete", AT_NEW.into()),
            ),
        ),
        call("store_delete_value, absent", drop("store_delete_value", AT_ABSENT.into())),
        call("store_copy, many keys", drop("store_copy", format!("{AT_WIDE} {AT_COPY}"))),
        call(
            "store_move, many keys, there and back",
            format!(
                "{} {}",
                drop("store_move", format!("{AT_WIDE} {AT_NEW}")),
                drop("store_move", format!("{AT_NEW} {AT_WIDE}")),
            ),
        ),
        call(
            "__internal_store_get_hash, many keys, unchanged",
            drop("get_hash", format!("{AT_WIDE} {}", room(32))),
        ),
        Call {
            what: "a write of 32 bytes and __internal_store_get_hash, many keys",
            count: INPUTS,
            instructions: format!(
                "(i32.store (i32.const 1024) (local.get $n)) {} {}",
                drop("store_write", format!("{AT_DEEP} (i32.const 0) {}", room(32))),
                drop("get_hash", format!("{AT_WIDE} {}", room(32))),
            ),
        },
        Call {
            what: "read_input, 2,048 bytes",
            count: INPUTS,
            instructions: drop("read_input", format!("(i32.const 1000) {}", room(4_096))),
        },
        Call {
            what: "write_output, 2,048 bytes",
            count: OUTPUTS,
            instructions: drop("write_output", room(2_048)),
        },
        call("write_debug, 32 bytes", format!("(call $write_debug {})", room(32))),
        call(
            "reveal_preimage, 4,096 bytes",
            drop("reveal_preimage", format!("{} {}", at(HASH_AT, 33), room(4_096))),
        ),
        call("reveal_metadata", drop("reveal_metadata", room(24))),
        call(
            "reveal, of the parameters of the DAL",
            drop("reveal", format!("{} {}", at(HASH_AT + 40, 1), room(32))),
        ),
    ]
}

/// A kernel that does it `count` times.
fn kernel(hash: &[u8], count: u32, instructions: &str) -> String {
    let import = |name: &str, local: &str, signature: &str| {
        format!(r#"(import "smart_rollup_core" "{name}" (func ${local} {signature}))"#)
    };
    let key = "(param i32 i32) (result i32)";
    let imports = [
        import("store_has", "store_has", key),
        import("store_exists", "store_exists", key),
        import("store_value_size", "store_value_size", key),
        import("store_list_size", "store_list_size", "(param i32 i32) (result i64)"),
        import("store_get_nth_key", "store_get_nth_key", "(param i32 i32 i64 i32 i32) (result i32)"),
        import("store_read", "store_read", "(param i32 i32 i32 i32 i32) (result i32)"),
        import("store_write", "store_write", "(param i32 i32 i32 i32 i32) (result i32)"),
        import("store_create", "store_create", "(param i32 i32 i32) (result i32)"),
        import("store_delete", "store_delete", key),
        import("store_delete_value", "store_delete_value", key),
        import("store_copy", "store_copy", "(param i32 i32 i32 i32) (result i32)"),
        import("store_move", "store_move", "(param i32 i32 i32 i32) (result i32)"),
        import("__internal_store_get_hash", "get_hash", "(param i32 i32 i32 i32) (result i32)"),
        import("read_input", "read_input", "(param i32 i32 i32) (result i32)"),
        import("write_output", "write_output", key),
        import("write_debug", "write_debug", "(param i32 i32)"),
        import("reveal_preimage", "reveal_preimage", "(param i32 i32 i32 i32) (result i32)"),
        import("reveal_metadata", "reveal_metadata", key),
        import("reveal", "reveal", "(param i32 i32 i32 i32) (result i32)"),
    ]
    .concat();
    let escaped: String = hash.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module {imports} {MEMORY} (data (i32.const {HASH_AT}) "{escaped}") (data (i32.const {}) "\03")
          (func (export "kernel_run") (local $n i32) (local.set $n (i32.const {count}))
            (loop $l {instructions}
              (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
        HASH_AT + 40
    )
}

/// A state in which the kernel of these instructions is next.
fn state(
    machine: &Machine,
    hash: &[u8],
    durable: &Durable,
    (count, instructions): (u32, &str),
) -> anyhow::Result<State> {
    let mut state =
        originate(machine, PreimageMap::default(), &kernel(hash, count, instructions))?.state().clone();
    let mut with_keys = durable.clone();
    for (key, value) in state.durable.values() {
        with_keys.set(Key::trusted(&key), value.clone());
    }
    state.durable = with_keys;
    Ok(state)
}

pub(super) fn measure(keys: usize) -> anyhow::Result<Vec<Row>> {
    let (fast, metered) = (machine(false)?, machine(true)?);
    let mut preimages = PreimageMap::default();
    let hash = preimages.insert(PAGE.to_vec());
    let mut durable = storage::wide(keys)?;
    durable.set(Key::trusted("/value"), vec![1; 4_096]);
    durable.hash();
    let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
    let messages = vec![external(&[1; INPUT_BYTES - 1]); INPUTS as usize];
    let inputs = level_inputs(info, None, &messages);
    let mut rows = vec![];
    for call in calls() {
        let cost = |instructions: &str| -> anyhow::Result<(f64, f64)> {
            let work = (call.count, instructions);
            let mut pvm = originate(&fast, preimages.clone(), "(module)")?;
            let time = level_time(&mut pvm, &state(&fast, &hash, &durable, work)?, 0, &inputs)?;
            let mut pvm = originate(&metered, preimages.clone(), "(module)")?;
            pvm.set_state(state(&metered, &hash, &durable, work)?);
            Ok((time.as_secs_f64(), operators(&pvm.run_level(0, &inputs)?)?))
        };
        let (empty, with) = (cost("")?, cost(&call.instructions)?);
        let per_call = |with: f64, without: f64| (with - without).max(0.0) / f64::from(call.count);
        rows.push(Row {
            what: call.what.to_owned(),
            time_us: per_call(with.0, empty.0) * 1e6,
            operators: Some(per_call(with.1, empty.1)),
        });
    }
    Ok(rows)
}

#[allow(clippy::cast_precision_loss, reason = "a number for people to read")]
fn operators(report: &LevelReport) -> anyhow::Result<f64> {
    ensure!(report.status == Status::WaitingForInput, "{:?}", report.status);
    let run = report.runs.first().context("no run")?;
    Ok(run.operators.context("not counted")? as f64)
}

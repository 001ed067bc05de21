//! Host functions with any arguments, on a kernel of two pages.
//!
//! Each case is a kernel that makes some calls and keeps their results in its storage. Arguments are near what matters:
//! the ends of the memory and of 32 bits, the limits of sizes, keys good and damaged.

use crate::{machine, run, session};
use millrace_pvm::{Machine, Version};
use std::fmt::Write as _;

/// A page that can be revealed.
pub(crate) const PREIMAGE: &[u8] = b"a page";

/// Calls of one case.
const CALLS: usize = 48;
/// Bytes of the kernel's memory.
const MEMORY_BYTES: i64 = 2 * 65_536;
/// Where results are kept, and the key that they are written to.
const RESULTS_AT: usize = 120_000;
const KEYS_AT: usize = 1_024;
/// Bytes from one key in the memory to the next.
const KEY_STRIDE: usize = 256;

/// Names of the host functions, what each argument is (a key takes two), and whether it answers 64 bits.
const FUNCTIONS: [(&str, &[Argument], Answer); 19] = {
    use Answer::{I32, I64, Nothing};
    use Argument::{Index, Key, Pointer, Size};
    [
        ("store_has", &[Key], I32),
        ("store_exists", &[Key], I32),
        ("store_value_size", &[Key], I32),
        ("store_list_size", &[Key], I64),
        ("store_get_nth_key", &[Key, Index, Pointer, Size], I32),
        ("__internal_store_get_hash", &[Key, Pointer, Size], I32),
        ("store_delete", &[Key], I32),
        ("store_delete_value", &[Key], I32),
        ("store_copy", &[Key, Key], I32),
        ("store_move", &[Key, Key], I32),
        ("store_create", &[Key, Size], I32),
        ("store_read", &[Key, Size, Pointer, Size], I32),
        ("store_write", &[Key, Size, Pointer, Size], I32),
        ("read_input", &[Pointer, Pointer, Size], I32),
        ("write_output", &[Pointer, Size], I32),
        ("write_debug", &[Pointer, Size], Nothing),
        ("reveal_preimage", &[Pointer, Size, Pointer, Size], I32),
        ("reveal_metadata", &[Pointer, Size], I32),
        ("reveal", &[Pointer, Size, Pointer, Size], I32),
    ]
};

#[derive(Clone, Copy)]
enum Argument {
    Key,
    Pointer,
    Size,
    /// 64 bits.
    Index,
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    I32,
    I64,
    Nothing,
}

impl Answer {
    const fn result(self) -> &'static str {
        match self {
            Self::I32 => "(result i32)",
            Self::I64 => "(result i64)",
            Self::Nothing => "",
        }
    }
}

/// Keys of the storage, with those that the machine itself looks at. Those of a stuck kernel are left to the modules.
const KEYS: [&str; 20] = [
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/b/@",
    "/b",
    "/",
    "",
    "a",
    "//",
    "/a/",
    "/a b",
    "/..",
    "/readonly",
    "/readonly/wasm_version",
    "/readonly/kernel/boot.wasm",
    "/readonlyx",
    "/kernel/env/reboot",
    "/kernel/boot.wasm",
    "/kernel",
    "/kernel/env",
];

fn pick<T: Copy>(rng: &mut fastrand::Rng, among: &[T]) -> T {
    among[rng.usize(..among.len())]
}

/// A number near one that matters.
fn near(rng: &mut fastrand::Rng, among: &[i64]) -> i32 {
    let center = pick(rng, among);
    let offset = if rng.u8(..4) == 0 { rng.i64(-3..=3) } else { 0 };
    (center + offset) as i32
}

fn pointer(rng: &mut fastrand::Rng) -> i32 {
    match rng.u8(..8) {
        0 => rng.i32(..),
        1..=4 => rng.i32(0..4_096),
        _ => near(
            rng,
            &[0, 65_536, MEMORY_BYTES, MEMORY_BYTES - 8, MEMORY_BYTES - 2_048, 1 << 31, (1 << 32) - 8, -1],
        ),
    }
}

fn size(rng: &mut fastrand::Rng) -> i32 {
    match rng.u8(..8) {
        0 => rng.i32(..),
        1..=3 => rng.i32(0..100),
        _ => near(rng, &[0, 0, 33, 240, 512, 2_048, 4_096, MEMORY_BYTES, (1 << 31) - 1, 1 << 31, -1]),
    }
}

/// The arguments of a key in the memory, and now and then of something else.
fn key(rng: &mut fastrand::Rng) -> [i32; 2] {
    if rng.u8(..12) == 0 {
        return [pointer(rng), size(rng)];
    }
    let index = rng.usize(..=KEYS.len());
    let length = KEYS.get(index).map_or(240, |key| key.len()) as i32;
    let length = if rng.u8(..12) == 0 { length + rng.i32(-2..=2) } else { length };
    [(KEYS_AT + index * KEY_STRIDE) as i32, length]
}

fn arguments(rng: &mut fastrand::Rng, of: &[Argument]) -> String {
    let mut text = String::new();
    for argument in of {
        let written = match argument {
            Argument::Key => {
                let [start, length] = key(rng);
                write!(text, "(i32.const {start}) (i32.const {length}) ")
            }
            Argument::Pointer => write!(text, "(i32.const {}) ", pointer(rng)),
            Argument::Size => write!(text, "(i32.const {}) ", size(rng)),
            Argument::Index => {
                let index = if rng.u8(..3) == 0 { rng.i64(..) } else { rng.i64(-2..6) };
                write!(text, "(i64.const {index}) ")
            }
        };
        written.expect("a string takes everything");
    }
    text
}

fn imports() -> String {
    let mut text = String::new();
    for (name, arguments, answer) in FUNCTIONS {
        let types: Vec<_> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Key => "i32 i32",
                Argument::Pointer | Argument::Size => "i32",
                Argument::Index => "i64",
            })
            .collect();
        let (types, result) = (types.join(" "), answer.result());
        writeln!(text, r#"(import "smart_rollup_core" "{name}" (func ${name} (param {types}) {result}))"#)
            .expect("a string takes everything");
    }
    text
}

/// A kernel that makes random calls, keeps their results, and may ask for a reboot or trap.
fn kernel(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = format!("(module {} (memory 2) (export \"memory\" (memory 0))\n", imports());
    for (index, key) in KEYS.iter().enumerate() {
        writeln!(text, "(data (i32.const {}) \"{key}\")", KEYS_AT + index * KEY_STRIDE).expect("a string");
    }
    // The longest key there is.
    let longest = format!("/{}", "k".repeat(239));
    writeln!(text, "(data (i32.const {}) \"{longest}\")", KEYS_AT + KEYS.len() * KEY_STRIDE)
        .expect("a string");
    writeln!(text, "(data (i32.const 8) \"/results\") (func (export \"kernel_run\")").expect("a string");
    for call in 0..CALLS {
        let (name, of, answer) = pick(rng, &FUNCTIONS);
        let arguments = arguments(rng, of);
        let at = RESULTS_AT + 8 * call;
        let written = match answer {
            Answer::I32 => writeln!(text, "(i32.store (i32.const {at}) (call ${name} {arguments}))"),
            Answer::I64 => writeln!(text, "(i64.store (i32.const {at}) (call ${name} {arguments}))"),
            Answer::Nothing => writeln!(text, "(call ${name} {arguments})"),
        };
        written.expect("a string takes everything");
    }
    let bytes = 8 * CALLS;
    let keep = format!(
        "(drop (call $store_write (i32.const 8) (i32.const 8) (i32.const 0) (i32.const {RESULTS_AT}) (i32.const {bytes})))"
    );
    let end = if rng.u8(..16) == 0 { "(unreachable)" } else { "" };
    text += &format!("{keep} {end}))");
    wat::parse_str(text).expect("a kernel")
}

#[test]
fn no_arguments_of_host_functions_upset_the_host() {
    let machine = machine();
    let seen = session::run(120, 2, |rng| {
        let kernel = kernel(rng);
        run(&machine, &kernel)
    });
    assert!(seen.is_empty() || seen.len() >= 4, "{seen:?}");
    assert!(seen.is_empty() || seen.contains_key("finished"), "{seen:?}");
}

#[test]
fn results_are_those_of_the_same_calls_every_time() {
    let results = |machine: &Machine, kernel: &[u8]| {
        let mut pvm = crate::originate(machine, kernel.to_vec());
        let report = pvm.run_level(0, &[vec![0, 1], vec![0, 2]]);
        (report.map(|report| (report.outbox, report.debug, report.status)), pvm.durable().hash())
    };
    let metered = millrace_pvm::MachineConfig { metered: true, ..Default::default() };
    let metered = Machine::new(metered).expect("a machine");
    let machine = machine();
    session::run(20, 2, |rng| {
        let kernel = kernel(rng);
        assert!(millrace_pvm::accept(&kernel).is_ok_and(|shape| shape.imports.len() == FUNCTIONS.len()));
        assert!(FUNCTIONS.iter().all(|(name, _, _)| Version::LATEST.has_import(name)));
        // Counting changes nothing.
        assert_eq!(results(&machine, &kernel), results(&metered, &kernel));
        vec!["alike".into()]
    });
}

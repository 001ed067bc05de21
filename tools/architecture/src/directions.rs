//! Which crate may depend on which.
//!
//! ```text
//! primitives, wire ← host, layout ← evm* ← inbox, block ← upgrade ← core ← wasm
//! ```
//! The curves `ed25519`, `secp256k1` and `curves` know nothing of ours; `wire` checks signatures with the first two, `evm`
//! recovers senders and has its precompiles from the last.
//! `evm` knows neither host, layout nor wire; `inbox` and `block` never know each other: they meet in the layout. Tools reach the
//! logic of the kernel (`evm` to `core`) only through `engine`.

use crate::{Violation, workspace::Workspace};
use std::fs;

/// The prefix of the packages that the rules are about.
const OURS: &str = "millrace-";

/// For each package, the packages of ours that it may use as a plain or build dependency. A package that is not
/// listed may use none, and a new one gets its line here: that is the moment to think about its place.
const ALLOWED: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("wire", &["primitives", "ed25519", "secp256k1"]),
    ("host", &["primitives"]),
    ("layout", &["primitives", "wire", "host"]),
    ("ed25519", &[]),
    ("secp256k1", &[]),
    ("curves", &[]),
    ("evm", &["primitives", "secp256k1", "curves"]),
    ("inbox", &["primitives", "wire", "host", "layout", "evm"]),
    ("block", &["primitives", "wire", "host", "layout", "evm"]),
    ("upgrade", &["primitives", "wire", "host", "layout", "evm", "inbox", "block"]),
    ("core", &["primitives", "wire", "host", "layout", "evm", "inbox", "block", "upgrade"]),
    ("kernel", &["primitives", "wire", "host", "layout", "core"]),
    // A test of the kernel that happens to be a program.
    ("fuzz", &["primitives", "wire", "host", "layout", "inbox"]),
    // Others: Ethereum's fixtures against the EVM alone, and random transactions against another EVM.
    ("conformance", &["primitives", "evm"]),
    ("differential", &["primitives", "evm"]),
    ("artifact", &[]),
    ("next-kernel", &[]),
    ("architecture", &[]),
    ("installer", &["primitives", "wire", "layout", "artifact"]),
    ("pvm", &["primitives", "wire", "layout", "artifact"]),
    // A test of the PVM that happens to be a program.
    ("pvm-vectors", &["pvm"]),
    (
        "engine",
        &["primitives", "wire", "host", "layout", "evm", "inbox", "block", "upgrade", "core", "pvm", "trace"],
    ),
    // What traces are, for who records and who shows them.
    ("trace", &["primitives"]),
    // The pages of a kernel outside of any rollup.
    ("preimages", &["primitives", "wire", "layout"]),
    ("l1", &["primitives", "wire", "layout", "pvm", "preimages"]),
    ("store", &["primitives", "wire", "layout", "pvm"]),
    ("rpc", &["primitives", "trace"]),
    ("sequencing", &["primitives", "wire"]),
    (
        "node",
        &[
            "primitives",
            "wire",
            "layout",
            "pvm",
            "engine",
            "preimages",
            "l1",
            "store",
            "rpc",
            "sequencing",
            "trace",
        ],
    ),
    ("governance", &["primitives", "wire", "layout", "engine", "pvm", "artifact", "preimages"]),
    ("debugger", &["primitives", "wire", "layout", "pvm"]),
    (
        "cli",
        &[
            "primitives",
            "wire",
            "layout",
            "installer",
            "artifact",
            "pvm",
            "engine",
            "preimages",
            "l1",
            "store",
            "rpc",
            "sequencing",
            "node",
            "governance",
            "debugger",
        ],
    ),
    (
        "bench",
        &[
            "primitives",
            "wire",
            "layout",
            "installer",
            "artifact",
            "pvm",
            "engine",
            "l1",
            "store",
            "rpc",
            "sequencing",
            "node",
        ],
    ),
    // Black boxes: scenarios speak to processes, not to crates.
    ("tezt", &["primitives", "wire", "layout"]),
];

/// Edges that tests may have beyond [`ALLOWED`]; a test of one crate may stand on another where its fixture lives.
const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[
    // Scenarios over all stages sign transactions and look into blocks.
    ("core", &["evm", "secp256k1"]),
    // What the installer writes is read back by the readers of the kernel.
    ("installer", &["host", "evm", "block"]),
    ("engine", &["installer", "artifact", "secp256k1"]),
    ("pvm", &["installer"]),
    ("l1", &["installer", "artifact", "engine"]),
    ("node", &["installer", "secp256k1"]),
    ("governance", &["installer"]),
    // Ethereum's fixtures through the kernel as wasm, against the EVM alone; upgrades to the kernel of tests.
    ("bench", &["conformance", "evm", "next-kernel"]),
    ("rpc", &["rpc"]),
    // Itself with secret keys, for tests that stand outside of it.
    ("wire", &["wire"]),
    ("tezt", &["installer", "artifact", "pvm", "l1", "preimages", "next-kernel"]),
];

/// The logic of the kernel.
const KERNEL_LOGIC: &[&str] = &["evm", "inbox", "block", "upgrade", "core"];

/// The tools that may reach it: the engine, and the tests that live with the kernel.
const DOORS_TO_KERNEL_LOGIC: &[&str] = &["engine", "fuzz", "conformance", "differential"];

/// The kernel's door to the PVM, and who may use it.
const SDK: &str = "tezos-smart-rollup";
const SDK_USER: &str = "millrace-kernel";

/// Every edge that is not allowed.
pub fn edges(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in &workspace.members {
        let from = short(&member.name);
        for dependency in &member.dependencies {
            let is_test = dependency.kind.as_deref() == Some("dev");
            if dependency.name == SDK && member.name != SDK_USER {
                violations.push(Violation::new(&member.name, format!("uses {SDK}; only {SDK_USER} may")));
            }
            let Some(to) = dependency.name.strip_prefix(OURS) else { continue };
            let allowed = may(ALLOWED, from, to) || (is_test && may(ALLOWED_IN_TESTS, from, to));
            if !allowed {
                let kind = dependency.kind.as_deref().unwrap_or("plain");
                let what = format!("a {kind} dependency on {} is against the directions", dependency.name);
                violations.push(Violation::new(&member.name, what));
            }
        }
    }
    violations
}

fn may(table: &[(&str, &[&str])], from: &str, to: &str) -> bool {
    table.iter().any(|(name, targets)| *name == from && targets.contains(&to))
}

fn short(package: &str) -> &str {
    package.strip_prefix(OURS).unwrap_or(package)
}

/// The rules that the tables themselves must keep, so that nobody widens them by a line.
pub fn tables(allowed: &[(&str, &[&str])]) -> Vec<Violation> {
    let kernel = [
        "primitives",
        "ed25519",
        "secp256k1",
        "curves",
        "wire",
        "host",
        "layout",
        "evm",
        "inbox",
        "block",
        "upgrade",
        "core",
        "kernel",
    ];
    let mut violations = Vec::new();
    let mut refuse =
        |from: &str, to: &str, why: &str| violations.push(Violation::new(from, format!("{to}: {why}")));
    for (from, targets) in allowed {
        let from_kernel = kernel.contains(from);
        for to in *targets {
            let to_logic = KERNEL_LOGIC.contains(to);
            if !from_kernel && to_logic && !DOORS_TO_KERNEL_LOGIC.contains(from) {
                refuse(from, to, "tools reach the logic of the kernel only through the engine");
            }
            if from_kernel && !kernel.contains(to) {
                refuse(from, to, "the kernel knows no tools");
            }
            let place = |name: &str| kernel.iter().position(|k| *k == name);
            if from_kernel && place(to) >= place(from) {
                refuse(from, to, "the kernel's crates point downwards");
            }
            match (*from, *to) {
                ("evm", "host" | "layout" | "wire") => {
                    refuse(from, to, "the EVM knows neither host nor formats")
                }
                ("inbox", "block") | ("block", "inbox") => refuse(from, to, "the stages meet in the layout"),
                _ => {}
            }
        }
    }
    violations
}

/// [`tables`] of the tables above.
pub fn own_tables() -> Vec<Violation> {
    tables(ALLOWED)
}

/// Members whose manifest does not take the lints, or another key that all share, from the workspace.
pub fn manifests(workspace: &Workspace) -> Vec<Violation> {
    let wanted = [
        ("[lints]\nworkspace = true", "the lints of the workspace"),
        ("edition.workspace = true", "the edition of the workspace"),
        ("license.workspace = true", "the licence of the workspace"),
        ("publish = false", "`publish = false`"),
    ];
    let mut violations = Vec::new();
    for member in &workspace.members {
        let text = fs::read_to_string(&member.manifest_path).unwrap_or_default();
        for (line, what) in wanted {
            if !text.contains(line) {
                violations.push(Violation::new(
                    member.folder(&workspace.root),
                    format!("its Cargo.toml lacks {what}"),
                ));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, Member};

    fn workspace(edges: &[(&str, &str, Option<&str>)]) -> Workspace {
        let member = |(from, to, kind): &(&str, &str, Option<&str>)| Member {
            name: (*from).to_owned(),
            manifest_path: "/x/Cargo.toml".into(),
            dependencies: vec![Dependency { name: (*to).to_owned(), kind: kind.map(str::to_owned) }],
        };
        Workspace { root: "/x".into(), members: edges.iter().map(member).collect() }
    }

    #[test]
    fn edges_against_the_directions_are_found() {
        for edge in [
            ("millrace-inbox", "millrace-block", None),
            ("millrace-block", "millrace-inbox", Some("dev")),
            ("millrace-evm", "millrace-host", None),
            ("millrace-evm", "millrace-wire", Some("dev")),
            ("millrace-node", "millrace-core", None),
            ("millrace-rpc", "millrace-evm", Some("build")),
            ("millrace-unknown", "millrace-primitives", None),
            ("millrace-engine", "tezos-smart-rollup", None),
        ] {
            assert_eq!(edges(&workspace(&[edge])).len(), 1, "{edge:?}");
        }
        for edge in [
            ("millrace-block", "millrace-evm", None),
            ("millrace-core", "millrace-evm", Some("dev")),
            ("millrace-kernel", "tezos-smart-rollup", None),
            ("millrace-node", "tokio", None),
        ] {
            assert_eq!(edges(&workspace(&[edge])), [], "{edge:?}");
        }
    }

    #[test]
    fn tables_that_allow_too_much_are_found() {
        let wrong: &[(&str, &[&str])] = &[
            ("evm", &["wire"]),
            ("block", &["inbox"]),
            ("node", &["core"]),
            ("wire", &["pvm"]),
            ("host", &["layout"]),
        ];
        for line in wrong {
            assert!(!tables(std::slice::from_ref(line)).is_empty(), "{line:?}");
        }
    }
}

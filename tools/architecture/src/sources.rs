//! What source files may say.

use crate::{Violation, workspace::Workspace};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Most lines of a file before its tests.
const LINES_MAX: usize = 700;

/// The beginnings of durable paths.
const DURABLE_PATHS: &[&str] = &["\"/evm", "\"/base", "\"/kernel", "\"/tmp", "\"/readonly"];

/// Where a durable path may be spelled besides `kernel/layout` and tests, and why.
const PATHS_ALLOWED: &[(&str, &str)] = &[
    ("kernel/host/src/memory.rs", "plays the PVM, whose own keys these are; host stands below layout"),
    ("kernel/fuzz/src/", "checks what stage one leaves, from outside"),
    ("tools/pvm/src/", "is the PVM, whose own keys these are"),
    ("tools/pvm/examples/", "drives the PVM alone, without a kernel of ours"),
];

/// Where `unsafe` may stand, and why.
const UNSAFE_ALLOWED: &[(&str, &str)] = &[
    ("kernel/wasm/src/", "host calls take pointers"),
    ("tools/pvm/src/cache.rs", "the only way to load compiled code"),
    ("tools/pvm/src/machine.rs", "the only way to load compiled code"),
];

/// What the kernel may not use: it differs from run to run, or from machine to machine.
const BANNED_IN_KERNEL: &[(&str, &str)] = &[
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("std::time", "the kernel has no clock: the layer 1 tells the time"),
    ("Instant::now", "the kernel has no clock"),
    ("SystemTime", "the kernel has no clock"),
    ("std::thread", "the kernel has no threads"),
    ("std::env", "the kernel has no environment"),
    ("std::fs", "the kernel has no files"),
    ("f32", "the PVM refuses floats"),
    ("f64", "the PVM refuses floats"),
    ("thread_rng", "the kernel has no randomness"),
    ("getrandom", "the kernel has no randomness"),
];

/// The first lines that a crate of the kernel must have.
const KERNEL_HEAD: &[&str] = &[
    "#![cfg_attr(not(test), no_std)]",
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
];

/// Lints that a crate of the kernel may do without, and why.
const KERNEL_HEAD_EXCEPTIONS: &[(&str, &[&str])] = &[
    // Arithmetic on arrays of limbs: constant indices into constant sizes, and carries that wrap on purpose.
    ("kernel/ed25519", &["clippy::indexing_slicing", "clippy::arithmetic_side_effects"]),
    ("kernel/curves", &["clippy::indexing_slicing", "clippy::arithmetic_side_effects"]),
    ("kernel/secp256k1", &["clippy::indexing_slicing", "clippy::arithmetic_side_effects"]),
];

/// Crates under `kernel/` that run on the host, as tests do.
const HOST_PROGRAMS: &[&str] = &["kernel/conformance", "kernel/differential", "kernel/fuzz"];

/// The one crate of the kernel that may use std: it is the entry of the wasm module.
const STD_USER: &str = "kernel/wasm";

/// A source file of a member.
#[derive(Debug)]
pub struct Source {
    /// Relative to the checkout, with `/`.
    pub path: String,
    /// The folder of its crate.
    pub folder: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Whether it holds nothing but tests, by its place.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/benches/")
    }

    /// The lines before the tests at its end, numbered from 1, comments taken off.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]"));
        // `#[cfg(test)] mod tests;` near the top starts no tests here: they are in a file of their own.
        let inline = tests.filter(|start| self.text.lines().skip(start + 1).take(3).any(opens_a_module));
        let length = if self.is_test() { 0 } else { inline.unwrap_or(usize::MAX) };
        (1..).zip(self.text.lines()).take(length).map(|(number, line)| (number, without_comment(line)))
    }
}

fn opens_a_module(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("mod ") && line.contains('{')
}

/// A line up to its comment; a `//` inside a text, as in a URL, hides what follows, which is good enough here.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Every source file of the members, in order.
///
/// # Errors
/// When a file cannot be read.
pub fn of(workspace: &Workspace) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for member in &workspace.members {
        let folder = member.folder(&workspace.root);
        for sub in ["src", "tests", "benches", "examples", "build.rs"] {
            for file in rust_files(&workspace.root.join(&folder).join(sub))? {
                let path = file.strip_prefix(&workspace.root).unwrap_or(&file);
                let path = path.to_string_lossy().replace('\\', "/");
                sources.push(Source { path, folder: folder.clone(), text: fs::read_to_string(&file)? });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn rust_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(if path.extension().is_some_and(|e| e == "rs") {
            vec![path.to_owned()]
        } else {
            Vec::new()
        });
    }
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            files.extend(rust_files(&entry?.path())?);
        }
    }
    Ok(files)
}

fn is_allowed(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(prefix, _)| path.starts_with(prefix))
}

/// Durable paths outside `kernel/layout`.
pub fn durable_paths(sources: &[Source]) -> Vec<Violation> {
    let elsewhere = |s: &&Source| s.folder != "kernel/layout" && s.folder != "tools/architecture";
    let mut violations = Vec::new();
    for source in sources.iter().filter(elsewhere).filter(|s| !is_allowed(PATHS_ALLOWED, &s.path)) {
        for (number, line) in source.code() {
            if DURABLE_PATHS.iter().any(|path| line.contains(path)) {
                let what = "spells a durable path; only kernel/layout does";
                violations.push(Violation::new(format!("{}:{number}", source.path), what));
            }
        }
    }
    violations
}

/// `unsafe` where it has no business.
pub fn unsafe_code(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let suspects = sources.iter().filter(|s| s.folder != "tools/architecture");
    for source in suspects.filter(|s| !is_allowed(UNSAFE_ALLOWED, &s.path)) {
        for (number, line) in (1..).zip(source.text.lines()) {
            let line = without_comment(line);
            if ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe(", "allow(unsafe_code"]
                .iter()
                .any(|words| line.contains(words))
            {
                let what = "unsafe code; its place and its reason belong into UNSAFE_ALLOWED";
                violations.push(Violation::new(format!("{}:{number}", source.path), what));
            }
        }
    }
    violations
}

/// Files that have grown too long.
pub fn lengths(sources: &[Source]) -> Vec<Violation> {
    let too_long = |source: &&Source| source.code().count() > LINES_MAX;
    sources
        .iter()
        .filter(too_long)
        .map(|s| Violation::new(&s.path, format!("more than {LINES_MAX} lines before its tests")))
        .collect()
}

/// What a kernel cannot have: clocks, randomness, threads, floats, unordered maps, std.
pub fn determinism(sources: &[Source]) -> Vec<Violation> {
    let is_kernel =
        |s: &&Source| s.folder.starts_with("kernel/") && !HOST_PROGRAMS.contains(&s.folder.as_str());
    let mut violations = Vec::new();
    for source in sources.iter().filter(is_kernel) {
        for (number, line) in source.code() {
            for (word, why) in BANNED_IN_KERNEL.iter().filter(|(word, _)| has_word(line, word)) {
                violations
                    .push(Violation::new(format!("{}:{number}", source.path), format!("{word}: {why}")));
            }
        }
        let is_root = source.path == format!("{}/src/lib.rs", source.folder);
        if is_root && source.folder != STD_USER {
            violations.extend(missing_head(source));
        }
    }
    violations
}

/// The lines of [`KERNEL_HEAD`] that a crate lacks, or takes back with an `allow` of the whole crate.
fn missing_head(root: &Source) -> Vec<Violation> {
    let exceptions = KERNEL_HEAD_EXCEPTIONS.iter().filter(|(folder, _)| *folder == root.folder);
    let excepted: Vec<&str> = exceptions.flat_map(|(_, lints)| lints.iter().copied()).collect();
    let is_kept = |wanted: &str| {
        let taken_back = root.text.lines().any(|line| line.starts_with("#![allow(") && line.contains(wanted));
        root.text.contains(wanted) && !taken_back
    };
    KERNEL_HEAD
        .iter()
        .filter(|line| !excepted.contains(line) && !is_kept(line))
        .map(|line| Violation::new(&root.path, format!("it lacks {line}")))
        .collect()
}

/// Whether `word` stands in `line` as a word of its own, as `f64` in `x: f64` but not in `buf64`.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Tests that are switched off.
pub fn ignored_tests(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|s| s.folder != "tools/architecture") {
        for (number, line) in (1..).zip(source.text.lines()) {
            if without_comment(line).trim_start().starts_with("#[ignore") {
                violations.push(Violation::new(format!("{}:{number}", source.path), "an ignored test"));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Vec<Source> {
        let folder = path.split('/').take(2).collect::<Vec<_>>().join("/");
        vec![Source { path: path.to_owned(), folder, text: text.to_owned() }]
    }

    #[test]
    fn durable_paths_are_found_in_code_only() {
        let line = "const KEY: &str = \"/evm/world\";\n";
        assert_eq!(durable_paths(&source("kernel/block/src/lib.rs", line)).len(), 1);
        assert_eq!(durable_paths(&source("kernel/layout/src/lib.rs", line)), []);
        assert_eq!(durable_paths(&source("tools/pvm/src/lib.rs", line)), []);
        assert_eq!(durable_paths(&source("kernel/block/src/tests.rs", line)), []);
        assert_eq!(durable_paths(&source("kernel/block/tests/it/a.rs", line)), []);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{line}}}\n");
        assert_eq!(durable_paths(&source("kernel/block/src/lib.rs", &tests)), []);
        // Tests in another file end nothing.
        let above = format!("#[cfg(test)]\nmod tests;\n{line}");
        assert_eq!(durable_paths(&source("kernel/block/src/lib.rs", &above)).len(), 1);
        assert_eq!(durable_paths(&source("kernel/block/src/lib.rs", &format!("// {line}"))), []);
    }

    #[test]
    fn unsafe_code_is_found_even_in_tests() {
        let text = "fn f() { unsafe { g() } }\n";
        assert_eq!(unsafe_code(&source("tools/node/tests/it.rs", text)).len(), 1);
        assert_eq!(unsafe_code(&source("kernel/wasm/src/host.rs", text)), []);
        assert_eq!(
            unsafe_code(&source("tools/node/src/a.rs", "// unsafe { }\nuse x::core_unsafe::y;\n")),
            []
        );
    }

    #[test]
    fn what_a_kernel_cannot_have_is_found() {
        let root = KERNEL_HEAD.join("\n") + "\n";
        let found =
            |text: &str| determinism(&source("kernel/evm/src/lib.rs", &format!("{root}{text}\n"))).len();
        assert_eq!(found(""), 0);
        assert_eq!(found("use alloc::collections::BTreeMap; let buf64 = xf32;"), 0);
        assert_eq!(found("use hashbrown::HashMap;"), 1);
        assert_eq!(found("let x: f64 = 1 as f64;"), 1);
        assert_eq!(found("std::time::Instant::now()"), 2);
        assert_eq!(determinism(&source("kernel/evm/src/lib.rs", "")).len(), KERNEL_HEAD.len());
        assert_eq!(found("#![allow(clippy::panic)]"), 1);
        assert_eq!(determinism(&source("kernel/secp256k1/src/lib.rs", "")).len(), KERNEL_HEAD.len() - 2);
        assert_eq!(determinism(&source("tools/node/src/lib.rs", "use std::time::Instant;")), []);
    }

    #[test]
    fn long_files_and_ignored_tests_are_found() {
        let long = "x\n".repeat(LINES_MAX + 1);
        assert_eq!(lengths(&source("tools/node/src/a.rs", &long)).len(), 1);
        assert_eq!(lengths(&source("tools/node/src/a.rs", &"x\n".repeat(LINES_MAX))), []);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}");
        assert_eq!(lengths(&source("tools/node/src/a.rs", &tests)), []);
        assert_eq!(ignored_tests(&source("tools/node/src/a.rs", "    #[ignore = \"slow\"]\n")).len(), 1);
    }
}

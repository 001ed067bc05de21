//! What the kernel is made of, in one hash: whoever has the same fingerprint has the same kernel logic, be it compiled
//! to wasm or to the processor of a node.
//!
//! Hashed are the crates that the kernel consists of (manifest and all sources but tests), what the workspace says of
//! their dependencies, name, version and checksum of every package that those bring, the profiles, and the compiler.
//! Not hashed: tests, tools and their dependencies, where the checkout lies.

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The package that is compiled to wasm.
const KERNEL: &str = "millrace-kernel";

/// What the kernel consists of besides when it is the one that tests upgrade to.
const TEST_KERNEL: &str = "kernel/wasm/src/tests";

/// Which of the two kernels that these sources make.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "a build makes one of them")]
pub(crate) enum Variant {
    /// The one of `dist/`.
    Ordinary,
    /// The one that tests upgrade to (feature `test-migration`).
    Test,
}

/// The result.
pub(crate) struct Sources {
    /// 64 hexadecimal digits.
    pub(crate) fingerprint: String,
    /// Files and folders, a change of which may change it.
    #[allow(dead_code, reason = "its test has nothing to watch")]
    pub(crate) watched: Vec<PathBuf>,
}

/// The fingerprint of the kernel of a checkout.
///
/// # Errors
/// A file cannot be read, or the lock file does not know a package.
pub(crate) fn of(root: &Path, variant: Variant) -> io::Result<Sources> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let lock = Lock::parse(&fs::read_to_string(root.join("Cargo.lock"))?);
    let ours = crates(&root.join("kernel"))?;
    let mut hash = Hash::default();
    hash.add("toolchain", &fs::read(root.join("rust-toolchain.toml"))?);
    hash.add("profiles", profiles(&workspace).as_bytes());

    let linked = Linked::of(&ours, &workspace, &lock)?;
    for folder in linked.crates.iter().filter_map(|name| ours.get(name)) {
        let mut files = vec![folder.join("Cargo.toml")];
        rust_files(folder, &mut files)?;
        for file in files {
            let place = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            hash.add(&place, &fs::read(&file)?);
        }
    }
    if variant == Variant::Test {
        hash.add("variant", b"test");
        let mut files = Vec::new();
        rust_files(&root.join(TEST_KERNEL), &mut files)?;
        for file in files {
            hash.add("test", &fs::read(&file)?);
        }
    }
    for line in &linked.inherited {
        hash.add("dependency", line.as_bytes());
    }
    for package in lock.closure(linked.packages)? {
        hash.add("package", package.as_bytes());
    }
    let watched = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "kernel"].map(|name| root.join(name));
    Ok(Sources { fingerprint: hash.finish(), watched: watched.into() })
}

/// Blake2b over labelled pieces of known length.
#[derive(Default)]
struct Hash(Blake2b<U32>);

impl Hash {
    fn add(&mut self, label: &str, bytes: &[u8]) {
        for piece in [label.as_bytes(), bytes] {
            self.0.update((piece.len() as u64).to_be_bytes());
            self.0.update(piece);
        }
    }

    fn finish(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The crates below a folder, by the names of their packages.
fn crates(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut crates = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(manifest) = fs::read_to_string(path.join("Cargo.toml")) else { continue };
        let name = section(&manifest, "package").find_map(|line| value(line, "name"));
        if let Some(name) = name {
            crates.insert(name.to_owned(), path);
        }
    }
    Ok(crates)
}

/// What the kernel is linked with.
#[derive(Default)]
struct Linked {
    /// Our crates, the kernel among them.
    crates: BTreeSet<String>,
    /// The lines of the workspace about their dependencies.
    inherited: BTreeSet<String>,
    /// The packages that they name, as the lock file does.
    packages: BTreeSet<String>,
}

impl Linked {
    fn of(ours: &BTreeMap<String, PathBuf>, workspace: &str, lock: &Lock) -> io::Result<Self> {
        let mut linked = Self::default();
        let mut waiting = vec![KERNEL.to_owned()];
        while let Some(name) = waiting.pop() {
            let Some(folder) = ours.get(&name) else {
                return Err(io::Error::other(format!("there is no crate {name} below kernel/")));
            };
            if !linked.crates.insert(name.clone()) {
                continue;
            }
            let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
            for line in section(&manifest, "dependencies") {
                let key = key_of(line);
                let inherited = section(workspace, "workspace.dependencies").find(|line| key_of(line) == key);
                linked.inherited.extend(inherited.map(str::to_owned));
                let package = package_of(inherited.unwrap_or(line));
                if ours.contains_key(package) {
                    waiting.push(package.to_owned());
                } else {
                    linked.packages.extend(lock.names(&name, package)?);
                }
            }
        }
        Ok(linked)
    }
}

/// Every source file below a crate that is not a test, in the order of their names.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "tests" || name == "tests.rs" || name == "target" {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The lines of a section of a manifest that say something.
fn section<'a>(manifest: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("[{name}]");
    let lines = manifest.lines().skip_while(move |line| line.trim() != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter(|line| line.contains('=') && !line.starts_with('#'))
}

/// The sections about profiles.
fn profiles(workspace: &str) -> String {
    let mut is_profile = false;
    let mut text = String::new();
    for line in workspace.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.kernel") || line.starts_with("[profile.release");
        }
        if is_profile && !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn key_of(line: &str) -> &str {
    line.split(['=', '.']).next().unwrap_or_default().trim()
}

/// The package that a line of dependencies is about.
fn package_of(line: &str) -> &str {
    let renamed = line.split("package = \"").nth(1).and_then(|rest| rest.split('"').next());
    renamed.unwrap_or_else(|| key_of(line))
}

/// The text after `key =`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?;
    Some(rest.trim().trim_matches('"'))
}

/// A lock file: packages by name.
struct Lock(BTreeMap<String, Vec<Package>>);

#[derive(Default)]
struct Package {
    name: String,
    version: String,
    checksum: String,
    /// `name`, or `name version` where there are several.
    dependencies: Vec<String>,
}

impl Lock {
    fn parse(text: &str) -> Self {
        let mut packages: BTreeMap<String, Vec<Package>> = BTreeMap::new();
        for block in text.split("[[package]]").skip(1) {
            let mut package = Package::default();
            for line in block.lines() {
                let item = line.trim().trim_end_matches(',');
                if let Some(dependency) = item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                    package.dependencies.push(dependency.to_owned());
                }
                for (key, field) in [
                    ("name", &mut package.name),
                    ("version", &mut package.version),
                    ("checksum", &mut package.checksum),
                ] {
                    if let Some(value) = value(line, key) {
                        *field = value.to_owned();
                    }
                }
            }
            packages.entry(package.name.clone()).or_default().push(package);
        }
        Self(packages)
    }

    /// How the lock file names the package `to`, on which `from` depends: with its version where there are several.
    fn names(&self, from: &str, to: &str) -> io::Result<Vec<String>> {
        let dependencies = self.0.get(from).into_iter().flatten().flat_map(|package| &package.dependencies);
        let names: Vec<_> = dependencies.filter(|name| name.split(' ').next() == Some(to)).cloned().collect();
        if names.is_empty() {
            return Err(io::Error::other(format!("Cargo.lock has no {to} for {from}: it is out of date")));
        }
        Ok(names)
    }

    /// Name, version and checksum of these packages and of all that they need.
    fn closure(&self, names: BTreeSet<String>) -> io::Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut waiting = Vec::from_iter(names);
        while let Some(wanted) = waiting.pop() {
            let mut words = wanted.split(' ');
            let (name, version) = (words.next().unwrap_or_default(), words.next());
            let candidates = self.0.get(name).into_iter().flatten();
            for package in candidates.filter(|package| version.is_none_or(|v| package.version == v)) {
                let id = format!("{} {} {}", package.name, package.version, package.checksum);
                if found.insert(id) {
                    waiting.extend(package.dependencies.iter().cloned());
                }
            }
        }
        Ok(found)
    }
}

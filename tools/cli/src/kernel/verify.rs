//! `millrace kernel verify`: the same kernel again, from its sources.
//!
//! The building is done by `scripts/rebuild-kernel.sh` of the sources in question, which `make reproducible` uses too.

use super::names::Names;
use crate::preimages::root_hash;
use anyhow::{Context as _, ensure};
use millrace_artifact::first_difference;
use millrace_primitives::PreimageHash;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Builds the kernel in the scratch folder that it is given, and prints where it is.
const REBUILD: &str = "scripts/rebuild-kernel.sh";

const DIFFERENT: u8 = 1;
const USAGE: u8 = 2;
const NOT_BUILT: u8 = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the kernel should be: a root hash (66 hexadecimal digits), a SHA-256 (64), or a file.
    #[arg(value_name = "HASH|FILE")]
    expected: String,
    /// The checkout to build.
    #[arg(long, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// The kernel as rustc makes it, without Binaryen, as `make kernel WASM_OPT=0` leaves it.
    #[arg(long)]
    no_wasm_opt: bool,
}

/// What the kernel should be.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Expected {
    RootHash(PreimageHash),
    Sha256([u8; 32]),
    File(Vec<u8>),
}

impl Expected {
    fn read(text: &str) -> anyhow::Result<Self> {
        if let Ok(hash) = root_hash(text) {
            return Ok(Self::RootHash(hash));
        }
        let mut sha256 = [0; 32];
        if hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut sha256).is_ok() {
            return Ok(Self::Sha256(sha256));
        }
        let bytes = fs::read(text)
            .with_context(|| format!("{text} is neither a root hash, nor a SHA-256, nor a file"))?;
        ensure!(!bytes.is_empty(), "{text} is empty");
        Ok(Self::File(bytes))
    }

    fn is(&self, kernel: &[u8], names: &Names) -> bool {
        match self {
            Self::RootHash(hash) => *hash == names.root_hash,
            Self::Sha256(hash) => *hash == names.sha256,
            Self::File(bytes) => bytes == kernel,
        }
    }
}

/// Builds and compares. Tells the user everything, errors included.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let failed = |error: anyhow::Error, code: u8| {
        eprintln!("error: {error:#}");
        ExitCode::from(code)
    };
    let prepared = Expected::read(&arguments.expected).and_then(|expected| {
        let script = arguments.source.join(REBUILD);
        ensure!(script.is_file(), "{} has no sources of Millrace: no {REBUILD}", arguments.source.display());
        Ok(expected)
    });
    let expected = match prepared {
        Ok(expected) => expected,
        Err(error) => return failed(error, USAGE),
    };
    let built = rebuild(&arguments.source, arguments.no_wasm_opt)
        .and_then(|kernel| Ok((Names::of(&kernel)?, kernel)));
    match built {
        Ok((names, kernel)) if compare(&expected, &kernel, &names) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(DIFFERENT),
        Err(error) => failed(error, NOT_BUILT),
    }
}

/// Builds the kernel in a scratch folder, which is gone in the end.
fn rebuild(source: &Path, no_wasm_opt: bool) -> anyhow::Result<Vec<u8>> {
    let scratch = tempfile::tempdir().context("no scratch folder")?;
    let mut command = Command::new("sh");
    command.arg(REBUILD).arg(scratch.path()).current_dir(source).stderr(Stdio::inherit());
    command.env("WASM_OPT", if no_wasm_opt { "0" } else { "1" });
    let output = command.output().context("no shell to build with")?;
    ensure!(output.status.success(), "the kernel could not be built: {}", output.status);
    let path = String::from_utf8(output.stdout).context("the path of the kernel is no text")?;
    let path = path.trim_end();
    fs::read(path).with_context(|| format!("cannot read the kernel {path:?}"))
}

/// Tells whether it is the kernel that was expected.
fn compare(expected: &Expected, kernel: &[u8], names: &Names) -> bool {
    println!("built\n{names}");
    let is_same = expected.is(kernel, names);
    if let Expected::File(bytes) = expected {
        match Names::of(bytes) {
            Ok(names) => println!("expected\n{names}"),
            Err(error) => println!("expected\n{error}"),
        }
        if let Some(difference) = first_difference(bytes, kernel) {
            println!("first difference, expected against built: {difference}");
        }
    }
    println!("{}", if is_same { "the same kernel" } else { "another kernel" });
    is_same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_a_hash_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kernel.wasm");
        fs::write(&file, "kernel").unwrap();
        let names = Names::of(b"kernel").unwrap();
        let sha256 = hex::encode(names.sha256);
        for text in [&names.root_hash.to_string(), &sha256, &format!("0x{sha256}"), file.to_str().unwrap()] {
            let expected = Expected::read(text).unwrap();
            assert!(expected.is(b"kernel", &names), "{text}");
            assert!(!expected.is(b"other", &Names::of(b"other").unwrap()), "{text}");
        }
        fs::write(&file, "").unwrap();
        for bad in ["", "00", "nowhere.wasm", &sha256[1..], file.to_str().unwrap()] {
            assert!(Expected::read(bad).is_err(), "{bad}");
        }
    }

    /// A fake checkout: its script makes a file or fails.
    fn fake_source(script: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("scripts")).unwrap();
        fs::write(dir.path().join(REBUILD), script).unwrap();
        dir
    }

    #[test]
    fn the_exit_code_tells_same_different_usage_and_failure_apart() {
        let code = |source: &Path, expected: &str| {
            let arguments =
                Arguments { expected: expected.to_owned(), source: source.to_owned(), no_wasm_opt: false };
            format!("{:?}", run(&arguments))
        };
        let same = |code: u8| format!("{:?}", ExitCode::from(code));
        let makes = fake_source("printf kernel >\"$1/k\"\necho \"$1/k\"\n");
        let [kernel, other] = [b"kernel", &b"other"[..]].map(|bytes| Names::of(bytes).unwrap());
        assert_eq!(code(makes.path(), &kernel.root_hash.to_string()), same(0));
        assert_eq!(code(makes.path(), &hex::encode(kernel.sha256)), same(0));
        assert_eq!(code(makes.path(), &other.root_hash.to_string()), same(DIFFERENT));
        assert_eq!(code(makes.path(), "nowhere.wasm"), same(USAGE));
        assert_eq!(code(Path::new("/nowhere"), &kernel.root_hash.to_string()), same(USAGE));
        for script in ["exit 1\n", "echo /nowhere\n", "printf '' >\"$1/k\"\necho \"$1/k\"\n"] {
            let fails = fake_source(script);
            assert_eq!(code(fails.path(), &kernel.root_hash.to_string()), same(NOT_BUILT), "{script}");
        }
        // Binaryen is asked for or not by the environment of the script.
        let asks = fake_source("printf '%s' \"$WASM_OPT\" >\"$1/k\"\necho \"$1/k\"\n");
        assert_eq!(rebuild(asks.path(), true).unwrap(), b"0");
        assert_eq!(rebuild(asks.path(), false).unwrap(), b"1");
    }
}

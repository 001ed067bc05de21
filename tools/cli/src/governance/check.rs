//! `millrace governance check`.

use super::{
    BAD, print,
    sources::{KernelFile, Sources},
};
use crate::preimages::root_hash;
use millrace_governance::check::{KernelCheck, Proposed};
use millrace_primitives::PreimageHash;
use millrace_pvm::Version;
use std::{path::PathBuf, process::ExitCode};

/// Flags of `millrace governance check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace governance check --root-hash 00… --preimages wasm_2_0_0
  millrace governance check --root-hash 00… --preimages wasm_2_0_0 --kernel kernel.wasm
  millrace governance check --root-hash 00… --preimages http://a.example:8940,http://b.example/pages
  millrace governance check --kernel kernel.wasm

Exit codes: 0 nothing is wrong with its bytes, 1 something is, 2 usage, 3 a file or source cannot be read.
That it was made of the sources that it names, `millrace kernel verify` shows by building it again.")]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["root_hash", "kernel"])))]
pub(crate) struct Arguments {
    /// The root of its pages: what is voted on.
    #[arg(long, value_name = "HEX", value_parser = root_hash, requires = "preimages")]
    root_hash: Option<PreimageHash>,
    /// Where its pages are: a folder of files named by their hashes, or an endpoint that serves them. Several are asked in
    /// their order, folders first.
    #[arg(long, value_name = "DIR|URL", value_delimiter = ',')]
    preimages: Vec<String>,
    /// The kernel that it should be. Without a root hash, this file is what is checked.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The version of the PVM that will run it.
    #[arg(long, value_name = "VERSION", default_value = Version::LATEST.as_str(), value_parser = version)]
    pvm_version: Version,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Checks a kernel.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.kernel.as_deref().map(KernelFile::read).transpose()?;
    let (root_hash, sources) = Sources::of_kernel(&arguments.preimages, arguments.root_hash, file.as_ref())?;
    let proposed = Proposed {
        root_hash,
        preimages: &sources,
        version: arguments.pvm_version,
        expected: file.as_ref().map(|file| file.bytes.as_slice()),
    };
    let check = KernelCheck::of(&proposed)?;
    print(arguments.json, || check.to_json(), &check);
    let is_good = check.faults().is_empty();
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(BAD) })
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.as_bytes()).ok_or_else(|| "a version is written as in 2.0.0-r5".into())
}

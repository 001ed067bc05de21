//! `millrace installer`: what a rollup is originated with.

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use millrace_installer::{
    Parameters, build,
    inspect::{Pages, inspect_file},
    json_schema,
};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the installer kernel and its preimages from a kernel and the parameters of a rollup.
    #[command(after_help = "Writes <out>/kernel.wasm, <out>/installer.wasm (to originate the rollup with),
<out>/preimages/ (for the rollup nodes) and <out>/rollup.json (what all of it is).

Exit code 0, or 1 with one line on the standard error stream; what is wrong with a parameter begins with
FILE:LINE:COLUMN.

Example:
  millrace installer build --config rollup.yaml --kernel dist/kernel.wasm --out my-rollup")]
    Build {
        /// The parameters of the rollup; docs/installer.md and installer/rollup.example.yaml explain each.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The kernel.
        #[arg(long, value_name = "FILE", default_value = "dist/kernel.wasm")]
        kernel: PathBuf,
        /// The folder to write to.
        #[arg(long, value_name = "DIR", default_value = "dist")]
        out: PathBuf,
    },
    /// Show what an installer kernel sets, or would set if it were made of parameters.
    #[command(
        after_help = "Shows the size of the installer, the root hash and the size of the kernel that it fetches, and each durable value
that it leaves, decoded. The installer of another rollup is shown as bytes.

Exit code 0 when nothing is wrong with it; 1 when it cannot be read or has faults.

Examples:
  millrace installer inspect dist/installer.wasm
  millrace installer inspect rollup.yaml --kernel dist/kernel.wasm
  millrace installer inspect installer.wasm --preimages wasm_2_0_0 --json"
    )]
    Inspect {
        /// An installer kernel, or the parameters of a rollup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The folder of its preimages. Default: preimages/ beside the installer, if there is one.
        #[arg(long, value_name = "DIR")]
        preimages: Option<PathBuf>,
        /// The kernel that would be fetched, for a file of parameters.
        #[arg(long, value_name = "FILE", conflicts_with = "preimages")]
        kernel: Option<PathBuf>,
        /// Show everything as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON schema of a file of parameters, for editors.
    #[command(after_help = "Example:
  millrace installer schema > rollup.schema.json

An editor with a YAML language server uses it by the first line of a file of parameters:
  # yaml-language-server: $schema=rollup.schema.json")]
    Schema,
}

pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Build { config, kernel, out } => build_to(&config, &kernel, &out),
        Command::Inspect { file, preimages, kernel, json } => {
            inspect(&file, preimages.as_deref(), kernel.as_deref(), json)
        }
        Command::Schema => show(&serde_json::to_string_pretty(&json_schema())?),
    }
}

fn build_to(config: &Path, kernel: &Path, out: &Path) -> anyhow::Result<()> {
    let parameters = Parameters::from_file(config)?;
    let dist = build(&parameters, &read_kernel(kernel)?)?;
    dist.write(out)?;
    println!(
        "{}: kernel {} bytes, installer {} bytes, {} preimages, root hash {}",
        out.display(),
        dist.kernel.len(),
        dist.installer.len(),
        dist.preimages.count(),
        dist.root_hash
    );
    Ok(())
}

fn read_kernel(kernel: &Path) -> anyhow::Result<Vec<u8>> {
    let missing = || format!("cannot read the kernel {}: `make dist` builds it", kernel.display());
    fs::read(kernel).with_context(missing)
}

fn inspect(file: &Path, preimages: Option<&Path>, kernel: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let beside = file.with_file_name("preimages");
    let pages = match preimages {
        Some(folder) => {
            ensure!(folder.is_dir(), "{} is no folder", folder.display());
            Pages::Folder(folder)
        }
        None if beside.is_dir() => Pages::Folder(&beside),
        None => Pages::None,
    };
    let kernel = kernel.map(read_kernel).transpose()?;
    let inspection = inspect_file(file, pages, kernel.as_deref())?;
    let text =
        if json { serde_json::to_string_pretty(&inspection.to_json())? } else { inspection.to_string() };
    show(&text)?;
    let faults = inspection.faults.len();
    ensure!(faults == 0, "{}: {faults} {}", file.display(), if faults == 1 { "fault" } else { "faults" });
    Ok(())
}

/// Prints a text, of which a reader such as `head` may want only the beginning.
fn show(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

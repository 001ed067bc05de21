//! `millrace installer`: what a rollup is originated with.

use anyhow::Context as _;
use clap::Subcommand;
use millrace_installer::{Parameters, build};
use std::{fs, path::PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the installer kernel and its preimages from a kernel and the parameters of a rollup.
    #[command(after_help = "Writes <out>/kernel.wasm, <out>/installer.wasm (to originate the rollup with),
<out>/preimages/ (for the rollup nodes) and <out>/rollup.json (what all of it is).

Example:
  millrace installer build --config rollup.yaml --kernel dist/kernel.wasm --out my-rollup")]
    Build {
        /// The parameters of the rollup; `installer/rollup.example.yaml` explains each.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The kernel.
        #[arg(long, value_name = "FILE", default_value = "dist/kernel.wasm")]
        kernel: PathBuf,
        /// The folder to write to.
        #[arg(long, value_name = "DIR", default_value = "dist")]
        out: PathBuf,
    },
}

pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    let Command::Build { config, kernel, out } = command;
    let text = fs::read_to_string(&config).with_context(|| format!("cannot read {}", config.display()))?;
    let parameters = Parameters::from_yaml(&text).with_context(|| config.display().to_string())?;
    let kernel_bytes = fs::read(&kernel)
        .with_context(|| format!("cannot read the kernel {}: `make dist` builds it", kernel.display()))?;
    let dist = build(&parameters, &kernel_bytes)?;
    dist.write(&out)?;
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

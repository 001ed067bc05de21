//! `millrace-installer --kernel FILE [--config FILE] --out FOLDER`: makes `dist/`. The same as
//! `millrace installer build`, in a program that compiles without the rest of the tools.

use anyhow::{Context, bail};
use millrace_installer::{Parameters, build, development};
use std::{io::Write, path::Path};

fn main() -> anyhow::Result<()> {
    let (mut kernel, mut config, mut out) = (None, None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--kernel" => &mut kernel,
            "--config" => &mut config,
            "--out" => &mut out,
            _ => bail!("usage: millrace-installer --kernel FILE [--config FILE] --out FOLDER"),
        };
        *place = Some(words.next().with_context(|| format!("{word} needs a value"))?);
    }
    let kernel = kernel.context("--kernel is missing")?;
    let out = out.context("--out is missing")?;
    let parameters = match config {
        None => development::parameters(),
        Some(file) => Parameters::from_file(Path::new(&file))?,
    };
    let kernel = std::fs::read(&kernel).with_context(|| format!("cannot read {kernel}"))?;
    let dist = build(&parameters, &kernel)?;
    dist.write(Path::new(&out))?;
    writeln!(
        std::io::stdout(),
        "{out}: kernel {} bytes, installer {} bytes, {} preimages, root hash {}",
        dist.kernel.len(),
        dist.installer.len(),
        dist.preimages.count(),
        dist.root_hash
    )?;
    Ok(())
}

//! `millrace config`: the settings of a node.

use super::settings::{Settings, TEMPLATE};
use anyhow::Context as _;
use clap::Subcommand;
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a file of settings with everything at its default. A file that is there is left alone.
    #[command(after_help = "Example:\n  millrace config init --out node.toml")]
    Init {
        /// The file.
        #[arg(long, value_name = "FILE", default_value = "millrace.toml")]
        out: PathBuf,
    },
    /// Read a file of settings strictly, and show what a node would take from it.
    #[command(after_help = "Mistakes are told with their line. Keys are not read.

Exit codes: 0 good, 1 not.

Example:\n  millrace config check millrace.toml")]
    Check {
        /// The file.
        #[arg(value_name = "FILE", default_value = "millrace.toml")]
        file: PathBuf,
    },
    /// Explain every setting.
    Describe,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Init { out } => {
            init(out)?;
            println!("{} has all settings at their defaults", out.display());
        }
        Command::Check { file } => {
            let settings = Settings::read(Some(file))?;
            settings.check().with_context(|| format!("in {}", file.display()))?;
            print!("{}", toml::to_string(&settings)?);
        }
        Command::Describe => print!("{TEMPLATE}"),
    }
    Ok(())
}

fn init(out: &Path) -> anyhow::Result<()> {
    let written = File::create_new(out).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.with_context(|| format!("cannot make {}", out.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_is_good() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("node.toml");
        run(&Command::Init { out: out.clone() }).unwrap();
        run(&Command::Check { file: out.clone() }).unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), TEMPLATE);
        assert!(run(&Command::Init { out: out.clone() }).is_err());
        std::fs::write(&out, "[sequencer]\nslot_ms = 0").unwrap();
        let error = format!("{:#}", run(&Command::Check { file: out }).unwrap_err());
        assert!(error.contains("slot_ms") && error.contains("node.toml"), "{error}");
    }
}

//! `millrace governance rehearse`.

use super::{
    BAD, UNKNOWN,
    payload::base58,
    print,
    sources::{KernelFile, Sources},
};
use crate::preimages::root_hash;
use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use millrace_governance::{
    pages::Pages,
    rehearsal::{self, Proposal, RecordedLevel, Recording, Weight, dump},
    time,
};
use millrace_l1::sandbox::recording;
use millrace_layout::governance::Source;
use millrace_primitives::{PreimageHash, RollupAddress, Timestamp};
use millrace_pvm::{PreimageFolder, Rollup, State};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// Flags of `millrace governance rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace governance rehearse --kernel new-kernel.wasm
  millrace governance rehearse --root-hash 00… --preimages wasm_2_0_0 --data-dir .millrace --levels 50 --json
  millrace governance rehearse --kernel new-kernel.wasm --dump storage.yaml --rollup sr1… --inputs inputs.json

The sandbox may be running: its data folder is copied, and nothing in it is changed. The last levels are replayed as they
were, which has to end as the rollup did, and then with the upgrade announced in the first of them.

Exit codes: 0 the upgrade works and the chain is the same (or other blocks were expected), 1 it is refused, gives way, or the
chain is another one, 2 usage, 3 the rehearsal could not be carried out or does not tell.")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["root_hash", "kernel"])))]
pub(crate) struct Arguments {
    /// The data folder of a sandbox.
    #[arg(long, value_name = "DIR", default_value = ".millrace")]
    data_dir: PathBuf,
    /// Instead of a data folder: a durable storage as the rollup node of Octez dumps it (instructions `set` in YAML or
    /// JSON). Without --inputs no blocks are made, and the upgrade is forced.
    #[arg(long, value_name = "FILE", requires = "rollup", conflicts_with = "data_dir")]
    dump: Option<PathBuf>,
    /// The rollup of the dump.
    #[arg(long, value_name = "SR1", value_parser = base58::<RollupAddress>, requires = "dump")]
    rollup: Option<RollupAddress>,
    /// The level at which the rollup of the dump was originated.
    #[arg(long, value_name = "LEVEL", default_value_t = 0, requires = "dump")]
    origination_level: u32,
    /// The levels that follow the dump, as the wasm debugger of Octez takes them: lists of {"external": …} or
    /// {"serialized": …}.
    #[arg(long, value_name = "FILE", requires = "dump")]
    inputs: Option<PathBuf>,
    /// The root of the pages of the new kernel: what is voted on.
    #[arg(long, value_name = "HEX", value_parser = root_hash, requires = "preimages")]
    root_hash: Option<PreimageHash>,
    /// Where its pages are: a folder of files named by their hashes, or an endpoint that serves them. Several are asked in
    /// their order, folders first.
    #[arg(long, value_name = "DIR|URL", value_delimiter = ',')]
    preimages: Vec<String>,
    /// The new kernel itself, instead of root hash and pages.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// How many levels to replay. A sandbox keeps the states of 64.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    levels: u16,
    /// When it takes over, instead of at once: seconds since 1970, or as in 2027-01-15T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    activation: Option<Timestamp>,
    /// Who announces it; otherwise whoever the rollup listens to.
    #[arg(long, value_enum)]
    sender: Option<Announcer>,
    /// Other blocks than before are what is wanted, of a kernel with other rules.
    #[arg(long)]
    expect_changes: bool,
    /// Where compiled kernels are kept; the second rehearsal begins sooner. Only you may be able to write there.
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Announcer {
    /// The administrator.
    Admin,
    /// Ordinary kernel governance.
    Kernel,
    /// Security governance.
    Security,
}

impl From<Announcer> for Source {
    fn from(announcer: Announcer) -> Self {
        match announcer {
            Announcer::Admin => Self::Admin,
            Announcer::Kernel => Self::Kernel,
            Announcer::Security => Self::Security,
        }
    }
}

/// Rehearses an upgrade.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.kernel.as_deref().map(KernelFile::read).transpose()?;
    let (root_hash, mut sources) =
        Sources::of_kernel(&arguments.preimages, arguments.root_hash, file.as_ref())?;
    check_pages(root_hash, &sources)?;
    // What the kernel that runs reveals: the chain of a sandbox keeps what it was originated with.
    let origin = arguments.data_dir.join("origin").join("preimages");
    if origin.is_dir() {
        sources.push(Arc::new(PreimageFolder::new(&origin)));
    }

    let recording = match (&arguments.dump, arguments.rollup) {
        (Some(path), Some(rollup)) => from_dump(arguments, path, rollup)?,
        _ => record(&arguments.data_dir, usize::from(arguments.levels))?,
    };
    let recording = recording.since_first_block()?;
    eprintln!("replaying {} levels twice", recording.levels.len());
    let proposal = Proposal {
        root_hash,
        activation: arguments.activation,
        source: arguments.sender.map(Source::from),
        expects_changes: arguments.expect_changes,
    };
    let machine = rehearsal::machine(arguments.cache_dir.clone())?;
    let rehearsal = rehearsal::rehearse(&machine, Arc::new(sources), &recording, proposal)?;
    print(arguments.json, || rehearsal.to_json(), &rehearsal);
    Ok(match rehearsal.verdict.weight() {
        Weight::Good => ExitCode::SUCCESS,
        Weight::Bad => ExitCode::from(BAD),
        Weight::Unknown => ExitCode::from(UNKNOWN),
    })
}

/// Pages that are missing halt a rollup node, and so would they the rehearsal.
fn check_pages(root_hash: PreimageHash, sources: &Sources) -> anyhow::Result<()> {
    let pages = Pages::collect(root_hash, sources)?;
    let first = pages.missing.iter().chain(&pages.corrupt).next();
    if let Some(first) = first {
        let count = pages.missing.len() + pages.corrupt.len();
        anyhow::bail!(
            "{count} pages of the kernel are not there, {first} for one: every rollup node would stand still. \
             `millrace governance check` lists them"
        );
    }
    Ok(())
}

/// A dump and the levels after it.
fn from_dump(arguments: &Arguments, path: &Path, rollup: RollupAddress) -> anyhow::Result<Recording> {
    let shown = |path: &Path| path.display().to_string();
    let durable = dump::storage(&read_text(path)?).with_context(|| shown(path))?;
    let levels = match &arguments.inputs {
        None => None,
        Some(path) => Some(dump::inputs(&read_text(path)?).with_context(|| shown(path))?),
    };
    let rollup = Rollup { address: *rollup.as_bytes(), origination_level: arguments.origination_level };
    dump::recording(durable, rollup, levels).with_context(|| shown(path))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let shown = || format!("cannot read {}", path.display());
    let size_bytes = fs::metadata(path).with_context(shown)?.len();
    ensure!(size_bytes <= dump::FILE_BYTES_MAX, "{} is too large", path.display());
    fs::read_to_string(path).with_context(shown)
}

/// The last levels in the data folder of a sandbox.
fn record(data_dir: &Path, levels: usize) -> anyhow::Result<Recording> {
    let below = data_dir.join("l1");
    let folder = if below.is_dir() { below } else { data_dir.to_path_buf() };
    ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    let recorded = recording::Recording::of(&folder, levels)
        .with_context(|| format!("{} has nothing to replay", folder.display()))?;
    let state = |processed: recording::Processed| State::of(processed.durable, processed.record.status);
    Ok(Recording {
        rollup: Rollup { address: *recorded.rollup.as_bytes(), origination_level: 0 },
        start: state(recorded.start),
        levels: recorded
            .levels
            .into_iter()
            .map(|level| RecordedLevel {
                level: level.after.record.level,
                inputs: level.inputs,
                after: Some(state(level.after)),
            })
            .collect(),
    })
}

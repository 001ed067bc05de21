//! `millrace debugger`: runs a kernel in the PVM by commands.

use anyhow::anyhow;
use clap::Parser;
use millrace_debugger::{Options, Session, Terminal};
use millrace_primitives::RollupAddress;
use millrace_pvm::Version;
use millrace_wire::base58::Base58Check;
use std::io::{self, BufReader};
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(
    after_help = "Takes the options, files and commands of octez-smart-rollup-wasm-debugger and answers in its words; `help` lists the
commands, docs/debugger.md explains them. Commands are read from the standard input, so a script can be piped in.

Exit code 0 when the session ended by `stop` or the end of the input; 1 when a file is no good or the kernel would not boot.

Examples:
  millrace debugger --kernel dist/kernel.wasm --inputs inputs.json
  millrace debugger --kernel dist/installer.wasm --preimage-dir dist/preimages --inputs inputs.json
  printf 'step inbox\\nprofile\\nshow functions\\n' | millrace debugger --kernel kernel.wasm --inputs inputs.json --json"
)]
pub(crate) struct Arguments {
    /// The kernel: a module (.wasm), its text (.wast, .wat) or its hexadecimal digits (.hex).
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// The messages of each level, as JSON: a list of lists of `{"payload": …}`, `{"external": …}` or `{"serialized": …}`.
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// The address of the rollup: what metadata says, and where payloads go that do not say it.
    #[arg(long, value_name = "SR1", default_value = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57", value_parser = rollup)]
    rollup: RollupAddress,
    /// The folder of preimages, each in a file named by its hash.
    #[arg(long, value_name = "DIR", default_value = "preimage")]
    preimage_dir: PathBuf,
    /// The folder of pages of the data-availability layer, each in a file `<level>-<slot>-<page>`.
    #[arg(long, value_name = "DIR", default_value = "dal_pages")]
    dal_pages_dir: PathBuf,
    /// The version of the PVM that the rollup begins with.
    #[arg(long, short = 'p', value_name = "VERSION", default_value = Version::LATEST.as_str(), value_parser = version)]
    pvm_version: Version,
    /// Hide what the kernel writes as debug output.
    #[arg(long)]
    no_kernel_debug: bool,
    /// Plugins of Octez, separated by commas. They are OCaml code: each is named as not loaded.
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    plugins: Vec<String>,
    /// Values that are in the durable storage before the kernel runs (.yaml or .json): `instructions` of `set` and `move`.
    #[arg(long, value_name = "FILE")]
    installer_config: Option<PathBuf>,
    /// The folder that profiles are written to. Default: the system's folder of temporary files.
    #[arg(long, value_name = "DIR")]
    flamecharts_dir: Option<PathBuf>,
    /// Write each line of debug output to this file, as JSON with the time since the start.
    #[arg(long, value_name = "FILE")]
    timings_file: Option<PathBuf>,
    /// Answer each command with one JSON object in a line, without a prompt.
    #[arg(long)]
    json: bool,
}

fn rollup(text: &str) -> Result<RollupAddress, String> {
    RollupAddress::from_base58(text).map_err(|error| error.to_string())
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.as_bytes()).ok_or_else(|| {
        let known: Vec<String> =
            Version::ALL.iter().map(|version| format!("'{}'", version.as_str())).collect();
        format!("not a valid WASM PVM version. Expected one of: {}", known.join(", "))
    })
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let options = Options {
        kernel: arguments.kernel,
        inputs: arguments.inputs,
        rollup: arguments.rollup,
        preimage_dir: arguments.preimage_dir,
        dal_pages_dir: arguments.dal_pages_dir,
        version: arguments.pvm_version,
        shows_debug: !arguments.no_kernel_debug,
        plugins: arguments.plugins,
        installer_config: arguments.installer_config,
        flamecharts_dir: arguments.flamecharts_dir.unwrap_or_else(std::env::temp_dir),
        timings_file: arguments.timings_file,
    };
    let terminal =
        Terminal::new(Box::new(BufReader::new(io::stdin())), Box::new(io::stdout()), Box::new(io::stderr()))
            .with_json(arguments.json);
    Session::start(&options, terminal).and_then(|mut session| session.run()).map_err(|error| anyhow!(error))
}

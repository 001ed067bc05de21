//! `millrace preimages`: the pages of a kernel, outside of any rollup.

use crate::signals::{stop_signal, stopped};
use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use millrace_artifact::Purpose;
use millrace_installer::Preimages;
use millrace_preimages::{
    Client, FetchConfig, Folder, Tree, parse_name,
    server::{Server, ServerConfig},
};
use millrace_primitives::PreimageHash;
use std::{collections::BTreeSet, fs, net::SocketAddr, path::PathBuf};

/// Hashes that are listed one by one; of more only the number is told.
const LISTED_MAX: usize = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Cut a kernel into pages, and say by which root hash governance names it.
    #[command(
        after_help = "Writes <out>/<hash> for each page, the layout that `millrace preimages serve` serves and Octez's
rollup node has in <its data dir>/wasm_2_0_0. Pages that are there already are kept.

Example:
  millrace preimages make new-kernel.wasm --out pages"
    )]
    Make {
        /// The kernel. It must be one that the PVM runs.
        #[arg(value_name = "KERNEL")]
        kernel: PathBuf,
        /// The folder of pages.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Serve a folder of pages over HTTP, as the pre-images endpoint of rollup nodes.
    #[command(
        after_help = "Each page is `GET /<66 hexadecimal digits>`. Nothing else in the folder is served, and a damaged page is
not. Pages may be added while it runs. There is no TLS: pages are checked against their hashes by who fetches them.

Examples:
  millrace preimages serve --dir dist/preimages
  millrace preimages serve --dir pages --listen 0.0.0.0:8940"
    )]
    Serve {
        /// The folder of pages.
        #[arg(long, value_name = "DIR", default_value = "dist/preimages")]
        dir: PathBuf,
        /// Where to listen; port 0 for any free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8940")]
        listen: SocketAddr,
    },
    /// Fetch the pages of a kernel from others into a folder. What is there is not fetched again.
    #[command(
        after_help = "Endpoints are asked in turn; each page is checked against its hash before it is kept. Interrupt it as you
like: the next run goes on. Exit code 0 when all pages are there, 1 when not.

Example:
  millrace preimages fetch --root-hash 00… --from http://a.example:8940,http://b.example/pages --to pages"
    )]
    Fetch {
        /// The root hash of the kernel, 66 hexadecimal digits.
        #[arg(long, value_name = "HASH", value_parser = root_hash)]
        root_hash: PreimageHash,
        /// The endpoints.
        #[arg(long, value_name = "URL", value_delimiter = ',', required = true)]
        from: Vec<String>,
        /// The folder of pages.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        limits: Limits,
    },
    /// See whether a folder has all pages of a kernel, and name those that are missing or damaged.
    #[command(
        after_help = "Exit code 0 when a rollup node with this folder can reveal the kernel, 1 when not.

Example:
  millrace preimages check --dir pages --root-hash 00…"
    )]
    Check {
        /// The folder of pages.
        #[arg(long, value_name = "DIR", default_value = "dist/preimages")]
        dir: PathBuf,
        /// The root hash of the kernel, 66 hexadecimal digits.
        #[arg(long, value_name = "HASH", value_parser = root_hash)]
        root_hash: PreimageHash,
    },
}

/// Limits of a fetch.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Limits {
    /// Pages that are asked for at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..))]
    at_once: u8,
    /// How often all endpoints are asked for a page, as long as time may help; pauses between double.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// For one page from one endpoint.
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(1..))]
    request_timeout_ms: u64,
    /// For everything.
    #[arg(long, value_name = "S", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_s: u64,
}

impl Limits {
    fn config(self) -> FetchConfig {
        FetchConfig {
            request_timeout_ms: self.request_timeout_ms,
            fetch_timeout_ms: self.timeout_s.saturating_mul(1_000),
            rounds: self.rounds,
            at_once: usize::from(self.at_once),
            ..FetchConfig::default()
        }
    }
}

/// Reads a root hash, with or without `0x`.
pub(crate) fn root_hash(text: &str) -> Result<PreimageHash, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text).to_lowercase();
    parse_name(&digits)
        .ok_or_else(|| "a root hash has 66 hexadecimal digits, the first two of them 00".to_owned())
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Make { kernel, out } => make(kernel, Folder::new(out)),
        Command::Serve { dir, listen } => serve(dir, listen).await,
        Command::Fetch { root_hash, from, to, limits } => {
            let client = Client::new(&from, limits.config())?;
            fetch(client, Folder::new(to), root_hash).await
        }
        Command::Check { dir, root_hash } => {
            ensure!(dir.is_dir(), "{} is no folder", dir.display());
            let folder = Folder::new(dir);
            judge(&Tree::of(&folder, root_hash)?, &folder)
        }
    }
}

fn make(kernel: PathBuf, folder: Folder) -> anyhow::Result<()> {
    let shown = kernel.display();
    let bytes = fs::read(&kernel).with_context(|| format!("cannot read {shown}"))?;
    millrace_artifact::check(&bytes, Purpose::Kernel)
        .with_context(|| format!("{shown} is no kernel that the PVM runs"))?;
    let mut pages = Preimages::default();
    let root = pages.add(&bytes)?;
    for (_, page) in pages.iter() {
        folder.keep(page)?;
    }
    // What the kernel in charge will make of them, limits included.
    judge(&Tree::of(&folder, root)?, &folder)
}

async fn serve(dir: PathBuf, listen: SocketAddr) -> anyhow::Result<()> {
    ensure!(dir.is_dir(), "{} is no folder", dir.display());
    let mut stop = stop_signal()?;
    let server = Server::start(Folder::new(&dir), ServerConfig::new(listen)).await;
    let server = server.with_context(|| format!("cannot listen on {listen}"))?;
    println!("serving {} at http://{}", dir.display(), server.address());
    stopped(&mut stop).await;
    println!("stopping");
    server.stop().await;
    Ok(())
}

async fn fetch(client: Client, folder: Folder, root: PreimageHash) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let fetched = tokio::select! {
        fetched = client.fetch(&folder, root) => fetched?,
        () = stopped(&mut stop) => bail!("interrupted; the next run goes on from here"),
    };
    println!("fetched    {} pages, {} were there", fetched.fetched, fetched.present);
    for faults in &fetched.faults {
        println!("fault      {faults}");
    }
    if fetched.is_late {
        println!("late       the time allowed is over");
    }
    judge(&fetched.tree, &folder)
}

/// Tells what a folder has of a kernel; an error when that is not all.
fn judge(tree: &Tree, folder: &Folder) -> anyhow::Result<()> {
    let shown = folder.path().display();
    println!("root hash  {}", tree.root);
    println!("folder     {shown}");
    println!("pages      {}", tree.pages);
    println!("kernel     {} bytes{}", tree.size_bytes, if tree.is_whole() { "" } else { " so far" });
    list("missing", &tree.missing);
    list("damaged", &tree.wrong);
    if let Some(refusal) = tree.refusal {
        bail!("no kernel takes over from these pages: {refusal}");
    }
    let lacking = tree.missing.len() + tree.wrong.len();
    ensure!(lacking == 0, "{lacking} pages are missing or damaged, and all that is below them");
    Ok(())
}

fn list(what: &str, hashes: &BTreeSet<PreimageHash>) {
    for hash in hashes.iter().take(LISTED_MAX) {
        println!("{what:<10} {hash}");
    }
    if let Some(more @ 1..) = hashes.len().checked_sub(LISTED_MAX) {
        println!("{what:<10} and {more} more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_hashes_are_read_as_people_write_them() {
        let hash = millrace_preimages::hash(b"page");
        for text in [hash.to_string(), format!("0x{hash}"), hash.to_string().to_uppercase()] {
            assert_eq!(root_hash(&text), Ok(hash), "{text}");
        }
        for bad in ["", "0x", "00", "sha256", &format!("01{}", "0".repeat(64))] {
            assert!(root_hash(bad).is_err(), "{bad}");
        }
    }
}

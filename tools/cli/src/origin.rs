//! What a rollup is originated with, and what a chain keeps of it.
//!
//! A chain belongs to the installer that it began with. So its first start copies installer, kernel and preimages from
//! the folder that `installer build` made into the data folder, and every start boots from that copy: the first may then
//! change or go away.

use anyhow::{Context as _, bail, ensure};
use millrace_installer::{Amount, Parameters, build};
use millrace_l1::sandbox::Contracts;
use millrace_node::check_kernel;
use millrace_primitives::ContractHash;
use millrace_wire::base58::Base58Check as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The index of a folder of these files; where it is, the others are.
const INDEX: &str = "rollup.json";
/// The kernel.
const KERNEL: &str = "kernel.wasm";
/// The boot sector of the rollup.
const INSTALLER: &str = "installer.wasm";
/// The folder of preimages.
const PREIMAGES: &str = "preimages";

/// Parameters that the command line gives, instead of those of the built installer.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Overrides {
    /// Another chain id than that of the built installer (1337). It is fixed at the first start of a chain.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    chain_id: Option<u64>,
    /// What each byte of a transaction costs, as `"4000 gwei"` (production) or 0 (a sandbox). Fixed as the chain id is.
    #[arg(long, value_name = "AMOUNT")]
    da_fee_per_byte: Option<Amount>,
}

impl Overrides {
    /// The parameters with what is given in the place of their own.
    fn apply(&self, parameters: &Parameters) -> Parameters {
        let mut parameters = parameters.clone();
        parameters.chain_id = self.chain_id.unwrap_or(parameters.chain_id);
        if let Some(amount) = self.da_fee_per_byte {
            parameters.fees.da_fee_per_byte = amount.to_string();
        }
        parameters
    }

    /// Refuses what the chain that is there has otherwise.
    fn check(&self, of_chain: &Parameters) -> anyhow::Result<()> {
        if let Some(chain_id) = self.chain_id {
            let own = of_chain.chain_id;
            ensure!(chain_id == own, "this chain has chain id {own}: --chain-id {chain_id} needs --fresh");
        }
        if let Some(wanted) = self.da_fee_per_byte {
            let own: Amount =
                of_chain.fees.da_fee_per_byte.parse().context("the chain's fees are damaged")?;
            ensure!(
                wanted == own,
                "this chain charges {own} per byte: --da-fee-per-byte \"{wanted}\" needs --fresh"
            );
        }
        Ok(())
    }
}

/// A folder with installer and preimages, and what they were built from.
#[derive(Debug)]
pub(crate) struct Origin {
    folder: PathBuf,
    /// The root of the kernel's preimages.
    root_hash: String,
    pub(crate) parameters: Parameters,
}

impl Origin {
    /// What `make dist` or `installer build` left in a folder, which `flag` names.
    pub(crate) fn built(folder: &Path, flag: &str) -> anyhow::Result<Self> {
        let shown = folder.display();
        let origin = Self::read(folder)?;
        let origin = origin.with_context(|| {
            format!(
                "there is no built kernel in {shown}: run `make dist`, or name another folder with {flag}"
            )
        })?;
        let kernel = origin.check_kernel();
        kernel.with_context(|| format!("the kernel in {shown} is not of this program: run `make dist`"))?;
        Ok(origin)
    }

    /// What a chain keeps in a folder; `None` before its first start.
    pub(crate) fn kept(folder: &Path, overrides: &Overrides) -> anyhow::Result<Option<Self>> {
        let Some(origin) = Self::read(folder)? else { return Ok(None) };
        origin.check_kernel().context(
            "this chain cannot go on with this program: use the one that made it, or forget the chain with --fresh",
        )?;
        overrides.check(&origin.parameters)?;
        Ok(Some(origin))
    }

    /// Leaves a copy in a folder, built anew if the command line has other parameters.
    pub(crate) fn keep(&self, overrides: &Overrides, folder: &Path) -> anyhow::Result<Self> {
        let parameters = overrides.apply(&self.parameters);
        if parameters == self.parameters {
            copy(&self.folder, folder)?;
        } else {
            let path = self.folder.join(KERNEL);
            let kernel = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            build(&parameters, &kernel)?.write(folder)?;
        }
        Ok(Self { folder: folder.to_path_buf(), root_hash: self.root_hash.clone(), parameters })
    }

    /// Whether a folder has another kernel than this one.
    pub(crate) fn differs_from(&self, folder: &Path) -> bool {
        matches!(Self::read(folder), Ok(Some(other)) if other.root_hash != self.root_hash)
    }

    /// What is in a folder, whatever its kernel; `None` when nothing is.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(INDEX);
        let damaged = || format!("{} is damaged", path.display());
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let mut index: serde_json::Value = serde_json::from_str(&text).with_context(damaged)?;
        let root_hash = index["root_hash"].as_str().with_context(damaged)?.to_owned();
        let parameters = serde_json::from_value(index["parameters"].take()).with_context(damaged)?;
        Ok(Some(Self { folder: folder.to_path_buf(), root_hash, parameters }))
    }

    /// Native execution may stand in only for a kernel of the same sources.
    fn check_kernel(&self) -> anyhow::Result<()> {
        let path = self.folder.join(KERNEL);
        let kernel = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(check_kernel(&kernel)?)
    }

    /// The installer kernel.
    pub(crate) fn installer(&self) -> PathBuf {
        self.folder.join(INSTALLER)
    }

    /// The folder of preimages.
    pub(crate) fn preimages(&self) -> PathBuf {
        self.folder.join(PREIMAGES)
    }

    /// The contracts that the kernel listens to.
    pub(crate) fn contracts(&self) -> anyhow::Result<Contracts> {
        let named = &self.parameters.contracts;
        Ok(Contracts {
            ticketer: contract(self.parameters.ticketer.as_deref())?,
            delayed_bridge: contract(named.delayed_bridge.as_deref())?,
            admin: contract(named.admin.as_deref())?,
            kernel_governance: contract(named.kernel_governance.as_deref())?,
            security_governance: contract(named.security_governance.as_deref())?,
            sequencer_governance: contract(named.sequencer_governance.as_deref())?,
        })
    }
}

fn contract(text: Option<&str>) -> anyhow::Result<Option<ContractHash>> {
    let read = |text| {
        ContractHash::from_base58(text)
            .map_err(|error| anyhow::anyhow!("{text} is no contract of the layer 1: {error:?}"))
    };
    text.map(read).transpose()
}

/// Copies the files. The index comes last and appears in one step, so an interrupted copy is made again.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to.join(PREIMAGES)).with_context(|| format!("cannot make {}", to.display()))?;
    for page in
        fs::read_dir(from.join(PREIMAGES)).with_context(|| format!("cannot read {}", from.display()))?
    {
        let page = page?;
        copy_file(&page.path(), &to.join(PREIMAGES).join(page.file_name()))?;
    }
    for name in [KERNEL, INSTALLER] {
        copy_file(&from.join(name), &to.join(name))?;
    }
    let part = to.join(format!("{INDEX}.part"));
    copy_file(&from.join(INDEX), &part)?;
    fs::rename(&part, to.join(INDEX)).with_context(|| format!("cannot write in {}", to.display()))
}

/// Copies a file and waits until the disk has it.
fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all());
    match copied {
        Err(error) if !from.exists() => bail!("cannot read {}: {error}", from.display()),
        copied => copied.with_context(|| format!("cannot write {}", to.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_installer::development;
    use millrace_node::{SOURCES, SOURCES_MARK};

    /// A built folder, of which only the kernel's mark is real.
    fn dist(folder: &Path, root_hash: &str, sources: &str) {
        fs::create_dir_all(folder.join(PREIMAGES)).unwrap();
        let index = serde_json::json!({ "root_hash": root_hash, "parameters": development::parameters() });
        fs::write(folder.join(KERNEL), [SOURCES_MARK, sources].concat()).unwrap();
        fs::write(folder.join(INSTALLER), format!("installer {root_hash}")).unwrap();
        fs::write(folder.join(PREIMAGES).join("00"), "page").unwrap();
        fs::write(folder.join(INDEX), index.to_string()).unwrap();
    }

    fn overrides(chain_id: Option<u64>, da_fee_per_byte: Option<&str>) -> Overrides {
        Overrides { chain_id, da_fee_per_byte: da_fee_per_byte.map(|text| text.parse().unwrap()) }
    }

    #[test]
    fn a_missing_or_stale_folder_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Origin::built(&dir.path().join("dist"), "--dist").unwrap_err());
        assert!(error.contains("make dist"), "{error}");
        dist(dir.path(), "01", &"0".repeat(SOURCES.len()));
        let error = format!("{:#}", Origin::built(dir.path(), "--dist").unwrap_err());
        assert!(error.contains("make dist") && error.contains("runs 000000000000"), "{error}");
        fs::write(dir.path().join(INDEX), "{").unwrap();
        assert!(Origin::built(dir.path(), "--dist").is_err());
    }

    #[test]
    fn a_chain_keeps_its_origin_whatever_becomes_of_dist() {
        let dir = tempfile::tempdir().unwrap();
        let (built, kept) = (dir.path().join("dist"), dir.path().join("kept"));
        let none = Overrides::default();
        assert!(Origin::kept(&kept, &none).unwrap().is_none());
        dist(&built, "01", SOURCES);
        let first = Origin::built(&built, "--dist").unwrap().keep(&none, &kept).unwrap();
        assert!(!first.differs_from(&built));
        dist(&built, "02", SOURCES);
        let origin = Origin::kept(&kept, &none).unwrap().unwrap();
        assert!(origin.differs_from(&built));
        assert_eq!(fs::read_to_string(origin.installer()).unwrap(), "installer 01");
        assert_eq!(fs::read_to_string(origin.preimages().join("00")).unwrap(), "page");
        fs::remove_dir_all(&built).unwrap();
        assert!(Origin::kept(&kept, &none).unwrap().is_some());
        assert!(!origin.differs_from(&built));
    }

    #[test]
    fn an_interrupted_copy_is_no_origin() {
        let dir = tempfile::tempdir().unwrap();
        let (built, kept) = (dir.path().join("dist"), dir.path().join("kept"));
        dist(&built, "01", SOURCES);
        fs::remove_file(built.join(INSTALLER)).unwrap();
        let origin = Origin::built(&built, "--dist").unwrap();
        assert!(origin.keep(&Overrides::default(), &kept).is_err());
        assert!(Origin::kept(&kept, &Overrides::default()).unwrap().is_none());
    }

    #[test]
    fn a_chain_of_another_kernel_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        dist(dir.path(), "01", &"0".repeat(SOURCES.len()));
        let error = format!("{:#}", Origin::kept(dir.path(), &Overrides::default()).unwrap_err());
        assert!(error.contains("--fresh") && error.contains("runs 000000000000"), "{error}");
    }

    #[test]
    fn what_a_chain_was_made_with_cannot_be_changed_later() {
        let dir = tempfile::tempdir().unwrap();
        dist(dir.path(), "01", SOURCES);
        for same in [overrides(Some(1337), None), overrides(None, Some("0 gwei"))] {
            assert!(Origin::kept(dir.path(), &same).unwrap().is_some());
        }
        for (other, word) in [
            (overrides(Some(4242), None), "chain id 1337"),
            (overrides(None, Some("4000 gwei")), "--da-fee-per-byte"),
        ] {
            let error = format!("{:#}", Origin::kept(dir.path(), &other).unwrap_err());
            assert!(error.contains(word) && error.contains("--fresh"), "{error}");
        }
    }

    #[test]
    fn the_contracts_of_the_layer_1_are_those_of_the_parameters() {
        let mut parameters = development::parameters();
        let origin = |parameters| Origin { folder: PathBuf::new(), root_hash: String::new(), parameters };
        assert_eq!(origin(parameters.clone()).contracts().unwrap(), Contracts::SANDBOX);
        parameters.contracts.admin = None;
        let without = Contracts { admin: None, ..Contracts::SANDBOX };
        assert_eq!(origin(parameters.clone()).contracts().unwrap(), without);
        parameters.ticketer = Some("tz1".to_owned());
        assert!(origin(parameters).contracts().is_err());
    }

    #[test]
    fn overrides_replace_only_what_they_name() {
        let parameters = development::parameters();
        assert_eq!(Overrides::default().apply(&parameters), parameters);
        let other = overrides(Some(4242), Some("4000 gwei")).apply(&parameters);
        assert_eq!((other.chain_id, other.fees.da_fee_per_byte.as_str()), (4242, "4000000000000 wei"));
        assert_eq!(other.genesis, parameters.genesis);
    }
}

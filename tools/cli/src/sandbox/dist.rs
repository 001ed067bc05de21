//! The files that the rollup of a sandbox is originated with.

use anyhow::{Context as _, bail};
use millrace_installer::{Parameters, build};
use millrace_primitives::ContractHash;
use millrace_wire::base58::Base58Check as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The index of a folder of these files.
const INDEX: &str = "rollup.json";
/// The kernel.
const KERNEL: &str = "kernel.wasm";
/// The boot sector of the rollup.
const INSTALLER: &str = "installer.wasm";

/// A folder with installer and preimages, and what they were built from.
#[derive(Debug)]
pub(crate) struct Origin {
    folder: PathBuf,
    pub(crate) parameters: Parameters,
}

impl Origin {
    /// The same rollup with another chain id than its own: the installer is built anew from its kernel, in the
    /// folder `rebuilt`.
    pub(crate) fn with_chain_id(self, chain_id: Option<u64>, rebuilt: &Path) -> anyhow::Result<Self> {
        let Some(chain_id) = chain_id.filter(|chain_id| *chain_id != self.parameters.chain_id) else {
            return Ok(self);
        };
        let path = self.folder.join(KERNEL);
        let kernel = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let parameters = Parameters { chain_id, ..self.parameters };
        build(&parameters, &kernel)?.write(rebuilt)?;
        Ok(Self { folder: rebuilt.to_path_buf(), parameters })
    }

    /// What `make dist` left in a folder.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(INDEX);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "there is no built kernel in {}: run `make dist`, or name another folder with --dist",
                folder.display()
            ),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let mut index: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        let parameters = serde_json::from_value(index["parameters"].take())
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Self { folder: folder.to_path_buf(), parameters })
    }

    /// The installer kernel.
    pub(crate) fn installer(&self) -> PathBuf {
        self.folder.join(INSTALLER)
    }

    /// The folder of preimages.
    pub(crate) fn preimages(&self) -> PathBuf {
        self.folder.join("preimages")
    }

    /// The contract whose tickets the kernel accepts; `None` when it accepts none.
    pub(crate) fn ticketer(&self) -> anyhow::Result<Option<ContractHash>> {
        let Some(text) = &self.parameters.ticketer else { return Ok(None) };
        let ticketer = ContractHash::from_base58(text);
        ticketer.map(Some).map_err(|error| anyhow::anyhow!("the ticketer {text} is no contract: {error:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = Origin::read(&dir.path().join("dist")).unwrap_err().to_string();
        assert!(error.contains("make dist"), "{error}");
    }

    #[test]
    fn the_index_tells_the_parameters() {
        let dir = tempfile::tempdir().unwrap();
        let parameters = millrace_installer::development::parameters();
        let index = serde_json::json!({ "root_hash": "00", "parameters": parameters });
        fs::write(dir.path().join(INDEX), index.to_string()).unwrap();
        let origin = Origin::read(dir.path()).unwrap();
        let origin = origin.with_chain_id(Some(parameters.chain_id), Path::new("unused")).unwrap();
        assert_eq!(origin.parameters, parameters);
        assert_eq!(origin.installer(), dir.path().join(INSTALLER));
        fs::write(dir.path().join(INDEX), "{").unwrap();
        assert!(Origin::read(dir.path()).is_err());
    }
}

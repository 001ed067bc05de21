//! Where the keys of a sequencer come from.
//!
//! ```text
//! file:/etc/millrace/sequencer      the secret key alone, as edsk…, spsk…, p2sk…
//! client:/home/me/.tezos-client#bob the key `bob` of an Octez client's folder, unencrypted
//! ```
//! A secret is never on the command line, where other users of the machine could see it, and in no message.

use anyhow::{Context as _, bail, ensure};
use millrace_wire::{base58::Base58Check as _, signature::SecretKey};
use serde::Deserialize;
use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The file of secret keys in the folder of an Octez client.
const SECRET_KEYS: &str = "secret_keys";
/// Who else than the owner may read a file, among its permissions.
const OTHERS: u32 = 0o077;

/// Where a key is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum KeySource {
    /// In a file of its own.
    File(PathBuf),
    /// In the folder of an Octez client, under a name.
    Client {
        /// The folder.
        folder: PathBuf,
        /// Its name there.
        alias: String,
    },
}

impl fmt::Display for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Client { folder, alias } => write!(formatter, "client:{}#{alias}", folder.display()),
        }
    }
}

impl FromStr for KeySource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:").filter(|path| !path.is_empty()) {
            return Ok(Self::File(path.into()));
        }
        if let Some((folder, alias)) = text.strip_prefix("client:").and_then(|rest| rest.rsplit_once('#'))
            && !folder.is_empty()
            && !alias.is_empty()
        {
            return Ok(Self::Client { folder: folder.into(), alias: alias.to_owned() });
        }
        // The text stays out of the message: somebody may have put a secret there.
        Err("where a key is, as `file:<path>` or `client:<folder of an Octez client>#<alias>`".to_owned())
    }
}

impl KeySource {
    /// Reads the key.
    pub(crate) fn read(&self) -> anyhow::Result<SecretKey> {
        match self {
            Self::File(path) => {
                let text = read_private(path)?;
                secret_key(text.trim()).with_context(|| format!("in {}", path.display()))
            }
            Self::Client { folder, alias } => {
                let path = folder.join(SECRET_KEYS);
                let text = read_private(&path)?;
                of_client(&text, alias).with_context(|| format!("in {}", path.display()))
            }
        }
    }
}

/// The text of a file that nobody else may read.
fn read_private(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let mode = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.permissions().mode();
    ensure!(mode & OTHERS == 0, "{shown} may be read or changed by others: chmod 600 {shown}");
    fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))
}

fn secret_key(text: &str) -> anyhow::Result<SecretKey> {
    SecretKey::from_base58(text).map_err(|error| anyhow::anyhow!("not a secret key: {error:?}"))
}

/// A line of the file of secret keys.
#[derive(Deserialize)]
struct Named {
    name: String,
    value: String,
}

fn of_client(text: &str, alias: &str) -> anyhow::Result<SecretKey> {
    let listed: Vec<Named> =
        serde_json::from_str(text).map_err(|_| anyhow::anyhow!("not a list of secret keys"))?;
    let named = listed.into_iter().find(|named| named.name == alias);
    let Named { value, .. } = named.with_context(|| format!("no key named {alias}"))?;
    match value.split_once(':') {
        Some(("unencrypted", key)) => secret_key(key).with_context(|| format!("the key {alias}")),
        Some((scheme, _)) => bail!("the key {alias} is {scheme}: only unencrypted keys can be read"),
        None => bail!("the key {alias} has no scheme"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_installer::development::SEQUENCER_SECRET;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn error(source: &str) -> String {
        format!("{:#}", source.parse::<KeySource>().unwrap().read().err().unwrap())
    }

    #[test]
    fn a_key_is_in_a_file_that_only_its_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let source = format!("file:{}", path.display());
        assert!(error(&source).contains("cannot read"));
        write(&path, &format!("{SEQUENCER_SECRET}\n"), 0o644);
        assert!(error(&source).contains("chmod 600"));
        write(&path, &format!("{SEQUENCER_SECRET}\n"), 0o600);
        let key = source.parse::<KeySource>().unwrap().read().unwrap();
        assert_eq!(key.public_key(), SecretKey::from_base58(SEQUENCER_SECRET).unwrap().public_key());
        write(&path, "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsX", 0o600);
        assert!(!error(&source).contains("edsk3gUf"), "no part of a secret is shown");
    }

    #[test]
    fn a_key_of_an_octez_client_has_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            r#"[{{"name":"a","value":"encrypted:edesk1abc"}},{{"name":"b","value":"unencrypted:{SEQUENCER_SECRET}"}}]"#
        );
        write(&dir.path().join(SECRET_KEYS), &text, 0o600);
        let source = |alias: &str| format!("client:{}#{alias}", dir.path().display());
        assert!(source("b").parse::<KeySource>().unwrap().read().is_ok());
        assert!(error(&source("a")).contains("encrypted"));
        assert!(!error(&source("a")).contains("edesk1abc"));
        assert!(error(&source("c")).contains("no key named c"));
    }

    #[test]
    fn a_secret_is_no_place() {
        for wrong in [SEQUENCER_SECRET, "file:", "client:x", "client:#a", "client:x#", ""] {
            let error = wrong.parse::<KeySource>().unwrap_err();
            assert!(!error.contains(SEQUENCER_SECRET) && error.contains("file:<path>"));
        }
    }
}

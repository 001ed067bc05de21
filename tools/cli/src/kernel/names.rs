//! By what a kernel is known.

use millrace_installer::{InstallerError, Preimages};
use millrace_node::{SOURCES, SOURCES_MARK};
use millrace_primitives::PreimageHash;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// All names of a kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    pub(super) size_bytes: usize,
    pub(super) sha256: [u8; 32],
    pub(super) root_hash: PreimageHash,
    pages: usize,
    /// The fingerprint of its sources; `None` in a kernel that is not Millrace's.
    sources: Option<String>,
}

impl Names {
    pub(super) fn of(kernel: &[u8]) -> Result<Self, InstallerError> {
        let mut pages = Preimages::default();
        let root_hash = pages.add(kernel)?;
        Ok(Self {
            size_bytes: kernel.len(),
            sha256: Sha256::digest(kernel).into(),
            root_hash,
            pages: pages.count(),
            sources: sources(kernel),
        })
    }
}

/// The fingerprint that stands behind its mark.
fn sources(kernel: &[u8]) -> Option<String> {
    let mark = SOURCES_MARK.as_bytes();
    let start = kernel.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let digits = kernel.get(start..start + SOURCES.len())?;
    digits.iter().all(u8::is_ascii_hexdigit).then(|| String::from_utf8_lossy(digits).into_owned())
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "size       {} bytes, {} pages", self.size_bytes, self.pages)?;
        writeln!(f, "sha256     {}", hex::encode(self.sha256))?;
        writeln!(f, "root hash  {}", self.root_hash)?;
        write!(f, "sources    {}", self.sources.as_deref().unwrap_or("not a kernel of Millrace"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_has_all_its_names() {
        let kernel = format!("\0asm{SOURCES_MARK}{SOURCES}and more");
        let text = Names::of(kernel.as_bytes()).unwrap().to_string();
        let root =
            millrace_preimages::hash(&[&[0, 0, 0, 0, kernel.len() as u8][..], kernel.as_bytes()].concat());
        for part in [&format!("root hash  {root}"), &format!("sources    {SOURCES}"), "1 pages"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        // FIPS 180-2, appendix B.1.
        let abc = Names::of(b"abc").unwrap().to_string();
        assert!(abc.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{abc}");
        assert!(abc.contains("not a kernel of Millrace"), "{abc}");
        for cut in [SOURCES_MARK.to_owned(), format!("{SOURCES_MARK}{}", &SOURCES[1..])] {
            assert_eq!(sources(cut.as_bytes()), None, "{cut}");
        }
        assert!(Names::of(b"").is_err());
    }
}

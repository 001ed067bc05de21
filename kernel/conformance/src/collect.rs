//! The files below a folder: `.json`, alone or in archives `.tar.gz`, in the order of their paths.

use flate2::read::GzDecoder;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the text of a fixture is.
#[derive(Debug)]
pub enum Content {
    /// In a file of its own, not opened yet.
    File(PathBuf),
    /// It was in an archive.
    Bytes(Vec<u8>),
    /// Something that should hold fixtures could not be opened; it says why.
    Unreadable(String),
}

/// A file of fixtures.
#[derive(Debug)]
pub struct Fixture {
    /// Relative to where the search began, with `/`; the name of its archive counts as a folder.
    pub path: String,
    /// Where its text is.
    pub content: Content,
}

impl Fixture {
    fn unreadable(path: String, error: impl std::fmt::Display) -> Self {
        Self { path, content: Content::Unreadable(error.to_string()) }
    }

    /// The text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, String> {
        match &self.content {
            Content::File(path) => fs::read(path).map(Cow::Owned).map_err(|error| error.to_string()),
            Content::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Content::Unreadable(error) => Err(error.clone()),
        }
    }
}

/// Where the fixtures are: what `MILLRACE_VECTORS` names, from the root of the checkout, or `../shared/vectors` beside it.
pub fn vectors() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    checkout.join(std::env::var_os("MILLRACE_VECTORS").unwrap_or_else(|| "../shared/vectors".into()))
}

/// Everything at or below `root`. Hidden files and folders (`.meta`, `.git`) hold no fixtures.
pub fn collect(root: &Path) -> Vec<Fixture> {
    let mut found = Vec::new();
    let name = root.file_name().unwrap_or(OsStr::new(".")).to_string_lossy().into_owned();
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => folder(root, "", &mut found),
        Ok(_) => file(root, name, &mut found),
        Err(error) => found.push(Fixture::unreadable(name, error)),
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn folder(path: &Path, prefix: &str, found: &mut Vec<Fixture>) {
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => return found.push(Fixture::unreadable(prefix.to_owned(), error)),
    };
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let inner = format!("{prefix}{name}");
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => folder(&path, &format!("{inner}/"), found),
            Ok(_) => file(&path, inner, found),
            Err(error) => found.push(Fixture::unreadable(inner, error)),
        }
    }
}

fn file(path: &Path, name: String, found: &mut Vec<Fixture>) {
    if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        if let Err(error) = archive(path, &name, found) {
            found.push(Fixture::unreadable(name, error));
        }
    } else if name.ends_with(".json") {
        found.push(Fixture { path: name, content: Content::File(path.to_owned()) });
    }
}

fn archive(path: &Path, name: &str, found: &mut Vec<Fixture>) -> std::io::Result<()> {
    for entry in tar::Archive::new(GzDecoder::new(File::open(path)?)).entries()? {
        let mut entry = entry?;
        let inner = entry.path()?.to_string_lossy().into_owned();
        let inner = inner.trim_start_matches("./");
        let is_hidden = inner.split('/').any(|part| part.starts_with('.'));
        if entry.header().entry_type().is_file() && inner.ends_with(".json") && !is_hidden {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.push(Fixture { path: format!("{name}/{inner}"), content: Content::Bytes(bytes) });
        }
    }
    Ok(())
}

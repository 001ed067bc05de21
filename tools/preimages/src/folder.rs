//! Pages in a folder, each a file named by its hash.

use crate::page::{self, PAGE_BYTES_MAX};
use millrace_primitives::PreimageHash;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The end of the name of a file that is being written.
const PART: &str = ".part";
/// A file that somebody has been writing for so long belongs to a process that is gone.
const PART_AGE_S_MAX: u64 = 3_600;

/// A file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct FolderError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// What a folder has under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Nothing.
    Absent,
    /// The bytes of this hash, at most [`PAGE_BYTES_MAX`].
    Right(Vec<u8>),
    /// Something else: other bytes, too many of them, or no file.
    Wrong,
}

/// A folder of pages. It is looked at anew each time; others may write to it meanwhile.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks for a page and checks it.
    ///
    /// # Errors
    /// [`FolderError`] when there is something that cannot be read.
    pub fn look(&self, hash: &PreimageHash) -> Result<Kept, FolderError> {
        let path = self.path.join(hash.to_string());
        let failed = |error| FolderError { path: path.clone(), error };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Absent),
            Err(error) => return Err(failed(error)),
            // Opening a pipe would wait for its writer.
            Ok(metadata) if !metadata.is_file() => return Ok(Kept::Wrong),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        // One byte more shows a file that is too large.
        let file = File::open(&path).map_err(failed)?;
        file.take(PAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let is_right = bytes.len() <= PAGE_BYTES_MAX && page::hash(&bytes) == *hash;
        Ok(if is_right { Kept::Right(bytes) } else { Kept::Wrong })
    }

    /// Keeps a page under the name of its hash, and makes the folder if there is none. The file appears complete or not at
    /// all, and stays after a loss of power.
    ///
    /// # Errors
    /// [`FolderError`] when it cannot be written.
    pub fn keep(&self, page: &[u8]) -> Result<PreimageHash, FolderError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let hash = page::hash(page);
        let path = self.path.join(hash.to_string());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = self.path.join(format!("{hash}.{}.{count}{PART}", std::process::id()));
        fs::create_dir_all(&self.path).map_err(|error| FolderError { path: self.path.clone(), error })?;
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(page)?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&part, &path)) {
            // It may not be there; the error that is told is the first one.
            let _ = fs::remove_file(&part);
            return Err(FolderError { path, error });
        }
        Ok(hash)
    }

    /// Removes what processes left that died while they wrote a page.
    ///
    /// # Errors
    /// [`FolderError`] when the folder is there and cannot be read.
    pub fn sweep(&self) -> Result<(), FolderError> {
        let failed = |error| FolderError { path: self.path.clone(), error };
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            let is_old = matches!(age, Ok(Ok(age)) if age > Duration::from_secs(PART_AGE_S_MAX));
            if is_old && is_part(&entry.file_name().to_string_lossy()) {
                // Somebody else may have done it.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// Whether a file is one of those that [`Folder::keep`] writes.
fn is_part(name: &str) -> bool {
    let hash = name.strip_suffix(PART).and_then(|name| name.get(..page::NAME_CHARS));
    hash.and_then(page::parse_name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_page_is_kept_and_found() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("new").join("folder"));
        assert_eq!(folder.look(&page::hash(b"page")).unwrap(), Kept::Absent);
        let hash = folder.keep(b"page").unwrap();
        assert_eq!(hash, page::hash(b"page"));
        assert_eq!(folder.look(&hash).unwrap(), Kept::Right(b"page".to_vec()));
        assert_eq!(folder.keep(b"page").unwrap(), hash);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [hash.to_string().as_str()], "nothing else is left");
    }

    #[test]
    fn what_is_not_the_page_is_wrong_and_can_be_mended() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let largest = vec![1; PAGE_BYTES_MAX];
        let hash = folder.keep(&largest).unwrap();
        let path = dir.path().join(hash.to_string());
        for bad in [Vec::new(), b"other".to_vec(), vec![1; PAGE_BYTES_MAX + 1], vec![1; 1 << 20]] {
            fs::write(&path, bad).unwrap();
            assert_eq!(folder.look(&hash).unwrap(), Kept::Wrong);
        }
        folder.keep(&largest).unwrap();
        assert_eq!(folder.look(&hash).unwrap(), Kept::Right(largest));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(folder.look(&hash).unwrap(), Kept::Wrong);
        assert!(folder.keep(&[1; PAGE_BYTES_MAX]).is_err(), "a folder of that name is in the way");
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [hash.to_string().as_str()], "the attempt left nothing");
    }

    #[test]
    fn only_old_leftovers_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let hash = folder.keep(b"page").unwrap();
        let old = SystemTime::now() - Duration::from_secs(PART_AGE_S_MAX + 60);
        let leftovers = [format!("{hash}.7.0{PART}"), format!("{hash}.8.0{PART}")];
        for name in [&leftovers[0], &leftovers[1], "a.part", &hash.to_string()] {
            fs::write(dir.path().join(name), b"page").unwrap();
        }
        for name in [&leftovers[0], "a.part", &hash.to_string()] {
            File::options().write(true).open(dir.path().join(name)).unwrap().set_modified(old).unwrap();
        }
        folder.sweep().unwrap();
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left(&leftovers[0]) && left(&leftovers[1]) && left("a.part") && left(&hash.to_string()));
        Folder::new(dir.path().join("nowhere")).sweep().unwrap();
    }
}

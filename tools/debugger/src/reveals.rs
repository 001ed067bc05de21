//! Preimages and pages from folders, and from the user when a file is not there.

use crate::error::read_at_most;
use crate::terminal::{Line, Shared};
use millrace_pvm::reveal::{PREIMAGE_BYTES_MAX, RevealHash};
use millrace_pvm::{DalPage, DalParameters, Preimages};
use std::io;
use std::path::{Path, PathBuf};

/// How often the user may try.
const TRIES: usize = 3;

/// Where revealed data comes from.
pub(crate) struct Source {
    pub(crate) terminal: Shared,
    /// Files named by the 66 digits of their hashes.
    pub(crate) preimages: PathBuf,
    /// Files named `<level>-<slot>-<page>`.
    pub(crate) dal_pages: PathBuf,
}

impl Source {
    fn read_or_ask(
        &self,
        kind: &str,
        folder: &Path,
        file: &str,
        size_bytes_max: u64,
    ) -> io::Result<Option<Vec<u8>>> {
        if let Ok(Some(bytes)) = read_at_most(&folder.join(file), size_bytes_max) {
            return Ok(Some(bytes));
        }
        let mut terminal = self.terminal.lock();
        // Nobody can see what is asked for.
        if terminal.is_json() {
            return Ok(None);
        }
        terminal.print(&format!(
            "{kind} {file} not found in {folder}, or there was a reading error. Please provide it manually.\n",
            folder = folder.display()
        ))?;
        for _ in 0..TRIES {
            match terminal.read_line()? {
                None => return Ok(None),
                Some(Line::Text(text)) => {
                    if let Ok(bytes) = hex::decode(text.trim()) {
                        return Ok(Some(bytes));
                    }
                }
                Some(Line::TooLong) => {}
            }
            terminal.print("Error: the data is not a valid hexadecimal value.\n")?;
        }
        Err(io::Error::other("Too many tries, aborting."))
    }
}

impl Preimages for Source {
    fn preimage(&self, hash: &RevealHash) -> io::Result<Option<Vec<u8>>> {
        self.read_or_ask("Preimage", &self.preimages, &hex::encode(hash), PREIMAGE_BYTES_MAX as u64)
    }

    fn dal_page(&self, page: DalPage) -> io::Result<Option<Vec<u8>>> {
        let DalPage { published_level, slot, page } = page;
        let size_bytes_max = u64::try_from(self.dal_parameters().page_size_bytes).unwrap_or(0);
        let file = format!("{published_level}-{slot}-{page}");
        self.read_or_ask("DAL page", &self.dal_pages, &file, size_bytes_max)
    }

    fn dal_parameters(&self) -> DalParameters {
        DalParameters::USHUAIA
    }
}

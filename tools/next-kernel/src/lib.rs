//! The kernel that tests upgrade to, with whatever is wrong with it: `kernel/wasm` with its feature `test-migration`, whose
//! [`Conduct`] is a byte in the module.
//!
//! ```text
//! make next ── millrace_kernel_next.wasm ── NextKernel::built ── with(Conduct::…) ── a kernel to publish and announce
//! ```
//! **Bounds**: none. **Failure**: [`NextKernelError`]: it was not built, or is something else. **Deliberately unknown**: how
//! a kernel is published, announced or run.

#[path = "../../../kernel/wasm/src/tests/conduct.rs"]
mod conduct;

pub use conduct::{Conduct, MARK, OPTIONAL};

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Where it is below a target folder.
const PLACE: &str = "wasm32-unknown-unknown/next/millrace_kernel_next.wasm";
/// Names the file, when it is not below the target folder of the running test.
pub const PLACE_VARIABLE: &str = "MILLRACE_NEXT_KERNEL";

/// There is no such kernel.
#[derive(Debug, thiserror::Error)]
pub enum NextKernelError {
    /// It cannot be read.
    #[error("no {}: run make next", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The running program is not in a target folder, and [`PLACE_VARIABLE`] is not set.
    #[error("not in a target folder; {PLACE_VARIABLE} can name the kernel that make next builds")]
    NoTargetFolder,
    /// It is another kernel: the mark must stand in it once.
    #[error("not the kernel that make next builds: its mark stands in it {count} times")]
    Mark {
        /// How often it does.
        count: usize,
    },
}

/// The kernel as it was built.
#[derive(Clone, Debug)]
pub struct NextKernel {
    wasm: Vec<u8>,
    /// Where the byte is.
    place: usize,
}

impl NextKernel {
    /// The one that `make next` built: at [`PLACE_VARIABLE`], or below the target folder that the running test is in.
    ///
    /// # Errors
    /// [`NextKernelError`].
    pub fn built() -> Result<Self, NextKernelError> {
        let path = match env::var_os(PLACE_VARIABLE) {
            Some(path) => PathBuf::from(path),
            None => target_folder().ok_or(NextKernelError::NoTargetFolder)?.join(PLACE),
        };
        Self::read(&path)
    }

    /// The one at `path`.
    ///
    /// # Errors
    /// [`NextKernelError`].
    pub fn read(path: &Path) -> Result<Self, NextKernelError> {
        let wasm =
            fs::read(path).map_err(|source| NextKernelError::Missing { path: path.to_owned(), source })?;
        Self::of(wasm)
    }

    /// The one with these bytes.
    ///
    /// # Errors
    /// [`NextKernelError::Mark`].
    pub fn of(wasm: Vec<u8>) -> Result<Self, NextKernelError> {
        let marks = || wasm.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
        let place = marks().next().map(|(start, _)| start + MARK.len()).filter(|place| *place < wasm.len());
        match (place, marks().count()) {
            (Some(place), 1) => Ok(Self { wasm, place }),
            (_, count) => Err(NextKernelError::Mark { count }),
        }
    }

    /// A kernel that does this.
    pub fn with(&self, conduct: Conduct) -> Vec<u8> {
        let mut wasm = self.wasm.clone();
        wasm[self.place] = conduct.byte();
        wasm
    }
}

/// The target folder: tests are in `<target>/<profile>/deps`, programs in `<target>/<profile>`.
fn target_folder() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let folder = program.ancestors().skip(1).find(|folder| folder.join(PLACE).exists());
    // Where it should be, for the error.
    folder.or_else(|| program.ancestors().nth(3)).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(count: usize) -> Vec<u8> {
        [b"\0asm".as_slice(), &[MARK.as_slice(), b"a"].concat().repeat(count), b"rest"].concat()
    }

    #[test]
    fn one_byte_tells_the_kernels_apart() {
        let built = NextKernel::of(module(1)).expect("a kernel");
        for conduct in Conduct::ALL {
            let kernel = built.with(conduct);
            let differing: Vec<_> = kernel.iter().zip(module(1)).filter(|(a, b)| **a != *b).collect();
            assert_eq!(differing.len(), usize::from(conduct != Conduct::Migrates), "{conduct:?}");
            assert_eq!(Conduct::from_byte(kernel[kernel.len() - 5]), Some(conduct));
        }
        assert_eq!(Conduct::from_byte(b'0'), None);
    }

    #[test]
    fn what_is_something_else_is_refused() {
        for count in [0, 2] {
            let found = match NextKernel::of(module(count)) {
                Err(NextKernelError::Mark { count }) => count,
                other => panic!("{other:?}"),
            };
            assert_eq!(found, count);
        }
        // The mark is there and the byte is not.
        assert!(matches!(NextKernel::of(MARK.to_vec()), Err(NextKernelError::Mark { .. })));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kernel.wasm");
        assert!(matches!(NextKernel::read(&path), Err(NextKernelError::Missing { .. })));
        fs::write(&path, module(1)).expect("a file");
        assert_eq!(NextKernel::read(&path).expect("a kernel").with(Conduct::Migrates), module(1));
    }
}

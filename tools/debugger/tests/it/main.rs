//! Sessions from their first line to their last, on small kernels and on the shipped one.

mod faults;
mod kernels;
mod octez;
mod profiles;
mod shipped;

use millrace_debugger::{DebuggerError, Options, Session, Terminal};
use millrace_primitives::RollupAddress;
use millrace_pvm::Version;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What was written to a stream.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session to be, with a folder of its own.
struct Case {
    folder: TempDir,
    options: Options,
    is_json: bool,
}

/// What a session wrote.
struct Transcript {
    output: String,
    errors: String,
}

impl Case {
    /// A kernel, as text.
    fn new(wat: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("kernel.wast");
        std::fs::write(&kernel, wat).unwrap();
        Self::of(folder, kernel)
    }

    fn of(folder: TempDir, kernel: PathBuf) -> Self {
        let options = Options {
            kernel,
            inputs: None,
            rollup: RollupAddress::new([0; 20]),
            preimage_dir: folder.path().join("preimage"),
            dal_pages_dir: folder.path().join("dal_pages"),
            version: Version::LATEST,
            shows_debug: true,
            plugins: Vec::new(),
            installer_config: None,
            flamecharts_dir: folder.path().to_owned(),
            timings_file: None,
        };
        Self { folder, options, is_json: false }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    }

    fn inputs(mut self, json: &str) -> Self {
        self.options.inputs = Some(self.write("inputs.json", json));
        self
    }

    fn json(self) -> Self {
        Self { is_json: true, ..self }
    }

    /// Runs these lines.
    fn try_run(&self, lines: &str) -> Result<Transcript, DebuggerError> {
        let (output, errors) = (Written::default(), Written::default());
        let input = Box::new(io::Cursor::new(lines.to_owned()));
        let terminal =
            Terminal::new(input, Box::new(output.clone()), Box::new(errors.clone())).with_json(self.is_json);
        Session::start(&self.options, terminal)?.run()?;
        Ok(Transcript { output: output.text(), errors: errors.text() })
    }

    /// Runs these lines without a word on the stream of errors.
    fn run(&self, lines: &str) -> String {
        let transcript = self.try_run(lines).unwrap();
        assert_eq!(transcript.errors, "");
        transcript.output
    }
}

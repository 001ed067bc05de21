//! When the kernel wrote each line of its debug output.

use serde::Serialize;
use std::io::Write;
use std::time::Instant;

/// Bytes of a line that are kept together; a longer one is written in pieces.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Writes one JSON object a line: the time since the start at which it began, and the line. The form is that of Octez.
pub(crate) struct Timings {
    out: Box<dyn Write + Send>,
    start: Instant,
    line: Vec<u8>,
    /// When the present line began.
    began: Elapsed,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Elapsed {
    secs: u64,
    nanos: u32,
}

#[derive(Serialize)]
struct Record<'a> {
    elapsed: Elapsed,
    message: &'a str,
}

impl Timings {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, start: Instant::now(), line: Vec::new(), began: Elapsed::default() }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        self.add_to_line(lines.next().unwrap_or_default());
        for line in lines {
            self.end_line();
            self.add_to_line(line);
        }
    }

    fn add_to_line(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.line.is_empty() {
            let elapsed = self.start.elapsed();
            self.began = Elapsed { secs: elapsed.as_secs(), nanos: elapsed.subsec_nanos() };
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() >= LINE_BYTES_MAX {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        let record = Record { elapsed: self.began, message: &String::from_utf8_lossy(&line) };
        // A full disk must not stop the session.
        if let Ok(text) = serde_json::to_string(&record) {
            let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        }
    }
}

impl Drop for Timings {
    fn drop(&mut self) {
        self.end_line();
    }
}

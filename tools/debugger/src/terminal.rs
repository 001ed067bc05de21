//! Where commands come from and answers go to.

use crate::timings::Timings;
use std::io::{self, BufRead, Read as _, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of the longest line: a preimage in hexadecimal digits has 8,192.
pub const LINE_BYTES_MAX: u64 = 1 << 20;

/// What comes before each command, and before each preimage that is asked for.
const PROMPT: &str = "> ";

/// Where commands come from and answers go to.
pub struct Terminal {
    input: Box<dyn BufRead + Send>,
    output: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    is_json: bool,
    shows_debug: bool,
    timings: Option<Timings>,
    /// Debug output of the kernel since the last command, for JSON.
    debug: Vec<u8>,
}

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Text(String),
    /// More than [`LINE_BYTES_MAX`]; it was skipped.
    TooLong,
}

impl Terminal {
    /// A terminal over these streams.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        output: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
    ) -> Self {
        Self { input, output, errors, is_json: false, shows_debug: true, timings: None, debug: Vec::new() }
    }

    /// Answers with JSON from now on.
    #[must_use]
    pub fn with_json(self, is_json: bool) -> Self {
        Self { is_json, ..self }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    pub(crate) const fn hide_debug(&mut self) {
        self.shows_debug = false;
    }

    pub(crate) fn time_debug(&mut self, timings: Timings) {
        self.timings = Some(timings);
    }

    /// The next line without its end; `None` at the end of the input.
    pub(crate) fn read_line(&mut self) -> io::Result<Option<Line>> {
        if !self.is_json {
            self.print(PROMPT)?;
        }
        let mut line = Vec::new();
        (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let ends = line.last() == Some(&b'\n');
        if !ends && line.len() as u64 == LINE_BYTES_MAX {
            self.skip_line()?;
            return Ok(Some(Line::TooLong));
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(Line::Text(text.trim_end_matches(['\n', '\r']).to_owned())))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Writes text at once.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    /// Writes a line of errors.
    pub(crate) fn print_error(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.errors, "{text}")?;
        self.errors.flush()
    }

    /// What a kernel writes, as it is.
    pub(crate) fn kernel_debug(&mut self, bytes: &[u8]) {
        if let Some(timings) = &mut self.timings {
            timings.add(bytes);
        }
        if !self.shows_debug {
            return;
        }
        if self.is_json {
            self.debug.extend_from_slice(bytes);
        } else {
            // Whoever reads has gone: the next answer says so.
            let _ = self.output.write_all(bytes).and_then(|()| self.output.flush());
        }
    }

    /// The debug output since the last time.
    pub(crate) fn take_debug(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.debug)).into_owned()
    }
}

/// A terminal that the session and the source of preimages share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Terminal>>);

impl Shared {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self(Arc::new(Mutex::new(terminal)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Terminal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let text = ["a\r\n", &"x".repeat(3 << 20), "\nb\n", "last"].concat();
        let mut terminal =
            Terminal::new(Box::new(io::Cursor::new(text)), Box::new(io::sink()), Box::new(io::sink()));
        let mut next = || terminal.read_line().unwrap();
        assert_eq!(next(), Some(Line::Text("a".into())));
        assert_eq!(next(), Some(Line::TooLong));
        assert_eq!(next(), Some(Line::Text("b".into())));
        assert_eq!(next(), Some(Line::Text("last".into())));
        assert_eq!(next(), None);
    }
}

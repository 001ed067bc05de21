//! The program of an installer kernel, read from its module.
//!
//! Source of the format: the installer kernel of the Tezos SDK (`tezos-smart-rollup-installer-config`). The last section of the
//! module is custom, has the name `config`, and holds the program and its size (u32, little-endian). Each instruction comes
//! after its size (u32, little-endian): tag 0, reveal, hash and path; 1, move, two paths; 2, set, value and path. Hashes
//! and values come after their size (u32, little-endian), paths after theirs (one byte).

use super::{Fault, InspectError};
use crate::program::INSTRUCTION_BYTES_MAX;
use millrace_primitives::PreimageHash;
use std::fmt;
use wasmparser::{Parser, Payload};

/// The section that holds the program.
const SECTION: &str = "config";
/// Most instructions that are read: an installer of the largest size holds no more of the smallest.
const INSTRUCTIONS_MAX: usize = 8_192;
/// Longest path that the PVM takes, in bytes.
const PATH_BYTES_MAX: usize = 240;
/// Largest hash or value that the installer kernel reads, in bytes.
const VALUE_BYTES_MAX: usize = 2_048;

/// An instruction of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// Reveals the pages of a root and writes the contents.
    Reveal {
        /// The root.
        hash: PreimageHash,
        /// Where to.
        to: String,
    },
    /// Moves a value and all below it.
    Move {
        /// From where.
        from: String,
        /// Where to.
        to: String,
    },
    /// Writes a value.
    Set {
        /// The value.
        value: Vec<u8>,
        /// Where to.
        to: String,
    },
    /// One that this reader does not know, or that breaks the format. The installer kernel stops there.
    Unknown {
        /// Its first byte, if it has one.
        tag: Option<u8>,
        /// Its bytes.
        size_bytes: usize,
        /// Why it is not one of the others.
        reason: &'static str,
    },
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reveal { hash, to } => write!(f, "reveal {hash} to {to}"),
            Self::Move { from, to } => write!(f, "move {from} to {to}"),
            Self::Set { value, to } => write!(f, "set {to} to {} bytes", value.len()),
            Self::Unknown { tag: Some(tag), size_bytes, reason } => {
                write!(f, "unknown instruction, tag {tag}, {size_bytes} bytes: {reason}")
            }
            Self::Unknown { tag: None, reason, .. } => write!(f, "unknown instruction: {reason}"),
        }
    }
}

/// A module taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    /// Everything before the program: the installer kernel itself.
    pub(super) kernel: &'a [u8],
    /// The program, its size taken off.
    pub(super) program: &'a [u8],
}

/// Takes a module apart.
///
/// # Errors
/// [`InspectError::Module`], [`InspectError::NoProgram`], [`InspectError::Size`].
pub(super) fn parts(module: &[u8]) -> Result<Parts<'_>, InspectError> {
    let malformed = |error: wasmparser::BinaryReaderError| InspectError::Module {
        offset: error.offset(),
        reason: error.message().to_owned(),
    };
    let (mut before, mut section) = (0, None);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(malformed)?;
        if let Payload::CustomSection(custom) = &payload
            && custom.name() == SECTION
        {
            section = Some((before, custom.data()));
        } else if let Some((_, range)) = payload.as_section() {
            // The installer kernel reads its program from the end of its own module.
            (before, section) = (range.end, None);
        }
    }
    let (end, section) = section.ok_or(InspectError::NoProgram)?;
    let kernel = module.get(..end).ok_or(InspectError::NoProgram)?;
    let (program, size) = section.split_last_chunk::<4>().ok_or(InspectError::NoProgram)?;
    let declared = u32::from_le_bytes(*size);
    if declared as usize != program.len() {
        return Err(InspectError::Size { declared, found: program.len() });
    }
    Ok(Parts { kernel, program })
}

/// The instructions of a program, as far as it can be read, and what is wrong with it.
pub(super) fn instructions(program: &[u8]) -> (Vec<Instruction>, Vec<Fault>) {
    let (mut instructions, mut faults) = (Vec::new(), Vec::new());
    let mut reader = Reader(program);
    while !reader.0.is_empty() {
        let offset = program.len() - reader.0.len();
        if instructions.len() >= INSTRUCTIONS_MAX {
            faults.push(Fault::TooManyInstructions { most: INSTRUCTIONS_MAX });
            break;
        }
        let Some(frame) = reader.long(usize::MAX) else {
            faults.push(Fault::ProgramCut { offset });
            break;
        };
        let number = instructions.len() + 1;
        if frame.len() > INSTRUCTION_BYTES_MAX {
            faults.push(Fault::InstructionTooLarge { number, size_bytes: frame.len() });
        }
        let instruction = instruction(frame);
        if let Instruction::Unknown { reason, .. } = &instruction {
            faults.push(Fault::UnknownInstruction { number, reason });
        }
        instructions.push(instruction);
    }
    (instructions, faults)
}

fn instruction(frame: &[u8]) -> Instruction {
    let tag = frame.first().copied();
    known(frame).unwrap_or_else(|reason| Instruction::Unknown { tag, size_bytes: frame.len(), reason })
}

fn known(frame: &[u8]) -> Result<Instruction, &'static str> {
    let (tag, rest) = frame.split_first().ok_or("it is empty")?;
    let mut reader = Reader(rest);
    let instruction = match tag {
        0 => {
            let hash = reader.long(VALUE_BYTES_MAX).ok_or("its hash breaks off or is too large")?;
            let hash = PreimageHash::from_slice(hash).ok_or("its hash does not have 33 bytes")?;
            Instruction::Reveal { hash, to: reader.path()? }
        }
        1 => Instruction::Move { from: reader.path()?, to: reader.path()? },
        2 => {
            let value = reader.long(VALUE_BYTES_MAX).ok_or("its value breaks off or is too large")?;
            Instruction::Set { value: value.to_vec(), to: reader.path()? }
        }
        _ => return Err("no instruction has this tag"),
    };
    if reader.0.is_empty() { Ok(instruction) } else { Err("there are bytes after it") }
}

/// Bytes that are left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes after their size as u32, little-endian.
    fn long(&mut self, most: usize) -> Option<&'a [u8]> {
        let (size, rest) = self.0.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok().filter(|size| *size <= most)?;
        self.0 = rest;
        self.take(size)
    }

    /// A path after its size in one byte.
    fn path(&mut self) -> Result<String, &'static str> {
        let size = self.take(1).and_then(|size| size.first()).ok_or("a path is missing")?;
        let bytes = self.take(usize::from(*size)).ok_or("a path breaks off")?;
        path(bytes).ok_or("a path is none that the PVM takes")
    }
}

/// A durable path: parts of letters, digits, dots, dashes and underscores, each after a slash.
pub(super) fn path(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    let is_path = bytes.len() <= PATH_BYTES_MAX && text.strip_prefix('/')?.split('/').all(is_part);
    is_path.then(|| text.to_owned())
}

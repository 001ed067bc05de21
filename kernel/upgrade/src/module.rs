//! What a kernel can check of another kernel: that the PVM would not be stuck with it for ever.
//!
//! A module that does not decode, link or start is no harm: the PVM goes back to the kernel before by itself. One that
//! decodes and has no function `kernel_run`, one with parameters, or two memories, has it stuck permanently (recorded from
//! the Octez PVM). So the sections that say so are read (WebAssembly 1.0, section 5.5); code is not: whether there is a
//! float in it, which the PVM refuses when it decodes, would take decoding all of it.

use crate::Refusal;
use alloc::vec::Vec;

const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";
const ENTRY: &[u8] = b"kernel_run";

const SECTION_MAX: u8 = 12;
const TYPES: u8 = 1;
const IMPORTS: u8 = 2;
const FUNCTIONS: u8 = 3;
const MEMORIES: u8 = 5;
const EXPORTS: u8 = 7;

const FUNCTION: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;
const FUNCTION_TYPE: u8 = 0x60;

/// What was read of a module.
#[derive(Default)]
struct Outline {
    /// Whether functions of each type take and give nothing.
    types_are_plain: Vec<bool>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    memories: u32,
    entry: Option<u32>,
}

/// Checks a module, as the kernel does before it switches to it.
///
/// # Errors
/// [`Refusal::NotWasm`], [`Refusal::Sections`], [`Refusal::Entry`], [`Refusal::Memories`].
pub fn check(module: &[u8]) -> Result<(), Refusal> {
    let sections = module.strip_prefix(PREAMBLE).ok_or(Refusal::NotWasm)?;
    let outline = outline(sections).ok_or(Refusal::Sections)?;
    let entry_type = outline.entry.and_then(|entry| outline.functions.get(entry as usize));
    let is_plain = entry_type.and_then(|index| outline.types_are_plain.get(*index as usize));
    if is_plain != Some(&true) {
        return Err(Refusal::Entry);
    }
    if outline.memories > 1 { Err(Refusal::Memories) } else { Ok(()) }
}

/// `None` when the bytes are not sections, or one of those that are read is not what it should be.
fn outline(bytes: &[u8]) -> Option<Outline> {
    let mut outline = Outline::default();
    let mut reader = Reader(bytes);
    while !reader.0.is_empty() {
        let id = reader.byte()?;
        let size_bytes = reader.u32()?;
        let mut section = Reader(reader.take(size_bytes)?);
        match id {
            TYPES => types(&mut section, &mut outline)?,
            IMPORTS => imports(&mut section, &mut outline)?,
            FUNCTIONS => {
                for _ in 0..section.u32()? {
                    outline.functions.push(section.u32()?);
                }
            }
            MEMORIES => {
                for _ in 0..section.u32()? {
                    section.limits()?;
                    outline.memories = outline.memories.saturating_add(1);
                }
            }
            EXPORTS => exports(&mut section, &mut outline)?,
            0..=SECTION_MAX => continue,
            _ => return None,
        }
        if !section.0.is_empty() {
            return None;
        }
    }
    Some(outline)
}

fn types(section: &mut Reader<'_>, outline: &mut Outline) -> Option<()> {
    for _ in 0..section.u32()? {
        if section.byte()? != FUNCTION_TYPE {
            return None;
        }
        let (parameters, results) = (section.value_types()?, section.value_types()?);
        outline.types_are_plain.push((parameters, results) == (0, 0));
    }
    Some(())
}

fn imports(section: &mut Reader<'_>, outline: &mut Outline) -> Option<()> {
    for _ in 0..section.u32()? {
        section.name()?;
        section.name()?;
        match section.byte()? {
            FUNCTION => outline.functions.push(section.u32()?),
            TABLE => {
                section.byte()?;
                section.limits()?;
            }
            MEMORY => {
                section.limits()?;
                outline.memories = outline.memories.saturating_add(1);
            }
            GLOBAL => {
                section.take(2)?;
            }
            _ => return None,
        }
    }
    Some(())
}

fn exports(section: &mut Reader<'_>, outline: &mut Outline) -> Option<()> {
    for _ in 0..section.u32()? {
        let name = section.name()?;
        let (kind, index) = (section.byte()?, section.u32()?);
        if (name, kind) == (ENTRY, FUNCTION) {
            outline.entry = Some(index);
        }
    }
    Some(())
}

/// What is left to read. Each read takes at least a byte, so a count without bytes ends at once.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn take(&mut self, count: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count as usize)?;
        self.0 = rest;
        Some(taken)
    }

    /// LEB128 of at most five bytes.
    fn u32(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let size_bytes = self.u32()?;
        self.take(size_bytes)
    }

    /// How many there are of them.
    fn value_types(&mut self) -> Option<u32> {
        let count = self.u32()?;
        self.take(count).map(|_| count)
    }

    fn limits(&mut self) -> Option<()> {
        let has_maximum = self.byte()? & 1 == 1;
        self.u32()?;
        if has_maximum {
            self.u32()?;
        }
        Some(())
    }
}

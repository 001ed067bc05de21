//! What the PVM accepts as a kernel: the decode phase.
//!
//! Octez decodes without validating. We validate, because what we compile must be valid, and treat what
//! is invalid function by function: a body that does not validate is noted in [`Shape::broken`] and
//! replaced by one that stops the machine for good when it is called, as it would on Octez.

use crate::ticks::boot;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    BinaryReaderError, BlockType, ExternalKind, FuncValidatorAllocations, FunctionBody, KnownCustom, Name,
    Operator, Parser, Payload, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

/// Bytes of the longest name that the PVM decodes.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// The proposals that the decoder of the PVM knows. Several memories are decoded; host calls then fail.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM2.union(WasmFeatures::MULTI_MEMORY);

/// Why bytes are not a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A float type or instruction, anywhere.
    #[error("float instructions are forbidden: {place}")]
    Float {
        /// The function, or the section.
        place: String,
    },
    /// A name longer than 512 bytes.
    #[error("names cannot exceed 512 bytes: {start}…")]
    LongName {
        /// Its first characters.
        start: String,
    },
    /// Not a module, or one that uses what the PVM does not know.
    #[error("not a module of the PVM: {detail}")]
    Invalid {
        /// What is wrong, and where.
        detail: String,
    },
}

impl From<BinaryReaderError> for Refused {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid { detail: error.to_string() }
    }
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module it names.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// False for memories, tables and globals.
    pub is_function: bool,
}

/// The exported function `kernel_run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of parameters: any is fatal.
    pub parameters: usize,
    /// Number of results: ignored.
    pub results: usize,
}

/// What running a module needs to know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// In order.
    pub imports: Vec<Import>,
    /// Number of memories.
    pub memories: usize,
    /// The name under which memory 0 is exported.
    pub memory: Option<String>,
    /// `kernel_run`.
    pub entry: Option<Entry>,
    /// Functions whose bodies do not validate, by index.
    pub broken: BTreeSet<u32>,
    /// Whether two exports have one name: the last one counts.
    pub has_duplicate_exports: bool,
}

/// Decodes a kernel.
///
/// # Errors
/// [`Refused`]: the decode phase of the PVM fails.
pub fn accept(wasm: &[u8]) -> Result<Shape, Refused> {
    let module = wasm;
    let has_duplicate_exports = has_duplicate_exports(wasm)?;
    let deduplicated;
    let wasm = if has_duplicate_exports {
        deduplicated = crate::instrument::without_duplicate_exports(wasm)
            .map_err(|error| Refused::Invalid { detail: error.to_string() })?;
        &deduplicated
    } else {
        wasm
    };
    let mut decoder =
        Decoder { shape: Shape { has_duplicate_exports, ..Shape::default() }, ..Decoder::new(wasm) };
    for payload in Parser::new(0).parse_all(wasm) {
        decoder.payload(&payload?)?;
    }
    if !boot::of(module).decodes {
        return Err(Refused::Invalid { detail: "it validates, but does not decode".into() });
    }
    decoder.finish()
}

fn has_duplicate_exports(wasm: &[u8]) -> Result<bool, Refused> {
    let mut seen = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ExportSection(exports) => {
                for export in exports {
                    if !seen.insert(export?.name) {
                        return Ok(true);
                    }
                }
            }
            Payload::CodeSectionStart { .. } => return Ok(false),
            _ => {}
        }
    }
    Ok(false)
}

struct Decoder<'a> {
    wasm: &'a [u8],
    validator: Validator,
    allocations: Option<FuncValidatorAllocations>,
    shape: Shape,
    /// Parameters and results of each type that is a function's.
    types: Vec<Entry>,
    /// The type of each function, imports first.
    functions: Vec<u32>,
    imported_functions: u32,
    bodies: u32,
}

impl<'a> Decoder<'a> {
    fn new(wasm: &'a [u8]) -> Self {
        Self {
            wasm,
            validator: Validator::new_with_features(FEATURES),
            allocations: None,
            shape: Shape::default(),
            types: Vec::new(),
            functions: Vec::new(),
            imported_functions: 0,
            bodies: 0,
        }
    }

    fn payload(&mut self, payload: &Payload<'a>) -> Result<(), Refused> {
        self.inspect(payload)?;
        // The features let i64 memories and other things through only where they are on.
        if let ValidPayload::Func(function, body) = self.validator.payload(payload)? {
            let index = self.imported_functions + self.bodies;
            self.bodies += 1;
            self.refuse_floats(index, &body)?;
            let mut validator = function.into_validator(self.allocations.take().unwrap_or_default());
            if validator.validate(&body).is_err() {
                self.refuse_unknown_opcodes(&body)?;
                self.shape.broken.insert(index);
            }
            self.allocations = Some(validator.into_allocations());
        }
        Ok(())
    }

    fn inspect(&mut self, payload: &Payload<'a>) -> Result<(), Refused> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.clone().into_iter_err_on_gc_types() {
                    let ty = ty?;
                    for value in ty.params().iter().chain(ty.results()) {
                        refuse_float_type(*value, || "a type".into())?;
                    }
                    self.types.push(Entry { parameters: ty.params().len(), results: ty.results().len() });
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let import = import?;
                    check_name(import.module)?;
                    check_name(import.name)?;
                    let is_function = matches!(import.ty, TypeRef::Func(_));
                    match import.ty {
                        TypeRef::Func(ty) => self.functions.push(ty),
                        TypeRef::Memory(_) => self.shape.memories += 1,
                        _ => {}
                    }
                    self.shape.imports.push(Import {
                        module: import.module.into(),
                        name: import.name.into(),
                        is_function,
                    });
                }
                self.imported_functions = self.functions.len() as u32;
            }
            Payload::FunctionSection(functions) => {
                for ty in functions.clone() {
                    self.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => self.shape.memories += memories.count() as usize,
            Payload::GlobalSection(globals) => {
                for global in globals.clone() {
                    refuse_float_type(global?.ty.content_type, || "a global".into())?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    check_name(export.name)?;
                    match export.kind {
                        ExternalKind::Memory if export.index == 0 => {
                            self.shape.memory.get_or_insert_with(|| export.name.into());
                        }
                        ExternalKind::Func if export.name == crate::KERNEL_ENTRY => {
                            let ty = self.functions.get(export.index as usize).copied();
                            self.shape.entry = ty.and_then(|ty| self.types.get(ty as usize).copied());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Shape, Refused> {
        Ok(self.shape)
    }

    fn place(&self, index: u32) -> String {
        match function_names(self.wasm).get(&index) {
            Some(name) => format!("function {index} ({name})"),
            None => format!("function {index}"),
        }
    }

    fn refuse_floats(&self, index: u32, body: &FunctionBody<'_>) -> Result<(), Refused> {
        for local in body.get_locals_reader()? {
            // Too many locals, and the like: the validator says so.
            let Ok((_, ty)) = local else { break };
            refuse_float_type(ty, || self.place(index))?;
        }
        let Ok(mut operators) = body.get_operators_reader() else { return Ok(()) };
        while !operators.eof() {
            let start = operators.original_position();
            let Ok(operator) = operators.read() else { break };
            let ty = match &operator {
                Operator::Block { blockty: BlockType::Type(ty) }
                | Operator::Loop { blockty: BlockType::Type(ty) }
                | Operator::If { blockty: BlockType::Type(ty) }
                | Operator::TypedSelect { ty } => Some(*ty),
                _ => None,
            };
            if let Some(ty) = ty {
                refuse_float_type(ty, || self.place(index))?;
            }
            if is_float_opcode(&self.wasm[start..]) {
                return Err(Refused::Float { place: self.place(index) });
            }
        }
        Ok(())
    }

    /// An instruction that the decoder of the PVM does not know ends the decode phase, dead or not.
    fn refuse_unknown_opcodes(&self, body: &FunctionBody<'_>) -> Result<(), Refused> {
        let Ok(mut operators) = body.get_operators_reader() else { return Ok(()) };
        while !operators.eof() {
            let start = operators.original_position();
            operators.read()?;
            if !is_known_opcode(&self.wasm[start..]) {
                return Err(Refused::Invalid { detail: format!("illegal opcode {:02x}", self.wasm[start]) });
            }
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), Refused> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Refused::LongName { start: name.chars().take(32).collect() });
    }
    Ok(())
}

fn refuse_float_type(ty: ValType, place: impl FnOnce() -> String) -> Result<(), Refused> {
    match ty {
        ValType::F32 | ValType::F64 => Err(Refused::Float { place: place() }),
        _ => Ok(()),
    }
}

/// The opcode of a prefixed instruction.
fn sub_opcode(bytes: &[u8]) -> u32 {
    integer(bytes).0
}

/// An unsigned integer, and what comes after it.
fn integer(bytes: &[u8]) -> (u32, &[u8]) {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return (value, &bytes[index + 1..]);
        }
    }
    (value, &[])
}

/// Instructions on a memory other than the first: the decoder of the PVM expects zeros there, and knows no
/// alignment above 32.
pub(crate) fn names_another_memory(bytes: &[u8]) -> bool {
    let Some((opcode, after)) = bytes.split_first() else { return false };
    let has_bad_alignment = |bytes: &[u8]| integer(bytes).0 > 32;
    match opcode {
        0x28..=0x3e => has_bad_alignment(after),
        0x3f | 0x40 => after.first() != Some(&0),
        0xfc => match integer(after) {
            (8, after) => integer(after).1.first() != Some(&0),
            (10, after) => after.get(..2) != Some(&[0, 0]),
            (11, after) => after.first() != Some(&0),
            _ => false,
        },
        0xfd => match integer(after) {
            (0..=11 | 84..=93, after) => has_bad_alignment(after),
            _ => false,
        },
        _ => false,
    }
}

/// Instructions that the float check of the PVM refuses: those on f32 and f64, and vector arithmetic on
/// floats. Conversions that end in integers, and all vector conversions, pass it.
pub(crate) fn is_float_opcode(bytes: &[u8]) -> bool {
    match bytes[0] {
        // Loads, stores, constants, comparisons, arithmetic.
        0x2a | 0x2b | 0x38 | 0x39 | 0x43 | 0x44 | 0x5b..=0x66 | 0x8b..=0xa6 => true,
        // Conversions to f32 and f64, reinterpretations as them.
        0xb2..=0xbb | 0xbe | 0xbf => true,
        0xfd => matches!(
            sub_opcode(&bytes[1..]),
            // Splats, lanes, comparisons, rounding, arithmetic.
            0x13 | 0x14 | 0x1f..=0x22 | 0x41..=0x4c | 0x67..=0x6a | 0x74 | 0x75 | 0x7a | 0x94
                | 0xe0 | 0xe1 | 0xe3..=0xed | 0xef..=0xf7
        ),
        _ => false,
    }
}

/// The instructions of WebAssembly 2.0.
pub(crate) fn is_known_opcode(bytes: &[u8]) -> bool {
    match bytes[0] {
        0x00..=0x05 | 0x0b..=0x11 | 0x1a..=0x1c | 0x20..=0x26 | 0x28..=0xc4 | 0xd0..=0xd2 => true,
        0xfc => sub_opcode(&bytes[1..]) <= 17,
        0xfd => sub_opcode(&bytes[1..]) <= 0xff,
        _ => false,
    }
}

/// The functions that a module exports, by index; of several names of one the first.
pub fn exported_functions(wasm: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::ExportSection(exports) = payload else { continue };
        for export in exports.into_iter().flatten().filter(|export| export.kind == ExternalKind::Func) {
            names.entry(export.index).or_insert_with(|| export.name.to_owned());
        }
    }
    names
}

/// The names of functions that a module brings along, by index; none when it is no module or was stripped of them.
pub fn function_names(wasm: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm).flatten() {
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Name(subsections) = section.as_known() else { continue };
        for name in subsections.into_iter().flatten() {
            if let Name::Function(map) = name {
                names.extend(map.into_iter().flatten().map(|naming| (naming.index, naming.name.to_owned())));
            }
        }
    }
    names
}

//! Rewrites a kernel into what is compiled: only the exports that the machine uses, under fixed names, and
//! on demand counters inside.
//!
//! *Operators* are counted exactly: each basic block adds its number of operators to a counter when it is
//! entered. Every operator counts 1, bulk memory of any length and host calls too; `block`, `loop`,
//! `else`, `end` and `nop` count 0. The count is a property of the kernel and its input alone, whatever
//! engine runs it; a run that traps has counted the whole block in which it trapped.
//!
//! *Ticks* are added up the same way, from what each operator costs ([`crate::ticks::charge`]); at a call
//! they are exact, so that a host function knows when it takes effect. Where a run traps,
//! [`ahead`] says how far the counter is ahead.
//!
//! *Frames* are counted exactly by one counter that each function raises when it is entered and lowers
//! when it is left.

mod body;

use crate::ticks::charge::Functions;
pub(crate) use body::Ahead;
use body::BodyWriter;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, Instruction, Module, SectionId, TypeSection, ValType,
};
use wasmparser::{BinaryReader, ExternalKind, FunctionBody, Parser, TypeRef};

/// The memory, when it is the only one.
pub(crate) const MEMORY: &str = "memory";
/// The memory, when there are others: host calls are then fatal.
pub(crate) const MEMORY_OF_SEVERAL: &str = "memory of several";
/// The function that a run calls.
pub(crate) const ENTRY: &str = "kernel_run";
/// The function that a node calls, if the kernel has it: no PVM knows it.
pub(crate) const NODE_ENTRY: &str = "node_run";
/// The function that initialises, when it is called by the machine and not by the engine.
pub(crate) const START: &str = "start";
/// The counter of operators, i64.
pub(crate) const OPERATORS: &str = "operators";
/// The counter of bytes that bulk memory operators moved, i64.
pub(crate) const BULK_BYTES: &str = "bulk bytes";
/// What a bulk operator was last asked to move, i32.
pub(crate) const BULK_SIZE: &str = "bulk size";
/// The counter of ticks, i64.
pub(crate) const TICKS: &str = "ticks";
/// The counter of frames, i32.
pub(crate) const DEPTH: &str = "depth";
/// Set to 1 by a call of a function whose body is invalid, i32.
pub(crate) const BROKEN: &str = "broken";

/// What to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Counting {
    /// Count operators, and the bytes of those that move many.
    pub(crate) operators: bool,
    /// Count ticks.
    pub(crate) ticks: bool,
    /// Trap when a call makes this many frames.
    pub(crate) call_depth_limit: Option<u32>,
    /// Tell the host of every call and every return, with the operators so far: these must be counted too.
    pub(crate) stacks: bool,
}

/// The module to compile for a kernel that was accepted.
///
/// # Errors
/// A module that was not accepted before.
pub(crate) fn instrument(
    wasm: &[u8],
    counting: Counting,
    broken: &BTreeSet<u32>,
    memories: usize,
) -> Result<Vec<u8>, Error> {
    let memory_name = if memories > 1 { MEMORY_OF_SEVERAL } else { MEMORY };
    let mut instrumenter =
        Instrumenter { counting, broken: broken.clone(), memory_name, ..Default::default() };
    let module = instrumenter.write(wasm)?;
    if counting.stacks { crate::observe::with_stacks(&module) } else { Ok(module) }
}

/// How far the counter of ticks is ahead at an instruction of the instrumented module: `function` is its
/// index, imports included, and `offset` where the instruction is in it.
pub(crate) fn ahead(
    wasm: &[u8],
    counting: Counting,
    broken: &BTreeSet<u32>,
    (function, offset): (u32, usize),
) -> Option<Ahead> {
    let watched = Some(Watched { function, offset, found: None });
    let mut instrumenter =
        Instrumenter { counting, broken: broken.clone(), memory_name: MEMORY, watched, ..Default::default() };
    instrumenter.write(wasm).ok()?;
    instrumenter.watched?.found
}

/// The same module with only the exports that the machine uses, each once.
///
/// # Errors
/// Bytes that are not a module.
pub(crate) fn without_duplicate_exports(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    instrument(wasm, Counting::default(), &BTreeSet::new(), 1)
}

/// A module that counts its operators, for other engines than ours: the count is in the exported global
/// `operators` (i64), memory and entry are exported as `memory` and `kernel_run`.
///
/// # Errors
/// [`crate::Refused`] when the module is not a kernel.
pub fn with_operator_count(wasm: &[u8]) -> Result<Vec<u8>, crate::Refused> {
    let shape = crate::accept(wasm)?;
    let counting = Counting { operators: true, ..Counting::default() };
    instrument(wasm, counting, &shape.broken, shape.memories)
        .map_err(|error| crate::Refused::Invalid { detail: error.to_string() })
}

#[derive(Default)]
struct Instrumenter {
    counting: Counting,
    broken: BTreeSet<u32>,
    memory_name: &'static str,
    types: u32,
    /// Types with several results, and the type of a block with these results.
    block_types: BTreeMap<u32, u32>,
    /// The only result of a type, for those with one.
    single_results: BTreeMap<u32, ValType>,
    imported_functions: u32,
    function_types: Vec<u32>,
    globals: u32,
    added: Option<Added>,
    bodies: u32,
    /// What each operator costs, when ticks are counted.
    functions: Option<Functions>,
    /// The start function, which is exported when ticks are counted: the counter can be read where it ends.
    start: Option<u32>,
    watched: Option<Watched>,
}

/// An instruction that is looked for.
struct Watched {
    function: u32,
    offset: usize,
    found: Option<Ahead>,
}

/// The globals that were added.
#[derive(Clone, Copy, Default)]
struct Added {
    operators: Option<u32>,
    bulk: Option<Bulk>,
    ticks: Option<u32>,
    depth: Option<u32>,
    broken: Option<u32>,
}

/// Counts what bulk operators move.
#[derive(Clone, Copy)]
struct Bulk {
    /// Bytes of memory, when operators are counted.
    bytes: Option<u32>,
    /// Holds a size while it is counted, i32.
    size: u32,
}

impl Instrumenter {
    fn write(&mut self, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        if self.counting.ticks {
            self.functions = Some(match Functions::of(wasm) {
                Ok(functions) => functions,
                // Two exports of one name, which is all that was accepted and does not validate.
                Err(_) => Functions::of(&without_duplicate_exports(wasm)?)?,
            });
        }
        let started = if self.counting.ticks { take_start(wasm)? } else { None };
        let (start, wasm) = started.as_ref().map_or((None, wasm), |(start, rest)| (Some(*start), rest));
        self.start = start;
        let mut module = Module::new();
        self.parse_core_module(&mut module, Parser::new(0), wasm)?;
        Ok(module.finish())
    }

    fn add_globals(&mut self, globals: &mut GlobalSection) {
        let mut next = self.globals;
        let mut add = |wanted: bool, val_type: ValType, zero: ConstExpr| {
            wanted.then(|| {
                globals.global(GlobalType { val_type, mutable: true, shared: false }, &zero);
                next += 1;
                next - 1
            })
        };
        let operators = add(self.counting.operators, ValType::I64, ConstExpr::i64_const(0));
        let bytes = add(self.counting.operators, ValType::I64, ConstExpr::i64_const(0));
        let counts = self.counting.operators || self.counting.ticks;
        let size = add(counts, ValType::I32, ConstExpr::i32_const(0));
        self.added = Some(Added {
            operators,
            bulk: size.map(|size| Bulk { bytes, size }),
            ticks: add(self.counting.ticks, ValType::I64, ConstExpr::i64_const(0)),
            depth: add(self.counting.call_depth_limit.is_some(), ValType::I32, ConstExpr::i32_const(0)),
            broken: add(!self.broken.is_empty(), ValType::I32, ConstExpr::i32_const(0)),
        });
    }

    fn added(&self) -> Added {
        self.added.unwrap_or_default()
    }
}

impl Reencode for Instrumenter {
    type Error = Infallible;

    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        let is_past_globals = !matches!(
            before,
            Some(
                SectionId::Type
                    | SectionId::Import
                    | SectionId::Function
                    | SectionId::Table
                    | SectionId::Memory
                    | SectionId::Tag
                    | SectionId::Global
            )
        );
        if is_past_globals && self.added.is_none() {
            let mut globals = GlobalSection::new();
            self.add_globals(&mut globals);
            if !globals.is_empty() {
                module.section(&globals);
            }
        }
        Ok(())
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut several = Vec::new();
        for group in section.clone() {
            for ty in group?.into_types() {
                if let wasmparser::CompositeInnerType::Func(function) = &ty.composite_type.inner {
                    match function.results() {
                        [] => {}
                        [result] => {
                            let result = self.val_type(*result)?;
                            self.single_results.insert(self.types, result);
                        }
                        results => several.push((self.types, self.val_types(results.to_vec())?)),
                    }
                }
                self.types += 1;
            }
        }
        utils::parse_type_section(self, types, section)?;
        if self.counting.call_depth_limit.is_some() || self.counting.ticks {
            for (ty, results) in several {
                types.ty().function([], results);
                self.block_types.insert(ty, self.types);
                self.types += 1;
            }
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        for import in section.clone().into_imports() {
            match import?.ty {
                TypeRef::Func(_) => self.imported_functions += 1,
                TypeRef::Global(_) => self.globals += 1,
                _ => {}
            }
        }
        utils::parse_import_section(self, imports, section)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        for ty in section.clone() {
            self.function_types.push(ty?);
        }
        utils::parse_function_section(self, functions, section)
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        self.globals += section.count();
        utils::parse_global_section(self, globals, section)?;
        self.add_globals(globals);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        let (mut memory, mut entry, mut node_entry) = (None, None, None);
        for export in section {
            let export = export?;
            match export.kind {
                ExternalKind::Memory if export.index == 0 => memory = Some(0),
                ExternalKind::Func if export.name == ENTRY => entry = Some(export.index),
                ExternalKind::Func if export.name == NODE_ENTRY => node_entry = Some(export.index),
                _ => {}
            }
        }
        let added = self.added();
        let wanted = [
            (self.memory_name, ExportKind::Memory, memory),
            (ENTRY, ExportKind::Func, entry),
            (NODE_ENTRY, ExportKind::Func, node_entry),
            (START, ExportKind::Func, self.start),
            (OPERATORS, ExportKind::Global, added.operators),
            (BULK_BYTES, ExportKind::Global, added.bulk.and_then(|bulk| bulk.bytes)),
            (BULK_SIZE, ExportKind::Global, added.bulk.map(|bulk| bulk.size)),
            (TICKS, ExportKind::Global, added.ticks),
            (DEPTH, ExportKind::Global, added.depth),
            (BROKEN, ExportKind::Global, added.broken),
        ];
        for (name, kind, index) in wanted {
            if let Some(index) = index {
                exports.export(name, kind, index);
            }
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let index = self.bodies;
        self.bodies += 1;
        if self.broken.contains(&(self.imported_functions + index)) {
            let mut function = Function::new([]);
            if let Some(broken) = self.added().broken {
                function.instruction(&Instruction::I32Const(1)).instruction(&Instruction::GlobalSet(broken));
            }
            function.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
            code.function(&function);
            return Ok(());
        }
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        let mut charges = self.functions.as_mut().and_then(|functions| functions.take(index, &body));
        let mut writer = BodyWriter::new(&mut function, self.added());
        writer.watch = self.watched.as_ref().and_then(|watched| {
            (watched.function == self.imported_functions + index).then_some(watched.offset)
        });
        if let Some(charges) = &charges {
            writer.charge_calls(charges.enter, charges.leave);
        }
        let ty = self.function_types.get(index as usize).copied().unwrap_or_default();
        writer.enter(self.counting.call_depth_limit, self.block_type_of(ty));
        while !operators.eof() {
            let operator = operators.read()?;
            let instruction = self.instruction(operator.clone())?;
            let charge = charges.as_mut().map(|charges| charges.of(&operator)).unwrap_or_default();
            writer.operator(&operator, instruction, charge);
        }
        if let (Some(watched), Some(found)) = (&mut self.watched, writer.found) {
            watched.found = Some(found);
        }
        code.function(&function);
        Ok(())
    }
}

impl Instrumenter {
    fn block_type_of(&self, ty: u32) -> BlockType {
        match (self.block_types.get(&ty), self.single_results.get(&ty)) {
            (Some(block), _) => BlockType::FunctionType(*block),
            (None, Some(result)) => BlockType::Result(*result),
            (None, None) => BlockType::Empty,
        }
    }
}

/// The start function, and the module without it.
fn take_start(wasm: &[u8]) -> Result<Option<(u32, Vec<u8>)>, Error> {
    const HEADER_BYTES: usize = 8;
    const START_SECTION: u8 = 8;
    let mut reader = BinaryReader::new(wasm, 0);
    let mut rest = reader.read_bytes(HEADER_BYTES)?.to_vec();
    let mut start = None;
    while !reader.eof() {
        let from = reader.current_position();
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let content = reader.read_bytes(size as usize)?;
        if id == START_SECTION {
            start = Some(BinaryReader::new(content, 0).read_var_u32()?);
        } else {
            rest.extend_from_slice(wasm.get(from..reader.current_position()).unwrap_or_default());
        }
    }
    Ok(start.map(|start| (start, rest)))
}

//! Rewrites a kernel into what is compiled: only the exports that the machine uses, under fixed names, and
//! on demand counters inside.
//!
//! *Operators* are counted exactly: each basic block adds its number of operators to a counter when it is
//! entered. Every operator counts 1, bulk memory of any length and host calls too; `block`, `loop`,
//! `else`, `end` and `nop` count 0. The count is a property of the kernel and its input alone, whatever
//! engine runs it; a run that traps has counted the whole block in which it trapped.
//!
//! *Frames* are counted exactly by one counter that each function raises when it is entered and lowers
//! when it is left.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, Instruction, Module, SectionId, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, TypeRef};

/// The memory, when it is the only one.
pub(crate) const MEMORY: &str = "memory";
/// The memory, when there are others: host calls are then fatal.
pub(crate) const MEMORY_OF_SEVERAL: &str = "memory of several";
/// The function that a run calls.
pub(crate) const ENTRY: &str = "kernel_run";
/// The function that a node calls, if the kernel has it: no PVM knows it.
pub(crate) const NODE_ENTRY: &str = "node_run";
/// The counter of operators, i64.
pub(crate) const OPERATORS: &str = "operators";
/// The counter of bytes that bulk memory operators moved, i64.
pub(crate) const BULK_BYTES: &str = "bulk bytes";
/// The counter of frames, i32.
pub(crate) const DEPTH: &str = "depth";
/// Set to 1 by a call of a function whose body is invalid, i32.
pub(crate) const BROKEN: &str = "broken";

/// What to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Counting {
    /// Count operators, and the bytes of those that move many.
    pub(crate) operators: bool,
    /// Trap when a call makes this many frames.
    pub(crate) call_depth_limit: Option<u32>,
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
    let mut module = Module::new();
    instrumenter.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
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
    let counting = Counting { operators: true, call_depth_limit: None };
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
}

/// The globals that were added.
#[derive(Clone, Copy, Default)]
struct Added {
    operators: Option<u32>,
    bulk: Option<Bulk>,
    depth: Option<u32>,
    broken: Option<u32>,
}

/// Counts bytes of bulk memory.
#[derive(Clone, Copy)]
struct Bulk {
    bytes: u32,
    /// Holds a size while it is counted, i32.
    size: u32,
}

impl Instrumenter {
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
        let size = add(self.counting.operators, ValType::I32, ConstExpr::i32_const(0));
        self.added = Some(Added {
            operators,
            bulk: bytes.zip(size).map(|(bytes, size)| Bulk { bytes, size }),
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
        if self.counting.call_depth_limit.is_some() {
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
            (OPERATORS, ExportKind::Global, added.operators),
            (BULK_BYTES, ExportKind::Global, added.bulk.map(|bulk| bulk.bytes)),
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
        let mut writer = BodyWriter {
            function: &mut function,
            added: self.added(),
            pending: Vec::new(),
            cost: 0,
            nesting: 0,
        };
        if let Some(limit) = self.counting.call_depth_limit {
            let ty = self.function_types.get(index as usize).copied().unwrap_or_default();
            writer.enter(limit, self.block_type_of(ty));
        }
        while !operators.eof() {
            let operator = operators.read()?;
            let instruction = self.instruction(operator.clone())?;
            writer.operator(&operator, instruction);
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

/// Writes one body, a basic block at a time.
struct BodyWriter<'a, 'f> {
    function: &'f mut Function,
    added: Added,
    /// The instructions of the present block.
    pending: Vec<Instruction<'a>>,
    /// Operators among them.
    cost: u32,
    /// Blocks that are open.
    nesting: u32,
}

impl<'a> BodyWriter<'a, '_> {
    /// Counts a frame, and puts the body in a block that every way out leaves.
    fn enter(&mut self, limit: u32, block_type: BlockType) {
        let Some(depth) = self.added.depth else { return };
        self.add_to_depth(depth, 1);
        for instruction in [
            Instruction::GlobalGet(depth),
            Instruction::I32Const(limit as i32),
            Instruction::I32GeU,
            Instruction::If(BlockType::Empty),
            Instruction::Unreachable,
            Instruction::End,
            Instruction::Block(block_type),
        ] {
            self.function.instruction(&instruction);
        }
    }

    fn add_to_depth(&mut self, depth: u32, frames: i32) {
        self.function
            .instruction(&Instruction::GlobalGet(depth))
            .instruction(&Instruction::I32Const(frames))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::GlobalSet(depth));
    }

    fn operator(&mut self, operator: &Operator<'_>, instruction: Instruction<'a>) {
        let is_free = matches!(
            operator,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::Else | Operator::End | Operator::Nop
        );
        self.cost += u32::from(!is_free);
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.nesting += 1,
            Operator::End if self.nesting == 0 => {
                self.leave();
                return;
            }
            Operator::End => self.nesting -= 1,
            _ => {}
        }
        if matches!(
            operator,
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. }
        ) {
            self.count_bulk();
        }
        let is_return = matches!(operator, Operator::Return) && self.added.depth.is_some();
        // The block around the body has taken the place of the function as the outermost label.
        self.pending.push(if is_return { Instruction::Br(self.nesting) } else { instruction });
        // What follows is entered by another way, or not always.
        if matches!(
            operator,
            Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::End
                | Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::BrTable { .. }
                | Operator::Return
                | Operator::Unreachable
        ) {
            self.flush();
        }
    }

    /// Adds the size on top of the stack to the bytes, and leaves it there.
    fn count_bulk(&mut self) {
        let Some(Bulk { bytes, size }) = self.added.bulk else { return };
        self.pending.extend([
            Instruction::GlobalSet(size),
            Instruction::GlobalGet(bytes),
            Instruction::GlobalGet(size),
            Instruction::I64ExtendI32U,
            Instruction::I64Add,
            Instruction::GlobalSet(bytes),
            Instruction::GlobalGet(size),
        ]);
    }

    fn leave(&mut self) {
        self.flush();
        if let Some(depth) = self.added.depth {
            self.function.instruction(&Instruction::End);
            self.add_to_depth(depth, -1);
        }
        self.function.instruction(&Instruction::End);
    }

    fn flush(&mut self) {
        if let Some(operators) = self.added.operators
            && self.cost > 0
        {
            self.function
                .instruction(&Instruction::GlobalGet(operators))
                .instruction(&Instruction::I64Const(i64::from(self.cost)))
                .instruction(&Instruction::I64Add)
                .instruction(&Instruction::GlobalSet(operators));
        }
        self.cost = 0;
        for instruction in self.pending.drain(..) {
            self.function.instruction(&instruction);
        }
    }
}

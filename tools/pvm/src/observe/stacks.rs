//! Has an instrumented kernel tell the host of every call and every return.
//!
//! The functions for it are imported behind the kernel's own imports, so that every function of the kernel moves up by
//! [`OWN_IMPORTS`]; the host hears of it by the index that it has in the kernel.

use super::profile::Counted;
use crate::guest::Guest;
use crate::instrument::{OPERATORS, TICKS};
use std::collections::BTreeMap;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, EntityType, FunctionSection, ImportSection, Instruction, Module, SectionId,
    TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};
use wasmtime::{Caller, Linker};

/// The module that the added imports name.
const MODULE: &str = "millrace_stacks";
const ENTER: &str = "enter";
const LEAVE: &str = "leave";

/// Number of added imports.
pub(crate) const OWN_IMPORTS: usize = 2;

/// Whether [`with_stacks`] added imports: a module without functions has nothing to tell.
pub(crate) fn is_told(module: &wasmtime::Module) -> bool {
    module.imports().last().is_some_and(|import| import.module() == MODULE && import.name() == LEAVE)
}

/// Gives instrumented kernels what they import.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        ENTER,
        |mut caller: Caller<'_, Guest>, function: i32, operators: i64, ticks: i64| {
            if let Some(watch) = &mut caller.data_mut().watch {
                watch.recorder.enter(function as u32, counted(operators, ticks));
            }
        },
    )?;
    linker.func_wrap(MODULE, LEAVE, |mut caller: Caller<'_, Guest>, operators: i64, ticks: i64| {
        if let Some(watch) = &mut caller.data_mut().watch {
            watch.recorder.leave(counted(operators, ticks));
        }
    })?;
    Ok(())
}

fn counted(operators: i64, ticks: i64) -> Counted {
    Counted { operators: operators as u64, ticks: u64::try_from(ticks).unwrap_or(0) }
}

/// The module with calls of the host in every function. It must count its operators.
///
/// # Errors
/// Bytes that are not a module.
pub(crate) fn with_stacks(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let [operators, ticks] = [OPERATORS, TICKS].map(|name| counter_of(wasm, name));
    let mut teller = Teller { operators: operators?, ticks: ticks?, ..Teller::default() };
    let mut module = Module::new();
    teller.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// The global that counts, if there is one.
fn counter_of(wasm: &[u8], name: &str) -> Result<Option<u32>, Error> {
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            let export = export?;
            if export.kind == ExternalKind::Global && export.name == name {
                return Ok(Some(export.index));
            }
        }
    }
    Ok(None)
}

#[derive(Default)]
struct Teller {
    operators: Option<u32>,
    ticks: Option<u32>,
    types: u32,
    enter_type: u32,
    leave_type: u32,
    /// For each type of a function, that of a block with its results; for several results a type was added.
    blocks: BTreeMap<u32, BlockType>,
    imported_functions: u32,
    has_imported: bool,
    function_types: Vec<u32>,
    bodies: u32,
}

impl Teller {
    /// What the counters say, for a call.
    fn counters(&self) -> [Instruction<'static>; 2] {
        [self.operators, self.ticks]
            .map(|counter| counter.map_or(Instruction::I64Const(0), Instruction::GlobalGet))
    }

    /// The functions that the host gives, when the module has functions at all.
    fn import(&mut self, imports: &mut ImportSection) {
        self.has_imported = true;
        imports.import(MODULE, ENTER, EntityType::Function(self.enter_type));
        imports.import(MODULE, LEAVE, EntityType::Function(self.leave_type));
    }
}

impl Reencode for Teller {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        let moved = function >= self.imported_functions && self.has_imported;
        Ok(if moved { function + OWN_IMPORTS as u32 } else { function })
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        if before == Some(SectionId::Function) && !self.has_imported {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
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
                        [] => drop(self.blocks.insert(self.types, BlockType::Empty)),
                        [result] => {
                            let result = self.val_type(*result)?;
                            self.blocks.insert(self.types, BlockType::Result(result));
                        }
                        results => several.push((self.types, self.val_types(results.to_vec())?)),
                    }
                }
                self.types += 1;
            }
        }
        utils::parse_type_section(self, types, section)?;
        for (ty, results) in several {
            types.ty().function([], results);
            self.blocks.insert(ty, BlockType::FunctionType(self.types));
            self.types += 1;
        }
        types.ty().function([ValType::I32, ValType::I64, ValType::I64], []);
        types.ty().function([ValType::I64, ValType::I64], []);
        (self.enter_type, self.leave_type) = (self.types, self.types + 1);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        for import in section.clone().into_imports() {
            self.imported_functions += u32::from(matches!(import?.ty, TypeRef::Func(_)));
        }
        utils::parse_import_section(self, imports, section)?;
        // A function has a type, so types were there before.
        if self.types > 0 {
            self.import(imports);
        }
        Ok(())
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

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let index = self.bodies;
        self.bodies += 1;
        let ty = self.function_types.get(index as usize).copied().unwrap_or_default();
        let block = self.blocks.get(&ty).copied().unwrap_or(BlockType::Empty);
        let [enter, leave] = [0, 1].map(|added| self.imported_functions + added);
        let [operators_now, ticks_now] = self.counters();
        let mut function = self.new_function_with_parsed_locals(&body)?;
        function
            .instruction(&Instruction::I32Const((self.imported_functions + index) as i32))
            .instruction(&operators_now)
            .instruction(&ticks_now)
            .instruction(&Instruction::Call(enter))
            // Every way out leaves this block.
            .instruction(&Instruction::Block(block));
        let mut operators = body.get_operators_reader()?;
        let mut nesting = 0u32;
        while !operators.eof() {
            let operator = operators.read()?;
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => nesting += 1,
                Operator::End => nesting = nesting.saturating_sub(1),
                Operator::Return => {
                    function.instruction(&Instruction::Br(nesting));
                    continue;
                }
                _ => {}
            }
            let instruction = self.instruction(operator)?;
            function.instruction(&instruction);
        }
        function
            .instruction(&operators_now)
            .instruction(&ticks_now)
            .instruction(&Instruction::Call(leave))
            .instruction(&Instruction::End);
        code.function(&function);
        Ok(())
    }
}

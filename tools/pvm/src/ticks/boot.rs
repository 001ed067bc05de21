//! The ticks before `kernel_run`: decoding, linking and initialising a module, which every run pays again.
//!
//! The interpreter decodes a byte of a name or of data, an operator, a field of a section at a step, and builds
//! an instance likewise. All of it follows from the module alone, but for what a start function does.

use super::blocks::Blocks;
use super::instance::{FINISH, Instance, Segment};
use crate::accept::{NAME_BYTES_MAX, is_float_opcode, is_known_opcode, names_another_memory};
use wasmparser::{
    BinaryReaderError, BlockType, ConstExpr, DataKind, DataSectionReader, ElementItems, ElementKind,
    ElementSectionReader, ExportSectionReader, FunctionBody, GlobalSectionReader, ImportSectionReader,
    MemorySectionReader, Operator, OperatorsReader, Parser, Payload, TableSectionReader, TypeSectionReader,
    ValType,
};

const PAGE_BYTES: u64 = 65_536;

/// The ticks of each phase, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BootTicks {
    /// Up to the first error, if there is one.
    pub(crate) decode: u64,
    /// Whether there is none.
    pub(crate) decodes: bool,
    /// When every import is found.
    pub(crate) link: u64,
    /// Without what a start function does.
    pub(crate) init: u64,
    /// Of `init`, up to where the exports have been looked at.
    pub(crate) init_to_exports: u64,
    /// Of `init`, up to where the first segment does not fit; all of it when all fit.
    pub(crate) init_to_misfit: u64,
}

impl BootTicks {
    /// Of `init`, up to the import of this index when its type is another one.
    pub(crate) const fn init_to_import(&self, index: u64) -> u64 {
        // The last one comes first.
        self.link.saturating_sub(index)
    }

    /// Of `init`, up to the first operator of the start function.
    pub(crate) const fn init_to_start(&self) -> u64 {
        self.init.saturating_sub(FINISH)
    }
}

/// The ticks of booting a kernel.
pub(crate) fn of(wasm: &[u8]) -> BootTicks {
    let mut decoding = Decoding { wasm, ..Decoding::default() };
    if decoding.module().is_err() {
        return BootTicks { decode: decoding.ticks + 1, ..BootTicks::default() };
    }
    let instance = &decoding.instance;
    let init_to_exports = instance.ticks_to_exports();
    BootTicks {
        decode: decoding.ticks,
        decodes: true,
        link: instance.imports + 1,
        init: init_to_exports + instance.ticks_from_exports(),
        init_to_exports,
        init_to_misfit: init_to_exports + instance.ticks_from_exports_to_misfit(),
    }
}

/// The sections in the order in which they are decoded, and whether each is a vector. An absent one takes
/// ticks too.
const SECTIONS: [(Section, bool); 12] = [
    (Section::Type, true),
    (Section::Import, true),
    (Section::Function, true),
    (Section::Table, true),
    (Section::Memory, true),
    (Section::Global, true),
    (Section::Export, true),
    (Section::Start, false),
    (Section::Element, true),
    (Section::DataCount, false),
    (Section::Code, true),
    (Section::Data, true),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Type,
    Import,
    Function,
    Table,
    Memory,
    Global,
    Export,
    Start,
    Element,
    DataCount,
    Code,
    Data,
}

/// Why decoding stops.
enum Stop {
    Malformed,
    Refused,
}

impl From<BinaryReaderError> for Stop {
    fn from(_: BinaryReaderError) -> Self {
        Self::Malformed
    }
}

type Decoded = Result<(), Stop>;

#[derive(Default)]
struct Decoding<'a> {
    wasm: &'a [u8],
    /// So far.
    ticks: u64,
    /// Sections that were decoded, or passed over.
    sections: usize,
    /// Ticks of the pass over all bodies that comes last, and whether it still looks into them.
    elaboration: u64,
    bodies: u64,
    data_count: Option<u64>,
    has_data_operators: bool,
    instance: Instance,
}

impl<'a> Decoding<'a> {
    fn module(&mut self) -> Decoded {
        for payload in Parser::new(0).parse_all(self.wasm) {
            let payload = payload?;
            self.payload(&payload)?;
        }
        self.close_sections(SECTIONS.len());
        // A last look for custom sections.
        self.ticks += 1;
        if self.bodies != self.instance.functions {
            return Err(Stop::Refused);
        }
        // The pass over the bodies, and its end.
        self.ticks += self.elaboration + 1;
        let segments = self.instance.data.len() as u64;
        if self.data_count.map_or(self.has_data_operators, |count| count != segments) {
            return Err(Stop::Refused);
        }
        // The module, the next phase.
        self.ticks += 1 + 1;
        Ok(())
    }

    fn payload(&mut self, payload: &Payload<'a>) -> Decoded {
        match payload {
            Payload::Version { .. } => self.ticks += 1,
            Payload::CustomSection(_) => self.ticks += 1,
            Payload::TypeSection(section) => {
                self.open(Section::Type);
                self.instance.types = u64::from(section.count());
                self.types(section.clone())?;
            }
            Payload::ImportSection(section) => {
                self.open(Section::Import);
                self.imports(section.clone())?;
            }
            Payload::FunctionSection(section) => {
                self.open(Section::Function);
                self.instance.functions = u64::from(section.count());
                self.ticks += u64::from(section.count());
            }
            Payload::TableSection(section) => {
                self.open(Section::Table);
                self.tables(section.clone())?;
            }
            Payload::MemorySection(section) => {
                self.open(Section::Memory);
                self.memories(section.clone())?;
            }
            Payload::GlobalSection(section) => {
                self.open(Section::Global);
                self.globals(section.clone())?;
            }
            Payload::ExportSection(section) => {
                self.open(Section::Export);
                self.instance.exports = u64::from(section.count());
                self.exports(section.clone())?;
            }
            Payload::StartSection { .. } => {
                self.open(Section::Start);
                self.instance.has_start = true;
            }
            Payload::ElementSection(section) => {
                self.open(Section::Element);
                self.elements(section.clone())?;
            }
            Payload::DataCountSection { count, .. } => {
                self.open(Section::DataCount);
                self.data_count = Some(u64::from(*count));
            }
            Payload::CodeSectionStart { count, .. } => {
                self.open(Section::Code);
                self.bodies = u64::from(*count);
            }
            Payload::CodeSectionEntry(body) => self.function(body)?,
            Payload::DataSection(section) => {
                self.open(Section::Data);
                self.data(section.clone())?;
            }
            Payload::End(_) => {}
            // A section that is not known is met where the next one is looked for.
            _ => {
                self.end_section();
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }

    /// Begins a section: looks for custom sections, reads the size.
    fn open(&mut self, section: Section) {
        let place = SECTIONS.iter().position(|(known, _)| *known == section).unwrap_or(0);
        self.close_sections(place);
        self.ticks += 2;
    }

    /// Ends the open section, if there is one, and passes over those up to `place`.
    fn close_sections(&mut self, place: usize) {
        self.end_section();
        for (_, is_vector) in SECTIONS.get(self.sections..place).unwrap_or_default() {
            self.ticks += 2 + u64::from(*is_vector);
        }
        self.sections = place + 1;
    }

    fn end_section(&mut self) {
        if let Some((_, true)) = self.sections.checked_sub(1).and_then(|last| SECTIONS.get(last)) {
            self.ticks += 1;
        }
    }

    fn tables(&mut self, section: TableSectionReader<'a>) -> Decoded {
        for table in section {
            let ty = table?.ty;
            if ty.table64 || ty.shared {
                return Err(Stop::Refused);
            }
            self.ticks += 1;
            self.instance.tables.push(ty.initial);
        }
        Ok(())
    }

    fn memories(&mut self, section: MemorySectionReader<'a>) -> Decoded {
        for memory in section {
            let ty = memory?;
            if ty.memory64 || ty.shared || ty.page_size_log2.is_some() {
                return Err(Stop::Refused);
            }
            self.ticks += 1;
            self.instance.memories.push(ty.initial.saturating_mul(PAGE_BYTES));
        }
        Ok(())
    }

    fn types(&mut self, section: TypeSectionReader<'a>) -> Decoded {
        for ty in section.into_iter_err_on_gc_types() {
            let ty = ty?;
            self.ticks += 2;
            for value in ty.params() {
                self.value_type(*value)?;
            }
            self.ticks += 1;
            for value in ty.results() {
                self.value_type(*value)?;
            }
            self.ticks += 2;
        }
        Ok(())
    }

    fn value_type(&mut self, ty: ValType) -> Decoded {
        if matches!(ty, ValType::F32 | ValType::F64) {
            return Err(Stop::Refused);
        }
        self.ticks += 1;
        Ok(())
    }

    fn imports(&mut self, section: ImportSectionReader<'a>) -> Decoded {
        for import in section.into_imports() {
            let import = import?;
            self.ticks += 2;
            self.name(import.module)?;
            self.ticks += 1;
            self.name(import.name)?;
            self.ticks += 2;
            self.instance.imports += 1;
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Decoded {
        if name.len() > NAME_BYTES_MAX {
            return Err(Stop::Refused);
        }
        self.ticks += name.chars().count() as u64 + 2;
        Ok(())
    }

    fn globals(&mut self, section: GlobalSectionReader<'a>) -> Decoded {
        for global in section {
            let global = global?;
            if matches!(global.ty.content_type, ValType::F32 | ValType::F64) {
                return Err(Stop::Refused);
            }
            self.ticks += 1;
            let operators = self.constant(&global.init_expr)?;
            self.ticks += 1;
            self.instance.globals += 1;
            self.instance.global_operators += operators;
        }
        Ok(())
    }

    fn exports(&mut self, section: ExportSectionReader<'a>) -> Decoded {
        for export in section {
            let export = export?;
            self.ticks += 2;
            self.name(export.name)?;
            self.ticks += 2;
        }
        Ok(())
    }

    fn elements(&mut self, section: ElementSectionReader<'a>) -> Decoded {
        for element in section {
            let element = element?;
            self.ticks += 2;
            let mut items = Segment::default();
            match &element.kind {
                ElementKind::Active { table_index, offset_expr } => {
                    items.into = table_index.unwrap_or(0) as usize;
                    items.offset = constant_of(offset_expr);
                    items.offset_operators = Some(self.constant(offset_expr)?);
                    self.ticks += 1;
                }
                ElementKind::Passive => {}
                ElementKind::Declared => items.is_declared = true,
            }
            match element.items {
                ElementItems::Functions(functions) => {
                    items.size = u64::from(functions.count());
                    items.operators = items.size;
                    self.ticks += items.size;
                }
                ElementItems::Expressions(_, expressions) => {
                    items.size = u64::from(expressions.count());
                    for expression in expressions {
                        items.operators += self.constant(&expression?)?;
                        self.ticks += 1;
                    }
                }
            }
            self.ticks += 2;
            self.instance.elements.push(items);
        }
        Ok(())
    }

    fn data(&mut self, section: DataSectionReader<'a>) -> Decoded {
        for data in section {
            let data = data?;
            self.ticks += 2;
            let mut bytes = Segment { size: data.data.len() as u64, ..Segment::default() };
            if let DataKind::Active { memory_index, offset_expr } = &data.kind {
                bytes.into = *memory_index as usize;
                bytes.offset = constant_of(offset_expr);
                bytes.offset_operators = Some(self.constant(offset_expr)?);
                self.ticks += 1;
            }
            self.ticks += 1 + bytes.size + 3;
            self.instance.data.push(bytes);
        }
        Ok(())
    }

    /// Decodes a constant expression; answers its operators.
    fn constant(&mut self, expression: &ConstExpr<'a>) -> Result<u64, Stop> {
        let mut blocks = Blocks::default();
        self.operators(expression.get_operators_reader(), &mut blocks)?;
        Ok(blocks.operators_of_body())
    }

    fn function(&mut self, body: &FunctionBody<'a>) -> Decoded {
        self.ticks += 2;
        let (mut groups, mut groups_until_all, mut locals) = (0, 0, 0);
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            self.value_type(ty)?;
            groups += 1;
            locals += u64::from(count);
            if count > 0 {
                groups_until_all = groups;
            }
        }
        self.ticks += 1 + groups_until_all + locals + 1;
        let mut blocks = Blocks::default();
        self.operators(body.get_operators_reader()?, &mut blocks)?;
        self.ticks += 2;
        self.elaboration += if self.has_data_operators {
            1
        } else {
            let (ticks, has_data_operators) = blocks.pass();
            self.has_data_operators = has_data_operators;
            ticks
        };
        Ok(())
    }

    fn operators(&mut self, mut operators: OperatorsReader<'a>, blocks: &mut Blocks) -> Decoded {
        self.ticks += 1;
        let mut open = vec![Open { block: blocks.add(), otherwise: None }];
        while !operators.eof() {
            let start = operators.original_position();
            let operator = operators.read()?;
            let opcode = self.wasm.get(start..).unwrap_or_default();
            let is_refused = is_float_opcode(opcode)
                || !is_known_opcode(opcode)
                || has_float_type(&operator)
                || names_another_memory(opcode);
            if is_refused {
                return Err(Stop::Refused);
            }
            let Some(Open { block, otherwise }) = open.last().copied() else { return Err(Stop::Malformed) };
            self.ticks += 1;
            match operator {
                Operator::End | Operator::Else => {
                    self.ticks += 1;
                    open.pop();
                    if let (Operator::Else, Some(block)) = (&operator, otherwise) {
                        open.push(Open { block, otherwise: None });
                    }
                }
                Operator::Block { .. } | Operator::Loop { .. } => {
                    open.push(Open { block: blocks.nest(block), otherwise: None });
                }
                Operator::If { .. } => {
                    let (then, otherwise) = blocks.nest_if(block);
                    open.push(Open { block: then, otherwise: Some(otherwise) });
                }
                Operator::MemoryInit { .. } | Operator::DataDrop { .. } => blocks.data_operator(block),
                _ => blocks.operator(block),
            }
        }
        Ok(())
    }
}

/// The value of an expression that is one constant.
fn constant_of(expression: &ConstExpr<'_>) -> u64 {
    match expression.get_operators_reader().read() {
        Ok(Operator::I32Const { value }) => u64::from(value.cast_unsigned()),
        _ => 0,
    }
}

/// A block that is being decoded.
#[derive(Clone, Copy)]
struct Open {
    block: usize,
    /// The other arm of an `if`.
    otherwise: Option<usize>,
}

fn has_float_type(operator: &Operator<'_>) -> bool {
    let ty = match operator {
        Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
            match blockty {
                BlockType::Type(ty) => *ty,
                _ => return false,
            }
        }
        Operator::TypedSelect { ty } => *ty,
        _ => return false,
    };
    matches!(ty, ValType::F32 | ValType::F64)
}

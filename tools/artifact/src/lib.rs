//! Checks that a WebAssembly module is one that the Octez smart-rollup PVM runs, and measures it.
//!
//! The PVM is unforgiving: one float instruction in dead code, or one import that its version lacks even when
//! it is never called, and the rollup never executes its kernel. So a kernel is checked before it is shipped:
//! when `dist/` is made, by the installer, and by tests of the repository.
//!
//! Source of the rules: the Octez smart rollup node and its PVM, versions 2.0.0 (V0) to 2.0.0-r5 (V5). Where the slow
//! PVM and the fast executor of Octez differ in what they take, only what both take is allowed: the former
//! runs multi-value blocks and integer SIMD, the latter is configured without multi-value, and some float
//! conversions of SIMD slip through the float check of the former.
//!
//! **Bounds**: one pass over the module; memory in proportion to its types and functions. **Failure**:
//! [`ArtifactError`] names the function, instruction, import or section at fault. **Deliberately unknown**:
//! what the kernel does, and the installer's config program.

mod compare;
mod error;
mod imports;
mod inspect;
#[cfg(test)]
mod tests;

pub use compare::{Difference, first_difference};
pub use error::{ArtifactError, ImportFault};
pub use imports::{HOST_MODULE, HostFunction, PERMITTED, PvmVersion};

use inspect::Inspection;
use std::fmt;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

/// The export that the PVM calls, of type `() -> ()`.
pub const ENTRY: &str = "kernel_run";
/// Longest name of an import or export, in bytes.
pub const NAME_BYTES_MAX: usize = 512;

/// What a module is for; it decides about custom sections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A kernel that is shipped: no custom section at all.
    Kernel,
    /// A kernel that somebody proposes: custom sections cost bytes and do no harm.
    Upgrade,
    /// An installer kernel: exactly one custom section, named `config`, the last section of the module.
    Installer,
}

/// A section of the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its name as in the specification of WebAssembly; custom sections by their own name.
    pub name: String,
    /// Size of its contents in bytes, without its header.
    pub size_bytes: usize,
}

/// The measures of a module that has passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Size of the whole module in bytes.
    pub size_bytes: usize,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// The host functions that it imports, in order.
    pub imports: Vec<&'static HostFunction>,
    /// The oldest PVM that has all of them.
    pub pvm_version: PvmVersion,
    /// Number of functions that the module defines.
    pub functions: u32,
    /// Number of instructions in the code: a measure of the text, not of a run.
    pub operators: u64,
    /// Initial size of the memory, in pages of 65,536 bytes.
    pub memory_pages: u64,
}

/// Everything that both executors of Octez accept, and that rustc or Binaryen may emit.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::GC_TYPES);

/// Checks a module against the rules of the PVM.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(module: &[u8], purpose: Purpose) -> Result<Report, ArtifactError> {
    let mut inspection = Inspection::new(purpose);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| ArtifactError::Malformed {
            offset: error.offset(),
            reason: error.message().to_owned(),
        })?;
        // Our own rules come first: their errors say more than the validator's.
        inspection.section(&payload)?;
        let valid = validator.payload(&payload).map_err(|error| refused(&payload, &error))?;
        if let ValidPayload::Func(function, body) = valid {
            let mut function = function.into_validator(allocations);
            inspection.operators += check_function(&mut function, &body)?;
            allocations = function.into_allocations();
        }
    }
    inspection.finish(module.len())
}

/// Validates one function and answers how many instructions it has.
fn check_function(
    validator: &mut wasmparser::FuncValidator<wasmparser::ValidatorResources>,
    body: &wasmparser::FunctionBody<'_>,
) -> Result<u64, ArtifactError> {
    let function = validator.index();
    let malformed = |error: wasmparser::BinaryReaderError| ArtifactError::Malformed {
        offset: error.offset(),
        reason: error.message().to_owned(),
    };
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader).map_err(|error| ArtifactError::Local {
        function,
        offset: error.offset(),
        reason: error.message().to_owned(),
    })?;
    let mut operators = 0;
    let mut reader = wasmparser::OperatorsReader::new(reader);
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset().map_err(malformed)?;
        operators += 1;
        let instruction = instruction_name(&operator);
        let refused = |reason: &str| ArtifactError::Instruction {
            function,
            offset,
            instruction: instruction.to_owned(),
            reason: reason.to_owned(),
        };
        // The validator, like the slow PVM, lets conversions from floats through in dead code.
        if instruction.contains("F32") || instruction.contains("F64") {
            return Err(refused("the PVM refuses floats anywhere in a kernel"));
        }
        validator.op(offset, &operator).map_err(|error| refused(error.message()))?;
    }
    reader.finish().map_err(malformed)?;
    Ok(operators)
}

/// Declares the names of all instructions from wasmparser's own list, as in `F64Add`.
macro_rules! declare_names {
    ($(@$proposal:ident $instruction:ident $({ $($immediate:ident: $type:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        fn instruction_name(operator: &wasmparser::Operator<'_>) -> &'static str {
            match operator {
                $(wasmparser::Operator::$instruction $({ $($immediate: _),* })? => stringify!($instruction),)*
                _ => "unknown",
            }
        }
    };
}
wasmparser::for_each_operator!(declare_names);

fn refused(payload: &Payload<'_>, error: &wasmparser::BinaryReaderError) -> ArtifactError {
    ArtifactError::Section {
        section: inspect::section_name(payload).unwrap_or_else(|| "module".to_owned()),
        offset: error.offset(),
        reason: error.message().to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "size               {:>10} bytes", self.size_bytes)?;
        for section in &self.sections {
            writeln!(f, "  {:<16} {:>10} bytes", section.name, section.size_bytes)?;
        }
        writeln!(f, "functions          {:>10}", self.functions)?;
        writeln!(f, "instructions       {:>10}", self.operators)?;
        writeln!(f, "memory at start    {:>10} pages of 64 KiB", self.memory_pages)?;
        writeln!(f, "needs PVM          {:>10} or later", self.pvm_version)?;
        write!(f, "imports           ")?;
        self.imports.iter().try_for_each(|import| write!(f, " {}", import.name))
    }
}

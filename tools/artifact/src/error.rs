//! Why a module is refused.

use thiserror::Error;

/// The rule that a module breaks.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ArtifactError {
    /// The bytes are not a WebAssembly module.
    #[error("not a WebAssembly module: {reason} (at byte {offset})")]
    Malformed {
        /// Where reading failed.
        offset: usize,
        /// What the parser says.
        reason: String,
    },
    /// A section breaks a rule of WebAssembly, or uses a feature that the PVM lacks.
    #[error("section {section}: {reason} (at byte {offset})")]
    Section {
        /// Its name.
        section: String,
        /// Where in the module.
        offset: usize,
        /// What the validator says.
        reason: String,
    },
    /// A float, or a vector that may hold floats, among types or globals.
    #[error(
        "section {section}, entry {index}: {value_type}, but the PVM refuses floats and vectors anywhere in a kernel"
    )]
    ValueType {
        /// `type` or `global`.
        section: &'static str,
        /// Which entry of it, from 0.
        index: u32,
        /// The type at fault.
        value_type: String,
    },
    /// A local variable has a type that the PVM lacks.
    #[error("function {function}, locals: {reason} (at byte {offset})")]
    Local {
        /// Index of the function, imports counted.
        function: u32,
        /// Where in the module.
        offset: usize,
        /// What the validator says.
        reason: String,
    },
    /// An instruction is invalid, or of a feature that the PVM lacks.
    #[error("function {function}, instruction {instruction}: {reason} (at byte {offset})")]
    Instruction {
        /// Index of the function, imports counted.
        function: u32,
        /// Where in the module.
        offset: usize,
        /// Its name.
        instruction: String,
        /// What the validator says.
        reason: String,
    },
    /// An import that the PVM does not provide: the module would not link, called or not.
    #[error("import {module}.{name}: {fault}")]
    Import {
        /// The module that it names.
        module: String,
        /// The name of the import.
        name: String,
        /// What is wrong with it.
        fault: ImportFault,
    },
    /// The PVM wants exactly one memory, defined by the module.
    #[error("the module defines {0} memories instead of one")]
    Memories(u32),
    /// Host functions reach memory through its export.
    #[error("the memory is not exported")]
    MemoryNotExported,
    /// There is no function to run.
    #[error("no exported function kernel_run")]
    EntryMissing,
    /// The function to run has parameters or results.
    #[error("kernel_run has type {found} instead of () -> ()")]
    EntrySignature {
        /// Its type.
        found: String,
    },
    /// A host call in a start function is a failure of the PVM; Rust emits none.
    #[error("the module has a start function")]
    StartFunction,
    /// A custom section in a shipped kernel is bytes paid for and never read.
    #[error("custom section `{0}`: a shipped kernel has none")]
    CustomSection(String),
    /// An installer without its program, or with something after it.
    #[error("the last section of an installer must be its only custom section, `config`")]
    ConfigSection,
    /// The name of an export is longer than the PVM decodes.
    #[error("an export has a name of {size_bytes} bytes; the PVM takes {}", crate::NAME_BYTES_MAX)]
    NameTooLong {
        /// Its size.
        size_bytes: usize,
    },
}

/// What is wrong with an import.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ImportFault {
    /// It is not from the host's module.
    #[error("the PVM provides only the module {}", crate::HOST_MODULE)]
    ForeignModule,
    /// The host's module has no such function in the versions supported.
    #[error("no such host function up to PVM version 2.0.0-r5")]
    Unknown,
    /// A memory, table, global or tag.
    #[error("only functions can be imported")]
    NotAFunction,
    /// The types differ: a link error.
    #[error("its type is {found}, the PVM's {expected}")]
    Signature {
        /// The type of the host function.
        expected: String,
        /// The type that the module gives.
        found: String,
    },
}

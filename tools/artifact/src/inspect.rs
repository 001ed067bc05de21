//! The rules of the PVM that WebAssembly itself does not have, and the measures.

use crate::{
    ArtifactError, ENTRY, HOST_MODULE, HostFunction, ImportFault, NAME_BYTES_MAX, PERMITTED, Purpose,
    PvmVersion, Report, Section, imports::signature,
};
use wasmparser::{
    CompositeInnerType, ExportSectionReader, ExternalKind, FuncType, GlobalSectionReader,
    ImportSectionReader, Payload, TypeRef, TypeSectionReader, ValType,
};

/// What is known of a module while its sections pass by.
pub(crate) struct Inspection {
    purpose: Purpose,
    /// Number of instructions in the functions checked so far.
    pub(crate) operators: u64,
    sections: Vec<Section>,
    /// Function types by index; other types keep their place.
    types: Vec<Option<FuncType>>,
    /// The type index of each function, imports first.
    functions: Vec<u32>,
    imports: Vec<&'static HostFunction>,
    memories: u32,
    memory_pages: u64,
    memory_is_exported: bool,
    entry: Option<u32>,
    /// Custom sections seen, and whether the last section is the installer's program.
    customs: u32,
    ends_with_config: bool,
}

impl Inspection {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            operators: 0,
            sections: Vec::new(),
            types: Vec::new(),
            functions: Vec::new(),
            imports: Vec::new(),
            memories: 0,
            memory_pages: 0,
            memory_is_exported: false,
            entry: None,
            customs: 0,
            ends_with_config: false,
        }
    }

    /// Takes the next part of the module.
    pub(crate) fn section(&mut self, payload: &Payload<'_>) -> Result<(), ArtifactError> {
        if let Some(name) = section_name(payload) {
            let size_bytes = payload.as_section().map_or(0, |(_, range)| range.len());
            self.sections.push(Section { name, size_bytes });
            self.ends_with_config = false;
        }
        match payload {
            Payload::TypeSection(reader) => self.types(reader),
            Payload::ImportSection(reader) => self.imports(reader),
            Payload::FunctionSection(reader) => {
                for function in reader.clone() {
                    self.functions.push(function.map_err(malformed)?);
                }
                Ok(())
            }
            Payload::MemorySection(reader) => {
                self.memories = reader.count();
                if self.memories > 1 {
                    return Err(ArtifactError::Memories(self.memories));
                }
                for memory in reader.clone() {
                    self.memory_pages = memory.map_err(malformed)?.initial;
                }
                Ok(())
            }
            Payload::GlobalSection(reader) => globals(reader),
            Payload::ExportSection(reader) => self.exports(reader),
            Payload::StartSection { .. } => Err(ArtifactError::StartFunction),
            Payload::CustomSection(reader) => self.custom(reader.name()),
            _ => Ok(()),
        }
    }

    fn types(&mut self, reader: &TypeSectionReader<'_>) -> Result<(), ArtifactError> {
        let types = reader.clone().into_iter().flat_map(|group| match group {
            Ok(group) => group.into_types().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        });
        for (index, sub_type) in (0..).zip(types) {
            let function = match sub_type.map_err(malformed)?.composite_type.inner {
                CompositeInnerType::Func(function) => Some(function),
                // The validator refuses it: the feature is off.
                _ => None,
            };
            if let Some(function) = &function {
                let all = function.params().iter().chain(function.results());
                refuse_floats("type", index, all)?;
            }
            self.types.push(function);
        }
        Ok(())
    }

    fn imports(&mut self, reader: &ImportSectionReader<'_>) -> Result<(), ArtifactError> {
        for import in reader.clone().into_imports() {
            let import = import.map_err(malformed)?;
            let fault = |fault| ArtifactError::Import {
                module: import.module.to_owned(),
                name: import.name.to_owned(),
                fault,
            };
            if import.module != HOST_MODULE {
                return Err(fault(ImportFault::ForeignModule));
            }
            let TypeRef::Func(index) = import.ty else {
                return Err(fault(ImportFault::NotAFunction));
            };
            let host = PERMITTED.iter().find(|host| host.name == import.name);
            let host = host.ok_or_else(|| fault(ImportFault::Unknown))?;
            let expected = signature(host.parameters, host.results);
            let found = self.signature_of_type(index);
            if found != expected {
                return Err(fault(ImportFault::Signature { expected, found }));
            }
            self.functions.push(index);
            self.imports.push(host);
        }
        Ok(())
    }

    fn exports(&mut self, reader: &ExportSectionReader<'_>) -> Result<(), ArtifactError> {
        for export in reader.clone() {
            let export = export.map_err(malformed)?;
            if export.name.len() > NAME_BYTES_MAX {
                return Err(ArtifactError::NameTooLong { size_bytes: export.name.len() });
            }
            match export.kind {
                ExternalKind::Memory => self.memory_is_exported = true,
                ExternalKind::Func if export.name == ENTRY => self.entry = Some(export.index),
                _ => {}
            }
        }
        Ok(())
    }

    fn custom(&mut self, name: &str) -> Result<(), ArtifactError> {
        self.customs += 1;
        match self.purpose {
            Purpose::Kernel => Err(ArtifactError::CustomSection(name.to_owned())),
            Purpose::Upgrade => Ok(()),
            Purpose::Installer => {
                self.ends_with_config = name == "config";
                Ok(())
            }
        }
    }

    fn signature_of_type(&self, index: u32) -> String {
        match self.types.get(index as usize) {
            Some(Some(function)) => signature(function.params(), function.results()),
            _ => "not a function".to_owned(),
        }
    }

    /// Checks what needs the whole module.
    pub(crate) fn finish(self, size_bytes: usize) -> Result<Report, ArtifactError> {
        if self.memories != 1 {
            return Err(ArtifactError::Memories(self.memories));
        }
        if !self.memory_is_exported {
            return Err(ArtifactError::MemoryNotExported);
        }
        let entry = self.entry.ok_or(ArtifactError::EntryMissing)?;
        let entry_type = self.functions.get(entry as usize).ok_or(ArtifactError::EntryMissing)?;
        let found = self.signature_of_type(*entry_type);
        if found != signature(&[], &[]) {
            return Err(ArtifactError::EntrySignature { found });
        }
        if self.purpose == Purpose::Installer && !(self.customs == 1 && self.ends_with_config) {
            return Err(ArtifactError::ConfigSection);
        }
        // A module has at most 2^32 functions, and the imports are some of them.
        let functions = u32::try_from(self.functions.len() - self.imports.len()).unwrap_or(u32::MAX);
        Ok(Report {
            size_bytes,
            sections: self.sections,
            pvm_version: self.imports.iter().map(|import| import.since).max().unwrap_or(PvmVersion::V0),
            imports: self.imports,
            functions,
            operators: self.operators,
            memory_pages: self.memory_pages,
        })
    }
}

fn globals(reader: &GlobalSectionReader<'_>) -> Result<(), ArtifactError> {
    for (index, global) in (0..).zip(reader.clone()) {
        let content = global.map_err(malformed)?.ty.content_type;
        refuse_floats("global", index, [&content])?;
    }
    Ok(())
}

fn refuse_floats<'a>(
    section: &'static str,
    index: u32,
    types: impl IntoIterator<Item = &'a ValType>,
) -> Result<(), ArtifactError> {
    let float = |value_type: &&ValType| matches!(value_type, ValType::F32 | ValType::F64 | ValType::V128);
    match types.into_iter().find(float) {
        None => Ok(()),
        Some(value_type) => {
            Err(ArtifactError::ValueType { section, index, value_type: value_type.to_string() })
        }
    }
}

/// The name of the section that a part of a module is; `None` for parts of sections and the header.
pub(crate) fn section_name(payload: &Payload<'_>) -> Option<String> {
    let name = match payload {
        Payload::TypeSection(_) => "type",
        Payload::ImportSection(_) => "import",
        Payload::FunctionSection(_) => "function",
        Payload::TableSection(_) => "table",
        Payload::MemorySection(_) => "memory",
        Payload::TagSection(_) => "tag",
        Payload::GlobalSection(_) => "global",
        Payload::ExportSection(_) => "export",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "element",
        Payload::DataCountSection { .. } => "data count",
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) => "data",
        Payload::CustomSection(reader) => reader.name(),
        _ => return None,
    };
    Some(name.to_owned())
}

fn malformed(error: wasmparser::BinaryReaderError) -> ArtifactError {
    ArtifactError::Malformed { offset: error.offset(), reason: error.message().to_owned() }
}

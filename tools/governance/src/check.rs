//! Is this a kernel that one can vote for? What can be told from its pages alone.
//!
//! Three judges look at it, each with its own code: the kernel that runs (`millrace_upgrade`, by way of the engine), which
//! refuses it with an event; the PVM (`millrace_pvm::accept`), which would go back to the kernel before; and the stricter
//! check of what Millrace ships (`millrace_artifact`), which also knows the types of host functions and what the fast
//! executor of Octez lacks. What a kernel does, nobody can tell from its bytes: [`crate::rehearsal`].

use crate::pages::Pages;
use blake2::{Blake2b, Digest as _, digest::consts::U32};
use millrace_artifact::{ArtifactError, Purpose, Report};
use millrace_engine::standing::{Refusal, check_module};
use millrace_layout::version::{self, StorageVersion};
use millrace_primitives::{Blake2bHash, PreimageHash};
use millrace_pvm::{Preimages, Refused, Shape, Version, accept};
use serde_json::{Value, json};
use std::{fmt, io};

/// Missing pages that are listed as text; all are in the JSON.
const LISTED_MAX: usize = 20;
/// Bytes of a page of memory.
const MEMORY_PAGE_BYTES: u64 = 65_536;

/// What to check.
pub struct Proposed<'a> {
    /// The root of its pages: what governance votes on.
    pub root_hash: PreimageHash,
    /// Where its pages are.
    pub preimages: &'a dyn Preimages,
    /// The version of the PVM that will run it.
    pub version: Version,
    /// The kernel that it is said to be.
    pub expected: Option<&'a [u8]>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct KernelCheck {
    /// The root of its pages.
    pub root_hash: PreimageHash,
    /// Its pages.
    pub pages: Pages,
    /// The version of the PVM that it was held against.
    pub version: Version,
    /// What is known of its bytes; `None` when not all are there.
    pub module: Option<Module>,
}

/// What is known of the bytes of a kernel.
#[derive(Clone, Debug)]
pub struct Module {
    /// Their number.
    pub size_bytes: usize,
    /// Their Blake2b-256.
    pub digest: Blake2bHash,
    /// Why the kernel that runs refuses it.
    pub refusal: Option<Refusal>,
    /// What the PVM makes of it.
    pub accepted: Result<Shape, Refused>,
    /// Imports that the version of the PVM lacks: it would not link.
    pub unknown_imports: Vec<String>,
    /// What the strict check makes of it.
    pub strict: Result<Report, ArtifactError>,
    /// The fingerprint of the sources that it says it was made of.
    pub sources: Option<String>,
    /// The layout that it says it works on.
    pub layout: Option<StorageVersion>,
    /// Whether it is the kernel that was expected, if one was.
    pub is_expected: Option<bool>,
}

/// A reason not to vote for it, or to look twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody has this many pages: every rollup node stands still until it has them.
    Missing(usize),
    /// In place of so many pages there is something else.
    Corrupt(usize),
    /// The kernel that runs refuses it.
    Refused(Refusal),
    /// The PVM does not decode it.
    Undecodable(Refused),
    /// The PVM does not link it.
    UnknownImport(String),
    /// Not every executor runs it.
    Strict(ArtifactError),
    /// It is another kernel than the one in the file.
    Unexpected,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(count) => {
                write!(f, "{count} pages are missing: rollup nodes stand still until somebody publishes them")
            }
            Self::Corrupt(count) => write!(f, "{count} pages are not what their names say"),
            Self::Refused(refusal) => write!(f, "the kernel that runs refuses it: {refusal}"),
            Self::Undecodable(refused) => {
                write!(f, "the PVM goes back to the kernel before it (reason 9): {refused}")
            }
            Self::UnknownImport(name) => {
                write!(f, "the PVM goes back to the kernel before it (reason 9): it has no import {name}")
            }
            Self::Strict(error) => write!(f, "not every executor of the PVM runs it: {error}"),
            Self::Unexpected => f.write_str("it is another kernel than the one in the file"),
        }
    }
}

impl KernelCheck {
    /// Fetches the pages of a kernel and looks at what they make up.
    ///
    /// # Errors
    /// The source of the pages cannot be read.
    pub fn of(proposed: &Proposed<'_>) -> io::Result<Self> {
        let pages = Pages::collect(proposed.root_hash, proposed.preimages)?;
        let module = pages.are_whole().then(|| Module::of(&pages.contents, proposed));
        Ok(Self { root_hash: proposed.root_hash, pages, version: proposed.version, module })
    }

    /// All that is wrong with it; nothing when it can be voted for, as far as its bytes tell.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self.pages.missing.len() {
            0 => {}
            count => faults.push(Fault::Missing(count)),
        }
        match self.pages.corrupt.len() {
            0 => {}
            count => faults.push(Fault::Corrupt(count)),
        }
        faults.extend(self.pages.refusal.map(Fault::Refused));
        if let Some(module) = &self.module {
            module.faults(&mut faults);
        }
        faults
    }

    /// All of it.
    pub fn to_json(&self) -> Value {
        let names = |names: &std::collections::BTreeSet<PreimageHash>| {
            names.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let faults: Vec<_> = self.faults().iter().map(ToString::to_string).collect();
        json!({
            "root_hash": self.root_hash.to_string(),
            "is_good": faults.is_empty(),
            "faults": faults,
            "pages": self.pages.count,
            "missing_pages": names(&self.pages.missing),
            "corrupt_pages": names(&self.pages.corrupt),
            "pvm_version": self.version.as_str(),
            "kernel": self.module.as_ref().map(Module::to_json),
        })
    }
}

impl Module {
    fn of(wasm: &[u8], proposed: &Proposed<'_>) -> Self {
        let accepted = accept(wasm);
        let imports = accepted.as_ref().map(|shape| shape.imports.as_slice()).unwrap_or_default();
        let lacks = |import: &&millrace_pvm::Import| {
            import.module != millrace_artifact::HOST_MODULE
                || !import.is_function
                || !proposed.version.has_import(&import.name)
        };
        let unknown_imports =
            imports.iter().filter(lacks).map(|import| format!("{}.{}", import.module, import.name)).collect();
        Self {
            size_bytes: wasm.len(),
            digest: Blake2bHash::new(Blake2b::<U32>::digest(wasm).into()),
            refusal: check_module(wasm).err(),
            accepted,
            unknown_imports,
            strict: millrace_artifact::check(wasm, Purpose::Upgrade),
            sources: millrace_engine::sources_mark(wasm),
            layout: millrace_engine::layout_mark(wasm),
            is_expected: proposed.expected.map(|expected| expected == wasm),
        }
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        faults.extend(self.refusal.map(Fault::Refused));
        if let Err(refused) = &self.accepted {
            faults.push(Fault::Undecodable(refused.clone()));
        }
        faults.extend(self.unknown_imports.iter().cloned().map(Fault::UnknownImport));
        if let Err(error) = &self.strict {
            faults.push(Fault::Strict(error.clone()));
        }
        if self.is_expected == Some(false) {
            faults.push(Fault::Unexpected);
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "size_bytes": self.size_bytes,
            "blake2b": self.digest.to_string(),
            "sources": self.sources,
            "storage_version": self.layout.map(|layout| layout.0),
            "imports": self.strict.as_ref().ok().map(|report| {
                report.imports.iter().map(|import| import.name).collect::<Vec<_>>()
            }),
            "needs_pvm": self.strict.as_ref().ok().map(|report| report.pvm_version.to_string()),
            "memories": self.accepted.as_ref().ok().map(|shape| shape.memories),
            "memory_pages": self.strict.as_ref().ok().map(|report| report.memory_pages),
            "equals_file": self.is_expected,
        })
    }

    fn layout_text(&self) -> String {
        match self.layout {
            None => "not said in its bytes: a rehearsal shows it".into(),
            Some(layout) if layout == version::CURRENT => {
                format!("{}, as in this program: no migration from there", layout.0)
            }
            Some(layout) => format!("{}; this program knows {}", layout.0, version::CURRENT.0),
        }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "size             {} bytes", self.size_bytes)?;
        writeln!(f, "Blake2b          {}", self.digest)?;
        let sources = self.sources.as_deref().unwrap_or("not said in its bytes");
        writeln!(f, "sources          {sources}")?;
        writeln!(f, "storage version  {}", self.layout_text())?;
        if let Ok(report) = &self.strict {
            let memory_kib = report.memory_pages * (MEMORY_PAGE_BYTES / 1_024);
            writeln!(f, "memory           one, {memory_kib} KiB at its start")?;
            writeln!(f, "needs PVM        {} or later", report.pvm_version)?;
            let imports: Vec<_> = report.imports.iter().map(|import| import.name).collect();
            writeln!(f, "imports          {}", imports.join(" "))?;
            let sections: Vec<_> = report
                .sections
                .iter()
                .map(|section| format!("{} {}", section.name, section.size_bytes))
                .collect();
            writeln!(f, "sections, bytes  {}", sections.join(", "))?;
        }
        match self.is_expected {
            None => Ok(()),
            Some(true) => writeln!(f, "file             the same, byte for byte"),
            Some(false) => writeln!(f, "file             another kernel"),
        }
    }
}

impl fmt::Display for KernelCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel           {}", self.root_hash)?;
        writeln!(f, "pages            {}", self.pages.count)?;
        writeln!(f, "held against     PVM {}", self.version.as_str())?;
        if let Some(module) = &self.module {
            module.fmt(f)?;
        }
        for (what, names) in [("missing", &self.pages.missing), ("corrupt", &self.pages.corrupt)] {
            for name in names.iter().take(LISTED_MAX) {
                writeln!(f, "{what} page     {name}")?;
            }
            if let Some(more) = names.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
                writeln!(f, "{what}          and {more} more")?;
            }
        }
        let faults = self.faults();
        faults.iter().try_for_each(|fault| writeln!(f, "FAULT: {fault}"))?;
        if faults.is_empty() {
            writeln!(f, "Nothing is wrong with its bytes.")?;
            writeln!(
                f,
                "What it does, `millrace governance rehearse` shows; that it was made of the sources that it"
            )?;
            writeln!(f, "names, `millrace kernel verify` shows by building it again.")?;
        }
        Ok(())
    }
}

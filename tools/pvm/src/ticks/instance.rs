//! The ticks of making an instance of a module.

/// Evaluating a constant expression, beside its operators.
const CONSTANT: u64 = 8;
/// An operator, and an entry of the code that initialises (see [`super::charge`]).
const OPERATOR: u64 = 6;
const ENTRY: u64 = 3;
/// A byte or an element of an active segment.
const PER_ITEM: u64 = 7 * OPERATOR;
/// From the last operator of initialisation to the end of it.
pub(super) const FINISH: u64 = 6;
/// From the operator before last of a segment that does not fit to the error.
const MISFIT: u64 = 3 * ENTRY + super::TRAP;

/// What an instance is made of.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) types: u64,
    pub(super) imports: u64,
    pub(super) functions: u64,
    /// Elements of each.
    pub(super) tables: Vec<u64>,
    /// Bytes of each.
    pub(super) memories: Vec<u64>,
    pub(super) globals: u64,
    /// In the initial values of globals.
    pub(super) global_operators: u64,
    pub(super) exports: u64,
    pub(super) elements: Vec<Segment>,
    pub(super) data: Vec<Segment>,
    pub(super) has_start: bool,
}

/// A segment of elements or data.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segment {
    /// Elements or bytes.
    pub(super) size: u64,
    /// In the expressions of elements.
    pub(super) operators: u64,
    /// In the expression that says where an active segment goes.
    pub(super) offset_operators: Option<u64>,
    /// Its value.
    pub(super) offset: u64,
    /// The table or memory that it goes to.
    pub(super) into: usize,
    pub(super) is_declared: bool,
}

impl Segment {
    /// Entries of the code that initialises.
    fn entries(&self) -> u64 {
        match (self.offset_operators, self.is_declared) {
            (Some(_), _) => 5,
            (None, true) => 1,
            (None, false) => 0,
        }
    }

    /// What executing them takes.
    fn execution(&self) -> u64 {
        let offset = self.offset_operators.map_or(0, |operators| OPERATOR * operators + PER_ITEM * self.size);
        offset + ENTRY * self.entries()
    }
}

impl Instance {
    /// Up to where the exports have been looked at.
    pub(super) fn ticks_to_exports(&self) -> u64 {
        let globals = 2 * self.globals + CONSTANT * self.globals + OPERATOR * self.global_operators;
        let imports = self.imports;
        // A section is mapped, three ticks a thing, and joined to what was imported.
        let aggregate = |mapping: u64, imported: u64, own: u64| mapping + 1 + imported + own + 1;
        1 + (imports + 1)
            + (self.types + 1)
            + aggregate(3 * self.functions, imports, self.functions)
            + aggregate(globals, 0, self.globals)
            + aggregate(3 * self.tables.len() as u64, 0, self.tables.len() as u64)
            + aggregate(3 * self.memories.len() as u64, 0, self.memories.len() as u64)
            + (self.exports + 1)
    }

    /// From there to the end.
    pub(super) fn ticks_from_exports(&self) -> u64 {
        let execution: u64 = self.elements.iter().chain(&self.data).map(Segment::execution).sum();
        self.ticks_to_execution() + execution + ENTRY * u64::from(self.has_start) + FINISH
    }

    /// From there to where a segment does not fit.
    pub(super) fn ticks_from_exports_to_misfit(&self) -> u64 {
        let elements = self.elements.iter().map(|segment| (segment, &self.tables));
        let data = self.data.iter().map(|segment| (segment, &self.memories));
        let mut execution = 0;
        for (segment, places) in elements.chain(data) {
            if let Some(operators) = segment.offset_operators
                && segment.offset + segment.size > places.get(segment.into).copied().unwrap_or(0)
            {
                return self.ticks_to_execution() + execution + OPERATOR * operators + ENTRY + MISFIT;
            }
            execution += segment.execution();
        }
        self.ticks_from_exports()
    }

    fn ticks_to_execution(&self) -> u64 {
        let constants: u64 = self
            .elements
            .iter()
            .map(|segment| 2 + (2 + CONSTANT) * segment.size + OPERATOR * segment.operators)
            .sum();
        let joined = |segments: &[Segment]| {
            let lengths: Vec<u64> = segments.iter().map(Segment::entries).collect();
            segments.len() as u64 + 1 + join(&lengths) + 1
        };
        let entries = |segments: &[Segment]| segments.iter().map(Segment::entries).sum::<u64>();
        let start = u64::from(self.has_start);
        let parts = [entries(&self.elements), entries(&self.data), start];
        constants
            + 1
            + (self.data.len() as u64 + 1)
            + joined(&self.elements)
            + joined(&self.data)
            + (join(&parts) + 1)
    }
}

/// Joins lists one after the other, copying what it has each time.
fn join(lengths: &[u64]) -> u64 {
    if lengths.len() < 2 {
        return lengths.len() as u64;
    }
    let mut joined = 0;
    let copies: u64 = lengths
        .iter()
        .enumerate()
        .map(|(index, length)| {
            joined += length;
            if index == 0 { 0 } else { joined }
        })
        .sum();
    lengths.len() as u64 + copies
}

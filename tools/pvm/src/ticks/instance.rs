//! The ticks of making an instance of a module.

/// Evaluating a constant expression, beside its operators.
const CONSTANT: u64 = 8;
/// An operator, and an entry of the code that initialises (see [`super::charge`]).
const OPERATOR: u64 = 6;
const ENTRY: u64 = 3;
/// A byte or an element of an active segment.
const PER_ITEM: u64 = 7 * OPERATOR;
/// From the last operator of initialisation to the end of it.
const FINISH: u64 = 6;

/// What an instance is made of.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) types: u64,
    pub(super) imports: u64,
    pub(super) functions: u64,
    pub(super) tables: u64,
    pub(super) memories: u64,
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
            + aggregate(3 * self.tables, 0, self.tables)
            + aggregate(3 * self.memories, 0, self.memories)
            + (self.exports + 1)
    }

    /// From there to the end.
    pub(super) fn ticks_from_exports(&self) -> u64 {
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
        let execution: u64 = self.elements.iter().chain(&self.data).map(Segment::execution).sum();
        constants
            + 1
            + (self.data.len() as u64 + 1)
            + joined(&self.elements)
            + joined(&self.data)
            + (join(&parts) + 1)
            + (execution + ENTRY * start)
            + FINISH
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

//! Where the operators of a run go: stacks of calls with names, as collapsed text and as a flame graph.
//!
//! An operator is an instruction of wasm but for `block`, `loop`, `else`, `end` and `nop`. The counts are a property of the kernel
//! and its input: two profiles of the same run are equal, on any machine.
//!
//! **Bounds**: those of [`millrace_pvm::Profile`]; [`TEXT_BYTES_MAX`].

mod svg;
mod symbols;

pub(crate) use svg::flame_graph;
pub(crate) use symbols::Symbols;

use millrace_pvm::{Frame, Profile};
use std::collections::BTreeMap;

/// Bytes of collapsed stacks that are written; the text says so when there were more.
pub const TEXT_BYTES_MAX: usize = 256 << 20;

/// Stacks of one or several runs, each after the one below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stacks {
    nodes: Vec<Stack>,
    index: BTreeMap<(Option<usize>, String), usize>,
}

/// A stack of calls: that of its parent, and one more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stack {
    parent: Option<usize>,
    name: String,
    calls: u64,
    operators: u64,
    ticks: u64,
}

/// What stacks are weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Operators,
    Ticks,
}

/// A function over all stacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) calls: u64,
    /// In itself.
    pub(crate) operators: u64,
    /// In itself and what it called, recursion counted once.
    pub(crate) operators_inclusive: u64,
}

impl Stacks {
    /// Adds the stacks of a run.
    pub(crate) fn add(&mut self, profile: &Profile, symbols: &Symbols) {
        let mut places = Vec::with_capacity(profile.nodes.len());
        for node in &profile.nodes {
            let parent = node.parent.and_then(|parent| places.get(parent).copied());
            let name = match node.frame {
                Frame::Function(function) => symbols.name(function),
                // Octez has no name for what is outside of the kernel.
                Frame::Host(name) => format!("host::{name}"),
            };
            let place = self.place(parent, name);
            let stack = &mut self.nodes[place];
            stack.calls = stack.calls.saturating_add(node.calls);
            stack.operators = stack.operators.saturating_add(node.operators);
            stack.ticks = stack.ticks.saturating_add(node.ticks);
            places.push(place);
        }
    }

    fn place(&mut self, parent: Option<usize>, name: String) -> usize {
        let key = (parent, name);
        if let Some(place) = self.index.get(&key) {
            return *place;
        }
        self.nodes.push(Stack { parent, name: key.1.clone(), calls: 0, operators: 0, ticks: 0 });
        self.index.insert(key, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Operators of all stacks.
    pub(crate) fn operators(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, stack| sum.saturating_add(stack.operators))
    }

    /// Operators of each stack with all above it.
    fn totals(&self) -> Vec<u64> {
        let mut totals: Vec<u64> = self.nodes.iter().map(|stack| stack.operators).collect();
        for (index, stack) in self.nodes.iter().enumerate().rev() {
            if let Some(parent) = stack.parent {
                totals[parent] = totals[parent].saturating_add(totals[index]);
            }
        }
        totals
    }

    fn path(&self, mut place: usize) -> String {
        let mut names = vec![self.nodes[place].name.as_str()];
        while let Some(parent) = self.nodes[place].parent {
            names.push(&self.nodes[parent].name);
            place = parent;
        }
        names.reverse();
        names.join(";")
    }

    /// A line a stack, in the order in which they came up: names from the outermost, `;` between them, and what it took.
    pub(crate) fn collapsed(&self, unit: Unit) -> String {
        let mut text = String::new();
        let weight = |stack: &Stack| match unit {
            Unit::Operators => stack.operators,
            Unit::Ticks => stack.ticks,
        };
        for (place, stack) in self.nodes.iter().enumerate().filter(|(_, stack)| weight(stack) > 0) {
            if text.len() > TEXT_BYTES_MAX {
                text.push_str("more_stacks_than_fit 0\n");
                break;
            }
            text.push_str(&format!("{} {}\n", self.path(place), weight(stack)));
        }
        text
    }

    /// Functions by what they took themselves, the most first; then by name.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let totals = self.totals();
        let mut functions: BTreeMap<&str, Function> = BTreeMap::new();
        for (place, stack) in self.nodes.iter().enumerate() {
            let function = functions.entry(&stack.name).or_default();
            function.calls = function.calls.saturating_add(stack.calls);
            function.operators = function.operators.saturating_add(stack.operators);
            if !self.is_within(place) {
                function.operators_inclusive = function.operators_inclusive.saturating_add(totals[place]);
            }
        }
        let mut functions: Vec<_> = functions
            .into_iter()
            .map(|(name, function)| Function { name: name.to_owned(), ..function })
            .collect();
        functions.sort_by_key(|function| std::cmp::Reverse(function.operators));
        functions
    }

    /// Whether the same function is further down on the stack.
    fn is_within(&self, place: usize) -> bool {
        let name = &self.nodes[place].name;
        let mut below = self.nodes[place].parent;
        while let Some(parent) = below {
            if self.nodes[parent].name == *name {
                return true;
            }
            below = self.nodes[parent].parent;
        }
        false
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use millrace_pvm::ProfileNode;

    pub(crate) fn stacks() -> Stacks {
        let node = |parent, frame, calls, operators| ProfileNode {
            parent,
            frame,
            calls,
            operators,
            ticks: 6 * operators,
        };
        let profile = Profile {
            nodes: vec![
                node(None, Frame::Function(1), 1, 10),
                node(Some(0), Frame::Function(2), 2, 5),
                node(Some(1), Frame::Function(1), 1, 7),
                node(Some(1), Frame::Host("store_has"), 3, 0),
            ],
            folded_calls: 0,
        };
        let mut stacks = Stacks::default();
        stacks.add(&profile, &Symbols::default());
        stacks
    }

    #[test]
    fn stacks_are_collapsed_and_runs_added_up() {
        let mut twice = stacks();
        let lines = "function[1] 10\nfunction[1];function[2] 5\nfunction[1];function[2];function[1] 7\n";
        assert_eq!(twice.collapsed(Unit::Operators), lines);
        let lines = "function[1] 60\nfunction[1];function[2] 30\nfunction[1];function[2];function[1] 42\n";
        assert_eq!(twice.collapsed(Unit::Ticks), lines);
        let profile = Profile {
            nodes: vec![ProfileNode {
                parent: None,
                frame: Frame::Function(1),
                calls: 1,
                operators: 1,
                ticks: 0,
            }],
            folded_calls: 0,
        };
        twice.add(&profile, &Symbols::default());
        assert_eq!((twice.operators(), twice.nodes.len()), (23, 4));
    }

    #[test]
    fn recursion_counts_once_for_a_function() {
        let functions = stacks().functions();
        let shown: Vec<_> = functions
            .iter()
            .map(|f| (f.name.as_str(), f.calls, f.operators, f.operators_inclusive))
            .collect();
        assert_eq!(
            shown,
            [("function[1]", 2, 17, 22), ("function[2]", 2, 5, 12), ("host::store_has", 3, 0, 0)]
        );
    }
}

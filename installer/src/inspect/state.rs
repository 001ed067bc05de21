//! What a program leaves in durable storage.

use super::{
    Fault, Instruction, Pages,
    pages::{Revealed, reveal},
};
use millrace_layout::pvm::READ_ONLY;
use millrace_primitives::PreimageHash;
use std::collections::BTreeMap;

/// A value in durable storage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// What the pages of this root hold, as far as they are at hand.
    Revealed(PreimageHash, Revealed),
}

impl Content {
    /// The bytes, as far as they are known.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Revealed(_, revealed) => revealed.contents.as_deref(),
        }
    }
}

/// Values by their paths.
pub(super) type State = BTreeMap<String, Content>;

/// Runs the instructions as the installer kernel does, and notes what goes wrong.
pub(super) fn run(instructions: &[Instruction], pages: Pages<'_>) -> (State, Vec<Fault>) {
    let (mut state, mut faults) = (State::new(), Vec::new());
    for (number, instruction) in (1..).zip(instructions) {
        match instruction {
            Instruction::Set { value, to } => {
                write(&mut state, number, to, Content::Bytes(value.clone()), &mut faults);
            }
            Instruction::Reveal { hash, to } => {
                let content = Content::Revealed(*hash, reveal(pages, hash));
                write(&mut state, number, to, content, &mut faults);
            }
            Instruction::Move { from, to } => relocate(&mut state, number, (from, to), &mut faults),
            // Noted when it was read. Nothing after it is executed, but it is shown.
            Instruction::Unknown { .. } => {}
        }
    }
    (state, faults)
}

fn is_read_only(path: &str) -> bool {
    is_below(path, READ_ONLY.as_str())
}

/// Whether a path is `root` or below it.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn write(state: &mut State, number: usize, to: &str, content: Content, faults: &mut Vec<Fault>) {
    if is_read_only(to) {
        faults.push(Fault::ReadOnly { number, path: to.to_owned() });
        return;
    }
    let content = match (state.get(to), content) {
        (None, content) => content,
        (Some(before), content) => {
            faults.push(Fault::WrittenTwice { number, path: to.to_owned() });
            overlaid(before, content)
        }
    };
    state.insert(to.to_owned(), content);
}

/// Values are written from their first byte on: of a longer one before, the rest stays.
fn overlaid(before: &Content, after: Content) -> Content {
    let (Some(before), Some(bytes)) = (before.bytes(), after.bytes()) else { return after };
    match before.get(bytes.len()..) {
        Some(rest) if !rest.is_empty() => Content::Bytes([bytes, rest].concat()),
        _ => after,
    }
}

/// Moves a value and all below it; what was there before is gone.
fn relocate(state: &mut State, number: usize, (from, to): (&str, &str), faults: &mut Vec<Fault>) {
    for path in [from, to] {
        if is_read_only(path) {
            faults.push(Fault::ReadOnly { number, path: path.to_owned() });
            return;
        }
    }
    let moved: Vec<String> = state.keys().filter(|path| is_below(path, from)).cloned().collect();
    if moved.is_empty() {
        faults.push(Fault::NothingToMove { number, path: from.to_owned() });
        return;
    }
    let taken: Vec<(String, Content)> = moved
        .iter()
        .filter_map(|path| Some((format!("{to}{}", path.strip_prefix(from)?), state.remove(path)?)))
        .collect();
    state.retain(|path, _| !is_below(path, to));
    state.extend(taken);
}

//! Where two modules part.

use crate::inspect::section_name;
use std::fmt;
use std::ops::Range;
use wasmparser::{Parser, Payload};

/// The first difference between two modules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The section, or `code, function N` with N counted from the first that the module defines; `module` when one of
    /// them is no WebAssembly.
    pub place: String,
    /// Where in that place, in bytes.
    pub offset_bytes: usize,
    /// Its size in the first module; `None` when the first has no such place.
    pub first_size_bytes: Option<usize>,
    /// Its size in the second module.
    pub second_size_bytes: Option<usize>,
    /// Places that differ, this one included.
    pub places: usize,
}

/// Compares two modules, section by section and function by function; `None` when they are the same.
pub fn first_difference(first: &[u8], second: &[u8]) -> Option<Difference> {
    if first == second {
        return None;
    }
    let (Some(pieces), Some(others)) = (pieces(first), pieces(second)) else {
        return Some(Difference {
            place: "module".to_owned(),
            offset_bytes: common_bytes(first, second),
            first_size_bytes: Some(first.len()),
            second_size_bytes: Some(second.len()),
            places: 1,
        });
    };
    let none = Piece::default();
    let pairs = (0..pieces.len().max(others.len()))
        .map(|index| (pieces.get(index).unwrap_or(&none), others.get(index).unwrap_or(&none)));
    let bytes =
        |module: &'_ [u8], piece: &Piece| module.get(piece.range.clone()).unwrap_or_default().to_vec();
    let differ = |(a, b): &(&Piece, &Piece)| a.place != b.place || bytes(first, a) != bytes(second, b);
    let mut different = pairs.filter(differ);
    let (a, b) = different.next()?;
    let place = if a.place.is_empty() { &b.place } else { &a.place };
    let size_bytes = |piece: &Piece| (piece.place == *place).then_some(piece.range.len());
    Some(Difference {
        place: place.clone(),
        offset_bytes: if a.place == b.place { common_bytes(&bytes(first, a), &bytes(second, b)) } else { 0 },
        first_size_bytes: size_bytes(a),
        second_size_bytes: size_bytes(b),
        places: 1 + different.count(),
    })
}

/// A part of a module that has a name.
#[derive(Default)]
struct Piece {
    place: String,
    range: Range<usize>,
}

/// The sections of a module, the code by functions; `None` when it is no WebAssembly.
fn pieces(module: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut functions = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        match &payload {
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                pieces.push(Piece { place: format!("code, function {functions}"), range: body.range() });
                functions += 1;
            }
            payload => {
                if let (Some(place), Some((_, range))) = (section_name(payload), payload.as_section()) {
                    pieces.push(Piece { place, range });
                }
            }
        }
    }
    Some(pieces)
}

fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |size_bytes: Option<usize>| {
            size_bytes.map_or_else(|| "not there".to_owned(), |size_bytes| format!("{size_bytes} bytes"))
        };
        write!(
            f,
            "{}, at byte {} ({} against {}; {} places differ)",
            self.place,
            self.offset_bytes,
            size(self.first_size_bytes),
            size(self.second_size_bytes),
            self.places
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(first: &str, second: &str, text: &str) -> Vec<u8> {
        let module = format!(
            r#"(module (memory 1) (func (drop (i32.const {first}))) (func (drop (i32.const {second})))
            (data (i32.const 0) "{text}"))"#
        );
        wat::parse_str(module).unwrap()
    }

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let ours = module("1", "2", "same");
        assert_eq!(first_difference(&ours, &ours), None);
        let place = |theirs: &[u8]| {
            let difference = first_difference(&ours, theirs).unwrap();
            (difference.place, difference.places)
        };
        assert_eq!(place(&module("1", "3", "same")), ("code, function 1".to_owned(), 1));
        assert_eq!(place(&module("7", "3", "other")), ("code, function 0".to_owned(), 3));
        let data = first_difference(&ours, &module("1", "2", "sane")).unwrap();
        assert_eq!((data.place.as_str(), data.first_size_bytes), ("data", data.second_size_bytes));
        // Count, memory index, expression of three bytes, length, two letters.
        assert_eq!(data.offset_bytes, 8);
    }

    #[test]
    fn a_section_that_only_one_has_is_named() {
        let ours = module("1", "2", "same");
        let custom = [&ours[..], &[0, 4, 3, b'a', b'b', b'c']].concat();
        let difference = first_difference(&ours, &custom).unwrap();
        assert_eq!((difference.place.as_str(), difference.first_size_bytes), ("abc", None));
        assert!(difference.to_string().contains("not there against"), "{difference}");
        assert_eq!(first_difference(&custom, &ours).unwrap().second_size_bytes, None);
    }

    #[test]
    fn what_is_no_module_is_compared_as_bytes() {
        let ours = module("1", "2", "same");
        for theirs in [&b""[..], b"\0as", &ours[..ours.len() - 1], b"\0asm\x01\0\0\0\x01\xff"] {
            let difference = first_difference(&ours, theirs).unwrap();
            assert_eq!(difference.place, "module");
            assert_eq!(difference.second_size_bytes, Some(theirs.len()));
        }
    }
}

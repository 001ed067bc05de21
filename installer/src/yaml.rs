//! YAML as a tree that knows where everything stands.
//!
//! Parameters need little of YAML: maps, lists and scalars. Anchors, aliases, tags and several documents are refused, since
//! what cannot be seen where it takes effect has no place in a file that decides about a rollup.
//!
//! **Bounds**: [`TEXT_BYTES_MAX`], [`DEPTH_MAX`].

use crate::error::{Fault, ParameterError, Place};
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::collections::BTreeMap;

/// Longest text in bytes: more than an installer can carry, written as hexadecimal digits.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting; parameters need five levels.
const DEPTH_MAX: usize = 16;

/// Something in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) content: Content,
}

/// What stands somewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// An empty place, `~` or `null`.
    Nothing,
    /// Text, with the spelling it has; `is_plain` without quotes.
    Scalar { text: String, is_plain: bool },
    /// Items in their order.
    List(Vec<Node>),
    /// Entries in their order, each key once.
    Map(Vec<(Key, Node)>),
}

/// The key of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// Reads one document.
///
/// # Errors
/// [`Fault::Syntax`], [`Fault::Duplicate`].
pub(crate) fn parse(text: &str) -> Result<Node, ParameterError> {
    let start = Place { line: 1, column: 1 };
    if text.len() > TEXT_BYTES_MAX {
        return Err(syntax(start, format!("larger than {TEXT_BYTES_MAX} bytes")));
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let mut events = Events(Parser::new_from_str_with_options(text, options));
    let mut root = None;
    while let Some((event, place)) = events.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => return Err(syntax(place, "a second document")),
            event => root = Some(events.node(event, place, 0)?),
        }
    }
    Ok(root.unwrap_or(Node { place: start, content: Content::Nothing }))
}

fn syntax(place: Place, reason: impl Into<String>) -> ParameterError {
    ParameterError::new("", Fault::Syntax(reason.into())).at(place)
}

/// What the parser says, one event after another.
struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Place)>, ParameterError> {
        let scanned = |error: ScanError| syntax(place(error.marker()), format!("no YAML: {}", error.info()));
        let Some((event, Span { start, .. })) = self.0.next_event().transpose().map_err(scanned)? else {
            return Ok(None);
        };
        Ok(Some((event, place(&start))))
    }

    /// The event within a document that is not over.
    fn within(&mut self) -> Result<(Event<'a>, Place), ParameterError> {
        let end = || syntax(Place { line: 1, column: 1 }, "no YAML: it ends too early");
        self.next()?.ok_or_else(end)
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, ParameterError> {
        if depth > DEPTH_MAX {
            return Err(syntax(place, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let content = match event {
            Event::Scalar(text, style, 0, None) => {
                let is_plain = style == ScalarStyle::Plain;
                match text.as_ref() {
                    "" | "~" | "null" if is_plain => Content::Nothing,
                    text => Content::Scalar { text: text.to_owned(), is_plain },
                }
            }
            Event::SequenceStart(_, 0, None) => Content::List(self.list(depth)?),
            Event::MappingStart(_, 0, None) => Content::Map(self.map(depth)?),
            Event::Alias(_)
            | Event::Scalar(_, _, _, None)
            | Event::SequenceStart(_, _, None)
            | Event::MappingStart(_, _, None) => {
                return Err(syntax(
                    place,
                    "anchors and aliases are not understood here: write the value out",
                ));
            }
            _ => return Err(syntax(place, "tags are not understood here")),
        };
        Ok(Node { place, content })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, ParameterError> {
        let mut items = Vec::new();
        loop {
            match self.within()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, ParameterError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        loop {
            let (text, place) = match self.within()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, _, 0, None), place) => (text.into_owned(), place),
                (_, place) => return Err(syntax(place, "a key must be plain text")),
            };
            if let Some(first) = seen.insert(text.clone(), place) {
                return Err(ParameterError::new(text, Fault::Duplicate { first }).at(place));
            }
            let (event, value_place) = self.within()?;
            let value = self.node(event, value_place, depth + 1)?;
            entries.push((Key { place, text }, value));
        }
    }
}

/// The parser counts lines from 1 and columns from 0.
fn place(marker: &granit_parser::Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

//! From the tree of a text to values of the right types.

use super::{Field, Form, Kind, ROOT, below, etherlink, names, table};
use crate::{
    error::{Fault, ParameterError, Place},
    yaml::{Content, Key, Node},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most bytes of a value that a message repeats.
const SHOWN_BYTES_MAX: usize = 80;

/// Where each parameter of a text stands.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<String, (Place, Place)>);

impl Places {
    fn note(&mut self, path: &str, key: Place, value: Place) {
        self.0.insert(path.to_owned(), (key, value));
    }

    /// The error at the place of its parameter, or of the section that it is missing in.
    pub(crate) fn locate(&self, error: ParameterError) -> ParameterError {
        let mut path = error.field.as_str();
        loop {
            if let Some((key, value)) = self.0.get(path) {
                let is_about_key = path == error.field && error.is_about_key();
                let place = if is_about_key { *key } else { *value };
                return error.at(place);
            }
            if path.is_empty() {
                return error;
            }
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        }
    }
}

/// Checks names and types, and answers the values with the place of each.
///
/// # Errors
/// The first [`ParameterError`], with its place.
pub(crate) fn read(root: &Node) -> Result<(Value, Places), ParameterError> {
    let mut places = Places::default();
    places.note("", root.place, root.place);
    let value = value("", &ROOT, root, &mut places)?;
    Ok((value, places))
}

fn value(path: &str, kind: &Kind, node: &Node, places: &mut Places) -> Result<Value, ParameterError> {
    let unexpected = || {
        let fault = Fault::Expected { expected: kind.expected(), found: found(kind, &node.content) };
        ParameterError::new(path, fault).at(node.place)
    };
    match (kind, &node.content) {
        (Kind::Section(fields) | Kind::AmountOr(fields), Content::Map(entries)) => {
            section(path, fields, entries, places)
        }
        // A section of which every line is a comment.
        (Kind::Section(_) | Kind::Map { .. }, Content::Nothing) => Ok(Value::Object(Map::new())),
        (Kind::List { .. }, Content::Nothing) => Ok(Value::Array(vec![])),
        (Kind::Map { value: kind, .. }, Content::Map(entries)) => {
            let mut map = Map::new();
            for (key, node) in entries {
                let path = below(path, &key.text);
                places.note(&path, key.place, node.place);
                map.insert(key.text.clone(), value(&path, kind, node, places)?);
            }
            Ok(Value::Object(map))
        }
        (Kind::List { item, .. }, Content::List(nodes)) => {
            let mut items = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let path = format!("{path}[{index}]");
                places.note(&path, node.place, node.place);
                items.push(value(&path, item, node, places)?);
            }
            Ok(Value::Array(items))
        }
        (kind, Content::Scalar { text, is_plain }) => scalar(kind, text, *is_plain).ok_or_else(unexpected),
        _ => Err(unexpected()),
    }
}

/// A scalar as a value of the kind; `None` when it is none.
fn scalar(kind: &Kind, text: &str, is_plain: bool) -> Option<Value> {
    match kind {
        Kind::Flag => match text {
            "true" if is_plain => Some(Value::Bool(true)),
            "false" if is_plain => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Number { .. } => {
            let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && !has_leading_zero(text);
            let number = text.parse::<u64>().ok().filter(|_| is_plain && is_decimal)?;
            Some(Value::from(number))
        }
        Kind::Word(words) => words.contains(&text).then(|| Value::from(text)),
        Kind::Amount | Kind::AmountOr(_) | Kind::Text(_) => Some(Value::from(text)),
        Kind::List { .. } | Kind::Map { .. } | Kind::Section(_) => None,
    }
}

/// Octal to some who read YAML, decimal to others.
fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn section(
    path: &str,
    fields: &[Field],
    entries: &[(Key, Node)],
    places: &mut Places,
) -> Result<Value, ParameterError> {
    let mut map = Map::new();
    for (key, node) in entries {
        let path_of_entry = below(path, &key.text);
        let Some(field) = fields.iter().find(|field| field.name == key.text) else {
            let hint = hint(path, fields, &key.text);
            return Err(ParameterError::new(path_of_entry, Fault::UnknownKey { hint }).at(key.place));
        };
        places.note(&path_of_entry, key.place, node.place);
        map.insert(key.text.clone(), value(&path_of_entry, &field.kind, node, places)?);
    }
    for field in fields.iter().filter(|field| !map.contains_key(field.name)) {
        if let Some(question) = field.required {
            let missing = ParameterError::new(below(path, field.name), Fault::Missing(question));
            return Err(places.locate(missing));
        }
    }
    Ok(Value::Object(map))
}

/// What stands there, for a message.
fn found(kind: &Kind, content: &Content) -> String {
    match content {
        Content::Nothing => "nothing: leave the line out for the default".to_owned(),
        Content::List(_) => "a list".to_owned(),
        Content::Map(_) => "a section".to_owned(),
        Content::Scalar { text, is_plain } => {
            let shown: String = text.chars().take(SHOWN_BYTES_MAX).collect();
            let dots = if shown.len() < text.len() { "…" } else { "" };
            if let Kind::Word(words) = kind
                && let Some(word) = nearest(text, words.iter().copied())
            {
                return format!("{shown:?}{dots}; did you mean {word}?");
            }
            if *is_plain { format!("{shown}{dots}") } else { format!("the text {shown:?}{dots}") }
        }
    }
}

/// What somebody who wrote an unknown key may have meant.
fn hint(path: &str, fields: &[Field], name: &str) -> String {
    if let Some(hint) = etherlink::hint(name) {
        return hint;
    }
    if let Some(known) = nearest(name, fields.iter().map(|field| field.name)) {
        return format!("did you mean {known}?");
    }
    let mut elsewhere = Vec::new();
    paths("", table::ROOT, &mut elsewhere);
    let is_namesake = |other: &&String| other.rsplit('.').next() == Some(name);
    if let Some(other) = elsewhere.iter().find(is_namesake) {
        return format!("{other} is what there is");
    }
    let place = if path.is_empty() { "there are".to_owned() } else { format!("{path} has") };
    format!("{place} {}", names(fields))
}

/// The paths of all parameters in sections.
pub(super) fn paths(path: &str, fields: &[Field], all: &mut Vec<String>) {
    for field in fields {
        let path = below(path, field.name);
        if let Kind::Section(fields) = field.kind {
            paths(&path, fields, all);
        }
        all.push(path);
    }
}

/// The name that differs least, if it differs by little: a third of its letters, letters next to each other that were
/// exchanged counted once.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Long texts are no slips, and the comparison takes quadratic time.
    if name.len() > SHOWN_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase().replace('-', "_");
    let distances = names.map(|known| (strsim::osa_distance(&name, known), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (known.len() / 3).max(1)).then_some(known)
}

/// The forms of texts.
pub(super) mod form {
    use super::Form;

    pub(crate) const KEY: Form = Form {
        words: "a public key edpk…, sppk… or p2pk…",
        pattern: "^(edpk|sppk|p2pk)[1-9A-HJ-NP-Za-km-z]+$",
    };
    pub(crate) const SEQUENCER: Form = Form {
        words: "a public key edpk…, sppk… or p2pk…, or nobody",
        pattern: "^((edpk|sppk|p2pk)[1-9A-HJ-NP-Za-km-z]+|nobody)$",
    };
    pub(crate) const CONTRACT: Form =
        Form { words: "a contract KT1…", pattern: "^KT1[1-9A-HJ-NP-Za-km-z]{33}$" };
    pub(crate) const PUBLISHER: Form = Form {
        words: "an account tz1…, tz2…, tz3… or tz4…",
        pattern: "^tz[1-4][1-9A-HJ-NP-Za-km-z]{33}$",
    };
    pub(crate) const ADDRESS: Form = Form { words: "addresses 0x…", pattern: "^0x[0-9a-fA-F]{40}$" };
    pub(crate) const POOL: Form = Form { words: "an address 0x…", pattern: "^0x[0-9a-fA-F]{40}$" };
    pub(crate) const CODE: Form =
        Form { words: "0x and hexadecimal digits", pattern: "^0x([0-9a-fA-F]{2})+$" };
    pub(crate) const SLOT: Form = Form { words: "slots 0x…", pattern: "^0x[0-9a-fA-F]{1,64}$" };
    pub(crate) const WORD: Form =
        Form { words: "0x and up to 64 hexadecimal digits", pattern: "^0x[0-9a-fA-F]{1,64}$" };
}

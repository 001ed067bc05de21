//! Which parameters there are: their names, types and ranges, in one table.
//!
//! From it come the check of a text ([`read`]), the check of ranges ([`check`]), the JSON schema for editors
//! ([`json_schema`]) and, by its tests, the tables of `docs/installer.md`. A test holds it against the types that the text is
//! read into: neither has a key that the other lacks.

mod etherlink;
mod json_schema;
#[cfg(test)]
mod page;
mod read;
mod table;
#[cfg(test)]
mod tests;

pub use json_schema::json_schema;
pub(crate) use read::read;

use crate::error::{Fault, ParameterError};
use millrace_layout::catalog::Entry;
use serde_json::Value;

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number, bounds included.
    Number { min: u64, max: u64 },
    /// An amount of wei: `1 gwei`.
    Amount,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text of a form.
    Text(Form),
    /// At most so many of something.
    List { item: &'static Kind, most: usize },
    /// Something by keys of a form.
    Map { key: Form, value: &'static Kind },
    /// Parameters by their names.
    Section(&'static [Field]),
    /// An amount, or parameters by their names.
    AmountOr(&'static [Field]),
}

/// What a text looks like. Whether it is one, with checksum and curve, is for who reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// In words, after "expected".
    pub(crate) words: &'static str,
    /// As a regular expression of ECMA 262, for editors.
    pub(crate) pattern: &'static str,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
    /// What it means, in a sentence or two.
    pub(crate) text: &'static str,
    /// The durable key that it goes into.
    pub(crate) key: Entry,
    /// What is asked when its section lacks it; `None` when it may.
    pub(crate) required: Option<&'static str>,
}

/// All parameters.
pub(crate) const ROOT: Kind = Kind::Section(table::ROOT);

impl Kind {
    /// In words, after "expected".
    fn expected(&self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Amount => "an amount such as 1 gwei".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Text(form) => form.words.to_owned(),
            Self::List { .. } => "a list".to_owned(),
            Self::Map { key, .. } => format!("entries by {}", key.words),
            Self::Section(fields) => format!("a section with {}", names(fields)),
            Self::AmountOr(fields) => {
                format!("an amount such as 1 ether, or a section with {}", names(fields))
            }
        }
    }
}

/// The names of parameters, for messages.
fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// `name` within `path`.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Checks the ranges of numbers and the lengths of lists, wherever the parameters come from.
///
/// # Errors
/// [`Fault::Expected`], [`Fault::Range`].
pub(crate) fn check(parameters: &Value) -> Result<(), ParameterError> {
    check_at("", &ROOT, parameters)
}

fn check_at(path: &str, kind: &Kind, value: &Value) -> Result<(), ParameterError> {
    match (kind, value) {
        (Kind::Number { min, max }, Value::Number(number)) => {
            if number.as_u64().is_some_and(|number| (*min..=*max).contains(&number)) {
                return Ok(());
            }
            let fault = Fault::Expected { expected: kind.expected(), found: number.to_string() };
            Err(ParameterError::new(path, fault))
        }
        (Kind::List { item, most }, Value::Array(items)) => {
            if items.len() > *most {
                let (value, reason) = (format!("{} items", items.len()), format!("at most {most}"));
                return Err(ParameterError::new(path, Fault::Range { value, reason }));
            }
            (0..)
                .zip(items)
                .try_for_each(|(index, one): (usize, _)| check_at(&format!("{path}[{index}]"), item, one))
        }
        (Kind::Map { value: kind, .. }, Value::Object(entries)) => {
            entries.iter().try_for_each(|(name, one)| check_at(&below(path, name), kind, one))
        }
        (Kind::Section(fields) | Kind::AmountOr(fields), Value::Object(entries)) => fields
            .iter()
            .filter_map(|field| Some((field, entries.get(field.name)?)))
            .try_for_each(|(field, one)| check_at(&below(path, field.name), &field.kind, one)),
        _ => Ok(()),
    }
}

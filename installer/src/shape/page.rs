//! The tables of `docs/installer.md`.

use super::{
    Field, Kind, below,
    etherlink::{self, Here},
    table,
};
use crate::Parameters;
use serde_json::Value;
use std::fmt::Write as _;

/// The table of all parameters, and that of Etherlink's parameters that have no counterpart, as Markdown.
pub(super) fn page() -> String {
    // Maps have text keys and nothing else can fail.
    let defaults = serde_json::to_value(Parameters::new("")).unwrap_or_default();
    let mut page = String::from(
        "| parameter | value | default | durable key | since | Etherlink's |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    rows("", table::ROOT, Some(&defaults), &mut page);
    page.push_str("\n| Etherlink's | why it is not here |\n| --- | --- |\n");
    for (theirs, here) in etherlink::ALL {
        if let Here::Nothing(why) = here {
            let _ = writeln!(page, "| `{theirs}` | {why} |");
        }
    }
    page
}

fn rows(path: &str, fields: &[Field], defaults: Option<&Value>, page: &mut String) {
    for field in fields {
        let path = below(path, field.name);
        let default = defaults.and_then(|defaults| defaults.get(field.name));
        match field.kind {
            Kind::Section(fields) => rows(&path, fields, default, page),
            Kind::Map { value: Kind::Section(fields) | Kind::AmountOr(fields), .. } => {
                row(&path, field, default, page);
                rows(&format!("{path}.<address>"), fields, None, page);
            }
            _ => row(&path, field, default, page),
        }
    }
}

fn row(path: &str, field: &Field, default: Option<&Value>, page: &mut String) {
    let theirs: Vec<String> = etherlink::ALL
        .iter()
        .filter(|(_, here)| matches!(here, Here::Parameter(ours) if *ours == path))
        .map(|(theirs, _)| format!("`{theirs}`"))
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "| `{path}` | {} | {} | `{}` | {} | {} |",
        value(&field.kind),
        shown(default, path),
        field.key.pattern,
        field.key.since,
        if theirs.is_empty() { "–".to_owned() } else { theirs.join(", ") }
    );
}

/// What may stand there.
fn value(kind: &Kind) -> String {
    match kind {
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Flag => "true, false".to_owned(),
        Kind::Word(words) => words.join(", "),
        Kind::Amount => "amount".to_owned(),
        Kind::List { item, most } => format!("list of at most {most}: {}", value(item)),
        Kind::Text(form) => form.words.to_owned(),
        Kind::Map { key, .. } => format!("by {}", key.words),
        Kind::Section(_) | Kind::AmountOr(_) => "section".to_owned(),
    }
}

fn shown(default: Option<&Value>, path: &str) -> String {
    match (default, path) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(Value::Array(items)), _) if items.is_empty() => "none".to_owned(),
        (Some(Value::Object(entries)), _) if entries.is_empty() => "none".to_owned(),
        (Some(value), _) => value.to_string(),
        (None, "sequencer" | "committee.members" | "committee.quorum") => "one of both".to_owned(),
        (None, "genesis.contracts.<address>.code") => "required".to_owned(),
        (None, "genesis.contracts.<address>.nonce") => "1".to_owned(),
        (None, path) if path.ends_with(".balance") || path.ends_with(".nonce") => "0".to_owned(),
        (None, _) => "none".to_owned(),
    }
}

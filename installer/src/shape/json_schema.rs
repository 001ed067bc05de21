//! The table as a JSON schema, for editors.

use super::{Field, Form, Kind, table};
use crate::Parameters;
use serde_json::{Map, Value, json};

/// What an amount looks like.
const AMOUNT_PATTERN: &str = r"^[0-9][0-9_]*(\.[0-9_]+)?\s*(wei|gwei|ether)?$";

/// The JSON schema (draft 7) of a file of parameters. An editor uses it by the first line
/// `# yaml-language-server: $schema=rollup.schema.json`.
pub fn json_schema() -> Value {
    // Maps have text keys and nothing else can fail.
    let defaults = serde_json::to_value(Parameters::new("")).unwrap_or_default();
    let mut schema = section(table::ROOT, Some(&defaults));
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Parameters of a Millrace rollup");
    schema["oneOf"] = json!([{ "required": ["sequencer"] }, { "required": ["committee"] }]);
    schema
}

/// Parameters by their names, with their defaults as far as they have some.
fn section(fields: &[Field], defaults: Option<&Value>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let default = defaults.and_then(|defaults| defaults.get(field.name));
        let mut schema = kind(&field.kind, default);
        schema["description"] = json!(field.text);
        if !matches!(field.kind, Kind::Section(_)) {
            schema["$comment"] = json!(format!("goes into {}", field.key.pattern));
        }
        if let (Some(default), false) = (default, matches!(field.kind, Kind::Section(_))) {
            schema["default"] = default.clone();
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({ "type": ["object", "null"], "additionalProperties": false });
    schema["properties"] = Value::Object(properties);
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required.is_some()).map(|field| field.name).collect();
    if !required.is_empty() {
        schema["type"] = json!("object");
        schema["required"] = json!(required);
    }
    schema
}

fn kind(kind: &Kind, default: Option<&Value>) -> Value {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        // 0 and 5 are amounts too, and numbers to who reads YAML.
        Kind::Amount => json!({ "type": ["string", "integer"], "pattern": AMOUNT_PATTERN, "minimum": 0 }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Text(form) => text(form),
        Kind::List { item, most } => {
            let item = self::kind(item, None);
            json!({ "type": ["array", "null"], "items": item, "maxItems": most, "uniqueItems": true })
        }
        Kind::Map { key, value } => json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": key.pattern },
            "additionalProperties": self::kind(value, None),
        }),
        Kind::Section(fields) => section(fields, default),
        Kind::AmountOr(fields) => {
            let mut longer = section(fields, None);
            longer["type"] = json!("object");
            json!({ "anyOf": [self::kind(&Kind::Amount, None), longer] })
        }
    }
}

fn text(form: &Form) -> Value {
    json!({ "type": "string", "pattern": form.pattern })
}

//! As much of JSON schema as the OpenAPI file of Octez uses.

use serde_json::Value;
use std::collections::BTreeSet;

/// The OpenAPI file.
pub(crate) struct OpenApi {
    document: Value,
}

impl OpenApi {
    /// The one that comes with this crate.
    pub(crate) fn vendored() -> Self {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/octez-smart-rollup-node.json");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { document: serde_json::from_slice(&bytes).unwrap() }
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// All methods and paths, the latter with their parameters in braces.
    pub(crate) fn operations(&self) -> BTreeSet<(String, String)> {
        let mut operations = BTreeSet::new();
        for (path, methods) in self.document["paths"].as_object().expect("there are paths") {
            let methods = methods.as_object().expect("a path has methods").keys();
            operations.extend(methods.map(|method| (method.clone(), path.clone())));
        }
        operations
    }

    /// What is wrong with an answer to `method` `path` (with its parameters in braces).
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Value) -> Result<(), String> {
        let operation = &self.document["paths"][path][method];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} is not in the OpenAPI file");
        self.fits(schema, answer).map_err(|wrong| format!("{method} {path}: {wrong} in {answer}"))
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/components/schemas/").expect("references are to components");
            return self.fits(&self.document["components"]["schemas"][name], value);
        }
        if value.is_null() && schema["nullable"] == true {
            return Ok(());
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let wrongs: Vec<_> = choices.iter().filter_map(|choice| self.fits(choice, value).err()).collect();
            // Octez says `oneOf` of choices that overlap, strings above all: any one will do.
            if wrongs.len() == choices.len() {
                return Err(format!("no choice fits: {wrongs:?}"));
            }
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            return Err(format!("{value} is none of {values:?}"));
        }
        self.fits_type(schema, value)
    }

    fn fits_type(&self, schema: &Value, value: &Value) -> Result<(), String> {
        match schema["type"].as_str() {
            None => Ok(()),
            Some("boolean") if value.is_boolean() => Ok(()),
            Some("number") if value.is_number() => Ok(()),
            Some("string") => {
                let text = value.as_str().ok_or_else(|| format!("{value} is no string"))?;
                match schema["pattern"].as_str() {
                    None => Ok(()),
                    Some("^([a-zA-Z0-9][a-zA-Z0-9])*$") => {
                        let fits =
                            text.len() % 2 == 0 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                        fits.then_some(()).ok_or_else(|| format!("{text:?} is not hexadecimal"))
                    }
                    Some(pattern) => panic!("unknown pattern {pattern}"),
                }
            }
            Some("integer") => {
                let number = value.as_i64().ok_or_else(|| format!("{value} is no integer"))?;
                let minimum = schema["minimum"].as_i64().unwrap_or(i64::MIN);
                let maximum = schema["maximum"].as_i64().unwrap_or(i64::MAX);
                (minimum..=maximum)
                    .contains(&number)
                    .then_some(())
                    .ok_or_else(|| format!("{number} is out of range"))
            }
            Some("array") => {
                let items = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
                items.iter().try_for_each(|item| self.fits(&schema["items"], item))
            }
            Some("object") => self.fits_object(schema, value),
            Some(other) => Err(format!("{value} is no {other}")),
        }
    }

    fn fits_object(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("names are strings");
            if !object.contains_key(name) {
                return Err(format!("{name} is missing"));
            }
        }
        let empty = serde_json::Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        for (name, field) in object {
            match properties.get(name) {
                Some(schema) => self.fits(schema, field).map_err(|wrong| format!("{name}: {wrong}"))?,
                None => return Err(format!("{name} is not in the schema")),
            }
        }
        Ok(())
    }
}

#[test]
fn the_checker_notices_what_does_not_fit() {
    let document = serde_json::json!({
        "components": { "schemas": { "hex": { "type": "string", "pattern": "^([a-zA-Z0-9][a-zA-Z0-9])*$" } } },
        "paths": { "/x": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {
            "type": "object",
            "required": ["level"],
            "properties": {
                "level": { "type": "integer", "minimum": 0, "maximum": 9 },
                "bytes": { "nullable": true, "oneOf": [{ "$ref": "#/components/schemas/hex" }] },
                "kind": { "oneOf": [{ "enum": ["a"] }, { "type": "array", "items": { "type": "boolean" } }] },
            },
        } } } } } } } },
    });
    let api = OpenApi { document };
    let check = |text: &str| api.check("get", "/x", &serde_json::from_str(text).unwrap()).is_ok();
    for fits in [r#"{"level":0}"#, r#"{"level":9,"bytes":"00"}"#, r#"{"level":1,"bytes":null,"kind":[true]}"#]
    {
        assert!(check(fits), "{fits}");
    }
    for wrong in [
        "null",
        "[]",
        "{}",
        r#"{"level":"0"}"#,
        r#"{"level":10}"#,
        r#"{"level":0,"bytes":"0"}"#,
        r#"{"level":0,"other":1}"#,
        r#"{"level":0,"kind":"b"}"#,
        r#"{"level":0,"kind":[1]}"#,
    ] {
        assert!(!check(wrong), "{wrong}");
    }
}

//! Checks replies against the OpenRPC description of the Ethereum methods, all references resolved, which is
//! in `tests/openrpc`. For tests: those of this crate, and those that drive a whole node.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The schemas of the results, by method.
pub struct OpenRpc {
    results: BTreeMap<String, jsonschema::Validator>,
}

impl std::fmt::Debug for OpenRpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenRpc").field("methods", &self.results.len()).finish()
    }
}

/// Why a description cannot be used, or a reply does not conform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// The file cannot be read.
    #[error("cannot read the OpenRPC file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The file is not an OpenRPC description; what is wrong with it.
    #[error("not an OpenRPC description: {0}")]
    NotOpenRpc(String),
    /// The description does not have the method.
    #[error("the description does not have the method {0}")]
    UnknownMethod(String),
    /// The result has another shape; each line says what and where.
    #[error("the result of {method} does not conform:\n{}", reasons.join("\n"))]
    Mismatch {
        /// The method.
        method: String,
        /// What is wrong.
        reasons: Vec<String>,
    },
}

impl OpenRpc {
    /// Reads a description.
    ///
    /// # Errors
    /// The file cannot be read, or is not one.
    pub fn load(path: &Path) -> Result<Self, ConformanceError> {
        Self::parse(&std::fs::read(path)?)
    }

    /// Reads a description from memory.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(json: &[u8]) -> Result<Self, ConformanceError> {
        let bad = |what: String| ConformanceError::NotOpenRpc(what);
        let document: Value = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        let methods = document["methods"].as_array().ok_or_else(|| bad("no methods".to_owned()))?;
        let mut results = BTreeMap::new();
        for method in methods {
            let name = method["name"].as_str().ok_or_else(|| bad("a method without a name".to_owned()))?;
            // The methods between a consensus client and an execution client are not for a rollup.
            if name.starts_with("engine_") {
                continue;
            }
            let schema = &method["result"]["schema"];
            let validator =
                jsonschema::validator_for(schema).map_err(|error| bad(format!("{name}: {error}")))?;
            results.insert(name.to_owned(), validator);
        }
        Ok(Self { results })
    }

    /// Reads the description that comes with this crate: its sources must be there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn vendored() -> Result<Self, ConformanceError> {
        Self::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openrpc/ethereum-openrpc.json"))
    }

    /// The methods that it describes.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.results.keys().map(String::as_str)
    }

    /// Whether the description has a method.
    pub fn describes(&self, method: &str) -> bool {
        self.results.contains_key(method)
    }

    /// Checks the `result` of a reply to `method`.
    ///
    /// The description gives filter results as *exactly one* of an array of hashes and an array of logs;
    /// the empty array is both. It is what every node answers, and is taken as conforming.
    ///
    /// # Errors
    /// The method is not described, or the result has another shape.
    pub fn check(&self, method: &str, result: &Value) -> Result<(), ConformanceError> {
        let validator =
            self.results.get(method).ok_or_else(|| ConformanceError::UnknownMethod(method.to_owned()))?;
        let nothing_found = matches!(method, "eth_getLogs" | "eth_getFilterLogs" | "eth_getFilterChanges");
        if nothing_found && result.as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let reasons: Vec<String> = validator
            .iter_errors(result)
            .map(|error| format!("{}: {}", error.instance_path(), error))
            .collect();
        if reasons.is_empty() {
            return Ok(());
        }
        Err(ConformanceError::Mismatch { method: method.to_owned(), reasons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn described() -> OpenRpc {
        let hash = json!({ "type": "string", "pattern": "^0x[0-9a-f]{4}$" });
        let log = json!({ "type": "object", "required": ["address"], "additionalProperties": false,
            "properties": { "address": { "type": "string" } } });
        let logs =
            json!({ "oneOf": [{ "type": "array", "items": hash }, { "type": "array", "items": log }] });
        let document = json!({ "methods": [
            { "name": "eth_blockNumber", "result": { "schema": { "type": "string", "pattern": "^0x[0-9a-f]+$" } } },
            { "name": "eth_getLogs", "result": { "schema": logs } },
        ] });
        OpenRpc::parse(document.to_string().as_bytes()).expect("a description")
    }

    #[test]
    fn results_of_another_shape_are_refused() {
        let openrpc = described();
        assert!(openrpc.check("eth_blockNumber", &json!("0x1f")).is_ok());
        for wrong in [json!("1f"), json!("0xZ"), json!(31), json!(null)] {
            let refusal = openrpc.check("eth_blockNumber", &wrong);
            assert!(matches!(refusal, Err(ConformanceError::Mismatch { .. })), "{wrong}");
        }
        assert!(openrpc.check("eth_getLogs", &json!([])).is_ok());
        assert!(openrpc.check("eth_getLogs", &json!([{ "address": "0x" }])).is_ok());
        assert!(openrpc.check("eth_getLogs", &json!([{ "address": "0x", "more": 1 }])).is_err());
        assert!(openrpc.check("eth_getLogs", &json!([{}])).is_err());
    }

    #[test]
    fn what_is_not_described_is_said_so() {
        let refusal = described().check("eth_nothing", &json!(1));
        assert!(matches!(refusal, Err(ConformanceError::UnknownMethod(method)) if method == "eth_nothing"));
        for document in ["", "{}", r#"{"methods":[{}]}"#] {
            let refusal = OpenRpc::parse(document.as_bytes());
            assert!(matches!(refusal, Err(ConformanceError::NotOpenRpc(_))), "{document:?}");
        }
    }
}

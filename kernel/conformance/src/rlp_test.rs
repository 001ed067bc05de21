//! RLPTests: a value and its one encoding, or bytes that are none.

use crate::read;
use millrace_evm::rlp::{self, Item, Reader, RlpError};
use num_bigint::BigUint;
use serde_json::Value;

/// What an encoding is to be.
#[derive(Debug)]
enum Expected {
    /// It is this value's.
    Encodes(Tree),
    /// It is some value's.
    Valid,
    /// It is no value's.
    Invalid,
}

/// An RLP value.
#[derive(PartialEq, Eq, Debug)]
enum Tree {
    Text(Vec<u8>),
    List(Vec<Tree>),
}

/// A case of RLPTests.
#[derive(Debug)]
pub struct RlpTest {
    expected: Expected,
    encoded: Vec<u8>,
}

impl RlpTest {
    /// Reads `{ "in": value | "VALID" | "INVALID", "out": "0x…" }`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(test: &Value) -> Result<Self, String> {
        let out = test.get("out").and_then(Value::as_str).ok_or("\"out\" is no text")?;
        let encoded = read::bytes(out).map_err(|error| error.to_string())?;
        let expected = match test.get("in") {
            Some(Value::String(text)) if text == "VALID" => Expected::Valid,
            Some(Value::String(text)) if text == "INVALID" => Expected::Invalid,
            Some(value) => Expected::Encodes(tree(value)?),
            None => return Err("there is no \"in\"".to_owned()),
        };
        Ok(Self { expected, encoded })
    }

    /// Runs it.
    ///
    /// # Errors
    /// What differs.
    pub fn run(&self) -> Result<(), String> {
        let decoded = decode(&self.encoded);
        match (&self.expected, decoded) {
            (Expected::Invalid, Err(_)) | (Expected::Valid, Ok(_)) => Ok(()),
            (Expected::Invalid, Ok(_)) => Err("decoded, though it is invalid".to_owned()),
            (_, Err(error)) => Err(format!("refused: {error:?}")),
            (Expected::Encodes(value), Ok(decoded)) => {
                if decoded != *value {
                    return Err(format!("decoded to {decoded:?}"));
                }
                let mut encoded = Vec::new();
                encode(value, &mut encoded);
                let differs = || format!("encoded to 0x{}", hex::encode(&encoded));
                if encoded == self.encoded { Ok(()) } else { Err(differs()) }
            }
        }
    }
}

/// Texts are bytes, or a number in decimal after `#`; numbers are without leading zeros.
fn tree(value: &Value) -> Result<Tree, String> {
    match value {
        Value::String(text) => match text.strip_prefix('#') {
            Some(digits) => integer(digits).map(Tree::Text),
            None => Ok(Tree::Text(text.as_bytes().to_vec())),
        },
        Value::Number(number) => integer(&number.to_string()).map(Tree::Text),
        Value::Array(items) => Ok(Tree::List(items.iter().map(tree).collect::<Result<_, _>>()?)),
        other => Err(format!("{other} has no RLP")),
    }
}

fn integer(digits: &str) -> Result<Vec<u8>, String> {
    let number =
        BigUint::parse_bytes(digits.as_bytes(), 10).ok_or_else(|| format!("{digits} is no number"))?;
    Ok(if number == BigUint::ZERO { Vec::new() } else { number.to_bytes_be() })
}

/// The one item that these bytes are.
fn decode(bytes: &[u8]) -> Result<Tree, RlpError> {
    let mut reader = Reader::new(bytes);
    let tree = next(&mut reader)?;
    reader.finish()?;
    Ok(tree)
}

/// As deep as the bytes nest: a fixture is small against [`crate::runner::STACK_BYTES`].
fn next(reader: &mut Reader<'_>) -> Result<Tree, RlpError> {
    match reader.item()? {
        Item::Text(text) => Ok(Tree::Text(text.to_vec())),
        Item::List(mut items) => {
            let mut list = Vec::new();
            while !items.is_done() {
                list.push(next(&mut items)?);
            }
            Ok(Tree::List(list))
        }
    }
}

fn encode(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Text(text) => rlp::write_text(out, text),
        Tree::List(items) => {
            let mut content = Vec::new();
            items.iter().for_each(|item| encode(item, &mut content));
            rlp::write_list_header(out, content.len());
            out.extend_from_slice(&content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(input: Value, out: &str) -> Result<(), String> {
        RlpTest::parse(&json!({ "in": input, "out": out }))?.run()
    }

    #[test]
    fn values_are_compared_both_ways() {
        assert_eq!(run(json!(["cat", ["#1000", 0]]), "0xc983636174c48203e880"), Ok(()));
        assert_eq!(run(json!("dog"), "0x83646f67"), Ok(()));
        assert!(run(json!("cat"), "0x83646f67").is_err());
        assert!(run(json!("VALID"), "0x83646f").is_err());
        assert_eq!(run(json!("INVALID"), "0x8100"), Ok(()));
        assert!(run(json!("INVALID"), "0x00").is_err());
        assert!(run(json!({}), "0x00").is_err());
    }
}

//! The file of inputs: the messages of each level.
//!
//! A list of levels, each a list of messages: `{"payload": "Pair …", "sender"?, "source"?, "destination"?}`,
//! `{"external": "hex"}`, or `{"serialized": "hex"}` for a whole message with its tags. Source: Octez's debugger.

use crate::error::{DebuggerError, read_file};
use crate::micheline::{Expression, SyntaxFault};
use millrace_primitives::{ContractHash, RollupAddress};
use millrace_pvm::inputs::{INPUT_BYTES_MAX, Transfer, external, transfer};
use millrace_wire::address::{Curve, PublicKeyHash};
use millrace_wire::base58::{Base58Check, TextError};
use serde::Deserialize;
use std::path::Path;

/// Bytes of the largest file.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// The messages of a level, whole, without those that begin and end it.
pub type Inbox = Vec<Vec<u8>>;

/// What is wrong with inputs.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// Not JSON of this form.
    #[error("not a list of lists of messages: {0}")]
    Json(#[from] serde_json::Error),
    /// A message is not what it should be.
    #[error("level {level}, message {index}: {fault}")]
    Message {
        /// The level, from 0.
        level: usize,
        /// The place in the level, from 0.
        index: usize,
        /// What is wrong.
        fault: MessageFault,
    },
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// None of the three forms.
    #[error("exactly one of `payload`, `external` and `serialized` is needed")]
    Kind,
    /// A contract or account beside a message that has none.
    #[error("`sender`, `source` and `destination` belong to a `payload`")]
    Parties,
    /// Not hexadecimal digits.
    #[error("not hexadecimal")]
    Hexadecimal,
    /// The payload is no Micheline.
    #[error("payload: {0}")]
    Payload(#[from] SyntaxFault),
    /// An address is none.
    #[error("{member}: {fault}")]
    Address {
        /// The member.
        member: &'static str,
        /// Why.
        fault: TextError,
    },
    /// More than a message of the layer 1 has.
    #[error("{size_bytes} bytes, the layer 1 allows {INPUT_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payload: Option<String>,
    sender: Option<String>,
    source: Option<String>,
    destination: Option<String>,
    external: Option<String>,
    serialized: Option<String>,
}

/// Reads a file of inputs; `rollup` is where messages go that do not say it.
///
/// # Errors
/// [`DebuggerError::File`], [`DebuggerError::TooLarge`], [`DebuggerError::Inputs`].
pub(crate) fn read(path: &Path, rollup: &RollupAddress) -> Result<Vec<Inbox>, DebuggerError> {
    let text = read_file(path, FILE_BYTES_MAX)?;
    parse(&text, rollup).map_err(|fault| DebuggerError::Inputs { path: path.to_owned(), fault })
}

fn parse(text: &[u8], rollup: &RollupAddress) -> Result<Vec<Inbox>, InputFault> {
    let levels: Vec<Vec<Written>> = serde_json::from_slice(text)?;
    let message = |level, index, written: &Written| {
        written.message(rollup).map_err(|fault| InputFault::Message { level, index, fault })
    };
    let inbox = |(level, messages): (usize, &Vec<Written>)| {
        messages.iter().enumerate().map(|(index, written)| message(level, index, written)).collect()
    };
    levels.iter().enumerate().map(inbox).collect()
}

impl Written {
    fn message(&self, rollup: &RollupAddress) -> Result<Vec<u8>, MessageFault> {
        let has_parties = self.sender.is_some() || self.source.is_some() || self.destination.is_some();
        let digits = |text: &str| hex::decode(text).map_err(|_| MessageFault::Hexadecimal);
        let message = match (&self.payload, &self.external, &self.serialized) {
            (Some(payload), None, None) => self.transfer(payload, rollup)?,
            (None, Some(_), None) | (None, None, Some(_)) if has_parties => {
                return Err(MessageFault::Parties);
            }
            (None, Some(text), None) => external(&digits(text)?),
            (None, None, Some(text)) => digits(text)?,
            _ => return Err(MessageFault::Kind),
        };
        if message.len() > INPUT_BYTES_MAX {
            return Err(MessageFault::TooLarge { size_bytes: message.len() });
        }
        Ok(message)
    }

    fn transfer(&self, payload: &str, rollup: &RollupAddress) -> Result<Vec<u8>, MessageFault> {
        let sender = address(self.sender.as_deref(), "sender", ContractHash::new([0; 20]))?;
        let nobody = PublicKeyHash { curve: Curve::Ed25519, hash: [0; 20] };
        let source = address(self.source.as_deref(), "source", nobody)?;
        let destination = address(self.destination.as_deref(), "destination", *rollup)?;
        Ok(transfer(Transfer {
            payload: &Expression::parse(payload)?.encode(),
            sender: sender.as_bytes(),
            source: &source.to_bytes(),
            destination: destination.as_bytes(),
        }))
    }
}

fn address<T: Base58Check>(text: Option<&str>, member: &'static str, default: T) -> Result<T, MessageFault> {
    text.map_or(Ok(default), |text| {
        T::from_base58(text).map_err(|fault| MessageFault::Address { member, fault })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(text: &str) -> Result<Vec<Inbox>, String> {
        parse(text.as_bytes(), &RollupAddress::new([9; 20])).map_err(|fault| fault.to_string())
    }

    #[test]
    fn all_forms_of_messages_are_read() {
        let sender = "KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq";
        let text = format!(
            r#"[[{{"external":"0abc"}}, {{"serialized":"0102"}}], [], [{{"payload":"0"}},
                {{"payload":"Pair Unit False","sender":"{sender}",
                  "source":"tz1RjtZUVeLhADFHDL8UwDZA6vjWWhojpu5w",
                  "destination":"sr1RYurGZtN8KNSpkMcCt9CgWeUaNkzsAfXf"}}]]"#
        );
        let levels = inputs(&text).unwrap();
        assert_eq!(levels[0], [vec![1, 10, 0xbc], vec![1, 2]]);
        assert!(levels[1].is_empty());
        assert_eq!(levels[2][0], [&[0, 0, 0, 0][..], &[0; 20], &[0; 21], &[9; 20]].concat());
        let sender = ContractHash::from_base58(sender).unwrap();
        assert_eq!(levels[2][1].get(8..28), Some(&sender.as_bytes()[..]));
        assert_eq!(levels[2][1].len(), 2 + 6 + 20 + 21 + 20);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let large = format!(r#"[[], [{{"serialized":"{}"}}]]"#, "00".repeat(4_097));
        for (text, expected) in [
            ("{}", "not a list of lists of messages"),
            ("[[{}]]", "level 0, message 0: exactly one of"),
            (r#"[[{"external":"00","payload":"0"}]]"#, "level 0, message 0: exactly one of"),
            (r#"[[{"external":"00","sender":"x"}]]"#, "level 0, message 0: `sender`"),
            (r#"[[],[{"external":"00"},{"external":"0"}]]"#, "level 1, message 1: not hexadecimal"),
            (r#"[[{"external":"00","other":1}]]"#, "not a list of lists of messages: unknown field `other`"),
            (r#"[[{"payload":"Pair 1"#, "not a list of lists of messages: EOF"),
            (r#"[[{"payload":"Pear 1"}]]"#, "level 0, message 0: payload: an unknown primitive at byte 0"),
            (r#"[[{"payload":"0","sender":"KT1"}]]"#, "level 0, message 0: sender: not base58"),
            (&large, "level 1, message 0: 4097 bytes, the layer 1 allows 4096"),
        ] {
            let fault = inputs(text).expect_err(text);
            assert!(fault.starts_with(expected), "{text}: {fault}");
        }
        // serde_json bounds the depth itself.
        assert!(inputs(&"[".repeat(1 << 20)).is_err());
    }
}

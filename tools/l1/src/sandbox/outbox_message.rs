//! Outbox messages of any kind, and their JSON: what a rollup node shows of them, whether a contract here understands them or
//! not (`sc_rollup_outbox_message_repr.ml`).
//!
//! ```text
//! 00 | size u32 | transactions                        untyped: parameters, destination 22, entrypoint size u32 + text
//! 01 | size u32 | transactions                        typed: parameters, their type, destination 22, entrypoint
//! 02 | 00, or ff | size u32 | public key hashes, 21   nobody but these may stake, or anybody
//! 03 | size u32 | text                                a signal for governance
//! ```

use super::codec::{Damaged, Reader};
use super::micheline;
use millrace_wire::address::{PublicKeyHash, contract_from_bytes};
use millrace_wire::base58::Base58Check as _;
use serde_json::{Map, Value, json};

/// Bytes of the longest name of an entrypoint (protocol constant).
const ENTRYPOINT_BYTES_MAX: usize = 31;
/// The entrypoint that JSON leaves out.
const DEFAULT_ENTRYPOINT: &str = "default";

/// An outbox message.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum OutboxMessage {
    /// Calls of contracts that succeed together.
    Transactions {
        /// Whether the parameters come with their type.
        is_typed: bool,
        /// Each as both forms of JSON have it.
        calls: Vec<Value>,
    },
    /// Who may stake on the rollup; `None` for everybody.
    Whitelist(Option<Vec<String>>),
    /// A signal for governance.
    Signal(Value),
}

impl OutboxMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Damaged`]: it can never be executed.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let message = match reader.u8()? {
            tag @ (0 | 1) => {
                Self::Transactions { is_typed: tag == 1, calls: calls(reader.string()?, tag == 1)? }
            }
            2 => Self::Whitelist(whitelist(&mut reader)?),
            3 => Self::Signal(micheline::universal(reader.string()?)),
            _ => return Err(Damaged),
        };
        reader.end()?;
        Ok(message)
    }

    /// As the protocol writes it: in the outbox of a level, and in the output of a simulation.
    pub(super) fn protocol_json(&self) -> Value {
        match self {
            Self::Transactions { is_typed, calls } => {
                json!({ "transactions": calls, "kind": if *is_typed { "typed" } else { "untyped" } })
            }
            Self::Whitelist(Some(keys)) => json!({ "whitelist": keys, "kind": "whitelist_update" }),
            Self::Whitelist(None) => json!({ "kind": "whitelist_update" }),
            Self::Signal(payload) => json!({ "payload": payload, "kind": "canonical_rollup_signal" }),
        }
    }

    /// As the rollup node writes it: in a block, and among the messages that wait for their execution.
    pub(super) fn node_json(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Transactions { calls, .. } => ("transactions", json!(calls)),
            Self::Whitelist(keys) => ("whitelist_update", json!(keys)),
            Self::Signal(payload) => ("canonical_rollup_signal", payload.clone()),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

fn calls(bytes: &[u8], is_typed: bool) -> Result<Vec<Value>, Damaged> {
    let mut reader = Reader::new(bytes);
    let mut calls = Vec::new();
    while !reader.is_empty() {
        let mut call = Map::new();
        call.insert("parameters".to_owned(), micheline::read(&mut reader)?);
        if is_typed {
            call.insert("parameters_ty".to_owned(), micheline::read(&mut reader)?);
        }
        let destination = contract_from_bytes(&reader.fixed::<22>()?).ok_or(Damaged)?;
        call.insert("destination".to_owned(), json!(destination.to_base58()));
        let entrypoint = std::str::from_utf8(reader.string()?).map_err(|_| Damaged)?;
        if entrypoint.is_empty() || entrypoint.len() > ENTRYPOINT_BYTES_MAX {
            return Err(Damaged);
        }
        if entrypoint != DEFAULT_ENTRYPOINT {
            call.insert("entrypoint".to_owned(), json!(entrypoint));
        }
        calls.push(Value::Object(call));
    }
    Ok(calls)
}

fn whitelist(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, Damaged> {
    match reader.u8()? {
        0 => return Ok(None),
        0xff => {}
        _ => return Err(Damaged),
    }
    let mut keys = Reader::new(reader.string()?);
    let mut whitelist = Vec::new();
    while !keys.is_empty() {
        let key =
            PublicKeyHash::from_bytes(&keys.fixed::<{ PublicKeyHash::SIZE_BYTES }>()?).ok_or(Damaged)?;
        whitelist.push(key.to_base58());
    }
    Ok(Some(whitelist))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::codec::Writer;
    use millrace_primitives::{ContractHash, L1Account, U256};
    use millrace_wire::address::Curve;
    use millrace_wire::outbox::{Call, Ticket, Withdrawal};

    const TICKETER: ContractHash = ContractHash::new([3; 20]);
    /// `Pair 0 None`
    const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];

    fn sized(tag: u8, contents: &[u8]) -> Vec<u8> {
        Writer::default().fixed(&[tag]).string(contents).finish()
    }

    #[test]
    fn a_withdrawal_of_the_kernel_is_a_batch_of_one_call() {
        let ticket = Ticket { ticketer: TICKETER, content: CONTENT.to_vec(), amount: U256::from(60) };
        let withdrawal = Withdrawal { ticket, receiver: L1Account::new([9; 22]), call: Call::Burn };
        let message = OutboxMessage::decode(&withdrawal.encode()).unwrap();
        let pair = |args: Value| json!({ "prim": "Pair", "args": args });
        let ticketer = format!("01{}00", "03".repeat(20));
        let ticket = pair(json!([
            { "bytes": ticketer },
            pair(json!([pair(json!([{ "int": "0" }, { "prim": "None" }])), { "int": "60" }])),
        ]));
        let call = json!({
            "parameters": pair(json!([{ "bytes": "09".repeat(22) }, ticket])),
            "destination": TICKETER.to_base58(),
            "entrypoint": "burn",
        });
        assert_eq!(message.protocol_json(), json!({ "transactions": [call], "kind": "untyped" }));
        assert_eq!(Value::Object(message.node_json()), json!({ "transactions": [call] }));
    }

    #[test]
    fn the_other_kinds_are_read_too() {
        let destination = millrace_wire::address::contract_to_bytes(&TICKETER);
        let call = |entrypoint: &[u8]| {
            let unit = Writer::default().fixed(&[3, 11]).fixed(&[3, 108]).fixed(&destination);
            sized(1, &unit.string(entrypoint).finish())
        };
        let typed = OutboxMessage::decode(&call(b"default")).unwrap().protocol_json();
        let parts = json!({
            "parameters": { "prim": "Unit" },
            "parameters_ty": { "prim": "unit" },
            "destination": TICKETER.to_base58(),
        });
        assert_eq!(typed, json!({ "transactions": [parts], "kind": "typed" }));

        let key = PublicKeyHash { curve: Curve::Ed25519, hash: [5; 20] };
        let list = Writer::default().fixed(&[2, 0xff]).string(&key.to_bytes()).finish();
        let message = OutboxMessage::decode(&list).unwrap();
        assert_eq!(
            message.protocol_json(),
            json!({ "whitelist": [key.to_base58()], "kind": "whitelist_update" })
        );
        let everybody = OutboxMessage::decode(&[2, 0]).unwrap();
        assert_eq!(everybody.protocol_json(), json!({ "kind": "whitelist_update" }));
        assert_eq!(Value::Object(everybody.node_json()), json!({ "whitelist_update": null }));
        let signal = OutboxMessage::decode(&sized(3, b"go")).unwrap();
        assert_eq!(signal.protocol_json(), json!({ "payload": "go", "kind": "canonical_rollup_signal" }));

        let long = call(&[b'a'; ENTRYPOINT_BYTES_MAX + 1]);
        let more = [sized(3, b"go"), vec![0]].concat();
        for wrong in [&[][..], &[4], &[2, 1], &[0, 0, 0, 0], &call(b""), &long, &more, b"garbage"] {
            assert_eq!(OutboxMessage::decode(wrong), Err(Damaged), "{}", hex::encode(wrong));
        }
        for length in 0..list.len() {
            assert_eq!(OutboxMessage::decode(&list[..length]), Err(Damaged), "cut to {length}");
        }
    }
}

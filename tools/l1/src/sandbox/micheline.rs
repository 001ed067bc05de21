//! Micheline of any kind, from its binary form to the JSON of Octez.
//!
//! `millrace_wire` reads the few nodes that a rollup can receive; an outbox message may hold all of them. Tags are those of
//! `micheline_encoding.ml`, the codes of primitives those of `michelson_v1_primitives.ml`.
//!
//! **Bounds**: [`DEPTH_MAX`]; the size is that of an outbox message.

use super::codec::{Damaged, Reader};
use serde_json::{Map, Value, json};

/// How deeply nodes may be nested. Octez has no such limit; what reads the JSON has.
pub(super) const DEPTH_MAX: usize = 60;

/// The primitives in the order of their codes.
#[rustfmt::skip]
const PRIMITIVES: [&str; 161] = [
    "parameter", "storage", "code", "False", "Elt", "Left", "None", "Pair", "Right", "Some", "True", "Unit", "PACK",
    "UNPACK", "BLAKE2B", "SHA256", "SHA512", "ABS", "ADD", "AMOUNT", "AND", "BALANCE", "CAR", "CDR", "CHECK_SIGNATURE",
    "COMPARE", "CONCAT", "CONS", "CREATE_ACCOUNT", "CREATE_CONTRACT", "IMPLICIT_ACCOUNT", "DIP", "DROP", "DUP", "EDIV",
    "EMPTY_MAP", "EMPTY_SET", "EQ", "EXEC", "FAILWITH", "GE", "GET", "GT", "HASH_KEY", "IF", "IF_CONS", "IF_LEFT",
    "IF_NONE", "INT", "LAMBDA", "LE", "LEFT", "LOOP", "LSL", "LSR", "LT", "MAP", "MEM", "MUL", "NEG", "NEQ", "NIL",
    "NONE", "NOT", "NOW", "OR", "PAIR", "PUSH", "RIGHT", "SIZE", "SOME", "SOURCE", "SENDER", "SELF", "STEPS_TO_QUOTA",
    "SUB", "SWAP", "TRANSFER_TOKENS", "SET_DELEGATE", "UNIT", "UPDATE", "XOR", "ITER", "LOOP_LEFT", "ADDRESS",
    "CONTRACT", "ISNAT", "CAST", "RENAME", "bool", "contract", "int", "key", "key_hash", "lambda", "list", "map",
    "big_map", "nat", "option", "or", "pair", "set", "signature", "string", "bytes", "mutez", "timestamp", "unit",
    "operation", "address", "SLICE", "DIG", "DUG", "EMPTY_BIG_MAP", "APPLY", "chain_id", "CHAIN_ID", "LEVEL",
    "SELF_ADDRESS", "never", "NEVER", "UNPAIR", "VOTING_POWER", "TOTAL_VOTING_POWER", "KECCAK", "SHA3", "PAIRING_CHECK",
    "bls12_381_g1", "bls12_381_g2", "bls12_381_fr", "sapling_state", "sapling_transaction_deprecated",
    "SAPLING_EMPTY_STATE", "SAPLING_VERIFY_UPDATE", "ticket", "TICKET_DEPRECATED", "READ_TICKET", "SPLIT_TICKET",
    "JOIN_TICKETS", "GET_AND_UPDATE", "chest", "chest_key", "OPEN_CHEST", "VIEW", "view", "constant", "SUB_MUTEZ",
    "tx_rollup_l2_address", "MIN_BLOCK_TIME", "sapling_transaction", "EMIT", "Lambda_rec", "LAMBDA_REC", "TICKET",
    "BYTES", "NAT", "Ticket", "IS_IMPLICIT_ACCOUNT", "INDEX_ADDRESS", "GET_ADDRESS_INDEX",
];

/// Reads one expression, which says itself where it ends.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Value, Damaged> {
    node(reader, DEPTH_MAX)
}

fn node(reader: &mut Reader<'_>, depth: usize) -> Result<Value, Damaged> {
    let below = depth.checked_sub(1).ok_or(Damaged)?;
    let (arguments, has_annotations) = match reader.u8()? {
        0 => return Ok(json!({ "int": integer(reader)? })),
        1 => return Ok(json!({ "string": universal(reader.string()?) })),
        2 => return sequence(reader, below).map(Value::Array),
        10 => return Ok(json!({ "bytes": hex::encode(reader.string()?) })),
        tag @ 3..=8 => (Some((tag - 3) / 2), (tag - 3) % 2 == 1),
        9 => (None, true),
        _ => return Err(Damaged),
    };
    let code = usize::from(reader.u8()?);
    let mut primitive = Map::new();
    primitive.insert("prim".to_owned(), json!(PRIMITIVES.get(code).ok_or(Damaged)?));
    let arguments = match arguments {
        Some(count) => (0..count).map(|_| node(reader, below)).collect::<Result<_, _>>()?,
        None => sequence(reader, below)?,
    };
    if !arguments.is_empty() {
        primitive.insert("args".to_owned(), Value::Array(arguments));
    }
    if has_annotations {
        let annotations = std::str::from_utf8(reader.string()?).map_err(|_| Damaged)?;
        if !annotations.is_empty() {
            primitive.insert("annots".to_owned(), annotations.split(' ').collect());
        }
    }
    Ok(Value::Object(primitive))
}

/// Expressions behind the size of all of them.
fn sequence(reader: &mut Reader<'_>, depth: usize) -> Result<Vec<Value>, Damaged> {
    let mut items = Reader::new(reader.string()?);
    let mut sequence = Vec::new();
    while !items.is_empty() {
        sequence.push(node(&mut items, depth)?);
    }
    Ok(sequence)
}

/// Text as Octez writes it: what is no UTF-8 becomes a list of bytes.
pub(super) fn universal(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "invalid_utf8_string": bytes }),
    }
}

/// An integer of any size, in decimal: six bits and the sign, then seven bits a byte, the lowest first.
fn integer(reader: &mut Reader<'_>) -> Result<String, Damaged> {
    let first = reader.u8()?;
    let mut digits = Vec::new();
    let mut continues = first & 0x80 != 0;
    while continues {
        let byte = reader.u8()?;
        continues = byte & 0x80 != 0;
        // One spelling of a number: its highest digit is not zero.
        if byte == 0 {
            return Err(Damaged);
        }
        digits.push(byte & 0x7f);
    }
    let magnitude = decimal(first & 0x3f, &digits);
    // Octez reads the negative zero as zero.
    let is_negative = first & 0x40 != 0 && magnitude != "0";
    Ok(if is_negative { format!("-{magnitude}") } else { magnitude })
}

/// The decimal form of `lowest` and 64 times a number in base 128, whose lowest digit is the first.
fn decimal(lowest: u8, digits: &[u8]) -> String {
    const BASE: u64 = 1_000_000_000;
    // The lowest first. Quadratic, in less than 4,096 digits: a message has no more bytes.
    let mut limbs: Vec<u64> = vec![0];
    let mut shift_in = |factor: u64, digit: u8| {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let wide = *limb * factor + carry;
            (*limb, carry) = (wide % BASE, wide / BASE);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    };
    digits.iter().rev().for_each(|digit| shift_in(128, *digit));
    shift_in(64, lowest);
    let (highest, rest) = limbs.split_last().expect("there is one limb at least");
    rest.iter().rev().fold(highest.to_string(), |text, limb| text + &format!("{limb:09}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::U256;
    use millrace_wire::micheline::Node;

    fn json(bytes: &[u8]) -> Result<Value, Damaged> {
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader)?;
        reader.end().map(|()| value)
    }

    #[test]
    fn every_kind_of_node_has_the_json_of_octez() {
        let cases: [(&str, Value); 13] = [
            ("0000", json!({ "int": "0" })),
            ("002a", json!({ "int": "42" })),
            ("0069", json!({ "int": "-41" })),
            ("008001", json!({ "int": "64" })),
            ("0100000002616b", json!({ "string": "ak" })),
            ("0100000001ff", json!({ "string": { "invalid_utf8_string": [255] } })),
            ("0a0000000200ff", json!({ "bytes": "00ff" })),
            ("020000000400010002", json!([{ "int": "1" }, { "int": "2" }])),
            ("030b", json!({ "prim": "Unit" })),
            ("046c00000002256f", json!({ "prim": "unit", "annots": ["%o"] })),
            ("0509030b", json!({ "prim": "Some", "args": [{ "prim": "Unit" }] })),
            ("0707000100 02", json!({ "prim": "Pair", "args": [{ "int": "1" }, { "int": "2" }] })),
            (
                "090700000006000100020003 00000005253a61203a",
                json!({
                    "prim": "Pair",
                    "args": [{ "int": "1" }, { "int": "2" }, { "int": "3" }],
                    "annots": ["%:a", ":"],
                }),
            ),
        ];
        for (bytes, expected) in cases {
            let bytes = hex::decode(bytes.replace(' ', "")).unwrap();
            assert_eq!(json(&bytes), Ok(expected), "{}", hex::encode(&bytes));
            for length in 0..bytes.len() {
                assert_eq!(json(&bytes[..length]), Err(Damaged), "{} cut to {length}", hex::encode(&bytes));
            }
        }
        for wrong in ["0b", "03a1", "00808000", "0280000000"] {
            assert_eq!(json(&hex::decode(wrong).unwrap()), Err(Damaged), "{wrong}");
        }
    }

    #[test]
    fn integers_of_any_size_are_decimal() {
        for number in
            [U256::zero(), U256::from(63), U256::from(64), U256::exp10(9), U256::exp10(18), U256::MAX]
        {
            assert_eq!(json(&Node::nat(number).encode()), Ok(json!({ "int": number.to_string() })));
        }
        // 2^27,999, which has ⌊27,999 × log10 2⌋ + 1 digits and, as 27,999 is 3 modulo 4, an 8 at the end.
        let mut bytes = vec![0, 0x80];
        bytes.extend_from_slice(&[0x80; 3_999]);
        bytes.push(1);
        let value = json(&bytes).unwrap();
        let text = value["int"].as_str().unwrap();
        assert!(text.len() == 8_429 && text.ends_with('8'), "{} digits", text.len());
    }

    #[test]
    fn the_codes_are_those_of_the_primitives_that_the_kernel_writes() {
        let node = Node::pair(Node::left(Node::None), Node::right(Node::Some(Box::new(Node::Bytes(&[])))));
        let none = json!({ "prim": "None" });
        let some = json!({ "prim": "Some", "args": [{ "bytes": "" }] });
        let expected = json!({
            "prim": "Pair",
            "args": [{ "prim": "Left", "args": [none] }, { "prim": "Right", "args": [some] }],
        });
        assert_eq!(json(&node.encode()), Ok(expected));
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let nested = |depth: usize| [[5, 9].repeat(depth), vec![3, 11]].concat();
        assert!(json(&nested(DEPTH_MAX - 1)).is_ok());
        assert_eq!(json(&nested(DEPTH_MAX)), Err(Damaged));
        let json = serde_json::to_string(&json(&nested(DEPTH_MAX - 1)).unwrap()).unwrap();
        assert!(serde_json::from_str::<Value>(&json).is_ok(), "readers of JSON go no deeper than 128");
    }
}

//! How messages of the inbox and the outbox are shown.

use crate::lines::Json;
use crate::micheline::Expression;
use millrace_primitives::{ContractHash, RollupAddress};
use millrace_wire::address::{PublicKeyHash, contract_from_bytes};
use millrace_wire::base58::Base58Check;
use time::OffsetDateTime;

/// Text before the hash of a block, in base58.
const BLOCK_PREFIX: [u8; 2] = [1, 52];

/// A message of the inbox in Octez's words. What does not decode is shown in digits.
pub(crate) fn input(bytes: &[u8]) -> String {
    known_input(bytes).unwrap_or_else(|| format!("Unknown encoding: {}", hex::encode(bytes)))
}

fn known_input(bytes: &[u8]) -> Option<String> {
    Some(match bytes {
        [1, contents @ ..] => hex::encode(contents),
        [0, 0, contents @ ..] => transfer(contents)?.in_lines(),
        [0, 1] => "Start_of_level".into(),
        [0, 2] => "End_of_level".into(),
        [0, 3, contents @ ..] => level_info(contents)?,
        [0, 4, contents @ ..] => format!("Protocol_migration {}", protocol(contents)?),
        [0, 5, contents @ ..] => format!("Dal_attested_slots {}", hex::encode(contents)),
        _ => return None,
    })
}

fn transfer(bytes: &[u8]) -> Option<Json> {
    let (payload, rest) = Expression::decode_prefix(bytes)?;
    let (sender, rest) = rest.split_at_checked(20)?;
    let (source, destination) = rest.split_at_checked(PublicKeyHash::SIZE_BYTES)?;
    let address = |text: String| Json::string(&text);
    Some(Json::Object(vec![
        ("internal_inbox_message_kind", Json::string("transfer")),
        ("payload", payload.to_json()),
        ("sender", address(ContractHash::from_slice(sender)?.to_base58())),
        ("source", address(PublicKeyHash::from_bytes(source)?.to_base58())),
        ("destination", address(RollupAddress::from_slice(destination)?.to_base58())),
    ]))
}

fn level_info(bytes: &[u8]) -> Option<String> {
    let (seconds, predecessor) = bytes.split_first_chunk::<8>()?;
    if predecessor.len() != 32 {
        return None;
    }
    let block = bs58::encode([&BLOCK_PREFIX, predecessor].concat()).with_check().into_string();
    let time = timestamp(i64::from_be_bytes(*seconds));
    Some(format!("Info_per_level {{predecessor_timestamp = {time}; predecessor = {block}}}"))
}

/// RFC 3339 without an offset that is known, or the seconds when no calendar has them.
fn timestamp(seconds: i64) -> String {
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(t) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}-00:00",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        ),
        Err(_) => seconds.to_string(),
    }
}

fn protocol(bytes: &[u8]) -> Option<String> {
    let (size, name) = bytes.split_first_chunk::<4>()?;
    (u32::from_be_bytes(*size) as usize == name.len()).then(|| String::from_utf8_lossy(name).into_owned())
}

/// A message of the outbox in Octez's words.
pub(crate) fn output(bytes: &[u8]) -> String {
    known_output(bytes).unwrap_or_else(|| format!("Unknown encoding: {}", hex::encode(bytes)))
}

fn known_output(bytes: &[u8]) -> Option<String> {
    let (tag, contents) = bytes.split_first()?;
    match tag {
        0 => batch(contents, false),
        1 => batch(contents, true),
        2 => whitelist(contents),
        _ => None,
    }
}

fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*size)).ok()?)
}

fn batch(bytes: &[u8], is_typed: bool) -> Option<String> {
    let (mut transactions, rest) = sized(bytes)?;
    let mut lines = Vec::new();
    while !transactions.is_empty() {
        let (parameters, mut after) = Expression::decode_prefix(transactions)?;
        let mut ty = None;
        if is_typed {
            let (expression, rest) = Expression::decode_prefix(after)?;
            (ty, after) = (Some(expression), rest);
        }
        let (destination, after) = after.split_at_checked(22)?;
        let (entrypoint, after) = sized(after)?;
        let mut line = format!(
            "{} {} {}",
            contract_from_bytes(destination)?.to_base58(),
            std::str::from_utf8(entrypoint).ok()?,
            parameters.to_json().in_lines()
        );
        if let Some(ty) = ty {
            line.push_str(&format!(" : {}", ty.to_json().in_lines()));
        }
        lines.push(line);
        transactions = after;
    }
    rest.is_empty().then(|| lines.join("\n"))
}

fn whitelist(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0] => Some("Whitelist_update None".into()),
        [0xff, list @ ..] => {
            let (list, rest) = sized(list)?;
            let keys = list
                .chunks(PublicKeyHash::SIZE_BYTES)
                .map(|key| PublicKeyHash::from_bytes(key).map(|key| key.to_base58()));
            let keys = keys.collect::<Option<Vec<_>>>()?;
            rest.is_empty().then(|| format!("Whitelist_update {}", keys.join(" ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_pvm::inputs::{LevelInfo, level_inputs};

    #[test]
    fn what_begins_and_ends_a_level_is_shown_as_octez_does() {
        let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
        let shown: Vec<_> =
            level_inputs(info, Some("t024_024"), &[vec![1, 0xab]]).iter().map(|m| input(m)).collect();
        assert_eq!(
            shown,
            [
                "Start_of_level",
                "Info_per_level {predecessor_timestamp = 1970-01-01T00:00:00-00:00; predecessor = \
                 BKiHLREqU3JkXfzEDYAkmmfX48gBDtYhMrpA98s7Aq4SzbUAB6M}",
                "Protocol_migration t024_024",
                "ab",
                "End_of_level",
            ]
        );
        for bad in [&[][..], &[0], &[2, 3], &[0, 3, 1], &[0, 4, 0, 0, 0, 9], &[0, 0, 9], &[0, 1, 0]] {
            assert_eq!(input(bad), format!("Unknown encoding: {}", hex::encode(bad)));
        }
        assert_eq!(timestamp(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_transfer_is_shown_as_json_in_narrow_lines() {
        let payload = Expression::parse("Pair 1 (Some \"two\")").unwrap().encode();
        let message = [&[0, 0][..], &payload, &[0; 20], &[0; 21], &[0; 20]].concat();
        assert_eq!(
            input(&message),
            r#"{ "internal_inbox_message_kind": "transfer",
  "payload":
    { "prim": "Pair",
      "args":
        [ { "int": "1" },
          { "prim": "Some", "args": [ { "string": "two" } ] } ] },
  "sender": "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT",
  "source": "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU",
  "destination": "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57" }"#
        );
    }

    #[test]
    fn messages_of_the_outbox_are_shown_with_their_calls() {
        let transaction = |ty: &str| {
            let mut bytes = Expression::parse("0x01").unwrap().encode();
            if !ty.is_empty() {
                bytes.extend(Expression::parse(ty).unwrap().encode());
            }
            [&bytes[..], &[1], &[0; 20], &[0, 0, 0, 0, 4], b"mint"].concat()
        };
        let message = |tag: u8, transactions: &[u8]| {
            [&[tag][..], &(transactions.len() as u32).to_be_bytes(), transactions].concat()
        };
        let call = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT mint { \"bytes\": \"01\" }";
        assert_eq!(output(&message(0, &transaction("").repeat(2))), format!("{call}\n{call}"));
        assert_eq!(output(&message(1, &transaction("bytes"))), format!("{call} : {{ \"prim\": \"bytes\" }}"));
        assert_eq!(output(&[2, 0]), "Whitelist_update None");
        let list = [&[2, 255, 0, 0, 0, 21][..], &[0; 21]].concat();
        assert_eq!(output(&list), "Whitelist_update tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU");
        for bad in [&[][..], &[0], &[9, 1], &[0, 0, 0, 0, 9], &[2, 255, 0, 0, 0, 1, 0]] {
            assert_eq!(output(bad), format!("Unknown encoding: {}", hex::encode(bad)));
        }
    }
}

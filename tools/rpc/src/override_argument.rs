//! The third and fourth argument of `eth_call` and `eth_estimateGas`: what the call pretends, in the forms of
//! go-ethereum and of `eth_simulateV1` of the OpenRPC description. What is not understood is refused rather
//! than ignored: a call that quietly pretends less gives a wrong answer. The size of a request bounds both.

use crate::arguments::{Argument, Bytes, field};
use crate::call::{AccountOverride, BlockOverrides, StorageOverride};
use crate::hexadecimal::fixed_from_text;
use millrace_primitives::{Address, BlockNumber, Gas, H256, Timestamp, U256};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Accounts by address.
#[derive(Debug, Default)]
pub(crate) struct StateOverrides(pub(crate) BTreeMap<Address, AccountOverride>);

impl Argument for StateOverrides {
    fn read(json: &str) -> Result<Self, String> {
        let accounts: BTreeMap<String, &RawValue> =
            serde_json::from_str(json).map_err(|_| "expected an object of accounts by address".to_owned())?;
        let read = |(address, fields): (String, &RawValue)| {
            let key: Address = fixed_from_text(&address)
                .map(Address::from)
                .map_err(|reason| format!("{address}: {reason}"))?;
            let account = read_account(fields.get()).map_err(|reason| format!("{address}: {reason}"))?;
            Ok((key, account))
        };
        accounts.into_iter().map(read).collect::<Result<_, String>>().map(Self)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccountFields<'a> {
    #[serde(borrow)]
    balance: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
    #[serde(borrow)]
    state_diff: Option<&'a RawValue>,
    #[serde(borrow)]
    move_precompile_to_address: Option<&'a RawValue>,
}

fn read_account(json: &str) -> Result<AccountOverride, String> {
    let fields: AccountFields<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if fields.move_precompile_to_address.is_some_and(|address| address.get() != "null") {
        return Err("movePrecompileToAddress: precompiles cannot be moved on this node".to_owned());
    }
    let whole: Option<Slots> = field(fields.state, "state")?;
    let slots: Option<Slots> = field(fields.state_diff, "stateDiff")?;
    let storage = match (whole, slots) {
        (Some(_), Some(_)) => return Err("state and stateDiff are both set".to_owned()),
        (Some(Slots(slots)), None) => StorageOverride::Whole(slots),
        (None, Some(Slots(slots))) => StorageOverride::Slots(slots),
        (None, None) => StorageOverride::Nothing,
    };
    Ok(AccountOverride {
        balance: field(fields.balance, "balance")?,
        nonce: field(fields.nonce, "nonce")?,
        code: field::<Bytes>(fields.code, "code")?.map(|Bytes(code)| code),
        storage,
    })
}

/// Values by slot, both of 32 bytes.
struct Slots(BTreeMap<H256, H256>);

impl Argument for Slots {
    fn read(json: &str) -> Result<Self, String> {
        let slots: BTreeMap<String, &RawValue> =
            serde_json::from_str(json).map_err(|_| "expected an object of values by slot".to_owned())?;
        let read = |(slot, value): (String, &RawValue)| {
            let in_slot = |reason| format!("{slot}: {reason}");
            let key = fixed_from_text(&slot).map(H256::from).map_err(in_slot)?;
            Ok((key, H256::read(value.get()).map_err(in_slot)?))
        };
        slots.into_iter().map(read).collect::<Result<_, String>>().map(Self)
    }
}

/// The names are those of today's go-ethereum, and as aliases the older ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlockFields<'a> {
    #[serde(borrow)]
    number: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    gas_limit: Option<&'a RawValue>,
    #[serde(borrow, alias = "coinbase")]
    fee_recipient: Option<&'a RawValue>,
    #[serde(borrow, alias = "baseFee")]
    base_fee_per_gas: Option<&'a RawValue>,
    #[serde(borrow, alias = "random")]
    prev_randao: Option<&'a RawValue>,
}

impl Argument for BlockOverrides {
    fn read(json: &str) -> Result<Self, String> {
        let fields: BlockFields<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let number: Option<u64> = field(fields.number, "number")?;
        let timestamp: Option<u64> = field(fields.time, "time")?;
        let gas_limit: Option<u64> = field(fields.gas_limit, "gasLimit")?;
        let prev_randao: Option<U256> = field(fields.prev_randao, "prevRandao")?;
        Ok(Self {
            number: number.map(BlockNumber::new),
            timestamp: timestamp.map(Timestamp::new),
            beneficiary: field(fields.fee_recipient, "feeRecipient")?,
            gas_limit: gas_limit.map(Gas::new),
            base_fee: field(fields.base_fee_per_gas, "baseFeePerGas")?,
            prev_randao: prev_randao.map(|value| {
                let mut word = H256::zero();
                value.to_big_endian(&mut word.0);
                word
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn word(byte: u8) -> String {
        format!("0x{}", hex::encode([byte; 32]))
    }

    #[test]
    fn accounts_are_read_whole() {
        let address = format!("0x{}", hex::encode([7; 20]));
        let slots = BTreeMap::from([(H256::repeat_byte(1), H256::repeat_byte(2))]);
        let storage = json!({ word(1): word(2) });
        let table = [
            (json!({}), AccountOverride::default()),
            (json!({ "balance": "0x5" }), AccountOverride { balance: Some(5.into()), ..Default::default() }),
            (json!({ "nonce": "0x9" }), AccountOverride { nonce: Some(9), ..Default::default() }),
            (json!({ "code": "0x" }), AccountOverride { code: Some(vec![]), ..Default::default() }),
            (
                json!({ "state": storage, "stateDiff": null }),
                AccountOverride { storage: StorageOverride::Whole(slots.clone()), ..Default::default() },
            ),
            (
                json!({ "stateDiff": storage, "movePrecompileToAddress": null }),
                AccountOverride { storage: StorageOverride::Slots(slots), ..Default::default() },
            ),
        ];
        for (account, expected) in table {
            let StateOverrides(read) =
                StateOverrides::read(&json!({ address.clone(): account }).to_string()).expect("reads");
            assert_eq!(read, BTreeMap::from([(Address::repeat_byte(7), expected)]), "{account}");
        }
        assert!(StateOverrides::read("{}").expect("reads").0.is_empty());
    }

    #[test]
    fn blocks_are_read_by_both_names() {
        let expected = BlockOverrides {
            number: Some(BlockNumber::new(1)),
            timestamp: Some(Timestamp::new(2)),
            beneficiary: Some(Address::repeat_byte(3)),
            gas_limit: Some(Gas::new(4)),
            base_fee: Some(U256::from(5)),
            prev_randao: Some(H256::repeat_byte(6)),
        };
        let address = format!("0x{}", hex::encode([3; 20]));
        for (recipient, base_fee, randao) in
            [("feeRecipient", "baseFeePerGas", "prevRandao"), ("coinbase", "baseFee", "random")]
        {
            let json = json!({ "number": "0x1", "time": "0x2", recipient: address, "gasLimit": "0x4",
                base_fee: "0x5", randao: word(6) });
            assert_eq!(BlockOverrides::read(&json.to_string()), Ok(expected));
        }
        assert_eq!(BlockOverrides::read("{}"), Ok(BlockOverrides::default()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let address = format!("0x{}", hex::encode([7; 20]));
        let table = [
            (json!([]), "expected an object of accounts"),
            (json!({ "0x01": {} }), "0x01: expected 20 bytes"),
            (json!({ address.clone(): { "balances": "0x1" } }), "unknown field `balances`"),
            (json!({ address.clone(): { "nonce": "0x1ffffffffffffffff" } }), "nonce: number above 64 bits"),
            (json!({ address.clone(): { "state": { "0x1": word(1) } } }), "state: 0x1: expected 32 bytes"),
            (json!({ address.clone(): { "state": { word(1): "0x1" } } }), "expected 32 bytes"),
            (
                json!({ address.clone(): { "state": {}, "stateDiff": {} } }),
                "state and stateDiff are both set",
            ),
            (
                json!({ address.clone(): { "movePrecompileToAddress": address } }),
                "precompiles cannot be moved",
            ),
        ];
        for (json, reason) in table {
            let refusal = StateOverrides::read(&json.to_string()).expect_err("is refused");
            assert!(refusal.contains(reason), "{json}: {refusal}");
        }
        for (json, reason) in [
            (json!("0x"), "invalid type"),
            (json!({ "time": "soon" }), "time: expected a quantity"),
            (json!({ "blobBaseFee": "0x1" }), "unknown field `blobBaseFee`"),
            (json!({ "withdrawals": [] }), "unknown field `withdrawals`"),
        ] {
            let refusal = BlockOverrides::read(&json.to_string()).expect_err("is refused");
            assert!(refusal.contains(reason), "{json}: {refusal}");
        }
    }
}

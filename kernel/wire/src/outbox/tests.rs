use super::*;
use proptest::prelude::*;

const RECEIVER: L1Account = L1Account::new([0x0a; 22]);

fn native(amount: u64) -> Withdrawal {
    let ticket = Ticket {
        ticketer: ContractHash::new([0x22; 20]),
        // Pair 0 None
        content: hex::decode("070700000306").unwrap(),
        amount: U256::from(amount),
    };
    Withdrawal { ticket, receiver: RECEIVER, call: Call::Burn }
}

fn fast(payload: Vec<u8>) -> Withdrawal {
    let fast = Fast {
        contract: ContractHash::new([0x33; 20]),
        id: U256::from(64),
        timestamp: Timestamp::new(1_700_000_000),
        payload,
        caller: Address::repeat_byte(0xca),
    };
    Withdrawal { call: Call::Settle(fast), ..native(500) }
}

/// `Pair ticketer (Pair (Pair 0 None) 500)`: 500 is 0b111_110100, six bits and a continuation, then three.
fn ticket_of_500() -> String {
    ["0707", "0a00000016", "01", &"22".repeat(20), "00", "0707", "070700000306", "00b407"].concat()
}

#[test]
fn the_burn_of_native_tickets_is_pinned() {
    let parameters = ["0707", "0a00000016", &"0a".repeat(22), &ticket_of_500()].concat();
    let transaction = [&parameters[..], "01", &"22".repeat(20), "00", "00000004", "6275726e"];
    let transaction = transaction.concat();
    let expected = format!("00{:08x}{transaction}", transaction.len() / 2);
    assert_eq!(hex::encode(native(500).encode()), expected);
}

#[test]
fn the_withdrawal_by_a_proxy_is_pinned() {
    let proxy = ContractHash::new([0x44; 20]);
    let withdrawal = Withdrawal { call: Call::Withdraw { proxy }, ..native(500) };
    let parameters = ["0707", "0a00000016", &"0a".repeat(22), &ticket_of_500()].concat();
    let tail = ["01", &"44".repeat(20), "00", "00000008", "7769746864726177"].concat();
    let expected = format!("00{:08x}{parameters}{tail}", (parameters.len() + tail.len()) / 2);
    assert_eq!(hex::encode(withdrawal.encode()), expected);
}

#[test]
fn the_settlement_of_a_fast_withdrawal_is_pinned() {
    let parts = [
        // 64 is 0b1_000000.
        "0707",
        "008001",
        "0707",
        &ticket_of_500(),
        // 1,700,000,000 is 0b1100_1010101_0011111_1000100_000000, least significant first.
        "0707",
        "0080c49fd50c",
        "0707",
        "0a00000016",
        &"0a".repeat(22),
        "0707",
        "0a00000002",
        "beef",
        "0a00000014",
        &"ca".repeat(20),
        // Destination and entrypoint.
        "01",
        &"33".repeat(20),
        "00",
        "00000007",
        "64656661756c74",
    ]
    .concat();
    let expected = format!("00{:08x}{parts}", parts.len() / 2);
    assert_eq!(hex::encode(fast(vec![0xbe, 0xef]).encode()), expected);
}

#[test]
fn what_is_no_withdrawal_is_not_read_as_one() {
    let message = native(7).encode();
    assert_eq!(Withdrawal::decode(&message), Some(native(7)));
    for size in 0..message.len() {
        assert_eq!(Withdrawal::decode(&message[..size]), None, "{size}");
    }
    assert_eq!(Withdrawal::decode(&[&message[..], &[0]].concat()), None);
    // A burn elsewhere than at the ticketer: the destination is 9 bytes and 20 from the end.
    let mut elsewhere = message.clone();
    let at = elsewhere.len() - 10;
    elsewhere[at] ^= 1;
    assert_eq!(Withdrawal::decode(&elsewhere), None);
    let mut typed = message;
    typed[0] = 1;
    assert_eq!(Withdrawal::decode(&typed), None);
}

fn any_call() -> impl Strategy<Value = Call> {
    let contract = || any::<[u8; 20]>().prop_map(ContractHash::new);
    let fast = (contract(), any::<[u64; 4]>(), any::<u64>(), any::<Vec<u8>>(), any::<[u8; 20]>());
    prop_oneof![
        Just(Call::Burn),
        contract().prop_map(|proxy| Call::Withdraw { proxy }),
        fast.prop_map(|(contract, id, timestamp, payload, caller)| {
            let (id, timestamp) = (U256(id), Timestamp::new(timestamp));
            Call::Settle(Fast { contract, id, timestamp, payload, caller: caller.into() })
        }),
    ]
}

proptest! {
    #[test]
    fn any_withdrawal_survives(
        amount: [u64; 4],
        token_id: [u64; 4],
        metadata: Option<Vec<u8>>,
        receiver: [u8; 22],
        call in any_call(),
    ) {
        let metadata = metadata.as_ref().map_or(Node::None, |bytes| Node::Some(Node::Bytes(bytes).into()));
        let content = Node::pair(Node::nat(U256(token_id)), metadata).encode();
        let ticket = Ticket { content, amount: U256(amount), ..native(0).ticket };
        let withdrawal = Withdrawal { ticket, receiver: L1Account::new(receiver), call };
        prop_assert_eq!(Withdrawal::decode(&withdrawal.encode()), Some(withdrawal));
    }

    #[test]
    fn any_bytes_are_read_without_a_trap(bytes: Vec<u8>) {
        prop_assert!(Withdrawal::decode(&bytes).is_none_or(|withdrawal| withdrawal.encode() == bytes));
    }
}

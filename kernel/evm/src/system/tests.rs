use super::abi::{Arguments, error};
use super::*;
use crate::keccak::keccak;
use alloc::vec;
use millrace_primitives::{ContractHash, L1Account, Timestamp};
use proptest::prelude::*;

/// `prefix` and `hash` as text.
fn text(prefix: &[u8], hash: &[u8]) -> Vec<u8> {
    bs58::encode([prefix, hash].concat()).with_check().into_vec()
}

#[test]
fn selectors_are_those_of_the_deployed_functions() {
    let table: [([u8; 4], &[u8]); 9] = [
        (native::WITHDRAW, b"withdraw_base58(string)"),
        (native::FAST_WITHDRAW, b"fast_withdraw_base58(string,string,bytes)"),
        (tickets::WITHDRAW, b"withdraw(address,bytes,uint256,bytes22,bytes)"),
        (tickets::FAST_WITHDRAW, b"fa_fast_withdraw(address,bytes,uint256,bytes22,bytes,string,bytes)"),
        (tickets::CLAIM, b"claim(uint256)"),
        (tickets::ASK, b"withdraw(address,uint256,uint256)"),
        (key_change::CHANGE, b"change_sequencer_key(bytes,bytes)"),
        (key_change::COUNTER, b"sequencer_key_change_counter()"),
        ([0x08, 0xc3, 0x79, 0xa0], b"Error(string)"),
    ];
    for (selector, signature) in table {
        assert_eq!(keccak(signature).0[..4], selector, "{}", String::from_utf8_lossy(signature));
    }
}

#[test]
fn accounts_are_read_from_their_texts() {
    let kinds: [(&[u8], [u8; 2]); 4] = [
        (&[6, 161, 159], [0, 0]),
        (&[6, 161, 161], [0, 1]),
        (&[6, 161, 164], [0, 2]),
        (&[6, 161, 166], [0, 3]),
    ];
    for (prefix, tags) in kinds {
        let account = account::from_base58(&text(prefix, &[7; 20])).unwrap();
        assert_eq!(account.as_bytes()[..], [&tags[..], &[7; 20]].concat());
        assert!(account::contract(&account).is_err());
        assert_eq!(account::from_bytes(account.as_bytes()), Ok(account));
    }
    let contract = account::from_base58(b"KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT").unwrap();
    assert_eq!(contract.as_bytes()[..], [&[1][..], &[0; 21]].concat());
    assert_eq!(account::contract(&contract), Ok(ContractHash::new([0; 20])));
    assert_eq!(account::of_contract(&ContractHash::new([0; 20])), contract);
    assert_eq!(account::from_base58(b"tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU").unwrap().as_bytes(), &[0; 22]);
}

#[test]
fn nothing_else_is_an_account() {
    let good = b"tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
    // Every single wrong character is found: by the alphabet or by the checksum.
    for at in 0..good.len() {
        for byte in [b'1', b'2', b'0', b'l', b'%', 0, 0xff] {
            let mut bad = good.to_vec();
            bad[at] = byte;
            assert!(bad == good || account::from_base58(&bad).is_err(), "{at} {byte}");
        }
    }
    for size in (0..80).filter(|size| *size != good.len()) {
        assert!(account::from_base58(&good.repeat(3)[..size]).is_err(), "{size}");
    }
    // `sr1…` has another prefix, `KT1…%burn` and keys another length.
    for bad in [text(&[6, 124, 117], &[0; 20]), text(&[13, 15, 37, 217], &[0; 32])] {
        assert!(account::from_base58(&bad).is_err());
    }
    assert!(account::from_base58(b"KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT%burn").is_err());
    let tagged = |first, second, last| {
        let mut bytes = [9; 22];
        (bytes[0], bytes[1], bytes[21]) = (first, second, last);
        account::from_bytes(&bytes).is_ok()
    };
    assert!(tagged(0, 3, 9) && tagged(1, 200, 0));
    assert!(!tagged(0, 4, 0) && !tagged(1, 0, 1) && !tagged(2, 0, 0));
}

#[test]
fn reasons_are_errors_of_solidity() {
    let expected = [
        "08c379a0",
        &format!("{:064x}", 32),
        &format!("{:064x}", 14),
        &hex::encode("Amount is zero"),
        &"00".repeat(18),
    ];
    assert_eq!(hex::encode(error("Amount is zero")), expected.concat());
}

#[test]
fn the_size_of_a_message_is_the_sum_of_its_parts() {
    let contract = ContractHash::new([1; 20]);
    let with = |amount, way| {
        let ticket = WithdrawnTicket { ticketer: contract, content: vec![0; 6], amount };
        Withdrawal { ticket, receiver: L1Account::new([0; 22]), way }.message_size_bytes()
    };
    let fast = FastWithdrawal {
        contract,
        id: U256::from(64),
        timestamp: Timestamp::new(1_700_000_000),
        payload: vec![0; 2],
        caller: Address::zero(),
    };
    // Counted in the goldens of `wire::outbox`.
    assert_eq!(with(U256::from(500), Way::Ticketer), 104);
    assert_eq!(with(U256::from(500), Way::Proxy(contract)), 108);
    assert_eq!(with(U256::from(500), Way::Fast(fast)), 5 + 0x97);
    for (amount, bytes) in [(0, 1), (63, 1), (64, 2), (8_191, 2), (8_192, 3)] {
        assert_eq!(with(U256::from(amount), Way::Ticketer), 102 + bytes, "{amount}");
    }
    assert_eq!(with(U256::MAX, Way::Ticketer), 102 + 37);
}

proptest! {
    #[test]
    fn any_call_data_is_read_without_a_trap(bytes: Vec<u8>, index in 0usize..10) {
        let arguments = Arguments(&bytes);
        let _ = (arguments.number(index), arguments.address(index), arguments.account(index));
        if let Ok(part) = arguments.bytes(index) {
            prop_assert!(part.len() + 32 <= bytes.len());
        }
    }

    #[test]
    fn offsets_and_sizes_beyond_the_call_data_are_refused(offset: [u64; 4], size: [u64; 4]) {
        let mut bytes = [word(U256(offset)).0, word(U256(size)).0].concat();
        prop_assert!(Arguments(&bytes).bytes(0).is_err());
        bytes[..32].copy_from_slice(&word(U256::from(32)).0);
        prop_assert_eq!(Arguments(&bytes).bytes(0).is_ok(), U256(size).is_zero());
    }
}

//! Encodings of transactions against an independent library, and everything that must be refused.

use crate::support::{CHAIN_ID, User, address, dynamic, user, word};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEnvelope, TxLegacy};
use alloy_eips::Decodable2718;
use millrace_evm::rlp::RlpError;
use millrace_evm::{
    AccessListItem, Authorization, DEPOSIT_SENDER, DecodeError, Deposit, SignedTransaction,
    TRANSACTION_BYTES_MAX, Transaction, TransactionType,
};
use millrace_primitives::{Address, L1Level, U256};

fn chain_id() -> U256 {
    U256::from(CHAIN_ID)
}

fn decode(bytes: &[u8]) -> Result<SignedTransaction, DecodeError> {
    SignedTransaction::decode(bytes, chain_id())
}

fn access_list() -> Vec<AccessListItem> {
    vec![
        AccessListItem { address: address(7), storage_keys: vec![word(1), word(2)] },
        AccessListItem { address: address(8), storage_keys: Vec::new() },
    ]
}

/// One of each form, with plain and with large fields.
fn samples() -> Vec<Transaction> {
    let legacy = Transaction {
        transaction_type: TransactionType::Legacy,
        max_priority_fee_per_gas: U256::from(5),
        max_fee_per_gas: U256::from(5),
        ..dynamic(0, Some(address(9)), 21_000, Vec::new())
    };
    let listed = Transaction {
        transaction_type: TransactionType::AccessList,
        access_list: access_list(),
        authorizations: Vec::new(),
        value: U256::exp10(20),
        data: vec![7; 300],
        ..legacy.clone()
    };
    vec![
        Transaction { chain_id: None, ..legacy.clone() },
        Transaction { to: None, data: vec![0x80], nonce: u64::MAX - 1, ..legacy.clone() },
        legacy,
        Transaction { access_list: Vec::new(), to: None, ..listed.clone() },
        listed,
        dynamic(1, None, 1 << 40, vec![0; 60]),
        Transaction {
            access_list: access_list(),
            authorizations: Vec::new(),
            max_priority_fee_per_gas: U256::from(u128::MAX),
            max_fee_per_gas: U256::from(u128::MAX),
            ..dynamic(128, Some(Address::zero()), 55, vec![1])
        },
        Transaction {
            transaction_type: TransactionType::SetCode,
            access_list: access_list(),
            authorizations: vec![
                user(9).authorize(chain_id(), address(3), 0),
                Authorization {
                    chain_id: U256::MAX,
                    address: Address::zero(),
                    nonce: u64::MAX,
                    y_parity: 255,
                    r: U256::MAX,
                    s: U256::zero(),
                },
            ],
            ..dynamic(3, Some(address(9)), 100_000, vec![1, 0])
        },
    ]
}

#[test]
fn what_is_encoded_is_decoded_and_its_sender_recovered() {
    for (index, transaction) in samples().into_iter().enumerate() {
        let user = user(index as u8 + 1);
        let signed = user.sign(transaction.clone());
        let bytes = signed.encode();
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded, signed, "sample {index}");
        assert_eq!(decoded.transaction(), &transaction);
        let recovered = decoded.recover().unwrap();
        assert_eq!(recovered.sender(), user.address);
        assert_eq!(recovered.hash(), signed.hash());
    }
}

#[test]
fn an_independent_library_agrees() {
    for (index, transaction) in samples().into_iter().enumerate() {
        let user = user(index as u8 + 1);
        let signed = user.sign(transaction);
        let bytes = signed.encode();
        let theirs = TxEnvelope::decode_2718_exact(&bytes).unwrap();
        assert_eq!(theirs.tx_hash().0, *signed.hash().as_bytes(), "sample {index}");
        assert_eq!(theirs.signature_hash().0, signed.signing_hash().0);
    }
}

#[test]
fn what_the_independent_library_encodes_is_decoded() {
    let to = alloy_primitives::TxKind::Call(alloy_primitives::Address::repeat_byte(3));
    let value = alloy_primitives::U256::from(77);
    let input = alloy_primitives::Bytes::from(vec![1, 2, 3]);
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce: 3,
        gas_price: 9,
        gas_limit: 30,
        to,
        value,
        input: input.clone(),
    };
    let listed = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: 3,
        gas_price: 9,
        gas_limit: 30,
        to,
        value,
        input: input.clone(),
        ..Default::default()
    };
    let fees = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce: 3,
        max_fee_per_gas: 9,
        max_priority_fee_per_gas: 2,
        gas_limit: 30,
        to,
        value,
        input,
        ..Default::default()
    };
    let user = user(4);
    for envelope in [envelope(&user, legacy), envelope(&user, listed), envelope(&user, fees)] {
        let decoded = decode(&alloy_eips::eip2718::Encodable2718::encoded_2718(&envelope)).unwrap();
        assert_eq!(decoded.hash().as_bytes(), &envelope.tx_hash().0);
        let transaction = decoded.transaction().clone();
        assert_eq!((transaction.nonce, transaction.value), (3, U256::from(77)));
        assert_eq!(transaction.max_fee_per_gas, U256::from(9));
        assert_eq!(decoded.recover().unwrap().sender(), user.address);
    }
}

fn envelope<T>(user: &User, transaction: T) -> TxEnvelope
where
    T: SignableTransaction<alloy_primitives::Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = user.sign_digest(transaction.signature_hash().0);
    let word = |value: U256| alloy_primitives::U256::from_limbs(value.0);
    let signature =
        alloy_primitives::Signature::new(word(signature.r), word(signature.s), signature.y_parity);
    TxEnvelope::from(transaction.into_signed(signature))
}

/// The fields of a legacy transaction, each already RLP, as a list.
fn list(fields: &[&[u8]]) -> Vec<u8> {
    let content = fields.concat();
    assert!(content.len() > 55 && content.len() < 256);
    [&[0xf8, content.len() as u8], content.as_slice()].concat()
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&[0x80 + bytes.len() as u8], bytes].concat()
}

/// A legacy transaction, well formed but for one field given by its place.
fn legacy_with(place: usize, spelling: &[u8]) -> Vec<u8> {
    let half = text(&[0x11; 32]);
    let to = text(&[9; 20]);
    let mut fields: Vec<&[u8]> =
        vec![&[0x01], &[0x05], &[0x82, 0x52, 0x08], &to, &[0x80], &[0x80], &[0x1b], &half, &half];
    fields[place] = spelling;
    list(&fields)
}

#[test]
fn one_spelling_only() {
    let rlp = |error| Err(DecodeError::Rlp(error));
    assert!(decode(&legacy_with(0, &[0x01])).is_ok());
    assert_eq!(decode(&legacy_with(0, &[0x00])), rlp(RlpError::NotCanonical));
    assert_eq!(decode(&legacy_with(0, &[0x81, 0x01])), rlp(RlpError::NotCanonical));
    assert_eq!(decode(&legacy_with(2, &[0x83, 0x00, 0x52, 0x08])), rlp(RlpError::NotCanonical));
    assert_eq!(decode(&legacy_with(2, &text(&[1; 9]))), rlp(RlpError::WrongLength));
    assert_eq!(decode(&legacy_with(1, &[&[0xa1], [1; 33].as_slice()].concat())), rlp(RlpError::WrongLength));
    assert_eq!(decode(&legacy_with(3, &text(&[9; 19]))), rlp(RlpError::WrongLength));
    assert_eq!(decode(&legacy_with(5, &[0xc0])), rlp(RlpError::WrongKind));
    assert_eq!(
        decode(&legacy_with(7, &[&[0xa0, 0], [1; 31].as_slice()].concat())),
        rlp(RlpError::NotCanonical)
    );

    let mut trailing = legacy_with(0, &[0x01]);
    trailing.push(0);
    assert_eq!(decode(&trailing), rlp(RlpError::Trailing));
    let half = text(&[0x11; 32]);
    let eight: [&[u8]; 8] = [&[0x01], &[0x05], &[0x80], &[0x80], &[0x80], &[0x80], &half, &half];
    assert_eq!(decode(&list(&eight)), rlp(RlpError::Truncated));
    let ten: [&[u8]; 10] = [&[1], &[5], &[0x80], &[0x80], &[0x80], &[0x80], &[0x1b], &half, &half, &[0x80]];
    assert_eq!(decode(&list(&ten)), rlp(RlpError::Trailing));
}

#[test]
fn every_cut_of_a_transaction_is_refused() {
    for transaction in samples() {
        let bytes = user(1).sign(transaction).encode();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(decode(&longer), Err(DecodeError::Rlp(RlpError::Trailing)));
    }
}

#[test]
fn other_types_have_their_own_reasons() {
    assert_eq!(decode(&[]), Err(DecodeError::Empty));
    assert_eq!(decode(&[3, 0xc0]), Err(DecodeError::BlobTransaction));
    assert_eq!(decode(&[4, 0xc0]), Err(DecodeError::Rlp(RlpError::Truncated)));
    assert_eq!(decode(&[0, 0xc0]), Err(DecodeError::UnknownType(0)));
    assert_eq!(decode(&[0x7f]), Err(DecodeError::UnknownType(0x7f)));
    // Above 0x7f there is no type: these are the beginnings of RLP, but of a string.
    assert_eq!(decode(&[0x80]), Err(DecodeError::Rlp(RlpError::WrongKind)));
    assert_eq!(decode(&[0xb8, 60]), Err(DecodeError::Rlp(RlpError::Truncated)));
    assert_eq!(decode(&vec![2; TRANSACTION_BYTES_MAX + 1]), Err(DecodeError::TooLarge));
}

#[test]
fn the_chain_must_be_ours() {
    for transaction in samples() {
        let is_for_any_chain = transaction.chain_id.is_none();
        let bytes = user(1).sign(transaction).encode();
        let elsewhere = SignedTransaction::decode(&bytes, U256::from(1));
        if is_for_any_chain {
            assert!(elsewhere.is_ok());
        } else {
            assert_eq!(elsewhere, Err(DecodeError::WrongChainId(chain_id())));
        }
    }
    // Before anything is said of the signature, which is none: v for chain 2, and a zero in place of r and s.
    let half = text(&[0x11; 32]);
    let to = text(&[9; 20]);
    let fields: [&[u8]; 9] = [&[1], &[5], &[0x80], &to, &[0x80], &[0x80], &[39], &[0x80], &half];
    assert_eq!(decode(&list(&fields)), Err(DecodeError::WrongChainId(U256::from(2))));
}

#[test]
fn signatures_are_low_and_in_range() {
    let order = U256::from_big_endian(
        &hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap(),
    );
    let spelt = |value: U256| {
        let mut bytes = [0; 32];
        value.to_big_endian(&mut bytes);
        let start = value.leading_zeros() as usize / 8;
        text(&bytes[start..])
    };
    let (r, s) = (7, 8);
    assert_eq!(decode(&legacy_with(r, &[0x80])), Err(DecodeError::BadSignature));
    assert_eq!(decode(&legacy_with(s, &[0x80])), Err(DecodeError::BadSignature));
    assert_eq!(decode(&legacy_with(r, &spelt(order))), Err(DecodeError::BadSignature));
    assert_eq!(decode(&legacy_with(s, &spelt(order))), Err(DecodeError::BadSignature));
    assert!(decode(&legacy_with(r, &spelt(order - 1))).is_ok());
    assert!(decode(&legacy_with(s, &spelt(order / 2))).is_ok());
    assert_eq!(decode(&legacy_with(s, &spelt(order / 2 + 1))), Err(DecodeError::HighS));
    assert_eq!(decode(&legacy_with(s, &spelt(order - 1))), Err(DecodeError::HighS));
}

#[test]
fn the_parity_is_one_bit() {
    let v = 6;
    for bad in [&[0x1a][..], &[0x1d], &[0x22], &[0x01], &[0x80]] {
        assert_eq!(decode(&legacy_with(v, bad)), Err(DecodeError::BadParity), "{bad:?}");
    }
    // 35 and 36 name chain 0.
    assert_eq!(decode(&legacy_with(v, &[0x23])), Err(DecodeError::WrongChainId(U256::zero())));
    assert!(decode(&legacy_with(v, &[0x1c])).is_ok());
    let mut typed = user(1).sign(dynamic(0, None, 1, Vec::new())).encode();
    let parity = typed.len() - 2 * 33 - 1;
    assert!(typed[parity] == 0x80 || typed[parity] == 1);
    typed[parity] = 2;
    assert_eq!(decode(&typed), Err(DecodeError::BadParity));
    typed[parity] = 0x1b;
    assert_eq!(decode(&typed), Err(DecodeError::BadParity));
}

#[test]
fn a_signature_of_nobody_has_no_sender() {
    // No point of the curve has 5 as its first coordinate.
    let signed = decode(&legacy_with(7, &[0x05])).unwrap();
    assert!(signed.recover().is_err());
}

fn deposit() -> Deposit {
    Deposit { receiver: address(0xabc), value: U256::exp10(18), level: L1Level::new(77), index: 3 }
}

#[test]
fn a_deposit_is_an_unsigned_legacy_transaction() {
    let bytes = deposit().encode();
    let mut to = vec![0x94];
    to.extend(address(0xabc).0);
    let expected = [
        &[0xf4, 0x03, 0x80, 0x80][..],
        &to,
        &hex::decode("880de0b6b3a7640000").unwrap(),
        &[0x8f],
        b"deposit",
        &77u32.to_be_bytes(),
        &3u32.to_be_bytes(),
        &[0x80; 3],
    ]
    .concat();
    assert_eq!(hex::encode(&bytes), hex::encode(expected));
    assert_eq!(Deposit::decode(&bytes), Ok(Some(deposit())));
    assert_eq!(deposit().hash().as_bytes(), &millrace_evm::keccak(&bytes).0);
    assert_eq!(hex::encode(DEPOSIT_SENDER.0), format!("{:0>40}", "feed"));
}

#[test]
fn users_cannot_send_deposits() {
    assert_eq!(decode(&deposit().encode()), Err(DecodeError::DepositFromUser));
}

#[test]
fn only_deposits_are_shown_as_deposits() {
    for transaction in samples() {
        assert_eq!(Deposit::decode(&user(1).sign(transaction).encode()), Ok(None));
    }
    let bytes = deposit().encode();
    for index in 0..bytes.len() {
        let mut other = bytes.clone();
        other[index] ^= 0x10;
        if let Ok(Some(deposit)) = Deposit::decode(&other) {
            assert_eq!(deposit.encode(), other, "byte {index}");
        }
        assert!(Deposit::decode(&bytes[..index]).map_or(true, |decoded| decoded.is_none()));
    }
    // Another nonce than the index in the data.
    let mut other = bytes;
    other[1] = 4;
    assert_eq!(Deposit::decode(&other), Err(DecodeError::DepositFromUser));
}

#[test]
fn the_example_of_eip_155() {
    // Key 0x46…46, nonce 9, 20 gwei, 21,000 gas, one ether to 0x35…35 on chain 1.
    let bytes = hex::decode(concat!(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025",
        "a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
        "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    ))
    .unwrap();
    let signed = SignedTransaction::decode(&bytes, U256::one()).unwrap();
    assert_eq!(
        hex::encode(signed.signing_hash()),
        "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    );
    assert_eq!(signed.transaction().nonce, 9);
    let sender = signed.recover().unwrap().sender();
    assert_eq!(hex::encode(sender), "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
}

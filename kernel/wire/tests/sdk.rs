//! Our encodings of messages of the layer 1 against those of the Tezos SDK.

use millrace_primitives::{ContractHash, RollupAddress, Timestamp, U256};
use millrace_wire::{
    address::PublicKeyHash,
    base58::Base58Check,
    message::{self, InfoPerLevel, Message, Parameter, Ticket, Transfer},
};
use tezos_crypto_rs::hash::{BlockHash, ContractKt1Hash, HashTrait};
use tezos_smart_rollup_encoding::{
    contract::Contract,
    inbox::{self as sdk, ExternalMessageFrame, InboxMessage, InternalInboxMessage},
    michelson::{
        MichelsonBytes, MichelsonInt, MichelsonOption, MichelsonOr, MichelsonPair, ticket::FA2_1Ticket,
    },
    public_key_hash::PublicKeyHash as SdkPublicKeyHash,
    smart_rollup::SmartRollupAddress,
};

type RollupType =
    MichelsonOr<MichelsonOr<MichelsonPair<MichelsonBytes, FA2_1Ticket>, MichelsonBytes>, MichelsonBytes>;

const ROLLUP: &str = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";
const TICKETER: &str = "KT1NgXQ6Mwu3XKFDcKdYFS6dkkY3iNKdBKEc";
const SENDER: &str = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
const SOURCE: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";

fn rollup() -> RollupAddress {
    RollupAddress::from_base58(ROLLUP).unwrap()
}

fn written_by_sdk(payload: RollupType) -> Vec<u8> {
    let transfer = sdk::Transfer {
        payload,
        sender: ContractKt1Hash::from_b58check(SENDER).unwrap(),
        source: SdkPublicKeyHash::from_b58check(SOURCE).unwrap(),
        destination: SmartRollupAddress::from_b58check(ROLLUP).unwrap(),
    };
    let mut bytes = Vec::new();
    InboxMessage::Internal(InternalInboxMessage::Transfer(transfer)).serialize(&mut bytes).unwrap();
    bytes
}

fn ours(parameter: Parameter<'_>) -> Transfer<'_> {
    Transfer {
        sender: ContractHash::from_base58(SENDER).unwrap(),
        source: PublicKeyHash::from_base58(SOURCE).unwrap(),
        parameter,
    }
}

fn check(theirs: RollupType, parameter: Parameter<'_>) {
    let bytes = written_by_sdk(theirs);
    let transfer = ours(parameter);
    assert_eq!(message::transfer(&rollup(), &transfer), bytes);
    assert_eq!(message::parse(&bytes, &rollup()), Ok(Message::Transfer(transfer)));
}

#[test]
fn transfers_are_those_of_the_sdk() {
    for (amount, metadata) in [(1, None), (63, Some(vec![])), (64, Some(vec![1, 2])), (i32::MAX, None)] {
        let ticket = FA2_1Ticket::new(
            Contract::from_b58check(TICKETER).unwrap(),
            MichelsonPair(MichelsonInt::from(5), MichelsonOption(metadata.clone().map(MichelsonBytes))),
            amount,
        )
        .unwrap();
        let theirs =
            MichelsonOr::Left(MichelsonOr::Left(MichelsonPair(MichelsonBytes(vec![0xab; 20]), ticket)));
        let ticket = Ticket {
            ticketer: ContractHash::from_base58(TICKETER).unwrap(),
            token_id: U256::from(5),
            metadata: metadata.as_deref(),
            amount: U256::from(amount),
        };
        check(theirs, Parameter::Deposit { routing: &[0xab; 20], ticket });
    }
    check(
        MichelsonOr::Left(MichelsonOr::Right(MichelsonBytes(vec![0, 3]))),
        Parameter::DelayedBridge(&[0, 3]),
    );
    check(MichelsonOr::Right(MichelsonBytes(vec![7; 3_000])), Parameter::Governance(&[7; 3_000]));
}

#[test]
fn level_messages_are_those_of_the_sdk() {
    let info = sdk::InfoPerLevel {
        predecessor_timestamp: 1_700_000_000.into(),
        predecessor: BlockHash::try_from_bytes(&[9; 32]).unwrap(),
    };
    let table: [(InternalInboxMessage<RollupType>, Vec<u8>); 3] = [
        (InternalInboxMessage::StartOfLevel, message::start_of_level()),
        (InternalInboxMessage::EndOfLevel, message::end_of_level()),
        (
            InternalInboxMessage::InfoPerLevel(info),
            message::info_per_level(&InfoPerLevel {
                predecessor_timestamp: Timestamp::new(1_700_000_000),
                predecessor: [9; 32],
            }),
        ),
    ];
    for (theirs, ours) in table {
        let mut bytes = Vec::new();
        InboxMessage::Internal(theirs).serialize(&mut bytes).unwrap();
        assert_eq!(ours, bytes);
    }
}

#[test]
fn the_frame_is_that_of_the_sdk() {
    let ours = message::external(&rollup(), millrace_wire::frame::Kind::BlueprintChunk, &[1, 2]);
    let (_, InboxMessage::<RollupType>::External(frame)) = InboxMessage::parse(&ours).unwrap() else {
        panic!("not external");
    };
    let ExternalMessageFrame::Targetted { address, contents } = ExternalMessageFrame::parse(frame).unwrap();
    assert_eq!(address.to_b58check(), ROLLUP);
    assert_eq!(contents, [5, 1, 2]);
}

//! Our encodings of messages of the layer 1 against those of the Tezos SDK.

use millrace_primitives::{Address, ContractHash, H256, L1Account, RollupAddress, Timestamp, U256};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    base58::Base58Check,
    fa_deposit,
    message::{self, InfoPerLevel, Message, Parameter, Ticket, Transfer},
    outbox::{Call, Fast, Ticket as WithdrawnTicket, Withdrawal},
    signature::{PublicKey, SecretKey, Signature},
};
use sha3::{Digest as _, Keccak256};
use tezos_crypto_rs::{
    PublicKeySignatureVerifier, PublicKeyWithHash,
    hash::{self, BlockHash, ContractKt1Hash, HashTrait},
};
use tezos_data_encoding::enc::BinWriter;
use tezos_smart_rollup_encoding::{
    contract::Contract,
    entrypoint::Entrypoint,
    inbox::{self as sdk, ExternalMessageFrame, InboxMessage, InternalInboxMessage},
    michelson::{
        Michelson, MichelsonBytes, MichelsonContract, MichelsonInt, MichelsonOption, MichelsonOr,
        MichelsonPair, ticket::FA2_1Ticket,
    },
    outbox::{OutboxMessage, OutboxMessageTransaction},
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

fn secrets() -> Vec<SecretKey> {
    let curves = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];
    let of = |seed| curves.into_iter().filter_map(move |curve| SecretKey::from_bytes(curve, &[seed; 32]));
    (1..40).flat_map(of).collect()
}

/// Whether the SDK accepts our signature of `message`, which it wants as a digest.
fn accepted_by_sdk(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let digest = tezos_crypto_rs::blake2b::digest_256(message).unwrap();
    let signature = hash::Signature(signature.0.to_vec());
    let text = key.to_base58();
    match key {
        PublicKey::Ed25519(_) => hash::PublicKeyEd25519::from_b58check(&text)
            .unwrap()
            .verify_signature(&signature, &digest)
            .unwrap_or(false),
        PublicKey::Secp256k1(_) => hash::PublicKeySecp256k1::from_b58check(&text)
            .unwrap()
            .verify_signature(&signature, &digest)
            .unwrap_or(false),
        PublicKey::P256(_) => hash::PublicKeyP256::from_b58check(&text)
            .unwrap()
            .verify_signature(&signature, &digest)
            .unwrap_or(false),
    }
}

#[test]
fn keys_and_their_accounts_are_those_of_the_sdk() {
    for secret in secrets() {
        let key = secret.public_key();
        let text = key.to_base58();
        let (bytes, account) = match key {
            PublicKey::Ed25519(_) => {
                let theirs = hash::PublicKeyEd25519::from_b58check(&text).unwrap();
                (theirs.0.clone(), theirs.pk_hash().unwrap().to_b58check())
            }
            PublicKey::Secp256k1(_) => {
                let theirs = hash::PublicKeySecp256k1::from_b58check(&text).unwrap();
                (theirs.0.clone(), theirs.pk_hash().unwrap().to_b58check())
            }
            PublicKey::P256(_) => {
                let theirs = hash::PublicKeyP256::from_b58check(&text).unwrap();
                (theirs.0.clone(), theirs.pk_hash().unwrap().to_b58check())
            }
        };
        assert_eq!(key.to_bytes()[1..], bytes);
        assert_eq!(key.hash().to_base58(), account);
        assert_eq!(PublicKeyHash::from_base58(&account), Ok(key.hash()));
    }
}

#[test]
fn signatures_are_those_of_the_sdk() {
    for (secret, message) in secrets().into_iter().zip((0u8..).map(|byte| [byte; 40])) {
        let (key, signature) = (secret.public_key(), secret.sign(&message));
        assert!(key.verify(&message, &signature));
        assert!(accepted_by_sdk(&key, &message, &signature));
        assert!(!accepted_by_sdk(&key, b"another message", &signature));
        let mut wrong = signature;
        wrong.0[40] ^= 1;
        assert!(!key.verify(&message, &wrong) && !accepted_by_sdk(&key, &message, &wrong));
        assert_eq!(hash::Signature(signature.0.to_vec()).to_b58check(), signature.to_base58());
    }
}

#[test]
fn what_the_sdk_signs_we_accept() {
    for seed in 1..40u8 {
        let secret = hash::SeedEd25519(vec![seed; 32]);
        let (public, secret) = secret.keypair().unwrap();
        let digest = tezos_crypto_rs::blake2b::digest_256(b"message").unwrap();
        let signature = secret.sign(&digest).unwrap();
        let key = PublicKey::from_base58(&public.to_b58check()).unwrap();
        let signature = Signature::from_base58(&signature.to_b58check()).unwrap();
        assert!(key.verify(b"message", &signature));
        assert_eq!(SecretKey::from_seed(&[seed; 32]).sign(b"message"), signature);
    }
}

#[test]
fn tickets_have_the_hash_of_creator_and_contents() {
    for (token_id, metadata) in [(0, None), (5, Some(vec![])), (64, Some(vec![1, 2])), (1 << 20, None)] {
        let theirs = FA2_1Ticket::new(
            Contract::from_b58check(TICKETER).unwrap(),
            MichelsonPair(
                MichelsonInt::from(token_id),
                MichelsonOption(metadata.clone().map(MichelsonBytes)),
            ),
            1,
        )
        .unwrap();
        let mut forged = Vec::new();
        theirs.creator().0.bin_write(&mut forged).unwrap();
        theirs.contents().bin_write(&mut forged).unwrap();
        let ours = Ticket {
            ticketer: ContractHash::from_base58(TICKETER).unwrap(),
            token_id: U256::from(token_id),
            metadata: metadata.as_deref(),
            amount: U256::from(1),
        };
        assert_eq!(fa_deposit::ticket_hash(&ours), H256(Keccak256::digest(&forged).into()));
    }
}

/// Another contract, and receivers of every kind that the SDK knows.
const PROXY: &str = "KT1TczPwz5KjAuuJKvkTmttS7bBioT5gjQ4Y";
const RECEIVERS: [&str; 4] =
    [SOURCE, "tz28YZoayJjVz2bRgGeVjxE8NonMiJ3r2Wdu", "tz3LL3cfMfBV4fPaPZdcj9TjPa3XbvLiXw9V", PROXY];

fn sent_by_sdk(parameters: impl Michelson, destination: &str, entrypoint: &str) -> Vec<u8> {
    let transaction = OutboxMessageTransaction {
        parameters,
        destination: Contract::from_b58check(destination).unwrap(),
        entrypoint: Entrypoint::try_from(entrypoint.to_owned()).unwrap(),
    };
    let mut bytes = Vec::new();
    OutboxMessage::AtomicTransactionBatch(vec![transaction].into()).bin_write(&mut bytes).unwrap();
    bytes
}

fn sdk_ticket(token_id: i32, metadata: Option<&[u8]>, amount: u64) -> FA2_1Ticket {
    let metadata = MichelsonOption(metadata.map(|bytes| MichelsonBytes(bytes.to_vec())));
    let content = MichelsonPair(MichelsonInt::from(token_id), metadata);
    FA2_1Ticket::new(Contract::from_b58check(TICKETER).unwrap(), content, amount).unwrap()
}

fn contract(text: &str) -> ContractHash {
    ContractHash::from_base58(text).unwrap()
}

fn account(text: &str) -> (L1Account, MichelsonContract) {
    let contract = Contract::from_b58check(text).unwrap();
    let mut bytes = Vec::new();
    contract.bin_write(&mut bytes).unwrap();
    (L1Account::from_slice(&bytes).unwrap(), MichelsonContract(contract))
}

fn withdrawn(content: &str, amount: u64) -> WithdrawnTicket {
    let content = hex::decode(content).unwrap();
    WithdrawnTicket { ticketer: contract(TICKETER), content, amount: U256::from(amount) }
}

#[test]
fn withdrawals_have_the_bytes_of_the_sdk() {
    for text in RECEIVERS {
        for amount in [1, 63, 64, u64::MAX] {
            let (receiver, theirs) = account(text);
            let burn = Withdrawal { ticket: withdrawn("070700000306", amount), receiver, call: Call::Burn };
            let parameters = MichelsonPair(theirs, sdk_ticket(0, None, amount));
            assert_eq!(burn.encode(), sent_by_sdk(parameters, TICKETER, "burn"), "{text} {amount}");

            // Pair 5 (Some 0xbeef)
            let ticket = withdrawn("0707000505090a00000002beef", amount);
            let call = Call::Withdraw { proxy: contract(PROXY) };
            let parameters = MichelsonPair(account(text).1, sdk_ticket(5, Some(&[0xbe, 0xef]), amount));
            let message = Withdrawal { ticket, receiver, call }.encode();
            assert_eq!(message, sent_by_sdk(parameters, PROXY, "withdraw"), "{text} {amount}");
        }
    }
}

#[test]
fn fast_withdrawals_have_the_bytes_of_the_sdk() {
    for (id, payload) in [(0, vec![]), (64, vec![1]), (i32::MAX, vec![0xab; 3_000])] {
        let (receiver, theirs) = account(SOURCE);
        let fast = Fast {
            contract: contract(PROXY),
            id: U256::from(id),
            timestamp: Timestamp::new(1_700_000_000),
            payload: payload.clone(),
            caller: Address::repeat_byte(0xca),
        };
        let ticket = withdrawn("070700000306", 7);
        let message = Withdrawal { ticket, receiver, call: Call::Settle(fast) }.encode();
        let bytes = MichelsonPair(MichelsonBytes(payload), MichelsonBytes(vec![0xca; 20]));
        let parameters = MichelsonPair(
            MichelsonInt::from(id),
            MichelsonPair(
                sdk_ticket(0, None, 7),
                MichelsonPair(MichelsonInt::from(1_700_000_000), MichelsonPair(theirs, bytes)),
            ),
        );
        assert_eq!(message, sent_by_sdk(parameters, PROXY, "default"), "{id}");
    }
}

//! The decoders of what is inside messages: bodies of external messages, bytes of contracts, slots.

use millrace_inbox::scenario::{ROLLUP, blueprint, payload};
use millrace_primitives::{
    Address, BlockNumber, ContractHash, L1Account, L1Level, PreimageHash, Timestamp, U256,
};
use millrace_wire::{
    address::Curve,
    blueprint::{Certificate, MemberSignature, legacy, prepare},
    dal::{self, PublishedSlots, PublisherSlots, Signal},
    delayed::{self, BridgeMessage},
    fa_deposit::Routing,
    governance::{CancelUpgrade, CommitteeChange, Decision, KernelUpgrade, SequencerUpgrade},
    message::DalAttestedSlots,
    outbox::{Call, Fast, Ticket, Withdrawal},
    proxy::{self, Announcement, Transaction, TransactionChunk},
    signature::{PublicKey, SecretKey, Signature},
};

/// A valid example of each.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let keys = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];
    let keys = keys.into_iter().filter_map(|curve| SecretKey::from_bytes(curve, &[5; 32]));
    let keys: Vec<_> = keys.map(|secret| secret.public_key()).collect();
    let groups = [
        proxy_bodies(),
        legacy_chunks(),
        dal_bytes(),
        bridge_messages(),
        decisions(&keys),
        routings(),
        withdrawals(),
    ];
    groups
        .into_iter()
        .flatten()
        .chain(keys.iter().map(PublicKey::to_bytes))
        .chain(committee_chunks())
        .collect()
}

fn proxy_bodies() -> Vec<Vec<u8>> {
    let bodies = [2, 4_041, 9_000].into_iter().filter_map(|size| proxy::cut(&vec![2; size]));
    bodies.flatten().map(|(_, body)| body).collect()
}

/// What the layer 1 is sent.
fn withdrawals() -> Vec<Vec<u8>> {
    let contract = ContractHash::new([9; 20]);
    let fast = Fast {
        contract,
        id: U256::from(500),
        timestamp: Timestamp::new(1_700_000_000),
        payload: vec![1; 40],
        caller: Address::repeat_byte(3),
    };
    // Pair 5 (Some 0xbeef)
    let content = vec![7, 7, 0, 5, 5, 9, 10, 0, 0, 0, 2, 0xbe, 0xef];
    let ticket = Ticket { ticketer: contract, content, amount: U256::MAX };
    let receiver = L1Account::new([0; 22]);
    let calls = [Call::Burn, Call::Withdraw { proxy: contract }, Call::Settle(fast)];
    calls.map(|call| Withdrawal { ticket: ticket.clone(), receiver, call }.encode()).into()
}

fn legacy_chunks() -> Vec<Vec<u8>> {
    let bytes = legacy::encode_payload(&blueprint(11, payload(5_000, 1)));
    let cut = [None, Some(U256::from(1337))].into_iter();
    let chunks: Vec<_> =
        cut.filter_map(|chain_id| legacy::cut(&bytes, BlockNumber::new(11), chain_id)).flatten().collect();
    let signed = chunks.iter().map(|chunk| chunk.signed(Signature([7; 64])).encode());
    let unsigned = chunks.iter().map(legacy::Chunk::encode);
    signed.chain(unsigned).chain([legacy::encode_payload(&blueprint(11, payload(100, 1)))]).collect()
}

fn dal_bytes() -> Vec<Vec<u8>> {
    let levels = [(1, vec![0, 1, 200]), (2, vec![])];
    let levels = levels.map(|(level, slots)| PublishedSlots { published_level: L1Level::new(level), slots });
    let signal = Signal { levels: levels.into(), signature: Signature([7; 64]) };
    let bytes = legacy::encode_payload(&blueprint(11, payload(3_000, 1)));
    let chunks = legacy::cut(&bytes, BlockNumber::new(11), None).unwrap_or_default();
    let publisher = SecretKey::from_seed(&[5; 32]).public_key().hash();
    let publishers = [U256::one(), U256::from(0x1_0001), U256::MAX >> 224];
    let publishers = publishers.map(|bits| PublisherSlots { publisher, bits });
    let slot = dal::slot(&chunks, 4_000).unwrap_or_default();
    vec![signal.encode(), slot, dal::encode_publishers(&publishers)]
}

fn bridge_messages() -> Vec<Vec<u8>> {
    let transaction = vec![0xf8; 5_000];
    let messages = delayed::cut(&transaction).unwrap_or_default();
    let whole = [BridgeMessage::Whole(&[2, 0xc0]), BridgeMessage::Whole(&[0xc1, 0x80])];
    messages.iter().chain(&whole).map(BridgeMessage::encode).collect()
}

fn decisions(keys: &[PublicKey]) -> Vec<Vec<u8>> {
    let root_hash = PreimageHash::new([0; 33]);
    let (pool, activation) = (Address::repeat_byte(0xee), Timestamp::new(1_800_000_000));
    let members = (1..=4).map(|seed| SecretKey::from_seed(&[seed; 32]).public_key()).collect();
    let committee = CommitteeChange { members, quorum: 3, pool, activation };
    let decisions = [
        Decision::KernelUpgrade(KernelUpgrade { root_hash, activation }),
        Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: activation }),
        Decision::CommitteeChange(committee),
    ];
    let sequencers =
        keys.iter().map(|key| Decision::SequencerUpgrade(SequencerUpgrade { key: *key, pool, activation }));
    decisions.into_iter().chain(sequencers).map(|decision| decision.encode()).collect()
}

fn routings() -> Vec<Vec<u8>> {
    vec![vec![0xab; 20], vec![0xab; 40], vec![0xab; 72]]
}

/// Chunks with the certificate of a committee.
fn committee_chunks() -> Vec<Vec<u8>> {
    let signed = |member| MemberSignature { member, signature: Signature([member; 64]) };
    let certificate = Certificate::Quorum((0..3).map(signed).collect());
    let prepared =
        prepare(millrace_inbox::scenario::EPOCH, &blueprint(11, payload(5_000, 1)), certificate.size_bytes());
    let messages = prepared.and_then(|prepared| prepared.seal(certificate, &ROLLUP)).unwrap_or_default();
    messages.iter().filter_map(|message| message.get(23..)).map(<[u8]>::to_vec).collect()
}

/// Gives `bytes` to all of these decoders, and answers those that took them.
pub(super) fn check(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = check_proxy(bytes);
    decoded.extend(check_legacy(bytes));
    decoded.extend(check_dal(bytes));
    if let Ok(message) = BridgeMessage::decode(bytes) {
        assert_eq!(message.encode(), bytes);
        decoded.push("bridge message");
    }
    if let Some(withdrawal) = Withdrawal::decode(bytes) {
        assert_eq!(withdrawal.encode(), bytes);
        decoded.push("withdrawal");
    }
    if let Ok(decision) = Decision::decode(bytes) {
        assert_eq!(decision.encode(), bytes);
        if let Decision::CommitteeChange(change) = &decision {
            assert_eq!(change.authority(millrace_inbox::scenario::EPOCH).validate(), Ok(()));
        }
        decoded.push("decision");
    }
    if let Some(routing) = Routing::decode(bytes) {
        assert!(bytes.starts_with(&routing.encode()));
        decoded.push("FA routing");
    }
    decoded
}

fn check_proxy(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = Vec::new();
    if let Ok(transaction) = Transaction::decode(bytes) {
        assert_eq!(transaction.encode(), bytes);
        decoded.push(if transaction.is_hash_right() { "right transaction" } else { "transaction" });
    }
    let chunk = TransactionChunk::decode(bytes);
    if let Ok(announcement) = Announcement::decode(bytes) {
        assert_eq!(announcement.encode(), bytes);
        let _ = chunk.is_ok_and(|chunk| chunk.belongs_to(&announcement));
        decoded.push("announcement");
    }
    if let Ok(chunk) = chunk {
        assert_eq!(chunk.encode(), bytes);
        decoded.push(if chunk.is_hash_right() { "right transaction chunk" } else { "transaction chunk" });
    }
    decoded
}

fn check_legacy(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = Vec::new();
    if let Ok(chunk) = legacy::Chunk::decode(bytes) {
        assert_eq!(chunk.encode(), bytes);
        decoded.push("legacy chunk");
    }
    if let Ok(signed) = legacy::SignedChunk::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
        assert_eq!(legacy::Chunk::decode(&signed.chunk.encode()), Ok(signed.chunk));
        decoded.push("signed legacy chunk");
    }
    if let Ok(blueprint) = legacy::decode_payload(BlockNumber::ZERO, bytes) {
        assert_eq!(legacy::encode_payload(&blueprint), bytes);
        decoded.push("legacy payload");
    }
    decoded
}

fn check_dal(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = Vec::new();
    if let Ok(signal) = Signal::decode(bytes) {
        assert_eq!(signal.encode(), bytes);
        decoded.push("DAL signal");
    }
    let chunks = dal::slot_chunks(bytes).filter(Result::is_ok).count();
    assert!(chunks <= bytes.len());
    if chunks > 0 {
        decoded.push("DAL slot");
    }
    let attested = DalAttestedSlots {
        published_level: L1Level::new(1),
        number_of_slots: 32,
        slot_size_bytes: 126_944,
        page_size_bytes: 3_967,
        publishers: bytes,
    };
    if let Ok(publishers) = dal::decode_publishers(&attested) {
        assert_eq!(dal::encode_publishers(&publishers), bytes);
        assert!(publishers.iter().all(|publisher| publisher.slots().all(|slot| slot < 32)));
        decoded.push("DAL publishers");
    }
    decoded
}

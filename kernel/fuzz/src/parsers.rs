//! Every decoder of `wire`.

mod bodies;

use crate::{mutation, seeds::Seeds};
use anyhow::Result;
use fastrand::Rng;
use millrace_inbox::scenario::{ROLLUP, Scenario, payload};
use millrace_primitives::{ContractHash, RollupAddress};
use millrace_wire::{
    address::{Curve, PublicKeyHash, contract_from_bytes, contract_to_bytes},
    base58::Base58Check,
    blueprint::{Announced, Chunk, Header, Payload, assemble},
    deposit::receiver,
    message::{self, Message},
    micheline::Node,
    signature::{PublicKey, Signature},
};

/// What the cases start from.
pub struct Parsers {
    seeds: Vec<Vec<u8>>,
}

impl Parsers {
    /// Makes the valid messages, and the parts that some decoders read.
    ///
    /// # Errors
    /// When the scenario cannot be set up.
    pub fn new() -> Result<Self> {
        let scenario = Scenario::new()?;
        let Seeds { authentic, forged, internal } = Seeds::new(&scenario);
        let key = scenario.sequencer.public_key();
        let bodies = authentic.iter().filter_map(|message| message.get(23..)).map(<[u8]>::to_vec);
        let transfers = internal.iter().filter_map(|message| message.get(2..message.len().checked_sub(61)?));
        let parts = [
            payload(100, 1).encode(),
            payload(5_000, 2).encode(),
            key.to_bytes(),
            key.hash().to_bytes().to_vec(),
            key.to_base58().into_bytes(),
            key.hash().to_base58().into_bytes(),
            ROLLUP.to_base58().into_bytes(),
            ContractHash::new([9; 20]).to_base58().into_bytes(),
            contract_to_bytes(&ContractHash::new([9; 20])),
            Signature([7; 64]).to_base58().into_bytes(),
            Signature([7; 64]).to_base58_of(Curve::P256).unwrap_or_default().into_bytes(),
        ];
        let micheline = transfers.map(<[u8]>::to_vec);
        let seeds = bodies.chain(micheline).chain(parts).chain(self::bodies::seeds());
        let seeds: Vec<_> = seeds.collect();
        Ok(Self { seeds: [authentic, forged, internal, seeds].concat() })
    }

    /// One case: one damaged message to all decoders.
    pub fn case(&self, rng: &mut Rng) -> Vec<String> {
        let seed = &self.seeds[rng.usize(0..self.seeds.len())];
        let other = &self.seeds[rng.usize(0..self.seeds.len())];
        let bytes = match rng.u8(0..10) {
            0 => seed.clone(),
            1 => mutation::noise(rng, seed),
            _ => mutation::mutated(rng, seed, other),
        };
        check(&bytes).into_iter().map(|what| format!("decoded {what}")).collect()
    }
}

/// Gives `bytes` to all decoders, and answers those that took them.
fn check(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = Vec::new();
    if let Ok(message) = message::parse(bytes, &ROLLUP) {
        let again = encode(&message);
        assert_eq!(message::parse(&again, &ROLLUP), Ok(message));
        decoded.push("message");
    }
    if let Ok(node) = Node::decode(bytes) {
        assert_eq!(Node::decode(&node.encode()), Ok(node));
        decoded.push("micheline");
    }
    if let Ok(chunk) = Chunk::decode(bytes) {
        assert_eq!(chunk.encode(), bytes);
        assert_eq!(Announced::decode(chunk.announced_bytes), Ok(chunk.announced.clone()));
        let header = chunk.announced.header;
        if chunk.proves_piece() && header.chunk_count == 1 {
            // A stranger can prove any piece of a header that he made.
            let _ = assemble(&header, &[chunk.piece.to_vec()]);
        }
        decoded.push("chunk");
    }
    if let Some(header) = Header::decode(bytes) {
        assert_eq!(header.encode(), bytes);
        decoded.push("header");
    }
    if let Ok(payload) = Payload::decode(bytes) {
        assert_eq!(payload.encode(), bytes);
        assert_eq!(payload.size().bytes(), bytes.len());
        decoded.push("payload");
    }
    if receiver(bytes).is_ok() {
        decoded.push("routing");
    }
    decoded.extend(bodies::check(bytes));
    decoded.extend(check_names(bytes));
    decoded
}

fn check_names(bytes: &[u8]) -> Vec<&'static str> {
    let mut decoded = Vec::new();
    if let Some(key) = PublicKey::from_bytes(bytes) {
        assert_eq!(key.to_bytes(), bytes);
        assert!(!key.verify(bytes, &Signature([1; 64])));
        decoded.push(if key.is_valid() { "valid public key" } else { "public key" });
    }
    if let Some(account) = PublicKeyHash::from_bytes(bytes) {
        assert_eq!(account.to_bytes(), bytes);
        decoded.push("account");
    }
    if let Some(contract) = contract_from_bytes(bytes) {
        assert_eq!(contract_to_bytes(&contract), bytes);
        decoded.push("contract");
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        let texts = [
            RollupAddress::from_base58(text).map(|value| value.to_base58()),
            ContractHash::from_base58(text).map(|value| value.to_base58()),
            PublicKeyHash::from_base58(text).map(|value| value.to_base58()),
            PublicKey::from_base58(text).map(|value| value.to_base58()),
        ];
        if let Ok(signature) = Signature::from_base58(text) {
            let curves = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];
            let named = curves.into_iter().filter_map(|curve| signature.to_base58_of(curve));
            assert!(named.chain([signature.to_base58()]).any(|again| again == text));
            decoded.push("signature");
        }
        for again in texts.into_iter().flatten() {
            assert_eq!(again, text);
            decoded.push("base58");
        }
    }
    decoded
}

fn encode(message: &Message<'_>) -> Vec<u8> {
    match message {
        Message::StartOfLevel => message::start_of_level(),
        Message::EndOfLevel => message::end_of_level(),
        Message::InfoPerLevel(info) => message::info_per_level(info),
        Message::ProtocolMigration(protocol) => message::protocol_migration(protocol),
        Message::DalAttestedSlots(slots) => message::dal_attested_slots(slots),
        Message::Transfer(transfer) => message::transfer(&ROLLUP, transfer),
        Message::External(external) => message::external(&ROLLUP, external.kind, external.body),
    }
}

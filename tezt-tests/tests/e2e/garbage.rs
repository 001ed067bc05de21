//! Messages that the kernel must ignore.

use anyhow::{Context as _, anyhow};
use fastrand::Rng;
use millrace_primitives::{BlockHash, Epoch, RollupAddress, Timestamp, U256};
use millrace_tezt::quantity;
use millrace_wire::{
    base58::Base58Check as _,
    blueprint::{Blueprint, Certificate, Domain, Payload, prepare},
    signature::SecretKey,
};
use serde_json::Value;

/// The sequencer of a sandbox.
const SEQUENCER_SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";
/// Largest inbox message.
const MESSAGE_BYTES_MAX: usize = 4_096;
const CHAIN_ID: u64 = 1_337;

/// Complete inbox messages with what is wrong about each. `head` is the last block of the rollup, as JSON-RPC has it.
pub(crate) fn messages(rollup: &str, head: &Value) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let ours = RollupAddress::from_base58(rollup).map_err(|error| anyhow!("{error:?}"))?;
    let other = RollupAddress::new([9; 20]);
    let sequencer = SecretKey::from_base58(SEQUENCER_SECRET).map_err(|error| anyhow!("{error:?}"))?;
    let stranger = SecretKey::from_seed(&[9; 32]);
    let domain = Domain { rollup: ours, chain_id: U256::from(CHAIN_ID) };
    let next = next_blueprint(head)?;
    let chunk = |epoch, key: &SecretKey, domain: &Domain, target: &RollupAddress| {
        let prepared =
            prepare(epoch, &next, Certificate::SINGLE_SIZE_BYTES).map_err(|error| anyhow!("{error:?}"))?;
        let certificate = Certificate::Single(key.sign(&prepared.signing_bytes(domain)));
        let messages = prepared.seal(certificate, target).map_err(|error| anyhow!("{error:?}"))?;
        messages.into_iter().next().context("a blueprint has a chunk")
    };
    let good = chunk(Epoch::ZERO, &sequencer, &domain, &ours)?;
    let mut messages = vec![
        ("a chunk signed by a stranger", chunk(Epoch::ZERO, &stranger, &domain, &ours)?),
        ("a chunk for another rollup", chunk(Epoch::ZERO, &sequencer, &domain, &other)?),
        (
            "a chunk that was signed for another rollup",
            chunk(Epoch::ZERO, &sequencer, &Domain { rollup: other, ..domain }, &ours)?,
        ),
        (
            "a chunk that was signed for another chain",
            chunk(Epoch::ZERO, &sequencer, &Domain { chain_id: U256::one(), ..domain }, &ours)?,
        ),
        ("a chunk of another epoch", chunk(Epoch::new(1), &sequencer, &domain, &ours)?),
        ("nothing but a tag", vec![1]),
        ("no known tag", vec![0xff]),
        ("an internal message that ends early", vec![0]),
        ("an internal message of an unknown kind", vec![0, 0xff]),
        ("a level that starts twice", vec![0, 1]),
    ];
    let larger = [good.as_slice(), &vec![0; MESSAGE_BYTES_MAX - good.len()]].concat();
    messages.push(("a chunk with bytes to spare", larger));
    let mut messages: Vec<_> = messages.into_iter().map(|(what, bytes)| (what.to_owned(), bytes)).collect();
    let mut rng = Rng::with_seed(7);
    for _ in 0..8 {
        let size_bytes = rng.usize(1..good.len());
        messages.push((format!("a chunk cut to {size_bytes} bytes"), good[..size_bytes].to_vec()));
        let (place, mut flipped) = (rng.usize(1..good.len()), good.clone());
        flipped[place] ^= 1 << rng.u8(0..8);
        messages.push((format!("a chunk with a wrong bit in byte {place}"), flipped));
        let size_bytes = rng.usize(1..MESSAGE_BYTES_MAX);
        let random = [vec![1], (1..size_bytes).map(|_| rng.u8(..)).collect()].concat();
        messages.push((format!("{size_bytes} random bytes"), random));
    }
    Ok(messages)
}

/// What would be the next block.
fn next_blueprint(head: &Value) -> anyhow::Result<Blueprint> {
    let parent = hex::decode(head["hash"].as_str().context("no hash")?.trim_start_matches("0x"))?;
    Ok(Blueprint {
        number: millrace_primitives::BlockNumber::new(quantity(&head["number"])? + 1),
        parent: BlockHash::from_slice(&parent).context("not a hash")?,
        timestamp: Timestamp::new(quantity(&head["timestamp"])? + 1),
        payload: Payload::default(),
    })
}

//! What the rollup node remembers of every level, besides the durable storage.

use super::machine::status_text;
use crate::client::BlockHeader;
use crate::sandbox::chain::Block;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::text::blake2b_256;
use crate::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash};
use millrace_primitives::{L1Level, RollupAddress, Timestamp};
use millrace_pvm::Status;

/// A processed level.
///
/// The inbox hashes are the sandbox's own chain of Blake2b hashes: they change when a message changes, but
/// they are not the skip list of the protocol, which no part of Millrace reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LevelRecord {
    /// The level.
    pub level: L1Level,
    /// Hash of its block.
    pub block_hash: L1BlockHash,
    /// Hash of the block before.
    pub predecessor: L1BlockHash,
    /// Time of the block.
    pub timestamp: Timestamp,
    /// Inputs of the PVM: the messages and those that frame the level.
    pub messages: u32,
    /// Hash over the messages of this level.
    pub inbox_witness: InboxWitness,
    /// Hash over all messages up to this level.
    pub inbox_hash: InboxHash,
    /// Ticks of the PVM before this level.
    pub initial_tick: u128,
    /// Ticks of this level.
    pub ticks: u128,
    /// What the PVM is ready for at the end.
    pub status: Status,
}

impl LevelRecord {
    /// The record of the level of the origination: nothing was run.
    pub(super) fn origination(block: &Block, rollup: &RollupAddress) -> Self {
        Self {
            level: block.level,
            block_hash: block.hash,
            predecessor: block.predecessor,
            timestamp: block.timestamp,
            messages: 0,
            inbox_witness: witness(&[]),
            inbox_hash: InboxHash::new(blake2b_256(rollup.as_bytes())),
            initial_tick: 0,
            ticks: 0,
            status: Status::WaitingForInput,
        }
    }

    /// The record of the level after `previous`.
    pub(super) fn after(
        previous: &Self,
        block: &Block,
        inputs: &[Vec<u8>],
        (ticks, status): (u128, Status),
    ) -> Self {
        let inbox_witness = witness(inputs);
        let link = [previous.inbox_hash.as_bytes().as_slice(), inbox_witness.as_bytes()].concat();
        Self {
            level: block.level,
            block_hash: block.hash,
            predecessor: block.predecessor,
            timestamp: block.timestamp,
            messages: u32::try_from(inputs.len()).unwrap_or(u32::MAX),
            inbox_witness,
            inbox_hash: InboxHash::new(blake2b_256(&link)),
            initial_tick: previous.initial_tick.saturating_add(previous.ticks),
            ticks,
            status,
        }
    }

    /// As the RPC shows it. The sandbox makes no commitments yet: the last one is always that of the
    /// origination.
    pub fn header(&self, origination: CommitmentHash) -> BlockHeader {
        BlockHeader {
            block_hash: self.block_hash,
            level: self.level,
            predecessor: self.predecessor,
            commitment_hash: (self.level == L1Level::ZERO).then_some(origination),
            previous_commitment_hash: origination,
            inbox_witness: self.inbox_witness,
            inbox_hash: self.inbox_hash,
            initial_tick: self.initial_tick.to_string(),
            num_ticks: self.ticks.to_string(),
            pvm_status: Some(status_text(&self.status)),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let status = serde_json::to_vec(&self.status).expect("a status has a JSON form");
        Writer::default()
            .fixed(&self.level.get().to_be_bytes())
            .fixed(self.block_hash.as_bytes())
            .fixed(self.predecessor.as_bytes())
            .fixed(&self.timestamp.get().to_be_bytes())
            .fixed(&self.messages.to_be_bytes())
            .fixed(self.inbox_witness.as_bytes())
            .fixed(self.inbox_hash.as_bytes())
            .fixed(&self.initial_tick.to_be_bytes())
            .fixed(&self.ticks.to_be_bytes())
            .string(&status)
            .finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            level: L1Level::new(reader.u32()?),
            block_hash: L1BlockHash::new(reader.fixed()?),
            predecessor: L1BlockHash::new(reader.fixed()?),
            timestamp: Timestamp::new(reader.u64()?),
            messages: reader.u32()?,
            inbox_witness: InboxWitness::new(reader.fixed()?),
            inbox_hash: InboxHash::new(reader.fixed()?),
            initial_tick: reader.u128()?,
            ticks: reader.u128()?,
            status: serde_json::from_slice(reader.string()?).map_err(|_| Damaged)?,
        };
        reader.end()?;
        Ok(record)
    }
}

/// The name that stands for the commitment of an origination.
pub(crate) fn origination_commitment(rollup: &RollupAddress) -> CommitmentHash {
    CommitmentHash::new(blake2b_256(
        &[b"millrace/sandbox/origination/1".as_slice(), rollup.as_bytes()].concat(),
    ))
}

fn witness(inputs: &[Vec<u8>]) -> InboxWitness {
    let empty = [0; 32];
    let link =
        |hash: [u8; 32], input: &Vec<u8>| blake2b_256(&[hash.as_slice(), &blake2b_256(input)].concat());
    InboxWitness::new(inputs.iter().fold(empty, link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_pvm::Stuck;

    #[test]
    fn records_chain_their_inboxes_and_ticks_and_are_read_back() {
        let rollup = RollupAddress::new([1; 20]);
        let genesis = Block::genesis(Timestamp::new(1));
        let first = Block::new(L1Level::new(1), genesis.hash, Timestamp::new(2), vec![]);
        let origin = LevelRecord::origination(&genesis, &rollup);
        let record =
            |inputs: &[Vec<u8>]| LevelRecord::after(&origin, &first, inputs, (7, Status::WaitingForInput));
        let one = record(&[vec![1], vec![2]]);
        assert_ne!(one.inbox_hash, record(&[vec![1, 2]]).inbox_hash);
        assert_ne!(one.inbox_hash, record(&[vec![2], vec![1]]).inbox_hash);
        let two = LevelRecord::after(&one, &first, &[], (3, Status::Stuck(Stuck::NoEntry)));
        assert_eq!((two.initial_tick, two.ticks), (7, 3));
        assert_ne!(two.inbox_hash, one.inbox_hash);
        for record in [&origin, &one, &two] {
            assert_eq!(LevelRecord::decode(&record.encode()).as_ref(), Ok(record));
        }
        assert_eq!(LevelRecord::decode(&one.encode()[1..]), Err(Damaged));
        let header = one.header(origination_commitment(&rollup));
        assert_eq!((header.initial_tick.as_str(), header.num_ticks.as_str()), ("0", "7"));
        assert_eq!(header.commitment_hash, None);
    }
}

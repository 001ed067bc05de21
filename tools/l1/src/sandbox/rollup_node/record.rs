//! What the rollup node remembers of every level, besides the durable storage.

use super::commitments::Commitment;
use super::machine::status_text;
use crate::client::BlockHeader;
use crate::sandbox::chain::Block;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use crate::text::blake2b_256;
use crate::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash, StateHash};
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
    /// The commitment to the state at its end, if the node made one.
    pub commitment: Option<CommitmentHash>,
    /// The last commitment before.
    pub previous_commitment: CommitmentHash,
    /// Ticks of the levels that the next commitment is about, this one included.
    pub uncommitted_ticks: u128,
}

/// What running a level came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    /// Ticks of the level.
    pub(super) ticks: u128,
    /// What the PVM is ready for.
    pub(super) status: Status,
    /// The hash of the state, if the level ends a period of commitments.
    pub(super) commits_to: Option<StateHash>,
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
            commitment: Some(origination_commitment(rollup)),
            previous_commitment: origination_commitment(rollup),
            uncommitted_ticks: 0,
        }
    }

    /// The record of the level after `previous`.
    pub(super) fn after(previous: &Self, block: &Block, inputs: &[Vec<u8>], outcome: Outcome) -> Self {
        let Outcome { ticks, status, commits_to } = outcome;
        let previous_commitment = previous.commitment.unwrap_or(previous.previous_commitment);
        let before = if previous.commitment.is_some() { 0 } else { previous.uncommitted_ticks };
        let uncommitted_ticks = before.saturating_add(ticks);
        let (level, predecessor) = (block.level, previous_commitment);
        let commit = |state| Commitment { state, level, predecessor, ticks: uncommitted_ticks }.hash();
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
            commitment: commits_to.map(commit),
            previous_commitment,
            uncommitted_ticks,
        }
    }

    /// What was committed to at this level, when that is this state; `None` when nothing was.
    pub(super) fn committed(&self, state: StateHash) -> Option<Commitment> {
        let commitment = Commitment {
            state,
            level: self.level,
            predecessor: self.previous_commitment,
            ticks: self.uncommitted_ticks,
        };
        (self.commitment == Some(commitment.hash())).then_some(commitment)
    }

    /// As the RPC shows it.
    pub fn header(&self) -> BlockHeader {
        BlockHeader {
            block_hash: self.block_hash,
            level: self.level,
            predecessor: self.predecessor,
            commitment_hash: self.commitment,
            previous_commitment_hash: self.previous_commitment,
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
            .fixed(&self.commitment.map_or([0; 32], |hash| *hash.as_bytes()))
            .fixed(&[u8::from(self.commitment.is_some())])
            .fixed(self.previous_commitment.as_bytes())
            .fixed(&self.uncommitted_ticks.to_be_bytes())
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
            commitment: {
                let hash = CommitmentHash::new(reader.fixed()?);
                (reader.u8()? == 1).then_some(hash)
            },
            previous_commitment: CommitmentHash::new(reader.fixed()?),
            uncommitted_ticks: reader.u128()?,
        };
        reader.end()?;
        Ok(record)
    }
}

/// The name that stands for the commitment of an origination.
fn origination_commitment(rollup: &RollupAddress) -> CommitmentHash {
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
        let first = Block::new(L1Level::new(1), genesis.hash, Timestamp::new(2), vec![], 0);
        let origin = LevelRecord::origination(&genesis, &rollup);
        let outcome = |ticks, status, commits_to| Outcome { ticks, status, commits_to };
        let record = |inputs: &[Vec<u8>]| {
            LevelRecord::after(&origin, &first, inputs, outcome(7, Status::WaitingForInput, None))
        };
        let one = record(&[vec![1], vec![2]]);
        assert_ne!(one.inbox_hash, record(&[vec![1, 2]]).inbox_hash);
        assert_ne!(one.inbox_hash, record(&[vec![2], vec![1]]).inbox_hash);
        let stuck = Status::Stuck(Stuck::NoEntry);
        let two = LevelRecord::after(&one, &first, &[], outcome(3, stuck, Some(StateHash::new([5; 32]))));
        assert_eq!((two.initial_tick, two.ticks), (7, 3));
        assert_ne!(two.inbox_hash, one.inbox_hash);
        let three = LevelRecord::after(&two, &first, &[], outcome(4, Status::WaitingForInput, None));
        let origination = origination_commitment(&rollup);
        assert_eq!((two.previous_commitment, two.uncommitted_ticks), (origination, 10));
        assert_eq!((Some(three.previous_commitment), three.uncommitted_ticks), (two.commitment, 4));
        assert_eq!((one.commitment, three.commitment), (None, None));
        let committed = two.committed(StateHash::new([5; 32])).unwrap();
        assert_eq!((Some(committed.hash()), committed.ticks), (two.commitment, 10));
        assert_eq!(
            (two.committed(StateHash::new([6; 32])), one.committed(StateHash::new([5; 32]))),
            (None, None)
        );
        for record in [&origin, &one, &two, &three] {
            assert_eq!(LevelRecord::decode(&record.encode()).as_ref(), Ok(record));
        }
        assert_eq!(LevelRecord::decode(&one.encode()[1..]), Err(Damaged));
        let header = one.header();
        assert_eq!((header.initial_tick.as_str(), header.num_ticks.as_str()), ("0", "7"));
        assert_eq!(header.commitment_hash, None);
    }
}

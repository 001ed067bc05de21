//! What became of the operations of a level, and how to take it back.

use super::ledger::{Failed, Undo};
use super::operation::Pending;
use crate::sandbox::codec::{Damaged, Reader, Writer};
use millrace_primitives::Mutez;

/// An operation in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Included {
    /// The operation.
    pub operation: Pending,
    /// What its account paid for it.
    pub fee: Mutez,
    /// Why it failed, if it did: then it made no message.
    pub failure: Option<Failed>,
}

/// The operations of a level, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// Each with its outcome.
    pub operations: Vec<Included>,
    /// What takes the changes of the ledger back.
    pub(super) undo: Vec<Undo>,
}

impl Contents {
    pub(super) fn encode(&self) -> Vec<u8> {
        let count = (self.operations.len() as u32).to_be_bytes();
        let operations = self.operations.iter().fold(Writer::default().fixed(&count), |writer, included| {
            let failure = match included.failure {
                None => 0,
                Some(Failed::Balance) => 1,
                Some(Failed::Executed) => 2,
            };
            writer
                .string(&included.operation.encode())
                .fixed(&included.fee.get().to_be_bytes())
                .fixed(&[failure])
        });
        self.undo.iter().fold(operations, |writer, undo| undo.write(writer)).finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let mut operations = Vec::new();
        for _ in 0..reader.u32()? {
            let operation = Pending::decode(reader.string()?)?;
            let fee = Mutez::new(reader.u64()?);
            let failure = match reader.u8()? {
                0 => None,
                1 => Some(Failed::Balance),
                2 => Some(Failed::Executed),
                _ => return Err(Damaged),
            };
            operations.push(Included { operation, fee, failure });
        }
        let mut undo = Vec::new();
        while !reader.is_empty() {
            undo.push(Undo::read(&mut reader)?);
        }
        Ok(Self { operations, undo })
    }
}

#[cfg(test)]
mod tests {
    use super::super::operation::Origin;
    use super::*;
    use crate::MessageId;
    use millrace_primitives::{L1Account, L1Level};

    #[test]
    fn contents_are_read_back_as_they_were() {
        let operation = Pending {
            id: MessageId::new([1; 32]),
            counter: 1,
            order: None,
            origin: Origin::Control,
            not_before: L1Level::new(3),
            messages: vec![vec![5]],
            effects: Vec::new(),
        };
        let included = |failure| Included { operation: operation.clone(), fee: Mutez::new(9), failure };
        let contents = Contents {
            operations: vec![
                included(None),
                included(Some(Failed::Balance)),
                included(Some(Failed::Executed)),
            ],
            undo: vec![
                Undo::Balance(L1Account::new([2; 22]), Mutez::new(8)),
                Undo::Executed(L1Level::new(7), 6),
            ],
        };
        assert_eq!(Contents::decode(&contents.encode()), Ok(contents.clone()));
        assert_eq!(Contents::decode(&Contents::default().encode()), Ok(Contents::default()));
        assert_eq!(Contents::decode(&contents.encode()[1..]), Err(Damaged));
    }
}

//! The little of the contract ABI that the contracts of the rollup speak (Solidity, "Contract ABI Specification"). Arguments are read as
//! Solidity does: dirty padding of narrow types and dynamic parts that reach beyond the call data are refused; nothing is
//! copied.

use super::Failure;
use crate::state::word;
use alloc::vec::Vec;
use millrace_primitives::{Address, H256, L1Account, U256};

const MALFORMED: Failure = Failure::Reverted("malformed call data");

/// Call data behind the selector.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a [u8]);

impl<'a> Arguments<'a> {
    fn word(self, index: usize) -> Result<[u8; 32], Failure> {
        let offset = index.saturating_mul(32);
        let word = self.0.get(offset..).and_then(<[u8]>::first_chunk::<32>).ok_or(MALFORMED)?;
        Ok(*word)
    }

    pub(super) fn number(self, index: usize) -> Result<U256, Failure> {
        Ok(U256::from_big_endian(&self.word(index)?))
    }

    pub(super) fn address(self, index: usize) -> Result<Address, Failure> {
        let word = self.word(index)?;
        match word.split_last_chunk::<20>() {
            Some((padding, address)) if is_zero(padding) => Ok(Address::from(*address)),
            _ => Err(MALFORMED),
        }
    }

    /// A `bytes22`.
    pub(super) fn account(self, index: usize) -> Result<[u8; 22], Failure> {
        let word = self.word(index)?;
        match word.split_first_chunk::<22>() {
            Some((account, padding)) if is_zero(padding) => Ok(*account),
            _ => Err(MALFORMED),
        }
    }

    /// A `bytes` or a `string`.
    pub(super) fn bytes(self, index: usize) -> Result<&'a [u8], Failure> {
        let offset = usize::try_from(self.number(index)?).map_err(|_| MALFORMED)?;
        let (size, rest) = self.0.get(offset..).and_then(<[u8]>::split_first_chunk::<32>).ok_or(MALFORMED)?;
        let size = usize::try_from(U256::from_big_endian(size)).map_err(|_| MALFORMED)?;
        rest.get(..size).ok_or(MALFORMED)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// An event that is not emitted yet.
pub(super) struct Event {
    pub(super) signature: &'static [u8],
    pub(super) indexed: Option<H256>,
    pub(super) data: Vec<u8>,
}

/// Words one after the other, and bytes behind them.
#[derive(Default)]
pub(super) struct Words(Vec<u8>);

impl Words {
    pub(super) fn number(mut self, number: U256) -> Self {
        self.0.extend_from_slice(word(number).as_bytes());
        self
    }

    pub(super) fn address(mut self, address: Address) -> Self {
        self.0.extend_from_slice(H256::from(address).as_bytes());
        self
    }

    /// A `bytes22`: it stands on the left.
    pub(super) fn account(mut self, account: &L1Account) -> Self {
        self.0.extend_from_slice(account.as_bytes());
        self.0.extend_from_slice(&[0; 10]);
        self
    }

    /// A `bytes` at the end of everything, after a head of `words` words.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(word(U256::from(bytes.len())).as_bytes());
        self.0.extend_from_slice(bytes);
        let padded = self.0.len().next_multiple_of(32);
        self.0.resize(padded, 0);
        self.0
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Texts and nothing else: offsets, then each with its size.
pub(super) fn texts(texts: &[&str]) -> Vec<u8> {
    let (mut head, mut tail) = (Words::default(), Words::default());
    let head_size = texts.len().saturating_mul(32);
    for text in texts {
        head = head.number(U256::from(head_size.saturating_add(tail.0.len())));
        tail = Words(tail.bytes(text.as_bytes()));
    }
    [head.done(), tail.done()].concat()
}

/// What a failure reverts with: `Error(string)`.
pub(crate) fn error(reason: &str) -> Vec<u8> {
    const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
    selector_and(ERROR, &Words::default().number(U256::from(32)).bytes(reason.as_bytes()))
}

/// Call data.
pub(crate) fn selector_and(selector: [u8; 4], arguments: &[u8]) -> Vec<u8> {
    [&selector[..], arguments].concat()
}

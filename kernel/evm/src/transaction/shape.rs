//! What of a transaction decides on its price before it runs.

use super::{AccessListItem, Transaction};
use millrace_primitives::Fork;

/// Gas that is spent before the first opcode, and the least that is paid in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Upfront {
    /// Yellow Paper 6.2, EIP-2028, EIP-2930, EIP-3860, EIP-7702.
    pub(crate) intrinsic: u64,
    /// EIP-7623; zero before Prague.
    pub(crate) floor: u64,
}

impl Upfront {
    /// What a gas limit must cover.
    pub(crate) fn needed(&self) -> u64 {
        self.intrinsic.max(self.floor)
    }
}

/// The parts of a transaction, or of a call, that are paid for by their size.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Call data or initialisation code.
    pub data: &'a [u8],
    /// Empty in legacy transactions.
    pub access_list: &'a [AccessListItem],
    /// How many authorizations it carries.
    pub authorizations: usize,
    /// Whether it creates a contract.
    pub creates: bool,
}

/// Gas of a transaction that does nothing.
const GAS_TRANSACTION: u64 = 21_000;

impl Shape<'_> {
    /// Gas that is spent before the first opcode.
    pub fn intrinsic_gas(&self, fork: Fork) -> u64 {
        self.upfront(fork).intrinsic
    }

    pub(crate) fn upfront(&self, fork: Fork) -> Upfront {
        let zeros = self.data.iter().filter(|byte| **byte == 0).count() as u64;
        let others = (self.data.len() as u64).saturating_sub(zeros);
        let listed = self.access_list.iter().fold(0u64, |sum, item| {
            let keys = (item.storage_keys.len() as u64).saturating_mul(1_900);
            sum.saturating_add(2_400).saturating_add(keys)
        });
        let words = (self.data.len() as u64).div_ceil(32);
        let creation = if self.creates { words.saturating_mul(2).saturating_add(32_000) } else { 0 };
        let tokens = others.saturating_mul(4).saturating_add(zeros);
        let intrinsic = GAS_TRANSACTION
            .saturating_add(tokens.saturating_mul(4))
            .saturating_add(listed)
            .saturating_add(creation)
            .saturating_add((self.authorizations as u64).saturating_mul(25_000));
        let floor =
            if fork >= Fork::Prague { tokens.saturating_mul(10).saturating_add(GAS_TRANSACTION) } else { 0 };
        Upfront { intrinsic, floor }
    }
}

impl Transaction {
    /// What decides on its price before it runs.
    pub fn shape(&self) -> Shape<'_> {
        Shape {
            data: &self.data,
            access_list: &self.access_list,
            authorizations: self.authorizations.len(),
            creates: self.to.is_none(),
        }
    }
}

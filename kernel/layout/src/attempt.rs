//! The block that the kernel is making, or made last: what the next run needs to know when this one traps.

use crate::{Key, LayoutError, Value, catalog::ATTEMPT};
use alloc::{string::ToString, vec::Vec};
use millrace_primitives::{BlockNumber, Gas, L1Level, TransactionHash};

/// Who asked for a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OrderedBy {
    /// A blueprint of the authority.
    Authority = 0,
    /// The kernel: items of the delayed inbox are overdue.
    Timeout = 1,
    /// The kernel, as nobody is in charge of ordering.
    Nobody = 2,
}

impl OrderedBy {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Authority),
            1 => Some(Self::Timeout),
            2 => Some(Self::Nobody),
            _ => None,
        }
    }
}

/// An attempt at a block. Written before anything of it is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The level in which it began.
    pub level: L1Level,
    /// The number of the block.
    pub number: BlockNumber,
    /// Who asked for it.
    pub ordered_by: OrderedBy,
    /// What the forced blocks of `level` may have executed, this one included.
    pub forced_gas: Gas,
    /// Most items of a block that the kernel makes on its own. Halved when one traps, so that the item that makes
    /// it trap is found and the others survive; doubled again with each that does not.
    pub items_max: u32,
    /// The item of the delayed inbox that it begins with, all zero when with none: what has to go when it traps alone.
    pub first: TransactionHash,
    /// The run that made it trapped, and nothing has been done about it yet.
    pub has_trapped: bool,
}

impl Attempt {
    /// The attempt after this one trapped: half as many items.
    pub fn halved(&self) -> Self {
        Self { items_max: (self.items_max / 2).max(1), has_trapped: false, ..*self }
    }

    /// The attempt after this one became a block: twice as many items may be in the next.
    pub fn succeeded(&self) -> Self {
        Self { items_max: self.items_max.saturating_mul(2), ..*self }
    }
}

impl Value for Attempt {
    const SIZE_BYTES_MAX: usize = 58;
    const IS_FIXED: bool = true;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.level.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.number.get().to_be_bytes());
        bytes.push(self.ordered_by as u8);
        bytes.extend_from_slice(&self.forced_gas.get().to_be_bytes());
        bytes.extend_from_slice(&self.items_max.to_be_bytes());
        bytes.extend_from_slice(self.first.as_bytes());
        bytes.push(u8::from(self.has_trapped));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (level, rest) = bytes.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (ordered_by, rest) = rest.split_first()?;
        let (forced_gas, rest) = rest.split_first_chunk::<8>()?;
        let (items_max, rest) = rest.split_first_chunk::<4>()?;
        let (first, has_trapped) = rest.split_first_chunk::<32>()?;
        Some(Self {
            level: L1Level::new(u32::from_be_bytes(*level)),
            number: BlockNumber::new(u64::from_be_bytes(*number)),
            ordered_by: OrderedBy::from_byte(*ordered_by)?,
            forced_gas: Gas::new(u64::from_be_bytes(*forced_gas)),
            items_max: u32::from_be_bytes(*items_max),
            first: TransactionHash::new(*first),
            has_trapped: match has_trapped {
                [0] => false,
                [1] => true,
                _ => return None,
            },
        })
    }
}

/// The key of the last attempt; nothing there before the first.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<Attempt>, LayoutError> {
    Key::new(ATTEMPT.pattern.to_string())
}

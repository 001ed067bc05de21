//! Quantities: one type for each unit.

use crate::U256;
use core::fmt;

/// Declares a newtype over an unsigned integer with checked arithmetic and no implicit conversion.
macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
        pub struct $name($inner);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The largest value.
            pub const MAX: Self = Self(<$inner>::MAX);

            /// Wraps a bare integer: the caller states the unit.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The bare integer.
            pub const fn get(self) -> $inner {
                self.0
            }

            /// `self + delta`, or `None` on overflow.
            pub const fn checked_add(self, delta: $inner) -> Option<Self> {
                match self.0.checked_add(delta) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            /// `self - delta`, or `None` below zero.
            pub const fn checked_sub(self, delta: $inner) -> Option<Self> {
                match self.0.checked_sub(delta) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            /// `self + delta`, held at the largest value.
            pub const fn saturating_add(self, delta: $inner) -> Self {
                Self(self.0.saturating_add(delta))
            }

            /// `self - delta`, held at zero.
            pub const fn saturating_sub(self, delta: $inner) -> Self {
                Self(self.0.saturating_sub(delta))
            }

            /// How far `self` is past `earlier`; zero when it is not.
            pub const fn since(self, earlier: Self) -> $inner {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

unit! {
    /// A level of the layer 1.
    L1Level(u32)
}
unit! {
    /// The number of a block of the rollup. The genesis block has number 0.
    BlockNumber(u64)
}
unit! {
    /// Seconds since the Unix epoch.
    Timestamp(u64)
}
unit! {
    /// Units of EVM gas.
    Gas(u64)
}
unit! {
    /// Steps of the reference PVM, by which the layer 1 bounds a run. About eight are a WebAssembly operator.
    Ticks(u64)
}
unit! {
    /// Millionths of a tez, the unit of the layer 1.
    Mutez(u64)
}
unit! {
    /// The number of a sequencer committee. Each change of members, quorum or keys adds one.
    Epoch(u32)
}

/// 10^-18 of the native token of the rollup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Wei(U256);

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(U256::zero());

    /// Wraps a bare integer: the caller states the unit.
    pub const fn new(value: U256) -> Self {
        Self(value)
    }

    /// The bare integer.
    pub const fn get(self) -> U256 {
        self.0
    }

    /// `self + other`, or `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self - other`, or `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl Mutez {
    /// Wei in one mutez: the native token has 18 decimals, tez has 6.
    pub const WEI: u64 = 1_000_000_000_000;

    /// The same amount in wei. It cannot overflow: 64 bits times 40 bits.
    pub fn to_wei(self) -> Wei {
        Wei(U256::from(self.0).saturating_mul(U256::from(Self::WEI)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_answers_instead_of_panicking() {
        assert_eq!(BlockNumber::MAX.checked_add(1), None);
        assert_eq!(BlockNumber::ZERO.checked_sub(1), None);
        assert_eq!(Gas::MAX.saturating_add(5), Gas::MAX);
        assert_eq!(Timestamp::new(7).since(Timestamp::new(9)), 0);
        assert_eq!(Timestamp::new(9).since(Timestamp::new(7)), 2);
    }

    #[test]
    fn one_tez_is_one_token() {
        assert_eq!(Mutez::new(1_000_000).to_wei(), Wei::new(U256::exp10(18)));
        assert_eq!(Mutez::MAX.to_wei().get() / U256::from(Mutez::WEI), U256::from(u64::MAX));
    }
}

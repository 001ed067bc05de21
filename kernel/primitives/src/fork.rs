//! The rules of the EVM, as Ethereum names them.

/// A fork of Ethereum: its rules, with those of all before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[repr(u8)]
pub enum Fork {
    /// April 2023: `PUSH0`, warm beneficiary, bounded initialisation code.
    Shanghai = 0,
    /// March 2024: transient storage, `MCOPY`, tame `SELFDESTRUCT`, the opcodes of blobs.
    Cancun = 1,
    /// May 2025: delegation of accounts to code, BLS12-381, a floor under the price of call data.
    Prague = 2,
    /// December 2025: `CLZ`, P-256, bounded modular exponentiation, a cap on the gas of a transaction.
    #[default]
    Osaka = 3,
}

impl Fork {
    /// All, oldest first.
    pub const ALL: [Self; 4] = [Self::Shanghai, Self::Cancun, Self::Prague, Self::Osaka];

    /// The number that stands for it in durable storage: that of Etherlink's `evm_version`.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The fork of a number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Shanghai),
            1 => Some(Self::Cancun),
            2 => Some(Self::Prague),
            3 => Some(Self::Osaka),
            _ => None,
        }
    }

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shanghai => "shanghai",
            Self::Cancun => "cancun",
            Self::Prague => "prague",
            Self::Osaka => "osaka",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fork_has_a_number_of_its_own() {
        for fork in Fork::ALL {
            assert_eq!(Fork::from_code(fork.code()), Some(fork));
        }
        assert_eq!(Fork::from_code(4), None);
        assert!(Fork::ALL.is_sorted());
        assert_eq!(Fork::default(), Fork::Osaka);
    }
}

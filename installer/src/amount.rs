//! Amounts of the native token as people write them.

use millrace_primitives::U256;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Longest text that is looked at, in bytes; 2^256 - 1 has 78 digits.
const TEXT_BYTES_MAX: usize = 96;

/// An amount of wei: `5`, `5 wei`, `1 gwei`, `0.25 ether`. Underscores may group digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Amount(pub U256);

/// Why a text is not an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AmountError {
    /// Neither wei, gwei nor ether.
    #[error("the unit must be wei, gwei or ether")]
    Unit,
    /// Not a decimal number.
    #[error("not a decimal number")]
    Number,
    /// More decimal places than the unit has: less than a wei.
    #[error("more decimal places than its unit has")]
    Precision,
    /// More than 256 bits.
    #[error("too large")]
    TooLarge,
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let text = text.trim();
        if text.len() > TEXT_BYTES_MAX {
            return Err(AmountError::TooLarge);
        }
        let end = text.find(|c: char| c.is_ascii_alphabetic() || c.is_whitespace()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let decimals = match unit.trim() {
            "" | "wei" => 0,
            "gwei" => 9,
            "ether" => 18,
            _ => return Err(AmountError::Unit),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
        let starts_with_a_digit = whole.starts_with(|c: char| c.is_ascii_digit());
        if !starts_with_a_digit || !is_number(whole) || !is_number(fraction) || number.ends_with('.') {
            return Err(AmountError::Number);
        }
        let fraction = fraction.replace('_', "");
        if fraction.len() > decimals {
            return Err(AmountError::Precision);
        }
        let digits = format!("{}{fraction:0<decimals$}", whole.replace('_', ""));
        U256::from_dec_str(&digits).map(Self).map_err(|_| AmountError::TooLarge)
    }
}

impl Amount {
    /// The text in the largest unit that needs no decimal places.
    pub fn in_largest_unit(self) -> String {
        for (decimals, unit) in [(18, "ether"), (9, "gwei")] {
            let (whole, rest) = self.0.div_mod(U256::exp10(decimals));
            if rest.is_zero() && !whole.is_zero() {
                return format!("{whole} {unit}");
            }
        }
        if self.0.is_zero() { "0".to_owned() } else { self.to_string() }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wei", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wei(text: &str) -> Result<String, AmountError> {
        text.parse().map(|Amount(wei)| wei.to_string())
    }

    #[test]
    fn units_and_decimals() {
        for (text, expected) in [
            ("0", "0"),
            ("7 wei", "7"),
            ("1gwei", "1000000000"),
            ("4_000 gwei", "4000000000000"),
            ("10000 ether", "10000000000000000000000"),
            ("0.5 ether", "500000000000000000"),
            ("1.000000000000000001 ether", "1000000000000000001"),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639935",
                "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            ),
        ] {
            assert_eq!(wei(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_largest_unit_is_read_back() {
        for (text, expected) in [
            ("0", "0"),
            ("1", "1 wei"),
            ("1000000001 wei", "1000000001 wei"),
            ("4_000 gwei", "4000 gwei"),
            ("0.5 ether", "500000000 gwei"),
            ("2000000000 gwei", "2 ether"),
        ] {
            let amount: Amount = text.parse().expect(text);
            assert_eq!(amount.in_largest_unit(), expected, "{text}");
            assert_eq!(expected.parse(), Ok(amount), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount() {
        for (text, error) in [
            ("", AmountError::Number),
            ("-1", AmountError::Number),
            ("1.", AmountError::Number),
            (".5 ether", AmountError::Number),
            ("_1", AmountError::Number),
            ("1,5 ether", AmountError::Number),
            ("1 tez", AmountError::Unit),
            ("1e18", AmountError::Unit),
            ("0x10", AmountError::Unit),
            ("0.5", AmountError::Precision),
            ("1.0000000000000000001 ether", AmountError::Precision),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639936",
                AmountError::TooLarge,
            ),
            ("115792089237316195423570985008687907853269984665640564039458 ether", AmountError::TooLarge),
        ] {
            assert_eq!(wei(text), Err(error), "{text}");
        }
        assert_eq!(wei(&"1".repeat(500)), Err(AmountError::TooLarge));
    }
}

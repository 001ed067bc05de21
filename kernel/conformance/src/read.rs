//! The spellings of numbers and bytes in fixtures.

use millrace_primitives::{Address, H160, H256, U256};

/// What is wrong with a fixture.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// It is not the JSON that its format asks for.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A text does not say what it should.
    #[error("{text:?} is not {expected}")]
    Spelling {
        /// What is there, cut short.
        text: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A number of more bits than its field has.
    #[error("{text} has more than {bits} bits")]
    TooLarge {
        /// What is there.
        text: String,
        /// What the field has.
        bits: u32,
    },
    /// An index points at nothing.
    #[error("there is no {what} number {index}")]
    NoSuchIndex {
        /// What was looked for.
        what: &'static str,
        /// From 0.
        index: usize,
    },
    /// Nobody can sign with this key.
    #[error("not a secret key")]
    SecretKey,
}

fn misspelt(text: &str, expected: &'static str) -> FixtureError {
    FixtureError::Spelling { text: text.chars().take(80).collect(), expected }
}

/// Bytes in hexadecimal, with `0x` or without.
///
/// # Errors
/// When the text is anything else.
pub fn bytes(text: &str) -> Result<Vec<u8>, FixtureError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).map_err(|_| misspelt(text, "bytes in hexadecimal"))
}

/// A number: hexadecimal after `0x`, decimal otherwise; `0x:bigint 0x…` is what the fillers of `ethereum/tests`
/// write for numbers that may be too large.
///
/// # Errors
/// When the text is anything else, or does not fit 256 bits.
pub fn number(text: &str) -> Result<U256, FixtureError> {
    let plain = text.strip_prefix("0x:bigint ").unwrap_or(text);
    let Some(digits) = plain.strip_prefix("0x") else {
        let number = U256::from_dec_str(plain).ok().filter(|_| !plain.is_empty());
        return number.ok_or_else(|| misspelt(text, "a number"));
    };
    let significant = digits.trim_start_matches('0');
    if !significant.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(misspelt(text, "a number"));
    }
    if significant.is_empty() {
        return Ok(U256::zero());
    }
    U256::from_str_radix(significant, 16)
        .map_err(|_| FixtureError::TooLarge { text: text.to_owned(), bits: 256 })
}

/// A number of at most 64 bits.
///
/// # Errors
/// When the text is anything else.
pub fn number_u64(text: &str) -> Result<u64, FixtureError> {
    let number = number(text)?;
    u64::try_from(number).map_err(|_| FixtureError::TooLarge { text: text.to_owned(), bits: 64 })
}

/// A number as a word of 32 bytes.
///
/// # Errors
/// When the text is anything else.
pub fn word(text: &str) -> Result<H256, FixtureError> {
    let mut word = H256::zero();
    number(text)?.to_big_endian(&mut word.0);
    Ok(word)
}

/// A digest: all of its 32 bytes.
///
/// # Errors
/// When the text is anything else.
pub fn digest(text: &str) -> Result<H256, FixtureError> {
    let bytes: [u8; 32] = bytes(text)?.try_into().map_err(|_| misspelt(text, "32 bytes"))?;
    Ok(H256(bytes))
}

/// An address: all of its 20 bytes.
///
/// # Errors
/// When the text is anything else.
pub fn address(text: &str) -> Result<Address, FixtureError> {
    let bytes: [u8; 20] = bytes(text)?.try_into().map_err(|_| misspelt(text, "an address"))?;
    Ok(H160(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_several_spellings() {
        assert_eq!(number("0x").unwrap(), U256::zero());
        assert_eq!(number("0x00").unwrap(), U256::zero());
        assert_eq!(number("0x0a").unwrap(), U256::from(10));
        assert_eq!(number("10").unwrap(), U256::from(10));
        assert_eq!(number("0x:bigint 0x0a").unwrap(), U256::from(10));
        assert_eq!(number(&format!("0x00{}", "f".repeat(64))).unwrap(), U256::MAX);
        assert!(matches!(number(&format!("0x1{}", "0".repeat(64))), Err(FixtureError::TooLarge { .. })));
        for wrong in ["", "0xg", "ten", "-1", "0x 1"] {
            assert!(matches!(number(wrong), Err(FixtureError::Spelling { .. })), "{wrong}");
        }
    }

    #[test]
    fn bytes_are_whole() {
        assert_eq!(bytes("0x0102").unwrap(), [1, 2]);
        assert_eq!(bytes("0102").unwrap(), [1, 2]);
        assert!(bytes("0x1").is_err());
        assert!(address("0x01").is_err());
        assert!(digest("0x01").is_err());
    }
}

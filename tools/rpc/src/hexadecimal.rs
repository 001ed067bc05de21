//! The two forms that Ethereum gives to bytes and numbers in JSON: *data* (`0x`, two digits a byte) and
//! *quantity* (`0x`, no leading zeros).

use millrace_primitives::{Address, BlockHash, H256, TransactionHash, U256};
use serde::{Serialize, Serializer};

/// Sizes up to this are encoded without allocation.
const SMALL_SIZE_BYTES: usize = 32;

/// Bytes as data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data<'a>(pub(crate) &'a [u8]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= SMALL_SIZE_BYTES {
            let mut buffer = [b'0'; 2 + 2 * SMALL_SIZE_BYTES];
            buffer[1] = b'x';
            let end = 2 + 2 * self.0.len();
            hex::encode_to_slice(self.0, &mut buffer[2..end]).map_err(serde::ser::Error::custom)?;
            return serializer.serialize_str(ascii(&buffer[..end]));
        }
        serializer.serialize_str(&self.to_text())
    }
}

impl Data<'_> {
    pub(crate) fn to_text(self) -> String {
        let mut buffer = vec![b'0'; 2 + 2 * self.0.len()];
        buffer[1] = b'x';
        // The slice has the size of the digits: this cannot fail.
        let _ = hex::encode_to_slice(self.0, &mut buffer[2..]);
        String::from_utf8(buffer).unwrap_or_default()
    }
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A digest or an address as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Data(&self.0).serialize(serializer)
    }
}

macro_rules! fixed_from {
    ($($source:ty[$size:literal] = $bytes:expr),+ $(,)?) => {$(
        impl From<$source> for Fixed<$size> {
            fn from(value: $source) -> Self {
                let bytes: fn($source) -> [u8; $size] = $bytes;
                Self(bytes(value))
            }
        }
    )+};
}

fixed_from!(
    H256[32] = |value| value.0,
    Address[20] = |value| value.0,
    BlockHash[32] = |value| *value.as_bytes(),
    TransactionHash[32] = |value| *value.as_bytes(),
);

/// A number as a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity(pub(crate) U256);

impl From<u64> for Quantity {
    fn from(value: u64) -> Self {
        Self(U256::from(value))
    }
}

impl From<U256> for Quantity {
    fn from(value: U256) -> Self {
        Self(value)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; 32];
        self.0.to_big_endian(&mut bytes);
        let mut buffer = [b'0'; 2 + 2 * 32];
        hex::encode_to_slice(bytes, &mut buffer[2..]).map_err(serde::ser::Error::custom)?;
        // At least one digit stays; the prefix moves in front of the first that counts.
        let digits = buffer[2..].iter().position(|digit| *digit != b'0').unwrap_or(63);
        buffer[digits + 1] = b'x';
        buffer[digits] = b'0';
        serializer.serialize_str(ascii(&buffer[digits..]))
    }
}

/// Reads data.
pub(crate) fn data_from_text(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits = text.strip_prefix("0x").ok_or("expected hexadecimal digits after 0x")?;
    hex::decode(digits).map_err(|error| match error {
        hex::FromHexError::OddLength => "odd number of hexadecimal digits",
        _ => "not a hexadecimal digit",
    })
}

/// Reads data of exactly `N` bytes.
pub(crate) fn fixed_from_text<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || format!("expected {N} bytes: 0x and {} hexadecimal digits", 2 * N);
    let digits = text.strip_prefix("0x").ok_or_else(wrong)?;
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
    Ok(bytes)
}

/// Reads a quantity. Leading zeros do no harm and are taken.
pub(crate) fn quantity_from_text(text: &str) -> Result<U256, &'static str> {
    const WRONG: &str = "expected a quantity: 0x and 1 to 64 hexadecimal digits";
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty()).ok_or(WRONG)?;
    let significant = digits.trim_start_matches('0');
    if significant.len() > 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(WRONG);
    }
    U256::from_str_radix(if significant.is_empty() { "0" } else { significant }, 16).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: impl Serialize) -> String {
        serde_json::to_string(&value).expect("serializes")
    }

    #[test]
    fn quantities_have_no_leading_zeros() {
        assert_eq!(shown(Quantity::from(0)), r#""0x0""#);
        assert_eq!(shown(Quantity::from(0x10)), r#""0x10""#);
        assert_eq!(shown(Quantity::from(U256::MAX)), format!(r#""0x{}""#, "f".repeat(64)));
        for value in [U256::zero(), U256::one(), U256::from(0xabcdefu64), U256::MAX] {
            let text = shown(Quantity(value));
            assert_eq!(quantity_from_text(text.trim_matches('"')), Ok(value));
        }
    }

    #[test]
    fn data_has_two_digits_a_byte() {
        assert_eq!(shown(Data(&[])), r#""0x""#);
        assert_eq!(shown(Data(&[0, 0xab])), r#""0x00ab""#);
        assert_eq!(shown(Data(&[7; 33])), format!(r#""0x{}""#, "07".repeat(33)));
        assert_eq!(shown(Fixed([1u8; 20])), format!(r#""0x{}""#, "01".repeat(20)));
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in ["", "0x", "12", "0xg", "-0x1", "0x 1", "0x+1"] {
            assert!(quantity_from_text(text).is_err(), "{text:?}");
        }
        assert!(quantity_from_text(&format!("0x1{}", "0".repeat(64))).is_err());
        assert_eq!(quantity_from_text("0x00"), Ok(U256::zero()));
        for text in ["", "00", "0x0", "0xzz"] {
            assert!(data_from_text(text).is_err(), "{text:?}");
        }
        assert_eq!(data_from_text("0x"), Ok(Vec::new()));
        assert!(fixed_from_text::<2>("0x000000").is_err());
        assert_eq!(fixed_from_text::<2>("0xaB01"), Ok([0xab, 1]));
    }
}

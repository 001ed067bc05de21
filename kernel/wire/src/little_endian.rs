//! Fields of Etherlink's RLP formats: fixed widths, little-endian.

use millrace_primitives::{Timestamp, U256};

/// A timestamp: i64. `None` for another width and for a time before 1970.
pub(crate) fn timestamp(field: &[u8]) -> Option<Timestamp> {
    let seconds = i64::from_le_bytes(field.try_into().ok()?);
    u64::try_from(seconds).ok().map(Timestamp::new)
}

/// The field of a timestamp; what no i64 holds becomes the last one that it does.
pub(crate) fn timestamp_field(timestamp: Timestamp) -> [u8; 8] {
    i64::try_from(timestamp.get()).unwrap_or(i64::MAX).to_le_bytes()
}

/// A u16.
pub(crate) fn u16(field: &[u8]) -> Option<u16> {
    field.try_into().ok().map(u16::from_le_bytes)
}

/// A word of 32 bytes.
pub(crate) fn word(field: &[u8]) -> Option<U256> {
    let field: &[u8; 32] = field.try_into().ok()?;
    Some(U256::from_little_endian(field))
}

/// The field of a word.
pub(crate) fn word_field(word: U256) -> [u8; 32] {
    let mut field = [0; 32];
    word.to_little_endian(&mut field);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_one_width() {
        for width in 0..=64usize {
            let field = vec![1; width];
            assert_eq!(timestamp(&field).is_some(), width == 8, "{width}");
            assert_eq!(u16(&field).is_some(), width == 2, "{width}");
            assert_eq!(word(&field).is_some(), width == 32, "{width}");
        }
    }

    #[test]
    fn time_starts_in_1970_and_ends_with_i64() {
        assert_eq!(timestamp(&[1, 2, 0, 0, 0, 0, 0, 0]), Some(Timestamp::new(0x0201)));
        assert_eq!(timestamp(&[0xff; 8]), None);
        assert_eq!(timestamp(&[0, 0, 0, 0, 0, 0, 0, 0x80]), None);
        let last = i64::MAX.to_le_bytes();
        assert_eq!(timestamp(&last), Some(Timestamp::new(i64::MAX as u64)));
        assert_eq!(timestamp_field(Timestamp::new(u64::MAX)), last);
    }
}

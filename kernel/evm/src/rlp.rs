//! Strict RLP (Ethereum Yellow Paper, appendix B): only the one canonical spelling of a value is read.
//!
//! A [`Reader`] walks over borrowed bytes and copies nothing; the writers know every length before they
//! write, so that nothing is moved afterwards.

use alloc::vec::Vec;
use millrace_primitives::{Address, H256, U256};

/// The bytes are not the canonical RLP of what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RlpError {
    /// The bytes end before the value does.
    Truncated,
    /// Bytes are left where a value or a list had to end.
    Trailing,
    /// A list where a string was asked for, or the reverse.
    WrongKind,
    /// A longer spelling than needed: of a length, of a single byte, or of an integer with leading zeros.
    NotCanonical,
    /// A string of another length than the type has, or an integer too large for it.
    WrongLength,
}

/// A cursor over the items of a list, or over one top-level item.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// The two kinds of item.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The bytes of a string.
    Text(&'a [u8]),
    /// A reader over the items of a list, none of which was looked at.
    List(Reader<'a>),
}

impl<'a> Reader<'a> {
    /// Starts before the first item in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True when nothing is left.
    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the list.
    ///
    /// # Errors
    /// [`RlpError::Trailing`] when something is left.
    pub const fn finish(&self) -> Result<(), RlpError> {
        if self.rest.is_empty() { Ok(()) } else { Err(RlpError::Trailing) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], RlpError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RlpError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads the length that follows a prefix announcing `count` bytes of it.
    fn length(&mut self, count: usize) -> Result<usize, RlpError> {
        let bytes = self.take(count)?;
        if bytes.first().is_none_or(|byte| *byte == 0) {
            return Err(RlpError::NotCanonical);
        }
        // More than four bytes of length could never be satisfied; on a 32-bit machine they would overflow.
        if bytes.len() > 4 {
            return Err(RlpError::Truncated);
        }
        let length = bytes.iter().fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
        if length < 56 { Err(RlpError::NotCanonical) } else { Ok(length as usize) }
    }

    /// The next item, whatever it is.
    ///
    /// # Errors
    /// When there is none, or its own spelling is not canonical.
    pub fn item(&mut self) -> Result<Item<'a>, RlpError> {
        let start = self.rest;
        let prefix = *self.take(1)?.first().ok_or(RlpError::Truncated)?;
        Ok(match prefix {
            0x00..=0x7f => Item::Text(start.get(..1).ok_or(RlpError::Truncated)?),
            0x80..=0xb7 => {
                let text = self.take(usize::from(prefix.wrapping_sub(0x80)))?;
                if let [byte] = text
                    && *byte < 0x80
                {
                    return Err(RlpError::NotCanonical);
                }
                Item::Text(text)
            }
            0xb8..=0xbf => {
                let length = self.length(usize::from(prefix.wrapping_sub(0xb7)))?;
                Item::Text(self.take(length)?)
            }
            0xc0..=0xf7 => Item::List(Self::new(self.take(usize::from(prefix.wrapping_sub(0xc0)))?)),
            0xf8..=0xff => {
                let length = self.length(usize::from(prefix.wrapping_sub(0xf7)))?;
                Item::List(Self::new(self.take(length)?))
            }
        })
    }

    /// The bytes of a string.
    ///
    /// # Errors
    /// When the next item is not a canonical string.
    pub fn text(&mut self) -> Result<&'a [u8], RlpError> {
        match self.item()? {
            Item::Text(text) => Ok(text),
            Item::List(_) => Err(RlpError::WrongKind),
        }
    }

    /// A reader over the items of a list.
    ///
    /// # Errors
    /// When the next item is not a canonical list.
    pub fn list(&mut self) -> Result<Self, RlpError> {
        match self.item()? {
            Item::List(items) => Ok(items),
            Item::Text(_) => Err(RlpError::WrongKind),
        }
    }

    /// An integer of at most 64 bits.
    ///
    /// # Errors
    /// When the next item is not one without leading zeros.
    pub fn u64(&mut self) -> Result<u64, RlpError> {
        let text = self.integer(8)?;
        Ok(text.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// An integer of at most 256 bits.
    ///
    /// # Errors
    /// When the next item is not one without leading zeros.
    pub fn u256(&mut self) -> Result<U256, RlpError> {
        Ok(U256::from_big_endian(self.integer(32)?))
    }

    fn integer(&mut self, size_bytes_max: usize) -> Result<&'a [u8], RlpError> {
        let text = self.text()?;
        if text.first() == Some(&0) {
            return Err(RlpError::NotCanonical);
        }
        if text.len() > size_bytes_max { Err(RlpError::WrongLength) } else { Ok(text) }
    }

    /// A string of exactly `N` bytes.
    ///
    /// # Errors
    /// When the next item is not one.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RlpError> {
        self.text()?.try_into().map_err(|_| RlpError::WrongLength)
    }
}

/// Number of bytes of the header of a string or list whose content has `length` bytes.
const fn header_size(length: usize) -> usize {
    if length < 56 {
        1
    } else {
        // One prefix and as many bytes as the length needs.
        let bits = usize::BITS.saturating_sub(length.leading_zeros());
        (bits.div_ceil(8) as usize).saturating_add(1)
    }
}

/// Size of the whole item whose content has `length` bytes (a string of one byte below 0x80 excepted).
pub(crate) const fn item_size(length: usize) -> usize {
    length.saturating_add(header_size(length))
}

/// Size of a string.
pub(crate) fn text_size(text: &[u8]) -> usize {
    match text {
        [byte] if *byte < 0x80 => 1,
        _ => item_size(text.len()),
    }
}

/// Size of an integer.
pub(crate) const fn u64_size(value: u64) -> usize {
    if value < 0x80 {
        1
    } else {
        let bits = u64::BITS.saturating_sub(value.leading_zeros());
        (bits.div_ceil(8) as usize).saturating_add(1)
    }
}

fn write_header(out: &mut Vec<u8>, offset: u8, length: usize) {
    if length < 56 {
        out.push(offset.wrapping_add(u8::try_from(length).unwrap_or(0)));
    } else {
        let bytes = (length as u64).to_be_bytes();
        let significant = bytes.get((length as u64).leading_zeros() as usize / 8..).unwrap_or(&[]);
        out.push(offset.wrapping_add(55).wrapping_add(u8::try_from(significant.len()).unwrap_or(0)));
        out.extend_from_slice(significant);
    }
}

/// Opens a list whose items have `length` bytes together.
pub fn write_list_header(out: &mut Vec<u8>, length: usize) {
    write_header(out, 0xc0, length);
}

/// Writes a string.
pub fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    match text {
        [byte] if *byte < 0x80 => out.push(*byte),
        _ => {
            write_header(out, 0x80, text.len());
            out.extend_from_slice(text);
        }
    }
}

/// Writes an integer.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    write_text(out, bytes.get(value.leading_zeros() as usize / 8..).unwrap_or(&[]));
}

/// Writes an integer.
pub fn write_u256(out: &mut Vec<u8>, value: U256) {
    let mut bytes = [0; 32];
    value.to_big_endian(&mut bytes);
    write_text(out, bytes.get(value.leading_zeros() as usize / 8..).unwrap_or(&[]));
}

/// Writes a receiver: empty when a contract is created.
pub(crate) fn write_receiver(out: &mut Vec<u8>, to: Option<Address>) {
    match to {
        Some(address) => write_text(out, address.as_bytes()),
        None => out.push(0x80),
    }
}

/// Writes a digest.
pub fn write_h256(out: &mut Vec<u8>, hash: H256) {
    write_text(out, hash.as_bytes());
}

/// Size of a digest.
pub(crate) const H256_SIZE: usize = 33;

/// Size of an address.
pub(crate) const ADDRESS_SIZE: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_u64(bytes: &[u8]) -> Result<u64, RlpError> {
        let mut reader = Reader::new(bytes);
        let value = reader.u64()?;
        reader.finish()?;
        Ok(value)
    }

    #[test]
    fn integers_have_one_spelling() {
        assert_eq!(read_u64(&[0x80]), Ok(0));
        assert_eq!(read_u64(&[0x7f]), Ok(0x7f));
        assert_eq!(read_u64(&[0x81, 0x80]), Ok(0x80));
        assert_eq!(read_u64(&[0x82, 0x04, 0x00]), Ok(1024));
        assert_eq!(read_u64(&[0x00]), Err(RlpError::NotCanonical));
        assert_eq!(read_u64(&[0x81, 0x7f]), Err(RlpError::NotCanonical));
        assert_eq!(read_u64(&[0x82, 0x00, 0x80]), Err(RlpError::NotCanonical));
        assert_eq!(read_u64(&[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(RlpError::WrongLength));
        assert_eq!(read_u64(&[0x82, 0x04]), Err(RlpError::Truncated));
        assert_eq!(read_u64(&[0xc0]), Err(RlpError::WrongKind));
        assert_eq!(read_u64(&[0x01, 0x01]), Err(RlpError::Trailing));
        assert_eq!(read_u64(&[]), Err(RlpError::Truncated));
    }

    #[test]
    fn lengths_have_one_spelling() {
        // Fifty-five bytes must not be spelt with a long length, nor a long length with a leading zero.
        let mut short_as_long = alloc::vec![0xb8, 55];
        short_as_long.extend([1; 55]);
        assert_eq!(Reader::new(&short_as_long).text(), Err(RlpError::NotCanonical));
        let mut zero_led = alloc::vec![0xb9, 0, 56];
        zero_led.extend([1; 56]);
        assert_eq!(Reader::new(&zero_led).text(), Err(RlpError::NotCanonical));
        assert_eq!(Reader::new(&[0xbf, 1, 0, 0, 0, 0, 0, 0, 0]).text(), Err(RlpError::Truncated));
        assert_eq!(Reader::new(&[0xf8, 0x37]).list().err(), Some(RlpError::NotCanonical));
    }

    #[test]
    fn what_is_written_is_read_and_sized() {
        for length in [0usize, 1, 2, 55, 56, 255, 256, 65_535, 65_536] {
            let text = alloc::vec![0x80; length];
            let mut out = Vec::new();
            write_text(&mut out, &text);
            assert_eq!(out.len(), text_size(&text));
            let mut reader = Reader::new(&out);
            assert_eq!(reader.text(), Ok(text.as_slice()));
            assert_eq!(reader.finish(), Ok(()));
        }
        for shift in 0..256usize {
            for value in [U256::one() << shift, (U256::one() << shift) - U256::one()] {
                let mut out = Vec::new();
                write_u256(&mut out, value);
                assert_eq!(Reader::new(&out).u256(), Ok(value));
                if value <= U256::from(u64::MAX) {
                    let mut same = Vec::new();
                    write_u64(&mut same, value.low_u64());
                    assert_eq!(same, out);
                    assert_eq!(same.len(), u64_size(value.low_u64()));
                }
            }
        }
    }
}

//! How the sandbox writes its records: fixed-width big-endian integers, byte strings with a 32-bit length.

/// A stored record that is not what was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a stored record is damaged")]
pub(crate) struct Damaged;

/// Appends the fields of a record.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn fixed(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn string(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("no record of the sandbox holds 4 GiB");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads them back, in the same order.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Damaged)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Damaged> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Damaged> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Damaged> {
        self.fixed().map(u64::from_be_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Damaged> {
        self.fixed().map(u128::from_be_bytes)
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.u32()? as usize;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Damaged)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn text(&mut self) -> Result<String, Damaged> {
        String::from_utf8(self.string()?.to_vec()).map_err(|_| Damaged)
    }

    /// Nothing may be left over.
    pub(crate) fn end(self) -> Result<(), Damaged> {
        if self.rest.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_whole_or_not_at_all() {
        let bytes = Writer::default().fixed(&[7]).fixed(&9u64.to_be_bytes()).string(b"abc").finish();
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let fields = (reader.u8()?, reader.u64()?, reader.string()?.to_vec());
            reader.end().map(|()| fields)
        };
        assert_eq!(read(&bytes), Ok((7, 9, b"abc".to_vec())));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(Damaged), "cut to {length}");
        }
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), Err(Damaged));
    }
}

//! The bytes at a key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of one leaf of the hashed form of a value (Octez: the chunks of `<key>/@/contents`).
pub(crate) const CHUNK_BYTES: usize = 512;

/// Bytes of the largest value.
pub const VALUE_BYTES_MAX: usize = i32::MAX as usize;

/// A value of the durable storage, at most [`VALUE_BYTES_MAX`] bytes.
///
/// What was made by `store_create` and not written since takes no room. Two values are equal when their
/// bytes are and the same of them were never written: only then do they hash to the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Dense(Vec<u8>),
    Sparse(Sparse),
}

/// At least one chunk was never written.
#[derive(Clone, PartialEq, Eq)]
struct Sparse {
    size_bytes: usize,
    chunks: BTreeMap<usize, Arc<[u8; CHUNK_BYTES]>>,
}

impl Value {
    /// What `store_create` makes: zeros, none of them written.
    pub fn created(size_bytes: usize) -> Self {
        if size_bytes == 0 {
            return Self(Form::Dense(Vec::new()));
        }
        Self(Form::Sparse(Sparse { size_bytes, chunks: BTreeMap::new() }))
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Dense(bytes) => bytes.len(),
            Form::Sparse(sparse) => sparse.size_bytes,
        }
    }

    /// Whether it is the empty value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether some of it was never written since `store_create`. Such a value may be far larger than the
    /// memory that it takes.
    pub fn is_sparse(&self) -> bool {
        matches!(self.0, Form::Sparse(_))
    }

    /// All bytes. Copies, and takes [`Value::len`] bytes of memory, only if [`Value::is_sparse`].
    pub fn to_bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Form::Dense(bytes) => Cow::Borrowed(bytes),
            Form::Sparse(sparse) => Cow::Owned(sparse.read(0, sparse.size_bytes)),
        }
    }

    /// At most `size_bytes_max` bytes from `offset`; fewer at the end, none past it.
    pub fn read(&self, offset: usize, size_bytes_max: usize) -> Cow<'_, [u8]> {
        let end = offset.saturating_add(size_bytes_max).min(self.len());
        let offset = offset.min(end);
        match &self.0 {
            Form::Dense(bytes) => Cow::Borrowed(&bytes[offset..end]),
            Form::Sparse(sparse) => Cow::Owned(sparse.read(offset, end)),
        }
    }

    /// Writes over what is at `offset`, growing as needed. The caller has checked that `offset` is not
    /// past the end and that the new size is allowed.
    pub(super) fn write(&mut self, offset: usize, source: &[u8]) {
        match &mut self.0 {
            Form::Dense(bytes) => {
                let overwritten = source.len().min(bytes.len().saturating_sub(offset));
                bytes[offset..offset + overwritten].copy_from_slice(&source[..overwritten]);
                bytes.extend_from_slice(&source[overwritten..]);
            }
            Form::Sparse(sparse) => {
                sparse.write(offset, source);
                if sparse.chunks.len() == sparse.size_bytes.div_ceil(CHUNK_BYTES) {
                    let bytes = sparse.read(0, sparse.size_bytes);
                    self.0 = Form::Dense(bytes);
                }
            }
        }
    }

    /// Calls `visit` for every written chunk in order of its index, the last one padded with zeros.
    pub(crate) fn written_chunks(&self, mut visit: impl FnMut(usize, &[u8; CHUNK_BYTES])) {
        match &self.0 {
            Form::Dense(bytes) => {
                for (index, piece) in bytes.chunks(CHUNK_BYTES).enumerate() {
                    let mut chunk = [0; CHUNK_BYTES];
                    chunk[..piece.len()].copy_from_slice(piece);
                    visit(index, &chunk);
                }
            }
            Form::Sparse(sparse) => {
                for (index, chunk) in &sparse.chunks {
                    visit(*index, chunk);
                }
            }
        }
    }

    /// A chunk of the hashed form: 512 bytes, the last one padded with zeros. `None` past the end, and where nothing was ever
    /// written.
    pub fn chunk(&self, index: usize) -> Option<Vec<u8>> {
        match &self.0 {
            Form::Dense(bytes) => {
                let mut chunk = bytes.chunks(CHUNK_BYTES).nth(index)?.to_vec();
                chunk.resize(CHUNK_BYTES, 0);
                Some(chunk)
            }
            Form::Sparse(sparse) => sparse.chunks.get(&index).map(|chunk| chunk.to_vec()),
        }
    }

    /// A form for databases that keeps never-written parts: tag 0 and the bytes, or tag 1, the size
    /// (8 bytes, little endian), and per written chunk its index (8 bytes) and its 512 bytes.
    pub fn to_record(&self) -> Vec<u8> {
        match &self.0 {
            Form::Dense(bytes) => [&[0], bytes.as_slice()].concat(),
            Form::Sparse(sparse) => {
                let mut record = vec![1];
                record.extend_from_slice(&(sparse.size_bytes as u64).to_le_bytes());
                for (index, chunk) in &sparse.chunks {
                    record.extend_from_slice(&(*index as u64).to_le_bytes());
                    record.extend_from_slice(&chunk[..]);
                }
                record
            }
        }
    }

    /// Reads [`Value::to_record`] back; `None` when it is not one.
    pub fn from_record(record: &[u8]) -> Option<Self> {
        let (tag, rest) = record.split_first()?;
        match tag {
            0 if rest.len() <= VALUE_BYTES_MAX => Some(Self(Form::Dense(rest.to_vec()))),
            1 => {
                let (size_bytes, rest) = rest.split_at_checked(8)?;
                let size_bytes = usize::try_from(u64::from_le_bytes(size_bytes.try_into().ok()?)).ok()?;
                if size_bytes > VALUE_BYTES_MAX || rest.len() % (8 + CHUNK_BYTES) != 0 {
                    return None;
                }
                let mut chunks = BTreeMap::new();
                for chunk in rest.chunks_exact(8 + CHUNK_BYTES) {
                    let (index, bytes) = chunk.split_at(8);
                    let index = usize::try_from(u64::from_le_bytes(index.try_into().ok()?)).ok()?;
                    if index >= size_bytes.div_ceil(CHUNK_BYTES) {
                        return None;
                    }
                    chunks.insert(index, Arc::new(bytes.try_into().ok()?));
                }
                if chunks.len() == size_bytes.div_ceil(CHUNK_BYTES) {
                    return None;
                }
                Some(Self(Form::Sparse(Sparse { size_bytes, chunks })))
            }
            _ => None,
        }
    }
}

impl Sparse {
    fn read(&self, start: usize, end: usize) -> Vec<u8> {
        let mut bytes = vec![0; end - start];
        for (index, chunk) in self.chunks.range(start / CHUNK_BYTES..end.div_ceil(CHUNK_BYTES)) {
            let chunk_start = index * CHUNK_BYTES;
            let from = start.max(chunk_start);
            let to = end.min(chunk_start + CHUNK_BYTES);
            if from < to {
                bytes[from - start..to - start].copy_from_slice(&chunk[from - chunk_start..to - chunk_start]);
            }
        }
        bytes
    }

    fn write(&mut self, mut offset: usize, mut source: &[u8]) {
        self.size_bytes = self.size_bytes.max(offset + source.len());
        while !source.is_empty() {
            let within = offset % CHUNK_BYTES;
            let (piece, rest) = source.split_at(source.len().min(CHUNK_BYTES - within));
            let chunk = self.chunks.entry(offset / CHUNK_BYTES).or_insert_with(|| Arc::new([0; CHUNK_BYTES]));
            Arc::make_mut(chunk)[within..within + piece.len()].copy_from_slice(piece);
            offset += piece.len();
            source = rest;
        }
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Form::Dense(bytes))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({} bytes{})", self.len(), if self.is_sparse() { ", sparse" } else { "" })
    }
}

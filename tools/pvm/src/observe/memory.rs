//! What a run left in its memory.

use std::collections::BTreeMap;

/// Bytes of a page of wasm memory.
const PAGE_BYTES: usize = 65_536;

/// The memory of a run when it ended. Pages of zeros take no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryImage {
    size_bytes: usize,
    pages: BTreeMap<usize, Vec<u8>>,
}

impl MemoryImage {
    pub(crate) fn of(memory: &[u8]) -> Self {
        let written = memory.chunks(PAGE_BYTES).enumerate().filter(|(_, page)| page.iter().any(|b| *b != 0));
        Self {
            size_bytes: memory.len(),
            pages: written.map(|(index, page)| (index, page.to_vec())).collect(),
        }
    }

    /// Size in bytes; 0 when the kernel never got as far as having one.
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The bytes from `start`; `None` when not all of them are in the memory.
    pub fn read(&self, start: usize, size_bytes: usize) -> Option<Vec<u8>> {
        let end = start.checked_add(size_bytes).filter(|end| *end <= self.size_bytes)?;
        let mut bytes = vec![0; size_bytes];
        if bytes.is_empty() {
            return Some(bytes);
        }
        for (index, page) in self.pages.range(start / PAGE_BYTES..=(end - 1) / PAGE_BYTES) {
            let page_start = index * PAGE_BYTES;
            let from = start.max(page_start);
            let to = end.min(page_start + page.len());
            if from < to {
                bytes[from - start..to - start].copy_from_slice(&page[from - page_start..to - page_start]);
            }
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_reads_as_the_memory_did() {
        let mut memory = vec![0; 3 * PAGE_BYTES];
        memory[PAGE_BYTES - 1] = 1;
        memory[2 * PAGE_BYTES] = 2;
        let image = MemoryImage::of(&memory);
        assert_eq!((image.size_bytes(), image.pages.len()), (3 * PAGE_BYTES, 2));
        for (start, size) in [(0, 0), (0, 10), (PAGE_BYTES - 2, PAGE_BYTES + 4), (0, memory.len())] {
            assert_eq!(image.read(start, size).as_deref(), Some(&memory[start..start + size]));
        }
        for (start, size) in [(0, memory.len() + 1), (memory.len(), 1), (usize::MAX, 2)] {
            assert_eq!(image.read(start, size), None);
        }
        assert_eq!(image.read(memory.len(), 0), Some(Vec::new()));
    }
}

//! Integers modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point.
//!
//! A check reduces two numbers against some 1,500 products of the field, so this is plain schoolbook arithmetic
//! on words of 32 bits, always fully reduced.

/// L, least significant word first.
pub(crate) const ORDER: [u32; 8] = [0x5cf5_d3ed, 0x5812_631a, 0xa2f7_9cd6, 0x14de_f9de, 0, 0, 0, 0x1000_0000];

/// An integer below L, least significant word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) [u32; 8]);

impl Scalar {
    /// The number of these little-endian bytes, if it is below L.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words_of_bytes(bytes);
        let below = words.iter().rev().lt(ORDER.iter().rev());
        below.then_some(Self(words))
    }

    /// The number of these little-endian bytes modulo L.
    pub(crate) fn from_bytes_reduced(bytes: &[u8; 64]) -> Self {
        Self::from_words_reduced(&words_of_bytes::<64, 16>(bytes))
    }

    /// The product with a number of 128 bits, modulo L.
    pub(crate) fn times(&self, factor: &[u32; 4]) -> Self {
        let mut words = [0u32; 12];
        for (i, x) in factor.iter().enumerate() {
            let mut carry = 0u64;
            // A product of two words and two words more are at most 2^64 - 1.
            for (word, y) in words[i..].iter_mut().zip(&self.0) {
                let t = u64::from(*x).wrapping_mul(u64::from(*y));
                let t = t.wrapping_add(u64::from(*word)).wrapping_add(carry);
                *word = t as u32;
                carry = t >> 32;
            }
            words[i + 8] = carry as u32;
        }
        Self::from_words_reduced(&words)
    }

    /// The number of these words modulo L. `N` at least 7.
    ///
    /// Long division, a word at a time. With x < 2^32 L the partial remainder, the quotient is taken as
    /// floor(x / 2^252) or, if that is more, 2^32 - 1. What is left is below L, and below zero by less than L,
    /// as q (L - 2^252) < 2^157.
    #[inline(never)]
    fn from_words_reduced<const N: usize>(words: &[u32; N]) -> Self {
        let (lower, upper) = words.split_at(N - 7);
        let mut rest = [0u32; 8];
        for (to, from) in rest.iter_mut().zip(upper) {
            *to = *from;
        }
        for next in lower.iter().rev() {
            let [x0, x1, x2, x3, x4, x5, x6, x7] = rest;
            let quotient = (u64::from(x7) << 4 | u64::from(x6 >> 28)).min(u64::from(u32::MAX));
            rest = [*next, x0, x1, x2, x3, x4, x5, x6];
            // The eighth word of the difference may lie below zero, and x7 counts only through the quotient:
            // modulo 2^256 the difference is exact.
            let (mut product, mut difference) = (0u64, 0i64);
            for (word, order) in rest.iter_mut().zip(&ORDER) {
                product = quotient.wrapping_mul(u64::from(*order)).wrapping_add(product);
                difference =
                    difference.wrapping_add(i64::from(*word)).wrapping_sub(i64::from(product as u32));
                *word = difference as u32;
                product >>= 32;
                difference >>= 32;
            }
            if rest[7] >> 31 == 1 {
                let mut carry = 0u64;
                for (word, order) in rest.iter_mut().zip(&ORDER) {
                    carry = carry.wrapping_add(u64::from(*word)).wrapping_add(u64::from(*order));
                    *word = carry as u32;
                    carry >>= 32;
                }
            }
        }
        Self(rest)
    }
}

/// The words of a little-endian number, least significant first; `WORDS` must be a quarter of `BYTES`.
pub(crate) fn words_of_bytes<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    const { assert!(4 * WORDS == BYTES) };
    let mut words = [0; WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*chunk);
    }
    words
}

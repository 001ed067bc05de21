//! Integers modulo n, the order of the curve.
//!
//! A recovery does a dozen of these products against some 1,500 of the field, so this is plain schoolbook
//! arithmetic on eight words of 32 bits, always fully reduced. A sum of two words and a product of two words
//! is at most 2^64 - 1: nothing overflows.

use crate::inverse::Modulus;

/// n, least significant word first.
pub(crate) const ORDER: [u32; 8] =
    [0xd036_4141, 0xbfd2_5e8c, 0xaf48_a03b, 0xbaae_dce6, 0xffff_fffe, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff];

/// 2^256 - n.
const FOLD: [u32; 5] = [0x2fc9_bebf, 0x402d_a173, 0x50b7_5fc4, 0x4551_2319, 1];

/// n, for inverses.
const MODULUS: Modulus = Modulus::new(&ORDER);

/// An integer below n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) [u32; 8]);

impl Scalar {
    /// Zero.
    pub(crate) const ZERO: Self = Self([0; 8]);
    /// One.
    pub(crate) const ONE: Self = Self([1, 0, 0, 0, 0, 0, 0, 0]);

    /// The number of these big-endian bytes, if it is below n.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words_of_bytes(bytes);
        if add(&mut { words }, &FOLD) { None } else { Some(Self(words)) }
    }

    /// The number of these big-endian bytes modulo n.
    pub(crate) fn from_bytes_reduced(bytes: &[u8; 32]) -> Self {
        Self(below_order(words_of_bytes(bytes)))
    }

    /// Whether it is zero.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// `-self`.
    pub(crate) fn negated(&self) -> Self {
        if self.is_zero() {
            return *self;
        }
        let (mut words, mut borrow) = ([0; 8], 0i64);
        for ((word, n), x) in words.iter_mut().zip(&ORDER).zip(&self.0) {
            let limb = i64::from(*n).wrapping_sub(i64::from(*x)).wrapping_add(borrow);
            *word = limb as u32;
            borrow = limb >> 32;
        }
        Self(words)
    }

    /// The product modulo n.
    #[inline(never)]
    pub(crate) fn times(&self, other: &Self) -> Self {
        // 2^256 is FOLD modulo n: 512 bits become 386, then 260, then 257, then 256.
        let wide: [u32; 16] = product(&self.0, &other.0);
        let mut folded: [u32; 13] = product(&upper::<16, 8>(&wide), &FOLD);
        add(&mut folded, &lower(&wide));
        let mut again: [u32; 10] = product(&upper::<13, 5>(&folded), &FOLD);
        add(&mut again, &lower(&folded));
        let last: [u32; 6] = product(&[again[8]], &FOLD);
        let mut words = lower(&again);
        if add(&mut words, &last) {
            add(&mut words, &FOLD);
        }
        Self(below_order(words))
    }

    /// The inverse, or zero for zero.
    pub(crate) fn inverted(&self) -> Self {
        Self(MODULUS.invert(&self.0))
    }
}

/// The words of a big-endian number, least significant first.
pub(crate) fn words_of_bytes(bytes: &[u8; 32]) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, chunk) in words.iter_mut().rev().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*chunk);
    }
    words
}

/// The product; `C` must be `A + B`.
#[inline(always)]
pub(crate) fn product<const A: usize, const B: usize, const C: usize>(
    a: &[u32; A],
    b: &[u32; B],
) -> [u32; C] {
    const { assert!(A + B == C) };
    let mut words = [0; C];
    for i in 0..A {
        let mut carry = 0u64;
        for j in 0..B {
            let t = u64::from(a[i]).wrapping_mul(u64::from(b[j]));
            let t = t.wrapping_add(u64::from(words[i + j])).wrapping_add(carry);
            words[i + j] = t as u32;
            carry = t >> 32;
        }
        words[i + B] = carry as u32;
    }
    words
}

/// The low eight words.
fn lower<const A: usize>(words: &[u32; A]) -> [u32; 8] {
    core::array::from_fn(|i| words[i])
}

/// The `B` words from the eighth on.
fn upper<const A: usize, const B: usize>(words: &[u32; A]) -> [u32; B] {
    core::array::from_fn(|i| words[i + 8])
}

/// Adds `b`, not the longer one, to `a`; gives whether it overflowed.
#[inline(always)]
fn add<const A: usize, const B: usize>(a: &mut [u32; A], b: &[u32; B]) -> bool {
    let mut carry = 0u64;
    for (i, word) in a.iter_mut().enumerate() {
        let other = if i < B { u64::from(b[i]) } else { 0 };
        let t = u64::from(*word).wrapping_add(other).wrapping_add(carry);
        *word = t as u32;
        carry = t >> 32;
    }
    carry != 0
}

/// `x` minus n if it is at least n. `x` is below 2^256, so below 2n.
fn below_order(x: [u32; 8]) -> [u32; 8] {
    let mut less = x;
    if add(&mut less, &FOLD) { less } else { x }
}

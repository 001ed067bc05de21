//! A scalar as a quotient of two half as long (Antipa, Brown, Gallant, Lambert, Struik and Vanstone,
//! "Accelerated verification of ECDSA signatures", 2005).
//!
//! Euclid's algorithm on L and h, with cofactors: two remainders r and s and their cofactors a and b, where
//! r = a h and s = -b h modulo L, or with both signs changed. It starts with r = L, a = 0, s = h, b = 1 and takes
//! multiples of one remainder from the other, `r -= q s` and `a += q b`. That keeps `r b + s a = L`. It stops
//! as soon as a remainder, say s, is below 2^126: r is not, so b is at most L / 2^126, and that is less than
//! 2^126 + 1. So `b h = s` or `b h = -s` with both halves below 2^127.
//!
//! The cofactor of the remainder below 2^126 is not zero, since only L has the cofactor 0; being below L, it is
//! not zero modulo L either.
//!
//! **Lehmer's method.** Most steps are worked out on the 62 highest bits alone, many at a time: see [`steps`].
//! Where these bits do not tell, the smaller remainder is taken from the larger one once.
//!
//! Where one remainder is much shorter than the other, as it is only for crafted scalars, a multiple of
//! it by a power of two is taken.
//!
//! **Bounds.** The remainders have 254 bits to lose until both are 2^126. A round of steps ends where the cofactors
//! of the round are full, and one remainder is then 30 bits shorter than the larger one was; or where the
//! remainders differ by less than 2^126 and 2^-28 of the larger one together, and then a subtraction follows,
//! which ends the search or makes a remainder 27 bits shorter. So two rounds take 27 bits away, and 24 are enough
//! for every scalar; a random one takes six, and no more than 12 were seen.

use crate::scalar::{ORDER, Scalar};

/// A word of the matrix of a round is at most this. Two products with words of 32 bits and a carry are then below
/// 2^63 if their signs differ and below 2^64 if not.
const WORD_MAX: i64 = (1 << 31) - 1;

/// A remainder of which fewer of the 62 bits are left than this has is too short to be taken as it is.
const FEW: i64 = 1 << 30;

/// More rounds than any scalar takes.
const ROUNDS_MAX: u32 = 64;

/// `divisor * scalar` is the dividend modulo L, or minus the dividend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halves {
    /// Below 2^126.
    pub(crate) dividend: [u32; 4],
    /// From 1 to 2^126.
    pub(crate) divisor: [u32; 4],
    /// Whether the dividend counts negative.
    pub(crate) negative: bool,
}

/// A remainder and its cofactor.
#[derive(Clone, Copy)]
struct Row {
    /// The remainder.
    rest: [u32; 8],
    /// The cofactor.
    factor: [u32; 4],
    /// Whether the cofactor counts negative.
    negative: bool,
}

/// What the steps of one round do: the remainders r and s become `a r - b s` and `d s - c r`.
#[derive(PartialEq, Eq)]
struct Matrix {
    a: i64,
    b: i64,
    c: i64,
    d: i64,
}

/// Halves of a scalar. `None` after [`ROUNDS_MAX`] rounds, which no scalar takes.
#[inline(never)]
pub(crate) fn halve(scalar: &Scalar) -> Option<Halves> {
    let mut smaller = Row { rest: scalar.0, factor: [1, 0, 0, 0], negative: false };
    if smaller.is_short() {
        return Some(smaller.halves());
    }
    let mut larger = Row { rest: ORDER, factor: [0; 4], negative: true };
    for _ in 0..ROUNDS_MAX {
        let (x, y, least) = tops(&larger.rest, &smaller.rest);
        if y < FEW {
            larger.take_shifted(&smaller);
        } else {
            let matrix = steps(x, y, least);
            if matrix == Matrix::UNIT {
                larger.take(1, &smaller.rest, &smaller.factor);
                if larger.is_short() {
                    return Some(larger.halves());
                }
            } else {
                let Matrix { a, b, c, d } = matrix;
                (larger.rest, smaller.rest) = (
                    combined(&larger.rest, &smaller.rest, a, b),
                    combined(&smaller.rest, &larger.rest, d, c),
                );
                (larger.factor, smaller.factor) = (
                    summed(&larger.factor, &smaller.factor, a, b),
                    summed(&smaller.factor, &larger.factor, d, c),
                );
            }
        }
        if larger.rest.iter().rev().lt(smaller.rest.iter().rev()) {
            (larger, smaller) = (smaller, larger);
        }
    }
    None
}

impl Matrix {
    /// No step.
    const UNIT: Self = Self { a: 1, b: 0, c: 0, d: 1 };
}

impl Row {
    /// Whether the remainder is below 2^126.
    fn is_short(&self) -> bool {
        let [_, _, _, x3, x4, x5, x6, x7] = self.rest;
        x3 >> 30 | x4 | x5 | x6 | x7 == 0
    }

    /// Takes another remainder from this one, `quotient` times; from 0 to [`WORD_MAX`].
    fn take(&mut self, quotient: i64, rest: &[u32; 8], factor: &[u32; 4]) {
        self.rest = combined(&self.rest, rest, 1, quotient);
        self.factor = summed(&self.factor, factor, 1, quotient);
    }

    /// Takes a multiple of a remainder that is at least 32 bits shorter, but not below 2^126.
    #[cold]
    fn take_shifted(&mut self, other: &Self) {
        // 30 bits are between this remainder and the shifted one: the quotient has 29 or more.
        let shift = bits(&self.rest).saturating_sub(bits(&other.rest)).saturating_sub(30);
        let (rest, factor) = (shifted(&other.rest, shift), shifted(&other.factor, shift));
        let (x, y, least) = tops(&self.rest, &rest);
        self.take(quotient(x.wrapping_sub(least), y.wrapping_add(1), 0, 1), &rest, &factor);
    }

    /// The remainder, which must be short, and the cofactor.
    fn halves(&self) -> Halves {
        let [x0, x1, x2, x3, ..] = self.rest;
        Halves { dividend: [x0, x1, x2, x3], divisor: self.factor, negative: self.negative }
    }
}

/// The 62 highest bits of `larger`, which is 2^126 or more, and the bits of `smaller` at the same place; and 2^126
/// in units of that place, rounded up.
#[inline(always)]
fn tops(larger: &[u32; 8], smaller: &[u32; 8]) -> (i64, i64, i64) {
    let mut at = 7;
    while at > 3 && larger[at] == 0 {
        at -= 1;
    }
    let zeros = larger[at].leading_zeros();
    // The three words from `at` down, without leading zeros.
    let top = |x: &[u32; 8]| {
        let words = u64::from(x[at]) << 32 | u64::from(x[at - 1]);
        ((words << zeros | u64::from(x[at - 2]) >> 32u32.wrapping_sub(zeros)) >> 2) as i64
    };
    // At least 65.
    let place = (at as u32).wrapping_mul(32).wrapping_sub(zeros).wrapping_sub(30);
    (top(larger), top(smaller), 1i64.wrapping_shl(126u32.saturating_sub(place)))
}

/// As many steps as the highest bits of two remainders allow, given by [`tops`]; x not less than y.
///
/// The remainders are at least x and y and less than x + 1 and y + 1. After steps, then, the first is above x - b and
/// below x + a, and the second above y - c and below y + d, where x and y have gone through the same steps.
/// A quotient is chosen such that even the least first remainder, losing q times the largest second one, stays at
/// `least`; and the other way round.
fn steps(mut x: i64, mut y: i64, least: i64) -> Matrix {
    let Matrix { mut a, mut b, mut c, mut d } = Matrix::UNIT;
    // b and d are the larger words of their rows once a step is made.
    loop {
        let quotient = quotient(x.wrapping_sub(b).wrapping_sub(least), y.wrapping_add(d), b, d);
        if quotient == 0 {
            break;
        }
        x = x.wrapping_sub(quotient.wrapping_mul(y));
        a = a.wrapping_add(quotient.wrapping_mul(c));
        b = b.wrapping_add(quotient.wrapping_mul(d));
        let quotient = self::quotient(y.wrapping_sub(c).wrapping_sub(least), x.wrapping_add(a), d, b);
        if quotient == 0 {
            break;
        }
        y = y.wrapping_sub(quotient.wrapping_mul(x));
        c = c.wrapping_add(quotient.wrapping_mul(a));
        d = d.wrapping_add(quotient.wrapping_mul(b));
    }
    Matrix { a, b, c, d }
}

/// The number of bits.
fn bits(x: &[u32; 8]) -> u32 {
    let mut bits = 256u32;
    for word in x.iter().rev() {
        if *word != 0 {
            return bits.wrapping_sub(word.leading_zeros());
        }
        bits = bits.wrapping_sub(32);
    }
    0
}

/// `x` times 2^`shift`, which is below 2^(32 N).
fn shifted<const N: usize>(x: &[u32; N], shift: u32) -> [u32; N] {
    let (words, bits) = ((shift / 32) as usize, shift % 32);
    let at = |i: Option<usize>| i.and_then(|i| x.get(i)).map_or(0, |word| u64::from(*word));
    core::array::from_fn(|i| {
        let below = i.checked_sub(words + 1);
        let both = at(i.checked_sub(words)) << 32 | at(below);
        (both << bits >> 32) as u32
    })
}

/// The quotient of `x` (zero if negative) by `y`, unless `word` plus the quotient times `other` were more than
/// [`WORD_MAX`]: then the largest for which it is not. `y` and `other` are positive.
#[inline(always)]
fn quotient(x: i64, y: i64, word: i64, other: i64) -> i64 {
    if x < y {
        return 0;
    }
    let quotient = x.checked_div(y).unwrap_or(0);
    // Room for a product is nearly always there.
    if quotient <= WORD_MAX && word.wrapping_add(quotient.wrapping_mul(other)) <= WORD_MAX {
        return quotient;
    }
    WORD_MAX.wrapping_sub(word).checked_div(other).unwrap_or(0)
}

/// `m x - n y`, which is not negative. `m` and `n` from 0 to [`WORD_MAX`].
#[inline(always)]
fn combined(x: &[u32; 8], y: &[u32; 8], m: i64, n: i64) -> [u32; 8] {
    let mut carry = 0i64;
    core::array::from_fn(|i| {
        let (m, n) = (m.wrapping_mul(i64::from(x[i])), n.wrapping_mul(i64::from(y[i])));
        let sum = m.wrapping_sub(n).wrapping_add(carry);
        carry = sum >> 32;
        sum as u32
    })
}

/// `m x + n y`, which is below 2^128. `m` and `n` from 0 to [`WORD_MAX`].
#[inline(always)]
fn summed(x: &[u32; 4], y: &[u32; 4], m: i64, n: i64) -> [u32; 4] {
    let mut carry = 0u64;
    core::array::from_fn(|i| {
        let (m, n) = ((m as u64).wrapping_mul(u64::from(x[i])), (n as u64).wrapping_mul(u64::from(y[i])));
        let sum = m.wrapping_add(n).wrapping_add(carry);
        carry = sum >> 32;
        sum as u32
    })
}

//! Integers modulo an odd prime of some hundred bits, in Montgomery's form.
//!
//! An element is `N` signed limbs of 28 bits; the number x stands as x R modulo p, R = 2^(28 N). Why so:
//! * WebAssembly multiplies to the low 64 bits only, at one operator a product; a product of 64-bit words to 128
//!   bits takes dozens. Columns of products of 28 bits leave room in 63 bits for several products of elements at
//!   once, so that `a b - c d` costs one reduction instead of two.
//! * Signed limbs make sums and differences limb by limb, without carries and without multiples of p.
//! * R is at least 2^11 times p, so that a reduction brings sums of products back to -p/100..1.01p whatever
//!   small multiples of p the factors are.
//!
//! **Magnitude.** An element has magnitude m if every limb but the last is at most `m 2^28` in absolute value;
//! the last one is far smaller, since p ends in its middle. What a multiplication gives is *reduced*: limbs
//! within `0..2^28`, but the last, which is signed; magnitude 1; number within -p/7..1.15p. Magnitudes of sums
//! add up; a difference of reduced elements has magnitude 1. [`Fp::normalised`] carries, and gives magnitude 1
//! without touching the number. A multiplication takes products of magnitudes up to `LOAD_MAX` in all, so that
//! columns stay below 14 * 2^56 * 9 and the part of the reduction below 14 * 2^56: together less than 2^63.
//!
//! **Size** of an element is its number in multiples of p, whatever the limbs are. It adds up in sums, and a
//! product takes sizes whose products are up to `SIZES_MAX` in all. Where a result is a sum with an operand of
//! the same kind, step after step, [`Fp::settled`] takes most of p's multiples off.
//!
//! Magnitudes and sizes depend on formulas alone, never on values; under test every element carries its own, and
//! each operation checks.

use crate::field::Field;
use crate::inverse;
use core::marker::PhantomData;

/// Bits of a limb.
pub(crate) const WIDTH: u32 = 28;
/// All bits of a limb.
const MASK: i64 = (1 << WIDTH) - 1;
/// Largest sum of products of magnitudes that a reduction takes.
#[cfg(test)]
const LOAD_MAX: u32 = 9;
/// Largest sum of products of sizes that a reduction takes.
#[cfg(test)]
const SIZES_MAX: u32 = 260;
/// Largest size to settle.
#[cfg(test)]
const SIZE_MAX: u32 = 80;
/// Largest magnitude that the 32 bits of a limb hold.
#[cfg(test)]
const MAGNITUDE_MAX: u32 = 7;

/// An odd prime and what follows from it. `N` limbs of 28 bits are at least 11 bits more than it has.
#[derive(Debug)]
pub struct Modulus<const N: usize> {
    limbs: [i64; N],
    /// Minus its inverse modulo 2^28.
    minus_inverse: i64,
    /// R, R^2 modulo p: one, and the factor that leads into Montgomery's form.
    one: [i64; N],
    squared: [i64; N],
    /// For inverses.
    pub(crate) inverse: inverse::Modulus<N>,
}

impl<const N: usize> Modulus<N> {
    /// The prime of these hexadecimal digits.
    pub const fn new(digits: &str) -> Self {
        let limbs = from_digits(digits);
        // Newton's iteration doubles the correct low bits: 3, 6, 12, 24, 48.
        let (mut inverse, mut i) = (limbs[0], 0);
        while i < 4 {
            inverse = inverse.wrapping_mul(2i64.wrapping_sub(limbs[0].wrapping_mul(inverse))) & MASK;
            i += 1;
        }
        let mut power = [0; N];
        power[0] = 1;
        let (mut one, mut i) = ([0; N], 0);
        while i < 2 * N * WIDTH as usize {
            power = doubled_modulo(&power, &limbs);
            i += 1;
            if i == N * WIDTH as usize {
                one = power;
            }
        }
        Self {
            limbs,
            minus_inverse: inverse.wrapping_neg() & MASK,
            one,
            squared: power,
            inverse: inverse::Modulus::new(&limbs),
        }
    }
}

/// `2 x` modulo the modulus, both below it.
const fn doubled_modulo<const N: usize>(x: &[i64; N], modulus: &[i64; N]) -> [i64; N] {
    let (mut double, mut less) = ([0; N], [0; N]);
    let (mut carry, mut borrow, mut i) = (0, 0, 0);
    while i < N {
        carry += 2 * x[i];
        double[i] = carry & MASK;
        carry >>= WIDTH;
        borrow += double[i] - modulus[i];
        less[i] = borrow & MASK;
        borrow >>= WIDTH;
        i += 1;
    }
    if borrow < 0 { double } else { less }
}

/// The number of these hexadecimal digits, which has room.
const fn from_digits<const N: usize>(digits: &str) -> [i64; N] {
    let digits = digits.as_bytes();
    let (mut limbs, mut i) = ([0; N], 0);
    while i < digits.len() {
        let value = match digits[digits.len() - 1 - i] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'a' + 10,
        };
        // Seven digits are a limb.
        limbs[i / 7] |= (value as i64) << (4 * (i % 7));
        i += 1;
    }
    limbs
}

/// The number in big-endian bytes, in limbs; what is beyond them is dropped.
fn limbs_of<const N: usize>(bytes: &[u8]) -> [i64; N] {
    let (mut limbs, mut bits, mut count, mut at) = ([0; N], 0i64, 0, 0);
    for byte in bytes.iter().rev() {
        bits |= i64::from(*byte) << count;
        count += 8;
        if count >= WIDTH {
            if let Some(limb) = limbs.get_mut(at) {
                *limb = bits & MASK;
            }
            at += 1;
            bits >>= WIDTH;
            count -= WIDTH;
        }
    }
    if let Some(limb) = limbs.get_mut(at) {
        *limb = bits;
    }
    limbs
}

/// Which prime a field is of.
pub trait Prime<const N: usize>: Copy + core::fmt::Debug {
    /// The prime.
    const MODULUS: Modulus<N>;
}

/// What is known of an element without looking at it.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How far limbs reach below and above zero, in units of 2^28.
    below: u32,
    above: u32,
    size: u32,
    is_reduced: bool,
}

#[cfg(test)]
impl Bounds {
    const REDUCED: Self = Self { below: 0, above: 1, size: 1, is_reduced: true };

    const fn magnitude(self) -> u32 {
        if self.below > self.above { self.below } else { self.above }
    }

    const fn negated(self) -> Self {
        Self { below: self.above, above: self.below, size: self.size, is_reduced: false }
    }

    fn plus(self, other: Self) -> Self {
        let sum = Self {
            below: self.below + other.below,
            above: self.above + other.above,
            size: self.size + other.size,
            is_reduced: false,
        };
        assert!(sum.magnitude() <= MAGNITUDE_MAX && sum.size <= SIZE_MAX);
        sum
    }

    /// Checks that products of such elements may be summed.
    const fn check<const N: usize>(terms: &[(Self, Self)]) {
        let (mut load, mut sizes, mut i) = (0, 0, 0);
        while i < terms.len() {
            load += terms[i].0.magnitude() * terms[i].1.magnitude();
            sizes += terms[i].0.size * terms[i].1.size;
            i += 1;
        }
        // R of ten limbs is 2^24 times p and more.
        assert!(load <= LOAD_MAX && (sizes <= SIZES_MAX || N < 14));
    }
}

/// An element of the field of the prime `P`, not necessarily reduced.
#[derive(Clone, Copy, Debug)]
pub struct Fp<P, const N: usize> {
    limbs: [i32; N],
    #[cfg(test)]
    bounds: Bounds,
    prime: PhantomData<P>,
}

/// A statement for each column of a product.
macro_rules! each_column {
    ($k:ident => $body:block) => {
        each_column!(@ $k $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26)
    };
    (@ $k:ident $body:block; $($n:literal)*) => {
        $({ const $k: usize = $n; $body })*
    };
}

impl<P: Prime<N>, const N: usize> Fp<P, N> {
    const LIMBS: [i64; N] = P::MODULUS.limbs;
    const MINUS_INVERSE: i64 = P::MODULUS.minus_inverse;
    const ENTER: Self = Self::reduced(narrow(&P::MODULUS.squared));
    const UNIT: Self = {
        let mut limbs = [0; N];
        limbs[0] = 1;
        Self::reduced(limbs)
    };

    const fn reduced(limbs: [i32; N]) -> Self {
        Self {
            limbs,
            #[cfg(test)]
            bounds: Bounds::REDUCED,
            prime: PhantomData,
        }
    }

    /// The element of these hexadecimal digits, a number below p.
    pub const fn from_digits(digits: &str) -> Self {
        let limbs: [i64; N] = from_digits(digits);
        Self::reduced(narrow(&limbs)).multiplied(&Self::ENTER)
    }

    /// The element of a number in big-endian bytes, at most 2^(28 N) - 1, modulo p.
    pub fn from_bytes_modulo(bytes: &[u8]) -> Self {
        Self::reduced(narrow(&limbs_of(bytes))).times(&Self::ENTER)
    }

    /// The element of a number in big-endian bytes, unless it is p or more.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let limbs: [i64; N] = limbs_of(bytes);
        // From the most significant limb downwards.
        let is_less = limbs.iter().rev().lt(Self::LIMBS.iter().rev());
        is_less.then(|| Self::reduced(narrow(&limbs)).times(&Self::ENTER))
    }

    /// The number from 0 to p - 1 in big-endian bytes. It has room.
    pub fn to_bytes<const B: usize>(&self) -> [u8; B] {
        let limbs = self.canonical();
        let mut bytes = [0; B];
        let (mut bits, mut count) = (0u64, 0);
        let mut limbs = limbs.iter();
        for byte in bytes.iter_mut().rev() {
            if count < 8 {
                bits |= (limbs.next().copied().unwrap_or(0) as u64) << count;
                count += WIDTH;
            }
            *byte = bits as u8;
            bits >>= 8;
            count -= 8;
        }
        bytes
    }

    /// The number from 0 to p - 1, in words, least significant first.
    pub fn to_words<const W: usize>(&self) -> [u32; W] {
        let limbs = self.canonical();
        let mut words = [0; W];
        let (mut bits, mut count, mut at) = (0u64, 0, 0);
        for limb in limbs {
            bits |= (limb as u64) << count;
            count += WIDTH;
            if count >= 32 {
                if let Some(word) = words.get_mut(at) {
                    *word = bits as u32;
                }
                at += 1;
                bits >>= 32;
                count -= 32;
            }
        }
        if let Some(word) = words.get_mut(at) {
            *word = bits as u32;
        }
        words
    }

    /// The limbs of the number from 0 to p - 1.
    fn canonical(&self) -> [i64; N] {
        // The reduction of a number so small lies within 0..=p.
        let limbs = self.multiplied(&Self::UNIT).limbs.map(i64::from);
        if limbs == Self::LIMBS { [0; N] } else { limbs }
    }

    /// Whether the number is odd.
    pub fn is_odd(&self) -> bool {
        self.canonical()[0] & 1 == 1
    }

    /// Whether the number is more than half of p.
    pub fn is_high(&self) -> bool {
        // 2 x - p is odd exactly if there was something to subtract.
        self.doubled().is_odd()
    }

    /// The same number with magnitude 1.
    #[inline(never)]
    pub fn normalised(&self) -> Self {
        let (mut limbs, mut carry, mut i) = (self.limbs, 0i32, 0);
        while i < N - 1 {
            // Below 2^31 with magnitudes up to seven.
            let limb = limbs[i].wrapping_add(carry);
            limbs[i] = limb & MASK as i32;
            carry = limb >> WIDTH;
            i += 1;
        }
        limbs[N - 1] = limbs[N - 1].wrapping_add(carry);
        Self {
            limbs,
            #[cfg(test)]
            bounds: Bounds { below: 0, above: 1, is_reduced: false, ..self.bounds },
            prime: PhantomData,
        }
    }

    /// The same modulo p, with magnitude 1 and a quarter of the size and two.
    #[inline(never)]
    pub fn settled(&self) -> Self {
        // The next power of two is less than twice p: its multiples are guessed from the last limb.
        let top = self.limbs[N - 1].wrapping_add(self.limbs[N - 2] >> WIDTH);
        let multiple = i64::from(top >> Self::LIMBS[N - 1].ilog2().wrapping_add(1));
        let (mut limbs, mut carry, mut i) = (self.limbs, 0i64, 0);
        while i < N {
            carry = carry.wrapping_add(limbs[i] as i64).wrapping_sub(multiple.wrapping_mul(Self::LIMBS[i]));
            limbs[i] = if i < N - 1 { carry & MASK } else { carry } as i32;
            carry >>= WIDTH;
            i += 1;
        }
        Self {
            limbs,
            #[cfg(test)]
            bounds: Bounds { below: 0, above: 1, size: self.bounds.size / 4 + 2, is_reduced: false },
            prime: PhantomData,
        }
    }

    /// `a b`, `a b + c d` or `a b - c d`.
    #[inline(always)]
    const fn montgomery(a: &Self, b: &Self, second: Option<(&Self, &Self, bool)>) -> Self {
        #[cfg(test)]
        match second {
            Some((c, d, _)) => Bounds::check::<N>(&[(a.bounds, b.bounds), (c.bounds, d.bounds)]),
            None => Bounds::check::<N>(&[(a.bounds, b.bounds)]),
        }
        let second = match second {
            Some((c, d, is_minus)) => Some((&c.limbs, &d.limbs, is_minus)),
            None => None,
        };
        Self::reduced(product(&a.limbs, &b.limbs, second, (&Self::LIMBS, Self::MINUS_INVERSE)))
    }

    #[inline(never)]
    const fn multiplied(&self, other: &Self) -> Self {
        Self::montgomery(self, other, None)
    }

    /// `a b + c d`; reduced. The sum of the products of magnitudes is at most 9.
    #[inline(never)]
    pub fn sum_of_products(a: &Self, b: &Self, c: &Self, d: &Self) -> Self {
        Self::montgomery(a, b, Some((c, d, false)))
    }

    /// `a b - c d`; reduced. The sum of the products of magnitudes is at most 9.
    #[inline(never)]
    pub fn difference_of_products(a: &Self, b: &Self, c: &Self, d: &Self) -> Self {
        Self::montgomery(a, b, Some((c, d, true)))
    }

    /// The power; reduced. `exponent` has its most significant word first; magnitude at most 3.
    #[inline(never)]
    pub fn power(&self, exponent: &[u32]) -> Self {
        let mut table = [Self::ONE; 16];
        for i in 1..16 {
            table[i] = table[i - 1].times(self);
        }
        let mut result = Self::ONE;
        for word in exponent {
            for shift in (0..32).step_by(4).rev() {
                result = result.squared().squared().squared().squared();
                let digit = (word >> shift & 15) as usize;
                if digit != 0 {
                    result = result.times(&table[digit]);
                }
            }
        }
        result
    }
}

impl<P: Prime<N>, const N: usize> Field for Fp<P, N> {
    const ZERO: Self = Self::reduced([0; N]);
    const ONE: Self = Self::reduced(narrow(&P::MODULUS.one));

    #[inline(never)]
    fn plus(&self, other: &Self) -> Self {
        let (mut limbs, mut i) = (self.limbs, 0);
        while i < N {
            limbs[i] = limbs[i].wrapping_add(other.limbs[i]);
            i += 1;
        }
        Self {
            limbs,
            #[cfg(test)]
            bounds: self.bounds.plus(other.bounds),
            prime: PhantomData,
        }
    }

    #[inline(never)]
    fn minus(&self, other: &Self) -> Self {
        let (mut limbs, mut i) = (self.limbs, 0);
        while i < N {
            limbs[i] = limbs[i].wrapping_sub(other.limbs[i]);
            i += 1;
        }
        Self {
            limbs,
            #[cfg(test)]
            bounds: self.bounds.plus(other.bounds.negated()),
            prime: PhantomData,
        }
    }

    #[inline(always)]
    fn negated(&self) -> Self {
        Self {
            limbs: self.limbs.map(i32::wrapping_neg),
            #[cfg(test)]
            bounds: self.bounds.negated(),
            prime: PhantomData,
        }
    }

    #[inline(always)]
    fn doubled(&self) -> Self {
        self.plus(self)
    }

    #[inline(always)]
    fn normalised(&self) -> Self {
        Fp::normalised(self)
    }

    #[inline(always)]
    fn settled(&self) -> Self {
        Fp::settled(self)
    }

    #[inline(always)]
    fn times(&self, other: &Self) -> Self {
        self.multiplied(other)
    }

    #[inline(never)]
    fn squared(&self) -> Self {
        #[cfg(test)]
        Bounds::check::<N>(&[(self.bounds, self.bounds)]);
        Self::reduced(square(&self.limbs, (&Self::LIMBS, Self::MINUS_INVERSE)))
    }

    #[inline(always)]
    fn difference_of_products(a: &Self, b: &Self, c: &Self, d: &Self) -> Self {
        Fp::difference_of_products(a, b, c, d)
    }

    #[inline(never)]
    fn inverted(&self) -> Self {
        let inverse = const { &P::MODULUS }.inverse.invert(&self.canonical());
        Self::reduced(narrow(&inverse)).times(&Self::ENTER)
    }

    /// A reduced zero is 0 or p.
    #[inline(always)]
    fn is_zero(&self) -> bool {
        #[cfg(test)]
        assert!(self.bounds.is_reduced, "only a reduced element is compared");
        self.limbs == [0; N] || self.limbs == const { narrow(&P::MODULUS.limbs) }
    }
}

/// The one multiplication with reduction, column by column: `a b`, `a b + c d` or `a b - c d` over R, modulo the
/// modulus with its negated inverse modulo 2^28.
#[inline(always)]
pub(crate) const fn product<const N: usize>(
    a: &[i32; N],
    b: &[i32; N],
    second: Option<(&[i32; N], &[i32; N], bool)>,
    modulus: (&[i64; N], i64),
) -> [i32; N] {
    let (a, b) = (widen(a), widen(b));
    let (c, d, is_minus) = match second {
        Some((c, d, is_minus)) => (widen(c), widen(d), is_minus),
        None => ([0; N], [0; N], false),
    };
    let (mut out, mut multiples) = ([0i32; N], [0i64; N]);
    let mut sum = 0i64;
    each_column!(K => {
        if K < 2 * N - 1 {
            sum = sum.wrapping_add(column::<N, K>(&a, &b));
            if second.is_some() {
                let column = column::<N, K>(&c, &d);
                sum = if is_minus { sum.wrapping_sub(column) } else { sum.wrapping_add(column) };
            }
            sum = reduced_column::<N, K>(sum, modulus, &mut multiples, &mut out);
        }
    });
    out[N - 1] = sum as i32;
    out
}

/// [`product`] of a number with itself.
#[inline(always)]
pub(crate) const fn square<const N: usize>(a: &[i32; N], modulus: (&[i64; N], i64)) -> [i32; N] {
    let a = widen(a);
    let (mut twice, mut i) = (a, 0);
    while i < N {
        twice[i] = a[i] << 1;
        i += 1;
    }
    let (mut out, mut multiples) = ([0i32; N], [0i64; N]);
    let mut sum = 0i64;
    each_column!(K => {
        if K < 2 * N - 1 {
            sum = sum.wrapping_add(square_column::<N, K>(&a, &twice));
            sum = reduced_column::<N, K>(sum, modulus, &mut multiples, &mut out);
        }
    });
    out[N - 1] = sum as i32;
    out
}

/// Clears a low column or takes the limb of a high one; gives what is carried.
#[inline(always)]
const fn reduced_column<const N: usize, const K: usize>(
    sum: i64,
    (modulus, minus_inverse): (&[i64; N], i64),
    multiples: &mut [i64; N],
    out: &mut [i32; N],
) -> i64 {
    let sum = sum.wrapping_add(column::<N, K>(multiples, modulus));
    if K < N {
        let multiple = sum.wrapping_mul(minus_inverse) & MASK;
        multiples[K] = multiple;
        sum.wrapping_add(multiple.wrapping_mul(modulus[0])) >> WIDTH
    } else {
        out[K - N] = (sum & MASK) as i32;
        sum >> WIDTH
    }
}

/// The part of column `K` of a product.
#[inline(always)]
const fn column<const N: usize, const K: usize>(a: &[i64; N], b: &[i64; N]) -> i64 {
    let (mut sum, mut i) = (0i64, 0);
    while i < N {
        if i <= K && K - i < N {
            sum = sum.wrapping_add(a[i].wrapping_mul(b[K - i]));
        }
        i += 1;
    }
    sum
}

/// The part of column `K` of a square; `twice` is `2 a`.
#[inline(always)]
const fn square_column<const N: usize, const K: usize>(a: &[i64; N], twice: &[i64; N]) -> i64 {
    let (mut sum, mut i) = (0i64, 0);
    while i < N {
        if i <= K && K - i < N {
            if i < K - i {
                sum = sum.wrapping_add(twice[i].wrapping_mul(a[K - i]));
            } else if i == K - i {
                sum = sum.wrapping_add(a[i].wrapping_mul(a[i]));
            }
        }
        i += 1;
    }
    sum
}

const fn widen<const N: usize>(limbs: &[i32; N]) -> [i64; N] {
    let (mut out, mut i) = ([0; N], 0);
    while i < N {
        out[i] = limbs[i] as i64;
        i += 1;
    }
    out
}

const fn narrow<const N: usize>(limbs: &[i64; N]) -> [i32; N] {
    let (mut out, mut i) = ([0; N], 0);
    while i < N {
        out[i] = limbs[i] as i32;
        i += 1;
    }
    out
}

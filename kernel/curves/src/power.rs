//! Powers of integers of any size, modulo integers of any size.
//!
//! A modulus is split into an odd part and a power of two. Both have products of columns of 28 bits (see
//! [`crate::montgomery`] for why), the odd part in Montgomery's form with R at least four times the modulus, so that
//! numbers below twice the modulus stay so without a comparison. Odd moduli of up to 278 bits, where most of the time
//! would go into loops and slices, share the straight code of the fields of the curves.
//!
//! **Bounds.** Time is quadratic in the sizes of modulus and base, and linear in that of the exponent; memory is
//! some twenty times the modulus. Who calls bounds them.

use crate::montgomery;
use alloc::vec;
use alloc::vec::Vec;
use num_bigint::BigUint;
use num_traits::{One, Zero};

const WIDTH: u32 = montgomery::WIDTH;
const MASK: u64 = (1 << WIDTH) - 1;

/// Exponents of at most this many bits do not pay for the way into a ring and out.
const SHORT_BITS: u64 = 3;
/// Exponents of at most this many bits do not pay for a table of 16 powers.
const NARROW_BITS: u64 = 40;
/// Products of 28 bits that are summed before their carry is taken off: twice as many are below 2^64.
const SUMMED: usize = 64;
/// Limbs of odd moduli that straight code serves: up to 82 and 278 bits.
const SMALLEST: usize = 3;
const STRAIGHT: usize = 10;

/// `base^exponent` modulo `modulus`, in as many bytes as the modulus; all big-endian. Zero modulo zero.
#[must_use]
pub fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut out = vec![0; modulus.len()];
    let modulus = BigUint::from_bytes_be(modulus);
    if modulus.is_zero() || modulus.is_one() {
        return out;
    }
    let result = power_of(&BigUint::from_bytes_be(base), &BigUint::from_bytes_be(exponent), &modulus);
    let result = result.to_bytes_be();
    let start = out.len().saturating_sub(result.len());
    for (place, byte) in out[start..].iter_mut().zip(result) {
        *place = byte;
    }
    out
}

fn power_of(base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    if exponent.bits() <= SHORT_BITS {
        let base = base % modulus;
        return (0..exponent.bits()).rev().fold(BigUint::one(), |result, bit| {
            let square = &result * &result % modulus;
            if exponent.bit(bit) { square * &base % modulus } else { square }
        });
    }
    let twos = modulus.trailing_zeros().unwrap_or(0);
    let odd = modulus >> twos;
    if twos == 0 {
        return Ring::odd(modulus).power(base, exponent);
    }
    let of_twos = power_modulo_twos(base, exponent, twos);
    if odd.is_one() {
        return of_twos;
    }
    // The number that is right modulo both: of_odd + odd ((of_twos - of_odd) / odd modulo the power of two).
    let of_odd = Ring::odd(&odd).power(base, exponent);
    let whole = BigUint::one() << twos;
    let difference = low(&(of_twos + &whole - low(&of_odd, twos)), twos);
    of_odd + odd.clone() * low(&(difference * inverse_modulo_twos(&odd, twos)), twos)
}

/// A power modulo `2^bits`. Odd numbers have orders that divide `2^bits`, so the exponent counts modulo that.
fn power_modulo_twos(base: &BigUint, exponent: &BigUint, bits: u64) -> BigUint {
    let short = low(exponent, bits);
    if !base.bit(0) && (exponent.bits() > 64 || *exponent >= BigUint::from(bits)) {
        return BigUint::zero();
    }
    let exponent = if base.bit(0) { &short } else { exponent };
    if exponent.is_zero() { BigUint::one() } else { Ring::twos(bits).power(base, exponent) }
}

/// The number modulo `2^bits`.
fn low(number: &BigUint, bits: u64) -> BigUint {
    let mut digits = number.to_u32_digits();
    let whole = (bits / 32) as usize;
    digits.truncate(whole + 1);
    if let Some(digit) = digits.get_mut(whole) {
        *digit &= (1u32 << (bits % 32)).wrapping_sub(1);
    }
    BigUint::new(digits)
}

/// The inverse of an odd number modulo `2^bits`, by Newton's iteration.
fn inverse_modulo_twos(odd: &BigUint, bits: u64) -> BigUint {
    let (mut inverse, mut right) = (BigUint::one(), 1);
    while right < bits {
        right = (2 * right).min(bits);
        let product = low(&(low(odd, right) * &inverse), right);
        let correction = (BigUint::one() << right) + 2u32 - product;
        inverse = low(&(inverse * correction), right);
    }
    inverse
}

/// Numbers modulo an odd modulus, in Montgomery's form, or modulo a power of two.
struct Ring {
    /// Limbs of a number.
    size: usize,
    kind: Kind,
    /// The multiples of the modulus that clear the low columns.
    multiples: Vec<u32>,
}

enum Kind {
    Odd { modulus: BigUint, limbs: Vec<u32>, reversed: Vec<u32>, minus_inverse: u64 },
    Twos { bits: u64 },
}

#[inline]
fn dot(a: &[u32], b: &[u32]) -> u64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sum = 0u64;
    for ([a0, a1, a2, a3], [b0, b1, b2, b3]) in a.iter().zip(b) {
        let product = |a: &u32, b: &u32| u64::from(*a).wrapping_mul(u64::from(*b));
        let low = product(a0, b0).wrapping_add(product(a1, b1));
        sum = sum.wrapping_add(low).wrapping_add(product(a2, b2)).wrapping_add(product(a3, b3));
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum = sum.wrapping_add(u64::from(*a).wrapping_mul(u64::from(*b)));
    }
    sum
}

impl Ring {
    fn odd(modulus: &BigUint) -> Self {
        // R is at least four times the modulus.
        let size = (modulus.bits() + 2).div_ceil(u64::from(WIDTH)) as usize;
        let size = if size <= SMALLEST { SMALLEST } else { size.max(STRAIGHT) };
        let limbs = to_limbs(modulus, size);
        let reversed = limbs.iter().rev().copied().collect();
        let lowest = u64::from(limbs[0]);
        // Newton's iteration doubles the correct low bits: 3, 6, 12, 24, 48.
        let inverse = (0..4)
            .fold(lowest, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(lowest.wrapping_mul(inverse))));
        let minus_inverse = inverse.wrapping_neg() & MASK;
        let kind = Kind::Odd { modulus: modulus.clone(), limbs, reversed, minus_inverse };
        Self { size, kind, multiples: vec![0; size] }
    }

    fn twos(bits: u64) -> Self {
        Self {
            size: bits.div_ceil(u64::from(WIDTH)) as usize,
            kind: Kind::Twos { bits },
            multiples: Vec::new(),
        }
    }

    /// The exponent is not zero.
    fn power(&mut self, base: &BigUint, exponent: &BigUint) -> BigUint {
        let base = self.enter(base);
        if let Kind::Odd { modulus, limbs, minus_inverse, .. } = &self.kind {
            let number = match self.size {
                SMALLEST => Some(StraightRing::<SMALLEST>::new(limbs, *minus_inverse).power(&base, exponent)),
                STRAIGHT => Some(StraightRing::<STRAIGHT>::new(limbs, *minus_inverse).power(&base, exponent)),
                _ => None,
            };
            if let Some(number) = number {
                return if number >= *modulus { number - modulus } else { number };
            }
        }
        let width = if exponent.bits() <= NARROW_BITS { 1 } else { 4 };
        // The powers of the base, from the first, last limb first.
        let mut table: Vec<Vec<u32>> = Vec::new();
        let reversed = |limbs: &[u32]| limbs.iter().rev().copied().collect();
        let mut next = base.clone();
        for index in 1..1 << width {
            table.push(reversed(&next));
            if index + 1 < 1 << width {
                next = self.product(&next, &table[0]);
            }
        }
        let mut result: Option<Vec<u32>> = None;
        for digit in digits(exponent, width) {
            for _ in 0..width {
                result = result.map(|result| self.square(&result));
            }
            if let Some(factor) = digit.checked_sub(1).and_then(|index| table.get(index as usize)) {
                result = Some(match &result {
                    Some(result) => self.product(result, factor),
                    None => factor.iter().rev().copied().collect(),
                });
            }
        }
        self.leave(&result.unwrap_or(base))
    }

    fn enter(&self, number: &BigUint) -> Vec<u32> {
        let number = match &self.kind {
            Kind::Odd { modulus, .. } => (number << (self.size as u64 * u64::from(WIDTH))) % modulus,
            Kind::Twos { bits } => low(number, *bits),
        };
        to_limbs(&number, self.size)
    }

    fn leave(&mut self, limbs: &[u32]) -> BigUint {
        if let Kind::Twos { bits } = &self.kind {
            return low(&from_limbs(limbs), *bits);
        }
        let mut one = vec![0; self.size];
        one[self.size - 1] = 1;
        let number = from_limbs(&self.product(limbs, &one));
        match &self.kind {
            Kind::Odd { modulus, .. } if number >= *modulus => number - modulus,
            _ => number,
        }
    }

    /// The product; `other` has its last limb first.
    fn product(&mut self, number: &[u32], other: &[u32]) -> Vec<u32> {
        let size = self.size;
        let columns = |at: usize| match at.checked_sub(size) {
            None => (&number[..=at], &other[size - 1 - at..], 0),
            Some(above) => (&number[above + 1..], &other[..size - 1 - above], 0),
        };
        self.reduced::<false>(columns)
    }

    fn square(&mut self, number: &[u32]) -> Vec<u32> {
        let size = self.size;
        let reversed: Vec<u32> = number.iter().rev().copied().collect();
        self.reduced::<true>(|at| {
            // Pairs of different limbs count twice.
            let first = (at + 1).saturating_sub(size);
            let pairs = (at + 1 - 2 * first) / 2;
            let start = first + size - 1 - at;
            let middle = if at % 2 == 0 { u64::from(number[at / 2]) } else { 0 };
            (&number[first..first + pairs], &reversed[start..start + pairs], middle.wrapping_mul(middle))
        })
    }

    /// Makes limbs of columns: each is products of limbs in the same places, twice if `DOUBLED`, and a number.
    #[inline(always)]
    fn reduced<'a, const DOUBLED: bool>(
        &mut self,
        columns: impl Fn(usize) -> (&'a [u32], &'a [u32], u64),
    ) -> Vec<u32> {
        let size = self.size;
        let mut out = vec![0; size];
        let mut carry = 0;
        match &self.kind {
            Kind::Twos { .. } => {
                for (at, limb) in out.iter_mut().enumerate() {
                    let (a, b, plus) = columns(at);
                    let (low, high) = sum::<DOUBLED>(a, b, plus.wrapping_add(carry));
                    *limb = (low & MASK) as u32;
                    carry = high + (low >> WIDTH);
                }
            }
            Kind::Odd { limbs, reversed, minus_inverse, .. } => {
                for at in 0..2 * size - 1 {
                    let (a, b, plus) = columns(at);
                    let (first_low, first_high) = sum::<DOUBLED>(a, b, plus.wrapping_add(carry));
                    let multiples = match at.checked_sub(size) {
                        None => (&self.multiples[..at], &reversed[size - 1 - at..size - 1]),
                        Some(above) => (&self.multiples[above + 1..], &reversed[..size - 1 - above]),
                    };
                    let (mut low, high) = sum::<false>(multiples.0, multiples.1, first_low);
                    if at < size {
                        let multiple = low.wrapping_mul(*minus_inverse) & MASK;
                        self.multiples[at] = multiple as u32;
                        low = low.wrapping_add(multiple.wrapping_mul(u64::from(limbs[0])));
                    } else {
                        out[at - size] = (low & MASK) as u32;
                    }
                    carry = first_high + high + (low >> WIDTH);
                }
                out[size - 1] = carry as u32;
            }
        }
        out
    }
}

/// The sum of the products of limbs in the same places, as many of both, twice if `DOUBLED`, and of a number; all
/// in a part below 2^64 - 2^57 and one to count 2^28 times.
#[inline(always)]
fn sum<const DOUBLED: bool>(a: &[u32], b: &[u32], plus: u64) -> (u64, u64) {
    let times = if DOUBLED { 1 } else { 0 };
    if a.len() <= SUMMED / 2 {
        return ((dot(a, b) << times).wrapping_add(plus), 0);
    }
    let (mut low, mut high) = (plus, 0);
    for (a, b) in a.chunks(SUMMED).zip(b.chunks(SUMMED)) {
        let products = dot(a, b) << times;
        low += products & MASK;
        high += products >> WIDTH;
    }
    (low, high)
}

/// Numbers modulo a small odd modulus.
struct StraightRing<const N: usize> {
    limbs: [i64; N],
    minus_inverse: i64,
}

impl<const N: usize> StraightRing<N> {
    fn new(limbs: &[u32], minus_inverse: u64) -> Self {
        Self { limbs: straight::<N>(limbs).map(i64::from), minus_inverse: minus_inverse as i64 }
    }

    #[inline(never)]
    fn product(&self, a: &[i32; N], b: &[i32; N]) -> [i32; N] {
        montgomery::product(a, b, None, (&self.limbs, self.minus_inverse))
    }

    #[inline(never)]
    fn square(&self, a: &[i32; N]) -> [i32; N] {
        montgomery::square(a, (&self.limbs, self.minus_inverse))
    }

    /// The power of a number in Montgomery's form, taken out of it. The exponent is not zero.
    fn power(&self, base: &[u32], exponent: &BigUint) -> BigUint {
        let base = straight::<N>(base);
        let width = if exponent.bits() <= NARROW_BITS { 1 } else { 4 };
        let mut table = [base; 15];
        for index in 1..(1 << width) - 1 {
            table[index] = self.product(&table[index - 1], &base);
        }
        let mut result: Option<[i32; N]> = None;
        for digit in digits(exponent, width) {
            for _ in 0..width {
                result = result.map(|result| self.square(&result));
            }
            if let Some(factor) = digit.checked_sub(1).and_then(|index| table.get(index as usize)) {
                result = Some(result.map_or(*factor, |result| self.product(&result, factor)));
            }
        }
        let mut one = [0; N];
        one[0] = 1;
        from_limbs(&self.product(&result.unwrap_or(base), &one).map(|limb| limb as u32))
    }
}

/// A number in the limbs of straight code.
fn straight<const N: usize>(limbs: &[u32]) -> [i32; N] {
    core::array::from_fn(|i| limbs.get(i).copied().unwrap_or(0) as i32)
}

/// The digits of `width` bits, 1 or 4, most significant first and not zero.
fn digits(number: &BigUint, width: u32) -> impl Iterator<Item = u32> {
    let words = number.to_u32_digits();
    let count = number.bits().div_ceil(u64::from(width));
    (0..count).rev().map(move |index| {
        let bit = index * u64::from(width);
        let word = words.get((bit / 32) as usize).copied().unwrap_or(0);
        word >> (bit % 32) & ((1 << width) - 1)
    })
}

fn to_limbs(number: &BigUint, size: usize) -> Vec<u32> {
    let mut limbs = Vec::with_capacity(size);
    let (mut bits, mut count) = (0u64, 0);
    for digit in number.iter_u32_digits() {
        bits |= u64::from(digit) << count;
        count += 32;
        while count >= WIDTH {
            limbs.push((bits & MASK) as u32);
            bits >>= WIDTH;
            count -= WIDTH;
        }
    }
    limbs.push(bits as u32);
    limbs.resize(size, 0);
    limbs
}

fn from_limbs(limbs: &[u32]) -> BigUint {
    let mut digits = Vec::with_capacity(limbs.len());
    let (mut bits, mut count) = (0u64, 0);
    for limb in limbs {
        bits |= u64::from(*limb) << count;
        count += WIDTH;
        if count >= 32 {
            digits.push(bits as u32);
            bits >>= 32;
            count -= 32;
        }
    }
    digits.push(bits as u32);
    BigUint::new(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec as bytes;
    use proptest::prelude::*;

    /// What a library makes of it.
    fn expected(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
        let number = BigUint::from_bytes_be;
        let mut out = vec![0; modulus.len()];
        if !number(modulus).is_zero() {
            let result = number(base).modpow(&number(exponent), &number(modulus)).to_bytes_be();
            let start = out.len().saturating_sub(result.len());
            out[start..].copy_from_slice(&result[result.len() - (modulus.len() - start)..]);
        }
        out
    }

    /// Bytes with a tendency to the extremes, where carries are.
    fn number(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            bytes(any::<u8>(), size.clone()),
            bytes(prop_oneof![Just(0), Just(0xff)], size.clone()),
            bytes(Just(0xff), size),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn powers_agree_with_a_library(
            base in number(0..80),
            exponent in number(0..12),
            modulus in number(1..80),
            twos in 0usize..640,
        ) {
            prop_assert_eq!(power(&base, &exponent, &modulus), expected(&base, &exponent, &modulus));
            let mut even = BigUint::from_bytes_be(&modulus);
            even = even >> twos << twos;
            let even = even.to_bytes_be();
            prop_assert_eq!(power(&base, &exponent, &even), expected(&base, &exponent, &even));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn large_powers_agree_with_a_library(
            base in number(900..2_000),
            exponent in number(1..6),
            modulus in number(900..1_100),
        ) {
            prop_assert_eq!(power(&base, &exponent, &modulus), expected(&base, &exponent, &modulus));
        }
    }
}

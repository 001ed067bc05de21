//! Sums of products of points and numbers, with the doublings shared (Straus, 1964) and signed digits.

use crate::curve::{Affine, Curve, Jacobian, doubles, sums};
use alloc::vec;
use alloc::vec::Vec;

/// Bits of a digit; digits are odd and below 2^4 in size, or zero.
const WIDTH: u32 = 5;
/// Odd multiples of a point, 1 to 15 times.
const MULTIPLES: usize = 1 << (WIDTH - 2);

/// The odd multiples of a point, 1, 3, 5 to 15 times.
pub(crate) type Multiples<C> = [Affine<C>; MULTIPLES];

/// The odd multiples of points of a large prime order.
pub(crate) fn multiples<C: Curve>(points: &[Affine<C>]) -> Vec<Multiples<C>> {
    let steps = doubles(points);
    let mut all: Vec<Multiples<C>> = points.iter().map(|point| [*point; MULTIPLES]).collect();
    for i in 1..MULTIPLES {
        let next = sums(all.iter().zip(&steps).map(|(multiples, step)| (multiples[i - 1], *step)));
        for (multiples, next) in all.iter_mut().zip(next) {
            multiples[i] = next;
        }
    }
    all
}

/// A number in signed digits, least significant first: the non-adjacent form of width 5.
///
/// Two digits that are not zero are at least five places apart.
pub(crate) fn digits<const W: usize>(words: &[u32; W]) -> Vec<i8> {
    let bits = W * 32;
    let mut out = vec![0i8; bits + 1];
    let bit = |at: usize| words.get(at / 32).map_or(0, |word| word >> (at % 32) & 1);
    let (mut carry, mut at) = (0, 0);
    while at < bits {
        if bit(at) == carry {
            at += 1;
            continue;
        }
        let window = (0..WIDTH).fold(0, |sum, i| sum | bit(at + i as usize) << i) + carry;
        carry = window >> (WIDTH - 1) & 1;
        out[at] = window as i8 - ((carry << WIDTH) as i8);
        at += WIDTH as usize;
    }
    // Only a window that ends with the number leaves a carry.
    if carry == 1 {
        out[bits] = 1;
    }
    out
}

/// The sum of the points that the digits select among the multiples; `None` is the point at infinity.
pub(crate) fn combination<C: Curve>(terms: &[(&Multiples<C>, &[i8])]) -> Option<Jacobian<C>> {
    let places = terms.iter().map(|(_, digits)| digits.len()).max().unwrap_or(0);
    let mut sum: Option<Jacobian<C>> = None;
    for place in (0..places).rev() {
        sum = sum.map(|sum| sum.doubled());
        for (multiples, digits) in terms {
            let digit = digits.get(place).copied().unwrap_or(0);
            if digit != 0 {
                let multiple = &multiples[usize::from(digit.unsigned_abs()) / 2];
                let point = if digit > 0 { *multiple } else { multiple.negated() };
                sum = Jacobian::sum(sum, &point);
            }
        }
    }
    sum
}

//! The multiples of many points at once that [`Digits`] of width 3 need, in affine coordinates.
//!
//! An affine addition is a division and three products or squares. With the divisions of a whole batch done
//! together, each costs three products, and the addition is cheaper than a Jacobian one that must be
//! normalised afterwards.
//!
//! No division is by zero: two different points that are summed here have different x, since their sum and
//! difference are multiples of the point by small Eisenstein integers, whose norms are no multiples of n.

use alloc::vec;
use alloc::vec::Vec;

use crate::digits::{Digit, Digits};
use crate::field::Field;
use crate::point::{Affine, invert_all};
use crate::wide::Wide;

/// The digits that multiply these points.
pub(crate) static POINT_DIGITS: Digits<64, LENGTH> = Digits::new(3);

/// Multiples of each point.
pub(crate) const LENGTH: usize = 8;

/// Each entry but the first (the point itself) as the sum of two earlier ones, those of a line needing only
/// entries of the lines above.
const SUMS: [&[(usize, Digit, Digit)]; 3] = [
    &[(2, digit(0, 0), digit(0, 1))],
    &[(1, digit(2, 0), digit(2, 5)), (3, digit(2, 0), digit(0, 0)), (5, digit(2, 0), digit(0, 1))],
    &[(4, digit(3, 0), digit(0, 0)), (6, digit(3, 0), digit(2, 0)), (7, digit(5, 0), digit(0, 1))],
];

const fn digit(entry: usize, unit: u8) -> Digit {
    Digit { entry, unit }
}

/// A point (x, y), both reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// x.
    pub(crate) x: Field,
    /// y.
    pub(crate) y: Field,
}

/// The multiples of one point.
pub(crate) type Multiples = [Affine; LENGTH];

/// The multiples of every point.
pub(crate) fn multiples(points: &[Pair]) -> Vec<Multiples> {
    let mut table = vec![[Affine::EMPTY; LENGTH]; points.len()];
    for (multiples, point) in table.iter_mut().zip(points) {
        multiples[0] = Affine::new(&point.x, &point.y);
    }
    let mut inverses = Vec::new();
    let mut products = Vec::new();
    for sums in SUMS {
        inverses.clear();
        for multiples in &table {
            for &(_, first, second) in sums {
                inverses.push(x(multiples, first).minus(&x(multiples, second)));
            }
        }
        products.resize(inverses.len(), Field::ZERO);
        invert_all(&mut inverses, &mut products);
        let mut inverses = inverses.iter();
        for multiples in &mut table {
            for (&(entry, first, second), inverse) in sums.iter().zip(&mut inverses) {
                multiples[entry % LENGTH] = sum(multiples, first, second, inverse);
            }
        }
    }
    table
}

/// x of a digit times the point: magnitude 2.
#[inline(always)]
fn x(multiples: &Multiples, digit: Digit) -> Field {
    multiples[digit.entry % LENGTH].x_times(digit.unit)
}

/// The sum of two multiples, given the inverse of the difference of their x.
#[inline(never)]
fn sum(multiples: &Multiples, first: Digit, second: Digit, inverse: &Field) -> Affine {
    let (x1, y1) = (x(multiples, first), multiples[first.entry % LENGTH].y_times(first.unit));
    let (x2, y2) = (x(multiples, second), multiples[second.entry % LENGTH].y_times(second.unit));
    let slope = Wide::product(&y1.minus(&y2), inverse).reduced(); // load 2
    let slope2 = slope.doubled();
    let x3 = Wide::square(&slope, &slope2).minus_field(&x1).minus_field(&x2).reduced();
    let y3 = Wide::product_with(&slope, &slope2, &x2.minus(&x3)).minus_field(&y2).reduced(); // load 3
    Affine::new(&x3, &y3)
}

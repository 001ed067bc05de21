//! Odd multiples of many points at once, in affine coordinates.
//!
//! An affine addition is a division and three products or squares. With the divisions of all points of a batch
//! done together, each costs three products, and the addition is cheaper than a Jacobian one that must be
//! normalised afterwards.
//!
//! No division is by zero: the order of the points is the prime n, so y is never zero, and (2k - 1) P and
//! 2 P have different x for small k.

use alloc::vec;
use alloc::vec::Vec;

use crate::field::Field;
use crate::point::{Affine, invert_all};
use crate::wide::Wide;

/// A point (x, y), both reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// x.
    pub(crate) x: Field,
    /// y.
    pub(crate) y: Field,
}

impl Pair {
    /// The sum of `self` and `other`, or twice `self`, given the slope of the line through both.
    #[inline(always)]
    fn sum(&self, other: &Self, slope: &Field) -> Self {
        let slope2 = slope.doubled();
        let x = Wide::square(slope, &slope2).minus_field(&self.x).minus_field(&other.x).reduced();
        let y = Wide::product_with(slope, &slope2, &other.x.minus(&x)).minus_field(&other.y).reduced();
        Self { x, y }
    }

    /// Twice the point, given the inverse of 2 y.
    #[inline(never)]
    fn twice(&self, inverse: &Field) -> Self {
        let slope = Wide::product(&self.x.squared(), inverse).tripled().reduced(); // load 3
        self.sum(self, &slope)
    }

    /// The sum of points of different x, given the inverse of `self.x - other.x`.
    #[inline(never)]
    fn plus(&self, other: &Self, inverse: &Field) -> Self {
        let slope = Wide::product(&self.y.minus(&other.y), inverse).reduced();
        self.sum(other, &slope)
    }
}

/// P, 3P, 5P and so on, `count` multiples of each point one after the other.
pub(crate) fn odd_multiples(points: &[Pair], count: usize) -> Vec<Affine> {
    let mut inverses: Vec<Field> = points.iter().map(|point| point.y.doubled()).collect();
    let mut products = vec![Field::ZERO; points.len()];
    invert_all(&mut inverses, &mut products);
    let twice: Vec<Pair> = points.iter().zip(&inverses).map(|(point, inverse)| point.twice(inverse)).collect();
    let mut last = points.to_vec();
    let mut table = vec![Affine::EMPTY; points.len().saturating_mul(count)];
    for k in 0..count {
        if k > 0 {
            for ((inverse, point), twice) in inverses.iter_mut().zip(&last).zip(&twice) {
                *inverse = point.x.minus(&twice.x);
            }
            invert_all(&mut inverses, &mut products);
            for ((inverse, point), twice) in inverses.iter().zip(&mut last).zip(&twice) {
                *point = point.plus(twice, inverse);
            }
        }
        for (multiples, point) in table.chunks_exact_mut(count).zip(&last) {
            multiples[k] = Affine::new(&point.x, &point.y);
        }
    }
    table
}

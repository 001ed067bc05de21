//! The loop of Miller (2004) of pairings: lines through multiples of a point, multiplied up.
//!
//! Points of the twist are kept affine: an inversion costs some thirty products, and all pairs share it. A line
//! taken at a point (x, y) is divided by y, which the final exponentiation forgives, as everything from a smaller
//! field: one of its coefficients is then one.

use crate::curve::{Affine, Curve};
use crate::field::{Field, invert_all};
use crate::fp2::Fp2;
use crate::fp6::Tower;
use crate::fp12::Fp12;
use crate::montgomery::Fp;
use alloc::vec::Vec;

/// A curve with a pairing.
pub(crate) trait Paired<const N: usize> {
    /// Its tower of fields.
    type Tower: Tower<N>;
    /// The curve over the prime field.
    type Left: Curve<Field = Fp<Self::Tower, N>>;
    /// Its twist.
    type Right: Curve<Field = Fp2<Self::Tower, N>>;

    /// The product of a value with the line of slope s through (x, y), given a = (s x - y) / y' and b = -s x' / y' at
    /// the point (x', y').
    fn times_line(
        value: &Fp12<Self::Tower, N>,
        a: &Fp2<Self::Tower, N>,
        b: &Fp2<Self::Tower, N>,
    ) -> Fp12<Self::Tower, N>;
}

/// A pair on its way through the loop.
struct Pair<C: Paired<N>, const N: usize> {
    /// 1 / y and -x / y of the left point.
    inverse_y: Fp<C::Tower, N>,
    minus_x_over_y: Fp<C::Tower, N>,
    start: Affine<C::Right>,
    at: Affine<C::Right>,
}

/// All pairs, and the product of their lines so far.
pub(crate) struct Loop<C: Paired<N>, const N: usize> {
    pairs: Vec<Pair<C, N>>,
    pub(crate) value: Fp12<C::Tower, N>,
}

impl<C: Paired<N>, const N: usize> Loop<C, N> {
    /// The points are of the groups of large prime order.
    #[allow(clippy::type_complexity, reason = "pairs of points")]
    pub(crate) fn new(pairs: &[(Affine<C::Left>, Affine<C::Right>)]) -> Self {
        let mut inverses: Vec<_> = pairs.iter().map(|(point, _)| point.y).collect();
        invert_all(&mut inverses);
        let pairs = pairs.iter().zip(inverses).map(|((point, twist), inverse_y)| Pair {
            inverse_y,
            minus_x_over_y: point.x.times(&inverse_y).negated(),
            start: *twist,
            at: *twist,
        });
        Self { pairs: pairs.collect(), value: Fp12::ONE }
    }

    /// Squares the value, doubles the points and multiplies their tangents in.
    pub(crate) fn double(&mut self) {
        self.value = self.value.squared();
        let mut runs: Vec<_> = self.pairs.iter().map(|pair| pair.at.tangent_run()).collect();
        invert_all(&mut runs);
        for (pair, run) in self.pairs.iter_mut().zip(runs) {
            let (at, slope) = (pair.at, pair.at.tangent().times(&run));
            self.value = pair.step(&self.value, &at, &slope);
        }
    }

    /// Adds to every point what its start gives, and multiplies the lines through both in.
    pub(crate) fn add(&mut self, other: impl Fn(&Affine<C::Right>) -> Affine<C::Right>) {
        let others: Vec<_> = self.pairs.iter().map(|pair| other(&pair.start)).collect();
        let mut runs: Vec<_> =
            self.pairs.iter().zip(&others).map(|(pair, other)| other.x.minus(&pair.at.x)).collect();
        invert_all(&mut runs);
        for ((pair, other), run) in self.pairs.iter_mut().zip(&others).zip(runs) {
            let slope = other.y.minus(&pair.at.y).times(&run);
            self.value = pair.step(&self.value, other, &slope);
        }
    }
}

impl<C: Paired<N>, const N: usize> Pair<C, N> {
    /// Multiplies the line of this slope into the value and moves to where it leads.
    fn step(
        &mut self,
        value: &Fp12<C::Tower, N>,
        other: &Affine<C::Right>,
        slope: &Fp2<C::Tower, N>,
    ) -> Fp12<C::Tower, N> {
        let a = slope.times(&self.at.x).minus(&self.at.y).scaled(&self.inverse_y);
        let b = slope.scaled(&self.minus_x_over_y);
        self.at = self.at.third(other, slope);
        C::times_line(value, &a, &b)
    }
}

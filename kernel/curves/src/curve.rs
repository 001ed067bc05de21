//! Points of curves y^2 = x^3 + a x + b, where a is 0 or -3 and no point has order 2.
//!
//! Coordinates have magnitude 1 (see [`crate::montgomery`]); they need not be reduced.

use crate::field::{Field, invert_all};
use alloc::vec::Vec;

/// A curve.
pub trait Curve: Copy + core::fmt::Debug {
    /// Where coordinates live.
    type Field: Field;
    /// Whether a is -3 instead of 0.
    const A_IS_MINUS_THREE: bool;
    /// The b of the equation.
    const B: Self::Field;
}

/// A point that is not the one at infinity.
#[derive(Clone, Copy, Debug)]
pub struct Affine<C: Curve> {
    /// First coordinate.
    pub x: C::Field,
    /// Second coordinate.
    pub y: C::Field,
}

/// A point (X / Z^2, Y / Z^3) that is not the one at infinity.
#[derive(Clone, Copy, Debug)]
pub struct Jacobian<C: Curve> {
    x: C::Field,
    y: C::Field,
    z: C::Field,
}

/// `3 x^2 + a`, of magnitude 1.
fn tangent<C: Curve>(x: &C::Field) -> C::Field {
    let square = x.squared();
    let triple = square.doubled().plus(&square);
    if !C::A_IS_MINUS_THREE {
        return triple.normalised();
    }
    let three = C::Field::ONE.doubled().plus(&C::Field::ONE);
    triple.minus(&three).normalised()
}

impl<C: Curve> Affine<C> {
    /// The point with these coordinates, if the curve has it. Takes reduced elements.
    pub fn new(x: C::Field, y: C::Field) -> Option<Self> {
        y.squared().is(&Self::right_side(&x)).then_some(Self { x, y })
    }

    /// `x^3 + a x + b`, of magnitude 1.
    pub(crate) fn right_side(x: &C::Field) -> C::Field {
        let cube = x.squared().times(x);
        let sum = if C::A_IS_MINUS_THREE { cube.minus(&x.doubled().plus(x)) } else { cube };
        sum.plus(&C::B).normalised()
    }

    /// The opposite.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { x: self.x, y: self.y.negated() }
    }

    /// The sum, or `None` for the point at infinity.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let run = other.x.minus(&self.x).reduced();
        let (rise, run) = if !run.is_zero() {
            (other.y.minus(&self.y), run)
        } else if self.y.is(&other.y) {
            (tangent::<C>(&self.x), self.y.doubled())
        } else {
            return None;
        };
        Some(self.third(other, &rise.times(&run.inverted())))
    }

    /// The opposite of the third point on the line of this slope through both.
    pub(crate) fn third(&self, other: &Self, slope: &C::Field) -> Self {
        let x = slope.squared().minus(&self.x).minus(&other.x).settled();
        let y = slope.times(&self.x.minus(&x)).minus(&self.y).settled();
        Self { x, y }
    }

    /// What to divide [`Self::tangent`] by, for the slope of the tangent.
    pub(crate) fn tangent_run(&self) -> C::Field {
        self.y.doubled()
    }

    pub(crate) fn tangent(&self) -> C::Field {
        tangent::<C>(&self.x)
    }

    /// The product with a number that is not zero, bit by bit: good for numbers of few ones.
    #[must_use]
    pub fn times(&self, number: u64) -> Option<Jacobian<C>> {
        let mut product = Some(Jacobian::from(*self));
        for bit in (0..number.checked_ilog2()?).rev() {
            product = product.map(|point| point.doubled());
            if number >> bit & 1 == 1 {
                product = Jacobian::sum(product, self);
            }
        }
        product
    }
}

impl<C: Curve> From<Affine<C>> for Jacobian<C> {
    fn from(point: Affine<C>) -> Self {
        Self { x: point.x, y: point.y, z: C::Field::ONE }
    }
}

impl<C: Curve> Jacobian<C> {
    /// Twice the point.
    #[must_use]
    pub fn doubled(&self) -> Self {
        let Self { x, y, z } = self;
        let slope = if C::A_IS_MINUS_THREE {
            let square = z.squared();
            let product = x.minus(&square).times(&x.plus(&square));
            product.doubled().plus(&product).normalised()
        } else {
            tangent::<C>(x)
        };
        let square = y.squared();
        let four_squares = square.doubled().doubled();
        let product = x.times(&four_squares);
        let four_fourths = square.doubled().squared();
        let new_x = slope.squared().minus(&product.doubled()).normalised();
        let new_y = slope.times(&product.minus(&new_x)).minus(&four_fourths.doubled()).normalised();
        Self { x: new_x, y: new_y, z: y.doubled().times(z) }
    }

    /// The sum with another point; `None` is the point at infinity.
    #[must_use]
    pub fn sum(left: Option<Self>, right: &Affine<C>) -> Option<Self> {
        let Some(Self { x, y, z }) = left else { return Some((*right).into()) };
        let square = z.squared();
        let run = right.x.times(&square).minus(&x);
        let rise = right.y.times(&square.times(&z)).minus(&y);
        let (run2, rise2) = (run.squared(), rise.squared());
        if run2.is_zero() {
            return if rise2.is_zero() { Some(Self::from(*right).doubled()) } else { None };
        }
        let (run3, product) = (run2.times(&run), x.times(&run2));
        let new_x = rise2.minus(&run3).minus(&product.doubled()).normalised();
        let new_y = C::Field::difference_of_products(&rise, &product.minus(&new_x), &y, &run3);
        Some(Self { x: new_x, y: new_y, z: z.times(&run) })
    }

    /// The same with affine coordinates, reduced.
    #[must_use]
    pub fn to_affine(&self) -> Affine<C> {
        let inverse = self.z.inverted();
        let square = inverse.squared();
        Affine { x: self.x.times(&square), y: self.y.times(&square.times(&inverse)) }
    }

    /// Whether it is this point.
    #[must_use]
    pub fn is(&self, point: &Affine<C>) -> bool {
        let square = self.z.squared();
        point.x.times(&square).is(&self.x) && point.y.times(&square.times(&self.z)).is(&self.y)
    }
}

/// Adds pairs of points that are neither the same nor opposite, all with one inversion.
pub(crate) fn sums<C: Curve>(pairs: impl Iterator<Item = (Affine<C>, Affine<C>)> + Clone) -> Vec<Affine<C>> {
    let mut runs: Vec<_> = pairs.clone().map(|(a, b)| b.x.minus(&a.x)).collect();
    invert_all(&mut runs);
    let slope = |a: &Affine<C>, b: &Affine<C>, run: &C::Field| b.y.minus(&a.y).times(run);
    pairs.zip(runs).map(|((a, b), run)| a.third(&b, &slope(&a, &b, &run))).collect()
}

/// Doubles points, all with one inversion.
pub(crate) fn doubles<C: Curve>(points: &[Affine<C>]) -> Vec<Affine<C>> {
    let mut runs: Vec<_> = points.iter().map(Affine::tangent_run).collect();
    invert_all(&mut runs);
    points.iter().zip(runs).map(|(point, run)| point.third(point, &point.tangent().times(&run))).collect()
}

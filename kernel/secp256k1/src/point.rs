//! Points of the curve y^2 = x^3 + 7.
//!
//! The accumulator of a multiplication is kept in Jacobian coordinates with a *doubled* y: (X, W, Z) stands
//! for x = X / Z^2, y = W / (2 Z^3). The curve has a = 0 and so the usual formulas are
//! * doubling: E = 3 X^2, S = W^2, G = 2 X S; X' = E^2 - G, W' = E (G - 2 X') - S^2, Z' = W Z;
//! * adding (x, y): H = x Z^2 - X, R = 2 y Z^3 - W, I = (2H)^2, J = H I, V = X I; X' = R^2 - J - 2V,
//!   W' = 2 R (V - X') - 2 W J, Z' = 2 H Z.
//!
//! With W neither needs a halving or a product by more than 3, every factor of two falls on a limb that
//! must be doubled for a square anyway, and each W' is two products with one reduction. A doubling is 3
//! products, 4 squares and 6 reductions; an addition 8, 3 and 10.

use crate::field::{Field, Stored};
use crate::glv::BETA;
use crate::wide::Wide;

/// A point that is not at infinity, with its image under the endomorphism.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine {
    /// x.
    pub(crate) x: Stored,
    /// beta x: the x of lambda times the point.
    pub(crate) beta_x: Stored,
    /// y.
    pub(crate) y: Stored,
}

/// A point in the coordinates above, all three reduced; Z is not zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian {
    /// X.
    pub(crate) x: Field,
    /// W, twice the usual Y.
    pub(crate) w: Field,
    /// Z.
    pub(crate) z: Field,
}

/// A sum of points.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sum {
    /// The point at infinity.
    Infinity,
    /// Any other.
    Point(Jacobian),
}

impl Affine {
    /// A place to be filled.
    pub(crate) const EMPTY: Self = Self { x: Stored::ZERO, beta_x: Stored::ZERO, y: Stored::ZERO };

    /// The point (x, y), both reduced.
    pub(crate) const fn new(x: &Field, y: &Field) -> Self {
        Self { x: Stored::new(x), beta_x: Stored::new(&x.times(&BETA)), y: Stored::new(y) }
    }
}

impl Jacobian {
    /// The point (x, `half_factor` / 2 * y), where `half_factor` is 2 or -2.
    pub(crate) const fn new(x: &Stored, y: &Stored, half_factor: i64) -> Self {
        // W of magnitude 2 is brought back to 1.
        let w = Wide::product(&y.load_times(half_factor), &Field::ONE).reduced();
        Self { x: x.load(), w, z: Field::ONE }
    }

    /// x and y, reduced, given the inverse of Z.
    pub(crate) const fn affine(&self, inverse: &Field) -> (Field, Field) {
        let square = inverse.squared();
        let y = self.w.times(&square.times(inverse)).times(&Field::HALF);
        (self.x.times(&square), y)
    }

    /// Whether this is the x of the point. Magnitude at most 4.
    pub(crate) fn has_x(&self, x: &Field) -> bool {
        self.z.squared().times(x).minus(&self.x).is_zero()
    }

    /// The point doubled `times` times; the order of the curve being odd, that is never infinity.
    #[inline(never)]
    pub(crate) const fn double(&mut self, times: u32) {
        let Self { mut x, mut w, mut z } = *self;
        let mut left = times;
        while left != 0 {
            let (x2, w2) = (x.doubled(), w.doubled());
            let e = Wide::square(&x, &x2).tripled().reduced(); // load 3
            let s = Wide::square(&w, &w2).reduced();
            let (e2, s2) = (e.doubled(), s.doubled());
            let g = Wide::product_with(&x, &x2, &s2).reduced(); // load 2
            z = Wide::product_with(&w, &w2, &z).reduced();
            x = Wide::square(&e, &e2).minus_field(&g).reduced();
            let t = g.minus(&x.doubled()); // magnitude 2
            w = Wide::product_with(&e, &e2, &t).minus(&Wide::square(&s, &s2)).reduced(); // load 3
            left -= 1;
        }
        *self = Self { x, w, z };
    }

    /// Adds (x, `half_factor` / 2 * y), where `half_factor` is 2 or -2, and tells whether that worked: not if
    /// both points have the same x; then `self` is as before.
    #[inline(never)]
    pub(crate) const fn add_distinct(&mut self, x: &Stored, y: &Stored, half_factor: i64) -> bool {
        let z = &self.z;
        let z2 = z.doubled();
        let zz = Wide::square(z, &z2).reduced();
        let h = Wide::product(&zz, &x.load()).reduced().minus(&self.x);
        if maybe_zero(&h) && h.is_zero() {
            return false;
        }
        let zzz = Wide::product_with(z, &z2, &zz).reduced();
        let r = Wide::product(&zzz, &y.load_times(half_factor)).reduced().minus(&self.w); // load 2
        let (h2, r2) = (h.doubled(), r.doubled());
        self.z = Wide::product_with(z, &z2, &h2).reduced(); // load 2
        let i = Wide::square(&h2, &h2.doubled()).reduced(); // load 4
        let j = Wide::product_with(&h, &h2, &i).reduced();
        let v = Wide::product(&self.x, &i).reduced();
        let x = Wide::square(&r, &r2).minus_field(&j).minus_field(&v.doubled()).reduced();
        let t = v.minus(&x).doubled(); // magnitude 2
        self.w = Wide::product_with(&r, &r2, &t).minus(&Wide::product(&self.w, &j.doubled())).reduced(); // load 4
        self.x = x;
        true
    }
}

impl Sum {
    /// Doubles the sum `times` times.
    pub(crate) const fn double(&mut self, times: u32) {
        if let Self::Point(point) = self {
            point.double(times);
        }
    }

    /// Adds (x, y), or (x, -y).
    pub(crate) const fn add(&mut self, x: &Stored, y: &Stored, negated: bool) {
        let half_factor = if negated { -2 } else { 2 };
        match self {
            Self::Infinity => *self = Self::Point(Jacobian::new(x, y, half_factor)),
            Self::Point(point) => {
                if !point.add_distinct(x, y, half_factor) {
                    self.add_same_x(x, y, half_factor);
                }
            }
        }
    }

    /// Adds a point whose x is that of the sum: the sum itself or its opposite.
    #[cold]
    const fn add_same_x(&mut self, x: &Stored, y: &Stored, half_factor: i64) {
        let Self::Point(point) = self else { return };
        let zzz = point.z.squared().times(&point.z);
        if y.load_times(half_factor).times(&zzz).minus(&point.w).is_zero() {
            let mut doubled = Jacobian::new(x, y, half_factor);
            doubled.double(1);
            *self = Self::Point(doubled);
        } else {
            *self = Self::Infinity;
        }
    }
}

/// Whether a difference of reduced elements may be zero modulo p, by its low 29 bits alone: it can only be p, 0
/// or -p, and p is -977 there.
#[inline(always)]
const fn maybe_zero(x: &Field) -> bool {
    x.0[0].wrapping_add(977) & ((1 << 29) - 1) <= 2 * 977
}

/// Replaces every element by its inverse, for one inversion and three products each. None may be zero modulo p;
/// magnitude 1. `products` is as long as `elements` and is overwritten.
pub(crate) const fn invert_all(elements: &mut [Field], products: &mut [Field]) {
    let (mut product, mut i) = (Field::ONE, 0);
    while i < elements.len() && i < products.len() {
        products[i] = product;
        product = product.times(&elements[i]);
        i += 1;
    }
    let mut inverse = product.inverted();
    while i > 0 {
        i -= 1;
        let element = elements[i];
        elements[i] = inverse.times(&products[i]);
        inverse = inverse.times(&element);
    }
}

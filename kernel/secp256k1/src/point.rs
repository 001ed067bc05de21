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

/// How often to double, and what to add then: a point and a unit, or nothing.
pub(crate) type Step<'a> = (u32, Option<(&'a Affine, u8)>);

/// A sum of points. Infinity is rare and sums are few: boxing the point would only cost.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)]
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

    /// x of the point times zeta^`unit`: magnitude 2. zeta is -lambda^2, and 1 + beta + beta^2 = 0.
    #[inline(always)]
    pub(crate) const fn x_times(&self, unit: u8) -> Field {
        match unit % 3 {
            0 => self.x.load(),
            1 => self.x.load().plus(&self.beta_x.load()).negated(),
            _ => self.beta_x.load(),
        }
    }

    /// y of the point times zeta^`unit`.
    #[inline(always)]
    pub(crate) const fn y_times(&self, unit: u8) -> Field {
        self.y.load_times(if unit & 1 == 0 { 1 } else { -1 })
    }

    /// Twice the y of the point times zeta^`unit`: magnitude 2.
    #[inline(always)]
    const fn w_times(&self, unit: u8) -> Field {
        self.y.load_times(if unit & 1 == 0 { 2 } else { -2 })
    }
}

impl Jacobian {
    /// An affine point times a unit.
    pub(crate) const fn new(point: &Affine, unit: u8) -> Self {
        // The product brings the limbs back into their widths.
        let x = Wide::product(&point.x_times(unit), &Field::ONE).reduced();
        let w = Wide::product(&point.w_times(unit), &Field::ONE).reduced();
        Self { x, w, z: Field::ONE }
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

    /// Doubles the point `doublings` times and then adds an affine point times a unit. Tells whether that
    /// worked: if both points have the same x at the end, they are not added.
    ///
    /// The order of the curve being odd, doubling never gives infinity.
    #[inline(always)]
    pub(crate) const fn advance(&mut self, doublings: u32, addend: Option<(&Affine, u8)>) -> bool {
        let mut left = doublings;
        while left != 0 {
            *self = self.doubled();
            left -= 1;
        }
        let Some((point, unit)) = addend else { return true };
        if let Some(sum) = self.plus(point, unit) {
            *self = sum;
            return true;
        }
        false
    }

    /// The point doubled.
    #[inline(always)]
    const fn doubled(&self) -> Self {
        let Self { x, w, z } = self;
        let (x2, w2) = (x.doubled(), w.doubled());
        let e = Wide::square(x, &x2).tripled().reduced(); // load 3
        let s = Wide::square(w, &w2).reduced();
        let (e2, s2) = (e.doubled(), s.doubled());
        let g = Wide::product_with(x, &x2, &s2).reduced(); // load 2
        let z = Wide::product_with(w, &w2, z).reduced();
        let x = Wide::square(&e, &e2).minus_field(&g).reduced();
        let t = g.minus(&x.doubled()); // magnitude 2
        let w = Wide::product_with(&e, &e2, &t).minus(&Wide::square(&s, &s2)).reduced(); // load 3
        Self { x, w, z }
    }

    /// The sum with an affine point times a unit, unless both have the same x.
    #[inline(always)]
    const fn plus(&self, point: &Affine, unit: u8) -> Option<Self> {
        let Self { x, w, z } = self;
        let z2 = z.doubled();
        let zz = Wide::square(z, &z2).reduced();
        let h = Wide::product(&zz, &point.x_times(unit)).reduced().minus(x); // load 2
        if maybe_zero(&h) && h.is_zero() {
            return None;
        }
        let zzz = Wide::product_with(z, &z2, &zz).reduced();
        let r = Wide::product(&zzz, &point.w_times(unit)).reduced().minus(w); // load 2
        let (h2, r2) = (h.doubled(), r.doubled());
        let z = Wide::product_with(z, &z2, &h2).reduced(); // load 2
        let i = Wide::square(&h2, &h2.doubled()).reduced(); // load 4
        let j = Wide::product_with(&h, &h2, &i).reduced();
        let v = Wide::product(x, &i).reduced();
        let x = Wide::square(&r, &r2).minus_field(&j).minus_field(&v.doubled()).reduced();
        let t = v.minus(&x).doubled(); // magnitude 2
        let w = Wide::product_with(&r, &r2, &t).minus(&Wide::product(w, &j.doubled())).reduced(); // load 4
        Some(Self { x, w, z })
    }
}

impl Sum {
    /// For every step, doubles the sum so many times and then adds a point times a unit.
    #[inline(always)]
    pub(crate) fn advance<'a>(&mut self, mut steps: impl Iterator<Item = Step<'a>>) {
        let mut doublings_left = 0u32;
        loop {
            let Self::Point(start) = *self else {
                let Some((_, addend)) = steps.next() else { return };
                if let Some((point, unit)) = addend {
                    *self = Self::Point(Jacobian::new(point, unit));
                }
                continue;
            };
            // The coordinates stay in local variables throughout.
            let (mut sum, mut failed) = (start, None);
            for (doublings, addend) in &mut steps {
                if !sum.advance(doublings.wrapping_add(doublings_left), addend) {
                    failed = addend;
                    break;
                }
                doublings_left = 0;
            }
            *self = Self::Point(sum);
            let Some((point, unit)) = failed else { return };
            doublings_left = u32::from(self.replace_same_x(point, unit));
        }
    }

    /// The sum of `self` and a point times a unit of the same x, except that if they are equal it is to be
    /// doubled yet, and the answer is true.
    #[cold]
    #[inline(never)]
    fn replace_same_x(&mut self, point: &Affine, unit: u8) -> bool {
        let Self::Point(sum) = &*self else { return false };
        let zzz = sum.z.squared().times(&sum.z);
        let equal = point.w_times(unit).times(&zzz).minus(&sum.w).is_zero();
        *self = if equal { Self::Point(Jacobian::new(point, unit)) } else { Self::Infinity };
        equal
    }
}

/// Whether a difference of reduced elements may be zero modulo p, by its low 29 bits alone: it can only be p, 0
/// or -p, and p is -977 there.
#[inline(always)]
const fn maybe_zero(x: &Field) -> bool {
    x.0[0].wrapping_add(977) & ((1 << 29) - 1) <= 2 * 977
}

/// Replaces every element by its inverse, for one inversion and three products each. None may be zero modulo p;
/// magnitude 4. `products` is as long as `elements` and is overwritten.
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

//! Maps from the fields to the groups: the simplified Shallue-van de Woestijne-Ulas map to an isogenous curve
//! (RFC 9380, section 6.6.3), the isogeny, and the clearing of the cofactor (appendix G.3 for G2).

use super::{Fq, Fq2, G1, G2, HALF, ROOT_EXPONENT, X_SIZE, fq, isogeny1, isogeny2, root};
use crate::curve::{Affine, Jacobian};
use crate::field::Field;

/// A field with the isogenous curve y^2 = x^3 + A x + B.
trait Isogenous: Field {
    const A: Self;
    const B: Self;
    /// Not a square.
    const Z: Self;

    /// The sign of RFC 9380, section 4.1.
    fn is_odd(&self) -> bool;
    /// The root of the square, or else of the square times `(Z u^2)^3`, and whether it was the first.
    fn root_of_either(square: &Self, u: &Self) -> (bool, Self);
}

/// The square root of -Z of G1, which is 11.
const ROOT_OF_MINUS_Z: Fq =
    fq("4610e003bd3ac94dfa9246c390d7a78942602029175a4ca366d601f33f3946e3ed39794735c38315d874bc1d70637c3");

impl Isogenous for Fq {
    const A: Self =
        fq("144698a3b8e9433d693a02c96d4982b0ea985383ee66a8d8e8981aefd881ac98936f8da0e0f97f5cf428082d584c1d");
    const B: Self = fq(
        "12e2908d11688030018b12e8753eee3b2016c1f0f24f4070a0b9c14fcef35ef55a23215a316ceaa5d1cc48e98e172be0",
    );
    const Z: Self = fq("b");

    fn is_odd(&self) -> bool {
        Fq::is_odd(self)
    }

    /// The candidate's square is the number or its opposite, so that one power serves both: a root of
    /// `-c^2 (Z u^2)^3` is `c Z u^3` times the root of -Z.
    fn root_of_either(square: &Self, u: &Self) -> (bool, Self) {
        let candidate = square.power(&ROOT_EXPONENT);
        if candidate.squared().is(square) {
            return (true, candidate);
        }
        let factor = u.squared().times(u).times(&Self::Z).times(&ROOT_OF_MINUS_Z);
        (false, candidate.times(&factor))
    }
}

impl Isogenous for Fq2 {
    const A: Self = Fq2::from_digits("0", "f0");
    const B: Self = Fq2::from_digits("3f4", "3f4");
    /// -(2 + u).
    const Z: Self = Fq2::from_digits(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaa9",
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaaa",
    );

    fn is_odd(&self) -> bool {
        Fq2::is_odd(self)
    }

    fn root_of_either(square: &Self, u: &Self) -> (bool, Self) {
        if let Some(found) = square.root(root, &HALF) {
            return (true, found);
        }
        let factor = u.squared().times(&Self::Z);
        let other = square.times(&factor).times(&factor.squared());
        // One of both is a square, since Z is not.
        (false, other.root(root, &HALF).unwrap_or(Self::ZERO))
    }
}

/// A point of the isogenous curve for every element; coordinates are reduced. Takes a reduced element.
fn point_of<F: Isogenous>(u: &F) -> (F, F) {
    let factor = F::Z.times(&u.squared());
    let denominator = factor.squared().plus(&factor).reduced();
    // x = -B / A (1 + 1 / d), or B / (Z A) where d is zero.
    let x = if denominator.is_zero() {
        F::B.times(&F::Z.times(&F::A).inverted())
    } else {
        let numerator = F::B.negated().times(&denominator.plus(&F::ONE));
        numerator.times(&F::A.times(&denominator).inverted())
    };
    let right_side = x.squared().plus(&F::A).times(&x).plus(&F::B).reduced();
    let (is_first, y) = F::root_of_either(&right_side, u);
    let x = if is_first { x } else { x.times(&factor) };
    let y = if y.is_odd() == u.is_odd() { y } else { y.negated() };
    (x, y)
}

/// The value of the polynomial with these coefficients, constant first.
fn polynomial<F: Field>(coefficients: &[F], x: &F) -> F {
    coefficients.iter().rev().fold(F::ZERO, |sum, coefficient| sum.times(x).plus(coefficient))
}

/// An isogeny: `(x_n(x) / x_d(x), y y_n(x) / y_d(x))`. `None`, the point at infinity, where a denominator is zero.
fn image<F: Field>([x_n, x_d, y_n, y_d]: [&[F]; 4], (x, y): &(F, F)) -> Option<(F, F)> {
    let (x_d, y_d) = (polynomial(x_d, x), polynomial(y_d, x));
    let product = x_d.times(&y_d);
    if product.is_zero() {
        return None;
    }
    let inverse = product.inverted();
    let new_x = polynomial(x_n, x).times(&inverse.times(&y_d));
    let new_y = polynomial(y_n, x).times(&inverse.times(&x_d)).times(y);
    Some((new_x, new_y))
}

/// Maps an element to the group. Takes a reduced one; `None` is the point at infinity.
pub fn map_to_g1(u: &Fq) -> Option<Affine<G1>> {
    let (x, y) = image(isogeny1::MAP, &point_of(u))?;
    let point = Affine { x, y };
    // 1 - x times the point.
    Jacobian::sum(point.times(X_SIZE), &point).map(|point| point.to_affine())
}

/// Maps an element to the group. Takes a reduced one; `None` is the point at infinity.
pub fn map_to_g2(u: &Fq2) -> Option<Affine<G2>> {
    let (x, y) = image(isogeny2::MAP, &point_of(u))?;
    cleared(&Affine { x, y })
}

/// `(x^2 - x - 1) P + (x - 1) ψ(P) + 2 ψ^2(P)` (Budroni and Pintore, 2017), as `x (x P + ψ(P)) + 2 ψ^2(P) - ψ(P)
/// - x P - P`.
fn cleared(point: &Affine<G2>) -> Option<Affine<G2>> {
    let by_x = |point: &Affine<G2>| point.times(X_SIZE).map(|product| product.to_affine().negated());
    let (first, image) = (by_x(point), point.endomorphism());
    let sum = match &first {
        Some(first) => first.plus(&image),
        None => Some(image),
    };
    let twice = point.plus(point).map(|twice| twice.endomorphism().endomorphism());
    let terms = [
        sum.and_then(|sum| by_x(&sum)),
        twice,
        Some(image.negated()),
        first.map(|first| first.negated()),
        Some(point.negated()),
    ];
    let total = terms.iter().flatten().fold(None, Jacobian::sum);
    total.map(|point| point.to_affine())
}

//! The optimal ate pairing (Vercauteren, 2010), of which only the question matters whether a product is one.

use super::{Fq2, G1, G2, P, X_SIZE};
use crate::curve::Affine;
use crate::fp12::Fp12;
use crate::miller::{Loop, Paired};

type Fq12 = Fp12<P, 14>;

/// The curve, as the loop knows it.
struct Bls;

impl Paired<14> for Bls {
    type Tower = P;
    type Left = G1;
    type Right = G2;

    /// A point (x, y) of the twist stands for (x / w^2, y / w^3): the line, times w^3, is `a + b w^2 + w^3`.
    fn times_line(value: &Fq12, a: &Fq2, b: &Fq2) -> Fq12 {
        value.times_line_of_division(a, b)
    }
}

/// Whether the product of the pairings of all pairs is one. All points must be in their groups: that is not
/// checked here. A pair with the point at infinity contributes nothing and is left out.
pub fn is_product_one(pairs: &[(Affine<G1>, Affine<G2>)]) -> bool {
    if pairs.is_empty() {
        return true;
    }
    let mut product = Loop::<Bls, 14>::new(pairs);
    for bit in (0..X_SIZE.ilog2()).rev() {
        product.double();
        if X_SIZE >> bit & 1 == 1 {
            product.add(|start| *start);
        }
    }
    // x is negative; the exponentiation takes the conjugate for the inverse.
    is_forgiven(&product.value.conjugate())
}

/// Whether three times the final exponent raises the value to one. Three is no divisor of the order.
///
/// 3 (p^4 - p^2 + 1) / r = (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3 (Hayashida, Hayasaka and Teruya, 2020).
fn is_forgiven(value: &Fq12) -> bool {
    let value = value.unitary();
    let a = minus_one_power(&minus_one_power(&value));
    let b = x_power(&a).times(&a.frobenius());
    let c = x_power(&x_power(&b)).times(&b.frobenius().frobenius()).times(&b.conjugate());
    let cube = value.cyclotomic_squared().times(&value);
    c.times(&cube).is_one()
}

/// The x-th power of a unitary value.
fn x_power(value: &Fq12) -> Fq12 {
    value.cyclotomic_power(X_SIZE).conjugate()
}

/// The (x - 1)-th power of a unitary value.
fn minus_one_power(value: &Fq12) -> Fq12 {
    x_power(value).times(&value.conjugate())
}

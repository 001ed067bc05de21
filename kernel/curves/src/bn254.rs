//! The curve bn254 (alt_bn128 of EIP-196 and EIP-197): y^2 = x^3 + 3, its twist y^2 = x^3 + 3 / (9 + u), and the
//! pairing.

use crate::curve::{Affine, Curve};
use crate::field::Field;
use crate::fp2::Fp2;
use crate::fp6::Tower;
use crate::fp12::Fp12;
use crate::miller::{Loop, Paired};
use crate::montgomery::{Fp, Modulus, Prime};
use crate::multiply::{combination, digits, multiples};

/// The prime p.
#[derive(Clone, Copy, Debug)]
pub struct P;

impl Prime<10> for P {
    const MODULUS: Modulus<10> =
        Modulus::new("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
}

/// The field of p.
pub type Fq = Fp<P, 10>;
/// Its quadratic extension.
pub type Fq2 = Fp2<P, 10>;
type Fq12 = Fp12<P, 10>;

/// The parameter of the curve: p and the order follow from it.
const X: u64 = 0x44e9_92b4_4a69_09f1;

/// 6 x + 2 in signed digits (non-adjacent form), most significant first, without the first.
const LOOP: [i8; 65] = [
    0, -1, 0, 1, 0, 0, 0, -1, 0, -1, 0, 0, 0, -1, 0, 1, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1, 0,
    0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, -1, 0, -1, 0, 0, 1, 0, 0, 0, -1, 0, 0, -1, 0, 1, 0, 1, 0, 0, 0,
];

impl Tower<10> for P {
    const FROBENIUS: [Fq2; 5] = [
        Fq2::from_digits(
            "1284b71c2865a7dfe8b99fdd76e68b605c521e08292f2176d60b35dadcc9e470",
            "246996f3b4fae7e6a6327cfe12150b8e747992778eeec7e5ca5cf05f80f362ac",
        ),
        Fq2::from_digits(
            "2fb347984f7911f74c0bec3cf559b143b78cc310c2c3330c99e39557176f553d",
            "16c9e55061ebae204ba4cc8bd75a079432ae2a1d0b7c9dce1665d51c640fcba2",
        ),
        Fq2::from_digits(
            "63cf305489af5dcdc5ec698b6e2f9b9dbaae0eda9c95998dc54014671a0135a",
            "7c03cbcac41049a0704b5a7ec796f2b21807dc98fa25bd282d37f632623b0e3",
        ),
        Fq2::from_digits(
            "5b54f5e64eea80180f3c0b75a181e84d33365f7be94ec72848a1f55921ea762",
            "2c145edbe7fd8aee9f3a80b03b0b1c923685d2ea1bdec763c13b4711cd2b8126",
        ),
        Fq2::from_digits(
            "183c1e74f798649e93a3661a4353ff4425c459b55aa1bd32ea2c810eab7692f",
            "12acf2ca76fd0675a27fb246c7729f7db080cb99678e2ac024c6b8ee6e0c2c4b",
        ),
    ];

    /// ξ = 9 + u.
    fn times_xi(x: &Fq2) -> Fq2 {
        let x = x.settled();
        let nine = x.doubled().doubled().settled().doubled().plus(&x);
        Fq2 { real: nine.real.minus(&x.imaginary), imaginary: nine.imaginary.plus(&x.real) }
    }
}

/// The curve over the prime field. Its order is prime.
#[derive(Clone, Copy, Debug)]
pub struct G1;

impl Curve for G1 {
    type Field = Fq;
    const A_IS_MINUS_THREE: bool = false;
    const B: Fq = Fq::from_digits("3");
}

/// The twist over the quadratic extension.
#[derive(Clone, Copy, Debug)]
pub struct G2;

impl Curve for G2 {
    type Field = Fq2;
    const A_IS_MINUS_THREE: bool = false;
    const B: Fq2 = Fq2::from_digits(
        "2b149d40ceb8aaae81be18991be06ac3b5b4c5e559dbefa33267e6dc24a138e5",
        "9713b03af0fed4cd2cafadeed8fdf4a74fa084e52d1852e4a2bd0685c315d2",
    );
}

impl Affine<G2> {
    /// The p-th power of coordinates, carried over to the twist.
    fn endomorphism(&self) -> Self {
        let [_, of_x, of_y, ..] = &P::FROBENIUS;
        Self { x: self.x.conjugate().times(of_x), y: self.y.conjugate().times(of_y) }
    }

    /// Whether the group of the prime order has the point of the twist.
    ///
    /// It has if (x + 1) Q + ψ(x Q) + ψ^2(x Q) = ψ^3(2 x Q) (Dai, Lin, Zhao and Zhou, 2022).
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        let Some(product) = self.times(X).map(|product| product.to_affine()) else { return false };
        let first = product.endomorphism();
        let second = first.endomorphism();
        let sum = product.plus(self).and_then(|sum| sum.plus(&first)).and_then(|sum| sum.plus(&second));
        let third = second.endomorphism();
        match (sum, third.plus(&third)) {
            (Some(sum), Some(twice)) => sum.x.is(&twice.x) && sum.y.is(&twice.y),
            _ => false,
        }
    }
}

/// The product of a point and a number of 256 bits (big-endian); `None` is the point at infinity.
#[must_use]
pub fn multiply(point: &Affine<G1>, number: &[u8; 32]) -> Option<Affine<G1>> {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(number.rchunks_exact(4)) {
        *word = bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    }
    let tables = multiples(&[*point]);
    let table = tables.first()?;
    combination(&[(table, &digits(&words))]).map(|product| product.to_affine())
}

/// The curve, as the loop knows it.
struct Bn;

impl Paired<10> for Bn {
    type Tower = P;
    type Left = G1;
    type Right = G2;

    /// A point (x, y) of the twist stands for (x w^2, y w^3): the line is `1 + b w + a w^3`.
    fn times_line(value: &Fq12, a: &Fq2, b: &Fq2) -> Fq12 {
        value.times_line_of_product(a, b)
    }
}

/// Whether the product of the pairings of all pairs is one (optimal ate pairing; Vercauteren, 2010). All points must
/// be in their groups: that is not checked here. A pair with the point at infinity contributes nothing and is left
/// out.
pub fn is_product_one(pairs: &[(Affine<G1>, Affine<G2>)]) -> bool {
    if pairs.is_empty() {
        return true;
    }
    let mut product = Loop::<Bn, 10>::new(pairs);
    for digit in LOOP {
        product.double();
        match digit {
            1 => product.add(|start| *start),
            -1 => product.add(Affine::negated),
            _ => {}
        }
    }
    product.add(Affine::<G2>::endomorphism);
    product.add(|start| start.endomorphism().endomorphism().negated());
    is_forgiven(&product.value)
}

/// Whether a power of the final exponent raises the value to one, that of 2 x (6 x^2 + 3 x + 1), which is no multiple
/// of the order (Fuentes-Castañeda, Knapp and Rodríguez-Henríquez, 2011).
fn is_forgiven(value: &Fq12) -> bool {
    let value = value.unitary();
    let minus_x = |value: &Fq12| value.cyclotomic_power(X).conjugate();

    let y1 = minus_x(&value).cyclotomic_squared();
    let y3 = y1.cyclotomic_squared().times(&y1);
    let y4 = minus_x(&y3);
    let y6 = minus_x(&y4.cyclotomic_squared()).conjugate();
    let y8 = y6.times(&y4).times(&y3.conjugate());
    let y9 = y8.times(&y1);
    let y11 = y8.times(&y4).times(&value);
    let y14 = y8.frobenius().frobenius().times(&y9.frobenius().times(&y11));
    let y15 = value.conjugate().times(&y9).frobenius().frobenius().frobenius();
    y15.times(&y14).is_one()
}

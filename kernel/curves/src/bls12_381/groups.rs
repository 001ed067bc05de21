//! The two groups of the prime order r = x^4 - x^2 + 1 and their endomorphisms.
//!
//! The endomorphisms act as powers of the parameter x, so that membership takes one or two multiplications by
//! x (Scott, 2021), and products with numbers of 256 bits take 128 or 64 doublings (Gallant, Lambert and
//! Vanstone, 2001; Galbraith, Lin and Scott, 2009).

use super::{Fq, Fq2, X_SIZE, fq, root};
use crate::curve::{Affine, Curve, Jacobian};
use crate::field::Field;
use crate::multiply::{Multiples, combination, digits, multiples};
use alloc::vec::Vec;

/// The curve over the prime field.
#[derive(Clone, Copy, Debug)]
pub struct G1;

impl Curve for G1 {
    type Field = Fq;
    const A_IS_MINUS_THREE: bool = false;
    const B: Fq = fq("4");
}

/// The twist over the quadratic extension.
#[derive(Clone, Copy, Debug)]
pub struct G2;

impl Curve for G2 {
    type Field = Fq2;
    const A_IS_MINUS_THREE: bool = false;
    const B: Fq2 = Fq2::from_digits("4", "4");
}

/// A cube root of one.
const BETA: Fq = fq("5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffe");
/// ξ^((1 - p) / 3).
const PSI_X: Fq2 = Fq2::from_digits(
    "0",
    "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd8bfd00000000aaad",
);
/// ξ^((1 - p) / 2).
const PSI_Y: Fq2 = Fq2::from_digits(
    "135203e60180a68ee2e9c448d77a2cd91c3dedd930b1cf60ef396489f61eb45e304466cf3e67fa0af1ee7b04121bdea2",
    "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c81084fbede3cc09",
);

/// Points whose multiples are in memory at once.
const CHUNK: usize = 64;

impl Affine<G1> {
    /// The generator of the group.
    pub const GENERATOR: Self = Self {
        x: fq(
            "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
        ),
        y: fq(
            "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
        ),
    };

    /// On the group, the product with minus the square of x.
    fn endomorphism(&self) -> Self {
        Self { x: self.x.times(&BETA), y: self.y }
    }

    /// Whether the group has the point of the curve.
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        let product = self.times(X_SIZE).and_then(|point| point.to_affine().times(X_SIZE));
        product.is_some_and(|point| point.is(&self.endomorphism().negated()))
    }
}

impl Affine<G2> {
    /// The generator of the group.
    pub const GENERATOR: Self = Self {
        x: Fq2::from_digits(
            "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8",
            "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e",
        ),
        y: Fq2::from_digits(
            "0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801",
            "0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be",
        ),
    };

    /// The p-th power of coordinates, carried over to the twist. On the group, the product with x.
    pub(super) fn endomorphism(&self) -> Self {
        Self { x: self.x.conjugate().times(&PSI_X), y: self.y.conjugate().times(&PSI_Y) }
    }

    /// Whether the group has the point of the twist.
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        self.times(X_SIZE).is_some_and(|point| point.is(&self.endomorphism().negated()))
    }
}

/// The point of G1 in the compressed form of ZCash: 48 bytes, of which three bits are flags. `Some(None)` is the
/// point at infinity, `None` is what is no such point or not in the group.
pub fn decompress(bytes: &[u8; 48]) -> Option<Option<Affine<G1>>> {
    let mut number = *bytes;
    let flags = number[0] >> 5;
    number[0] &= 0x1f;
    match flags {
        // Compressed, infinity.
        0b110 => (number == [0; 48]).then_some(None),
        0b100 | 0b101 => {
            let x = Fq::from_bytes(&number)?;
            let y = root(&Affine::<G1>::right_side(&x))?;
            let y = if y.is_high() == (flags == 0b101) { y } else { y.negated() };
            let point: Affine<G1> = Affine { x, y };
            point.is_in_group().then_some(Some(point))
        }
        _ => None,
    }
}

/// The sum of products of points of the group with numbers of 256 bits (big-endian); `None` is infinity.
pub fn multiply_sum_g1(terms: &[(Affine<G1>, [u8; 32])]) -> Option<Affine<G1>> {
    let parts = terms.chunks(CHUNK).map(|chunk| {
        let points: Vec<_> = chunk.iter().map(|(point, _)| *point).collect();
        let mut tables: Vec<Multiples<G1>> = Vec::new();
        for table in multiples(&points) {
            tables.push(table);
            // x^2 times the point.
            tables.push(table.map(|point| point.endomorphism().negated()));
        }
        let numbers = chunk.iter().flat_map(|(_, number)| {
            let [d0, d1, d2, d3] = digits_of_x(number);
            let low = u128::from(d1) * u128::from(X_SIZE) + u128::from(d0);
            let high = u128::from(d3) * u128::from(X_SIZE) + u128::from(d2);
            [low, high].map(|half| digits(&words(half)))
        });
        combine(&tables, numbers.collect())
    });
    total(parts)
}

/// The sum of products of points of the group with numbers of 256 bits (big-endian); `None` is infinity.
pub fn multiply_sum_g2(terms: &[(Affine<G2>, [u8; 32])]) -> Option<Affine<G2>> {
    let parts = terms.chunks(CHUNK).map(|chunk| {
        let points: Vec<_> = chunk.iter().map(|(point, _)| *point).collect();
        let mut tables: Vec<Multiples<G2>> = Vec::new();
        for mut table in multiples(&points) {
            for _ in 0..4 {
                tables.push(table);
                // The size of x times the point.
                table = table.map(|point| point.endomorphism().negated());
            }
        }
        let numbers = chunk.iter().flat_map(|(_, number)| {
            digits_of_x(number).map(|digit| digits(&[digit as u32, (digit >> 32) as u32]))
        });
        combine(&tables, numbers.collect())
    });
    total(parts)
}

fn combine<C: Curve>(tables: &[Multiples<C>], digits: Vec<Vec<i8>>) -> Option<Jacobian<C>> {
    let terms: Vec<_> =
        tables.iter().zip(&digits).map(|(table, digits)| (table, digits.as_slice())).collect();
    combination(&terms)
}

fn total<C: Curve>(parts: impl Iterator<Item = Option<Jacobian<C>>>) -> Option<Affine<C>> {
    let sum = parts.flatten().fold(None, |sum, part| Jacobian::sum(sum, &part.to_affine()));
    sum.map(|point| point.to_affine())
}

fn words(number: u128) -> [u32; 4] {
    [number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32]
}

/// The number modulo the order, in digits to the base |x|, least significant first.
fn digits_of_x(number: &[u8; 32]) -> [u64; 4] {
    let order = [0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48];
    let mut limbs = [0u64; 4];
    for (limb, bytes) in limbs.iter_mut().zip(number.rchunks_exact(8)) {
        *limb = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    // Twice at most: the order has 255 bits and 2^256 is below three of them.
    while limbs.iter().rev().ge(order.iter().rev()) {
        let mut borrow = false;
        for (limb, of_order) in limbs.iter_mut().zip(order) {
            let (less, first) = limb.overflowing_sub(of_order);
            let (less, second) = less.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (less, first || second);
        }
    }
    let mut digits = [0; 4];
    for digit in &mut digits {
        let mut rest = 0u128;
        for limb in limbs.iter_mut().rev() {
            let dividend = rest << 64 | u128::from(*limb);
            *limb = (dividend / u128::from(X_SIZE)) as u64;
            rest = dividend % u128::from(X_SIZE);
        }
        *digit = rest as u64;
    }
    digits
}

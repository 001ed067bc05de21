//! Odd multiples of the generator, worked out by the compiler.

use crate::field::Field;
use crate::point::{Affine, Jacobian, invert_all};

/// Width of the digits that multiply the generator.
pub(crate) const GENERATOR_WIDTH: u32 = 10;
/// Odd multiples below 2^(width - 1).
const LENGTH: usize = 1 << (GENERATOR_WIDTH - 2);

/// G, 3G, 5G and so on: 108 bytes each.
pub(crate) static GENERATOR: [Affine; LENGTH] = odd_multiples();

/// x of the generator.
const X: Field = Field::from_words(&[
    0x16f8_1798, 0x59f2_815b, 0x2dce_28d9, 0x029b_fcdb, 0xce87_0b07, 0x55a0_6295, 0xf9dc_bbac, 0x79be_667e,
]);
/// y of the generator.
const Y: Field = Field::from_words(&[
    0xfb10_d4b8, 0x9c47_d08f, 0xa685_5419, 0xfd17_b448, 0x0e11_08a8, 0x5da4_fbfc, 0x26a3_c465, 0x483a_da77,
]);

const fn odd_multiples() -> [Affine; LENGTH] {
    let generator = Affine::new(&X, &Y);
    let mut twice = Jacobian::new(&generator.x, &generator.y, 2);
    twice.double(1);
    let [twice] = normalized([twice]);
    let mut points = [Jacobian::new(&generator.x, &generator.y, 2); LENGTH];
    let mut i = 1;
    while i < LENGTH {
        points[i] = points[i - 1];
        // Multiples of different size below n / 2 never share an x.
        points[i].add_distinct(&twice.x, &twice.y, 2);
        i += 1;
    }
    normalized(points)
}

/// The same points with Z = 1.
const fn normalized<const N: usize>(points: [Jacobian; N]) -> [Affine; N] {
    let (mut inverses, mut i) = ([Field::ONE; N], 0);
    while i < N {
        inverses[i] = points[i].z;
        i += 1;
    }
    invert_all(&mut inverses, &mut [Field::ONE; N]);
    let mut affine = [Affine::EMPTY; N];
    while i > 0 {
        i -= 1;
        let (x, y) = points[i].affine(&inverses[i]);
        affine[i] = Affine::new(&x, &y);
    }
    affine
}

//! Multiples of the generator, worked out by the compiler.

use crate::digits::Digits;
use crate::field::Field;
use crate::point::{Affine, Jacobian, invert_all};

/// Width of the digits that multiply the generator.
const WIDTH: u32 = 6;
/// Entries of the table.
const LENGTH: usize = 1 << (2 * WIDTH - 3);

/// The digits that multiply the generator.
pub(crate) static GENERATOR_DIGITS: Digits<{ 8 * LENGTH }, LENGTH> = DIGITS;
const DIGITS: Digits<{ 8 * LENGTH }, LENGTH> = Digits::new(WIDTH);

/// (a + b lambda) G for every entry a + b lambda of the digits: 108 bytes each.
pub(crate) static GENERATOR: [Affine; LENGTH] = multiples();

/// x of the generator.
const X: Field = Field::from_words(&[
    0x16f8_1798,
    0x59f2_815b,
    0x2dce_28d9,
    0x029b_fcdb,
    0xce87_0b07,
    0x55a0_6295,
    0xf9dc_bbac,
    0x79be_667e,
]);
/// y of the generator.
const Y: Field = Field::from_words(&[
    0xfb10_d4b8,
    0x9c47_d08f,
    0xa685_5419,
    0xfd17_b448,
    0x0e11_08a8,
    0x5da4_fbfc,
    0x26a3_c465,
    0x483a_da77,
]);

/// The points, found by walking along the rows of the sector in which the entries lie, from generator to
/// generator. No two points of a walk have the same x: their sum and difference are small multiples.
const fn multiples() -> [Affine; LENGTH] {
    let generator = Affine::new(&X, &Y);
    let mut points = [Jacobian::new(&generator, 0); LENGTH];
    let (mut row_start, mut row) = (points[0], 0);
    let mut place = (1, 0);
    let mut point = row_start;
    let mut entry = 0;
    while entry < LENGTH {
        if place.1 != row {
            row_start.advance(0, Some((&generator, 1)));
            (point, row) = (row_start, place.1);
        }
        let (a, b) = Digits::<{ 8 * LENGTH }, LENGTH>::sector(place);
        let (entry_a, entry_b) = DIGITS.entry(entry);
        if a == entry_a && b == entry_b {
            points[entry] = point;
            entry += 1;
        }
        place = Digits::<{ 8 * LENGTH }, LENGTH>::after(place);
        // 2 G is the one sum of equal points.
        if place.0 == 2 && place.1 == 0 {
            point.advance(1, None);
        } else {
            point.advance(0, Some((&generator, 0)));
        }
    }
    normalized(&points)
}

/// The same points with Z = 1.
const fn normalized(points: &[Jacobian; LENGTH]) -> [Affine; LENGTH] {
    let (mut inverses, mut i) = ([Field::ONE; LENGTH], 0);
    while i < LENGTH {
        inverses[i] = points[i].z;
        i += 1;
    }
    invert_all(&mut inverses, &mut [Field::ONE; LENGTH]);
    let mut affine = [Affine::EMPTY; LENGTH];
    while i > 0 {
        i -= 1;
        let (x, y) = points[i].affine(&inverses[i]);
        affine[i] = Affine::new(&x, &y);
    }
    affine
}

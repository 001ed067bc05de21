//! Odd multiples of the base point B and of 2^64 B, 2^128 B and 2^192 B, worked out by the compiler.

use crate::field::Field;
use crate::point::{Affine, AffineAddend, Extended, Signed};

/// Width of the digits that multiply the base point.
pub(crate) const WIDTH: u32 = 8;
/// Entries of each table.
const LENGTH: usize = 1 << (WIDTH - 2);
/// Tables, and how far apart: table i is for digits from position 64 i on.
pub(crate) const TABLES: usize = 4;
/// Positions that each table is for.
pub(crate) const SPLIT: usize = 64;

/// The odd multiples 1, 3, 5 and so on of 2^(64 i) B: 108 bytes each.
static BASES: [[AffineAddend; LENGTH]; TABLES] = {
    let (mut tables, mut point, mut i) = ([[AffineAddend::EMPTY; LENGTH]; TABLES], Extended::new(&BASE), 0);
    while i < TABLES {
        let points: [Extended; LENGTH] = odd_multiples(&point);
        normalize(&points, &mut tables[i], &mut [Field::ONE; LENGTH]);
        point = point.shifted(SPLIT);
        i += 1;
    }
    tables
};

/// The base point: y = 4/5 and an even x.
#[allow(clippy::panic, reason = "worked out by the compiler")]
pub(crate) const BASE: Affine =
    match Affine::new(&Field::from_small(4).times(&Field::from_small(5).inverted()), false) {
        Some(point) => point,
        None => panic!("the base point is on the curve"),
    };

/// The odd multiples 1, 3, 5 and so on of a point.
pub(crate) const fn odd_multiples<const N: usize>(first: &Extended) -> [Extended; N] {
    let twice = first.doubled().extended().addend();
    let mut points = [*first; N];
    let mut i = 1;
    while i < N {
        points[i] = points[i - 1].plus(&twice).extended();
        i += 1;
    }
    points
}

/// Makes the points affine and prepares them for being added, with one inversion for all (Montgomery's trick).
/// The slices are of one length; `products` is overwritten.
pub(crate) const fn normalize(points: &[Extended], addends: &mut [AffineAddend], products: &mut [Field]) {
    let (mut product, mut i) = (Field::ONE, 0);
    while i < points.len() && i < addends.len() && i < products.len() {
        products[i] = product;
        product = product.times(&points[i].z);
        i += 1;
    }
    let mut inverse = product.inverted();
    while i > 0 {
        i -= 1;
        let one_by_z = inverse.times(&products[i]);
        let (x, y) = (points[i].x.times(&one_by_z), points[i].y.times(&one_by_z));
        addends[i] = AffineAddend::new(&Affine { x, y });
        inverse = inverse.times(&points[i].z);
    }
}

/// The digit, which is odd and below 2^(WIDTH - 1) in size, times 2^(64 `table`) B.
#[inline(always)]
pub(crate) fn base_times(table: usize, digit: i32) -> Signed<'static> {
    BASES[table % TABLES][digit.unsigned_abs() as usize / 2 % LENGTH].times(i64::from(digit.signum()))
}

//! Sums of multiples of points, whose digits share the doublings (Straus, 1964).
//!
//! * `a B + b P + c Q` for a scalar and two halves of scalars: 127 doublings. The digits of `a` from position 128 on
//!   are multiplied by the table of 2^128 B.
//! * `a B - b P` for two scalars, with multiples of P at four places, 64 positions apart, as there are of B: 63
//!   doublings.

use crate::digits::write_digits;
use crate::field::Field;
use crate::point::{Addend, Affine, AffineAddend, Extended, Signed, Sum};
use crate::scalar::Scalar;
use crate::table;

/// Width of the digits that multiply other points than the base point.
const WIDTH: u32 = 4;

/// Multiples of such a point, without the point itself.
const LENGTH: usize = (1 << (WIDTH - 2)) - 1;

/// Positions of digits, 0 to 127: halves are below 2^127, and scalars below 2^253.
const POSITIONS: usize = 128;

/// Columns of digits: the tables of the base point, then the other points.
const COLUMNS: usize = 8;

/// The odd multiples of a point.
#[derive(Clone, Debug)]
pub(crate) struct Multiples {
    /// The point.
    first: AffineAddend,
    /// 3, 5, 7 times the point.
    others: [Addend; LENGTH],
}

/// Half a scalar, with its sign, times a point.
pub(crate) struct Term<'a> {
    /// The half, below 2^127.
    pub(crate) half: &'a [u32; 4],
    /// 1 or -1.
    pub(crate) sign: i32,
    /// Multiples of the point.
    pub(crate) multiples: &'a Multiples,
}

impl Multiples {
    /// The multiples of this point.
    pub(crate) fn new(point: &Affine) -> Self {
        let mut multiple = Extended::new(point);
        let twice = multiple.doubled().extended().addend();
        let others = core::array::from_fn(|_| {
            multiple = multiple.plus(&twice).extended();
            multiple.addend()
        });
        Self { first: AffineAddend::new(point), others }
    }

    /// The digit, which is odd and below 2^(WIDTH - 1) in size, times the point.
    #[inline(always)]
    fn times(&self, digit: i32) -> Signed<'_> {
        let sign = i64::from(digit.signum());
        match (digit.unsigned_abs() as usize / 2).checked_sub(1) {
            None => self.first.times(sign),
            Some(other) => self.others[other % LENGTH].times(sign),
        }
    }
}

/// The odd multiples of a point and of 2^64, 2^128 and 2^192 times the point.
pub(crate) type Places = [[AffineAddend; PLACE_LENGTH]; table::TABLES];

/// Multiples at each place.
pub(crate) const PLACE_LENGTH: usize = 1 << (WIDTH - 2);

/// The multiples of this point.
pub(crate) fn places(point: &Affine) -> Places {
    let mut point = Extended::new(point);
    let mut points = [[point; PLACE_LENGTH]; table::TABLES];
    for multiples in &mut points {
        *multiples = table::odd_multiples(&point);
        point = point.shifted(table::SPLIT);
    }
    let mut places = [[AffineAddend::EMPTY; PLACE_LENGTH]; table::TABLES];
    table::normalize(points.as_flattened(), places.as_flattened_mut(), &mut [Field::ONE; PLACES_LENGTH]);
    places
}

/// Multiples at all places.
const PLACES_LENGTH: usize = PLACE_LENGTH * table::TABLES;

/// The points, other than the base point, of a sum.
enum Points<'a> {
    /// Columns 4 and 5.
    Two(&'a Multiples, &'a Multiples),
    /// Columns 4 to 7.
    Places(&'a Places),
}

/// `scalar` times the base point, plus the terms.
#[inline(never)]
pub(crate) fn multiply(scalar: &Scalar, terms: [Term; 2]) -> Sum {
    let mut rows = [[0; COLUMNS]; POSITIONS];
    write_digits(&scalar.0, table::WIDTH, |position, digit| {
        // The first or the third table.
        set(&mut rows, position % POSITIONS, position / POSITIONS * 2, digit);
    });
    let [first, second] = terms;
    write_digits(first.half, WIDTH, |position, digit| {
        set(&mut rows, position, 4, digit.wrapping_mul(first.sign));
    });
    write_digits(second.half, WIDTH, |position, digit| {
        set(&mut rows, position, 5, digit.wrapping_mul(second.sign));
    });
    added(&rows, &Points::Two(first.multiples, second.multiples))
}

/// `base` times the base point, minus `scalar` times another one.
#[inline(never)]
pub(crate) fn multiply_places(base: &Scalar, scalar: &Scalar, places: &Places) -> Sum {
    let mut rows = [[0; COLUMNS]; table::SPLIT];
    write_digits(&base.0, table::WIDTH, |position, digit| {
        set(&mut rows, position % table::SPLIT, position / table::SPLIT, digit);
    });
    write_digits(&scalar.0, WIDTH, |position, digit| {
        set(&mut rows, position % table::SPLIT, position / table::SPLIT + 4, digit.wrapping_neg());
    });
    added(&rows, &Points::Places(places))
}

/// Puts a digit in its place.
#[inline(always)]
fn set(rows: &mut [[i8; COLUMNS]], position: usize, column: usize, digit: i32) {
    if let Some(place) = rows.get_mut(position).and_then(|row| row.get_mut(column)) {
        *place = digit as i8;
    }
}

/// The sum of all digits times their points: columns 0 to 3 are for the tables of the base point.
#[inline(never)]
fn added(rows: &[[i8; COLUMNS]], points: &Points) -> Sum {
    let mut rows = rows.iter().rev().map(|row| u64::from_le_bytes(row.map(|digit| digit as u8)));
    // A row as a word: what is left of it, the digit for `column` in the lowest byte.
    let mut row = rows.by_ref().find(|row| *row != 0).unwrap_or(0);
    let (mut column, mut sum) = (0u32, Sum::NEUTRAL);
    loop {
        if row == 0 {
            let Some(next) = rows.next() else { return sum };
            (row, column) = (next, 0);
            sum = sum.advanced(None);
            continue;
        }
        let bytes = row.trailing_zeros() / 8;
        column = column.wrapping_add(bytes);
        row = row.wrapping_shr(8 * bytes);
        let digit = i32::from(row as i8);
        row &= !0xff;
        let addend = match (column, points) {
            (0..4, _) => table::base_times(column as usize, digit),
            (4, Points::Two(first, _)) => first.times(digit),
            (_, Points::Two(_, second)) => second.times(digit),
            (_, Points::Places(places)) => {
                let multiples = &places[column as usize % table::TABLES];
                multiples[digit.unsigned_abs() as usize / 2 % PLACE_LENGTH].times(i64::from(digit.signum()))
            }
        };
        sum = sum.advanced(Some(&addend));
    }
}

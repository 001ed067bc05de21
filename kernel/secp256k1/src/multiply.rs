//! `a G + b P` by interleaved signed digits (Straus, 1964; Möller, 2001): both scalars are cut in half by the
//! endomorphism and the four halves share some 128 doublings.

use crate::glv::{DIGITS, split};
use crate::point::{Affine, Sum};
use crate::scalar::Scalar;
use crate::table::{GENERATOR, GENERATOR_WIDTH};

/// `a G + b P`, given P, 3P, ... (2^(width - 2) odd multiples).
#[inline(never)]
pub(crate) fn double_multiply(a: &Scalar, b: &Scalar, multiples: &[Affine], width: u32) -> Sum {
    // At each position the digits of b's halves, then those of a's.
    let mut rows = [[0i16; 4]; DIGITS];
    for (scalar, width, column) in [(b, width, 0), (a, GENERATOR_WIDTH, 2)] {
        let (first, second) = split(scalar);
        first.digits(width, |position, digit| set(&mut rows, position, column, digit));
        second.digits(width, |position, digit| set(&mut rows, position, column | 1, digit));
    }
    let (mut sum, mut doublings) = (Sum::Infinity, 0u32);
    for row in rows.iter().rev() {
        doublings = doublings.wrapping_add(1);
        if *row == [0; 4] {
            continue;
        }
        sum.double(doublings);
        doublings = 0;
        for (column, &digit) in row.iter().enumerate() {
            if digit == 0 {
                continue;
            }
            let table = if column < 2 { multiples } else { &GENERATOR };
            let Some(point) = table.get(usize::from(digit.unsigned_abs() >> 1)) else { continue };
            let x = if column & 1 == 0 { &point.x } else { &point.beta_x };
            sum.add(x, &point.y, digit < 0);
        }
    }
    sum.double(doublings);
    sum
}

/// Enters one digit. Its position is below [`DIGITS`] and its size below 2^15.
#[inline(always)]
fn set(rows: &mut [[i16; 4]; DIGITS], position: usize, column: usize, digit: i32) {
    if let Some(row) = rows.get_mut(position) {
        row[column & 3] = digit as i16;
    }
}

//! `a G + b P`: both scalars are cut in half by the endomorphism and the digits of both pairs share some 128
//! doublings (Straus, 1964).

use core::mem::take;

use crate::digits::{Digit, POSITIONS};
use crate::glv::split;
use crate::multiples::{Multiples, POINT_DIGITS};
use crate::point::{Step, Sum};
use crate::scalar::Scalar;
use crate::table::{GENERATOR, GENERATOR_DIGITS};

/// `a G + b P`, given the multiples of P.
#[inline(never)]
pub(crate) fn double_multiply(a: &Scalar, b: &Scalar, multiples: &Multiples) -> Sum {
    // At each position the digit for G, then that for P.
    let mut rows = [[0u16; 2]; POSITIONS];
    let (a1, a2) = split(a);
    GENERATOR_DIGITS.write(&a1, &a2, |position, code| {
        if let Some(row) = rows.get_mut(position) {
            row[0] = code;
        }
    });
    let (b1, b2) = split(b);
    POINT_DIGITS.write(&b1, &b2, |position, code| {
        if let Some(row) = rows.get_mut(position) {
            row[1] = code;
        }
    });
    let mut sum = Sum::Infinity;
    sum.advance(steps(&rows, multiples));
    sum
}

/// The doublings and additions, from the highest position down.
#[inline(always)]
fn steps<'a>(rows: &'a [[u16; 2]; POSITIONS], multiples: &'a Multiples) -> impl Iterator<Item = Step<'a>> {
    let mut rows = rows.iter().rev();
    let (mut doublings, mut second, mut last) = (0u32, 0u16, true);
    core::iter::from_fn(move || {
        if second != 0 {
            let Digit { entry, unit } = Digit::of_code(take(&mut second));
            return Some((0, multiples.get(entry).map(|point| (point, unit))));
        }
        loop {
            let Some(&[for_generator, for_point]) = rows.next() else {
                return if take(&mut last) { Some((doublings, None)) } else { None };
            };
            doublings = doublings.wrapping_add(1);
            if for_generator != 0 {
                second = for_point;
                let Digit { entry, unit } = Digit::of_code(for_generator);
                return Some((take(&mut doublings), GENERATOR.get(entry).map(|point| (point, unit))));
            }
            if for_point != 0 {
                let Digit { entry, unit } = Digit::of_code(for_point);
                return Some((take(&mut doublings), multiples.get(entry).map(|point| (point, unit))));
            }
        }
    })
}

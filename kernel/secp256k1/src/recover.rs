//! Recovery of public keys: Q = (s R - z G) / r (SEC 1, section 4.1.6).

use alloc::vec;
use alloc::vec::Vec;

use crate::Item;
use crate::field::Field;
use crate::multiples::{Pair, multiples};
use crate::multiply::double_multiply;
use crate::point::{Sum, invert_all};
use crate::scalar::{Scalar, words_of_bytes};

/// Signatures that share their inversions. Bounds the memory: about 2 kB for each.
pub(crate) const BATCH_MAX: usize = 128;

/// A signature whose R exists.
struct Candidate {
    /// Place in the batch.
    index: usize,
    r: Scalar,
    s: Scalar,
    z: Scalar,
}

/// The keys of at most [`BATCH_MAX`] items, written to the same places of `keys`, which holds `None`.
pub(crate) fn recover_some(items: &[Item], keys: &mut [Option<[u8; 64]>]) {
    let (candidates, points) = candidates(items);
    if candidates.is_empty() {
        return;
    }
    let inverses = inverses(&candidates);
    let table = multiples(&points);
    let sums: Vec<Sum> = candidates
        .iter()
        .zip(&inverses)
        .zip(&table)
        .map(|((candidate, inverse), multiples)| {
            let a = candidate.z.negated().times(inverse);
            double_multiply(&a, &candidate.s.times(inverse), multiples)
        })
        .collect();
    // Any z that is not zero will do for the point at infinity.
    let mut z: Vec<Field> =
        sums.iter().map(|sum| if let Sum::Point(point) = sum { point.z } else { Field::ONE }).collect();
    invert_all(&mut z, &mut vec![Field::ZERO; sums.len()]);
    for ((candidate, sum), inverse) in candidates.iter().zip(&sums).zip(&z) {
        if let (Sum::Point(point), Some(key)) = (sum, keys.get_mut(candidate.index)) {
            let (x, y) = point.affine(inverse);
            *key = Some(bytes(&x, &y));
        }
    }
}

/// The items that are signatures at all, and the R of each.
#[inline(never)]
fn candidates(items: &[Item]) -> (Vec<Candidate>, Vec<Pair>) {
    let (mut candidates, mut points) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let (Some(r), Some(s)) = (Scalar::from_bytes(&item.r), Scalar::from_bytes(&item.s)) else { continue };
        if r.is_zero() || s.is_zero() {
            continue;
        }
        let Some(point) = lift(&Field::from_words(&words_of_bytes(&item.r)), item.y_parity) else { continue };
        candidates.push(Candidate { index, r, s, z: Scalar::from_bytes_reduced(&item.digest) });
        points.push(point);
    }
    (candidates, points)
}

/// The point with this x and this parity of y, if there is one.
#[inline(never)]
pub(crate) fn lift(x: &Field, y_parity: bool) -> Option<Pair> {
    let square = x.curve_right_side();
    let y = square.root();
    if !y.squared().minus(&square).is_zero() {
        return None;
    }
    // y is not zero: no point has order two. The product makes the negated limbs positive again.
    let y = if y.is_odd() == y_parity { y } else { y.negated().times(&Field::ONE) };
    Some(Pair { x: *x, y })
}

/// The inverse of each r, for one inversion and three products each.
#[inline(never)]
fn inverses(candidates: &[Candidate]) -> Vec<Scalar> {
    let mut product = Scalar::ONE;
    let mut inverses = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        inverses.push(product);
        product = product.times(&candidate.r);
    }
    let mut inverse = product.inverted();
    for (place, candidate) in inverses.iter_mut().zip(candidates).rev() {
        *place = place.times(&inverse);
        inverse = inverse.times(&candidate.r);
    }
    inverses
}

/// x and y as big-endian numbers.
#[inline(never)]
pub(crate) fn bytes(x: &Field, y: &Field) -> [u8; 64] {
    let mut bytes = [0; 64];
    let words = y.to_words().into_iter().chain(x.to_words());
    for (chunk, word) in bytes.as_chunks_mut::<4>().0.iter_mut().rev().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

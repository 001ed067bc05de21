//! Verification against a known key (SEC 1, section 4.1.4).

use crate::field::Field;
use crate::multiples::{Pair, multiples};
use crate::multiply::double_multiply;
use crate::point::Sum;
use crate::scalar::{ORDER, Scalar, words_of_bytes};

/// n as an element of the field.
const ORDER_ELEMENT: Field = Field::from_words(&ORDER);

/// p - n, big-endian: an r below it may stand for two x.
const TWO_X_BELOW: [u8; 32] = {
    let mut bytes = [0; 32];
    let tail = 0x4551_2319_50b7_5fc4_402d_a172_2fc9_baee_u128.to_be_bytes();
    let mut i = 0;
    while i < 16 {
        bytes[16 + i] = tail[i];
        i += 1;
    }
    bytes[15] = 1;
    bytes
};

/// See [`crate::verify`].
pub(crate) fn verify(digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32], key: &[u8; 64]) -> bool {
    let (Some(r_scalar), Some(s_scalar), Some(key)) =
        (Scalar::from_bytes(r), Scalar::from_bytes(s), point(key))
    else {
        return false;
    };
    if r_scalar.is_zero() || s_scalar.is_zero() {
        return false;
    }
    let inverse = s_scalar.inverted();
    let a = Scalar::from_bytes_reduced(digest).times(&inverse);
    let b = r_scalar.times(&inverse);
    let [multiples] = multiples(&[key])[..] else { return false };
    let Sum::Point(sum) = double_multiply(&a, &b, &multiples) else { return false };
    let x = Field::from_words(&r_scalar.0);
    sum.has_x(&x) || (*r < TWO_X_BELOW && sum.has_x(&x.plus(&ORDER_ELEMENT)))
}

/// The point of this key, if it is on the curve and its coordinates are below p.
fn point(key: &[u8; 64]) -> Option<Pair> {
    let ([x, y], []) = key.as_chunks::<32>() else { return None };
    let (x_words, y_words) = (words_of_bytes(x), words_of_bytes(y));
    let (x, y) = (Field::from_words(&x_words), Field::from_words(&y_words));
    let canonical = x.to_words() == x_words && y.to_words() == y_words;
    let on_curve = y.squared().minus(&x.curve_right_side()).is_zero();
    (canonical && on_curve).then_some(Pair { x, y })
}

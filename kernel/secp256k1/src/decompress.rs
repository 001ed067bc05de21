//! Points written as x and a parity (SEC 1, section 2.3.4).

use crate::field::Field;
use crate::recover::{bytes, lift};
use crate::scalar::words_of_bytes;

/// The first byte of a point with an even y.
const EVEN: u8 = 2;
/// The first byte of a point with an odd y.
const ODD: u8 = 3;

/// See [`crate::decompress`].
pub(crate) fn decompress(key: &[u8; 33]) -> Option<[u8; 64]> {
    let [first, x @ ..] = key;
    let y_parity = match *first {
        EVEN => false,
        ODD => true,
        _ => return None,
    };
    let words = words_of_bytes(x);
    let x = Field::from_words(&words);
    if x.to_words() != words {
        return None;
    }
    let point = lift(&x, y_parity)?;
    Some(bytes(&point.x, &point.y))
}

//! ECDSA on the curve P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3): verification.

use crate::curve::{Affine, Curve};
use crate::field::Field;
use crate::montgomery::{Fp, Modulus, Prime};
use crate::multiply::{combination, digits, multiples};

#[derive(Clone, Copy, Debug)]
struct P;

impl Prime<10> for P {
    const MODULUS: Modulus<10> =
        Modulus::new("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
}

#[derive(Clone, Copy, Debug)]
struct Order;

impl Prime<10> for Order {
    const MODULUS: Modulus<10> =
        Modulus::new("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
}

/// Where coordinates live.
type Coordinate = Fp<P, 10>;
/// Where the numbers of signatures live.
type Scalar = Fp<Order, 10>;

#[derive(Clone, Copy, Debug)]
struct P256;

impl Curve for P256 {
    type Field = Coordinate;
    const A_IS_MINUS_THREE: bool = true;
    const B: Coordinate =
        Coordinate::from_digits("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
}

const GENERATOR: Affine<P256> = Affine {
    x: Coordinate::from_digits("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
    y: Coordinate::from_digits("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
};

/// The order, as a coordinate.
const ORDER: Coordinate =
    Coordinate::from_digits("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/// p minus the order.
const GAP: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x19, 0x05, 0x53, 0x58, 0xe8, 0x61, 0x7b, 0x0c,
    0x46, 0x35, 0x3d, 0x03, 0x9c, 0xda, 0xae,
];

/// Whether `r` and `s` are a signature of `digest` by the public key (`x`, `y`); all numbers are big-endian. False
/// for anything malformed; both halves of the range of `s` are accepted.
#[must_use]
pub fn verify(digest: &[u8; 32], [r, s]: [&[u8; 32]; 2], [x, y]: [&[u8; 32]; 2]) -> bool {
    is_signed(digest, r, s, (x, y)).unwrap_or(false)
}

fn is_signed(digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32], (x, y): (&[u8; 32], &[u8; 32])) -> Option<bool> {
    let number = |bytes: &[u8; 32]| Scalar::from_bytes(bytes).filter(|number| !number.is_zero());
    let (r_number, s_number) = (number(r)?, number(s)?);
    // (0, 0), which stands for infinity elsewhere, is not on the curve.
    let key: Affine<P256> = Affine::new(Coordinate::from_bytes(x)?, Coordinate::from_bytes(y)?)?;
    let inverse = s_number.inverted();
    let of_generator = Scalar::from_bytes_modulo(digest).times(&inverse).to_words::<8>();
    let of_key = r_number.times(&inverse).to_words::<8>();

    let [table, key_table] = <[_; 2]>::try_from(multiples(&[GENERATOR, key])).ok()?;
    let point = combination(&[(&table, &digits(&of_generator)), (&key_table, &digits(&of_key))])?.to_affine();
    // x modulo the order is r: x is r, or r plus the order if that is below p.
    let r_coordinate = Coordinate::from_bytes(r)?;
    Some(point.x.is(&r_coordinate) || (*r < GAP && point.x.is(&r_coordinate.plus(&ORDER))))
}

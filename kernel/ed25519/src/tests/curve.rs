use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar as Reference;
use curve25519_dalek::traits::Identity;
use num_bigint::BigInt;

use super::{Random, bytes, of_words, order, p, words};
use crate::field::Field;
use crate::multiply::{Multiples, Term, multiply};
use crate::point::{Affine, Sum};
use crate::scalar::Scalar;
use crate::table::{BASE, SPLIT, TABLES, WIDTH, base_times};

/// The encoding of a sum.
fn encoded(sum: &Sum) -> [u8; 32] {
    let point = sum.extended();
    let inverse = point.z.inverted();
    let (x, y) = (point.x.times(&inverse), point.y.times(&inverse));
    let mut bytes = y.to_bytes();
    bytes[31] |= u8::from(x.is_odd()) << 7;
    bytes
}

fn decoded(point: &EdwardsPoint) -> Affine {
    Affine::decode(point.compress().as_bytes()).unwrap()
}

/// Random points, most of them with a part of small order.
fn random_point(numbers: &mut Random) -> EdwardsPoint {
    loop {
        if let Some(point) = CompressedEdwardsY(numbers.bytes()).decompress() {
            return point;
        }
    }
}

#[test]
fn points_are_decoded_as_by_the_reference() {
    let mut numbers = Random(20);
    let mut cases: Vec<[u8; 32]> = (0..300).map(|_| numbers.bytes()).collect();
    // Every y that has two encodings, and its neighbours, with both signs.
    for offset in -30..19 {
        let encoding: [u8; 32] = bytes(&(p() + offset));
        cases.push(encoding);
        cases.push({
            let mut encoding = encoding;
            encoding[31] |= 0x80;
            encoding
        });
    }
    cases.extend((0..100).map(|i| bytes(&BigInt::from(i))));
    let mut found = 0;
    for encoding in &cases {
        let expected = CompressedEdwardsY(*encoding).decompress();
        let point = Affine::decode(encoding);
        assert_eq!(point.is_some(), expected.is_some(), "{encoding:?}");
        if let (Some(point), Some(expected)) = (point, expected) {
            found += 1;
            assert_eq!(encoded(&Sum::new(&point)), expected.compress().to_bytes());
        }
    }
    assert!(found > 150 && found < cases.len() - 150, "{found}");
}

#[test]
fn an_x_that_is_given_is_checked() {
    let mut numbers = Random(24);
    let mut points: Vec<EdwardsPoint> = (0..20).map(|_| random_point(&mut numbers)).collect();
    points.extend(curve25519_dalek::constants::EIGHT_TORSION);
    for point in points {
        let encoding = point.compress().to_bytes();
        let x = decoded(&point).x.to_bytes();
        let with = |encoding: &[u8; 32], x: &[u8; 32]| Affine::decode_with_x(encoding, x);
        assert_eq!(encoded(&Sum::new(&with(&encoding, &x).unwrap())), encoding);
        // The other x of this y, under either sign.
        let negative = decoded(&point).x.negated().to_bytes();
        let mut opposite = encoding;
        opposite[31] ^= 0x80;
        assert_eq!(with(&encoding, &negative).is_some(), negative == x);
        assert_eq!(with(&opposite, &x).is_some(), negative == x);
        assert!(with(&opposite, &negative).is_some());
        for bit in 0..255 {
            let mut wrong = x;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(with(&encoding, &wrong).is_none(), "{bit}");
        }
    }
    assert!(Affine::decode_with_x(&[2; 32], &[0; 32]).is_none());
}

#[test]
fn sums_and_doubles_are_those_of_the_reference() {
    let mut numbers = Random(21);
    let mut points: Vec<EdwardsPoint> = (0..20).map(|_| random_point(&mut numbers)).collect();
    points.extend(curve25519_dalek::constants::EIGHT_TORSION);
    points.push(-points[0]);
    for a in &points {
        let sum = Sum::new(&decoded(a));
        assert_eq!(encoded(&sum.doubled()), (a + a).compress().to_bytes());
        for b in &points {
            let addend = Sum::new(&decoded(b)).doubled().extended().addend();
            assert_eq!(encoded(&sum.extended().plus(&addend)), (a + b + b).compress().to_bytes());
            let difference = sum.advanced(Some(&addend.times(-1)));
            assert_eq!(encoded(&difference), (a - (b + b)).compress().to_bytes());
            // Another Z on the left.
            let again = difference.advanced(None).advanced(Some(&addend.times(1)));
            assert_eq!(encoded(&again), (a + a - (b + b)).compress().to_bytes());
        }
    }
}

#[test]
fn the_tables_hold_odd_multiples_of_the_base_point() {
    assert_eq!(encoded(&Sum::new(&BASE)), ED25519_BASEPOINT_POINT.compress().to_bytes());
    let bound = 1i32 << (WIDTH - 1);
    for table in 0..TABLES {
        let power = Reference::from_bytes_mod_order(bytes(&(BigInt::from(1) << (SPLIT * table))));
        for digit in (1 - bound..bound).step_by(2) {
            let scalar = power * Reference::from(u64::from(digit.unsigned_abs()));
            let expected = ED25519_BASEPOINT_POINT * if digit < 0 { -scalar } else { scalar };
            let sum = Sum::NEUTRAL.advanced(Some(&base_times(table, digit)));
            assert_eq!(encoded(&sum), expected.compress().to_bytes(), "{digit}");
        }
    }
}

#[test]
fn multiplications_are_those_of_the_reference() {
    let mut numbers = Random(22);
    let top: BigInt = BigInt::from(1) << 127;
    let reference = |x: &BigInt| Reference::from_bytes_mod_order(bytes(x));
    let mut halves = vec![BigInt::from(0), BigInt::from(1), &top - 1, &top / 2, &top / 3, &top - 2];
    halves.extend((0..20).map(|_| of_words(&numbers.words()) >> 129));
    let mut scalars =
        vec![BigInt::from(0), BigInt::from(1), order() - 1, top.clone(), &top - 1, &top * 127 - 1];
    scalars.extend((0..20).map(|_| of_words(&numbers.words()) % order()));
    for round in 0..400 {
        let mut pick = |from: &[BigInt]| from[numbers.below(from.len() as u64) as usize].clone();
        let (scalar, first, second) = (pick(&scalars), pick(&halves), pick(&halves));
        let first_point = random_point(&mut numbers);
        // Points that are related give sums of equal and of opposite points.
        let second_point = match round % 4 {
            0 => random_point(&mut numbers),
            1 => first_point,
            2 => -first_point,
            _ => ED25519_BASEPOINT_POINT,
        };
        let signs = [1 - 2 * (round & 1), 1 - (round >> 1 & 2)];
        let half = |x: &BigInt| -> [u32; 4] { words(x)[..4].try_into().unwrap() };
        let terms = [
            Term { half: &half(&first), sign: signs[0], multiples: &Multiples::new(&decoded(&first_point)) },
            Term {
                half: &half(&second),
                sign: signs[1],
                multiples: &Multiples::new(&decoded(&second_point)),
            },
        ];
        let mut expected = ED25519_BASEPOINT_POINT * reference(&scalar);
        for (point, half, sign) in [(first_point, first, signs[0]), (second_point, second, signs[1])] {
            // The reference takes scalars modulo L, which is not right for points with a part of small order.
            let times8 = Reference::from(8u8);
            let eighth = reference(&(&half / 8));
            let rest =
                (0..usize::try_from(&half % 8).unwrap()).fold(EdwardsPoint::identity(), |sum, _| sum + point);
            let product = point * times8 * eighth + rest;
            expected += if sign < 0 { -product } else { product };
        }
        let sum = multiply(&Scalar(words(&scalar)), terms);
        assert_eq!(encoded(&sum), expected.compress().to_bytes());
        assert_eq!(sum.is_small_order(), expected.is_small_order());
    }
}

#[test]
fn small_orders_are_those_of_the_torsion() {
    let mut numbers = Random(23);
    for (i, point) in curve25519_dalek::constants::EIGHT_TORSION.iter().enumerate() {
        assert!(Sum::new(&decoded(point)).is_small_order(), "{i}");
        let other = point + ED25519_BASEPOINT_POINT;
        assert!(!Sum::new(&decoded(&other)).is_small_order());
    }
    for _ in 0..50 {
        assert!(!Sum::new(&decoded(&random_point(&mut numbers))).is_small_order());
    }
    assert!(Sum::NEUTRAL.is_small_order());
    assert!(Sum::new(&Affine { x: Field::ZERO, y: Field::ONE.negated() }).is_small_order());
}

use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::{AffinePoint, EncodedPoint, ProjectivePoint};
use num_bigint::BigInt;

use super::{Random, bytes, modulo, n, number, words};
use crate::field::Field;
use crate::multiples::{LENGTH, POINT_DIGITS, Pair, multiples};
use crate::multiply::double_multiply;
use crate::point::{Affine, Jacobian, Sum};
use crate::scalar::{Scalar, words_of_bytes};
use crate::table::{GENERATOR, GENERATOR_DIGITS};

/// `x` times the generator, by the other implementation.
fn reference(x: &BigInt) -> ProjectivePoint {
    let scalar = k256::Scalar::from_repr(bytes(&modulo(x, &n())).into()).unwrap();
    ProjectivePoint::GENERATOR * scalar
}

/// x and y, or nothing at infinity.
fn coordinates(point: &ProjectivePoint) -> Option<([u32; 8], [u32; 8])> {
    let encoded = point.to_affine().to_encoded_point(false);
    let word = |bytes: Option<&k256::FieldBytes>| Some(words_of_bytes(&(*bytes?).into()));
    Some((word(encoded.x())?, word(encoded.y())?))
}

fn of_affine(point: &Affine) -> Option<([u32; 8], [u32; 8])> {
    Some((point.x.load().to_words(), point.y.load().to_words()))
}

fn of_sum(sum: &Sum) -> Option<([u32; 8], [u32; 8])> {
    let Sum::Point(point) = sum else { return None };
    let (x, y) = point.affine(&point.z.inverted());
    Some((x.to_words(), y.to_words()))
}

fn pair(point: &ProjectivePoint) -> Pair {
    let (x, y) = coordinates(point).unwrap();
    Pair { x: Field::from_words(&x), y: Field::from_words(&y) }
}

fn lambda() -> BigInt {
    number("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72")
}

/// Both x of an affine point and its y are those of `multiple` times the generator.
fn assert_affine(point: &Affine, multiple: &BigInt) {
    assert_eq!(of_affine(point), coordinates(&reference(multiple)));
    let image = coordinates(&reference(&(multiple * lambda()))).unwrap();
    assert_eq!((point.beta_x.load().to_words(), point.y.load().to_words()), image);
}

#[test]
fn the_table_holds_the_multiples_of_the_generator() {
    for (i, point) in GENERATOR.iter().enumerate() {
        let (a, b) = GENERATOR_DIGITS.entry(i);
        assert_affine(point, &(a + b * lambda()));
    }
}

#[test]
fn multiples_of_a_batch() {
    let mut numbers = Random(20);
    let mut scalars: Vec<BigInt> = [1, 2, 3, 5, -1, -7].into_iter().map(BigInt::from).collect();
    scalars.extend([lambda(), -lambda(), lambda() + 1]);
    scalars.extend((0..9).map(|_| BigInt::from(numbers.next())));
    let points: Vec<Pair> = scalars.iter().map(|x| pair(&reference(x))).collect();
    let table = multiples(&points);
    assert_eq!(table.len(), points.len());
    for (multiples, scalar) in table.iter().zip(&scalars) {
        for (i, point) in multiples.iter().enumerate() {
            let (a, b) = POINT_DIGITS.entry(i);
            assert_affine(point, &((a + b * lambda()) * scalar));
        }
    }
    assert!(multiples(&[]).is_empty());
    assert_eq!(LENGTH, 8);
}

#[test]
fn units_turn_points() {
    let zeta: BigInt = lambda() + 1;
    for unit in 0..6 {
        let turned = Sum::Point(Jacobian::new(&GENERATOR[1], unit));
        let (a, b) = GENERATOR_DIGITS.entry(1);
        let multiple = (a + b * lambda()) * zeta.pow(unit.into());
        assert_eq!(of_sum(&turned), coordinates(&reference(&multiple)));
    }
}

#[test]
fn sums_know_doubles_and_opposites() {
    let one = &GENERATOR[0];
    let minus = 3;
    // Doublings first, then the unit times the generator; what the sum is then.
    let walk: [(u32, Option<u8>, i32); 12] = [
        (5, Some(minus), -1),
        (0, Some(minus), -2), // the point itself
        (1, Some(minus), -5),
        (0, Some(0), -4),
        (0, Some(0), -3),
        (0, Some(0), -2),
        (0, Some(0), -1),
        (0, Some(minus), -2), // the point itself, with another z
        (0, Some(0), -1),
        (0, Some(0), 0), // its opposite
        (7, Some(0), 1), // from infinity
        (3, None, 8),
    ];
    for length in 0..=walk.len() {
        let steps = walk[..length].iter();
        let mut sum = Sum::Infinity;
        sum.advance(
            steps.map(|(doublings, unit, _)| (*doublings, unit.map(|unit| (one, unit)))).chain([(0, None)]),
        );
        let expected = length.checked_sub(1).map_or(0, |last| walk[last].2);
        assert_eq!(of_sum(&sum), coordinates(&reference(&expected.into())), "{length}");
    }
}

#[test]
fn adding_random_points() {
    let mut numbers = Random(21);
    let zeta: BigInt = lambda() + 1;
    for _ in 0..60 {
        let (mut steps, mut expected) = (Vec::new(), BigInt::from(0));
        for _ in 0..12 {
            let index = numbers.below(GENERATOR.len() as u64) as usize;
            let (unit, doublings) = (numbers.below(6) as u8, numbers.below(4) as u32);
            let (a, b) = GENERATOR_DIGITS.entry(index);
            expected = (expected << doublings) + (a + b * lambda()) * zeta.pow(unit.into());
            steps.push((doublings, Some((&GENERATOR[index], unit))));
        }
        let mut sum = Sum::Infinity;
        sum.advance(steps.into_iter());
        assert_eq!(of_sum(&sum), coordinates(&reference(&expected)));
    }
}

/// a G + b (k G) both ways.
fn check_double_multiply(a: &BigInt, b: &BigInt, k: &BigInt) {
    let scalar = |x: &BigInt| Scalar(words(&modulo(x, &n())));
    let expected = coordinates(&reference(&(a + b * k)));
    let multiples = multiples(&[pair(&reference(k))])[0];
    let sum = double_multiply(&scalar(a), &scalar(b), &multiples);
    assert_eq!(of_sum(&sum), expected, "{a} + {b} * {k}");
}

#[test]
fn double_multiplications_with_colliding_points() {
    let lambda = lambda();
    let multipliers: Vec<BigInt> =
        [1, -1, 2, -3, 5].into_iter().flat_map(|m| [m.into(), &lambda * m, &lambda * &lambda * m]).collect();
    let scalars: Vec<BigInt> = [0, 1, -1, 2, 3, -4, 7, 1023]
        .into_iter()
        .map(BigInt::from)
        .chain([lambda.clone(), -&lambda, n() / 2])
        .collect();
    for k in &multipliers {
        for a in &scalars {
            for b in &scalars {
                check_double_multiply(a, b, k);
            }
        }
    }
}

#[test]
fn double_multiplications_whose_halves_cancel_or_coincide() {
    let mut numbers = Random(22);
    for _ in 0..40 {
        let (b, k) = (BigInt::from(numbers.next()).pow(4) % n(), BigInt::from(numbers.next()).pow(4) % n());
        for a in [-(&b * &k), &b * &k, BigInt::from(numbers.next()).pow(4) % n()] {
            check_double_multiply(&a, &b, &k);
        }
    }
}

#[test]
fn the_reference_rejects_points_off_the_curve() {
    // Guards the helper functions above: k256 must not accept just any coordinates.
    let encoded = EncodedPoint::from_affine_coordinates(&[1; 32].into(), &[1; 32].into(), false);
    assert!(bool::from(AffinePoint::from_encoded_point(&encoded).is_none()));
}

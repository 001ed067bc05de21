use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::{AffinePoint, EncodedPoint, ProjectivePoint};
use num_bigint::BigInt;

use super::{Random, bytes, modulo, n, number, words};
use crate::field::Field;
use crate::multiples::{Pair, odd_multiples};
use crate::multiply::double_multiply;
use crate::point::{Affine, Sum};
use crate::scalar::{Scalar, words_of_bytes};
use crate::table::GENERATOR;

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

#[test]
fn the_table_holds_the_odd_multiples_of_the_generator() {
    for (i, point) in GENERATOR.iter().enumerate() {
        let multiple = BigInt::from(2 * i + 1);
        assert_eq!(of_affine(point), coordinates(&reference(&multiple)));
        let image = coordinates(&reference(&(multiple * lambda()))).unwrap();
        assert_eq!((point.beta_x.load().to_words(), point.y.load().to_words()), image);
    }
}

#[test]
fn odd_multiples_of_a_batch() {
    let mut numbers = Random(20);
    let scalars: Vec<BigInt> = [1, 2, 3].into_iter().map(BigInt::from).chain((0..9).map(|_| numbers.next().into())).collect();
    let points: Vec<Pair> = scalars.iter().map(|x| pair(&reference(x))).collect();
    for count in [4, 8] {
        let table = odd_multiples(&points, count);
        assert_eq!(table.len(), points.len() * count);
        for (i, point) in table.iter().enumerate() {
            let multiple = &scalars[i / count] * (2 * (i % count) + 1);
            assert_eq!(of_affine(point), coordinates(&reference(&multiple)));
            let image = coordinates(&reference(&(multiple * lambda()))).unwrap();
            assert_eq!(point.beta_x.load().to_words(), image.0);
        }
    }
}

#[test]
fn sums_know_doubles_and_opposites() {
    let (one, three) = (&GENERATOR[0], &GENERATOR[1]);
    let mut sum = Sum::Infinity;
    sum.double(5);
    assert_eq!(of_sum(&sum), None);
    let steps: [(&Affine, bool, u32, i32); 9] = [
        (one, true, 0, -1),
        (one, true, 0, -2),   // the point itself, with z = 1
        (one, true, 1, -6),   // a plain addition, then a doubling
        (three, false, 0, -3),
        (three, true, 0, -6), // the point itself, with another z
        (three, false, 0, -3),
        (three, false, 0, 0), // its opposite
        (one, false, 3, 8),   // from infinity
        (one, true, 0, 7),
    ];
    for (point, negated, doublings, expected) in steps {
        sum.add(&point.x, &point.y, negated);
        sum.double(doublings);
        assert_eq!(of_sum(&sum), coordinates(&reference(&expected.into())), "{expected}");
    }
}

#[test]
fn adding_random_points() {
    let mut numbers = Random(21);
    for _ in 0..50 {
        let start = BigInt::from(numbers.next());
        let (mut sum, mut expected) = (Sum::Infinity, reference(&start));
        let start = pair(&expected);
        let start = Affine::new(&start.x, &start.y);
        sum.add(&start.x, &start.y, false);
        for _ in 0..8 {
            let index = numbers.below(GENERATOR.len() as u64) as usize;
            let (negated, doublings) = (numbers.below(2) == 1, numbers.below(4) as u32);
            sum.add(&GENERATOR[index].x, &GENERATOR[index].y, negated);
            sum.double(doublings);
            let multiple = (2 * index as i64 + 1) * if negated { -1 } else { 1 };
            expected += reference(&multiple.into());
            (0..doublings).for_each(|_| expected = expected.double());
            assert_eq!(of_sum(&sum), coordinates(&expected));
        }
    }
}

/// a G + b (k G) both ways, for both widths.
fn check_double_multiply(a: &BigInt, b: &BigInt, k: &BigInt) {
    let scalar = |x: &BigInt| Scalar(words(&modulo(x, &n())));
    let expected = coordinates(&reference(&(a + b * k)));
    for width in [4, 5] {
        let multiples = odd_multiples(&[pair(&reference(k))], 1 << (width - 2));
        let sum = double_multiply(&scalar(a), &scalar(b), &multiples, width);
        assert_eq!(of_sum(&sum), expected, "{a} + {b} * {k}");
    }
}

#[test]
fn double_multiplications_with_colliding_points() {
    let lambda = lambda();
    let multipliers: Vec<BigInt> =
        [1, -1, 2, -3, 5].into_iter().flat_map(|m| [m.into(), &lambda * m, &lambda * &lambda * m]).collect();
    let scalars: Vec<BigInt> =
        [0, 1, -1, 2, 3, -4, 7, 1023].into_iter().map(BigInt::from).chain([lambda.clone(), -&lambda, n() / 2]).collect();
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

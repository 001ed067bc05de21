use num_bigint::BigInt;

use super::{Random, bytes, modulo, n, number, of_words, words};
use crate::glv::{DIGITS, Half, split};
use crate::scalar::Scalar;

fn lambda() -> BigInt {
    number("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72")
}

fn of(x: &BigInt) -> Scalar {
    Scalar(words(&modulo(x, &n())))
}

/// Numbers below n at its edges, around powers of two and around lambda, then random ones.
fn samples(seed: u64) -> Vec<BigInt> {
    let mut samples: Vec<BigInt> = Vec::new();
    for base in [BigInt::from(0), n(), n() / 2, lambda(), lambda() * lambda(), n() - lambda(), n() / 3] {
        samples.extend((-3..=3).map(|offset| modulo(&(&base + offset), &n())));
    }
    samples.extend((0..256).flat_map(|i| [BigInt::from(1) << i, (BigInt::from(1) << i) - 1]));
    samples.retain(|x| *x < n());
    let mut numbers = Random(seed);
    samples.extend((0..1000).map(|_| of_words(&numbers.words()) % n()));
    samples
}

#[test]
fn bytes_are_checked_or_reduced() {
    let mut numbers = Random(10);
    let top = BigInt::from(1) << 256;
    let mut cases: Vec<BigInt> = (-3..=3).map(|offset| n() + offset).collect();
    cases.extend([BigInt::from(0), BigInt::from(1), &top - 1, &top - 2, (&top - n()) * 2]);
    cases.extend((0..100).map(|_| of_words(&numbers.words())));
    for x in cases {
        assert_eq!(of_words(&Scalar::from_bytes_reduced(&bytes(&x)).0), &x % n());
        assert_eq!(Scalar::from_bytes(&bytes(&x)).is_some(), x < n(), "{x}");
        if let Some(scalar) = Scalar::from_bytes(&bytes(&x)) {
            assert_eq!(of_words(&scalar.0), x);
        }
    }
}

#[test]
fn products_negations_and_inverses() {
    let samples = samples(11);
    for (i, x) in samples.iter().enumerate() {
        let scalar = of(x);
        assert_eq!(of_words(&scalar.negated().0), modulo(&-x, &n()));
        for y in [&samples[(i * 7 + 3) % samples.len()], x, &(n() - 1)] {
            assert_eq!(of_words(&scalar.times(&of(y)).0), x * y % n());
        }
        let expected = if scalar.is_zero() { Scalar::ZERO } else { Scalar::ONE };
        assert_eq!(scalar.times(&scalar.inverted()), expected);
    }
}

fn signed(half: &Half) -> BigInt {
    let size: BigInt = BigInt::from(half.size[0]) + (BigInt::from(half.size[1]) << 64);
    if half.negative { -size } else { size }
}

#[test]
fn halves_are_short_and_add_up() {
    let bound1: BigInt = (BigInt::from(1) << 128) * 64 / 100;
    let bound2: BigInt = (BigInt::from(1) << 128) * 55 / 100;
    for x in samples(12) {
        let (first, second) = split(&of(&x));
        assert_eq!(modulo(&(signed(&first) + signed(&second) * lambda()), &n()), x);
        assert!(*signed(&first).magnitude() < bound1.to_biguint().unwrap(), "{x}");
        assert!(*signed(&second).magnitude() < bound2.to_biguint().unwrap(), "{x}");
    }
}

fn check_digits(half: &Half, width: u32) {
    let mut sum = BigInt::from(0);
    let mut next = 0;
    half.digits(width, |position, digit| {
        assert!(position >= next && position < DIGITS, "{half:?}: {position}");
        assert!(digit % 2 != 0 && digit.unsigned_abs() < 1 << (width - 1));
        next = position + width as usize;
        sum += BigInt::from(digit) << position;
    });
    assert_eq!(sum, signed(half));
}

#[test]
fn digits_are_odd_short_far_apart_and_add_up() {
    let mut numbers = Random(13);
    let mut halves: Vec<Half> =
        samples(14).iter().map(of).flat_map(|x| [split(&x).0, split(&x).1]).collect();
    // 0.64 * 2^128 is the largest size that occurs; these have long runs of ones and zeros.
    let top = 0xa3d7_0a3d_70a3_d70a;
    let sizes = [[0, 0], [1, 0], [u64::MAX, 0], [0, 1], [u64::MAX, 1], [0, top], [u64::MAX, top], [1, 1 << 63]];
    halves.extend(sizes.map(|size| Half { negative: false, size }));
    halves.extend((0..200).map(|_| {
        let shift = numbers.below(63);
        Half { negative: true, size: [u64::MAX << shift, top >> numbers.below(64)] }
    }));
    for half in &halves {
        for width in [4, 5, 10, 11] {
            check_digits(half, width);
        }
    }
}

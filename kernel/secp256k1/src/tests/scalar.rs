use num_bigint::BigInt;

use super::{Random, bytes, modulo, n, number, of_words, words};
use crate::digits::{Digit, Digits, POSITIONS};
use crate::glv::split;
use crate::multiples::POINT_DIGITS;
use crate::scalar::Scalar;
use crate::table::GENERATOR_DIGITS;

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

/// The number of these words, the last one with its sign.
fn signed(words: &[i64; 5]) -> BigInt {
    words.iter().rev().fold(BigInt::from(0), |sum, word| (sum << 32) + word)
}

#[test]
fn halves_are_short_and_add_up() {
    let top = BigInt::from(1) << 128;
    for x in samples(12) {
        let (first, second) = split(&of(&x));
        let (first, second) = (signed(&first), signed(&second));
        assert_eq!(modulo(&(&first + &second * lambda()), &n()), x);
        for (half, percent) in [(&first, 64), (&second, 55)] {
            assert!(half * 100 < &top * percent && half * -100 < &top * percent, "{x}");
        }
        // What the number of positions follows from.
        let norm: BigInt = &first * &first - &first * &second + &second * &second;
        assert!(norm * 10_000 < &top * &top * 104 * 104, "{x}");
    }
}

/// The digits add up to the pair, are of least norm and far enough apart.
fn check_digits<const RESIDUES: usize, const ENTRIES: usize>(
    digits: &Digits<RESIDUES, ENTRIES>,
    width: usize,
    pair: &([i64; 5], [i64; 5]),
) {
    let (mut a_sum, mut b_sum) = (BigInt::from(0), BigInt::from(0));
    let mut next = 0;
    digits.write(&pair.0, &pair.1, |position, code| {
        assert!(position >= next && position < POSITIONS, "{pair:?}: {position}");
        next = position + width;
        let digit = Digit::of_code(code);
        let (mut a, mut b) = digits.entry(digit.entry);
        // zeta (a + b lambda) = (1 + lambda) (a + b lambda), lambda^2 = -1 - lambda.
        (0..digit.unit).for_each(|_| (a, b) = (a - b, a));
        a_sum += BigInt::from(a) << position;
        b_sum += BigInt::from(b) << position;
    });
    assert_eq!((a_sum, b_sum), (signed(&pair.0), signed(&pair.1)));
}

#[test]
fn digits_are_far_apart_and_add_up() {
    let mut numbers = Random(13);
    let mut pairs: Vec<_> = samples(14).iter().map(|x| split(&of(x))).collect();
    // Long runs of ones and zeros and every mix of signs, up to the largest sizes that occur.
    let parts = [0, 1, 2, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff];
    for _ in 0..3000 {
        let mut half = |top: u64| -> [i64; 5] {
            let mut words: [u32; 5] = core::array::from_fn(|_| {
                if numbers.below(3) == 0 { numbers.next() as u32 } else { parts[numbers.below(6) as usize] }
            });
            words[3] = (u64::from(words[3]) % top) as u32;
            words[4] = 0;
            let sign = numbers.below(2) == 1;
            let mut carry = u64::from(sign);
            core::array::from_fn(|i| {
                let word = if sign { !words[i] } else { words[i] };
                carry += u64::from(word);
                let word = carry as u32;
                carry >>= 32;
                if i < 4 { i64::from(word) } else { i64::from(word as i32) }
            })
        };
        pairs.push((half(0xa3d7_0a3d), half(0x8ccc_cccc)));
    }
    for pair in &pairs {
        check_digits(&POINT_DIGITS, 3, pair);
        check_digits(&GENERATOR_DIGITS, 6, pair);
    }
}

/// Every residue that is not even has a digit, and its entry is of least norm.
fn check_entries<const RESIDUES: usize, const ENTRIES: usize>(
    digits: &Digits<RESIDUES, ENTRIES>,
    width: u32,
) {
    let modulus = 1i64 << width;
    let norm = |a: i64, b: i64| a * a - a * b + b * b;
    for a in 0..modulus {
        for b in 0..modulus {
            let code = digits.codes[(b << width | a) as usize];
            assert_eq!(code == 0, a % 2 == 0 && b % 2 == 0);
            if code == 0 {
                continue;
            }
            let digit = Digit::of_code(code);
            let (mut x, mut y) = digits.entry(digit.entry);
            let found = norm(x, y);
            (0..digit.unit).for_each(|_| (x, y) = (x - y, x));
            assert_eq!(((x - a) % modulus, (y - b) % modulus), (0, 0));
            let shifts = (-2..=2).flat_map(|i| (-2..=2).map(move |j| (i, j)));
            let least = shifts.map(|(i, j)| norm(a + i * modulus, b + j * modulus)).min();
            assert_eq!(Some(found), least);
        }
    }
}

#[test]
fn every_odd_residue_has_a_digit_of_least_norm() {
    check_entries(&POINT_DIGITS, 3);
    check_entries(&GENERATOR_DIGITS, 6);
}

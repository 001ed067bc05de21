use num_bigint::BigInt;

use super::{Random, bytes, modulo, of_words, order, words};
use crate::digits::write_digits;
use crate::halve::{Halves, halve};
use crate::scalar::{ORDER, Scalar};

fn of(x: &BigInt) -> Scalar {
    Scalar(words(&modulo(x, &order())))
}

/// Numbers below L: at its edges, around powers of two, fractions, roots and inverses of small numbers, then random
/// ones.
fn samples(seed: u64) -> Vec<BigInt> {
    let mut samples: Vec<BigInt> = Vec::new();
    let root = order().sqrt();
    let golden =
        order() * BigInt::from(6_180_339_887_498_948_482_u64) / BigInt::from(10_000_000_000_000_000_000_u64);
    for base in [BigInt::from(0), order(), order() / 2, order() / 3, root, golden] {
        samples.extend((-3..=3).map(|offset| modulo(&(&base + offset), &order())));
    }
    for i in 0..253 {
        let power: BigInt = BigInt::from(1) << i;
        samples.extend([&power - 1, power.clone(), &power + 1, order() / &power, order() - &power]);
        // 2^-i, and what is near a small fraction of L.
        samples.push(power.modpow(&(order() - 2), &order()));
        samples.push(modulo(&(order() / 7 * 3 + power), &order()));
    }
    // Quotients of halves of all sizes.
    let mut halves = Random(seed + 100);
    for size in 1..=126 {
        let mut half = |bits: u64| -> BigInt { of_words(&halves.words()) % (BigInt::from(1) << bits) + 1u32 };
        for (dividend, divisor) in [(half(126), half(size)), (half(size), half(126)), (half(126), half(126))]
        {
            samples.push(dividend * divisor.modpow(&(order() - 2), &order()) % order());
        }
    }
    samples.retain(|x| *x < order() && *x >= BigInt::from(0));
    let mut numbers = Random(seed);
    samples.extend((0..2000).map(|_| of_words(&numbers.words()) % order()));
    // Long runs of ones and zeros.
    samples.extend((0..1000).map(|_| {
        let parts = [0, u32::MAX, 1, 0x8000_0000];
        let words: [u32; 8] = core::array::from_fn(|_| parts[numbers.below(4) as usize]);
        of_words(&words) % order()
    }));
    samples
}

#[test]
fn bytes_are_checked() {
    assert_eq!(of_words(&ORDER), order());
    let mut numbers = Random(10);
    let mut cases: Vec<BigInt> = (-3..=3).map(|offset| order() + offset).collect();
    cases.extend([BigInt::from(0), BigInt::from(1), (BigInt::from(1) << 256) - 1, BigInt::from(1) << 252]);
    // What differs from L in one word.
    cases
        .extend((0..8).flat_map(|i| {
            [order() + (BigInt::from(1) << (32 * i)), order() - (BigInt::from(1) << (32 * i))]
        }));
    cases.extend((0..100).map(|_| of_words(&numbers.words()) >> 3));
    for x in cases.iter().filter(|x| **x >= BigInt::from(0)) {
        let scalar = Scalar::from_bytes(&bytes(x));
        assert_eq!(scalar.is_some(), *x < order(), "{x}");
        if let Some(scalar) = scalar {
            assert_eq!(of_words(&scalar.0), *x);
        }
    }
}

#[test]
fn digests_are_reduced() {
    let mut numbers = Random(11);
    let top: BigInt = BigInt::from(1) << 512;
    let mut cases: Vec<BigInt> = (1..4).map(|offset| &top - offset).collect();
    // Around multiples of L, whose quotients reach the largest.
    for shift in 0..260 {
        let multiple = order() << shift;
        cases.extend((-2..=2).map(|offset| &multiple + offset));
        cases.push(((order() << shift) - 1) + (BigInt::from(1) << shift));
    }
    for _ in 0..2000 {
        cases.push(of_words(&core::array::from_fn::<u32, 16, _>(|_| match numbers.below(4) {
            0 => 0,
            1 => u32::MAX,
            _ => numbers.next() as u32,
        })));
        cases.push(order() * (of_words(&numbers.words()) >> 3) + numbers.below(3) - 1);
    }
    for x in cases.iter().filter(|x| **x >= BigInt::from(0) && **x < top) {
        assert_eq!(of_words(&Scalar::from_bytes_reduced(&bytes(x)).0), x % order());
    }
}

#[test]
fn products_with_halves() {
    let mut numbers = Random(12);
    for x in samples(13) {
        let mut factor = [0; 4].map(|_: u32| numbers.next() as u32);
        if numbers.below(4) == 0 {
            factor = [u32::MAX; 4];
        }
        assert_eq!(of_words(&of(&x).times(&factor).0), &x * of_words(&factor) % order());
    }
}

#[test]
fn halves_are_short_and_a_quotient() {
    let top = BigInt::from(1) << 126;
    for x in samples(14) {
        let Halves { dividend, divisor, negative } = halve(&of(&x)).unwrap();
        let (dividend, divisor) = (of_words(&dividend), of_words(&divisor));
        assert!(dividend < top, "{x}");
        assert!(divisor >= BigInt::from(1) && divisor <= top, "{x}");
        let dividend = if negative { -dividend } else { dividend };
        assert_eq!(&divisor * &x % order(), modulo(&dividend, &order()), "{x}");
    }
}

#[test]
fn short_scalars_are_their_own_halves() {
    for x in [0u32, 1, 2, 77, u32::MAX] {
        let expected = Halves { dividend: [x, 0, 0, 0], divisor: [1, 0, 0, 0], negative: false };
        assert_eq!(halve(&Scalar([x, 0, 0, 0, 0, 0, 0, 0])), Some(expected));
        // And negative ones.
        let halves = halve(&of(&(order() - x))).unwrap();
        assert_eq!(halves, Halves { negative: x != 0, ..expected });
    }
}

#[test]
fn digits_are_far_apart_and_add_up() {
    for x in samples(15) {
        for width in 2..=8 {
            let (mut sum, mut next) = (BigInt::from(0), 0);
            write_digits(&words(&x), width, |position, digit| {
                assert!(position >= next && position <= x.bits() as usize);
                assert!(digit % 2 != 0 && digit.abs() < 1 << (width - 1));
                next = position + width as usize;
                sum += BigInt::from(digit) << position;
            });
            assert_eq!(sum, x);
        }
    }
}

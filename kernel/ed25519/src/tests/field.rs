use num_bigint::BigInt;

use super::{Random, bytes, modulo, of_words, p, words};
use crate::field::{Field, Stored, WIDTHS};
use crate::wide::{LOAD_MAX, Wide};

fn value(x: &Field) -> BigInt {
    let mut weight = 0;
    let mut sum = BigInt::from(0);
    for (limb, width) in x.0.iter().zip(WIDTHS) {
        sum += BigInt::from(*limb) << weight;
        weight += width;
    }
    sum
}

/// Limbs at their bounds for this magnitude, with the signs and the choice of bound given by two bits a limb.
fn extreme(magnitude: i64, pattern: u64) -> Field {
    Field(core::array::from_fn(|i| {
        let excess = if i == 0 { 1 << 14 } else { 0 };
        let bound = magnitude * ((1 << WIDTHS[i]) + excess);
        match pattern >> (2 * i) & 3 {
            0 => bound,
            1 => -bound,
            2 => bound - 1,
            _ => 1 - bound,
        }
    }))
}

fn random(random: &mut Random) -> Field {
    Field::from_words(&random.words())
}

fn assert_reduced(x: &Field, expected: &BigInt) {
    assert_eq!(modulo(&value(x), &p()), modulo(expected, &p()));
    for (i, (limb, width)) in x.0.iter().zip(WIDTHS).enumerate() {
        let excess = if i == 0 { 1 << 13 } else { 0 };
        assert!((-excess..(1 << width) + excess).contains(limb), "limb {i} is {limb}");
    }
    assert_eq!(value(&Stored::new(x).load()), value(x));
}

#[test]
fn products_are_exact_at_the_extremes_of_every_load() {
    let mut numbers = Random(1);
    for (m, k) in [(1, 1), (1, 6), (2, 2), (2, 3), (3, 2), (4, 1), (1, 3)] {
        for round in 0..400 {
            // Patterns 0 and 0x15555 are all positive and all negative: the largest columns.
            let (first, second) = match round {
                0 => (0, 0),
                1 => (0, 0x15555),
                2 => (0x15555, 0x15555),
                3 => (0x1fffff, 0),
                _ => (numbers.next(), numbers.next()),
            };
            let (a, b) = (extreme(m, first), extreme(k, second));
            let expected = value(&a) * value(&b);
            assert!(m * k <= LOAD_MAX);
            assert_reduced(&Wide::product(&a, &b).reduced(), &expected);
            assert_reduced(&a.times(&b), &expected);
            if m * k == 1 {
                assert_reduced(&Wide::product(&a, &b).reduced_single(), &expected);
            }
            let c = extreme(3, numbers.next());
            assert_reduced(&Wide::product(&a, &b).minus_field(&c).reduced(), &(expected - value(&c)));
        }
    }
}

#[test]
fn squares_are_exact_at_the_extremes() {
    let mut numbers = Random(2);
    for round in 0..400 {
        for magnitude in [1, 2] {
            let pattern = if round < 4 { 0x15555 * round } else { numbers.next() };
            let (a, b) = (extreme(magnitude, pattern), extreme(3, numbers.next()));
            assert_reduced(&Wide::square(&a).reduced(), &(value(&a) * value(&a)));
            assert_reduced(&a.squared(), &(value(&a) * value(&a)));
            if magnitude == 1 {
                assert_reduced(&Wide::square(&a).reduced_single(), &(value(&a) * value(&a)));
                assert_reduced(&a.squared_times(1), &(value(&a) * value(&a)));
            }
            assert_reduced(&Wide::square(&a).minus_field(&b).reduced(), &(value(&a) * value(&a) - value(&b)));
        }
    }
}

#[test]
fn sums_are_limb_by_limb() {
    let mut numbers = Random(3);
    for _ in 0..100 {
        let (a, b) = (random(&mut numbers), random(&mut numbers));
        assert_eq!(value(&a.plus(&b)), value(&a) + value(&b));
        assert_eq!(value(&a.minus(&b)), value(&a) - value(&b));
        assert_eq!(value(&a.negated()), -value(&a));
        assert_eq!(value(&a.doubled()), value(&a) * 2);
        let stored = Stored::new(&a.minus(&b));
        assert_eq!(value(&stored.load_times(-1)), value(&b) - value(&a));
    }
}

#[test]
fn stored_elements_keep_magnitude_3() {
    let mut numbers = Random(4);
    for round in 0..100 {
        let x = extreme(3, if round < 2 { 0x15555 * round } else { numbers.next() });
        assert_eq!(value(&Stored::new(&x).load()), value(&x));
    }
}

#[test]
fn canonical_numbers_are_found_around_every_multiple_of_p() {
    for multiple in -3..=3 {
        for offset in -1000..=1000 {
            // p times the multiple plus the offset, spread over limbs without carrying.
            let mut x = Field([-19, 0, 0, 0, 0, 0, 0, 0, 1 << 28]);
            x = Field(x.0.map(|limb| limb * multiple));
            x.0[0] += offset;
            let expected = modulo(&BigInt::from(offset), &p());
            assert_eq!(value(&Field(x.canonical())), expected);
            assert_eq!(x.is_zero(), offset == 0);
            assert_eq!(x.is_odd(), expected.bit(0));
        }
    }
}

#[test]
fn canonical_numbers_are_found_for_large_limbs() {
    let mut numbers = Random(5);
    for _ in 0..2000 {
        let x = Field(core::array::from_fn(|_| numbers.below(1 << 41) as i64 - (1 << 40)));
        let expected = modulo(&value(&x), &p());
        assert_eq!(value(&Field(x.canonical())), expected);
        assert_eq!(x.is_odd(), expected.bit(0));
    }
    for pattern in [0, 0x15555, 0x11111, 0x04444] {
        let x = Field(extreme(1, pattern).0.map(|limb| limb << 11));
        assert_eq!(value(&Field(x.canonical())), modulo(&value(&x), &p()));
    }
}

#[test]
fn words_are_taken_without_the_highest_bit() {
    let mut numbers = Random(6);
    for _ in 0..200 {
        let mut x = numbers.words();
        let y = Field::from_words(&x);
        x[7] &= 0x7fff_ffff;
        assert_eq!(value(&y), of_words(&x));
        assert_eq!(y.to_bytes(), bytes(&modulo(&of_words(&x), &p())));
        assert_reduced(&y, &of_words(&x));
    }
    assert!(Field::from_words(&words(&p())).is_zero());
    assert_eq!(Field::from_words(&[u32::MAX; 8]).canonical(), Field::from_small(18).0);
}

#[test]
fn inverses_multiply_to_one() {
    let mut numbers = Random(7);
    let small = (1..40).map(Field::from_small);
    let large = (1..40).map(|i| Field::from_words(&words(&(p() - i))));
    let random: Vec<_> = (0..100).map(|_| random(&mut numbers)).collect();
    for x in small.chain(large).chain(random) {
        assert_eq!(x.times(&x.inverted()).canonical(), Field::ONE.0);
    }
    assert!(Field::ZERO.inverted().is_zero());
    assert!(Field::from_words(&words(&p())).inverted().is_zero());
}

#[test]
fn roots_of_ratios_exist_for_half_of_them() {
    let mut numbers = Random(8);
    let mut found = 0;
    for round in 0..200 {
        // Differences, as where points are decoded.
        let u = random(&mut numbers).minus(&random(&mut numbers));
        let v = if round < 10 { Field::from_small(round + 1) } else { random(&mut numbers) };
        let is_square = value(&u.times(&v)).modpow(&((p() - 1) / 2), &p()) == BigInt::from(1);
        let root = Field::root_of_ratio(&u, &v);
        assert_eq!(root.is_some(), is_square);
        if let Some(root) = root {
            found += 1;
            assert_reduced(&root.squared().times(&v), &value(&u));
        }
        let square = v.squared().times(&u.squared());
        let root = Field::root_of_ratio(&square, &u.squared()).unwrap();
        assert!(root.plus(&v).is_zero() || root.minus(&v).is_zero());
    }
    assert!((70..130).contains(&found), "{found}");
    assert!(Field::root_of_ratio(&Field::ZERO, &Field::ONE).unwrap().is_zero());
}

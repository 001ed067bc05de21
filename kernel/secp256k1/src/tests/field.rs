use num_bigint::BigInt;

use super::{Random, modulo, of_words, p, words};
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
        let excess = if i == 2 { 1 << 12 } else { 0 };
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
        let excess = if i == 2 { 1 << 11 } else { 0 };
        assert!((-excess..(1 << width) + excess).contains(limb), "limb {i} is {limb}");
    }
    assert_eq!(value(&Stored::new(x).load()), value(x));
}

#[test]
fn products_are_exact_at_the_extremes_of_every_load() {
    let mut numbers = Random(1);
    for (m, k) in [(1, 1), (1, 4), (2, 2), (4, 1), (1, 3)] {
        for round in 0..400 {
            let (first, second) = if round < 4 { (round, round) } else { (numbers.next(), numbers.next()) };
            let (a, b) = (extreme(m, first), extreme(k, second));
            let expected = value(&a) * value(&b);
            assert!(m * k <= LOAD_MAX);
            assert_reduced(&Wide::product(&a, &b).reduced(), &expected);
            assert_reduced(&Wide::product_with(&a, &a.doubled(), &b).reduced(), &expected);
            assert_reduced(&a.times(&b), &expected);
        }
    }
}

#[test]
fn all_limbs_of_one_sign_give_the_largest_columns() {
    // Pattern 0 is all positive, 0x15555 all negative: products of load 4 of both signs.
    for (first, second) in [(0, 0), (0, 0x15555), (0x15555, 0x15555)] {
        let (a, b) = (extreme(2, first), extreme(2, second));
        assert_reduced(&a.times(&b), &(value(&a) * value(&b)));
        assert_reduced(&a.squared(), &(value(&a) * value(&a)));
    }
}

#[test]
fn squares_and_sums_of_products_are_exact_at_the_extremes() {
    let mut numbers = Random(2);
    for round in 0..400 {
        let pattern = |numbers: &mut Random| if round < 4 { 0x5555 * round } else { numbers.next() };
        let (a, b) = (extreme(2, pattern(&mut numbers)), extreme(1, pattern(&mut numbers)));
        let (c, d) = (extreme(1, pattern(&mut numbers)), extreme(2, pattern(&mut numbers)));
        let square = Wide::square(&a, &a.doubled());
        assert_reduced(&square.reduced(), &(value(&a) * value(&a)));
        assert_reduced(&a.squared(), &(value(&a) * value(&a)));
        let wide = Wide::product(&a, &b).minus(&Wide::product_with(&c, &c.doubled(), &d));
        assert_reduced(&wide.reduced(), &(value(&a) * value(&b) - value(&c) * value(&d)));
        let wide = Wide::square(&b, &b.doubled()).tripled().minus_field(&a).plus_field(&c);
        assert_reduced(&wide.reduced(), &(value(&b) * value(&b) * 3 - value(&a) + value(&c)));
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
        assert_eq!(value(&Stored::new(&a).load_times(-2)), value(&a) * -2);
    }
}

#[test]
fn canonical_numbers_are_found_around_every_multiple_of_p() {
    for multiple in -2..=2 {
        for offset in -1000..=1000 {
            // p times the multiple plus the offset, spread over limbs without carrying.
            let mut x = Field([-977, -8, 0, 0, 0, 0, 0, 0, 1 << 28]);
            x = Field(x.0.map(|limb| limb * multiple));
            x.0[0] += offset;
            let expected = modulo(&BigInt::from(offset), &p());
            assert_eq!(x.to_words(), words(&expected));
            assert_eq!(x.is_zero(), offset == 0);
            assert_eq!(x.is_odd(), expected.bit(0));
        }
    }
}

#[test]
fn canonical_numbers_are_found_for_large_limbs() {
    let mut numbers = Random(4);
    for _ in 0..2000 {
        let x = Field(core::array::from_fn(|_| numbers.below(1 << 41) as i64 - (1 << 40)));
        let expected = modulo(&value(&x), &p());
        assert_eq!(of_words(&x.to_words()), expected);
        assert_eq!(x.is_odd(), expected.bit(0));
    }
    for pattern in [0, 0x15555, 0x11111, 0x04444] {
        let x = Field(extreme(1, pattern).0.map(|limb| limb << 11));
        assert_eq!(of_words(&x.to_words()), modulo(&value(&x), &p()));
    }
}

#[test]
fn words_come_back() {
    let mut numbers = Random(5);
    for _ in 0..200 {
        let x = numbers.words();
        assert_eq!(value(&Field::from_words(&x)), of_words(&x));
        assert_eq!(of_words(&Field::from_words(&x).to_words()), modulo(&of_words(&x), &p()));
    }
    assert_eq!(Field::from_words(&words(&p())).to_words(), [0; 8]);
    assert_eq!(of_words(&Field::from_words(&[u32::MAX; 8]).to_words()), (BigInt::from(1) << 32) + 976);
    assert_eq!(value(&Field::HALF) * 2 % p(), BigInt::from(1));
}

#[test]
fn roots_square_back_and_exist_for_half_the_numbers() {
    let mut numbers = Random(6);
    let mut found = 0;
    for _ in 0..200 {
        let x = random(&mut numbers);
        let root = x.root();
        assert_reduced(&root, &value(&x).modpow(&((p() + 1) / 4), &p()));
        found += u32::from(root.squared().minus(&x).is_zero());
        let square = x.squared();
        assert!(square.root().squared().minus(&square).is_zero());
    }
    assert!((70..130).contains(&found), "{found}");
    assert!(Field::ZERO.root().is_zero());
}

#[test]
fn inverses_multiply_to_one() {
    let mut numbers = Random(7);
    let small = (1..40).map(|i| Field::from_words(&[i, 0, 0, 0, 0, 0, 0, 0]));
    let large = (1..40).map(|i| Field::from_words(&words(&(p() - i))));
    let powers = (0..256).map(|i| Field::from_words(&words(&(BigInt::from(1) << i))));
    let random: Vec<_> = (0..1000).map(|_| random(&mut numbers)).collect();
    for x in small.chain(large).chain(powers).chain(random) {
        assert_eq!(x.times(&x.inverted()).to_words(), [1, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(Field::ZERO.inverted().to_words(), [0; 8]);
    assert_eq!(Field::from_words(&words(&p())).inverted().to_words(), [0; 8]);
}

#[test]
fn the_right_side_of_the_curve() {
    let mut numbers = Random(8);
    for _ in 0..50 {
        let x = random(&mut numbers);
        assert_reduced(&x.curve_right_side(), &(value(&x).pow(3) + 7));
    }
}

use super::cases;
use crate::bls12_381::Fq;
use crate::field::Field;
use num_bigint::BigUint;
use num_traits::Zero;
use proptest::collection::vec;
use proptest::prelude::*;

const P: &str =
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

fn p() -> BigUint {
    BigUint::parse_bytes(P.as_bytes(), 16).unwrap()
}

fn number(x: &Fq) -> BigUint {
    BigUint::from_bytes_be(&x.to_bytes::<48>())
}

fn bytes(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; 48 - bytes.len()], bytes].concat()
}

/// Elements, many of them with limbs of nothing but ones or zeros.
fn elements() -> impl Strategy<Value = Fq> {
    let bits = prop_oneof![
        vec(any::<u8>(), 48),
        vec(prop_oneof![Just(0), Just(0xff)], 48),
        (0u32..40).prop_map(|less| bytes(&(p() - 1u32 - less))),
        (0u32..40).prop_map(|number| bytes(&BigUint::from(number))),
    ];
    bits.prop_map(|bytes| Fq::from_bytes_modulo(&bytes))
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn arithmetic_agrees_with_a_library(a in elements(), b in elements(), c in elements(), d in elements()) {
        let p = p();
        let [x, y, z, w] = [&a, &b, &c, &d].map(number);
        prop_assert_eq!(number(&a.plus(&b)), (&x + &y) % &p);
        prop_assert_eq!(number(&a.minus(&b)), (&x + &p - &y) % &p);
        prop_assert_eq!(number(&a.negated()), (&p - &x) % &p);
        prop_assert_eq!(number(&a.times(&b)), &x * &y % &p);
        prop_assert_eq!(number(&a.squared()), &x * &x % &p);
        prop_assert_eq!(number(&Fq::sum_of_products(&a, &b, &c, &d)), (&x * &y + &z * &w) % &p);
        prop_assert_eq!(
            number(&Fq::difference_of_products(&a, &b, &c, &d)),
            (&x * &y + &p * &p - &z * &w) % &p
        );
        // The largest magnitudes, with limbs below zero.
        let low = a.negated().minus(&b).minus(&c);
        let lower = low.times(&d.doubled().plus(&d));
        prop_assert_eq!(number(&lower), (&p * 3u32 - &x - &y - &z) * 3u32 * &w % &p);
        for same in [low.normalised(), low.settled()] {
            prop_assert_eq!(number(&same), (&p * 3u32 - &x - &y - &z) % &p);
        }
        prop_assert_eq!(a.is_odd(), x.bit(0));
        prop_assert_eq!(a.is_high(), x > (&p - 1u32) / 2u32);
        prop_assert_eq!(a.is(&b), x == y);
        prop_assert_eq!(a.times(&Fq::ONE).is_zero(), x.is_zero());
        prop_assert_eq!(number(&a.inverted()), x.modpow(&(&p - 2u32), &p));
    }
}

#[test]
fn only_numbers_below_the_prime_are_elements() {
    let p = p();
    let read = |number: &BigUint| Fq::from_bytes(&bytes(number)).map(|x| self::number(&x));
    assert_eq!(read(&(&p - 1u32)), Some(&p - 1u32));
    assert_eq!(read(&p), None);
    assert_eq!(read(&(&p + 1u32)), None);
    assert_eq!(Fq::from_bytes(&[0xff; 48]).map(|x| number(&x)), None);
    assert_eq!(read(&BigUint::zero()), Some(BigUint::zero()));
    assert!(Fq::from_bytes_modulo(&bytes(&p)).is_zero());
}

#[test]
fn settling_in_a_circle_stays_small() {
    // Two thousand steps, each of which would double the number.
    let start = Fq::from_bytes_modulo(&[0xfe; 48]);
    let (mut x, mut expected) = (start, number(&start));
    for _ in 0..2_000 {
        x = start.minus(&x.doubled()).settled();
        expected = (number(&start) + p() * 2u32 - &expected * 2u32) % p();
    }
    assert_eq!(number(&x), expected);
}

use super::{cases, numbers};
use crate::bn254::{Fq, Fq2, G1, G2, is_product_one, multiply};
use crate::{Affine, Curve, Field};
use bn::{AffineG1, AffineG2, Fr, Group, Gt};
use proptest::prelude::*;

fn scalar(number: &[u8; 32]) -> Fr {
    Fr::from_slice(number).unwrap()
}

fn part(number: bn::Fq) -> Fq {
    let mut bytes = [0; 32];
    number.to_big_endian(&mut bytes).unwrap();
    Fq::from_bytes(&bytes).unwrap()
}

fn left(point: bn::G1) -> Option<Affine<G1>> {
    AffineG1::from_jacobian(point).map(|point| Affine::new(part(point.x()), part(point.y())).unwrap())
}

fn right(point: bn::G2) -> Option<Affine<G2>> {
    let pair = |number: bn::Fq2| Fq2 { real: part(number.real()), imaginary: part(number.imaginary()) };
    AffineG2::from_jacobian(point).map(|point| Affine::new(pair(point.x()), pair(point.y())).unwrap())
}

fn is_same(a: Option<Affine<G1>>, b: Option<Affine<G1>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.x.is(&b.x) && a.y.is(&b.y),
        (a, b) => a.is_none() && b.is_none(),
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn products_and_sums_agree(a in numbers(), b in numbers()) {
        let (p, q) = (bn::G1::one() * scalar(&a), bn::G1::one() * scalar(&b));
        if let Some(point) = left(p) {
            prop_assert!(is_same(multiply(&point, &b), left(p * scalar(&b))));
            prop_assert!(is_same(point.plus(&point), left(p + p)));
            prop_assert!(is_same(point.plus(&point.negated()), None));
            if let Some(other) = left(q) {
                prop_assert!(is_same(point.plus(&other), left(p + q)));
            }
        }
    }

    #[test]
    fn products_of_pairings_agree(a in numbers(), b in numbers(), c in numbers(), d in numbers()) {
        let pair = |a: &[u8; 32], b: &[u8; 32]| (bn::G1::one() * scalar(a), bn::G2::one() * scalar(b));
        let cancelling = (-(bn::G1::one() * (scalar(&a) * scalar(&b))), bn::G2::one());
        for pairs in [[pair(&a, &b), cancelling], [pair(&a, &b), pair(&c, &d)]] {
            let ours: Vec<_> = pairs.iter().filter_map(|(a, b)| left(*a).zip(right(*b))).collect();
            prop_assert_eq!(is_product_one(&ours), bn::pairing_batch(&pairs) == Gt::one());
        }
        if let Some(point) = right(bn::G2::one() * scalar(&a)) {
            prop_assert!(point.is_in_group());
        }
    }
}

/// Nearly all points of the twist are not in the group. The library finds out by multiplying with the order.
#[test]
fn points_of_the_twist_outside_the_group_are_told() {
    let number = |part: Fq| bn::Fq::from_slice(&part.to_bytes::<32>()).unwrap();
    let b = <G2 as Curve>::B;
    let b = bn::Fq2::new(number(b.real), number(b.imaginary));
    let mut found = 0;
    for small in 1u8..40 {
        let x = bn::Fq2::new(bn::Fq::from_str(&small.to_string()).unwrap(), bn::Fq::one());
        let Some(y) = (x * x * x + b).sqrt() else { continue };
        let pair = |number: bn::Fq2| Fq2 { real: part(number.real()), imaginary: part(number.imaginary()) };
        let point: Affine<G2> = Affine::new(pair(x), pair(y)).unwrap();
        assert_eq!(point.is_in_group(), AffineG2::new(x, y).is_ok(), "{small}");
        found += 1;
    }
    assert!(found > 10);
}

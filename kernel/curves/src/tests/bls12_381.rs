use super::{cases, numbers};
use crate::bls12_381::{
    Fq, Fq2, G1, G2, decompress, is_product_one, map_to_g1, map_to_g2, multiply_sum_g1, multiply_sum_g2,
};
use crate::{Affine, Field};
use bls12_381 as library;
use bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use proptest::collection::vec;
use proptest::prelude::*;

fn scalar(number: &[u8; 32]) -> Scalar {
    let mut wide = [0; 64];
    for (to, from) in wide.iter_mut().zip(number.iter().rev()) {
        *to = *from;
    }
    Scalar::from_bytes_wide(&wide)
}

/// The library's encoding; infinity has a flag instead of zeros only.
fn encoded(point: Option<Affine<G1>>) -> [u8; 96] {
    let mut bytes = [0; 96];
    match point {
        Some(Affine { x, y }) => {
            bytes[..48].copy_from_slice(&x.to_bytes::<48>());
            bytes[48..].copy_from_slice(&y.to_bytes::<48>());
        }
        None => bytes[0] = 0x40,
    }
    bytes
}

fn encoded2(point: Option<Affine<G2>>) -> [u8; 192] {
    let mut bytes = [0; 192];
    match point {
        Some(Affine { x, y }) => {
            for (part, place) in
                [x.imaginary, x.real, y.imaginary, y.real].iter().zip(bytes.chunks_exact_mut(48))
            {
                place.copy_from_slice(&part.to_bytes::<48>());
            }
        }
        None => bytes[0] = 0x40,
    }
    bytes
}

fn left(point: &G1Affine) -> Option<Affine<G1>> {
    let bytes = point.to_uncompressed();
    let part = |at: usize| Fq::from_bytes(&bytes[at..at + 48]).unwrap();
    (bytes[0] & 0x40 == 0).then(|| Affine::new(part(0), part(48)).unwrap())
}

fn right(point: &G2Affine) -> Option<Affine<G2>> {
    let bytes = point.to_uncompressed();
    let part = |at: usize| Fq::from_bytes(&bytes[at..at + 48]).unwrap();
    (bytes[0] & 0x40 == 0).then(|| {
        let x = Fq2 { imaginary: part(0), real: part(48) };
        Affine::new(x, Fq2 { imaginary: part(96), real: part(144) }).unwrap()
    })
}

fn multiple(number: &[u8; 32]) -> G1Affine {
    (G1Projective::generator() * scalar(number)).into()
}

fn multiple2(number: &[u8; 32]) -> G2Affine {
    (G2Projective::generator() * scalar(number)).into()
}

#[test]
fn generators_are_those_of_the_library() {
    assert_eq!(encoded(Some(Affine::<G1>::GENERATOR)), G1Affine::generator().to_uncompressed());
    assert_eq!(encoded2(Some(Affine::<G2>::GENERATOR)), G2Affine::generator().to_uncompressed());
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn sums_of_products_agree(terms in vec((numbers(), numbers()), 0..6)) {
        let ours: Vec<_> = terms.iter().filter_map(|(a, b)| Some((left(&multiple(a))?, *b))).collect();
        let expected: G1Projective =
            terms.iter().map(|(a, b)| G1Projective::from(multiple(a)) * scalar(b)).sum();
        prop_assert_eq!(encoded(multiply_sum_g1(&ours)), G1Affine::from(expected).to_uncompressed());

        let ours: Vec<_> = terms.iter().filter_map(|(a, b)| Some((right(&multiple2(a))?, *b))).collect();
        let expected: G2Projective =
            terms.iter().map(|(a, b)| G2Projective::from(multiple2(a)) * scalar(b)).sum();
        prop_assert_eq!(encoded2(multiply_sum_g2(&ours)), G2Affine::from(expected).to_uncompressed());
    }

    #[test]
    fn sums_agree(a in numbers(), b in numbers()) {
        let (a, b) = (multiple(&a), multiple(&b));
        for (a, b) in [(a, b), (a, a), (a, -a)] {
            let sum = match (left(&a), left(&b)) {
                (Some(a), Some(b)) => a.plus(&b),
                (a, b) => a.or(b),
            };
            prop_assert_eq!(encoded(sum), G1Affine::from(G1Projective::from(a) + b).to_uncompressed());
        }
    }

    #[test]
    fn products_of_pairings_agree(a in numbers(), b in numbers(), c in numbers(), d in numbers()) {
        // e(a G, b H) e(-ab G, H) is one; with other numbers the library says what it is.
        let cancelling = -(G1Projective::generator() * (scalar(&a) * scalar(&b)));
        let pairs = [(multiple(&a), multiple2(&b)), (cancelling.into(), G2Affine::generator())];
        let others = [pairs[0], (multiple(&c), multiple2(&d))];
        for pairs in [pairs, others] {
            let product = library::pairing(&pairs[0].0, &pairs[0].1) + library::pairing(&pairs[1].0, &pairs[1].1);
            let ours: Vec<_> = pairs.iter().filter_map(|(a, b)| left(a).zip(right(b))).collect();
            prop_assert_eq!(is_product_one(&ours), product == library::Gt::identity());
        }
    }

    #[test]
    fn compressed_points_agree(number in numbers(), damage in 0usize..48) {
        let bytes = multiple(&number).to_compressed();
        prop_assert_eq!(decompress(&bytes).map(encoded), Some(multiple(&number).to_uncompressed()));
        let mut damaged = bytes;
        damaged[damage] ^= 0x10;
        let expected: Option<G1Affine> = G1Affine::from_compressed(&damaged).into();
        prop_assert_eq!(decompress(&damaged).map(encoded), expected.map(|point| point.to_uncompressed()));
    }

    #[test]
    fn maps_lead_into_the_groups(a in numbers(), b in numbers()) {
        let (a, b) = (Fq::from_bytes_modulo(&a), Fq::from_bytes_modulo(&b));
        let (first, second) = (map_to_g1(&a), map_to_g2(&Fq2 { real: a, imaginary: b }));
        prop_assert!(bool::from(G1Affine::from_uncompressed_unchecked(&encoded(first)).unwrap().is_torsion_free()));
        prop_assert!(bool::from(G2Affine::from_uncompressed_unchecked(&encoded2(second)).unwrap().is_torsion_free()));
    }
}

/// Nearly all points of the curves are not in the groups.
#[test]
fn points_of_the_curves_outside_the_groups_are_told() {
    let (mut found, mut found2) = (0, 0);
    for small in 0u8..64 {
        let mut bytes = [0; 48];
        bytes[47] = small;
        bytes[0] = 0x80;
        if let Some(point) = Option::<G1Affine>::from(G1Affine::from_compressed_unchecked(&bytes)) {
            let is_in_group = left(&point).is_some_and(|point| point.is_in_group());
            assert_eq!(is_in_group, bool::from(point.is_torsion_free()), "{small}");
            assert!(decompress(&bytes).is_none());
            found += 1;
        }
        let mut bytes = [0; 96];
        bytes[95] = small;
        bytes[0] = 0x80;
        if let Some(point) = Option::<G2Affine>::from(G2Affine::from_compressed_unchecked(&bytes)) {
            let is_in_group = right(&point).is_some_and(|point| point.is_in_group());
            assert_eq!(is_in_group, bool::from(point.is_torsion_free()), "{small}");
            found2 += 1;
        }
    }
    assert!(found > 20 && found2 > 20);
}

#[test]
fn infinity_is_compressed_in_one_way_only() {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    assert!(matches!(decompress(&bytes), Some(None)));
    bytes[47] = 1;
    assert!(decompress(&bytes).is_none());
    for flags in [0x00, 0x20, 0x40, 0x60, 0xe0] {
        let mut bytes = G1Affine::generator().to_compressed();
        bytes[0] = bytes[0] & 0x1f | flags;
        assert!(decompress(&bytes).is_none(), "{flags:#x}");
    }
}

/// More points than are worked on at once.
#[test]
fn long_sums_agree() {
    let numbers: Vec<[u8; 32]> =
        (0u8..131).map(|i| core::array::from_fn(|j| i.wrapping_mul(31) ^ j as u8)).collect();
    let ours: Vec<_> = numbers.iter().map(|number| (Affine::<G1>::GENERATOR, *number)).collect();
    let expected: Scalar = numbers.iter().map(scalar).sum();
    let expected = G1Affine::from(G1Projective::generator() * expected);
    assert_eq!(encoded(multiply_sum_g1(&ours)), expected.to_uncompressed());
}

#[test]
fn constants_are_the_powers_they_should_be() {
    // Elements for which the maps have exceptions: zero, and where Z u^2 = -1 (u^2 = -1 / 11 has no root in the
    // prime field).
    assert!(map_to_g1(&Fq::ZERO).is_some_and(|point| point.is_in_group()));
    assert!(map_to_g2(&Fq2::ZERO).is_some_and(|point| point.is_in_group()));
}

use k256::ecdsa::SigningKey;
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::DecompressPoint;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::elliptic_curve::subtle::Choice;
use k256::{AffinePoint, ProjectivePoint, Scalar, U256};
use num_bigint::BigInt;
use sha3::{Digest, Keccak256};

use super::{Random, bytes, modulo, n, number, p};
use crate::{Item, recover, recover_batch, verify};

/// Recovery by the textbook with the other implementation.
fn reference(item: &Item) -> Option<[u8; 64]> {
    let scalar = |bytes: [u8; 32]| Option::<Scalar>::from(Scalar::from_repr(bytes.into()));
    let (r, s) = (scalar(item.r)?, scalar(item.s)?);
    let inverse = Option::<Scalar>::from(r.invert())?;
    if bool::from(s.is_zero()) {
        return None;
    }
    let point = AffinePoint::decompress(&item.r.into(), Choice::from(u8::from(item.y_parity)));
    let point = ProjectivePoint::from(Option::<AffinePoint>::from(point)?);
    let z = <Scalar as Reduce<U256>>::reduce_bytes(&item.digest.into());
    let key = ProjectivePoint::GENERATOR * -(inverse * z) + point * (inverse * s);
    key.to_affine().to_encoded_point(false).as_bytes().get(1..)?.try_into().ok()
}

fn one(item: &Item) -> Option<[u8; 64]> {
    recover(&item.digest, &item.r, &item.s, item.y_parity)
}

/// A signature and the key that made it.
fn signed(numbers: &mut Random) -> (Item, [u8; 64]) {
    let key = SigningKey::from_slice(&numbers.bytes()).unwrap();
    let digest = numbers.bytes();
    let (signature, id) = key.sign_prehash_recoverable(&digest).unwrap();
    let (r, s) = signature.split_bytes();
    let public = key.verifying_key().to_encoded_point(false);
    let item = Item { digest, r: r.into(), s: s.into(), y_parity: id.is_y_odd() };
    (item, public.as_bytes()[1..].try_into().unwrap())
}

fn hex32(hex: &str) -> [u8; 32] {
    bytes(&number(hex))
}

#[test]
fn keys_that_signed_are_recovered() {
    let mut numbers = Random(30);
    for _ in 0..200 {
        let (item, key) = signed(&mut numbers);
        assert_eq!(one(&item), Some(key));
        // The other half of the range of s belongs to the other y.
        let s = bytes(&(n() - BigInt::from_bytes_be(num_bigint::Sign::Plus, &item.s)));
        assert_eq!(one(&Item { s, y_parity: !item.y_parity, ..item }), Some(key));
        let wrong = one(&Item { y_parity: !item.y_parity, ..item });
        assert!(wrong.is_some() && wrong != Some(key));
    }
}

#[test]
fn arbitrary_numbers_agree_with_the_reference() {
    let mut numbers = Random(31);
    let mut found = 0;
    for _ in 0..300 {
        let item = Item {
            digest: numbers.bytes(),
            r: numbers.bytes(),
            s: numbers.bytes(),
            y_parity: numbers.below(2) == 1,
        };
        assert_eq!(one(&item), reference(&item));
        found += u32::from(one(&item).is_some());
    }
    assert!((100..200).contains(&found), "{found}");
}

#[test]
fn edges_agree_with_the_reference() {
    let top = BigInt::from(1) << 256;
    let around = |x: BigInt| (-2..=2).map(move |offset| &x + offset);
    let digests: Vec<BigInt> = [0.into(), 1.into(), n() - 1, n(), n() + 1, n() / 2, &top - 1].to_vec();
    let mut rs: Vec<BigInt> = (0..8).map(BigInt::from).chain(around(n())).chain(around(p())).collect();
    rs.extend(around(n() / 2));
    rs.extend([&top - 1, top / 2]);
    let ss = rs.clone();
    let mut items = Vec::new();
    for digest in &digests {
        for r in &rs {
            for s in &ss {
                for y_parity in [false, true] {
                    items.push(Item { digest: bytes(digest), r: bytes(r), s: bytes(s), y_parity });
                }
            }
        }
    }
    let batch = recover_batch(&items);
    let mut found = 0;
    for (item, key) in items.iter().zip(batch) {
        // The reference is slow; the out-of-range cases are None by its first lines.
        assert_eq!(key, reference(item), "{item:?}");
        found += u32::from(key.is_some());
    }
    assert!(found > 500, "{found}");
}

#[test]
fn the_point_at_infinity_is_no_key() {
    let mut numbers = Random(32);
    for round in 0..40u32 {
        // R = k G and z = s k, so that s R = z G; with z = -s k both terms are the same point instead.
        let k = if round < 10 { BigInt::from(round + 1) } else { BigInt::from(numbers.next()) };
        let scalar = Scalar::from_repr(bytes(&k).into()).unwrap();
        let point = (ProjectivePoint::GENERATOR * scalar).to_affine().to_encoded_point(false);
        let r: [u8; 32] = (*point.x().unwrap()).into();
        let y_parity = point.y().unwrap()[31] & 1 == 1;
        let s = BigInt::from(numbers.next());
        let item = Item { digest: bytes(&(&s * &k % n())), r, s: bytes(&s), y_parity };
        assert_eq!(one(&item), None);
        assert_eq!(reference(&item), None);
        let opposite = Item { y_parity: !y_parity, ..item };
        let key = reference(&opposite);
        assert!(key.is_some());
        assert_eq!(one(&opposite), key);
        let double = Item { digest: bytes(&modulo(&-(s * k), &n())), ..item };
        assert_eq!(one(&double), key.map(|_| reference(&double).unwrap()));
        // Among others, infinity must not spoil the shared inversions.
        let (good, good_key) = signed(&mut numbers);
        assert_eq!(recover_batch(&[item, good, item]), [None, Some(good_key), None]);
    }
}

#[test]
fn batches_are_the_same_as_single_recoveries() {
    let mut numbers = Random(33);
    let items: Vec<Item> = (0..300)
        .map(|i| {
            let (mut item, _) = signed(&mut numbers);
            match i % 11 {
                3 => item.r = numbers.bytes(),
                5 => item.s = [0; 32],
                7 => item.r = [0xff; 32],
                _ => {}
            }
            item
        })
        .collect();
    let single: Vec<_> = items.iter().map(one).collect();
    assert!(single.iter().filter(|key| key.is_some()).count() > 200);
    for length in [0, 1, 2, 5, 6, 7, 8, 9, 127, 128, 129, 256, 257, 300] {
        assert_eq!(recover_batch(&items[..length]), single[..length], "{length}");
    }
    let bad = Item { r: [0; 32], ..items[0] };
    assert_eq!(recover_batch(&[bad; 20]), [None; 20]);
}

fn address(key: &[u8; 64]) -> String {
    Keccak256::digest(key)[12..].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn known_vectors_of_ethereum() {
    let vectors = [
        (
            "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3",
            "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608",
            "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
            true,
            "7156526fbd7a3c72969b54f64e42c10fbb768c8a",
        ),
        (
            "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c",
            "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f",
            "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549",
            true,
            "a94f5374fce5edbc8e2a8697c15331677e6ebf0b",
        ),
    ];
    for (digest, r, s, y_parity, expected) in vectors {
        let key = recover(&hex32(digest), &hex32(r), &hex32(s), y_parity).unwrap();
        assert_eq!(address(&key), expected);
    }
    let key = recover(
        &hex32("ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008"),
        &hex32("90f27b8b488db00b00606796d2987f6a5f59ae62ea05effe84fef5b8b0e54998"),
        &hex32("4a691139ad57a3f0b906637673aa2f63d1f55cb1a69199d4009eea23ceaddc93"),
        true,
    )
    .unwrap();
    assert_eq!(key[..32], hex32("e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a"));
    assert_eq!(key[32..], hex32("0a2b2667f7e725ceea70c673093bf67663e0312623c8e091b13cf2c0f11ef652"));
}

#[test]
fn signatures_verify_against_their_key_only() {
    let mut numbers = Random(34);
    for _ in 0..50 {
        let ((item, key), (other, other_key)) = (signed(&mut numbers), signed(&mut numbers));
        assert!(verify(&item.digest, &item.r, &item.s, &key));
        assert!(verify(&other.digest, &other.r, &other.s, &other_key));
        assert!(!verify(&item.digest, &item.r, &item.s, &other_key));
        assert!(!verify(&other.digest, &item.r, &item.s, &key));
        assert!(!verify(&item.digest, &other.r, &item.s, &key));
        assert!(!verify(&item.digest, &item.r, &other.s, &key));
        let mut off_curve = key;
        off_curve[63] ^= 1;
        assert!(!verify(&item.digest, &item.r, &item.s, &off_curve));
    }
}

#[test]
fn malformed_signatures_and_keys_do_not_verify() {
    let (item, key) = signed(&mut Random(35));
    for bad in [[0; 32], bytes(&n()), [0xff; 32]] {
        assert!(!verify(&item.digest, &bad, &item.s, &key));
        assert!(!verify(&item.digest, &item.r, &bad, &key));
    }
    assert!(!verify(&item.digest, &item.r, &item.s, &[0; 64]));
    assert!(!verify(&item.digest, &item.r, &item.s, &[0xff; 64]));
}

#[test]
fn an_r_that_lost_the_order_still_verifies() {
    // The x of R may lie between n and p; r is then x - n. Such an R exists for the smallest x from n on that
    // is on the curve; any key Q = (s R - z G) / r makes a signature of it.
    let mut x = n() + 1;
    let point = loop {
        let candidate = AffinePoint::decompress(&bytes(&x).into(), Choice::from(0));
        if let Some(point) = Option::<AffinePoint>::from(candidate) {
            break ProjectivePoint::from(point);
        }
        x += 1;
    };
    let r = bytes(&(&x - n()));
    let scalar = Scalar::from_repr(r.into()).unwrap();
    let (digest, s) = (bytes(&12345.into()), bytes(&67890.into()));
    let z = Scalar::from_repr(digest.into()).unwrap();
    let inverse = scalar.invert().unwrap();
    let key = ProjectivePoint::GENERATOR * -(inverse * z)
        + point * (inverse * Scalar::from_repr(s.into()).unwrap());
    let key: [u8; 64] = key.to_affine().to_encoded_point(false).as_bytes()[1..].try_into().unwrap();
    assert!(verify(&digest, &r, &s, &key));
}

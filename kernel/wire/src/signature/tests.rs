use super::*;
use millrace_primitives::U256;
use proptest::prelude::*;

/// The first account of every Octez sandbox.
const PUBLIC: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
const SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";
const ACCOUNT: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";

/// Secret key, public key, account, and the signature of 0x031234 as Taquito makes it.
const KNOWN: [[&str; 4]; 4] = [
    [
        "edsk4TjJWEszkHKono7XMnepVqwi37FrpbVt1KCsifJeAGimxheShG",
        "edpkuhmrbunxumoiVdQuxBZUPMmwkPt7yLtY5Qnua3VJVTLWr3vXXa",
        "tz1b9kV41KV9N3sp69ycLdSoZ2Ak8jXwtNPv",
        "edsigtz8duidBGCFToGonG1zxuKjqvkjLAv5iD3p8SDUYN5299hrMgh5uGVPPggcu1ngLDWLcb51PAgenro3A5cqwHESVJ31m4x",
    ],
    [
        "spsk2rBDDeUqakQ42nBHDGQTtP3GErb6AahHPwF9bhca3Q5KA5HESE",
        "sppk7aqSksZan1AGXuKtCz9UBLZZ77e3ZWGpFxR7ig1Z17GneEhSSbH",
        "tz2Ch1abG7FNiibmV26Uzgdsnfni9XGrk5wD",
        "spsig194cg549ti3fNuGqvQs4dZEn4aJHCbXHde4kc4dDaCs5y4nCwp5uMUp4DbyGuTjisaTU2UV1v7vy7CybSGJJS4ur88uBWT",
    ],
    [
        "spsk24EJohZHJkZnWEzj3w9wE7BFARpFmq5WAo9oTtqjdJ2t4pyoB3",
        "sppk7bcmsCiZmrzrfGpPHnZMx73s6pUC4Tf1zdASQ3rgXfq8uGP3wgV",
        "tz2T7hMiWgLAtpsB1JXEP59h3QA8rNVAP1Ue",
        "spsig1VJzu6msQLBbmSCspT5uWGNWSBHKZU7SpWPf6qrJyHSQ9g58NLm7WAZsmJQNDRKmjubVCNm1sHguTJQ94snFaBMFkDWskF",
    ],
    [
        "p2sk2obfVMEuPUnadAConLWk7Tf4Dt3n4svSgJwrgpamRqJXvaYcg1",
        "p2pk66tTYL5EvahKAXncbtbRPBkAnxo3CszzUho5wPCgWauBMyvybuB",
        "tz3Lfm6CyfSTZ7EgMckptZZGiPxzs9GK59At",
        "p2sigQo2SWectj3FPa9Av6PkRYjdAXf5c2WqkBJLxXXHpFjeY4AzEAfbuW1xS8NH7K1Ef6uBchf2gsDdMcCW77h8uDv6tdZ2ZS",
    ],
];

const CURVES: [Curve; 3] = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];

fn secret(curve: Curve, seed: u8) -> SecretKey {
    SecretKey::from_bytes(curve, &[seed; 32]).unwrap()
}

/// s + n or n − s and the like: `change` sees s and the order.
fn with_s(signature: Signature, curve: Curve, change: impl Fn(U256, U256) -> U256) -> Signature {
    let order = if curve == Curve::P256 { ecdsa::P256_ORDER } else { ecdsa::SECP256K1_ORDER };
    let mut bytes = signature.0;
    change(U256::from_big_endian(&bytes[32..]), order).to_big_endian(&mut bytes[32..]);
    Signature(bytes)
}

#[test]
fn keys_have_the_text_forms_of_the_layer_1() {
    let secret = SecretKey::from_base58(SECRET).unwrap();
    assert_eq!(secret.public_key().to_base58(), PUBLIC);
    assert_eq!(secret.public_key().hash().to_base58(), ACCOUNT);
    assert_eq!(format!("{secret:?}"), format!("SecretKey of {PUBLIC}"));
    for [secret_text, public_text, account, _] in KNOWN {
        let secret = SecretKey::from_base58(secret_text).unwrap();
        assert_eq!(secret.to_base58(), secret_text);
        let public = secret.public_key();
        assert_eq!(public.to_base58(), public_text);
        assert_eq!(PublicKey::from_base58(public_text), Ok(public));
        assert_eq!(public.hash().to_base58(), account);
        assert_eq!(PublicKey::from_bytes(&public.to_bytes()), Some(public));
        assert!(public.is_valid());
        assert_eq!(PublicKey::from_base58(secret_text), Err(TextError::OtherKind));
        assert_eq!(SecretKey::from_base58(public_text).err(), Some(TextError::OtherKind));
    }
}

#[test]
fn known_signatures_are_made_and_accepted() {
    for [secret, public, _, text] in KNOWN {
        let (secret, public) =
            (SecretKey::from_base58(secret).unwrap(), PublicKey::from_base58(public).unwrap());
        let signature = secret.sign(&[3, 0x12, 0x34]);
        assert_eq!(signature.to_base58_of(public.curve()).as_deref(), Some(text));
        assert_eq!(Signature::from_base58(text), Ok(signature));
        assert_eq!(Signature::from_base58(&signature.to_base58()), Ok(signature));
        assert!(public.verify(&[3, 0x12, 0x34], &signature));
    }
    let generic =
        "sigREwM1SuRN5WzjH5xGJuyeZQ9kWi8XtbA4wRqGTumJwNY18PmF1XQMLCXEQBr4frnriKHWdPUynF1vGUvPcoWrNjb3s5xp";
    assert_eq!(Signature::from_base58(generic), Signature::from_base58(KNOWN[1][3]));
    assert_eq!(Signature([0; 64]).to_base58_of(Curve::Bls), None);
}

#[test]
fn binary_keys_of_other_curves_or_sizes_are_refused() {
    for bad in [&[][..], &[0], &[0; 32], &[0; 34], &[1; 33], &[1; 35], &[2; 33], &[2; 35], &[3; 33], &[4; 34]]
    {
        assert_eq!(PublicKey::from_bytes(bad), None, "{bad:?}");
    }
    let bls = [&[3][..], &[7; 48]].concat();
    assert_eq!(PublicKey::from_bytes(&bls), None);
}

#[test]
fn row_52_keys_that_are_no_points_are_not_valid() {
    let on_curve = SecretKey::from_seed(&[7; 32]).public_key();
    assert!(on_curve.is_valid());
    // BLS, in both forms.
    let bls = "BLpk1nuQ6M54P2zN2gX2maUUzRa3QVX2eSnXZa184g2sfu2qB2XCGYJdZezkgb7ozbbfYUny1gcP";
    assert_eq!(PublicKey::from_base58(bls), Err(TextError::OtherKind));
    assert!(!PublicKey::Ed25519([2; 32]).is_valid());
    let compressed = |first: u8, x: u8| {
        let mut key = [0; 33];
        (key[0], key[32]) = (first, x);
        key
    };
    // Half of all x are on the curve, always with both parities.
    for curve in [PublicKey::Secp256k1, PublicKey::P256] {
        let on_curve = |x: u8| curve(compressed(2, x)).is_valid();
        assert!((1..20).any(on_curve) && !(1..20).all(on_curve));
        let x = (1..20).find(|x| on_curve(*x)).unwrap();
        assert!(curve(compressed(3, x)).is_valid());
        for first in [0, 1, 4, 5, 6, 7, 0x82, 0xff] {
            assert!(!curve(compressed(first, x)).is_valid(), "{first}");
        }
        let mut too_large = [0xff; 33];
        too_large[0] = 2;
        assert!(!curve(too_large).is_valid());
        assert!(!curve([0; 33]).is_valid());
    }
    assert!(
        !PublicKey::Secp256k1(compressed(2, 5)).is_valid()
            && PublicKey::Secp256k1(compressed(2, 1)).is_valid()
    );
}

#[test]
fn row_52_keys_of_small_order_are_not_valid() {
    // All points of order 1, 2, 4 and 8, with every spelling of y and of the sign of x.
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for key in small {
        let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
        assert!(!PublicKey::Ed25519(key).is_valid(), "{key:?}");
        // The key itself as nonce, and s = 0: a valid equation for many messages.
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&key);
        assert!(!PublicKey::Ed25519(key).verify(b"anything", &Signature(signature)));
    }
}

#[test]
fn one_point_is_one_ed25519_key() {
    // y = p + k for k from 0 to 18 is another spelling of y = k.
    for low in 0xed..=0xffu8 {
        for high in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, high);
            assert!(!PublicKey::Ed25519(key).is_valid(), "{low:x} {high:x}");
        }
    }
}

#[test]
fn a_signature_is_for_one_key_and_one_message() {
    for curve in CURVES {
        let secret = secret(curve, 7);
        let signature = secret.sign(b"message");
        assert!(secret.public_key().verify(b"message", &signature));
        assert!(!secret.public_key().verify(b"messagf", &signature));
        assert!(!self::secret(curve, 8).public_key().verify(b"message", &signature));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.public_key().verify(b"message", &flipped), "bit {bit}");
        }
        for other in CURVES.into_iter().filter(|other| *other != curve) {
            assert!(!self::secret(other, 7).public_key().verify(b"message", &signature));
        }
    }
}

#[test]
fn the_bytes_of_a_signature_are_pinned() {
    // Ed25519 of RFC 8032, made by OpenSSL, over the Blake2b-256 of the message, made by Python.
    let golden = "5e3f3c42cd59023820545f2838eaae16b6138e6ec021d7ef66ee06733666d1ff\
                  6611331c90c1af0bb358c2c70396d92dea33cf283e8dd67a2951425c61938101";
    let secret = SecretKey::from_base58(SECRET).unwrap();
    assert_eq!(hex::encode(secret.sign(&[0, 1, 2, 3]).0), golden);
}

#[test]
fn row_36_the_second_form_of_a_signature_is_refused() {
    for curve in [Curve::Secp256k1, Curve::P256] {
        for seed in 1..20 {
            let secret = secret(curve, seed);
            let signature = secret.sign(b"message");
            let high = with_s(signature, curve, |s, order| order - s);
            assert!(!secret.public_key().verify(b"message", &high), "{curve:?} {seed}");
            assert_eq!(high.with_low_s(curve), signature);
            assert_eq!(signature.with_low_s(curve), signature);
        }
    }
    let signature = secret(Curve::Ed25519, 1).sign(b"message");
    assert_eq!(signature.with_low_s(Curve::Ed25519), signature);
}

#[test]
fn row_36_a_second_scalar_for_the_same_signature_is_refused() {
    // s + L, with L the order of the group: the same point, not canonical.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let secret = SecretKey::from_seed(&[7; 32]);
    let mut signature = secret.sign(b"message");
    let mut carry = 0u16;
    for (byte, add) in signature.0[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert!(!secret.public_key().verify(b"message", &signature));
}

#[test]
fn row_68_halves_out_of_range_are_refused() {
    for curve in [Curve::Secp256k1, Curve::P256] {
        let secret = secret(curve, 7);
        let good = secret.sign(b"message");
        let key = secret.public_key();
        for s in [|_, _| U256::zero(), |_, order| order, |_, _| U256::MAX, |_, order: U256| order + 1] {
            assert!(!key.verify(b"message", &with_s(good, curve, s)));
        }
        let mut zero_r = good;
        zero_r.0[..32].fill(0);
        assert!(!key.verify(b"message", &zero_r));
        assert!(!key.verify(b"message", &Signature([0; 64])));
        assert!(!key.verify(b"message", &Signature([0xff; 64])));
    }
}

#[test]
fn low_ends_at_half_the_order() {
    for curve in [Curve::Secp256k1, Curve::P256] {
        let half = |s: U256, order: U256| (order >> 1) + s;
        for (s, low) in [(0, 0), (1, 0), (2, 1)] {
            let at = |offset: i32| {
                with_s(Signature([0; 64]), curve, |_, order| {
                    if offset < 0 { (order >> 1) - U256::from(-offset) } else { half(offset.into(), order) }
                })
            };
            let expected = if s == 0 { at(0) } else { at(-low) };
            assert_eq!(at(s).with_low_s(curve), expected, "{curve:?} {s}");
        }
    }
}

#[test]
fn secrets_out_of_range_do_not_exist() {
    for curve in [Curve::Secp256k1, Curve::P256, Curve::Bls] {
        assert!(SecretKey::from_bytes(curve, &[0; 32]).is_none());
        assert!(SecretKey::from_bytes(curve, &[0xff; 32]).is_none());
    }
    let encrypted =
        "p2esk2TFqgNcoT4u99ut5doGTUFNwo9x4nNvkpM6YMLqXrt4SbFdQnqLM3hoAXLMB2uZYazj6LZGvcoYzk16H6Et";
    assert_eq!(SecretKey::from_base58(encrypted).err(), Some(TextError::OtherKind));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_key_signs_what_it_verifies(bytes: [u8; 32], message in prop::collection::vec(any::<u8>(), 0..64)) {
        for curve in CURVES {
            let Some(secret) = SecretKey::from_bytes(curve, &bytes) else { continue };
            let (public, signature) = (secret.public_key(), secret.sign(&message));
            prop_assert!(public.is_valid() && public.verify(&message, &signature));
            prop_assert_eq!(PublicKey::from_bytes(&public.to_bytes()), Some(public));
            prop_assert_eq!(PublicKey::from_base58(&public.to_base58()), Ok(public));
        }
    }

    #[test]
    fn any_bytes_are_a_key_or_not_without_panic(bytes: [u8; 33], signature in any::<[[u8; 32]; 2]>()) {
        let signature = Signature(signature.concat().try_into().unwrap());
        let (ed25519, _) = bytes.split_first_chunk::<32>().unwrap();
        for key in [PublicKey::Ed25519(*ed25519), PublicKey::Secp256k1(bytes), PublicKey::P256(bytes)] {
            let _ = key.is_valid();
            prop_assert!(!key.verify(b"message", &signature));
        }
    }
}

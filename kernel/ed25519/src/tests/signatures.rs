use ed25519_dalek::{Signature, Signer, SigningKey};
use num_bigint::BigInt;

use super::zip215::reference;
use super::{Random, bytes, from_hex, of_words, order};
use crate::scalar::words_of_bytes;
use crate::{Key, PreparedKey, verify};

/// Both ways to check, which must agree with each other and with the reference.
fn check(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let valid = verify(key, message, signature);
    let prepared = Key::decode(key);
    assert_eq!(prepared.as_ref().is_some_and(|key| key.verify(message, signature)), valid);
    if let Some(prepared) = prepared {
        assert_eq!(prepared.bytes(), key);
        let again = Key::decode_with_x(key, &prepared.x()).unwrap();
        assert_eq!(again.verify(message, signature), valid);
        let prepared = prepared.prepare();
        assert_eq!(prepared.verify(message, signature), valid);
        assert_eq!(
            (prepared.bytes(), PreparedKey::from_trusted_bytes(&prepared.to_bytes())),
            (key, prepared.clone())
        );
    }
    assert_eq!(reference(key, message, signature), valid, "{key:?} {message:?} {signature:?}");
    valid
}

fn signed(numbers: &mut Random, message: &[u8]) -> ([u8; 32], [u8; 64]) {
    let key = SigningKey::from_bytes(&numbers.bytes());
    (key.verifying_key().to_bytes(), key.sign(message).to_bytes())
}

#[test]
fn vectors_of_rfc_8032() {
    let vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            &[][..],
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            &[0x72][..],
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            &[0xaf, 0x82][..],
        ),
        (
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
            &from_hex::<64>(
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            )[..],
        ),
    ];
    for (key, signature, message) in vectors {
        assert!(check(&from_hex(key), message, &from_hex(signature)));
        assert!(!check(&from_hex(key), b"other", &from_hex(signature)));
    }
}

#[test]
fn signatures_verify_for_their_key_and_message_only() {
    let mut numbers = Random(30);
    for length in 0..300 {
        let message: Vec<u8> = (0..length).map(|_| numbers.next() as u8).collect();
        let (key, signature) = signed(&mut numbers, &message);
        let (other_key, other_signature) = signed(&mut numbers, &message);
        assert!(check(&key, &message, &signature));
        assert!(check(&other_key, &message, &other_signature));
        assert!(!check(&key, &message, &other_signature));
        assert!(!check(&other_key, &message, &signature));
        let mut longer = message.clone();
        longer.push(0);
        assert!(!check(&key, &longer, &signature));
        let [_, s] = signature.as_chunks::<32>().0 else { panic!() };
        let mut mixed = other_signature;
        mixed[32..].copy_from_slice(s);
        assert!(!check(&key, &message, &mixed));
    }
}

#[test]
fn every_flipped_bit_spoils_a_signature() {
    let mut numbers = Random(31);
    let message = numbers.bytes::<40>();
    let (key, signature) = signed(&mut numbers, &message);
    for bit in 0..512 {
        let mut signature = signature;
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!check(&key, &message, &signature), "{bit}");
    }
    for bit in 0..256 {
        let mut key = key;
        key[bit / 8] ^= 1 << (bit % 8);
        assert!(!check(&key, &message, &signature), "{bit}");
    }
    for bit in 0..320 {
        let mut message = message;
        message[bit / 8] ^= 1 << (bit % 8);
        assert!(!check(&key, &message, &signature), "{bit}");
    }
}

#[test]
fn a_scalar_of_l_or_more_is_malformed() {
    let mut numbers = Random(32);
    let with_s = |s: &BigInt, signature: &[u8; 64]| {
        let mut signature = *signature;
        signature[32..].copy_from_slice(&bytes::<32>(s));
        signature
    };
    for _ in 0..50 {
        let (key, signature) = signed(&mut numbers, b"message");
        let [_, s] = signature.as_chunks::<32>().0 else { panic!() };
        let s = of_words(&words_of_bytes::<32, 8>(s));
        assert!(check(&key, b"message", &with_s(&s, &signature)));
        for multiple in 1..15 {
            assert!(!check(&key, b"message", &with_s(&(&s + order() * multiple), &signature)));
        }
        for edge in [order() - 1, order(), order() + 1, BigInt::from(0), (BigInt::from(1) << 256) - 1] {
            assert!(!check(&key, b"message", &with_s(&edge, &signature)));
        }
    }
}

#[test]
fn what_is_valid_strictly_is_valid_and_arbitrary_bytes_agree() {
    let mut numbers = Random(33);
    let mut decoded = 0;
    for _ in 0..500 {
        let (key, message): ([u8; 32], [u8; 32]) = (numbers.bytes(), numbers.bytes());
        let mut signature: [u8; 64] = numbers.bytes();
        signature[63] &= 0x0f;
        decoded += u32::from(Key::decode(&key).is_some());
        check(&key, &message, &signature);
    }
    assert!((200..300).contains(&decoded), "{decoded}");
    for _ in 0..100 {
        let message: [u8; 32] = numbers.bytes();
        let (key, signature) = signed(&mut numbers, &message);
        let strict = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
        assert!(strict.verify_strict(&message, &Signature::from_bytes(&signature)).is_ok());
        assert!(check(&key, &message, &signature));
        assert!(!Key::decode(&key).unwrap().is_small_order());
    }
}

#[test]
fn one_key_checks_many() {
    let mut numbers = Random(34);
    let signer = SigningKey::from_bytes(&numbers.bytes());
    let key = Key::decode(&signer.verifying_key().to_bytes()).unwrap();
    for length in 0..50 {
        let mut message = vec![7; length];
        let signature = signer.sign(&message).to_bytes();
        assert!(key.verify(&message, &signature));
        message.push(1);
        assert!(!key.verify(&message, &signature));
    }
}

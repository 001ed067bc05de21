use super::{Failure, GAS, address, call_in, hex};
use crate::precompile::run;
use alloc::vec::Vec;
use millrace_primitives::Fork;

/// A versioned hash, a point, a value, the commitment of a polynomial of degree 1 under the set-up of the ceremony, and
/// the proof: the second point of the set-up and the generator are all that it takes to make them.
const VALID: &str =
    "012edc80f2add3c8ee810ee916092551756a26b4ad2b15dc64aadf20645efd3029e7fe618be119592cae0c4542ddd793
     8f22ef57ce448d66d33eb4e6b3e6c1bf22095184f3644ecc1a4e4ef6f5978498331f6eb32b4827f7d03b29a9dc2762f8
     87366d08d78fe2eb8f158c7efcff1e01ea78814a45bc2fcaa3b54f64ca6a6eb1a73534271446e11650bb3dea22e204f7
     b93b1ae7a8fb629ec03a7fc18943ec1298f22dda4954f1dc272bfd7272e1d75be300233129aefb9b54b16bfa79953e7a";

/// The zero polynomial: commitment and proof are the point at infinity.
const ZERO: &str =
    "010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014623ce31cf9759a5c8daf3a357992f9f3
     dd7f9339d8998bc8e68373e54f00b75e0000000000000000000000000000000000000000000000000000000000000000
     c00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     c00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";

fn expected() -> Vec<u8> {
    hex("0000000000000000000000000000000000000000000000000000000000001000
         73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
}

#[test]
fn proofs_are_verified() {
    assert_eq!(call_in(Fork::Cancun, 10, &hex(VALID)), (50_000, expected()));
    assert_eq!(call_in(Fork::Osaka, 10, &hex(ZERO)), (50_000, expected()));
}

#[test]
fn whatever_is_changed_fails() {
    for valid in [hex(VALID), hex(ZERO)] {
        for place in [0, 31, 63, 95, 96, 97, 143, 144, 145, 191] {
            // The zero polynomial is zero at every point.
            if place == 63 && valid == hex(ZERO) {
                continue;
            }
            let mut input = valid.clone();
            input[place] ^= 1;
            let outcome = run(Fork::Cancun, address(10), &input, GAS);
            assert_eq!(outcome, Err(Failure::BadInput), "byte {place}");
        }
        for input in [&valid[..191], &[&valid[..], &[0]].concat(), &[]] {
            assert_eq!(run(Fork::Cancun, address(10), input, GAS), Err(Failure::BadInput));
        }
        // Points and values of the order or more.
        for place in [32, 64] {
            let mut input = valid.clone();
            input[place..place + 32].copy_from_slice(&expected()[32..]);
            assert_eq!(run(Fork::Cancun, address(10), &input, GAS), Err(Failure::BadInput));
        }
    }
}

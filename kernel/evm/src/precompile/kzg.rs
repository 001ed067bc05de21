//! 0x0a: whether a polynomial, known by its commitment, has a value at a point (EIP-4844, "Point evaluation
//! precompile").
//!
//! Of the public ceremony's set-up only τ times the generator of G2 is needed.

use super::{Failure, Output, charge};
use alloc::vec::Vec;
use millrace_curves::Affine;
use millrace_curves::bls12_381::{Fq2, G1, G2, decompress, is_product_one, multiply_sum_g1};
use sha2::{Digest, Sha256};

/// Versioned hash, point and value in 32 bytes each, commitment and proof in 48.
const INPUT_BYTES: usize = 192;

/// What a versioned hash of a KZG commitment begins with.
const VERSION: u8 = 1;

/// `FIELD_ELEMENTS_PER_BLOB`, which is returned.
const ELEMENTS: u16 = 4_096;

/// The order of the groups, big-endian: points and values are below.
const ORDER: [u8; 32] = [
    0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8, 0x08, 0x09, 0xa1, 0xd8, 0x05, 0x53,
    0xbd, 0xa4, 0x02, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
];

/// τ times the generator: the second point in monomial form of `trusted_setup_4096.json` of the consensus
/// specifications.
const TAU: Affine<G2> = Affine {
    x: Fq2::from_digits(
        "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2",
        "15bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72",
    ),
    y: Fq2::from_digits(
        "014353bdb96b626dd7d5ee8599d1fca2131569490e28de18e82451a496a9c9794ce26d105941f383ee689bfbbb832a99",
        "1666c54b0a32529503432fcae0181b4bef79de09fc63671fda5ed1ba9bfa07899495346f3d7ac9cd23048ef30d0a154f",
    ),
};

pub(super) fn run(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 50_000;
    charge(COST, gas)?;
    let input: &[u8; INPUT_BYTES] = input.try_into().map_err(|_| Failure::BadInput)?;
    if holds(input) != Some(true) {
        return Err(Failure::BadInput);
    }
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&[0; 30]);
    bytes.extend_from_slice(&ELEMENTS.to_be_bytes());
    bytes.extend_from_slice(&ORDER);
    Ok(Output { gas: COST, bytes })
}

/// Whether the proof proves; `None` for what is malformed.
fn holds(input: &[u8; INPUT_BYTES]) -> Option<bool> {
    let (hash, rest) = input.split_first_chunk::<32>()?;
    let (point, rest) = rest.split_first_chunk::<32>()?;
    let (value, rest) = rest.split_first_chunk::<32>()?;
    let (commitment, rest) = rest.split_first_chunk::<48>()?;
    let proof: &[u8; 48] = rest.try_into().ok()?;

    let mut expected: [u8; 32] = Sha256::digest(commitment).into();
    expected[0] = VERSION;
    if expected != *hash || *point >= ORDER || *value >= ORDER {
        return None;
    }
    Some(is_proof((decompress(commitment)?, decompress(proof)?), point, value))
}

/// e(proof, (τ - z) G2) = e(commitment - y G1, G2), written as e(proof, τ G2) e(commitment - y G1 + z proof, -G2)
/// = 1, so that nothing is multiplied on the twist.
fn is_proof(
    (commitment, proof): (Option<Affine<G1>>, Option<Affine<G1>>),
    point: &[u8; 32],
    value: &[u8; 32],
) -> bool {
    let mut terms = Vec::from([(Affine::<G1>::GENERATOR.negated(), *value)]);
    terms.extend(proof.map(|proof| (proof, *point)));
    let sum = match (multiply_sum_g1(&terms), commitment) {
        (Some(sum), Some(commitment)) => sum.plus(&commitment),
        (sum, commitment) => sum.or(commitment),
    };
    let mut pairs = Vec::new();
    pairs.extend(proof.map(|proof| (proof, TAU)));
    pairs.extend(sum.map(|sum| (sum, Affine::<G2>::GENERATOR.negated())));
    is_product_one(&pairs)
}

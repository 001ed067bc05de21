//! A loop over each precompile.

use super::Program;
use crate::code::{POP, call, push, repeat, store};

const SIGNED: &str = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c\
000000000000000000000000000000000000000000000000000000000000001c\
73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";
/// The generators of alt_bn128 (EIP-197).
const BN_G1: &str = "00000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000002";
const BN_MINUS_G1: &str = "000000000000000000000000000000000000000000000000000000000000000130644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45";
const BN_G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

/// The generators of BLS12-381 (EIP-2537), without the zeros that pad each coordinate.
const BLS_G1: [&str; 2] = [
    "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
    "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
];
const BLS_G2: [&str; 4] = [
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8",
    "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e",
    "0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801",
    "0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be",
];

fn bls(coordinates: &[&str]) -> Vec<u8> {
    coordinates.iter().flat_map(|text| [vec![0; 16], bytes(text)].concat()).collect()
}

fn bls_products(coordinates: &[&str], pairs: usize) -> Vec<u8> {
    [bls(coordinates), vec![0xff; 32]].concat().repeat(pairs)
}

fn bls_pairs(pairs: usize) -> Vec<u8> {
    [bls(&BLS_G1), bls(&BLS_G2)].concat().repeat(pairs)
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_default()
}

fn program(name: &'static str, number: u64, input: &[u8], gas: u64) -> Program {
    let body = [call(0xfa, &push(number), input.len()), vec![POP]].concat();
    Program {
        gas: (40 * gas).clamp(2_000_000, 24_000_000),
        ..Program::of(name, repeat(&store(input), &body, gas + 120))
    }
}

/// Numbers of this many bytes with every bit set: base, exponent and an odd modulus.
fn modexp(base: usize, exponent: usize, modulus: usize) -> Vec<u8> {
    let mut out = vec![0; 96];
    for (index, size) in [base, exponent, modulus].into_iter().enumerate() {
        out[32 * index + 24..32 * index + 32].copy_from_slice(&(size as u64).to_be_bytes());
    }
    out.extend(vec![0xff; base + exponent + modulus]);
    out
}

fn blake2f(rounds: u32) -> Vec<u8> {
    [&rounds.to_be_bytes()[..], &[0x5a; 208], &[1]].concat()
}

fn pairing(pairs: usize) -> Vec<u8> {
    let pair = |index: usize| {
        [bytes(if index.is_multiple_of(2) { BN_G1 } else { BN_MINUS_G1 }), bytes(BN_G2)].concat()
    };
    (0..pairs).flat_map(pair).collect()
}

/// All that are there.
pub(super) fn all() -> Vec<Program> {
    let scalar = [bytes(BN_G1), vec![0xff; 32]].concat();
    vec![
        program("ecrecover", 1, &bytes(SIGNED), 3_000),
        program("sha256 of 1 KB", 2, &[7; 1_024], 60 + 12 * 32),
        program("ripemd160 of 1 KB", 3, &[7; 1_024], 600 + 120 * 32),
        program("modexp, 32 bytes, exponent 32 bytes", 5, &modexp(32, 32, 32), 4_080),
        program("modexp, 32 bytes, exponent 1 byte", 5, &modexp(32, 1, 32), 500),
        program("modexp, 64 bytes, exponent 8 bytes", 5, &modexp(64, 8, 64), 8_064),
        program("modexp, 256 bytes, exponent 32 bytes", 5, &modexp(256, 32, 256), 522_240),
        program("modexp, 1,024 bytes, exponent 1 byte", 5, &modexp(1_024, 1, 1_024), 229_376),
        program("bn254 addition", 6, &[bytes(BN_G1), bytes(BN_G1)].concat(), 150),
        program("bn254 multiplication", 7, &scalar, 6_000),
        program("bn254 pairing, 1 pair", 8, &pairing(1), 79_000),
        program("bn254 pairing, 8 pairs", 8, &pairing(8), 317_000),
        program("blake2f, 1 round", 9, &blake2f(1), 1),
        program("blake2f, 10,000 rounds", 9, &blake2f(10_000), 10_000),
        program("BLS G1 addition", 0x0b, &bls(&BLS_G1).repeat(2), 375),
        program("BLS G1 MSM, 1 pair", 0x0c, &bls_products(&BLS_G1, 1), 12_000),
        program("BLS G1 MSM, 128 pairs", 0x0c, &bls_products(&BLS_G1, 128), 797_184),
        program("BLS G2 addition", 0x0d, &bls(&BLS_G2).repeat(2), 600),
        program("BLS G2 MSM, 1 pair", 0x0e, &bls_products(&BLS_G2, 1), 22_500),
        program("BLS pairing, 1 pair", 0x0f, &bls_pairs(1), 70_300),
        program("BLS pairing, 8 pairs", 0x0f, &bls_pairs(8), 298_500),
        program("BLS map to G1", 0x10, &[vec![0; 17], vec![7; 47]].concat(), 5_500),
        program("BLS map to G2", 0x11, &[vec![0; 17], vec![7; 47]].concat().repeat(2), 23_800),
        program("P-256, no signature", 0x100, &[7; 160], 6_900),
    ]
}

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
    ]
}

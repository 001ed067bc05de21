//! What precompiles are fed: now and then something that they accept.

use fastrand::Rng;

/// A signature with its digest, for address 1 (from the tests of go-ethereum, `ecrecover.json`).
const SIGNED: &str = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c\
000000000000000000000000000000000000000000000000000000000000001c\
73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";

/// The generators of alt_bn128 (EIP-197), the first one negated as well: their pairings multiply to one.
const ONE_G1: &str = "00000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000002";
const MINUS_G1: &str = "000000000000000000000000000000000000000000000000000000000000000130644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45";
const ONE_G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
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

/// A point with its padding; now and then the one at infinity.
fn bls_point(rng: &mut Rng, coordinates: &[&str]) -> Vec<u8> {
    if rng.u8(0..5) == 0 {
        return vec![0; 64 * coordinates.len()];
    }
    coordinates.iter().flat_map(|text| [vec![0; 16], bytes(text)].concat()).collect()
}

fn bls(rng: &mut Rng, number: u16) -> Vec<u8> {
    let count = rng.usize(1..3);
    let mut out = vec![];
    for _ in 0..count {
        match number {
            0x0b => out.extend(bls_point(rng, &BLS_G1)),
            0x0d => out.extend(bls_point(rng, &BLS_G2)),
            0x0c => out.extend([bls_point(rng, &BLS_G1), random(rng, 32)].concat()),
            0x0e => out.extend([bls_point(rng, &BLS_G2), random(rng, 32)].concat()),
            0x0f => out.extend([bls_point(rng, &BLS_G1), bls_point(rng, &BLS_G2)].concat()),
            _ => out.extend(
                [vec![0; 16], (0..48).map(|at| if at == 0 { 0 } else { rng.u8(..) }).collect()].concat(),
            ),
        }
    }
    out
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_default()
}

/// A few bytes, many of them zero.
pub(crate) fn random(rng: &mut Rng, most: usize) -> Vec<u8> {
    let size = rng.usize(0..=most);
    let zeros = rng.u8(0..4);
    (0..size).map(|_| if rng.u8(0..4) < zeros { 0 } else { rng.u8(..) }).collect()
}

fn word(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// Lengths mostly small, sometimes of no machine.
fn modexp(rng: &mut Rng) -> Vec<u8> {
    let mut out = vec![];
    let mut sizes = 0;
    for _ in 0..3 {
        let size = match rng.u8(0..20) {
            0 => rng.u64(..),
            1 => 1_024,
            2 => 1_025,
            3 => 0,
            _ => rng.u64(0..70),
        };
        out.extend_from_slice(&word(size));
        sizes += usize::try_from(size.min(1_100)).unwrap_or_default();
    }
    out.extend(random(rng, sizes));
    out
}

fn blake2f(rng: &mut Rng) -> Vec<u8> {
    let mut out = vec![0, 0, rng.u8(0..4), rng.u8(..)];
    out.extend((0..208).map(|_| rng.u8(..)));
    out.push(rng.u8(0..3));
    out
}

fn pairing(rng: &mut Rng) -> Vec<u8> {
    let pairs = rng.usize(0..3);
    (0..pairs)
        .flat_map(|_| [bytes(if rng.bool() { ONE_G1 } else { MINUS_G1 }), bytes(ONE_G2)].concat())
        .collect()
}

/// Input for the precompile at this address.
pub(crate) fn of_precompile(rng: &mut Rng, number: u16) -> Vec<u8> {
    let mut input = match number {
        1 => bytes(SIGNED),
        5 => modexp(rng),
        6 => [bytes(ONE_G1), bytes(if rng.bool() { ONE_G1 } else { MINUS_G1 })].concat(),
        7 => [bytes(ONE_G1), random(rng, 32)].concat(),
        8 => pairing(rng),
        9 => blake2f(rng),
        0x0b..=0x11 => bls(rng, number),
        0x0a => (0..192).map(|_| rng.u8(..)).collect(),
        0x100 => (0..160).map(|_| rng.u8(..)).collect(),
        _ => random(rng, 200),
    };
    // One in four is broken: a byte changed, cut, or longer.
    match rng.u8(0..12) {
        0 if !input.is_empty() => {
            let at = rng.usize(0..input.len());
            input[at] ^= 1 << rng.u8(0..8);
        }
        1 => input.truncate(rng.usize(0..=input.len())),
        2 => input.extend(random(rng, 40)),
        _ => {}
    }
    input
}

mod bls12_381;
mod kzg;
mod p256;

use super::{Failure, is_precompile, run};
use crate::keccak::keccak;
use alloc::vec;
use alloc::vec::Vec;
use millrace_primitives::{Address, Fork, H160};
use proptest::prelude::*;

const GAS: u64 = 30_000_000;

fn address(number: u16) -> Address {
    let mut address = H160::zero();
    address.0[18..].copy_from_slice(&number.to_be_bytes());
    address
}

fn at(number: u8) -> Address {
    address(u16::from(number))
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap()
}

/// Runs with plenty of gas, and once more with exactly what it took and with one less.
fn call_in(fork: Fork, number: u16, input: &[u8]) -> (u64, Vec<u8>) {
    let output = run(fork, address(number), input, GAS).unwrap();
    assert_eq!(run(fork, address(number), input, output.gas).as_ref(), Ok(&output));
    if let Some(less) = output.gas.checked_sub(1) {
        assert_eq!(run(fork, address(number), input, less), Err(Failure::OutOfGas));
    }
    (output.gas, output.bytes)
}

fn call(number: u8, input: &[u8]) -> (u64, Vec<u8>) {
    call_in(Fork::Cancun, u16::from(number), input)
}

#[test]
fn each_fork_has_its_own() {
    let numbers =
        |fork| (0..=0x1ff).filter(|number| is_precompile(fork, address(*number))).collect::<Vec<u16>>();
    assert_eq!(numbers(Fork::Shanghai), (1..=9).collect::<Vec<_>>());
    assert_eq!(numbers(Fork::Cancun), (1..=0x0a).collect::<Vec<_>>());
    assert_eq!(numbers(Fork::Prague), (1..=0x11).collect::<Vec<_>>());
    assert_eq!(numbers(Fork::Osaka), (1..=0x11).chain([0x100]).collect::<Vec<_>>());
    for number in [1, 0x100] {
        let mut far = address(number);
        far.0[0] = 1;
        assert!(!is_precompile(Fork::Osaka, far));
    }
}

/// A digest, `v`, `r` and `s`, and the address that signed.
const SIGNED: (&str, &str) = (
    "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3
     000000000000000000000000000000000000000000000000000000000000001c
     9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608
     4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
    "0000000000000000000000007156526fbd7a3c72969b54f64e42c10fbb768c8a",
);

#[test]
fn a_signer_is_recovered() {
    let input = hex(SIGNED.0);
    assert_eq!(call(1, &input), (3_000, hex(SIGNED.1)));
    // What follows does not count.
    assert_eq!(call(1, &[input.as_slice(), &[7; 40]].concat()).1, hex(SIGNED.1));
}

#[test]
fn no_signer_is_no_output() {
    let nobody = (3_000, Vec::new());
    assert_eq!(call(1, &[]), nobody);
    for (place, value) in [(63, 26), (63, 29), (32, 1)] {
        let mut input = hex(SIGNED.0);
        input[place] = value;
        assert_eq!(call(1, &input), nobody, "byte {place}");
    }
    for field in [64..96, 96..128] {
        for byte in [0x00, 0xff] {
            let mut input = hex(SIGNED.0);
            input[field.clone()].fill(byte);
            assert_eq!(call(1, &input), nobody);
        }
    }
}

#[test]
fn a_high_s_is_recovered_too() {
    // s -> order - s and the other parity: the same signer (EIP-2 binds transactions only).
    let mut input = hex(SIGNED.0);
    input[63] = 0x1b;
    input[96..].copy_from_slice(&hex("b0751c428acadb72f42bb7d6733d1df79c5843b9a7d3c407b39bd3a37fb11667"));
    assert_eq!(call(1, &input).1, hex(SIGNED.1));
}

#[test]
fn hashes_hash() {
    assert_eq!(call(2, b""), (60, hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")));
    assert_eq!(call(2, &[0; 33]).0, 60 + 2 * 12);
    assert_eq!(call(3, b""), (600, hex("0000000000000000000000009c1185a5c5e9fc54612808977ee8f548b2258d31")));
    assert_eq!(
        call(3, b"abc"),
        (720, hex("0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc"))
    );
    assert_eq!(call(4, b"abc"), (18, b"abc".to_vec()));
    assert_eq!(call(4, &[9; 64]), (21, vec![9; 64]));
}

/// Sizes and values of a modular exponentiation.
fn modexp_input(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in [base, exponent, modulus] {
        out.extend([0; 24]);
        out.extend((part.len() as u64).to_be_bytes());
    }
    [out.as_slice(), base, exponent, modulus].concat()
}

#[test]
fn modexp_agrees_with_the_examples_of_its_eips() {
    // Fermat: 3^(p-1) mod p for the prime of secp256k1 (EIP-198), 1,360 gas (EIP-2565).
    let p = hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");
    let mut less = p.clone();
    less[31] -= 1;
    let mut one = vec![0; 32];
    one[31] = 1;
    assert_eq!(call(5, &modexp_input(&[3], &less, &p)), (1_360, one));
    // No base, no exponent: 0^0 is one.
    assert_eq!(call(5, &modexp_input(&[], &[], &[2])), (200, vec![1]));
    assert_eq!(call(5, &modexp_input(&[5], &[0], &[1])), (200, vec![0]));
    assert_eq!(call(5, &modexp_input(&[5], &[3], &[0, 0])), (200, vec![0, 0]));
    assert_eq!(call(5, &[]), (200, Vec::new()));
    // What is missing at the end is zeros: 3^0x8000…00 mod 2^255.
    let mut short = modexp_input(&[3], &[0xff, 0xff], &[0x80]);
    short[95] = 0x20;
    let (_, out) = call(5, &short);
    assert_eq!(
        out,
        hex("3b01b01ac41f2d6e917c6d6a221ce793802469026d9ab7578fa2e79e4da6aaab"),
        "the first example of EIP-198 that relies on padding"
    );
}

#[test]
fn modexp_has_bounds_and_other_prices_from_osaka() {
    let osaka = |input: &[u8]| call_in(Fork::Osaka, 5, input);
    // EIP-7883: at least 500; 16 for each bit of the exponent up to 32 bytes; twice the square of the words above.
    assert_eq!(osaka(&[]), (500, Vec::new()));
    assert_eq!(osaka(&modexp_input(&[3], &[2], &[5])), (500, vec![4]));
    assert_eq!(osaka(&modexp_input(&[3], &[0xff; 32], &[0xfb; 32])).0, 16 * 255);
    assert_eq!(osaka(&modexp_input(&[3], &[0xff; 33], &[0xfb; 32])).0, 16 * (255 + 16));
    assert_eq!(osaka(&modexp_input(&[3], &[0xff; 32], &[0xfb; 33])).0, 2 * 25 * 255);
    assert_eq!(osaka(&modexp_input(&[0; 1_024], &[3], &[])).0, 2 * 128 * 128);
    // The price does not vanish with base and modulus.
    assert_eq!(osaka(&modexp_input(&[], &[0xff; 1_024], &[])), (16 * (992 * 16 + 255), Vec::new()));
    // EIP-7823: up to 1,024 bytes each.
    for sizes in [[1_025, 0, 0], [0, 1_025, 0], [0, 0, 1_025]] {
        let [base, exponent, modulus] = sizes.map(|size| vec![0; size]);
        let input = modexp_input(&base, &exponent, &modulus);
        assert_eq!(run(Fork::Osaka, at(5), &input, GAS), Err(Failure::BadInput));
        assert!(run(Fork::Prague, at(5), &input, GAS).is_ok());
    }
}

#[test]
fn modexp_of_sizes_beyond_all_gas_fails() {
    for place in [0, 32, 64] {
        let mut input = modexp_input(&[3], &[0xff; 40], &[7]);
        input[place] = 0xff;
        assert_eq!(run(Fork::Cancun, at(5), &input, GAS), Err(Failure::OutOfGas), "size at {place}");
        let mut input = modexp_input(&[3], &[0xff; 40], &[7]);
        input[place + 27] = 1;
        assert_eq!(run(Fork::Cancun, at(5), &input, GAS), Err(Failure::OutOfGas), "size at {place}");
    }
    // No base and no modulus: nothing to compute, whatever the exponent is said to be.
    let mut input = modexp_input(&[], &[], &[]);
    input[32] = 0xff;
    assert_eq!(call(5, &input), (200, Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn short_and_long_exponents_agree(base in any::<u64>(), exponent in 0u32..0x3_ffff, modulus in 1u64..) {
        let (_, out) = call(
            5,
            &modexp_input(&base.to_be_bytes(), &exponent.to_be_bytes(), &modulus.to_be_bytes()),
        );
        let mut expected = 1 % u128::from(modulus);
        for bit in (0..32).rev() {
            expected = expected * expected % u128::from(modulus);
            if exponent >> bit & 1 == 1 {
                expected = expected * u128::from(base) % u128::from(modulus);
            }
        }
        prop_assert_eq!(out, (expected as u64).to_be_bytes());
    }
}

const P: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
const ORDER: &str = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";

/// The point (1, 2), and its double.
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001
                   0000000000000000000000000000000000000000000000000000000000000002";
const TWO: &str = "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3
                   15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4";
/// The opposite of (1, 2).
const MINUS_ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001
                         30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45";
/// The generator of the twist.
const TWIST: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2
                     1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed
                     090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b
                     12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

fn word(last: u8) -> Vec<u8> {
    let mut out = vec![0; 32];
    out[31] = last;
    out
}

#[test]
fn points_add() {
    assert_eq!(call(6, &[hex(ONE), hex(ONE)].concat()), (150, hex(TWO)));
    assert_eq!(call(6, &[hex(ONE), hex(MINUS_ONE)].concat()).1, vec![0; 64]);
    // Infinity is zeros, and so is what is missing.
    assert_eq!(call(6, &hex(ONE)).1, hex(ONE));
    assert_eq!(call(6, &[]).1, vec![0; 64]);
    assert_eq!(run(Fork::Cancun, at(6), &[word(1), word(1)].concat(), GAS), Err(Failure::BadInput));
    assert_eq!(run(Fork::Cancun, at(6), &[hex(P), word(0)].concat(), GAS), Err(Failure::BadInput));
    assert_eq!(run(Fork::Cancun, at(6), &[word(0), hex(P)].concat(), GAS), Err(Failure::BadInput));
}

#[test]
fn points_multiply() {
    assert_eq!(call(7, &[hex(ONE), word(2)].concat()), (6_000, hex(TWO)));
    assert_eq!(call(7, &[hex(ONE), hex(ORDER)].concat()).1, vec![0; 64]);
    assert_eq!(call(7, &[hex(ONE), word(0)].concat()).1, vec![0; 64]);
    assert_eq!(call(7, &hex(ONE)).1, vec![0; 64]);
    // Scalars are taken modulo the order: 2^256 - 1, five orders and some.
    let reduced = hex("0e0a77c19a07df2f666ea36f7879462e36fc76959f60cd29ac96341c4ffffffa");
    assert_eq!(call(7, &[hex(ONE), vec![0xff; 32]].concat()).1, call(7, &[hex(ONE), reduced].concat()).1);
    assert_eq!(run(Fork::Cancun, at(7), &[word(1), word(1), word(1)].concat(), GAS), Err(Failure::BadInput));
}

#[test]
fn pairings_are_checked() {
    assert_eq!(call(8, &[]), (45_000, word(1)));
    let cancelling = [hex(ONE), hex(TWIST), hex(MINUS_ONE), hex(TWIST)].concat();
    assert_eq!(call(8, &cancelling), (113_000, word(1)));
    assert_eq!(call(8, &[hex(ONE), hex(TWIST)].concat()), (79_000, word(0)));
    // A point at infinity pairs to one.
    assert_eq!(call(8, &[vec![0; 64], hex(TWIST)].concat()).1, word(1));
    assert_eq!(call(8, &[hex(ONE), vec![0; 128]].concat()).1, word(1));
    let mut short = cancelling;
    short.pop();
    assert_eq!(run(Fork::Cancun, at(8), &short, GAS), Err(Failure::BadInput));
    let mut off_the_twist = [hex(ONE), hex(TWIST)].concat();
    off_the_twist[191] ^= 1;
    assert_eq!(run(Fork::Cancun, at(8), &off_the_twist, GAS), Err(Failure::BadInput));
}

/// BLAKE2b of "abc" as one call of F: rounds, state, message, offset, last-block flag (EIP-152).
fn blake2f_input(rounds: u32) -> Vec<u8> {
    let mut message = vec![0; 128];
    message[..3].copy_from_slice(b"abc");
    [
        rounds.to_be_bytes().to_vec(),
        hex("48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5
             d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b"),
        message,
        hex("0300000000000000 0000000000000000 01"),
    ]
    .concat()
}

#[test]
fn blake2f_agrees_with_the_examples_of_its_eip() {
    let abc = hex("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1
                   7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    assert_eq!(call(9, &blake2f_input(12)), (12, abc));
    let none = hex("08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5
                    d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b");
    assert_eq!(call(9, &blake2f_input(0)), (0, none));
    let not_last = hex("75ab69d3190a562c51aef8d88f1c2775876944407270c42c9844252c26d28752
                        98743e7f6d5ea2f2d3e8d226039cd31b4e426ac4f2d3d666a610c2116fde4735");
    let mut input = blake2f_input(12);
    input[212] = 0;
    assert_eq!(call(9, &input).1, not_last);
    input[212] = 2;
    assert_eq!(run(Fork::Cancun, at(9), &input, GAS), Err(Failure::BadInput));
    input.pop();
    assert_eq!(run(Fork::Cancun, at(9), &input, GAS), Err(Failure::BadInput));
    // As many rounds as there is no gas for.
    assert_eq!(run(Fork::Cancun, at(9), &blake2f_input(u32::MAX), GAS), Err(Failure::OutOfGas));
}

#[test]
fn keccak_is_the_one_of_ethereum() {
    assert_eq!(keccak(b""), millrace_primitives::EMPTY_CODE_HASH);
}

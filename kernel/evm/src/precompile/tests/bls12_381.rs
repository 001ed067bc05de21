use super::{Failure, GAS, address, call_in, hex};
use crate::precompile::run;
use alloc::vec;
use alloc::vec::Vec;
use millrace_primitives::Fork;

/// Address, name, gas, input and output, from the execution-spec tests of EIP-2537.
const VECTORS: &str = include_str!("bls12_381.txt");

/// The generator of G1 and p.
const ONE: &str = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb
                   0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
const P: &str = "000000000000000000000000000000001a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

fn vectors() -> impl Iterator<Item = (u16, &'static str, u64, Vec<u8>, Vec<u8>)> {
    VECTORS.lines().map(|line| {
        let [number, name, gas, input, output] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("five fields: {line}")
        };
        let number = u16::from_str_radix(&number[2..], 16).unwrap();
        (number, name, gas.parse().unwrap(), hex(input), hex(output))
    })
}

#[test]
fn vectors_agree() {
    let mut count = 0;
    for (number, name, gas, input, output) in vectors() {
        assert_eq!(call_in(Fork::Prague, number, &input), (gas, output), "{name}");
        count += 1;
    }
    assert_eq!(count, 20);
}

#[test]
fn inputs_have_one_length() {
    for (number, name, _, input, _) in vectors() {
        for input in [&input[1..], &[&input[..], &[0]].concat(), &[]] {
            let outcome = run(Fork::Osaka, address(number), input, GAS);
            assert_eq!(outcome, Err(Failure::BadInput), "{name}");
        }
    }
}

/// A bit in any place makes a number that is no coordinate, a point off the curve, or one that is not in the group; but
/// it may be a good scalar, and every element maps to a point.
#[test]
fn damaged_points_fail() {
    for (number, name, _, input, _) in vectors().filter(|vector| vector.0 < 0x10) {
        for at in (0..input.len()).step_by(13) {
            let is_scalar = number == 0x0e && at % 288 >= 256;
            let mut input = input.clone();
            input[at] ^= 1;
            let outcome = run(Fork::Prague, address(number), &input, GAS);
            assert_eq!(outcome.is_ok(), is_scalar, "{name}, byte {at}");
        }
    }
}

#[test]
fn numbers_of_the_prime_or_more_fail() {
    for number in [0x10, 0x11] {
        let zeros = if number == 0x10 { vec![] } else { vec![0; 64] };
        let input = [hex(P), zeros].concat();
        assert_eq!(run(Fork::Prague, address(number), &input, GAS), Err(Failure::BadInput));
        let mut input = vec![0; input.len()];
        input[15] = 1;
        assert_eq!(run(Fork::Prague, address(number), &input, GAS), Err(Failure::BadInput));
    }
    let off_by_p = [hex(P), vec![0; 192]].concat();
    assert_eq!(run(Fork::Prague, address(0x0b), &off_by_p, GAS), Err(Failure::BadInput));
}

#[test]
fn products_sum_up() {
    let term = |scalar: u8| [hex(ONE), vec![0; 31], vec![scalar]].concat();
    let (_, sum) = call_in(Fork::Prague, 0x0b, &[hex(ONE), hex(ONE)].concat());
    // 2 products at 949 thousandths, and 3 at 848.
    assert_eq!(call_in(Fork::Prague, 0x0c, &[term(1), term(1)].concat()), (22_776, sum.clone()));
    assert_eq!(call_in(Fork::Prague, 0x0c, &term(2)), (12_000, sum.clone()));
    let with_infinity = [term(2), vec![0; 128], vec![0xff; 32], term(0)].concat();
    assert_eq!(call_in(Fork::Prague, 0x0c, &with_infinity), (30_528, sum));
    assert_eq!(call_in(Fork::Prague, 0x0c, &[hex(ONE), hex(ORDER)].concat()).1, vec![0; 128]);
    // 129 products: the last discount serves.
    let many = term(1).repeat(129);
    assert_eq!(call_in(Fork::Prague, 0x0c, &many).0, 129 * 12_000 * 519 / 1_000);
}

/// Damage in a later pair is found too, and a bad point beside one at infinity.
#[test]
fn pairs_with_infinity_are_checked() {
    let mut bad = hex(ONE);
    bad[127] ^= 1;
    let input = [bad, vec![0; 256]].concat();
    assert_eq!(run(Fork::Prague, address(0x0f), &input, GAS), Err(Failure::BadInput));
    let mut bad = vec![0; 256];
    bad[255] = 1;
    let input = [hex(ONE), vec![0; 256], vec![0; 128], bad].concat();
    assert_eq!(run(Fork::Prague, address(0x0f), &input, GAS), Err(Failure::BadInput));
}

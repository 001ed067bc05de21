use super::{Failure, GAS, address, call_in, hex, word};
use crate::precompile::run;
use alloc::vec::Vec;
use millrace_primitives::Fork;

/// Digest, r, s and key: the first vector of RIP-7212, which EIP-7951 keeps.
const SIGNED: &str = "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d
                      a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac
                      36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60
                      4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3
                      7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e";

#[test]
fn signatures_verify() {
    assert_eq!(call_in(Fork::Osaka, 0x100, &hex(SIGNED)), (6_900, word(1)));
}

#[test]
fn all_else_gives_nothing_and_costs_the_same() {
    let nothing = (6_900, Vec::new());
    let signed = hex(SIGNED);
    for place in [0, 31, 32, 63, 64, 95, 96, 127, 128, 159] {
        let mut input = signed.clone();
        input[place] ^= 1;
        assert_eq!(call_in(Fork::Osaka, 0x100, &input), nothing, "byte {place}");
    }
    for field in 1..5 {
        for byte in [0x00, 0xff] {
            let mut input = signed.clone();
            input[32 * field..32 * field + 32].fill(byte);
            assert_eq!(call_in(Fork::Osaka, 0x100, &input), nothing);
        }
    }
    for input in [&signed[..159], &[&signed[..], &[0]].concat(), &[]] {
        assert_eq!(call_in(Fork::Osaka, 0x100, input), nothing);
    }
    assert_eq!(run(Fork::Osaka, address(0x100), &[], 6_899), Err(Failure::OutOfGas));
    assert_eq!(run(Fork::Prague, address(0x100), &signed, GAS), Err(Failure::BadInput));
}

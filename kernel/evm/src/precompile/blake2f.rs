//! 0x09: the compression function F of BLAKE2b (EIP-152, RFC 7693 section 3.2).

use super::{Failure, Output, charge};
use alloc::vec::Vec;

/// The initial vector of BLAKE2b.
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// Rounds (big-endian) 4, state 64, message 128, offset 16 (all little-endian words), last-block flag 1.
const INPUT_BYTES: usize = 213;

/// One gas a round, so a call can buy at most as many rounds as it has gas.
pub(super) fn run(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let input: &[u8; INPUT_BYTES] = input.try_into().map_err(|_| Failure::BadInput)?;
    let (rounds, rest) = input.split_first_chunk::<4>().ok_or(Failure::BadInput)?;
    let (words, flag) = rest.split_at_checked(208).ok_or(Failure::BadInput)?;
    let is_last = match flag {
        [0] => false,
        [1] => true,
        _ => return Err(Failure::BadInput),
    };
    let rounds = u32::from_be_bytes(*rounds);
    charge(u64::from(rounds), gas)?;
    let mut words = words.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap_or([0; 8])));
    let mut take = || words.next().unwrap_or(0);
    let h: [u64; 8] = core::array::from_fn(|_| take());
    let message: [u64; 16] = core::array::from_fn(|_| take());
    let offset = [take(), take()];

    let out = compress(h, &message, offset, is_last, rounds);
    let mut bytes = Vec::with_capacity(64);
    for word in out {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    Ok(Output { gas: u64::from(rounds), bytes })
}

/// Mixes two words of the message into four of the state.
#[inline(always)]
fn mix([a, b, c, d]: [u64; 4], x: u64, y: u64) -> [u64; 4] {
    let a = a.wrapping_add(b).wrapping_add(x);
    let d = (d ^ a).rotate_right(32);
    let c = c.wrapping_add(d);
    let b = (b ^ c).rotate_right(24);
    let a = a.wrapping_add(b).wrapping_add(y);
    let d = (d ^ a).rotate_right(16);
    let c = c.wrapping_add(d);
    let b = (b ^ c).rotate_right(63);
    [a, b, c, d]
}

fn compress(h: [u64; 8], message: &[u64; 16], [t0, t1]: [u64; 2], is_last: bool, rounds: u32) -> [u64; 8] {
    let [h0, h1, h2, h3, h4, h5, h6, h7] = h;
    let [i0, i1, i2, i3, i4, i5, i6, i7] = IV;
    let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = *message;
    // The state as a square of four rows, of which `mix` takes columns and diagonals.
    let [mut a0, mut a1, mut a2, mut a3] = [h0, h1, h2, h3];
    let [mut b0, mut b1, mut b2, mut b3] = [h4, h5, h6, h7];
    let [mut c0, mut c1, mut c2, mut c3] = [i0, i1, i2, i3];
    let [mut d0, mut d1, mut d2, mut d3] = [i4 ^ t0, i5 ^ t1, if is_last { !i6 } else { i6 }, i7];

    // Written out, so that every word of state and message is a variable: a block can buy billions of rounds.
    macro_rules! round {
        ($m0:ident $m1:ident $m2:ident $m3:ident $m4:ident $m5:ident $m6:ident $m7:ident
         $m8:ident $m9:ident $m10:ident $m11:ident $m12:ident $m13:ident $m14:ident $m15:ident) => {{
            [a0, b0, c0, d0] = mix([a0, b0, c0, d0], $m0, $m1);
            [a1, b1, c1, d1] = mix([a1, b1, c1, d1], $m2, $m3);
            [a2, b2, c2, d2] = mix([a2, b2, c2, d2], $m4, $m5);
            [a3, b3, c3, d3] = mix([a3, b3, c3, d3], $m6, $m7);
            [a0, b1, c2, d3] = mix([a0, b1, c2, d3], $m8, $m9);
            [a1, b2, c3, d0] = mix([a1, b2, c3, d0], $m10, $m11);
            [a2, b3, c0, d1] = mix([a2, b3, c0, d1], $m12, $m13);
            [a3, b0, c1, d2] = mix([a3, b0, c1, d2], $m14, $m15);
        }};
    }
    // Each of the ten kinds of round takes the words of the message in its own order (SIGMA of RFC 7693).
    for _ in 0..rounds / 10 {
        round!(m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15);
        round!(m14 m10 m4 m8 m9 m15 m13 m6 m1 m12 m0 m2 m11 m7 m5 m3);
        round!(m11 m8 m12 m0 m5 m2 m15 m13 m10 m14 m3 m6 m7 m1 m9 m4);
        round!(m7 m9 m3 m1 m13 m12 m11 m14 m2 m6 m5 m10 m4 m0 m15 m8);
        round!(m9 m0 m5 m7 m2 m4 m10 m15 m14 m1 m11 m12 m6 m8 m3 m13);
        round!(m2 m12 m6 m10 m0 m11 m8 m3 m4 m13 m7 m5 m15 m14 m1 m9);
        round!(m12 m5 m1 m15 m14 m13 m4 m10 m0 m7 m6 m3 m9 m2 m8 m11);
        round!(m13 m11 m7 m14 m12 m1 m3 m9 m5 m0 m15 m4 m8 m6 m2 m10);
        round!(m6 m15 m14 m9 m11 m3 m0 m8 m12 m2 m13 m7 m1 m4 m10 m5);
        round!(m10 m2 m8 m4 m7 m6 m1 m5 m15 m11 m9 m14 m3 m12 m13 m0);
    }
    for kind in 0..rounds % 10 {
        match kind {
            0 => round!(m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15),
            1 => round!(m14 m10 m4 m8 m9 m15 m13 m6 m1 m12 m0 m2 m11 m7 m5 m3),
            2 => round!(m11 m8 m12 m0 m5 m2 m15 m13 m10 m14 m3 m6 m7 m1 m9 m4),
            3 => round!(m7 m9 m3 m1 m13 m12 m11 m14 m2 m6 m5 m10 m4 m0 m15 m8),
            4 => round!(m9 m0 m5 m7 m2 m4 m10 m15 m14 m1 m11 m12 m6 m8 m3 m13),
            5 => round!(m2 m12 m6 m10 m0 m11 m8 m3 m4 m13 m7 m5 m15 m14 m1 m9),
            6 => round!(m12 m5 m1 m15 m14 m13 m4 m10 m0 m7 m6 m3 m9 m2 m8 m11),
            7 => round!(m13 m11 m7 m14 m12 m1 m3 m9 m5 m0 m15 m4 m8 m6 m2 m10),
            8 => round!(m6 m15 m14 m9 m11 m3 m0 m8 m12 m2 m13 m7 m1 m4 m10 m5),
            _ => {}
        }
    }
    [
        h0 ^ a0 ^ c0,
        h1 ^ a1 ^ c1,
        h2 ^ a2 ^ c2,
        h3 ^ a3 ^ c3,
        h4 ^ b0 ^ d0,
        h5 ^ b1 ^ d1,
        h6 ^ b2 ^ d2,
        h7 ^ b3 ^ d3,
    ]
}

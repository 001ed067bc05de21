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

/// The order in which each of the ten kinds of round takes the words of the message.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
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
    let i6 = if is_last { !i6 } else { i6 };
    // The state as a square of four rows, of which `mix` takes columns and diagonals.
    let (mut a, mut b) = ([h0, h1, h2, h3], [h4, h5, h6, h7]);
    let (mut c, mut d) = ([i0, i1, i2, i3], [i4 ^ t0, i5 ^ t1, i6, i7]);
    let mut kinds = SIGMA.iter().cycle();
    for _ in 0..rounds {
        let Some(order) = kinds.next() else { break };
        let word = |at: usize| {
            let index = order.get(at).copied().unwrap_or(0);
            message.get(index).copied().unwrap_or(0)
        };
        for half in [0usize, 8] {
            for (column, (((a, b), c), d)) in a.iter_mut().zip(&mut b).zip(&mut c).zip(&mut d).enumerate() {
                let at = half.wrapping_add(column.wrapping_mul(2));
                [*a, *b, *c, *d] = mix([*a, *b, *c, *d], word(at), word(at.wrapping_add(1)));
            }
            // Turn diagonals into columns, and after the second half back.
            let turns = if half == 0 { [1, 2, 3] } else { [3, 2, 1] };
            let [of_b, of_c, of_d] = turns;
            b.rotate_left(of_b);
            c.rotate_left(of_c);
            d.rotate_left(of_d);
        }
    }
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    let [c0, c1, c2, c3] = c;
    let [d0, d1, d2, d3] = d;
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

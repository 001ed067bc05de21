//! A program that only computes, as SnailTracer does: points of the Mandelbrot set in fixed point, one after the other
//! until the gas is used up.

use crate::code::{GAS, Labelled, MSTORE, POP, STOP, push};
use millrace_primitives::U256;

/// Variables, in memory as compilers have them.
const CX: u64 = 0;
const CY: u64 = 32;
const ZX: u64 = 64;
const ZY: u64 = 96;
const STEP: u64 = 128;
const SUM: u64 = 160;
const POINT: u64 = 192;

const MUL: u8 = 0x02;
const ADD: u8 = 0x01;
const SUB: u8 = 0x03;
const SAR: u8 = 0x1d;

fn load(variable: u64) -> Vec<u8> {
    [push(variable), vec![0x51]].concat()
}

fn save(variable: u64) -> Vec<u8> {
    [push(variable), vec![MSTORE]].concat()
}

fn square(variable: u64) -> Vec<u8> {
    [load(variable), vec![0x80, MUL], push(32), vec![SAR]].concat()
}

/// The next point: 4,096 in a row, from (-2, -1) to (1, 1).
fn next_point() -> Vec<u8> {
    let minus = |value: u64| push(U256::zero().overflowing_sub(U256::from(value)).0);
    [
        load(POINT),
        vec![0x60, 1, ADD, 0x80],
        save(POINT),
        push(4_095),
        vec![0x16, 0x80],
        // cx = 3 × point << 20 − 2 << 32
        push(3u64 << 20),
        vec![MUL],
        minus(2 << 32),
        vec![ADD],
        save(CX),
        // cy = (37 × point mod 4,096) << 21 − 1 << 32
        push(37),
        vec![MUL],
        push(4_095),
        vec![0x16],
        push(21),
        vec![0x1b],
        minus(1 << 32),
        vec![ADD],
        save(CY),
        [push(0), save(ZX), push(0), save(ZY), push(0), save(STEP)].concat(),
    ]
    .concat()
}

pub(super) fn code() -> Vec<u8> {
    Labelled::default()
        .label("point")
        .code(&next_point())
        .label("step")
        .code(&[square(ZX), square(ZY)].concat())
        // More than 2 away: 4 < zx² + zy².
        .code(&[push(4u64 << 32), vec![0x82, 0x82, ADD, 0x11]].concat())
        .jump("away", 0x57)
        // 2 × zx × zy + cy, zx² − zy² + cx
        .code(&[load(ZX), load(ZY), vec![MUL], push(31), vec![SAR], load(CY), vec![ADD]].concat())
        .code(&[vec![0x91, SUB], load(CX), vec![ADD], save(ZX), save(ZY)].concat())
        .code(&[load(STEP), vec![0x60, 1, ADD, 0x80], save(STEP), push(64), vec![0x11]].concat())
        .jump("step", 0x57)
        .jump("done", 0x56)
        .label("away")
        .code(&[POP, POP])
        .label("done")
        .code(&[load(STEP), load(SUM), vec![ADD], save(SUM)].concat())
        .code(&[push(40_000), vec![GAS, 0x11]].concat())
        .jump("point", 0x57)
        .code(&[STOP])
        .finish()
}

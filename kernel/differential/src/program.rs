//! Random code. A program is a list of pieces, each an instruction with its data or a few that belong together: calls
//! with their operands, creations with the code that they run. Pieces can be left out one by one ([`crate::shrink`]).

use crate::{cast, input};
use fastrand::Rng;
use millrace_primitives::Address;

/// Code in pieces.
pub type Pieces = Vec<Vec<u8>>;

/// Addresses from 1 that precompiles have in some fork, and that of P-256 (EIP-7951).
pub const PRECOMPILES: [u16; 18] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x100];

const POP: u8 = 0x50;
const MSTORE: u8 = 0x52;
const GAS: u8 = 0x5a;
const PUSH0: u8 = 0x5f;

/// How deep code that makes code goes.
const NESTING_MAX: u8 = 2;

/// A program of up to `most` pieces.
pub fn program(rng: &mut Rng, most: usize) -> Pieces {
    nested(rng, most, 0)
}

fn nested(rng: &mut Rng, most: usize, nesting: u8) -> Pieces {
    // Small numbers first, so that something is there to work on.
    let seeds = if nesting == 0 { rng.usize(8..30) } else { rng.usize(0..4) };
    let count = rng.usize(1..=most);
    let mut pieces: Pieces = (0..seeds).map(|_| vec![0x60, rng.u8(0..96)]).collect();
    pieces.extend((0..count).map(|_| piece(rng, nesting)));
    // What is on the stack shows in storage, and some undo all that they did.
    pieces.extend((0..rng.usize(0..4)).map(|_| record(rng)));
    if rng.u8(0..6) == 0 {
        pieces.push(vec![PUSH0, PUSH0, 0xfd]);
    }
    pieces
}

/// Keeps what is on top of the stack.
fn record(rng: &mut Rng) -> Vec<u8> {
    [push_number(rng.u64(0..12)), vec![0x55]].concat()
}

/// Looks at something and keeps it.
fn observe(rng: &mut Rng) -> Vec<u8> {
    let look = match rng.u8(0..8) {
        0 => vec![0x59],
        1 => vec![0x3d],
        2 => vec![0x47],
        3 => [push_number(rng.u64(0..5)), vec![0x5c]].concat(),
        // Hashes that are just there, and just not: the block is number 300.
        4 => [push_number([43, 44, 45, 299, 300, 301][rng.usize(0..6)]), vec![0x40]].concat(),
        _ => [target(rng), vec![[0x31, 0x3b, 0x3f][rng.usize(0..3)]]].concat(),
    };
    [look, record(rng)].concat()
}

/// The shortest push of these bytes, whole.
pub fn push(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.get(..32).unwrap_or(bytes);
    [&[PUSH0 + u8::try_from(bytes.len()).unwrap_or_default()], bytes].concat()
}

/// A push of a number.
pub fn push_number(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    push(bytes.get(zeros..).unwrap_or_default())
}

fn push_address(address: Address) -> Vec<u8> {
    let zeros = address.0.iter().take_while(|byte| **byte == 0).count();
    push(address.0.get(zeros..).unwrap_or_default())
}

/// Code that puts bytes at the beginning of memory.
pub fn store(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    for (index, word) in (0u64..).zip(bytes.chunks(32)) {
        let mut padded = [0; 32];
        padded[..word.len()].copy_from_slice(word);
        out.extend(push(&padded));
        out.extend(push_number(index * 32));
        out.push(MSTORE);
    }
    out
}

/// Numbers near which something changes.
fn edge(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = [0u8; 32];
    match rng.u8(0..9) {
        0 => bytes = [0xff; 32],
        1 => bytes[0] = 0x80,
        2 => {
            bytes = [0xff; 32];
            bytes[0] = 0x7f;
        }
        3 => bytes[23] = 1,
        4 => bytes[24..].copy_from_slice(&u64::MAX.to_be_bytes()),
        5 => bytes[27] = 1,
        6 => bytes[28..].copy_from_slice(&u32::MAX.to_be_bytes()),
        7 => bytes[30] = 1,
        _ => bytes[rng.usize(0..32)] = rng.u8(..),
    }
    push(&bytes)
}

fn piece(rng: &mut Rng, nesting: u8) -> Vec<u8> {
    match rng.u8(0..100) {
        0..7 => observe(rng),
        7..16 => push(&(0..rng.usize(0..3)).map(|_| rng.u8(..)).collect::<Vec<_>>()),
        16..19 => push(&(0..rng.usize(3..33)).map(|_| rng.u8(..)).collect::<Vec<_>>()),
        19..23 => edge(rng),
        23..33 => vec![rng.u8(0x01..0x1f)],
        33..39 => vec![rng.u8(0x30..0x4b)],
        39..50 => vec![rng.u8(0x50..0x60)],
        50..56 => vec![rng.u8(0x80..0xa0)],
        56..58 => vec![rng.u8(0xa0..0xa5)],
        58 => vec![0x20],
        59 if rng.bool() => vec![rng.u8(..)],
        59 => vec![0x5b, 0x60, rng.u8(0..200), 0x56],
        60 => vec![0x60, rng.u8(0..2), 0x60, rng.u8(0..200), 0x57],
        // PC PUSH1 5 ADD JUMP JUMPDEST: to the end of itself.
        61 => vec![0x58, 0x60, 5, 0x01, 0x56, 0x5b],
        62..65 => repeated(rng),
        65..72 => slot(rng),
        72..84 => call(rng),
        84..87 => call_precompile(rng),
        87..93 if nesting < NESTING_MAX => creation(rng, nesting),
        93..95 => copy(rng),
        95 => [push_number(rng.u64(0..80)), push_number(rng.u64(0..80)), vec![0xf3]].concat(),
        96..98 => [push_number(rng.u64(0..80)), push_number(rng.u64(0..80)), vec![0xfd]].concat(),
        98 => [target(rng), vec![0xff]].concat(),
        _ => vec![[0x00, 0xf3, 0xfd, 0xfe, 0xff][rng.usize(0..5)]],
    }
}

/// A few slots, permanent and transient.
fn slot(rng: &mut Rng) -> Vec<u8> {
    let (key, value) = (push_number(rng.u64(0..5)), push_number(rng.u64(0..3)));
    match rng.u8(0..6) {
        0..3 => [value, key, vec![0x55]].concat(),
        3 => [key, vec![0x54]].concat(),
        4 => [value, key, vec![0x5d]].concat(),
        _ => [key, vec![0x5c]].concat(),
    }
}

/// A few times the same.
fn repeated(rng: &mut Rng) -> Vec<u8> {
    let body = if rng.bool() { [slot(rng), vec![PUSH0]].concat() } else { call(rng) };
    // From the JUMPDEST to the PC below.
    let back = u8::try_from(body.len() + 7).unwrap_or_default();
    let times = rng.u8(1..6);
    // PUSH1 times JUMPDEST body PUSH1 1 SWAP1 SUB DUP1 PC PUSH1 back SWAP1 SUB JUMPI POP: jumps only where the body
    // leaves the stack as it was.
    let end = [0x60, 1, 0x90, 0x03, 0x80, 0x58, 0x60, back, 0x90, 0x03, 0x57, POP];
    [&[0x60, times, 0x5b][..], &body, &[POP], &end].concat()
}

/// Copies of all kinds, within reason and without.
fn copy(rng: &mut Rng) -> Vec<u8> {
    let size = push_number(if rng.u8(0..10) == 0 { rng.u64(0..100_000) } else { rng.u64(0..100) });
    let (from, to) = (push_number(rng.u64(0..100)), push_number(rng.u64(0..300)));
    match rng.u8(0..5) {
        0 => [size, from, to, target(rng), vec![0x3c]].concat(),
        kind => [size, from, to, vec![[0x37, 0x39, 0x3e, 0x5e][usize::from(kind - 1)]]].concat(),
    }
}

fn target(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..20) {
        0..9 => push_address(cast::contract(rng.usize(0..cast::CONTRACTS))),
        9..13 => push_address(cast::delegated(rng.usize(0..cast::DELEGATED))),
        13 => push_address(cast::nobody()),
        14 => push_address(cast::rich()),
        15 => push_number(u64::from(PRECOMPILES[rng.usize(0..PRECOMPILES.len())])),
        // ADDRESS; ORIGIN, CALLER, COINBASE
        16 => vec![0x30],
        17 => vec![[0x32, 0x33, 0x41][rng.usize(0..3)]],
        _ => {
            let user = cast::users().ok().and_then(|users| users.get(rng.usize(0..cast::USERS)));
            push_address(user.map(|user| user.address).unwrap_or_default())
        }
    }
}

fn gas(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..10) {
        0..5 => vec![GAS],
        5..7 => push_number(rng.u64(0..70_000)),
        7 => push_number(rng.u64(0..5_000)),
        8 => vec![PUSH0],
        _ => push(&[0xff; 32]),
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(0..10) {
        0..6 => vec![PUSH0],
        6..9 => push_number(rng.u64(1..20)),
        _ => push(&[0x7f; 20]),
    }
}

/// The kinds of call, with value and without: CALL, CALLCODE, DELEGATECALL, STATICCALL.
const CALLS: [u8; 4] = [0xf1, 0xf2, 0xf4, 0xfa];

fn call_with(rng: &mut Rng, target: Vec<u8>, input_size: u64) -> Vec<u8> {
    let kind = rng.usize(0..CALLS.len());
    let mut out = [push_number(rng.u64(0..70)), push_number(rng.u64(0..70))].concat();
    out.extend(push_number(input_size));
    out.extend(if rng.bool() { vec![PUSH0] } else { push_number(rng.u64(0..40)) });
    if kind < 2 {
        out.extend(value(rng));
    }
    out.extend(target);
    out.extend(gas(rng));
    out.push(CALLS[kind]);
    match rng.u8(0..6) {
        0 => out.push(POP),
        // All that was returned, to the beginning of memory.
        1 => out.extend([0x3d, PUSH0, PUSH0, 0x3e]),
        2 => out.extend([0x3d, 0x60, rng.u8(0..3), PUSH0, 0x3e]),
        _ => {}
    }
    out
}

fn call(rng: &mut Rng) -> Vec<u8> {
    let (target, input_size) = (target(rng), rng.u64(0..150));
    call_with(rng, target, input_size)
}

fn call_precompile(rng: &mut Rng) -> Vec<u8> {
    let number = PRECOMPILES[rng.usize(0..PRECOMPILES.len())];
    let input = input::of_precompile(rng, number);
    let call = call_with(rng, push_number(u64::from(number)), input.len() as u64);
    [store(&input), call].concat()
}

/// Initialisation code that deploys `code`.
pub fn deployer(code: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(code.len()).unwrap_or(u16::MAX).to_be_bytes();
    // PUSH2 size DUP1 PUSH1 11 PUSH0 CODECOPY PUSH0 RETURN STOP: eleven bytes before the code.
    let prefix = [0x61, high, low, 0x80, 0x60, 0x0b, PUSH0, 0x39, PUSH0, 0xf3, 0x00];
    [&prefix[..], code].concat()
}

/// Code that makes a contract.
pub fn initialisation(rng: &mut Rng, most: usize) -> Pieces {
    made(rng, most, 0)
}

fn made(rng: &mut Rng, most: usize, nesting: u8) -> Pieces {
    match rng.u8(0..12) {
        0..5 => vec![deployer(&nested(rng, most, nesting).concat())],
        5..8 => nested(rng, most, nesting),
        8 => vec![deployer(&[0xef, rng.u8(0..2), 0x00])],
        // As many zeros as a code may have, or one more or less.
        9 => vec![[push_number(rng.u64(24_575..24_578)), vec![PUSH0, 0xf3]].concat()],
        10 => vec![[target(rng), vec![0xff]].concat()],
        _ => vec![],
    }
}

fn creation(rng: &mut Rng, nesting: u8) -> Vec<u8> {
    let with_salt = rng.bool();
    let code = made(rng, 4, nesting + 1).concat();
    let mut out = vec![];
    let mut offset = vec![PUSH0];
    let size = if rng.u8(0..8) == 0 {
        // The code that runs makes itself, or nearly as much as it may, or too much.
        out.extend([0x38, PUSH0, PUSH0, 0x39]);
        if rng.bool() { vec![0x38] } else { push_number(rng.u64(49_150..49_155)) }
    } else {
        out.extend(store(&code));
        if code.is_empty() {
            offset = edge(rng);
        }
        push_number(code.len() as u64)
    };
    if with_salt {
        out.extend(push_number(rng.u64(0..2)));
    }
    out.extend(size);
    out.extend(offset);
    out.extend(value(rng));
    out.push(if with_salt { 0xf5 } else { 0xf0 });
    match rng.u8(0..4) {
        // Calls it.
        0 | 1 => out.extend([PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, 0x85, GAS, 0xf1]),
        // Destroys itself in favour of it.
        2 if rng.u8(0..4) == 0 => out.push(0xff),
        2 => out.extend(observe(rng)),
        _ => {}
    }
    out
}

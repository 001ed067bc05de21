//! A loop over each class of opcodes.

use super::{Program, Stage};
use crate::code::{GAS, MSTORE, POP, PUSH0, call, push, push_address, repeat, store, touch};
use millrace_primitives::U256;

/// Numbers of 256, 255 and 128 bits with all kinds of digits.
fn operands() -> [U256; 3] {
    let big = U256::from_big_endian(&[0xf3; 32]) ^ (U256::from(0x1234_5678_9abc_def1u64) << 97);
    [big, (big >> 1) | U256::one(), (big >> 128) | U256::one()]
}

/// Two operands, the second on top, and the opcode on copies of them.
fn binary(name: &'static str, opcode: u8, gas: u64, (under, top): (U256, U256)) -> Program {
    let prologue = [push(under), push(top)].concat();
    Program::of(name, repeat(&prologue, &[0x81, 0x81, opcode, POP], gas + 8))
}

fn ternary(name: &'static str, opcode: u8) -> Program {
    let [a, b, c] = operands();
    let prologue = [push(b), push(a), push(a - c)].concat();
    Program::of(name, repeat(&prologue, &[0x82, 0x82, 0x82, opcode, POP], 19))
}

fn plain(name: &'static str, body: &[u8], gas: u64) -> Program {
    let [a, b, _] = operands();
    Program::of(name, repeat(&[push(a), push(b)].concat(), body, gas))
}

/// A body on memory of this many bytes.
fn on_memory(name: &'static str, size: usize, body: &[u8], gas: u64) -> Program {
    Program::of(name, repeat(&touch(size - 1), body, gas))
}

fn hash(name: &'static str, size: usize) -> Program {
    let gas = 30 + 6 * size.div_ceil(32) as u64 + 7;
    on_memory(name, size.max(1), &[&push(size)[..], &[PUSH0, 0x20, POP]].concat(), gas)
}

/// A copy of `size` bytes by an opcode that takes target, source and size.
fn copy(name: &'static str, opcode: u8, size: usize) -> Program {
    let body = [&push(size)[..], &[PUSH0, PUSH0, opcode]].concat();
    on_memory(name, size, &body, 3 + 3 * size.div_ceil(32) as u64 + 7)
}

/// Everything that stays within the frame.
pub(super) fn in_frame() -> Vec<Program> {
    let [a, b, c] = operands();
    let small = U256::from(3);
    vec![
        plain("JUMPDEST", &[0x5b], 1),
        plain("PUSH0 POP", &[PUSH0, POP], 4),
        plain("PUSH32 POP", &[&push(a)[..], &[POP]].concat(), 5),
        plain("DUP1 POP", &[0x80, POP], 5),
        plain("SWAP1", &[0x90], 3),
        plain("PC POP", &[0x58, POP], 4),
        plain("GAS POP", &[GAS, POP], 4),
        plain("MSIZE POP", &[0x59, POP], 4),
        plain("ADDRESS POP", &[0x30, POP], 4),
        plain("CALLVALUE POP", &[0x34, POP], 4),
        plain("CALLDATASIZE POP", &[0x36, POP], 4),
        plain("CODESIZE POP", &[0x38, POP], 4),
        plain("RETURNDATASIZE POP", &[0x3d, POP], 4),
        plain("TIMESTAMP POP", &[0x42, POP], 4),
        plain("PREVRANDAO POP", &[0x44, POP], 4),
        plain("CHAINID POP", &[0x46, POP], 4),
        plain("BASEFEE POP", &[0x48, POP], 4),
        plain("BLOBBASEFEE POP", &[0x4a, POP], 4),
        plain("BLOBHASH", &[0x49], 3),
        plain("CALLDATALOAD", &[0x35], 3),
        plain("ISZERO", &[0x15], 3),
        plain("NOT", &[0x19], 3),
        plain("CLZ", &[0x1e], 5),
        plain("JUMP", &[0x58, 0x60, 5, 0x01, 0x56, 0x5b], 17),
        plain("JUMPI not taken", &[PUSH0, PUSH0, 0x57], 14),
        binary("ADD", 0x01, 3, (a, b)),
        binary("MUL", 0x02, 5, (a, b)),
        binary("SUB", 0x03, 3, (a, b)),
        binary("DIV 256 by 128 bits", 0x04, 5, (c, a)),
        binary("DIV 256 by 64 bits", 0x04, 5, (c >> 64, a)),
        binary("DIV 256 by 192 bits", 0x04, 5, (a >> 64, a)),
        binary("SDIV", 0x05, 5, (c, a)),
        binary("MOD 256 by 128 bits", 0x06, 5, (c, a)),
        binary("MOD 256 by 192 bits", 0x06, 5, (a >> 64, a)),
        binary("SMOD", 0x07, 5, (c, a)),
        binary("SIGNEXTEND", 0x0b, 5, (a, small)),
        binary("LT", 0x10, 3, (a, b)),
        binary("SLT", 0x12, 3, (a, b)),
        binary("EQ", 0x14, 3, (a, b)),
        binary("AND", 0x16, 3, (a, b)),
        binary("BYTE", 0x1a, 3, (a, small)),
        binary("SHL", 0x1b, 3, (a, U256::from(77))),
        binary("SHR", 0x1c, 3, (a, U256::from(77))),
        binary("SAR", 0x1d, 3, (a, U256::from(77))),
        ternary("ADDMOD", 0x08),
        ternary("MULMOD", 0x09),
        binary("EXP, 32 bytes", 0x0a, 1_610, (a, b)),
        binary("EXP, 1 byte", 0x0a, 60, (U256::from(255), b)),
        hash("KECCAK256 of 0 bytes", 0),
        hash("KECCAK256 of 32 bytes", 32),
        hash("KECCAK256 of 136 bytes", 136),
        hash("KECCAK256 of 16 KB", 16_384),
        on_memory("MLOAD POP", 64, &[PUSH0, 0x51, POP], 7),
        on_memory("MSTORE", 64, &[PUSH0, PUSH0, MSTORE], 7),
        on_memory("MSTORE8", 64, &[PUSH0, PUSH0, 0x53], 7),
        copy("MCOPY of 32 bytes", 0x5e, 32),
        copy("MCOPY of 16 KB", 0x5e, 16_384),
        copy("CALLDATACOPY of 32 bytes", 0x37, 32),
        copy("CALLDATACOPY of 16 KB", 0x37, 16_384),
        copy("CODECOPY of 1 KB", 0x39, 1_024),
        copy("CODECOPY of 16 KB", 0x39, 16_384),
    ]
}

/// What touches the state.
pub(super) fn on_state(stage: &Stage) -> Vec<Program> {
    let of = |address| push_address(address);
    let asks = |opcode: u8, address| [of(address), vec![opcode, POP]].concat();
    let extcodecopy = |size: usize| [&push(size)[..], &[PUSH0, PUSH0], &of(stage.large), &[0x3c]].concat();
    // Each time another slot: counts on the stack.
    let next_slot = |opcodes: &[u8]| [&[0x60, 1, 0x01, 0x80][..], opcodes].concat();
    vec![
        plain("SELFBALANCE POP", &[0x47, POP], 7),
        plain("BLOCKHASH POP", &[&push(1)[..], &[0x40, POP]].concat(), 25),
        plain("BALANCE POP, warm", &asks(0x31, stage.stops), 105),
        plain("EXTCODESIZE POP, warm", &asks(0x3b, stage.large), 105),
        plain("EXTCODEHASH POP, warm", &asks(0x3f, stage.large), 105),
        on_memory("EXTCODECOPY of 0 bytes of 24 KB", 32, &extcodecopy(0), 110),
        on_memory("EXTCODECOPY of 24 KB", 24_576, &extcodecopy(24_576), 2_414),
        plain("BALANCE POP, cold", &[&[0x60, 1, 0x01, 0x80][..], &[0x31, POP]].concat(), 2_611),
        plain("SLOAD POP, warm", &[PUSH0, 0x54, POP], 104),
        plain("SLOAD POP, cold", &next_slot(&[0x54, POP]), 2_111),
        plain("SSTORE, dirty", &[0x80, PUSH0, 0x55, 0x90], 108),
        plain("SSTORE, new slot", &next_slot(&[0x80, 0x55]), 22_112),
        plain("TLOAD POP", &[PUSH0, 0x5c, POP], 104),
        plain("TSTORE, same slot", &[0x80, PUSH0, 0x5d], 105),
        plain("TSTORE, new slot", &next_slot(&[0x80, 0x5d]), 112),
        plain("LOG0 of 0 bytes", &[PUSH0, PUSH0, 0xa0], 379),
        plain("LOG4 of 0 bytes", &[PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, 0xa4], 1_887),
        on_memory("LOG0 of 1 KB", 1_024, &[&push(1_024)[..], &[PUSH0, 0xa0]].concat(), 8_572),
    ]
}

/// Calls and creations.
pub(super) fn of_frames(stage: &Stage) -> Vec<Program> {
    let to = |opcode, address, size| [call(opcode, &push_address(address), size), vec![POP]].concat();
    let large_input = |name, gas, size: usize, address| Program {
        gas,
        ..on_memory(name, size, &to(0xf1, address, size), 125)
    };
    let identity = |size| [call(0xfa, &push(4), size), vec![POP]].concat();
    let create = |opcode: u8, size: usize| {
        let salt: &[u8] = if opcode == 0xf5 { &[GAS] } else { &[] };
        [salt, &push(size)[..], &[PUSH0, PUSH0, opcode, POP]].concat()
    };
    // Makes a contract of 24 KB of zeros.
    let deploying = push(24_576).into_iter().chain([PUSH0, 0xf3]).collect::<Vec<_>>();
    let deploy = [&push(deploying.len())[..], &[PUSH0, PUSH0, 0xf0, POP]].concat();
    let returned = [&identity(1_024)[..], &push(1_024), &[PUSH0, PUSH0, 0x3e]].concat();
    vec![
        plain("CALL of an empty account", &to(0xf1, stage.nobody, 0), 118),
        plain("CALL of a contract that stops", &to(0xf1, stage.stops, 0), 118),
        plain("DELEGATECALL of one that stops", &to(0xf4, stage.stops, 0), 116),
        plain("STATICCALL of one that stops", &to(0xfa, stage.stops, 0), 116),
        plain("STATICCALL of one that reverts", &to(0xfa, stage.reverts, 0), 125),
        large_input("CALL with 64 KB of input, empty account", 400_000, 65_536, stage.nobody),
        large_input("CALL with 64 KB of input, stops", 400_000, 65_536, stage.stops),
        large_input("CALL with 256 KB of input, stops", 600_000, 262_144, stage.stops),
        plain("CALL of one that grows to 32 KB", &to(0xf1, stage.grows, 0), 5_300),
        plain("STATICCALL of the identity, 0 bytes", &identity(0), 130),
        on_memory("STATICCALL of the identity, 16 KB", 16_384, &identity(16_384), 1_670),
        on_memory("RETURNDATACOPY of 1 KB, identity", 1_024, &returned, 340),
        plain("CREATE of nothing", &create(0xf0, 0), 32_010),
        Program { gas: 20_000_000, ..on_memory("CREATE with 48 KB", 49_152, &create(0xf0, 49_152), 35_100) },
        Program { gas: 20_000_000, ..on_memory("CREATE2 with 48 KB", 49_152, &create(0xf5, 49_152), 44_400) },
        Program {
            gas: 28_000_000,
            ..Program::of("CREATE of 24 KB", repeat(&store(&deploying), &deploy, 4_953_000))
        },
    ]
}

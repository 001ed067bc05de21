//! Bytecode, assembled.

use millrace_primitives::{Address, U256};

pub(crate) const STOP: u8 = 0x00;
pub(crate) const POP: u8 = 0x50;
pub(crate) const MSTORE: u8 = 0x52;
pub(crate) const JUMPDEST: u8 = 0x5b;
pub(crate) const PUSH0: u8 = 0x5f;
pub(crate) const GAS: u8 = 0x5a;
pub(crate) const RETURN: u8 = 0xf3;

/// The shortest push of a number.
pub(crate) fn push(value: impl Into<U256>) -> Vec<u8> {
    let value = value.into();
    let size = value.bits().div_ceil(8);
    let mut bytes = [0; 32];
    value.to_big_endian(&mut bytes);
    [&[PUSH0 + size as u8], &bytes[32 - size..]].concat()
}

/// A push of an address.
pub(crate) fn push_address(address: Address) -> Vec<u8> {
    push(U256::from_big_endian(address.as_bytes()))
}

/// Puts bytes at the beginning of memory.
pub(crate) fn store(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    for (index, word) in bytes.chunks(32).enumerate() {
        let mut padded = [0; 32];
        padded[..word.len()].copy_from_slice(word);
        out.extend(push(U256::from_big_endian(&padded)));
        out.extend(push(index * 32));
        out.push(MSTORE);
    }
    out
}

/// Writes a byte that is not zero at an offset: memory reaches there, and is really there.
pub(crate) fn touch(offset: usize) -> Vec<u8> {
    [&[0x60, 1][..], &push(offset), &[0x53]].concat()
}

/// A call without value: memory from 0 as input, no output.
pub(crate) fn call(opcode: u8, address: &[u8], input_size: usize) -> Vec<u8> {
    let value: &[u8] = if matches!(opcode, 0xf1 | 0xf2) { &[PUSH0] } else { &[] };
    [&[PUSH0, PUSH0], &push(input_size)[..], &[PUSH0], value, address, &[GAS, opcode]].concat()
}

/// Initialisation code that deploys `code`.
pub(crate) fn deployer(code: &[u8]) -> Vec<u8> {
    // PUSH2 size DUP1 PUSH1 11 PUSH0 CODECOPY PUSH0 RETURN STOP: eleven bytes before the code.
    let size = (code.len() as u16).to_be_bytes();
    [&[0x61, size[0], size[1], 0x80, 0x60, 0x0b, PUSH0, 0x39, PUSH0, RETURN, STOP], code].concat()
}

/// Runs `prologue`, and then `body`, of about `body_gas`, again and again until the gas is nearly used up.
pub(crate) fn repeat(prologue: &[u8], body: &[u8], body_gas: u64) -> Vec<u8> {
    // As many in a row that the jump back does not count, in a code of bounded size.
    let count = (3_000 / body_gas).clamp(1, (2_000 / body.len() as u64).max(1));
    let spare = (count * body_gas).max(1_000) * 2;
    let start = push(prologue.len());
    let mut out = [prologue, &[JUMPDEST], &body.repeat(count as usize)].concat();
    // While more than this is left.
    out.extend(push(spare));
    out.extend([GAS, 0x11]);
    out.extend(start);
    out.extend([0x57, STOP]);
    out
}

/// Code with jumps to names.
#[derive(Default)]
pub(crate) struct Labelled {
    code: Vec<u8>,
    labels: Vec<(&'static str, usize)>,
    jumps: Vec<(&'static str, usize)>,
}

impl Labelled {
    /// Code without jumps.
    pub(crate) fn code(&mut self, code: &[u8]) -> &mut Self {
        self.code.extend_from_slice(code);
        self
    }

    /// A destination.
    pub(crate) fn label(&mut self, name: &'static str) -> &mut Self {
        self.labels.push((name, self.code.len()));
        self.code(&[JUMPDEST])
    }

    /// A jump (0x56) or a conditional one (0x57).
    pub(crate) fn jump(&mut self, name: &'static str, opcode: u8) -> &mut Self {
        self.jumps.push((name, self.code.len() + 1));
        self.code(&[0x61, 0, 0, opcode])
    }

    /// The whole; a jump to a name that is no label is a jump to 0.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut code = core::mem::take(&mut self.code);
        for (name, at) in &self.jumps {
            let found = self.labels.iter().find(|(label, _)| label == name);
            let to = found.map_or(0, |(_, at)| *at) as u16;
            code[*at..at + 2].copy_from_slice(&to.to_be_bytes());
        }
        code
    }
}

//! The opcodes that contracts run most, by hand: they touch nothing but the frame and cost the same in every
//! fork from Shanghai on. The crate's own go through conversions to bytes and back, and through a gasometer
//! that has to look for each opcode first.

use super::interpreter::Frame;
use evm::interpreter::{ExitError, ExitException};
use millrace_primitives::U256;

/// The price is not fixed, or the opcode is not in every fork.
const VARIABLE: u8 = u8::MAX;

/// Gas of each opcode whose price is fixed.
#[expect(clippy::indexing_slicing, reason = "worked out when compiled, where it cannot be out of bounds")]
static FIXED_GAS: [u8; 256] = {
    let mut table = [VARIABLE; 256];
    let mut opcode = 0;
    while opcode < table.len() {
        table[opcode] = fixed_gas(opcode);
        opcode += 1;
    }
    table
};

/// Yellow Paper, appendix G; EIP-145, 1344, 1884, 3198, 3855.
const fn fixed_gas(opcode: usize) -> u8 {
    match opcode {
        // STOP
        0x00 => 0,
        // JUMPDEST
        0x5b => 1,
        // ADDRESS, ORIGIN, CALLER, CALLVALUE, CALLDATASIZE, CODESIZE, GASPRICE, RETURNDATASIZE, COINBASE to
        // GASLIMIT, CHAINID, BASEFEE, POP, PC, MSIZE, GAS, PUSH0
        0x30 | 0x32..=0x34 | 0x36 | 0x38 | 0x3a | 0x3d | 0x41..=0x46 | 0x48 => 2,
        0x50 | 0x58..=0x5a | 0x5f => 2,
        // ADD, SUB, comparisons, bits, shifts, CALLDATALOAD, PUSH, DUP, SWAP
        0x01 | 0x03 | 0x10..=0x1d | 0x35 | 0x60..=0x9f => 3,
        // MUL, DIV, SDIV, MOD, SMOD, SIGNEXTEND, SELFBALANCE
        0x02 | 0x04..=0x07 | 0x0b | 0x47 => 5,
        // ADDMOD, MULMOD, JUMP
        0x08 | 0x09 | 0x56 => 8,
        // JUMPI
        0x57 => 10,
        _ => VARIABLE,
    }
}

/// What is left to do after an opcode.
pub(super) enum Done {
    /// Go on at the next opcode, past this many bytes of data.
    Next(usize),
    /// Go on here, if it is a destination.
    Jump(U256),
    /// The opcode is paid for and not run yet.
    Paid,
    /// Nothing was done.
    Nothing,
}

impl Frame {
    /// Runs or at least pays for an opcode of `code`, if it is one of these.
    #[inline]
    pub(super) fn run_fixed(&mut self, code: &[u8], opcode: u8) -> Result<Done, ExitError> {
        let gas = FIXED_GAS.get(usize::from(opcode)).copied().unwrap_or(VARIABLE);
        if gas == VARIABLE {
            return self.run_memory(opcode);
        }
        self.machine.state.gasometer.record_gas64(u64::from(gas))?;
        let stack = &mut self.machine.stack;
        match opcode {
            0x01 => self.binary(|a, b| a.overflowing_add(b).0)?,
            0x02 => self.binary(|a, b| a.overflowing_mul(b).0)?,
            0x03 => self.binary(|a, b| a.overflowing_sub(b).0)?,
            0x10 => self.binary(|a, b| truth(a < b))?,
            0x11 => self.binary(|a, b| truth(a > b))?,
            0x14 => self.binary(|a, b| truth(a == b))?,
            0x15 => {
                let top = stack.peek(0)?;
                stack.set(0, truth(top.is_zero()))?;
            }
            0x16 => self.binary(|a, b| a & b)?,
            0x17 => self.binary(|a, b| a | b)?,
            0x18 => self.binary(|a, b| a ^ b)?,
            0x1a => self.binary(byte)?,
            0x35 => {
                let offset = stack.peek(0)?;
                let word = word_at(self.input.bytes(), offset);
                stack.set(0, word)?;
            }
            0x36 => stack.push(U256::from(self.input.bytes().len()))?,
            0x50 => {
                stack.pop()?;
            }
            0x56 => return Ok(Done::Jump(stack.pop()?)),
            0x57 => {
                let (to, condition) = (stack.pop()?, stack.pop()?);
                if !condition.is_zero() {
                    return Ok(Done::Jump(to));
                }
            }
            0x5b => {}
            0x5f..=0x7f => return self.push(code, usize::from(opcode.wrapping_sub(0x5f))),
            0x80..=0x8f => {
                let value = stack.peek(usize::from(opcode.wrapping_sub(0x80)))?;
                stack.push(value)?;
            }
            0x90..=0x9f => {
                let place = usize::from(opcode.wrapping_sub(0x8f));
                let (top, other) = (stack.peek(0)?, stack.peek(place)?);
                stack.set(0, other)?;
                stack.set(place, top)?;
            }
            _ => return Ok(Done::Paid),
        }
        Ok(Done::Next(0))
    }

    #[inline]
    fn binary(&mut self, operation: impl FnOnce(U256, U256) -> U256) -> Result<(), ExitException> {
        let stack = &mut self.machine.stack;
        let (a, b) = (stack.pop()?, stack.peek(0)?);
        stack.set(0, operation(a, b))
    }

    /// Pushes this many bytes of the code, with zeros for those beyond its end.
    #[inline]
    fn push(&mut self, code: &[u8], size: usize) -> Result<Done, ExitError> {
        let start = self.position.saturating_add(1);
        let data = code.get(start..start.saturating_add(size));
        let value = match data {
            Some(data) if size <= 8 => {
                U256::from(data.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte)))
            }
            Some(data) => U256::from_big_endian(data),
            None => {
                let mut bytes = [0; 32];
                let rest = code.get(start..).unwrap_or(&[]);
                for (to, from) in bytes.iter_mut().skip(32usize.saturating_sub(size)).zip(rest) {
                    *to = *from;
                }
                U256::from_big_endian(&bytes)
            }
        };
        self.machine.stack.push(value)?;
        Ok(Done::Next(size))
    }

    /// `MLOAD` and `MSTORE` in memory that is paid for already.
    fn run_memory(&mut self, opcode: u8) -> Result<Done, ExitError> {
        const WORD: usize = 32;
        if !matches!(opcode, 0x51 | 0x52) {
            return Ok(Done::Nothing);
        }
        let offset = self.machine.stack.peek(0)?;
        let end = offset.checked_add(U256::from(WORD));
        if end.is_none_or(|end| end > self.machine.memory.effective_len()) {
            return Ok(Done::Nothing);
        }
        self.machine.state.gasometer.record_gas64(3)?;
        let (stack, memory) = (&mut self.machine.stack, &mut self.machine.memory);
        if opcode == 0x51 {
            let word = word_at(memory.data(), offset);
            stack.set(0, word)?;
        } else {
            let (_, value) = (stack.pop()?, stack.pop()?);
            // What is paid for is far below 2^32.
            memory.set(offset.low_u32() as usize, crate::state::word(value).as_bytes(), None)?;
        }
        Ok(Done::Next(0))
    }
}

const fn truth(condition: bool) -> U256 {
    if condition { U256::one() } else { U256::zero() }
}

/// Byte `index` of a word, counted from its most significant.
fn byte(index: U256, word: U256) -> U256 {
    let Some(place) = U256::from(31).checked_sub(index) else { return U256::zero() };
    U256::from(word.byte(place.low_u32() as usize))
}

/// The 32 bytes at an offset, with zeros for those beyond the end.
fn word_at(bytes: &[u8], offset: U256) -> U256 {
    let Ok(offset) = usize::try_from(offset) else { return U256::zero() };
    let rest = bytes.get(offset..).unwrap_or(&[]);
    match rest.first_chunk::<32>() {
        Some(word) => U256::from_big_endian(word),
        None => {
            let mut word = [0; 32];
            for (to, from) in word.iter_mut().zip(rest) {
                *to = *from;
            }
            U256::from_big_endian(&word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_from_the_left() {
        let word = U256::from_big_endian(&core::array::from_fn::<u8, 32, _>(|index| index as u8 + 1));
        for index in 0..32u64 {
            assert_eq!(byte(U256::from(index), word), U256::from(index + 1));
        }
        assert_eq!(byte(U256::from(32), word), U256::zero());
        assert_eq!(byte(U256::MAX, word), U256::zero());
    }

    #[test]
    fn words_end_in_zeros() {
        let bytes: [u8; 40] = core::array::from_fn(|index| index as u8 + 1);
        assert_eq!(word_at(&bytes, U256::from(39)), U256::from(40) << 248);
        assert_eq!(word_at(&bytes, U256::from(8)), U256::from_big_endian(&bytes[8..]));
        for far in [U256::from(40), U256::one() << 32, U256::one() << 64, U256::MAX] {
            assert_eq!(word_at(&bytes, far), U256::zero());
        }
    }
}

//! Opcodes that read or fill ranges of memory, whose crate versions copy byte by byte or more than is asked for. They
//! are paid for when they come here.

use super::host::Backend;
use super::input::paid_range;
use super::interpreter::Frame;
use crate::keccak::keccak;
use crate::system::system_code;
use evm::interpreter::uint::U256Ext;
use evm::interpreter::{ExitError, Opcode};
use millrace_primitives::{Address, U256};

impl Frame {
    /// Runs the opcode if it is one of these; whether it was.
    pub(super) fn run_copy<H: Backend>(&mut self, host: &mut H, opcode: Opcode) -> Result<bool, ExitError> {
        match opcode {
            Opcode::SHA3 => self.hash_memory()?,
            Opcode::CALLDATACOPY => self.copy_input()?,
            Opcode::EXTCODECOPY => self.copy_code_of(host)?,
            _ => return Ok(false),
        }
        self.position = self.position.saturating_add(1);
        Ok(true)
    }

    fn hash_memory(&mut self) -> Result<(), ExitError> {
        let (offset, size) = (self.machine.stack.pop()?, self.machine.stack.peek(0)?);
        let range = paid_range(&mut self.machine, offset, size)?;
        let digest = keccak(self.machine.memory.data().get(range).unwrap_or(&[]));
        self.machine.stack.set(0, U256::from_big_endian(digest.as_bytes()))?;
        Ok(())
    }

    fn copy_input(&mut self) -> Result<(), ExitError> {
        let stack = &mut self.machine.stack;
        let (to, from, size) = (stack.pop()?, stack.pop()?, stack.pop()?);
        let memory = &mut self.machine.memory;
        memory.resize_offset(to, size)?;
        Ok(memory.copy_large(to, from, size, self.input.bytes())?)
    }

    fn copy_code_of<H: Backend>(&mut self, host: &mut H) -> Result<(), ExitError> {
        let stack = &mut self.machine.stack;
        let address: Address = stack.pop()?.to_h160();
        let (to, from, size) = (stack.pop()?, stack.pop()?, stack.pop()?);
        let memory = &mut self.machine.memory;
        memory.resize_offset(to, size)?;
        let copied = match system_code(address) {
            Some(code) => memory.copy_large(to, from, size, code),
            None => memory.copy_large(to, from, size, host.code_of(address).bytes()),
        };
        Ok(copied?)
    }
}

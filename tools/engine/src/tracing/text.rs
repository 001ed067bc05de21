//! Why an execution failed, in the words of go-ethereum (`core/vm/errors.go`) where it has some.

use millrace_evm::execute::Halt;
use millrace_trace::opcode_name;

/// Why an execution failed, in the words of go-ethereum where it has some.
pub fn halt_text(halt: Halt) -> String {
    let text = match halt {
        Halt::Reverted => "execution reverted",
        Halt::OutOfGas => "out of gas",
        Halt::InvalidOpcode(0xef) => "invalid code: must not begin with 0xef",
        Halt::InvalidOpcode(opcode) => {
            return match opcode_name(opcode) {
                Some("INVALID") => "invalid opcode: INVALID".to_owned(),
                // It exists: only a static call refuses it.
                Some(_) => "write protection".to_owned(),
                None => format!("invalid opcode: opcode {opcode:#x} not defined"),
            };
        }
        Halt::StackUnderflow => "stack underflow",
        Halt::StackOverflow => "stack limit reached 1024 (1023)",
        Halt::InvalidJump => "invalid jump destination",
        Halt::OutOfBounds => "return data out of bounds",
        Halt::InsufficientBalance => "insufficient balance for transfer",
        Halt::CallTooDeep => "max call depth exceeded",
        Halt::CreateCollision => "contract address collision",
        Halt::CodeTooLarge => "max code size exceeded",
        Halt::NonceMax => "nonce uint64 overflow",
        Halt::Precompile => "a precompile refused its input",
        Halt::Internal => "the execution could not be finished",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_opcode_says_which_and_why() {
        let table = [
            (0x0c, "invalid opcode: opcode 0xc not defined"),
            (0xfe, "invalid opcode: INVALID"),
            (0x55, "write protection"),
            (0xef, "invalid code: must not begin with 0xef"),
        ];
        for (opcode, text) in table {
            assert_eq!(halt_text(Halt::InvalidOpcode(opcode)), text);
        }
    }
}

//! The names of opcodes, as go-ethereum writes them (`core/vm/opcodes.go`): 0x44 is still `DIFFICULTY` there.

/// The name of an opcode; `None` when there is no such opcode.
pub fn opcode_name(opcode: u8) -> Option<&'static str> {
    let name = NAMES.get(usize::from(opcode)).copied().unwrap_or_default();
    (!name.is_empty()).then_some(name)
}

#[rustfmt::skip]
static NAMES: [&str; 256] = [
    "STOP", "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD",
    "ADDMOD", "MULMOD", "EXP", "SIGNEXTEND", "", "", "", "",
    "LT", "GT", "SLT", "SGT", "EQ", "ISZERO", "AND", "OR",
    "XOR", "NOT", "BYTE", "SHL", "SHR", "SAR", "CLZ", "",
    "KECCAK256", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "ADDRESS", "BALANCE", "ORIGIN", "CALLER", "CALLVALUE", "CALLDATALOAD", "CALLDATASIZE", "CALLDATACOPY",
    "CODESIZE", "CODECOPY", "GASPRICE", "EXTCODESIZE", "EXTCODECOPY", "RETURNDATASIZE", "RETURNDATACOPY", "EXTCODEHASH",
    "BLOCKHASH", "COINBASE", "TIMESTAMP", "NUMBER", "DIFFICULTY", "GASLIMIT", "CHAINID", "SELFBALANCE",
    "BASEFEE", "BLOBHASH", "BLOBBASEFEE", "", "", "", "", "",
    "POP", "MLOAD", "MSTORE", "MSTORE8", "SLOAD", "SSTORE", "JUMP", "JUMPI",
    "PC", "MSIZE", "GAS", "JUMPDEST", "TLOAD", "TSTORE", "MCOPY", "PUSH0",
    "PUSH1", "PUSH2", "PUSH3", "PUSH4", "PUSH5", "PUSH6", "PUSH7", "PUSH8",
    "PUSH9", "PUSH10", "PUSH11", "PUSH12", "PUSH13", "PUSH14", "PUSH15", "PUSH16",
    "PUSH17", "PUSH18", "PUSH19", "PUSH20", "PUSH21", "PUSH22", "PUSH23", "PUSH24",
    "PUSH25", "PUSH26", "PUSH27", "PUSH28", "PUSH29", "PUSH30", "PUSH31", "PUSH32",
    "DUP1", "DUP2", "DUP3", "DUP4", "DUP5", "DUP6", "DUP7", "DUP8",
    "DUP9", "DUP10", "DUP11", "DUP12", "DUP13", "DUP14", "DUP15", "DUP16",
    "SWAP1", "SWAP2", "SWAP3", "SWAP4", "SWAP5", "SWAP6", "SWAP7", "SWAP8",
    "SWAP9", "SWAP10", "SWAP11", "SWAP12", "SWAP13", "SWAP14", "SWAP15", "SWAP16",
    "LOG0", "LOG1", "LOG2", "LOG3", "LOG4", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "",
    "CREATE", "CALL", "CALLCODE", "RETURN", "DELEGATECALL", "CREATE2", "", "",
    "", "", "STATICCALL", "", "", "REVERT", "INVALID", "SELFDESTRUCT",
];

#[cfg(test)]
mod tests {
    use super::opcode_name;

    #[test]
    fn names_stand_at_their_opcodes() {
        let table = [
            (0x00, "STOP"),
            (0x1e, "CLZ"),
            (0x20, "KECCAK256"),
            (0x44, "DIFFICULTY"),
            (0x5f, "PUSH0"),
            (0x60, "PUSH1"),
            (0x7f, "PUSH32"),
            (0x80, "DUP1"),
            (0x9f, "SWAP16"),
            (0xa4, "LOG4"),
            (0xf5, "CREATE2"),
            (0xfa, "STATICCALL"),
            (0xff, "SELFDESTRUCT"),
        ];
        for (opcode, name) in table {
            assert_eq!(opcode_name(opcode), Some(name));
        }
        for opcode in [0x0c, 0x21, 0x4b, 0xa5, 0xf6, 0xfc] {
            assert_eq!(opcode_name(opcode), None, "{opcode:#04x}");
        }
    }
}

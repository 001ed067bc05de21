//! The errors of JSON-RPC: the codes of the specification, of EIP-1474, and 3 for a revert.

use crate::chain::{CallError, ChainError, Refusal, SubmitError};
use crate::simulation::SimulateError;
use jsonrpsee::types::ErrorObjectOwned;
use millrace_primitives::U256;
use std::time::Duration;

/// The specification: an argument is wrong.
pub(crate) const INVALID_PARAMS: i32 = -32602;
/// The specification: a fault of the node.
pub(crate) const INTERNAL: i32 = -32603;
/// The specification: no such method.
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
/// EIP-1474: invalid input; what go-ethereum answers for a refused transaction.
pub(crate) const INVALID_INPUT: i32 = -32000;
/// EIP-1474, EIP-1898: the named block does not exist.
pub(crate) const NOT_FOUND: i32 = -32001;
/// EIP-1474: it exists, but cannot be had now.
pub(crate) const UNAVAILABLE: i32 = -32002;
/// EIP-1474: the request goes beyond a limit.
pub(crate) const LIMIT_EXCEEDED: i32 = -32005;
/// go-ethereum: the call reverted; `data` is what it gave back.
pub(crate) const REVERTED: i32 = 3;

/// An error as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) data: Option<String>,
}

impl RpcError {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// A block that a state was asked for does not exist.
    pub(crate) fn block_not_found() -> Self {
        Self::new(NOT_FOUND, "block not found")
    }

    /// A fault of the node: the caller learns that it happened, the log says what.
    pub(crate) fn internal(what: &str) -> Self {
        tracing::error!(what, "a request failed by a fault of the node");
        Self::new(INTERNAL, "internal error")
    }

    /// An execution took too long. The words are go-ethereum's.
    pub(crate) fn call_expired(after: Duration) -> Self {
        Self::new(INVALID_INPUT, format!("execution aborted (timeout = {after:?})"))
    }

    /// A read or a search took too long.
    pub(crate) fn read_expired(after: Duration) -> Self {
        Self::new(UNAVAILABLE, format!("request timed out after {after:?}: ask for less at a time"))
    }

    /// The work noticed that nobody waits for it: nobody sees this.
    pub(crate) fn interrupted() -> Self {
        Self::new(UNAVAILABLE, "the request was interrupted")
    }

    pub(crate) fn reverted(output: &[u8]) -> Self {
        let message = match revert_reason(output) {
            Some(reason) => format!("execution reverted: {reason}"),
            None => "execution reverted".to_owned(),
        };
        Self { code: REVERTED, message, data: Some(format!("0x{}", hex::encode(output))) }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::StateUnavailable(_) | ChainError::Unavailable(_) => {
                Self::new(UNAVAILABLE, error.to_string())
            }
            ChainError::Internal(what) => Self::internal(&what),
        }
    }
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        Self::new(INVALID_INPUT, refusal.to_string())
    }
}

impl From<SubmitError> for RpcError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Chain(error) => error.into(),
        }
    }
}

/// The codes that the specification of `eth_simulateV1` gives to the rules of a transaction.
fn simulation_code(refusal: &Refusal) -> i32 {
    match refusal {
        Refusal::NonceTooLow { .. } => -38010,
        Refusal::NonceTooHigh { .. } => -38011,
        Refusal::FeeTooLow { .. } => -38012,
        Refusal::IntrinsicGasTooLow { .. } => -38013,
        Refusal::InsufficientFunds { .. } => -38014,
        Refusal::GasLimitTooHigh { .. } => -38015,
        Refusal::SenderNotEoa(_) => -38024,
        Refusal::InitcodeTooLarge => -38025,
        _ => INVALID_INPUT,
    }
}

impl From<SimulateError> for RpcError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::BlockFull(what) => Self::new(-38015, what),
            SimulateError::BlockNumber(what) => Self::new(-38020, what),
            SimulateError::BlockTimestamp(what) => Self::new(-38021, what),
            SimulateError::Limit(what) => Self::new(-38026, what),
            SimulateError::TooLarge => Self::new(-38026, error.to_string()),
            SimulateError::Refused(refusal) => Self::new(simulation_code(&refusal), refusal.to_string()),
            SimulateError::Interrupted => Self::interrupted(),
            SimulateError::Chain(error) => error.into(),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Reverted { output } => Self::reverted(&output),
            CallError::Halted(reason) => Self::new(INVALID_INPUT, reason),
            CallError::Refused(refusal) => refusal.into(),
            CallError::TraceTooLarge => Self::new(LIMIT_EXCEEDED, "the trace is too large: ask for less"),
            CallError::Interrupted => Self::interrupted(),
            CallError::Chain(error) => error.into(),
        }
    }
}

/// Selector of `Error(string)`.
const ERROR_SELECTOR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of `Panic(uint256)`.
const PANIC_SELECTOR: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// What Solidity's `Error(string)` or `Panic(uint256)` says.
pub(crate) fn revert_reason(output: &[u8]) -> Option<String> {
    let (selector, arguments) = output.split_first_chunk::<4>()?;
    match *selector {
        ERROR_SELECTOR => {
            let offset = word_at(arguments, 0)?;
            let size = word_at(arguments, offset)?;
            let start = offset.checked_add(32)?;
            let text = arguments.get(start..start.checked_add(size)?)?;
            Some(String::from_utf8_lossy(text).into_owned())
        }
        PANIC_SELECTOR => {
            let code = U256::from_big_endian(arguments.get(..32)?);
            Some(panic_reason(code))
        }
        _ => None,
    }
}

/// The word at `offset` as a length or an offset.
fn word_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let word = bytes.get(offset..offset.checked_add(32)?)?;
    usize::try_from(U256::from_big_endian(word)).ok()
}

/// The panic codes of Solidity, in the words of go-ethereum.
fn panic_reason(code: U256) -> String {
    let known = match u8::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded_error(text: &str) -> Vec<u8> {
        let mut output = ERROR_SELECTOR.to_vec();
        output.extend([[0; 31].as_slice(), &[0x20]].concat());
        output.extend([[0; 31].as_slice(), &[text.len() as u8]].concat());
        output.extend(text.as_bytes());
        output.resize(4 + 64 + text.len().div_ceil(32) * 32, 0);
        output
    }

    #[test]
    fn solidity_reasons_are_decoded() {
        assert_eq!(revert_reason(&encoded_error("not the owner")), Some("not the owner".into()));
        assert_eq!(revert_reason(&encoded_error("")), Some(String::new()));
        let mut panic = PANIC_SELECTOR.to_vec();
        panic.extend([[0; 31].as_slice(), &[0x11]].concat());
        assert_eq!(revert_reason(&panic), Some("arithmetic underflow or overflow".into()));
        panic[35] = 0x99;
        assert_eq!(revert_reason(&panic), Some("unknown panic code: 0x99".into()));
    }

    #[test]
    fn hostile_reasons_are_no_reason() {
        let whole = encoded_error("a reason");
        for size in 0..whole.len() - 24 {
            assert_eq!(revert_reason(&whole[..size]), None, "cut to {size}");
        }
        let mut huge = whole.clone();
        huge[4..36].fill(0xff);
        assert_eq!(revert_reason(&huge), None);
        let mut huge = whole;
        huge[36..68].fill(0xff);
        assert_eq!(revert_reason(&huge), None);
        assert_eq!(revert_reason(&[0xde, 0xad, 0xbe, 0xef, 1]), None);
    }

    #[test]
    fn a_revert_carries_its_bytes() {
        let error = RpcError::from(CallError::Reverted { output: vec![0xde, 0xad, 0xbe, 0xef] });
        assert_eq!((error.code, error.message.as_str()), (REVERTED, "execution reverted"));
        assert_eq!(error.data.as_deref(), Some("0xdeadbeef"));
    }
}

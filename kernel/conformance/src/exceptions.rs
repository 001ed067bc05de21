//! The names that fixtures give to the reasons why a transaction is refused, and what they are here.
//!
//! Names with `TransactionException.` are those of `execution-spec-tests`
//! (`execution_testing/exceptions/exceptions/transaction.py`), the others those of older `ethereum/tests`. Where Ethereum
//! names the field that is not canonical RLP, the kernel knows only what is wrong with it.

use millrace_evm::rlp::RlpError;
use millrace_evm::{DecodeError, Invalid};

/// Why the kernel refused a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The bytes are no transaction.
    Decode(DecodeError),
    /// Nobody signed it.
    Recover,
    /// It may not be in a block.
    Invalid(Invalid),
}

type Test = fn(&Refusal) -> bool;

/// `|refusal|` is one of these patterns.
macro_rules! is {
    ($($pattern:pat_param)|+) => {
        |refusal| matches!(refusal, $($pattern)|+)
    };
}

use DecodeError::{
    BadParity, BadSignature, BlobTransaction, DepositFromUser, HighS, Rlp, UnknownType, WrongChainId,
};
use Refusal::{Decode, Recover};
use RlpError::{NotCanonical, Trailing, Truncated, WrongKind, WrongLength};

/// Every name, with what it stands for.
const TABLE: &[(&[&str], Test)] = &[
    // What can be told from the bytes alone.
    (
        &["TYPE_NOT_SUPPORTED", "TYPE_1_TX_PRE_FORK", "TYPE_2_TX_PRE_FORK", "TR_TypeNotSupported"],
        is!(Decode(UnknownType(_) | BlobTransaction) | Refusal::Invalid(Invalid::TypeNotInFork)),
    ),
    (
        &[
            "TYPE_3_TX_PRE_FORK",
            "TYPE_3_TX_ZERO_BLOBS_PRE_FORK",
            "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH",
            "TYPE_3_TX_WITH_FULL_BLOBS",
            "TYPE_3_TX_BLOB_COUNT_EXCEEDED",
            "TYPE_3_TX_CONTRACT_CREATION",
            "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED",
            "TYPE_3_TX_ZERO_BLOBS",
            "INSUFFICIENT_MAX_FEE_PER_BLOB_GAS",
            "TR_BLOBCREATE",
            "TR_BLOBLIST_OVERSIZE",
            "TR_BLOBVERSION_INVALID",
            "TR_EMPTYBLOB",
        ],
        is!(Decode(BlobTransaction)),
    ),
    (&["TYPE_4_TX_PRE_FORK"], is!(Refusal::Invalid(Invalid::TypeNotInFork))),
    (&["TYPE_4_EMPTY_AUTHORIZATION_LIST"], is!(Refusal::Invalid(Invalid::NoAuthorizations))),
    (&["TYPE_4_TX_CONTRACT_CREATION"], is!(Refusal::Invalid(Invalid::SetCodeCreates))),
    (&["TYPE_4_INVALID_AUTHORIZATION_FORMAT"], is!(Decode(Rlp(_)))),
    // An authorization of which the signature is none changes nothing (EIP-7702); only the drafts refused the whole.
    (
        &["TYPE_4_INVALID_AUTHORITY_SIGNATURE", "TYPE_4_INVALID_AUTHORITY_SIGNATURE_S_TOO_HIGH"],
        is!(Decode(Rlp(_))),
    ),
    (
        &[
            "ADDRESS_TOO_SHORT",
            "ADDRESS_TOO_LONG",
            "RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_LONG",
            "RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_SHORT",
            "RLP_INVALID_ACCESS_LIST_STORAGE_TOO_LONG",
            "RLP_INVALID_ACCESS_LIST_STORAGE_TOO_SHORT",
            "NONCE_OVERFLOW",
            "VALUE_OVERFLOW",
            "GASPRICE_OVERFLOW",
            "PRIORITY_OVERFLOW",
            "RLP_INVALID_VALUE",
            "TR_RLP_WRONGVALUE",
        ],
        is!(Decode(Rlp(WrongLength))),
    ),
    (
        &[
            "RLP_LEADING_ZEROS_GASLIMIT",
            "RLP_LEADING_ZEROS_GASPRICE",
            "RLP_LEADING_ZEROS_VALUE",
            "RLP_LEADING_ZEROS_NONCE",
            "RLP_LEADING_ZEROS_R",
            "RLP_LEADING_ZEROS_S",
            "RLP_LEADING_ZEROS_V",
            "RLP_LEADING_ZEROS_BASEFEE",
            "RLP_LEADING_ZEROS_PRIORITY_FEE",
            "RLP_LEADING_ZEROS_DATA_SIZE",
            "RLP_LEADING_ZEROS_NONCE_SIZE",
            "RLP_ERROR_SIZE_LEADING_ZEROS",
            "TR_RLP_LEADINGZEROS",
        ],
        is!(Decode(Rlp(NotCanonical))),
    ),
    // Zeros in front of a number are found before its size.
    (&["GASLIMIT_OVERFLOW"], is!(Decode(Rlp(WrongLength | NotCanonical)))),
    (&["RLP_INVALID_SIGNATURE_R", "RLP_INVALID_SIGNATURE_S"], is!(Decode(Rlp(WrongLength | WrongKind)))),
    (
        &["RLP_INVALID_DATA", "RLP_INVALID_GASLIMIT", "RLP_INVALID_NONCE", "RLP_INVALID_TO"],
        is!(Decode(Rlp(WrongKind))),
    ),
    (&["RLP_TOO_FEW_ELEMENTS", "RLP_ERROR_EOF"], is!(Decode(Rlp(Truncated)))),
    (&["RLP_TOO_MANY_ELEMENTS"], is!(Decode(Rlp(Trailing)))),
    (&["RLP_INVALID_HEADER", "RLP_ERROR_SIZE"], is!(Decode(Rlp(_)))),
    // A legacy `v` that is none of the forms is no parity here; others take it for a chain that does not exist.
    (
        &["INVALID_CHAINID"],
        is!(Decode(WrongChainId(_) | BadParity) | Refusal::Invalid(Invalid::WrongChainId)),
    ),
    // Larger than 256 bits is no number of RLP here; all three zero is what stands for a deposit.
    (
        &["INVALID_SIGNATURE_VRS"],
        is!(Decode(BadParity | BadSignature | HighS | DepositFromUser | Rlp(WrongLength))),
    ),
    (&["EC_RECOVERY_FAIL"], is!(Recover)),
    // What depends on block and state.
    (&["SENDER_NOT_EOA", "SenderNotEOA"], is!(Refusal::Invalid(Invalid::SenderHasCode))),
    (
        &["SenderNotEOAorNoCASH"],
        is!(Refusal::Invalid(Invalid::SenderHasCode) | Refusal::Invalid(Invalid::InsufficientFunds { .. })),
    ),
    (&["NONCE_MISMATCH_TOO_HIGH", "TR_NonceTooHigh"], is!(Refusal::Invalid(Invalid::NonceTooHigh { .. }))),
    (&["NONCE_MISMATCH_TOO_LOW", "TR_NonceTooLow"], is!(Refusal::Invalid(Invalid::NonceTooLow { .. }))),
    (&["NONCE_TOO_BIG", "NONCE_IS_MAX", "TR_NonceHasMaxValue"], is!(Refusal::Invalid(Invalid::NonceMax))),
    // What does not fit 256 bits nobody has.
    (
        &["INSUFFICIENT_ACCOUNT_FUNDS", "TR_NoFunds", "TR_NoFundsX", "TR_NoFundsValue"],
        is!(Refusal::Invalid(Invalid::InsufficientFunds { .. } | Invalid::CostOverflow)),
    ),
    (&["GASLIMIT_PRICE_PRODUCT_OVERFLOW"], is!(Refusal::Invalid(Invalid::CostOverflow))),
    (
        &["INSUFFICIENT_MAX_FEE_PER_GAS", "TR_FeeCapLessThanBlocks"],
        is!(Refusal::Invalid(Invalid::FeeCapBelowBaseFee { .. })),
    ),
    (
        &["TR_FeeCapLessThanBlocksORNoFunds"],
        is!(Refusal::Invalid(Invalid::FeeCapBelowBaseFee { .. })
            | Refusal::Invalid(Invalid::InsufficientFunds { .. })),
    ),
    (
        &["TR_FeeCapLessThanBlocksORGasLimitReached"],
        is!(Refusal::Invalid(Invalid::FeeCapBelowBaseFee { .. })
            | Refusal::Invalid(Invalid::GasLimitAboveBlock)),
    ),
    (
        &[
            "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS",
            "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS_2",
            "TR_TipGtFeeCap",
        ],
        is!(Refusal::Invalid(Invalid::TipAboveFeeCap)),
    ),
    (
        &["INTRINSIC_GAS_TOO_LOW", "INTRINSIC_GAS_BELOW_FLOOR_GAS_COST", "TR_IntrinsicGas", "IntrinsicGas"],
        is!(Refusal::Invalid(Invalid::GasLimitTooLow { .. })),
    ),
    (
        &["TR_NoFundsOrGas"],
        is!(Refusal::Invalid(Invalid::GasLimitTooLow { .. })
            | Refusal::Invalid(Invalid::InsufficientFunds { .. })),
    ),
    (
        &["INITCODE_SIZE_EXCEEDED", "TR_InitCodeLimitExceeded"],
        is!(Refusal::Invalid(Invalid::InitcodeTooLarge)),
    ),
    (&["GAS_ALLOWANCE_EXCEEDED", "TR_GasLimitReached"], is!(Refusal::Invalid(Invalid::GasLimitAboveBlock))),
    (&["GAS_LIMIT_EXCEEDS_MAXIMUM"], is!(Refusal::Invalid(Invalid::GasLimitAboveCap))),
];

/// Checks that a refusal has one of the reasons in `names`, which `|` separates.
///
/// # Errors
/// When it has another, or a name is not known.
pub fn check(refusal: &Refusal, names: &str) -> Result<(), String> {
    let mut has_reason = false;
    for name in names.split('|') {
        let short = name.strip_prefix("TransactionException.").unwrap_or(name);
        let known = TABLE.iter().find(|(names, _)| names.contains(&short));
        let (_, test) = known.ok_or_else(|| format!("nobody knows the exception {name}"))?;
        has_reason |= test(refusal);
    }
    if has_reason { Ok(()) } else { Err(format!("refused as {refusal:?}, not as {names}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_stands_once() {
        let names: Vec<&str> = TABLE.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn reasons_are_told_apart() {
        let refusal = Refusal::Invalid(Invalid::SenderHasCode);
        assert_eq!(check(&refusal, "TransactionException.SENDER_NOT_EOA"), Ok(()));
        assert_eq!(
            check(&refusal, "TransactionException.NONCE_IS_MAX|TransactionException.SENDER_NOT_EOA"),
            Ok(())
        );
        assert!(check(&refusal, "TransactionException.NONCE_IS_MAX").is_err());
        assert!(check(&refusal, "TransactionException.SENDER_NOT_EOA|Whatever").is_err());
    }
}

//! The reasons of engine and pool in the words of the JSON-RPC.

use millrace_engine::{DecodeError, Invalid, Offered, Rejected};
use millrace_layout::parameters::Parameters;
use millrace_primitives::{Address, Gas};
use millrace_rpc::{ChainError, Refusal, SubmitError};
use millrace_sequencing::pool::Refused;

pub(super) fn of_rejected(rejected: Rejected, parameters: &Parameters) -> SubmitError {
    match rejected {
        Rejected::Decode(error) => of_decode(error, parameters).into(),
        Rejected::Signature => Refusal::InvalidSender.into(),
        Rejected::Invalid { invalid, offered } => of_invalid(invalid, &offered, parameters).into(),
        Rejected::Engine(error) => ChainError::Internal(error.to_string()).into(),
    }
}

fn of_decode(error: DecodeError, parameters: &Parameters) -> Refusal {
    let undecodable = |text: &str| Refusal::Undecodable(text.to_owned());
    match error {
        DecodeError::Empty => undecodable("it has no bytes"),
        DecodeError::TooLarge => Refusal::Other("oversized data".to_owned()),
        DecodeError::Rlp(error) => Refusal::Undecodable(format!("rlp: {error:?}")),
        DecodeError::BlobTransaction | DecodeError::UnknownType(_) => Refusal::TypeNotSupported,
        DecodeError::WrongChainId(have) => Refusal::WrongChain { have, want: parameters.chain_id },
        DecodeError::BadParity | DecodeError::BadSignature | DecodeError::HighS => {
            Refusal::Undecodable(format!("invalid signature: {error:?}"))
        }
        DecodeError::DepositFromUser => undecodable("it is not signed"),
    }
}

pub(super) fn of_invalid(invalid: Invalid, offered: &Offered, parameters: &Parameters) -> Refusal {
    let &Offered { sender, nonce, gas_limit, max_fee_per_gas } = offered;
    match invalid {
        Invalid::NonceTooLow { expected } => Refusal::NonceTooLow { next: expected, nonce },
        Invalid::NonceTooHigh { expected } => Refusal::NonceTooHigh { next: expected, nonce },
        Invalid::InsufficientFunds { needed, available } => {
            Refusal::InsufficientFunds { balance: available, cost: needed }
        }
        Invalid::TipAboveFeeCap => Refusal::TipAboveFee,
        Invalid::FeeCapBelowBaseFee { base_fee } => Refusal::FeeTooLow { offered: max_fee_per_gas, base_fee },
        Invalid::GasLimitTooLow { needed } => {
            Refusal::IntrinsicGasTooLow { have: gas_limit, want: Gas::new(needed) }
        }
        Invalid::GasLimitAboveBlock => {
            Refusal::GasLimitTooHigh { have: gas_limit, max: parameters.gas_limit_header }
        }
        Invalid::SenderHasCode => Refusal::SenderNotEoa(sender),
        Invalid::WrongChainId => Refusal::Other("invalid chain id for signer".to_owned()),
        Invalid::NonceMax => Refusal::Other("nonce has max value".to_owned()),
        Invalid::CostOverflow => {
            Refusal::Other("insufficient funds for gas * price + value: the cost overflows".to_owned())
        }
        Invalid::IntrinsicGasAboveCap => {
            Refusal::Other("the intrinsic gas is above what a transaction may execute".to_owned())
        }
        Invalid::InitcodeTooLarge => Refusal::InitcodeTooLarge,
        Invalid::GasLimitAboveCap => Refusal::Other("transaction gas limit too high".to_owned()),
        Invalid::TypeNotInFork => Refusal::TypeNotSupported,
        Invalid::SetCodeCreates => {
            Refusal::Other("EIP-7702 transaction cannot be used to create contract".to_owned())
        }
        Invalid::NoAuthorizations => Refusal::Other("EIP-7702 transaction with empty auth list".to_owned()),
    }
}

pub(super) fn of_refused(refused: Refused, sender: Address) -> Refusal {
    match refused {
        Refused::AlreadyKnown => Refusal::AlreadyKnown,
        Refused::NonceTooLow { next, got } => Refusal::NonceTooLow { next, nonce: got },
        Refused::NonceTooHigh { next, got, .. } => Refusal::NonceTooHigh { next, nonce: got },
        Refused::ReplacementUnderpriced { .. } => Refusal::ReplacementUnderpriced,
        Refused::Funds { balance, queued, cost } => {
            Refusal::InsufficientFunds { balance, cost: queued.saturating_add(cost) }
        }
        Refused::SenderFull { .. } => Refusal::AccountLimit(sender),
        Refused::Banned => Refusal::Other("no block can be made with this transaction".to_owned()),
        Refused::Full { .. } | Refused::QueuedFull { .. } => Refusal::PoolFull,
        Refused::TooLarge { size_bytes, size_bytes_max } => Refusal::TooLarge { size_bytes, size_bytes_max },
    }
}

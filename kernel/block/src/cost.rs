//! What items and transactions take of a run and of a block (`docs/delayed-inbox.md`).
//!
//! **Gas** bounds a block: it is part of the rules, so every node computes it alike. **Ticks** bound a run: they
//! decide only where a block pauses, which leaves no trace in it. The coefficients are upper bounds of what
//! `make bench` measures, in operators times eight.

use crate::execution::charges;
use millrace_evm::{
    execute::tickets::HOOK_GAS,
    fees::Fees,
    transaction::{SignedTransaction, Transaction},
};
use millrace_layout::{
    delayed::{Content, Item},
    parameters::Parameters,
};
use millrace_primitives::{Gas, Ticks, U256};

/// What a native deposit takes of a block: as much as a transfer, which changes as much.
pub const DEPOSIT_GAS: Gas = Gas::new(21_000);

/// What an FA deposit takes of a block: the slot that it changes, and the call of its proxy.
const fn fa_deposit_gas(has_proxy: bool) -> Gas {
    let hook = if has_proxy { HOOK_GAS.get() } else { 0 };
    FA_DEPOSIT_GAS.saturating_add(hook)
}

/// What an FA deposit without proxy takes of a block: a slot more than a native one.
pub const FA_DEPOSIT_GAS: Gas = Gas::new(45_000);

/// What a transaction that cannot be decoded takes of a block: it is consumed all the same.
pub const UNDECODABLE_GAS: Gas = Gas::new(21_000);

/// Ticks of a unit of execution gas, about as many as in the dearest loops that `make bench` knows (6,937: pairing checks
/// on BLS12-381; 4,078: `MULMOD`). A transfer of tokens takes a twentieth.
const TICKS_PER_GAS: u64 = 6_000;
/// Ticks of a transaction without its execution: recovery of the sender, two hashes, receipt, tries.
const TICKS_TRANSACTION: u64 = 10_000_000;
/// Ticks of a byte of a transaction: copied and hashed a few times.
const TICKS_PER_BYTE: u64 = 1_500;
/// Ticks of a deposit: one account, a receipt, its place in the tries.
const TICKS_DEPOSIT: u64 = 1_500_000;

/// Ticks of making a block that has nothing in it.
pub const TICKS_BLOCK: Ticks = Ticks::new(10_000_000);

/// Ticks that a transaction may take.
pub(crate) const fn ticks_transaction(size_bytes: usize, execution_gas: Gas) -> Ticks {
    Ticks::new(TICKS_TRANSACTION)
        .saturating_add((size_bytes as u64).saturating_mul(TICKS_PER_BYTE))
        .saturating_add(execution_gas.get().saturating_mul(TICKS_PER_GAS))
}

/// Ticks that an FA deposit may take.
pub(crate) const fn ticks_fa_deposit(has_proxy: bool) -> Ticks {
    ticks_transaction(0, fa_deposit_gas(has_proxy))
}

/// Ticks that a deposit takes.
pub(crate) const fn ticks_deposit() -> Ticks {
    Ticks::new(TICKS_DEPOSIT)
}

/// What delayed transactions are charged: nothing for their bytes, which the sender paid for on the layer 1.
pub fn delayed_charges(parameters: &Parameters) -> Fees {
    Fees { da_fee_per_byte: U256::zero(), ..charges(parameters) }
}

/// Execution gas that a transaction may use: its limit without the part for its bytes, held at the cap.
pub(crate) fn execution_limit(charges: &Fees, transaction: &Transaction, base_fee: U256) -> Gas {
    let bytes = charges.da_bytes(&transaction.shape());
    let da_gas = charges.da_gas(bytes, base_fee).unwrap_or(u64::MAX);
    transaction.gas_limit.saturating_sub(da_gas).min(charges.execution_gas_limit_max)
}

/// What an item of the delayed inbox takes of a block at most.
pub fn item_gas(parameters: &Parameters, item: &Item) -> Gas {
    match &item.content {
        Content::Deposit(_) => DEPOSIT_GAS,
        Content::FaDeposit(deposit) => fa_deposit_gas(deposit.proxy.is_some()),
        Content::Transaction(raw) => match SignedTransaction::decode(raw, parameters.chain_id) {
            // Without a price for bytes the base fee plays no role.
            Ok(signed) => execution_limit(&delayed_charges(parameters), signed.transaction(), U256::one()),
            Err(_) => UNDECODABLE_GAS,
        },
    }
}

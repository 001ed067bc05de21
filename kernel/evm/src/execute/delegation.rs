//! Authorizations are applied before the outermost call, and stay when it fails (EIP-7702).

use super::BlockEnvironment;
use crate::state::{Code, State, StateReader};
use crate::transaction::Authorization;
use alloc::vec::Vec;
use millrace_primitives::Address;

/// Given back for an authority that exists: 25,000 were paid for one that does not.
const REFUND: u64 = 12_500;

/// Applies those that are valid, in order. The gas to give back for accounts that were there already, within the bound
/// that all refunds share.
pub(super) fn apply<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    authorizations: &[Authorization],
) -> u64 {
    authorizations
        .iter()
        .map(|authorization| apply_one(state, block, authorization).unwrap_or_default())
        .fold(0, u64::saturating_add)
}

/// `None` when it is not valid: nothing changed but that the account is warm.
fn apply_one<R: StateReader>(
    state: &mut State<R>,
    block: &BlockEnvironment,
    authorization: &Authorization,
) -> Option<u64> {
    let &Authorization { chain_id, address, nonce, .. } = authorization;
    if (!chain_id.is_zero() && chain_id != block.chain_id) || nonce == u64::MAX {
        return None;
    }
    let authority = authorization.authority()?;
    state.warm(authority);
    let code = state.code_at(authority);
    if !(code.bytes().is_empty() || code.delegate().is_some()) || state.nonce_of(authority) != nonce {
        return None;
    }
    let refund = if state.exists_now(authority) { REFUND } else { 0 };
    let designator = if address.is_zero() { Vec::new() } else { Code::designator(address) };
    state.set_code(authority, designator);
    let _ = state.increment_nonce(authority);
    Some(refund)
}

/// Warms the account whose code the receiver runs.
pub(super) fn warm_delegate<R: StateReader>(state: &mut State<R>, receiver: Address) {
    if let Some(delegate) = state.code_at(receiver).delegate() {
        state.warm(delegate);
    }
}

/// Gas used after refunds: those of the execution, which `used` is without already, and `refund` together are at most
/// a fifth of what was spent (EIP-3529); and never below the floor (EIP-7623).
pub(super) fn settle_gas(spent: u64, used: u64, refund: u64, floor: u64) -> u64 {
    let given_back = spent.saturating_sub(used).saturating_add(refund).min(spent / 5);
    spent.saturating_sub(given_back).max(floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refunds_share_a_fifth() {
        assert_eq!(settle_gas(100_000, 100_000, 0, 0), 100_000);
        assert_eq!(settle_gas(100_000, 95_000, 12_500, 0), 82_500);
        assert_eq!(settle_gas(100_000, 80_000, 12_500, 0), 80_000);
        assert_eq!(settle_gas(100_000, 90_000, 12_500, 0), 80_000);
        assert_eq!(settle_gas(100_000, 90_000, 0, 95_000), 95_000);
    }
}

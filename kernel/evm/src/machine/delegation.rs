//! Calls of accounts that run the code of another (EIP-7702).

use super::host::Backend;
use evm::interpreter::runtime::TouchKind;
use evm::interpreter::uint::U256Ext;
use evm::interpreter::{ExitError, Machine};
use evm::standard::State as FrameState;
use millrace_primitives::Address;

/// Gas of an account that this transaction has seen (EIP-2929).
const WARM: u64 = 100;
/// Gas of an account that it has not.
const COLD: u64 = 2_600;

/// Takes the gas of the account whose code a call is about to run, when the one called delegates to it, and warms it.
/// The price of the account called itself is left to the crate, which comes next.
pub(super) fn charge<H: Backend>(
    machine: &mut Machine<FrameState<'static>>,
    host: &mut H,
) -> Result<(), ExitError> {
    let target: Address = machine.stack.peek(1)?.to_h160();
    let Some(delegate) = host.code_of(target).delegate() else { return Ok(()) };
    if delegate == target {
        // Warm by the time that its code is looked at, and not before: the crate warms it.
        return machine.state.gasometer.record_gas64(WARM);
    }
    let is_cold = host.is_cold(delegate, None);
    machine.state.gasometer.record_gas64(if is_cold { COLD } else { WARM })?;
    host.mark_hot(delegate, TouchKind::Access);
    Ok(())
}

//! The price of gas: a base fee that follows the backlog of executed gas.
//!
//! The backlog grows by the execution gas of each block and shrinks by the target for each second. Up to
//! [`TOLERANCE_S`] seconds of target it costs nothing; above, the base fee is
//! `min · exp((backlog − tolerance) / scale)`, with the scale such that ten idle seconds multiply the fee
//! by 7/8 (Etherlink's model, in integers).

use millrace_layout::parameters::Parameters;
use millrace_primitives::{Gas, Timestamp, U256};

/// Seconds of target that the backlog may hold at the minimum price.
pub const TOLERANCE_S: u64 = 10;
/// The unit in which excess and scale are compared.
const UNITS_PER_GAS: u64 = 1_000_000_000_000;
/// 10^12 · 10 / ln(8/7), so that ten idle seconds multiply the fee by 7/8; with as many digits that the last one does
/// not show in a fee.
const SCALE_UNITS_OF_TARGET: u64 = 74_888_756_894_186;
/// The exponent is held here: e^80 times a gwei is more than all wei that can exist.
const EXPONENT_MAX: u64 = 80;

/// The backlog at `now`, given what it was at `then`.
pub fn backlog_at(parameters: &Parameters, backlog: Gas, then: Timestamp, now: Timestamp) -> Gas {
    let drained = parameters.gas_target_per_s.get().saturating_mul(now.since(then));
    backlog.saturating_sub(drained)
}

/// Wei per gas for a block that starts with this backlog.
pub fn base_fee(parameters: &Parameters, backlog: Gas) -> U256 {
    let target = parameters.gas_target_per_s.get();
    let excess = backlog.since(Gas::new(target.saturating_mul(TOLERANCE_S)));
    let scale = U256::from(target).saturating_mul(U256::from(SCALE_UNITS_OF_TARGET));
    let excess = U256::from(excess).saturating_mul(U256::from(UNITS_PER_GAS));
    exponential(parameters.base_fee_min, excess, scale.max(U256::one()))
}

/// `factor · exp(excess / scale)`, rounded down, by its Taylor series. Each term is kept in units of `1/scale`, so all
/// the roundings together stay below a wei for any scale above a few hundred. A term so large that its product with
/// `excess` needs more than 256 bits is divided first: what that rounds off is nothing to it. A result that does not fit
/// 256 bits itself is held where it stops fitting, and never below `factor`.
fn exponential(factor: U256, excess: U256, scale: U256) -> U256 {
    let excess = excess.min(scale.saturating_mul(U256::from(EXPONENT_MAX)));
    let mut term = factor.saturating_mul(scale);
    let mut sum = U256::zero();
    let mut index = 1u64;
    while !term.is_zero() {
        sum = sum.saturating_add(term);
        let divisor = scale.saturating_mul(U256::from(index));
        term = match term.checked_mul(excess) {
            Some(product) => product.checked_div(divisor).unwrap_or_default(),
            None => term.checked_div(divisor).unwrap_or_default().saturating_mul(excess),
        };
        index = index.saturating_add(1);
    }
    sum.checked_div(scale).unwrap_or_default().max(factor)
}

#[cfg(test)]
mod tests {
    mod properties;

    use super::*;

    fn parameters() -> Parameters {
        Parameters::default()
    }

    fn gwei(fee: U256) -> f64 {
        fee.as_u128() as f64 / 1e9
    }

    #[test]
    fn the_fee_is_the_minimum_up_to_the_tolerance() {
        let minimum = parameters().base_fee_min;
        assert_eq!(base_fee(&parameters(), Gas::ZERO), minimum);
        assert_eq!(base_fee(&parameters(), Gas::new(135_000_000)), minimum);
        assert!(base_fee(&parameters(), Gas::new(136_000_000)) > minimum);
    }

    #[test]
    fn ten_idle_seconds_multiply_the_fee_by_seven_eighths() {
        let backlog = Gas::new(2_000_000_000);
        let later = backlog_at(&parameters(), backlog, Timestamp::new(100), Timestamp::new(110));
        let ratio = gwei(base_fee(&parameters(), later)) / gwei(base_fee(&parameters(), backlog));
        assert!((ratio - 0.875).abs() < 1e-6, "{ratio}");
    }

    #[test]
    fn the_fee_follows_the_exponential_and_never_falls_as_the_backlog_grows() {
        let scale = 13_500_000.0 * SCALE_UNITS_OF_TARGET as f64 / 1e12;
        let mut previous = U256::zero();
        for backlog in (0..40_000_000_000u64).step_by(97_000_001) {
            let fee = base_fee(&parameters(), Gas::new(backlog));
            let exact = (backlog.saturating_sub(135_000_000) as f64 / scale).exp();
            assert!((gwei(fee) / exact - 1.0).abs() < 2e-9, "{backlog}: {} {exact}", gwei(fee));
            assert!(fee >= previous);
            previous = fee;
        }
    }

    #[test]
    fn no_backlog_overflows() {
        let fee = base_fee(&parameters(), Gas::MAX);
        assert!(fee > U256::exp10(40) && fee < U256::exp10(45), "{fee}");
        let extreme = Parameters { base_fee_min: U256::MAX, ..parameters() };
        assert!(base_fee(&extreme, Gas::MAX) > U256::zero());
        let still = Parameters { gas_target_per_s: Gas::ZERO, ..parameters() };
        assert!(base_fee(&still, Gas::MAX) > U256::zero());
    }
}

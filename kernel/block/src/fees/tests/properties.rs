//! The base fee against the exponential itself, computed with rationals of a thousand bits.

use super::super::{EXPONENT_MAX, TOLERANCE_S, base_fee};
use fastrand::Rng;
use millrace_layout::parameters::Parameters;
use millrace_primitives::{Gas, U256};
use num_bigint::BigUint;

/// Bits after the point.
const PRECISION: u64 = 1_024;
/// Random backlogs for each set of parameters.
const BACKLOGS: usize = 200;

fn big(value: U256) -> BigUint {
    let mut bytes = [0; 32];
    value.to_big_endian(&mut bytes);
    BigUint::from_bytes_be(&bytes)
}

fn one() -> BigUint {
    BigUint::from(1u8) << PRECISION
}

/// `exp(numerator / denominator)`: the series, from a point where it converges at once.
fn exponential(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    const HALVINGS: u32 = 16;
    let x = (numerator << PRECISION) / (denominator << HALVINGS);
    let (mut term, mut sum) = (one(), one());
    for index in 1u32..200 {
        term = ((term * &x) >> PRECISION) / index;
        sum += &term;
    }
    (0..HALVINGS).fold(sum, |value, _| (&value * &value) >> PRECISION)
}

/// `ln(8/7)`, by `2 · artanh(1/15)`.
fn logarithm_of_eight_sevenths() -> BigUint {
    let mut power = one() / 15u8;
    let mut sum = BigUint::ZERO;
    for index in 0u32..150 {
        sum += &power / (2 * index + 1);
        power /= 225u8;
    }
    sum * 2u8
}

/// `minimum · exp(excess · ln(8/7) / (10 · target))`: ten seconds of target are a factor of 7/8.
fn real(parameters: &Parameters, excess: u64) -> BigUint {
    let target = parameters.gas_target_per_s.get();
    let numerator = BigUint::from(excess) * logarithm_of_eight_sevenths();
    let denominator = (BigUint::from(target) * 10u8) << PRECISION;
    (big(parameters.base_fee_min) * exponential(&numerator, &denominator)) >> PRECISION
}

/// Backlogs up to where the exponent is held, close to each other and far apart.
fn backlogs(rng: &mut Rng, target: u64) -> Vec<u64> {
    let tolerance = target.saturating_mul(TOLERANCE_S);
    // A little less than the exponent allows: 74.9 seconds of target are one.
    let reach = target.saturating_mul(EXPONENT_MAX).saturating_mul(74);
    let end = tolerance.saturating_add(reach);
    let mut backlogs: Vec<_> = (0..BACKLOGS)
        .flat_map(|_| {
            let around = match rng.u8(0..4) {
                0 => tolerance.saturating_add(rng.u64(0..=target)),
                1 => rng.u64(0..=tolerance),
                _ => rng.u64(tolerance..=end),
            };
            [around, around.saturating_add(1)]
        })
        .chain([0, tolerance, tolerance.saturating_add(1), end])
        .collect();
    backlogs.sort_unstable();
    backlogs
}

fn parameter_sets() -> Vec<Parameters> {
    let minima = [1, 7, 1_000_000_000, 50_000_000_000, 1_000_000_000_000_000_000];
    let targets = [1, 1_000, 2_000_000, 13_500_000, 1_000_000_000_000, u64::MAX / 10, u64::MAX];
    let set = |(minimum, target): (u64, u64)| Parameters {
        base_fee_min: U256::from(minimum),
        gas_target_per_s: Gas::new(target),
        ..Parameters::default()
    };
    minima.iter().flat_map(|minimum| targets.map(|target| set((*minimum, target)))).collect()
}

#[test]
fn the_fee_is_the_real_exponential_to_a_wei_per_gwei() {
    let mut rng = Rng::with_seed(8);
    let mut largest = BigUint::ZERO;
    for parameters in parameter_sets() {
        let target = parameters.gas_target_per_s.get();
        let tolerance = target.saturating_mul(TOLERANCE_S);
        for backlog in backlogs(&mut rng, target).into_iter().step_by(9) {
            let fee = big(base_fee(&parameters, Gas::new(backlog)));
            let real = real(&parameters, backlog.saturating_sub(tolerance));
            let difference = if fee > real { &fee - &real } else { &real - &fee };
            // Both are rounded down to whole wei.
            let allowed = &real / 1_000_000_000u32 + 1u8;
            assert!(
                difference <= allowed,
                "minimum {}, target {target}, backlog {backlog}: {fee}, really {real}",
                parameters.base_fee_min
            );
            largest = largest.max(real);
        }
    }
    // The whole range: e^79 times the largest minimum.
    assert!(largest.bits() > 170, "{}", largest.bits());
}

#[test]
fn the_fee_never_falls_as_the_backlog_grows_and_never_below_the_minimum() {
    let mut rng = Rng::with_seed(9);
    let extreme = [U256::MAX, U256::MAX / 2, U256::exp10(60), U256::zero()];
    let extreme = extreme.map(|base_fee_min| Parameters { base_fee_min, ..Parameters::default() });
    let idle = Parameters { gas_target_per_s: Gas::ZERO, ..Parameters::default() };
    for parameters in parameter_sets().into_iter().chain(extreme).chain([idle]) {
        let mut last = parameters.base_fee_min;
        for backlog in backlogs(&mut rng, parameters.gas_target_per_s.get()).into_iter().chain([u64::MAX]) {
            let fee = base_fee(&parameters, Gas::new(backlog));
            assert!(fee >= last, "{parameters:?}, backlog {backlog}: {fee} after {last}");
            last = fee;
        }
    }
}

//! Comparisons with independent implementations.

mod bls12_381;
mod bn254;
mod montgomery;
mod p256;

use proptest::collection::vec;
use proptest::prelude::*;

/// Some cases: curves are slow here, since every operation checks its bounds.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Numbers of 256 bits with a tendency to the extremes.
fn numbers() -> impl Strategy<Value = [u8; 32]> {
    let bytes = prop_oneof![
        4 => vec(any::<u8>(), 32),
        1 => vec(prop_oneof![Just(0), Just(0xff)], 32),
        1 => (vec(any::<u8>(), 2), 0usize..31).prop_map(|(bytes, at)| {
            let mut out = vec![0; 32];
            out[at..at + 2].copy_from_slice(&bytes);
            out
        }),
    ];
    bytes.prop_map(|bytes| bytes.try_into().unwrap_or([0; 32]))
}

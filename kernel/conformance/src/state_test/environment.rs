//! The block that a state test runs in.

use crate::read::{self, FixtureError};
use millrace_evm::BlockEnvironment;
use millrace_primitives::{BlockNumber, Fork, Gas, H256, Timestamp, U256};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawEnvironment {
    current_coinbase: String,
    current_gas_limit: String,
    current_number: String,
    current_timestamp: String,
    current_difficulty: Option<String>,
    current_random: Option<String>,
    current_base_fee: Option<String>,
    current_excess_blob_gas: Option<String>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawConfiguration {
    chainid: Option<String>,
    #[serde(default)]
    blob_schedule: BTreeMap<String, RawBlobs>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawBlobs {
    base_fee_update_fraction: Option<String>,
}

/// The block, less what depends on the fork.
#[derive(Debug)]
pub(super) struct Environment {
    block: BlockEnvironment,
    excess_blob_gas: U256,
    /// By lower-case name of the fork, where the test says so.
    update_fractions: BTreeMap<String, U256>,
}

impl Environment {
    pub(super) fn parse(
        raw: &RawEnvironment,
        configuration: &RawConfiguration,
    ) -> Result<Self, FixtureError> {
        let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
        // Since Paris the place of the difficulty has the randomness.
        let random = raw.current_random.as_ref().or(raw.current_difficulty.as_ref());
        let block = BlockEnvironment {
            number: BlockNumber::new(read::number_u64(&raw.current_number)?),
            timestamp: Timestamp::new(read::number_u64(&raw.current_timestamp)?),
            beneficiary: read::address(&raw.current_coinbase)?,
            gas_limit: Gas::new(read::number_u64(&raw.current_gas_limit)?),
            base_fee: read::number(&or(&raw.current_base_fee, "0x0a"))?,
            chain_id: read::number(&or(&configuration.chainid, "0x01"))?,
            prev_randao: random.map_or(Ok(H256::zero()), |text| read::word(text))?,
            blob_base_fee: U256::one(),
            fork: Fork::default(),
            ticketer: None,
        };
        let mut update_fractions = BTreeMap::new();
        for (fork, blobs) in &configuration.blob_schedule {
            if let Some(fraction) = &blobs.base_fee_update_fraction {
                update_fractions.insert(fork.to_lowercase(), read::number(fraction)?);
            }
        }
        Ok(Self {
            block,
            excess_blob_gas: read::number(&or(&raw.current_excess_blob_gas, "0x00"))?,
            update_fractions,
        })
    }

    pub(super) fn chain_id(&self) -> U256 {
        self.block.chain_id
    }

    pub(super) fn block(&self, fork: Fork) -> BlockEnvironment {
        let fraction = self.update_fractions.get(fork.name()).copied().unwrap_or(match fork {
            Fork::Shanghai | Fork::Cancun => U256::from(3_338_477),
            Fork::Prague | Fork::Osaka => U256::from(5_007_716),
        });
        let blob_base_fee = fake_exponential(self.excess_blob_gas, fraction);
        BlockEnvironment { fork, blob_base_fee, ..self.block.clone() }
    }
}

/// `floor(e^(numerator / denominator))` by the sum that EIP-4844 prescribes (EIP-7691 has the fraction of Prague).
fn fake_exponential(numerator: U256, denominator: U256) -> U256 {
    let (mut sum, mut term) = (U256::zero(), denominator);
    for index in 1u64.. {
        if term.is_zero() {
            break;
        }
        sum += term;
        term = term * numerator / (denominator * U256::from(index));
    }
    sum / denominator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blob_base_fee_is_that_of_the_eip() {
        let fee = |excess: u64| fake_exponential(U256::from(excess), U256::from(3_338_477)).as_u64();
        assert_eq!(fee(0), 1);
        assert_eq!(fee(2_314_057), 1);
        assert_eq!(fee(2_314_058), 2);
        assert_eq!(fee(10 * 1024 * 1024), 23);
    }
}

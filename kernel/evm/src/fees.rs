//! What a transaction costs besides its execution: its share of the layer 1.

use crate::transaction::Shape;
use millrace_primitives::{Fork, Gas, U256};

/// The fee parameters of the rollup.
///
/// A transaction pays `gas_used × base_fee`. Its gas has two parts: that of the execution, whose price is
/// burned or goes to the beneficiary of the block, and that of data availability,
/// `ceil(bytes × da_fee_per_byte / base_fee)`, whose price goes to the beneficiary. Wei is neither made nor lost
/// in any other way, but for a contract that destroys itself in favour of itself in the transaction that created
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fees {
    /// Wei for each byte that a transaction takes on the layer 1.
    pub da_fee_per_byte: U256,
    /// Bytes counted for what every transaction carries besides call data and access list.
    pub da_overhead_bytes: u64,
    /// Most gas that one execution may use, whatever the transaction offers.
    pub execution_gas_limit_max: Gas,
    /// Whether the beneficiary of the block receives the price of the execution; otherwise nobody does.
    pub execution_fee_to_beneficiary: bool,
    /// Whether a transaction pays its tip on top of the base fee, to the beneficiary (EIP-1559). On a rollup there is
    /// no market for the place in a block.
    pub has_tips: bool,
    /// A transaction that offers more gas is refused (EIP-7825). On a rollup the gas of data availability counts as
    /// well, and rises when the base fee falls, so its execution is held at `execution_gas_limit_max` instead.
    pub gas_limit_max: Option<Gas>,
}

/// Most gas of a transaction from Osaka on: 2^24 (EIP-7825).
const ETHEREUM_GAS_LIMIT_MAX: Gas = Gas::new(1 << 24);

impl Default for Fees {
    fn default() -> Self {
        Self {
            da_fee_per_byte: U256::from(4_000_000_000_000u64),
            da_overhead_bytes: 150,
            execution_gas_limit_max: Gas::new(30_000_000),
            execution_fee_to_beneficiary: false,
            has_tips: false,
            gas_limit_max: None,
        }
    }
}

impl Fees {
    /// Ethereum's own rules: no data availability, the base fee burned, the tip to the beneficiary.
    pub fn ethereum(fork: Fork) -> Self {
        Self {
            da_fee_per_byte: U256::zero(),
            da_overhead_bytes: 0,
            execution_gas_limit_max: Gas::new(u64::MAX),
            execution_fee_to_beneficiary: false,
            has_tips: true,
            gas_limit_max: (fork >= Fork::Osaka).then_some(ETHEREUM_GAS_LIMIT_MAX),
        }
    }

    /// Bytes that are charged for: the overhead, the call data, 20 for each address and 32 for each key of the access
    /// list, and 125 for each authorization, as on Etherlink.
    pub fn da_bytes(&self, shape: &Shape<'_>) -> u64 {
        let listed = shape.access_list.iter().fold(0u64, |sum, item| {
            let keys = (item.storage_keys.len() as u64).saturating_mul(32);
            sum.saturating_add(20).saturating_add(keys)
        });
        let authorizations = (shape.authorizations as u64).saturating_mul(125);
        self.da_overhead_bytes
            .saturating_add(shape.data.len() as u64)
            .saturating_add(listed)
            .saturating_add(authorizations)
    }

    /// Gas that pays for this many bytes at this base fee, rounded up; `None` when it is more than any
    /// transaction can offer. At a base fee of zero nothing can be charged.
    pub fn da_gas(&self, bytes: u64, base_fee: U256) -> Option<u64> {
        if base_fee.is_zero() {
            return Some(0);
        }
        let fee = self.da_fee_per_byte.checked_mul(U256::from(bytes))?;
        let (gas, rest) = fee.div_mod(base_fee);
        let gas = if rest.is_zero() { gas } else { gas.checked_add(U256::one())? };
        u64::try_from(gas).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::AccessListItem;
    use millrace_primitives::{Address, H256};

    const PLAIN: Shape<'_> = Shape { data: &[], access_list: &[], authorizations: 0, creates: false };

    #[test]
    fn a_plain_transfer_pays_for_the_overhead() {
        let fees = Fees::default();
        assert_eq!(fees.da_bytes(&PLAIN), 150);
        // 150 bytes × 4,000 gwei at 1 gwei: the 600,000 gas of every transfer on the chain measured.
        assert_eq!(fees.da_gas(150, U256::exp10(9)), Some(600_000));
    }

    #[test]
    fn every_declared_key_counts() {
        let item = AccessListItem { address: Address::zero(), storage_keys: alloc::vec![H256::zero(); 3] };
        let shape = Shape { data: &[0; 10], access_list: &[item.clone(), item], authorizations: 2, ..PLAIN };
        assert_eq!(Fees::default().da_bytes(&shape), 150 + 10 + 2 * (20 + 96) + 2 * 125);
    }

    #[test]
    fn gas_is_rounded_up_and_bounded() {
        let fees = Fees { da_fee_per_byte: U256::from(10), ..Fees::default() };
        assert_eq!(fees.da_gas(1, U256::from(3)), Some(4));
        assert_eq!(fees.da_gas(1, U256::from(5)), Some(2));
        assert_eq!(fees.da_gas(1, U256::zero()), Some(0));
        assert_eq!(fees.da_gas(u64::MAX, U256::one()), None);
        assert_eq!(Fees { da_fee_per_byte: U256::MAX, ..fees }.da_gas(2, U256::one()), None);
    }
}

//! The parameters of the rollup, fixed at origination and changed only by an upgrade: one value, because
//! each block needs most of them and a host call is dear.

use crate::{Key, LayoutError, Value, catalog::PARAMETERS, codec};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{Address, ContractHash, Gas, H256, Timestamp, U256};
use rlp::RlpStream;

/// The encoding described here.
const FORMAT: u8 = 1;
const FIELDS: usize = 13;

/// The parameters of the rollup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// EIP-155 chain id.
    pub chain_id: U256,
    /// Whose tickets are the native token; without one there are no native deposits.
    pub ticketer: Option<ContractHash>,
    /// Receives what transactions pay for their bytes; also the beneficiary in headers.
    pub pool: Address,
    /// The base fee never falls below this many wei per gas.
    pub base_fee_min: U256,
    /// Wei for each byte that a transaction takes on the layer 1.
    pub da_fee_per_byte: U256,
    /// Execution gas per second at which the base fee stays where it is.
    pub gas_target_per_s: Gas,
    /// Most execution gas of one transaction; a larger limit is capped, not refused.
    pub execution_gas_transaction_max: Gas,
    /// Most execution gas that the limits of the transactions of one block may sum up to.
    pub execution_gas_block_max: Gas,
    /// What headers give as gas limit.
    pub gas_limit_header: Gas,
    /// How far the timestamp of a block may be ahead of the layer 1.
    pub lookahead_s: u64,
    /// Timestamp of the genesis block.
    pub genesis_timestamp: Timestamp,
    /// [`crate::world::allocation_digest`] of the accounts that the installer wrote.
    pub allocation_digest: H256,
}

impl Default for Parameters {
    /// Etherlink's model of fees with the constants of its kernel 6; chain id 1337.
    fn default() -> Self {
        Self {
            chain_id: U256::from(1337),
            ticketer: None,
            pool: Address::zero(),
            base_fee_min: U256::from(1_000_000_000u64),
            da_fee_per_byte: U256::from(4_000_000_000_000u64),
            gas_target_per_s: Gas::new(13_500_000),
            execution_gas_transaction_max: Gas::new(30_000_000),
            execution_gas_block_max: Gas::new(30_500_000),
            gas_limit_header: Gas::new(1 << 50),
            lookahead_s: 300,
            genesis_timestamp: Timestamp::ZERO,
            allocation_digest: crate::world::allocation_digest(&[]),
        }
    }
}

impl Value for Parameters {
    const SIZE_BYTES_MAX: usize = 512;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(FIELDS);
        stream.append(&FORMAT);
        stream.append(&self.chain_id);
        stream.append(&self.ticketer.as_ref().map_or(&[][..], |ticketer| ticketer.as_bytes()));
        stream.append(&self.pool);
        stream.append(&self.base_fee_min);
        stream.append(&self.da_fee_per_byte);
        stream.append(&self.gas_target_per_s.get());
        stream.append(&self.execution_gas_transaction_max.get());
        stream.append(&self.execution_gas_block_max.get());
        stream.append(&self.gas_limit_header.get());
        stream.append(&self.lookahead_s);
        stream.append(&self.genesis_timestamp.get());
        stream.append(&self.allocation_digest);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, FIELDS)?;
        if codec::u64_at(&rlp, 0)? != u64::from(FORMAT) {
            return None;
        }
        let ticketer = match codec::bytes_at(&rlp, 2)? {
            [] => None,
            hash => Some(ContractHash::from_slice(hash)?),
        };
        Some(Self {
            chain_id: codec::u256_at(&rlp, 1)?,
            ticketer,
            pool: Address::from(codec::array_at::<20>(&rlp, 3)?),
            base_fee_min: codec::u256_at(&rlp, 4)?,
            da_fee_per_byte: codec::u256_at(&rlp, 5)?,
            gas_target_per_s: Gas::new(codec::u64_at(&rlp, 6)?),
            execution_gas_transaction_max: Gas::new(codec::u64_at(&rlp, 7)?),
            execution_gas_block_max: Gas::new(codec::u64_at(&rlp, 8)?),
            gas_limit_header: Gas::new(codec::u64_at(&rlp, 9)?),
            lookahead_s: codec::u64_at(&rlp, 10)?,
            genesis_timestamp: Timestamp::new(codec::u64_at(&rlp, 11)?),
            allocation_digest: H256(codec::array_at(&rlp, 12)?),
        })
    }
}

/// The key of the parameters.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<Parameters>, LayoutError> {
    Key::new(PARAMETERS.pattern.to_string())
}

/// The parameters, which the installer always writes.
///
/// # Errors
/// As [`Key::require`].
pub fn read(store: &impl Store) -> Result<Parameters, LayoutError> {
    key()?.require(store)
}

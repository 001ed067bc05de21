//! The parameters of the rollup, fixed at origination and changed only by an upgrade, save the pool, which comes
//! with the authority: one value, because each block needs most of them and a host call is dear.

use crate::{Key, LayoutError, Value, catalog::PARAMETERS, codec};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::{Address, ContractHash, Fork, Gas, H256, Timestamp, U256};
use millrace_wire::address::PublicKeyHash;
use rlp::{Rlp, RlpStream};

/// The encoding described here.
const FORMAT: u8 = 1;
const FIELDS: usize = 19;
const CONTRACTS: usize = 6;

/// The contracts of the layer 1 that the rollup listens to. What comes from anybody else is ignored, and what has
/// no contract never comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Contracts {
    /// Whose tickets are the native token.
    pub ticketer: Option<ContractHash>,
    /// Sends transactions to the delayed inbox.
    pub delayed_bridge: Option<ContractHash>,
    /// May announce kernel upgrades and changes of authority.
    pub admin: Option<ContractHash>,
    /// May announce kernel upgrades.
    pub kernel_governance: Option<ContractHash>,
    /// May announce kernel upgrades that take precedence.
    pub security_governance: Option<ContractHash>,
    /// May announce changes of authority.
    pub sequencer_governance: Option<ContractHash>,
}

impl Contracts {
    /// In the order of the encoding.
    const fn all(&self) -> [Option<ContractHash>; CONTRACTS] {
        [
            self.ticketer,
            self.delayed_bridge,
            self.admin,
            self.kernel_governance,
            self.security_governance,
            self.sequencer_governance,
        ]
    }
}

/// Where the price of execution goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum ExecutionFee {
    /// Nobody gets it.
    #[default]
    Burned = 0,
    /// [`Parameters::pool`].
    Pool = 1,
}

/// When the kernel forces what waits in the delayed inbox into a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayedInbox {
    /// An item is overdue when it has waited this long,
    pub timeout_s: u64,
    /// and over this many levels too.
    pub timeout_levels: u32,
    /// Most items of a forced block.
    pub forced_items_max: u32,
}

impl Default for DelayedInbox {
    fn default() -> Self {
        Self { timeout_s: 43_200, timeout_levels: 720, forced_items_max: 1_000 }
    }
}

/// What the rollup imports from the data availability layer. By default nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dal {
    /// Whether anything is imported.
    pub is_enabled: bool,
    /// Whether signals of the sequencer are heeded.
    pub has_signals: bool,
    /// The indices of slots that a signal may name, ascending.
    pub slots: Vec<u8>,
    /// Whose slots are imported when the layer 1 says that they are attested; nobody's when there is none. At most
    /// [`PUBLISHERS_MAX`].
    pub publishers: Vec<PublicKeyHash>,
}

impl Default for Dal {
    fn default() -> Self {
        Self { is_enabled: false, has_signals: true, slots: Vec::new(), publishers: Vec::new() }
    }
}

/// Most accounts in [`Dal::publishers`].
pub const PUBLISHERS_MAX: usize = 32;

/// When a kernel that governance announced takes over, and when it has to give way again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Upgrades {
    /// An announcement that leaves less time than this is refused,
    pub notice_s: u64,
    /// and one of security governance that leaves less than this.
    pub security_notice_s: u64,
    /// So long after its time anybody can force an upgrade: the blocks that would have brought it are not coming.
    pub forced_after_s: u64,
    /// A kernel that was to make blocks in so many levels and has made none gives way to the one before; 0 for never.
    pub trial_levels: u32,
}

impl Default for Upgrades {
    /// Etherlink's: any notice will do, and a day until an upgrade can be forced.
    fn default() -> Self {
        Self { notice_s: 0, security_notice_s: 0, forced_after_s: 86_400, trial_levels: 20 }
    }
}

/// The parameters of the rollup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// EIP-155 chain id.
    pub chain_id: U256,
    /// The rules of the EVM.
    pub fork: Fork,
    /// Whom the rollup listens to on the layer 1.
    pub contracts: Contracts,
    /// Receives what transactions pay for their bytes; also the beneficiary in headers.
    pub pool: Address,
    /// The base fee never falls below this many wei per gas.
    pub base_fee_min: U256,
    /// Wei for each byte that a transaction takes on the layer 1.
    pub da_fee_per_byte: U256,
    /// Where the price of execution goes.
    pub execution_fee: ExecutionFee,
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
    /// When what waits is forced.
    pub delayed: DelayedInbox,
    /// Whether tickets of other ticketers than that of the native token are accepted.
    pub has_fa_bridge: bool,
    /// Timestamp of the genesis block.
    pub genesis_timestamp: Timestamp,
    /// [`crate::world::allocation_digest`] of the accounts that the installer wrote.
    pub allocation_digest: H256,
    /// What is imported from the data availability layer.
    pub dal: Dal,
    /// When kernels come and go.
    pub upgrades: Upgrades,
}

impl Default for Parameters {
    /// Etherlink's model of fees with the constants of its kernel 6; chain id 1337.
    fn default() -> Self {
        Self {
            chain_id: U256::from(1337),
            fork: Fork::default(),
            contracts: Contracts::default(),
            pool: Address::zero(),
            base_fee_min: U256::from(1_000_000_000u64),
            da_fee_per_byte: U256::from(4_000_000_000_000u64),
            execution_fee: ExecutionFee::default(),
            gas_target_per_s: Gas::new(13_500_000),
            execution_gas_transaction_max: Gas::new(30_000_000),
            execution_gas_block_max: Gas::new(30_500_000),
            gas_limit_header: Gas::new(1 << 50),
            lookahead_s: 300,
            delayed: DelayedInbox::default(),
            has_fa_bridge: false,
            genesis_timestamp: Timestamp::ZERO,
            allocation_digest: crate::world::allocation_digest(&[]),
            dal: Dal::default(),
            upgrades: Upgrades::default(),
        }
    }
}

impl Value for Parameters {
    // One host call reads it.
    const SIZE_BYTES_MAX: usize = 2_047;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(FIELDS);
        stream.append(&FORMAT);
        stream.append(&self.chain_id);
        stream.begin_list(CONTRACTS);
        for contract in self.contracts.all() {
            stream.append(&contract.as_ref().map_or(&[][..], |contract| contract.as_bytes()));
        }
        stream.append(&self.pool);
        stream.append(&self.base_fee_min);
        stream.append(&self.da_fee_per_byte);
        stream.append(&(self.execution_fee as u8));
        stream.append(&self.gas_target_per_s.get());
        stream.append(&self.execution_gas_transaction_max.get());
        stream.append(&self.execution_gas_block_max.get());
        stream.append(&self.gas_limit_header.get());
        stream.append(&self.lookahead_s);
        let DelayedInbox { timeout_s, timeout_levels, forced_items_max } = self.delayed;
        stream.begin_list(3).append(&timeout_s).append(&timeout_levels).append(&forced_items_max);
        stream.append(&self.has_fa_bridge);
        stream.append(&self.genesis_timestamp.get());
        stream.append(&self.allocation_digest);
        stream.append(&self.fork.code());
        let Dal { is_enabled, has_signals, slots, publishers } = &self.dal;
        stream.begin_list(4).append(is_enabled).append(has_signals).append(&slots.as_slice());
        stream.begin_list(publishers.len());
        for publisher in publishers {
            stream.append(&publisher.to_bytes().as_slice());
        }
        let Upgrades { notice_s, security_notice_s, forced_after_s, trial_levels } = self.upgrades;
        stream.begin_list(4).append(&notice_s).append(&security_notice_s);
        stream.append(&forced_after_s).append(&trial_levels);
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, FIELDS)?;
        if codec::u64_at(&rlp, 0)? != u64::from(FORMAT) {
            return None;
        }
        Some(Self {
            chain_id: codec::u256_at(&rlp, 1)?,
            contracts: contracts_of(&rlp.at(2).ok()?)?,
            pool: Address::from(codec::array_at::<20>(&rlp, 3)?),
            base_fee_min: codec::u256_at(&rlp, 4)?,
            da_fee_per_byte: codec::u256_at(&rlp, 5)?,
            execution_fee: match codec::u64_at(&rlp, 6)? {
                0 => ExecutionFee::Burned,
                1 => ExecutionFee::Pool,
                _ => return None,
            },
            gas_target_per_s: Gas::new(codec::u64_at(&rlp, 7)?),
            execution_gas_transaction_max: Gas::new(codec::u64_at(&rlp, 8)?),
            execution_gas_block_max: Gas::new(codec::u64_at(&rlp, 9)?),
            gas_limit_header: Gas::new(codec::u64_at(&rlp, 10)?),
            lookahead_s: codec::u64_at(&rlp, 11)?,
            delayed: delayed_of(&rlp.at(12).ok()?)?,
            has_fa_bridge: rlp.val_at(13).ok()?,
            genesis_timestamp: Timestamp::new(codec::u64_at(&rlp, 14)?),
            allocation_digest: H256(codec::array_at(&rlp, 15)?),
            fork: Fork::from_code(rlp.val_at(16).ok()?)?,
            dal: dal_of(&rlp.at(17).ok()?)?,
            upgrades: upgrades_of(&rlp.at(18).ok()?)?,
        })
    }
}

fn contracts_of(rlp: &Rlp<'_>) -> Option<Contracts> {
    codec::has_items(rlp, CONTRACTS).then_some(())?;
    let contract_at = |index| match codec::bytes_at(rlp, index)? {
        [] => Some(None),
        hash => ContractHash::from_slice(hash).map(Some),
    };
    Some(Contracts {
        ticketer: contract_at(0)?,
        delayed_bridge: contract_at(1)?,
        admin: contract_at(2)?,
        kernel_governance: contract_at(3)?,
        security_governance: contract_at(4)?,
        sequencer_governance: contract_at(5)?,
    })
}

fn delayed_of(rlp: &Rlp<'_>) -> Option<DelayedInbox> {
    codec::has_items(rlp, 3).then_some(())?;
    Some(DelayedInbox {
        timeout_s: codec::u64_at(rlp, 0)?,
        timeout_levels: rlp.val_at(1).ok()?,
        forced_items_max: rlp.val_at(2).ok()?,
    })
}

fn dal_of(rlp: &Rlp<'_>) -> Option<Dal> {
    codec::has_items(rlp, 4).then_some(())?;
    let publishers = rlp.at(3).ok()?;
    if !publishers.is_list() {
        return None;
    }
    Some(Dal {
        is_enabled: rlp.val_at(0).ok()?,
        has_signals: rlp.val_at(1).ok()?,
        slots: codec::bytes_at(rlp, 2)?.to_vec(),
        publishers: publishers
            .iter()
            .map(|publisher| PublicKeyHash::from_bytes(publisher.data().ok()?))
            .collect::<Option<_>>()?,
    })
}

fn upgrades_of(rlp: &Rlp<'_>) -> Option<Upgrades> {
    codec::has_items(rlp, 4).then_some(())?;
    Some(Upgrades {
        notice_s: codec::u64_at(rlp, 0)?,
        security_notice_s: codec::u64_at(rlp, 1)?,
        forced_after_s: codec::u64_at(rlp, 2)?,
        trial_levels: rlp.val_at(3).ok()?,
    })
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

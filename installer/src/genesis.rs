//! Parameters whose texts have been understood: the values that the installer writes.

use crate::{
    ExecutionFee, Limits, ParameterError, Parameters,
    allocation::Allocation,
    shape,
    text::{address, amount, base58, cannot_be},
};
use millrace_layout::{
    Key, LayoutError, Value, parameters as layout, sequencers,
    world::{self, Code, Slots, World},
};
use millrace_primitives::{Account, Address, ContractHash, Gas, H256, Timestamp, U256};
use millrace_wire::authority::Authority;
use std::collections::BTreeMap;

/// The largest fee for one gas or one byte, in wei: what is dearer lacks its unit, or has the wrong one.
const FEE_WEI_MAX: u64 = 1_000_000_000_000_000_000;
/// About what a plain transfer takes on the layer 1.
const TRANSFER_BYTES: u64 = 150;

/// Largest code of a contract (EIP-170).
pub const CODE_BYTES_MAX: usize = 0x6000;

/// What durable storage holds when the kernel runs for the first time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// The parameters as the kernel reads them.
    pub parameters: layout::Parameters,
    /// Who orders transactions; `None` for nobody.
    pub authority: Option<Authority>,
    /// Accounts, in the order of their addresses.
    pub accounts: Vec<(Address, Account)>,
    /// The code of those that have some, by its hash.
    pub codes: BTreeMap<H256, Code>,
    /// The storage of those that have some.
    pub slots: Slots,
}

impl Genesis {
    /// Parameters and authority: durable keys that every installer writes, with their encoded values.
    ///
    /// # Errors
    /// Never, short of a bug in the layout.
    pub fn settings(&self) -> Result<Vec<(String, Vec<u8>)>, LayoutError> {
        let mut settings = vec![entry(layout::key()?, &self.parameters)];
        if let Some(authority) = &self.authority {
            settings.push(entry(sequencers::key()?, authority));
        }
        Ok(settings)
    }

    /// The durable keys of accounts, codes and storage, with their encoded values.
    ///
    /// # Errors
    /// Never, short of a bug in the layout.
    pub fn allocation(&self) -> Result<Vec<(String, Vec<u8>)>, LayoutError> {
        let world = World::Committed;
        let account = |(address, account): &(Address, Account)| Ok(entry(world.account(*address)?, account));
        let code = |(hash, code): (&H256, &Code)| Ok(entry(world.code(*hash)?, code));
        let slots = self.slots.iter().flat_map(|(address, slots)| {
            slots.iter().map(|(slot, value)| Ok(entry(world.slot(*address, *slot)?, value)))
        });
        self.accounts.iter().map(account).chain(self.codes.iter().map(code)).chain(slots).collect()
    }
}

fn entry<V: Value>(key: Key<V>, value: &V) -> (String, Vec<u8>) {
    (key.path().to_string(), value.encode())
}

impl Parameters {
    /// Understands the texts and checks the ranges.
    ///
    /// # Errors
    /// [`ParameterError`] names the field.
    pub fn genesis(&self) -> Result<Genesis, ParameterError> {
        // Maps have text keys and nothing else can fail.
        shape::check(&serde_json::to_value(self).unwrap_or_default())?;
        self.check_limits()?;
        let authority = self.authority()?;
        let members = authority.as_ref().map_or(0, |authority| authority.members.len());
        let Allocation { accounts, codes, slots, .. } = Allocation::read(&self.genesis)?;
        let accounts: Vec<_> = accounts.into_iter().collect();
        let parameters = layout::Parameters {
            chain_id: U256::from(self.chain_id),
            fork: self.fork.into(),
            contracts: self.contracts()?,
            pool: self.pool()?.unwrap_or_default(),
            base_fee_min: self.base_fee_min()?,
            da_fee_per_byte: self.da_fee_per_byte()?,
            execution_fee: match self.fees.execution {
                ExecutionFee::Burned => layout::ExecutionFee::Burned,
                ExecutionFee::Pool => layout::ExecutionFee::Pool,
            },
            gas_target_per_s: Gas::new(self.fees.gas_target_per_s),
            execution_gas_transaction_max: Gas::new(self.limits.execution_gas_transaction_max),
            execution_gas_block_max: Gas::new(self.limits.execution_gas_block_max),
            gas_limit_header: Gas::new(self.limits.gas_limit_header),
            lookahead_s: self.limits.lookahead_s,
            delayed: layout::DelayedInbox {
                timeout_s: self.delayed_inbox.timeout_s,
                timeout_levels: self.delayed_inbox.timeout_levels,
                forced_items_max: self.delayed_inbox.forced_items_max,
            },
            has_fa_bridge: self.fa_bridge,
            genesis_timestamp: Timestamp::new(self.genesis.timestamp),
            allocation_digest: world::allocation_digest_with_slots(&accounts, &slots),
            dal: self.dal.read(members)?,
            upgrades: layout::Upgrades {
                notice_s: self.upgrades.notice_s,
                security_notice_s: self.upgrades.security_notice_s,
                forced_after_s: self.upgrades.forced_after_s,
                trial_levels: self.upgrades.trial_levels,
            },
        };
        Ok(Genesis { parameters, authority, accounts, codes, slots })
    }

    fn contracts(&self) -> Result<layout::Contracts, ParameterError> {
        let contract = |field: &str, text: &Option<String>| {
            let read = |text: &String| base58::<ContractHash>(field, text, "a contract KT1…");
            text.as_ref().map(read).transpose()
        };
        let named = &self.contracts;
        let contracts = layout::Contracts {
            ticketer: contract("ticketer", &self.ticketer)?,
            delayed_bridge: contract("contracts.delayed_bridge", &named.delayed_bridge)?,
            admin: contract("contracts.admin", &named.admin)?,
            kernel_governance: contract("contracts.kernel_governance", &named.kernel_governance)?,
            security_governance: contract("contracts.security_governance", &named.security_governance)?,
            sequencer_governance: contract("contracts.sequencer_governance", &named.sequencer_governance)?,
        };
        self.check_roles(&contracts)?;
        Ok(contracts)
    }

    /// The kernel takes a contract for the first of these that it is, and what else it is never comes. Kernel governance
    /// may be sequencer governance too.
    fn check_roles(&self, contracts: &layout::Contracts) -> Result<(), ParameterError> {
        let layout::Contracts { admin, security_governance, kernel_governance, sequencer_governance, .. } =
            *contracts;
        let named = &self.contracts;
        for (field, text, contract, before) in [
            ("security_governance", &named.security_governance, security_governance, &[("admin", admin)][..]),
            (
                "kernel_governance",
                &named.kernel_governance,
                kernel_governance,
                &[("admin", admin), ("security_governance", security_governance)],
            ),
            (
                "sequencer_governance",
                &named.sequencer_governance,
                sequencer_governance,
                &[("admin", admin), ("security_governance", security_governance)],
            ),
        ] {
            let taken = before.iter().find(|(_, other)| contract.is_some() && *other == contract);
            if let Some((other, _)) = taken {
                let text = text.as_deref().unwrap_or_default();
                let reason =
                    format!("the kernel hears this contract as contracts.{other} and as nothing else");
                return Err(cannot_be(format!("contracts.{field}"), text, reason));
            }
        }
        Ok(())
    }

    fn pool(&self) -> Result<Option<Address>, ParameterError> {
        let pool = self.pool.as_ref().map(|text| address("pool", text)).transpose()?;
        let is_needed = self.fees.execution == ExecutionFee::Pool;
        if is_needed && pool.is_none_or(|pool| pool.is_zero()) {
            let reason = "there is no pool: nobody could ever spend what goes there";
            return Err(cannot_be("fees.execution", "pool", reason));
        }
        Ok(pool)
    }

    fn base_fee_min(&self) -> Result<U256, ParameterError> {
        let (field, text) = ("fees.base_fee_min", &self.fees.base_fee_min);
        let fee = amount(field, text)?;
        if fee.is_zero() {
            return Err(cannot_be(field, text, "the base fee must be positive: gas is divided by it"));
        }
        if fee > U256::from(FEE_WEI_MAX) {
            return Err(cannot_be(field, text, "more than an ether for one gas"));
        }
        Ok(fee)
    }

    fn da_fee_per_byte(&self) -> Result<U256, ParameterError> {
        let (field, text) = ("fees.da_fee_per_byte", &self.fees.da_fee_per_byte);
        let fee = amount(field, text)?;
        if fee > U256::from(FEE_WEI_MAX) {
            return Err(cannot_be(field, text, "more than an ether for one byte"));
        }
        // Neither factor is large and the base fee is not zero.
        let gas = fee * U256::from(TRANSFER_BYTES) / self.base_fee_min()?;
        if gas > U256::from(self.limits.gas_limit_header) {
            let reason = format!(
                "the bytes of a transfer would cost {gas} gas at fees.base_fee_min, more than limits.gas_limit_header"
            );
            return Err(cannot_be(field, text, reason));
        }
        Ok(fee)
    }

    /// What limits have to do with each other.
    fn check_limits(&self) -> Result<(), ParameterError> {
        let Limits { execution_gas_transaction_max, execution_gas_block_max, gas_limit_header, .. } =
            self.limits;
        if self.upgrades.security_notice_s > self.upgrades.notice_s {
            let reason = "security governance may not have to give more notice than upgrades.notice_s";
            return Err(cannot_be("upgrades.security_notice_s", self.upgrades.security_notice_s, reason));
        }
        if execution_gas_block_max < execution_gas_transaction_max {
            let reason = "a block must have room for a transaction of limits.execution_gas_transaction_max";
            return Err(cannot_be("limits.execution_gas_block_max", execution_gas_block_max, reason));
        }
        if gas_limit_header < execution_gas_block_max {
            let reason = "it must not be below limits.execution_gas_block_max";
            return Err(cannot_be("limits.gas_limit_header", gas_limit_header, reason));
        }
        Ok(())
    }
}

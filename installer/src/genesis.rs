//! Parameters whose texts have been understood: the values that the installer writes.

use crate::{
    Amount, ExecutionFee, GenesisState, Limits, ParameterError, Parameters, Upgrades, parameters::Contract,
};
use millrace_layout::{
    Key, LayoutError, Value, parameters as layout, sequencers,
    world::{self, Code, World},
};
use millrace_primitives::{Account, Address, ContractHash, Epoch, Gas, H256, Timestamp, U256};
use millrace_wire::{
    authority::{Authority, PublicKey},
    base58::Base58Check,
};
use sha3::{Digest, Keccak256};
use std::collections::BTreeMap;

/// The first epoch: the authority that the installer writes.
const FIRST_EPOCH: Epoch = Epoch::new(0);
/// A header's gas limit beyond this does not survive readers that count in doubles (2^53 - 1).
const GAS_LIMIT_HEADER_MAX: u64 = (1 << 53) - 1;

/// Largest code of a contract (EIP-170).
pub const CODE_BYTES_MAX: usize = 0x6000;

/// What durable storage holds when the kernel runs for the first time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// The parameters as the kernel reads them.
    pub parameters: layout::Parameters,
    /// Who orders transactions.
    pub authority: Authority,
    /// Accounts, in the order of their addresses.
    pub accounts: Vec<(Address, Account)>,
    /// The code of those that have some, by its hash.
    pub codes: BTreeMap<H256, Code>,
}

impl Genesis {
    /// Parameters and authority: durable keys that every installer writes, with their encoded values.
    ///
    /// # Errors
    /// Never, short of a bug in the layout.
    pub fn settings(&self) -> Result<Vec<(String, Vec<u8>)>, LayoutError> {
        Ok(vec![entry(layout::key()?, &self.parameters), entry(sequencers::key()?, &self.authority)])
    }

    /// The durable keys of accounts and codes, with their encoded values.
    ///
    /// # Errors
    /// Never, short of a bug in the layout.
    pub fn allocation(&self) -> Result<Vec<(String, Vec<u8>)>, LayoutError> {
        let account =
            |(address, account): &(Address, Account)| Ok(entry(World::Committed.account(*address)?, account));
        let code = |(hash, code): (&H256, &Code)| Ok(entry(World::Committed.code(*hash)?, code));
        self.accounts.iter().map(account).chain(self.codes.iter().map(code)).collect()
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
        self.check_ranges()?;
        let (accounts, codes) = allocation(&self.genesis)?;
        let sequencer = base58::<PublicKey>("sequencer", &self.sequencer, "a public key edpk…")?;
        let pool = self.pool.as_ref().map(|text| address("pool", text)).transpose()?;
        let parameters = layout::Parameters {
            chain_id: U256::from(self.chain_id),
            fork: self.fork.into(),
            contracts: self.contracts()?,
            pool: pool.unwrap_or_default(),
            base_fee_min: amount("fees.base_fee_min", &self.fees.base_fee_min)?,
            da_fee_per_byte: amount("fees.da_fee_per_byte", &self.fees.da_fee_per_byte)?,
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
            allocation_digest: world::allocation_digest(&accounts),
            dal: self.dal.read()?,
            upgrades: layout::Upgrades {
                notice_s: self.upgrades.notice_s,
                security_notice_s: self.upgrades.security_notice_s,
                forced_after_s: self.upgrades.forced_after_s,
                trial_levels: self.upgrades.trial_levels,
            },
        };
        if parameters.base_fee_min.is_zero() {
            return Err(out_of_range(
                "fees.base_fee_min",
                0,
                "the base fee must be positive: gas is divided by it",
            ));
        }
        Ok(Genesis { parameters, authority: Authority::single(FIRST_EPOCH, sequencer), accounts, codes })
    }

    fn contracts(&self) -> Result<layout::Contracts, ParameterError> {
        let contract = |field: &'static str, text: &Option<String>| {
            let read = |text: &String| base58::<ContractHash>(field, text, "a contract KT1…");
            text.as_ref().map(read).transpose()
        };
        let named = &self.contracts;
        Ok(layout::Contracts {
            ticketer: contract("ticketer", &self.ticketer)?,
            delayed_bridge: contract("contracts.delayed_bridge", &named.delayed_bridge)?,
            admin: contract("contracts.admin", &named.admin)?,
            kernel_governance: contract("contracts.kernel_governance", &named.kernel_governance)?,
            security_governance: contract("contracts.security_governance", &named.security_governance)?,
            sequencer_governance: contract("contracts.sequencer_governance", &named.sequencer_governance)?,
        })
    }

    fn check_ranges(&self) -> Result<(), ParameterError> {
        let Limits { execution_gas_transaction_max, execution_gas_block_max, gas_limit_header, .. } =
            self.limits;
        for (field, value) in [
            ("chain_id", self.chain_id),
            ("fees.gas_target_per_s", self.fees.gas_target_per_s),
            ("delayed_inbox.forced_items_max", u64::from(self.delayed_inbox.forced_items_max)),
            ("limits.execution_gas_transaction_max", execution_gas_transaction_max),
        ] {
            if value == 0 {
                return Err(out_of_range(field, value, "it must be positive"));
            }
        }
        let Upgrades { notice_s, security_notice_s, .. } = self.upgrades;
        if security_notice_s > notice_s {
            let reason = "security governance may not have to give more notice than upgrades.notice_s";
            return Err(out_of_range("upgrades.security_notice_s", security_notice_s, reason));
        }
        if execution_gas_block_max < execution_gas_transaction_max {
            let reason = "a block must have room for a transaction of limits.execution_gas_transaction_max";
            return Err(out_of_range("limits.execution_gas_block_max", execution_gas_block_max, reason));
        }
        if !(execution_gas_block_max..=GAS_LIMIT_HEADER_MAX).contains(&gas_limit_header) {
            let reason = "from limits.execution_gas_block_max to 2^53 - 1";
            return Err(out_of_range("limits.gas_limit_header", gas_limit_header, reason));
        }
        Ok(())
    }
}

type Accounts = Vec<(Address, Account)>;
type Codes = BTreeMap<H256, Code>;

/// Accounts and contracts, and the code of the latter.
fn allocation(genesis: &GenesisState) -> Result<(Accounts, Codes), ParameterError> {
    let mut allocation = Allocation::default();
    for (name, text) in &genesis.accounts {
        let field = "genesis.accounts";
        let balance = amount(&format!("{field}.{name}"), text)?;
        if balance.is_zero() {
            return Err(out_of_range(field, name, "an account without a balance is no account"));
        }
        allocation.add(field, name, Account { balance, ..Account::default() })?;
    }
    let mut codes = Codes::new();
    for (name, contract) in &genesis.contracts {
        let field = "genesis.contracts";
        let Contract { code: text, nonce, balance } = contract;
        let code = code(&format!("{field}.{name}.code"), text)?;
        let code_hash = H256(Keccak256::digest(&code).into());
        let balance = amount(&format!("{field}.{name}.balance"), balance)?;
        allocation.add(field, name, Account { nonce: *nonce, balance, code_hash })?;
        codes.insert(code_hash, Code(code));
    }
    Ok((allocation.accounts.into_iter().collect(), codes))
}

/// Accounts so far, each once, and what they have together.
#[derive(Default)]
struct Allocation {
    accounts: BTreeMap<Address, Account>,
    supply: U256,
}

impl Allocation {
    fn add(&mut self, field: &'static str, name: &str, account: Account) -> Result<(), ParameterError> {
        let address = address(field, name)?;
        let supply = self.supply.checked_add(account.balance);
        self.supply =
            supply.ok_or_else(|| out_of_range(field, name, "the balances together exceed 256 bits"))?;
        match self.accounts.insert(address, account) {
            None => Ok(()),
            Some(_) => Err(ParameterError::Twice(name.to_owned())),
        }
    }
}

/// Reads the code of a contract.
fn code(field: &str, text: &str) -> Result<Vec<u8>, ParameterError> {
    let refuse = |reason| ParameterError::Code { field: field.to_owned(), reason };
    let digits = text.strip_prefix("0x").ok_or_else(|| refuse("it must start with 0x"))?;
    let code = hex::decode(digits).map_err(|_| refuse("not an even number of hexadecimal digits"))?;
    match code.first() {
        None => Err(refuse("an account without code belongs to genesis.accounts")),
        Some(0xef) => Err(refuse("no contract's code starts with 0xef (EIP-3541)")),
        Some(_) if code.len() > CODE_BYTES_MAX => Err(refuse("more than 24,576 bytes (EIP-170)")),
        Some(_) => Ok(code),
    }
}

pub(crate) fn out_of_range(
    field: &'static str,
    value: impl ToString,
    reason: &'static str,
) -> ParameterError {
    ParameterError::Range { field, value: value.to_string(), reason }
}

pub(crate) fn base58<T: Base58Check>(
    field: &'static str,
    text: &str,
    expected: &'static str,
) -> Result<T, ParameterError> {
    T::from_base58(text).map_err(|reason| ParameterError::Text {
        field,
        value: text.to_owned(),
        expected,
        reason,
    })
}

fn amount(field: &str, text: &str) -> Result<U256, ParameterError> {
    match text.parse::<Amount>() {
        Ok(Amount(wei)) => Ok(wei),
        Err(reason) => {
            Err(ParameterError::Amount { field: field.to_owned(), value: text.to_owned(), reason })
        }
    }
}

/// Reads `0x` and 40 digits. Mixed case is a checksum (EIP-55) and must match.
fn address(field: &'static str, text: &str) -> Result<Address, ParameterError> {
    let refuse = |reason| ParameterError::Address { field, value: text.to_owned(), reason };
    let digits = text.strip_prefix("0x").ok_or_else(|| refuse("it must start with 0x"))?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse("it must have 40 hexadecimal digits"))?;
    let has = |test: fn(&u8) -> bool| digits.as_bytes().iter().any(test);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    if is_mixed && digits != checksummed(&bytes) {
        return Err(refuse("its mixed case does not match its checksum (EIP-55)"));
    }
    Ok(Address::from(bytes))
}

/// The 40 digits of an address with the capitals of EIP-55.
fn checksummed(address: &[u8; 20]) -> String {
    let digits = hex::encode(address);
    let hash = hex::encode(Keccak256::digest(&digits));
    let capital =
        |(digit, nibble): (char, char)| if nibble >= '8' { digit.to_ascii_uppercase() } else { digit };
    digits.chars().zip(hash.chars()).map(capital).collect()
}

//! The parameters of a rollup, as an originator writes them.

use crate::{
    Dal,
    error::{Fault, FileError, ParameterError},
    shape, yaml,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, fs, path::Path};

/// Everything that is chosen once, before a rollup is originated. In YAML; `rollup.example.yaml` and `docs/installer.md`
/// explain each field, and `shape` lists them. Amounts are texts such as `1 gwei` or `10000 ether`; a number without a unit is wei.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// EIP-155 chain id, from 1. Default 1337.
    #[serde(default = "default_chain_id")]
    pub chain_id: u64,
    /// Rules of the EVM: `shanghai`, `cancun`, `prague` or `osaka`. Default osaka.
    #[serde(default)]
    pub fork: Fork,
    /// Public key of the sequencer, `edpk…`, `sppk…` or `p2pk…`, or `nobody`: then the kernel makes blocks of what anybody
    /// sends. No default, since who holds the secret key orders the transactions; empty beside a committee.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sequencer: String,
    /// A committee instead of the sequencer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committee: Option<Committee>,
    /// Contract of the layer 1 whose tickets become the native token, `KT1…`. Without one there are no native
    /// deposits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticketer: Option<String>,
    /// Other contracts of the layer 1 that the rollup listens to.
    #[serde(default)]
    pub contracts: Contracts,
    /// Whether tickets of any other ticketer can be deposited. Default: no.
    #[serde(default)]
    pub fa_bridge: bool,
    /// When the kernel forces what waits in the delayed inbox into a block.
    #[serde(default)]
    pub delayed_inbox: DelayedInbox,
    /// What is imported from the data availability layer. Default: nothing.
    #[serde(default)]
    pub dal: Dal,
    /// When kernels that governance announces come and go.
    #[serde(default)]
    pub upgrades: Upgrades,
    /// Account that receives what transactions pay for their bytes, and stands in headers as the beneficiary. Default: the zero
    /// address, which nobody can spend from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What transactions pay.
    #[serde(default)]
    pub fees: Fees,
    /// What a block may hold.
    #[serde(default)]
    pub limits: Limits,
    /// What is there before block 1.
    #[serde(default)]
    pub genesis: GenesisState,
}

/// The fork of Ethereum whose rules the EVM follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fork {
    /// April 2023.
    Shanghai,
    /// March 2024.
    Cancun,
    /// May 2025.
    Prague,
    /// December 2025.
    #[default]
    Osaka,
}

impl From<Fork> for millrace_primitives::Fork {
    fn from(fork: Fork) -> Self {
        match fork {
            Fork::Shanghai => Self::Shanghai,
            Fork::Cancun => Self::Cancun,
            Fork::Prague => Self::Prague,
            Fork::Osaka => Self::Osaka,
        }
    }
}

/// Who orders transactions together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committee {
    /// Public keys of the members, `edpk…` each, at least two. Certificates refer to them in this order.
    pub members: Vec<String>,
    /// How many of them must sign a blueprint.
    pub quorum: u16,
}

/// Contracts of the layer 1 that the rollup listens to, `KT1…` each. What has no contract cannot happen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contracts {
    /// Sends transactions to the delayed inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delayed_bridge: Option<String>,
    /// May announce kernel upgrades and changes of the sequencer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    /// May announce kernel upgrades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_governance: Option<String>,
    /// May announce kernel upgrades that take precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_governance: Option<String>,
    /// May announce changes of the sequencer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequencer_governance: Option<String>,
}

/// When the kernel forces what waits in the delayed inbox into a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelayedInbox {
    /// An item is overdue when it has waited this many seconds, default 43,200,
    pub timeout_s: u64,
    /// and this many levels too. Default 720.
    pub timeout_levels: u32,
    /// Most items of a forced block. Default 1,000.
    pub forced_items_max: u32,
}

/// When kernels that governance announces come and go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upgrades {
    /// An announcement that leaves less time than this many seconds is refused, default 0,
    pub notice_s: u64,
    /// and one of security governance that leaves less than this. Default 0; at most `notice_s`.
    pub security_notice_s: u64,
    /// So many seconds after its time anybody can force an upgrade. Default 86,400.
    pub forced_after_s: u64,
    /// A kernel that was to make blocks in so many levels and has made none gives way to the one before. Default 20; 0 for
    /// never.
    pub trial_levels: u32,
}

impl Default for Upgrades {
    fn default() -> Self {
        Self { notice_s: 0, security_notice_s: 0, forced_after_s: 86_400, trial_levels: 20 }
    }
}

/// Where the price of execution goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionFee {
    /// Nobody gets it.
    #[default]
    Burned,
    /// The account of `pool`.
    Pool,
}

/// What transactions pay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// The base fee never falls below this amount for one gas. Default 1 gwei.
    pub base_fee_min: String,
    /// Price of each byte that a transaction takes on the layer 1. Default 4000 gwei.
    pub da_fee_per_byte: String,
    /// Where the price of execution goes: `burned` or `pool`. Default burned.
    pub execution: ExecutionFee,
    /// Execution gas per second at which the base fee stays where it is. Default 13,500,000.
    pub gas_target_per_s: u64,
}

/// What a block may hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most execution gas of one transaction; a larger gas limit is capped. Default 30,000,000.
    pub execution_gas_transaction_max: u64,
    /// Most execution gas that the transactions of one block may ask for together. Default 30,500,000.
    pub execution_gas_block_max: u64,
    /// What headers give as gas limit. Default 2^50.
    pub gas_limit_header: u64,
    /// How many seconds the timestamp of a block may be ahead of the layer 1. Default 300.
    pub lookahead_s: u64,
}

/// What is there before block 1.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenesisState {
    /// Timestamp of block 0, in seconds since 1970. Default 0.
    pub timestamp: u64,
    /// Accounts with what they have. An installer has room for about a hundred.
    pub accounts: BTreeMap<String, Funds>,
    /// Accounts with code: contracts that need no transaction to be deployed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contracts: BTreeMap<String, Contract>,
}

/// What an account has before block 1. Written as an amount alone when its nonce is 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Funds {
    /// An amount.
    pub balance: String,
    /// How many transactions it has sent, on a chain that this one goes on from.
    pub nonce: u64,
}

impl Funds {
    /// An account that has sent no transaction.
    pub fn new(balance: impl Into<String>) -> Self {
        Self { balance: balance.into(), nonce: 0 }
    }
}

/// Both ways of writing [`Funds`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FundsForm {
    Amount(String),
    Both(BalanceAndNonce),
}

/// The longer one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceAndNonce {
    #[serde(default = "default_balance")]
    balance: String,
    #[serde(default)]
    nonce: u64,
}

impl Serialize for Funds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { balance, nonce } = self.clone();
        match nonce {
            0 => FundsForm::Amount(balance),
            _ => FundsForm::Both(BalanceAndNonce { balance, nonce }),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Funds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match FundsForm::deserialize(deserializer)? {
            FundsForm::Amount(balance) => Self::new(balance),
            FundsForm::Both(BalanceAndNonce { balance, nonce }) => Self { balance, nonce },
        })
    }
}

/// A contract that is there before block 1. Its constructor is not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What runs when it is called: `0x` and hexadecimal digits, at most 24,576 bytes (EIP-170).
    pub code: String,
    /// Default 1, what a contract has that was just created (EIP-161).
    #[serde(default = "default_contract_nonce")]
    pub nonce: u64,
    /// Default 0.
    #[serde(default = "default_balance")]
    pub balance: String,
    /// What is in its slots, both `0x` and up to 64 hexadecimal digits. Default: nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<String, String>,
}

impl Contract {
    /// One as it is just after its creation, with nothing in its slots. `code`: `0x` and hexadecimal digits.
    pub fn new(code: impl Into<String>) -> Self {
        let (nonce, balance) = (default_contract_nonce(), default_balance());
        Self { code: code.into(), nonce, balance, storage: BTreeMap::new() }
    }
}

fn default_contract_nonce() -> u64 {
    1
}

fn default_balance() -> String {
    "0".to_owned()
}

fn default_chain_id() -> u64 {
    1337
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            base_fee_min: "1 gwei".to_owned(),
            da_fee_per_byte: "4000 gwei".to_owned(),
            execution: ExecutionFee::default(),
            gas_target_per_s: 13_500_000,
        }
    }
}

impl Default for DelayedInbox {
    fn default() -> Self {
        Self { timeout_s: 43_200, timeout_levels: 720, forced_items_max: 1_000 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            execution_gas_transaction_max: 30_000_000,
            execution_gas_block_max: 30_500_000,
            gas_limit_header: 1 << 50,
            lookahead_s: 300,
        }
    }
}

impl Parameters {
    /// The defaults, with this sequencer (`edpk…`) and no accounts.
    pub fn new(sequencer: impl Into<String>) -> Self {
        Self {
            chain_id: default_chain_id(),
            fork: Fork::default(),
            sequencer: sequencer.into(),
            committee: None,
            ticketer: None,
            contracts: Contracts::default(),
            fa_bridge: false,
            delayed_inbox: DelayedInbox::default(),
            dal: Dal::default(),
            upgrades: Upgrades::default(),
            pool: None,
            fees: Fees::default(),
            limits: Limits::default(),
            genesis: GenesisState::default(),
        }
    }

    /// Reads the YAML form, and checks everything that [`Parameters::genesis`] checks.
    ///
    /// # Errors
    /// The first [`ParameterError`], with its line and column.
    pub fn from_yaml(text: &str) -> Result<Self, ParameterError> {
        let root = yaml::parse(text)?;
        let (value, places) = shape::read(&root)?;
        let read = || {
            shape::check(&value)?;
            let parameters: Self = serde_json::from_value(value)
                .map_err(|error| ParameterError::new("", Fault::Syntax(error.to_string())))?;
            parameters.genesis()?;
            Ok(parameters)
        };
        read().map_err(|error| places.locate(error))
    }

    /// Reads a file as [`Parameters::from_yaml`] reads its text.
    ///
    /// # Errors
    /// [`FileError`] names the file.
    pub fn from_file(path: &Path) -> Result<Self, FileError> {
        let named = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| FileError::Read { path: named(), source })?;
        Self::from_yaml(&text).map_err(|error| FileError::Parameter { path: named(), error: Box::new(error) })
    }
}

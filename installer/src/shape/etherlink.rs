//! The parameters of Etherlink's installer, and what is here in the place of each.
//!
//! Source of the names: the configuration of Etherlink's installer (`octez-evm-node make kernel installer config`).

/// What is in the place of one of Etherlink's parameters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Here {
    /// The parameter of this path.
    Parameter(&'static str),
    /// Nothing, and why.
    Nothing(&'static str),
}

use Here::{Nothing, Parameter};

const MICHELSON: &str = "there is no Michelson runtime beside the EVM";

/// Etherlink's names in the order of its documentation.
pub(super) const ALL: &[(&str, Here)] = &[
    ("chain_id", Parameter("chain_id")),
    ("sequencer", Parameter("sequencer")),
    ("ticketer", Parameter("ticketer")),
    ("admin", Parameter("contracts.admin")),
    ("sequencer_governance", Parameter("contracts.sequencer_governance")),
    ("kernel_governance", Parameter("contracts.kernel_governance")),
    ("kernel_security_governance", Parameter("contracts.security_governance")),
    ("delayed_bridge", Parameter("contracts.delayed_bridge")),
    ("sequencer_pool_address", Parameter("pool")),
    ("delayed_inbox_timeout", Parameter("delayed_inbox.timeout_s")),
    ("delayed_inbox_min_levels", Parameter("delayed_inbox.timeout_levels")),
    ("max_delayed_inbox_blueprint_length", Parameter("delayed_inbox.forced_items_max")),
    ("max_blueprint_lookahead_in_seconds", Parameter("limits.lookahead_s")),
    ("maximum_gas_per_transaction", Parameter("limits.execution_gas_transaction_max")),
    (
        "maximum_allowed_ticks",
        Nothing("how long a run may be belongs to the kernel, whose costs are measured with it"),
    ),
    ("minimum_base_fee_per_gas", Parameter("fees.base_fee_min")),
    ("da_fee_per_byte", Parameter("fees.da_fee_per_byte")),
    ("michelson_to_evm_gas_multiplier", Nothing(MICHELSON)),
    ("evm_version", Parameter("fork")),
    (
        "kernel_root_hash",
        Nothing(
            "the installer works it out of the kernel; the kernel notes the root of each upgrade by itself",
        ),
    ),
    (
        "remove_whitelist",
        Nothing("originate the rollup without a whitelist: it is public then from the start"),
    ),
    ("enable_fa_bridge", Parameter("fa_bridge")),
    ("enable_dal", Parameter("dal.enabled")),
    ("disable_legacy_dal_signals", Parameter("dal.signals")),
    ("l2_chain_ids", Nothing("a rollup is one chain")),
    ("enable_multichain", Nothing("a rollup is one chain")),
    ("enable_michelson_gas_refund", Nothing(MICHELSON)),
    ("enable_debug_precompiles", Nothing("no kernel that ships has precompiles for tests")),
    ("dal_slots", Parameter("dal.slots")),
    ("dal_publishers_whitelist", Parameter("dal.publishers")),
    ("with_runtimes", Nothing(MICHELSON)),
    ("michelson_runtime_chain_id", Nothing(MICHELSON)),
    ("eth_bootstrap_balance", Parameter("genesis.accounts")),
    ("eth_bootstrap_accounts", Parameter("genesis.accounts")),
    ("set_account_code", Parameter("genesis.contracts")),
    ("tez_bootstrap_balance", Nothing(MICHELSON)),
    ("tez_bootstrap_accounts", Nothing(MICHELSON)),
    ("tez_bootstrap_contracts", Nothing(MICHELSON)),
    ("enable_revm", Nothing("there is one EVM")),
    ("enable_fast_withdrawal", Nothing("fast withdrawals are always there")),
    ("enable_fast_fa_withdrawal", Nothing("they come with fa_bridge")),
];

/// What to say of a name of Etherlink's that is unknown where it stands.
pub(super) fn hint(name: &str) -> Option<String> {
    let (theirs, here) = ALL.iter().find(|(theirs, _)| *theirs == name)?;
    Some(match here {
        Parameter("dal.signals") => format!("Etherlink's {theirs}: true is dal.signals: false here"),
        Parameter(ours) if ours == theirs => format!("{ours} stands outside of all sections"),
        Parameter(ours) => format!("Etherlink's {theirs} is {ours} here"),
        Nothing(why) => format!("Etherlink's {theirs} has no counterpart: {why}"),
    })
}

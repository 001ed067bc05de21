//! The table. A parameter that is added to the types is added here, with what an originator has to know.

use super::{Field, Kind, read::form};
use millrace_layout::{
    catalog::{ACCOUNT, AUTHORITY, CODE, Entry, PARAMETERS, SLOT},
    events::EVENTS_PER_LEVEL_MAX,
    parameters::PUBLISHERS_MAX,
};
use millrace_wire::{
    authority::{MEMBERS_MAX, QUORUM_MAX},
    dal::SLOTS_MAX,
};

/// The largest chain id that the signatures of all kinds of transactions have room for (EIP-2294).
const CHAIN_ID_MAX: u64 = u64::MAX / 2 - 36;
/// A year. What takes longer never comes.
const YEAR_S: u64 = 31_536_000;
/// The same in levels of six seconds.
const YEAR_LEVELS: u64 = YEAR_S / 6;
/// A day.
const DAY_S: u64 = 86_400;
/// The gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// What the 5·10^13 ticks of a run have room for, at 6,000 a unit of gas (`docs/delayed-inbox.md`).
const RUN_GAS: u64 = 8_000_000_000;
/// What readers that count in doubles understand.
const DOUBLE_MAX: u64 = (1 << 53) - 1;
/// The first second of the year 2100. A time in milliseconds is later.
const YEAR_2100: u64 = 4_102_444_800;
/// The nonce after which an account can do nothing (EIP-2681).
const NONCE_MAX: u64 = u64::MAX - 1;

const fn field(name: &'static str, kind: Kind, key: Entry, text: &'static str) -> Field {
    Field { name, kind, text, key, required: None }
}

const fn required(field: Field, question: &'static str) -> Field {
    Field { required: Some(question), ..field }
}

/// One that goes into the parameters of the kernel, as most do.
const fn parameter(name: &'static str, kind: Kind, text: &'static str) -> Field {
    field(name, kind, PARAMETERS, text)
}

const fn number(min: u64, max: u64) -> Kind {
    Kind::Number { min, max }
}

const CONTRACT: Kind = Kind::Text(form::CONTRACT);

pub(super) const ROOT: &[Field] = &[
    parameter("chain_id", number(1, CHAIN_ID_MAX), "EIP-155 chain id. Wallets tell chains apart by it."),
    parameter(
        "fork",
        Kind::Word(&["shanghai", "cancun", "prague", "osaka"]),
        "Rules of the EVM, by the name of a fork of Ethereum.",
    ),
    field(
        "sequencer",
        Kind::Text(form::SEQUENCER),
        AUTHORITY,
        "Public key of the sequencer; or nobody: then the kernel makes blocks of what anybody sends.",
    ),
    field("committee", Kind::Section(COMMITTEE), AUTHORITY, "A committee instead of the sequencer."),
    parameter(
        "ticketer",
        CONTRACT,
        "Contract of the layer 1 whose tickets become the native token. Without one there are no native deposits.",
    ),
    parameter(
        "contracts",
        Kind::Section(CONTRACTS),
        "Other contracts of the layer 1 that the rollup listens to. What has no contract cannot happen.",
    ),
    parameter("fa_bridge", Kind::Flag, "Whether tickets of any other ticketer can be deposited."),
    parameter(
        "delayed_inbox",
        Kind::Section(DELAYED_INBOX),
        "When the kernel forces what waits in the delayed inbox into a block.",
    ),
    parameter("dal", Kind::Section(DAL), "What is imported from the data availability layer."),
    parameter("upgrades", Kind::Section(UPGRADES), "When kernels that governance announces come and go."),
    parameter(
        "pool",
        Kind::Text(form::POOL),
        "Account that receives what transactions pay for their bytes; also the beneficiary in headers.",
    ),
    parameter("fees", Kind::Section(FEES), "What transactions pay."),
    parameter("limits", Kind::Section(LIMITS), "What a block may hold."),
    parameter("genesis", Kind::Section(GENESIS), "What is there before block 1."),
];

const COMMITTEE: &[Field] = &[
    required(
        field(
            "members",
            Kind::List { item: &Kind::Text(form::KEY), most: MEMBERS_MAX },
            AUTHORITY,
            "Public keys edpk… of the members, two or more, each once. Certificates refer to them in this order.",
        ),
        "who are the members?",
    ),
    required(
        field(
            "quorum",
            number(1, QUORUM_MAX as u64),
            AUTHORITY,
            "How many members must sign a blueprint. More than two thirds stay right while less than a third are not.",
        ),
        "how many members must sign?",
    ),
];

const CONTRACTS: &[Field] = &[
    parameter("delayed_bridge", CONTRACT, "Sends transactions to the delayed inbox."),
    parameter("admin", CONTRACT, "May announce kernel upgrades and changes of the sequencer."),
    parameter("kernel_governance", CONTRACT, "May announce kernel upgrades."),
    parameter("security_governance", CONTRACT, "May announce kernel upgrades that take precedence."),
    parameter("sequencer_governance", CONTRACT, "May announce changes of the sequencer."),
];

const DELAYED_INBOX: &[Field] = &[
    parameter("timeout_s", number(1, YEAR_S), "An item is overdue when it has waited this many seconds,"),
    parameter("timeout_levels", number(1, YEAR_LEVELS), "and this many levels of the layer 1 too."),
    parameter("forced_items_max", number(1, EVENTS_PER_LEVEL_MAX), "Most items of a forced block."),
];

const DAL: &[Field] = &[
    parameter("enabled", Kind::Flag, "Whether slots are imported at all. Needs a single sequencer."),
    parameter(
        "signals",
        Kind::Flag,
        "Whether signals of the sequencer are heeded, as on networks that do not tell the rollup which slots are attested.",
    ),
    parameter(
        "slots",
        Kind::List { item: &number(0, SLOTS_MAX as u64 - 1), most: SLOTS_MAX },
        "The indices of slots that a signal may name.",
    ),
    parameter(
        "publishers",
        Kind::List { item: &Kind::Text(form::PUBLISHER), most: PUBLISHERS_MAX },
        "Accounts whose slots are imported when the layer 1 tells that they are attested. Nobody else's are.",
    ),
];

const UPGRADES: &[Field] = &[
    parameter("notice_s", number(0, YEAR_S), "An announcement that leaves less time than this is refused."),
    parameter(
        "security_notice_s",
        number(0, YEAR_S),
        "The same for security governance; not more than notice_s.",
    ),
    parameter(
        "forced_after_s",
        number(0, YEAR_S),
        "So many seconds after its time anybody can force an upgrade.",
    ),
    parameter(
        "trial_levels",
        number(0, YEAR_LEVELS),
        "A kernel that was to make blocks in so many levels and has made none gives way to the one before; 0 for never.",
    ),
];

const FEES: &[Field] = &[
    parameter("base_fee_min", Kind::Amount, "The base fee never falls below this amount for one gas."),
    parameter("da_fee_per_byte", Kind::Amount, "Price of each byte that a transaction takes on the layer 1."),
    parameter(
        "execution",
        Kind::Word(&["burned", "pool"]),
        "Where the price of execution goes: nobody gets it, or the pool does.",
    ),
    parameter(
        "gas_target_per_s",
        number(1, DOUBLE_MAX),
        "Execution gas per second at which the base fee stays where it is; more makes it rise.",
    ),
];

const LIMITS: &[Field] = &[
    parameter(
        "execution_gas_transaction_max",
        number(TRANSFER_GAS, RUN_GAS),
        "Most execution gas of one transaction; a larger gas limit is capped, not refused.",
    ),
    parameter(
        "execution_gas_block_max",
        number(TRANSFER_GAS, DOUBLE_MAX),
        "Most execution gas that the transactions of one block may ask for together.",
    ),
    parameter(
        "gas_limit_header",
        number(TRANSFER_GAS, DOUBLE_MAX),
        "What headers give as gas limit: so large that no client refuses a transaction that pays for many bytes.",
    ),
    parameter(
        "lookahead_s",
        number(1, DAY_S),
        "How many seconds the timestamp of a block may be ahead of the layer 1.",
    ),
];

const GENESIS: &[Field] = &[
    parameter("timestamp", number(0, YEAR_2100), "Timestamp of block 0, in seconds since 1970."),
    field(
        "accounts",
        Kind::Map { key: form::ADDRESS, value: &Kind::AmountOr(FUNDS) },
        ACCOUNT,
        "Accounts that have something from the start: a balance, or a section with balance and nonce.",
    ),
    field(
        "contracts",
        Kind::Map { key: form::ADDRESS, value: &Kind::Section(GENESIS_CONTRACT) },
        CODE,
        "Accounts with code. No constructor runs.",
    ),
];

const FUNDS: &[Field] = &[
    field("balance", Kind::Amount, ACCOUNT, "What it has."),
    field("nonce", number(0, NONCE_MAX), ACCOUNT, "How many transactions it has sent."),
];

const GENESIS_CONTRACT: &[Field] = &[
    required(
        field(
            "code",
            Kind::Text(form::CODE),
            CODE,
            "What runs when it is called, at most 24,576 bytes (EIP-170).",
        ),
        "a contract has code",
    ),
    field(
        "nonce",
        number(0, NONCE_MAX),
        ACCOUNT,
        "1 is what a contract has that was just created (EIP-161).",
    ),
    field("balance", Kind::Amount, ACCOUNT, "What it has."),
    field(
        "storage",
        Kind::Map { key: form::SLOT, value: &Kind::Text(form::WORD) },
        SLOT,
        "What is in its slots. What is not named is zero.",
    ),
];

//! The table against the types, the schema and the page that come from it, and what is refused.

use super::*;
use crate::{
    Committee, Contract, Contracts, Funds, Parameters, development,
    yaml::{Content, Node},
};
use serde_json::{Map, json};
use std::{collections::BTreeSet, fs, path::PathBuf};

const EXAMPLES: [(&str, &str); 3] = [
    ("rollup.example.yaml", include_str!("../../rollup.example.yaml")),
    ("committee.example.yaml", include_str!("../../committee.example.yaml")),
    ("sandbox.yaml", include_str!("../../sandbox.yaml")),
];

/// Parameters with something in each field.
fn full() -> Parameters {
    let some = || Some("text".to_owned());
    let mut parameters = Parameters::new("text");
    parameters.committee = Some(Committee { members: vec!["text".to_owned()], quorum: 1 });
    (parameters.ticketer, parameters.pool) = (some(), some());
    parameters.contracts = Contracts {
        delayed_bridge: some(),
        admin: some(),
        kernel_governance: some(),
        security_governance: some(),
        sequencer_governance: some(),
    };
    parameters.genesis.accounts =
        [("<address>".to_owned(), Funds { balance: "1".to_owned(), nonce: 1 })].into();
    let storage = [("<slot>".to_owned(), "1".to_owned())].into();
    let contract = Contract { storage, ..Contract::new("0x00") };
    parameters.genesis.contracts = [("<address>".to_owned(), contract)].into();
    parameters
}

/// The paths of all entries of a value.
fn paths_of_value(path: &str, value: &Value, all: &mut BTreeSet<String>) {
    if let Value::Object(entries) = value {
        for (name, value) in entries {
            let path = below(path, name);
            paths_of_value(&path, value, all);
            all.insert(path);
        }
    }
}

/// A value of a kind.
fn sample(kind: &Kind) -> Value {
    let section = |fields: &[Field]| {
        Value::Object(fields.iter().map(|field| (field.name.to_owned(), sample(&field.kind))).collect())
    };
    match kind {
        Kind::Flag => json!(true),
        Kind::Number { min, .. } => json!(min),
        Kind::Amount | Kind::Text(_) => json!("text"),
        Kind::Word(words) => json!(words[0]),
        Kind::List { item, .. } => json!([sample(item)]),
        Kind::Map { key, value } => {
            let name = if key.words.starts_with("slots") { "<slot>" } else { "<address>" };
            Value::Object(Map::from_iter([(name.to_owned(), sample(value))]))
        }
        Kind::Section(fields) | Kind::AmountOr(fields) => section(fields),
    }
}

#[test]
fn the_types_have_the_keys_of_the_table_and_no_others() {
    let (mut of_types, mut of_table) = (BTreeSet::new(), BTreeSet::new());
    paths_of_value("", &serde_json::to_value(full()).expect("JSON"), &mut of_types);
    let sample = sample(&ROOT);
    paths_of_value("", &sample, &mut of_table);
    let missing: Vec<_> = of_types.difference(&of_table).collect();
    assert!(missing.is_empty(), "add these to installer/src/shape/table.rs: {missing:?}");
    let unknown: Vec<_> = of_table.difference(&of_types).collect();
    assert!(unknown.is_empty(), "the types in installer/src/parameters.rs lack these: {unknown:?}");
    // What the table takes, the types take.
    serde_json::from_value::<Parameters>(sample).expect("a value of each kind");
}

#[test]
fn every_number_has_room_for_its_range_and_its_default_within() {
    fn numbers(path: &str, kind: &Kind, all: &mut Vec<(String, u64)>) {
        match kind {
            Kind::Number { max, .. } => all.push((path.to_owned(), *max)),
            Kind::Section(fields) => {
                fields.iter().for_each(|field| numbers(&below(path, field.name), &field.kind, all));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    numbers("", &ROOT, &mut all);
    assert_eq!(all.len(), 15, "{all:?}");
    for (path, max) in all {
        let mut value = serde_json::to_value(full()).expect("JSON");
        let pointer = format!("/{}", path.replace('.', "/"));
        *value.pointer_mut(&pointer).expect("a field") = json!(max);
        let read: Parameters = serde_json::from_value(value).expect(&path);
        let back = serde_json::to_value(read).expect("JSON");
        assert_eq!(back.pointer(&pointer), Some(&json!(max)), "{path}");
    }
    check(&serde_json::to_value(Parameters::new("")).expect("JSON")).expect("defaults within their ranges");
}

#[test]
fn etherlinks_names_lead_to_parameters_that_there_are() {
    let mut known = Vec::new();
    read::paths("", table::ROOT, &mut known);
    let mut names = BTreeSet::new();
    for (theirs, here) in etherlink::ALL {
        assert!(names.insert(theirs), "{theirs} is there twice");
        if let etherlink::Here::Parameter(ours) = here {
            assert!(known.contains(&(*ours).to_owned()), "{ours}");
        }
    }
}

#[test]
fn the_example_names_every_parameter() {
    let mut known = Vec::new();
    read::paths("", table::ROOT, &mut known);
    for path in known {
        let name = path.rsplit('.').next().expect("a name");
        let is_line = |line: &&str| line.trim_start_matches([' ', '#']).starts_with(&format!("{name}:"));
        assert!(
            EXAMPLES[0].1.lines().any(|line| is_line(&line)),
            "rollup.example.yaml says nothing of {path}"
        );
    }
}

/// A file of the repository that is generated here: compared, or written with `MILLRACE_UPDATE_GOLDENS`.
fn golden(path: &str, wanted: impl FnOnce(&str) -> Option<String>) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = fs::read_to_string(&file).unwrap_or_default();
    let Some(wanted) = wanted(&text) else { return };
    if std::env::var_os("MILLRACE_UPDATE_GOLDENS").is_some() {
        fs::write(&file, &wanted).expect("written");
        return;
    }
    assert!(text == wanted, "{path} is not what the table says: MILLRACE_UPDATE_GOLDENS=1 writes it");
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_table() {
    golden("installer/rollup.schema.json", |text| {
        let schema = json_schema();
        // Compared as values: the order of entries depends on what else is compiled.
        let is_same = serde_json::from_str::<Value>(text).is_ok_and(|found| found == schema);
        (!is_same).then(|| serde_json::to_string_pretty(&schema).expect("text keys") + "\n")
    });
}

#[test]
fn the_tables_of_the_documentation_are_those_of_the_table() {
    const START: &str = "<!-- generated: parameters -->\n";
    const END: &str = "<!-- end -->";
    golden("docs/installer.md", |text| {
        let (before, rest) = text.split_once(START).expect("the mark where the tables begin");
        let (_, after) = rest.split_once(END).expect("the mark where they end");
        Some(format!("{before}{START}{}{END}{after}", page::page()))
    });
}

/// A text as an editor reads it: by YAML's own types.
fn as_yaml(node: &Node) -> Value {
    match &node.content {
        Content::Nothing => Value::Null,
        Content::List(items) => items.iter().map(as_yaml).collect(),
        Content::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), as_yaml(value))).collect())
        }
        Content::Scalar { text, is_plain } => {
            let typed = is_plain.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
            typed.filter(|value| value.is_number() || value.is_boolean()).unwrap_or_else(|| json!(text))
        }
    }
}

fn is_valid(text: &str) -> bool {
    let validator = jsonschema::validator_for(&json_schema()).expect("a schema");
    validator.is_valid(&as_yaml(&crate::yaml::parse(text).expect("YAML")))
}

#[test]
fn the_examples_are_sound_and_validate() {
    for (name, text) in EXAMPLES {
        Parameters::from_yaml(text).unwrap_or_else(|error| panic!("{name}:{error}"));
        assert!(is_valid(text), "{name}");
        assert!(text.starts_with("# yaml-language-server: $schema=rollup.schema.json\n"), "{name}");
    }
    // What is read by both, written in other ways.
    for text in
        ["sequencer: nobody\nfees:\n", "sequencer: nobody\ngenesis: {accounts: }\ndal: {slots: [0, 255]}"]
    {
        Parameters::from_yaml(text).expect(text);
        assert!(is_valid(text), "{text}");
    }
}

#[test]
fn what_the_schema_can_refuse_it_refuses() {
    for text in [
        "chain_id: 0",
        "chain_id: many",
        "chain_id: '1'",
        "chian_id: 1",
        "fork: osakka",
        "fa_bridge: 'true'",
        "pool: 0x12",
        "ticketer: KT1",
        "fees: {base_fee: 1}",
        "fees: {base_fee_min: -1}",
        "fees: {base_fee_min: 1 tez}",
        "dal: {slots: [256]}",
        "dal: {slots: [1, 1]}",
        "dal: {publishers: [edpk]}",
        "limits: 5",
        "genesis: {accounts: {12: 1}}",
        "genesis: {accounts: {'0x0000000000000000000000000000000000000001': {nonces: 1}}}",
        "genesis: {contracts: {'0x0000000000000000000000000000000000000001': {nonce: 1}}}",
    ] {
        let text = format!("sequencer: nobody\n{text}");
        assert!(!is_valid(&text), "{text}");
        assert!(Parameters::from_yaml(&text).is_err(), "{text}");
    }
    assert!(!is_valid("chain_id: 5"), "nobody orders");
    assert!(!is_valid("sequencer: nobody\ncommittee: {members: [], quorum: 1}"), "both order");
    assert!(!is_valid("committee: {members: []}"), "no quorum");
}

/// What is said of a text whose first line names a sequencer.
fn refusal(text: &str) -> String {
    let text = format!("sequencer: {}\n{text}", development::SEQUENCER);
    match Parameters::from_yaml(&text) {
        Ok(_) => format!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_that_are_unknown_lead_to_the_right_ones() {
    for (text, expected) in [
        ("chian_id: 5", "2:1: chian_id: unknown key; did you mean chain_id?"),
        ("Chain-Id: 5", "2:1: Chain-Id: unknown key; did you mean chain_id?"),
        ("fees:\n  base_fee_mn: 1", "3:3: fees.base_fee_mn: unknown key; did you mean base_fee_min?"),
        ("base_fee_min: 1", "2:1: base_fee_min: unknown key; fees.base_fee_min is what there is"),
        ("fees:\n  chain_id: 1", "3:3: fees.chain_id: unknown key; chain_id stands outside of all sections"),
        (
            "upgrades:\n  whenever: 1",
            "3:3: upgrades.whenever: unknown key; upgrades has notice_s, security_notice_s, forced_after_s, trial_levels",
        ),
        (
            "da_fee_per_byte: 0",
            "2:1: da_fee_per_byte: unknown key; Etherlink's da_fee_per_byte is fees.da_fee_per_byte here",
        ),
        ("evm_version: 3", "2:1: evm_version: unknown key; Etherlink's evm_version is fork here"),
        (
            "disable_legacy_dal_signals: true",
            "2:1: disable_legacy_dal_signals: unknown key; Etherlink's disable_legacy_dal_signals: true is dal.signals: \
             false here",
        ),
        (
            "enable_multichain: true",
            "2:1: enable_multichain: unknown key; Etherlink's enable_multichain has no counterpart: a rollup is one chain",
        ),
        (
            "genesis:\n  accounts:\n    0x01: { balnce: 1 }",
            "4:13: genesis.accounts.0x01.balnce: unknown key; did you mean balance?",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
    let long = "a".repeat(500);
    assert!(refusal(&format!("{long}: 1")).contains("unknown key; there are chain_id, fork"));
}

#[test]
fn values_of_other_types_and_ranges_are_refused() {
    let chain_id = "2:11: chain_id: expected a whole number from 1 to 9223372036854775771, found";
    for (value, found) in [
        ("0", "0"),
        ("many", "many"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("0x539", "0x539"),
        ("1_337", "1_337"),
        ("01337", "01337"),
        ("18446744073709551616", "18446744073709551616"),
        ("9223372036854775772", "9223372036854775772"),
        ("\"1\"", "the text \"1\""),
        ("[1]", "a list"),
        ("{}", "a section"),
    ] {
        assert_eq!(refusal(&format!("chain_id: {value}")), format!("{chain_id} {found}"));
    }
    for (text, expected) in [
        (
            "chain_id: ~",
            "2:11: chain_id: expected a whole number from 1 to 9223372036854775771, found nothing: leave the line out for \
             the default",
        ),
        (
            "fork: osakka",
            "2:7: fork: expected one of shanghai, cancun, prague, osaka, found \"osakka\"; did you mean osaka?",
        ),
        ("fork: 3", "2:7: fork: expected one of shanghai, cancun, prague, osaka, found 3"),
        ("fa_bridge: yes", "2:12: fa_bridge: expected true or false, found yes"),
        ("fa_bridge: 'true'", "2:12: fa_bridge: expected true or false, found the text \"true\""),
        (
            "delayed_inbox: 5",
            "2:16: delayed_inbox: expected a section with timeout_s, timeout_levels, forced_items_max, found 5",
        ),
        (
            "delayed_inbox:\n  timeout_s: 0",
            "3:14: delayed_inbox.timeout_s: expected a whole number from 1 to 31536000, found 0",
        ),
        (
            "delayed_inbox:\n  timeout_levels: 4294967296",
            "3:19: delayed_inbox.timeout_levels: expected a whole number from 1 to 5256000, found 4294967296",
        ),
        (
            "delayed_inbox:\n  forced_items_max: 10001",
            "3:21: delayed_inbox.forced_items_max: expected a whole number from 1 to 10000, found 10001",
        ),
        (
            "limits:\n  execution_gas_transaction_max: 0",
            "3:34: limits.execution_gas_transaction_max: expected a whole number from 21000 to 8000000000, found 0",
        ),
        (
            "limits: { lookahead_s: 0 }",
            "2:24: limits.lookahead_s: expected a whole number from 1 to 86400, found 0",
        ),
        (
            "fees: { gas_target_per_s: 0 }",
            "2:27: fees.gas_target_per_s: expected a whole number from 1 to 9007199254740991, found 0",
        ),
        ("dal:\n  slots: [0, 256]", "3:14: dal.slots[1]: expected a whole number from 0 to 255, found 256"),
        ("dal:\n  slots: 3", "3:10: dal.slots: expected a list, found 3"),
        // Milliseconds.
        (
            "genesis:\n  timestamp: 1700000000000",
            "3:14: genesis.timestamp: expected a whole number from 0 to 4102444800, found 1700000000000",
        ),
        (
            "genesis:\n  accounts: [1]",
            "3:13: genesis.accounts: expected entries by addresses 0x…, found a list",
        ),
        (
            "genesis:\n  accounts:\n    0x01: [1]",
            "4:11: genesis.accounts.0x01: expected an amount such as 1 ether, or a section with balance, nonce, found a list",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn yaml_that_decides_nothing_is_refused() {
    for (text, expected) in [
        ("chain_id: 1\nchain_id: 2", "3:1: chain_id: this key stands there twice, first at 2:1"),
        (
            "fees: {execution: burned, execution: pool}",
            "2:27: execution: this key stands there twice, first at 2:8",
        ),
        ("pool: &a \"0x\"", "2:10: anchors and aliases are not understood here: write the value out"),
        (
            "fees: &a\n  execution: pool",
            "3:3: anchors and aliases are not understood here: write the value out",
        ),
        ("chain_id: !!int 5", "2:17: tags are not understood here"),
        ("? [a]\n: b", "2:3: a key must be plain text"),
        ("---\nchain_id: 1", "3:1: a second document"),
    ] {
        assert_eq!(refusal(text), expected);
    }
    for text in ["pool: [", "pool: \"0x", "a: b: c", "pool: *a", "fees: {execution: pool"] {
        let refusal = refusal(text);
        assert!(refusal.contains(": no YAML: "), "{text}: {refusal}");
        assert!(refusal.starts_with(['2', '3']), "{text}: {refusal}");
    }
    for (text, expected) in [
        ("", "1:1: sequencer: missing: who orders transactions? Give a public key, a committee, or nobody"),
        ("- 1", "1:1: expected a section with chain_id, fork, sequencer"),
        ("5", "1:1: expected a section with chain_id, fork, sequencer"),
    ] {
        let refusal = Parameters::from_yaml(text).expect_err(text).to_string();
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
    let deep = format!("genesis: {}", "[".repeat(100_000));
    assert!(
        refusal(&deep).contains("no YAML") || refusal(&deep).contains("nested deeper"),
        "{}",
        refusal(&deep)
    );
    let large = format!("# {}", "x".repeat(crate::yaml::TEXT_BYTES_MAX));
    assert_eq!(
        Parameters::from_yaml(&large).expect_err("large").to_string(),
        "1:1: larger than 1048576 bytes"
    );
}

const OTHER: &str = "edpktzNbDAUjUk697W7gYg2CRuBQjyPxbEg8dLccYYwKSKvkPvjtV9";
/// The number 2 as y is on no point of the curve.
const OFF_CURVE: &str = "edpktf72Mg9Kbbn6gTRrNqP2d96K1a9Q1MTKUHAX6Xy6pJr8uzipUZ";
const SECP256K1: &str = "sppk7aEFdrScsCDxdaQ7Ev1JxpWZESrEK6UsWRhr79JfGKkPYGTsudN";
const KT1: &str = "KT18g5SiBpZEhMtyW11tE35UN9EJy2vSb8rC";
const TZ1: &str = "tz1L6a5r4vuB51EnnyWYgBnsXNsSucZWqaKG";

#[test]
fn who_orders_is_said_once_and_rightly() {
    let ours = development::SEQUENCER;
    let said = |text: &str| Parameters::from_yaml(text).expect_err(text).to_string();
    let committee = |members: &[&str], quorum: u16| {
        said(&format!("committee:\n  quorum: {quorum}\n  members: [{}]", members.join(", ")))
    };
    assert_eq!(
        said("chain_id: 5"),
        "1:1: sequencer: missing: who orders transactions? Give a public key, a committee, or nobody"
    );
    assert_eq!(
        said("sequencer: edpk"),
        "1:12: sequencer: \"edpk\" is not a public key edpk…, sppk… or p2pk…: not base58 with a matching checksum"
    );
    assert_eq!(
        said(&format!("sequencer: {TZ1}")),
        format!(
            "1:12: sequencer: \"{TZ1}\" is not a public key edpk…, sppk… or p2pk…: base58 of something else"
        )
    );
    assert_eq!(
        said(&format!("sequencer: {OFF_CURVE}")),
        format!("1:12: sequencer: {OFF_CURVE} cannot be: it is not a point of its curve")
    );
    assert_eq!(
        refusal(&format!("committee:\n  members: [{ours}, {OTHER}]\n  quorum: 2")),
        format!("1:12: sequencer: {ours} cannot be: there is a committee too: one of them orders, not both")
    );
    assert_eq!(
        committee(&[ours, OTHER, ours], 2),
        format!("3:125: committee.members[2]: {ours} cannot be: it is a member before")
    );
    assert_eq!(
        committee(&[ours, OFF_CURVE], 2),
        format!("3:69: committee.members[1]: {OFF_CURVE} cannot be: it is not a point of its curve")
    );
    assert_eq!(
        committee(&[ours, SECP256K1], 2),
        format!(
            "3:69: committee.members[1]: {SECP256K1} cannot be: the keys of a committee are Ed25519, edpk…"
        )
    );
    assert_eq!(
        committee(&[ours, OTHER], 3),
        "2:11: committee.quorum: 3 cannot be: it cannot be reached: there are 2 members"
    );
    assert_eq!(
        committee(&[ours, OTHER], 0),
        "2:11: committee.quorum: expected a whole number from 1 to 53, found 0"
    );
    assert_eq!(
        committee(&[ours], 1),
        "3:12: committee.members: 1 members cannot be: a committee has two members or more; for one write sequencer: edpk…"
    );
    assert_eq!(committee(&vec![ours; 101], 2), "3:12: committee.members: 101 items cannot be: at most 100");
    assert_eq!(
        said(&format!("committee: {{members: [{ours}, {OTHER}]}}")),
        "1:12: committee.quorum: missing: how many members must sign?"
    );
    Parameters::from_yaml("sequencer: nobody").expect("nobody may order");
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    for (text, expected) in [
        (format!("ticketer: {TZ1}"), format!("2:11: ticketer: \"{TZ1}\" is not a contract KT1…: base58 of something else")),
        (
            format!("contracts:\n  admin: {KT1}\n  kernel_governance: {KT1}"),
            format!("4:22: contracts.kernel_governance: {KT1} cannot be: the kernel hears this contract as contracts.admin and as nothing else"),
        ),
        (
            format!("contracts:\n  security_governance: {KT1}\n  sequencer_governance: {KT1}"),
            format!("4:25: contracts.sequencer_governance: {KT1} cannot be: the kernel hears this contract as contracts.security_governance and as nothing else"),
        ),
        (
            "pool: \"0x12\"".to_owned(),
            "2:7: pool: \"0x12\" is not an address: it must have 40 hexadecimal digits".to_owned(),
        ),
        (
            "fees:\n  execution: pool".to_owned(),
            "3:14: fees.execution: pool cannot be: there is no pool: nobody could ever spend what goes there".to_owned(),
        ),
        (
            "fees:\n  base_fee_min: 0 gwei".to_owned(),
            "3:17: fees.base_fee_min: 0 gwei cannot be: the base fee must be positive: gas is divided by it".to_owned(),
        ),
        (
            "fees:\n  base_fee_min: 2 ether".to_owned(),
            "3:17: fees.base_fee_min: 2 ether cannot be: more than an ether for one gas".to_owned(),
        ),
        (
            "fees:\n  da_fee_per_byte: 4000 ether".to_owned(),
            "3:20: fees.da_fee_per_byte: 4000 ether cannot be: more than an ether for one byte".to_owned(),
        ),
        (
            "fees:\n  da_fee_per_byte: 4 tez".to_owned(),
            "3:20: fees.da_fee_per_byte: \"4 tez\" is not an amount: the unit must be wei, gwei or ether".to_owned(),
        ),
        (
            "fees: {base_fee_min: 1 wei, da_fee_per_byte: 0.01 ether}".to_owned(),
            "2:46: fees.da_fee_per_byte: 0.01 ether cannot be: the bytes of a transfer would cost 1500000000000000000 gas at \
             fees.base_fee_min, more than limits.gas_limit_header"
                .to_owned(),
        ),
        (
            "limits:\n  execution_gas_block_max: 21000".to_owned(),
            "3:28: limits.execution_gas_block_max: 21000 cannot be: a block must have room for a transaction of \
             limits.execution_gas_transaction_max"
                .to_owned(),
        ),
        (
            "limits:\n  gas_limit_header: 30000000".to_owned(),
            "3:21: limits.gas_limit_header: 30000000 cannot be: it must not be below limits.execution_gas_block_max"
                .to_owned(),
        ),
        (
            "upgrades:\n  security_notice_s: 1".to_owned(),
            "3:22: upgrades.security_notice_s: 1 cannot be: security governance may not have to give more notice than \
             upgrades.notice_s"
                .to_owned(),
        ),
        (
            "dal:\n  enabled: true".to_owned(),
            "3:12: dal.enabled: true cannot be: nothing can be imported: neither slots that may be signalled nor publishers"
                .to_owned(),
        ),
        (
            "dal:\n  signals: false\n  slots: [1, 2]".to_owned(),
            "4:10: dal.slots: [1, 2] cannot be: signals name slots, and dal.signals is false: without signals leave them out"
                .to_owned(),
        ),
        ("dal:\n  slots: [1, 2, 1]".to_owned(), "3:17: dal.slots[2]: 1 cannot be: it stands there twice".to_owned()),
        (
            format!("dal:\n  publishers:\n  - {TZ1}\n  - {TZ1}"),
            format!("5:5: dal.publishers[1]: {TZ1} cannot be: it stands there twice"),
        ),
    ] {
        assert_eq!(refusal(&text), expected);
    }
    let nobody = "sequencer: nobody\ndal: {enabled: true, slots: [1]}";
    assert_eq!(
        Parameters::from_yaml(nobody).expect_err("nobody").to_string(),
        "2:16: dal.enabled: true cannot be: slots are imported for a single sequencer: chunks in them carry no signatures"
    );
}

#[test]
fn accounts_that_cannot_be_are_refused() {
    let address = "0x00000000000000000000000000000000000c0de0";
    let account = |entry: &str| refusal(&format!("genesis:\n  accounts:\n    {entry}"));
    let contract = |entry: &str| refusal(&format!("genesis:\n  contracts:\n    \"{address}\": {entry}"));
    for (refusal, expected) in [
        (account("0x12: 1"), "4:5: genesis.accounts.0x12: \"0x12\" is not an address: it must have 40 hexadecimal digits".to_owned()),
        (
            // One letter of the checksum in the wrong case.
            account("\"0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266\": 1"),
            "4:5: genesis.accounts.0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266: \"0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266\" \
             is not an address: its mixed case does not match its checksum (EIP-55)"
                .to_owned(),
        ),
        (
            account(&format!("{address}: 0")),
            format!("4:49: genesis.accounts.{address}: 0 cannot be: an account without balance and nonce is no account"),
        ),
        (
            account(&format!("{address}: {{ nonce: 18446744073709551615 }}")),
            format!("4:58: genesis.accounts.{address}.nonce: expected a whole number from 0 to 18446744073709551614, found 18446744073709551615"),
        ),
        (
            account("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266: 1\n    0xF39FD6E51AAD88F6F4CE6AB8827279CFFFB92266: 2"),
            "4:5: genesis.accounts.0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266: stands there twice".to_owned(),
        ),
        (contract("{}"), format!("4:51: genesis.contracts.{address}.code: missing: a contract has code")),
        (contract("{code: \"0x\"}"), format!("4:58: genesis.contracts.{address}.code: no code: an account without code belongs to genesis.accounts")),
        (contract("{code: \"0xef00\"}"), format!("4:58: genesis.contracts.{address}.code: no code: no contract's code starts with 0xef (EIP-3541)")),
        (contract("{code: \"0x0\"}"), format!("4:58: genesis.contracts.{address}.code: no code: not an even number of hexadecimal digits")),
        (
            contract("{code: \"0x00\", storage: {x: \"0x1\"}}"),
            format!("4:76: genesis.contracts.{address}.storage.x: \"x\" is no word of the EVM: it must start with 0x"),
        ),
        (
            contract("{code: \"0x00\", storage: {\"0x1\": 5}}"),
            format!("4:83: genesis.contracts.{address}.storage.0x1: \"5\" is no word of the EVM: it must start with 0x"),
        ),
        (
            contract("{code: \"0x00\", storage: {\"0x1\": \"0x0\"}}"),
            format!("4:83: genesis.contracts.{address}.storage.0x1: 0x0 cannot be: a slot that is not named is zero already"),
        ),
        (
            contract("{code: \"0x00\", storage: {\"0x1\": \"0x2\", \"0x01\": \"0x3\"}}"),
            format!("4:76: genesis.contracts.{address}.storage.0x1: stands there twice"),
        ),
        (
            refusal("genesis:\n  contracts:\n    \"0xff00000000000000000000000000000000000001\": {code: \"0x00\"}"),
            "4:5: genesis.contracts.0xff00000000000000000000000000000000000001: \"0xff00000000000000000000000000000000000001\" \
             is not an address: a precompile or a bridge of the kernel is there: the code would never run"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal, expected);
    }
    let both =
        format!("genesis:\n  accounts: {{{address}: 1}}\n  contracts: {{{address}: {{code: \"0x00\"}}}}");
    assert_eq!(refusal(&both), format!("4:15: genesis.contracts.{address}: stands there twice"));
    let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    assert!(
        account(&format!("{address}: 1\n    \"0x1000000000000000000000000000000000000000\": {most}"))
            .ends_with("cannot be: the balances together exceed 256 bits")
    );
}

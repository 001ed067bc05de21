//! Payloads in and out of their forms, what is said of them, and kernels that are no good.

use crate::{
    check::{Fault, KernelCheck, Proposed},
    explain::{Circumstances, Explanation, Sender, Warning, explain},
    micheline::Expression,
    payload::{Payload, PayloadError},
    spelling::{Parties, Spelling},
};
use millrace_artifact::ArtifactError;
use millrace_engine::standing::Refusal;
use millrace_layout::parameters::Upgrades;
use millrace_primitives::{Address, ContractHash, PreimageHash, RollupAddress, Timestamp};
use millrace_pvm::{PreimageMap, Refused, Version};
use millrace_wire::{
    authority::AuthorityError,
    base58::Base58Check as _,
    governance::{
        CancelUpgrade, CommitteeChange, Decision, GovernanceError, KernelUpgrade, SequencerUpgrade,
    },
    signature::{PublicKey, SecretKey},
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::new(1_800_000_000);
const DAY_S: u64 = 86_400;

fn root_hash() -> PreimageHash {
    let mut bytes = [0xcd; 33];
    bytes[0] = 0;
    PreimageHash::new(bytes)
}

fn member(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public_key()
}

fn upgrade_at(activation: Timestamp) -> Decision {
    Decision::KernelUpgrade(KernelUpgrade { root_hash: root_hash(), activation })
}

fn committee(count: u8, quorum: u16) -> Decision {
    let members = (1..=count).map(member).collect();
    let pool = Address::repeat_byte(0xee);
    Decision::CommitteeChange(CommitteeChange {
        members,
        quorum,
        pool,
        activation: NOW.saturating_add(DAY_S),
    })
}

fn decisions() -> [Decision; 5] {
    let pool = Address::repeat_byte(0xee);
    [
        Decision::RemoveSequencer,
        upgrade_at(NOW),
        Decision::CancelUpgrade(CancelUpgrade { root_hash: root_hash(), timestamp: NOW }),
        Decision::SequencerUpgrade(SequencerUpgrade { key: member(1), pool, activation: NOW }),
        committee(4, 3),
    ]
}

#[test]
fn each_decision_is_read_from_each_of_its_forms() {
    for decision in decisions() {
        let spelling = Spelling::of(&decision, &Parties::default());
        let payload = Payload::Decision(decision.clone());
        let bytes = spelling.bytes();
        let of_admin =
            Expression::Primitive("Pair".into(), vec![Expression::Text("sr1x".into()), bytes.clone()]);
        let forms = [
            bytes.to_text(),
            bytes.to_json().to_string(),
            spelling.parameter().to_text(),
            spelling.parameter().to_json().to_string(),
            format!("  ({})\n", spelling.parameter().to_text()),
            of_admin.to_text(),
            of_admin.to_json().to_string(),
        ];
        for form in forms {
            assert_eq!(Payload::read(&form).as_ref(), Ok(&payload), "{form}");
        }
        // Nothing at all is too easily nothing at all: no bytes are written 0x.
        if decision != Decision::RemoveSequencer {
            let digits = hex::encode(&spelling.payload);
            assert_eq!(Payload::read(&digits).as_ref(), Ok(&payload));
            assert_eq!(Payload::read(&digits.to_uppercase()).as_ref(), Ok(&payload));
        }
        assert_eq!(spelling.to_json()["payload"], bytes.to_text());
    }
    assert!(matches!(Payload::read(""), Err(PayloadError::Text(_))));
}

#[test]
fn votes_are_what_the_deployed_contracts_take() {
    let parties = Parties {
        contract: Some(ContractHash::new([1; 20])),
        rollup: Some(RollupAddress::new([2; 20])),
        voter: Some("baker".into()),
    };
    let contract = ContractHash::new([1; 20]).to_base58();
    let rollup = RollupAddress::new([2; 20]).to_base58();
    let digest = "cd".repeat(32);
    let [removal, upgrade, cancel, sequencer, committee] =
        decisions().map(|decision| Spelling::of(&decision, &parties).calls);
    assert!(removal.is_empty() && committee.is_empty(), "only an administrator decides this");

    let line = |entrypoint: &str, argument: &str| {
        format!(
            "octez-client transfer 0 from baker to {contract} --entrypoint {entrypoint} --arg '{argument}'"
        )
    };
    for (calls, argument) in [(&upgrade, format!("0x00{digest}")), (&cancel, format!("0xff{digest}"))] {
        assert_eq!(calls[0].line, line("new_proposal", &argument));
        assert_eq!(calls[1].line, line("upvote_proposal", &argument));
        assert_eq!(calls[2].line, line("vote", "\"yea\""));
        assert_eq!(calls[3].line, line("trigger_kernel_upgrade", &format!("\"{rollup}\"")));
    }
    let key = member(1);
    let argument = format!("Pair \"{}\" 0x{}", key.to_base58(), "ee".repeat(20));
    assert_eq!(sequencer[0].line, line("new_proposal", &argument));
    assert_eq!(sequencer[3].line, line("trigger_committee_upgrade", &format!("\"{rollup}\"")));

    // And they are read back.
    let read = |text: &str| Payload::read(text).unwrap();
    let (root_hash, pool) = (root_hash(), Address::repeat_byte(0xee));
    assert_eq!(read(&format!("0x00{digest}")), Payload::KernelVote { root_hash, cancels: false });
    assert_eq!(read(&format!("0xff{digest}")), Payload::KernelVote { root_hash, cancels: true });
    assert_eq!(read(&argument), Payload::SequencerVote { key, pool });
}

#[test]
fn garbage_is_told_for_what_it_is() {
    let refused = |error| PayloadError::Refused(error);
    let [_, upgrade, _, sequencer, _] = decisions().map(|decision| decision.encode());
    let of = |bytes: &[u8]| Payload::decode(bytes).unwrap_err();
    assert_eq!(of(&[0]), refused(GovernanceError::Malformed));
    assert_eq!(of(&upgrade[..20]), refused(GovernanceError::Malformed));
    let mut other_hash = upgrade.clone();
    other_hash[2] = 1;
    assert_eq!(of(&other_hash), refused(GovernanceError::RootHash));
    let mut early = upgrade.clone();
    *early.last_mut().unwrap() = 0x80;
    assert_eq!(of(&early), refused(GovernanceError::Timestamp));
    let mut no_key = sequencer.clone();
    no_key[10] ^= 1;
    assert_eq!(of(&no_key), refused(GovernanceError::Key));
    for (error, reason) in [(GovernanceError::Malformed, 190), (GovernanceError::Key, 194)] {
        assert_eq!(refused(error).reason(), Some(reason));
        assert!(refused(error).to_string().contains(&format!("(reason {reason})")));
    }
    for text in ["Left 0x00", "Pair 0x00 0x00", "Unit", "\"text\"", "-42", "Pair \"edpk\" 0x00"] {
        assert!(matches!(Payload::read(text), Err(PayloadError::Shape(_))), "{text}");
    }
    let no_key = format!("Pair \"edpk\" 0x{}", "00".repeat(20));
    assert!(matches!(Payload::read(&no_key), Err(PayloadError::Key(_))));
    assert!(matches!(Payload::read("0xabc"), Err(PayloadError::Text(_))));
}

#[test]
fn another_spelling_is_told_from_nonsense() {
    let canonical = upgrade_at(NOW).encode();
    // A list of 43 bytes behind a length of its own.
    let long = [&[0xf8, 0x2b], &canonical[1..]].concat();
    let trailing = [&canonical[..], &[0]].concat();
    for bytes in [long, trailing] {
        let error = Payload::decode(&bytes).unwrap_err();
        assert_eq!(error, PayloadError::NotCanonical { canonical: canonical.clone() });
        assert_eq!(error.reason(), Some(190));
        assert!(error.to_string().contains(&hex::encode(&canonical)));
    }
}

#[test]
fn committees_that_cannot_certify_are_refused_in_words() {
    let with = |members: Vec<PublicKey>, quorum| {
        let pool = Address::zero();
        Decision::CommitteeChange(CommitteeChange { members, quorum, pool, activation: NOW }).encode()
    };
    let table = [
        (with(vec![member(1), member(2), member(1)], 2), AuthorityError::DuplicateMember(2), "twice"),
        (with(vec![member(1), member(2)], 3), AuthorityError::Quorum, "cannot be reached"),
        (with(vec![], 0), AuthorityError::Empty, "no members"),
    ];
    for (bytes, error, word) in table {
        let refused = Payload::decode(&bytes).unwrap_err();
        assert_eq!(refused, PayloadError::Refused(GovernanceError::Authority(error)));
        assert!(refused.to_string().contains(word), "{refused}");
    }
}

fn explained(decision: Decision, terms: Option<Upgrades>, sender: Option<Sender>) -> Explanation {
    explain(&Payload::Decision(decision), &Circumstances { now: NOW, terms, sender })
}

#[test]
fn warnings_come_when_something_is_probably_not_meant() {
    let terms = Some(Upgrades { notice_s: 2 * DAY_S, security_notice_s: DAY_S, ..Upgrades::default() });
    let at = |seconds: i64| upgrade_at(Timestamp::new(NOW.get().saturating_add_signed(seconds)));
    let day = DAY_S as i64;
    let notice = |left_s, notice_s| Warning::Notice { left_s, notice_s };
    type Row = (Decision, Option<Upgrades>, Option<Sender>, Vec<Warning>);
    let table: [Row; 12] = [
        (at(3 * day), terms, None, vec![]),
        (at(day), terms, None, vec![notice(DAY_S, 2 * DAY_S)]),
        (at(day), None, None, vec![]),
        (at(day), terms, Some(Sender::Security), vec![]),
        (at(day - 1), terms, Some(Sender::Security), vec![notice(DAY_S - 1, DAY_S)]),
        (at(-5), terms, None, vec![Warning::Past { ago_s: 5 }, notice(0, 2 * DAY_S)]),
        (at(0), None, None, vec![Warning::Past { ago_s: 0 }]),
        (at(400 * day), terms, None, vec![Warning::Far]),
        (at(day), None, Some(Sender::Sequencer), vec![Warning::NotAllowed(Sender::Sequencer)]),
        (committee(4, 3), None, Some(Sender::Kernel), vec![Warning::NotAllowed(Sender::Kernel)]),
        (committee(4, 2), None, None, vec![Warning::QuorumOfHalf { quorum: 2, members: 4 }]),
        (committee(4, 4), None, None, vec![Warning::QuorumOfAll { members: 4 }]),
    ];
    for (row, (decision, terms, sender, warnings)) in table.into_iter().enumerate() {
        assert_eq!(explained(decision, terms, sender).warnings, warnings, "row {row}");
    }
    let single = Decision::CommitteeChange(CommitteeChange {
        members: vec![member(1)],
        quorum: 1,
        pool: Address::zero(),
        activation: NOW.saturating_add(1),
    });
    assert_eq!(explained(single, None, None).warnings, [Warning::NoPool]);
}

#[test]
fn an_explanation_says_what_when_and_what_else() {
    let terms = Some(Upgrades { forced_after_s: DAY_S, trial_levels: 7, ..Upgrades::default() });
    let upgrade = explained(upgrade_at(NOW.saturating_add(DAY_S)), terms, None).to_string();
    let when = crate::time::show(NOW.saturating_add(DAY_S));
    let forced = crate::time::show(NOW.saturating_add(2 * DAY_S));
    for words in [root_hash().to_string().as_str(), &when, "in 1 day", &forced, "7 levels", "cancelled"] {
        assert!(upgrade.contains(words), "{words}: {upgrade}");
    }
    let no_trial = Some(Upgrades { trial_levels: 0, ..Upgrades::default() });
    assert!(!explained(upgrade_at(NOW), no_trial, None).to_string().contains("comes back"));
    let committee = explained(committee(4, 3), None, None).to_string();
    assert!(
        committee.contains("3 of 4 members") && committee.contains(&member(4).to_base58()),
        "{committee}"
    );
    assert!(explained(Decision::RemoveSequencer, None, None).to_string().contains("from the next level on"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_upgrade_survives_its_forms(digest: [u8; 32], seconds in 0..i64::MAX as u64, cancels: bool) {
        let root_hash = PreimageHash::from_slice(&[&[0], &digest[..]].concat()).unwrap();
        let time = Timestamp::new(seconds);
        let decision = if cancels {
            Decision::CancelUpgrade(CancelUpgrade { root_hash, timestamp: time })
        } else {
            Decision::KernelUpgrade(KernelUpgrade { root_hash, activation: time })
        };
        let spelling = Spelling::of(&decision, &Parties::default());
        for form in [spelling.bytes().to_text(), spelling.parameter().to_json().to_string()] {
            prop_assert_eq!(Payload::read(&form), Ok(Payload::Decision(decision.clone())));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..90)) {
        for bytes in [&bytes, &[&[0xf8, bytes.len() as u8][..], &bytes].concat()] {
            match Payload::decode(bytes) {
                Ok(Payload::Decision(decision)) => prop_assert_eq!(&decision.encode(), bytes),
                Ok(_) => prop_assert_eq!(bytes.len(), 33),
                Err(PayloadError::NotCanonical { canonical }) => {
                    prop_assert!(Decision::decode(&canonical).is_ok() && &canonical != bytes);
                }
                Err(error) => prop_assert!(matches!(error, PayloadError::Refused(_))),
            }
        }
    }
}

/// The pages of a small kernel.
fn pages_of(kernel: &[u8]) -> (PreimageHash, PreimageMap) {
    let mut map = PreimageMap::default();
    let page = |tag: u8, body: &[u8]| [&[tag][..], &(body.len() as u32).to_be_bytes(), body].concat();
    let hashes: Vec<u8> = kernel.chunks(4_091).flat_map(|chunk| map.insert(page(0, chunk))).collect();
    let root = PreimageHash::new(map.insert(page(1, &hashes)));
    (root, map)
}

fn checked(kernel: &[u8], version: Version) -> KernelCheck {
    let (root_hash, preimages) = pages_of(kernel);
    KernelCheck::of(&Proposed { root_hash, preimages: &preimages, version, expected: None }).unwrap()
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

const SOUND: &str = r#"(module
    (import "smart_rollup_core" "store_exists" (func (param i32 i32) (result i32)))
    (memory (export "memory") 2) (func (export "kernel_run")) (@custom "any" "thing"))"#;

#[test]
fn a_sound_kernel_has_no_faults_and_its_measures() {
    let check = checked(&module(SOUND), Version::LATEST);
    assert_eq!(check.faults(), []);
    let json = check.to_json();
    assert_eq!((&json["is_good"], &json["pages"]), (&true.into(), &2.into()));
    assert_eq!(json["kernel"]["imports"][0], "store_exists");
    assert_eq!(json["kernel"]["memory_pages"], 2);
    assert_eq!(json["kernel"]["storage_version"], serde_json::Value::Null);
    let text = check.to_string();
    assert!(text.contains("millrace kernel verify") && text.contains("128 KiB"), "{text}");
}

#[test]
fn marks_in_its_bytes_are_shown() {
    let marks = format!("{}00000009", millrace_engine::standing::LAYOUT_MARK);
    let sources = format!("{}{}", millrace_engine::SOURCES_MARK, millrace_engine::SOURCES);
    let text = SOUND.replace("thing", &(marks + &sources));
    let json = checked(&module(&text), Version::LATEST).to_json();
    assert_eq!(json["kernel"]["storage_version"], 9);
    assert_eq!(json["kernel"]["sources"], millrace_engine::SOURCES);
}

#[test]
fn what_is_wrong_with_a_kernel_is_named() {
    let float =
        r#"(module (memory (export "m") 1) (func (export "kernel_run")) (func $rate (drop (f64.const 1))))"#;
    let faults = checked(&module(float), Version::LATEST).faults();
    assert!(
        matches!(&faults[0], Fault::Undecodable(Refused::Float { place }) if place == "function 1 (rate)"),
        "{faults:?}"
    );
    assert!(faults[0].to_string().contains("reason 9"));

    // The import is there in later versions only.
    assert_eq!(
        checked(&module(SOUND), Version::V1).faults(),
        [Fault::UnknownImport("smart_rollup_core.store_exists".into())]
    );
    let two = r#"(module (memory (export "m") 1) (memory 1) (func (export "kernel_run")))"#;
    let faults = checked(&module(two), Version::LATEST).faults();
    assert!(faults.contains(&Fault::Refused(Refusal::Memories)), "{faults:?}");
    let parameters = r#"(module (memory (export "m") 1) (func (export "kernel_run") (param i32)))"#;
    let faults = checked(&module(parameters), Version::LATEST).faults();
    assert!(faults.contains(&Fault::Refused(Refusal::Entry)), "{faults:?}");
    // What only the slow PVM takes.
    let start = r#"(module (memory (export "m") 1) (func (export "kernel_run")) (func) (start 1))"#;
    assert_eq!(
        checked(&module(start), Version::LATEST).faults(),
        [Fault::Strict(ArtifactError::StartFunction)]
    );
    let faults = checked(&[7; 100], Version::LATEST).faults();
    assert!(faults.contains(&Fault::Refused(Refusal::NotWasm)), "{faults:?}");
}

#[test]
fn a_kernel_is_held_against_the_file_that_it_should_be() {
    let kernel = module(SOUND);
    let (root_hash, preimages) = pages_of(&kernel);
    let held = |expected: &[u8]| {
        let proposed =
            Proposed { root_hash, preimages: &preimages, version: Version::LATEST, expected: Some(expected) };
        KernelCheck::of(&proposed).unwrap()
    };
    assert_eq!(held(&kernel).faults(), []);
    assert_eq!(held(b"other").faults(), [Fault::Unexpected]);
    assert_eq!(held(&kernel).to_json()["kernel"]["equals_file"], true);
}

#[test]
fn missing_pages_are_listed_and_nothing_else_is_said() {
    let (root_hash, _) = pages_of(&module(SOUND));
    let preimages = PreimageMap::default();
    let proposed = Proposed { root_hash, preimages: &preimages, version: Version::LATEST, expected: None };
    let check = KernelCheck::of(&proposed).unwrap();
    assert_eq!(check.faults(), [Fault::Missing(1)]);
    assert!(check.module.is_none());
    assert!(check.to_string().contains(&format!("missing page     {root_hash}")), "{check}");
    assert_eq!(check.to_json()["missing_pages"][0], root_hash.to_string());
}

//! The runner itself, on fixtures of our own in `fixtures/`: what should pass passes, and what should fail fails for
//! the right reason.

use flate2::{Compression, write::GzEncoder};
use millrace_conformance::case::Verdict;
use millrace_conformance::report::{Counts, Report};
use millrace_conformance::runner::{self, Options};
use millrace_conformance::skips;
use millrace_evm::TRANSACTION_BYTES_MAX;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder)
}

fn options(vectors: PathBuf) -> Options {
    Options {
        vectors,
        filter: None,
        verbose: false,
        case_time_max: Duration::from_secs(60),
        skips: skips::checked_in().unwrap(),
    }
}

fn run(vectors: PathBuf) -> Report {
    runner::run(&options(vectors))
}

fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
    Counts { passed, failed, skipped }
}

#[test]
fn what_is_right_passes() {
    let report = run(fixtures("passing"));
    assert_eq!(report.counts(), counts(20, 0, 0), "{report}");
    assert!(report.is_success());
    assert_eq!(report.to_string().lines().last(), Some("20 passed, 0 failed, 0 skipped"));
}

#[test]
fn what_is_wrong_fails_for_its_reason() {
    let report = run(fixtures("failing"));
    let reasons = [
        ("not_json.json", "no JSON"),
        ("other_fields.json", "the bytes say"),
        ("taken.json", "taken, though"),
        ("unknown_exception.json", "nobody knows the exception"),
        ("unknown_fork.json", "nobody knows the fork"),
        ("unknown_format.json", "no known format"),
        ("wrong_exception.json", "refused as Invalid(GasLimitTooLow"),
        ("wrong_logs.json", "hash of 1 logs"),
        ("wrong_root.json", "state root"),
        ("wrong_sender.json", "hash, sender, intrinsic gas"),
    ];
    assert_eq!(report.counts(), counts(0, reasons.len(), 0), "{report}");
    assert!(!report.is_success());
    for (outcome, (file, reason)) in report.outcomes.iter().zip(reasons) {
        assert_eq!(outcome.id.file, file);
        assert!(
            matches!(&outcome.verdict, Verdict::Failed(why) if why.contains(reason)),
            "{:?}",
            outcome.verdict
        );
    }
}

#[test]
fn verbose_tells_which_accounts_differ() {
    let wrong = fixtures("failing").join("wrong_root.json");
    let report = runner::run(&Options { verbose: true, ..options(wrong) });
    let text = report.to_string();
    // The slot that the contract stored into, and the sender that paid.
    assert!(text.contains("00c0[0x0000"), "{text}");
    assert!(text.contains("0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b: (nonce 0,"), "{text}");
}

#[test]
fn blob_transactions_are_skipped_with_their_reason() {
    let report = run(fixtures("skipped"));
    assert_eq!(report.counts(), counts(0, 0, 1), "{report}");
    assert!(report.to_string().contains("skipped 1: blob transactions"), "{report}");
}

#[test]
fn files_about_older_forks_are_told_and_not_counted() {
    let report = run(fixtures("older"));
    assert_eq!((report.counts(), report.older_files), (counts(0, 0, 0), 1), "{report}");
    assert!(report.is_success());
}

#[test]
fn an_entry_that_skips_nothing_is_reported_where_its_suite_is() {
    let skip = |suite: &str| skips::Skip {
        suite: Some(suite.to_owned()),
        test: Some("of another name".to_owned()),
        fork: None,
        transaction_type: None,
        reason: "a reason".to_owned(),
    };
    let skips = vec![skip("executions"), skip("elsewhere")];
    let report = runner::run(&Options { skips, ..options(fixtures("passing")) });
    assert_eq!(report.unused_skips, [skip("executions")]);
}

#[test]
fn a_filter_chooses_by_path_test_and_place() {
    let chosen = |filter: &str| {
        let filter = Some(filter.to_owned());
        runner::run(&Options { filter, ..options(fixtures("passing")) }).counts()
    };
    assert_eq!(chosen("executions.json stores"), counts(4, 0, 0));
    assert_eq!(chosen("cancun d1"), counts(1, 0, 0));
    assert_eq!(chosen("nothing of the kind"), counts(0, 0, 0));
}

#[test]
fn a_hang_fails_and_the_rest_of_the_file_goes_on() {
    let case_time_max = Duration::from_secs(2);
    let report = runner::run(&Options { case_time_max, ..options(fixtures("hanging")) });
    assert_eq!(report.counts(), counts(1, 1, 0), "{report}");
    let hung = &report.outcomes[0];
    assert_eq!(hung.id.place, "cancun d0 g0 v0");
    assert_eq!(hung.verdict, Verdict::Failed("did not end within 2 s".to_owned()));
}

#[test]
fn archives_are_read_as_folders_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("all.tar.gz")).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    archive.append_dir_all("passing", fixtures("passing")).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    let report = run(folder.path().to_owned());
    assert_eq!(report.counts(), counts(20, 0, 0), "{report}");
    assert_eq!(report.outcomes[0].id.file, "all.tar.gz/passing/encodings.json");

    let whole = fs::read(folder.path().join("all.tar.gz")).unwrap();
    fs::write(folder.path().join("cut.tar.gz"), &whole[..whole.len() / 2]).unwrap();
    let report = run(folder.path().to_owned());
    assert_eq!(report.counts().failed, 1, "{report}");
}

#[test]
fn a_transaction_larger_than_the_kernel_reads_is_signed_here() {
    let text = fs::read_to_string(fixtures("passing").join("executions.json")).unwrap();
    let mut tests: Value = serde_json::from_str(&text).unwrap();
    let mut test = tests["is refused"].take();
    let larger = format!("0x{}", "00".repeat(TRANSACTION_BYTES_MAX + 1));
    test["transaction"]["to"] = "".into();
    test["transaction"]["data"][0] = larger.as_str().into();
    let entries = test["post"]["Cancun"].as_array_mut().unwrap();
    for entry in entries.iter_mut() {
        entry["expectException"] = "TransactionException.INITCODE_SIZE_EXCEEDED".into();
    }
    entries[0]["txbytes"] = larger.as_str().into();
    entries[1].as_object_mut().unwrap().remove("txbytes");

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), serde_json::json!({ "a": test }).to_string()).unwrap();
    let report = run(folder.path().to_owned());
    let differs = Verdict::Failed("the bytes are not those of the fields, signed".to_owned());
    assert_eq!(report.outcomes[0].verdict, differs);
    assert_eq!(report.outcomes[1].verdict, Verdict::Passed);
}

#[test]
fn nothing_to_run_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path().to_owned());
    assert!(!report.is_success());
    assert!(report.to_string().contains("no fixtures were found"));
    let report = run(folder.path().join("missing"));
    assert_eq!(report.counts(), counts(0, 1, 0), "{report}");
}

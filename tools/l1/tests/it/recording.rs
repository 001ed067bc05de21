//! Taking levels out of the data folder of a sandbox, running or not.

use crate::kernel::{Site, client};
use millrace_l1::sandbox::limits::STATES_MAX;
use millrace_l1::sandbox::recording::{Recording, RecordingError};
use millrace_pvm::{Machine, MachineConfig, PreimageMap, Pvm, Rollup, State};
use std::path::Path;
use std::sync::Arc;

/// Names, sizes and contents of what is in a folder.
fn contents(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut files: Vec<_> =
        files.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_running_sandbox_is_recorded_and_not_disturbed() {
    let site = Site::new();
    let sandbox = site.start().await;
    let node = client(&sandbox);
    for message in ["one", "two", "three"] {
        node.inject(&[message]).await.unwrap();
        sandbox.bake().await.unwrap();
    }
    let before = contents(&site.data_dir());
    let recording = Recording::of(&site.data_dir(), 2).unwrap();
    assert_eq!(contents(&site.data_dir()), before);
    assert_eq!(recording.rollup, sandbox.rollup_address());
    assert_eq!(recording.start.record.level.get(), 1);

    // Replayed, the levels end as they did.
    let rollup = Rollup { address: *recording.rollup.as_bytes(), origination_level: 0 };
    let machine = Machine::new(MachineConfig::default()).unwrap();
    let status = recording.start.record.status.clone();
    let start = State::of(recording.start.durable.clone(), status);
    let mut pvm = Pvm::restore(machine, rollup, Arc::new(PreimageMap::default()), start);
    for (level, recorded) in (2..).zip(&recording.levels) {
        assert_eq!(recorded.after.record.level.get(), level);
        assert_eq!(recorded.inputs.len(), 4, "start, time, message, end");
        pvm.run_level(level, &recorded.inputs).unwrap();
        assert!(pvm.durable().changes_since(&recorded.after.durable).is_empty());
    }

    // And the sandbox goes on.
    assert_eq!(sandbox.bake().await.unwrap().level.get(), 4);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn no_more_levels_are_recorded_than_there_are() {
    let site = Site::new();
    let sandbox = site.start().await;
    assert!(matches!(Recording::of(&site.data_dir(), 5), Err(RecordingError::NoLevels)));
    for _ in 0..3 {
        sandbox.bake().await.unwrap();
    }
    sandbox.shutdown().await;
    let all = Recording::of(&site.data_dir(), STATES_MAX).unwrap();
    assert_eq!((all.start.record.level.get(), all.levels.len()), (0, 3));
    let last = Recording::of(&site.data_dir(), 1).unwrap();
    assert_eq!((last.start.record.level.get(), last.levels.len()), (2, 1));
}

#[test]
fn a_folder_without_a_rollup_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Recording::of(folder.path(), 1), Err(RecordingError::File { .. })));
    for name in ["l1.redb", "rollup-node.redb"] {
        std::fs::write(folder.path().join(name), vec![7; 10_000]).unwrap();
    }
    assert!(matches!(Recording::of(folder.path(), 1), Err(RecordingError::Store(_))));
}

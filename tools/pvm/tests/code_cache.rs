//! Compiled kernels on disk: used when they are whole, compiled anew when they are not.

use millrace_pvm::inputs::{LevelInfo, level_inputs};
use millrace_pvm::{Machine, MachineConfig, Outcome, PreimageMap, Pvm, Rollup, Version};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn run_with_cache(folder: &Path) {
    let config = MachineConfig { cache_dir: Some(folder.to_owned()), ..MachineConfig::default() };
    let machine = Machine::new(config).expect("a machine");
    let wat = r#"(module (import "smart_rollup_core" "store_write" (func $w (param i32 i32 i32 i32 i32) (result i32)))
        (memory 1) (export "memory" (memory 0)) (data (i32.const 0) "/a")
        (func (export "kernel_run") (drop (call $w (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 2)))))"#;
    let kernel = wat::parse_str(wat).expect("a kernel");
    let rollup = Rollup { address: [0; 20], origination_level: 0 };
    let mut pvm = Pvm::originate(machine, rollup, Arc::new(PreimageMap::default()), Version::V5, kernel);
    let info = LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
    let report = pvm.run_level(0, &level_inputs(info, None, &[])).expect("a level");
    assert_eq!(report.runs[0].outcome, Outcome::Finished);
    assert_eq!(pvm.durable().get("/a").expect("a value").to_bytes().as_ref(), b"/a");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_file_that_is_not_whole_is_compiled_anew() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("code");
    run_with_cache(&folder);
    let [file] = &files(&folder)[..] else { panic!("one file") };
    let good = std::fs::read(file).expect("a file");
    run_with_cache(&folder);
    assert_eq!(std::fs::read(file).expect("a file"), good);
    let mut damages =
        vec![Vec::new(), good[..20].to_vec(), good[..good.len() / 2].to_vec(), vec![0; good.len()]];
    for at in [0, 40, good.len() / 2, good.len() - 1] {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        damages.push(damaged);
    }
    for damaged in damages {
        std::fs::write(file, &damaged).expect("a file");
        run_with_cache(&folder);
        assert_ne!(std::fs::read(file).expect("a file"), damaged, "the damaged file was replaced");
    }
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn a_file_under_another_name_is_not_taken() {
    let parent = tempfile::tempdir().expect("a folder");
    run_with_cache(parent.path());
    let [file] = &files(parent.path())[..] else { panic!("one file") };
    let other =
        file.with_file_name(file.file_name().expect("a name").to_string_lossy().replace(['0', '1'], "2"));
    std::fs::rename(file, &other).expect("a rename");
    run_with_cache(parent.path());
    assert_eq!(files(parent.path()).len(), 2);
}

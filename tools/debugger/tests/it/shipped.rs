//! The shipped kernel with its installer, when they were built.

use crate::Case;
use std::path::Path;

/// The folder `dist/`, if it is there.
fn dist() -> Option<std::path::PathBuf> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist");
    let is_there = dist.join("installer.wasm").is_file();
    if !is_there {
        eprintln!("there is no dist/installer.wasm: `make kernel` builds it; not tried");
    }
    is_there.then_some(dist)
}

#[test]
fn the_installer_installs_the_kernel_and_the_kernel_runs() {
    let Some(dist) = dist() else { return };
    let mut case = Case::of(tempfile::tempdir().unwrap(), dist.join("installer.wasm"))
        .inputs(r#"[[], [{"external":"00"}], []]"#);
    case.options.preimage_dir = dist.join("preimages");
    let script = "step inbox\nshow key /kernel/boot.wasm\nstep inbox\nprofile --without-time\nshow host calls\nls /evm\n";
    let output = case.run(script);
    let installed = std::fs::read(dist.join("kernel.wasm")).unwrap();
    let digits: String = installed.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(output.lines().any(|line| line.trim_start_matches("> ") == digits), "the kernel is in its place");
    assert!(!output.contains("Stuck") && !output.contains("failed"), "the levels ran");
    assert!(output.contains("The kernel was stripped of its names"), "so it says");
    let table = output.split_once("host function\n").unwrap().1;
    let calls = |name: &str| table.lines().any(|line| line.ends_with(name));
    assert!(calls("  read_input") && calls("  store_read"), "{table}");
    let line = output.lines().find(|line| line.starts_with("Profiling result")).unwrap();
    let stacks = std::fs::read_to_string(line.rsplit(' ').next().unwrap()).unwrap();
    assert!(stacks.lines().count() > 50, "a kernel has many stacks");
    let ticks: u64 =
        stacks.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    let full = output.lines().find_map(|line| line.strip_prefix("Full execution: ")?.strip_suffix(" ticks"));
    let full: u64 = full.unwrap().parse().unwrap();
    // All but what begins and ends a run is on some stack.
    assert!(full - 20 <= ticks && ticks <= full, "{ticks} of {full}");
}

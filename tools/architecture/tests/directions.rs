//! The rules of the architecture, applied to this repository.

use millrace_architecture::{Violation, directions, sources, workspace::Workspace};
use std::path::Path;

fn workspace() -> Workspace {
    Workspace::of(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("cargo knows the workspace")
}

fn none(violations: &[Violation]) {
    let list: String = violations.iter().map(|violation| format!("\n  {violation}")).collect();
    assert!(violations.is_empty(), "{} violations:{list}", violations.len());
}

fn in_sources(rule: fn(&[sources::Source]) -> Vec<Violation>) {
    let sources = sources::of(&workspace()).expect("readable sources");
    assert!(sources.len() > 50, "only {} source files found", sources.len());
    none(&rule(&sources));
}

#[test]
fn crates_depend_in_the_right_direction() {
    let workspace = workspace();
    assert!(workspace.members.len() > 20, "only {} members found", workspace.members.len());
    none(&directions::edges(&workspace));
}

#[test]
fn the_table_of_directions_keeps_the_architecture() {
    none(&directions::own_tables());
}

#[test]
fn manifests_share_what_the_workspace_says() {
    none(&directions::manifests(&workspace()));
}

#[test]
fn only_the_layout_spells_durable_paths() {
    in_sources(sources::durable_paths);
}

#[test]
fn unsafe_code_stays_where_it_must_be() {
    in_sources(sources::unsafe_code);
}

#[test]
fn the_kernel_is_deterministic() {
    in_sources(sources::determinism);
}

#[test]
fn files_stay_short() {
    in_sources(sources::lengths);
}

#[test]
fn no_test_is_ignored() {
    in_sources(sources::ignored_tests);
}

//! `docs/regressions.md` says what there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two levels below the root").to_path_buf()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/regressions.md")).expect("a page of regressions")
}

/// The rows of the tables: number, and the cell of the tests.
fn rows(page: &str) -> BTreeMap<u32, String> {
    let cells = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.parse().ok()?, cells.next()?.to_string()))
    });
    cells.collect()
}

/// The tests of a cell, written [`name`](../path): name and path from the root.
fn tests(cell: &str) -> Vec<(&str, &str)> {
    let links = cell.split("[`").skip(1);
    links
        .map(|link| {
            let (name, rest) = link.split_once("`](../").expect("a link to a source");
            (name, rest.split_once(')').expect("the end of a link").0)
        })
        .collect()
}

#[test]
fn every_row_has_a_test_or_says_why_not() {
    let page = page();
    let rows = rows(&page);
    let expected: BTreeSet<u32> = (1..=70).collect();
    assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), expected);
    for (row, cell) in &rows {
        let is_put_off = cell.starts_with("issue");
        assert!(is_put_off != cell.contains("[`"), "row {row}: {cell}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let page = page();
    for (row, cell) in rows(&page) {
        for (name, path) in tests(&cell) {
            let source =
                fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            let function = format!("#[test]\nfn {name}() {{");
            assert!(source.contains(&function), "row {row}: no test {name} in {path}");
            assert!(name.starts_with(&format!("row_{row:02}_")), "row {row}: {name}");
        }
    }
}

#[test]
fn every_test_of_the_rows_is_named() {
    let page = page();
    let folder = root().join("kernel/core/src/tests/rows");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of the rows") {
        let source = fs::read_to_string(entry.expect("an entry").path()).expect("a source");
        let names = source.lines().filter_map(|line| line.strip_prefix("fn row_")?.split_once('('));
        for (name, _) in names {
            count += 1;
            assert!(page.contains(&format!("`row_{name}`")), "row_{name} is not on the page");
        }
    }
    assert!(count > 50, "only {count} tests found");
}

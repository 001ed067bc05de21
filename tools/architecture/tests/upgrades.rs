//! `docs/upgrades.md` names a test for each way in which a kernel is no good.

use std::{fs, path::Path};

/// The heading of the table.
const HEADING: &str = "## When the new kernel is no good";

/// The rows of the table: what a kernel does, and the cell of the tests, which is the last.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let section = page.split_once(HEADING).expect("the section").1;
    let lines = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    lines
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| {
            (line.split(" | ").next().unwrap_or_default(), line.rsplit(" | ").next().unwrap_or_default())
        })
        .collect()
}

#[test]
fn every_way_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/upgrades.md")).expect("a page of upgrades");
    let rows = rows(&page);
    assert!(rows.len() >= 8, "only {} rows", rows.len());
    for (what, cell) in rows {
        // Written [`name`](../path).
        let links: Vec<_> = cell.split("[`").skip(1).collect();
        assert!(!links.is_empty(), "{what}: no test");
        for link in links {
            let (name, rest) = link.split_once("`](../").expect("a link to a source");
            let path = rest.split_once(')').expect("the end of a link").0;
            let source =
                fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(source.contains(&format!("#[test]\nfn {name}()")), "{what}: no test {name} in {path}");
        }
    }
}

//! Each layout that kernels in the field have is written down, and stays as it was.
//!
//! `docs/layout-versions.txt` has a line a version: its number, `open` or `released`, and the digest of the two goldens.
//! An open one follows the goldens. When a kernel with it is released, somebody writes so; from then on another layout
//! needs another number (`version::CURRENT`) and a migration (a test in `kernel/upgrade` wants a step from each).

use super::{compare, documents, encodings};
use crate::version::CURRENT;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use sha3::{Digest, Keccak256};
use std::{fs, path::PathBuf};

/// The page as it should be, or what is wrong with the layout.
fn judge(page: &str, current: u64, digest: &str) -> Result<String, String> {
    let mut lines: Vec<String> = page.lines().map(ToString::to_string).collect();
    let place = lines.iter().position(|line| line.split(' ').next() == Some(&current.to_string()));
    let line = format!("{current} open {digest}");
    match place {
        Some(place) if lines[place] == format!("{current} released {digest}") => {}
        Some(place) if lines[place].contains(" released ") => {
            return Err(format!("version {current} is released and the layout is another one"));
        }
        Some(place) => lines[place] = line,
        None => lines.push(line),
    }
    let numbers = lines.iter().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok());
    if !numbers.eq(1..=current) {
        return Err(format!("the versions are not 1 to {current}"));
    }
    if lines.iter().rev().skip(1).any(|line| line.contains(" open ")) {
        return Err("a version before the last is open".to_string());
    }
    Ok(lines.join("\n") + "\n")
}

#[test]
fn a_released_layout_stays_as_it_was() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/layout-versions.txt");
    let digest = Keccak256::digest(documents().1 + &encodings());
    let page = fs::read_to_string(path).unwrap_or_default();
    compare("layout-versions.txt", &judge(&page, CURRENT.0, &hex::encode(digest)).unwrap());
}

#[test]
fn another_layout_needs_another_number() {
    let open = "1 released aa\n2 open bb\n";
    assert_eq!(judge(open, 2, "bb"), Ok(open.to_string()));
    assert_eq!(judge(open, 2, "cc"), Ok("1 released aa\n2 open cc\n".to_string()));
    let released = "1 released aa\n2 released bb\n";
    assert_eq!(judge(released, 2, "bb"), Ok(released.to_string()));
    assert!(judge(released, 2, "cc").unwrap_err().contains("is released"));
    assert_eq!(judge(released, 3, "cc"), Ok(released.to_string() + "3 open cc\n"));
    assert!(judge(open, 3, "cc").unwrap_err().contains("is open"));
    assert!(judge(released, 4, "cc").unwrap_err().contains("are not 1 to 4"));
    assert!(judge("", 2, "aa").is_err());
}

//! Makes a case that fails smaller, as long as it fails.

use crate::{case::Case, program::Pieces};

/// Most times that a case is tried.
const TRIES_MAX: usize = 5_000;

/// The smallest case that can be found by leaving out transactions, pieces of code, authorizations and access lists, of
/// which `fails` is true, as it is of `case`.
pub fn shrink(case: &Case, fails: impl Fn(&Case) -> bool) -> Case {
    let mut best = case.clone();
    let mut tries = 0;
    loop {
        let mut is_smaller = false;
        let mut position = 0;
        while let Some(smaller) = without(&best, position) {
            tries += 1;
            if tries > TRIES_MAX {
                return best;
            }
            if fails(&smaller) {
                (best, is_smaller) = (smaller, true);
            } else {
                position += 1;
            }
        }
        if !is_smaller {
            return best;
        }
    }
}

/// The case without its part number `position`; `None` when there are not so many.
fn without(case: &Case, position: usize) -> Option<Case> {
    let mut case = case.clone();
    let mut left = position;
    if cut(&mut case.transactions, &mut left) {
        return Some(case);
    }
    for pieces in &mut case.contracts {
        if cut_pieces(pieces, &mut left) {
            return Some(case);
        }
    }
    for plan in &mut case.transactions {
        let is_cut = cut_pieces(&mut plan.data, &mut left)
            || cut(&mut plan.authorizations, &mut left)
            || cut(&mut plan.access_list, &mut left);
        if is_cut {
            return Some(case);
        }
    }
    None
}

fn cut<T>(list: &mut Vec<T>, left: &mut usize) -> bool {
    if *left < list.len() {
        list.remove(*left);
        return true;
    }
    *left -= list.len();
    false
}

/// All at once first, then one by one.
fn cut_pieces(pieces: &mut Pieces, left: &mut usize) -> bool {
    if !pieces.is_empty() {
        if *left == 0 {
            pieces.clear();
            return true;
        }
        *left -= 1;
    }
    cut(pieces, left)
}

//! Revealing a kernel, page by page, over as many runs as it takes.
//!
//! The tree is walked from left to right. What is kept between runs is where the walk is; the pages of hashes on the
//! way there are revealed again.

use crate::{
    Refusal, UpgradeError,
    page::{self, Page},
};
use alloc::vec::Vec;
use millrace_host::{Budget, Reveal, Store, limits::PREIMAGE_BYTES_MAX};
use millrace_layout::upgrade::{self, DEPTH_MAX, Fetch, KERNEL_BYTES_MAX, PAGES_MAX};
use millrace_primitives::{PreimageHash, Ticks};

/// Ticks of revealing a page and writing it: 42 a byte each way, and the calls.
const TICKS_PAGE: Ticks = Ticks::new(84 * PREIMAGE_BYTES_MAX as u64 + 100_000);

/// What a run made of it.
pub(crate) enum Fetched {
    /// All pages are there.
    Whole,
    /// The run has no room for more.
    Paused,
    /// They are not the pages of a kernel.
    Refused(Refusal),
}

/// A page of hashes that is open.
struct Open {
    children: Vec<PreimageHash>,
    next: u16,
}

/// Goes on with `fetch`, as far as `budget` allows.
pub(crate) fn advance(
    host: &mut (impl Store + Reveal),
    fetch: &mut Fetch,
    budget: &mut Budget,
) -> Result<Fetched, UpgradeError> {
    let mut open = match reopen(host, fetch)? {
        Ok(open) => open,
        Err(refusal) => return Ok(Fetched::Refused(refusal)),
    };
    let end = walk(host, fetch, &mut open, budget)?;
    fetch.position = open.iter().map(|page| page.next).collect();
    Ok(end)
}

/// The pages of hashes down to where the last run stopped.
fn reopen(host: &impl Reveal, fetch: &Fetch) -> Result<Result<Vec<Open>, Refusal>, UpgradeError> {
    let mut open: Vec<Open> = Vec::new();
    for next in &fetch.position {
        let Some(hash) = next_hash(&open, fetch) else { return Ok(Err(Refusal::Page)) };
        let bytes = host.reveal_preimage(&hash)?;
        match page::decode(&bytes) {
            Ok(Page::Hashes(children)) => open.push(Open { children, next: *next }),
            Ok(Page::Contents(_)) => return Ok(Err(Refusal::Page)),
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    Ok(Ok(open))
}

/// The page that is next below the open ones: the root when none is.
fn next_hash(open: &[Open], fetch: &Fetch) -> Option<PreimageHash> {
    match open.last() {
        None => PreimageHash::from_slice(&fetch.root_hash),
        Some(page) => page.children.get(usize::from(page.next)).copied(),
    }
}

fn walk(
    host: &mut (impl Store + Reveal),
    fetch: &mut Fetch,
    open: &mut Vec<Open>,
    budget: &mut Budget,
) -> Result<Fetched, UpgradeError> {
    // Before the first page there is no open one, and after the last neither.
    while fetch.pages == 0 || !open.is_empty() {
        let Some(hash) = next_hash(open, fetch) else {
            open.pop();
            step(open);
            continue;
        };
        if !budget.covers(TICKS_PAGE) {
            return Ok(Fetched::Paused);
        }
        budget.spend(TICKS_PAGE);
        if fetch.pages >= PAGES_MAX {
            return Ok(Fetched::Refused(Refusal::TooLarge));
        }
        let bytes = host.reveal_preimage(&hash)?;
        fetch.pages = fetch.pages.saturating_add(1);
        match page::decode(&bytes) {
            Ok(Page::Contents(contents)) => {
                let size_bytes =
                    fetch.size_bytes.saturating_add(u32::try_from(contents.len()).unwrap_or(u32::MAX));
                if size_bytes as usize > KERNEL_BYTES_MAX {
                    return Ok(Fetched::Refused(Refusal::TooLarge));
                }
                upgrade::stage(host, fetch.size_bytes, contents)?;
                fetch.size_bytes = size_bytes;
                step(open);
            }
            Ok(Page::Hashes(_)) if open.len() >= DEPTH_MAX => return Ok(Fetched::Refused(Refusal::Depth)),
            Ok(Page::Hashes(children)) => open.push(Open { children, next: 0 }),
            Err(refusal) => return Ok(Fetched::Refused(refusal)),
        }
    }
    Ok(Fetched::Whole)
}

/// The child that was next is done.
fn step(open: &mut [Open]) {
    if let Some(page) = open.last_mut() {
        page.next = page.next.saturating_add(1);
    }
}

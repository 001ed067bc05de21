//! Kernels under test: which one runs is what is at `/kernel/boot.wasm`, as in the PVM.

use crate::{RunError, node::make_block_as, stages::run_release};
use millrace_block::Candidate;
use millrace_host::{Budget, Control, Inbox, MemoryHost, RunEnd, Store};
use millrace_layout::{
    node::Outcome,
    version::{CURRENT, StorageVersion},
};
use millrace_primitives::{PreimageHash, Ticks};
use millrace_upgrade::{Release, Stage0, Step, StepFault, Turn, prepare};
use millrace_wire::blueprint::Blueprint;

pub(super) const BOOT: &str = "/kernel/boot.wasm";

/// More levels than any change of kernels takes here.
const NODE_LEVELS_MAX: u32 = 32;

/// A module with a function `kernel_run` and `name` in a custom section.
pub(super) fn module(name: &[u8]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend_from_slice(&[1, 4, 1, 0x60, 0, 0]);
    module.extend_from_slice(&[3, 2, 1, 0]);
    module.extend_from_slice(&[7, 14, 1, 10]);
    module.extend_from_slice(b"kernel_run\0\0");
    module.extend_from_slice(&[10, 4, 1, 2, 0, 0x0b]);
    module.push(0);
    let size_bytes = u32::try_from(name.len() + 1).unwrap();
    // LEB128 in five bytes, whatever the size.
    module.extend((0..5u32).map(|index| {
        let more = if index < 4 { 0x80 } else { 0 };
        (size_bytes >> (7 * index) & 0x7f) as u8 | more
    }));
    module.push(0);
    module.extend_from_slice(name);
    module
}

/// What a kernel is run for.
pub(super) enum Task<'a> {
    /// A level, with this budget.
    Level(Budget),
    /// A node, which wants a block of this, and what it hears of it.
    Node(&'a Blueprint, &'a mut Option<Result<Outcome, RunError>>),
}

/// A run of a kernel.
type Behaviour = fn(&mut MemoryHost, Task<'_>) -> RunEnd;

/// What a kernel does, by the name in it.
const BEHAVIOURS: [(&[u8], Behaviour); 10] = [
    (b"does not start", |_, _| RunEnd::NotStarted),
    (b"traps at once", |_, _| RunEnd::Trapped),
    (b"makes no block", no_block),
    (b"traps at messages", no_message),
    (b"next layout", |host, task| release(host, task, &[step(1, mark)])),
    (b"next but one", |host, task| release(host, task, &[step(1, mark), step(2, mark)])),
    (b"fails to migrate", |host, task| release(host, task, &[step(1, mark), step(2, fail)])),
    (b"traps in a migration", |host, task| {
        let before = host.value(HANDOVERS).map(<[u8]>::to_vec);
        let end = release(host, task, &[step(1, ruin)]);
        // It was at it, and nothing of what follows a step is done.
        if before != host.value(HANDOVERS).map(<[u8]>::to_vec) { RunEnd::Trapped } else { end }
    }),
    (b"migrates for ever", |host, task| release(host, task, &[step(1, endless)])),
    (b"skips a layout", |host, task| release(host, task, &[step(2, mark)])),
];

/// What the test of a trap looks at.
const HANDOVERS: &str = "/base/ruined";

/// Runs the kernel that is there.
pub(super) fn run(host: &mut MemoryHost, budget: Budget) -> RunEnd {
    run_task(host, Task::Level(budget))
}

/// What a node does with `blueprint`: runs for it, over levels without messages, until it hears of it.
pub(super) fn make_block(host: &mut MemoryHost, blueprint: &Blueprint) -> Option<Result<Outcome, RunError>> {
    for _ in 0..NODE_LEVELS_MAX {
        let mut outcome = None;
        let mut last = RunEnd::Returned;
        host.run_level(|host| {
            last = run_task(host, Task::Node(blueprint, &mut outcome));
            last
        });
        match outcome {
            None if last == RunEnd::NotStarted => {}
            Some(Ok(Outcome::Waits)) => {}
            outcome => return outcome,
        }
    }
    None
}

/// Runs the kernel that is there for something.
pub(super) fn run_task(host: &mut MemoryHost, task: Task<'_>) -> RunEnd {
    let kernel = host.value(BOOT).unwrap_or_default().to_vec();
    let is_named = |name: &[u8]| kernel.windows(name.len()).any(|part| part == name);
    match BEHAVIOURS.iter().find(|(name, _)| is_named(name)) {
        Some((_, behave)) => behave(host, task),
        None => release(host, task, &[]),
    }
}

type HostStep = Step<MemoryHost>;

fn step(from: u64, turn: fn(&mut MemoryHost, &[u8]) -> Result<Turn, StepFault>) -> HostStep {
    Step { from: StorageVersion(from), turn }
}

/// Our kernel, on the layout after the last of these steps.
fn release(host: &mut MemoryHost, task: Task<'_>, steps: &[HostStep]) -> RunEnd {
    let last = steps.last().map_or(CURRENT.0, |step| step.from.0 + 1);
    let release = Release { layout: StorageVersion(last), steps };
    match task {
        Task::Level(budget) => run_release(host, budget, &release),
        Task::Node(blueprint, outcome) => {
            let candidate = Candidate::of_authority(blueprint.clone());
            *outcome = make_block_as(host, &release, &candidate).transpose();
        }
    }
    RunEnd::Returned
}

/// Our kernel with something in it that traps when it makes a block.
fn no_block(host: &mut MemoryHost, task: Task<'_>) -> RunEnd {
    host.set_trap(Some("/evm/world/accounts".to_owned()));
    release(host, task, &[]);
    host.set_trap(None);
    RunEnd::Returned
}

/// Our kernel with something in it that traps when it has taken a message.
fn no_message(host: &mut MemoryHost, task: Task<'_>) -> RunEnd {
    let mut untouched = host.clone();
    if matches!(task, Task::Node(..)) || untouched.read_input() == Ok(None) {
        return release(host, task, &[]);
    }
    host.request_reboot().unwrap();
    match prepare(host, &Release::current(), &mut Budget::new(Ticks::new(1))) {
        Ok(Stage0::Ready(_)) => {
            host.read_input().unwrap();
            RunEnd::Trapped
        }
        // It gives way.
        _ => RunEnd::Returned,
    }
}

/// Copies every item of the delayed inbox, one a turn, and notes what else there was.
fn mark(host: &mut MemoryHost, cursor: &[u8]) -> Result<Turn, StepFault> {
    let index = cursor.first().copied().unwrap_or(0);
    let items: Vec<_> = host.values_from("/base/delayed/items/").map(|(_, value)| value.to_vec()).collect();
    let Some(item) = items.get(usize::from(index)) else {
        write(host, "/base/migrated", &[index])?;
        return Ok(Turn::Done);
    };
    write(host, &format!("/base/copies/{index}"), item)?;
    Ok(Turn::More(vec![index + 1]))
}

/// Does damage before it fails.
fn fail(host: &mut MemoryHost, _: &[u8]) -> Result<Turn, StepFault> {
    ruin(host, &[])?;
    Err(StepFault::Storage)
}

fn ruin(host: &mut MemoryHost, _: &[u8]) -> Result<Turn, StepFault> {
    for subtree in ["/base", "/evm"] {
        host.store_delete(millrace_host::Path::new(subtree).unwrap()).unwrap();
    }
    write(host, HANDOVERS, &[1])?;
    write(host, "/base/storage_version", &1u64.to_be_bytes())?;
    Ok(Turn::More(vec![]))
}

fn endless(host: &mut MemoryHost, cursor: &[u8]) -> Result<Turn, StepFault> {
    write(host, "/evm/world/nonsense", cursor)?;
    Ok(Turn::More(vec![0; cursor.len() % 200 + 1]))
}

fn write(host: &mut MemoryHost, path: &str, value: &[u8]) -> Result<(), StepFault> {
    let path = millrace_host::Path::new(path).unwrap();
    host.write_value(path, value).map_err(|_| StepFault::Storage)
}

/// The pages of a kernel, and the name of their root.
pub(super) fn pages(kernel: &[u8]) -> (PreimageHash, Vec<(PreimageHash, Vec<u8>)>) {
    let mut all = vec![];
    let mut hashes: Vec<_> = kernel.chunks(4_091).map(|contents| keep(&mut all, 0, contents)).collect();
    while hashes.len() > 1 {
        let bodies = hashes.chunks(123).map(|part| part.iter().flat_map(|hash| *hash.as_bytes()).collect());
        hashes = bodies.collect::<Vec<Vec<u8>>>().iter().map(|body| keep(&mut all, 1, body)).collect();
    }
    (hashes[0], all)
}

fn keep(pages: &mut Vec<(PreimageHash, Vec<u8>)>, tag: u8, body: &[u8]) -> PreimageHash {
    let page = [&[tag][..], &(body.len() as u32).to_be_bytes(), body].concat();
    let hash = name_of(&page);
    pages.push((hash, page));
    hash
}

/// The name of a page.
pub(super) fn name_of(page: &[u8]) -> PreimageHash {
    use blake2::{Blake2b, Digest, digest::consts::U32};
    let digest: [u8; 32] = Blake2b::<U32>::digest(page).into();
    PreimageHash::from_slice(&[&[0][..], &digest].concat()).unwrap()
}

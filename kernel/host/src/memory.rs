//! A host in memory, for tests, with the codes and the order of checks of the Octez WASM PVM.
//!
//! It keeps durable storage as a sorted map from key to value: a node is whatever has a prefix in common.
//! [`MemoryHost::run_level`] drives a kernel through the runs of a level as the PVM does, traps and
//! reboots included. [`FaultAt`] makes a chosen host call fail, to show that a run that ends anywhere is
//! recovered from.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "test support: a bug here fails a test and never reaches a rollup"
)]

use crate::{
    Control, DalPage, DalParameters, Debug, HostError, Inbox, Input, Metadata, Outbox, Path, Reveal, Store,
    limits::{
        OUTBOX_MESSAGE_BYTES_MAX, OUTBOX_MESSAGES_PER_LEVEL_MAX, PREIMAGE_BYTES_MAX, REBOOTS_PER_LEVEL_MAX,
        STORE_IO_BYTES_MAX, VALUE_BYTES_MAX,
    },
};
use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::{String, ToString},
    vec::Vec,
};
use core::{
    cell::{Cell, RefCell},
    ops::Bound,
};
use millrace_primitives::{L1Level, PreimageHash, RollupAddress};

mod dal;

const REBOOT_FLAG: &str = "/kernel/env/reboot";
const REBOOT_COUNTER: &str = "/readonly/kernel/env/reboot_counter";
const STUCK: &str = "/readonly/kernel/env/stuck";
const TOO_MANY_REBOOT: &str = "/readonly/kernel/env/too_many_reboot";
const UPGRADE_ERROR: &str = "/readonly/kernel/env/upgrade_error";
const BOOT_KERNEL: &str = "/kernel/boot.wasm";
const FALLBACK_KERNEL: &str = "/readonly/kernel/boot.wasm";

/// One kind of host call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// `read_input`
    ReadInput,
    /// `write_output`
    WriteOutput,
    /// `write_debug`
    WriteDebug,
    /// `store_has` for a value
    HasValue,
    /// `store_has` for a node
    HasNode,
    /// `store_value_size`
    ValueSize,
    /// `store_read`
    Read,
    /// `store_write`
    Write,
    /// `store_delete`
    Delete,
    /// `store_delete_value`
    DeleteValue,
    /// `store_copy`
    Copy,
    /// `store_move`
    Move,
    /// `store_list_size`
    ListSize,
    /// `reveal_preimage`
    RevealPreimage,
    /// `reveal_metadata`
    RevealMetadata,
    /// `reveal` of a page of the data availability layer
    RevealDalPage,
    /// `reveal` of its parameters
    RevealDalParameters,
    /// The write that asks for a reboot
    RequestReboot,
    /// The read of the reboot counter
    RebootsLeft,
}

/// Which host call goes wrong, counted from 0 over all calls that can answer an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAt {
    /// This one fails, the others work.
    Once(u64),
    /// This one fails, and all after it: the run is dead.
    Dead(u64),
}

/// What fails when [`FaultAt`] says so: a code that no host call answers otherwise.
pub const FAULT: HostError = HostError::Other(-99);

/// What has been counted, behind the shared references of the read-only calls.
#[derive(Clone, Debug, Default)]
struct Meter {
    calls: BTreeMap<Call, u64>,
    fallible_count: u64,
    bytes_read: u64,
    bytes_written: u64,
    debug_lines: Vec<String>,
}

/// A host in memory.
#[derive(Clone, Debug)]
pub struct MemoryHost {
    durable: BTreeMap<String, Vec<u8>>,
    inbox: VecDeque<Input>,
    outbox: Vec<Vec<u8>>,
    preimages: BTreeMap<[u8; 33], Vec<u8>>,
    dal: dal::Dal,
    metadata: Metadata,
    meter: RefCell<Meter>,
    fault: Option<FaultAt>,
    /// Reading at or below this path traps.
    trap: Option<String>,
    has_trapped: Cell<bool>,
}

/// How a level ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelEnd {
    /// How often the kernel ran.
    pub runs: u32,
    /// It still wanted a reboot when there was none left.
    pub too_many_reboots: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// By returning.
    Returned,
    /// By a trap: what it wrote stays.
    Trapped,
    /// It never began: the kernel does not decode, link or start.
    NotStarted,
}

impl MemoryHost {
    /// A host with empty durable storage and an empty inbox.
    pub fn new(metadata: Metadata) -> Self {
        let mut host = Self {
            durable: BTreeMap::new(),
            inbox: VecDeque::new(),
            outbox: Vec::new(),
            preimages: BTreeMap::new(),
            dal: dal::Dal::default(),
            metadata,
            meter: RefCell::default(),
            fault: None,
            trap: None,
            has_trapped: Cell::new(false),
        };
        host.set_reboots_left(REBOOTS_PER_LEVEL_MAX);
        host
    }

    /// A host whose rollup has an arbitrary address and was originated at level 0.
    pub fn with_rollup(rollup: RollupAddress) -> Self {
        Self::new(Metadata { rollup, origination_level: L1Level::ZERO })
    }

    /// Puts the messages of `level` into the inbox, numbered from 0, in place of what was unread. The outbox
    /// starts empty and all reboots are available.
    pub fn open_level(&mut self, level: L1Level, messages: impl IntoIterator<Item = Vec<u8>>) {
        self.inbox = (0u32..).zip(messages).map(|(index, bytes)| Input { level, index, bytes }).collect();
        self.outbox.clear();
        self.set_reboots_left(REBOOTS_PER_LEVEL_MAX);
        self.durable.remove(REBOOT_FLAG);
    }

    /// Runs `kernel` as the PVM does within a level: again while it asks for a reboot and reboots are left.
    /// What it leaves unread is dropped at the end.
    pub fn run_level(&mut self, mut kernel: impl FnMut(&mut Self) -> RunEnd) -> LevelEnd {
        let mut runs = 0;
        let mut too_many_reboots = false;
        for reboots_left in (0..=REBOOTS_PER_LEVEL_MAX).rev() {
            self.set_reboots_left(reboots_left);
            runs += 1;
            self.has_trapped.set(false);
            let started = self.durable.get(BOOT_KERNEL).cloned();
            let end = kernel(self);
            let end = if self.has_trapped.replace(false) { RunEnd::Trapped } else { end };
            let wants_reboot = self.take_reboot_request();
            match end {
                RunEnd::Returned => {
                    self.durable.remove(STUCK);
                    self.durable.remove(UPGRADE_ERROR);
                }
                RunEnd::Trapped => {
                    self.durable.insert(STUCK.to_string(), Vec::new());
                }
                RunEnd::NotStarted => {
                    self.fall_back();
                    break;
                }
            }
            // The PVM keeps what has started.
            started.map(|kernel| self.durable.insert(FALLBACK_KERNEL.to_string(), kernel));
            if !wants_reboot {
                self.durable.remove(TOO_MANY_REBOOT);
                break;
            }
            if reboots_left == 0 {
                too_many_reboots = true;
                self.durable.insert(TOO_MANY_REBOOT.to_string(), Vec::new());
            }
        }
        self.inbox.clear();
        LevelEnd { runs, too_many_reboots }
    }

    /// What the PVM does when a kernel does not start: the last one that did comes back, and the level is over. Without
    /// one it would be stuck for ever.
    fn fall_back(&mut self) {
        let Some(kernel) = self.durable.get(FALLBACK_KERNEL).cloned() else { return };
        self.durable.insert(BOOT_KERNEL.to_string(), kernel);
        self.durable.insert(UPGRADE_ERROR.to_string(), Vec::new());
    }

    /// Whether the last run asked for a reboot; the request is then gone, as after a reboot.
    pub fn take_reboot_request(&mut self) -> bool {
        let is_requested = self.durable.contains_key(REBOOT_FLAG);
        self.remove_node(REBOOT_FLAG);
        is_requested
    }

    /// Appends a message to the inbox.
    pub fn push_input(&mut self, input: Input) {
        self.inbox.push_back(input);
    }

    /// How many messages are still unread.
    pub fn unread_count(&self) -> usize {
        self.inbox.len()
    }

    /// What was written to the outbox in this level.
    pub fn outbox(&self) -> &[Vec<u8>] {
        &self.outbox
    }

    /// Makes a page available.
    pub fn add_preimage(&mut self, hash: PreimageHash, page: Vec<u8>) {
        self.preimages.insert(*hash.as_bytes(), page);
    }

    /// Says who the rollup is.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// Sets what goes wrong, counting from now; `None` heals the host.
    pub fn set_fault(&mut self, fault: Option<FaultAt>) {
        self.meter.borrow_mut().fallible_count = 0;
        self.fault = fault;
    }

    /// Makes a run that reads at or below `path` trap there: no host call works for the rest of it.
    pub fn set_trap(&mut self, path: Option<String>) {
        self.trap = path;
    }

    /// Forgets what was counted and the debug lines.
    pub fn reset_meter(&mut self) {
        self.meter = RefCell::default();
    }

    /// How many host calls of this kind there were.
    pub fn calls(&self, call: Call) -> u64 {
        self.meter.borrow().calls.get(&call).copied().unwrap_or_default()
    }

    /// Host calls by kind.
    pub fn calls_by_kind(&self) -> BTreeMap<Call, u64> {
        self.meter.borrow().calls.clone()
    }

    /// How many calls there were that [`FaultAt`] could have chosen.
    pub fn fallible_calls(&self) -> u64 {
        self.meter.borrow().fallible_count
    }

    /// Bytes read from durable storage.
    pub fn bytes_read(&self) -> u64 {
        self.meter.borrow().bytes_read
    }

    /// Bytes written to durable storage.
    pub fn bytes_written(&self) -> u64 {
        self.meter.borrow().bytes_written
    }

    /// What the kernel printed.
    pub fn debug_lines(&self) -> Vec<String> {
        self.meter.borrow().debug_lines.clone()
    }

    /// Every key of durable storage with its value, less what the PVM itself writes. Two hosts with equal
    /// dumps have equal durable storage.
    pub fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        let is_ours = |key: &str| !key.starts_with("/readonly/") && !key.starts_with("/kernel/env/");
        self.durable.iter().filter(|(key, _)| is_ours(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The keys that start with `prefix` and their values, in order and uncounted.
    pub fn values_from<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.durable
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, value)| (key.as_str(), value.as_slice()))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The value at `key`, uncounted.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.durable.get(key).map(Vec::as_slice)
    }

    /// Sets the value at `key`, uncounted and without checks: what the installer or an accident left there.
    pub fn set_value(&mut self, key: &str, value: Vec<u8>) {
        self.durable.insert(key.to_string(), value);
    }

    fn set_reboots_left(&mut self, reboots_left: u32) {
        self.durable.insert(REBOOT_COUNTER.to_string(), reboots_left.to_le_bytes().to_vec());
    }

    /// Counts a call, and fails it if it was chosen.
    fn touch(&self, call: Call, path: Path<'_>) -> Result<(), HostError> {
        let is_trap = self.trap.as_deref().is_some_and(|trap| path.as_str().starts_with(trap));
        if is_trap {
            self.has_trapped.set(true);
        }
        self.count(call)
    }

    fn count(&self, call: Call) -> Result<(), HostError> {
        if self.has_trapped.get() {
            return Err(FAULT);
        }
        let mut meter = self.meter.borrow_mut();
        *meter.calls.entry(call).or_default() += 1;
        let position = meter.fallible_count;
        meter.fallible_count += 1;
        match self.fault {
            Some(FaultAt::Once(chosen)) if position == chosen => Err(FAULT),
            Some(FaultAt::Dead(chosen)) if position >= chosen => Err(FAULT),
            _ => Ok(()),
        }
    }

    /// The keys below `path`, itself not included.
    fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a String> {
        let first = alloc::format!("{path}/");
        self.durable
            .range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(move |key| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn has_node(&self, path: &str) -> bool {
        self.durable.contains_key(path) || self.below(path).next().is_some()
    }

    /// The node at `path`: each value with its key relative to `path`.
    fn node(&self, path: &str) -> Vec<(String, Vec<u8>)> {
        let itself = self.durable.get_key_value(path).map(|(key, _)| key);
        itself
            .into_iter()
            .chain(self.below(path))
            .filter_map(|key| Some((key.strip_prefix(path)?.to_string(), self.durable.get(key)?.clone())))
            .collect()
    }

    fn remove_node(&mut self, path: &str) {
        let keys: Vec<String> = self.below(path).cloned().collect();
        self.durable.remove(path);
        for key in keys {
            self.durable.remove(&key);
        }
    }

    fn insert_node(&mut self, path: &str, node: Vec<(String, Vec<u8>)>) {
        for (below, value) in node {
            self.durable.insert(alloc::format!("{path}{below}"), value);
        }
    }
}

impl Default for MemoryHost {
    /// The host of the rollup whose address is all zero.
    fn default() -> Self {
        Self::with_rollup(RollupAddress::new([0; 20]))
    }
}

/// A key whose first step is exactly `readonly`.
fn is_read_only(path: Path<'_>) -> bool {
    path.as_str().split('/').nth(1) == Some("readonly")
}

fn writable(path: Path<'_>) -> Result<(), HostError> {
    if is_read_only(path) { Err(HostError::ReadOnly) } else { Ok(()) }
}

impl Store for MemoryHost {
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError> {
        self.touch(Call::Read, path)?;
        if dst.len() > STORE_IO_BYTES_MAX {
            return Err(HostError::InputOutputTooLarge);
        }
        let value = self.durable.get(path.as_str()).ok_or(HostError::NotAValue)?;
        let rest = value.get(offset..).filter(|rest| !rest.is_empty()).ok_or(HostError::InvalidAccess)?;
        let size = rest.len().min(dst.len());
        dst[..size].copy_from_slice(&rest[..size]);
        self.meter.borrow_mut().bytes_read += size as u64;
        Ok(size)
    }

    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError> {
        self.count(Call::Write)?;
        let old_size = self.durable.get(path.as_str()).map_or(0, Vec::len);
        if old_size + src.len() > VALUE_BYTES_MAX {
            return Err(HostError::ValueSizeExceeded);
        }
        writable(path)?;
        if src.len() > STORE_IO_BYTES_MAX {
            return Err(HostError::InputOutputTooLarge);
        }
        if offset > old_size {
            return Err(HostError::InvalidAccess);
        }
        let value = self.durable.entry(path.as_str().to_string()).or_default();
        let end = offset + src.len();
        if value.len() < end {
            value.resize(end, 0);
        }
        value[offset..end].copy_from_slice(src);
        self.meter.borrow_mut().bytes_written += src.len() as u64;
        Ok(())
    }

    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError> {
        self.count(Call::HasValue)?;
        Ok(self.durable.contains_key(path.as_str()))
    }

    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError> {
        self.count(Call::HasNode)?;
        Ok(self.has_node(path.as_str()))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.touch(Call::ValueSize, path)?;
        self.durable.get(path.as_str()).map(Vec::len).ok_or(HostError::NotAValue)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.count(Call::Delete)?;
        writable(path)?;
        self.remove_node(path.as_str());
        Ok(())
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.count(Call::DeleteValue)?;
        writable(path)?;
        self.durable.remove(path.as_str());
        Ok(())
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.count(Call::Copy)?;
        writable(to)?;
        if !self.has_node(from.as_str()) {
            return Err(HostError::NotANode);
        }
        let node = self.node(from.as_str());
        self.remove_node(to.as_str());
        self.insert_node(to.as_str(), node);
        Ok(())
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.count(Call::Move)?;
        writable(from)?;
        writable(to)?;
        if !self.has_node(from.as_str()) {
            return Err(HostError::NotANode);
        }
        let node = self.node(from.as_str());
        self.remove_node(from.as_str());
        self.remove_node(to.as_str());
        self.insert_node(to.as_str(), node);
        Ok(())
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.count(Call::ListSize)?;
        let children: BTreeSet<&str> = self
            .below(path.as_str())
            .filter_map(|key| key.strip_prefix(path.as_str())?.split('/').nth(1))
            .collect();
        let itself = u64::from(self.durable.contains_key(path.as_str()));
        Ok(children.len() as u64 + itself)
    }
}

impl Inbox for MemoryHost {
    fn read_input(&mut self) -> Result<Option<Input>, HostError> {
        self.count(Call::ReadInput)?;
        Ok(self.inbox.pop_front())
    }
}

impl Outbox for MemoryHost {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.count(Call::WriteOutput)?;
        if message.len() > OUTBOX_MESSAGE_BYTES_MAX {
            return Err(HostError::InputOutputTooLarge);
        }
        if self.outbox.len() >= OUTBOX_MESSAGES_PER_LEVEL_MAX {
            return Err(HostError::OutboxFull);
        }
        self.outbox.push(message.to_vec());
        Ok(())
    }
}

impl Reveal for MemoryHost {
    /// A page that nobody has halts a rollup node; here it is [`FAULT`].
    fn reveal_preimage(&self, hash: &PreimageHash) -> Result<Vec<u8>, HostError> {
        self.count(Call::RevealPreimage)?;
        let mut page = self.preimages.get(hash.as_bytes()).cloned().ok_or(FAULT)?;
        page.truncate(PREIMAGE_BYTES_MAX);
        Ok(page)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.count(Call::RevealMetadata)?;
        Ok(self.metadata)
    }

    fn reveal_dal_page(&self, page: &DalPage) -> Result<Vec<u8>, HostError> {
        self.dal_page(page)
    }

    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        self.dal_parameters()
    }
}

impl Control for MemoryHost {
    fn request_reboot(&mut self) -> Result<(), HostError> {
        self.count(Call::RequestReboot)?;
        self.durable.insert(REBOOT_FLAG.to_string(), Vec::new());
        Ok(())
    }

    fn reboots_left(&self) -> Result<u32, HostError> {
        self.count(Call::RebootsLeft)?;
        let counter = self.durable.get(REBOOT_COUNTER).ok_or(HostError::NotAValue)?;
        let bytes = counter.as_slice().try_into().map_err(|_| HostError::InvalidAccess)?;
        Ok(u32::from_le_bytes(bytes))
    }
}

impl Debug for MemoryHost {
    /// Printing answers nothing, so it is no place for a fault.
    fn debug(&self, line: &str) {
        let mut meter = self.meter.borrow_mut();
        *meter.calls.entry(Call::WriteDebug).or_default() += 1;
        meter.debug_lines.push(line.to_string());
    }
}

#[cfg(test)]
mod tests;

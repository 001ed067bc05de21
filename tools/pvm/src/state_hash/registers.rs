//! What the machine holds besides the durable storage and its status.

use super::encoding::{Directory, chunks, counted, n, vector, z};
use crate::constants::Constants;
use crate::durable::HashTree;
use crate::inputs::{Meaning, meaning};
use crate::pvm::LevelReport;
use crate::status::Status;
use crate::version::Version;
use std::fmt;
use std::sync::Arc;

/// What the machine holds besides the durable storage and its status. Cloning is O(1).
#[derive(Clone)]
pub struct Registers {
    /// Those of the origination.
    constants: Constants,
    /// Those of now: a migration may have changed them.
    current: Constants,
    last_input: Option<InputId>,
    /// Ticks since the origination; `None` since a run that got stuck after a number of ticks that nobody counted.
    tick: Option<u128>,
    /// The tick at which the last run, or the rest, began.
    last_call_tick: u128,
    outboxes: Outboxes,
    unread: Unread,
}

#[derive(Clone, Copy, Debug)]
struct InputId {
    level: u32,
    index: usize,
}

/// The inputs that a stuck machine has not read. The first of them is number `read` of its level.
#[derive(Clone, Default)]
struct Unread {
    level: u32,
    read: usize,
    inputs: Arc<Vec<Vec<u8>>>,
}

/// The outboxes of the last levels.
#[derive(Clone, Default)]
struct Outboxes {
    last_level: Option<u32>,
    /// Vectors of messages, by level.
    tree: HashTree,
}

impl Registers {
    /// Those of a machine right after its origination.
    pub fn originated(constants: Constants) -> Self {
        Self {
            constants,
            current: constants,
            last_input: None,
            tick: Some(0),
            last_call_tick: 0,
            outboxes: Outboxes::default(),
            unread: Unread::default(),
        }
    }

    /// Ticks since the origination, padding included, if they are known.
    pub fn tick(&self) -> Option<u128> {
        self.tick
    }

    /// Takes others for those of the origination: before the first level.
    pub(crate) fn set_constants(&mut self, constants: Constants) {
        (self.constants, self.current) = (constants, constants);
    }

    /// Adds the ticks of the run in which the machine got stuck.
    pub(super) fn count_stuck_run(&mut self, ticks: u64) {
        self.tick = Some(self.last_call_tick.saturating_add(ticks.into()));
    }

    /// Takes note of a level that the machine has run with these inputs.
    pub(crate) fn after_level(&mut self, inputs: &[Vec<u8>], report: &LevelReport) {
        let level = report.level;
        for input in inputs {
            match meaning(input) {
                Meaning::StartOfLevel => self.outboxes.open(level, self.current.outbox_validity_levels),
                Meaning::Migration(protocol) => {
                    if let Some(version) = Version::of_protocol(protocol) {
                        self.current = self.current.migrated_to(version);
                    }
                }
                Meaning::EndOfLevel | Meaning::MalformedMigration | Meaning::Other => {}
            }
        }
        self.outboxes.fill(&report.outbox);
        self.note_last(level, inputs);
        let runs = report.runs.len() as u128;
        match &report.status {
            Status::WaitingForInput => {
                // The inputs are padded to the ticks of a run, and so is each run.
                self.last_call_tick += u128::from(self.current.ticks_per_snapshot) * (1 + runs);
                self.tick = Some(self.last_call_tick);
            }
            Status::Stuck(_) => {
                self.last_call_tick += u128::from(self.current.ticks_per_snapshot) * runs;
                self.tick = None;
                self.unread = Unread { level, read: report.inputs_read, inputs: Arc::new(inputs.to_vec()) };
            }
        }
    }

    /// Takes note of a level that a stuck machine was given.
    pub(crate) fn swallow(&mut self, level: u32, inputs: &[Vec<u8>]) {
        self.note_last(level, inputs);
        self.tick = self.tick.map(|tick| tick + inputs.len() as u128);
    }

    fn note_last(&mut self, level: u32, inputs: &[Vec<u8>]) {
        if let Some(index) = inputs.len().checked_sub(1) {
            self.last_input = Some(InputId { level, index });
        }
    }

    /// Puts what is below `wasm`, but for the status; `None` when the tick is not known.
    pub(super) fn write_wasm(&self, wasm: &mut Directory) -> Option<()> {
        if let Some(last) = self.last_input {
            wasm.leaf("input", [last.level.to_be_bytes().to_vec(), n(last.index as u128)].concat());
        }
        wasm.leaf("current_tick", n(self.tick?));
        wasm.leaf("reboot_counter", n(u128::from(self.constants.reboots_per_level_max) + 1));
        Some(())
    }

    /// What is below `pvm`.
    pub(super) fn pvm(&self) -> Directory {
        let mut pvm = Directory::default();
        pvm.leaf("last_top_level_call", n(self.last_call_tick));
        pvm.leaf("max_nb_ticks", n(self.current.ticks_per_snapshot.into()));
        pvm.leaf("maximum_reboots_per_input", n(self.constants.reboots_per_level_max.into()));
        pvm.leaf("outbox_validity_period", self.constants.outbox_validity_levels.to_be_bytes());
        pvm.leaf("outbox_message_limit", z(self.constants.outbox_messages_per_level_max as u128));
        pvm
    }

    /// What is below `value/pvm/buffers`.
    pub(super) fn buffers(&self) -> Directory {
        let mut buffers = Directory::default();
        buffers.directory("input", self.unread.directory());
        buffers.directory("output", self.outboxes.directory(&self.current));
        buffers
    }
}

impl Unread {
    fn directory(&self) -> Directory {
        let mut contents = Directory::default();
        for (index, input) in self.inputs.iter().enumerate().skip(self.read) {
            let mut message = chunks(input);
            message.leaf("raw-level", self.level.to_be_bytes());
            message.leaf("message-counter", z(index as u128));
            contents.directory(index.to_string(), message);
        }
        vector(self.read, contents)
    }
}

impl Outboxes {
    /// Moves the window on by a level.
    fn open(&mut self, level: u32, validity_levels: u32) {
        let opened = match self.last_level {
            None => level,
            Some(last) => {
                let next = last.saturating_add(1);
                if let Some(first) = next.checked_sub(validity_levels) {
                    self.tree.remove(&first.to_string());
                }
                next
            }
        };
        self.last_level = Some(opened);
        self.fill(&[]);
    }

    /// Puts the messages of the last level.
    fn fill(&mut self, messages: &[Vec<u8>]) {
        let Some(level) = self.last_level else { return };
        let mut contents = Directory::default();
        for (index, message) in messages.iter().enumerate() {
            contents.leaf(index.to_string(), counted(message));
        }
        self.tree.set(&Arc::from(level.to_string()), vector(0, contents).hash());
    }

    fn directory(&self, current: &Constants) -> Directory {
        let part = |name: &str, bytes: &[u8]| {
            let mut part = Directory::default();
            part.leaf(name, bytes);
            part
        };
        let mut output = Directory::default();
        if let Some(level) = self.last_level {
            let mut outboxes = Directory::default();
            outboxes.node("outboxes", self.tree.hash());
            output.directory("1", outboxes);
            output.directory("2", part("last_level", &level.to_be_bytes()));
        }
        output.directory("3", part("validity_period", &current.outbox_validity_levels.to_be_bytes()));
        output.directory("4", part("message_limit", &z(current.outbox_messages_per_level_max as u128)));
        output
    }
}

impl fmt::Debug for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registers")
            .field("tick", &self.tick)
            .field("last_input", &self.last_input)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_outboxes_is_as_long_as_messages_are_valid() {
        let mut outboxes = Outboxes::default();
        for level in 7..20 {
            outboxes.open(level, 3);
            outboxes.fill(&[level.to_be_bytes().to_vec()]);
        }
        let mut window = HashTree::default();
        for level in 17..20u32 {
            let mut contents = Directory::default();
            contents.leaf("0", counted(&level.to_be_bytes()));
            window.set(&Arc::from(level.to_string()), vector(0, contents).hash());
        }
        assert_eq!(outboxes.tree.hash(), window.hash());
    }

    #[test]
    fn only_the_migration_of_paris_changes_what_a_run_is_padded_to() {
        let migration = |name: &str| {
            let mut inputs = crate::inputs::level_inputs(
                crate::inputs::LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] },
                Some(name),
                &[],
            );
            inputs.truncate(4);
            inputs
        };
        let mut registers = Registers::originated(Constants::at_origination(Version::V0));
        for (name, run_ticks) in [("quebec_021", 11_000_000_000), ("paris_019", 50_000_000_000_000)] {
            registers.after_level(&migration(name), &LevelReport::default());
            assert_eq!(registers.current.ticks_per_snapshot, run_ticks);
        }
        assert_eq!(registers.tick(), Some(11_000_000_000 + 50_000_000_000_000));
    }
}

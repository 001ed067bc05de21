//! Records each opcode of an execution.

use super::meter::Meter;
use super::text::halt_text;
use millrace_evm::trace::{Step as Opcode, StepEnd};
use millrace_primitives::{Address, H256, U256};
use millrace_trace::{Step, StepOptions};
use std::collections::BTreeMap;

const SLOAD: u8 = 0x54;
const SSTORE: u8 = 0x55;
/// About what a step takes besides its lists.
const OVERHEAD_BYTES: usize = 192;
/// About what a slot takes in a map.
const SLOT_BYTES: usize = 96;

/// The opcodes so far.
pub(super) struct StepRecorder {
    options: StepOptions,
    steps: Vec<Step>,
    depth: u32,
    /// Slots that were read or written, whatever was undone: that is how go-ethereum counts them.
    storage: BTreeMap<Address, BTreeMap<H256, H256>>,
    /// The slot that the opcode reads or writes; what it writes.
    slot: Option<(Address, H256, Option<H256>)>,
    /// Whether the last opcode is in the record.
    is_recorded: bool,
}

impl StepRecorder {
    pub(super) fn new(options: StepOptions) -> Self {
        Self {
            options,
            steps: Vec::new(),
            depth: 0,
            storage: BTreeMap::new(),
            slot: None,
            is_recorded: false,
        }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    pub(super) const fn enter(&mut self) {
        self.depth += 1;
    }

    pub(super) const fn exit(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub(super) fn step(&mut self, opcode: &Opcode<'_>, meter: &mut Meter<'_>) {
        let StepOptions { no_stack, no_storage, memory, return_data, limit } = self.options;
        let has_room = limit == 0 || (self.steps.len() as u64) < limit;
        let words = if no_stack { 0 } else { opcode.stack_size() };
        let mut bytes = OVERHEAD_BYTES + 32 * words;
        bytes += if memory { opcode.memory().len() } else { 0 };
        bytes += if return_data { opcode.return_data().len() } else { 0 };
        self.is_recorded = has_room && meter.take(bytes);
        if !self.is_recorded {
            return;
        }
        if !no_storage {
            self.slot = slot_of(opcode);
        }
        let stack = || (0..words).rev().filter_map(|below_top| opcode.peek(below_top)).collect();
        self.steps.push(Step {
            position: opcode.position,
            opcode: opcode.opcode,
            gas: opcode.gas,
            gas_cost: 0,
            depth: self.depth,
            error: None,
            stack: (!no_stack).then(stack),
            memory: memory.then(|| opcode.memory().to_vec()),
            return_data: return_data.then(|| opcode.return_data().to_vec()),
            storage: None,
        });
    }

    pub(super) fn step_end(&mut self, end: &StepEnd, meter: &mut Meter<'_>) {
        if !self.is_recorded {
            return;
        }
        let Some(step) = self.steps.last_mut() else { return };
        step.gas_cost = end.gas_cost;
        step.error = end.halt.map(halt_text);
        let Some((address, key, written)) = self.slot.take().filter(|_| end.halt.is_none()) else { return };
        let Some(value) = written.or(end.top.map(word)) else { return };
        let slots = self.storage.entry(address).or_default();
        slots.insert(key, value);
        if meter.take(SLOT_BYTES * slots.len()) {
            step.storage = Some(slots.clone());
        }
    }
}

fn slot_of(opcode: &Opcode<'_>) -> Option<(Address, H256, Option<H256>)> {
    let key = || opcode.peek(0).map(word);
    match opcode.opcode {
        SLOAD => Some((opcode.address, key()?, None)),
        SSTORE => Some((opcode.address, key()?, Some(word(opcode.peek(1)?)))),
        _ => None,
    }
}

pub(super) fn word(value: U256) -> H256 {
    let mut bytes = H256::zero();
    value.to_big_endian(&mut bytes.0);
    bytes
}

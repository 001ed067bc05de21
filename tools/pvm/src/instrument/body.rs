//! Writes a body and what counts in it.

use super::{Added, Bulk};
use crate::ticks::charge::Charge;
use wasm_encoder::{BlockType, Function, Instruction};
use wasmparser::Operator;

/// How far the counter of ticks is ahead of an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// Ticks.
    pub(crate) ticks: i64,
    /// And for each item that the instruction was to move.
    pub(crate) per_item: i64,
    /// Whether it calls.
    pub(crate) is_call: bool,
}

/// Writes one body, a basic block at a time.
pub(super) struct BodyWriter<'a, 'f> {
    function: &'f mut Function,
    added: Added,
    /// The instructions of the present block.
    pending: Vec<Pending<'a>>,
    /// Operators among them.
    cost: u32,
    /// Ticks that are owed at the beginning of the present block.
    owed: i64,
    /// Ticks when the function is left.
    leave: i64,
    /// Whether the body is in a block that every way out leaves.
    is_wrapped: bool,
    /// Blocks that are open.
    nesting: u32,
    /// Where the instruction is that is looked for.
    pub(super) watch: Option<usize>,
    pub(super) found: Option<Ahead>,
}

struct Pending<'a> {
    instruction: Instruction<'a>,
    charge: Charge,
}

impl<'a, 'f> BodyWriter<'a, 'f> {
    pub(super) fn new(function: &'f mut Function, added: Added) -> Self {
        Self {
            function,
            added,
            pending: Vec::new(),
            cost: 0,
            owed: 0,
            leave: 0,
            is_wrapped: false,
            nesting: 0,
            watch: None,
            found: None,
        }
    }

    /// What entering and leaving the function costs.
    pub(super) fn charge_calls(&mut self, enter: i64, leave: i64) {
        (self.owed, self.leave) = (enter, leave);
    }

    /// Counts a frame, and puts the body in a block that every way out leaves.
    pub(super) fn enter(&mut self, limit: Option<u32>, block_type: BlockType) {
        if let (Some(depth), Some(limit)) = (self.added.depth, limit) {
            self.add_to_ticks(self.owed);
            self.owed = 0;
            self.add_to_depth(depth, 1);
            for instruction in [
                Instruction::GlobalGet(depth),
                Instruction::I32Const(limit as i32),
                Instruction::I32GeU,
                Instruction::If(BlockType::Empty),
                Instruction::Unreachable,
                Instruction::End,
            ] {
                self.function.instruction(&instruction);
            }
        }
        self.is_wrapped = self.added.depth.is_some() || self.added.ticks.is_some();
        if self.is_wrapped {
            self.function.instruction(&Instruction::Block(block_type));
        }
    }

    fn add_to_depth(&mut self, depth: u32, frames: i32) {
        self.function
            .instruction(&Instruction::GlobalGet(depth))
            .instruction(&Instruction::I32Const(frames))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::GlobalSet(depth));
    }

    fn add_to_ticks(&mut self, more: i64) {
        if let Some(ticks) = self.added.ticks
            && more != 0
        {
            self.add(ticks, more);
        }
    }

    fn add(&mut self, counter: u32, more: i64) {
        self.function
            .instruction(&Instruction::GlobalGet(counter))
            .instruction(&Instruction::I64Const(more))
            .instruction(&Instruction::I64Add)
            .instruction(&Instruction::GlobalSet(counter));
    }

    pub(super) fn operator(&mut self, operator: &Operator<'_>, instruction: Instruction<'a>, charge: Charge) {
        let is_free = matches!(
            operator,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::Else | Operator::End | Operator::Nop
        );
        self.cost += u32::from(!is_free);
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.nesting += 1,
            Operator::End if self.nesting == 0 => {
                self.end();
                return;
            }
            Operator::End => self.nesting -= 1,
            _ => {}
        }
        self.count_bulk(operator, charge.per_item);
        let is_return = matches!(operator, Operator::Return) && self.is_wrapped;
        // The block around the body has taken the place of the function as the outermost label.
        let instruction = if is_return { Instruction::Br(self.nesting) } else { instruction };
        self.pending.push(Pending { instruction, charge });
        if self.ends_block(operator) {
            self.flush();
            self.owed = charge.after;
        }
    }

    /// Whether what follows is entered by another way, or not always; or looks at the ticks.
    fn ends_block(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable => true,
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.added.ticks.is_some(),
            _ => false,
        }
    }

    /// Counts what the operator moves by the size on top of the stack, and leaves it there.
    fn count_bulk(&mut self, operator: &Operator<'_>, per_item: i64) {
        let is_of_memory = matches!(
            operator,
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. }
        );
        let Some(Bulk { bytes, size }) = self.added.bulk else { return };
        let bytes = bytes.filter(|_| is_of_memory);
        let ticks = self.added.ticks.filter(|_| per_item != 0);
        if bytes.is_none() && ticks.is_none() {
            return;
        }
        let mut counting = vec![Instruction::GlobalSet(size)];
        let counters = [bytes.map(|bytes| (bytes, 1)), ticks.map(|ticks| (ticks, per_item))];
        for (counter, per_item) in counters.into_iter().flatten() {
            counting.extend([
                Instruction::GlobalGet(counter),
                Instruction::GlobalGet(size),
                Instruction::I64ExtendI32U,
            ]);
            if per_item != 1 {
                counting.extend([Instruction::I64Const(per_item), Instruction::I64Mul]);
            }
            counting.extend([Instruction::I64Add, Instruction::GlobalSet(counter)]);
        }
        counting.push(Instruction::GlobalGet(size));
        let free = |instruction| Pending { instruction, charge: Charge::default() };
        self.pending.extend(counting.into_iter().map(free));
    }

    fn end(&mut self) {
        self.flush();
        if self.is_wrapped {
            self.function.instruction(&Instruction::End);
            self.add_to_ticks(self.leave);
        }
        if let Some(depth) = self.added.depth {
            self.add_to_depth(depth, -1);
        }
        self.function.instruction(&Instruction::End);
    }

    fn flush(&mut self) {
        if let Some(operators) = self.added.operators
            && self.cost > 0
        {
            self.add(operators, i64::from(self.cost));
        }
        self.cost = 0;
        let mut to_come: i64 = self.pending.iter().map(|pending| pending.charge.now).sum();
        self.add_to_ticks(self.owed + to_come);
        self.owed = 0;
        for Pending { instruction, charge } in self.pending.drain(..) {
            to_come -= charge.now;
            if self.watch == Some(self.function.byte_len()) {
                let Charge { per_item, is_call, .. } = charge;
                self.found = Some(Ahead { ticks: to_come + charge.lead, per_item, is_call });
            }
            self.function.instruction(&instruction);
        }
    }
}

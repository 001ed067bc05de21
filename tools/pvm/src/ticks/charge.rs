//! What each operator costs.
//!
//! The interpreter keeps its code in *labels*, one for each open block, and takes three ticks for every entry
//! of them: one operator is two entries. What is not six ticks follows from that:
//!
//! * a block is a label that is opened by three ticks and closed by seven, and by one more for every value
//!   that is then in the label outside of it, because values are copied: the block's results and those that
//!   lie below;
//! * a branch takes three ticks for every label that it leaves, and for a loop it opens a label again;
//! * a call copies arguments and locals, and on return results and what lies below them.
//!
//! The ticks for each label left would depend on where a branch ends. The counter therefore runs ahead of the
//! ticks by three for every label that is open: then opening, closing and branching change it by amounts that
//! depend on the operator alone. The lead is taken back around calls, so that at a call it is none.

use crate::accept::FEATURES;
use wasmparser::{
    BinaryReaderError, BlockType, FuncToValidate, FuncValidator, FunctionBody, ModuleArity, Operator, Parser,
    ValidPayload, Validator, ValidatorResources,
};

/// Any operator but those below.
const OPERATOR: i64 = 6;
/// An entry of a label, and how far the counter is ahead for every open label.
const ENTRY: i64 = 3;
/// Closing a label, beside the values; the lead that ends with it is taken off.
const CLOSE: i64 = 4;
/// Going back to the beginning of a loop, beside the values and the branch.
const BACK: i64 = 10;
/// `br` and `return`: the rest is charged where they end.
const BRANCH: i64 = 3;
/// A call up to the first operator of the function, beside the operator, arguments and locals.
const ENTER: i64 = 8;
/// From the last operator of a function to the one after its call, beside the values.
const LEAVE: i64 = 8;

/// What an operator adds to the counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    /// When it is executed.
    pub(crate) now: i64,
    /// At what follows it, however that is reached.
    pub(crate) after: i64,
    /// For each byte or element on top of the stack.
    pub(crate) per_item: i64,
    /// How far the counter is ahead of the ticks at this operator.
    pub(crate) lead: i64,
    /// Whether it calls.
    pub(crate) is_call: bool,
}

/// The functions of a module, to be charged.
pub(crate) struct Functions {
    bodies: Vec<Option<FuncToValidate<ValidatorResources>>>,
    imports: u32,
}

impl Functions {
    /// Of a module that was accepted, whose exports have different names.
    ///
    /// # Errors
    /// Another module.
    pub(crate) fn of(wasm: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut validator = Validator::new_with_features(FEATURES);
        let mut bodies: Vec<Option<FuncToValidate<ValidatorResources>>> = Vec::new();
        let mut imports = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            if let ValidPayload::Func(function, _) = validator.payload(&payload?)? {
                if bodies.is_empty() {
                    imports = function.index;
                }
                bodies.push(Some(function));
            }
        }
        Ok(Self { bodies, imports })
    }

    /// Begins with the function of this index, imports not counted; it is taken out.
    pub(crate) fn take(&mut self, index: u32, body: &FunctionBody<'_>) -> Option<Charges> {
        let function = self.bodies.get_mut(index as usize)?.take()?;
        Charges::begin(function, self.imports, body).ok()
    }
}

/// Goes through a body.
pub(crate) struct Charges {
    validator: FuncValidator<ValidatorResources>,
    /// Functions that are imported come first.
    imports: u32,
    /// When the function is entered.
    pub(crate) enter: i64,
    /// When it is left.
    pub(crate) leave: i64,
}

impl Charges {
    fn begin(
        function: FuncToValidate<ValidatorResources>,
        imports: u32,
        body: &FunctionBody<'_>,
    ) -> Result<Self, BinaryReaderError> {
        let index = function.index;
        let mut validator = function.into_validator(Default::default());
        let parameters = i64::from(validator.len_locals());
        validator.read_locals(&mut body.get_binary_reader())?;
        let locals = i64::from(validator.len_locals()) - parameters;
        let mut charges = Self { validator, imports, enter: 0, leave: 0 };
        let (parameters, results) = charges.arity_of_function(index);
        charges.enter = ENTER + 2 * (parameters + locals);
        charges.leave = LEAVE + results;
        Ok(charges)
    }

    /// The charge of the next operator.
    pub(crate) fn of(&mut self, operator: &Operator<'_>) -> Charge {
        let charge = self.charge(operator);
        // A body that is charged is one that was accepted. An offset is only for errors, but must not be zero.
        let _ = self.validator.op(1, operator);
        charge
    }

    fn charge(&self, operator: &Operator<'_>) -> Charge {
        let lead = self.lead();
        let now = |now: i64| Charge { now, lead, ..Charge::default() };
        match operator {
            Operator::Block { .. } => now(OPERATOR + ENTRY),
            Operator::Loop { blockty } => {
                let (parameters, _) = self.arity(*blockty);
                let back = BACK + parameters + self.below(parameters);
                Charge { after: back, ..now(OPERATOR + ENTRY - back) }
            }
            // Whatever arm it takes is a block of its own.
            Operator::If { .. } => now(OPERATOR + ENTRY + ENTRY),
            Operator::Else => now(0),
            Operator::End => Charge { after: self.closing(), ..now(0) },
            Operator::Br { .. } => now(BRANCH),
            Operator::Return => now(BRANCH - lead),
            Operator::Call { function_index } => {
                let (parameters, _) = self.arity_of_function(*function_index);
                self.call(lead, (*function_index >= self.imports).then_some(parameters))
            }
            Operator::CallIndirect { type_index, .. } => {
                let (parameters, _) = self.arity(BlockType::FuncType(*type_index));
                self.call(lead, Some(parameters + 1))
            }
            Operator::MemoryCopy { .. } | Operator::TableCopy { .. } => {
                Charge { per_item: 8 * OPERATOR, ..now(OPERATOR) }
            }
            Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. } => Charge { per_item: 7 * OPERATOR, ..now(OPERATOR) },
            _ => now(OPERATOR),
        }
    }

    /// A call that takes so many values from the stack; `None` when what lies below them is not copied.
    fn call(&self, lead: i64, taken: Option<i64>) -> Charge {
        let below = taken.map_or(0, |taken| self.below(taken));
        Charge { now: OPERATOR - lead, after: lead + below, is_call: true, ..Charge::default() }
    }

    /// The end of a block; of the function it is charged by `leave`.
    fn closing(&self) -> i64 {
        match (self.validator.get_control_frame(0), self.validator.get_control_frame(1)) {
            (Some(inner), Some(outer)) => {
                let (_, results) = self.arity(inner.block_type);
                CLOSE + results + (inner.height as i64 - outer.height as i64)
            }
            _ => 0,
        }
    }

    /// Values of the present label below the topmost ones.
    fn below(&self, topmost: i64) -> i64 {
        let base = self.validator.get_control_frame(0).map_or(0, |frame| frame.height as i64);
        (i64::from(self.validator.operand_stack_height()) - base - topmost).max(0)
    }

    fn lead(&self) -> i64 {
        ENTRY * (i64::from(self.validator.control_stack_height()) - 1).max(0)
    }

    /// Parameters and results of a block.
    fn arity(&self, block: BlockType) -> (i64, i64) {
        let arity = self.validator.block_type_arity(block);
        arity.map_or((0, 0), |(parameters, results)| (parameters.into(), results.into()))
    }

    fn arity_of_function(&self, function: u32) -> (i64, i64) {
        let ty = self.validator.type_index_of_function(function);
        ty.map_or((0, 0), |ty| self.arity(BlockType::FuncType(ty)))
    }
}

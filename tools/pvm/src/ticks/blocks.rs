//! The blocks of a body, as far as the last pass of decoding looks at them.

/// The blocks of one body; the first is the body itself.
#[derive(Default)]
pub(super) struct Blocks(Vec<Block>);

#[derive(Default)]
struct Block {
    /// An operator with blocks counts once.
    operators: u64,
    /// In the order of their operators.
    nested: Vec<usize>,
    /// Operators before the first that uses a data segment.
    data_operator: Option<u64>,
}

impl Blocks {
    /// A block without operators.
    pub(super) fn add(&mut self) -> usize {
        self.0.push(Block::default());
        self.0.len() - 1
    }

    pub(super) fn operator(&mut self, block: usize) {
        if let Some(block) = self.0.get_mut(block) {
            block.operators += 1;
        }
    }

    pub(super) fn data_operator(&mut self, block: usize) {
        if let Some(block) = self.0.get_mut(block) {
            block.data_operator.get_or_insert(block.operators);
            block.operators += 1;
        }
    }

    pub(super) fn nest(&mut self, block: usize) -> usize {
        let inner = self.add();
        self.operator(block);
        if let Some(block) = self.0.get_mut(block) {
            block.nested.push(inner);
        }
        inner
    }

    /// Both arms; the second is there, and empty, also where the code has none.
    pub(super) fn nest_if(&mut self, block: usize) -> (usize, usize) {
        let then = self.nest(block);
        let otherwise = self.add();
        if let Some(block) = self.0.get_mut(block) {
            block.nested.push(otherwise);
        }
        (then, otherwise)
    }

    pub(super) fn operators_of_body(&self) -> u64 {
        self.0.first().map_or(0, |body| body.operators)
    }

    /// The ticks of the pass over this body, and whether it found an operator that uses a data segment: it
    /// stops there, and does not look into the bodies after this one.
    pub(super) fn pass(&self) -> (u64, bool) {
        let mut ticks = 1;
        let mut order: Vec<usize> = (0..self.0.len().min(1)).collect();
        let mut next = 0;
        while let Some(block) = order.get(next).and_then(|block| self.0.get(*block)) {
            if let Some(before) = block.data_operator {
                return (ticks + before + 1, true);
            }
            ticks += block.operators + 1;
            order.extend_from_slice(&block.nested);
            next += 1;
        }
        (ticks + 1, false)
    }
}

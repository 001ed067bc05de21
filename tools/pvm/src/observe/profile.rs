//! The calls of a run as a tree, with the operators that each stack of them took.

use std::collections::BTreeMap;

/// Different stacks that are told apart; what a run does beyond that counts for the stack below.
const NODES_MAX: usize = 1 << 20;
/// Calls on a stack that are told apart, likewise: recursion must not make the tree as deep as itself.
const DEPTH_MAX: usize = 512;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frame {
    /// A function of the kernel, by its index in it.
    Function(u32),
    /// A host function.
    Host(&'static str),
}

/// A stack of calls: that of its parent, and one frame more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileNode {
    /// The stack below, by its index; it is a smaller one. `None` at the bottom.
    pub parent: Option<usize>,
    /// The innermost call.
    pub frame: Frame,
    /// How often it was called on this stack.
    pub calls: u64,
    /// Operators executed in it, without those of what it called.
    pub operators: u64,
    /// Ticks that Octez takes for it, likewise; 0 when they are not counted.
    pub ticks: u64,
}

/// All stacks of a run, each after the one below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The stacks.
    pub nodes: Vec<ProfileNode>,
    /// Calls that were not told apart, because the tree was full or too deep.
    pub folded_calls: u64,
}

/// Makes a profile while a run goes on.
#[derive(Default)]
pub(super) struct Recorder {
    profile: Profile,
    index: BTreeMap<(Option<usize>, Frame), usize>,
    stack: Vec<usize>,
    /// Frames above the stack that are folded into its top.
    folded: usize,
    counted: Counted,
    /// The host function that was called last.
    last_host: Option<usize>,
}

/// What the counters of the kernel say.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) operators: u64,
    pub(super) ticks: u64,
}

impl Recorder {
    pub(super) fn enter(&mut self, function: u32, counted: Counted) {
        self.charge(counted);
        if self.folded > 0 || self.stack.len() >= DEPTH_MAX {
            self.fold();
            return;
        }
        match self.node(Frame::Function(function)) {
            Some(node) => self.stack.push(node),
            None => self.fold(),
        }
    }

    pub(super) fn leave(&mut self, counted: Counted) {
        self.charge(counted);
        if self.folded > 0 {
            self.folded -= 1;
        } else {
            self.stack.pop();
        }
    }

    pub(super) fn host_call(&mut self, name: &'static str) {
        // Without stacks there is nothing that calls.
        self.last_host = None;
        if self.folded == 0 && !self.stack.is_empty() {
            self.last_host = self.node(Frame::Host(name));
        }
    }

    pub(super) fn host_ticks(&mut self, ticks: u64) {
        if let Some(node) = self.last_host.or(self.stack.last().copied()) {
            self.profile.nodes[node].ticks += ticks;
        }
    }

    /// A run that traps leaves no function: what it did last counts for the one it was in.
    pub(super) fn finish(mut self, operators: u64) -> Profile {
        self.charge(Counted { operators, ticks: self.counted.ticks });
        self.profile
    }

    fn charge(&mut self, counted: Counted) {
        if let Some(top) = self.stack.last() {
            let node = &mut self.profile.nodes[*top];
            node.operators += counted.operators.saturating_sub(self.counted.operators);
            node.ticks += counted.ticks.saturating_sub(self.counted.ticks);
        }
        self.counted.operators = self.counted.operators.max(counted.operators);
        self.counted.ticks = self.counted.ticks.max(counted.ticks);
    }

    fn fold(&mut self) {
        self.folded += 1;
        self.profile.folded_calls += 1;
    }

    /// The stack with this frame on top, one call more.
    fn node(&mut self, frame: Frame) -> Option<usize> {
        let parent = self.stack.last().copied();
        let nodes = &mut self.profile.nodes;
        let node = match self.index.get(&(parent, frame)) {
            Some(node) => *node,
            None if nodes.len() >= NODES_MAX => return None,
            None => {
                nodes.push(ProfileNode { parent, frame, calls: 0, operators: 0, ticks: 0 });
                self.index.insert((parent, frame), nodes.len() - 1);
                nodes.len() - 1
            }
        };
        nodes[node].calls += 1;
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(operators: u64) -> Counted {
        Counted { operators, ticks: 6 * operators }
    }

    #[test]
    fn each_stack_gets_its_own_operators() {
        let mut recorder = Recorder::default();
        recorder.enter(1, at(0));
        recorder.enter(2, at(10));
        recorder.host_call("store_has");
        recorder.host_ticks(100);
        recorder.leave(at(15));
        recorder.enter(2, at(16));
        recorder.leave(at(17));
        recorder.leave(at(20));
        let profile = recorder.finish(20);
        let node =
            |parent, frame, calls, operators, ticks| ProfileNode { parent, frame, calls, operators, ticks };
        assert_eq!(
            profile.nodes,
            [
                node(None, Frame::Function(1), 1, 14, 84),
                node(Some(0), Frame::Function(2), 2, 6, 36),
                node(Some(1), Frame::Host("store_has"), 1, 0, 100),
            ]
        );
    }

    #[test]
    fn recursion_is_folded_and_nothing_is_lost() {
        let mut recorder = Recorder::default();
        let depth = DEPTH_MAX as u64 + 100;
        for call in 0..depth {
            recorder.enter(7, at(call * 10));
        }
        for call in 0..depth {
            recorder.leave(at((depth + call) * 10));
        }
        let profile = recorder.finish(2 * depth * 10);
        assert_eq!((profile.nodes.len(), profile.folded_calls), (DEPTH_MAX, 100));
        let operators: u64 = profile.nodes.iter().map(|node| node.operators).sum();
        assert_eq!(operators, (2 * depth - 1) * 10);
    }

    #[test]
    fn a_run_that_traps_is_charged_to_the_end() {
        let mut recorder = Recorder::default();
        recorder.enter(1, at(0));
        recorder.enter(2, at(4));
        let profile = recorder.finish(9);
        assert_eq!(profile.nodes.iter().map(|node| node.operators).collect::<Vec<_>>(), [4, 5]);
    }
}

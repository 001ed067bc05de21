//! Records the calls of an execution.

use super::meter::Meter;
use super::text::halt_text;
use millrace_evm::execute::Halt;
use millrace_evm::trace::{Enter, Exit, Scheme, SelfDestruct};
use millrace_primitives::Log;
use millrace_trace::{CallOptions, Frame, FrameKind, FrameLog};

/// About what a frame or a log takes besides its bytes.
const OVERHEAD_BYTES: usize = 320;

/// The calls so far.
pub(super) struct CallRecorder {
    options: CallOptions,
    frames: Vec<Frame>,
    /// Where those that have not ended are, and how many calls each has made.
    open: Vec<(usize, u32)>,
    /// How deep the execution is.
    depth: u32,
}

impl CallRecorder {
    pub(super) const fn new(options: CallOptions) -> Self {
        Self { options, frames: Vec::new(), open: Vec::new(), depth: 0 }
    }

    pub(super) fn into_frames(self) -> Vec<Frame> {
        self.frames
    }

    fn is_left_out(&self) -> bool {
        self.options.only_top && self.depth > 1
    }

    pub(super) fn enter(&mut self, enter: &Enter<'_>, meter: &mut Meter<'_>) {
        self.depth += 1;
        if self.is_left_out() || !meter.take(OVERHEAD_BYTES + enter.input.len()) {
            return;
        }
        self.count_call();
        self.open.push((self.frames.len(), 0));
        self.frames.push(Frame {
            depth: self.depth - 1,
            kind: kind(enter.scheme),
            from: enter.caller,
            to: Some(enter.target),
            value: enter.value,
            gas: enter.gas,
            gas_used: 0,
            input: enter.input.to_vec(),
            output: Vec::new(),
            error: None,
            logs: Vec::new(),
        });
    }

    pub(super) fn exit(&mut self, exit: &Exit<'_>, meter: &mut Meter<'_>) {
        let is_left_out = self.is_left_out();
        self.depth = self.depth.saturating_sub(1);
        if is_left_out || !meter.take(exit.output.len()) {
            return;
        }
        let Some((index, _)) = self.open.pop() else { return };
        let Some(frame) = self.frames.get_mut(index) else { return };
        frame.gas_used = frame.gas.saturating_sub(exit.gas_left);
        frame.output = exit.output.to_vec();
        let Some(halt) = exit.halt else { return };
        frame.error = Some(halt_text(halt));
        // As go-ethereum has it: nothing was created, and what was not reverted with is no output.
        if frame.kind.creates() {
            frame.to = None;
        }
        if halt != Halt::Reverted {
            frame.output.clear();
        }
        // Those behind it are its own, and undone with it.
        for frame in self.frames.iter_mut().skip(index) {
            frame.logs.clear();
        }
    }

    pub(super) fn log(&mut self, log: &Log, meter: &mut Meter<'_>) {
        if !self.options.logs || self.is_left_out() || !meter.take(OVERHEAD_BYTES + log.data.len()) {
            return;
        }
        let Some(&(index, position)) = self.open.last() else { return };
        let Some(frame) = self.frames.get_mut(index) else { return };
        let Log { address, topics, data } = log;
        frame.logs.push(FrameLog { address: *address, topics: topics.clone(), data: data.clone(), position });
    }

    pub(super) fn self_destruct(&mut self, end: &SelfDestruct, meter: &mut Meter<'_>) {
        if self.options.only_top || !meter.take(OVERHEAD_BYTES) {
            return;
        }
        self.count_call();
        self.frames.push(Frame {
            depth: self.depth,
            kind: FrameKind::SelfDestruct,
            from: end.contract,
            to: Some(end.beneficiary),
            value: Some(end.balance),
            gas: 0,
            gas_used: 0,
            input: Vec::new(),
            output: Vec::new(),
            error: None,
            logs: Vec::new(),
        });
    }

    fn count_call(&mut self) {
        if let Some((_, calls)) = self.open.last_mut() {
            *calls += 1;
        }
    }
}

const fn kind(scheme: Scheme) -> FrameKind {
    match scheme {
        Scheme::Call => FrameKind::Call,
        Scheme::CallCode => FrameKind::CallCode,
        Scheme::DelegateCall => FrameKind::DelegateCall,
        Scheme::StaticCall => FrameKind::StaticCall,
        Scheme::Create => FrameKind::Create,
        Scheme::Create2 => FrameKind::Create2,
    }
}

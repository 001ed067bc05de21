//! Looking into executions: of transactions that are in a block, and of calls.
//!
//! What is recorded counts against one bound for the whole request ([`millrace_trace::RECORD_BYTES_MAX`]).

mod block;
mod call;
mod calls;
pub(crate) mod meter;
mod prestate;
mod steps;
mod text;
mod touched;

pub use block::BlockTrace;
pub(crate) use block::Part;
pub use text::halt_text;

use calls::CallRecorder;
use meter::{Fault, Meter};
use millrace_evm::execute::Halt;
use millrace_evm::trace::{Enter, Exit, SelfDestruct, Step, StepEnd, Tracer};
use millrace_primitives::{Gas, Log};
use millrace_trace::{Frame, Steps, Watch};
use steps::StepRecorder;
use touched::Touched;

/// Records one execution.
struct Recorder<'m, 'a> {
    meter: &'m mut Meter<'a>,
    record: Record,
}

/// What is recorded.
enum Record {
    Steps(StepRecorder),
    Calls(CallRecorder),
    Touched(Touched),
}

/// What became of an execution.
struct Ended {
    gas_limit: Gas,
    gas_used: Gas,
    output: Vec<u8>,
    halt: Option<Halt>,
}

impl<'m, 'a> Recorder<'m, 'a> {
    fn new(watch: Watch, meter: &'m mut Meter<'a>) -> Self {
        let record = match watch {
            Watch::Steps(options) => Record::Steps(StepRecorder::new(options)),
            Watch::Calls(options) => Record::Calls(CallRecorder::new(options)),
            Watch::Prestate(_) => Record::Touched(Touched::default()),
        };
        Self { meter, record }
    }
}

/// The opcodes of an execution that is over.
fn finish_steps(recorder: StepRecorder, ended: Ended) -> Steps {
    let Ended { gas_used, output, halt, .. } = ended;
    Steps { gas: gas_used, failed: halt.is_some(), output, steps: recorder.into_steps() }
}

/// The calls of an execution that is over: the outermost shows what the transaction offered and paid for.
fn finish_calls(recorder: CallRecorder, ended: &Ended) -> Vec<Frame> {
    let mut frames = recorder.into_frames();
    if let Some(outermost) = frames.first_mut() {
        (outermost.gas, outermost.gas_used) = (ended.gas_limit.get(), ended.gas_used.get());
    }
    frames
}

impl Tracer for Recorder<'_, '_> {
    fn enter(&mut self, enter: &Enter<'_>) {
        match &mut self.record {
            Record::Steps(steps) => steps.enter(),
            Record::Calls(calls) => calls.enter(enter, self.meter),
            Record::Touched(touched) => touched.enter(enter, self.meter),
        }
    }

    fn exit(&mut self, exit: &Exit<'_>) {
        match &mut self.record {
            Record::Steps(steps) => steps.exit(),
            Record::Calls(calls) => calls.exit(exit, self.meter),
            Record::Touched(_) => {}
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        self.meter.tick();
        match &mut self.record {
            Record::Steps(steps) => steps.step(step, self.meter),
            Record::Calls(_) => {}
            Record::Touched(touched) => touched.step(step, self.meter),
        }
    }

    fn step_end(&mut self, end: &StepEnd) {
        if let Record::Steps(steps) = &mut self.record {
            steps.step_end(end, self.meter);
        }
    }

    fn log(&mut self, log: &Log) {
        if let Record::Calls(calls) = &mut self.record {
            calls.log(log, self.meter);
        }
    }

    fn self_destruct(&mut self, end: &SelfDestruct) {
        if let Record::Calls(calls) = &mut self.record {
            calls.self_destruct(end, self.meter);
        }
    }

    fn goes_on(&self) -> bool {
        self.meter.fault().is_none()
    }
}

/// Whether the record is whole.
fn check(meter: &Meter<'_>) -> Result<(), Fault> {
    meter.fault().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;

//! What a machine keeps of a run besides its report, for debuggers: the memory in the end, the calls of host functions
//! one by one, and, where [`Observe::Stacks`] asks for it, the operators of every stack of calls.

mod memory;
mod profile;
mod stacks;

pub use memory::MemoryImage;
pub use profile::{Frame, Profile, ProfileNode};
pub(crate) use stacks::{OWN_IMPORTS, is_told, link, with_stacks};

use crate::version::{IMPORTS_COUNT, import_name};
use profile::Recorder;
use std::collections::BTreeMap;

/// How closely runs are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Observe {
    /// Not beyond their reports.
    #[default]
    Nothing,
    /// Their memory in the end, and what each host function moved.
    Ends,
    /// That, and the operators of every stack of calls. Takes several times as long.
    Stacks,
}

/// What the calls of one host function moved in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCalls {
    /// Calls, refused ones included.
    pub calls: u64,
    /// Those that were answered with an error code.
    pub refused: u64,
    /// Bytes of the keys of those that were not refused.
    pub key_bytes: u64,
    /// Bytes of values and messages that they read or wrote.
    pub moved_bytes: u64,
    /// What they took in Octez, where ticks are computed; the operators that call are not among them.
    pub ticks: u64,
}

/// What was observed of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The memory when it ended.
    pub memory: MemoryImage,
    /// The host functions that it called, by name.
    pub host_calls: BTreeMap<&'static str, HostCalls>,
    /// The stacks of calls; empty unless asked for.
    pub profile: Profile,
}

/// Notes what happens in a run.
#[derive(Default)]
pub(crate) struct Watch {
    host_calls: [HostCalls; IMPORTS_COUNT],
    recorder: Recorder,
}

impl Watch {
    pub(crate) fn host_call(&mut self, import: usize, arguments: &[i64], moved_bytes: u64, is_refused: bool) {
        let name = import_name(import);
        self.recorder.host_call(name);
        let calls = &mut self.host_calls[import];
        calls.calls += 1;
        if is_refused {
            calls.refused += 1;
            return;
        }
        let sizes: &[usize] = match name {
            "store_copy" | "store_move" => &[1, 3],
            name if name.starts_with("store_") || name.starts_with("__internal_store_") => &[1],
            _ => &[],
        };
        calls.key_bytes += sizes.iter().map(|at| size_of_argument(arguments, *at)).sum::<u64>();
        calls.moved_bytes += if name == "write_debug" { size_of_argument(arguments, 1) } else { moved_bytes };
    }

    /// The ticks of the call that was noted last.
    pub(crate) fn host_ticks(&mut self, import: usize, ticks: u64) {
        self.host_calls[import].ticks += ticks;
        self.recorder.host_ticks(ticks);
    }

    /// What was noted of a run that executed this many operators in all.
    pub(crate) fn finish(self, operators: u64) -> Observed {
        let called = self.host_calls.iter().enumerate().filter(|(_, calls)| calls.calls > 0);
        Observed {
            memory: MemoryImage::default(),
            host_calls: called.map(|(import, calls)| (import_name(import), *calls)).collect(),
            profile: self.recorder.finish(operators),
        }
    }
}

fn size_of_argument(arguments: &[i64], at: usize) -> u64 {
    arguments.get(at).and_then(|size| u64::try_from(*size).ok()).unwrap_or(0)
}

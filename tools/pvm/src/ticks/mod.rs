//! Ticks: the steps that the interpreter of Octez takes for a run.
//!
//! Octez bounds a run by its ticks, and a refutation ends at one of them. This host does not interpret, but
//! what the interpreter would take follows from the module and from what it executes: [`boot`] adds up the
//! steps before `kernel_run`, [`charge`] says what each operator costs, which instrumented code adds up, and
//! [`host_call`] what a host function costs. The model follows the interpreter's small steps and has no
//! fitted constant; `docs/pvm.md` says how well it agrees with recordings.

mod blocks;
pub(crate) mod boot;
pub(crate) mod charge;
mod instance;

use crate::version::import_name;

/// Ticks that one run should stay below, so that a disputed step can be found by interpreting it: about a
/// day at a million ticks a second. The bound of the PVM itself is 500 times as high.
pub const RUN_TICKS_ADVISED_MAX: u64 = 100_000_000_000;

/// Leaving the state between two runs.
const LEAVING_SNAPSHOT: u64 = 1;
/// A run's last tick, at which it either rests or is stuck.
const RESTING: u64 = 1;
/// A byte that a host function copies from or to the memory, and a byte of a key.
const PER_BYTE_MOVED: u64 = 42;
/// A visit of the durable storage.
const PER_TREE_ACCESS: u64 = 1;
/// The answer to a reveal is an input of its own.
const PER_REVEAL: u64 = 1;
/// From a call to where a host function takes effect, or arguments are taken.
pub(crate) const UNTIL_CALL_TAKES_EFFECT: u64 = 3;
/// A call of a host function, beside the operator and what the function itself takes.
const HOST_CALL: u64 = 5;
/// From a trap of an operator to rest, beside the operator.
pub(crate) const TRAP: u64 = 5;
/// From the return of `kernel_run` to rest.
pub(crate) const AFTER_RETURN: u64 = 5;

/// The ticks of a run, by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunTicks {
    /// From bytes to a module.
    pub decode: u64,
    /// Looking for the imports.
    pub link: u64,
    /// Memory, tables, data, the start function.
    pub init: u64,
    /// `kernel_run`.
    pub eval: u64,
}

impl RunTicks {
    /// All phases, and the step that begins the run. What follows until the next run begins is padding.
    pub const fn total(&self) -> u64 {
        LEAVING_SNAPSHOT.saturating_add(self.phases())
    }

    /// All phases.
    pub(crate) const fn phases(&self) -> u64 {
        let boot = self.decode.saturating_add(self.link).saturating_add(self.init);
        boot.saturating_add(self.eval)
    }

    /// Whether they are more than a run may take: the last one is left to rest.
    pub(crate) const fn is_beyond(&self, ticks_per_snapshot: u64) -> bool {
        self.total().saturating_add(RESTING) > ticks_per_snapshot
    }

    /// What is left for `kernel_run` after the other phases.
    pub(crate) const fn left_for_eval(&self, ticks_per_snapshot: u64) -> u64 {
        ticks_per_snapshot.saturating_sub(self.total().saturating_add(RESTING))
    }

    /// As far as the machine gets before it is stuck because they are too many.
    pub(crate) fn cut(self, ticks_per_snapshot: u64) -> Self {
        let mut left = ticks_per_snapshot.saturating_sub(LEAVING_SNAPSHOT);
        let mut take = |ticks: u64| {
            let taken = ticks.min(left);
            left -= taken;
            taken
        };
        Self {
            decode: take(self.decode),
            link: take(self.link),
            init: take(self.init),
            // The tick at which it is stuck is one of this phase, if it comes so far.
            eval: take(u64::MAX),
        }
    }
}

/// What a call of a host function takes beside the operator that calls it: `arguments` as the kernel gave
/// them, and the `result`; a negative one refuses, and costs nothing more.
pub(crate) fn host_call(import: usize, arguments: &[i64], result: i64) -> u64 {
    let argument = |index: usize| {
        let bytes = arguments.get(index).copied().unwrap_or(0);
        u64::try_from(bytes).unwrap_or(0)
    };
    let Ok(answered) = u64::try_from(result) else { return HOST_CALL };
    let (bytes, more) = match import_name(import) {
        "store_read" => (argument(1) + answered, PER_TREE_ACCESS),
        "store_write" => (argument(1) + argument(4), PER_TREE_ACCESS),
        "store_copy" | "store_move" => (argument(1) + argument(3), PER_TREE_ACCESS),
        "read_input" => (answered, 0),
        "reveal_preimage" | "reveal_metadata" | "reveal" => (answered, PER_REVEAL),
        name if name.starts_with("store_") || name == "__internal_store_get_hash" => {
            (argument(1), PER_TREE_ACCESS)
        }
        _ => (0, 0),
    };
    HOST_CALL + bytes * PER_BYTE_MOVED + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::import_index;

    #[test]
    fn host_calls_cost_their_bytes_when_they_are_not_refused() {
        let cost = |name: &str, arguments: &[i64], result| host_call(import_index(name), arguments, result);
        assert_eq!(cost("store_read", &[300, 2, 0, 4096, 100], 100), 5 + 42 * 102 + 1);
        assert_eq!(cost("store_read", &[300, 2, 0, 4096, 1], -4), 5);
        assert_eq!(cost("store_write", &[300, 6, 0, 4096, 100], 0), 5 + 42 * 106 + 1);
        assert_eq!(cost("store_move", &[300, 2, 430, 4], 0), 5 + 42 * 6 + 1);
        assert_eq!(cost("store_get_nth_key", &[420, 4, 0, 4096, 20], 1), 5 + 42 * 4 + 1);
        assert_eq!(cost("__internal_store_get_hash", &[420, 4, 4096, 5], 5), 5 + 42 * 4 + 1);
        assert_eq!(cost("read_input", &[300, 4096, 10], 10), 5 + 420);
        assert_eq!(cost("reveal_metadata", &[4096, 24], 24), 5 + 42 * 24 + 1);
        assert_eq!(cost("write_output", &[4096, 4096], 0), 5);
        assert_eq!(cost("write_debug", &[4096, 4096], 0), 5);
    }

    #[test]
    fn a_run_needs_a_tick_to_leave_and_one_to_rest() {
        let ticks = RunTicks { decode: 336, link: 3, init: 1_221, eval: 41_964 };
        assert_eq!(ticks.total(), 43_525);
        assert!(ticks.is_beyond(43_525));
        assert!(!ticks.is_beyond(43_526));
        let boot = RunTicks { eval: 0, ..ticks };
        assert_eq!(boot.left_for_eval(43_526), 41_964);
        assert_eq!(ticks.cut(43_525).eval, 41_964);
        assert_eq!(ticks.cut(100), RunTicks { decode: 99, ..RunTicks::default() });
        assert_eq!(ticks.cut(1_000), RunTicks { decode: 336, link: 3, init: 660, eval: 0 });
    }
}

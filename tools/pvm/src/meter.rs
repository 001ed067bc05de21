//! The ticks of a run while it goes on.

use crate::guest::{Abort, Guest};
use crate::instrument::{BULK_SIZE, TICKS};
use crate::machine::ahead;
use crate::run::{Ending, Progress, Run, counter};
use crate::status::Stuck;
use crate::ticks::boot::BootTicks;
use crate::ticks::{AFTER_RETURN, RunTicks, TRAP, UNTIL_CALL_TAKES_EFFECT};
use wasmtime::{AsContextMut, Error, Global, Instance, Store, Trap, Val, WasmBacktrace};

/// How far the counter may be ahead where a run is interrupted: the operators of one basic block, in a function
/// of at most 7,654,321 bytes, and the labels around it.
const COUNTER_AHEAD_MAX: u64 = 1 << 26;

/// An operator that ends the run by an error of the interpreter does so before its last tick.
const CUT_SHORT: i64 = -1;

/// The ticks of `kernel_run`.
#[derive(Clone, Copy)]
pub(crate) struct Meter {
    /// The counter in the instance.
    counter: Global,
    /// What host functions took.
    pub(crate) host_ticks: u64,
    /// As many as are left for this phase.
    pub(crate) ticks_max: u64,
}

impl Meter {
    /// As far as the counter tells: exact at a call, ahead of the ticks elsewhere.
    pub(crate) fn ticks(&self, store: impl AsContextMut) -> u64 {
        let counted = self.counter.get(store).i64().unwrap_or(0);
        self.host_ticks.saturating_add_signed(counted)
    }

    /// Whether there were certainly too many.
    pub(crate) fn is_exhausted(&self, store: impl AsContextMut) -> bool {
        self.ticks(store) > self.ticks_max.saturating_add(COUNTER_AHEAD_MAX)
    }
}

impl Run<'_> {
    pub(crate) fn ticks_per_snapshot(&self) -> u64 {
        self.context.constants.ticks_per_snapshot
    }

    /// The ticks of the phases before `kernel_run`, when they are counted.
    pub(crate) fn counted_boot(&self) -> Option<BootTicks> {
        self.machine.config().counts_ticks.then(|| self.kernel.boot_ticks(self.wasm))
    }

    pub(crate) fn boot_ticks(&self) -> Option<RunTicks> {
        let boot = self.counted_boot()?;
        Some(RunTicks { decode: boot.decode, link: boot.link, init: boot.init, eval: 0 })
    }

    /// A run that took too many ticks is stuck, however it went on.
    pub(crate) fn within_ticks(&self, ending: Ending, run: &mut Progress) -> Ending {
        match run.ticks {
            Some(ticks)
                if ticks.is_beyond(self.ticks_per_snapshot())
                    && !matches!(ending, Ending::NeedsDeeperStack) =>
            {
                run.ticks = Some(ticks.cut(self.ticks_per_snapshot()));
                Ending::Stuck(Stuck::TooManyTicks)
            }
            _ => ending,
        }
    }

    /// From here on the counter says how many ticks the start function takes.
    pub(crate) fn begin_metering(&self, store: &mut Store<Guest>, instance: &Instance, run: &mut Progress) {
        let Some(ticks) = run.ticks else { return };
        let Some(counter) = instance.get_global(&mut *store, TICKS) else { return };
        let ticks_max = ticks.left_for_eval(self.ticks_per_snapshot());
        store.data_mut().meter = Some(Meter { counter, host_ticks: 0, ticks_max });
    }

    /// A start function that does not return.
    pub(crate) fn end_of_start(&self, store: &mut Store<Guest>, ending: &Ending, run: &mut Progress) {
        let (Some(meter), Some(ticks), Some(boot)) =
            (store.data().meter, &mut run.ticks, self.counted_boot())
        else {
            return;
        };
        let counted = meter.ticks(&mut *store).saturating_add_signed(run.correction);
        ticks.init = match ending {
            Ending::Trapped(_) => boot.init_to_start() + counted + TRAP,
            Ending::Stuck(Stuck::TooManyTicks) => u64::MAX,
            _ => boot.init_to_start() + counted,
        };
    }

    /// What the start function took belongs to the phase that is over; from here on the counter is that of
    /// `kernel_run`.
    pub(crate) fn begin_eval(&self, store: &mut Store<Guest>, run: &mut Progress) {
        let (Some(mut meter), Some(ticks)) = (store.data().meter, &mut run.ticks) else { return };
        ticks.init += meter.ticks(&mut *store);
        // The counter is ours: it is mutable, and of this type.
        let _ = meter.counter.set(&mut *store, Val::I64(0));
        meter.ticks_max = ticks.left_for_eval(self.ticks_per_snapshot());
        store.data_mut().meter = Some(meter);
    }

    pub(crate) fn end_metering(&self, store: &mut Store<Guest>, ending: &Ending, run: &mut Progress) {
        let (Some(meter), Some(ticks)) = (store.data().meter, &mut run.ticks) else { return };
        let counted = meter.ticks(&mut *store).saturating_add_signed(run.correction);
        ticks.eval = match ending {
            Ending::Finished => counted + AFTER_RETURN,
            Ending::Trapped(_) => counted + TRAP,
            // However many there were: it is cut to what is allowed.
            Ending::Stuck(Stuck::TooManyTicks) => u64::MAX,
            _ => counted,
        };
    }

    /// From the counter to the ticks of the instruction that ended the run: what is charged of its block but
    /// was not executed is taken off.
    pub(crate) fn correction(&self, store: &mut Store<Guest>, instance: &Instance, error: &Error) -> i64 {
        if !self.machine.config().counts_ticks {
            return 0;
        }
        if error.downcast_ref::<Abort>().is_some() {
            return UNTIL_CALL_TAKES_EFFECT as i64;
        }
        let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return 0 };
        let Some(frame) = backtrace.frames().first() else { return 0 };
        let Some(offset) = frame.func_offset() else { return 0 };
        let counting = self.machine.counting(self.depth);
        let Some(ahead) = ahead(self.wasm, counting, (frame.func_index(), offset)) else { return 0 };
        let items = counter(store, instance, BULK_SIZE).and_then(|items| i64::try_from(items).ok());
        let charged = ahead.ticks + ahead.per_item * items.unwrap_or(0);
        let is_error =
            matches!(error.downcast_ref(), Some(Trap::IndirectCallToNull | Trap::TableOutOfBounds))
                && ahead.is_call;
        if is_error { CUT_SHORT - charged } else { -charged }
    }
}

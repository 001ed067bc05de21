//! The host functions: their names and types, and how a module gets them.

mod calls;
#[cfg(feature = "engines")]
mod portable;

#[cfg(feature = "engines")]
pub use portable::PortableHost;

use crate::durable::ErrorCode;
use crate::guest::{Abort, Guest, GuestMemory};
use crate::ticks::{self, UNTIL_CALL_TAKES_EFFECT};
use crate::version::{HOST_MODULE, import_index};
use wasmtime::{Caller, Engine, Linker, ValType};

/// Why a host function does not do what it was asked.
pub(crate) enum Refusal {
    /// The kernel gets this code.
    Code(ErrorCode),
    /// The run ends.
    Abort(Abort),
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<Abort> for Refusal {
    fn from(abort: Abort) -> Self {
        Self::Abort(abort)
    }
}

/// What a host function answers.
pub(crate) type Call<T> = Result<T, Refusal>;

/// Hands the list of all host functions to another macro.
macro_rules! host_functions {
    ($apply:ident!) => {
        $apply! {
            "store_has" store_has(k: i32, n: i32) -> i32;
            "store_exists" store_exists(k: i32, n: i32) -> i32;
            "store_value_size" store_value_size(k: i32, n: i32) -> i32;
            "store_list_size" store_list_size(k: i32, n: i32) -> i64;
            "store_get_nth_key" store_get_nth_key(k: i32, n: i32, index: i64, to: i32, max: i32) -> i32;
            "__internal_store_get_hash" store_get_hash(k: i32, n: i32, to: i32, max: i32) -> i32;
            "store_delete" store_delete(k: i32, n: i32) -> i32;
            "store_delete_value" store_delete_value(k: i32, n: i32) -> i32;
            "store_copy" store_copy(k: i32, n: i32, to: i32, to_n: i32) -> i32;
            "store_move" store_move(k: i32, n: i32, to: i32, to_n: i32) -> i32;
            "store_create" store_create(k: i32, n: i32, size: i32) -> i32;
            "store_read" store_read(k: i32, n: i32, offset: i32, to: i32, max: i32) -> i32;
            "store_write" store_write(k: i32, n: i32, offset: i32, from: i32, count: i32) -> i32;
            "read_input" read_input(info: i32, to: i32, max: i32) -> i32;
            "write_output" write_output(from: i32, count: i32) -> i32;
            "reveal_preimage" reveal_preimage(hash: i32, n: i32, to: i32, max: i32) -> i32;
            "reveal_metadata" reveal_metadata(to: i32, max: i32) -> i32;
            "reveal" reveal(payload: i32, n: i32, to: i32, max: i32) -> i32;
            "nds_registry_resize" nds(a: i64) -> i32;
            "nds_registry_copy" nds_2(a: i64, b: i64) -> i32;
            "nds_registry_move" nds_2(a: i64, b: i64) -> i32;
            "nds_registry_clear" nds(a: i64) -> i32;
            "nds_store_exists" nds_key(a: i64, k: i32, n: i32) -> i32;
            "nds_store_delete" nds_key(a: i64, k: i32, n: i32) -> i32;
            "nds_store_value_size" nds_key(a: i64, k: i32, n: i32) -> i32;
            "nds_database_get_hash" nds_key(a: i64, _to: i32, _max: i32) -> i32;
            "nds_store_read" nds_access(a: i64, k: i32, n: i32, o: i64, p: i32, c: i32) -> i32;
            "nds_store_write" nds_access(a: i64, k: i32, n: i32, o: i64, p: i32, c: i32) -> i32;
            "nds_store_set" nds_set(a: i64, k: i32, n: i32, p: i32, c: i32) -> i32;
        }
    };
}
#[cfg(feature = "engines")]
use host_functions;

/// Answers a call: its result, its code, or the end of the run.
fn answer<T: From<i32> + Copy + Into<i64>>(
    caller: &mut Caller<'_, Guest>,
    import: usize,
    arguments: &[i64],
    call: impl FnOnce(&mut [u8], &mut Guest) -> Call<T>,
) -> wasmtime::Result<T> {
    let memory = match caller.data().memory {
        GuestMemory::One(memory) => memory,
        GuestMemory::Initialising => return Err(wasmtime::Error::new(Abort::Initialising)),
        GuestMemory::Several => {
            let abort = Abort::Fatal(Abort::SEVERAL_MEMORIES);
            return Err(wasmtime::Error::new(abort));
        }
    };
    check_ticks(caller, UNTIL_CALL_TAKES_EFFECT)?;
    let (memory, guest) = memory.data_and_store_mut(&mut *caller);
    guest.count_call(import);
    let moved_bytes = guest.host_use.moved_bytes();
    let answered = call(memory, guest);
    if let Some(watch) = &mut guest.watch {
        let moved_bytes = guest.host_use.moved_bytes() - moved_bytes;
        watch.host_call(import, arguments, moved_bytes, matches!(answered, Err(Refusal::Code(_))));
    }
    let result = match answered {
        Ok(result) => result,
        Err(Refusal::Code(code)) => code.code().into(),
        Err(Refusal::Abort(abort)) => return Err(wasmtime::Error::new(abort)),
    };
    let guest = caller.data_mut();
    if guest.meter.is_some() || guest.watch.is_some() {
        let ticks = ticks::host_call(import, arguments, result.into());
        if let Some(watch) = &mut guest.watch {
            watch.host_ticks(import, ticks);
        }
        if let Some(meter) = &mut guest.meter {
            meter.host_ticks += ticks;
            check_ticks(caller, 0)?;
        }
    }
    Ok(result)
}

/// Whether there are so many more ticks left.
fn check_ticks(caller: &mut Caller<'_, Guest>, more: u64) -> wasmtime::Result<()> {
    let Some(meter) = caller.data().meter else { return Ok(()) };
    if meter.ticks(&mut *caller).saturating_add(more) > meter.ticks_max {
        return Err(wasmtime::Error::new(Abort::OutOfTicks));
    }
    Ok(())
}

/// Whether a kernel may import a host function with this type.
pub(crate) fn has_type(name: &str, parameters: &[ValType], results: &[ValType]) -> bool {
    fn is_named(ty: &ValType, name: &str) -> bool {
        matches!((ty, name), (ValType::I32, "i32") | (ValType::I64, "i64"))
    }
    fn are_named(types: &[ValType], names: &[&str]) -> bool {
        types.len() == names.len() && types.iter().zip(names).all(|(ty, name)| is_named(ty, name))
    }
    macro_rules! types {
        ($($name:literal $function:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
            match name {
                $($name => are_named(parameters, &[$(stringify!($type)),*])
                    && are_named(results, &[stringify!($result)]),)*
                "write_debug" => are_named(parameters, &["i32", "i32"]) && results.is_empty(),
                _ => false,
            }
        };
    }
    host_functions!(types!)
}

/// All host functions of the newest version. Which of them a kernel may import is checked by name before.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    macro_rules! link {
        ($($name:literal $function:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
            $({
                const IMPORT: usize = import_index($name);
                linker.func_wrap(HOST_MODULE, $name, |mut caller: Caller<'_, Guest>, $($argument: $type),*| {
                    let call = |memory: &mut [u8], guest: &mut Guest| -> Call<$result> {
                        calls::$function(memory, guest, $($argument),*)
                    };
                    answer(&mut caller, IMPORT, &[$(i64::from($argument)),*], call)
                })?;
            })*
        };
    }
    host_functions!(link!);
    linker.func_wrap(
        HOST_MODULE,
        "write_debug",
        |mut caller: Caller<'_, Guest>, from: i32, count: i32| {
            const IMPORT: usize = import_index("write_debug");
            let call = |memory: &mut [u8], guest: &mut Guest| calls::write_debug(memory, guest, from, count);
            let arguments = [i64::from(from), i64::from(count)];
            answer(&mut caller, IMPORT, &arguments, call).map(|_: i32| ())
        },
    )?;
    crate::observe::link(&mut linker)?;
    Ok(linker)
}

//! The host functions, one by one.
//!
//! The order of checks decides which code a call with several faults gets; it is that of the Octez PVM.

use crate::durable::{ErrorCode, KEY_BYTES_MAX, Key, STORE_IO_BYTES_MAX};
use crate::guest::{
    Abort, DEBUG_BYTES_PER_LEVEL_MAX, Guest, GuestMemory, OUTBOX_MESSAGES_PER_LEVEL_MAX, OUTPUT_BYTES_MAX,
};
use crate::inputs::INPUT_BYTES_MAX;
use crate::reveal::{PREIMAGE_BYTES_MAX, REQUEST_BYTES_MAX, Request, reveal_hash};
use crate::version::HOST_MODULE;
use crate::PvmError;
use wasmtime::{Caller, Engine, Linker};

/// Why a host function does not do what it was asked.
enum Refusal {
    Code(ErrorCode),
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

type Call<T> = Result<T, Refusal>;

/// Answers a call: its result, its code, or the end of the run.
fn answer<T: From<i32>>(
    caller: &mut Caller<'_, Guest>,
    name: &'static str,
    call: impl FnOnce(&mut [u8], &mut Guest) -> Call<T>,
) -> wasmtime::Result<T> {
    let memory = match caller.data().memory {
        GuestMemory::One(memory) => memory,
        GuestMemory::Initialising => return Err(wasmtime::Error::new(Abort::Initialising)),
        GuestMemory::Several => {
            let abort = Abort::Fatal("caller module must have exactly 1 memory instance");
            return Err(wasmtime::Error::new(abort));
        }
    };
    let (memory, guest) = memory.data_and_store_mut(caller);
    *guest.host_use.calls.entry(name).or_default() += 1;
    match call(memory, guest) {
        Ok(result) => Ok(result),
        Err(Refusal::Code(code)) => Ok(code.code().into()),
        Err(Refusal::Abort(abort)) => Err(wasmtime::Error::new(abort)),
    }
}

/// A range of the memory; pointer and size are unsigned. An empty range may start anywhere.
fn range(memory: &[u8], start: i32, size_bytes: usize) -> Call<std::ops::Range<usize>> {
    if size_bytes == 0 {
        return Ok(0..0);
    }
    let start = start as u32 as usize;
    match start.checked_add(size_bytes) {
        Some(end) if end <= memory.len() => Ok(start..end),
        _ => Err(ErrorCode::MemoryInvalidAccess.into()),
    }
}

fn load(memory: &[u8], start: i32, size_bytes: usize) -> Call<&[u8]> {
    Ok(&memory[range(memory, start, size_bytes)?])
}

fn store(memory: &mut [u8], start: i32, bytes: &[u8]) -> Call<i32> {
    let range = range(memory, start, bytes.len())?;
    memory[range].copy_from_slice(bytes);
    Ok(bytes.len() as i32)
}

fn size(size_bytes: i32) -> Call<usize> {
    usize::try_from(size_bytes).map_err(|_| ErrorCode::GenericInvalidAccess.into())
}

fn key(memory: &[u8], start: i32, size_bytes: i32) -> Call<Key<'_>> {
    let size_bytes = size(size_bytes)?;
    if size_bytes > KEY_BYTES_MAX {
        return Err(ErrorCode::KeyTooLarge.into());
    }
    Ok(Key::parse(load(memory, start, size_bytes)?)?)
}

/// All host functions of the newest version. Which of them a kernel may import is checked by name before.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    link_queries(&mut linker)?;
    link_changes(&mut linker)?;
    link_values(&mut linker)?;
    link_messages(&mut linker)?;
    link_reveals(&mut linker)?;
    link_new_durable_storage(&mut linker)?;
    Ok(linker)
}

fn link_queries(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(HOST_MODULE, "store_has", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_has", |memory, guest| Ok(guest.effects.durable.store_has(key(memory, k, n)?)))
    })?;
    linker.func_wrap(HOST_MODULE, "store_exists", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_exists", |memory, guest| {
            Ok(i32::from(guest.effects.durable.store_has(key(memory, k, n)?) != 0))
        })
    })?;
    linker.func_wrap(HOST_MODULE, "store_value_size", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_value_size", |memory, guest| {
            Ok(guest.effects.durable.store_value_size(key(memory, k, n)?)? as i32)
        })
    })?;
    linker.func_wrap(HOST_MODULE, "store_list_size", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_list_size", |memory, guest| {
            Ok(guest.effects.durable.store_list_size(key(memory, k, n)?) as i64)
        })
    })?;
    linker.func_wrap(
        HOST_MODULE,
        "store_get_nth_key",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, index: i64, to: i32, max: i32| {
            answer(&mut caller, "store_get_nth_key", |memory, guest| {
                // Octez's integers have 63 bits: the highest one is lost.
                let index = index << 1 >> 1;
                let name = guest.effects.durable.store_get_nth_key(key(memory, k, n)?, index)?;
                let max = usize::try_from(max).map_err(|_| Abort::Fatal("negative size of a child's name"))?;
                store(memory, to, &name.as_bytes()[..name.len().min(max)])
            })
        },
    )?;
    linker.func_wrap(
        HOST_MODULE,
        "__internal_store_get_hash",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, to: i32, max: i32| {
            answer(&mut caller, "__internal_store_get_hash", |memory, guest| {
                let hash = guest.effects.durable.store_get_hash(key(memory, k, n)?)?;
                let max = usize::try_from(max).map_err(|_| Abort::Fatal("negative size of a hash"))?;
                store(memory, to, &hash[..hash.len().min(max)])
            })
        },
    )?;
    Ok(())
}

fn link_changes(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(HOST_MODULE, "store_delete", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_delete", |memory, guest| {
            guest.effects.durable.store_delete(key(memory, k, n)?)?;
            Ok(0)
        })
    })?;
    linker.func_wrap(HOST_MODULE, "store_delete_value", |mut caller: Caller<'_, Guest>, k: i32, n: i32| {
        answer(&mut caller, "store_delete_value", |memory, guest| {
            guest.effects.durable.store_delete_value(key(memory, k, n)?)?;
            Ok(0)
        })
    })?;
    linker.func_wrap(
        HOST_MODULE,
        "store_copy",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, to: i32, to_n: i32| {
            answer(&mut caller, "store_copy", |memory, guest| {
                guest.effects.durable.store_copy(key(memory, k, n)?, key(memory, to, to_n)?)?;
                Ok(0)
            })
        },
    )?;
    linker.func_wrap(
        HOST_MODULE,
        "store_move",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, to: i32, to_n: i32| {
            answer(&mut caller, "store_move", |memory, guest| {
                guest.effects.durable.store_move(key(memory, k, n)?, key(memory, to, to_n)?)?;
                Ok(0)
            })
        },
    )?;
    linker.func_wrap(HOST_MODULE, "store_create", |mut caller: Caller<'_, Guest>, k: i32, n: i32, size: i32| {
        answer(&mut caller, "store_create", |memory, guest| {
            guest.effects.durable.store_create(key(memory, k, n)?, size)?;
            Ok(0)
        })
    })?;
    Ok(())
}

fn link_values(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        HOST_MODULE,
        "store_read",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, offset: i32, to: i32, max: i32| {
            answer(&mut caller, "store_read", |memory, guest| {
                let key = key(memory, k, n)?;
                if max > STORE_IO_BYTES_MAX as i32 {
                    return Err(ErrorCode::InputOutputTooLarge.into());
                }
                // A negative offset is outside every value, a negative size wrong only then.
                let bounded = usize::try_from(max).unwrap_or(0);
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes = guest.effects.durable.store_read(key, offset, bounded)?;
                size(max)?;
                guest.host_use.store_read_bytes += bytes.len() as u64;
                store(memory, to, &bytes)
            })
        },
    )?;
    linker.func_wrap(
        HOST_MODULE,
        "store_write",
        |mut caller: Caller<'_, Guest>, k: i32, n: i32, offset: i32, from: i32, count: i32| {
            answer(&mut caller, "store_write", |memory, guest| {
                let key = key(memory, k, n)?;
                let count = usize::try_from(count).map_err(|_| ErrorCode::ValueSizeExceeded)?;
                guest.effects.durable.check_growth(key, count)?;
                let source = load(memory, from, count)?;
                if key.is_read_only() {
                    return Err(ErrorCode::ReadOnly.into());
                }
                if count > STORE_IO_BYTES_MAX {
                    return Err(ErrorCode::InputOutputTooLarge.into());
                }
                guest.effects.durable.store_write(key, size(offset)?, source)?;
                guest.host_use.store_written_bytes += count as u64;
                Ok(0)
            })
        },
    )?;
    Ok(())
}

fn link_messages(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        HOST_MODULE,
        "read_input",
        |mut caller: Caller<'_, Guest>, info: i32, to: i32, max: i32| {
            answer(&mut caller, "read_input", |memory, guest| read_input(memory, guest, info, to, max))
        },
    )?;
    linker.func_wrap(HOST_MODULE, "write_output", |mut caller: Caller<'_, Guest>, from: i32, count: i32| {
        answer(&mut caller, "write_output", |memory, guest| {
            if count > OUTPUT_BYTES_MAX as i32 {
                return Err(ErrorCode::InputOutputTooLarge.into());
            }
            let count = size(count)?;
            let message = load(memory, from, count)?;
            if guest.effects.outbox.len() >= OUTBOX_MESSAGES_PER_LEVEL_MAX {
                return Err(ErrorCode::OutboxFull.into());
            }
            guest.effects.outbox.push(message.to_vec());
            guest.host_use.output_bytes += count as u64;
            Ok(0)
        })
    })?;
    linker.func_wrap(HOST_MODULE, "write_debug", |mut caller: Caller<'_, Guest>, from: i32, count: i32| {
        let written = answer(&mut caller, "write_debug", |memory, guest| {
            let bytes = load(memory, from, size(count)?)?;
            write_debug(guest, bytes);
            Ok(0)
        });
        written.map(|_: i32| ())
    })?;
    Ok(())
}

fn read_input(memory: &mut [u8], guest: &mut Guest, info: i32, to: i32, max: i32) -> Call<i32> {
    let max = usize::try_from(max).map_err(|_| ErrorCode::MemoryInvalidAccess)?.min(INPUT_BYTES_MAX);
    // Octez compares strictly: a buffer that ends with the memory is refused.
    let fits = |start: i32, size_bytes: usize| (start as u32 as usize) + size_bytes < memory.len();
    if !fits(info, 8) || !fits(to, max) {
        return Err(ErrorCode::MemoryInvalidAccess.into());
    }
    let index = guest.effects.inputs_read;
    let Some(input) = guest.context.inputs.get(index) else { return Ok(0) };
    guest.effects.inputs_read += 1;
    let count = input.len().min(max);
    store(memory, to, &input[..count])?;
    store(memory, info, &guest.context.level.to_le_bytes())?;
    store(memory, info.wrapping_add(4), &(index as u32).to_le_bytes())?;
    guest.host_use.input_bytes += count as u64;
    Ok(count as i32)
}

fn write_debug(guest: &mut Guest, bytes: &[u8]) {
    let effects = &mut guest.effects;
    if effects.debug.len() + bytes.len() > DEBUG_BYTES_PER_LEVEL_MAX {
        return;
    }
    effects.debug.extend_from_slice(bytes);
    effects.debug_call_sizes.push(bytes.len());
    if let Some(sink) = &guest.context.debug_sink
        && effects.debug.len() > guest.debug_streamed
    {
        let fresh = bytes.len().min(effects.debug.len() - guest.debug_streamed);
        sink(&bytes[bytes.len() - fresh..]);
        guest.debug_streamed = effects.debug.len();
    }
}

fn link_reveals(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        HOST_MODULE,
        "reveal_preimage",
        |mut caller: Caller<'_, Guest>, hash: i32, n: i32, to: i32, max: i32| {
            answer(&mut caller, "reveal_preimage", |memory, guest| {
                let request = [&[0], request(memory, hash, n)?].concat();
                reveal(memory, guest, request, to, max)
            })
        },
    )?;
    linker.func_wrap(HOST_MODULE, "reveal_metadata", |mut caller: Caller<'_, Guest>, to: i32, max: i32| {
        answer(&mut caller, "reveal_metadata", |memory, guest| reveal(memory, guest, vec![1], to, max))
    })?;
    linker.func_wrap(
        HOST_MODULE,
        "reveal",
        |mut caller: Caller<'_, Guest>, payload: i32, n: i32, to: i32, max: i32| {
            answer(&mut caller, "reveal", |memory, guest| {
                let request = request(memory, payload, n)?.to_vec();
                reveal(memory, guest, request, to, max)
            })
        },
    )?;
    Ok(())
}

fn request(memory: &[u8], start: i32, size_bytes: i32) -> Call<&[u8]> {
    if size_bytes > REQUEST_BYTES_MAX as i32 {
        return Err(ErrorCode::InputOutputTooLarge.into());
    }
    load(memory, start, size(size_bytes)?)
}

fn reveal(memory: &mut [u8], guest: &mut Guest, request: Vec<u8>, to: i32, max: i32) -> Call<i32> {
    let data = revealed(guest, &request)?;
    guest.effects.reveal_requests.push(request);
    // A destination out of memory or a negative size raises out of Octez's interpreter; its fast executor
    // answers a code for the former, so we do.
    let max = usize::try_from(max).map_err(|_| ErrorCode::MemoryInvalidAccess)?;
    let count = data.len().min(max);
    guest.host_use.revealed_bytes += count as u64;
    store(memory, to, &data[..count])
}

fn revealed(guest: &Guest, request: &[u8]) -> Call<Vec<u8>> {
    let context = &guest.context;
    let unreadable = |error: std::io::Error| Abort::Host(PvmError::Reveal { detail: error.to_string() });
    match Request::decode(request) {
        Request::Preimage(hash) => {
            // Everybody has the preimage that answers requests nobody understands.
            if hash == reveal_hash(&[]) {
                return Ok(Vec::new());
            }
            let data = context.preimages.preimage(&hash).map_err(unreadable)?;
            let data = data.ok_or(Abort::Host(PvmError::PreimageMissing { hash }))?;
            if data.len() > PREIMAGE_BYTES_MAX || reveal_hash(&data) != hash {
                return Err(Abort::Host(PvmError::PreimageCorrupt { hash }).into());
            }
            Ok(data)
        }
        Request::Metadata => Ok(context.rollup.metadata()),
        Request::Page(page) => Ok(context.preimages.dal_page(page).map_err(unreadable)?.unwrap_or_default()),
        Request::DalParameters => Ok(context.preimages.dal_parameters().to_bytes()),
        Request::Unknown => Ok(Vec::new()),
    }
}

/// The functions of the new durable storage link at V6 and answer that it is not enabled.
fn link_new_durable_storage(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    fn refuse(mut caller: Caller<'_, Guest>, name: &'static str) -> wasmtime::Result<i32> {
        answer(&mut caller, name, |_, _| Err(ErrorCode::NdsNotEnabled.into()))
    }
    let name = "nds_registry_resize";
    linker.func_wrap(HOST_MODULE, name, move |caller: Caller<'_, Guest>, _: i64| refuse(caller, name))?;
    let name = "nds_registry_copy";
    linker.func_wrap(HOST_MODULE, name, move |caller: Caller<'_, Guest>, _: i64, _: i64| refuse(caller, name))?;
    let name = "nds_registry_move";
    linker.func_wrap(HOST_MODULE, name, move |caller: Caller<'_, Guest>, _: i64, _: i64| refuse(caller, name))?;
    let name = "nds_registry_clear";
    linker.func_wrap(HOST_MODULE, name, move |caller: Caller<'_, Guest>, _: i64| refuse(caller, name))?;
    for name in ["nds_store_exists", "nds_store_delete", "nds_store_value_size", "nds_database_get_hash"] {
        let query = move |caller: Caller<'_, Guest>, _: i64, _: i32, _: i32| refuse(caller, name);
        linker.func_wrap(HOST_MODULE, name, query)?;
    }
    for name in ["nds_store_read", "nds_store_write"] {
        let access = move |caller: Caller<'_, Guest>, _: i64, _: i32, _: i32, _: i64, _: i32, _: i32| {
            refuse(caller, name)
        };
        linker.func_wrap(HOST_MODULE, name, access)?;
    }
    let name = "nds_store_set";
    let set = move |caller: Caller<'_, Guest>, _: i64, _: i32, _: i32, _: i32, _: i32| refuse(caller, name);
    linker.func_wrap(HOST_MODULE, name, set)?;
    Ok(())
}

//! What each host function does, on a memory and a guest.
//!
//! The order of checks decides which code a call with several faults gets; it is that of the Octez PVM.

#![allow(clippy::too_many_arguments, reason = "the signatures are those of the PVM")]

use super::Call;
use crate::durable::{ErrorCode, KEY_BYTES_MAX, Key, STORE_IO_BYTES_MAX};
use crate::guest::{Abort, DEBUG_BYTES_PER_LEVEL_MAX, Guest, OUTPUT_BYTES_MAX};
use crate::inputs::INPUT_BYTES_MAX;
use crate::reveal::{REQUEST_BYTES_MAX, Request, preimage_of};

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

pub(super) fn store_has(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i32> {
    Ok(guest.effects.durable.store_has(key(memory, k, n)?))
}

pub(super) fn store_exists(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i32> {
    Ok(i32::from(guest.effects.durable.store_has(key(memory, k, n)?) != 0))
}

pub(super) fn store_value_size(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i32> {
    Ok(guest.effects.durable.store_value_size(key(memory, k, n)?)? as i32)
}

pub(super) fn store_list_size(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i64> {
    Ok(guest.effects.durable.store_list_size(key(memory, k, n)?) as i64)
}

pub(super) fn store_get_nth_key(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    index: i64,
    to: i32,
    max: i32,
) -> Call<i32> {
    // Octez's integers have 63 bits: the highest one is lost.
    let index = index << 1 >> 1;
    let name = guest.effects.durable.store_get_nth_key(key(memory, k, n)?, index)?;
    let max = usize::try_from(max).map_err(|_| Abort::Fatal(Abort::NEGATIVE_SIZES[1]))?;
    store(memory, to, &name.as_bytes()[..name.len().min(max)])
}

pub(super) fn store_get_hash(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    to: i32,
    max: i32,
) -> Call<i32> {
    let hash = guest.effects.durable.store_get_hash(key(memory, k, n)?)?;
    let max = usize::try_from(max).map_err(|_| Abort::Fatal(Abort::NEGATIVE_SIZES[0]))?;
    store(memory, to, &hash[..hash.len().min(max)])
}

pub(super) fn store_delete(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i32> {
    guest.effects.durable.store_delete(key(memory, k, n)?)?;
    Ok(0)
}

pub(super) fn store_delete_value(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32) -> Call<i32> {
    guest.effects.durable.store_delete_value(key(memory, k, n)?)?;
    Ok(0)
}

pub(super) fn store_copy(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    to: i32,
    to_n: i32,
) -> Call<i32> {
    guest.effects.durable.store_copy(key(memory, k, n)?, key(memory, to, to_n)?)?;
    Ok(0)
}

pub(super) fn store_move(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    to: i32,
    to_n: i32,
) -> Call<i32> {
    guest.effects.durable.store_move(key(memory, k, n)?, key(memory, to, to_n)?)?;
    Ok(0)
}

pub(super) fn store_create(memory: &mut [u8], guest: &mut Guest, k: i32, n: i32, size: i32) -> Call<i32> {
    guest.effects.durable.store_create(key(memory, k, n)?, size)?;
    Ok(0)
}

pub(super) fn store_read(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    offset: i32,
    to: i32,
    max: i32,
) -> Call<i32> {
    let key = key(memory, k, n)?;
    if max > STORE_IO_BYTES_MAX as i32 {
        return Err(ErrorCode::InputOutputTooLarge.into());
    }
    // A negative offset is outside every value; a negative size is wrong only where the offset is not.
    let bounded = usize::try_from(max).unwrap_or(0);
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let bytes = guest.effects.durable.store_read(key, offset, bounded)?;
    size(max)?;
    guest.host_use.store_read_bytes += bytes.len() as u64;
    store(memory, to, &bytes)
}

pub(super) fn store_write(
    memory: &mut [u8],
    guest: &mut Guest,
    k: i32,
    n: i32,
    offset: i32,
    from: i32,
    count: i32,
) -> Call<i32> {
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
}

pub(super) fn read_input(memory: &mut [u8], guest: &mut Guest, info: i32, to: i32, max: i32) -> Call<i32> {
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

pub(super) fn write_output(memory: &mut [u8], guest: &mut Guest, from: i32, count: i32) -> Call<i32> {
    if count > OUTPUT_BYTES_MAX as i32 {
        return Err(ErrorCode::InputOutputTooLarge.into());
    }
    let message = load(memory, from, size(count)?)?;
    let sent = guest.effects.outbox_before + guest.effects.outbox.len();
    if sent >= guest.context.constants.outbox_messages_per_level_max {
        return Err(ErrorCode::OutboxFull.into());
    }
    guest.effects.outbox.push(message.to_vec());
    guest.host_use.output_bytes += message.len() as u64;
    Ok(0)
}

pub(super) fn write_debug(memory: &mut [u8], guest: &mut Guest, from: i32, count: i32) -> Call<i32> {
    let bytes = load(memory, from, size(count)?)?;
    let effects = &mut guest.effects;
    let debug_bytes = effects.debug_before + effects.debug.len() + bytes.len();
    if debug_bytes > DEBUG_BYTES_PER_LEVEL_MAX {
        return Ok(0);
    }
    effects.debug.extend_from_slice(bytes);
    effects.debug_call_sizes.push(bytes.len());
    if let Some(sink) = &guest.context.debug_sink
        && debug_bytes > guest.debug_streamed
    {
        let fresh = bytes.len().min(debug_bytes - guest.debug_streamed);
        sink(&bytes[bytes.len() - fresh..]);
        guest.debug_streamed = debug_bytes;
    }
    Ok(0)
}

pub(super) fn reveal_preimage(
    memory: &mut [u8],
    guest: &mut Guest,
    hash: i32,
    n: i32,
    to: i32,
    max: i32,
) -> Call<i32> {
    let request = [&[0], request(memory, hash, n)?].concat();
    answer_reveal(memory, guest, request, to, max)
}

pub(super) fn reveal_metadata(memory: &mut [u8], guest: &mut Guest, to: i32, max: i32) -> Call<i32> {
    answer_reveal(memory, guest, vec![1], to, max)
}

pub(super) fn reveal(
    memory: &mut [u8],
    guest: &mut Guest,
    payload: i32,
    n: i32,
    to: i32,
    max: i32,
) -> Call<i32> {
    let request = request(memory, payload, n)?.to_vec();
    answer_reveal(memory, guest, request, to, max)
}

fn request(memory: &[u8], start: i32, size_bytes: i32) -> Call<&[u8]> {
    if size_bytes > REQUEST_BYTES_MAX as i32 {
        return Err(ErrorCode::InputOutputTooLarge.into());
    }
    load(memory, start, size(size_bytes)?)
}

fn answer_reveal(memory: &mut [u8], guest: &mut Guest, request: Vec<u8>, to: i32, max: i32) -> Call<i32> {
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
    let unreadable =
        |error: std::io::Error| Abort::Host(crate::PvmError::Reveal { detail: error.to_string() });
    match Request::decode(request) {
        Request::Preimage(hash) => Ok(preimage_of(&*context.preimages, &hash).map_err(Abort::Host)?),
        Request::Metadata => Ok(context.rollup.metadata()),
        Request::Page(page) => Ok(context.preimages.dal_page(page).map_err(unreadable)?.unwrap_or_default()),
        Request::DalParameters => Ok(context.preimages.dal_parameters().to_bytes()),
        Request::Unknown => Ok(context.preimages.other(request).map_err(unreadable)?.unwrap_or_default()),
    }
}

// The functions of the new durable storage link at V6 and answer that it is not enabled.

pub(super) fn nds(_: &mut [u8], _: &mut Guest, _: i64) -> Call<i32> {
    Err(ErrorCode::NdsNotEnabled.into())
}

pub(super) fn nds_2(memory: &mut [u8], guest: &mut Guest, a: i64, _: i64) -> Call<i32> {
    nds(memory, guest, a)
}

pub(super) fn nds_key(memory: &mut [u8], guest: &mut Guest, a: i64, _: i32, _: i32) -> Call<i32> {
    nds(memory, guest, a)
}

pub(super) fn nds_access(
    memory: &mut [u8],
    guest: &mut Guest,
    a: i64,
    _: i32,
    _: i32,
    _: i64,
    _: i32,
    _: i32,
) -> Call<i32> {
    nds(memory, guest, a)
}

pub(super) fn nds_set(
    memory: &mut [u8],
    guest: &mut Guest,
    a: i64,
    _: i32,
    _: i32,
    _: i32,
    _: i32,
) -> Call<i32> {
    nds(memory, guest, a)
}

//! Damaging messages.

use fastrand::Rng;

/// Messages longer than this are cut, a little above what the layer 1 lets through.
const SIZE_BYTES_MAX: usize = 4_200;
/// Most mutations of one message.
const MUTATIONS_MAX: usize = 4;

/// Numbers at which something changes: zero, one, signs, the bounds of the formats.
const INTERESTING: [u64; 28] = [
    0,
    1,
    2,
    5,
    10,
    11,
    12,
    16,
    127,
    128,
    129,
    255,
    256,
    33,
    34,
    53,
    54,
    308,
    3_690,
    3_691,
    4_000,
    4_095,
    4_106,
    4_107,
    472_320,
    472_321,
    i64::MAX as u64,
    u64::MAX,
];

/// Where the fields of a chunk message start, and how wide they are: kind, epoch, number, parent, timestamp,
/// sizes of payload and pieces, count, root, scheme, signature, index, proof, piece.
const CHUNK_FIELDS: [(usize, usize); 16] = [
    (0, 1),
    (1, 1),
    (2, 20),
    (22, 1),
    (23, 4),
    (27, 8),
    (35, 32),
    (67, 8),
    (75, 4),
    (79, 2),
    (81, 2),
    (83, 32),
    (115, 1),
    (116, 64),
    (180, 2),
    (182, 32),
];

/// `message` with one to a few things wrong with it; `other` lends parts.
pub(crate) fn mutated(rng: &mut Rng, message: &[u8], other: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    for _ in 0..rng.usize(1..=MUTATIONS_MAX) {
        mutate(rng, &mut message, other);
    }
    message.truncate(SIZE_BYTES_MAX);
    message
}

/// Bytes without any structure but a plausible beginning.
pub(crate) fn noise(rng: &mut Rng, prefix: &[u8]) -> Vec<u8> {
    let length = if rng.bool() { rng.usize(0..64) } else { rng.usize(0..SIZE_BYTES_MAX) };
    let mut bytes = prefix[..rng.usize(0..=prefix.len())].to_vec();
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(length));
    bytes
}

fn mutate(rng: &mut Rng, message: &mut Vec<u8>, other: &[u8]) {
    match rng.u8(0..10) {
        0 => flip_bit(rng, message),
        1 => overwrite(rng, message),
        2 | 3 => overwrite_field(rng, message),
        4 => message.truncate(rng.usize(0..=message.len())),
        5 => message.extend((0..rng.usize(1..64)).map(|_| rng.u8(..))),
        6 => remove(rng, message),
        7 => duplicate(rng, message),
        8 => exchange_field(rng, message, other),
        _ => splice(rng, message, other),
    }
}

fn flip_bit(rng: &mut Rng, message: &mut [u8]) {
    if let Some(byte) = position(rng, message).and_then(|at| message.get_mut(at)) {
        *byte ^= 1 << rng.u8(0..8);
    }
}

fn overwrite(rng: &mut Rng, message: &mut [u8]) {
    let width = [1, 2, 4, 8][rng.usize(0..4)];
    if let Some(at) = position(rng, message) {
        put(rng, message, at, width);
    }
}

fn overwrite_field(rng: &mut Rng, message: &mut [u8]) {
    let (at, width) = CHUNK_FIELDS[rng.usize(0..CHUNK_FIELDS.len())];
    put(rng, message, at, width);
}

/// Writes an interesting number, or one next to what is there, in either byte order.
fn put(rng: &mut Rng, message: &mut [u8], at: usize, width: usize) {
    let Some(field) = message.get_mut(at..).map(|rest| {
        let width = width.min(rest.len()).min(8);
        &mut rest[..width]
    }) else {
        return;
    };
    let old = field.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let value = match rng.u8(0..4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        _ => INTERESTING[rng.usize(0..INTERESTING.len())],
    };
    let width = field.len();
    field.copy_from_slice(&value.to_be_bytes()[8 - width..]);
    if rng.u8(0..8) == 0 {
        field.reverse();
    }
}

fn remove(rng: &mut Rng, message: &mut Vec<u8>) {
    if let Some(range) = range(rng, message) {
        message.drain(range);
    }
}

fn duplicate(rng: &mut Rng, message: &mut Vec<u8>) {
    if let Some(range) = range(rng, message) {
        let copy = message[range.clone()].to_vec();
        message.splice(range.end..range.end, copy);
    }
}

fn exchange_field(rng: &mut Rng, message: &mut [u8], other: &[u8]) {
    let (at, width) = CHUNK_FIELDS[rng.usize(0..CHUNK_FIELDS.len())];
    if let (Some(mine), Some(theirs)) = (message.get_mut(at..at + width), other.get(at..at + width)) {
        mine.copy_from_slice(theirs);
    }
}

fn splice(rng: &mut Rng, message: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(0..=message.len());
    message.truncate(at);
    message.extend_from_slice(other.get(at..).unwrap_or_default());
}

fn position(rng: &mut Rng, message: &[u8]) -> Option<usize> {
    // Structure is at the front.
    let reach = if rng.bool() { message.len().min(250) } else { message.len() };
    (reach > 0).then(|| rng.usize(0..reach))
}

fn range(rng: &mut Rng, message: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = position(rng, message)?;
    Some(start..(start + rng.usize(1..=64)).min(message.len()))
}

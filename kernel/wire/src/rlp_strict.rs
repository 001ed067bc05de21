//! Reading RLP of which each value has exactly one accepted encoding.
//!
//! The `rlp` crate reads some lengths and single bytes that are not minimal and stops silently at a
//! malformed item of a list; what decides about the validity of a block must do neither.

/// An RLP item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A byte string.
    String(&'a [u8]),
    /// The concatenated items of a list.
    List(&'a [u8]),
}

/// A length takes at most this many bytes: more than fits any payload.
const LENGTH_BYTES_MAX: usize = 4;

/// The item at the front of `bytes` and what follows it.
pub(crate) fn split(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0x00..=0x7f => bytes.split_at_checked(1).map(|(byte, rest)| (Item::String(byte), rest)),
        0x80..=0xb7 => {
            let (string, rest) = rest.split_at_checked(usize::from(first.checked_sub(0x80)?))?;
            let is_minimal = !matches!(string, [0x00..=0x7f]);
            is_minimal.then_some((Item::String(string), rest))
        }
        0xb8..=0xbf => {
            long(rest, first.checked_sub(0xb7)?).map(|(string, rest)| (Item::String(string), rest))
        }
        0xc0..=0xf7 => {
            let (list, rest) = rest.split_at_checked(usize::from(first.checked_sub(0xc0)?))?;
            Some((Item::List(list), rest))
        }
        0xf8..=0xff => long(rest, first.checked_sub(0xf7)?).map(|(list, rest)| (Item::List(list), rest)),
    }
}

/// Content of 56 bytes or more, behind a length of `length_bytes` bytes.
fn long(bytes: &[u8], length_bytes: u8) -> Option<(&[u8], &[u8])> {
    let length_bytes = usize::from(length_bytes);
    if length_bytes > LENGTH_BYTES_MAX {
        return None;
    }
    let (length, rest) = bytes.split_at_checked(length_bytes)?;
    rest.split_at_checked(minimal_length(length)?)
}

/// A length of content that is too long for its tag, in at most [`LENGTH_BYTES_MAX`] bytes.
fn minimal_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&0) {
        return None;
    }
    let length = bytes.iter().fold(0u32, |length, byte| length.wrapping_shl(8) | u32::from(*byte));
    if length < 56 { None } else { usize::try_from(length).ok() }
}

/// The list that spans all of `bytes`.
pub(crate) fn whole_list(bytes: &[u8]) -> Option<&[u8]> {
    match split(bytes)? {
        (Item::List(items), []) => Some(items),
        _ => None,
    }
}

/// What the first bytes of something say of the list that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListSize {
    /// Its bytes, those of the length included; they need not be there.
    Bytes(usize),
    /// There are too few bytes to say.
    Unknown,
    /// It begins with no list, or with one whose length is not minimal.
    NoList,
}

/// How large the list at the front of `bytes` is.
pub(crate) fn list_size(bytes: &[u8]) -> ListSize {
    let Some((&first, rest)) = bytes.split_first() else { return ListSize::Unknown };
    let size = match first {
        0xc0..=0xf7 => first.checked_sub(0xbf).map(usize::from),
        0xf8..=0xff => {
            let length_bytes = usize::from(first.saturating_sub(0xf7));
            if length_bytes > LENGTH_BYTES_MAX {
                return ListSize::NoList;
            }
            let Some(length) = rest.get(..length_bytes) else { return ListSize::Unknown };
            minimal_length(length).and_then(|length| length.checked_add(length_bytes)?.checked_add(1))
        }
        _ => None,
    };
    size.map_or(ListSize::NoList, ListSize::Bytes)
}

/// Takes the next item off `items`, which must be a string.
pub(crate) fn next_string<'a>(items: &mut &'a [u8]) -> Option<&'a [u8]> {
    match split(items)? {
        (Item::String(string), rest) => {
            *items = rest;
            Some(string)
        }
        (Item::List(_), _) => None,
    }
}

/// Takes the next item off `items`, which must be a list.
pub(crate) fn next_list<'a>(items: &mut &'a [u8]) -> Option<&'a [u8]> {
    match split(items)? {
        (Item::List(list), rest) => {
            *items = rest;
            Some(list)
        }
        (Item::String(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimal_encoding_is_read_and_no_other() {
        let long_string = [vec![0xb8, 56], vec![7; 56]].concat();
        let good: [(&[u8], Item<'_>); 6] = [
            (&[0x7f], Item::String(&[0x7f])),
            (&[0x80], Item::String(&[])),
            (&[0x81, 0x80], Item::String(&[0x80])),
            (&[0x82, 0, 1], Item::String(&[0, 1])),
            (&[0xc2, 1, 2], Item::List(&[1, 2])),
            (&long_string, Item::String(&[7; 56])),
        ];
        for (bytes, item) in good {
            assert_eq!(split(bytes), Some((item, &[][..])), "{bytes:?}");
        }
        let not_long = [vec![0xb8, 55], vec![7; 55]].concat();
        let zero_led = [vec![0xb9, 0, 56], vec![7; 56]].concat();
        let bad: [&[u8]; 9] = [
            &[],
            &[0x81, 0x7f],
            &[0x82, 1],
            &[0xc1],
            &[0xb8],
            &not_long,
            &zero_led,
            &[0xbc, 1, 0, 0, 0, 0],
            &[0xff, 255, 255, 255, 255, 255, 255, 255, 255],
        ];
        for bytes in bad {
            assert_eq!(split(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn the_size_of_a_list_is_known_before_all_of_it_is_there() {
        let long = [vec![0xf9, 1, 0], vec![7; 256]].concat();
        for (list, header_bytes) in [(&[0xc0][..], 1), (&[0xc2, 1, 2], 1), (&long, 3)] {
            for end in 0..=list.len() {
                let known = ListSize::Bytes(list.len());
                let expected = if end < header_bytes { ListSize::Unknown } else { known };
                assert_eq!(list_size(&list[..end]), expected, "{end} of {}", list.len());
            }
        }
        let bad: [&[u8]; 6] = [&[0], &[0x80], &[0xbf], &[0xf8, 55], &[0xf9, 0, 56], &[0xfc, 1, 0, 0, 0, 0]];
        for bytes in bad {
            assert_eq!(list_size(bytes), ListSize::NoList, "{bytes:?}");
        }
    }
}

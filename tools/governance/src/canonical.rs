//! RLP that says the right thing in the wrong way.
//!
//! The kernel takes each decision in one spelling only. Bytes that another encoder made may say the same with a length
//! that is not minimal, or with bytes after the end: that is found out here, so that its author hears what is wrong.

/// How deep lists may be nested: a committee has two.
const DEPTH_MAX: usize = 4;

/// The same items in minimal RLP, without what follows them; `None` when `bytes` begin with no RLP item.
pub(crate) fn respell(bytes: &[u8]) -> Option<Vec<u8>> {
    item(bytes, DEPTH_MAX).map(|(spelled, _)| spelled)
}

/// The item at the front, spelled anew, and what follows it.
fn item(bytes: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let (&first, rest) = bytes.split_first()?;
    let (is_list, content, rest) = match first {
        0x00..=0x7f => (false, &bytes[..1], rest),
        0x80..=0xb7 => with_rest(false, rest.split_at_checked(usize::from(first - 0x80))?),
        0xb8..=0xbf => with_rest(false, long(rest, usize::from(first - 0xb7))?),
        0xc0..=0xf7 => with_rest(true, rest.split_at_checked(usize::from(first - 0xc0))?),
        0xf8..=0xff => with_rest(true, long(rest, usize::from(first - 0xf7))?),
    };
    if !is_list {
        return Some((spell(false, content), rest));
    }
    let (mut items, mut waiting) = (Vec::new(), content);
    while !waiting.is_empty() {
        let (spelled, next) = item(waiting, depth)?;
        items.extend(spelled);
        waiting = next;
    }
    Some((spell(true, &items), rest))
}

const fn with_rest<'a>(is_list: bool, parts: (&'a [u8], &'a [u8])) -> (bool, &'a [u8], &'a [u8]) {
    (is_list, parts.0, parts.1)
}

/// Content behind a length of so many bytes, leading zeros and all.
fn long(bytes: &[u8], length_bytes: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(length_bytes)?;
    let length = length
        .iter()
        .try_fold(0usize, |length, byte| length.checked_mul(256)?.checked_add(usize::from(*byte)))?;
    rest.split_at_checked(length)
}

fn spell(is_list: bool, content: &[u8]) -> Vec<u8> {
    let (short, long) = if is_list { (0xc0u8, 0xf7u8) } else { (0x80, 0xb7) };
    match content {
        [0x00..=0x7f] if !is_list => content.to_vec(),
        _ if content.len() < 56 => [&[short + content.len() as u8], content].concat(),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let length = &length[zeros..];
            [&[long + length.len() as u8], length, content].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_spellings_are_told_from_the_minimal_one() {
        let long = vec![7; 60];
        let minimal = [&[0xf8, 62, 0xb8, 60][..], &long].concat();
        let table: [(Vec<u8>, Vec<u8>); 7] = [
            (vec![0xc1, 0x05], vec![0xc1, 0x05]),
            (vec![0xc2, 0x81, 0x05], vec![0xc1, 0x05]),
            (vec![0xf8, 0x01, 0x05], vec![0xc1, 0x05]),
            (vec![0xc1, 0x05, 0xff], vec![0xc1, 0x05]),
            (minimal.clone(), minimal.clone()),
            ([&[0xf9, 0, 63, 0xb9, 0, 60][..], &long].concat(), minimal.clone()),
            (vec![0x80], vec![0x80]),
        ];
        for (spelled, expected) in table {
            assert_eq!(respell(&spelled), Some(expected), "{}", hex::encode(&spelled));
        }
        for cut in [&[][..], &[0xc2, 0x05], &[0xb8], &[0xbf, 1, 1, 1, 1, 1, 1, 1, 1], &[0xc1, 0xc1]] {
            assert_eq!(respell(cut), None, "{}", hex::encode(cut));
        }
        assert_eq!(respell(&[0xc4, 0xc3, 0xc2, 0xc1, 0xc0]), None, "too deep");
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(once) = respell(&bytes) {
                prop_assert_eq!(respell(&once), Some(once.clone()));
            }
        }
    }
}

//! One page, and its name.
//!
//! Format (version 0 of the data availability committee's pages, Octez smart rollups): at most 4,096 bytes, tag (0
//! contents, 1 hashes), u32 big-endian length, body. Hashes have 33 bytes each, the first of them zero for Blake2b.

use blake2::{Blake2b, Digest, digest::consts::U32};
use millrace_primitives::PreimageHash;

/// Largest page in bytes: what one reveal can answer.
pub const PAGE_BYTES_MAX: usize = 4_096;
/// Most pages that a kernel reveals for a successor, one that stands in several places counted each time
/// (`kernel/upgrade`: twice those of the largest one).
pub const PAGES_MAX: usize = 8_448;
/// Characters of a name.
pub const NAME_CHARS: usize = 2 * PreimageHash::SIZE_BYTES;

const CONTENTS: u8 = 0;
const HASHES: u8 = 1;
/// The first byte of a hash: Blake2b.
const BLAKE2B: u8 = 0;

/// What is in a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page<'a> {
    /// A piece of the kernel.
    Contents(&'a [u8]),
    /// Further pages.
    Hashes(Vec<PreimageHash>),
}

/// Bytes that are no page of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a page of a kernel")]
pub struct Malformed;

/// Reads a page, by the rules of the kernel that will.
///
/// # Errors
/// [`Malformed`]: another tag, a length that is not that of the body, nothing in it, or a piece of a hash.
pub fn decode(bytes: &[u8]) -> Result<Page<'_>, Malformed> {
    let (tag, rest) = bytes.split_first().ok_or(Malformed)?;
    let (length, body) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    if u32::from_be_bytes(*length) as usize != body.len() || body.is_empty() || bytes.len() > PAGE_BYTES_MAX {
        return Err(Malformed);
    }
    match *tag {
        CONTENTS => Ok(Page::Contents(body)),
        HASHES => {
            let hashes = body.chunks(PreimageHash::SIZE_BYTES).map(PreimageHash::from_slice);
            let hashes: Vec<_> = hashes.collect::<Option<_>>().ok_or(Malformed)?;
            // The PVM has no other kind of hash, and answers nothing when it is asked for one.
            let known = hashes.iter().all(|hash| hash.as_bytes()[0] == BLAKE2B);
            if known { Ok(Page::Hashes(hashes)) } else { Err(Malformed) }
        }
        _ => Err(Malformed),
    }
}

/// The hash that names these bytes: a zero byte, then their Blake2b-256.
pub fn hash(page: &[u8]) -> PreimageHash {
    let mut name = [BLAKE2B; PreimageHash::SIZE_BYTES];
    name[1..].copy_from_slice(&Blake2b::<U32>::digest(page));
    PreimageHash::new(name)
}

/// The hash that a file name or the last part of a URL stands for: [`NAME_CHARS`] small hexadecimal digits that begin
/// with `00`. `None` for any other text, so that no name leads out of a folder.
pub fn parse_name(text: &str) -> Option<PreimageHash> {
    let digits: &[u8; NAME_CHARS] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; PreimageHash::SIZE_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().try_fold(0, |sum, digit| Some(sum << 4 | nibble(*digit)?))?;
    }
    (bytes[0] == BLAKE2B).then(|| PreimageHash::new(bytes))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut page = vec![tag];
        page.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        page.extend_from_slice(body);
        page
    }

    #[test]
    fn pages_are_contents_or_hashes() {
        assert_eq!(decode(&page(0, b"code")), Ok(Page::Contents(b"code")));
        let hashes = [hash(b"a"), hash(b"b")];
        let body: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        assert_eq!(decode(&page(1, &body)), Ok(Page::Hashes(hashes.to_vec())));
        let largest = page(0, &[7; PAGE_BYTES_MAX - 5]);
        assert!(matches!(decode(&largest), Ok(Page::Contents(body)) if body.len() == PAGE_BYTES_MAX - 5));
    }

    #[test]
    fn everything_else_is_no_page() {
        let mut of_another_kind = *hash(b"a").as_bytes();
        of_another_kind[0] = 1;
        let short = &page(0, b"code")[..8];
        for bad in [
            &b""[..],
            &[0],
            &page(0, b""),
            &page(1, b""),
            &page(2, b"code"),
            short,
            &[page(0, b"code"), vec![0]].concat(),
            &page(1, &[0; 32]),
            &page(1, &[0; 34]),
            &page(1, &of_another_kind),
            &page(0, &[7; PAGE_BYTES_MAX - 4]),
        ] {
            assert_eq!(decode(bad), Err(Malformed), "{} bytes: {:?}", bad.len(), &bad[..bad.len().min(40)]);
        }
    }

    #[test]
    fn the_bound_of_pages_is_that_of_the_kernel() {
        let kernel = include_str!("../../../kernel/upgrade/src/fetch.rs").replace('_', "");
        assert!(kernel.contains(&format!("pub const PAGESMAX: u32 = {PAGES_MAX};")));
    }

    #[test]
    fn a_name_is_66_small_digits_and_nothing_else() {
        let hash = hash(b"page");
        assert_eq!(parse_name(&hash.to_string()), Some(hash));
        let digits = hash.to_string();
        let other_tag = format!("01{}", &digits[2..]);
        for bad in [
            "",
            "..",
            &digits[1..],
            &format!("{digits}0"),
            &digits.to_uppercase(),
            &other_tag,
            &format!("{}/.", &digits[..64]),
            &format!("{}é", &digits[..64]),
            &format!("{}+1", &digits[..64]),
        ] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
    }
}

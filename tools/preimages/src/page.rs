//! One page, and its name.
//!
//! The format is [`millrace_wire::page`]'s; a name is a zero byte, for Blake2b, and 32 others.

use blake2::{Blake2b, Digest, digest::consts::U32};
use millrace_layout::upgrade;
use millrace_primitives::PreimageHash;
use millrace_wire::page;

pub use millrace_wire::page::{PAGE_BYTES_MAX, Page};

/// Most pages that a kernel reveals for a successor, one that stands in several places counted each time.
pub const PAGES_MAX: usize = upgrade::PAGES_MAX as usize;
/// Characters of a name.
pub const NAME_CHARS: usize = 2 * PreimageHash::SIZE_BYTES;

/// The first byte of a hash: Blake2b.
const BLAKE2B: u8 = 0;

/// Bytes that are no page of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a page of a kernel")]
pub struct Malformed;

/// Reads a page, by the rules of the kernel and of the PVM that reveals it.
///
/// # Errors
/// [`Malformed`]: no page, one larger than a reveal answers, or hashes of a kind that the PVM has not.
pub fn decode(bytes: &[u8]) -> Result<Page<'_>, Malformed> {
    let page = page::decode(bytes).filter(|_| bytes.len() <= PAGE_BYTES_MAX).ok_or(Malformed)?;
    match &page {
        // It answers nothing when it is asked for another kind.
        Page::Hashes(hashes) if hashes.iter().any(|hash| hash.as_bytes()[0] != BLAKE2B) => Err(Malformed),
        _ => Ok(page),
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

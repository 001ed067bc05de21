//! Signed digits: a number as a sum of odd digits below 2^(width - 1) in size times powers of two, at most one
//! digit in any `width` positions following each other, one in `width + 1` on average.

/// Calls `set(position, digit)` for every digit that is not zero, in rising order. `words` is the number, least
/// significant word first; `width` is from 2 to 8. The highest position is at most the number of bits.
#[inline(always)]
pub(crate) fn write_digits(words: &[u32], width: u32, mut set: impl FnMut(usize, i32)) {
    // What is left of the number, from `position` on: `valid` bits and a carry into the next one.
    let (mut rest, mut valid, mut position) = (0u64, 0u32, 0u32);
    let mut words = words.iter();
    loop {
        let zeros = rest.trailing_zeros().min(valid);
        rest = rest.wrapping_shr(zeros);
        position = position.wrapping_add(zeros);
        valid = valid.wrapping_sub(zeros);
        if valid < width {
            if let Some(word) = words.next() {
                rest = rest.wrapping_add(u64::from(*word).wrapping_shl(valid));
                valid = valid.wrapping_add(32);
                continue;
            }
            // All is there, and below 2^8.
            if rest == 0 {
                return;
            }
            valid = 63;
            continue;
        }
        // The low bits with the sign of the highest of them.
        let unused = 32u32.wrapping_sub(width);
        let digit = (rest as i32).wrapping_shl(unused).wrapping_shr(unused);
        rest = rest.wrapping_sub(i64::from(digit) as u64);
        set(position as usize, digit);
    }
}

//! Signed digits of two half scalars together.
//!
//! With lambda a cube root of one, k1 + lambda k2 is an Eisenstein integer, a point of the hexagonal lattice,
//! and multiplying a curve point by one of the six units is free: beta on x, the sign of y. So the pair is
//! written in base 2 with digits from that lattice: of every residue modulo 2^width that is not even, the
//! element of least norm. Six residues share a table entry, there are 4^(width - 1) / 2 entries, and a digit is
//! followed by `width - 1` zeros and then by a zero with probability 1/4 only: one addition each width + 1/3
//! bits. Interleaved signed digits of the two halves need more: with 8 entries 42.7 additions for 128 bits
//! against 38.4, with 128 entries 25.6 against 24.0.
//!
//! zeta = 1 + lambda = -lambda^2 generates the units; a unit is given by its exponent 0 to 5.

/// The digits of one width. `RESIDUES` is 4^width, `ENTRIES` is 4^(width - 1) / 2.
pub(crate) struct Digits<const RESIDUES: usize, const ENTRIES: usize> {
    width: u32,
    /// One digit of each six, as (a, b) of a + b lambda: those whose angle is in [0°, 60°), in the order of
    /// [`Digits::sector`].
    entries: [(i8, i8); ENTRIES],
    /// By residue of b, then of a: 0 for even ones, or the digit's code.
    pub(crate) codes: [u16; RESIDUES],
}

/// Positions of digits: 0 to 129.
///
/// The pair starts below 1.04 * 2^128 in absolute value (see [`crate::glv`]), and each digit, below 0.58 *
/// 2^width, is taken off and the rest halved at least `width` times; so after 130 halvings less than 0.26 +
/// 0.58 / (1 - 2^-width) < 1 is left, which is zero.
pub(crate) const POSITIONS: usize = 130;

/// A digit: which table entry, times which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digit {
    /// Index of the entry.
    pub(crate) entry: usize,
    /// Exponent of zeta.
    pub(crate) unit: u8,
}

impl Digit {
    /// The digit of this code; there is none for 0.
    #[inline(always)]
    pub(crate) const fn of_code(code: u16) -> Self {
        Self { entry: (code >> 3) as usize, unit: (code as u8 & 7).wrapping_sub(1) }
    }

    /// Not zero.
    const fn code(self) -> u16 {
        ((self.entry as u16) << 3) | (self.unit as u16 + 1)
    }
}

/// a + b lambda times a unit.
#[inline(always)]
const fn times_unit((a, b): (i64, i64), unit: u8) -> (i64, i64) {
    let (a, b) = match unit % 3 {
        0 => (a, b),
        1 => (a - b, a),
        _ => (-b, a - b),
    };
    // zeta^3 = -1.
    if unit < 3 { (a, b) } else { (-a, -b) }
}

/// The square of the absolute value of a + b lambda.
const fn norm(a: i64, b: i64) -> i64 {
    a * a - a * b + b * b
}

impl<const RESIDUES: usize, const ENTRIES: usize> Digits<RESIDUES, ENTRIES> {
    /// The digits of this width, at most 6.
    pub(crate) const fn new(width: u32) -> Self {
        assert!(RESIDUES == 1 << (2 * width) && ENTRIES == RESIDUES / 8);
        let mut digits = Self { width, entries: [(0, 0); ENTRIES], codes: [0; RESIDUES] };
        let (mut entry, mut place) = (0, (1, 0));
        while entry < ENTRIES {
            let (a, b) = Self::sector(place);
            if digits.is_entry(a, b) {
                digits.entries[entry] = (a as i8, b as i8);
                let mut unit = 0;
                while unit < 6 {
                    let (a, b) = times_unit((a, b), unit);
                    digits.codes[digits.residue(a, b)] = Digit { entry, unit }.code();
                    unit += 1;
                }
                entry += 1;
            }
            place = Self::after(place);
        }
        digits
    }

    /// a and b of column + row zeta: columns from 1 and rows from 0 on cover the sector once.
    pub(crate) const fn sector((column, row): (i64, i64)) -> (i64, i64) {
        (column + row, row)
    }

    /// The next place: along the row, then to the next row. Digits are within 2^width / sqrt(3) of zero.
    pub(crate) const fn after((column, row): (i64, i64)) -> (i64, i64) {
        let (a, b) = Self::sector((column + 1, row));
        if 3 * norm(a, b) <= RESIDUES as i64 { (column + 1, row) } else { (1, row + 1) }
    }

    /// Whether a + b lambda is a digit and none of its residue was found before.
    const fn is_entry(&self, a: i64, b: i64) -> bool {
        let modulus = 1 << self.width;
        let (x, y) = (a & (modulus - 1), b & (modulus - 1));
        if (x | y) & 1 == 0 || self.codes[self.residue(a, b)] != 0 {
            return false;
        }
        // The nearest lattice point is a corner of the cell.
        let least = norm(a, b);
        least <= norm(x, y)
            && least <= norm(x - modulus, y)
            && least <= norm(x, y - modulus)
            && least <= norm(x - modulus, y - modulus)
    }

    /// Index of the residue of a + b lambda.
    #[inline(always)]
    const fn residue(&self, a: i64, b: i64) -> usize {
        let mask = (1 << self.width) - 1;
        ((b & mask) << self.width | a & mask) as usize
    }

    /// Entry `index`, as (a, b) of a + b lambda.
    pub(crate) const fn entry(&self, index: usize) -> (i64, i64) {
        (self.entries[index].0 as i64, self.entries[index].1 as i64)
    }

    /// Calls `set(position, code)` for every digit of a + b lambda that is not zero, in rising order. The
    /// numbers are two's complement of five words of 32 bits, the last one with its sign.
    #[inline(always)]
    pub(crate) fn write(&self, a_words: &[i64; 5], b_words: &[i64; 5], mut set: impl FnMut(usize, u16)) {
        // What is left of the numbers, from `position` on: `valid` bits and a carry.
        let (mut a, mut b, mut valid, mut position) = (0i64, 0i64, 0u32, 0u32);
        let mut words = a_words.iter().zip(b_words);
        loop {
            let zeros = (a | b).trailing_zeros().min(valid);
            a = a.wrapping_shr(zeros);
            b = b.wrapping_shr(zeros);
            position = position.wrapping_add(zeros);
            valid = valid.wrapping_sub(zeros);
            if valid < self.width {
                if let Some((a_word, b_word)) = words.next() {
                    a = a.wrapping_add(a_word.wrapping_shl(valid));
                    b = b.wrapping_add(b_word.wrapping_shl(valid));
                    valid = valid.wrapping_add(32);
                    continue;
                }
                // The sign was the last to be added: all is there.
                if a | b == 0 {
                    return;
                }
                valid = 63;
                continue;
            }
            let Some(&code) = self.codes.get(self.residue(a, b)) else { return };
            let digit = Digit::of_code(code);
            let Some(&(x, y)) = self.entries.get(digit.entry) else { return };
            let (x, y) = times_unit((i64::from(x), i64::from(y)), digit.unit);
            a = a.wrapping_sub(x);
            b = b.wrapping_sub(y);
            set(position as usize, code);
        }
    }
}

//! The field of the curve: integers modulo p = 2^256 - 2^32 - 977.
//!
//! An element is nine signed limbs of 29, 28, 29, 28, 29, 28, 29, 28 and 28 bits; limb i has the weight
//! 2^ceil(256 i / 9). Why so:
//! * WebAssembly multiplies to the low 64 bits only, so nine products of limbs must fit in 63 bits together:
//!   at most 29 bits a limb, and nine limbs are then the fewest possible.
//! * The weights end at exactly 2^256, where the part above folds down with one multiplication by 2^32 + 977.
//!   Equal limbs of 29 bits would fold at 2^261 with two terms, and leave the columns no headroom. The price is
//!   a factor of two in some products, since `ceil` may round up two weights: see [`crate::wide`].
//! * Signed limbs make subtraction and negation limb by limb, without multiples of p; carries are arithmetic
//!   shifts.
//!
//! **Magnitude.** *Reduced* is what [`Wide::reduced`] gives: every limb is within its width, `0 <= limb <
//! 2^width`, except limb 2, which is within `-2^11 .. 2^29 + 2^11`. An element has magnitude m if each limb is
//! at most `m 2^width` in absolute value, and limb 2 at most `m (2^29 + 2^12)`. A difference of two reduced
//! elements has magnitude 1, since both are positive; sums and doubles add up. Every operation says what
//! magnitudes it takes. All arithmetic wraps, so no input can trap.

use crate::inverse::Modulus;
use crate::wide::Wide;

/// Width of each limb, in bits.
pub(crate) const WIDTHS: [u32; 9] = [29, 28, 29, 28, 29, 28, 29, 28, 28];

/// Weight of each limb, as an exponent of two.
const WEIGHTS: [u32; 9] = [0, 29, 57, 86, 114, 143, 171, 200, 228];

const ONES: u32 = u32::MAX;

/// p, for inverses.
const MODULUS: Modulus = Modulus::new(&[0xffff_fc2f, ONES - 1, ONES, ONES, ONES, ONES, ONES, ONES]);

/// An element of the field, not necessarily reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field(pub(crate) [i64; 9]);

/// A reduced element at rest: half the size, and read with one sign-extending load a limb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored([i32; 9]);

/// One expression for every limb.
macro_rules! limbs {
    ($i:ident => $limb:expr) => {
        Field([
            limbs!(@ $i 0 $limb), limbs!(@ $i 1 $limb), limbs!(@ $i 2 $limb),
            limbs!(@ $i 3 $limb), limbs!(@ $i 4 $limb), limbs!(@ $i 5 $limb),
            limbs!(@ $i 6 $limb), limbs!(@ $i 7 $limb), limbs!(@ $i 8 $limb),
        ])
    };
    (@ $i:ident $n:literal $limb:expr) => {{
        const $i: usize = $n;
        $limb
    }};
}

impl Stored {
    /// Zero.
    pub(crate) const ZERO: Self = Self([0; 9]);

    /// Keeps a reduced element.
    #[inline(always)]
    pub(crate) const fn new(x: &Field) -> Self {
        let x = &x.0;
        Self([
            x[0] as i32,
            x[1] as i32,
            x[2] as i32,
            x[3] as i32,
            x[4] as i32,
            x[5] as i32,
            x[6] as i32,
            x[7] as i32,
            x[8] as i32,
        ])
    }

    /// The element; reduced.
    #[inline(always)]
    pub(crate) const fn load(&self) -> Field {
        limbs!(I => self.0[I] as i64)
    }

    /// The element times `factor`: magnitude |factor|.
    #[inline(always)]
    pub(crate) const fn load_times(&self, factor: i64) -> Field {
        limbs!(I => (self.0[I] as i64).wrapping_mul(factor))
    }
}

impl Field {
    /// Zero.
    pub(crate) const ZERO: Self = Self([0; 9]);
    /// One.
    pub(crate) const ONE: Self = Self([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    /// The constant of the curve y^2 = x^3 + 7.
    const SEVEN: Self = Self([7, 0, 0, 0, 0, 0, 0, 0, 0]);
    /// One half: (p + 1) / 2.
    pub(crate) const HALF: Self =
        Self::from_words(&[0x7fff_fe18, ONES, ONES, ONES, ONES, ONES, ONES, ONES >> 1]);

    /// The number of these words, least significant first; reduced, though perhaps not below p.
    pub(crate) const fn from_words(words: &[u32; 8]) -> Self {
        let mut limbs = [0; 9];
        let mut i = 0;
        while i < 9 {
            let at = (WEIGHTS[i] / 32) as usize;
            let low = words[at] as u64;
            let high = if at < 7 { words[at + 1] as u64 } else { 0 };
            let bits = (low | high << 32) >> (WEIGHTS[i] % 32);
            limbs[i] = (bits & ((1 << WIDTHS[i]) - 1)) as i64;
            i += 1;
        }
        Self(limbs)
    }

    /// The words of the canonical number (below p), least significant first. Limbs below 2^40.
    pub(crate) const fn to_words(self) -> [u32; 8] {
        let limbs = self.canonical();
        let mut words = [0; 8];
        let (mut bits, mut count, mut at, mut i) = (0u64, 0, 0, 0);
        while i < 9 {
            bits |= (limbs[i] as u64) << count;
            count += WIDTHS[i];
            if count >= 32 {
                words[at] = bits as u32;
                bits >>= 32;
                count -= 32;
                at += 1;
            }
            i += 1;
        }
        words
    }

    /// Whether the number is zero modulo p. Limbs below 2^40.
    pub(crate) const fn is_zero(self) -> bool {
        let l = self.canonical();
        l[0] | l[1] | l[2] | l[3] | l[4] | l[5] | l[6] | l[7] | l[8] == 0
    }

    /// Whether the canonical number is odd. Limbs below 2^40.
    pub(crate) const fn is_odd(self) -> bool {
        self.canonical()[0] & 1 == 1
    }

    /// The limbs of the representative in 0..p. Limbs below 2^40.
    const fn canonical(self) -> [i64; 9] {
        // What lies above 2^256 folds down. After the first fold the number is within 2^50 of 0..2^256, after
        // the second inside (an excess of 1 leaves a small rest, one of -1 a rest close to 2^256), and the
        // third pass only carries.
        let (x, over) = carried(self.0);
        let (x, over) = carried(folded(x, over));
        let (x, _) = carried(folded(x, over));
        // Adding 2^256 - p overflows exactly if the number is at least p.
        let (less, over) = carried(folded(x, 1));
        if over == 1 { less } else { x }
    }

    /// `self + other`: magnitudes add up.
    #[inline(always)]
    pub(crate) const fn plus(&self, other: &Self) -> Self {
        limbs!(I => self.0[I].wrapping_add(other.0[I]))
    }

    /// `self - other`: magnitude 1 if both are reduced.
    #[inline(always)]
    pub(crate) const fn minus(&self, other: &Self) -> Self {
        limbs!(I => self.0[I].wrapping_sub(other.0[I]))
    }

    /// `-self`, of the same magnitude.
    #[inline(always)]
    pub(crate) const fn negated(&self) -> Self {
        limbs!(I => self.0[I].wrapping_neg())
    }

    /// `2 self`: twice the magnitude.
    #[inline(always)]
    pub(crate) const fn doubled(&self) -> Self {
        limbs!(I => self.0[I] << 1)
    }

    /// The product, reduced. Product of the magnitudes at most 4.
    #[inline(never)]
    pub(crate) const fn times(&self, other: &Self) -> Self {
        Wide::product(self, other).reduced()
    }

    /// The square, reduced. Magnitude at most 2.
    #[inline(never)]
    pub(crate) const fn squared(&self) -> Self {
        Wide::square(self, &self.doubled()).reduced()
    }

    /// The square of the square and so on, `count` times; reduced. Magnitude at most 2, `count` not 0.
    #[inline(never)]
    const fn squared_times(&self, count: u32) -> Self {
        let mut x = *self;
        let mut left = count;
        while left != 0 {
            x = Wide::square(&x, &x.doubled()).reduced();
            left -= 1;
        }
        x
    }

    /// `x^3 + 7`; reduced. Magnitude 1.
    pub(crate) const fn curve_right_side(&self) -> Self {
        let square = self.squared();
        Wide::product(&square, self).plus_field(&Self::SEVEN).reduced()
    }

    /// The inverse, or zero for zero; reduced. Limbs below 2^40.
    #[inline(never)]
    pub(crate) const fn inverted(&self) -> Self {
        Self::from_words(&MODULUS.invert(&self.to_words()))
    }

    /// `self^((p + 1) / 4)`: a square root if there is one. Magnitude 1.
    ///
    /// The exponent is 223 ones, a zero, 22 ones, 4 zeros, 2 ones, 2 zeros; `onesK` below is the power whose
    /// exponent is K ones. 253 squarings and 13 products.
    pub(crate) const fn root(&self) -> Self {
        let ones2 = self.squared_times(1).times(self);
        let ones3 = ones2.squared_times(1).times(self);
        let ones6 = ones3.squared_times(3).times(&ones3);
        let ones9 = ones6.squared_times(3).times(&ones3);
        let ones11 = ones9.squared_times(2).times(&ones2);
        let ones22 = ones11.squared_times(11).times(&ones11);
        let ones44 = ones22.squared_times(22).times(&ones22);
        let ones88 = ones44.squared_times(44).times(&ones44);
        let ones176 = ones88.squared_times(88).times(&ones88);
        let ones220 = ones176.squared_times(44).times(&ones44);
        let ones223 = ones220.squared_times(3).times(&ones3);
        ones223.squared_times(23).times(&ones22).squared_times(6).times(&ones2).squared_times(2)
    }
}

/// Brings every limb into its width; also gives what is above 2^256. Limbs below 2^62.
const fn carried(mut x: [i64; 9]) -> ([i64; 9], i64) {
    let (mut carry, mut i) = (0, 0);
    while i < 9 {
        let limb = x[i].wrapping_add(carry);
        x[i] = limb & ((1 << WIDTHS[i]) - 1);
        carry = limb >> WIDTHS[i];
        i += 1;
    }
    (x, carry)
}

/// Adds `over` times 2^256 modulo p. `over` below 2^50.
const fn folded(mut x: [i64; 9], over: i64) -> [i64; 9] {
    x[0] = x[0].wrapping_add(over.wrapping_mul(977));
    x[1] = x[1].wrapping_add(over << 3);
    x
}

//! The field of the curve: integers modulo p = 2^255 - 19.
//!
//! An element is nine signed limbs of 29, 28, 28, 29, 28, 28, 29, 28 and 28 bits; limb i has the weight
//! 2^ceil(255 i / 9). Why so:
//! * WebAssembly multiplies to the low 64 bits only, so nine products of limbs must fit in 63 bits together:
//!   at most 29 bits a limb, and nine limbs are then the fewest possible. Ten limbs of 25 and 26 bits would
//!   fold before they are carried and so reduce more cheaply, but have a quarter more products: as many
//!   operators for a product or a square, and more for everything else.
//! * The weights end at exactly 2^255, where the part above folds down with a multiplication by 19. The price is
//!   a factor of two in some products, since `ceil` may round up two weights: see [`crate::wide`].
//! * Signed limbs make subtraction and negation limb by limb, without multiples of p; carries are arithmetic
//!   shifts.
//!
//! **Magnitude.** *Reduced* is what [`Wide::reduced`] gives: every limb is within its width, `0 <= limb <
//! 2^width`, except limb 0, which is within `-2^13 .. 2^29 + 2^13`. An element has magnitude m if each limb is
//! at most `m 2^width` in absolute value, and limb 0 at most `m (2^29 + 2^14)`. A difference of two reduced
//! elements has magnitude 1, since both are positive; sums and doubles add up. Every operation says what
//! magnitudes it takes. All arithmetic wraps, so no input can trap.

use crate::wide::Wide;

/// Width of each limb, in bits.
pub(crate) const WIDTHS: [u32; 9] = [29, 28, 28, 29, 28, 28, 29, 28, 28];

/// Weight of each limb, as an exponent of two.
const WEIGHTS: [u32; 9] = [0, 29, 57, 85, 114, 142, 170, 199, 227];

/// An element of the field, not necessarily reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field(pub(crate) [i64; 9]);

/// An element of magnitude at most 3 at rest: half the size, and read with one sign-extending load a limb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Keeps an element. Magnitude at most 3.
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

    /// The limbs, little-endian.
    pub(crate) fn to_bytes(self) -> [u8; 36] {
        let mut bytes = [0; 36];
        for (to, limb) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
            *to = limb.to_le_bytes();
        }
        bytes
    }

    /// The element of these limbs.
    pub(crate) fn from_bytes(bytes: &[u8; 36]) -> Self {
        let mut limbs = [0; 9];
        for (limb, from) in limbs.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *limb = i32::from_le_bytes(*from);
        }
        Self(limbs)
    }

    /// The element, as it was.
    #[inline(always)]
    pub(crate) const fn load(&self) -> Field {
        limbs!(I => self.0[I] as i64)
    }

    /// The element times `factor`: |factor| times the magnitude.
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
    /// A square root of -1: 2^((p - 1) / 4), since 2 is not a square. (p - 1) / 4 = 2 (p - 5) / 8 + 1.
    const ROOT_OF_MINUS_ONE: Self = {
        let two = Self::from_small(2);
        two.power_p58().squared().times(&two)
    };

    /// A number below 2^28; reduced.
    pub(crate) const fn from_small(x: u32) -> Self {
        Self([x as i64, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    /// The number of the low 255 bits of these words, least significant first; reduced, though perhaps not
    /// below p.
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

    /// The canonical number (below p) in little-endian bytes. Limbs below 2^40.
    pub(crate) const fn to_bytes(self) -> [u8; 32] {
        let limbs = self.canonical();
        let mut bytes = [0; 32];
        let (mut bits, mut count, mut at, mut i) = (0u64, 0, 0, 0);
        while at < 32 {
            if count < 8 && i < 9 {
                bits |= (limbs[i] as u64) << count;
                count += WIDTHS[i];
                i += 1;
            }
            bytes[at] = bits as u8;
            bits >>= 8;
            count = count.saturating_sub(8);
            at += 1;
        }
        bytes
    }

    /// Whether the number is zero modulo p. Limbs below 2^40.
    pub(crate) const fn is_zero(&self) -> bool {
        let l = self.canonical();
        l[0] | l[1] | l[2] | l[3] | l[4] | l[5] | l[6] | l[7] | l[8] == 0
    }

    /// Whether the canonical number (below p) is odd. Limbs below 2^40.
    pub(crate) const fn is_odd(&self) -> bool {
        self.canonical()[0] & 1 == 1
    }

    /// The limbs of the representative in 0..p. Limbs below 2^40.
    pub(crate) const fn canonical(&self) -> [i64; 9] {
        // What lies above 2^255 folds down. After the first fold the number is within 2^18 of 0..2^255, after
        // the second inside (an excess of 1 leaves a small rest, one of -1 a rest close to 2^255), and the
        // third pass only carries.
        let (x, over) = carried(self.0);
        let (x, over) = carried(folded(x, over));
        let (x, _) = carried(folded(x, over));
        // Adding 2^255 - p overflows exactly if the number is at least p.
        let (less, over) = carried(folded(x, 1));
        if over == 1 { less } else { x }
    }

    /// `self + other`: magnitudes add up.
    #[inline(always)]
    pub(crate) const fn plus(&self, other: &Self) -> Self {
        limbs!(I => self.0[I].wrapping_add(other.0[I]))
    }

    /// `self - other`: magnitude 1 if both are reduced; in general magnitudes add up.
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

    /// The product, reduced. Product of the magnitudes at most 6.
    #[inline(never)]
    pub(crate) const fn times(&self, other: &Self) -> Self {
        Wide::product(self, other).reduced()
    }

    /// The square, reduced. Magnitude at most 2.
    #[inline(never)]
    pub(crate) const fn squared(&self) -> Self {
        Wide::square(self).reduced()
    }

    /// The square of the square and so on, `count` times; reduced. Magnitude 1.
    #[inline(never)]
    pub(crate) const fn squared_times(&self, count: u32) -> Self {
        let mut x = *self;
        let mut left = count;
        while left != 0 {
            x = Wide::square(&x).reduced_single();
            left -= 1;
        }
        x
    }

    /// `self^(2^250 - 1)`, reduced. Magnitude 1. `onesK` below is the power whose exponent is K ones. 249
    /// squarings and 11 products.
    const fn power_ones250(&self) -> Self {
        let ones2 = self.squared_times(1).times(self);
        let ones4 = ones2.squared_times(2).times(&ones2);
        let ones5 = ones4.squared_times(1).times(self);
        let ones10 = ones5.squared_times(5).times(&ones5);
        let ones20 = ones10.squared_times(10).times(&ones10);
        let ones40 = ones20.squared_times(20).times(&ones20);
        let ones50 = ones40.squared_times(10).times(&ones10);
        let ones100 = ones50.squared_times(50).times(&ones50);
        let ones200 = ones100.squared_times(100).times(&ones100);
        ones200.squared_times(50).times(&ones50)
    }

    /// `self^((p - 5) / 8)`, reduced. Magnitude 1. The exponent is 2^252 - 3.
    pub(crate) const fn power_p58(&self) -> Self {
        self.power_ones250().squared_times(2).times(self)
    }

    /// The inverse, or zero for zero; reduced. Magnitude 1. As slow as a root.
    ///
    /// The power of p - 2 = 2^5 (2^250 - 1) + 11.
    pub(crate) const fn inverted(&self) -> Self {
        let power3 = self.squared().times(self);
        let power11 = power3.times(&self.squared().squared().squared());
        self.power_ones250().squared_times(5).times(&power11)
    }

    /// A square root of `u / v`, reduced, if there is one. `u` and `v` of magnitude 1, `v` not zero modulo p.
    ///
    /// r = u (u v)^((p - 5) / 8) has v r^2 / u = (u v)^((p - 1) / 4), which is 1 or -1 if u v, and so u / v, is
    /// a square; and in the second case the root of -1 mends it.
    #[inline(never)]
    pub(crate) const fn root_of_ratio(u: &Self, v: &Self) -> Option<Self> {
        let root = u.times(&u.times(v).power_p58());
        let square = root.squared().times(v);
        if square.minus(u).is_zero() {
            return Some(root);
        }
        if square.plus(u).is_zero() { Some(root.times(&Self::ROOT_OF_MINUS_ONE)) } else { None }
    }
}

/// Brings every limb into its width; also gives what is above 2^255. Limbs below 2^62.
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

/// Adds `over` times 2^255 modulo p. `over` below 2^50.
const fn folded(mut x: [i64; 9], over: i64) -> [i64; 9] {
    x[0] = x[0].wrapping_add(over.wrapping_mul(19));
    x
}

//! Products of field elements before the reduction: sums of limb products by weight.
//!
//! Limb i of one factor times limb j of the other has weight `ceil(255 i / 9) + ceil(255 j / 9)`, which is the
//! weight of column i + j or twice that. Twice if i and j modulo 3 are 1 and 1, 1 and 2, or 2 and 1 (column
//! 9 + k has the weight of limb k times 2^255). So limbs 1, 4 and 7 of the factors are doubled beforehand.
//!
//! Keeping the columns apart from the reduction lets sums of elements join a product for nothing.
//!
//! **Bounds.** For a product of magnitudes m and n (see [`crate::field`]) the columns are, in absolute value, at
//! most `1.2502 m n 2^60` (columns 6 and 9 are the largest). The *load* of a `Wide` is m n; an element added to
//! it counts nothing. [`Wide::reduced`] takes loads up to [`LOAD_MAX`]: columns stay below 7.502 * 2^60, to
//! which carries (2^35) and the fold (19 times 2^36) add next to nothing, so that all is below 2^63.

use crate::field::Field;

/// All bits of limbs 0, 3 and 6.
const LONG: i64 = (1 << 29) - 1;
/// All bits of the other limbs.
const SHORT: i64 = (1 << 28) - 1;

/// 2^255 modulo p.
const FOLD: i64 = 19;

/// Largest product of magnitudes that [`Wide::reduced`] takes.
#[cfg(test)]
pub(crate) const LOAD_MAX: i64 = 6;

/// The columns of a product. Column k < 9 has the weight of limb k, column 9 + k that of limb k times 2^255.
#[derive(Clone, Copy)]
pub(crate) struct Wide([i64; 17]);

/// A sum of products of limbs.
macro_rules! dot {
    ($a:ident * $b:ident $(+ $c:ident * $d:ident)*) => {
        $a.wrapping_mul($b)$(.wrapping_add($c.wrapping_mul($d)))*
    };
}

/// Folds into a limb what the column above it has within the width of the limb, and what the column below that one
/// has above its width; cuts the limb.
macro_rules! step {
    ($low:ident, $lower:ident, $upper:expr, $below:expr, $width:literal, $bits:ident) => {{
        let high = ($upper).wrapping_add($below);
        let low = $lower.wrapping_add(high.wrapping_mul(FOLD)).wrapping_add($low);
        (low & $bits, low >> $width)
    }};
}

impl Wide {
    /// `a b`.
    #[inline(always)]
    #[rustfmt::skip]
    pub(crate) const fn product(a: &Field, b: &Field) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b.0;
        let (d1, d4, d7) = (a1 << 1, a4 << 1, a7 << 1);
        let (e1, e4, e7) = (b1 << 1, b4 << 1, b7 << 1);
        Self([
            dot!(a0 * b0),
            dot!(a0 * b1 + a1 * b0),
            dot!(a0 * b2 + d1 * b1 + a2 * b0),
            dot!(a0 * b3 + d1 * b2 + a2 * e1 + a3 * b0),
            dot!(a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0),
            dot!(a0 * b5 + d1 * b4 + a2 * b3 + a3 * b2 + d4 * b1 + a5 * b0),
            dot!(a0 * b6 + d1 * b5 + a2 * e4 + a3 * b3 + d4 * b2 + a5 * e1 + a6 * b0),
            dot!(a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0),
            dot!(a0 * b8 + d1 * b7 + a2 * b6 + a3 * b5 + d4 * b4 + a5 * b3 + a6 * b2 + d7 * b1 + a8 * b0),
            dot!(d1 * b8 + a2 * e7 + a3 * b6 + d4 * b5 + a5 * e4 + a6 * b3 + d7 * b2 + a8 * e1),
            dot!(a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2),
            dot!(a3 * b8 + d4 * b7 + a5 * b6 + a6 * b5 + d7 * b4 + a8 * b3),
            dot!(d4 * b8 + a5 * e7 + a6 * b6 + d7 * b5 + a8 * e4),
            dot!(a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5),
            dot!(a6 * b8 + d7 * b7 + a8 * b6),
            dot!(d7 * b8 + a8 * e7),
            dot!(a8 * b8),
        ])
    }

    /// `a a`.
    #[inline(always)]
    pub(crate) const fn square(a: &Field) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.0;
        let [_, d1, d2, d3, d4, d5, d6, d7, d8] = a.doubled().0;
        Self([
            dot!(a0 * a0),
            dot!(a0 * d1),
            dot!(a0 * d2 + d1 * a1),
            dot!(a0 * d3 + d1 * d2),
            dot!(a0 * d4 + a1 * d3 + a2 * a2),
            dot!(a0 * d5 + d1 * d4 + a2 * d3),
            dot!(a0 * d6 + d1 * d5 + d2 * d4 + a3 * a3),
            dot!(a0 * d7 + a1 * d6 + a2 * d5 + a3 * d4),
            dot!(a0 * d8 + d1 * d7 + a2 * d6 + a3 * d5 + d4 * a4),
            dot!(d1 * d8 + d2 * d7 + a3 * d6 + d4 * d5),
            dot!(a2 * d8 + a3 * d7 + a4 * d6 + a5 * a5),
            dot!(a3 * d8 + d4 * d7 + a5 * d6),
            dot!(d4 * d8 + d5 * d7 + a6 * a6),
            dot!(a5 * d8 + a6 * d7),
            dot!(a6 * d8 + d7 * a7),
            dot!(d7 * d8),
            dot!(a8 * a8),
        ])
    }

    /// `self - x`. Limbs of `x` below 2^40.
    #[inline(always)]
    pub(crate) const fn minus_field(&self, x: &Field) -> Self {
        let [x0, x1, x2, x3, x4, x5, x6, x7, x8] = x.0;
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8, upper @ ..] = self.0;
        let [c9, c10, c11, c12, c13, c14, c15, c16] = upper;
        Self([
            c0.wrapping_sub(x0),
            c1.wrapping_sub(x1),
            c2.wrapping_sub(x2),
            c3.wrapping_sub(x3),
            c4.wrapping_sub(x4),
            c5.wrapping_sub(x5),
            c6.wrapping_sub(x6),
            c7.wrapping_sub(x7),
            c8.wrapping_sub(x8),
            c9,
            c10,
            c11,
            c12,
            c13,
            c14,
            c15,
            c16,
        ])
    }

    /// The reduced element of the same value modulo p. Load at most 6.
    #[inline(always)]
    pub(crate) const fn reduced(&self) -> Field {
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16] = self.0;
        // Column 8 goes first: its carry belongs to the upper part, and what is above 2^255 at the end is then
        // below 2^8, not 2^35.
        let low = 0i64;
        let (r0, low) = step!(low, c0, c9 & LONG, c8 >> 28, 29, LONG);
        let (r1, low) = step!(low, c1, c10 & SHORT, c9 >> 29, 28, SHORT);
        let (r2, low) = step!(low, c2, c11 & SHORT, c10 >> 28, 28, SHORT);
        let (r3, low) = step!(low, c3, c12 & LONG, c11 >> 28, 29, LONG);
        let (r4, low) = step!(low, c4, c13 & SHORT, c12 >> 29, 28, SHORT);
        let (r5, low) = step!(low, c5, c14 & SHORT, c13 >> 28, 28, SHORT);
        let (r6, low) = step!(low, c6, c15 & LONG, c14 >> 28, 29, LONG);
        let (r7, low) = step!(low, c7, c16 & SHORT, c15 >> 29, 28, SHORT);
        // Column 16 is below 2^59 and what column 7 carries below 2^35, so this is below 2^36.
        let low = (c8 & SHORT).wrapping_add((c16 >> 28).wrapping_mul(FOLD)).wrapping_add(low);
        // The part above is below 2^8, so that limb 0 changes by less than 2^13.
        let r0 = (low >> 28).wrapping_mul(FOLD).wrapping_add(r0);
        Field([r0, r1, r2, r3, r4, r5, r6, r7, low & SHORT])
    }

    /// The same for less, load at most 1.
    ///
    /// Columns 13 to 16 are then at most 0.3751 * 2^60 and can be folded whole: 19 times such a column and
    /// the one that it joins are below 7.88 * 2^60.
    #[inline(always)]
    pub(crate) const fn reduced_single(&self) -> Field {
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16] = self.0;
        let low = 0i64;
        let (r0, low) = step!(low, c0, c9 & LONG, c8 >> 28, 29, LONG);
        let (r1, low) = step!(low, c1, c10 & SHORT, c9 >> 29, 28, SHORT);
        let (r2, low) = step!(low, c2, c11 & SHORT, c10 >> 28, 28, SHORT);
        let (r3, low) = step!(low, c3, c12 & LONG, c11 >> 28, 29, LONG);
        let (r4, low) = step!(low, c4, c13, c12 >> 29, 28, SHORT);
        let (r5, low) = step!(low, c5, c14, 0, 28, SHORT);
        let (r6, low) = step!(low, c6, c15, 0, 29, LONG);
        let (r7, low) = step!(low, c7, c16, 0, 28, SHORT);
        let low = (c8 & SHORT).wrapping_add(low);
        let r0 = (low >> 28).wrapping_mul(FOLD).wrapping_add(r0);
        Field([r0, r1, r2, r3, r4, r5, r6, r7, low & SHORT])
    }
}

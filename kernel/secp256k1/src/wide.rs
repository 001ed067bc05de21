//! Products of field elements before the reduction: sums of limb products by weight.
//!
//! Limb i of one factor times limb j of the other has weight `ceil(256 i / 9) + ceil(256 j / 9)`, which is the
//! weight of column i + j or twice that. Twice if i and j are both odd, or if i + j is odd and above 8 (column
//! 9 + k has the weight of limb k times 2^256). So the odd limbs of one factor are doubled beforehand, or all
//! limbs where the doubles are at hand.
//!
//! Keeping the columns apart from the reduction makes `a b - c d` cost one reduction instead of two.
//!
//! **Bounds.** For a product of magnitudes m and n (see [`crate::field`]) the columns are, in absolute value,
//! below `1.375 m n 2^60` (columns 0 to 7), `1.5 m n 2^60` (8) and `1.75 m n 2^60` (9 to 16). The *load* of a
//! `Wide` is the sum of m n over its products; an element added to it counts nothing. [`Wide::reduced`] takes
//! loads up to [`LOAD_MAX`]: columns 9 to 16 stay below 7 * 2^60 and the others below 5.5 * 2^60, to which the
//! fold adds at most 2^61; both leave room below 2^63 for carries (2^35).

use crate::field::Field;

/// All bits of an even limb but the last.
const EVEN: i64 = (1 << 29) - 1;
/// All bits of an odd limb, and of the last one.
const ODD: i64 = (1 << 28) - 1;

/// 2^256 modulo p, low part: 2^256 = 2^32 + 977.
const FOLD_LOW: i64 = 977;
/// 2^256 modulo p.
const FOLD: i64 = (1 << 32) + FOLD_LOW;

/// Largest sum of products, by their magnitudes, that [`Wide::reduced`] takes.
#[cfg(test)]
pub(crate) const LOAD_MAX: i64 = 4;

/// The columns of a product. Column k < 9 has the weight of limb k, column 9 + k that of limb k times 2^256.
#[derive(Clone, Copy)]
pub(crate) struct Wide([i64; 17]);

/// A sum of products of limbs.
macro_rules! dot {
    ($a:ident * $b:ident $(+ $c:ident * $d:ident)*) => {
        $a.wrapping_mul($b)$(.wrapping_add($c.wrapping_mul($d)))*
    };
}

/// One expression for every column.
macro_rules! columns {
    ($i:ident => $column:expr) => {
        Wide([
            columns!(@ $i 0 $column), columns!(@ $i 1 $column), columns!(@ $i 2 $column),
            columns!(@ $i 3 $column), columns!(@ $i 4 $column), columns!(@ $i 5 $column),
            columns!(@ $i 6 $column), columns!(@ $i 7 $column), columns!(@ $i 8 $column),
            columns!(@ $i 9 $column), columns!(@ $i 10 $column), columns!(@ $i 11 $column),
            columns!(@ $i 12 $column), columns!(@ $i 13 $column), columns!(@ $i 14 $column),
            columns!(@ $i 15 $column), columns!(@ $i 16 $column),
        ])
    };
    (@ $i:ident $n:literal $column:expr) => {{
        const $i: usize = $n;
        $column
    }};
}

impl Wide {
    /// `a b`.
    #[inline(always)]
    pub(crate) const fn product(a: &Field, b: &Field) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b.0;
        let (d1, d3, d5, d7) = (a1 << 1, a3 << 1, a5 << 1, a7 << 1);
        Self([
            dot!(a0 * b0),
            dot!(a0 * b1 + a1 * b0),
            dot!(a0 * b2 + d1 * b1 + a2 * b0),
            dot!(a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0),
            dot!(a0 * b4 + d1 * b3 + a2 * b2 + d3 * b1 + a4 * b0),
            dot!(a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0),
            dot!(a0 * b6 + d1 * b5 + a2 * b4 + d3 * b3 + a4 * b2 + d5 * b1 + a6 * b0),
            dot!(a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0),
            dot!(a0 * b8 + d1 * b7 + a2 * b6 + d3 * b5 + a4 * b4 + d5 * b3 + a6 * b2 + d7 * b1 + a8 * b0),
            dot!(a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1) << 1,
            dot!(a2 * b8 + d3 * b7 + a4 * b6 + d5 * b5 + a6 * b4 + d7 * b3 + a8 * b2),
            dot!(a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3) << 1,
            dot!(a4 * b8 + d5 * b7 + a6 * b6 + d7 * b5 + a8 * b4),
            dot!(a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5) << 1,
            dot!(a6 * b8 + d7 * b7 + a8 * b6),
            dot!(a7 * b8 + a8 * b7) << 1,
            dot!(a8 * b8),
        ])
    }

    /// `a b`, given `d` = 2a: cheaper where the doubles serve several products.
    #[inline(always)]
    pub(crate) const fn product_with(a: &Field, d: &Field, b: &Field) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.0;
        let [_, d1, d2, d3, d4, d5, d6, d7, d8] = d.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = b.0;
        Self([
            dot!(a0 * b0),
            dot!(a0 * b1 + a1 * b0),
            dot!(a0 * b2 + d1 * b1 + a2 * b0),
            dot!(a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0),
            dot!(a0 * b4 + d1 * b3 + a2 * b2 + d3 * b1 + a4 * b0),
            dot!(a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0),
            dot!(a0 * b6 + d1 * b5 + a2 * b4 + d3 * b3 + a4 * b2 + d5 * b1 + a6 * b0),
            dot!(a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0),
            dot!(a0 * b8 + d1 * b7 + a2 * b6 + d3 * b5 + a4 * b4 + d5 * b3 + a6 * b2 + d7 * b1 + a8 * b0),
            dot!(d1 * b8 + d2 * b7 + d3 * b6 + d4 * b5 + d5 * b4 + d6 * b3 + d7 * b2 + d8 * b1),
            dot!(a2 * b8 + d3 * b7 + a4 * b6 + d5 * b5 + a6 * b4 + d7 * b3 + a8 * b2),
            dot!(d3 * b8 + d4 * b7 + d5 * b6 + d6 * b5 + d7 * b4 + d8 * b3),
            dot!(a4 * b8 + d5 * b7 + a6 * b6 + d7 * b5 + a8 * b4),
            dot!(d5 * b8 + d6 * b7 + d7 * b6 + d8 * b5),
            dot!(a6 * b8 + d7 * b7 + a8 * b6),
            dot!(d7 * b8 + d8 * b7),
            dot!(a8 * b8),
        ])
    }

    /// `a a`, given `d` = 2a.
    #[inline(always)]
    pub(crate) const fn square(a: &Field, d: &Field) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = a.0;
        let [d0, d1, d2, d3, d4, d5, d6, d7, d8] = d.0;
        Self([
            dot!(a0 * a0),
            dot!(a0 * d1),
            dot!(d0 * a2 + d1 * a1),
            dot!(a0 * d3 + d1 * a2),
            dot!(d0 * a4 + d1 * d3 + a2 * a2),
            dot!(a0 * d5 + d1 * a4 + a2 * d3),
            dot!(d0 * a6 + d1 * d5 + d2 * a4 + d3 * a3),
            dot!(a0 * d7 + d1 * a6 + a2 * d5 + d3 * a4),
            dot!(d0 * a8 + d1 * d7 + d2 * a6 + d3 * d5 + a4 * a4),
            dot!(d1 * d8 + d2 * d7 + d3 * d6 + d4 * d5),
            dot!(d2 * a8 + d3 * d7 + d4 * a6 + d5 * a5),
            dot!(d3 * d8 + d4 * d7 + d5 * d6),
            dot!(d4 * a8 + d5 * d7 + a6 * a6),
            dot!(d5 * d8 + d6 * d7),
            dot!(d6 * a8 + d7 * a7),
            dot!(d7 * d8),
            dot!(a8 * a8),
        ])
    }

    /// `self - other`: the loads add up.
    #[inline(always)]
    pub(crate) const fn minus(&self, other: &Self) -> Self {
        columns!(I => self.0[I].wrapping_sub(other.0[I]))
    }

    /// `3 self`: three times the load.
    #[inline(always)]
    pub(crate) const fn tripled(&self) -> Self {
        columns!(I => self.0[I].wrapping_mul(3))
    }

    /// `self + x`. Limbs of `x` below 2^40.
    #[inline(always)]
    pub(crate) const fn plus_field(&self, x: &Field) -> Self {
        columns!(I => if I < 9 { self.0[I].wrapping_add(x.0[I % 9]) } else { self.0[I] })
    }

    /// `self - x`. Limbs of `x` below 2^40.
    #[inline(always)]
    pub(crate) const fn minus_field(&self, x: &Field) -> Self {
        columns!(I => if I < 9 { self.0[I].wrapping_sub(x.0[I % 9]) } else { self.0[I] })
    }

    /// The reduced element of the same value modulo p. Load at most 4.
    #[inline(always)]
    pub(crate) const fn reduced(&self) -> Field {
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16] = self.0;
        // Cuts limb k of the part above 2^256 (`high` is the carry there), folds it into limb k of the part
        // below and cuts that one.
        macro_rules! step {
            ($high:ident, $low:ident, $upper:ident, $lower:ident, $width:literal, $bits:ident) => {{
                let high = $high.wrapping_add($upper);
                let low = $low.wrapping_add($lower).wrapping_add((high & $bits).wrapping_mul(FOLD));
                (low & $bits, high >> $width, low >> $width)
            }};
        }
        // Column 8 goes first: its carry belongs to the upper part, and what is above 2^256 at the end is
        // then below 2^35, not 2^60.
        let (top, high, low) = (c8 & ODD, c8 >> 28, 0i64);
        let (r0, high, low) = step!(high, low, c9, c0, 29, EVEN);
        let (r1, high, low) = step!(high, low, c10, c1, 28, ODD);
        let (r2, high, low) = step!(high, low, c11, c2, 29, EVEN);
        let (r3, high, low) = step!(high, low, c12, c3, 28, ODD);
        let (r4, high, low) = step!(high, low, c13, c4, 29, EVEN);
        let (r5, high, low) = step!(high, low, c14, c5, 28, ODD);
        let (r6, high, low) = step!(high, low, c15, c6, 29, EVEN);
        let (r7, high, low) = step!(high, low, c16, c7, 28, ODD);
        // `high` has the weight of limb 8 times 2^256 and is below 2^31: the number is below load * 2^512.
        let low = low.wrapping_add(top).wrapping_add(high.wrapping_mul(FOLD));
        let r8 = low & ODD;
        // Below 2^35, so the carry into limb 2 is below 2^11.
        let over = low >> 28;
        let r0 = r0.wrapping_add(over.wrapping_mul(FOLD_LOW));
        let r1 = r1.wrapping_add(over << 3).wrapping_add(r0 >> 29);
        let r2 = r2.wrapping_add(r1 >> 28);
        Field([r0 & EVEN, r1 & ODD, r2, r3, r4, r5, r6, r7, r8])
    }
}

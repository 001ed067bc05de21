//! Inverses modulo an odd prime by the division steps of Bernstein and Yang ("Fast constant-time gcd
//! computation and modular inversion", 2019), in the variable-time form that skips runs of zero bits.
//!
//! (f, g) starts as (modulus, value) and goes through steps that keep f odd and make g even, then halve it,
//! until g is 0 and f is the gcd, 1 or -1. Thirty steps at a time are worked out on the low words alone: they
//! amount to a matrix of words below 2^30 in size, applied to (f, g), and modulo the modulus to (d, e), where
//! d * value = f and e * value = g all along.
//!
//! **Bounds.** Numbers are nine signed limbs of 30 bits, the last one signed. d and e stay within -2 to 1
//! times the modulus; every sum of products is below 2^62. How many steps are enough: [`ROUNDS_MAX`].

/// Bits of a limb, and division steps in a round.
const ROUND: u32 = 30;
/// All bits of a limb.
const MASK: i64 = (1 << ROUND) - 1;
/// Rounds after which g is zero for every value of 256 bits: `floor((49 × 256 + 57) / 17)` = 741 steps from a delta of 1
/// (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion", theorem 11.2).
const ROUNDS_MAX: u32 = 741u32.div_ceil(ROUND);

/// What the steps of one round do: f and g become `(u f + v g, q f + r g) / 2^30`.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// An odd prime of 256 bits.
pub(crate) struct Modulus {
    limbs: [i64; 9],
    /// Minus the inverse of the modulus, modulo 2^30.
    minus_inverse: i64,
}

impl Modulus {
    /// The modulus of these words, least significant first.
    pub(crate) const fn new(words: &[u32; 8]) -> Self {
        let limbs = from_words(words);
        // Newton's iteration doubles the correct low bits: 3, 6, 12, 24, 48.
        let (mut inverse, mut i) = (limbs[0], 0);
        while i < 4 {
            inverse = inverse.wrapping_mul(2i64.wrapping_sub(limbs[0].wrapping_mul(inverse))) & MASK;
            i += 1;
        }
        Self { limbs, minus_inverse: inverse.wrapping_neg() & MASK }
    }

    /// The inverse of `value` (below the modulus), or zero for zero.
    pub(crate) const fn invert(&self, value: &[u32; 8]) -> [u32; 8] {
        let (mut f, mut g) = (self.limbs, from_words(value));
        let (mut d, mut e) = ([0; 9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let (mut eta, mut round, mut length) = (-1, 0, 9);
        while round < ROUNDS_MAX {
            let (next, matrix) = steps(eta, f[0], g[0]);
            eta = next;
            self.apply(&matrix, &mut d, &mut e);
            apply_exact(&matrix, &mut f, &mut g, length);
            if is_zero(&g) {
                break;
            }
            length = shortened(&mut f, &mut g, length);
            round += 1;
        }
        // f is 1 or -1 (or the modulus, for the value zero, with d = 0), perhaps on one limb.
        let negative = f[length.wrapping_sub(1) % 9] < 0;
        to_words(&self.positive(&self.positive(&d, false), negative))
    }

    /// `(d, e)` times the matrix, divided by 2^30 modulo the modulus.
    const fn apply(&self, matrix: &Matrix, d: &mut [i64; 9], e: &mut [i64; 9]) {
        let Matrix { u, v, q, r } = *matrix;
        // A multiple of the modulus clears the low limb. Counting a negative d or e as if the modulus had been
        // added to it keeps both above minus twice the modulus.
        let (sign_d, sign_e) = (d[8] >> 63, e[8] >> 63);
        let mut multiple_d = (u & sign_d).wrapping_add(v & sign_e);
        let mut multiple_e = (q & sign_d).wrapping_add(r & sign_e);
        let mut carry_d = u.wrapping_mul(d[0]).wrapping_add(v.wrapping_mul(e[0]));
        let mut carry_e = q.wrapping_mul(d[0]).wrapping_add(r.wrapping_mul(e[0]));
        multiple_d = self.clearing(carry_d, multiple_d);
        multiple_e = self.clearing(carry_e, multiple_e);
        let mut i = 0;
        while i < 9 {
            if i > 0 {
                carry_d = carry_d.wrapping_add(u.wrapping_mul(d[i])).wrapping_add(v.wrapping_mul(e[i]));
                carry_e = carry_e.wrapping_add(q.wrapping_mul(d[i])).wrapping_add(r.wrapping_mul(e[i]));
            }
            carry_d = carry_d.wrapping_add(self.limbs[i].wrapping_mul(multiple_d));
            carry_e = carry_e.wrapping_add(self.limbs[i].wrapping_mul(multiple_e));
            if i > 0 {
                d[i - 1] = carry_d & MASK;
                e[i - 1] = carry_e & MASK;
            }
            carry_d >>= ROUND;
            carry_e >>= ROUND;
            i += 1;
        }
        d[8] = carry_d;
        e[8] = carry_e;
    }

    /// The multiple of the modulus at or just below `at_most` whose sum with `number` is zero modulo 2^30.
    const fn clearing(&self, number: i64, at_most: i64) -> i64 {
        let wanted = number.wrapping_mul(self.minus_inverse);
        at_most.wrapping_sub(at_most.wrapping_sub(wanted) & MASK)
    }

    /// `x` or, if `negate`, `-x`, plus the modulus if that is negative; limbs within their widths.
    const fn positive(&self, x: &[i64; 9], negate: bool) -> [i64; 9] {
        let sign = if negate { -1 } else { 1 };
        let add = if (x[8] < 0) == negate { 0 } else { 1 };
        let (mut result, mut carry, mut i) = ([0; 9], 0i64, 0);
        while i < 9 {
            carry = carry.wrapping_add(x[i].wrapping_mul(sign)).wrapping_add(self.limbs[i].wrapping_mul(add));
            result[i] = if i < 8 { carry & MASK } else { carry };
            carry >>= ROUND;
            i += 1;
        }
        result
    }
}

/// Thirty division steps on the low limbs of f and g. `eta` is minus the delta of the paper.
///
/// A row (u, v) of the matrix is kept in one word as u + 2^32 v, signs and all, since every operation is linear
/// and both stay within 2^30.
const fn steps(mut eta: i64, f: i64, g: i64) -> (i64, Matrix) {
    let (mut f, mut g) = (f, g);
    let (mut row_f, mut row_g) = (1i64, 1i64 << 32);
    let mut left = ROUND as i64;
    loop {
        // Steps that only halve g; doubling the row of f instead keeps the matrix whole. At most 30.
        let zeros = (g | (-1i64).wrapping_shl(left as u32)).trailing_zeros();
        row_f = row_f.wrapping_shl(zeros);
        eta = eta.wrapping_sub(zeros as i64);
        left = left.wrapping_sub(zeros as i64);
        if left == 0 {
            let (u, v) = unpacked(row_f);
            let (q, r) = unpacked(row_g);
            return (eta, Matrix { u, v, q, r });
        }
        g = g.wrapping_shr(zeros);
        if eta < 0 {
            eta = eta.wrapping_neg();
            (f, g) = (g, f.wrapping_neg());
            (row_f, row_g) = (row_g, row_f.wrapping_neg());
        }
        // The next eta + 1 steps add f or not and never swap: clear as many low bits of g at once as they,
        // the round and six bits (the precision of -1/f below) allow.
        let swapless = if eta >= 5 { 6 } else { eta.wrapping_add(1) };
        let bits = if swapless < left { swapless } else { left };
        let mask = (-1i64).wrapping_shl(bits as u32);
        let factor = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2)) & !mask;
        g = g.wrapping_add(f.wrapping_mul(factor));
        row_g = row_g.wrapping_add(row_f.wrapping_mul(factor));
    }
}

/// u and v of u + 2^32 v.
const fn unpacked(row: i64) -> (i64, i64) {
    let low = row as i32 as i64;
    (low, row.wrapping_sub(low) >> 32)
}

/// `(f, g)` times the matrix, divided by 2^30 exactly; only `length` limbs count.
const fn apply_exact(matrix: &Matrix, f: &mut [i64; 9], g: &mut [i64; 9], length: usize) {
    let Matrix { u, v, q, r } = *matrix;
    let (mut carry_f, mut carry_g, mut i) = (0i64, 0i64, 0);
    while i < length && i < 9 {
        carry_f = carry_f.wrapping_add(u.wrapping_mul(f[i])).wrapping_add(v.wrapping_mul(g[i]));
        carry_g = carry_g.wrapping_add(q.wrapping_mul(f[i])).wrapping_add(r.wrapping_mul(g[i]));
        if i > 0 {
            f[i - 1] = carry_f & MASK;
            g[i - 1] = carry_g & MASK;
        }
        carry_f >>= ROUND;
        carry_g >>= ROUND;
        i += 1;
    }
    if i > 0 {
        f[i - 1] = carry_f;
        g[i - 1] = carry_g;
    }
}

/// Drops the last limb of both numbers while it is only a sign, handing the sign to the limb below.
const fn shortened(f: &mut [i64; 9], g: &mut [i64; 9], length: usize) -> usize {
    let mut length = length;
    while length > 1 && length <= 9 {
        let (top_f, top_g) = (f[length - 1], g[length - 1]);
        if top_f != top_f >> 63 || top_g != top_g >> 63 {
            break;
        }
        f[length - 2] |= top_f << ROUND;
        g[length - 2] |= top_g << ROUND;
        f[length - 1] = 0;
        g[length - 1] = 0;
        length -= 1;
    }
    length
}

const fn is_zero(x: &[i64; 9]) -> bool {
    x[0] | x[1] | x[2] | x[3] | x[4] | x[5] | x[6] | x[7] | x[8] == 0
}

const fn from_words(words: &[u32; 8]) -> [i64; 9] {
    let (mut limbs, mut i) = ([0; 9], 0);
    while i < 9 {
        let bit = ROUND as usize * i;
        let (at, shift) = (bit / 32, bit % 32);
        let high = if at < 7 { words[at + 1] as u64 } else { 0 };
        limbs[i] = ((words[at] as u64 | high << 32) >> shift) as i64 & MASK;
        i += 1;
    }
    limbs
}

const fn to_words(limbs: &[i64; 9]) -> [u32; 8] {
    let (mut words, mut i) = ([0; 8], 0);
    while i < 8 {
        let (at, shift) = (32 * i / 30, 32 * i % 30);
        // The shift is 2 i, at most 14, so that two limbs cover the word.
        let bits = (limbs[at] as u64 >> shift) | (limbs[at + 1] as u64) << (30 - shift);
        words[i] = bits as u32;
        i += 1;
    }
    words
}

//! Points of the curve -x^2 + y^2 = 1 + d x^2 y^2, with d = -121665 / 121666.
//!
//! Extended coordinates (Hisil, Wong, Carter and Dawson, "Twisted Edwards curves revisited", 2008): (X, Y, Z, T)
//! with x = X / Z, y = Y / Z, T = X Y / Z. Every doubling and addition ends in X = E F, Y = G H, Z = F G and
//! T = E H, and a sum is kept as these factors: whether T is wanted, or anything at all, is known only when the
//! next operation begins.
//! * doubling: A = X^2, B = Y^2, G = B - A, H = B + A, E = (X + Y)^2 - H, F = 2 Z^2 - G; that is the
//!   point with all coordinates negated, which is the same;
//! * adding (X', Y', Z', T'): A = (Y - X)(Y' - X'), B = (Y + X)(Y' + X'), C = 2 d T T', D = 2 Z Z', E = B - A,
//!   F = D - C, G = D + C, H = B + A.
//!
//! So a doubling is 3 products, 4 squares and 7 reductions, an addition 8 products, or 7 with Z' = 1. As -1 is a
//! square and d is none, these hold for all points of the curve, equal, opposite and neutral ones too: there are no
//! exceptions, and Z is never zero.

use crate::field::{Field, Stored};
use crate::scalar::words_of_bytes;
use crate::wide::Wide;

/// d.
const D: Field = Field::from_small(121_665).negated().times(&Field::from_small(121_666).inverted());
/// 2 d.
const D2: Field = D.doubled().times(&Field::ONE);

/// A point by its coordinates, both reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine {
    /// x.
    pub(crate) x: Field,
    /// y.
    pub(crate) y: Field,
}

/// A point as (E, F, G, H), see above. Magnitudes are at most 1, 3, 1 and 2 after a doubling, 1, 2, 3 and 2 after
/// an addition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    e: Field,
    f: Field,
    g: Field,
    h: Field,
}

/// A point as (X, Y, Z, T), all reduced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extended {
    pub(crate) x: Field,
    pub(crate) y: Field,
    pub(crate) z: Field,
    t: Field,
}

/// A point prepared for being added: (Y - X, Y + X, 2 d T, 2 Z). Magnitudes are at most 1, 2, 1 and 2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addend {
    minus: Stored,
    plus: Stored,
    t: Stored,
    z: Stored,
}

/// A point with Z = 1 prepared for being added: (y - x, y + x, 2 d x y). Magnitudes as above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AffineAddend {
    minus: Stored,
    plus: Stored,
    t: Stored,
}

/// What is added: the parts of an addend, and a sign.
pub(crate) struct Signed<'a> {
    minus: &'a Stored,
    plus: &'a Stored,
    t: &'a Stored,
    /// None for an addend of Z = 1.
    z: Option<&'a Stored>,
    sign: i64,
}

impl Affine {
    /// The point of these bytes under the rules of ZIP 215: y in 255 bits, perhaps p or more, and the lowest bit
    /// of x, which may be set even if x is 0.
    pub(crate) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        Self::new(&Field::from_words(&words_of_bytes(bytes)), bytes[31] >> 7 == 1)
    }

    /// The same point for much less, given its x, which may be anything: it is checked.
    pub(crate) fn decode_with_x(bytes: &[u8; 32], x: &[u8; 32]) -> Option<Self> {
        let (x, y) = (Field::from_words(&words_of_bytes(x)), Field::from_words(&words_of_bytes(bytes)));
        let (x2, y2) = (x.squared(), y.squared());
        let right = x2.times(&y2).times(&D).plus(&Field::ONE);
        let on_curve = y2.minus(&x2).minus(&right).is_zero();
        let sign = x.is_zero() || x.is_odd() == (bytes[31] >> 7 == 1);
        (on_curve && sign).then_some(Self { x, y })
    }

    /// The point with this y (reduced) and an x that is odd or not, or 0.
    pub(crate) const fn new(y: &Field, x_is_odd: bool) -> Option<Self> {
        let square = y.squared();
        let numerator = square.minus(&Field::ONE);
        // Never zero: -1 / d is no square.
        let denominator = D.times(&square).plus(&Field::ONE);
        let Some(x) = Field::root_of_ratio(&numerator, &denominator) else { return None };
        let x = if x.is_odd() == x_is_odd { x } else { x.negated().times(&Field::ONE) };
        Some(Self { x, y: *y })
    }
}

impl Sum {
    /// The neutral element (0, 1).
    pub(crate) const NEUTRAL: Self = Self::new(&Affine { x: Field::ZERO, y: Field::ONE });

    /// The sum of this one point.
    pub(crate) const fn new(point: &Affine) -> Self {
        Self { e: point.x, f: Field::ONE, g: Field::ONE, h: point.y }
    }

    /// X, Y and Z.
    #[inline(always)]
    const fn projective(&self) -> (Field, Field, Field) {
        let Self { e, f, g, h } = self;
        let x = Wide::product(e, f).reduced(); // load 3
        let y = Wide::product(g, h).reduced(); // load 6
        let z = Wide::product(f, g).reduced(); // load 6
        (x, y, z)
    }

    /// All coordinates.
    #[inline(never)]
    pub(crate) const fn extended(&self) -> Extended {
        let (x, y, z) = self.projective();
        Extended { x, y, z, t: self.t() }
    }

    /// T.
    #[inline(always)]
    const fn t(&self) -> Field {
        Wide::product(&self.e, &self.h).reduced() // load 2
    }

    /// Twice the point X, Y, Z.
    #[inline(always)]
    const fn double_of(x: &Field, y: &Field, z: &Field) -> Self {
        let a = Wide::square(x).reduced_single();
        let b = Wide::square(y).reduced_single();
        let c = Wide::square(z).reduced_single();
        let h = b.plus(&a); // magnitude 2
        let g = b.minus(&a);
        let e = Wide::square(&x.plus(y)).minus_field(&h).reduced(); // load 4
        let f = c.doubled().minus(&g); // magnitude 3
        Self { e, f, g, h }
    }

    /// Twice the point.
    #[inline(never)]
    pub(crate) const fn doubled(&self) -> Self {
        let (x, y, z) = self.projective();
        Self::double_of(&x, &y, &z)
    }

    /// Twice the point if there is nothing to add, or the sum of the point and what there is.
    #[inline(always)]
    pub(crate) const fn advanced(&self, addend: Option<&Signed>) -> Self {
        let (x, y, z) = self.projective();
        let Some(addend) = addend else { return Self::double_of(&x, &y, &z) };
        Extended { x, y, z, t: self.t() }.plus_signed(addend)
    }

    /// Whether eight times the point is the neutral element.
    ///
    /// x is zero for the two points whose order is 1 or 2 only; those of order 4 and 8 come to them in two
    /// doublings.
    #[inline(never)]
    pub(crate) fn is_small_order(&self) -> bool {
        let mut sum = *self;
        let mut doublings_left = 2;
        loop {
            if sum.e.times(&sum.f).is_zero() {
                return true;
            }
            if doublings_left == 0 {
                return false;
            }
            doublings_left -= 1;
            sum = sum.doubled();
        }
    }
}

impl Extended {
    /// An affine point.
    pub(crate) const fn new(point: &Affine) -> Self {
        Self { x: point.x, y: point.y, z: Field::ONE, t: point.x.times(&point.y) }
    }

    /// Twice the point.
    #[inline(never)]
    pub(crate) const fn doubled(&self) -> Sum {
        Sum::double_of(&self.x, &self.y, &self.z)
    }

    /// The point times 2^`doublings`; `doublings` not 0.
    pub(crate) const fn shifted(&self, doublings: usize) -> Self {
        let (mut sum, mut left) = (self.doubled(), doublings);
        while left > 1 {
            sum = sum.doubled();
            left -= 1;
        }
        sum.extended()
    }

    /// The sum with an addend.
    #[inline(always)]
    const fn plus_signed(&self, addend: &Signed) -> Sum {
        let Self { x, y, z, t } = self;
        let a = Wide::product(&y.minus(x), &addend.minus.load()).reduced();
        let b = Wide::product(&y.plus(x), &addend.plus.load()).reduced(); // load 4
        let c = Wide::product(t, &addend.t.load_times(addend.sign)).reduced_single();
        let d = match addend.z {
            Some(other) => Wide::product(z, &other.load()).reduced(), // load 2
            None => z.doubled(),
        };
        // D is at least zero limb by limb and of magnitude 1 or, doubled, 2. So F is of magnitude 1 or 2, and G of
        // one more.
        Sum { e: b.minus(&a), f: d.minus(&c), g: d.plus(&c), h: b.plus(&a) }
    }

    /// The sum with an addend.
    #[inline(never)]
    pub(crate) const fn plus(&self, addend: &Addend) -> Sum {
        self.plus_signed(&addend.times(1))
    }

    /// The point prepared for being added.
    #[inline(never)]
    pub(crate) const fn addend(&self) -> Addend {
        Addend {
            minus: Stored::new(&self.y.minus(&self.x)),
            plus: Stored::new(&self.y.plus(&self.x)),
            t: Stored::new(&self.t.times(&D2)),
            z: Stored::new(&self.z.doubled()),
        }
    }
}

impl Addend {
    /// The addend times 1 or -1.
    #[inline(always)]
    pub(crate) const fn times(&self, sign: i64) -> Signed<'_> {
        let (minus, plus) = if sign < 0 { (&self.plus, &self.minus) } else { (&self.minus, &self.plus) };
        Signed { minus, plus, t: &self.t, z: Some(&self.z), sign }
    }
}

impl AffineAddend {
    /// Bytes of one.
    pub(crate) const SIZE_BYTES: usize = 108;

    /// The limbs, little-endian.
    pub(crate) fn write(&self, bytes: &mut [u8; Self::SIZE_BYTES]) {
        for (part, to) in [&self.minus, &self.plus, &self.t].into_iter().zip(bytes.as_chunks_mut::<36>().0) {
            *to = part.to_bytes();
        }
    }

    /// What [`AffineAddend::write`] wrote. Other bytes give nonsense.
    pub(crate) fn read(bytes: &[u8; Self::SIZE_BYTES]) -> Self {
        let [minus, plus, t] = bytes.as_chunks::<36>().0 else { return Self::EMPTY };
        Self { minus: Stored::from_bytes(minus), plus: Stored::from_bytes(plus), t: Stored::from_bytes(t) }
    }

    /// A place to be filled.
    pub(crate) const EMPTY: Self = Self { minus: Stored::ZERO, plus: Stored::ZERO, t: Stored::ZERO };

    /// An affine point prepared for being added.
    pub(crate) const fn new(point: &Affine) -> Self {
        let Affine { x, y } = point;
        Self {
            minus: Stored::new(&y.minus(x)),
            plus: Stored::new(&y.plus(x)),
            t: Stored::new(&x.times(y).times(&D2)),
        }
    }

    /// The addend times 1 or -1.
    #[inline(always)]
    pub(crate) const fn times(&self, sign: i64) -> Signed<'_> {
        let (minus, plus) = if sign < 0 { (&self.plus, &self.minus) } else { (&self.minus, &self.plus) };
        Signed { minus, plus, t: &self.t, z: None, sign }
    }
}

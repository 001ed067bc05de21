//! The quadratic extension: numbers `real + imaginary u`, u^2 = -1.

use crate::field::Field;
use crate::montgomery::{Fp, Prime};

/// An element of the extension.
#[derive(Clone, Copy, Debug)]
pub struct Fp2<P, const N: usize> {
    /// Without u.
    pub real: Fp<P, N>,
    /// With u.
    pub imaginary: Fp<P, N>,
}

impl<P: Prime<N>, const N: usize> Fp2<P, N> {
    /// The element of two numbers in hexadecimal digits, each below p.
    pub const fn from_digits(real: &str, imaginary: &str) -> Self {
        Self { real: Fp::from_digits(real), imaginary: Fp::from_digits(imaginary) }
    }

    /// The conjugate, which is also the p-th power.
    #[must_use]
    pub fn conjugate(&self) -> Self {
        Self { real: self.real, imaginary: self.imaginary.negated() }
    }

    /// The product with an element of the field below. Product of the magnitudes at most 9.
    #[must_use]
    pub fn scaled(&self, factor: &Fp<P, N>) -> Self {
        Self { real: self.real.times(factor), imaginary: self.imaginary.times(factor) }
    }

    /// The product with u + 1.
    #[must_use]
    #[inline(always)]
    pub fn times_one_plus_u(&self) -> Self {
        Self { real: self.real.minus(&self.imaginary), imaginary: self.real.plus(&self.imaginary) }
    }

    /// A square root, if there is one; reduced. `root` is that of the field below. Takes reduced elements.
    ///
    /// The root has the norm's root as its norm (complex method).
    pub fn root(&self, root: impl Fn(&Fp<P, N>) -> Option<Fp<P, N>>, half: &Fp<P, N>) -> Option<Self> {
        if self.imaginary.is_zero() {
            // -1 is no square below: either the number or its opposite has a root there.
            return match root(&self.real) {
                Some(real) => Some(Self { real, imaginary: Fp::ZERO }),
                None => root(&self.real.negated()).map(|imaginary| Self { real: Fp::ZERO, imaginary }),
            };
        }
        let norm = Fp::sum_of_products(&self.real, &self.real, &self.imaginary, &self.imaginary);
        let norm = root(&norm)?;
        let real = match root(&self.real.plus(&norm).times(half)) {
            Some(real) => real,
            None => root(&self.real.minus(&norm).times(half))?,
        };
        let imaginary = real.doubled().inverted().times(&self.imaginary);
        Some(Self { real, imaginary })
    }

    /// The sign of RFC 9380, section 4.1: whether the first part that is not zero is odd. Takes reduced elements.
    pub fn is_odd(&self) -> bool {
        if self.real.is_zero() { self.imaginary.is_odd() } else { self.real.is_odd() }
    }
}

impl<P: Prime<N>, const N: usize> Field for Fp2<P, N> {
    const ZERO: Self = Self { real: Fp::ZERO, imaginary: Fp::ZERO };
    const ONE: Self = Self { real: Fp::ONE, imaginary: Fp::ZERO };

    #[inline(always)]
    fn plus(&self, other: &Self) -> Self {
        Self { real: self.real.plus(&other.real), imaginary: self.imaginary.plus(&other.imaginary) }
    }

    #[inline(always)]
    fn minus(&self, other: &Self) -> Self {
        Self { real: self.real.minus(&other.real), imaginary: self.imaginary.minus(&other.imaginary) }
    }

    #[inline(always)]
    fn negated(&self) -> Self {
        Self { real: self.real.negated(), imaginary: self.imaginary.negated() }
    }

    #[inline(always)]
    fn doubled(&self) -> Self {
        Self { real: self.real.doubled(), imaginary: self.imaginary.doubled() }
    }

    #[inline(always)]
    fn normalised(&self) -> Self {
        Self { real: self.real.normalised(), imaginary: self.imaginary.normalised() }
    }

    #[inline(always)]
    fn settled(&self) -> Self {
        Self { real: self.real.settled(), imaginary: self.imaginary.settled() }
    }

    #[inline(never)]
    fn times(&self, other: &Self) -> Self {
        Self {
            real: Fp::difference_of_products(&self.real, &other.real, &self.imaginary, &other.imaginary),
            imaginary: Fp::sum_of_products(&self.real, &other.imaginary, &self.imaginary, &other.real),
        }
    }

    #[inline(never)]
    fn squared(&self) -> Self {
        let (sum, difference) = (self.real.plus(&self.imaginary), self.real.minus(&self.imaginary));
        Self { real: sum.times(&difference), imaginary: self.real.doubled().times(&self.imaginary) }
    }

    fn difference_of_products(a: &Self, b: &Self, c: &Self, d: &Self) -> Self {
        a.times(b).minus(&c.times(d)).normalised()
    }

    fn inverted(&self) -> Self {
        let norm = Fp::sum_of_products(&self.real, &self.real, &self.imaginary, &self.imaginary);
        let inverse = norm.inverted();
        Self { real: self.real.times(&inverse), imaginary: self.imaginary.times(&inverse).negated() }
    }

    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.real.is_zero() && self.imaginary.is_zero()
    }

    #[inline(always)]
    fn reduced(&self) -> Self {
        Self { real: self.real.reduced(), imaginary: self.imaginary.reduced() }
    }
}

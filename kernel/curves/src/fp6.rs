//! The cubic extension over [`Fp2`]: v^3 = ξ.

use crate::field::Field;
use crate::fp2::Fp2;
use crate::montgomery::Prime;

/// What a tower of extensions needs beyond its prime: w^6 = ξ, with ξ in the quadratic extension.
pub(crate) trait Tower<const N: usize>: Prime<N> {
    /// ξ^(i (p - 1) / 6) for i from 1 to 5: what w^i gains when it is raised to p.
    const FROBENIUS: [Fp2<Self, N>; 5];

    /// The product with ξ, normalised if it need be. Magnitude at most 3.
    fn times_xi(x: &Fp2<Self, N>) -> Fp2<Self, N>;
}

/// `c0 + c1 v + c2 v^2`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fp6<P, const N: usize>(pub(crate) [Fp2<P, N>; 3]);

impl<P: Tower<N>, const N: usize> Fp6<P, N> {
    pub(crate) const ZERO: Self = Self([Fp2::ZERO; 3]);
    pub(crate) const ONE: Self = Self([Fp2::ONE, Fp2::ZERO, Fp2::ZERO]);

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (&self.0, &other.0);
        Self([a0.plus(b0), a1.plus(b1), a2.plus(b2)])
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (&self.0, &other.0);
        Self([a0.minus(b0), a1.minus(b1), a2.minus(b2)])
    }

    pub(crate) fn negated(&self) -> Self {
        Self([self.0[0].negated(), self.0[1].negated(), self.0[2].negated()])
    }

    pub(crate) fn settled(&self) -> Self {
        Self([self.0[0].settled(), self.0[1].settled(), self.0[2].settled()])
    }

    /// The product with v. Magnitude at most 3.
    pub(crate) fn times_v(&self) -> Self {
        let [c0, c1, c2] = self.0;
        Self([P::times_xi(&c2), c0, c1])
    }

    /// The product, normalised. Magnitudes at most 1.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (&self.0, &other.0);
        let (t0, t1, t2) = (a0.times(b0), a1.times(b1), a2.times(b2));
        let cross12 = a1.plus(a2).times(&b1.plus(b2)).minus(&t1).minus(&t2);
        let cross01 = a0.plus(a1).times(&b0.plus(b1)).minus(&t0).minus(&t1);
        let cross02 = a0.plus(a2).times(&b0.plus(b2)).minus(&t0).minus(&t2);
        Self([
            P::times_xi(&cross12).plus(&t0).settled(),
            cross01.plus(&P::times_xi(&t2)).settled(),
            cross02.plus(&t1).settled(),
        ])
    }

    /// The product with `b0 + b1 v`, normalised. Magnitudes at most 1.
    pub(crate) fn times_sparse(&self, b0: &Fp2<P, N>, b1: &Fp2<P, N>) -> Self {
        let [a0, a1, a2] = &self.0;
        let (t0, t1) = (a0.times(b0), a1.times(b1));
        let cross01 = a0.plus(a1).times(&b0.plus(b1)).minus(&t0).minus(&t1);
        Self([
            P::times_xi(&a2.times(b1)).plus(&t0).settled(),
            cross01.settled(),
            a2.times(b0).plus(&t1).settled(),
        ])
    }

    /// The inverse, normalised; zero for zero. Magnitude 1.
    pub(crate) fn inverted(&self) -> Self {
        let [a0, a1, a2] = &self.0;
        let t0 = a0.squared().minus(&P::times_xi(&a1.times(a2))).settled();
        let t1 = P::times_xi(&a2.squared()).minus(&a0.times(a1)).settled();
        let t2 = a1.squared().minus(&a0.times(a2)).settled();
        let sum = a2.times(&t1).plus(&a1.times(&t2));
        let norm = a0.times(&t0).plus(&P::times_xi(&sum)).settled();
        let inverse = norm.inverted();
        Self([t0.times(&inverse), t1.times(&inverse), t2.times(&inverse)])
    }
}

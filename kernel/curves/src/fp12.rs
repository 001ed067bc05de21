//! The field that pairings lead into, a quadratic extension over [`Fp6`]: w^2 = v.

use crate::field::Field;
use crate::fp2::Fp2;
use crate::fp6::{Fp6, Tower};

/// `c0 + c1 w`, of magnitude 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fp12<P, const N: usize> {
    pub(crate) c0: Fp6<P, N>,
    pub(crate) c1: Fp6<P, N>,
}

impl<P: Tower<N>, const N: usize> Fp12<P, N> {
    pub(crate) const ONE: Self = Self { c0: Fp6::ONE, c1: Fp6::ZERO };

    pub(crate) fn times(&self, other: &Self) -> Self {
        let (t0, t1) = (self.c0.times(&other.c0), self.c1.times(&other.c1));
        let sums = (self.c0.plus(&self.c1).settled(), other.c0.plus(&other.c1).settled());
        Self {
            c0: t0.plus(&t1.times_v()).settled(),
            c1: sums.0.times(&sums.1).minus(&t0).minus(&t1).settled(),
        }
    }

    /// The square (complex method).
    pub(crate) fn squared(&self) -> Self {
        let product = self.c0.times(&self.c1);
        let sum = self.c0.plus(&self.c1).settled();
        let other = self.c0.plus(&self.c1.times_v()).settled();
        Self {
            c0: sum.times(&other).minus(&product).minus(&product.times_v()).settled(),
            c1: product.plus(&product).settled(),
        }
    }

    /// The product with `a + b w^2 + w^3`, a line where the twist divides by powers of w. Magnitudes 1.
    pub(crate) fn times_line_of_division(&self, a: &Fp2<P, N>, b: &Fp2<P, N>) -> Self {
        // (c0 + c1 w) (l + v w) with l = a + b v.
        let (first, second) = (self.c0.times_sparse(a, b), self.c1.times_sparse(a, b));
        let c0 = first.plus(&self.c1.times_v().settled().times_v());
        let c1 = second.plus(&self.c0.times_v());
        Self { c0: c0.settled(), c1: c1.settled() }
    }

    /// The product with `1 + b w + a w^3`, a line where the twist multiplies by powers of w. Magnitudes 1.
    pub(crate) fn times_line_of_product(&self, a: &Fp2<P, N>, b: &Fp2<P, N>) -> Self {
        // (c0 + c1 w) (1 + l w) with l = b + a v.
        let c0 = self.c0.plus(&self.c1.times_sparse(b, a).times_v());
        let c1 = self.c1.plus(&self.c0.times_sparse(b, a));
        Self { c0: c0.settled(), c1: c1.settled() }
    }

    /// The first part of the final exponentiation: the power of (p^6 - 1) (p^2 + 1).
    pub(crate) fn unitary(&self) -> Self {
        let value = self.conjugate().times(&self.inverted());
        value.frobenius().frobenius().times(&value)
    }

    /// The p^6-th power: the inverse, for what the final exponentiation has made unitary.
    pub(crate) fn conjugate(&self) -> Self {
        Self { c0: self.c0, c1: self.c1.negated() }
    }

    pub(crate) fn inverted(&self) -> Self {
        let (square0, square1) = (self.c0.times(&self.c0), self.c1.times(&self.c1));
        let inverse = square0.minus(&square1.times_v()).settled().inverted();
        Self { c0: self.c0.times(&inverse), c1: self.c1.times(&inverse).negated() }
    }

    /// The p-th power.
    pub(crate) fn frobenius(&self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (&self.c0.0, &self.c1.0);
        let raised = |c: &Fp2<P, N>, i: usize| c.conjugate().times(&P::FROBENIUS[i - 1]);
        Self {
            c0: Fp6([a0.conjugate().settled(), raised(a1, 2), raised(a2, 4)]),
            c1: Fp6([raised(b0, 1), raised(b1, 3), raised(b2, 5)]),
        }
    }

    /// The square of an element whose norm to the field of p^4 elements is one (Granger and Scott, 2010).
    pub(crate) fn cyclotomic_squared(&self) -> Self {
        let ([z0, z4, z3], [z2, z1, z5]) = (&self.c0.0, &self.c1.0);
        let (t0, t1) = Self::squared_pair(z0, z1);
        let (t2, t3) = Self::squared_pair(z2, z3);
        let (t4, t5) = Self::squared_pair(z4, z5);
        let t5 = P::times_xi(&t5).settled();
        // 3 t - 2 z for one half of them, 3 t + 2 z for the other.
        let less = |t: &Fp2<P, N>, z: &Fp2<P, N>| t.minus(&z.settled()).doubled().plus(t).settled();
        let more = |t: &Fp2<P, N>, z: &Fp2<P, N>| t.plus(&z.settled()).doubled().plus(t).settled();
        Self {
            c0: Fp6([less(&t0, z0), less(&t2, z4), less(&t4, z3)]),
            c1: Fp6([more(&t5, z2), more(&t1, z1), more(&t3, z5)]),
        }
    }

    /// The square of `a + b s` where s^2 = ξ; normalised.
    fn squared_pair(a: &Fp2<P, N>, b: &Fp2<P, N>) -> (Fp2<P, N>, Fp2<P, N>) {
        let (square_a, square_b) = (a.squared(), b.squared());
        let cross = a.plus(b).settled().squared().minus(&square_a).minus(&square_b);
        (P::times_xi(&square_b).plus(&square_a).settled(), cross.settled())
    }

    /// The power of an element as [`Self::cyclotomic_squared`] takes it. The exponent is not zero.
    pub(crate) fn cyclotomic_power(&self, exponent: u64) -> Self {
        let mut result = *self;
        for bit in (0..exponent.ilog2()).rev() {
            result = result.cyclotomic_squared();
            if exponent >> bit & 1 == 1 {
                result = result.times(self);
            }
        }
        result
    }

    pub(crate) fn is_one(&self) -> bool {
        let ([a0, a1, a2], [b0, b1, b2]) = (&self.c0.0, &self.c1.0);
        a0.is(&Fp2::ONE) && [a1, a2, b0, b1, b2].iter().all(|c| c.reduced().is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bls12_381::{Fq, Fq2, P};

    fn some(seed: u64) -> Fp12<P, 14> {
        let mut bytes = [0u8; 40];
        let mut state = seed;
        let mut next = || {
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            Fq::from_bytes_modulo(&bytes)
        };
        let mut two = || Fq2 { real: next(), imaginary: next() };
        let mut six = || Fp6([two(), two(), two()]);
        Fp12 { c0: six(), c1: six() }
    }

    fn same(a: &Fp12<P, 14>, b: &Fp12<P, 14>) -> bool {
        let (a, b) = ([a.c0.0, a.c1.0], [b.c0.0, b.c1.0]);
        a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| a.is(b))
    }

    #[test]
    fn operations_agree_with_products() {
        let (a, b, c) = (some(1), some(2), some(3));
        assert!(same(&a.times(&b).times(&c), &c.times(&a).times(&b)), "assoc");
        assert!(same(&a.squared(), &a.times(&a)), "square");
        assert!(a.times(&a.inverted()).is_one(), "inverse");
        let mut line = Fp12 { c0: Fp6::ZERO, c1: Fp6([Fq2::ZERO, Fq2::ONE, Fq2::ZERO]) };
        (line.c0.0[0], line.c0.0[1]) = (b.c0.0[0], b.c0.0[1]);
        assert!(same(&a.times_line_of_division(&line.c0.0[0], &line.c0.0[1]), &a.times(&line)), "line");
        assert!(same(&a.times(&b).frobenius(), &a.frobenius().times(&b.frobenius())), "frobenius");
        let six = (0..6).fold(a, |a, _| a.frobenius());
        assert!(same(&six, &a.conjugate()), "frobenius six times");
        let unitary = a.unitary();
        assert!(unitary.times(&unitary.conjugate()).is_one(), "unitary");
        assert!(same(&unitary.cyclotomic_squared(), &unitary.times(&unitary)), "cyclotomic");
        let power = unitary.times(&unitary).times(&unitary).times(&unitary).times(&unitary);
        assert!(same(&unitary.cyclotomic_power(5), &power));
    }
}

//! What curves ask of a field.

/// An element of a field, perhaps not reduced: see [`crate::montgomery`] for what that means. The operations
/// take what their comments say; sums and differences take anything and add magnitudes up.
pub trait Field: Copy + core::fmt::Debug {
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// `self + other`.
    #[must_use]
    fn plus(&self, other: &Self) -> Self;
    /// `self - other`.
    #[must_use]
    fn minus(&self, other: &Self) -> Self;
    /// `-self`.
    #[must_use]
    fn negated(&self) -> Self;
    /// `2 self`.
    #[must_use]
    fn doubled(&self) -> Self;
    /// The same with magnitude 1, though not reduced.
    #[must_use]
    fn normalised(&self) -> Self;
    /// The same, with magnitude 1 and most multiples of p taken off, though not reduced.
    #[must_use]
    fn settled(&self) -> Self;
    /// The product, reduced. Product of the magnitudes at most 4.
    #[must_use]
    fn times(&self, other: &Self) -> Self;
    /// The square, reduced. Magnitude at most 2.
    #[must_use]
    fn squared(&self) -> Self;
    /// `a b - c d`, of magnitude 1. Sum of the products of magnitudes at most 4.
    #[must_use]
    fn difference_of_products(a: &Self, b: &Self, c: &Self, d: &Self) -> Self;
    /// The inverse, reduced; zero for zero. Magnitude at most 2.
    #[must_use]
    fn inverted(&self) -> Self;
    /// Whether it is zero. Takes reduced elements only.
    fn is_zero(&self) -> bool;

    /// The same number reduced. Magnitude at most 4.
    #[must_use]
    #[inline(always)]
    fn reduced(&self) -> Self {
        self.times(&Self::ONE)
    }

    /// Whether both are the same. The sum of magnitudes is at most 4.
    fn is(&self, other: &Self) -> bool {
        self.minus(other).reduced().is_zero()
    }
}

/// Inverts all, at the price of one inversion and three products each; reduced. None is zero, or all become zero.
/// Magnitudes at most 4.
pub(crate) fn invert_all<F: Field>(elements: &mut [F]) {
    // Each element gives way to the product of those before it; going back, inverses come off the whole.
    let mut product = F::ONE;
    let mut before = alloc::vec::Vec::with_capacity(elements.len());
    for element in elements.iter() {
        before.push(product);
        product = product.times(element);
    }
    let mut inverse = product.inverted();
    for (element, before) in elements.iter_mut().zip(before).rev() {
        let of_rest = inverse.times(element);
        *element = inverse.times(&before);
        inverse = of_rest;
    }
}

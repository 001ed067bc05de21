//! The curve BLS12-381: y^2 = x^3 + 4 over p of 381 bits, its twist y^2 = x^3 + 4 (1 + u), and the pairing.
//!
//! Parameters are those of draft-irtf-cfrg-pairing-friendly-curves, section 4.2.1; EIP-2537 repeats them. All
//! constants that are not in either are powers of others (see the tests).

mod groups;
mod isogeny1;
mod isogeny2;
mod map;
mod pairing;

pub use groups::{G1, G2, decompress, multiply_sum_g1, multiply_sum_g2};
pub use map::{map_to_g1, map_to_g2};
pub use pairing::is_product_one;

use crate::field::Field;
use crate::fp2::Fp2;
use crate::fp6::Tower;
use crate::montgomery::{Fp, Modulus, Prime};

/// The prime p.
#[derive(Clone, Copy, Debug)]
pub struct P;

impl Prime<14> for P {
    const MODULUS: Modulus<14> = Modulus::new(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    );
}

/// The field of p.
pub type Fq = Fp<P, 14>;
/// Its quadratic extension.
pub type Fq2 = Fp2<P, 14>;

/// The size of the parameter x of the curve, which is negative: p and the order follow from it.
const X_SIZE: u64 = 0xd201_0000_0001_0000;

/// (p + 1) / 4, most significant word first: the exponent of square roots.
const ROOT_EXPONENT: [u32; 12] = [
    0x0680_447a,
    0x8e5f_f9a6,
    0x92c6_e9ed,
    0x90d2_eb35,
    0xd91d_d2e1,
    0x3ce1_44af,
    0xd9cc_34a8,
    0x3dac_3d89,
    0x07aa_ffff,
    0xac54_ffff,
    0xee7f_bfff,
    0xffff_eaab,
];

/// (p + 1) / 2.
const HALF: Fq =
    fq("0d0088f51cbff34d258dd3db21a5d66bb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd556");

const fn fq(digits: &str) -> Fq {
    Fq::from_digits(digits)
}

impl Tower<14> for P {
    const FROBENIUS: [Fq2; 5] = [
        Fq2::from_digits(
            "1904d3bf02bb0667c231beb4202c0d1f0fd603fd3cbd5f4f7b2443d784bab9c4f67ea53d63e7813d8d0775ed92235fb8",
            "fc3e2b36c4e03288e9e902231f9fb854a14787b6c7b36fec0c8ec971f63c5f282d5ac14d6c7ec22cf78a126ddc4af3",
        ),
        Fq2::from_digits(
            "0",
            "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd8bfd00000000aaac",
        ),
        Fq2::from_digits(
            "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c81084fbede3cc09",
            "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c81084fbede3cc09",
        ),
        Fq2::from_digits(
            "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd8bfd00000000aaad",
            "0",
        ),
        Fq2::from_digits(
            "5b2cfd9013a5fd8df47fa6b48b1e045f39816240c0b8fee8beadf4d8e9c0566c63a3e6e257f87329b18fae980078116",
            "144e4211384586c16bd3ad4afa99cc9170df3560e77982d0db45f3536814f0bd5871c1908bd478cd1ee605167ff82995",
        ),
    ];

    /// ξ = 1 + u.
    #[inline(always)]
    fn times_xi(x: &Fq2) -> Fq2 {
        x.times_one_plus_u()
    }
}

/// A square root, if there is one. Magnitude at most 3.
fn root(x: &Fq) -> Option<Fq> {
    let candidate = x.power(&ROOT_EXPONENT);
    candidate.squared().is(x).then_some(candidate)
}

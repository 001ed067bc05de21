//! 0x06 to 0x08: addition, multiplication and pairing check on the curve bn254 (EIP-196, EIP-197, gas of
//! EIP-1108).

use super::{Failure, Output, charge, padded};
use alloc::vec;
use alloc::vec::Vec;
use bn::{AffineG1, AffineG2, Fq, Fq2, Fr, G1, G2, Group, Gt};

/// Bytes of a pair of points: one of the curve, one of its twist.
const PAIR_BYTES: usize = 192;

fn coordinate(bytes: &[u8; 32]) -> Result<Fq, Failure> {
    Fq::from_slice(bytes).map_err(|_| Failure::BadInput)
}

/// Two zeros stand for the point at infinity.
fn point(input: &[u8], offset: usize) -> Result<G1, Failure> {
    let x = coordinate(&padded::<32>(input, offset))?;
    let y = coordinate(&padded::<32>(input, offset.saturating_add(32)))?;
    if x.is_zero() && y.is_zero() {
        return Ok(G1::zero());
    }
    AffineG1::new(x, y).map(G1::from).map_err(|_| Failure::BadInput)
}

/// A point of the twist: imaginary parts come first. Membership of the subgroup is checked.
fn twist_point(pair: &[u8]) -> Result<G2, Failure> {
    let part = |offset| coordinate(&padded::<32>(pair, offset));
    let (x_imaginary, x_real) = (part(64)?, part(96)?);
    let (y_imaginary, y_real) = (part(128)?, part(160)?);
    let (x, y) = (Fq2::new(x_real, x_imaginary), Fq2::new(y_real, y_imaginary));
    if x.is_zero() && y.is_zero() {
        return Ok(G2::zero());
    }
    AffineG2::new(x, y).map(G2::from).map_err(|_| Failure::BadInput)
}

fn encode(point: G1) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; 64];
    if let Some(affine) = AffineG1::from_jacobian(point) {
        let (x, y) = bytes.split_at_mut_checked(32).ok_or(Failure::BadInput)?;
        affine.x().to_big_endian(x).map_err(|_| Failure::BadInput)?;
        affine.y().to_big_endian(y).map_err(|_| Failure::BadInput)?;
    }
    Ok(bytes)
}

pub(super) fn add(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 150;
    charge(COST, gas)?;
    let (left, right) = (point(input, 0)?, point(input, 64)?);
    #[expect(clippy::arithmetic_side_effects, reason = "addition of curve points is total")]
    let sum = left + right;
    Ok(Output { gas: COST, bytes: encode(sum)? })
}

pub(super) fn mul(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 6_000;
    charge(COST, gas)?;
    let point = point(input, 0)?;
    // Reduces modulo the order.
    let scalar = Fr::from_slice(&padded::<32>(input, 64)).map_err(|_| Failure::BadInput)?;
    #[expect(clippy::arithmetic_side_effects, reason = "multiplication of a curve point is total")]
    let product = point * scalar;
    Ok(Output { gas: COST, bytes: encode(product)? })
}

/// 34,000 gas a pair, so a call checks at most as many as its gas buys.
pub(super) fn pairing(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let (pairs, rest) = input.as_chunks::<PAIR_BYTES>();
    let cost = (pairs.len() as u64).saturating_mul(34_000).saturating_add(45_000);
    charge(cost, gas)?;
    if !rest.is_empty() {
        return Err(Failure::BadInput);
    }
    let mut points = Vec::with_capacity(pairs.len());
    for pair in pairs {
        points.push((point(pair, 0)?, twist_point(pair)?));
    }
    let holds = points.is_empty() || bn::pairing_batch(&points) == Gt::one();
    let mut bytes = vec![0; 31];
    bytes.push(u8::from(holds));
    Ok(Output { gas: cost, bytes })
}

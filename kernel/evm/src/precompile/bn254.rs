//! 0x06 to 0x08: addition, multiplication and pairing check on the curve bn254 (EIP-196, EIP-197, gas of
//! EIP-1108).

use super::{Failure, Output, charge, padded};
use alloc::vec;
use alloc::vec::Vec;
use millrace_curves::bn254::{Fq, Fq2, G1, G2, is_product_one, multiply};
use millrace_curves::{Affine, Field};

/// Bytes of a pair of points: one of the curve, one of its twist.
const PAIR_BYTES: usize = 192;

fn coordinate(input: &[u8], offset: usize) -> Result<Fq, Failure> {
    Fq::from_bytes(&padded::<32>(input, offset)).ok_or(Failure::BadInput)
}

/// Two zeros stand for the point at infinity, which is `None`.
fn point(input: &[u8], offset: usize) -> Result<Option<Affine<G1>>, Failure> {
    let (x, y) = (coordinate(input, offset)?, coordinate(input, offset.saturating_add(32))?);
    if x.is_zero() && y.is_zero() {
        return Ok(None);
    }
    Affine::new(x, y).ok_or(Failure::BadInput).map(Some)
}

/// A point of the twist: imaginary parts come first. Membership of the subgroup is checked.
fn twist_point(pair: &[u8]) -> Result<Option<Affine<G2>>, Failure> {
    let part = |offset| coordinate(pair, offset);
    let x = Fq2 { imaginary: part(64)?, real: part(96)? };
    let y = Fq2 { imaginary: part(128)?, real: part(160)? };
    if x.is_zero() && y.is_zero() {
        return Ok(None);
    }
    let point = Affine::<G2>::new(x, y).filter(Affine::<G2>::is_in_group);
    point.ok_or(Failure::BadInput).map(Some)
}

fn encode(point: Option<Affine<G1>>) -> Vec<u8> {
    point.map_or_else(|| vec![0; 64], |Affine { x, y }| [x, y].iter().flat_map(Fq::to_bytes::<32>).collect())
}

pub(super) fn add(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 150;
    charge(COST, gas)?;
    let sum = match (point(input, 0)?, point(input, 64)?) {
        (Some(left), Some(right)) => left.plus(&right),
        (left, right) => left.or(right),
    };
    Ok(Output { gas: COST, bytes: encode(sum) })
}

pub(super) fn mul(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 6_000;
    charge(COST, gas)?;
    let product = point(input, 0)?.and_then(|point| multiply(&point, &padded(input, 64)));
    Ok(Output { gas: COST, bytes: encode(product) })
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
        // Both are checked, also beside a point at infinity.
        let (left, right) = (point(pair, 0)?, twist_point(pair)?);
        points.extend(left.zip(right));
    }
    let mut bytes = vec![0; 31];
    bytes.push(u8::from(is_product_one(&points)));
    Ok(Output { gas: cost, bytes })
}

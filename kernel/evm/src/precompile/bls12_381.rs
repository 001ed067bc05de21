//! 0x0b to 0x11: the groups of BLS12-381, their pairing, and maps to them (EIP-2537).
//!
//! A coordinate is a number below p in 64 bytes, big-endian, the first 16 of them zero; a coordinate of G2 is two,
//! the real part first. All zeros stand for the point at infinity.

use super::{Failure, Output, charge};
use alloc::vec;
use alloc::vec::Vec;
use millrace_curves::Affine;
use millrace_curves::bls12_381::{
    Fq, Fq2, G1, G2, is_product_one, map_to_g1, map_to_g2, multiply_sum_g1, multiply_sum_g2,
};

/// Bytes of a coordinate of G1.
const NUMBER_BYTES: usize = 64;
/// Bytes of points.
const G1_BYTES: usize = 2 * NUMBER_BYTES;
const G2_BYTES: usize = 4 * NUMBER_BYTES;
/// Bytes of a point with a scalar.
const G1_TERM_BYTES: usize = G1_BYTES + 32;
const G2_TERM_BYTES: usize = G2_BYTES + 32;
/// Bytes of a point of each group.
const PAIR_BYTES: usize = G1_BYTES + G2_BYTES;

/// Gas of a product of a point with a scalar, before the discount.
const G1_PRODUCT_GAS: u64 = 12_000;
const G2_PRODUCT_GAS: u64 = 22_500;

/// Thousandths of the price that 1, 2 to 128 products cost each; further ones cost as the last.
const G1_DISCOUNTS: [u16; 128] = [
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665, 661, 658,
    654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615, 613, 611, 609, 608,
    606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577,
    576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559, 558, 557, 556, 555,
    554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544, 543, 542, 541, 540, 540, 539, 538, 537, 536,
    536, 535, 534, 533, 532, 532, 531, 530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520,
    520, 519,
];
const G2_DISCOUNTS: [u16; 128] = [
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699, 693,
    688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629, 627, 624, 622,
    620, 618, 615, 613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584,
    583, 582, 580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562, 561, 560, 559,
    558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547, 546, 545, 545, 544, 543, 542, 541, 541,
    540, 539, 538, 537, 537, 536, 535, 535, 534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526,
    525, 524, 524,
];

/// The `N` bytes at `offset`.
fn part<const N: usize>(input: &[u8], offset: usize) -> Result<&[u8; N], Failure> {
    input.get(offset..).and_then(|rest| rest.first_chunk()).ok_or(Failure::BadInput)
}

fn number(input: &[u8], offset: usize) -> Result<Fq, Failure> {
    let bytes: &[u8; NUMBER_BYTES] = part(input, offset)?;
    let (high, low) = bytes.split_at_checked(16).ok_or(Failure::BadInput)?;
    if high.iter().any(|byte| *byte != 0) {
        return Err(Failure::BadInput);
    }
    Fq::from_bytes(low).ok_or(Failure::BadInput)
}

fn number2(input: &[u8], offset: usize) -> Result<Fq2, Failure> {
    let imaginary = number(input, offset.saturating_add(NUMBER_BYTES))?;
    Ok(Fq2 { real: number(input, offset)?, imaginary })
}

/// A point of the curve, or `None` at infinity.
fn g1(input: &[u8], offset: usize) -> Result<Option<Affine<G1>>, Failure> {
    let bytes: &[u8; G1_BYTES] = part(input, offset)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let point = Affine::new(number(bytes, 0)?, number(bytes, NUMBER_BYTES)?);
    point.ok_or(Failure::BadInput).map(Some)
}

/// A point of the twist, or `None` at infinity.
fn g2(input: &[u8], offset: usize) -> Result<Option<Affine<G2>>, Failure> {
    let bytes: &[u8; G2_BYTES] = part(input, offset)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let point = Affine::new(number2(bytes, 0)?, number2(bytes, G1_BYTES)?);
    point.ok_or(Failure::BadInput).map(Some)
}

/// A point of the group, or `None` at infinity.
fn g1_of_group(input: &[u8], offset: usize) -> Result<Option<Affine<G1>>, Failure> {
    let point = g1(input, offset)?;
    if point.is_none_or(|point| point.is_in_group()) { Ok(point) } else { Err(Failure::BadInput) }
}

/// A point of the group, or `None` at infinity.
fn g2_of_group(input: &[u8], offset: usize) -> Result<Option<Affine<G2>>, Failure> {
    let point = g2(input, offset)?;
    if point.is_none_or(|point| point.is_in_group()) { Ok(point) } else { Err(Failure::BadInput) }
}

/// Numbers in 64 bytes each; zeros for `None`.
fn encode<const K: usize>(numbers: Option<[Fq; K]>) -> Vec<u8> {
    let Some(numbers) = numbers else { return vec![0; K.saturating_mul(NUMBER_BYTES)] };
    numbers.iter().flat_map(Fq::to_bytes::<NUMBER_BYTES>).collect()
}

fn encode_g1(point: Option<Affine<G1>>) -> Vec<u8> {
    encode(point.map(|Affine { x, y }| [x, y]))
}

fn encode_g2(point: Option<Affine<G2>>) -> Vec<u8> {
    encode(point.map(|Affine { x, y }| [x.real, x.imaginary, y.real, y.imaginary]))
}

/// Inputs of a fixed size: what is paid first, whatever the size is.
fn charge_exactly(cost: u64, gas: u64, input: &[u8], size: usize) -> Result<(), Failure> {
    charge(cost, gas)?;
    if input.len() == size { Ok(()) } else { Err(Failure::BadInput) }
}

/// Points of the curve that are not of the group are added too.
pub(super) fn g1_add(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 375;
    charge_exactly(COST, gas, input, 2 * G1_BYTES)?;
    let sum = match (g1(input, 0)?, g1(input, G1_BYTES)?) {
        (Some(left), Some(right)) => left.plus(&right),
        (left, right) => left.or(right),
    };
    Ok(Output { gas: COST, bytes: encode_g1(sum) })
}

/// Points of the twist that are not of the group are added too.
pub(super) fn g2_add(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 600;
    charge_exactly(COST, gas, input, 2 * G2_BYTES)?;
    let sum = match (g2(input, 0)?, g2(input, G2_BYTES)?) {
        (Some(left), Some(right)) => left.plus(&right),
        (left, right) => left.or(right),
    };
    Ok(Output { gas: COST, bytes: encode_g2(sum) })
}

/// What `count` products of a price cost together.
fn product_gas(count: usize, price: u64, discounts: &[u16; 128]) -> u64 {
    let last = discounts.last().copied().unwrap_or(1_000);
    let discount = count.checked_sub(1).and_then(|index| discounts.get(index)).copied().unwrap_or(last);
    (count as u64).saturating_mul(price).saturating_mul(u64::from(discount)) / 1_000
}

pub(super) fn g1_products(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let (terms, rest) = input.as_chunks::<G1_TERM_BYTES>();
    let cost = product_gas(terms.len(), G1_PRODUCT_GAS, &G1_DISCOUNTS);
    charge(cost, gas)?;
    if terms.is_empty() || !rest.is_empty() {
        return Err(Failure::BadInput);
    }
    let mut points = Vec::with_capacity(terms.len());
    for term in terms {
        if let Some(point) = g1_of_group(term, 0)? {
            points.push((point, *part(term, G1_BYTES)?));
        }
    }
    Ok(Output { gas: cost, bytes: encode_g1(multiply_sum_g1(&points)) })
}

pub(super) fn g2_products(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let (terms, rest) = input.as_chunks::<G2_TERM_BYTES>();
    let cost = product_gas(terms.len(), G2_PRODUCT_GAS, &G2_DISCOUNTS);
    charge(cost, gas)?;
    if terms.is_empty() || !rest.is_empty() {
        return Err(Failure::BadInput);
    }
    let mut points = Vec::with_capacity(terms.len());
    for term in terms {
        if let Some(point) = g2_of_group(term, 0)? {
            points.push((point, *part(term, G2_BYTES)?));
        }
    }
    Ok(Output { gas: cost, bytes: encode_g2(multiply_sum_g2(&points)) })
}

/// 32,600 gas a pair, so a call checks at most as many as its gas buys.
pub(super) fn pairing(input: &[u8], gas: u64) -> Result<Output, Failure> {
    let (pairs, rest) = input.as_chunks::<PAIR_BYTES>();
    let cost = (pairs.len() as u64).saturating_mul(32_600).saturating_add(37_700);
    charge(cost, gas)?;
    if pairs.is_empty() || !rest.is_empty() {
        return Err(Failure::BadInput);
    }
    let mut points = Vec::with_capacity(pairs.len());
    for pair in pairs {
        // Both are checked, also beside a point at infinity.
        let (left, right) = (g1_of_group(pair, 0)?, g2_of_group(pair, G1_BYTES)?);
        points.extend(left.zip(right));
    }
    let mut bytes = vec![0; 31];
    bytes.push(u8::from(is_product_one(&points)));
    Ok(Output { gas: cost, bytes })
}

pub(super) fn map_number_to_g1(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 5_500;
    charge_exactly(COST, gas, input, NUMBER_BYTES)?;
    Ok(Output { gas: COST, bytes: encode_g1(map_to_g1(&number(input, 0)?)) })
}

pub(super) fn map_number_to_g2(input: &[u8], gas: u64) -> Result<Output, Failure> {
    const COST: u64 = 23_800;
    charge_exactly(COST, gas, input, 2 * NUMBER_BYTES)?;
    Ok(Output { gas: COST, bytes: encode_g2(map_to_g2(&number2(input, 0)?)) })
}

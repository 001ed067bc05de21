//! Micheline in binary, as far as the type of the rollup needs it: `Left`, `Right`, `Pair`, `None`, `Some`,
//! bytes, strings and integers, without annotations.
//!
//! Tags and primitive codes: `micheline_encoding.ml` and `michelson_v1_primitives.ml` of Octez. A `Pair` of
//! more than two arguments is read as the right comb that it abbreviates, so that both spellings give the
//! same [`Node`]; it is written in the long form, as the layer 1 does.
//!
//! **Bounds**: [`DEPTH_MAX`], [`INT_BYTES_MAX`]; strings and bytes are borrowed from the message.

use crate::bytes::Reader;
use alloc::{boxed::Box, vec::Vec};
use millrace_primitives::U256;

/// How deeply nodes may be nested; each argument of a long `Pair` after the second counts as a level.
pub const DEPTH_MAX: usize = 16;
/// Bytes of the largest integer: 6 + 36 × 7 bits hold 256.
pub const INT_BYTES_MAX: usize = 37;

const INT: u8 = 0;
const STRING: u8 = 1;
const PRIM_0: u8 = 3;
const PRIM_1: u8 = 5;
const PRIM_2: u8 = 7;
const PRIM_N: u8 = 9;
const BYTES: u8 = 10;

const LEFT: u8 = 5;
const NONE: u8 = 6;
const PAIR: u8 = 7;
const RIGHT: u8 = 8;
const SOME: u8 = 9;

/// Why bytes are not Micheline of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MichelineError {
    /// The bytes end within a node.
    Truncated,
    /// Bytes after the node.
    TrailingBytes,
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A sequence, a primitive or an annotation that the type of the rollup does not have.
    Unsupported,
    /// An integer that does not fit 256 bits.
    IntTooLarge,
    /// An integer that has a shorter encoding.
    NotCanonical,
}

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Below zero. Zero itself is not.
    pub is_negative: bool,
    /// Without the sign.
    pub magnitude: U256,
}

/// A Micheline expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// `42`
    Int(Int),
    /// `"text"`
    String(&'a [u8]),
    /// `0x00ff`
    Bytes(&'a [u8]),
    /// `Left x`
    Left(Box<Node<'a>>),
    /// `Right x`
    Right(Box<Node<'a>>),
    /// `Pair x y`
    Pair(Box<(Node<'a>, Node<'a>)>),
    /// `None`
    None,
    /// `Some x`
    Some(Box<Node<'a>>),
}

impl<'a> Node<'a> {
    /// `Left inner`
    pub fn left(inner: Self) -> Self {
        Self::Left(Box::new(inner))
    }

    /// `Right inner`
    pub fn right(inner: Self) -> Self {
        Self::Right(Box::new(inner))
    }

    /// `Pair first second`
    pub fn pair(first: Self, second: Self) -> Self {
        Self::Pair(Box::new((first, second)))
    }

    /// A natural number.
    pub fn nat(magnitude: U256) -> Self {
        Self::Int(Int { is_negative: false, magnitude })
    }

    /// Both halves, if this is a pair.
    pub fn as_pair(&self) -> Option<(&Self, &Self)> {
        match self {
            Self::Pair(both) => Some((&both.0, &both.1)),
            _ => None,
        }
    }

    /// The bytes, if this is bytes.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number, if this is one and not below zero.
    pub fn as_nat(&self) -> Option<U256> {
        match self {
            Self::Int(Int { is_negative: false, magnitude }) => Some(*magnitude),
            _ => None,
        }
    }

    /// Reads one expression that spans all of `bytes`.
    ///
    /// # Errors
    /// [`MichelineError`] says what is wrong with it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MichelineError> {
        let mut reader = Reader::new(bytes);
        let node = decode_node(&mut reader, DEPTH_MAX)?;
        if reader.is_empty() { Ok(node) } else { Err(MichelineError::TrailingBytes) }
    }

    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(int) => {
                out.push(INT);
                append_int(int, out);
            }
            Self::String(text) => append_sized(STRING, text, out),
            Self::Bytes(bytes) => append_sized(BYTES, bytes, out),
            Self::Left(inner) => append_prim_1(LEFT, inner, out),
            Self::Right(inner) => append_prim_1(RIGHT, inner, out),
            Self::Some(inner) => append_prim_1(SOME, inner, out),
            Self::None => out.extend_from_slice(&[PRIM_0, NONE]),
            Self::Pair(both) => {
                out.extend_from_slice(&[PRIM_2, PAIR]);
                both.0.append(out);
                both.1.append(out);
            }
        }
    }
}

/// Reads one node. It recurses at most [`DEPTH_MAX`] deep.
fn decode_node<'a>(reader: &mut Reader<'a>, depth_left: usize) -> Result<Node<'a>, MichelineError> {
    let depth_left = depth_left.checked_sub(1).ok_or(MichelineError::TooDeep)?;
    match reader.u8().ok_or(MichelineError::Truncated)? {
        INT => decode_int(reader).map(Node::Int),
        STRING => reader.sized().map(Node::String).ok_or(MichelineError::Truncated),
        BYTES => reader.sized().map(Node::Bytes).ok_or(MichelineError::Truncated),
        PRIM_0 => match reader.u8().ok_or(MichelineError::Truncated)? {
            NONE => Ok(Node::None),
            _ => Err(MichelineError::Unsupported),
        },
        PRIM_1 => {
            let wrap = match reader.u8().ok_or(MichelineError::Truncated)? {
                LEFT => Node::Left,
                RIGHT => Node::Right,
                SOME => Node::Some,
                _ => return Err(MichelineError::Unsupported),
            };
            Ok(wrap(Box::new(decode_node(reader, depth_left)?)))
        }
        PRIM_2 => match reader.u8().ok_or(MichelineError::Truncated)? {
            PAIR => Ok(Node::pair(decode_node(reader, depth_left)?, decode_node(reader, depth_left)?)),
            _ => Err(MichelineError::Unsupported),
        },
        PRIM_N => decode_long_pair(reader, depth_left),
        _ => Err(MichelineError::Unsupported),
    }
}

/// `Pair a b c …` as the right comb `Pair a (Pair b c)`.
fn decode_long_pair<'a>(reader: &mut Reader<'a>, depth_left: usize) -> Result<Node<'a>, MichelineError> {
    if reader.u8().ok_or(MichelineError::Truncated)? != PAIR {
        return Err(MichelineError::Unsupported);
    }
    let mut arguments = Reader::new(reader.sized().ok_or(MichelineError::Truncated)?);
    let annotations = reader.sized().ok_or(MichelineError::Truncated)?;
    if !annotations.is_empty() {
        return Err(MichelineError::Unsupported);
    }
    let comb = decode_comb(&mut arguments, depth_left)?;
    // A `Pair` of one argument is no pair.
    if matches!(comb, Node::Pair(_)) { Ok(comb) } else { Err(MichelineError::Unsupported) }
}

fn decode_comb<'a>(arguments: &mut Reader<'a>, depth_left: usize) -> Result<Node<'a>, MichelineError> {
    let depth_left = depth_left.checked_sub(1).ok_or(MichelineError::TooDeep)?;
    let first = decode_node(arguments, depth_left)?;
    if arguments.is_empty() {
        return Ok(first);
    }
    Ok(Node::pair(first, decode_comb(arguments, depth_left)?))
}

/// The signed integers of `data_encoding`: six bits, the sign and a continuation bit in the first byte, then
/// seven bits a byte, least significant first.
pub(crate) fn decode_int(reader: &mut Reader<'_>) -> Result<Int, MichelineError> {
    let first = reader.u8().ok_or(MichelineError::Truncated)?;
    let is_negative = first & 0x40 != 0;
    let mut magnitude = U256::from(first & 0x3f);
    let mut shift = 6usize;
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = reader.u8().ok_or(MichelineError::Truncated)?;
        if byte == 0 {
            return Err(MichelineError::NotCanonical);
        }
        magnitude |= shifted_left(byte & 0x7f, shift).ok_or(MichelineError::IntTooLarge)?;
        shift = shift.saturating_add(7);
    }
    if is_negative && magnitude.is_zero() {
        return Err(MichelineError::NotCanonical);
    }
    Ok(Int { is_negative, magnitude })
}

/// `bits × 2^shift`, or `None` when that does not fit a word.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "shifts of a word by less than its width lose bits, not more"
)]
fn shifted_left(bits: u8, shift: usize) -> Option<U256> {
    let bits = U256::from(bits);
    (shift < 256 && (bits << shift) >> shift == bits).then(|| bits << shift)
}

#[allow(clippy::arithmetic_side_effects, reason = "shifts of a word to the right by less than its width")]
pub(crate) fn append_int(int: &Int, out: &mut Vec<u8>) {
    let sign = if int.is_negative && !int.magnitude.is_zero() { 0x40 } else { 0 };
    let mut rest = int.magnitude >> 6usize;
    let continuation = |rest: U256| if rest.is_zero() { 0 } else { 0x80 };
    out.push(low_bits(int.magnitude, 0x3f) | sign | continuation(rest));
    for _ in 1..INT_BYTES_MAX {
        if rest.is_zero() {
            return;
        }
        let bits = low_bits(rest, 0x7f);
        rest >>= 7usize;
        out.push(bits | continuation(rest));
    }
}

fn low_bits(word: U256, mask: u8) -> u8 {
    word.byte(0) & mask
}

fn append_prim_1(code: u8, inner: &Node<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&[PRIM_1, code]);
    inner.append(out);
}

/// Bytes behind a length that no message reaches the end of.
fn append_sized(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn int(value: i128) -> Node<'static> {
        Node::Int(Int { is_negative: value < 0, magnitude: U256::from(value.unsigned_abs()) })
    }

    #[test]
    fn the_bytes_of_each_node_are_pinned() {
        let table = [
            (int(0), "0000"),
            (int(1), "0001"),
            (int(-1), "0041"),
            (int(63), "003f"),
            (int(64), "008001"),
            (int(-64), "00c001"),
            (int(500), "00b407"),
            (int(1_000_000), "0080897a"),
            (Node::String(b"hi"), "01000000026869"),
            (Node::Bytes(&[0xca, 0xfe]), "0a00000002cafe"),
            (Node::None, "0306"),
            (Node::Some(Box::new(int(1))), "05090001"),
            (Node::left(Node::Bytes(&[])), "05050a00000000"),
            (Node::right(int(2)), "05080002"),
            (Node::pair(int(1), Node::pair(int(2), int(3))), "0707000107070002 0003"),
        ];
        for (node, text) in table {
            let bytes = hex::decode(text.replace(' ', "")).unwrap();
            assert_eq!(node.encode(), bytes, "{text}");
            assert_eq!(Node::decode(&bytes), Ok(node), "{text}");
        }
    }

    #[test]
    fn a_long_pair_is_the_comb_that_it_abbreviates() {
        let long = hex::decode("09070000000600010002000300000000").unwrap();
        let comb = Node::pair(int(1), Node::pair(int(2), int(3)));
        assert_eq!(Node::decode(&long), Ok(comb.clone()));
        assert_eq!(Node::decode(&comb.encode()), Ok(comb));
        let short = hex::decode("0907000000040001000200000000").unwrap();
        assert_eq!(Node::decode(&short), Ok(Node::pair(int(1), int(2))));
    }

    #[test]
    fn hostile_bytes_are_refused_with_the_reason() {
        use MichelineError::{IntTooLarge, NotCanonical, TooDeep, TrailingBytes, Truncated, Unsupported};
        let deep = |levels: usize| ["0505".repeat(levels), "0306".to_string()].concat();
        let wide =
            |arguments: usize| format!("0907{:08x}{}00000000", arguments * 2, "0001".repeat(arguments));
        let table = [
            (String::new(), Truncated),
            ("00".into(), Truncated),
            ("0080".into(), Truncated),
            ("0a000000".into(), Truncated),
            ("0affffffff00".into(), Truncated),
            ("0a0000000200".into(), Truncated),
            ("0707".into(), Truncated),
            ("07070001".into(), Truncated),
            ("0306ff".into(), TrailingBytes),
            // A sequence, unit, an unknown tag, an annotation, a pair of one and of none.
            ("0200000000".into(), Unsupported),
            ("030b".into(), Unsupported),
            ("0b".into(), Unsupported),
            ("ff".into(), Unsupported),
            ("040600000000".into(), Unsupported),
            ("0907000000040001000200000001".to_string() + "25", Unsupported),
            ("0907000000020001 00000000".replace(' ', ""), Unsupported),
            ("09070000000000000000".into(), Truncated),
            ("0705".into(), Unsupported),
            ("05070001".into(), Unsupported),
            // −0 and a last byte without bits.
            ("0040".into(), NotCanonical),
            ("008000".into(), NotCanonical),
            ("0081808000".into(), NotCanonical),
            (deep(DEPTH_MAX), TooDeep),
            (wide(DEPTH_MAX + 1), TooDeep),
            (wide(1_000), TooDeep),
            (format!("00{}01", "80".repeat(INT_BYTES_MAX)), IntTooLarge),
            (format!("00{}01", "ff".repeat(1_000)), IntTooLarge),
        ];
        for (text, error) in table {
            let bytes = hex::decode(&text).unwrap();
            assert_eq!(Node::decode(&bytes), Err(error), "{text}");
        }
        assert!(Node::decode(&hex::decode(deep(DEPTH_MAX - 1)).unwrap()).is_ok());
    }

    #[test]
    fn integers_reach_256_bits_and_not_further() {
        let largest = Node::nat(U256::MAX);
        let bytes = largest.encode();
        assert_eq!(bytes.len(), 1 + INT_BYTES_MAX);
        assert_eq!(Node::decode(&bytes), Ok(largest));
        let mut larger = bytes;
        *larger.last_mut().unwrap() += 0x10;
        assert_eq!(Node::decode(&larger), Err(MichelineError::IntTooLarge));
    }

    fn any_node() -> impl Strategy<Value = Node<'static>> {
        const TEXT: &[u8] = b"0123456789abcdef";
        let leaf = prop_oneof![
            Just(Node::None),
            (any::<bool>(), any::<[u64; 4]>(), 0usize..256).prop_map(|(sign, limbs, shift)| {
                let magnitude = U256(limbs) >> shift;
                Node::Int(Int { is_negative: sign && !magnitude.is_zero(), magnitude })
            }),
            (0usize..16).prop_map(|length| Node::Bytes(&TEXT[..length])),
            (0usize..16).prop_map(|length| Node::String(&TEXT[..length])),
        ];
        leaf.prop_recursive(8, 64, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(Node::left),
                inner.clone().prop_map(Node::right),
                inner.clone().prop_map(|node| Node::Some(Box::new(node))),
                (inner.clone(), inner).prop_map(|(first, second)| Node::pair(first, second)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_node_survives(node in any_node()) {
            let bytes = node.encode();
            prop_assert_eq!(Node::decode(&bytes), Ok(node));
        }
    }
}

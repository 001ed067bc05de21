//! The check: `[8](S B - R - h A) = 0`, where h is the digest of R, A and the message.
//!
//! With v h = u modulo L it is `[8](v S B - v R - u A) = 0` that is checked, where v S is taken modulo L and u and v
//! are half as long as h (see [`crate::halve`]). That is the same:
//! * Eight times any point of the curve has an order that divides L, a prime. So numbers that are equal modulo L
//!   multiply it to the same point, and what parts of small order A and R have does not matter.
//! * Hence `[8](v S B - v R - u A) = [v] [8](S B - R - h A)`; and as v is not zero modulo L, it multiplies no point but
//!   the neutral element, among those of order L or 1, to the neutral element.

use sha2::{Digest, Sha512};

use crate::halve::halve;
use crate::multiply::{Multiples, PLACE_LENGTH, Places, Term, multiply, multiply_places, places};
use crate::point::{Affine, AffineAddend, Sum};
use crate::scalar::Scalar;
use crate::table::TABLES;

/// A public key that is ready for checks: decoded, with multiples of its point.
#[derive(Clone, Debug)]
pub struct Key {
    bytes: [u8; 32],
    point: Affine,
    multiples: Multiples,
}

impl Key {
    /// The key of these bytes: any encoding of any point, canonical or not.
    #[must_use]
    pub fn decode(bytes: &[u8; 32]) -> Option<Self> {
        Affine::decode(bytes).map(|point| Self::new(bytes, &point))
    }

    /// The same key for a quarter of the work, given the x coordinate of its point as [`Key::x`] gave it. It need not
    /// be trusted: what is not that x gives `None`.
    #[must_use]
    pub fn decode_with_x(bytes: &[u8; 32], x: &[u8; 32]) -> Option<Self> {
        Affine::decode_with_x(bytes, x).map(|point| Self::new(bytes, &point))
    }

    fn new(bytes: &[u8; 32], point: &Affine) -> Self {
        Self { bytes: *bytes, point: *point, multiples: Multiples::new(point) }
    }

    /// The x coordinate of the point, little-endian: what takes most of the work of decoding, to be kept by those
    /// who will need the key again.
    #[must_use]
    pub fn x(&self) -> [u8; 32] {
        self.point.x.to_bytes()
    }

    /// The bytes that the key was decoded from.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether eight times the point is the neutral element: such a key signs without a secret.
    #[must_use]
    pub fn is_small_order(&self) -> bool {
        Sum::new(&self.point).is_small_order()
    }

    /// Whether `signature` is one of `message` by this key. False for anything malformed.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let Some((r, s, digest)) = parts(&self.bytes, message, signature) else { return false };
        let Some(halves) = halve(&digest) else { return false };
        let terms = [
            Term {
                half: &halves.dividend,
                sign: if halves.negative { 1 } else { -1 },
                multiples: &self.multiples,
            },
            Term { half: &halves.divisor, sign: -1, multiples: &Multiples::new(&r) },
        ];
        multiply(&s.times(&halves.divisor), terms).is_small_order()
    }

    /// The form of the key with which a check is cheapest.
    #[must_use]
    pub fn prepare(&self) -> PreparedKey {
        PreparedKey { bytes: self.bytes, places: places(&self.point) }
    }
}

/// A public key with multiples of its point at four places, for those who keep it: a check is a third cheaper, but
/// preparing costs more than a check. [`PreparedKey::SIZE_BYTES`] fit into one read of the durable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedKey {
    bytes: [u8; 32],
    places: Places,
}

impl PreparedKey {
    /// Size in bytes.
    pub const SIZE_BYTES: usize = 32 + TABLES * PLACE_LENGTH * AffineAddend::SIZE_BYTES;

    /// The bytes of the key itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The prepared key: the bytes of the key, then for each place and each of its multiples 27 limbs of four bytes,
    /// little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE_BYTES] {
        let mut bytes = [0; Self::SIZE_BYTES];
        let (key, multiples) = bytes.split_at_mut(32);
        key.copy_from_slice(&self.bytes);
        let multiples = multiples.as_chunks_mut::<{ AffineAddend::SIZE_BYTES }>().0;
        for (multiple, to) in self.places.iter().flatten().zip(multiples) {
            multiple.write(to);
        }
        bytes
    }

    /// The prepared key of what [`PreparedKey::to_bytes`] gave. **Not checked**: with other bytes signatures
    /// are valid or not at the whim of who made them, so they must come from a place that only the caller writes.
    #[must_use]
    pub fn from_trusted_bytes(bytes: &[u8; Self::SIZE_BYTES]) -> Self {
        let mut prepared = Self { bytes: [0; 32], places: [[AffineAddend::EMPTY; PLACE_LENGTH]; TABLES] };
        let (key, multiples) = bytes.split_at(32);
        prepared.bytes.copy_from_slice(key);
        let multiples = multiples.as_chunks::<{ AffineAddend::SIZE_BYTES }>().0;
        for (multiple, from) in prepared.places.iter_mut().flatten().zip(multiples) {
            *multiple = AffineAddend::read(from);
        }
        prepared
    }

    /// Whether `signature` is one of `message` by this key. False for anything malformed.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let Some((r, s, digest)) = parts(&self.bytes, message, signature) else { return false };
        let sum = multiply_places(&s, &digest, &self.places);
        sum.advanced(Some(&AffineAddend::new(&r).times(-1))).is_small_order()
    }
}

/// R, S and the digest, if the signature is well formed.
fn parts(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Option<(Affine, Scalar, Scalar)> {
    let ([r_bytes, s_bytes], []) = signature.as_chunks::<32>() else { return None };
    let (s, r) = (Scalar::from_bytes(s_bytes)?, Affine::decode(r_bytes)?);
    let digest = Sha512::new().chain_update(r_bytes).chain_update(key).chain_update(message).finalize();
    Some((r, s, Scalar::from_bytes_reduced(&digest.into())))
}

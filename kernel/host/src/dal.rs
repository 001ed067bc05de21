//! The data availability layer of Octez: what a kernel asks of it, in the bytes of the reveal.
//!
//! ```text
//! page        0x02 | published level i32 | slot index u8 | page index i16   -> the bytes of the page, or none
//! parameters  0x03                                                          -> four i64
//! ```
//! Integers are big-endian. Source: `sc_rollup_reveal` and `dal_slot_repr` of the Octez protocol. A request that the
//! protocol does not know is answered with no bytes.

use millrace_primitives::L1Level;

const PAGE_TAG: u8 = 2;

/// Asks for [`DalParameters`].
pub const DAL_PARAMETERS_REQUEST: [u8; 1] = [3];

/// A page of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DalPage {
    /// The level whose block published the slot.
    pub published_level: L1Level,
    /// The index of the slot.
    pub slot: u8,
    /// The index of the page in the slot.
    pub page: u16,
}

impl DalPage {
    /// Bytes of a request.
    pub const REQUEST_BYTES: usize = 8;

    /// What asks for it; `None` when the layer 1 has no such level or page.
    pub fn request(&self) -> Option<[u8; Self::REQUEST_BYTES]> {
        let [a, b, c, d] = i32::try_from(self.published_level.get()).ok()?.to_be_bytes();
        let [e, f] = i16::try_from(self.page).ok()?.to_be_bytes();
        Some([PAGE_TAG, a, b, c, d, self.slot, e, f])
    }
}

/// The constants of the data availability layer, in the protocol of the layer 1 at this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalParameters {
    /// Slots of a level.
    pub number_of_slots: u64,
    /// Levels from publication until it is settled whether a slot is attested.
    pub attestation_lag: u64,
    /// Bytes of a slot.
    pub slot_size_bytes: u64,
    /// Bytes of a page of a slot.
    pub page_size_bytes: u64,
}

impl DalParameters {
    /// Bytes of the answer.
    pub const SIZE_BYTES: usize = 32;

    /// Reads the answer; `None` when the layer 1 has no data availability layer, or constants below zero.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::SIZE_BYTES] = bytes.try_into().ok()?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [slots, lag, slot_size, page_size] = numbers else { return None };
        let number = |bytes: &[u8; 8]| u64::try_from(i64::from_be_bytes(*bytes)).ok();
        Some(Self {
            number_of_slots: number(slots)?,
            attestation_lag: number(lag)?,
            slot_size_bytes: number(slot_size)?,
            page_size_bytes: number(page_size)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_request_are_pinned() {
        let page = DalPage { published_level: L1Level::new(0x0102_0304), slot: 0xa0, page: 0x0506 };
        assert_eq!(page.request(), Some([2, 1, 2, 3, 4, 0xa0, 5, 6]));
        let top = DalPage { published_level: L1Level::new(i32::MAX as u32), page: i16::MAX as u16, ..page };
        assert!(top.request().is_some());
        assert_eq!(DalPage { published_level: L1Level::new(1 << 31), ..page }.request(), None);
        assert_eq!(DalPage { page: 1 << 15, ..page }.request(), None);
    }

    #[test]
    fn parameters_are_four_numbers_or_nothing() {
        let answer = |numbers: [i64; 4]| numbers.map(i64::to_be_bytes).concat();
        let ushuaia = DalParameters {
            number_of_slots: 160,
            attestation_lag: 5,
            slot_size_bytes: 380_832,
            page_size_bytes: 3_967,
        };
        let good = answer([160, 5, 380_832, 3_967]);
        assert_eq!(DalParameters::decode(&good), Some(ushuaia));
        for bad in [&good[..31], &[&good[..], &[0]].concat(), &[], &answer([160, -5, 380_832, 3_967])] {
            assert_eq!(DalParameters::decode(bad), None, "{bad:?}");
        }
    }
}

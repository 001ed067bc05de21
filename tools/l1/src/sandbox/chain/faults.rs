//! What goes wrong on the layer 1 because it was told to. Faults end with the process; what they did stays.

use crate::sandbox::limits::{LEVEL_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD_BYTES};

/// What becomes of operations that arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// They are taken, and never seen again.
    Dropped,
    /// They wait so many levels longer.
    Delayed {
        /// Levels.
        levels: u32,
    },
}

/// Operations that somebody else has filled blocks with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FullLevels {
    /// How many levels are still to be full.
    pub levels: u32,
    /// Bytes of each that are left for us.
    pub free_bytes: usize,
    /// Whether the rest is messages for another rollup, which ours has to read; otherwise it is nothing to rollups.
    pub messages: bool,
}

/// The faults in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// What becomes of the next so many injections.
    pub arriving: Option<(Fate, u32)>,
    /// Levels that are full.
    pub full: Option<FullLevels>,
}

impl Faults {
    /// What becomes of an injection.
    pub(super) fn next_arrival(&mut self) -> Option<Fate> {
        let (fate, left) = self.arriving?;
        self.arriving = left.checked_sub(1).filter(|left| *left > 0).map(|left| (fate, left));
        (left > 0).then_some(fate)
    }

    /// Bytes of the next level that are left for us.
    pub(super) fn room_bytes(&self) -> usize {
        self.full.map_or(LEVEL_BYTES_MAX, |full| full.free_bytes.min(LEVEL_BYTES_MAX))
    }

    /// The messages of others in the next level.
    pub(super) fn filling(&self) -> Vec<Vec<u8>> {
        let Some(FullLevels { messages: true, .. }) = self.full else { return Vec::new() };
        let message = others_message();
        let count = (LEVEL_BYTES_MAX - self.room_bytes()) / (message.len() + MESSAGE_OVERHEAD_BYTES);
        vec![message; count]
    }

    /// A level was made.
    pub(super) fn after_level(&mut self) {
        let less = |full: FullLevels| {
            let levels = full.levels.checked_sub(1).filter(|levels| *levels > 0)?;
            Some(FullLevels { levels, ..full })
        };
        self.full = self.full.and_then(less);
    }
}

/// The largest external message, addressed to a rollup that is not ours.
fn others_message() -> Vec<u8> {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    message[0] = millrace_wire::frame::EXTERNAL_TAG;
    // Behind the tag and the kind of frame: the address.
    message[2..22].fill(0xff);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::RollupAddress;
    use millrace_wire::message::{Ignored, parse};

    #[test]
    fn a_fate_is_for_a_number_of_injections() {
        let mut faults = Faults::default();
        assert_eq!(faults.next_arrival(), None);
        faults.arriving = Some((Fate::Dropped, 2));
        assert_eq!(
            [faults.next_arrival(), faults.next_arrival(), faults.next_arrival()],
            [Some(Fate::Dropped), Some(Fate::Dropped), None]
        );
        faults.arriving = Some((Fate::Delayed { levels: 3 }, 0));
        assert_eq!(faults.next_arrival(), None);
    }

    #[test]
    fn full_levels_have_little_room_and_end() {
        let mut faults = Faults::default();
        assert_eq!((faults.room_bytes(), faults.filling().len()), (LEVEL_BYTES_MAX, 0));
        faults.full = Some(FullLevels { levels: 2, free_bytes: 5_000, messages: true });
        assert_eq!(faults.room_bytes(), 5_000);
        let filling = faults.filling();
        assert_eq!(filling.len(), (LEVEL_BYTES_MAX - 5_000) / 4_100);
        let ours = RollupAddress::new([1; 20]);
        assert_eq!(parse(&filling[0], &ours), Err(Ignored::OtherRollup));
        faults.after_level();
        assert_eq!(faults.full.map(|full| full.levels), Some(1));
        faults.after_level();
        assert_eq!(faults.full, None);
    }
}

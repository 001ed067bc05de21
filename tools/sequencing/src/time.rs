//! Time as an input.

use millrace_primitives::Timestamp;

/// Milliseconds since the Unix epoch, as the shell measured them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment(u64);

impl Moment {
    /// The first moment.
    pub const ZERO: Self = Self(0);

    /// Wraps milliseconds since the Unix epoch.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// This moment and `ms` milliseconds, held at the last moment.
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; zero when it is not earlier.
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The whole second that this moment falls into.
    pub const fn to_timestamp(self) -> Timestamp {
        Timestamp::new(self.0 / 1_000)
    }
}

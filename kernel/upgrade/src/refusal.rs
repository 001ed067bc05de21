//! Why a kernel does not take over, or gives way again.

use core::fmt;

/// Why a kernel did not take over, or gave way again to the one before. The numbers are in events and never change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Refusal {
    /// A page is not one.
    Page = 1,
    /// Pages of hashes are stacked higher than [`millrace_layout::upgrade::DEPTH_MAX`].
    Depth = 2,
    /// More bytes than [`millrace_layout::upgrade::KERNEL_BYTES_MAX`], or more pages than [`crate::PAGES_MAX`].
    TooLarge = 3,
    /// A run trapped while it revealed and checked.
    FetchTrapped = 4,
    /// Not a WebAssembly module of version 1.
    NotWasm = 5,
    /// Its sections do not add up.
    Sections = 6,
    /// It has no function `kernel_run` without parameters: the PVM would be stuck for ever.
    Entry = 7,
    /// It has more than one memory: the PVM would be stuck for ever.
    Memories = 8,
    /// The PVM could not decode, link or start it, and went back by itself.
    Pvm = 9,
    /// It does not know the layout of the storage.
    UnknownVersion = 10,
    /// A migration failed.
    Migration = 11,
    /// A migration trapped.
    MigrationTrapped = 12,
    /// A migration did not end within a level.
    MigrationTooLong = 13,
    /// It made no block though it should have.
    Silent = 14,
    /// It trapped while it read the inbox of a level.
    Reading = 15,
}

impl Refusal {
    /// The number in events.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What a number in an event means; `None` of one that no kernel like this gives.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    const ALL: [Self; 14] = [
        Self::Page,
        Self::Depth,
        Self::TooLarge,
        Self::FetchTrapped,
        Self::NotWasm,
        Self::Sections,
        Self::Entry,
        Self::Memories,
        Self::Pvm,
        Self::UnknownVersion,
        Self::Migration,
        Self::MigrationTrapped,
        Self::MigrationTooLong,
        Self::Silent,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Page => "malformed page",
            Self::Depth => "pages stacked too high",
            Self::TooLarge => "kernel too large",
            Self::FetchTrapped => "trap while its pages were revealed",
            Self::NotWasm => "not WebAssembly",
            Self::Sections => "malformed sections",
            Self::Entry => "no function kernel_run without parameters",
            Self::Memories => "more than one memory",
            Self::Pvm => "refused by the PVM",
            Self::UnknownVersion => "unknown layout",
            Self::Migration => "migration failed",
            Self::MigrationTrapped => "migration trapped",
            Self::MigrationTooLong => "migration longer than a level",
            Self::Silent => "no block",
            Self::Reading => "trap while messages were read",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reason {})", self.text(), self.code())
    }
}

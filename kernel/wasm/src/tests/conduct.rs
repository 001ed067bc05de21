//! What the test kernel is told to do: one byte in its bytes, behind a mark. And what its migration copies.
//!
//! `tools/next-kernel` has this file too: it is what writes the byte, and what tests look for the copies by.

/// What stands before the byte, once in the whole module.
pub const MARK: &[u8; 30] = b"what this kernel does to you: ";

/// What may be absent: before the first block, without a sequencer, without governance.
pub const OPTIONAL: [&str; 12] = [
    "/base/authority",
    "/base/authority_change",
    "/base/next_authorities",
    "/base/upgrades",
    "/base/l1",
    "/base/delayed/bounds",
    "/base/queue/bounds",
    "/base/queue/announced",
    "/base/attempt",
    "/base/progress",
    "/base/settled",
    "/base/outbox/cursor",
];

/// What a kernel does, and where it stops being of any use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Conduct {
    /// Brings the storage to the next layout but one, and makes blocks.
    Migrates = b'a',
    /// Does damage in its second step, and says that it cannot go on.
    FailsToMigrate = b'b',
    /// Does damage in its second step, and traps.
    TrapsInMigration = b'c',
    /// Has always one more turn to do.
    MigratesForEver = b'd',
    /// Has no step from the layout that there is.
    SkipsALayout = b'e',
    /// Migrates, and traps whenever a block is to become visible.
    MigratesAndTraps = b'f',
    /// Migrates, and makes no block.
    MigratesAndMakesNoBlock = b'g',
    /// Needs no other layout, and makes blocks.
    SameLayout = b'h',
    /// Needs no other layout, and traps whenever a block is to become visible.
    Traps = b'i',
    /// Needs no other layout, and makes no block.
    MakesNoBlock = b'j',
    /// Needs no other layout, and traps when it has taken a message.
    TrapsAtMessages = b'k',
}

impl Conduct {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::Migrates,
        Self::FailsToMigrate,
        Self::TrapsInMigration,
        Self::MigratesForEver,
        Self::SkipsALayout,
        Self::MigratesAndTraps,
        Self::MigratesAndMakesNoBlock,
        Self::SameLayout,
        Self::Traps,
        Self::MakesNoBlock,
        Self::TrapsAtMessages,
    ];

    /// The byte in the module.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// What a byte stands for.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|conduct| conduct.byte() == byte)
    }
}

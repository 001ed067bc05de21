//! Why a kernel does not take over, or gives way again.

use core::fmt;

/// Declares the refusals with their stable codes and how they are told.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a kernel did not take over, or gave way again to the one before. The numbers are in events and never change.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Refusal {
            $($(#[$doc])* $name = $code,)*
        }

        impl Refusal {
            /// What a number in an event means; `None` of one that no kernel like this gives.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

refusals! {
    /// A page is not one.
    Page = 1, "malformed page";
    /// Pages of hashes are stacked higher than [`millrace_layout::upgrade::DEPTH_MAX`].
    Depth = 2, "pages stacked too high";
    /// More bytes than [`millrace_layout::upgrade::KERNEL_BYTES_MAX`], or more pages than [`millrace_layout::upgrade::PAGES_MAX`].
    TooLarge = 3, "kernel too large";
    /// A run trapped while it revealed and checked.
    FetchTrapped = 4, "trap while its pages were revealed";
    /// Not a WebAssembly module of version 1.
    NotWasm = 5, "not WebAssembly";
    /// Its sections do not add up.
    Sections = 6, "malformed sections";
    /// It has no function `kernel_run` without parameters: the PVM would be stuck for ever.
    Entry = 7, "no function kernel_run without parameters";
    /// It has more than one memory: the PVM would be stuck for ever.
    Memories = 8, "more than one memory";
    /// The PVM could not decode, link or start it, and went back by itself.
    Pvm = 9, "refused by the PVM";
    /// It does not know the layout of the storage.
    UnknownVersion = 10, "unknown layout";
    /// A migration failed.
    Migration = 11, "migration failed";
    /// A migration trapped.
    MigrationTrapped = 12, "migration trapped";
    /// A migration did not end within a level.
    MigrationTooLong = 13, "migration longer than a level";
    /// It made no block though it should have.
    Silent = 14, "no block";
    /// It trapped while it read the inbox of a level.
    Reading = 15, "trap while messages were read";
}

impl Refusal {
    /// The number in events.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reason {})", self.text(), self.code())
    }
}

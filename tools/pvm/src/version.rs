//! The versions of the PVM and what each one lets a kernel import.

/// The module that every import names.
pub(crate) const HOST_MODULE: &str = "smart_rollup_core";

/// A version of the PVM, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2.0.0`, Mumbai.
    V0,
    /// `2.0.0-r1`, Nairobi.
    V1,
    /// `2.0.0-r2`, Oxford.
    V2,
    /// `2.0.0-r3`, no protocol.
    V3,
    /// `2.0.0-r4`, Paris.
    V4,
    /// `2.0.0-r5`, Quebec to Tallinn.
    V5,
    /// `2.0.0-r6`, Ushuaia and later.
    V6,
    /// `2.0.0-experimental`, no protocol: as V6.
    Experimental,
}

/// The names of all versions as the durable storage spells them.
const SPELLINGS: [(Version, &str); 8] = [
    (Version::V0, "2.0.0"),
    (Version::V1, "2.0.0-r1"),
    (Version::V2, "2.0.0-r2"),
    (Version::V3, "2.0.0-r3"),
    (Version::V4, "2.0.0-r4"),
    (Version::V5, "2.0.0-r5"),
    (Version::V6, "2.0.0-r6"),
    (Version::Experimental, "2.0.0-experimental"),
];

/// Number of imports.
pub(crate) const IMPORTS_COUNT: usize = 30;

/// The first version that has an import, for all imports.
const IMPORTS: [(&str, Version); IMPORTS_COUNT] = [
    ("read_input", Version::V0),
    ("write_output", Version::V0),
    ("write_debug", Version::V0),
    ("store_has", Version::V0),
    ("store_list_size", Version::V0),
    ("store_get_nth_key", Version::V0),
    ("store_delete", Version::V0),
    ("store_copy", Version::V0),
    ("store_move", Version::V0),
    ("store_value_size", Version::V0),
    ("store_read", Version::V0),
    ("store_write", Version::V0),
    ("reveal_preimage", Version::V0),
    ("reveal_metadata", Version::V0),
    ("store_delete_value", Version::V1),
    ("store_create", Version::V1),
    ("__internal_store_get_hash", Version::V1),
    ("store_exists", Version::V2),
    ("reveal", Version::V3),
    ("nds_registry_resize", Version::V6),
    ("nds_registry_copy", Version::V6),
    ("nds_registry_move", Version::V6),
    ("nds_registry_clear", Version::V6),
    ("nds_store_exists", Version::V6),
    ("nds_store_read", Version::V6),
    ("nds_store_write", Version::V6),
    ("nds_store_set", Version::V6),
    ("nds_store_delete", Version::V6),
    ("nds_store_value_size", Version::V6),
    ("nds_database_get_hash", Version::V6),
];

/// The place of an import in the list of all of them.
#[allow(clippy::panic, reason = "evaluated by the compiler only")]
pub(crate) const fn import_index(name: &str) -> usize {
    let mut index = 0;
    while index < IMPORTS.len() {
        if is_equal(IMPORTS[index].0.as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("no such import")
}

const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

/// The name of the import at a place of the list.
pub(crate) fn import_name(index: usize) -> &'static str {
    IMPORTS[index].0
}

impl Version {
    /// What a rollup originated today starts with on Ushuaia.
    pub const LATEST: Self = Self::V6;

    /// All of them.
    pub const ALL: [Self; 7] = [Self::V0, Self::V1, Self::V2, Self::V3, Self::V4, Self::V5, Self::V6];

    /// The version of this spelling, if it is one.
    pub fn parse(spelling: &[u8]) -> Option<Self> {
        SPELLINGS.iter().find(|(_, text)| text.as_bytes() == spelling).map(|(version, _)| *version)
    }

    /// As the durable storage spells it.
    pub fn as_str(self) -> &'static str {
        SPELLINGS[self as usize].1
    }

    /// The version that a protocol of this name switches to; `None` for names we do not know.
    pub fn of_protocol(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"mumbai_016" | b"Mumbai" => Self::V0,
            b"nairobi_017" | b"Nairobi" => Self::V1,
            b"oxford_018" | b"Oxford" => Self::V2,
            b"paris_019" | b"paris_020" | b"Paris" | b"ParisC" => Self::V4,
            b"quebec_021" | b"r022_022" | b"s023_023" | b"t024_024" => Self::V5,
            b"u025_025" | b"alpha" | b"alpha_current" => Self::V6,
            _ => return None,
        })
    }

    /// Wasm frames at which a call is one too many.
    pub const fn call_depth_limit(self) -> u32 {
        match self {
            Self::V0 => 300,
            _ => 60_000,
        }
    }

    /// What is wrong with an import, if something is.
    pub(crate) fn lacks_import(self, module: &str, name: &str, is_function: bool) -> Option<String> {
        if module != HOST_MODULE {
            return Some(format!("unexpected module import: {module}"));
        }
        (!is_function || !self.has_import(name)).then(|| format!("unexpected import: {HOST_MODULE}.{name}"))
    }

    /// Whether a kernel of this version may import `name`.
    pub fn has_import(self, name: &str) -> bool {
        IMPORTS.iter().any(|(import, since)| *import == name && *since <= self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_read_back_and_imports_only_grow() {
        for (version, text) in SPELLINGS {
            assert_eq!(Version::parse(text.as_bytes()), Some(version));
            assert_eq!(version.as_str(), text);
        }
        assert_eq!(Version::parse(b"2.0.0-r7"), None);
        let count = |version: Version| IMPORTS.iter().filter(|(name, _)| version.has_import(name)).count();
        assert_eq!(SPELLINGS.map(|(version, _)| count(version)), [14, 17, 18, 19, 19, 19, 30, 30]);
        assert!(!Version::V5.has_import("no_such"));
    }
}

//! How values are shown.

use millrace_primitives::U256;

/// A way to show a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hexadecimal digits.
    Hex,
    /// As it is.
    String,
    /// Little endian, without a sign, of this many bytes.
    Integer {
        /// The name of the kind.
        name: &'static str,
        /// 2 to 32.
        size_bytes: usize,
    },
}

const INTEGERS: [(&str, &str, usize); 5] = [
    ("uint16", "u16", 2),
    ("int32", "i32", 4),
    ("int64", "i64", 8),
    ("uint128", "u128", 16),
    ("uint256", "u256", 32),
];

impl Kind {
    /// The kind of this name; `plugin` kinds of Octez are OCaml code, and none.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "hex" => Some(Self::Hex),
            "string" => Some(Self::String),
            _ => Self::parse_integer(text),
        }
    }

    /// The kind of this name, if it is a number.
    pub fn parse_integer(text: &str) -> Option<Self> {
        let (_, name, size_bytes) =
            INTEGERS.into_iter().find(|(long, short, _)| [*long, *short].contains(&text))?;
        Some(Self::Integer { name, size_bytes })
    }
}

/// The value in this way, or in digits and why when it is of another size.
pub(crate) fn show(kind: Kind, value: &[u8]) -> String {
    match kind {
        Kind::Hex => hex::encode(value),
        Kind::String => String::from_utf8_lossy(value).into_owned(),
        Kind::Integer { size_bytes, .. } if value.len() == size_bytes => {
            U256::from_little_endian(value).to_string()
        }
        Kind::Integer { name, size_bytes } => format!(
            "Error: {name} values must be {size_bytes} bytes long. Defaulting to hexadecimal value\n{}",
            hex::encode(value)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_every_way() {
        let shown = |kind: &str, value: &[u8]| show(Kind::parse(kind).unwrap(), value);
        assert_eq!(shown("hex", &[0, 0xff]), "00ff");
        assert_eq!(shown("string", b"a\xff"), "a\u{fffd}");
        assert_eq!(shown("u16", &[1, 2]), "513");
        assert_eq!(shown("int32", &[0xff; 4]), u32::MAX.to_string());
        assert_eq!(shown("i64", &[0xff; 8]), u64::MAX.to_string());
        assert_eq!(shown("u128", &[0xff; 16]), u128::MAX.to_string());
        assert_eq!(shown("u256", &[0xff; 32]), U256::MAX.to_string());
        let error = "Error: u16 values must be 2 bytes long. Defaulting to hexadecimal value\n010203";
        assert_eq!(shown("uint16", &[1, 2, 3]), error);
        assert_eq!(Kind::parse("u8"), None);
    }
}

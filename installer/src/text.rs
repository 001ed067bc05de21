//! Texts of parameters, understood.

use crate::{
    Amount,
    error::{Fault, ParameterError},
    genesis::CODE_BYTES_MAX,
};
use millrace_primitives::{Address, H256, U256};
use millrace_wire::base58::Base58Check;
use sha3::{Digest, Keccak256};

/// A value that cannot be, alone or beside another.
pub(crate) fn cannot_be(
    field: impl Into<String>,
    value: impl ToString,
    reason: impl Into<String>,
) -> ParameterError {
    ParameterError::new(field, Fault::Range { value: value.to_string(), reason: reason.into() })
}

/// Reads a key or an address of the layer 1.
pub(crate) fn base58<T: Base58Check>(
    field: &str,
    text: &str,
    expected: &'static str,
) -> Result<T, ParameterError> {
    let refuse = |reason| Fault::Text { value: text.to_owned(), expected, reason };
    T::from_base58(text).map_err(|reason| ParameterError::new(field, refuse(reason)))
}

pub(crate) fn amount(field: &str, text: &str) -> Result<U256, ParameterError> {
    let refuse = |reason| Fault::Amount { value: text.to_owned(), reason };
    text.parse().map(|Amount(wei)| wei).map_err(|reason| ParameterError::new(field, refuse(reason)))
}

/// Reads `0x` and 40 digits. Mixed case is a checksum (EIP-55) and must match.
pub(crate) fn address(field: &str, text: &str) -> Result<Address, ParameterError> {
    let refuse = |reason| ParameterError::new(field, Fault::Address { value: text.to_owned(), reason });
    let digits = text.strip_prefix("0x").ok_or_else(|| refuse("it must start with 0x"))?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse("it must have 40 hexadecimal digits"))?;
    let has = |test: fn(&u8) -> bool| digits.as_bytes().iter().any(test);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    if is_mixed && digits != checksummed(&bytes) {
        return Err(refuse("its mixed case does not match its checksum (EIP-55)"));
    }
    Ok(Address::from(bytes))
}

/// The 40 digits of an address with the capitals of EIP-55.
pub(crate) fn checksummed(address: &[u8; 20]) -> String {
    let digits = hex::encode(address);
    let hash = hex::encode(Keccak256::digest(&digits));
    let capital =
        |(digit, nibble): (char, char)| if nibble >= '8' { digit.to_ascii_uppercase() } else { digit };
    digits.chars().zip(hash.chars()).map(capital).collect()
}

/// Reads the code of a contract.
pub(crate) fn code(field: &str, text: &str) -> Result<Vec<u8>, ParameterError> {
    let refuse = |reason| ParameterError::new(field, Fault::Code(reason));
    let digits = text.strip_prefix("0x").ok_or_else(|| refuse("it must start with 0x"))?;
    let code = hex::decode(digits).map_err(|_| refuse("not an even number of hexadecimal digits"))?;
    match code.first() {
        None => Err(refuse("an account without code belongs to genesis.accounts")),
        Some(0xef) => Err(refuse("no contract's code starts with 0xef (EIP-3541)")),
        Some(_) if code.len() > CODE_BYTES_MAX => Err(refuse("more than 24,576 bytes (EIP-170)")),
        Some(_) => Ok(code),
    }
}

/// Reads a slot or what is in it: `0x` and up to 64 digits, filled up with zeros on the left.
pub(crate) fn word(field: &str, text: &str) -> Result<H256, ParameterError> {
    let refuse = |reason| ParameterError::new(field, Fault::Word { value: text.to_owned(), reason });
    let digits = text.strip_prefix("0x").ok_or_else(|| refuse("it must start with 0x"))?;
    let mut bytes = [0; 32];
    if !(1..=64).contains(&digits.len()) {
        return Err(refuse("it must have 1 to 64 hexadecimal digits"));
    }
    hex::decode_to_slice(format!("{digits:0>64}"), &mut bytes)
        .map_err(|_| refuse("it must have hexadecimal digits"))?;
    Ok(H256(bytes))
}

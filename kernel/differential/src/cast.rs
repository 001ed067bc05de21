//! Who is there: users with keys, contracts, accounts that delegate, and some that do not exist.

use anyhow::{Context, Result, anyhow};
use k256::ecdsa::SigningKey;
use millrace_evm::{Authorization, Signature, keccak};
use millrace_primitives::{Address, H160, U256};
use std::sync::OnceLock;

/// The chain of every case.
pub const CHAIN_ID: u64 = 1337;

/// Contracts of a case, from address `0x0c00`.
pub const CONTRACTS: usize = 4;
/// Accounts that delegate from the start, from address `0x0d00`.
pub const DELEGATED: usize = 5;
/// Users; those from [`FUNDED`] on have nothing and do not exist.
pub const USERS: usize = 5;
/// Users that have wei.
pub const FUNDED: usize = 3;

/// An address that is a small number.
pub fn small(number: u16) -> Address {
    let mut address = H160::zero();
    let [high, low] = number.to_be_bytes();
    (address.0[18], address.0[19]) = (high, low);
    address
}

/// Contract number `index`.
pub fn contract(index: usize) -> Address {
    small(0x0c00 | u16::try_from(index % CONTRACTS).unwrap_or_default())
}

/// Delegating account number `index`.
pub fn delegated(index: usize) -> Address {
    small(0x0d00 | u16::try_from(index % DELEGATED).unwrap_or_default())
}

/// An account with wei and nothing else.
pub fn rich() -> Address {
    small(0x0e01)
}

/// An account that does not exist.
pub fn nobody() -> Address {
    small(0x0e00)
}

/// A user with a key.
#[derive(Clone, Debug)]
pub struct User {
    key: SigningKey,
    /// Where it stands.
    pub address: Address,
}

/// All of them.
///
/// # Errors
/// Never, as the keys are fixed.
pub fn users() -> Result<&'static [User]> {
    static ALL: OnceLock<Vec<User>> = OnceLock::new();
    if let Some(all) = ALL.get() {
        return Ok(all);
    }
    let all = make_users()?;
    Ok(ALL.get_or_init(|| all))
}

fn make_users() -> Result<Vec<User>> {
    (1..=USERS)
        .map(|index| {
            let key = SigningKey::from_bytes(&[u8::try_from(index)?; 32].into())?;
            let point = key.verifying_key().to_encoded_point(false);
            let digest = keccak(point.as_bytes().get(1..).context("a point is 65 bytes")?);
            let address = H160::from_slice(digest.0.get(12..).context("a digest is 32 bytes")?);
            Ok(User { key, address })
        })
        .collect()
}

impl User {
    /// Signs a digest.
    ///
    /// # Errors
    /// When the digest cannot be signed, which nobody has seen.
    pub fn sign(&self, digest: [u8; 32]) -> Result<Signature> {
        let (signature, recovery) =
            self.key.sign_prehash_recoverable(&digest).map_err(|error| anyhow!("{error}"))?;
        let (r, s) = signature.split_bytes();
        let (r, s) = (U256::from_big_endian(&r), U256::from_big_endian(&s));
        Ok(Signature { r, s, y_parity: recovery.is_y_odd() })
    }

    /// Signs an authorization; the signature that `claim` has is not looked at.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn authorize(&self, claim: Authorization) -> Result<Authorization> {
        let Signature { r, s, y_parity } = self.sign(claim.signing_hash().0)?;
        Ok(Authorization { y_parity: u8::from(y_parity), r, s, ..claim })
    }
}

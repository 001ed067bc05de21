//! Authorizations (EIP-7702): an account lets its code be that of another, by a signature that anybody may put into a
//! transaction.

use super::{S_MAX, Signature, recover_address};
use crate::keccak::keccak;
use crate::rlp::{self, Reader, RlpError};
use alloc::vec::Vec;
use millrace_primitives::{Address, H160, H256, U256};

/// What comes before the fields when they are signed.
const MAGIC: u8 = 5;

/// An account's will to run the code of another. Whether it is valid is found out when it is applied: one that is not
/// changes nothing, and the transaction goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authorization {
    /// The chain it is meant for; zero for every chain.
    pub chain_id: U256,
    /// Whose code is to run; zero takes a delegation back.
    pub address: Address,
    /// Number of transactions and authorizations of the account before.
    pub nonce: u64,
    /// 0 or 1 in a valid one.
    pub y_parity: u8,
    /// As in [`Signature`], unchecked.
    pub r: U256,
    /// As in [`Signature`], unchecked.
    pub s: U256,
}

impl Authorization {
    /// Keccak-256 of what the account signs: 5, then the RLP of chain id, address and nonce.
    pub fn signing_hash(&self) -> H256 {
        let mut fields = Vec::with_capacity(64);
        self.write_claim(&mut fields);
        let mut out = Vec::with_capacity(fields.len().saturating_add(2));
        out.push(MAGIC);
        rlp::write_list_header(&mut out, fields.len());
        out.extend_from_slice(&fields);
        keccak(&out)
    }

    /// Who signed; `None` when nobody did, or with an `s` in the upper half (EIP-2).
    pub fn authority(&self) -> Option<Address> {
        let signature = Signature { r: self.r, s: self.s, y_parity: self.y_parity == 1 };
        if self.y_parity > 1 || self.s > S_MAX || !signature.is_in_range() {
            return None;
        }
        recover_address(self.signing_hash(), &signature)
    }

    fn write_claim(&self, out: &mut Vec<u8>) {
        rlp::write_u256(out, self.chain_id);
        rlp::write_text(out, self.address.as_bytes());
        rlp::write_u64(out, self.nonce);
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut fields = Vec::with_capacity(160);
        self.write_claim(&mut fields);
        rlp::write_u64(&mut fields, u64::from(self.y_parity));
        rlp::write_u256(&mut fields, self.r);
        rlp::write_u256(&mut fields, self.s);
        rlp::write_list_header(out, fields.len());
        out.extend_from_slice(&fields);
    }

    fn read(fields: &mut Reader<'_>) -> Result<Self, RlpError> {
        let authorization = Self {
            chain_id: fields.u256()?,
            address: H160(fields.array()?),
            nonce: fields.u64()?,
            y_parity: u8::try_from(fields.u64()?).map_err(|_| RlpError::WrongLength)?,
            r: fields.u256()?,
            s: fields.u256()?,
        };
        fields.finish()?;
        Ok(authorization)
    }

    /// Bounded by [`super::TRANSACTION_BYTES_MAX`]: each takes at least 27 bytes.
    pub(super) fn read_all(mut list: Reader<'_>) -> Result<Vec<Self>, RlpError> {
        let mut all = Vec::new();
        while !list.is_done() {
            all.push(Self::read(&mut list.list()?)?);
        }
        Ok(all)
    }
}

//! How a deposit from the layer 1 stands in a block: as a legacy transaction that nobody signed.
//!
//! RLP of `[nonce = index of the inbox message, gas price 0, gas 0, to = receiver, value = wei,
//! data = "deposit" ++ level (u32, big-endian) ++ index (u32, big-endian), v 0, r 0, s 0]`. Its Keccak-256
//! is its name, so the root of the transactions can be recomputed by anyone; it is valid only where the
//! kernel made it.

use super::{DecodeError, decode};
use crate::keccak::keccak;
use crate::rlp::{self, Reader, RlpError};
use alloc::vec::Vec;
use millrace_primitives::{Address, H160, L1Level, TransactionHash, U256};

/// Shown as the sender of deposits.
pub const DEPOSIT_SENDER: Address = H160([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xed]);

const TAG: &[u8; 7] = b"deposit";

/// A deposit of the native token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deposit {
    /// Who is credited.
    pub receiver: Address,
    /// How much, in wei.
    pub value: U256,
    /// The level whose inbox held the message.
    pub level: L1Level,
    /// Position of the message in that inbox.
    pub index: u32,
}

impl Deposit {
    /// The pseudo-transaction.
    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(15);
        data.extend_from_slice(TAG);
        data.extend_from_slice(&self.level.get().to_be_bytes());
        data.extend_from_slice(&self.index.to_be_bytes());
        let mut fields = Vec::with_capacity(96);
        rlp::write_u64(&mut fields, u64::from(self.index));
        fields.extend_from_slice(&[0x80, 0x80]);
        rlp::write_receiver(&mut fields, Some(self.receiver));
        rlp::write_u256(&mut fields, self.value);
        rlp::write_text(&mut fields, &data);
        fields.extend_from_slice(&[0x80, 0x80, 0x80]);
        let mut out = Vec::with_capacity(fields.len().saturating_add(2));
        rlp::write_list_header(&mut out, fields.len());
        out.extend_from_slice(&fields);
        out
    }

    /// Its name: Keccak-256 of the encoding.
    pub fn hash(&self) -> TransactionHash {
        TransactionHash::new(keccak(&self.encode()).0)
    }

    /// Reads back what [`Self::encode`] wrote. Bytes of a user's transaction give `None`: whether they are a
    /// deposit is a matter of who put them into the block, so this is for showing blocks only.
    ///
    /// # Errors
    /// When the bytes are an unsigned legacy transaction but not a deposit.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        if bytes.first().is_none_or(|byte| *byte < 0xc0) {
            return Ok(None);
        }
        let mut outer = Reader::new(bytes);
        let mut fields = outer.list()?;
        outer.finish()?;
        let transaction = decode::legacy_fields(&mut fields)?;
        let (v, r, s) = (fields.u256()?, fields.u256()?, fields.u256()?);
        fields.finish()?;
        if !(v.is_zero() && r.is_zero() && s.is_zero()) {
            return Ok(None);
        }
        let (tag, place) = transaction.data.split_at_checked(TAG.len()).ok_or(RlpError::WrongLength)?;
        let (level, index) = place.split_at_checked(4).ok_or(RlpError::WrongLength)?;
        let level = u32::from_be_bytes(level.try_into().map_err(|_| RlpError::WrongLength)?);
        let index = u32::from_be_bytes(index.try_into().map_err(|_| RlpError::WrongLength)?);
        let deposit = Self {
            receiver: transaction.to.ok_or(RlpError::WrongLength)?,
            value: transaction.value,
            level: L1Level::new(level),
            index,
        };
        // One spelling only: whatever else the fields hold must be what the encoder writes.
        if tag != TAG || deposit.encode() != bytes {
            return Err(DecodeError::DepositFromUser);
        }
        Ok(Some(deposit))
    }
}

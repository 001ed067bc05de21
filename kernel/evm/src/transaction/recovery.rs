//! Who signed: the sender is recovered from the signature and the digest.

use super::{Signature, SignedTransaction, Transaction};
use crate::keccak::keccak;
use alloc::vec::Vec;
use millrace_primitives::{Address, H160, H256, TransactionHash, U256};
use millrace_secp256k1::{Item, recover_batch};

/// No key made this signature on this digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoverError;

/// A transaction whose sender is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    transaction: Transaction,
    sender: Address,
    hash: TransactionHash,
}

impl Recovered {
    /// What is asked for.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Who asks.
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Keccak-256 of the encoding.
    pub const fn hash(&self) -> TransactionHash {
        self.hash
    }
}

impl SignedTransaction {
    /// Recovers the sender.
    ///
    /// # Errors
    /// [`RecoverError`] when the signature belongs to no key.
    pub fn recover(self) -> Result<Recovered, RecoverError> {
        let sender = recover_address(self.signing_hash, &self.signature).ok_or(RecoverError)?;
        Ok(self.signed_by(sender))
    }

    /// Recovers the senders of many transactions, in their order, for less than one by one: they share
    /// divisions. A signature that belongs to no key spoils only its own.
    pub fn recover_all(transactions: Vec<Self>) -> Vec<Result<Recovered, RecoverError>> {
        let items: Vec<Item> = transactions.iter().map(Self::item).collect();
        let keys = recover_batch(&items);
        let senders = keys.iter().map(|key| key.as_ref().and_then(address_of));
        let recover = |(transaction, sender): (Self, Option<Address>)| {
            sender.map(|sender| transaction.signed_by(sender)).ok_or(RecoverError)
        };
        transactions.into_iter().zip(senders).map(recover).collect()
    }

    fn item(&self) -> Item {
        let Signature { r, s, y_parity } = self.signature;
        Item { digest: self.signing_hash.0, r: big_endian(r), s: big_endian(s), y_parity }
    }

    fn signed_by(self, sender: Address) -> Recovered {
        Recovered { transaction: self.transaction, sender, hash: self.hash }
    }
}

fn big_endian(value: U256) -> [u8; 32] {
    let mut bytes = [0; 32];
    value.to_big_endian(&mut bytes);
    bytes
}

/// The address of the key that signed `digest`, if there is one.
pub(crate) fn recover_address(digest: H256, signature: &Signature) -> Option<Address> {
    let (r, s) = (big_endian(signature.r), big_endian(signature.s));
    let key = millrace_secp256k1::recover(&digest.0, &r, &s, signature.y_parity)?;
    address_of(&key)
}

/// The last 20 bytes of the Keccak-256 of an uncompressed public key.
pub(crate) fn address_of(public_key: &[u8; 64]) -> Option<Address> {
    let digest = keccak(public_key);
    digest.0.last_chunk::<20>().map(|bytes| H160(*bytes))
}

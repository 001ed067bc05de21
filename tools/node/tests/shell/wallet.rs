//! Accounts that sign transactions.

use k256::ecdsa::SigningKey;
use millrace_primitives::{Address, U256};
use rlp::RlpStream;
use sha3::{Digest as _, Keccak256};

pub(crate) const CHAIN_ID: u64 = 1_337;

/// Enough for a transfer at the minimum base fee, data availability included.
pub(crate) const TRANSFER_GAS: u64 = 700_000;

/// Keccak-256.
fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// An account whose secret key is known.
pub(crate) struct Wallet {
    key: SigningKey,
}

impl Wallet {
    pub(crate) fn new(number: u8) -> Self {
        Self { key: SigningKey::from_slice(&[number; 32]).unwrap() }
    }

    pub(crate) fn address(&self) -> Address {
        let point = self.key.verifying_key().to_encoded_point(false);
        Address::from_slice(&keccak(&point.as_bytes()[1..])[12..])
    }

    /// A signed legacy transaction that moves `value` wei, with a gas price in gwei.
    pub(crate) fn transfer(&self, nonce: u64, to: Address, value: u64, price_gwei: u64) -> Vec<u8> {
        let unsigned = |stream: &mut RlpStream| {
            stream.append(&nonce);
            stream.append(&(U256::from(price_gwei) * U256::exp10(9)));
            stream.append(&TRANSFER_GAS);
            stream.append(&to);
            stream.append(&value);
            stream.append_empty_data();
        };
        let mut stream = RlpStream::new_list(9);
        unsigned(&mut stream);
        stream.append(&CHAIN_ID).append(&0u8).append(&0u8);
        let (signature, parity) = self.key.sign_prehash_recoverable(&keccak(&stream.out())).unwrap();
        let (r, s) = signature.split_bytes();
        let mut stream = RlpStream::new_list(9);
        unsigned(&mut stream);
        stream.append(&(35 + 2 * CHAIN_ID + u64::from(parity.to_byte())));
        stream.append(&U256::from_big_endian(&r)).append(&U256::from_big_endian(&s));
        stream.out().to_vec()
    }
}

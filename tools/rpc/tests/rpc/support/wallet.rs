//! A wallet whose signatures are none.

use super::chain::unlocked;
use millrace_primitives::{Address, H256, U256};
use millrace_rpc::{Price, UnsignedTransaction, Wallet};
use rlp::RlpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub(crate) struct FakeWallet {
    is_gone: AtomicBool,
    signed: Mutex<Vec<UnsignedTransaction>>,
    digests: Mutex<Vec<H256>>,
}

/// What stands where a signature of a message should be.
pub(crate) const SIGNATURE: [u8; 65] = [0x5a; 65];

impl FakeWallet {
    pub(crate) fn is_there(&self) -> bool {
        !self.is_gone.load(Ordering::Relaxed)
    }

    /// From now on the chain has no wallet.
    pub(crate) fn take_away(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    /// The transaction that was signed last.
    pub(crate) fn last(&self) -> UnsignedTransaction {
        self.signed.lock().expect("not poisoned").last().cloned().expect("one was signed")
    }

    /// The digest that was signed last.
    pub(crate) fn last_digest(&self) -> H256 {
        *self.digests.lock().expect("not poisoned").last().expect("one was signed")
    }
}

impl Wallet for FakeWallet {
    fn accounts(&self) -> Vec<Address> {
        vec![unlocked()]
    }

    fn sign(&self, address: Address, transaction: &UnsignedTransaction) -> Option<Vec<u8>> {
        if address != unlocked() {
            return None;
        }
        self.signed.lock().expect("not poisoned").push(transaction.clone());
        Some(encode(transaction))
    }

    fn sign_digest(&self, address: Address, digest: H256) -> Option<[u8; 65]> {
        self.digests.lock().expect("not poisoned").push(digest);
        (address == unlocked()).then_some(SIGNATURE)
    }
}

/// The encoding of each type, without access lists.
fn encode(transaction: &UnsignedTransaction) -> Vec<u8> {
    let UnsignedTransaction { chain_id, nonce, price, gas, to, value, data, access_list, .. } = transaction;
    assert!(access_list.is_empty(), "not for this fake");
    let mut stream = RlpStream::new();
    let rest = |stream: &mut RlpStream| {
        stream.append(&gas.get());
        match to {
            Some(to) => stream.append(to),
            None => stream.append_empty_data(),
        };
        stream.append(value).append(data);
    };
    match price {
        Price::Fixed(price) => {
            stream.begin_list(9).append(nonce).append(price);
            rest(&mut stream);
            stream.append(&(chain_id * 2 + 35)).append(&U256::one()).append(&U256::one());
            stream.out().to_vec()
        }
        Price::Dynamic { fee_max, tip_max } => {
            stream.begin_list(12).append(chain_id).append(nonce).append(tip_max).append(fee_max);
            rest(&mut stream);
            stream.begin_list(0).append(&1u8).append(&U256::one()).append(&U256::one());
            [&[2][..], &stream.out()].concat()
        }
    }
}

//! One transaction of each type, as bytes. The signatures are not signatures.

use millrace_primitives::{Address, H256, TransactionHash, U256};
use rlp::RlpStream;
use sha3::{Digest, Keccak256};

pub(crate) const CHAIN_ID: u64 = 1_337;

/// The receiver of all that have one.
pub(crate) fn receiver() -> Address {
    Address::repeat_byte(0xdd)
}

pub(crate) fn hash(raw: &[u8]) -> TransactionHash {
    TransactionHash::new(Keccak256::digest(raw).into())
}

fn signature(stream: &mut RlpStream, v: u64) {
    stream.append(&v).append(&U256::from(0x0123_4567u64)).append(&(U256::MAX >> 1));
}

fn typed(kind: u8, stream: RlpStream) -> Vec<u8> {
    [&[kind][..], &stream.out()].concat()
}

fn access_list(stream: &mut RlpStream) {
    stream.begin_list(1).begin_list(2).append(&Address::repeat_byte(0xa1));
    stream.begin_list(2).append(&H256::repeat_byte(1)).append(&H256::repeat_byte(2));
}

/// A transfer; `v` says whether it is protected.
pub(crate) fn legacy(v: u64) -> Vec<u8> {
    let mut stream = RlpStream::new_list(9);
    stream.append(&3u64).append(&U256::from(2_000_000_000u64)).append(&21_000u64).append(&receiver());
    stream.append(&U256::exp10(18)).append_empty_data();
    signature(&mut stream, v);
    stream.out().to_vec()
}

/// A deposit: what the kernel writes for a transfer from the layer 1.
pub(crate) fn deposit() -> Vec<u8> {
    let mut stream = RlpStream::new_list(9);
    stream.append(&2u64).append(&0u8).append(&0u8).append(&receiver()).append(&U256::exp10(18));
    stream
        .append(&b"deposit\x00\x00\x00\x05\x00\x00\x00\x02".as_slice())
        .append(&0u8)
        .append(&0u8)
        .append(&0u8);
    stream.out().to_vec()
}

pub(crate) fn with_access_list() -> Vec<u8> {
    let mut stream = RlpStream::new_list(11);
    stream.append(&CHAIN_ID).append(&4u64).append(&U256::from(2_000_000_000u64)).append(&90_000u64);
    stream.append(&receiver()).append(&U256::zero()).append(&vec![0xca, 0xfe]);
    access_list(&mut stream);
    signature(&mut stream, 1);
    typed(1, stream)
}

/// A call, or without a receiver the creation of a contract.
pub(crate) fn dynamic_fee(to: Option<Address>) -> Vec<u8> {
    let mut stream = RlpStream::new_list(12);
    stream.append(&CHAIN_ID).append(&5u64).append(&U256::from(7)).append(&U256::from(3_000_000_000u64));
    stream.append(&200_000u64);
    match to {
        Some(to) => stream.append(&to),
        None => stream.append_empty_data(),
    };
    stream.append(&U256::zero()).append(&vec![0x60; 40]).begin_list(0);
    signature(&mut stream, 0);
    typed(2, stream)
}

pub(crate) fn with_authorizations() -> Vec<u8> {
    let mut stream = RlpStream::new_list(13);
    stream.append(&CHAIN_ID).append(&6u64).append(&0u64).append(&U256::from(3_000_000_000u64));
    stream.append(&200_000u64).append(&receiver()).append(&U256::zero()).append_empty_data().begin_list(0);
    stream.begin_list(1).begin_list(6).append(&CHAIN_ID).append(&Address::repeat_byte(0xb1)).append(&9u64);
    signature(&mut stream, 1);
    signature(&mut stream, 1);
    typed(4, stream)
}

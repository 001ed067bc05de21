//! Calls of the bridges, as any library of Ethereum makes them.

use millrace_evm::keccak;
use millrace_primitives::{Address, ContractHash, H256, U256};
use millrace_wire::{address::contract_to_bytes, base58::Base58Check};

pub(super) const MUTEZ: u64 = 1_000_000_000_000;
/// An account of the layer 1: 22 zeros in the bytes of Michelson.
pub(super) const RECEIVER: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
/// Pays tickets out, and settles fast withdrawals.
pub(super) const PROXY: ContractHash = ContractHash::new([0x44; 20]);

/// Call data: words, and where an argument is `dynamic`, an offset to its bytes.
fn abi(signature: &str, arguments: &[&[u8]], dynamic: &[usize]) -> Vec<u8> {
    let (mut head, mut tail) = (keccak(signature.as_bytes()).0[..4].to_vec(), vec![]);
    let word = |number: usize| H256(U256::from(number).into()).0;
    for (index, argument) in arguments.iter().enumerate() {
        if dynamic.contains(&index) {
            head.extend(word(arguments.len() * 32 + tail.len()));
            tail.extend(word(argument.len()));
            tail.extend_from_slice(argument);
            tail.resize(tail.len().next_multiple_of(32), 0);
        } else {
            head.extend_from_slice(argument);
        }
    }
    [head, tail].concat()
}

pub(super) fn withdraw() -> Vec<u8> {
    abi("withdraw_base58(string)", &[RECEIVER.as_bytes()], &[0])
}

pub(super) fn fast(payload: &[u8]) -> Vec<u8> {
    let contract = PROXY.to_base58();
    let arguments = [RECEIVER.as_bytes(), contract.as_bytes(), payload];
    abi("fast_withdraw_base58(string,string,bytes)", &arguments, &[0, 1, 2])
}

/// Of so many tickets with this content of this owner.
pub(super) fn withdraw_tickets(
    owner: Address,
    amount: u64,
    (ticketer, content): (&ContractHash, &[u8]),
) -> Vec<u8> {
    let routing = [vec![0; 22], contract_to_bytes(&PROXY)].concat();
    let mut ticketer = contract_to_bytes(ticketer);
    ticketer.resize(32, 0);
    let (owner, amount) = (H256::from(owner).0, H256(U256::from(amount).into()).0);
    let arguments = [&owner[..], &routing, &amount, &ticketer, content];
    abi("withdraw(address,bytes,uint256,bytes22,bytes)", &arguments, &[1, 4])
}

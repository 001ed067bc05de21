//! Native deposits: tez that a ticketer holds and that become the native token of the rollup.
//!
//! The layer-1 side is Etherlink's: a ticket with content `(0, None)` and routing bytes that name the
//! receiver. In a block a deposit is a legacy transaction with a zero signature, so that the transactions
//! root of the header can be recomputed by any Ethereum library:
//! `[index, 0, 0, receiver, value, "deposit" | level u32 | index u32, 0, 0, 0]`.

use crate::{digest::keccak_256, rlp_strict};
use alloc::vec::Vec;
use millrace_primitives::{Address, L1Level, Mutez, TransactionHash};
use rlp::RlpStream;

/// The version of routing bytes that are neither 20 nor 52 bytes.
const ROUTING_VERSION: u8 = 1;
/// Bytes of a chain id in routing bytes.
const CHAIN_ID_BYTES: usize = 32;

/// A deposit that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeDeposit {
    /// What was locked on the layer 1.
    pub amount: Mutez,
    /// Who receives it on the rollup.
    pub receiver: Address,
    /// The level whose inbox brought it.
    pub level: L1Level,
    /// Its position in that inbox: with the level, it makes the name unique.
    pub index: u32,
}

impl NativeDeposit {
    /// The data of its transaction: `"deposit" | level u32 | index u32`.
    pub fn data(&self) -> Vec<u8> {
        let mut data = b"deposit".to_vec();
        data.extend_from_slice(&self.level.get().to_be_bytes());
        data.extend_from_slice(&self.index.to_be_bytes());
        data
    }

    /// The deposit as the transaction that a block contains.
    pub fn transaction(&self) -> Vec<u8> {
        let data = self.data();
        let mut stream = RlpStream::new_list(9);
        stream.append(&self.index);
        stream.append(&0u8).append(&0u8);
        stream.append(&self.receiver);
        stream.append(&self.amount.to_wei().get());
        stream.append(&data);
        stream.append(&0u8).append(&0u8).append(&0u8);
        stream.out().to_vec()
    }

    /// The name of the deposit in blueprints and blocks: Keccak-256 of [`NativeDeposit::transaction`].
    pub fn hash(&self) -> TransactionHash {
        TransactionHash::new(keccak_256(&self.transaction()))
    }
}

/// Why routing bytes name no receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingError {
    /// There are none.
    Empty,
    /// Neither 20 nor 52 bytes, and not of version 1.
    UnknownVersion,
    /// Of version 1, and not the list that it should be.
    Malformed,
    /// A receiver that is not an account of the EVM.
    NotEvm,
}

/// The receiver that routing bytes name. The length decides: 20 bytes are an address, 52 an address and a
/// chain id; anything else starts with version 1 and is an RLP list of receiver and optional chain id. As
/// on Etherlink, the chain id is read and plays no role: the ticket arrived here already.
///
/// # Errors
/// [`RoutingError`] says why there is none.
pub fn receiver(routing: &[u8]) -> Result<Address, RoutingError> {
    match (routing.len(), routing) {
        (0, _) => Err(RoutingError::Empty),
        (20 | 52, _) => routing.first_chunk::<20>().map(Address::from).ok_or(RoutingError::Malformed),
        (_, [ROUTING_VERSION, list @ ..]) => versioned_receiver(list),
        _ => Err(RoutingError::UnknownVersion),
    }
}

fn versioned_receiver(list: &[u8]) -> Result<Address, RoutingError> {
    let mut items = rlp_strict::whole_list(list).ok_or(RoutingError::Malformed)?;
    let (receiver, rest) = rlp_strict::split(items).ok_or(RoutingError::Malformed)?;
    items = rest;
    if !is_optional_chain_id(items) {
        return Err(RoutingError::Malformed);
    }
    match receiver {
        rlp_strict::Item::String(address) => {
            address.try_into().map(|address: [u8; 20]| address.into()).map_err(|_| RoutingError::Malformed)
        }
        // A list is an account of the layer 1.
        rlp_strict::Item::List(_) => Err(RoutingError::NotEvm),
    }
}

/// An empty list, or a list of one chain id.
fn is_optional_chain_id(items: &[u8]) -> bool {
    match rlp_strict::split(items) {
        Some((rlp_strict::Item::List([]), [])) => true,
        Some((rlp_strict::Item::List(mut chain_id), [])) => {
            rlp_strict::next_string(&mut chain_id).is_some_and(|id| id.len() == CHAIN_ID_BYTES)
                && chain_id.is_empty()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deposit() -> NativeDeposit {
        NativeDeposit {
            amount: Mutez::new(1_500_000),
            receiver: Address::repeat_byte(0xab),
            level: L1Level::new(0x0102_0304),
            index: 5,
        }
    }

    #[test]
    fn the_transaction_of_a_deposit_is_pinned() {
        let expected = [
            "f4",
            "05",
            "80",
            "80",
            &["94", &"ab".repeat(20)].concat(),
            // 1.5 × 10^18 wei.
            "8814d1120d7b160000",
            // "deposit", level, index.
            "8f6465706f7369740102030400000005",
            "808080",
        ]
        .concat();
        assert_eq!(hex::encode(deposit().transaction()), expected);
        let golden = "c4f8cd2ccae4d94ede364a162963ffc7270fd59d438777da047ff2eae3f515ad";
        assert_eq!(deposit().hash().to_string(), golden);
    }

    #[test]
    fn two_deposits_never_have_the_same_name() {
        let others = [
            NativeDeposit { amount: Mutez::new(1_500_001), ..deposit() },
            NativeDeposit { receiver: Address::zero(), ..deposit() },
            NativeDeposit { level: L1Level::new(1), ..deposit() },
            NativeDeposit { index: 6, ..deposit() },
        ];
        for other in others {
            assert_ne!(other.hash(), deposit().hash());
        }
        let large = NativeDeposit { amount: Mutez::MAX, index: u32::MAX, ..deposit() };
        assert_eq!(rlp::Rlp::new(&large.transaction()).item_count(), Ok(9));
    }

    #[test]
    fn the_three_forms_of_routing_name_the_receiver() {
        let address = Address::repeat_byte(0xab);
        let versioned = |receiver: &str, chain_id: &str| {
            let items = [receiver, chain_id].concat();
            let length = items.len() / 2;
            let header =
                if length < 56 { format!("{:02x}", 0xc0 + length) } else { format!("f8{length:02x}") };
            hex::decode(["01", &header, &items].concat()).unwrap()
        };
        let string = ["94", &"ab".repeat(20)].concat();
        let chain_id = ["e1a0", &"39".repeat(32)].concat();
        let good = [
            vec![0xab; 20],
            [vec![0xab; 20], vec![0x39; 32]].concat(),
            versioned(&string, "c0"),
            versioned(&string, &chain_id),
        ];
        for routing in good {
            assert_eq!(receiver(&routing), Ok(address), "{}", hex::encode(&routing));
        }
        let layer_1 = ["d801", "96", &"00".repeat(22)].concat();
        let bad = [
            (vec![], RoutingError::Empty),
            (vec![0xab; 19], RoutingError::UnknownVersion),
            (vec![0xab; 21], RoutingError::UnknownVersion),
            (vec![0; 4_000], RoutingError::UnknownVersion),
            (vec![1], RoutingError::Malformed),
            (versioned(&string, ""), RoutingError::Malformed),
            (versioned(&string, "80"), RoutingError::Malformed),
            (versioned(&string, "c0c0"), RoutingError::Malformed),
            (versioned(&string, "c101"), RoutingError::Malformed),
            (versioned("80", "c0"), RoutingError::Malformed),
            ([versioned(&string, "c0"), vec![0]].concat(), RoutingError::Malformed),
            (versioned(&layer_1, "c0"), RoutingError::NotEvm),
        ];
        for (routing, error) in bad {
            assert_eq!(receiver(&routing), Err(error), "{}", hex::encode(&routing));
        }
    }
}

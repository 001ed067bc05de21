//! FA deposits: tickets of any ticketer, for the FA bridge of the rollup.
//!
//! The layer-1 side is Etherlink's: routing bytes that name the receiver and, if there is one, a proxy contract,
//! and a ticket that is known on the rollup by a hash of ticketer and content alone, whatever its amount.
//!
//! In a block an FA deposit is a legacy transaction with a zero signature, as a native one
//! ([`crate::deposit`]): `[index, 0, 0, bridge, 0, data, 0, 0, 0]`, where the bridge is [`BRIDGE`] and data is
//!
//! ```text
//! "fa_deposit" | level u32 | index u32 | amount 32 | receiver 20 | ticket hash 32 | [proxy 20]
//! ```
//!
//! with big-endian integers. It carries no value: the bridge credits a ticket. Level and index of the message
//! make each unique, whatever the layer 1 repeats; everything else is in it so that its hash commits to what was
//! deposited, and so that a reader of the block needs no other source.

use crate::{
    address::contract_to_bytes,
    bytes::Reader,
    digest::{keccak_256, keccak_256_of},
    message::Ticket,
};
use alloc::vec::Vec;
use millrace_primitives::{Address, H160, H256, L1Level, TransactionHash, U256};
use rlp::RlpStream;

/// The FA bridge on the rollup, 0xff…02: the receiver of the transaction.
pub const BRIDGE: Address = {
    let mut bytes = [0; 20];
    let [first, .., last] = &mut bytes;
    (*first, *last) = (0xff, 2);
    H160(bytes)
};

/// What the data of the transaction starts with.
const TAG: &[u8] = b"fa_deposit";

/// A deposit that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaDeposit {
    /// How much of the ticket, in its own unit.
    pub amount: U256,
    /// Who receives it, directly or through the proxy.
    pub receiver: Address,
    /// The contract that the bridge calls instead of crediting the receiver.
    pub proxy: Option<Address>,
    /// Which ticket: [`ticket_hash`].
    pub ticket_hash: H256,
    /// The level whose inbox brought it.
    pub level: L1Level,
    /// Its position in that inbox: with the level, it makes the name unique.
    pub index: u32,
}

impl FaDeposit {
    /// The data of its transaction.
    pub fn data(&self) -> Vec<u8> {
        let mut amount = [0; 32];
        self.amount.to_big_endian(&mut amount);
        let mut data = TAG.to_vec();
        data.extend_from_slice(&self.level.get().to_be_bytes());
        data.extend_from_slice(&self.index.to_be_bytes());
        data.extend_from_slice(&amount);
        data.extend_from_slice(self.receiver.as_bytes());
        data.extend_from_slice(self.ticket_hash.as_bytes());
        if let Some(proxy) = &self.proxy {
            data.extend_from_slice(proxy.as_bytes());
        }
        data
    }

    /// The deposit as the transaction that a block contains.
    pub fn transaction(&self) -> Vec<u8> {
        let data = self.data();
        let mut stream = RlpStream::new_list(9);
        stream.append(&self.index);
        stream.append(&0u8).append(&0u8);
        stream.append(&BRIDGE);
        stream.append(&0u8);
        stream.append(&data);
        stream.append(&0u8).append(&0u8).append(&0u8);
        stream.out().to_vec()
    }

    /// Reads back a transaction of a block; `None` when it is anything else.
    pub fn from_transaction(bytes: &[u8]) -> Option<Self> {
        let data: Vec<u8> = rlp::Rlp::new(bytes).val_at(5).ok()?;
        let mut reader = Reader::new(data.strip_prefix(TAG)?);
        let (level, index) = (reader.u32()?, reader.u32()?);
        let amount = U256::from_big_endian(&reader.array::<32>()?);
        let receiver = Address::from(reader.array::<20>()?);
        let ticket_hash = H256(reader.array::<32>()?);
        let proxy = if reader.is_empty() { None } else { Some(Address::from(reader.array::<20>()?)) };
        let deposit = Self { amount, receiver, proxy, ticket_hash, level: L1Level::new(level), index };
        // One spelling only.
        (deposit.transaction() == bytes).then_some(deposit)
    }

    /// The name of the deposit in blueprints and blocks: Keccak-256 of [`FaDeposit::transaction`].
    pub fn hash(&self) -> TransactionHash {
        TransactionHash::new(keccak_256(&self.transaction()))
    }
}

/// Where a deposit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Who receives it.
    pub receiver: Address,
    /// The contract that the bridge calls.
    pub proxy: Option<Address>,
}

impl Routing {
    /// Reads routing bytes. The length decides: 20 bytes are a receiver, 40 a receiver and a proxy, 72 the same
    /// and a chain id, little-endian. The chain id plays no role: the ticket arrived here already. Any other
    /// length is `None`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let receiver = Address::from(reader.array::<20>()?);
        if reader.is_empty() {
            return Some(Self { receiver, proxy: None });
        }
        let proxy = Address::from(reader.array::<20>()?);
        matches!(reader.len(), 0 | 32).then_some(Self { receiver, proxy: Some(proxy) })
    }

    /// The bytes, without chain id.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.receiver.as_bytes().to_vec();
        bytes.extend(self.proxy.iter().flat_map(|proxy| proxy.as_bytes()));
        bytes
    }
}

/// The name of a ticket on the rollup: Keccak-256 of its ticketer in 22 bytes and its content in binary
/// Micheline, in the spelling of the layer 1 however the message spelled it.
pub fn ticket_hash(ticket: &Ticket<'_>) -> H256 {
    let ticketer = contract_to_bytes(&ticket.ticketer);
    H256(keccak_256_of(&[&ticketer, &ticket.content().encode()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::ContractHash;
    use proptest::prelude::*;

    fn deposit() -> FaDeposit {
        FaDeposit {
            amount: U256::from(0x0102_0304),
            receiver: Address::repeat_byte(0xab),
            proxy: None,
            ticket_hash: H256::repeat_byte(0xcd),
            level: L1Level::new(0x0506_0708),
            index: 9,
        }
    }

    fn ticket() -> Ticket<'static> {
        Ticket {
            ticketer: ContractHash::new([0x22; 20]),
            token_id: U256::from(5),
            metadata: None,
            amount: U256::from(7),
        }
    }

    #[test]
    fn transactions_are_read_back_and_nothing_else_is() {
        let with_proxy = FaDeposit { proxy: Some(Address::repeat_byte(7)), ..deposit() };
        for deposit in [deposit(), with_proxy] {
            let bytes = deposit.transaction();
            assert_eq!(FaDeposit::from_transaction(&bytes), Some(deposit));
            assert_eq!(FaDeposit::from_transaction(&bytes[..bytes.len() - 1]), None);
            let mut other = bytes.clone();
            *other.last_mut().unwrap() = 1;
            assert_eq!(FaDeposit::from_transaction(&other), None);
        }
        assert_eq!(FaDeposit::from_transaction(&[]), None);
    }

    #[test]
    fn the_transaction_of_a_deposit_is_pinned() {
        let of = |list: &str, data: &str, proxy: &str| {
            [
                list,
                "09",
                "80",
                "80",
                &["94", "ff", &"00".repeat(18), "02"].concat(),
                "80",
                data,
                // "fa_deposit", level, index, amount, receiver, ticket hash.
                "66615f6465706f736974",
                "05060708",
                "00000009",
                &["00".repeat(28), "01020304".into()].concat(),
                &"ab".repeat(20),
                &"cd".repeat(32),
                proxy,
                "808080",
            ]
            .concat()
        };
        assert_eq!(hex::encode(deposit().transaction()), of("f884", "b866", ""));
        let with_proxy = FaDeposit { proxy: Some(Address::repeat_byte(0xef)), ..deposit() };
        assert_eq!(hex::encode(with_proxy.transaction()), of("f898", "b87a", &"ef".repeat(20)));
        assert_eq!(deposit().hash(), TransactionHash::new(keccak_256(&deposit().transaction())));
    }

    #[test]
    fn two_deposits_never_have_the_same_name() {
        let others = [
            FaDeposit { amount: U256::from(1), ..deposit() },
            FaDeposit { receiver: Address::zero(), ..deposit() },
            FaDeposit { proxy: Some(Address::zero()), ..deposit() },
            FaDeposit { ticket_hash: H256::zero(), ..deposit() },
            FaDeposit { level: L1Level::new(1), ..deposit() },
            FaDeposit { index: 10, ..deposit() },
        ];
        for other in others {
            assert_ne!(other.hash(), deposit().hash());
        }
    }

    #[test]
    fn row_10_routing_has_one_of_three_lengths() {
        let [receiver, proxy] = [0xab, 0xef].map(Address::repeat_byte);
        let bytes = [vec![0xab; 20], vec![0xef; 20], vec![0x39; 32]].concat();
        for length in 0..=100 {
            let padded = [bytes.clone(), vec![0; 40]].concat();
            let expected = match length {
                20 => Some(Routing { receiver, proxy: None }),
                40 | 72 => Some(Routing { receiver, proxy: Some(proxy) }),
                _ => None,
            };
            assert_eq!(Routing::decode(&padded[..length]), expected, "{length}");
        }
    }

    #[test]
    fn a_ticket_is_known_by_ticketer_and_content() {
        // 01, ticketer, 00, Pair 5 None.
        let preimage = ["01", &"22".repeat(20), "00", "0707", "0005", "0306"].concat();
        let hash = H256(keccak_256(&hex::decode(preimage).unwrap()));
        assert_eq!(ticket_hash(&ticket()), hash);
        assert_eq!(ticket_hash(&Ticket { amount: U256::MAX, ..ticket() }), hash);
        let others = [
            Ticket { ticketer: ContractHash::new([0x23; 20]), ..ticket() },
            Ticket { token_id: U256::MAX, ..ticket() },
            Ticket { metadata: Some(&[]), ..ticket() },
            Ticket { metadata: Some(&[0]), ..ticket() },
        ];
        for other in others {
            assert_ne!(ticket_hash(&other), hash);
        }
    }

    proptest! {
        #[test]
        fn any_routing_survives(receiver: [u8; 20], proxy in prop::option::of(any::<[u8; 20]>())) {
            let routing = Routing { receiver: receiver.into(), proxy: proxy.map(Address::from) };
            prop_assert_eq!(Routing::decode(&routing.encode()), Some(routing));
        }
    }
}

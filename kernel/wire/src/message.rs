//! The messages of the inbox.
//!
//! Internal messages come from the layer 1 itself: level messages and transfers of smart contracts
//! (Octez: `sc_rollup_inbox_message_repr.ml`). External messages are anybody's bytes, see [`crate::frame`].
//! Whether the sender, the ticketer or the signer is the right one is not decided here.

use crate::{
    MESSAGE_BYTES_MAX,
    address::{PublicKeyHash, contract_from_bytes, contract_to_bytes},
    base58::Base58Check,
    bytes::Reader,
    frame::{self, EXTERNAL_TAG, External, Kind},
    micheline::{MichelineError, Node},
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use millrace_primitives::{ContractHash, L1Level, RollupAddress, Timestamp, U256};

const INTERNAL_TAG: u8 = 0;
const TRANSFER: u8 = 0;
const START_OF_LEVEL: u8 = 1;
const END_OF_LEVEL: u8 = 2;
const INFO_PER_LEVEL: u8 = 3;
const PROTOCOL_MIGRATION: u8 = 4;
const DAL_ATTESTED_SLOTS: u8 = 5;

/// Sender, source and destination, which follow the payload of a transfer.
const TRANSFER_TAIL_BYTES: usize = 61;

/// A message that concerns this rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The first message of a level.
    StartOfLevel,
    /// The last message of a level.
    EndOfLevel,
    /// What the rollup learns about the layer 1.
    InfoPerLevel(InfoPerLevel),
    /// The first level of a new protocol, by name.
    ProtocolMigration(&'a [u8]),
    /// Slots of the data availability layer that are now attested.
    DalAttestedSlots(DalAttestedSlots<'a>),
    /// A call of this rollup by a smart contract.
    Transfer(Transfer<'a>),
    /// Bytes that somebody addressed to this rollup.
    External(External<'a>),
}

/// What the layer 1 says about itself at each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoPerLevel {
    /// Timestamp of the predecessor of the block whose inbox this is.
    pub predecessor_timestamp: Timestamp,
    /// Hash of that predecessor.
    pub predecessor: [u8; 32],
}

/// Slots of the data availability layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalAttestedSlots<'a> {
    /// The level at which they were published.
    pub published_level: L1Level,
    /// How many slots a level has.
    pub number_of_slots: u16,
    /// Bytes of a slot.
    pub slot_size_bytes: u32,
    /// Bytes of a page of a slot.
    pub page_size_bytes: u16,
    /// Publishers and their slots, not yet decoded: see [`crate::dal::decode_publishers`].
    pub publishers: &'a [u8],
}

/// A call of this rollup by a smart contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// The contract that called.
    pub sender: ContractHash,
    /// The account whose operation it was.
    pub source: PublicKeyHash,
    /// What it said.
    pub parameter: Parameter<'a>,
}

/// A value of `or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter<'a> {
    /// `Left (Left …)`: a ticket and where it should go.
    Deposit {
        /// For whom; see [`crate::deposit::receiver`] and [`crate::fa_deposit::Routing`].
        routing: &'a [u8],
        /// What.
        ticket: Ticket<'a>,
    },
    /// `Left (Right …)`: bytes for the delayed inbox, see [`crate::delayed::BridgeMessage`].
    DelayedBridge(&'a [u8]),
    /// `Right …`: bytes for governance, see [`crate::governance::Decision`].
    Governance(&'a [u8]),
}

/// A ticket with the content of FA2.1 tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// The contract that made it.
    pub ticketer: ContractHash,
    /// First half of the content.
    pub token_id: U256,
    /// Second half of the content.
    pub metadata: Option<&'a [u8]>,
    /// How much of it.
    pub amount: U256,
}

/// Why a message is nothing to this rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// No bytes at all.
    Empty,
    /// More bytes than the layer 1 lets through.
    TooLong,
    /// Neither internal nor external, or an internal message of unknown kind.
    UnknownTag,
    /// The bytes end too early.
    Truncated,
    /// Bytes after the end.
    TrailingBytes,
    /// An external message without an address.
    UnknownFrame,
    /// For another rollup.
    OtherRollup,
    /// An external message of a kind that this kernel does not know.
    UnknownKind,
    /// A timestamp before 1970, or an account on an unknown curve.
    OutOfRange,
    /// A transfer whose payload is not Micheline that the rollup type could have.
    Micheline(MichelineError),
    /// A transfer whose payload is not of the rollup type.
    OtherType,
}

impl Ignored {
    /// A stable number, from 1 to 99.
    pub const fn code(self) -> u16 {
        match self {
            Self::Empty => 1,
            Self::TooLong => 2,
            Self::UnknownTag => 3,
            Self::Truncated => 4,
            Self::TrailingBytes => 5,
            Self::UnknownFrame => 6,
            Self::OtherRollup => 7,
            Self::UnknownKind => 8,
            Self::OutOfRange => 9,
            Self::Micheline(_) => 10,
            Self::OtherType => 11,
        }
    }

    /// The same in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Empty => "empty message",
            Self::TooLong => "message too long",
            Self::UnknownTag => "unknown tag",
            Self::Truncated => "truncated message",
            Self::TrailingBytes => "bytes after the end of the message",
            Self::UnknownFrame => "external message without rollup address",
            Self::OtherRollup => "message for another rollup",
            Self::UnknownKind => "unknown kind of external message",
            Self::OutOfRange => "field out of range",
            Self::Micheline(_) => "payload is not Micheline of the rollup type",
            Self::OtherType => "payload is not of the rollup type",
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Ignored {}

/// Reads one message of the inbox, as the rollup `rollup`.
///
/// # Errors
/// [`Ignored`]: the message is nothing to this rollup.
pub fn parse<'a>(bytes: &'a [u8], rollup: &RollupAddress) -> Result<Message<'a>, Ignored> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(Ignored::TooLong);
    }
    let mut reader = Reader::new(bytes);
    match reader.u8().ok_or(Ignored::Empty)? {
        INTERNAL_TAG => parse_internal(reader, rollup),
        EXTERNAL_TAG => frame::decode(reader, rollup).map(Message::External),
        _ => Err(Ignored::UnknownTag),
    }
}

fn parse_internal<'a>(mut reader: Reader<'a>, rollup: &RollupAddress) -> Result<Message<'a>, Ignored> {
    let message = match reader.u8().ok_or(Ignored::Truncated)? {
        TRANSFER => return parse_transfer(reader, rollup).map(Message::Transfer),
        START_OF_LEVEL => Message::StartOfLevel,
        END_OF_LEVEL => Message::EndOfLevel,
        INFO_PER_LEVEL => {
            let seconds = reader.array().map(i64::from_be_bytes).ok_or(Ignored::Truncated)?;
            let predecessor = reader.array().ok_or(Ignored::Truncated)?;
            let seconds = u64::try_from(seconds).map_err(|_| Ignored::OutOfRange)?;
            Message::InfoPerLevel(InfoPerLevel {
                predecessor_timestamp: Timestamp::new(seconds),
                predecessor,
            })
        }
        PROTOCOL_MIGRATION => Message::ProtocolMigration(reader.sized().ok_or(Ignored::Truncated)?),
        DAL_ATTESTED_SLOTS => Message::DalAttestedSlots(parse_dal(&mut reader)?),
        _ => return Err(Ignored::UnknownTag),
    };
    if reader.is_empty() { Ok(message) } else { Err(Ignored::TrailingBytes) }
}

fn parse_dal<'a>(reader: &mut Reader<'a>) -> Result<DalAttestedSlots<'a>, Ignored> {
    let published_level = reader.u32().ok_or(Ignored::Truncated)?;
    let number_of_slots = reader.u16().ok_or(Ignored::Truncated)?;
    let slot_size_bytes = reader.u32().ok_or(Ignored::Truncated)?;
    let page_size_bytes = reader.u16().ok_or(Ignored::Truncated)?;
    let publishers = reader.sized().ok_or(Ignored::Truncated)?;
    let is_signed_positive = |value: u32| i32::try_from(value).is_ok();
    if !is_signed_positive(published_level) || !is_signed_positive(slot_size_bytes) {
        return Err(Ignored::OutOfRange);
    }
    Ok(DalAttestedSlots {
        published_level: L1Level::new(published_level),
        number_of_slots,
        slot_size_bytes,
        page_size_bytes,
        publishers,
    })
}

/// The tail has a fixed size, so that the destination is known before any Micheline is read.
fn parse_transfer<'a>(mut reader: Reader<'a>, rollup: &RollupAddress) -> Result<Transfer<'a>, Ignored> {
    let payload_bytes = reader.len().checked_sub(TRANSFER_TAIL_BYTES).ok_or(Ignored::Truncated)?;
    let payload = reader.take(payload_bytes).ok_or(Ignored::Truncated)?;
    let sender = reader.array().map(ContractHash::new).ok_or(Ignored::Truncated)?;
    let source = reader.take(PublicKeyHash::SIZE_BYTES).ok_or(Ignored::Truncated)?;
    if reader.array::<20>().ok_or(Ignored::Truncated)? != *rollup.as_bytes() {
        return Err(Ignored::OtherRollup);
    }
    let source = PublicKeyHash::from_bytes(source).ok_or(Ignored::OutOfRange)?;
    let payload = Node::decode(payload).map_err(Ignored::Micheline)?;
    let parameter = parameter(&payload).ok_or(Ignored::OtherType)?;
    Ok(Transfer { sender, source, parameter })
}

fn parameter<'a>(payload: &Node<'a>) -> Option<Parameter<'a>> {
    match payload {
        Node::Right(bytes) => bytes.as_bytes().map(Parameter::Governance),
        Node::Left(inner) => match &**inner {
            Node::Right(bytes) => bytes.as_bytes().map(Parameter::DelayedBridge),
            Node::Left(deposit) => {
                let (routing, ticket) = deposit.as_pair()?;
                Some(Parameter::Deposit { routing: routing.as_bytes()?, ticket: parse_ticket(ticket)? })
            }
            _ => None,
        },
        _ => None,
    }
}

/// `Pair ticketer (Pair (Pair token_id metadata) amount)`.
fn parse_ticket<'a>(ticket: &Node<'a>) -> Option<Ticket<'a>> {
    let (ticketer, rest) = ticket.as_pair()?;
    let (content, amount) = rest.as_pair()?;
    let (token_id, metadata) = content.as_pair()?;
    let ticketer = match ticketer {
        Node::Bytes(bytes) => contract_from_bytes(bytes)?,
        Node::String(text) => ContractHash::from_base58(core::str::from_utf8(text).ok()?).ok()?,
        _ => return None,
    };
    let metadata = match metadata {
        Node::None => None,
        Node::Some(bytes) => Some(bytes.as_bytes()?),
        _ => return None,
    };
    Some(Ticket { ticketer, token_id: token_id.as_nat()?, metadata, amount: amount.as_nat()? })
}

/// The first message of a level.
pub fn start_of_level() -> Vec<u8> {
    Vec::from([INTERNAL_TAG, START_OF_LEVEL])
}

/// The last message of a level.
pub fn end_of_level() -> Vec<u8> {
    Vec::from([INTERNAL_TAG, END_OF_LEVEL])
}

/// The second message of a level.
pub fn info_per_level(info: &InfoPerLevel) -> Vec<u8> {
    let mut message = Vec::from([INTERNAL_TAG, INFO_PER_LEVEL]);
    let seconds = i64::try_from(info.predecessor_timestamp.get()).unwrap_or(i64::MAX);
    message.extend_from_slice(&seconds.to_be_bytes());
    message.extend_from_slice(&info.predecessor);
    message
}

/// The message of the first level of a protocol.
pub fn protocol_migration(protocol: &[u8]) -> Vec<u8> {
    let mut message = Vec::from([INTERNAL_TAG, PROTOCOL_MIGRATION]);
    append_sized(protocol, &mut message);
    message
}

/// A message about the data availability layer.
pub fn dal_attested_slots(slots: &DalAttestedSlots<'_>) -> Vec<u8> {
    let mut message = Vec::from([INTERNAL_TAG, DAL_ATTESTED_SLOTS]);
    message.extend_from_slice(&slots.published_level.get().to_be_bytes());
    message.extend_from_slice(&slots.number_of_slots.to_be_bytes());
    message.extend_from_slice(&slots.slot_size_bytes.to_be_bytes());
    message.extend_from_slice(&slots.page_size_bytes.to_be_bytes());
    append_sized(slots.publishers, &mut message);
    message
}

/// A call of `rollup` by a smart contract.
pub fn transfer(rollup: &RollupAddress, transfer: &Transfer<'_>) -> Vec<u8> {
    transfer_of(rollup, transfer.sender, transfer.source, &transfer.parameter.to_micheline())
}

/// A call of `rollup` with any payload, of the rollup type or not.
pub fn transfer_of(
    rollup: &RollupAddress,
    sender: ContractHash,
    source: PublicKeyHash,
    payload: &[u8],
) -> Vec<u8> {
    let mut message = Vec::from([INTERNAL_TAG, TRANSFER]);
    message.extend_from_slice(payload);
    message.extend_from_slice(sender.as_bytes());
    message.extend_from_slice(&source.to_bytes());
    message.extend_from_slice(rollup.as_bytes());
    message
}

/// An external message for `rollup`.
pub fn external(rollup: &RollupAddress, kind: Kind, body: &[u8]) -> Vec<u8> {
    frame::encode(rollup, kind, body)
}

impl Parameter<'_> {
    /// The parameter in binary Micheline.
    pub fn to_micheline(&self) -> Vec<u8> {
        match self {
            Self::Governance(bytes) => Node::right(Node::Bytes(bytes)).encode(),
            Self::DelayedBridge(bytes) => Node::left(Node::right(Node::Bytes(bytes))).encode(),
            Self::Deposit { routing, ticket } => {
                let ticketer = contract_to_bytes(&ticket.ticketer);
                let half = Node::pair(ticket.content(), Node::nat(ticket.amount));
                let ticket = Node::pair(Node::Bytes(&ticketer), half);
                Node::left(Node::left(Node::pair(Node::Bytes(routing), ticket))).encode()
            }
        }
    }
}

impl<'a> Ticket<'a> {
    /// The content, `Pair token_id metadata`, in the one spelling that the layer 1 writes.
    pub fn content(&self) -> Node<'a> {
        let metadata = match self.metadata {
            None => Node::None,
            Some(bytes) => Node::Some(Box::new(Node::Bytes(bytes))),
        };
        Node::pair(Node::nat(self.token_id), metadata)
    }
}

fn append_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;

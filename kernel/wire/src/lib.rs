//! Every byte format that crosses the layer 1: inbox messages, blueprint chunks, deposits, governance, keys and
//! signatures. `docs/messages.md` shows them on one page.
//!
//! The kernel reads these formats and the tools write them, both through this crate: each module holds the
//! encoder beside the decoder, and goldens pin the bytes.
//!
//! * [`message`] and [`frame`]: what a message of the inbox is.
//! * [`micheline`]: the data that contracts of the layer 1 send.
//! * [`deposit`], [`fa_deposit`]: tez that become the native token, and tickets of others.
//! * [`delayed`], [`governance`]: what the other contracts send.
//! * [`proxy`]: transactions that anybody sends.
//! * [`blueprint`]: blueprint format 2, its chunks, and how big a payload may be; format 0 in
//!   [`blueprint::legacy`].
//! * [`outbox`]: withdrawals, the only messages that go the other way.
//! * [`dal`]: slots of the data availability layer; [`page`]: pages of preimages.
//! * [`authority`], [`signature`]: who orders transactions, and how that is proved; [`key_change`]: how a single sequencer
//!   hands that over.
//! * [`base58`], [`address`]: the text forms that people see.
//!
//! **Bounds**: a message has at most 4,096 bytes; depth, counts and sizes of everything decoded have named
//! constants beside the decoder. **Failure**: a decoder answers a reason without text; what may be ignored
//! in an inbox is [`message::Ignored`], with a stable code. Nothing here panics on foreign bytes.
//! **Deliberately unknown**: storage, the head of the chain, the clock: whether an authentic message is
//! timely is the business of the stages.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod address;
pub mod authority;
pub mod base58;
pub mod blueprint;
mod bytes;
pub mod dal;
pub mod delayed;
pub mod deposit;
mod digest;
pub mod fa_deposit;
pub mod frame;
pub mod governance;
pub mod key_change;
mod little_endian;
pub mod message;
pub mod micheline;
pub mod outbox;
pub mod page;
pub mod proxy;
mod rlp_strict;
pub mod signature;

/// Bytes of one inbox message, outer tag included (protocol constant of the layer 1).
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// Bytes of the largest transaction that is put together from several messages: 128 KiB, what nodes of Ethereum
/// take into their pools. It bounds what is kept while the chunks of a transaction arrive.
pub const TRANSACTION_BYTES_MAX: usize = 131_072;

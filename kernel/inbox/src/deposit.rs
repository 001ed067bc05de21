//! Native deposits: which tickets are tez, for whom, and queueing them.

use crate::{
    Reason,
    stage::{Judged, Outcome},
};
use millrace_host::{Input, Store};
use millrace_layout::{
    LayoutError,
    clock::L1Clock,
    delayed::{self, Content, Item, Pushed},
    events::{self, Event},
    parameters,
};
use millrace_primitives::{ContractHash, Mutez};
use millrace_wire::{
    deposit::{NativeDeposit, receiver},
    message::Ticket,
};

/// A ticket and where it should go.
pub(crate) struct Offered<'a> {
    pub(crate) routing: &'a [u8],
    pub(crate) ticket: Ticket<'a>,
}

/// Judges a deposit, and queues it when it is tez for somebody.
pub(crate) fn read(
    store: &mut impl Store,
    input: &Input,
    clock: L1Clock,
    offered: &Offered<'_>,
) -> Result<Judged, LayoutError> {
    let ticketer = parameters::read(store)?.ticketer;
    let deposit = match accept(input, ticketer, offered) {
        Ok(deposit) => deposit,
        Err(reason) => return Ok(Err(reason)),
    };
    let item = Item {
        name: deposit.hash(),
        level: input.level,
        timestamp: clock.timestamp,
        content: Content::Deposit(deposit),
    };
    match delayed::push(store, &item)? {
        Pushed::Queued => {
            events::push(store, &Event::DelayedItem { name: item.name })?;
            Ok(Ok(Outcome::Kept))
        }
        Pushed::Known => Ok(Err(Reason::DuplicateItem)),
        Pushed::Full => Ok(Err(Reason::DelayedInboxFull)),
    }
}

/// The deposit that a ticket is.
fn accept(
    input: &Input,
    ticketer: Option<ContractHash>,
    offered: &Offered<'_>,
) -> Result<NativeDeposit, Reason> {
    let ticket = &offered.ticket;
    if ticketer != Some(ticket.ticketer) {
        return Err(Reason::OtherTicketer);
    }
    if !ticket.token_id.is_zero() || ticket.metadata.is_some() {
        return Err(Reason::TicketContent);
    }
    let amount = u64::try_from(ticket.amount).map_err(|_| Reason::AmountTooLarge)?;
    if amount == 0 {
        return Err(Reason::AmountZero);
    }
    Ok(NativeDeposit {
        amount: Mutez::new(amount),
        receiver: receiver(offered.routing).map_err(Reason::Routing)?,
        level: input.level,
        index: input.index,
    })
}

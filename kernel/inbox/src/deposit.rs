//! Deposits: which tickets are tez and which are anything else, for whom, and queueing them.

use crate::{
    Reason,
    delayed::{self, Arrival},
    stage::Judged,
};
use millrace_host::Store;
use millrace_layout::{LayoutError, delayed::Content, parameters::Parameters};
use millrace_primitives::{Mutez, TransactionHash};
use millrace_wire::{
    deposit::{NativeDeposit, receiver},
    fa_deposit::{FaDeposit, Routing, ticket_hash},
    message::Ticket,
};

/// A ticket and where it should go.
pub(crate) struct Offered<'a> {
    pub(crate) routing: &'a [u8],
    pub(crate) ticket: Ticket<'a>,
}

/// Judges a deposit, and queues it when it is something for somebody.
pub(crate) fn read(
    store: &mut impl Store,
    parameters: &Parameters,
    arrival: Arrival,
    offered: &Offered<'_>,
) -> Result<Judged, LayoutError> {
    match accept(parameters, arrival, offered) {
        Ok((name, content)) => delayed::push(store, arrival, name, content),
        Err(reason) => Ok(Err(reason)),
    }
}

fn accept(
    parameters: &Parameters,
    arrival: Arrival,
    offered: &Offered<'_>,
) -> Result<(TransactionHash, Content), Reason> {
    if parameters.contracts.ticketer == Some(offered.ticket.ticketer) {
        let deposit = native(arrival, offered)?;
        Ok((deposit.hash(), Content::Deposit(deposit)))
    } else if parameters.has_fa_bridge {
        let deposit = fa(arrival, offered)?;
        Ok((deposit.hash(), Content::FaDeposit(deposit)))
    } else {
        Err(Reason::OtherTicketer)
    }
}

fn native(arrival: Arrival, offered: &Offered<'_>) -> Result<NativeDeposit, Reason> {
    let ticket = &offered.ticket;
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
        level: arrival.level,
        index: arrival.index,
    })
}

fn fa(arrival: Arrival, offered: &Offered<'_>) -> Result<FaDeposit, Reason> {
    if offered.ticket.amount.is_zero() {
        return Err(Reason::AmountZero);
    }
    let Routing { receiver, proxy } = Routing::decode(offered.routing).ok_or(Reason::FaRouting)?;
    Ok(FaDeposit {
        amount: offered.ticket.amount,
        receiver,
        proxy,
        ticket_hash: ticket_hash(&offered.ticket),
        level: arrival.level,
        index: arrival.index,
    })
}

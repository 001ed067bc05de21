//! A rollup that runs levels, and what can be seen of it from outside.

use super::{
    setup::{ROLLUP, Setup},
    slots::Published,
    watched::{Observed, Watched},
};
use crate::run_within;
use millrace_host::{Budget, FaultAt, MemoryHost, RunEnd};
use millrace_layout::{
    delayed::{self, Item},
    events::{self, Event},
    sequencers,
    world::{Head, World},
};
use millrace_primitives::{Account, Address, L1Level, Timestamp, U256};
use millrace_wire::{
    authority::Authority,
    message::{self, InfoPerLevel},
};
use std::{collections::BTreeMap, ops::Range};

/// A level of the layer 1, without the messages that every level has.
#[derive(Clone)]
pub(super) struct Level {
    pub(super) number: u32,
    pub(super) now: Timestamp,
    pub(super) messages: Vec<Vec<u8>>,
    /// Slots that are attested by now.
    pub(super) slots: Vec<Published>,
    /// Which of them, those of every level included, never come.
    pub(super) lost: Range<usize>,
}

impl Level {
    pub(super) fn new(number: u32, now: Timestamp, messages: Vec<Vec<u8>>) -> Self {
        Self { number, now, messages, slots: vec![], lost: 0..0 }
    }

    fn inbox(&self) -> Vec<Vec<u8>> {
        let info = InfoPerLevel { predecessor_timestamp: self.now, predecessor: [0; 32] };
        let mut inbox = vec![message::start_of_level(), message::info_per_level(&info)];
        inbox.extend_from_slice(&self.messages);
        inbox.push(message::end_of_level());
        let lost = self.lost.start..self.lost.end.min(inbox.len());
        inbox[lost].fill(nothing());
        inbox
    }
}

/// What a level did.
pub(super) struct Ran {
    pub(super) blocks: Vec<Observed>,
    pub(super) runs: u32,
    /// Slots of which a chunk was stored.
    pub(super) slots: usize,
    /// Host calls at which a run could have been killed.
    pub(super) calls: u64,
    /// Messages that a run had read when it was killed, those of every level included; the last one perhaps in vain.
    pub(super) read_at_death: Option<u64>,
}

/// A rollup.
#[derive(Clone)]
pub(super) struct Rollup {
    pub(super) host: MemoryHost,
}

impl Rollup {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { host: setup.originate() }
    }

    /// Runs a level with this budget for each run; `killed_at` is the host call from which on nothing works.
    pub(super) fn run(&mut self, level: &Level, budget: &Budget, killed_at: Option<u64>) -> Ran {
        level.slots.iter().for_each(|slot| slot.put(&mut self.host));
        self.host.open_level(L1Level::new(level.number), level.inbox());
        self.host.reset_meter();
        self.host.set_fault(killed_at.map(FaultAt::Dead));
        let (mut blocks, mut read_at_death) = (vec![], None);
        let mut calls = 0;
        let count = self.host.unread_count() as u64;
        let end = self.host.run_level(|host| {
            run_within(&mut Watched { host, blocks: &mut blocks }, *budget);
            calls = host.fallible_calls();
            let is_dying = read_at_death.is_none() && killed_at.is_some_and(|killed_at| calls > killed_at);
            if !is_dying {
                return RunEnd::Returned;
            }
            // The next run finds the host as it should be.
            read_at_death = Some(count - host.unread_count() as u64);
            host.set_fault(None);
            RunEnd::Trapped
        });
        self.host.set_fault(None);
        assert!(!end.too_many_reboots, "level {}: too many reboots", level.number);
        let is_slot = |line: &&String| line.ends_with("chunks stored") && !line.contains(": 0 of");
        let slots = self.host.debug_lines().iter().filter(is_slot).count();
        Ran { blocks, runs: end.runs, slots, calls, read_at_death }
    }

    pub(super) fn head(&self) -> Head {
        World::Committed.head().unwrap().require(&self.host).unwrap()
    }

    pub(super) fn number(&self) -> u64 {
        self.head().header.number.get()
    }

    pub(super) fn authority(&self) -> Option<Authority> {
        sequencers::read(&self.host).unwrap()
    }

    pub(super) fn waiting(&self) -> Vec<Item> {
        delayed::oldest(&self.host, usize::MAX).unwrap()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        events::all(&self.host).unwrap()
    }

    /// The keys that start so.
    pub(super) fn keys(&self, prefix: &str) -> Vec<String> {
        self.host.values_from(prefix).map(|(key, _)| key.to_owned()).collect()
    }

    /// The part of durable storage that blocks are about.
    pub(super) fn world(&self) -> BTreeMap<String, Vec<u8>> {
        let values = self.host.values_from("/evm/world");
        values.map(|(key, value)| (key.to_owned(), value.to_vec())).collect()
    }
}

pub(super) fn account(host: &MemoryHost, address: Address) -> Account {
    World::Committed.account(address).unwrap().read(host).unwrap().unwrap_or_default()
}

/// What each account owns.
pub(super) fn balances(host: &MemoryHost) -> BTreeMap<Address, U256> {
    let accounts = host.values_from("/evm/world/accounts/").filter(|(key, _)| key.ends_with("/info"));
    let address = |key: &str| {
        let hex = key.split('/').nth(4).unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap();
        Address::from(core::array::from_fn::<u8, 20, _>(byte))
    };
    accounts
        .map(|(key, value)| (address(key), U256::from_big_endian(&value[8..40])))
        .filter(|(_, balance)| !balance.is_zero())
        .collect()
}

/// A message of the layer 1 that is for somebody else: it holds a place in the inbox.
fn nothing() -> Vec<u8> {
    let mut message = message::external(&ROLLUP, millrace_wire::frame::Kind::DalSignal, &[]);
    message[5] ^= 1;
    message
}

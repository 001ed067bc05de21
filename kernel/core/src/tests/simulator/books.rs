//! The books: what each block may have done to hashes, gas and money, and what became of each delayed item.

use super::{
    rollup::{Level, Rollup, balances},
    setup::{CHAIN_ID, Setup},
    watched::Observed,
    withdrawals::Debts,
};
use millrace_evm::{
    block, keccak,
    system::{FA_BRIDGE, NATIVE_BRIDGE},
    transaction::{DEPOSIT_SENDER, SignedTransaction},
};
use millrace_host::MemoryHost;
use millrace_layout::{
    delayed::{Content, Item},
    events::Event,
    governance,
    parameters::{DelayedInbox, ExecutionFee},
    world::{Head, World},
};
use millrace_primitives::{Account, Address, BlockNumber, EMPTY_CODE_HASH, Receipt, TransactionHash, U256};
use millrace_wire::signature::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

type Balances = BTreeMap<Address, U256>;

/// What is known of a rollup after its last block.
#[derive(Clone)]
pub(super) struct Books {
    head: Head,
    balances: Balances,
    /// Every item that ever waited.
    items: BTreeMap<TransactionHash, Item>,
    /// Those that waited at the end of the last level, and the one that was overdue longest.
    waiting: BTreeSet<TransactionHash>,
    overdue: Option<TransactionHash>,
    /// Those that a block consumed, deposits for ever.
    consumed: BTreeSet<TransactionHash>,
    pub(super) debts: Debts,
    pub(super) blocks: u64,
    pub(super) transactions: u64,
    /// Blocks in which every balance was predicted.
    pub(super) predicted: u64,
    pub(super) forced: u64,
    pub(super) items_executed: u64,
    pub(super) items_dropped: u64,
    pub(super) dropped: u64,
    /// What a sequencer had asked for and waited at the end of the last level.
    key_change: Option<PublicKey>,
    pub(super) key_changes: u64,
    pub(super) key_changes_in_effect: u64,
}

impl Books {
    /// Opened after genesis.
    pub(super) fn open(rollup: &Rollup) -> Self {
        Self {
            head: rollup.head(),
            balances: balances(&rollup.host),
            items: BTreeMap::new(),
            waiting: BTreeSet::new(),
            overdue: None,
            consumed: BTreeSet::new(),
            debts: Debts::default(),
            blocks: 0,
            transactions: 0,
            predicted: 0,
            forced: 0,
            items_executed: 0,
            items_dropped: 0,
            dropped: 0,
            key_change: None,
            key_changes: 0,
            key_changes_in_effect: 0,
        }
    }

    /// Enters a level. One in which a run died may leave things for the next to finish.
    pub(super) fn enter(&mut self, setup: &Setup, rollup: &Rollup, level: &Level, ran: (&[Observed], bool)) {
        let (blocks, has_died) = ran;
        let waiting = rollup.waiting();
        self.items.extend(waiting.iter().map(|item| (item.name, item.clone())));
        let events = rollup.events();
        for observed in blocks {
            self.block(setup, rollup, observed);
            self.delayed(observed, &events);
        }
        self.debts.settle(rollup, &events);
        assert_eq!(self.head, rollup.head(), "a head that no block made");
        for event in &events {
            match event {
                Event::Forced { .. } => self.forced += 1,
                Event::TransactionDropped { .. } => self.dropped += 1,
                _ => {}
            }
        }
        self.queue(setup, level, (&waiting, &events), has_died);
        self.key_changes(rollup, blocks);
    }

    /// At most one waits, alone.
    fn key_changes(&mut self, rollup: &Rollup, blocks: &[Observed]) {
        self.key_changes += blocks.iter().filter(|block| block.head.key_change.is_some()).count() as u64;
        let waiting = governance::authorities_waiting(&rollup.host).unwrap().waiting;
        let own: Vec<_> = waiting.iter().filter(|change| change.is_key_change()).collect();
        assert!(own.is_empty() || waiting.len() == 1, "a key change beside {waiting:?}");
        let now = own.first().map(|change| change.members[0]);
        let has = |key: PublicKey| rollup.authority().is_some_and(|authority| authority.members == [key]);
        self.key_changes_in_effect += u64::from(now.is_none() && self.key_change.is_some_and(has));
        self.key_change = now;
    }

    fn block(&mut self, setup: &Setup, rollup: &Rollup, observed: &Observed) {
        let Observed { head, body, balances } = observed;
        let header = &head.header;
        let number = header.number;
        let before = &self.head;
        // One by one, and each hash is that of what it is said to be of.
        assert_eq!(number.get(), before.header.number.get() + 1, "a head that jumps");
        assert_eq!(header.parent_hash, before.hash, "block {number}");
        assert!(header.timestamp >= before.header.timestamp, "block {number}");
        assert!(header.base_fee_per_gas >= setup.parameters.base_fee_min, "block {number}");
        assert_eq!(block::header_hash(header), head.hash, "block {number}");
        assert_eq!(header.transactions_root, block::transactions_root(&body.transactions), "block {number}");
        let roots = block::receipts_root(&body.receipts);
        assert_eq!((header.receipts_root, header.logs_bloom), roots, "block {number}");
        assert_eq!(body.transactions.len(), body.receipts.len(), "block {number}");
        let mut cumulative = 0;
        for receipt in &body.receipts {
            cumulative += receipt.gas_used.get();
            assert_eq!(receipt.cumulative_gas_used.get(), cumulative, "block {number}");
        }
        assert_eq!(header.gas_used.get(), cumulative, "block {number}");
        self.money(setup, rollup, observed);
        self.blocks += 1;
        self.transactions += body.transactions.len() as u64;
        self.balances = balances.clone();
        self.head = head.clone();
    }

    /// To the wei: what there is, and, where no code ran, who has it.
    fn money(&mut self, setup: &Setup, rollup: &Rollup, observed: &Observed) {
        let number = observed.head.header.number;
        let mut ledger = Ledger { expected: self.balances.clone(), burned: U256::zero(), is_plain: true };
        let minted = observed.body.transactions.iter().zip(&observed.body.receipts).map(|(raw, receipt)| {
            if receipt.sender == DEPOSIT_SENDER {
                self.deposit(&mut ledger, raw)
            } else {
                let is_delayed = observed.head.consumed.contains(&name(raw));
                ledger.transaction(setup, &rollup.host, observed, (raw, receipt, is_delayed));
                U256::zero()
            }
        });
        let minted = minted.fold(U256::zero(), |sum, amount| sum + amount);
        for receipt in &observed.body.receipts {
            ledger.burned += self.debts.enter(&receipt.logs);
        }
        let (before, after) = (total(&self.balances), total(&observed.balances));
        assert_eq!(after + ledger.burned, before + minted, "block {number}: money from nowhere");
        if ledger.is_plain {
            ledger.expected.retain(|_, balance| !balance.is_zero());
            assert_eq!(ledger.expected, observed.balances, "block {number}");
            self.predicted += 1;
        }
    }

    /// What a deposit makes: wei, or nothing that is counted here.
    fn deposit(&self, ledger: &mut Ledger, raw: &[u8]) -> U256 {
        match self.items.get(&name(raw)).map(|item| &item.content) {
            Some(Content::Deposit(deposit)) => {
                let amount = deposit.amount.to_wei().get();
                *ledger.expected.entry(deposit.receiver).or_default() += amount;
                amount
            }
            Some(Content::FaDeposit(deposit)) => {
                ledger.is_plain &= deposit.proxy.is_none();
                U256::zero()
            }
            // It came and went within a level.
            _ => {
                let (receiver, amount) = read_deposit(raw);
                *ledger.expected.entry(receiver).or_default() += amount;
                ledger.is_plain &= !amount.is_zero();
                amount
            }
        }
    }

    /// An item that a block consumed is in the block, or the event says why not.
    fn delayed(&mut self, observed: &Observed, events: &[Event]) {
        let number = observed.head.header.number;
        let transactions: BTreeSet<_> = observed.body.transactions.iter().map(|raw| name(raw)).collect();
        for consumed in &observed.head.consumed {
            let is_deposit = !matches!(
                self.items.get(consumed),
                Some(Item { content: Content::Transaction(_), .. }) | None
            );
            let is_first = self.consumed.insert(*consumed);
            assert!(is_first || !is_deposit, "block {number}: a deposit twice");
            let is_dropped = is_dropped(events, *consumed, Some(number));
            let is_executed = transactions.contains(consumed);
            assert!(is_executed != is_dropped, "block {number}: an item that is lost");
            self.items_executed += u64::from(is_executed);
            self.items_dropped += u64::from(is_dropped);
        }
    }

    /// An item that left the queue left it with a block or with an event; one that is overdue is not passed over.
    fn queue(
        &mut self,
        setup: &Setup,
        level: &Level,
        (waiting, events): (&[Item], &[Event]),
        has_died: bool,
    ) {
        let names: BTreeSet<_> = waiting.iter().map(|item| item.name).collect();
        assert_eq!(names.len(), waiting.len(), "an item that waits twice");
        for gone in self.waiting.difference(&names) {
            let is_known = self.consumed.contains(gone) || is_dropped(events, *gone, None);
            assert!(is_known, "level {}: an item vanished", level.number);
        }
        let overdue = waiting.iter().find(|item| is_overdue(item, setup, level));
        let overdue = overdue.map(|item| item.name);
        if !has_died && overdue.is_some() {
            assert_ne!(overdue, self.overdue, "level {}: an overdue item was passed over", level.number);
        }
        // What waits again after it was consumed was sent again.
        self.consumed.retain(|name| !names.contains(name) || has_died);
        self.overdue = overdue.filter(|_| !has_died);
        self.waiting = names;
    }
}

/// The rule, not the kernel's code for it.
fn is_overdue(item: &Item, setup: &Setup, level: &Level) -> bool {
    let DelayedInbox { timeout_s, timeout_levels, .. } = setup.parameters.delayed;
    let (seconds, levels) = (level.now.get() - item.timestamp.get(), level.number - item.level.get());
    seconds >= timeout_s && levels >= timeout_levels
}

fn is_dropped(events: &[Event], wanted: TransactionHash, by: Option<BlockNumber>) -> bool {
    events.iter().any(|event| {
        matches!(event, Event::DelayedDropped { name, number, .. }
            if *name == wanted && by.is_none_or(|by| by == *number))
    })
}

fn name(raw: &[u8]) -> TransactionHash {
    TransactionHash::new(keccak(raw).0)
}

fn total(balances: &Balances) -> U256 {
    balances.values().fold(U256::zero(), |sum, balance| sum + *balance)
}

/// Receiver and value of the transaction that a deposit became.
fn read_deposit(raw: &[u8]) -> (Address, U256) {
    match millrace_evm::transaction::Deposit::decode(raw) {
        Ok(Some(deposit)) => (deposit.receiver, deposit.value),
        _ => (Address::zero(), U256::zero()),
    }
}

/// The balances as they should be.
struct Ledger {
    expected: Balances,
    burned: U256,
    /// Whether nothing ran but transfers.
    is_plain: bool,
}

impl Ledger {
    fn transaction(
        &mut self,
        setup: &Setup,
        host: &MemoryHost,
        observed: &Observed,
        (raw, receipt, is_delayed): (&[u8], &Receipt, bool),
    ) {
        let header = &observed.head.header;
        let base_fee = header.base_fee_per_gas;
        assert_eq!(receipt.effective_gas_price, base_fee);
        let signed = SignedTransaction::decode(raw, U256::from(CHAIN_ID)).unwrap();
        let transaction = signed.transaction();
        // Computed here from the rules, not by the kernel's code: 150 bytes, the data, and what is listed.
        let listed: u64 =
            transaction.access_list.iter().map(|item| 20 + 32 * item.storage_keys.len() as u64).sum();
        let bytes = if is_delayed { 0 } else { 150 + transaction.data.len() as u64 + listed };
        let da_fee = setup.parameters.da_fee_per_byte * U256::from(bytes);
        let da_gas = (da_fee + base_fee - 1) / base_fee;
        let used = U256::from(receipt.gas_used.get());
        assert!(used >= da_gas + 21_000, "gas used {used}, for the bytes {da_gas}");
        assert!(receipt.gas_used <= transaction.gas_limit);
        let execution_fee = (used - da_gas) * base_fee;
        let to_pool = match setup.parameters.execution_fee {
            ExecutionFee::Burned => {
                self.burned += execution_fee;
                da_gas * base_fee
            }
            ExecutionFee::Pool => used * base_fee,
        };
        let value = if receipt.succeeded { transaction.value } else { U256::zero() };
        self.take(receipt.sender, used * base_fee + value);
        *self.expected.entry(header.beneficiary).or_default() += to_pool;
        match transaction.to {
            // It burns what it gets.
            Some(to) if to == NATIVE_BRIDGE => {}
            Some(to) => {
                *self.expected.entry(to).or_default() += value;
                self.is_plain &= !receipt.succeeded || !(has_code(host, to) || to == FA_BRIDGE);
            }
            None => self.is_plain &= !receipt.succeeded,
        }
    }

    fn take(&mut self, address: Address, amount: U256) {
        if !self.is_plain {
            return;
        }
        let balance = self.expected.entry(address).or_default();
        match balance.checked_sub(amount) {
            Some(rest) => *balance = rest,
            None => panic!("{address} pays {amount} of {balance}"),
        }
    }
}

fn has_code(host: &MemoryHost, address: Address) -> bool {
    let account: Option<Account> = World::Committed.account(address).unwrap().read(host).unwrap();
    account.is_some_and(|account| account.code_hash != EMPTY_CODE_HASH)
}

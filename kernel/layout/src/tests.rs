//! Goldens of every path and encoding, and the behaviour of the queue.
//!
//! `MILLRACE_UPDATE_GOLDENS=1 cargo test -p millrace-layout` writes the generated documents anew; a commit that
//! changes them says why, because it changes what nodes and kernels in the field read.

use crate::{
    Value,
    attempt::{Attempt, OrderedBy},
    blueprints,
    catalog::{ALL, Entry},
    clock::L1Clock,
    dal,
    delayed::{self, Bounds, Content, Item, Position, Pushed, bridge},
    events::{self, Count, Event},
    governance::{PendingAuthorities, PendingAuthority, PendingUpgrade, PendingUpgrades, Source},
    node,
    outbox::{self, Cursor},
    parameters::{Contracts, Dal, ExecutionFee, PUBLISHERS_MAX, Parameters},
    progress::{self, Progress},
    queue,
    sequencers::Change,
    upgrade::{Fetch, Handover, KernelRoot, Phase},
    version::StorageVersion,
    world::{self, Body, Head, KeyChange, World},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use millrace_host::{MemoryHost, Store};
use millrace_primitives::{
    Account, Address, BlockHash, BlockNumber, Bloom, ContractHash, Epoch, Gas, H256, Header, L1Level, Log,
    Mutez, Receipt, Timestamp, TransactionHash, U256,
};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    authority::{Authority, PublicKey},
    blueprint::{Blueprint, Payload},
    deposit::NativeDeposit,
    fa_deposit::FaDeposit,
};
use std::{fs, path::PathBuf};

mod versions;

fn header() -> Header {
    Header {
        parent_hash: BlockHash::new([1; 32]),
        beneficiary: Address::repeat_byte(2),
        state_root: H256::repeat_byte(3),
        transactions_root: H256::repeat_byte(4),
        receipts_root: H256::repeat_byte(5),
        logs_bloom: Bloom([6; 256]),
        number: BlockNumber::new(7),
        gas_limit: Gas::new(1 << 50),
        gas_used: Gas::new(21_000),
        timestamp: Timestamp::new(1_700_000_000),
        base_fee_per_gas: U256::from(1_000_000_000u64),
    }
}

fn receipt() -> Receipt {
    Receipt {
        transaction_type: 2,
        succeeded: true,
        cumulative_gas_used: Gas::new(621_000),
        logs: vec![Log {
            address: Address::repeat_byte(8),
            topics: vec![H256::repeat_byte(9)],
            data: vec![10, 11],
        }],
        gas_used: Gas::new(621_000),
        effective_gas_price: U256::from(1_000_000_000u64),
        sender: Address::repeat_byte(12),
        created: Some(Address::repeat_byte(13)),
    }
}

fn deposit(index: u32) -> Item {
    let deposit = NativeDeposit {
        amount: Mutez::new(1_000_000),
        receiver: Address::repeat_byte(14),
        level: L1Level::new(15),
        index,
    };
    Item {
        name: deposit.hash(),
        level: deposit.level,
        timestamp: Timestamp::new(16),
        content: Content::Deposit(deposit),
    }
}

fn parameters() -> Parameters {
    let contracts = Contracts {
        ticketer: Some(ContractHash::new([17; 20])),
        sequencer_governance: Some(ContractHash::new([18; 20])),
        ..Contracts::default()
    };
    let dal = Dal {
        is_enabled: true,
        has_signals: true,
        slots: vec![0, 7, 255],
        publishers: vec![PublicKeyHash { curve: Curve::P256, hash: [46; 20] }],
    };
    Parameters { contracts, execution_fee: ExecutionFee::Pool, dal, ..Parameters::default() }
}

/// An import of as many slots as can be.
fn import() -> dal::Import {
    dal::Import {
        level: L1Level::new(u32::MAX),
        taken: dal::SLOTS_PER_LEVEL_MAX,
        slot_size_bytes: u32::MAX,
        page_size_bytes: 3_967,
        offset: 47,
        has_trapped: true,
        slots: (0..dal::SLOTS_PER_LEVEL_MAX)
            .map(|index| dal::Slot { published_level: L1Level::new(u32::MAX), index: 255 - index as u8 })
            .collect(),
    }
}

fn delayed_transaction(size_bytes: usize) -> Item {
    Item {
        name: TransactionHash::new([22; 32]),
        level: L1Level::new(15),
        timestamp: Timestamp::new(16),
        content: Content::Transaction(vec![23; size_bytes]),
    }
}

fn fa_deposit(proxy: Option<Address>) -> Item {
    let deposit = FaDeposit {
        amount: U256::MAX,
        receiver: Address::repeat_byte(42),
        proxy,
        ticket_hash: H256::repeat_byte(43),
        level: L1Level::new(15),
        index: 44,
    };
    Item { content: Content::FaDeposit(deposit), ..delayed_transaction(0) }
}

fn pending_upgrades() -> PendingUpgrades {
    PendingUpgrades(vec![
        PendingUpgrade { root_hash: [24; 33], activation: Timestamp::new(25), source: Source::Kernel },
        PendingUpgrade { root_hash: [26; 33], activation: Timestamp::new(27), source: Source::Security },
    ])
}

fn pending_authorities() -> PendingAuthorities {
    let change = PendingAuthority {
        number: 46,
        announced_at: L1Level::new(47),
        members: authority().members,
        quorum: 1,
        pool: Some(Address::repeat_byte(28)),
        activation: Timestamp::new(29),
    };
    let removal = PendingAuthority { members: vec![], quorum: 0, pool: None, ..change.clone() };
    PendingAuthorities { next_number: 48, key_changes: 67, waiting: vec![change, removal] }
}

fn fetch() -> Fetch {
    Fetch { position: vec![3, 122], size_bytes: 8_182, pages: 4, ..Fetch::new([49; 33]) }
}

fn handover() -> Handover {
    Handover {
        phase: Phase::Migrating,
        root_hash: [50; 33],
        activation: Timestamp::new(67),
        previous: Some([51; 33]),
        number: BlockNumber::new(52),
        failures: 53,
        failed_at: L1Level::new(54),
        reason: 55,
        cursor: Some(vec![56; 3]),
    }
}

fn progress() -> Progress {
    Progress {
        number: BlockNumber::new(30),
        timestamp: Timestamp::new(31),
        ordered_by: OrderedBy::Timeout,
        items: 32,
        transactions: 41,
        content: H256::repeat_byte(33),
        position: 34,
        gas_used: Gas::new(35),
        execution_gas: Gas::new(36),
        consumed: vec![TransactionHash::new([37; 32])],
        dropped: vec![(38, 39)],
        outbox: vec![vec![42, 43]],
        body: Body { transactions: vec![vec![2, 3]], receipts: vec![receipt()] },
        changes: vec![40],
    }
}

fn ordered() -> node::Ordered {
    let blueprint = Blueprint {
        number: BlockNumber::new(8),
        parent: BlockHash::new([68; 32]),
        timestamp: Timestamp::new(69),
        payload: Payload {
            delayed: vec![TransactionHash::new([70; 32])],
            transactions: vec![vec![71, 72], vec![73]],
        },
    };
    node::Ordered { ordered_by: OrderedBy::Timeout, blueprint }
}

fn made() -> node::Made {
    node::Made {
        hash: BlockHash::new([74; 32]),
        header: header(),
        body: Body { transactions: vec![vec![2, 3]], receipts: vec![receipt()] },
        dropped: vec![
            node::Dropped { position: 0, reason: 5, item: Some(TransactionHash::new([75; 32])) },
            node::Dropped { position: 2, reason: 10, item: None },
        ],
        upgrades: vec![
            node::Change { root_hash: [76; 33], reason: 0 },
            node::Change { root_hash: [77; 33], reason: 14 },
        ],
    }
}

fn outbox_cursor() -> Cursor {
    Cursor { next: 3, oldest: 2, level: L1Level::new(5), in_level: 100, is_sending: true }
}

fn authority() -> Authority {
    let member = PublicKey::from_bytes(&[&[0][..], &[18; 32]].concat()).unwrap();
    Authority::single(Epoch::new(1), member)
}

/// Reads an encoding back and gives it in hexadecimal.
fn golden<V: Value + PartialEq + core::fmt::Debug>(value: &V) -> String {
    let bytes = value.encode();
    assert!(bytes.len() <= V::SIZE_BYTES_MAX, "{} bytes", bytes.len());
    assert_eq!(V::decode(&bytes).as_ref(), Some(value));
    hex::encode(bytes)
}

fn compare(name: &str, rendered: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("MILLRACE_UPDATE_GOLDENS").is_some() {
        fs::write(&path, rendered).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == rendered, "docs/{name} is not what the catalog says: see the head of this file");
}

fn writers(entry: &Entry) -> String {
    entry.writers.iter().map(|writer| format!("{writer:?}")).collect::<Vec<_>>().join(", ")
}

/// `docs/layout.md` and `docs/layout.json`.
fn documents() -> (String, String) {
    let mut markdown = String::from(
        "# Durable storage\n\nGenerated from `kernel/layout/src/catalog.rs` by its tests. Integers are big-endian.\n\n\
         | path | value | bytes at most | written by | since |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut json = String::from("[\n");
    for (index, entry) in ALL.iter().enumerate() {
        let Entry { pattern, value, size_bytes_max, since, .. } = entry;
        let shown = if value.is_empty() { "(a node)" } else { value };
        markdown += &format!("| `{pattern}` | {shown} | {size_bytes_max} | {} | {since} |\n", writers(entry));
        let comma = if index + 1 == ALL.len() { "" } else { "," };
        json += &format!(
            "  {{\"path\": \"{pattern}\", \"value\": \"{value}\", \"size_bytes_max\": {size_bytes_max}, \
             \"writers\": \"{}\", \"since\": {since}}}{comma}\n",
            writers(entry)
        );
    }
    (markdown, json + "]\n")
}

#[test]
fn the_documents_are_those_of_the_catalog() {
    let (markdown, json) = documents();
    compare("layout.md", &markdown);
    compare("layout.json", &json);
}

/// `docs/layout-encodings.txt`.
fn encodings() -> String {
    let head = Head {
        hash: BlockHash::new([19; 32]),
        header: header(),
        backlog: Gas::new(20),
        consumed: vec![],
        queue_front: 0,
        key_change: None,
    };
    let empty = Head { header: Header { logs_bloom: Bloom::default(), ..header() }, ..head.clone() };
    let consumed = Head { consumed: vec![TransactionHash::new([21; 32])], ..empty.clone() };
    let key_change = KeyChange { number: 68, epoch: Epoch::new(69), key: PublicKey::P256([70; 33]) };
    let handing_over = Head { key_change: Some(key_change), ..empty.clone() };
    let body = Body { transactions: vec![vec![2, 3]], receipts: vec![receipt()] };
    let account = Account { nonce: 1, balance: U256::from(2), code_hash: H256::repeat_byte(3) };
    let (number, name) = (BlockNumber::new(7), TransactionHash::new([6; 32]));
    let attempt = Attempt {
        level: L1Level::new(1),
        number,
        ordered_by: OrderedBy::Nobody,
        forced_gas: Gas::new(2),
        items_max: 3,
        first: TransactionHash::new([9; 32]),
        has_trapped: true,
    };
    let rows: [(&str, String); 56] = [
        ("version", golden(&StorageVersion(1))),
        ("parameters", golden(&parameters())),
        ("parameters_default", golden(&Parameters::default())),
        ("authority", golden(&authority())),
        ("clock", golden(&L1Clock { level: L1Level::new(5), timestamp: Timestamp::new(6) })),
        ("bounds", golden(&Bounds { front: 1, back: 2 })),
        ("position", golden(&Position(3))),
        ("item", golden(&deposit(4))),
        ("item_transaction", golden(&delayed_transaction(3))),
        ("item_fa", golden(&fa_deposit(None))),
        ("item_fa_proxy", golden(&fa_deposit(Some(Address::repeat_byte(45))))),
        ("legacy_count", golden(&blueprints::LegacyCount(128))),
        ("bridge_progress", golden(&bridge::Progress { expected: 3, received: 2, size_bytes: 8_000 })),
        ("bridge_chunk", golden(&bridge::Chunk(vec![1, 2]))),
        ("attempt", golden(&attempt)),
        ("queue_partial", golden(&queue::Partial { chunks: vec![H256::repeat_byte(4); 2] })),
        ("queue_partials", golden(&queue::Partials(vec![(name, L1Level::new(5))]))),
        ("upgrades", golden(&pending_upgrades())),
        ("authorities_pending", golden(&pending_authorities())),
        (
            "authority_change",
            golden(&Change { epoch: Epoch::new(57), number: 58, activation: Timestamp::new(59) }),
        ),
        ("fetch", golden(&fetch())),
        ("handover", golden(&handover())),
        ("handover_first", golden(&Handover { previous: None, cursor: None, ..handover() })),
        ("kernel_root", golden(&KernelRoot(vec![60; 33]))),
        ("progress", golden(&progress())),
        ("node_blueprint", golden(&ordered())),
        ("node_made", golden(&node::Outcome::Made(made()))),
        ("node_rejected", golden(&node::Outcome::Rejected(3))),
        ("node_waits", golden(&node::Outcome::Waits)),
        ("count", golden(&Count(5))),
        ("event_delayed", golden(&Event::DelayedItem { name: TransactionHash::new([6; 32]) })),
        ("event_blueprint", golden(&Event::BlueprintDropped { number: BlockNumber::new(7), reason: 8 })),
        (
            "event_transaction",
            golden(&Event::TransactionDropped { number: BlockNumber::new(9), position: 10, reason: 11 }),
        ),
        ("event_delayed_dropped", golden(&Event::DelayedDropped { name, number, reason: 8 })),
        ("event_forced", golden(&Event::Forced { number, items: 9 })),
        (
            "event_upgrade",
            golden(&Event::UpgradeAnnounced {
                root_hash: [10; 33],
                activation: Timestamp::new(11),
                source: 2,
            }),
        ),
        (
            "event_authority",
            golden(&Event::AuthorityAnnounced { activation: Timestamp::new(12), members: 13 }),
        ),
        (
            "event_slot",
            golden(&Event::SlotIgnored { published_level: L1Level::new(15), slot: 16, reason: 17 }),
        ),
        ("dal_import", golden(&dal::Import { slots: import().slots[..2].to_vec(), ..import() })),
        ("dal_import_none", golden(&dal::Import::default())),
        ("dal_done", golden(&dal::Done { published_level: L1Level::new(48), bits: [49; 32] })),
        ("event_cancelled", golden(&Event::UpgradesCancelled { count: 14 })),
        ("event_outbox_uncertain", golden(&Event::OutboxUncertain { number: 15 })),
        ("outbox_cursor", golden(&outbox_cursor())),
        ("event_activated", golden(&Event::UpgradeActivated { root_hash: [61; 33] })),
        ("event_failed", golden(&Event::UpgradeFailed { root_hash: [62; 33], reason: 63 })),
        ("event_authority_changed", golden(&Event::AuthorityChanged { epoch: Epoch::new(64), members: 65 })),
        ("event_authorities_cancelled", golden(&Event::AuthoritiesCancelled { count: 66 })),
        (
            "event_key_change_dropped",
            golden(&Event::KeyChangeDropped { number: BlockNumber::new(71), reason: 72 }),
        ),
        ("account", golden(&account)),
        ("slot", golden(&H256::repeat_byte(4))),
        ("head", golden(&head)),
        ("head_without_logs", golden(&empty)),
        ("head_with_consumed", golden(&consumed)),
        ("head_with_key_change", golden(&handing_over)),
        ("body", golden(&body)),
    ];
    rows.iter().map(|(name, hex)| format!("{name} {hex}\n")).collect()
}

#[test]
fn encodings_are_pinned() {
    compare("layout-encodings.txt", &encodings());
}

#[test]
fn paths_are_pinned() {
    let (address, slot) = (Address::repeat_byte(0xab), H256::repeat_byte(0xcd));
    let (number, name) = (BlockNumber::new(258), TransactionHash::new([0xef; 32]));
    let shown = [
        World::Committed.account(address).unwrap().path().to_string(),
        World::Working.slot(address, slot).unwrap().path().to_string(),
        World::Committed.code(slot).unwrap().path().to_string(),
        World::Working.block_hash(number).unwrap().path().to_string(),
        World::Committed.head().unwrap().path().to_string(),
        blueprints::announced(number).unwrap().path().to_string(),
        blueprints::piece(number, 127).unwrap().path().to_string(),
        delayed::name(name).unwrap().path().to_string(),
        delayed::item(Position(3)).unwrap().path().to_string(),
        events::event(9).unwrap().path().to_string(),
        bridge::chunk(7).unwrap().path().to_string(),
        queue::transaction(8).unwrap().path().to_string(),
        queue::chunk(name, 9).unwrap().path().to_string(),
        World::Working.outbox_message(10).unwrap().path().to_string(),
        outbox::uncertain(11).unwrap().path().to_string(),
        dal::done(L1Level::new(513)).unwrap().path().to_string(),
    ];
    let (a, c, e) = ("ab".repeat(20), "cd".repeat(32), "ef".repeat(32));
    let wanted = [
        format!("/evm/world/accounts/{a}/info"),
        format!("/tmp/world/accounts/{a}/storage/{c}"),
        format!("/evm/world/codes/{c}"),
        "/tmp/world/hashes/2".to_string(),
        "/evm/world/head".to_string(),
        "/base/blueprints/258/header".to_string(),
        "/base/blueprints/258/chunks/127".to_string(),
        format!("/base/delayed/names/{e}"),
        "/base/delayed/items/3".to_string(),
        "/base/events/9".to_string(),
        "/base/delayed/bridge/chunks/7".to_string(),
        "/base/queue/transactions/8".to_string(),
        format!("/base/queue/partial/{e}/9"),
        "/tmp/world/outbox/messages/10".to_string(),
        "/base/outbox/uncertain/11".to_string(),
        "/base/dal/done/1".to_string(),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn a_value_that_does_not_decode_is_corrupt_and_never_a_default() {
    let mut host = MemoryHost::default();
    let key = World::Committed.account(Address::zero()).unwrap();
    assert_eq!(key.read(&host), Ok(None));
    for bad in [&[][..], &[0; 71], &[0; 73]] {
        host.write_value(key.path(), bad).unwrap();
        assert!(matches!(key.read(&host), Err(crate::LayoutError::Corrupt { .. })), "{}", bad.len());
    }
}

#[test]
fn rlp_values_refuse_every_truncation_and_any_trailing_byte() {
    fn check<V: Value + PartialEq + core::fmt::Debug>(value: &V) {
        let bytes = value.encode();
        for end in 0..bytes.len() {
            assert_eq!(V::decode(&bytes[..end]), None, "{end} of {}", bytes.len());
        }
        assert_eq!(V::decode(&[&bytes[..], &[0]].concat()), None);
    }
    check(&parameters());
    check(&authority());
    check(&import());
    check(&deposit(1));
    check(&delayed_transaction(100));
    check(&fa_deposit(Some(Address::zero())));
    check(&pending_upgrades());
    check(&pending_authorities());
    check(&fetch());
    check(&handover());
    check(&progress());
    check(&Event::DelayedItem { name: TransactionHash::new([6; 32]) });
    check(&Body { transactions: vec![vec![2, 3]], receipts: vec![receipt()] });
}

#[test]
fn the_delayed_inbox_keeps_order_over_any_removal() {
    let mut host = MemoryHost::default();
    let items: Vec<Item> = (0..5).map(deposit).collect();
    for item in &items {
        assert_eq!(delayed::push(&mut host, item), Ok(Pushed::Queued));
        assert_eq!(delayed::push(&mut host, item), Ok(Pushed::Known));
    }
    let names = |host: &MemoryHost| -> Vec<TransactionHash> {
        delayed::oldest(host, 10).unwrap().iter().map(|item| item.name).collect()
    };
    for gone in [2, 0, 1, 4] {
        delayed::remove(&mut host, items[gone].name).unwrap();
        delayed::remove(&mut host, items[gone].name).unwrap();
        assert_eq!(delayed::find(&host, items[gone].name), Ok(None));
    }
    assert_eq!(names(&host), [items[3].name]);
    assert_eq!(delayed::push(&mut host, &items[0]), Ok(Pushed::Queued));
    assert_eq!(names(&host), [items[3].name, items[0].name]);
    delayed::remove(&mut host, items[3].name).unwrap();
    delayed::remove(&mut host, items[0].name).unwrap();
    let bounds = delayed::bounds().unwrap().read(&host).unwrap().unwrap();
    assert_eq!(bounds.front, bounds.back);
}

#[test]
fn events_start_anew() {
    let mut host = MemoryHost::default();
    let event = Event::DelayedItem { name: TransactionHash::new([1; 32]) };
    events::push(&mut host, &event).unwrap();
    events::push(&mut host, &event).unwrap();
    assert_eq!(events::all(&host).unwrap(), [event.clone(), event]);
    events::clear(&mut host).unwrap();
    assert_eq!(events::all(&host).unwrap(), []);
}

#[test]
fn the_working_copy_replaces_the_world_in_one_step() {
    let mut host = MemoryHost::default();
    let key = |world: World| world.account(Address::zero()).unwrap();
    let (old, new) = (Account { nonce: 1, ..Account::default() }, Account { nonce: 2, ..Account::default() });
    key(World::Committed).write(&mut host, &old).unwrap();
    key(World::Working).write(&mut host, &Account::default()).unwrap();

    world::open_working_copy(&mut host).unwrap();
    assert_eq!(key(World::Working).read(&host), Ok(Some(old)));
    key(World::Working).write(&mut host, &new).unwrap();
    assert_eq!(key(World::Committed).read(&host), Ok(Some(old)));
    world::commit_working_copy(&mut host).unwrap();
    assert_eq!(key(World::Committed).read(&host), Ok(Some(new)));
    assert_eq!(key(World::Working).read(&host), Ok(None));
}

#[test]
fn a_flood_of_transactions_leaves_room_for_deposits() {
    let mut host = MemoryHost::default();
    let full = Bounds { front: 1, back: 1 + delayed::ITEMS_MAX_TRANSACTION };
    delayed::bounds().unwrap().write(&mut host, &full).unwrap();
    assert_eq!(delayed::push(&mut host, &delayed_transaction(1)), Ok(Pushed::Full));
    assert_eq!(delayed::push(&mut host, &deposit(1)), Ok(Pushed::Queued));
    let full = Bounds { front: 1, back: 1 + delayed::ITEMS_MAX };
    delayed::bounds().unwrap().write(&mut host, &full).unwrap();
    assert_eq!(delayed::push(&mut host, &deposit(2)), Ok(Pushed::Full));
}

#[test]
fn a_block_in_the_making_replaces_an_older_one_in_one_step() {
    let mut host = MemoryHost::default();
    let large = Progress { changes: vec![1; 10_000], ..progress() };
    for value in [large, progress()] {
        progress::save(&mut host, &value).unwrap();
        assert_eq!(progress::key().unwrap().read(&host), Ok(Some(value)));
    }
    assert!(!host.dump().keys().any(|key| key.starts_with("/tmp")));
}

#[test]
fn the_queue_gives_what_fits_and_forgets_what_is_done() {
    let mut host = MemoryHost::default();
    let raw = |n: u8| vec![n; 10];
    for n in 0..5 {
        assert_eq!(queue::push(&mut host, &raw(n)), Ok(true));
    }
    assert_eq!(queue::oldest(&host, 2, 1_000), Ok(vec![raw(0), raw(1)]));
    assert_eq!(queue::oldest(&host, 9, 35), Ok(vec![raw(0), raw(1), raw(2)]));
    assert_eq!(queue::oldest(&host, 9, 0), Ok(vec![raw(0)]), "one is always taken");
    for _ in 0..2 {
        queue::advance(&mut host, 3).unwrap();
        assert_eq!(queue::oldest(&host, 9, 1_000), Ok(vec![raw(3), raw(4)]));
    }
    queue::advance(&mut host, 1).unwrap();
    queue::advance(&mut host, 99).unwrap();
    assert_eq!(queue::oldest(&host, 9, 1_000), Ok(vec![]));
    let full = Bounds { front: 5, back: 5 + queue::TRANSACTIONS_MAX };
    queue::bounds().unwrap().write(&mut host, &full).unwrap();
    assert_eq!(queue::push(&mut host, &raw(6)), Ok(false));
}

/// Makes a block of these messages, and nothing else.
fn block_of(host: &mut MemoryHost, messages: &[&[u8]]) {
    world::open_working_copy(host).unwrap();
    outbox::append(host, messages.iter().map(|message| message.to_vec()).collect()).unwrap();
    world::commit_working_copy(host).unwrap();
}

fn stored(host: &MemoryHost) -> Vec<u64> {
    (0..9).filter(|number| World::Committed.outbox_message(*number).unwrap().exists(host).unwrap()).collect()
}

#[test]
fn messages_wait_in_the_order_of_their_blocks() {
    let mut host = MemoryHost::default();
    host.set_value("/evm/world/head", vec![1]);
    block_of(&mut host, &[]);
    assert_eq!(outbox::waiting(&host), Ok(None), "no withdrawal, no key");
    block_of(&mut host, &[b"a", b"b"]);
    block_of(&mut host, &[b"c"]);
    assert_eq!(outbox::waiting(&host), Ok(Some((Cursor::default(), 3))));
    let read = |host: &MemoryHost, number| World::Committed.outbox_message(number).unwrap().require(host);
    assert_eq!(read(&host, 2), Ok(outbox::Message(b"c".to_vec())));
    let sent = Cursor { next: 2, ..Cursor::default() };
    let sent = outbox::forget_sent(&mut host, sent).unwrap();
    assert_eq!((stored(&host), outbox::waiting(&host)), (vec![2], Ok(Some((sent, 3)))));
    // One that was being sent is kept aside; then nothing waits.
    let aside = outbox::put_aside(&mut host, Cursor { is_sending: true, ..sent }).unwrap();
    assert_eq!(outbox::uncertain(2).unwrap().read(&host), Ok(Some(outbox::Message(b"c".to_vec()))));
    let done = outbox::forget_sent(&mut host, aside).unwrap();
    assert_eq!((done.next, done.oldest, outbox::waiting(&host)), (3, 3, Ok(None)));
    // What nobody reads is dropped.
    block_of(&mut host, &[b"d", b"e"]);
    outbox::discard(&mut host).unwrap();
    assert_eq!((stored(&host), outbox::waiting(&host)), (vec![], Ok(None)));
}

#[test]
fn the_largest_parameters_are_read_in_one_host_call() {
    let publishers = vec![PublicKeyHash { curve: Curve::Bls, hash: [1; 20] }; PUBLISHERS_MAX];
    let dal = Dal { slots: (0..=255).collect(), publishers, ..Dal::default() };
    let contracts = Contracts { admin: Some(ContractHash::new([2; 20])), ..Contracts::default() };
    let largest = Parameters {
        chain_id: U256::MAX,
        base_fee_min: U256::MAX,
        da_fee_per_byte: U256::MAX,
        contracts,
        dal,
        ..Parameters::default()
    };
    assert_eq!(Parameters::decode(&largest.encode()), Some(largest.clone()));
    let spare = Parameters::SIZE_BYTES_MAX - largest.encode().len();
    assert!(spare > 500 && Parameters::SIZE_BYTES_MAX < millrace_host::limits::STORE_IO_BYTES_MAX, "{spare}");
    assert!(import().encode().len() <= dal::Import::SIZE_BYTES_MAX);
}

#[test]
fn slots_are_done_until_the_record_is_that_of_another_level() {
    let mut host = MemoryHost::default();
    let slot = |level, index| dal::Slot { published_level: L1Level::new(level), index };
    for done in [slot(7, 0), slot(7, 255), slot(8, 3)] {
        dal::set_done(&mut host, done).unwrap();
    }
    let done = |host: &MemoryHost, level| {
        let record = dal::done_at(host, L1Level::new(level)).unwrap();
        (0..=255).filter(|index| record.has(*index)).collect::<Vec<u8>>()
    };
    assert_eq!(done(&host, 7), [0, 255]);
    assert_eq!(done(&host, 8), [3]);
    assert_eq!(done(&host, 7 + dal::LEVELS_MAX), []);
    dal::set_done(&mut host, slot(7 + dal::LEVELS_MAX, 1)).unwrap();
    assert_eq!((done(&host, 7), done(&host, 7 + dal::LEVELS_MAX)), (vec![], vec![1]));
}

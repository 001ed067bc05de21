//! The database against files: what was committed is there, whatever happened in between.

use crate::codec::{Reader, Writer, decode_body, decode_changes, decode_list, encode_body};
use crate::{
    BlockCommit, Divergence, Identity, Mark, Position, StateChange, Store, StoreError, StoredBlock,
    TransactionPosition, UNDO_BLOCKS_MAX, schema,
};
use millrace_primitives::{
    Address, Block, BlockHash, BlockNumber, Bloom, Gas, H256, Header, L1Level, Log, Receipt, RollupAddress,
    Timestamp, TransactionHash, U256,
};
use redb::{Database, TableDefinition};
use std::collections::BTreeMap;
use std::path::PathBuf;

const IDENTITY: Identity = Identity { chain_id: U256([1337, 0, 0, 0]), rollup: RollupAddress::new([7; 20]) };

struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("node.redb");
        Self { _folder: folder, path }
    }

    fn open(&self) -> Store {
        Store::open(&self.path, &IDENTITY).expect("opens")
    }

    /// What a power cut leaves: the bytes on the disk now, with no chance to close the database.
    fn crashed_copy(&self) -> PathBuf {
        let copy = self.path.with_extension("crashed");
        std::fs::copy(&self.path, &copy).expect("copies");
        copy
    }
}

fn hash_of(number: u64) -> BlockHash {
    let mut bytes = [0xb0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    BlockHash::new(bytes)
}

fn transaction_hash(number: u64, index: u32) -> TransactionHash {
    let mut bytes = [0x70; 32];
    bytes[20..28].copy_from_slice(&number.to_be_bytes());
    bytes[28..].copy_from_slice(&index.to_be_bytes());
    TransactionHash::new(bytes)
}

fn receipt(index: u8) -> Receipt {
    Receipt {
        transaction_type: index % 3,
        succeeded: index != 1,
        cumulative_gas_used: Gas::new(21_000 * (u64::from(index) + 1)),
        logs: (0..index)
            .map(|topics| Log {
                address: Address::repeat_byte(topics),
                topics: (0..topics).map(H256::repeat_byte).collect(),
                data: vec![topics; 300],
            })
            .collect(),
        gas_used: Gas::new(21_000),
        effective_gas_price: U256::exp10(9),
        sender: Address::repeat_byte(0xaa),
        created: (index == 2).then(|| Address::repeat_byte(0xcc)),
    }
}

/// Block `number` of a chain in which odd blocks have two transactions and a bloom, even ones are empty.
fn commit(number: u64) -> BlockCommit {
    let count = if number % 2 == 1 { 2u8 } else { 0 };
    let mut logs_bloom = Bloom::default();
    if count > 0 {
        logs_bloom.0[(number % 256) as usize] = 1;
    }
    BlockCommit {
        block: Block {
            header: Header {
                parent_hash: number.checked_sub(1).map_or(BlockHash::new([0; 32]), hash_of),
                beneficiary: Address::repeat_byte(1),
                state_root: H256::repeat_byte(2),
                transactions_root: H256::repeat_byte(3),
                receipts_root: H256::repeat_byte(4),
                logs_bloom,
                number: BlockNumber::new(number),
                gas_limit: Gas::new(u64::MAX),
                gas_used: Gas::new(number * 21_000),
                timestamp: Timestamp::new(1_700_000_000 + number),
                base_fee_per_gas: U256::MAX,
            },
            transactions: (0..count).map(|index| vec![index; 110]).collect(),
            receipts: (0..count).map(|index| receipt(index + 1)).collect(),
        },
        hash: hash_of(number),
        transaction_hashes: (0..count).map(|index| transaction_hash(number, u32::from(index))).collect(),
        blueprint: if number == 0 { Vec::new() } else { vec![vec![number as u8; 40], Vec::new()] },
        premises: vec![StateChange { key: b"/p".to_vec(), value: (number > 1).then(|| vec![number as u8]) }],
        state_changes: vec![
            StateChange { key: b"/head".to_vec(), value: Some(number.to_be_bytes().to_vec()) },
            StateChange {
                key: format!("/odd/{number}").into_bytes(),
                value: (number % 2 == 1).then(|| vec![0xee; 3]),
            },
            StateChange { key: format!("/odd/{}", number.saturating_sub(1)).into_bytes(), value: None },
        ]
        .into_iter()
        // Block 0 would name a key twice.
        .take(if number == 0 { 2 } else { 3 })
        .collect(),
    }
}

fn fill(store: &Store, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        store.commit_block(&commit(number)).expect("commits");
    }
}

fn state(store: &Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    store
        .visit_state::<StoreError>(|key, value| {
            state.insert(key.to_vec(), value.to_vec());
            Ok(())
        })
        .expect("reads the state");
    state
}

fn expected(number: u64) -> StoredBlock {
    let BlockCommit { block, hash, transaction_hashes, .. } = commit(number);
    StoredBlock { hash, block, transaction_hashes }
}

fn assert_holds_chain_to(store: &Store, head: u64) {
    assert_eq!(store.head().expect("reads").map(|sealed| sealed.hash), Some(hash_of(head)));
    for number in 0..=head {
        let block = BlockNumber::new(number);
        assert_eq!(store.block(block).expect("reads"), Some(expected(number)));
        assert_eq!(store.number_of(&hash_of(number)).expect("reads"), Some(block));
        let blueprint = (number > 0).then(|| commit(number).blueprint);
        assert_eq!(store.blueprint(block).expect("reads"), blueprint);
        let premises = blueprint.is_some().then(|| commit(number).premises);
        assert_eq!(store.premises(block).expect("reads"), premises);
    }
    assert_eq!(store.block(BlockNumber::new(head + 1)).expect("reads"), None);
    assert_eq!(store.number_of(&hash_of(head + 1)).expect("reads"), None);
    assert_eq!(state(store).get(b"/head".as_slice()), Some(&head.to_be_bytes().to_vec()));
}

#[test]
fn an_empty_database_has_no_head() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert_eq!(store.head().expect("reads"), None);
    assert_eq!(store.block(BlockNumber::ZERO).expect("reads"), None);
    assert_eq!(store.mark(Mark::Finalized).expect("reads"), None);
    assert!(state(&store).is_empty());
}

#[test]
fn committed_blocks_are_found_by_number_hash_and_transaction() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=5);
    assert_holds_chain_to(&store, 5);
    let position = TransactionPosition { number: BlockNumber::new(3), index: 1 };
    assert_eq!(store.transaction(&transaction_hash(3, 1)).expect("reads"), Some(position));
    assert_eq!(store.transaction(&transaction_hash(4, 0)).expect("reads"), None);
    assert_eq!(
        store.header(BlockNumber::new(3)).expect("reads").map(|sealed| sealed.header),
        Some(commit(3).block.header)
    );
}

#[test]
fn a_database_that_was_never_closed_opens_at_the_last_commit() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=9);
    let copy = fixture.crashed_copy();
    let reopened = Store::open(&copy, &IDENTITY).expect("opens after a crash");
    assert_holds_chain_to(&reopened, 9);
    reopened.commit_block(&commit(10)).expect("continues");
    assert_holds_chain_to(&reopened, 10);
}

#[test]
fn a_refused_block_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert!(matches!(store.commit_block(&commit(1)), Err(StoreError::NotNext { .. })));
    fill(&store, 0..=3);
    let before = state(&store);
    assert!(matches!(store.commit_block(&commit(3)), Err(StoreError::NotNext { .. })));
    assert!(matches!(store.commit_block(&commit(5)), Err(StoreError::NotNext { .. })));
    let mut stranger = commit(4);
    stranger.block.header.parent_hash = hash_of(77);
    assert!(matches!(store.commit_block(&stranger), Err(StoreError::NotChild { .. })));
    let mut uneven = commit(4);
    uneven.transaction_hashes.push(transaction_hash(4, 0));
    assert!(matches!(store.commit_block(&uneven), Err(StoreError::Uneven { .. })));
    assert_eq!(state(&store), before);
    assert_holds_chain_to(&store, 3);
}

#[test]
fn another_rollup_chain_or_schema_is_refused_and_nothing_changes() {
    let fixture = Fixture::new();
    fill(&fixture.open(), 0..=1);
    let other = Identity { rollup: RollupAddress::new([8; 20]), ..IDENTITY };
    assert!(matches!(Store::open(&fixture.path, &other), Err(StoreError::OtherRollup { .. })));
    let other = Identity { chain_id: U256::from(1), ..IDENTITY };
    let refusal = Store::open(&fixture.path, &other).expect_err("another chain").to_string();
    assert!(refusal.contains("chain 1337") && refusal.contains("chain 1:"), "{refusal}");
    assert_holds_chain_to(&fixture.open(), 1);

    let database = Database::create(&fixture.path).expect("opens");
    let write = database.begin_write().expect("begins");
    write
        .open_table(schema::METADATA)
        .expect("opens")
        .insert("schema_version", 9u32.to_be_bytes().as_slice())
        .expect("inserts");
    write.commit().expect("commits");
    drop(database);
    let refusal = Store::open(&fixture.path, &IDENTITY).expect_err("a newer schema");
    assert!(matches!(refusal, StoreError::NewerSchema { found: 9, supported: schema::SCHEMA_VERSION }));
}

#[test]
fn foreign_files_and_second_openers_are_refused() {
    let fixture = Fixture::new();
    std::fs::write(&fixture.path, vec![0x5a; 10_000]).expect("writes");
    assert!(matches!(Store::open(&fixture.path, &IDENTITY), Err(StoreError::Open { .. })));

    let fixture = Fixture::new();
    let database = Database::create(&fixture.path).expect("creates");
    let write = database.begin_write().expect("begins");
    let table: TableDefinition<u64, u64> = TableDefinition::new("of somebody else");
    write.open_table(table).expect("opens").insert(1, 1).expect("inserts");
    write.commit().expect("commits");
    drop(database);
    assert!(matches!(Store::open(&fixture.path, &IDENTITY), Err(StoreError::NotOurs { .. })));

    let fixture = Fixture::new();
    let _first = fixture.open();
    assert!(matches!(Store::open(&fixture.path, &IDENTITY), Err(StoreError::InUse { .. })));
}

#[test]
fn corrupt_entries_are_named() {
    let fixture = Fixture::new();
    fill(&fixture.open(), 0..=3);
    let database = Database::create(&fixture.path).expect("opens");
    let write = database.begin_write().expect("begins");
    let damage = |definition, number: u64, bytes: &[u8]| {
        write
            .open_table(definition)
            .map(|mut table| table.insert(number, bytes).map(drop))
            .expect("opens")
            .expect("inserts");
    };
    damage(schema::HEADERS, 0, &[1, 2, 3]);
    damage(schema::BODIES, 1, &[0xff; 20]);
    damage(schema::BLUEPRINTS, 2, &[9]);
    damage(schema::PREMISES, 2, &[9]);
    damage(schema::BLOOMS, 3, &[0; 255]);
    write.commit().expect("commits");
    drop(database);

    let store = fixture.open();
    let check = |outcome: Result<(), StoreError>, table: &str, key: &str| match outcome {
        Err(StoreError::Corrupt { table: found, key: at }) => assert_eq!((found, at.as_str()), (table, key)),
        other => panic!("{table}: {other:?}"),
    };
    check(store.header(BlockNumber::ZERO).map(drop), "headers", "0");
    check(store.block(BlockNumber::new(1)).map(drop), "bodies", "1");
    check(store.blueprint(BlockNumber::new(2)).map(drop), "blueprints", "2");
    check(store.premises(BlockNumber::new(2)).map(drop), "premises", "2");
    let all = BlockNumber::ZERO..=BlockNumber::MAX;
    check(store.blocks_with_bloom(all, 10, &|_| true).map(drop), "blooms", "3");
    assert_eq!(store.block(BlockNumber::new(3)).expect("an intact one"), Some(expected(3)));
}

#[test]
fn blooms_are_scanned_by_range_and_predicate() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=8);
    let scan = |from: u64, to: u64, max: usize, accepts: &dyn Fn(&Bloom) -> bool| -> Vec<u64> {
        let range = BlockNumber::new(from)..=BlockNumber::new(to);
        let found = store.blocks_with_bloom(range, max, accepts).expect("scans");
        found.into_iter().map(BlockNumber::get).collect()
    };
    assert_eq!(scan(0, 8, 10, &|_| true), [1, 3, 5, 7]);
    assert_eq!(scan(2, 5, 10, &|_| true), [3, 5]);
    assert_eq!(scan(0, 8, 2, &|_| true), [1, 3]);
    assert_eq!(scan(0, 8, 10, &|bloom| bloom.0[5] == 1), [5]);
    assert_eq!(scan(6, 2, 10, &|_| true), [0u64; 0]);
}

#[test]
fn truncation_restores_the_state_and_the_marks() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=4);
    let states = state(&store);
    fill(&store, 5..=9);
    let at = |number, level| Position { number: BlockNumber::new(number), level: L1Level::new(level) };
    store
        .set_marks(&[
            (Mark::Published, at(9, 30)),
            (Mark::Confirmed, at(6, 20)),
            (Mark::Finalized, at(2, 10)),
        ])
        .expect("marks");

    store.truncate_after(BlockNumber::new(20)).expect("nothing to do");
    store.truncate_after(BlockNumber::new(4)).expect("truncates");
    assert_eq!(state(&store), states);
    assert_holds_chain_to(&store, 4);
    assert_eq!(store.transaction(&transaction_hash(5, 0)).expect("reads"), None);
    assert_eq!(store.mark(Mark::Published).expect("reads"), Some(at(4, 30)));
    assert_eq!(store.mark(Mark::Confirmed).expect("reads"), Some(at(4, 20)));
    assert_eq!(store.mark(Mark::Finalized).expect("reads"), Some(at(2, 10)));
    fill(&store, 5..=6);
    assert_holds_chain_to(&store, 6);
}

/// What another chain has as block `number` after block 4 of this one, or after its own.
fn other(number: u64) -> BlockCommit {
    let other_hash =
        |number: u64| if number > 4 { BlockHash::new([number as u8; 32]) } else { hash_of(number) };
    let mut other = commit(number);
    other.hash = other_hash(number);
    other.block.header.parent_hash = other_hash(number - 1);
    other.blueprint = Vec::new();
    other.state_changes = vec![StateChange { key: b"/other".to_vec(), value: Some(vec![number as u8]) }];
    other
}

#[test]
fn other_blocks_take_the_place_of_some_in_one_step() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=4);
    let before = state(&store);
    fill(&store, 5..=8);
    store.replace_after(BlockNumber::new(4), &[other(5), other(6)]).expect("replaces");
    let head = store.head().expect("reads").expect("a head");
    assert_eq!((head.header.number, head.hash), (BlockNumber::new(6), other(6).hash));
    assert_eq!(store.number_of(&hash_of(5)).expect("reads"), None);
    assert_eq!(store.blueprint(BlockNumber::new(5)).expect("reads"), None, "nobody here signed it");
    for (hash, is_given_up) in [(hash_of(4), false), (hash_of(5), true), (hash_of(8), true)] {
        assert_eq!(store.is_given_up(&hash).expect("reads"), is_given_up);
    }
    let mut expected = before;
    expected.insert(b"/other".to_vec(), vec![6]);
    assert_eq!(state(&store), expected);
    // Without anything to take away it only adds.
    store.replace_after(BlockNumber::new(6), &[other(7)]).expect("adds");
    assert_eq!(store.head().expect("reads").expect("a head").hash, other(7).hash);
    store.truncate_after(BlockNumber::new(4)).expect("the way back is kept");
    assert_holds_chain_to(&store, 4);
    assert!(!store.is_given_up(&other(5).hash).expect("reads"), "nobody here signed it");
    drop(store);
    assert!(fixture.open().is_given_up(&hash_of(5)).expect("reads"), "also after a restart");
}

#[test]
fn blocks_that_do_not_fit_take_no_place() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=8);
    let before = state(&store);
    match store.replace_after(BlockNumber::new(4), &[other(5), other(7)]) {
        Err(StoreError::NotNext { found, .. }) => assert_eq!(found, BlockNumber::new(7)),
        other => panic!("{other:?}"),
    }
    assert_eq!(state(&store), before);
    assert_holds_chain_to(&store, 8);
}

#[test]
fn the_way_back_is_bounded() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..=3);
    // As if the records of the older blocks had been dropped.
    let write = store.database().begin_write().expect("begins");
    let removed = write.open_table(schema::UNDO).expect("opens").remove(1).expect("removes").is_some();
    assert!(removed, "block 1 has a record");
    write.commit().expect("commits");
    match store.truncate_after(BlockNumber::ZERO) {
        Err(StoreError::TooFarBack { oldest, .. }) => assert_eq!(oldest, BlockNumber::new(1)),
        other => panic!("{other:?}"),
    }
    assert_holds_chain_to(&store, 3);
    store.truncate_after(BlockNumber::new(1)).expect("as far as the records go");
    assert_holds_chain_to(&store, 1);
    const { assert!(UNDO_BLOCKS_MAX >= 256) };
}

#[test]
fn older_states_are_had_by_the_changes_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut states = Vec::new();
    for number in 0..=5 {
        fill(&store, number..=number);
        states.push(state(&store));
    }
    let mut back = state(&store);
    for number in (1..=5u64).rev() {
        for change in store.changes_back(BlockNumber::new(number)).expect("reads").expect("kept") {
            match change.value {
                Some(value) => back.insert(change.key, value),
                None => back.remove(&change.key),
            };
        }
        assert_eq!(back, states[number as usize - 1], "before block {number}");
    }
    assert_eq!(store.changes_back(BlockNumber::ZERO).expect("reads"), None);
    assert_eq!(store.changes_back(BlockNumber::new(6)).expect("reads"), None);
}

#[test]
fn the_first_divergence_is_remembered() {
    let fixture = Fixture::new();
    let store = fixture.open();
    assert_eq!(store.divergence().expect("reads"), None);
    let divergence =
        |number, finding: &str| Divergence { number: BlockNumber::new(number), finding: finding.to_owned() };
    store.diverge(&divergence(7, "block 7 differs")).expect("writes");
    store.diverge(&divergence(8, "and so does block 8")).expect("writes");
    drop(store);
    assert_eq!(fixture.open().divergence().expect("reads"), Some(divergence(7, "block 7 differs")));
}

/// A process that dies while the file is made leaves one without its name.
#[test]
fn a_file_that_was_not_finished_is_made_anew() {
    let fixture = Fixture::new();
    let unfinished = fixture.path.with_extension("unfinished");
    let whole = {
        let database = Database::create(&unfinished).expect("creates");
        drop(database);
        std::fs::read(&unfinished).expect("reads")
    };
    for size in [0, 1, 64, 4_096, whole.len() / 2, whole.len()] {
        std::fs::write(&unfinished, &whole[..size.min(whole.len())]).expect("writes");
        fill(&fixture.open(), 0..=1);
        assert_holds_chain_to(&fixture.open(), 1);
        assert!(!unfinished.exists());
        std::fs::remove_file(&fixture.path).expect("removes");
    }
}

#[test]
fn every_truncation_of_an_encoding_is_malformed() {
    let block = commit(3);
    let mut writer = Writer::default();
    writer.sealed_header(&block.hash, &block.block.header);
    let header = writer.finish();
    let body = encode_body(&block.block.transactions, &block.transaction_hashes, &block.block.receipts);
    let changes = crate::codec::encode_changes(&block.state_changes);
    let list = crate::codec::encode_list(&block.blueprint);
    assert_eq!(decode_changes(&changes).expect("whole"), block.state_changes);
    assert_eq!(decode_list(&list).expect("whole"), block.blueprint);
    for size in 0..header.len() {
        let mut reader = Reader::new(&header[..size]);
        assert!(reader.sealed_header().is_err(), "header cut to {size}");
    }
    for size in 0..body.len() {
        assert!(decode_body(&body[..size]).is_err(), "body cut to {size}");
    }
    for size in 0..changes.len() {
        assert!(decode_changes(&changes[..size]).is_err(), "changes cut to {size}");
    }
    for size in 0..list.len() {
        assert!(decode_list(&list[..size]).is_err(), "list cut to {size}");
    }
}

#[test]
fn integers_round_trip_and_overlong_ones_are_malformed() {
    for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut writer = Writer::default();
        writer.integer(value);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.integer(), Ok(value));
        assert_eq!(reader.end(), Ok(()));
    }
    assert!(Reader::new(&[0xff; 11]).integer().is_err());
    assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).integer().is_err());
}

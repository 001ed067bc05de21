//! The database itself.

use crate::codec::{
    Malformed, Reader, Writer, decode_body, decode_changes, decode_list, encode_body, encode_changes,
    encode_list,
};
use crate::error::StoreError;
use crate::records::{
    BlockCommit, Divergence, Mark, Position, SealedHeader, StateChange, StoredBlock, TransactionPosition,
};
use crate::schema::{
    BLOOMS, BLUEPRINTS, BODIES, HEADERS, Identity, KEY_DIVERGENCE, KEY_GIVEN_UP, MARKS, METADATA, NUMBERS,
    PREMISES, STATE, TRANSACTIONS, UNDO, claim,
};
use crate::state;
use millrace_primitives::{Block, BlockHash, BlockNumber, Bloom, L1Level, TransactionHash};
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// The largest value: a block with all its receipts, or a blueprint with all its messages.
pub const VALUE_SIZE_BYTES_MAX: usize = 256 << 20;

/// How much of the file is kept in memory by default.
pub const CACHE_SIZE_BYTES: usize = 128 << 20;

/// Hashes of signed blocks that were taken away again are remembered, so many.
pub const GIVEN_UP_MAX: usize = 4_096;

/// The extension of a file that is being made.
const UNFINISHED: &str = "unfinished";

/// The database of a node. Share it by reference: all methods take `&self`.
pub struct Store {
    database: Database,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database at `path`, or makes one that belongs to `identity`. After a crash this repairs
    /// what the crash left behind, without going through the whole file. A new file gets its name only when it is
    /// complete, so a crash while it is made leaves nothing to repair.
    ///
    /// # Errors
    /// The file cannot be used, or belongs to another rollup, another chain or a newer program.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        if !path.exists() {
            make(path, identity)?;
        }
        let database = open_file(path)?;
        claim(&database, path, identity)?;
        Ok(Self { database })
    }

    #[cfg(test)]
    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// A transaction that is on the disk when its commit returns, and that a later opening after a crash
    /// need not verify by walking the file.
    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let mut write = self.database.begin_write()?;
        write.set_quick_repair(true);
        Ok(write)
    }

    /// Writes a block with its blueprint and its changes of the state, all or nothing. It is on the disk
    /// when this returns.
    ///
    /// # Errors
    /// The block is not the child of the head, is inconsistent or too large, or the disk failed. Nothing
    /// is written then.
    pub fn commit_block(&self, commit: &BlockCommit) -> Result<(), StoreError> {
        let write = self.begin_write()?;
        append(&write, commit)?;
        write.commit()?;
        Ok(())
    }

    /// Forgets every block after `number`, and restores the state and the marks to that block.
    ///
    /// # Errors
    /// The state there can no longer be restored, or the disk failed. Nothing is written then.
    pub fn truncate_after(&self, number: BlockNumber) -> Result<(), StoreError> {
        self.replace_after(number, &[])
    }

    /// Puts `commits` in the place of every block after `number`: those are forgotten, the state and the marks
    /// restored to that block, and the others written, all or nothing. It is on the disk when this returns.
    ///
    /// # Errors
    /// As [`Store::truncate_after`] and [`Store::commit_block`]. Nothing is written then.
    pub fn replace_after(&self, number: BlockNumber, commits: &[BlockCommit]) -> Result<(), StoreError> {
        let write = self.begin_write()?;
        truncate(&write, number)?;
        for commit in commits {
            append(&write, commit)?;
        }
        write.commit()?;
        Ok(())
    }

    /// The last block.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn head(&self) -> Result<Option<SealedHeader>, StoreError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(HEADERS)?;
        let Some((number, record)) = table.last()? else { return Ok(None) };
        decode_header(number.value(), record.value()).map(Some)
    }

    /// The header of a block.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn header(&self, number: BlockNumber) -> Result<Option<SealedHeader>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(HEADERS)?.get(number.get())? else { return Ok(None) };
        decode_header(number.get(), record.value()).map(Some)
    }

    /// A block with its receipts.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn block(&self, number: BlockNumber) -> Result<Option<StoredBlock>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(HEADERS)?.get(number.get())? else { return Ok(None) };
        let SealedHeader { hash, header } = decode_header(number.get(), record.value())?;
        let body = read.open_table(BODIES)?.get(number.get())?;
        let body = body
            .and_then(|body| decode_body(body.value()).ok())
            .ok_or_else(|| corrupt("bodies", number.get()))?;
        let block = Block { header, transactions: body.transactions, receipts: body.receipts };
        Ok(Some(StoredBlock { hash, block, transaction_hashes: body.hashes }))
    }

    /// The number of the block of this hash.
    ///
    /// # Errors
    /// The disk failed.
    pub fn number_of(&self, hash: &BlockHash) -> Result<Option<BlockNumber>, StoreError> {
        let read = self.database.begin_read()?;
        Ok(read.open_table(NUMBERS)?.get(hash.as_bytes())?.map(|number| BlockNumber::new(number.value())))
    }

    /// Where the transaction of this hash is.
    ///
    /// # Errors
    /// The disk failed.
    pub fn transaction(&self, hash: &TransactionHash) -> Result<Option<TransactionPosition>, StoreError> {
        let read = self.database.begin_read()?;
        let entry = read.open_table(TRANSACTIONS)?.get(hash.as_bytes())?;
        Ok(entry.map(|entry| {
            let (number, index) = entry.value();
            TransactionPosition { number: BlockNumber::new(number), index }
        }))
    }

    /// The signed external messages of the blueprint of a block.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn blueprint(&self, number: BlockNumber) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(BLUEPRINTS)?.get(number.get())? else { return Ok(None) };
        decode_list(record.value()).map(Some).map_err(|Malformed| corrupt("blueprints", number.get()))
    }

    /// What the state after the parent had to become before the blueprint of a block was executed; `None` when the block was
    /// not made of one.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn premises(&self, number: BlockNumber) -> Result<Option<Vec<StateChange>>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(PREMISES)?.get(number.get())? else { return Ok(None) };
        decode_changes(record.value()).map(Some).map_err(|Malformed| corrupt("premises", number.get()))
    }

    /// Whether a block of this hash was signed here and taken away again: one of the last [`GIVEN_UP_MAX`].
    ///
    /// # Errors
    /// The disk failed.
    pub fn is_given_up(&self, hash: &BlockHash) -> Result<bool, StoreError> {
        let read = self.database.begin_read()?;
        let record = read.open_table(METADATA)?.get(KEY_GIVEN_UP)?;
        Ok(record.is_some_and(|record| record.value().chunks_exact(32).any(|known| known == hash.as_bytes())))
    }

    /// The blocks of a range, in order, that have logs and whose bloom `accepts`; at most `blocks_max`.
    /// Only the blooms are read.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn blocks_with_bloom(
        &self,
        range: RangeInclusive<BlockNumber>,
        blocks_max: usize,
        accepts: &dyn Fn(&Bloom) -> bool,
    ) -> Result<Vec<BlockNumber>, StoreError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(BLOOMS)?;
        let mut found = Vec::new();
        if range.is_empty() {
            return Ok(found);
        }
        for entry in table.range(range.start().get()..=range.end().get())? {
            if found.len() >= blocks_max {
                break;
            }
            let (number, bloom) = entry?;
            let bloom = bloom.value().try_into().map_err(|_| corrupt("blooms", number.value()))?;
            if accepts(&Bloom(bloom)) {
                found.push(BlockNumber::new(number.value()));
            }
        }
        Ok(found)
    }

    /// How far something has come.
    ///
    /// # Errors
    /// The disk failed.
    pub fn mark(&self, mark: Mark) -> Result<Option<Position>, StoreError> {
        let read = self.database.begin_read()?;
        let entry = read.open_table(MARKS)?.get(mark.key())?;
        Ok(entry.map(|entry| {
            let (number, level) = entry.value();
            Position { number: BlockNumber::new(number), level: L1Level::new(level) }
        }))
    }

    /// Writes how far things have come, all or nothing.
    ///
    /// # Errors
    /// The disk failed.
    pub fn set_marks(&self, marks: &[(Mark, Position)]) -> Result<(), StoreError> {
        let write = self.begin_write()?;
        {
            let mut table = write.open_table(MARKS)?;
            for (mark, position) in marks {
                table.insert(mark.key(), (position.number.get(), position.level.get()))?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// Remembers that the chain cannot go on. The first time counts: what is found later follows from it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn diverge(&self, divergence: &Divergence) -> Result<(), StoreError> {
        if self.divergence()?.is_some() {
            return Ok(());
        }
        let write = self.begin_write()?;
        let record = [&divergence.number.get().to_be_bytes()[..], divergence.finding.as_bytes()].concat();
        write.open_table(METADATA)?.insert(KEY_DIVERGENCE, record.as_slice())?;
        write.commit()?;
        Ok(())
    }

    /// Whether, and where, the chain was found to differ from that of the rollup node.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn divergence(&self) -> Result<Option<Divergence>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(METADATA)?.get(KEY_DIVERGENCE)? else { return Ok(None) };
        let corrupt = || StoreError::Corrupt { table: "metadata", key: KEY_DIVERGENCE.to_owned() };
        let (number, finding) = record.value().split_first_chunk().ok_or_else(corrupt)?;
        let finding = String::from_utf8(finding.to_vec()).map_err(|_| corrupt())?;
        Ok(Some(Divergence { number: BlockNumber::new(u64::from_be_bytes(*number)), finding }))
    }

    /// The changes that lead from the state after block `number` to the state before it; `None` when that block is
    /// not among the last [`UNDO_BLOCKS_MAX`](crate::UNDO_BLOCKS_MAX), or is the first.
    ///
    /// # Errors
    /// Corruption, or the disk failed.
    pub fn changes_back(&self, number: BlockNumber) -> Result<Option<Vec<StateChange>>, StoreError> {
        let read = self.database.begin_read()?;
        let Some(record) = read.open_table(UNDO)?.get(number.get())? else { return Ok(None) };
        decode_changes(record.value()).map(Some).map_err(|Malformed| corrupt("undo", number.get()))
    }

    /// Gives every path and value of the state after the last block to `visit`, in the order of the paths.
    ///
    /// # Errors
    /// What `visit` answers, or the disk failed.
    pub fn visit_state<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let read = self.database.begin_read().map_err(StoreError::from)?;
        let table = read.open_table(STATE).map_err(StoreError::from)?;
        for entry in table.iter().map_err(StoreError::from)? {
            let (key, value) = entry.map_err(StoreError::from)?;
            visit(key.value(), value.value())?;
        }
        Ok(())
    }
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    let open = Database::builder().set_cache_size(CACHE_SIZE_BYTES).create(path);
    open.map_err(|source| match source {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_path_buf() },
        source => StoreError::Open { path: path.to_path_buf(), source: Box::new(source) },
    })
}

/// Makes an empty database beside `path` and moves it there.
fn make(path: &Path, identity: &Identity) -> Result<(), StoreError> {
    let failed = |source: std::io::Error| StoreError::Open {
        path: path.to_path_buf(),
        source: Box::new(redb::DatabaseError::Storage(source.into())),
    };
    let part = path.with_extension(UNFINISHED);
    if part.exists() {
        // Of a start that was cut off.
        fs::remove_file(&part).map_err(failed)?;
    }
    claim(&open_file(&part)?, &part, identity)?;
    fs::rename(&part, path).map_err(failed)?;
    // The new name is on the disk when its folder is.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn corrupt(table: &'static str, number: u64) -> StoreError {
    StoreError::Corrupt { table, key: number.to_string() }
}

fn decode_header(number: u64, record: &[u8]) -> Result<SealedHeader, StoreError> {
    let mut reader = Reader::new(record);
    let sealed = reader.sealed_header().and_then(|sealed| reader.end().map(|()| sealed));
    match sealed {
        Ok(sealed) if sealed.header.number.get() == number => Ok(sealed),
        _ => Err(corrupt("headers", number)),
    }
}

fn check_even(commit: &BlockCommit) -> Result<(), StoreError> {
    let transactions = commit.block.transactions.len();
    let receipts = commit.block.receipts.len();
    let hashes = commit.transaction_hashes.len();
    if transactions == receipts && receipts == hashes {
        return Ok(());
    }
    Err(StoreError::Uneven { number: commit.block.header.number, transactions, receipts, hashes })
}

fn check_next(write: &WriteTransaction, block: &Block) -> Result<(), StoreError> {
    let table = write.open_table(HEADERS)?;
    let head =
        table.last()?.map(|(number, record)| decode_header(number.value(), record.value())).transpose()?;
    let number = block.header.number;
    let expected = match &head {
        None => BlockNumber::ZERO,
        Some(head) => head.header.number.saturating_add(1),
    };
    if number != expected {
        return Err(StoreError::NotNext { found: number, expected });
    }
    match head {
        Some(head) if head.hash != block.header.parent_hash => {
            Err(StoreError::NotChild { number, found: block.header.parent_hash, expected: head.hash })
        }
        _ => Ok(()),
    }
}

/// Adds the next block.
fn append(write: &WriteTransaction, commit: &BlockCommit) -> Result<(), StoreError> {
    check_even(commit)?;
    check_next(write, &commit.block)?;
    insert_block(write, commit)?;
    let inverse = state::apply(write, &commit.state_changes)?;
    // The way back from the first block would be to the empty database.
    if commit.block.header.number > BlockNumber::ZERO {
        state::keep_undo(write, commit.block.header.number.get(), &inverse)?;
    }
    Ok(())
}

/// Takes every block after `number` away again.
fn truncate(write: &WriteTransaction, number: BlockNumber) -> Result<(), StoreError> {
    let head = write.open_table(HEADERS)?.last()?.map(|(number, _)| number.value());
    let Some(head) = head.filter(|head| *head > number.get()) else {
        return Ok(());
    };
    let first = number.get().saturating_add(1);
    let oldest = state::oldest_undo(write)?;
    if oldest.is_none_or(|oldest| oldest > first) {
        let oldest = BlockNumber::new(oldest.map_or(head, |oldest| oldest.saturating_sub(1)));
        return Err(StoreError::TooFarBack { number, oldest });
    }
    remember_signed(write, first..=head)?;
    for gone in (first..=head).rev() {
        state::undo(write, gone)?;
        remove_block(write, gone)?;
    }
    lower_marks(write, number)
}

/// Notes the hashes of those of these blocks that have a blueprint: it is out in the world, and may become a block yet.
fn remember_signed(write: &WriteTransaction, numbers: RangeInclusive<u64>) -> Result<(), StoreError> {
    const HASH_BYTES: usize = 32;
    let mut metadata = write.open_table(METADATA)?;
    let mut given_up = metadata.get(KEY_GIVEN_UP)?.map_or(Vec::new(), |record| record.value().to_vec());
    let (headers, blueprints) = (write.open_table(HEADERS)?, write.open_table(BLUEPRINTS)?);
    for entry in blueprints.range(numbers)? {
        let number = entry?.0.value();
        let record = headers.get(number)?.ok_or_else(|| corrupt("headers", number))?;
        given_up.extend(decode_header(number, record.value())?.hash.as_bytes());
    }
    let excess = given_up.len().saturating_sub(GIVEN_UP_MAX * HASH_BYTES);
    metadata.insert(KEY_GIVEN_UP, &given_up[excess..])?;
    Ok(())
}

fn insert_block(write: &WriteTransaction, commit: &BlockCommit) -> Result<(), StoreError> {
    let header = &commit.block.header;
    let number = header.number.get();
    let mut sealed = Writer::default();
    sealed.sealed_header(&commit.hash, header);
    write.open_table(HEADERS)?.insert(number, sealed.finish().as_slice())?;
    write.open_table(NUMBERS)?.insert(commit.hash.as_bytes(), number)?;

    let body = encode_body(&commit.block.transactions, &commit.transaction_hashes, &commit.block.receipts);
    let blueprint = encode_list(&commit.blueprint);
    let premises = encode_changes(&commit.premises);
    for (table, bytes) in [("bodies", &body), ("blueprints", &blueprint), ("premises", &premises)] {
        if bytes.len() > VALUE_SIZE_BYTES_MAX {
            return Err(StoreError::TooLarge { table, size_bytes: bytes.len() });
        }
    }
    write.open_table(BODIES)?.insert(number, body.as_slice())?;
    if !commit.blueprint.is_empty() {
        write.open_table(BLUEPRINTS)?.insert(number, blueprint.as_slice())?;
        write.open_table(PREMISES)?.insert(number, premises.as_slice())?;
    }
    if header.logs_bloom != Bloom::default() {
        write.open_table(BLOOMS)?.insert(number, header.logs_bloom.0.as_slice())?;
    }
    let mut table = write.open_table(TRANSACTIONS)?;
    for (index, hash) in (0u32..).zip(&commit.transaction_hashes) {
        table.insert(hash.as_bytes(), (number, index))?;
    }
    Ok(())
}

fn remove_block(write: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    let hash = {
        let mut table = write.open_table(HEADERS)?;
        let record = table.remove(number)?.ok_or_else(|| corrupt("headers", number))?;
        decode_header(number, record.value())?.hash
    };
    let hashes = {
        let mut table = write.open_table(BODIES)?;
        let record = table.remove(number)?.ok_or_else(|| corrupt("bodies", number))?;
        decode_body(record.value()).map_err(|Malformed| corrupt("bodies", number))?.hashes
    };
    write.open_table(NUMBERS)?.remove(hash.as_bytes())?;
    write.open_table(BLUEPRINTS)?.remove(number)?;
    write.open_table(PREMISES)?.remove(number)?;
    write.open_table(BLOOMS)?.remove(number)?;
    let mut table = write.open_table(TRANSACTIONS)?;
    for hash in &hashes {
        table.remove(hash.as_bytes())?;
    }
    Ok(())
}

fn lower_marks(write: &WriteTransaction, number: BlockNumber) -> Result<(), StoreError> {
    let mut table = write.open_table(MARKS)?;
    for mark in Mark::ALL {
        let past = table.get(mark.key())?.map(|entry| entry.value()).filter(|entry| entry.0 > number.get());
        if let Some((_, level)) = past {
            table.insert(mark.key(), (number.get(), level))?;
        }
    }
    Ok(())
}

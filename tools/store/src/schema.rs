//! The tables, and the identity that a database is checked against when it is opened.

use crate::StoreError;
use millrace_primitives::{RollupAddress, U256};
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use std::path::Path;

/// The version of the tables and encodings that this program writes. A change of either adds one.
pub const SCHEMA_VERSION: u32 = 2;

pub(crate) type Bytes = &'static [u8];
pub(crate) type Digest = &'static [u8; 32];

/// Who the database belongs to, and its version.
pub(crate) const METADATA: TableDefinition<&str, Bytes> = TableDefinition::new("metadata");
/// Block number to hash and header.
pub(crate) const HEADERS: TableDefinition<u64, Bytes> = TableDefinition::new("headers");
/// Block number to transactions, their hashes and receipts.
pub(crate) const BODIES: TableDefinition<u64, Bytes> = TableDefinition::new("bodies");
/// Block number to bloom, only of blocks that have logs.
pub(crate) const BLOOMS: TableDefinition<u64, Bytes> = TableDefinition::new("blooms");
/// Block hash to number.
pub(crate) const NUMBERS: TableDefinition<Digest, u64> = TableDefinition::new("numbers");
/// Transaction hash to block number and index.
pub(crate) const TRANSACTIONS: TableDefinition<Digest, (u64, u32)> = TableDefinition::new("transactions");
/// Block number to the signed external messages.
pub(crate) const BLUEPRINTS: TableDefinition<u64, Bytes> = TableDefinition::new("blueprints");
/// Block number to the changes of the state that its blueprint presumes; only of blocks with a blueprint.
pub(crate) const PREMISES: TableDefinition<u64, Bytes> = TableDefinition::new("premises");
/// Path to value, after the last block.
pub(crate) const STATE: TableDefinition<Bytes, Bytes> = TableDefinition::new("state");
/// Block number to the changes that lead from the state after it to the state before it.
pub(crate) const UNDO: TableDefinition<u64, Bytes> = TableDefinition::new("undo");
/// Mark to block number and level of the layer 1.
pub(crate) const MARKS: TableDefinition<&str, (u64, u32)> = TableDefinition::new("marks");

/// In [`METADATA`]: the number of a block, big-endian, and a text.
pub(crate) const KEY_DIVERGENCE: &str = "divergence";
/// In [`METADATA`]: hashes of signed blocks that were taken away again, the last at the end.
pub(crate) const KEY_GIVEN_UP: &str = "given_up";
const KEY_SCHEMA: &str = "schema_version";
const KEY_CHAIN: &str = "chain_id";
const KEY_ROLLUP: &str = "rollup_address";

/// Who a database belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The chain id of the rollup.
    pub chain_id: U256,
    /// Its address on the layer 1.
    pub rollup: RollupAddress,
}

/// Checks the identity of a database, or gives one to an empty file and makes all its tables.
pub(crate) fn claim(database: &Database, path: &Path, identity: &Identity) -> Result<(), StoreError> {
    let read = database.begin_read()?;
    match read.open_table(METADATA) {
        Ok(_) => check(&read, identity),
        Err(TableError::TableDoesNotExist(_)) if read.list_tables()?.next().is_none() => {
            drop(read);
            create(database, identity)
        }
        Err(TableError::TableDoesNotExist(_)) => Err(StoreError::NotOurs { path: path.to_path_buf() }),
        Err(error) => Err(error.into()),
    }
}

fn check(read: &redb::ReadTransaction, identity: &Identity) -> Result<(), StoreError> {
    let table = read.open_table(METADATA)?;
    let corrupt = |key: &str| StoreError::Corrupt { table: "metadata", key: key.to_owned() };
    let entry = |key: &'static str| table.get(key)?.ok_or_else(|| corrupt(key));
    let found =
        entry(KEY_SCHEMA)?.value().try_into().map(u32::from_be_bytes).map_err(|_| corrupt(KEY_SCHEMA))?;
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { found, supported: SCHEMA_VERSION });
    }
    if found < SCHEMA_VERSION {
        return Err(StoreError::OlderSchema { found, supported: SCHEMA_VERSION });
    }
    let rollup = RollupAddress::from_slice(entry(KEY_ROLLUP)?.value()).ok_or_else(|| corrupt(KEY_ROLLUP))?;
    if rollup != identity.rollup {
        return Err(StoreError::OtherRollup { found: rollup, expected: identity.rollup });
    }
    let chain = entry(KEY_CHAIN)?;
    let chain: &[u8; 32] = chain.value().try_into().map_err(|_| corrupt(KEY_CHAIN))?;
    let chain_id = U256::from_big_endian(chain);
    if chain_id != identity.chain_id {
        return Err(StoreError::OtherChain { found: chain_id, expected: identity.chain_id });
    }
    Ok(())
}

fn create(database: &Database, identity: &Identity) -> Result<(), StoreError> {
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(METADATA)?;
        let mut chain_id = [0; 32];
        identity.chain_id.to_big_endian(&mut chain_id);
        table.insert(KEY_SCHEMA, SCHEMA_VERSION.to_be_bytes().as_slice())?;
        table.insert(KEY_ROLLUP, identity.rollup.as_bytes().as_slice())?;
        table.insert(KEY_CHAIN, chain_id.as_slice())?;
        // Readers fail on a table that was never written to: all exist from the start.
        write.open_table(HEADERS)?;
        write.open_table(BODIES)?;
        write.open_table(BLOOMS)?;
        write.open_table(NUMBERS)?;
        write.open_table(TRANSACTIONS)?;
        write.open_table(BLUEPRINTS)?;
        write.open_table(PREMISES)?;
        write.open_table(STATE)?;
        write.open_table(UNDO)?;
        write.open_table(MARKS)?;
    }
    write.commit()?;
    Ok(())
}

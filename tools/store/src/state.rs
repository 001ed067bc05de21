//! The durable state after the last block, and the way back.

use crate::codec::{decode_changes, encode_changes};
use crate::error::StoreError;
use crate::records::StateChange;
use crate::schema::{STATE, UNDO};
use crate::store::VALUE_SIZE_BYTES_MAX;
use redb::{ReadableTable, WriteTransaction};

/// For how many blocks back the state can be restored; older records are dropped. More than a node may be ahead of the
/// layer 1 (2,000 blocks by default), so that the state after the finalized block can always be had.
pub const UNDO_BLOCKS_MAX: u64 = 4_096;

/// Writes changes and returns the inverse ones, in reverse order.
pub(crate) fn apply(
    write: &WriteTransaction,
    changes: &[StateChange],
) -> Result<Vec<StateChange>, StoreError> {
    let mut table = write.open_table(STATE)?;
    let mut inverse = Vec::with_capacity(changes.len());
    for change in changes {
        let before = match &change.value {
            Some(value) if value.len() > VALUE_SIZE_BYTES_MAX => {
                return Err(StoreError::TooLarge { table: "state", size_bytes: value.len() });
            }
            Some(value) => table.insert(change.key.as_slice(), value.as_slice())?,
            None => table.remove(change.key.as_slice())?,
        };
        let value = before.map(|guard| guard.value().to_vec());
        inverse.push(StateChange { key: change.key.clone(), value });
    }
    inverse.reverse();
    Ok(inverse)
}

/// Keeps the way back from block `number`, and forgets the one that is now too old.
pub(crate) fn keep_undo(
    write: &WriteTransaction,
    number: u64,
    inverse: &[StateChange],
) -> Result<(), StoreError> {
    let record = encode_changes(inverse);
    if record.len() > VALUE_SIZE_BYTES_MAX {
        return Err(StoreError::TooLarge { table: "undo", size_bytes: record.len() });
    }
    let mut table = write.open_table(UNDO)?;
    table.insert(number, record.as_slice())?;
    if let Some(old) = number.checked_sub(UNDO_BLOCKS_MAX) {
        table.remove(old)?;
    }
    Ok(())
}

/// Restores the state before block `number` and forgets its record.
pub(crate) fn undo(write: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    let corrupt = || StoreError::Corrupt { table: "undo", key: number.to_string() };
    let inverse = {
        let mut table = write.open_table(UNDO)?;
        let record = table.remove(number)?.ok_or_else(corrupt)?;
        decode_changes(record.value()).map_err(|_| corrupt())?
    };
    apply(write, &inverse)?;
    Ok(())
}

/// The oldest block whose record is kept.
pub(crate) fn oldest_undo(write: &WriteTransaction) -> Result<Option<u64>, StoreError> {
    Ok(write.open_table(UNDO)?.first()?.map(|(number, _)| number.value()))
}

//! Who may order transactions.

use crate::{Key, LayoutError, Value, catalog::AUTHORITY, codec};
use alloc::{string::ToString, vec::Vec};
use millrace_host::Store;
use millrace_primitives::Epoch;
use millrace_wire::authority::{Authority, PublicKey};
use rlp::RlpStream;

impl Value for Authority {
    const SIZE_BYTES_MAX: usize = 8_192;
    const IS_FIXED: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(3);
        stream.append(&self.epoch.get());
        stream.append(&self.quorum);
        stream.begin_list(self.members.len());
        for member in &self.members {
            stream.append(&member.to_bytes());
        }
        stream.out().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rlp = codec::list(bytes, 3)?;
        let members = rlp.at(2).ok()?;
        if !members.is_list() {
            return None;
        }
        Some(Self {
            epoch: Epoch::new(rlp.val_at(0).ok()?),
            quorum: rlp.val_at(1).ok()?,
            members: members
                .iter()
                .map(|member| PublicKey::from_bytes(member.data().ok()?))
                .collect::<Option<_>>()?,
        })
    }
}

/// The key of the authority in office.
///
/// # Errors
/// Never, short of a bug in this crate.
pub fn key() -> Result<Key<Authority>, LayoutError> {
    Key::new(AUTHORITY.pattern.to_string())
}

/// The authority in office; `None` when nobody orders transactions.
///
/// # Errors
/// As [`Key::read`].
pub fn read(store: &impl Store) -> Result<Option<Authority>, LayoutError> {
    key()?.read(store)
}

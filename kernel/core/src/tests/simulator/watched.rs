//! The host in memory, with an eye on each block that becomes the head.

use super::rollup::balances;
use millrace_host::{
    Control, DalPage, DalParameters, Debug, HostError, Inbox, Input, MemoryHost, Metadata, Outbox, Path,
    Reveal, Store,
};
use millrace_layout::{
    Value,
    world::{Body, Head, World},
};
use millrace_primitives::{Address, PreimageHash, U256};
use std::collections::BTreeMap;

/// A block right after it became the head.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Observed {
    pub(super) head: Head,
    pub(super) body: Body,
    pub(super) balances: BTreeMap<Address, U256>,
}

impl Observed {
    pub(super) fn of(host: &MemoryHost) -> Self {
        let value = |path: Path<'_>| host.value(path.as_str()).unwrap_or_default().to_vec();
        Self {
            head: Head::decode(&value(World::Committed.head().unwrap().path())).unwrap(),
            body: Body::decode(&value(World::Committed.body().unwrap().path())).unwrap(),
            balances: balances(host),
        }
    }
}

pub(super) struct Watched<'a> {
    pub(super) host: &'a mut MemoryHost,
    pub(super) blocks: &'a mut Vec<Observed>,
}

impl Store for Watched<'_> {
    fn store_read(&self, path: Path<'_>, offset: usize, dst: &mut [u8]) -> Result<usize, HostError> {
        self.host.store_read(path, offset, dst)
    }

    fn store_write(&mut self, path: Path<'_>, offset: usize, src: &[u8]) -> Result<(), HostError> {
        self.host.store_write(path, offset, src)
    }

    fn store_has_value(&self, path: Path<'_>) -> Result<bool, HostError> {
        self.host.store_has_value(path)
    }

    fn store_has_node(&self, path: Path<'_>) -> Result<bool, HostError> {
        self.host.store_has_node(path)
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.host.store_value_size(path)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.host.store_delete(path)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.host.store_delete_value(path)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.host.store_copy(from, to)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.host.store_move(from, to)?;
        if to.as_str() == "/evm/world" {
            self.blocks.push(Observed::of(self.host));
        }
        Ok(())
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.host.store_list_size(path)
    }
}

impl Inbox for Watched<'_> {
    fn read_input(&mut self) -> Result<Option<Input>, HostError> {
        self.host.read_input()
    }
}

impl Outbox for Watched<'_> {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.host.write_output(message)
    }
}

impl Reveal for Watched<'_> {
    fn reveal_preimage(&self, hash: &PreimageHash) -> Result<Vec<u8>, HostError> {
        self.host.reveal_preimage(hash)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.host.reveal_metadata()
    }

    fn reveal_dal_page(&self, page: &DalPage) -> Result<Vec<u8>, HostError> {
        self.host.reveal_dal_page(page)
    }

    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        self.host.reveal_dal_parameters()
    }
}

impl Control for Watched<'_> {
    fn request_reboot(&mut self) -> Result<(), HostError> {
        self.host.request_reboot()
    }

    fn reboots_left(&self) -> Result<u32, HostError> {
        self.host.reboots_left()
    }
}

impl Debug for Watched<'_> {
    fn debug(&self, line: &str) {
        self.host.debug(line);
    }
}

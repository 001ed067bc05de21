//! Reading a state, and taking it one block further.

use crate::{Engine, EngineError, host::NativeHost};
use millrace_evm::system::system_code;
use millrace_layout::{
    delayed::{self, Item, Pushed},
    parameters::{self as layout, Parameters},
    sequencers,
    world::{Body, World},
};
use millrace_primitives::{Account, Address, Block, BlockHash, EMPTY_CODE_HASH, H256, Header};
use millrace_pvm::durable::Durable;
use millrace_wire::authority::Authority;

/// The last block of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its header.
    pub header: Header,
    /// The hash of that.
    pub hash: BlockHash,
}

/// The parameters of the rollup in `state`.
pub(crate) fn parameters(state: &Durable) -> Result<Parameters, EngineError> {
    Ok(layout::read(&NativeHost::reading(state)?)?)
}

impl Engine {
    /// The parameters of the rollup in `state`. An upgrade may change them, and an authority brings a pool of its own.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn parameters(&self, state: &Durable) -> Result<Parameters, EngineError> {
        parameters(state)
    }

    /// The last block of `state`.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn head(&self, state: &Durable) -> Result<Head, EngineError> {
        let head = World::Committed.head()?.require(&NativeHost::reading(state)?)?;
        Ok(Head { header: head.header, hash: head.hash })
    }

    /// The last block of `state` with its transactions and receipts.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn head_block(&self, state: &Durable) -> Result<Block, EngineError> {
        let host = NativeHost::reading(state)?;
        let head = World::Committed.head()?.require(&host)?;
        let Body { transactions, receipts } = World::Committed.body()?.require(&host)?;
        Ok(Block { header: head.header, transactions, receipts })
    }

    /// Who may order transactions; `None` when nobody may.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn authority(&self, state: &Durable) -> Result<Option<Authority>, EngineError> {
        Ok(sequencers::read(&NativeHost::reading(state)?)?)
    }

    /// Puts an item into the delayed inbox of `state`, as the kernel did on the rollup node, so that a
    /// blueprint may name it. An item that waits already changes nothing.
    ///
    /// # Errors
    /// [`EngineError::DelayedInboxFull`], [`EngineError::Layout`].
    pub fn delay(&self, state: &Durable, item: &Item) -> Result<Durable, EngineError> {
        let mut host = NativeHost::reading(state)?;
        match delayed::push(&mut host, item)? {
            Pushed::Queued | Pushed::Known => Ok(host.durable),
            Pushed::Full => Err(EngineError::DelayedInboxFull),
        }
    }

    /// What waits in the delayed inbox of `state`, oldest first.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn waiting(&self, state: &Durable) -> Result<Vec<Item>, EngineError> {
        Ok(delayed::oldest(&NativeHost::reading(state)?, usize::MAX)?)
    }

    /// An account; `None` when it does not exist.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn account(&self, state: &Durable, address: Address) -> Result<Option<Account>, EngineError> {
        Ok(World::Committed.account(address)?.read(&NativeHost::reading(state)?)?)
    }

    /// The code of an account; empty when it has none.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn code(&self, state: &Durable, address: Address) -> Result<Vec<u8>, EngineError> {
        if let Some(code) = system_code(address) {
            return Ok(code.to_vec());
        }
        match self.account(state, address)? {
            Some(Account { code_hash, .. }) if code_hash != EMPTY_CODE_HASH => {
                Ok(World::Committed.code(code_hash)?.require(&NativeHost::reading(state)?)?.0)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A slot of the storage of an account; zero when it was never written.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn storage(&self, state: &Durable, address: Address, slot: H256) -> Result<H256, EngineError> {
        let host = NativeHost::reading(state)?;
        Ok(World::Committed.slot(address, slot)?.read(&host)?.unwrap_or_default())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::calls::tests::engine_of;
    use millrace_evm::system::{CODE, FA_BRIDGE, NATIVE_BRIDGE};
    use millrace_layout::outbox;
    use millrace_layout::world::{commit_working_copy, open_working_copy};
    use millrace_primitives::{BlockNumber, Bloom, Gas, Timestamp, U256};
    use millrace_wire::blueprint::{Blueprint, Payload};

    /// A chain with these parameters whose head is block 7, and the engine for it.
    pub(crate) fn chain_of(parameters: &Parameters) -> (Engine, NativeHost<'static>) {
        let header = Header {
            parent_hash: BlockHash::new([1; 32]),
            beneficiary: Address::zero(),
            state_root: H256::zero(),
            transactions_root: H256::zero(),
            receipts_root: H256::zero(),
            logs_bloom: Bloom::default(),
            number: BlockNumber::new(7),
            gas_limit: parameters.gas_limit_header,
            gas_used: Gas::ZERO,
            timestamp: Timestamp::new(1_000),
            base_fee_per_gas: U256::one(),
        };
        let (hash, backlog) = (BlockHash::new([2; 32]), Gas::ZERO);
        let head = layout_head(header, hash, backlog);
        let mut host = NativeHost::new(&Durable::new());
        World::Committed.head().unwrap().write(&mut host, &head).unwrap();
        (engine_of(&mut host, parameters), host)
    }

    fn chain() -> (Engine, NativeHost<'static>) {
        chain_of(&Parameters::default())
    }

    fn layout_head(header: Header, hash: BlockHash, backlog: Gas) -> millrace_layout::world::Head {
        let consumed = Vec::new();
        millrace_layout::world::Head { header, hash, backlog, consumed, queue_front: 0, key_change: None }
    }

    #[test]
    fn the_bridges_have_code_though_no_account_has_it() {
        let (engine, host) = chain();
        for bridge in [NATIVE_BRIDGE, FA_BRIDGE] {
            assert_eq!(engine.code(&host.durable, bridge).unwrap(), CODE);
            assert_eq!(engine.account(&host.durable, bridge).unwrap(), None);
        }
        assert_eq!(engine.code(&host.durable, Address::repeat_byte(0xff)).unwrap(), [0u8; 0]);
    }

    #[test]
    fn a_block_of_a_node_keeps_no_message_to_the_layer_1() {
        let (engine, mut host) = chain();
        open_working_copy(&mut host).unwrap();
        outbox::append(&mut host, vec![b"a".to_vec(), b"b".to_vec()]).unwrap();
        commit_working_copy(&mut host).unwrap();
        let stored =
            |host: &NativeHost<'_>| World::Committed.outbox_message(1).unwrap().exists(host).unwrap();
        assert!(stored(&host));
        let head = engine.head(&host.durable).unwrap();
        let blueprint = Blueprint {
            number: BlockNumber::new(8),
            parent: head.hash,
            timestamp: Timestamp::new(1_001),
            payload: Payload::default(),
        };
        let applied = engine.apply(&host.durable, &blueprint).unwrap();
        let after = NativeHost::new(&applied.state);
        assert!(!stored(&after));
        assert_eq!(outbox::waiting(&after), Ok(None));
    }
}

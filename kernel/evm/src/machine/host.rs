//! The state and the block as the traits of the `evm` crate.

use super::input::Input;
use crate::execute::BlockEnvironment;
use crate::fork;
use crate::keccak::keccak;
use crate::precompile;
use crate::state::{Code, State, StateReader, word};
use crate::system::{Approval, KeyChangeFault, KeyChangeRequest, Withdrawal, system_code};
use crate::trace::{NoTracer, Tracer};
use alloc::rc::Rc;
use alloc::vec::Vec;
use evm::MergeStrategy;
use evm::backend::TransactionalBackend;
use evm::interpreter::runtime::{
    Log, RuntimeBackend, RuntimeBaseBackend, RuntimeEnvironment, SetCodeOrigin, TouchKind, Transfer,
};
use evm::interpreter::{ExitError, ExitException, ExitFatal};
use evm::standard::Config;
use millrace_primitives::{Address, ContractHash, EMPTY_CODE_HASH, Epoch, Fork, H160, H256, U256};

/// Number of blocks before the current one whose hash can be asked for.
const BLOCK_HASH_WINDOW: u64 = 256;

/// What the engine runs on.
pub(crate) struct Host<'a, R: StateReader, T = NoTracer> {
    state: &'a mut State<R>,
    block: &'a BlockEnvironment,
    tracer: T,
    /// What the call at hand passes on, on its way from the frame that calls to the one that is called.
    passed_on: Option<Input>,
}

impl<'a, R: StateReader> Host<'a, R> {
    pub(crate) const fn new(state: &'a mut State<R>, block: &'a BlockEnvironment) -> Self {
        Self { state, block, tracer: NoTracer, passed_on: None }
    }
}

impl<'a, R: StateReader, T: Tracer> Host<'a, R, T> {
    pub(crate) const fn traced(state: &'a mut State<R>, block: &'a BlockEnvironment, tracer: T) -> Self {
        Self { state, block, tracer, passed_on: None }
    }

    /// The rules in force.
    pub(crate) const fn fork(&self) -> Fork {
        self.block.fork
    }

    const fn config(&self) -> &'static Config {
        fork::config(self.block.fork)
    }
}

/// What our frames need beyond the traits of the crate.
pub(crate) trait Backend: RuntimeEnvironment + RuntimeBackend + TransactionalBackend {
    /// Who watches.
    type Tracer: Tracer;

    /// Who watches.
    fn tracer(&mut self) -> &mut Self::Tracer;

    /// What the call at hand passes on, when it lends it.
    fn passed_on(&mut self) -> &mut Option<Input>;

    /// Whether a read failed: the engine has to stop.
    fn has_failed(&self) -> bool;

    /// The code of an account, shared.
    fn code_of(&self, address: Address) -> Rc<Code>;

    /// Whose tickets the native token is.
    fn ticketer(&self) -> Option<ContractHash>;

    /// Journals a withdrawal.
    fn withdraw(&mut self, withdrawal: Withdrawal);

    /// The epoch of who is in charge of ordering.
    fn epoch(&self) -> Epoch;

    /// Whether the sequencer has signed a request; `None` when the read failed.
    fn approve_key_change(&self, request: &KeyChangeRequest<'_>) -> Option<Result<Approval, KeyChangeFault>>;
}

impl<R: StateReader, T: Tracer> Backend for Host<'_, R, T> {
    type Tracer = T;

    fn tracer(&mut self) -> &mut T {
        &mut self.tracer
    }

    fn passed_on(&mut self) -> &mut Option<Input> {
        &mut self.passed_on
    }

    fn has_failed(&self) -> bool {
        self.state.has_failed()
    }

    fn code_of(&self, address: Address) -> Rc<Code> {
        self.state.code_at(address)
    }

    fn ticketer(&self) -> Option<ContractHash> {
        self.block.ticketer
    }

    fn withdraw(&mut self, withdrawal: Withdrawal) {
        self.state.withdraw(withdrawal);
    }

    fn epoch(&self) -> Epoch {
        self.state.epoch_or_fail()
    }

    fn approve_key_change(&self, request: &KeyChangeRequest<'_>) -> Option<Result<Approval, KeyChangeFault>> {
        self.state.approve_or_fail(request)
    }
}

impl<R: StateReader, T: Tracer> RuntimeEnvironment for Host<'_, R, T> {
    fn block_hash(&self, number: U256) -> H256 {
        let current = self.block.number.get();
        let Ok(number) = u64::try_from(number) else { return H256::zero() };
        if number >= current || current.saturating_sub(number) > BLOCK_HASH_WINDOW {
            return H256::zero();
        }
        self.state.block_hash_or_fail(number)
    }

    fn block_number(&self) -> U256 {
        U256::from(self.block.number.get())
    }

    fn block_coinbase(&self) -> H160 {
        self.block.beneficiary
    }

    fn block_timestamp(&self) -> U256 {
        U256::from(self.block.timestamp.get())
    }

    fn block_difficulty(&self) -> U256 {
        U256::from_big_endian(self.block.prev_randao.as_bytes())
    }

    fn block_randomness(&self) -> Option<H256> {
        Some(self.block.prev_randao)
    }

    fn block_gas_limit(&self) -> U256 {
        U256::from(self.block.gas_limit.get())
    }

    fn block_base_fee_per_gas(&self) -> U256 {
        self.block.base_fee
    }

    /// No transaction carries blobs, so there is no hash at any index.
    fn blob_versioned_hash(&self, _index: U256) -> H256 {
        H256::zero()
    }

    fn blob_base_fee_per_gas(&self) -> U256 {
        self.block.blob_base_fee
    }

    fn chain_id(&self) -> U256 {
        self.block.chain_id
    }
}

impl<R: StateReader, T: Tracer> RuntimeBaseBackend for Host<'_, R, T> {
    fn balance(&self, address: H160) -> U256 {
        self.state.balance_of(address)
    }

    fn code_size(&self, address: H160) -> U256 {
        if let Some(code) = system_code(address) {
            return U256::from(code.len());
        }
        if self.state.code_hash_of(address) == EMPTY_CODE_HASH {
            return U256::zero();
        }
        U256::from(self.state.code_at(address).bytes().len())
    }

    /// Zero for an account that does not exist (EIP-1052).
    fn code_hash(&self, address: H160) -> H256 {
        if let Some(code) = system_code(address) {
            return keccak(code);
        }
        if self.state.exists_now(address) { self.state.code_hash_of(address) } else { H256::zero() }
    }

    fn code(&self, address: H160) -> Vec<u8> {
        system_code(address).map_or_else(|| self.state.code_at(address).bytes().to_vec(), <[u8]>::to_vec)
    }

    fn storage(&self, address: H160, index: H256) -> H256 {
        word(self.state.slot_now(address, U256::from_big_endian(index.as_bytes())))
    }

    fn transient_storage(&self, address: H160, index: H256) -> H256 {
        word(self.state.transient_now(address, U256::from_big_endian(index.as_bytes())))
    }

    fn exists(&self, address: H160) -> bool {
        system_code(address).is_some() || self.state.exists_now(address)
    }

    fn can_create(&self, address: H160) -> bool {
        self.state.is_free(address)
    }

    fn nonce(&self, address: H160) -> U256 {
        U256::from(self.state.nonce_of(address))
    }
}

impl<R: StateReader, T: Tracer> RuntimeBackend for Host<'_, R, T> {
    fn original_storage(&self, address: H160, index: H256) -> H256 {
        word(self.state.slot_original(address, U256::from_big_endian(index.as_bytes())))
    }

    fn deleted(&self, address: H160) -> bool {
        self.state.is_doomed(address)
    }

    fn created(&self, address: H160) -> bool {
        self.state.was_created_now(address)
    }

    fn is_cold(&self, address: H160, index: Option<H256>) -> bool {
        match index {
            None => !precompile::is_precompile(self.block.fork, address) && !self.state.is_warm(address),
            Some(index) => !self.state.is_slot_warm(address, U256::from_big_endian(index.as_bytes())),
        }
    }

    fn mark_hot(&mut self, address: H160, kind: TouchKind) {
        match kind {
            TouchKind::Access => self.state.warm(address),
            TouchKind::StateChange => self.state.touch(address),
            TouchKind::Coinbase => {
                if self.config().runtime.eip3651_warm_coinbase_address {
                    self.state.warm(address);
                }
            }
        }
    }

    fn mark_storage_hot(&mut self, address: H160, index: H256) {
        self.state.warm_slot(address, U256::from_big_endian(index.as_bytes()));
    }

    fn set_storage(&mut self, address: H160, index: H256, value: H256) -> Result<(), ExitError> {
        let (key, value) = (U256::from_big_endian(index.as_bytes()), U256::from_big_endian(value.as_bytes()));
        self.state.set_slot(address, key, value);
        Ok(())
    }

    fn set_transient_storage(&mut self, address: H160, index: H256, value: H256) -> Result<(), ExitError> {
        let (key, value) = (U256::from_big_endian(index.as_bytes()), U256::from_big_endian(value.as_bytes()));
        self.state.set_transient(address, key, value);
        Ok(())
    }

    fn log(&mut self, log: Log) -> Result<(), ExitError> {
        let Log { address, topics, data } = log;
        let log = millrace_primitives::Log { address, topics, data };
        if T::IS_ON {
            self.tracer.log(&log);
        }
        self.state.emit(log);
        Ok(())
    }

    /// The balance has already moved. From Cancun on only a contract of the same transaction goes
    /// (EIP-6780).
    fn mark_delete_reset(&mut self, address: H160) {
        if !self.config().runtime.eip6780_suicide_only_in_same_tx || self.state.was_created_now(address) {
            self.state.doom(address);
        }
    }

    fn mark_create(&mut self, address: H160) {
        self.state.mark_created(address);
    }

    /// A contract is created only where there is no storage, so there is nothing to reset.
    fn reset_storage(&mut self, _address: H160) {}

    fn set_code(&mut self, address: H160, code: Vec<u8>, _origin: SetCodeOrigin) -> Result<(), ExitError> {
        self.state.set_code(address, code);
        Ok(())
    }

    fn deposit(&mut self, target: H160, value: U256) {
        // Used by nothing but `transfer`, which checks.
        let _ = self.state.add_balance(target, value);
    }

    fn withdrawal(&mut self, source: H160, value: U256) -> Result<(), ExitError> {
        if self.state.take_balance(source, value) { Ok(()) } else { Err(ExitException::OutOfFund.into()) }
    }

    fn transfer(&mut self, transfer: Transfer) -> Result<(), ExitError> {
        let Transfer { source, target, value } = transfer;
        if self.state.take_balance(source, value) && self.state.add_balance(target, value) {
            Ok(())
        } else {
            Err(ExitException::OutOfFund.into())
        }
    }

    fn inc_nonce(&mut self, address: H160) -> Result<(), ExitError> {
        if self.state.increment_nonce(address) { Ok(()) } else { Err(ExitException::MaxNonce.into()) }
    }
}

impl<R: StateReader, T: Tracer> TransactionalBackend for Host<'_, R, T> {
    fn push_substate(&mut self) {
        self.state.push_frame();
    }

    fn pop_substate(&mut self, strategy: MergeStrategy) -> Result<(), ExitError> {
        let commits = matches!(strategy, MergeStrategy::Commit);
        if self.state.pop_frame(commits) { Ok(()) } else { Err(ExitFatal::UnevenSubstate.into()) }
    }
}

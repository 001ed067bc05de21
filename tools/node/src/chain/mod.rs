//! The chain as the JSON-RPC asks for it.

mod blueprints;
mod calls;
mod governance;
mod refusal;
mod simulation;
mod traces;
mod wallet;

pub use wallet::{DevelopmentKeys, InvalidKey};

use crate::{
    shared::{Decided, Shared, Snapshot},
    upstream::Upstreams,
};
use millrace_engine::{EngineError, standing::Standing};
use millrace_primitives::{
    Account, Address, BlockHash, BlockNumber, Bloom, Gas, H256, PreimageHash, TransactionHash, U256,
};
use millrace_rpc::{
    AuthorityStatus, BlockTag, Blueprints, CallError, CallRequest, Chain, ChainError, Fees, ListedCall,
    PooledTransaction, SealedBlock, SealedHeader, SimulateError, SimulatedBlock, SimulationRequest,
    Submission, SubmitError, SyncProgress, TraceRequest, TransactionPosition, UpgradesStatus, Wallet,
};
use millrace_sequencing::{
    pool::{self, Transaction},
    producer::Stopped,
};
use millrace_store::StoreError;
use millrace_trace::{Trace, Watch};
use std::{ops::RangeInclusive, sync::Arc};
use tokio::sync::{Semaphore, broadcast};

/// What the JSON-RPC serves.
pub(crate) struct LocalChain {
    shared: Arc<Shared>,
    /// Transactions that are being checked at a time: their signatures are the work.
    admissions: Arc<Semaphore>,
    wallet: Option<DevelopmentKeys>,
    /// Who is given transactions while others order.
    upstreams: Option<Arc<Upstreams>>,
    /// Whether this node may order transactions some day.
    has_keys: bool,
}

impl LocalChain {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let admissions = Arc::new(Semaphore::new(threads));
        Self { shared, admissions, wallet: None, upstreams: None, has_keys: true }
    }

    /// The same with upstreams that are given transactions, of a node that may order some day or not.
    pub(crate) fn with_upstreams(self, upstreams: Option<Arc<Upstreams>>, has_keys: bool) -> Self {
        Self { upstreams, has_keys, ..self }
    }

    /// The same with accounts that it signs for.
    pub(crate) fn with_wallet(self, wallet: Option<DevelopmentKeys>) -> Self {
        Self { wallet, ..self }
    }

    fn snapshot(&self, at: BlockNumber) -> Result<Snapshot, ChainError> {
        self.shared.recent(at).ok_or(ChainError::StateUnavailable(at))
    }
}

impl Chain for LocalChain {
    fn chain_id(&self) -> U256 {
        self.shared.engine.chain_id()
    }

    fn client_version(&self) -> String {
        millrace_rpc::CLIENT_VERSION.to_owned()
    }

    fn coinbase(&self) -> Address {
        // That of the next block: what the layer 1 has decided since the last one counts.
        let parameters =
            |decided: &Arc<Decided>| decided.governance.parameters.as_ref().map(|known| known.pool);
        let decided = self.shared.decided.borrow().as_ref().and_then(parameters);
        decided.unwrap_or_else(|| {
            let head = self.shared.head();
            let parameters = self.shared.engine.parameters(&head.state);
            parameters.map_or(head.block.block.header.beneficiary, |parameters| parameters.pool)
        })
    }

    fn number_of_tag(&self, tag: BlockTag) -> BlockNumber {
        match tag {
            BlockTag::Earliest => BlockNumber::ZERO,
            BlockTag::Finalized => self.shared.heads.borrow().finalized,
            BlockTag::Safe => self.shared.heads.borrow().confirmed,
            BlockTag::Latest | BlockTag::Pending => self.shared.head().number(),
        }
    }

    fn number_of_hash(&self, hash: BlockHash) -> Result<Option<BlockNumber>, ChainError> {
        self.shared.store.number_of(&hash).map_err(stored)
    }

    fn block(&self, number: BlockNumber) -> Result<Option<Arc<SealedBlock>>, ChainError> {
        if let Some(snapshot) = self.shared.recent(number) {
            return Ok(Some(snapshot.block));
        }
        let stored = self.shared.store.block(number).map_err(stored)?;
        Ok(stored.map(|stored| {
            let transaction_hashes = stored.transaction_hashes;
            Arc::new(SealedBlock { hash: stored.hash, block: stored.block, transaction_hashes })
        }))
    }

    fn header(&self, number: BlockNumber) -> Result<Option<SealedHeader>, ChainError> {
        if let Some(Snapshot { block, .. }) = self.shared.recent(number) {
            return Ok(Some(SealedHeader { hash: block.hash, header: block.block.header.clone() }));
        }
        let sealed = self.shared.store.header(number).map_err(stored)?;
        Ok(sealed.map(|sealed| SealedHeader { hash: sealed.hash, header: sealed.header }))
    }

    fn blocks_with_bloom(
        &self,
        range: RangeInclusive<BlockNumber>,
        accepts: &dyn Fn(&Bloom) -> bool,
    ) -> Result<Vec<BlockNumber>, ChainError> {
        // The server bounds what it asks for at a time.
        self.shared.store.blocks_with_bloom(range, usize::MAX, accepts).map_err(stored)
    }

    fn position(&self, hash: TransactionHash) -> Result<Option<TransactionPosition>, ChainError> {
        let position = self.shared.store.transaction(&hash).map_err(stored)?;
        // The database has a block a moment before the readers do.
        let head = self.shared.head().number();
        let position = position.filter(|position| position.number <= head);
        Ok(position.map(|position| TransactionPosition { number: position.number, index: position.index }))
    }

    fn account(&self, at: BlockNumber, address: Address) -> Result<Account, ChainError> {
        let state = self.snapshot(at)?.state;
        Ok(self.shared.engine.account(&state, address).map_err(engine)?.unwrap_or_default())
    }

    fn storage(&self, at: BlockNumber, address: Address, key: H256) -> Result<H256, ChainError> {
        self.shared.engine.storage(&self.snapshot(at)?.state, address, key).map_err(engine)
    }

    fn code(&self, at: BlockNumber, address: Address) -> Result<Vec<u8>, ChainError> {
        self.shared.engine.code(&self.snapshot(at)?.state, address).map_err(engine)
    }

    fn kernel_root(&self, at: BlockNumber) -> Result<Option<PreimageHash>, ChainError> {
        Standing::of(&self.snapshot(at)?.state).kernel_root().map_err(engine)
    }

    fn call(&self, request: &CallRequest) -> Result<Vec<u8>, CallError> {
        calls::call(&self.shared.engine, &self.snapshot(request.at)?.state, request)
    }

    fn estimate(&self, request: &CallRequest) -> Result<Gas, CallError> {
        calls::estimate(&self.shared.engine, &self.snapshot(request.at)?.state, request)
    }

    fn trace(&self, request: &TraceRequest) -> Result<Vec<Trace>, CallError> {
        traces::of_block(&self.shared, request)
    }

    fn trace_call(&self, request: &CallRequest, watch: Watch) -> Result<Trace, CallError> {
        calls::trace(&self.shared.engine, &self.snapshot(request.at)?.state, request, watch)
    }

    fn access_list(&self, request: &CallRequest) -> Result<ListedCall, CallError> {
        calls::access_list(&self.shared.engine, &self.snapshot(request.at)?.state, request)
    }

    fn simulate(&self, request: &SimulationRequest) -> Result<Vec<SimulatedBlock>, SimulateError> {
        simulation::run(&self.shared.engine, &self.snapshot(request.at)?.state, request)
    }

    fn fees(&self) -> Fees {
        let (engine, head) = (&self.shared.engine, self.shared.head());
        let timestamp = crate::time::now().to_timestamp();
        let next = engine.next_base_fee(&head.state, timestamp);
        let next = next.and_then(|next| Ok((next, engine.parameters(&head.state)?.base_fee_min)));
        let (base_fee_next, base_fee_min) = next.unwrap_or_else(|error| {
            tracing::error!(%error, "the base fee cannot be computed");
            let last = head.block.block.header.base_fee_per_gas;
            (last, last)
        });
        // Above the minimum it may rise before the transaction is in a block.
        let is_rising = base_fee_next > base_fee_min;
        let margin = if is_rising { base_fee_next / U256::from(8) } else { U256::zero() };
        Fees { gas_price: base_fee_next.saturating_add(margin), base_fee_next }
    }

    fn submit(&self, raw: Vec<u8>) -> Submission<'_> {
        Box::pin(async move {
            if let Some(stopped @ Stopped::Diverged(_)) = self.shared.status.borrow().stopped {
                return Err(ChainError::Unavailable(stopped.to_string()).into());
            }
            if !self.has_keys && self.upstreams.is_none() {
                let reason = "this node has no upstream to give transactions to";
                return Err(ChainError::Unavailable(reason.to_owned()).into());
            }
            let stopping = || ChainError::Unavailable("the node stops".to_owned());
            let permit = Arc::clone(&self.admissions).acquire_owned().await.map_err(|_| stopping())?;
            let (shared, own) = (Arc::clone(&self.shared), raw.clone());
            let admission = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                admit(&shared, own)
            });
            let hash = admission.await.map_err(|_| stopping())??;
            if self.shared.status.borrow().standby.is_some()
                && let Some(upstreams) = &self.upstreams
                && let Err(error) = upstreams.submit(&raw).await
            {
                // Nobody but an upstream would put it in a block.
                self.shared.pool().remove(hash);
                return Err(ChainError::Unavailable(format!("no upstream takes it: {error}")).into());
            }
            Ok(hash)
        })
    }

    fn pending_nonce(&self, address: Address) -> Result<u64, ChainError> {
        let pool = self.shared.pool();
        let account = self.shared.engine.account(&self.shared.head().state, address).map_err(engine)?;
        Ok(pool.pending_nonce(address, account.map_or(0, |account| account.nonce)))
    }

    fn pooled(&self, hash: TransactionHash) -> Option<PooledTransaction> {
        let pool = self.shared.pool();
        let transaction = Arc::clone(pool.get(hash)?);
        let executable = pool.is_pending(hash);
        drop(pool);
        Some(pooled(&transaction, executable))
    }

    fn pool(&self) -> Vec<PooledTransaction> {
        let (pending, queued) = {
            let pool = self.shared.pool();
            (pool.pending().cloned().collect::<Vec<_>>(), pool.queued().cloned().collect::<Vec<_>>())
        };
        let pending = pending.iter().map(|transaction| pooled(transaction, true));
        pending.chain(queued.iter().map(|transaction| pooled(transaction, false))).collect()
    }

    fn subscribe_blocks(&self) -> broadcast::Receiver<Arc<SealedBlock>> {
        self.shared.blocks.subscribe()
    }

    fn subscribe_pending(&self) -> broadcast::Receiver<TransactionHash> {
        self.shared.pending.subscribe()
    }

    fn sync_progress(&self) -> Option<SyncProgress> {
        // A sequencer makes the chain: it is never behind.
        None
    }

    fn authority(&self) -> Option<AuthorityStatus> {
        governance::authority(&self.shared)
    }

    fn upgrades(&self) -> Option<UpgradesStatus> {
        governance::upgrades(&self.shared)
    }

    fn blueprints(&self, parent: BlockNumber, hash: BlockHash) -> Result<Blueprints, ChainError> {
        blueprints::after(&self.shared, parent, hash)
    }

    fn wallet(&self) -> Option<&dyn Wallet> {
        self.wallet.as_ref().map(|wallet| wallet as _)
    }
}

/// Checks a transaction against the head and puts it into the pool.
pub(crate) fn admit(shared: &Shared, raw: Vec<u8>) -> Result<TransactionHash, SubmitError> {
    let state = shared.head().state;
    let timestamp = crate::time::now().to_timestamp();
    let admitted = shared.engine.admit(&state, timestamp, &raw);
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(rejected) => {
            let parameters = shared.engine.parameters(&state).map_err(engine)?;
            return Err(refusal::of_rejected(rejected, &parameters));
        }
    };
    let transaction = Transaction {
        hash: admitted.hash,
        sender: admitted.sender,
        nonce: admitted.nonce,
        execution_gas: admitted.execution_gas_limit,
        max_fee_per_gas: admitted.max_fee_per_gas,
        cost_max: admitted.cost_max,
        raw,
    };
    let account = |state: &_| match shared.engine.account(state, admitted.sender) {
        Ok(account) => {
            let account = account.unwrap_or_default();
            Ok(pool::Account { nonce: account.nonce, balance: account.balance })
        }
        Err(error) => Err(engine(error)),
    };
    shared.insert(transaction, account)?.map_err(|refused| refusal::of_refused(refused, admitted.sender))?;
    // Nobody may be listening.
    let _ = shared.pending.send(admitted.hash);
    shared.arrival.notify_one();
    Ok(admitted.hash)
}

fn pooled(transaction: &Transaction, executable: bool) -> PooledTransaction {
    PooledTransaction {
        hash: transaction.hash,
        sender: transaction.sender,
        nonce: transaction.nonce,
        raw: transaction.raw.clone(),
        executable,
    }
}

fn stored(error: StoreError) -> ChainError {
    ChainError::Internal(error.to_string())
}

fn engine(error: EngineError) -> ChainError {
    ChainError::Internal(error.to_string())
}

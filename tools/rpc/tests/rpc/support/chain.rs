//! A fake chain: four blocks with every type of transaction, and answers that the tests know.

use super::transactions::{
    CHAIN_ID, deposit, dynamic_fee, hash, legacy, with_access_list, with_authorizations,
};
use super::wallet::FakeWallet;
use millrace_primitives::{
    Account, Address, Block, BlockHash, BlockNumber, Bloom, Epoch, Gas, H256, Header, L1Level, Log,
    PreimageHash, Receipt, Timestamp, TransactionHash, U256,
};
use millrace_rpc::{
    AnnouncedAuthority, AnnouncedUpgrade, AuthorityStatus, BlockRequest, BlockTag, Blueprints, Call,
    CallError, CallRequest, Cancel, Chain, ChainError, Fees, ListedCall, PooledTransaction, Refusal,
    SealedBlock, SealedHeader, SignedBlueprint, SimulateError, SimulatedBlock, SimulatedCall,
    SimulatedFailure, SimulationRequest, Submission, SubmitError, SyncProgress, TraceRequest,
    TransactionPosition, UpgradesStatus, Wallet,
};
use millrace_trace::{AccountState, Frame, FrameKind, Prestate, PrestateOptions, Step, Steps, Trace, Watch};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, broadcast};

/// How many events wait for a subscriber.
pub(crate) const EVENTS_MAX: usize = 8;

/// The oldest block whose state this fake keeps.
pub(crate) const OLDEST_STATE: u64 = 1;

pub(crate) struct FakeChain {
    blocks: Mutex<Vec<Arc<SealedBlock>>>,
    pool: Mutex<Vec<PooledTransaction>>,
    progress: Mutex<Option<SyncProgress>>,
    new_blocks: broadcast::Sender<Arc<SealedBlock>>,
    new_pending: broadcast::Sender<TransactionHash>,
    /// What [`Chain::submit`] answers instead of taking the transaction.
    refusal: Mutex<Option<SubmitError>>,
    /// The call that was asked last.
    last_call: Mutex<Option<CallRequest>>,
    last_simulation: Mutex<Option<SimulationRequest>>,
    /// A call that never ends has begun; something noticed that nobody waits for it.
    never_ending: Notify,
    interruptions: Notify,
    /// So many of the next reads of headers and blooms fail.
    failures: AtomicU64,
    /// The number that the head claims to have.
    pretended_head: AtomicU64,
    slow_blooms: AtomicBool,
    bloom_span_max: AtomicU64,
    pub(crate) wallet: FakeWallet,
}

/// The sender of all transactions but the deposit.
pub(crate) fn sender() -> Address {
    Address::repeat_byte(0x11)
}

/// The contract that emits logs; it has code and storage.
pub(crate) fn contract() -> Address {
    Address::repeat_byte(0xcc)
}

/// A small number as a word of storage.
pub(crate) fn word(value: u8) -> H256 {
    let mut bytes = [0; 32];
    bytes[31] = value;
    H256::from(bytes)
}

/// Who a deposit comes from.
pub(crate) fn depositor() -> Address {
    let mut bytes = [0; 20];
    bytes[18..].copy_from_slice(&[0xfe, 0xed]);
    Address::from(bytes)
}

/// The addresses at which a call ends in a special way.
pub(crate) mod callee {
    pub(crate) const REVERTS: u8 = 0x02;
    pub(crate) const PANICS: u8 = 0x03;
    pub(crate) const RUNS_OUT_OF_GAS: u8 = 0x04;
    pub(crate) const CANNOT_PAY: u8 = 0x05;
    pub(crate) const BREAKS_THE_NODE: u8 = 0x06;
    pub(crate) const NEVER_ENDS: u8 = 0x07;
}

pub(crate) fn block_hash(number: u64) -> BlockHash {
    BlockHash::new([0xb0 + number as u8; 32])
}

fn log(byte: u8) -> Log {
    Log {
        address: contract(),
        topics: vec![H256::repeat_byte(0xe0), H256::repeat_byte(byte)],
        data: vec![byte; 40],
    }
}

fn receipt(raw: &[u8], succeeded: bool, logs: Vec<Log>) -> Receipt {
    Receipt {
        transaction_type: raw.first().copied().filter(|kind| *kind < 0x80).unwrap_or(0),
        succeeded,
        cumulative_gas_used: Gas::ZERO,
        logs,
        gas_used: Gas::new(21_000),
        effective_gas_price: U256::exp10(9),
        sender: sender(),
        created: None,
    }
}

/// A block of these transactions; gas, receipts' sums and bloom follow.
pub(crate) fn block(number: u64, contents: Vec<(Vec<u8>, Receipt)>) -> SealedBlock {
    let (transactions, mut receipts): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
    let mut used = 0;
    for receipt in &mut receipts {
        used += receipt.gas_used.get();
        receipt.cumulative_gas_used = Gas::new(used);
    }
    // Every bit: a bloom may always say yes.
    let has_logs = receipts.iter().any(|receipt| !receipt.logs.is_empty());
    let header = Header {
        parent_hash: number.checked_sub(1).map_or(BlockHash::new([0; 32]), block_hash),
        beneficiary: Address::repeat_byte(0x99),
        state_root: H256::repeat_byte(1),
        transactions_root: H256::repeat_byte(2),
        receipts_root: H256::repeat_byte(3),
        logs_bloom: if has_logs { Bloom([0xff; 256]) } else { Bloom::default() },
        number: BlockNumber::new(number),
        gas_limit: Gas::new(1 << 50),
        gas_used: Gas::new(used),
        timestamp: Timestamp::new(1_700_000_000 + number),
        base_fee_per_gas: U256::exp10(9) + number,
    };
    let transaction_hashes = transactions.iter().map(|raw| hash(raw)).collect();
    SealedBlock {
        hash: block_hash(number),
        block: Block { header, transactions, receipts },
        transaction_hashes,
    }
}

/// A block with one transaction that emits logs.
pub(crate) fn block_with_logs(number: u64, count: usize) -> SealedBlock {
    let raw = legacy(27 + number % 2);
    let receipt = receipt(&raw, true, vec![log(number as u8); count]);
    block(number, vec![(raw, receipt)])
}

/// The account that the wallet signs for.
pub(crate) fn unlocked() -> Address {
    Address::repeat_byte(0x22)
}

impl FakeChain {
    pub(crate) fn new() -> Self {
        let transfer = legacy(35 + 2 * CHAIN_ID);
        let failed = with_access_list();
        let created = dynamic_fee(None);
        let called = dynamic_fee(Some(contract()));
        let delegated = with_authorizations();
        let minted = deposit();
        let blocks = [
            block(0, Vec::new()),
            block(
                1,
                vec![
                    (transfer.clone(), receipt(&transfer, true, vec![])),
                    (failed.clone(), receipt(&failed, false, vec![])),
                ],
            ),
            block(
                2,
                vec![
                    (
                        created.clone(),
                        Receipt { created: Some(contract()), ..receipt(&created, true, vec![log(1)]) },
                    ),
                    (called.clone(), receipt(&called, true, vec![log(2), log(3)])),
                    (delegated.clone(), receipt(&delegated, true, vec![])),
                ],
            ),
            block(
                3,
                vec![(
                    minted.clone(),
                    Receipt {
                        sender: depositor(),
                        gas_used: Gas::ZERO,
                        effective_gas_price: U256::zero(),
                        ..receipt(&minted, true, vec![])
                    },
                )],
            ),
        ];
        Self {
            blocks: Mutex::new(blocks.into_iter().map(Arc::new).collect()),
            pool: Mutex::default(),
            progress: Mutex::default(),
            new_blocks: broadcast::channel(EVENTS_MAX).0,
            new_pending: broadcast::channel(EVENTS_MAX).0,
            refusal: Mutex::default(),
            last_call: Mutex::default(),
            last_simulation: Mutex::default(),
            never_ending: Notify::new(),
            interruptions: Notify::new(),
            failures: AtomicU64::new(0),
            pretended_head: AtomicU64::new(0),
            slow_blooms: AtomicBool::new(false),
            bloom_span_max: AtomicU64::new(0),
            wallet: FakeWallet::default(),
        }
    }

    fn blocks(&self) -> Vec<Arc<SealedBlock>> {
        self.blocks.lock().expect("not poisoned").clone()
    }

    /// How many wait for the next block.
    pub(crate) fn blocks_watched(&self) -> usize {
        self.new_blocks.receiver_count()
    }

    /// Adds the next block, with a log, and announces it.
    pub(crate) fn push_block(&self) -> Arc<SealedBlock> {
        self.push_block_with_logs(1)
    }

    /// The same with so many logs.
    pub(crate) fn push_block_with_logs(&self, count: usize) -> Arc<SealedBlock> {
        let block = Arc::new(block_with_logs(self.blocks().len() as u64, count));
        self.blocks.lock().expect("not poisoned").push(Arc::clone(&block));
        let _ = self.new_blocks.send(Arc::clone(&block));
        block
    }

    pub(crate) fn refuse_with(&self, refusal: impl Into<SubmitError>) {
        *self.refusal.lock().expect("not poisoned") = Some(refusal.into());
    }

    pub(crate) fn set_progress(&self, progress: SyncProgress) {
        *self.progress.lock().expect("not poisoned") = Some(progress);
    }

    /// Waits until nobody listens for blocks.
    pub(crate) async fn no_subscriber_is_left(&self) {
        self.new_blocks.closed().await;
    }

    /// The call that was asked last.
    pub(crate) fn last_call(&self) -> CallRequest {
        self.last_call.lock().expect("not poisoned").clone().expect("a call")
    }

    /// What was simulated last.
    pub(crate) fn last_simulation(&self) -> SimulationRequest {
        self.last_simulation.lock().expect("not poisoned").clone().expect("a simulation")
    }

    /// Waits until a call that never ends has begun.
    pub(crate) async fn never_ending_runs(&self) {
        self.never_ending.notified().await;
    }

    /// Waits until something noticed that nobody waits for it.
    pub(crate) async fn interrupted(&self) {
        self.interruptions.notified().await;
    }

    /// Lets so many of the next reads of headers and blooms fail.
    pub(crate) fn fail_reads(&self, count: u64) {
        self.failures.store(count, Ordering::Relaxed);
    }

    fn check_failure(&self) -> Result<(), ChainError> {
        let fails = |left: u64| left.checked_sub(1);
        match self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails) {
            Ok(_) => Err(ChainError::Internal("told to fail".into())),
            Err(_) => Ok(()),
        }
    }

    /// Lets the chain seem longer than it is.
    pub(crate) fn pretend_head(&self, number: u64) {
        self.pretended_head.store(number, Ordering::Relaxed);
    }

    /// Lets each look at blooms take a while.
    pub(crate) fn pretend_slow_blooms(&self) {
        self.slow_blooms.store(true, Ordering::Relaxed);
    }

    /// The most blocks whose blooms were asked for at a time.
    pub(crate) fn bloom_span_max(&self) -> u64 {
        self.bloom_span_max.load(Ordering::Relaxed)
    }

    fn never_end(&self, cancel: &Cancel) -> CallError {
        self.never_ending.notify_one();
        while !cancel.is_set() {
            std::thread::yield_now();
        }
        self.interruptions.notify_one();
        CallError::Interrupted
    }

    fn check_state(&self, at: BlockNumber) -> Result<(), ChainError> {
        if at.get() < OLDEST_STATE { Err(ChainError::StateUnavailable(at)) } else { Ok(()) }
    }

    fn run(&self, request: &CallRequest) -> Result<Vec<u8>, CallError> {
        *self.last_call.lock().expect("not poisoned") = Some(request.clone());
        self.check_state(request.at)?;
        let call = &request.call;
        match call.to.map(|to| to.as_bytes()[19]) {
            Some(callee::REVERTS) => Err(CallError::Reverted { output: reverted_because("not the owner") }),
            Some(callee::PANICS) => {
                let mut output = vec![0x4e, 0x48, 0x7b, 0x71];
                output.extend([0; 31]);
                output.push(0x12);
                Err(CallError::Reverted { output })
            }
            Some(callee::RUNS_OUT_OF_GAS) => Err(CallError::Halted("out of gas".into())),
            Some(callee::CANNOT_PAY) => {
                Err(Refusal::InsufficientFunds { balance: U256::one(), cost: U256::from(2) }.into())
            }
            Some(callee::BREAKS_THE_NODE) => Err(ChainError::Internal("a secret of the node".into()).into()),
            Some(callee::NEVER_ENDS) => Err(self.never_end(&request.cancel)),
            _ => Ok(call.data.clone()),
        }
    }
}

fn simulated_call(call: &Call) -> Result<SimulatedCall, SimulateError> {
    let done = |output, failure| SimulatedCall { output, logs: vec![], gas_used: Gas::new(21_000), failure };
    Ok(match call.to.map(|to| to.as_bytes()[19]) {
        Some(callee::REVERTS) => done(reverted_because("not the owner"), Some(SimulatedFailure::Reverted)),
        Some(callee::RUNS_OUT_OF_GAS) => {
            done(vec![], Some(SimulatedFailure::Halted("out of gas".to_owned())))
        }
        Some(callee::CANNOT_PAY) => {
            return Err(Refusal::InsufficientFunds { balance: U256::one(), cost: U256::from(2) }.into());
        }
        Some(callee::NEVER_ENDS) => return Err(SimulateError::BlockNumber("block numbers…".to_owned())),
        _ => SimulatedCall { logs: vec![log(7)], ..done(call.data.clone(), None) },
    })
}

/// A call with this input has too large a trace.
pub(crate) const TOO_LARGE: [u8; 2] = [0xff, 0xff];

/// What is recorded of the transaction at an index: one of everything.
fn trace(watch: Watch, index: u32) -> Trace {
    match watch {
        Watch::Steps(_) => Trace::Steps(Steps {
            gas: Gas::new(21_000 + u64::from(index)),
            failed: false,
            output: vec![1],
            steps: vec![Step { depth: 1, stack: Some(vec![U256::one()]), ..Step::default() }],
        }),
        Watch::Calls(_) => Trace::Calls(vec![Frame {
            depth: 0,
            kind: FrameKind::Call,
            from: sender(),
            to: Some(contract()),
            value: Some(U256::zero()),
            gas: 30_000,
            gas_used: 21_000 + u64::from(index),
            input: vec![],
            output: vec![],
            error: None,
            logs: vec![],
        }]),
        Watch::Prestate(PrestateOptions { diff, .. }) => {
            let account = AccountState { nonce: Some(u64::from(index) + 1), ..AccountState::default() };
            let accounts = BTreeMap::from([(sender(), account)]);
            Trace::Prestate(Prestate { before: accounts.clone(), after: diff.then_some(accounts) })
        }
    }
}

/// The encoding of Solidity's `Error(string)`, for a text of at most 32 bytes.
pub(crate) fn reverted_because(text: &str) -> Vec<u8> {
    let mut output = vec![0x08, 0xc3, 0x79, 0xa0];
    for word in [0x20, text.len() as u8] {
        output.extend([0; 31]);
        output.push(word);
    }
    output.extend(text.as_bytes());
    output.resize(4 + 3 * 32, 0);
    output
}

impl Chain for FakeChain {
    fn chain_id(&self) -> U256 {
        U256::from(CHAIN_ID)
    }

    fn client_version(&self) -> String {
        "Millrace/v0.0.0-fake".into()
    }

    fn coinbase(&self) -> Address {
        Address::repeat_byte(0x99)
    }

    fn number_of_tag(&self, tag: BlockTag) -> BlockNumber {
        let head = (self.blocks().len() as u64 - 1).max(self.pretended_head.load(Ordering::Relaxed));
        BlockNumber::new(match tag {
            BlockTag::Earliest => 0,
            BlockTag::Finalized => 1,
            BlockTag::Safe => 2,
            BlockTag::Latest | BlockTag::Pending => head,
        })
    }

    fn number_of_hash(&self, hash: BlockHash) -> Result<Option<BlockNumber>, ChainError> {
        Ok(self.blocks().iter().find(|block| block.hash == hash).map(|block| block.block.header.number))
    }

    fn block(&self, number: BlockNumber) -> Result<Option<Arc<SealedBlock>>, ChainError> {
        Ok(self.blocks().get(number.get() as usize).cloned())
    }

    fn header(&self, number: BlockNumber) -> Result<Option<SealedHeader>, ChainError> {
        self.check_failure()?;
        let block = self.block(number)?;
        Ok(block.map(|block| SealedHeader { hash: block.hash, header: block.block.header.clone() }))
    }

    fn blocks_with_bloom(
        &self,
        range: RangeInclusive<BlockNumber>,
        accepts: &dyn Fn(&Bloom) -> bool,
    ) -> Result<Vec<BlockNumber>, ChainError> {
        self.check_failure()?;
        let span = range.end().since(*range.start()) + 1;
        self.bloom_span_max.fetch_max(span, Ordering::Relaxed);
        if self.slow_blooms.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let blocks = self.blocks();
        let numbers = blocks.iter().filter(|block| accepts(&block.block.header.logs_bloom));
        Ok(numbers.map(|block| block.block.header.number).filter(|number| range.contains(number)).collect())
    }

    fn position(&self, hash: TransactionHash) -> Result<Option<TransactionPosition>, ChainError> {
        Ok(self.blocks().iter().find_map(|block| {
            let index = block.transaction_hashes.iter().position(|found| *found == hash)?;
            Some(TransactionPosition { number: block.block.header.number, index: index as u32 })
        }))
    }

    fn account(&self, at: BlockNumber, address: Address) -> Result<Account, ChainError> {
        self.check_state(at)?;
        if address != sender() {
            return Ok(Account::default());
        }
        Ok(Account { nonce: 7, balance: U256::exp10(18) + at.get(), ..Account::default() })
    }

    fn storage(&self, at: BlockNumber, address: Address, key: H256) -> Result<H256, ChainError> {
        self.check_state(at)?;
        let set = address == contract() && key == word(5);
        Ok(if set { word(42) } else { H256::zero() })
    }

    fn code(&self, at: BlockNumber, address: Address) -> Result<Vec<u8>, ChainError> {
        self.check_state(at)?;
        Ok(if address == contract() { vec![0x60; 50] } else { Vec::new() })
    }

    fn call(&self, request: &CallRequest) -> Result<Vec<u8>, CallError> {
        self.run(request)
    }

    fn estimate(&self, request: &CallRequest) -> Result<Gas, CallError> {
        self.run(request).map(|output| Gas::new(21_000 + output.len() as u64))
    }

    fn trace(&self, request: &TraceRequest) -> Result<Vec<Trace>, CallError> {
        let block = self.block(request.number)?.expect("a block");
        self.check_state(BlockNumber::new(request.number.get() - 1))?;
        let indices = 0..block.block.transactions.len() as u32;
        let wanted = indices.filter(|index| request.only.is_none_or(|only| only == *index));
        Ok(wanted.map(|index| trace(request.watch, index)).collect())
    }

    fn trace_call(&self, request: &CallRequest, watch: Watch) -> Result<Trace, CallError> {
        let output = self.run(request)?;
        if output == TOO_LARGE {
            return Err(CallError::TraceTooLarge);
        }
        Ok(trace(watch, 0))
    }

    fn access_list(&self, request: &CallRequest) -> Result<ListedCall, CallError> {
        let (error, access_list) = match self.run(request) {
            Ok(_) => (None, vec![(contract(), vec![word(1), word(2)])]),
            Err(CallError::Reverted { .. }) => (Some("execution reverted".to_owned()), Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(ListedCall { access_list, error, gas_used: Gas::new(0x5208) })
    }

    /// Every block is the second one of this chain; its calls end as their receiver says.
    fn simulate(&self, request: &SimulationRequest) -> Result<Vec<SimulatedBlock>, SimulateError> {
        *self.last_simulation.lock().expect("not poisoned") = Some(request.clone());
        self.check_state(request.at)?;
        let simulated = |block: &BlockRequest| {
            let sealed = SealedBlock::clone(&self.blocks()[2]);
            let calls = block.calls.iter().map(|(call, _)| simulated_call(call)).collect::<Result<_, _>>()?;
            Ok(SimulatedBlock { sealed, calls })
        };
        request.blocks.iter().map(simulated).collect()
    }

    fn fees(&self) -> Fees {
        Fees { gas_price: U256::from(1_250_000_000u64), base_fee_next: U256::from(1_100_000_000u64) }
    }

    fn submit(&self, raw: Vec<u8>) -> Submission<'_> {
        Box::pin(async move {
            if let Some(refusal) = self.refusal.lock().expect("not poisoned").take() {
                return Err(refusal);
            }
            let hash = hash(&raw);
            let executable = raw.first() == Some(&2);
            self.pool.lock().expect("not poisoned").push(PooledTransaction {
                hash,
                sender: sender(),
                nonce: 5,
                raw,
                executable,
            });
            let _ = self.new_pending.send(hash);
            Ok(hash)
        })
    }

    fn pending_nonce(&self, address: Address) -> Result<u64, ChainError> {
        if address == unlocked() {
            let pool = self.pool();
            return Ok(4 + pool.iter().filter(|pooled| pooled.raw.starts_with(&[2])).count() as u64);
        }
        Ok(if address == sender() { 9 } else { 0 })
    }

    fn pooled(&self, hash: TransactionHash) -> Option<PooledTransaction> {
        self.pool().into_iter().find(|pooled| pooled.hash == hash)
    }

    fn pool(&self) -> Vec<PooledTransaction> {
        self.pool.lock().expect("not poisoned").clone()
    }

    fn subscribe_blocks(&self) -> broadcast::Receiver<Arc<SealedBlock>> {
        self.new_blocks.subscribe()
    }

    fn subscribe_pending(&self) -> broadcast::Receiver<TransactionHash> {
        self.new_pending.subscribe()
    }

    fn sync_progress(&self) -> Option<SyncProgress> {
        *self.progress.lock().expect("not poisoned")
    }

    fn authority(&self) -> Option<AuthorityStatus> {
        let change = AnnouncedAuthority {
            activation: Timestamp::new(2_000),
            announced_at: L1Level::new(6),
            members: Vec::new(),
            quorum: 0,
            pool: None,
        };
        Some(AuthorityStatus {
            level: L1Level::new(7),
            timestamp: Timestamp::new(1_000),
            epoch: Some(Epoch::new(2)),
            members: vec!["edpk".to_owned()],
            quorum: 1,
            pool: Address::repeat_byte(0x99),
            standby: Some("waiting".to_owned()),
            announced: vec![change],
        })
    }

    fn kernel_root(&self, at: BlockNumber) -> Result<Option<PreimageHash>, ChainError> {
        self.check_state(at)?;
        Ok((at.get() > 1).then_some(PreimageHash::new([0x22; 33])))
    }

    fn upgrades(&self) -> Option<UpgradesStatus> {
        let upgrade =
            AnnouncedUpgrade { root_hash: [0x11; 33], activation: Timestamp::new(3_000), source: "admin" };
        Some(UpgradesStatus { kernel_root: None, waiting: vec![upgrade] })
    }

    fn blueprints(&self, parent: BlockNumber, hash: BlockHash) -> Result<Blueprints, ChainError> {
        let head = self.number_of_tag(BlockTag::Latest);
        let is_parent_known = self.header(parent)?.is_some_and(|header| header.hash == hash);
        let first = parent.saturating_add(1);
        let blueprint = SignedBlueprint {
            number: first,
            hash: BlockHash::new([0x33; 32]),
            messages: vec![vec![1], vec![2]],
            premises: vec![(b"/a".to_vec(), Some(vec![3])), (b"/b".to_vec(), None)],
        };
        let blueprints = if is_parent_known && first <= head { vec![blueprint] } else { Vec::new() };
        Ok(Blueprints { head, is_parent_known, blueprints })
    }

    fn wallet(&self) -> Option<&dyn Wallet> {
        self.wallet.is_there().then_some(&self.wallet as _)
    }
}

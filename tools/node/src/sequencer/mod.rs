//! The task that owns the local head. It feeds the state machines and does what they decide.

mod reports;

use crate::{
    blueprint::{self, BuildError, Built, Order, Signer},
    import::{Import, ImportError},
    layer1::Report,
    publication::{HandOverError, hand_over},
    shared::{Decided, Shared},
    takeover::{Plan, TakeOverError, TakenOver},
    time,
};
use millrace_engine::EngineError;
use millrace_l1::client::RollupNode;
use millrace_layout::delayed::Item;
use millrace_primitives::{BlockNumber, Timestamp, TransactionHash};
use millrace_pvm::durable::Durable;
use millrace_sequencing::{
    Moment,
    isolation::{Isolation, Verdict},
    pool::{Budget, Transaction},
    producer::{self, Demand, Producer},
    publisher::{self, Publisher},
    schedule::{Charge, Office, Schedule},
};
use millrace_wire::blueprint::{PayloadSize, TRANSACTIONS_MAX};
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinError, JoinHandle},
};

/// Delayed items in one block; the others follow in the next.
const DELAYED_PER_BLOCK_MAX: usize = 256;
/// Pause after a block that could not be made.
const FAILURE_PAUSE_MS: u64 = 1_000;
/// How often queued transactions are looked through for expired ones.
const EXPIRY_PERIOD_MS: u64 = 60_000;

/// Who decides.
pub(crate) struct Machines {
    pub(crate) producer: Producer,
    pub(crate) publisher: Publisher,
    pub(crate) schedule: Schedule,
}

/// Where it is told what became of a plan.
type Answer = oneshot::Sender<Result<(), TakeOverError>>;
/// Where it is told what became of a block of an upstream.
type ImportAnswer = oneshot::Sender<Result<(), ImportError>>;

pub(crate) struct Sequencer {
    shared: Arc<Shared>,
    rollup_node: RollupNode,
    signer: Signer,
    producer: Producer,
    publisher: Publisher,
    schedule: Schedule,
    /// What the layer 1 has decided, as of the last level.
    decided: Option<Arc<Decided>>,
    /// Items that wait for a block, oldest first.
    delayed: VecDeque<Item>,
    /// Nothing in the pool can pay the price: until the next block or the next arrival.
    is_priced_out: bool,
    /// No block before this moment, after a failure.
    pause_until: Moment,
    expire_at: Moment,
    building: Option<JoinHandle<Result<Built, BuildError>>>,
    /// How many items a block takes while one of them is suspected.
    isolation: Isolation,
    /// What is in the block that is being made.
    attempt: Vec<Candidate>,
    /// The only thing in the block that could not be made last.
    suspect: Option<Candidate>,
    handing: Option<JoinHandle<Result<Vec<BlockNumber>, HandOverError>>>,
    /// Blocks of the rollup node that take the place of local ones as soon as no block is being made.
    plan: Option<(Box<Plan>, Answer)>,
    taking_over: Option<JoinHandle<(Result<TakenOver, TakeOverError>, Answer)>>,
    /// A block of an upstream that is next as soon as nothing else is being done.
    import: Option<(Box<Import>, ImportAnswer)>,
    importing: Option<JoinHandle<(Result<Built, ImportError>, ImportAnswer)>>,
}

/// Something that goes into a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    Delayed(TransactionHash),
    Transaction(TransactionHash),
}

/// What the task waits for.
enum Happening {
    Built(Result<Result<Built, BuildError>, JoinError>),
    Handed(Result<Result<Vec<BlockNumber>, HandOverError>, JoinError>),
    TakenOver(Result<(Result<TakenOver, TakeOverError>, Answer), JoinError>),
    Imported(Result<(Result<Built, ImportError>, ImportAnswer), JoinError>),
    Report(Report),
    Arrival,
    Due,
    Stop,
}

impl Sequencer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        rollup_node: RollupNode,
        signer: Signer,
        machines: Machines,
    ) -> Self {
        let Machines { producer, publisher, schedule } = machines;
        Self {
            shared,
            rollup_node,
            signer,
            producer,
            publisher,
            schedule,
            decided: None,
            delayed: VecDeque::new(),
            is_priced_out: false,
            pause_until: Moment::ZERO,
            expire_at: time::now().after_ms(EXPIRY_PERIOD_MS),
            building: None,
            isolation: Isolation::default(),
            attempt: Vec::new(),
            suspect: None,
            handing: None,
            plan: None,
            taking_over: None,
            import: None,
            importing: None,
        }
    }

    /// Works until it is told to stop, and then finishes the block that is being made.
    pub(crate) async fn run(mut self, mut reports: mpsc::Receiver<Report>, mut stop: watch::Receiver<bool>) {
        let mut is_stopping = false;
        while !is_stopping || self.is_moving_head() {
            let due = if is_stopping { None } else { self.work() };
            let happening = tokio::select! {
                built = finished(&mut self.building) => Happening::Built(built),
                handed = finished(&mut self.handing) => Happening::Handed(handed),
                taken = finished(&mut self.taking_over) => Happening::TakenOver(taken),
                imported = finished(&mut self.importing) => Happening::Imported(imported),
                Some(report) = reports.recv() => Happening::Report(report),
                () = self.shared.arrival.notified() => Happening::Arrival,
                () = time::sleep_until(due) => Happening::Due,
                // An error means that the node is gone.
                _ = stop.changed(), if !is_stopping => Happening::Stop,
            };
            match happening {
                Happening::Built(built) => self.built(built),
                Happening::Handed(handed) => self.handed(handed),
                Happening::TakenOver(taken) => self.taken_over(taken),
                Happening::Imported(imported) => self.imported(imported),
                Happening::Report(report) => self.reported(report),
                Happening::Arrival => self.is_priced_out = false,
                Happening::Due => {}
                Happening::Stop => is_stopping = true,
            }
        }
        if let Some(handing) = self.handing.take() {
            // What it was about to hand over is handed over after the next start.
            handing.abort();
        }
    }

    /// Whether a block is being made, of whatever kind: then the head is about to be another.
    fn is_moving_head(&self) -> bool {
        self.building.is_some() || self.taking_over.is_some() || self.importing.is_some()
    }

    /// Starts whatever is due; answers when to look again.
    fn work(&mut self) -> Option<Moment> {
        let now = time::now();
        if now >= self.expire_at {
            self.expire_at = now.after_ms(EXPIRY_PERIOD_MS);
            let expired = self.shared.pool().expire(now);
            if !expired.is_empty() {
                tracing::info!(count = expired.len(), "transactions expired behind a missing nonce");
            }
        }
        self.start_taking_over();
        self.start_importing();
        let publication = self.publish(now);
        let production = self.produce(now);
        [publication, production, Some(self.expire_at)].into_iter().flatten().min()
    }

    fn publish(&mut self, now: Moment) -> Option<Moment> {
        // Without keys nothing here is this node's to publish.
        if !self.shared.status.borrow().is_linked || self.signer.keys.is_empty() {
            return None;
        }
        match self.publisher.decide(now) {
            publisher::Decision::HandOver(numbers) => {
                let work = hand_over(Arc::clone(&self.shared), self.rollup_node.clone(), numbers);
                self.handing = Some(tokio::spawn(work));
                None
            }
            publisher::Decision::WaitUntil(moment) => Some(moment),
            publisher::Decision::Wait => None,
        }
    }

    fn produce(&mut self, now: Moment) -> Option<Moment> {
        self.producer.press(self.publisher.pressure());
        let charge = self.schedule.charge(now);
        let standby = if let Charge::Standby(standby) = charge { Some(standby) } else { None };
        self.producer.stand_by(standby);
        let stopped = self.producer.stopped();
        self.shared.report(|status| {
            (status.stopped, status.standby) = (stopped, standby);
        });
        let pause_ms = self.pause_until.since_ms(now);
        if (1..=FAILURE_PAUSE_MS).contains(&pause_ms) {
            return Some(self.pause_until);
        }
        let parent = self.shared.head();
        let parent_timestamp = parent.block.block.header.timestamp;
        match self.producer.decide(self.demand(), parent_timestamp, now) {
            producer::Decision::Produce { timestamp } => match charge {
                // Its end brings the task back here.
                Charge::InOffice(_) if self.importing.is_some() => None,
                Charge::InOffice(office) => self.start_block(office, timestamp, now),
                // The producer stands by then.
                Charge::Standby(_) => None,
            },
            producer::Decision::WaitUntil(moment) => Some(moment),
            producer::Decision::Wait | producer::Decision::Busy | producer::Decision::Stopped(_) => None,
        }
    }

    fn demand(&self) -> Demand {
        Demand {
            has_transactions: !self.is_priced_out && self.shared.pool().pending_count() > 0,
            has_delayed_items: !self.delayed.is_empty(),
        }
    }

    /// Starts a block, unless it would be empty without need.
    fn start_block(&mut self, office: Office, timestamp: Timestamp, now: Moment) -> Option<Moment> {
        let parent = self.shared.head();
        let delayed_max = DELAYED_PER_BLOCK_MAX.min(self.isolation.items_max());
        let delayed: Vec<Item> = self.delayed.iter().take(delayed_max).cloned().collect();
        let transactions = match self.select(&parent.state, timestamp, &delayed) {
            Ok(transactions) => transactions,
            Err(error) => {
                self.pause(&error.to_string(), now);
                return Some(self.pause_until);
            }
        };
        if transactions.is_empty() && delayed.is_empty() && !self.isolation.is_probing() {
            self.is_priced_out = true;
            match self.producer.decide(Demand::default(), timestamp, now) {
                producer::Decision::Produce { .. } => {}
                producer::Decision::WaitUntil(moment) => return Some(moment),
                _ => return None,
            }
        }
        self.producer.started(now);
        self.attempt = delayed.iter().map(|item| Candidate::Delayed(item.name)).collect();
        self.attempt.extend(transactions.iter().map(|transaction| Candidate::Transaction(transaction.hash)));
        let decided = self.decided.clone();
        let order = Order { parent, timestamp, delayed, transactions, office, decided };
        let (shared, signer) = (Arc::clone(&self.shared), self.signer.clone());
        self.building = Some(tokio::task::spawn_blocking(move || blueprint::build(&shared, &signer, &order)));
        None
    }

    fn select(
        &self,
        state: &Durable,
        timestamp: Timestamp,
        delayed: &[Item],
    ) -> Result<Vec<Arc<Transaction>>, EngineError> {
        let engine = &self.shared.engine;
        let mut payload = PayloadSize::default();
        delayed.iter().for_each(|_| payload.add_delayed());
        let budget = Budget {
            payload,
            execution_gas: engine.parameters(state)?.execution_gas_block_max,
            base_fee_per_gas: engine.next_base_fee(state, timestamp)?,
            transactions: TRANSACTIONS_MAX.min(self.isolation.items_max().saturating_sub(delayed.len())),
        };
        Ok(self.shared.pool().select(budget))
    }

    fn built(&mut self, built: Result<Result<Built, BuildError>, JoinError>) {
        self.producer.finished();
        let built = match built {
            Ok(Ok(built)) => built,
            Ok(Err(error)) => return self.failed(&error.to_string(), error.may_be_the_content()),
            Err(error) => {
                return self.failed(&format!("the block was not finished: {error}"), error.is_panic());
            }
        };
        let number = built.snapshot.number();
        self.advance(built);
        if self.isolation.succeeded() == Verdict::Guilty {
            self.condemn();
        }
        self.publisher.signed_up_to(number);
        self.shared.report(|status| status.failure = None);
    }

    /// Goes on from a new block.
    fn advance(&mut self, built: Built) {
        let number = built.snapshot.number();
        let block = Arc::clone(&built.snapshot.block);
        // One that was dropped is in no block, and would make the next blueprint invalid.
        self.delayed.retain(|item| !built.consumed.contains(&item.name));
        self.is_priced_out = false;
        self.shared.advance(built.snapshot, |pool| {
            pool.settle(built.nonces);
            for (hash, fault) in built.invalid {
                tracing::info!(%hash, %number, ?fault, "transaction dropped");
                pool.remove(hash);
            }
        });
        self.schedule.moved(number);
        let header = &block.block.header;
        let transactions = block.block.transactions.len();
        tracing::debug!(%number, hash = %block.hash, transactions, gas_used = %header.gas_used, "block");
        // Nobody may be listening.
        let _ = self.shared.blocks.send(block);
    }

    /// No block could be made. When that may be due to something in it, the next attempt takes less.
    fn failed(&mut self, reason: &str, may_be_the_content: bool) {
        let attempt = std::mem::take(&mut self.attempt);
        if may_be_the_content && self.isolation.failed(attempt.len()) {
            let next = self.isolation.items_max();
            tracing::warn!(
                reason,
                items = attempt.len(),
                next,
                "no block could be made: the next takes less"
            );
            self.suspect = if let [suspect] = attempt.as_slice() { Some(*suspect) } else { None };
            self.shared.report(|status| status.failure = Some(reason.to_owned()));
        } else {
            self.pause(reason, time::now());
        }
    }

    /// Waits a while before the next attempt.
    fn pause(&mut self, reason: &str, now: Moment) {
        tracing::error!(reason, "no block could be made");
        self.pause_until = now.after_ms(FAILURE_PAUSE_MS);
        self.shared.report(|status| status.failure = Some(reason.to_owned()));
    }

    /// Takes out what no block can be made with.
    fn condemn(&mut self) {
        match self.suspect.take() {
            Some(Candidate::Transaction(hash)) => {
                tracing::error!(%hash, "no block can be made with this transaction: it leaves the pool");
                self.shared.pool().ban(hash);
            }
            Some(Candidate::Delayed(name)) => {
                tracing::error!(%name, "no block can be made with this delayed item: it is left out");
                self.delayed.retain(|item| item.name != name);
            }
            None => {}
        }
    }

    fn handed(&mut self, handed: Result<Result<Vec<BlockNumber>, HandOverError>, JoinError>) {
        match handed {
            Ok(Ok(numbers)) => self.publisher.handed(&numbers),
            Ok(Err(error)) => {
                tracing::warn!(%error, "blueprints could not be handed to the batcher");
                self.publisher.failed(time::now());
            }
            Err(error) => {
                tracing::error!(%error, "the hand-over was not finished");
                self.publisher.failed(time::now());
            }
        }
    }
}

/// The outcome of a task that may not be there: then it never comes.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(handle) => {
            let outcome = handle.await;
            *task = None;
            outcome
        }
        None => std::future::pending().await,
    }
}

//! `eth_subscribe`: new heads, logs, pending transactions. Each subscription is a task of its own that reads
//! a bounded channel of the node and writes to the bounded buffer of its connection. It waits for room there:
//! a client that keeps reading gets everything, however much a block has. The node never waits for it: when
//! the channel runs over, or the client reads nothing for a while, the subscription ends with an error that
//! says so, and its connection is closed, which clients notice.

use crate::api::{Api, Json, json};
use crate::arguments::{Argument, Arguments};
use crate::chain::SealedBlock;
use crate::connection::Closer;
use crate::error::RpcError;
use crate::filter::{FilterArgument, LogFilter};
use crate::hexadecimal::Fixed;
use crate::reply::{self, HeaderReply};
use jsonrpsee::RpcModule;
use jsonrpsee::core::SubscriptionError;
use jsonrpsee::server::{
    IdProvider, PendingSubscriptionSink, RegisterMethodError, SendTimeoutError, SubscriptionSink,
};
use jsonrpsee::types::{Params, SubscriptionId};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How long the error of a subscription that is dropped has to reach the client before the connection closes.
const CLOSING_GRACE: Duration = Duration::from_secs(1);

/// What somebody subscribes to.
enum Topic {
    NewHeads,
    Logs(LogFilter),
    PendingTransactions,
}

/// The first argument.
struct TopicName(String);

impl Argument for TopicName {
    fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map(Self).map_err(|_| "expected a string".to_owned())
    }
}

/// The second argument of `newPendingTransactions`: whole transactions are not given.
struct HashesOnly;

impl Argument for HashesOnly {
    fn read(json: &str) -> Result<Self, String> {
        match bool::read(json)? {
            false => Ok(Self),
            true => Err("only hashes are given: ask for each with eth_getTransactionByHash".to_owned()),
        }
    }
}

fn read_topic(params: &Params<'_>) -> Result<Topic, RpcError> {
    let arguments = Arguments::parse(params, 2)?;
    let TopicName(name) = arguments.required(0, "subscription")?;
    match name.as_str() {
        "newHeads" => Ok(Topic::NewHeads),
        "logs" => {
            let filter: Option<FilterArgument> = arguments.optional(1, "filter")?;
            Ok(Topic::Logs(filter.map(|argument| argument.filter).unwrap_or_default()))
        }
        "newPendingTransactions" => {
            let _: Option<HashesOnly> = arguments.optional(1, "whole transactions")?;
            Ok(Topic::PendingTransactions)
        }
        other => {
            let known = "newHeads, logs, newPendingTransactions";
            let message = format!("invalid argument 0 (subscription): {other:?} is none of {known}");
            Err(RpcError::new(crate::error::INVALID_PARAMS, message))
        }
    }
}

/// Registers `eth_subscribe` and `eth_unsubscribe`.
pub(crate) fn register(module: &mut RpcModule<Api>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, api, extensions| async move {
            let closer = extensions.get::<Closer>().cloned();
            serve(&params, pending, &api, closer).await
        },
    )?;
    Ok(())
}

async fn serve(
    params: &Params<'_>,
    pending: PendingSubscriptionSink,
    api: &Api,
    closer: Option<Closer>,
) -> Result<(), SubscriptionError> {
    let topic = match read_topic(params) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let wait_max = Duration::from_millis(api.config.notification_wait_ms_max);
    // The channel is joined before the client learns its subscription: nothing is missed in between.
    let ended = match topic {
        Topic::NewHeads => {
            let blocks = api.chain.subscribe_blocks();
            let sink = accept(pending).await?;
            follow(sink, blocks, wait_max, |block: &Arc<SealedBlock>| {
                once(json(&HeaderReply::new(block.hash, &block.block.header)))
            })
            .await
        }
        Topic::Logs(filter) => {
            let blocks = api.chain.subscribe_blocks();
            let sink = accept(pending).await?;
            let filter = Arc::new(filter);
            follow(sink, blocks, wait_max, |block: &Arc<SealedBlock>| matching_logs(block, &filter)).await
        }
        Topic::PendingTransactions => {
            let hashes = api.chain.subscribe_pending();
            let sink = accept(pending).await?;
            follow(sink, hashes, wait_max, |hash| once(json(&Fixed::from(*hash)))).await
        }
    };
    if let (Err(_), Some(closer)) = (&ended, closer) {
        closer.close_after(CLOSING_GRACE);
    }
    ended
}

async fn accept(pending: PendingSubscriptionSink) -> Result<SubscriptionSink, SubscriptionError> {
    Ok(pending.accept().await?)
}

/// The notifications of an event: made one by one, as there is room for them.
type Notifications<'a> = Box<dyn Iterator<Item = Result<Json, RpcError>> + Send + 'a>;

fn once<'a>(notification: Result<Json, RpcError>) -> Notifications<'a> {
    Box::new(std::iter::once(notification))
}

fn matching_logs<'a>(block: &'a SealedBlock, filter: &Arc<LogFilter>) -> Notifications<'a> {
    if !filter.bloom_query().accepts(&block.block.header.logs_bloom) {
        return Box::new(std::iter::empty());
    }
    let filter = Arc::clone(filter);
    Box::new(reply::logs(block, move |log| filter.accepts(log)).map(|log| json(&log)))
}

/// Forwards events until the client leaves, the node ends, or the client falls behind: further than the
/// channel reaches, or at one notification for longer than `wait_max`.
async fn follow<T: Clone>(
    sink: SubscriptionSink,
    mut events: broadcast::Receiver<T>,
    wait_max: Duration,
    notifications: impl for<'a> Fn(&'a T) -> Notifications<'a>,
) -> Result<(), SubscriptionError> {
    loop {
        let event = tokio::select! {
            () = sink.closed() => return Ok(()),
            event = events.recv() => event,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Closed) => return Ok(()),
            Err(RecvError::Lagged(lost)) => {
                return Err(dropped(&format!("the client is {lost} events too far behind")));
            }
        };
        for notification in notifications(&event) {
            let notification = notification.map_err(|error| SubscriptionError::from(error.message))?;
            match sink.send_timeout(notification, wait_max).await {
                Ok(()) => {}
                Err(SendTimeoutError::Closed(_)) => return Ok(()),
                Err(SendTimeoutError::Timeout(_)) => {
                    return Err(dropped(&format!("the client read nothing for {wait_max:?}")));
                }
            }
        }
    }
}

fn dropped(reason: &str) -> SubscriptionError {
    SubscriptionError::from(format!("subscription dropped: {reason}"))
}

/// Names subscriptions by quantities that are hard to guess.
#[derive(Debug, Default)]
pub(crate) struct QuantityIds {
    made: AtomicU64,
    secret: RandomState,
}

impl IdProvider for QuantityIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let [high, low] = [0u8, 1].map(|half| self.secret.hash_one((made, half)));
        // The highest bit keeps the length.
        SubscriptionId::Str(format!("0x{:016x}{low:016x}", high | 1 << 63).into())
    }
}

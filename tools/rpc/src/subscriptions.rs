//! `eth_subscribe`: new heads, logs, pending transactions. Each subscription is a task of its own that reads
//! a bounded channel of the node and writes to the bounded buffer of its connection. Neither ever waits for
//! it: when one of the two is full the subscription ends, with an error that says so.

use crate::api::{Api, Json, json};
use crate::arguments::{Argument, Arguments};
use crate::chain::SealedBlock;
use crate::error::RpcError;
use crate::filter::{FilterArgument, LogFilter};
use crate::hexadecimal::Fixed;
use crate::reply::{self, HeaderReply};
use jsonrpsee::RpcModule;
use jsonrpsee::core::SubscriptionError;
use jsonrpsee::server::{
    IdProvider, PendingSubscriptionSink, RegisterMethodError, SubscriptionSink, TrySendError,
};
use jsonrpsee::types::{Params, SubscriptionId};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

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
        |params, pending, api, _| async move { serve(&params, pending, &api).await },
    )?;
    Ok(())
}

async fn serve(
    params: &Params<'_>,
    pending: PendingSubscriptionSink,
    api: &Api,
) -> Result<(), SubscriptionError> {
    let topic = match read_topic(params) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    // The channel is joined before the client learns its subscription: nothing is missed in between.
    match topic {
        Topic::NewHeads => {
            let blocks = api.chain.subscribe_blocks();
            follow(accept(pending).await?, blocks, |block| {
                Ok(vec![json(&HeaderReply::new(block.hash, &block.block.header))?])
            })
            .await
        }
        Topic::Logs(filter) => {
            let blocks = api.chain.subscribe_blocks();
            follow(accept(pending).await?, blocks, |block| matching_logs(block, &filter)).await
        }
        Topic::PendingTransactions => {
            let hashes = api.chain.subscribe_pending();
            follow(accept(pending).await?, hashes, |hash| Ok(vec![json(&Fixed::from(*hash))?])).await
        }
    }
}

async fn accept(pending: PendingSubscriptionSink) -> Result<SubscriptionSink, SubscriptionError> {
    Ok(pending.accept().await?)
}

fn matching_logs(block: &Arc<SealedBlock>, filter: &LogFilter) -> Result<Vec<Json>, RpcError> {
    if !filter.bloom_query().accepts(&block.block.header.logs_bloom) {
        return Ok(Vec::new());
    }
    reply::logs(block, &|log| filter.accepts(log)).map(|log| json(&log)).collect()
}

/// Forwards events until the client leaves, the node ends, or one of the two falls behind.
async fn follow<T: Clone>(
    mut sink: SubscriptionSink,
    mut events: broadcast::Receiver<T>,
    messages: impl Fn(&T) -> Result<Vec<Json>, RpcError>,
) -> Result<(), SubscriptionError> {
    loop {
        let event = tokio::select! {
            () = sink.closed() => return Ok(()),
            event = events.recv() => event,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Closed) => return Ok(()),
            Err(RecvError::Lagged(lost)) => return Err(fell_behind(lost)),
        };
        let messages = messages(&event).map_err(|error| SubscriptionError::from(error.message))?;
        let count = messages.len() as u64;
        for (sent, message) in (0..count).zip(messages) {
            match sink.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => return Ok(()),
                Err(TrySendError::Full(_)) => return Err(fell_behind(count - sent)),
            }
        }
    }
}

fn fell_behind(lost: u64) -> SubscriptionError {
    SubscriptionError::from(format!("subscription dropped: the client is {lost} messages behind"))
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

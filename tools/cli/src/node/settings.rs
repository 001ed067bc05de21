//! The settings of a node: a TOML file, over which go the environment and then the command line.
//!
//! [`TEMPLATE`] names every key with its default and what it means; a test holds it and [`Settings`] together. A key that
//! is not there is an error.

use super::keys::KeySource;
use anyhow::{Context as _, ensure};
use millrace_node::{Cors, HANDOVER_MARGIN_S, RpcConfig};
use millrace_sequencing::{pool, publisher};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// A file of settings with all that there is, at its default.
pub(crate) const TEMPLATE: &str = include_str!("template.toml");

/// All settings.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) rollup: Rollup,
    pub(crate) rpc: Rpc,
    pub(crate) sequencer: Sequencer,
    pub(crate) observer: Observer,
    pub(crate) publication: Publication,
    pub(crate) pool: Pool,
}

/// Which rollup.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rollup {
    pub(crate) node: String,
    pub(crate) origin: PathBuf,
    pub(crate) preimages_endpoints: Vec<String>,
}

/// Where JSON-RPC is served.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rpc {
    pub(crate) listen: SocketAddr,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) connections_max: u32,
    pub(crate) batch_requests_max: u32,
    pub(crate) request_size_bytes_max: u32,
    pub(crate) response_size_bytes_max: u32,
    pub(crate) call_time_ms_max: u64,
    pub(crate) logs_max: usize,
}

/// How blocks are made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sequencer {
    #[serde(serialize_with = "key_sources_out", deserialize_with = "key_sources_in")]
    pub(crate) keys: Vec<KeySource>,
    pub(crate) slot_ms: u64,
    pub(crate) empty_block_ms: u64,
    pub(crate) handover_margin_s: u64,
}

/// Whom an observer follows.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Observer {
    pub(crate) upstreams: Vec<String>,
}

/// How blueprints get to the layer 1.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Publication {
    pub(crate) lag_blocks_free: u64,
    pub(crate) lag_blocks_max: u64,
    pub(crate) resend_after_levels: u32,
}

/// What the pool holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pool {
    pub(crate) transactions_max: usize,
    pub(crate) per_sender_max: usize,
    pub(crate) size_bytes_max: usize,
    pub(crate) price_bump_percent: u64,
    pub(crate) queued_lifetime_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("millrace-node"),
            rollup: Rollup::default(),
            rpc: Rpc::default(),
            sequencer: Sequencer::default(),
            observer: Observer::default(),
            publication: Publication::default(),
            pool: Pool::default(),
        }
    }
}

impl Default for Rollup {
    fn default() -> Self {
        let node = "http://127.0.0.1:8932".to_owned();
        Self { node, origin: PathBuf::from("dist"), preimages_endpoints: Vec::new() }
    }
}

impl Default for Rpc {
    fn default() -> Self {
        let RpcConfig {
            connections_max,
            batch_requests_max,
            request_size_bytes_max,
            response_size_bytes_max,
            call_time_ms_max,
            logs_max,
            ..
        } = RpcConfig::default();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_545)),
            cors_origins: vec![ANY_ORIGIN.to_owned()],
            connections_max,
            batch_requests_max,
            request_size_bytes_max,
            response_size_bytes_max,
            call_time_ms_max,
            logs_max,
        }
    }
}

impl Default for Sequencer {
    fn default() -> Self {
        Self { keys: Vec::new(), slot_ms: 500, empty_block_ms: 5_000, handover_margin_s: HANDOVER_MARGIN_S }
    }
}

impl Default for Publication {
    fn default() -> Self {
        let publisher::Limits { lag_blocks_free, lag_blocks_max, resend_after_levels, .. } =
            publisher::Limits::default();
        Self { lag_blocks_free, lag_blocks_max, resend_after_levels }
    }
}

impl Default for Pool {
    fn default() -> Self {
        let pool::Limits {
            transactions_max,
            per_sender_max,
            size_bytes_max,
            price_bump_percent,
            queued_lifetime_ms,
            ..
        } = pool::Limits::default();
        Self { transactions_max, per_sender_max, size_bytes_max, price_bump_percent, queued_lifetime_ms }
    }
}

/// Every web page may call.
const ANY_ORIGIN: &str = "*";

impl Rpc {
    pub(crate) fn config(&self) -> RpcConfig {
        let any = self.cors_origins.iter().any(|origin| origin == ANY_ORIGIN);
        RpcConfig {
            listen: self.listen,
            cors: if any { Cors::Any } else { Cors::Origins(self.cors_origins.clone()) },
            connections_max: self.connections_max,
            batch_requests_max: self.batch_requests_max,
            request_size_bytes_max: self.request_size_bytes_max,
            response_size_bytes_max: self.response_size_bytes_max,
            call_time_ms_max: self.call_time_ms_max,
            logs_max: self.logs_max,
            ..RpcConfig::default()
        }
    }
}

impl Publication {
    pub(crate) fn limits(&self) -> publisher::Limits {
        let Self { lag_blocks_free, lag_blocks_max, resend_after_levels } = *self;
        publisher::Limits {
            lag_blocks_free,
            lag_blocks_max,
            resend_after_levels,
            ..publisher::Limits::default()
        }
    }
}

impl Pool {
    pub(crate) fn limits(&self) -> pool::Limits {
        pool::Limits {
            transactions_max: self.transactions_max,
            per_sender_max: self.per_sender_max,
            size_bytes_max: self.size_bytes_max,
            price_bump_percent: self.price_bump_percent,
            queued_lifetime_ms: self.queued_lifetime_ms,
            ..pool::Limits::default()
        }
    }
}

impl Settings {
    /// Reads a file strictly; without one, the defaults.
    pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        Self::parse(&text).with_context(|| format!("in {shown}"))
    }

    /// Reads a text. Mistakes are told with their line.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Refuses what no node can work with.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Self { sequencer, publication, .. } = self;
        ensure!(sequencer.slot_ms > 0, "sequencer.slot_ms is 0");
        let Publication { lag_blocks_free, lag_blocks_max, resend_after_levels } = publication;
        ensure!(
            lag_blocks_free < lag_blocks_max,
            "publication.lag_blocks_free ({lag_blocks_free}) must be less than publication.lag_blocks_max ({lag_blocks_max})"
        );
        ensure!(*resend_after_levels > 0, "publication.resend_after_levels is 0");
        Ok(())
    }
}

fn key_sources_out<S: Serializer>(sources: &[KeySource], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(sources.iter().map(ToString::to_string))
}

fn key_sources_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeySource>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_everything_at_its_default() {
        assert_eq!(Settings::parse(TEMPLATE).unwrap(), Settings::default());
        let written = toml::to_string(&Settings::default()).unwrap();
        let all: toml::Table = written.parse().unwrap();
        let template: toml::Table = TEMPLATE.parse().unwrap();
        assert_eq!(all, template, "a key is not in the template");
        assert!(Settings::default().check().is_ok());
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, words) in [
            ("[rpc]\nlisten = \"nowhere\"", ["line 2", "listen"]),
            ("[rpc]\nlisten = \"127.0.0.1:1\"\nport = 3", ["line 3", "port"]),
            ("data_dir = 3", ["line 1", "data_dir"]),
            ("[sequencer]\nkeys = [\"secret\"]", ["line 2", "file:<path>"]),
            ("[rollup", ["line 1", "rollup"]),
        ] {
            let error = format!("{:#}", Settings::parse(text).unwrap_err());
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (text, word) in [
            ("[sequencer]\nslot_ms = 0", "slot_ms"),
            ("[publication]\nlag_blocks_max = 3", "lag_blocks_free"),
            ("[publication]\nresend_after_levels = 0", "resend_after_levels"),
        ] {
            let error = Settings::parse(text).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}

//! Which logs somebody wants.

use crate::arguments::{Argument, BlockParameter, field};
use crate::bloom::Bits;
use millrace_primitives::{Address, BlockHash, Bloom, H256, Log};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most addresses of a filter.
const ADDRESSES_MAX: usize = 1_000;
/// The most positions of topics: what a log can have.
const TOPICS_MAX: usize = 4;
/// The most alternatives at one position.
const ALTERNATIVES_MAX: usize = 1_000;

/// The blocks to search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blocks {
    /// One block (EIP-234).
    One(BlockHash),
    /// From one to another, both included; `None` is the last one.
    Span { from: Option<BlockParameter>, to: Option<BlockParameter> },
}

/// Addresses and topics; an empty list stands for anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogFilter {
    addresses: Vec<Address>,
    topics: Vec<Vec<H256>>,
}

impl LogFilter {
    /// Whether a log is wanted.
    pub(crate) fn accepts(&self, log: &Log) -> bool {
        let address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        address
            && self.topics.len() <= log.topics.len()
            && self
                .topics
                .iter()
                .zip(&log.topics)
                .all(|(wanted, topic)| wanted.is_empty() || wanted.contains(topic))
    }

    /// The same question for a whole block, from its bloom: false is certain, true is not.
    pub(crate) fn bloom_query(&self) -> BloomQuery {
        let addresses = self.addresses.iter().map(|address| Bits::of(address.as_bytes())).collect();
        let topics =
            self.topics.iter().map(|wanted| wanted.iter().map(|topic| Bits::of(topic.as_bytes())).collect());
        let groups = std::iter::once(addresses).chain(topics).filter(|group: &Vec<Bits>| !group.is_empty());
        BloomQuery(groups.collect())
    }
}

/// One of each group must be in the bloom.
pub(crate) struct BloomQuery(Vec<Vec<Bits>>);

impl BloomQuery {
    pub(crate) fn accepts(&self, bloom: &Bloom) -> bool {
        self.0.iter().all(|group| group.iter().any(|bits| bits.in_bloom(bloom)))
    }
}

/// The filter object of `eth_getLogs`, `eth_newFilter` and the subscription to logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FilterArgument {
    pub(crate) blocks: Blocks,
    pub(crate) filter: LogFilter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterFields<'a> {
    #[serde(borrow)]
    from_block: Option<&'a RawValue>,
    #[serde(borrow)]
    to_block: Option<&'a RawValue>,
    #[serde(borrow)]
    block_hash: Option<&'a RawValue>,
    #[serde(borrow)]
    address: Option<&'a RawValue>,
    #[serde(borrow)]
    topics: Option<&'a RawValue>,
}

impl Argument for FilterArgument {
    fn read(json: &str) -> Result<Self, String> {
        let fields: FilterFields<'_> =
            serde_json::from_str(json).map_err(|_| "expected a filter object".to_owned())?;
        let from = field(fields.from_block, "fromBlock")?;
        let to = field(fields.to_block, "toBlock")?;
        let blocks = match field(fields.block_hash, "blockHash")? {
            Some(_) if from.is_some() || to.is_some() => {
                return Err("blockHash excludes fromBlock and toBlock".to_owned());
            }
            Some(hash) => Blocks::One(hash),
            None => Blocks::Span { from, to },
        };
        let addresses = match present(fields.address) {
            None => Vec::new(),
            Some(value) => {
                one_or_many(value, ADDRESSES_MAX).map_err(|reason| format!("address: {reason}"))?
            }
        };
        let topics = match present(fields.topics) {
            None => Vec::new(),
            Some(value) => read_topics(value).map_err(|reason| format!("topics: {reason}"))?,
        };
        Ok(Self { blocks, filter: LogFilter { addresses, topics } })
    }
}

fn present(value: Option<&RawValue>) -> Option<&RawValue> {
    value.filter(|value| value.get() != "null")
}

/// A value or a list of values.
fn one_or_many<T: Argument>(value: &RawValue, count_max: usize) -> Result<Vec<T>, String> {
    if !value.get().starts_with('[') {
        return Ok(vec![T::read(value.get())?]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
    if items.len() > count_max {
        return Err(format!("more than {count_max} values"));
    }
    items.into_iter().map(|item| T::read(item.get())).collect()
}

/// Each position: null for anything, one topic, or alternatives; null among them is anything again.
fn read_topics(value: &RawValue) -> Result<Vec<Vec<H256>>, String> {
    let positions: Vec<Option<&RawValue>> =
        serde_json::from_str(value.get()).map_err(|_| "expected an array".to_owned())?;
    if positions.len() > TOPICS_MAX {
        return Err(format!("more than {TOPICS_MAX} positions"));
    }
    positions
        .into_iter()
        .map(|position| match present(position) {
            None => Ok(Vec::new()),
            Some(value) if value.get().starts_with('[') => {
                let items: Vec<Option<&RawValue>> =
                    serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
                let anything = items.iter().any(|item| present(*item).is_none());
                if anything { Ok(Vec::new()) } else { one_or_many(value, ALTERNATIVES_MAX) }
            }
            Some(value) => one_or_many(value, ALTERNATIVES_MAX),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bloom;

    fn hexadecimal(byte: u8, size_bytes: usize) -> String {
        format!("\"0x{}\"", hex::encode(vec![byte; size_bytes]))
    }

    fn log() -> Log {
        Log {
            address: Address::repeat_byte(0xa),
            topics: vec![H256::repeat_byte(1), H256::repeat_byte(2)],
            data: vec![],
        }
    }

    #[test]
    fn logs_and_their_blooms_are_matched_by_address_and_topics() {
        let (a, b) = (hexadecimal(0xa, 20), hexadecimal(0xb, 20));
        let [one, two, three] = [1, 2, 3].map(|byte| hexadecimal(byte, 32));
        let table = [
            ("{}".to_owned(), true),
            (format!(r#"{{"address":{a}}}"#), true),
            (format!(r#"{{"address":{b}}}"#), false),
            (format!(r#"{{"address":[{b},{a}]}}"#), true),
            (r#"{"address":null,"topics":null}"#.to_owned(), true),
            (r#"{"address":[],"topics":[]}"#.to_owned(), true),
            (format!(r#"{{"topics":[{one}]}}"#), true),
            (format!(r#"{{"topics":[{two}]}}"#), false),
            (format!(r#"{{"topics":[null,{two}]}}"#), true),
            (format!(r#"{{"topics":[[{three},{one}],{two}]}}"#), true),
            (format!(r#"{{"topics":[[{three},null]]}}"#), true),
            (r#"{"topics":[[]]}"#.to_owned(), true),
            (r#"{"topics":[null,null]}"#.to_owned(), true),
            (r#"{"topics":[null,null,null]}"#.to_owned(), false),
            (format!(r#"{{"address":{a},"topics":[{one},{three}]}}"#), false),
        ];
        let bloom = bloom::of_logs(&[log()]);
        for (json, wanted) in table {
            let filter = FilterArgument::read(&json).expect(&json).filter;
            assert_eq!(filter.accepts(&log()), wanted, "{json}");
            // The bloom may say yes too often, never no wrongly.
            assert!(filter.bloom_query().accepts(&bloom) || !wanted, "{json}");
        }
        let filter = FilterArgument::read(&format!(r#"{{"address":{b}}}"#)).expect("reads").filter;
        assert!(!filter.bloom_query().accepts(&bloom));
    }

    #[test]
    fn malformed_filters_say_which_field() {
        let many = format!("[{}]", vec![hexadecimal(0xa, 20); ADDRESSES_MAX + 1].join(","));
        let hash = hexadecimal(7, 32);
        let table = [
            ("[]".to_owned(), "object"),
            (r#"{"address":"0x12"}"#.to_owned(), "address: expected 20 bytes"),
            (format!(r#"{{"address":{many}}}"#), "address: more than"),
            (r#"{"topics":"0x12"}"#.to_owned(), "topics: expected an array"),
            (r#"{"topics":["0x12"]}"#.to_owned(), "topics: expected 32 bytes"),
            (r#"{"topics":[null,null,null,null,null]}"#.to_owned(), "topics: more than"),
            (r#"{"fromBlock":"soon"}"#.to_owned(), "fromBlock: expected a block"),
            (format!(r#"{{"blockHash":{hash},"toBlock":"0x1"}}"#), "blockHash excludes"),
        ];
        for (json, reason) in table {
            let refusal = FilterArgument::read(&json).expect_err(&json);
            assert!(refusal.contains(reason), "{json}: {refusal}");
        }
    }
}

//! GeneralStateTests: one transaction on a small world, and the state root and logs that Ethereum comes to.
//!
//! The transaction is read from its bytes where the fixture has them, and compared with the fields; otherwise, or when
//! it is larger than the kernel reads, it is signed here. It runs under Ethereum's fees ([`Fees::ethereum`]).

mod environment;
mod fields;

use crate::exceptions::{self, Refusal};
use crate::read::{self, FixtureError};
use crate::world::World;
use environment::{Environment, RawConfiguration, RawEnvironment};
use fields::{Fields, Indexes};
use millrace_evm::block::encode_logs;
use millrace_evm::{
    BlockEnvironment, DecodeError, Fees, Outcome, Recovered, SignedTransaction, State, TRANSACTION_BYTES_MAX,
    Transaction, TransactionError, keccak, transact,
};
use millrace_primitives::{Fork, H256};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Raw {
    env: RawEnvironment,
    pre: Value,
    transaction: Fields,
    post: BTreeMap<String, Vec<RawPost>>,
    #[serde(default)]
    config: RawConfiguration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPost {
    hash: String,
    logs: String,
    txbytes: Option<String>,
    indexes: Indexes,
    expect_exception: Option<String>,
    state: Option<Value>,
}

/// A test of GeneralStateTests.
#[derive(Debug)]
pub struct StateTest {
    environment: Environment,
    before: World,
    fields: Fields,
}

/// What is to come out under one fork, for one choice of data, gas limit and value.
#[derive(Debug)]
pub struct Post {
    /// The rules.
    pub fork: Fork,
    root: H256,
    logs: H256,
    bytes: Option<Vec<u8>>,
    indexes: Indexes,
    exception: Option<String>,
    after: Option<World>,
}

/// The entries of a test by the name of their fork.
pub type Entries = BTreeMap<String, Vec<RawEntry>>;

/// An entry that was not looked at yet.
pub struct RawEntry(RawPost);

impl RawEntry {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no entry.
    pub fn parse(self, fork: Fork) -> Result<Post, FixtureError> {
        let raw = self.0;
        Ok(Post {
            fork,
            root: read::digest(&raw.hash)?,
            logs: read::digest(&raw.logs)?,
            bytes: raw.txbytes.as_deref().map(read::bytes).transpose()?,
            indexes: raw.indexes,
            exception: raw.expect_exception,
            after: raw.state.map(World::parse).transpose()?,
        })
    }
}

impl Post {
    /// Where it stands in its test.
    pub fn place(&self) -> String {
        let Indexes { data, gas, value } = self.indexes;
        format!("{} d{data} g{gas} v{value}", self.fork.name())
    }

    /// The state root that Ethereum comes to.
    pub const fn root(&self) -> H256 {
        self.root
    }

    /// Whether Ethereum takes the transaction.
    pub const fn is_valid(&self) -> bool {
        self.exception.is_none()
    }
}

/// What came of a transaction that was taken.
struct Executed {
    outcome: Outcome,
    after: World,
}

impl StateTest {
    /// Reads a test, its entries apart.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(test: Value) -> Result<(Self, Entries), FixtureError> {
        let raw: Raw = serde_json::from_value(test)?;
        let test = Self {
            environment: Environment::parse(&raw.env, &raw.config)?,
            before: World::parse(raw.pre)?,
            fields: raw.transaction,
        };
        let entries =
            raw.post.into_iter().map(|(fork, posts)| (fork, posts.into_iter().map(RawEntry).collect()));
        Ok((test, entries.collect()))
    }

    /// The type of the transaction (EIP-2718), by its first byte or its fields.
    pub fn transaction_type(&self, post: &Post) -> u8 {
        let first = post.bytes.as_ref().and_then(|bytes| bytes.first().copied());
        first.map_or_else(
            || self.fields.transaction_type(post.indexes),
            |first| if first < 0x80 { first } else { 0 },
        )
    }

    /// The accounts before the transaction.
    pub const fn before(&self) -> &World {
        &self.before
    }

    /// The block that an entry runs in.
    pub fn block(&self, post: &Post) -> BlockEnvironment {
        self.environment.block(post.fork)
    }

    /// The bytes of the transaction of an entry, signed here where the fixture has none.
    ///
    /// # Errors
    /// When the fields are no transaction.
    pub fn transaction_bytes(&self, post: &Post) -> Result<Vec<u8>, FixtureError> {
        match &post.bytes {
            Some(bytes) => Ok(bytes.clone()),
            None => {
                let transaction = self.fields.transaction(post.indexes, self.environment.chain_id())?;
                Ok(self.fields.sign(transaction)?.encode())
            }
        }
    }

    /// Runs one entry.
    ///
    /// # Errors
    /// What differs; with `verbose` down to the accounts.
    pub fn run(&self, post: &Post, verbose: bool) -> Result<(), String> {
        let recovered = match self.recovered(post)? {
            Ok(recovered) => recovered,
            Err(refusal) => return self.compare_refusal(post, &refusal, &self.before),
        };
        let mut state = State::new(&self.before);
        let block = self.environment.block(post.fork);
        let result = transact(&mut state, &block, &Fees::ethereum(post.fork), &recovered);
        let after = self.before.after(&state.changes());
        match result {
            Ok(outcome) => self.compare(post, &Executed { outcome, after }, verbose),
            Err(TransactionError::Invalid(invalid)) => {
                self.compare_refusal(post, &Refusal::Invalid(invalid), &after)
            }
            Err(TransactionError::Reader(error)) => Err(format!("the state could not be read: {error:?}")),
        }
    }

    /// The transaction and its sender, or why the kernel refuses the bytes.
    fn recovered(&self, post: &Post) -> Result<Result<Recovered, Refusal>, String> {
        let signed = match self.signed(post)? {
            Ok(signed) => signed,
            Err(error) => return Ok(Err(Refusal::Decode(error))),
        };
        let Ok(recovered) = signed.recover() else { return Ok(Err(Refusal::Recover)) };
        match self.fields.sender().map_err(|error| error.to_string())? {
            Some(sender) if sender != recovered.sender() => {
                Err(format!("recovered the sender {:?}, not {sender:?}", recovered.sender()))
            }
            _ => Ok(Ok(recovered)),
        }
    }

    fn signed(&self, post: &Post) -> Result<Result<SignedTransaction, DecodeError>, String> {
        let said = |error: FixtureError| error.to_string();
        let chain_id = self.environment.chain_id();
        let by_fields = self.fields.transaction(post.indexes, chain_id);
        match &post.bytes {
            Some(bytes) if bytes.len() <= TRANSACTION_BYTES_MAX => {
                let decoded = SignedTransaction::decode(bytes, chain_id);
                if let Ok(signed) = &decoded {
                    same(signed.transaction(), &by_fields.map_err(said)?)?;
                }
                Ok(decoded)
            }
            // Larger ones are refused by the kernel, not by Ethereum: what they do can still be compared.
            Some(bytes) => self.signed_as(bytes, by_fields.map_err(said)?).map(Ok),
            None => by_fields.and_then(|fields| self.fields.sign(fields)).map(Ok).map_err(said),
        }
    }

    /// The fields, signed so that these bytes come out. Whether a legacy transaction names its chain is not in the fields.
    fn signed_as(&self, bytes: &[u8], fields: Transaction) -> Result<SignedTransaction, String> {
        let named = Transaction { chain_id: Some(self.environment.chain_id()), ..fields.clone() };
        for transaction in [fields, named] {
            let signed = self.fields.sign(transaction).map_err(|error| error.to_string())?;
            if signed.encode() == bytes {
                return Ok(signed);
            }
        }
        Err("the bytes are not those of the fields, signed".to_owned())
    }

    fn compare_refusal(&self, post: &Post, refusal: &Refusal, after: &World) -> Result<(), String> {
        let Some(names) = &post.exception else { return Err(format!("refused: {refusal:?}")) };
        exceptions::check(refusal, names)?;
        if *after != self.before || after.root() != post.root {
            return Err(format!("the state root is {:?}, not {:?}", after.root(), post.root));
        }
        Ok(())
    }

    fn compare(&self, post: &Post, executed: &Executed, verbose: bool) -> Result<(), String> {
        if let Some(names) = &post.exception {
            return Err(format!("taken, though it is {names}"));
        }
        let Executed { outcome, after } = executed;
        let root = after.root();
        let logs = keccak(&encode_logs(&outcome.logs));
        let mut differs = Vec::new();
        if root != post.root {
            differs.push(format!("state root {root:?}, not {:?}", post.root));
        }
        if logs != post.logs {
            differs.push(format!("hash of {} logs {logs:?}, not {:?}", outcome.logs.len(), post.logs));
        }
        if differs.is_empty() {
            return Ok(());
        }
        let end = outcome.halt.map_or("succeeded".to_owned(), |halt| format!("{halt:?}"));
        differs.push(format!("gas used {}, {end}", outcome.gas_used.get()));
        if verbose {
            let (from, whole) = match &post.after {
                Some(expected) => ("what it should be", expected),
                None => ("what it was before", &self.before),
            };
            differs.push(format!("against {from}:"));
            differs.extend(whole.differences(after).into_iter().map(|line| format!("  {line}")));
        }
        Err(differs.join("\n    "))
    }
}

/// Checks that the bytes say what the fields say; whether a legacy transaction names its chain is not in the fields.
fn same(decoded: &Transaction, by_fields: &Transaction) -> Result<(), String> {
    let by_fields = Transaction { chain_id: decoded.chain_id, ..by_fields.clone() };
    if *decoded == by_fields {
        return Ok(());
    }
    Err(format!("the bytes say {decoded:?}, the fields {by_fields:?}"))
}

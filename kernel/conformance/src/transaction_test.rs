//! TransactionTests: bytes that are a transaction, with its hash, sender and intrinsic gas under each fork, or
//! why they are none.

use crate::exceptions::{self, Refusal};
use crate::read::{self, FixtureError};
use crate::world::World;
use millrace_evm::execute::{TransactionError, validate};
use millrace_evm::{BlockEnvironment, Fees, Invalid, Recovered, SignedTransaction, State};
use millrace_primitives::{Address, BlockNumber, Fork, Gas, H256, Timestamp, U256};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The chain that the transactions are for.
const CHAIN_ID: u64 = 1;

/// A test of TransactionTests.
#[derive(Debug)]
pub struct TransactionTest {
    bytes: Vec<u8>,
}

/// What is to come out under one fork.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A transaction.
    Transaction {
        /// Of the bytes.
        hash: H256,
        /// Who signed.
        sender: Address,
        /// Gas before the first opcode.
        intrinsic_gas: u64,
    },
    /// A refusal for this reason.
    Exception(String),
}

#[derive(Deserialize)]
struct Raw {
    txbytes: String,
    result: BTreeMap<String, RawResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawResult {
    hash: Option<String>,
    sender: Option<String>,
    intrinsic_gas: Option<String>,
    exception: Option<String>,
}

impl RawResult {
    fn parse(self) -> Result<Expected, FixtureError> {
        if let Some(exception) = self.exception {
            return Ok(Expected::Exception(exception));
        }
        Ok(Expected::Transaction {
            hash: read::digest(&self.hash.unwrap_or_default())?,
            sender: read::address(&self.sender.unwrap_or_default())?,
            intrinsic_gas: read::number_u64(&self.intrinsic_gas.unwrap_or_default())?,
        })
    }
}

impl TransactionTest {
    /// Reads `{ "txbytes": "0x…", "result": { fork: what is to come out } }`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(test: Value) -> Result<(Self, BTreeMap<String, Expected>), FixtureError> {
        let raw: Raw = serde_json::from_value(test)?;
        let bytes = read::bytes(&raw.txbytes)?;
        let results = raw.result.into_iter().map(|(fork, result)| Ok((fork, result.parse()?)));
        Ok((Self { bytes }, results.collect::<Result<_, FixtureError>>()?))
    }

    /// The type that the first byte says (EIP-2718).
    pub fn transaction_type(&self) -> Option<u8> {
        self.bytes.first().copied().filter(|byte| *byte < 0x80)
    }

    /// Runs it under one fork.
    ///
    /// # Errors
    /// What differs.
    pub fn run(&self, fork: Fork, expected: &Expected) -> Result<(), String> {
        match (self.read(fork), expected) {
            (Err(refusal), Expected::Exception(names)) => exceptions::check(&refusal, names),
            (Err(refusal), Expected::Transaction { .. }) => Err(format!("refused: {refusal:?}")),
            (Ok(_), Expected::Exception(names)) => Err(format!("taken, though it is {names}")),
            (Ok(taken), Expected::Transaction { hash, sender, intrinsic_gas: gas }) => {
                let found = (
                    H256::from(taken.hash()),
                    taken.sender(),
                    taken.transaction().shape().intrinsic_gas(fork),
                );
                let wanted = (*hash, *sender, *gas);
                let differs = || format!("hash, sender, intrinsic gas {found:?}, not {wanted:?}");
                if found == wanted { Ok(()) } else { Err(differs()) }
            }
        }
    }

    /// Decodes, recovers, and checks the rules that do not depend on the state: the sender is rich and has the
    /// right nonce.
    fn read(&self, fork: Fork) -> Result<Recovered, Refusal> {
        let chain_id = U256::from(CHAIN_ID);
        let signed = SignedTransaction::decode(&self.bytes, chain_id).map_err(|error| {
            // Before the fork of its type a transaction is refused whatever follows the type.
            let is_early = self.transaction_type() == Some(4) && fork < Fork::Prague;
            if is_early { Refusal::Invalid(Invalid::TypeNotInFork) } else { Refusal::Decode(error) }
        })?;
        let recovered = signed.recover().map_err(|_| Refusal::Recover)?;
        let world = World::of_one(recovered.sender(), recovered.transaction().nonce);
        let block = BlockEnvironment {
            number: BlockNumber::new(1),
            timestamp: Timestamp::new(1),
            beneficiary: Address::zero(),
            gas_limit: Gas::MAX,
            base_fee: U256::zero(),
            chain_id,
            prev_randao: H256::zero(),
            blob_base_fee: U256::one(),
            fork,
            ticketer: None,
        };
        match validate(&State::new(&world), &block, &Fees::ethereum(fork), &recovered) {
            Ok(()) => Ok(recovered),
            Err(TransactionError::Invalid(Invalid::CostOverflow)) if has_small_fee(&recovered) => {
                Ok(recovered)
            }
            Err(TransactionError::Invalid(invalid)) => Err(Refusal::Invalid(invalid)),
            Err(TransactionError::Reader(error)) => {
                unreachable!("nobody has code in this world, yet {error:?}")
            }
        }
    }
}

/// Whether the gas alone can be paid for: then it is for want of funds that the whole cannot, which is a matter of the
/// state.
fn has_small_fee(recovered: &Recovered) -> bool {
    let transaction = recovered.transaction();
    U256::from(transaction.gas_limit.get()).checked_mul(transaction.max_fee_per_gas).is_some()
}

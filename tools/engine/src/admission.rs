//! May this transaction wait for a block?

use crate::{Engine, EngineError, calls::base_fee_after, host::NativeHost, states::parameters};
use millrace_block::{WorldReader, charges};
use millrace_evm::{
    execute::{BlockEnvironment, Invalid, TransactionError, validate},
    state::State,
    transaction::{DecodeError, SignedTransaction, Transaction},
};
use millrace_layout::{parameters::Parameters, world::World};
use millrace_primitives::{Address, Gas, H256, Timestamp, TransactionHash, U256};
use millrace_pvm::durable::Durable;

/// A transaction that may wait for a block. Its nonce is the next one of its sender, or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its hash.
    pub hash: TransactionHash,
    /// Who signed it.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Most gas it may use, the part for data availability included.
    pub gas_limit: Gas,
    /// What is left of that for execution at the base fee of now.
    pub execution_gas_limit: Gas,
    /// Most wei it pays per gas.
    pub max_fee_per_gas: U256,
    /// Most wei that it can take from its sender.
    pub cost_max: U256,
}

/// What a transaction offers: whoever made it wants to know which of these was not enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Who sends it.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Most gas it may use.
    pub gas_limit: Gas,
    /// Most wei it pays per gas.
    pub max_fee_per_gas: U256,
}

/// Why a transaction may not wait for a block.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// Its bytes are no transaction for this chain.
    #[error("{0:?}")]
    Decode(DecodeError),
    /// No key made its signature.
    #[error("invalid signature")]
    Signature,
    /// It breaks a rule now, and waiting does not mend it.
    #[error("{invalid:?}")]
    Invalid {
        /// The rule.
        invalid: Invalid,
        /// What it offered.
        offered: Box<Offered>,
    },
    /// The state could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Checks a transaction against `state`, by the rules of the kernel for a block at `timestamp`. A nonce
    /// that is too high is no fault: what is missing may come.
    ///
    /// # Errors
    /// [`Rejected`] says what is wrong with it.
    pub fn admit(&self, state: &Durable, timestamp: Timestamp, bytes: &[u8]) -> Result<Admitted, Rejected> {
        let parameters = parameters(state)?;
        let decoded = SignedTransaction::decode(bytes, parameters.chain_id).map_err(Rejected::Decode)?;
        let recovered = decoded.recover().map_err(|_| Rejected::Signature)?;
        let host = NativeHost::reading(state)?;
        let environment = next_environment(&host, &parameters, timestamp)?;
        let charges = charges(&parameters);
        let overlay = State::new(WorldReader::new(&host));
        let (transaction, sender) = (recovered.transaction(), recovered.sender());
        let reject = |invalid| {
            let &Transaction { nonce, gas_limit, max_fee_per_gas, .. } = transaction;
            let offered = Offered { sender, nonce, gas_limit, max_fee_per_gas };
            Rejected::Invalid { invalid, offered: Box::new(offered) }
        };
        match validate(&overlay, &environment, &charges, &recovered) {
            Ok(()) | Err(TransactionError::Invalid(Invalid::NonceTooHigh { .. })) => {}
            Err(TransactionError::Invalid(invalid)) => return Err(reject(invalid)),
            Err(TransactionError::Reader(error)) => return Err(EngineError::Layout(error).into()),
        }
        let da_bytes = charges.da_bytes(&transaction.shape());
        let da_gas = charges.da_gas(da_bytes, environment.base_fee).unwrap_or(u64::MAX);
        let cost_max = U256::from(transaction.gas_limit.get())
            .saturating_mul(transaction.max_fee_per_gas)
            .saturating_add(transaction.value);
        let available = self.account(state, sender)?.unwrap_or_default().balance;
        if available < cost_max {
            return Err(reject(Invalid::InsufficientFunds { needed: cost_max, available }));
        }
        Ok(Admitted {
            hash: recovered.hash(),
            sender,
            nonce: transaction.nonce,
            gas_limit: transaction.gas_limit,
            execution_gas_limit: transaction
                .gas_limit
                .saturating_sub(da_gas)
                .min(charges.execution_gas_limit_max),
            max_fee_per_gas: transaction.max_fee_per_gas,
            cost_max,
        })
    }
}

/// What the transactions of the block after the head see, if it is made at `timestamp`.
pub(crate) fn next_environment(
    host: &NativeHost<'_>,
    parameters: &Parameters,
    timestamp: Timestamp,
) -> Result<BlockEnvironment, EngineError> {
    let head = World::Committed.head()?.require(host)?;
    Ok(BlockEnvironment {
        number: head.header.number.saturating_add(1),
        timestamp,
        beneficiary: head.header.beneficiary,
        gas_limit: head.header.gas_limit,
        base_fee: base_fee_after(&head, parameters, timestamp),
        chain_id: parameters.chain_id,
        prev_randao: H256::zero(),
        blob_base_fee: U256::one(),
        fork: parameters.fork,
        ticketer: parameters.contracts.ticketer,
    })
}

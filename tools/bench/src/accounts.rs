//! The accounts of the sandbox, and transactions signed by them.

use anyhow::Context as _;
use k256::ecdsa::SigningKey;
use millrace_engine::{Signature, Transaction, TransactionType, keccak};
use millrace_primitives::{Address, Gas, H256, U256};

/// The private keys of the ten accounts of the development mnemonic, which everybody knows.
const KEYS: [&str; 10] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
];

/// Who signs.
pub(crate) struct Account {
    key: SigningKey,
    pub(crate) address: Address,
}

/// What a benchmark transaction varies.
pub(crate) struct Ask {
    pub(crate) nonce: u64,
    pub(crate) to: Option<Address>,
    pub(crate) value: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) gas_limit: u64,
}

/// The ten accounts.
pub(crate) fn all() -> anyhow::Result<Vec<Account>> {
    KEYS.iter().map(|key| Account::new(key)).collect()
}

impl Account {
    fn new(key: &str) -> anyhow::Result<Self> {
        let key = hex::decode(key).ok().and_then(|key| SigningKey::from_slice(&key).ok());
        let key = key.context("not a private key")?;
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_slice(&keccak(&point.as_bytes()[1..]).as_bytes()[12..]);
        Ok(Self { key, address })
    }

    /// A signed EIP-1559 transaction for the sandbox.
    pub(crate) fn sign(&self, chain_id: U256, ask: Ask) -> anyhow::Result<Vec<u8>> {
        self.sign_at(chain_id, ask, U256::from(10_000_000_000u64))
    }

    /// The same that offers another fee for a gas.
    pub(crate) fn sign_at(&self, chain_id: U256, ask: Ask, max_fee_per_gas: U256) -> anyhow::Result<Vec<u8>> {
        self.sign_transaction(&Transaction {
            transaction_type: TransactionType::DynamicFee,
            chain_id: Some(chain_id),
            nonce: ask.nonce,
            gas_limit: Gas::new(ask.gas_limit),
            max_fee_per_gas,
            max_priority_fee_per_gas: U256::zero(),
            to: ask.to,
            value: U256::from(ask.value),
            data: ask.data,
            access_list: vec![],
            authorizations: Vec::new(),
        })
    }

    /// Any transaction, signed.
    pub(crate) fn sign_transaction(&self, transaction: &Transaction) -> anyhow::Result<Vec<u8>> {
        Ok(transaction.encode(&self.sign_digest(transaction.signing_hash())?))
    }

    /// Lets the account run the code of another; its first transaction or authorization.
    #[cfg(test)]
    pub(crate) fn authorize(
        &self,
        chain_id: U256,
        address: Address,
    ) -> anyhow::Result<millrace_engine::Authorization> {
        let (r, s) = (U256::zero(), U256::zero());
        let claim = millrace_engine::Authorization { chain_id, address, nonce: 0, y_parity: 0, r, s };
        let Signature { r, s, y_parity } = self.sign_digest(claim.signing_hash())?;
        Ok(millrace_engine::Authorization { y_parity: u8::from(y_parity), r, s, ..claim })
    }

    fn sign_digest(&self, digest: H256) -> anyhow::Result<Signature> {
        let signed = self.key.sign_prehash_recoverable(digest.as_bytes());
        let (signature, id) = signed.ok().context("cannot sign")?;
        let (r, s) = signature.split_bytes();
        let (r, s) = (U256::from_big_endian(&r), U256::from_big_endian(&s));
        Ok(Signature { r, s, y_parity: id.is_y_odd() })
    }
}

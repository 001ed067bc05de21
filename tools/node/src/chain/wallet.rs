//! Keys that the whole world knows: a chain for development signs for their accounts.

use super::calls::authorization_of;
use k256::ecdsa::{RecoveryId, Signature as Ecdsa, SigningKey};
use millrace_engine::{AccessListItem, Signature, Transaction, TransactionType, keccak};
use millrace_primitives::{Address, H256, U256};
use millrace_rpc::{Price, UnsignedTransaction, Wallet};

/// Accounts with their keys. Whoever reaches the JSON-RPC may spend what they have: never for a chain that is worth
/// anything.
#[derive(Clone)]
pub struct DevelopmentKeys(Vec<(Address, SigningKey)>);

/// 32 bytes that are no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("development key {index} is no private key")]
pub struct InvalidKey {
    /// Which, from 0.
    pub index: usize,
}

impl std::fmt::Debug for DevelopmentKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.accounts()).finish()
    }
}

impl DevelopmentKeys {
    /// Takes private keys, in the order in which `eth_accounts` shows their accounts.
    ///
    /// # Errors
    /// One is not a key of secp256k1.
    pub fn new(keys: &[[u8; 32]]) -> Result<Self, InvalidKey> {
        let account = |(index, key): (usize, &[u8; 32])| {
            let key = SigningKey::from_slice(key).map_err(|_| InvalidKey { index })?;
            Ok((address_of(&key), key))
        };
        keys.iter().enumerate().map(account).collect::<Result<_, _>>().map(Self)
    }

    /// `None` when there is no such account, or in the one case in 2^128 in which there is no signature.
    fn sign_with(&self, address: Address, digest: H256) -> Option<(Ecdsa, RecoveryId)> {
        let (_, key) = self.0.iter().find(|(own, _)| *own == address)?;
        key.sign_prehash_recoverable(&digest.0).ok()
    }
}

/// The last 20 bytes of the Keccak-256 of the public key.
fn address_of(key: &SigningKey) -> Address {
    let point = key.verifying_key().to_encoded_point(false);
    let coordinates = point.as_bytes().get(1..).unwrap_or_default();
    Address::from_slice(&keccak(coordinates).0[12..])
}

impl Wallet for DevelopmentKeys {
    fn accounts(&self) -> Vec<Address> {
        self.0.iter().map(|(address, _)| *address).collect()
    }

    fn sign(&self, address: Address, unsigned: &UnsignedTransaction) -> Option<Vec<u8>> {
        let transaction = transaction_of(unsigned);
        let (signature, parity) = self.sign_with(address, transaction.signing_hash())?;
        let (r, s) = signature.split_bytes();
        let signature = Signature {
            r: U256::from_big_endian(&r),
            s: U256::from_big_endian(&s),
            y_parity: parity.is_y_odd(),
        };
        Some(transaction.encode(&signature))
    }

    fn sign_digest(&self, address: Address, digest: H256) -> Option<[u8; 65]> {
        let (signature, parity) = self.sign_with(address, digest)?;
        let mut bytes = [27 + u8::from(parity.is_y_odd()); 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        Some(bytes)
    }
}

fn transaction_of(unsigned: &UnsignedTransaction) -> Transaction {
    let (transaction_type, max_fee_per_gas, max_priority_fee_per_gas) = match unsigned.price {
        Price::Fixed(price) if unsigned.access_list.is_empty() => (TransactionType::Legacy, price, price),
        Price::Fixed(price) => (TransactionType::AccessList, price, price),
        Price::Dynamic { fee_max, tip_max } => (TransactionType::DynamicFee, fee_max, tip_max),
    };
    // Only one type has authorizations, whatever is said about the price.
    let sets_code = !unsigned.authorizations.is_empty();
    let transaction_type = if sets_code { TransactionType::SetCode } else { transaction_type };
    let item = |(address, keys): &(Address, Vec<H256>)| AccessListItem {
        address: *address,
        storage_keys: keys.clone(),
    };
    Transaction {
        transaction_type,
        chain_id: Some(unsigned.chain_id),
        nonce: unsigned.nonce,
        gas_limit: unsigned.gas,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to: unsigned.to,
        value: unsigned.value,
        data: unsigned.data.clone(),
        access_list: unsigned.access_list.iter().map(item).collect(),
        authorizations: unsigned.authorizations.iter().map(authorization_of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::Gas;

    /// The first account of every development chain.
    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ADDRESS: &str = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";

    fn wallet() -> (DevelopmentKeys, Address) {
        let key = hex::decode(KEY).unwrap().try_into().unwrap();
        let address = Address::from_slice(&hex::decode(ADDRESS).unwrap());
        (DevelopmentKeys::new(&[key]).unwrap(), address)
    }

    #[test]
    fn accounts_are_those_of_the_keys() {
        let (wallet, address) = wallet();
        assert_eq!(wallet.accounts(), [address]);
        assert_eq!(DevelopmentKeys::new(&[[1; 32], [0; 32]]).unwrap_err(), InvalidKey { index: 1 });
        assert!(!format!("{wallet:?}").contains("ac09"), "a key does not reach the log");
    }

    /// What viem and Foundry answer for this key: ECDSA by RFC 6979 has but one signature.
    #[test]
    fn a_message_is_signed_as_other_wallets_do() {
        const SIGNED: &str = "a461f509887bd19e312c0c58467ce8ff8e300d3c1a90b608a760c5b80318eaf1\
            5fe57c96f9175d6cd4daad4663763baa7e78836e067d0163e9a2ccf2ff753f5b1b";
        let (wallet, address) = wallet();
        let digest = keccak(b"\x19Ethereum Signed Message:\n11hello world");
        assert_eq!(hex::encode(wallet.sign_digest(address, digest).unwrap()), SIGNED);
        assert_eq!(wallet.sign_digest(Address::zero(), digest), None);
    }

    /// The example of EIP-155.
    #[test]
    fn a_legacy_transaction_is_that_of_the_specification() {
        const SIGNED: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000\
            8025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800cc\
            f555c9f3dc64214b297fb1966a3b6d83";
        let wallet = DevelopmentKeys::new(&[[0x46; 32]]).unwrap();
        let unsigned = UnsignedTransaction {
            chain_id: U256::one(),
            nonce: 9,
            price: Price::Fixed(U256::from(20_000_000_000u64)),
            gas: Gas::new(21_000),
            to: Some(Address::repeat_byte(0x35)),
            value: U256::exp10(18),
            data: vec![],
            access_list: vec![],
            authorizations: vec![],
        };
        let signed = wallet.sign(wallet.accounts()[0], &unsigned).unwrap();
        assert_eq!(hex::encode(signed), SIGNED);
        assert_eq!(wallet.sign(Address::zero(), &unsigned), None);
    }

    #[test]
    fn the_price_and_the_access_list_decide_on_the_type() {
        let (wallet, address) = wallet();
        let one = U256::one();
        let list = vec![(Address::repeat_byte(1), vec![H256::repeat_byte(2)])];
        let dynamic = Price::Dynamic { fee_max: one, tip_max: one };
        let delegates = vec![millrace_rpc::Authorization::default()];
        for (price, access_list, authorizations, kind) in [
            (Price::Fixed(one), vec![], vec![], None),
            (Price::Fixed(one), list.clone(), vec![], Some(1)),
            (dynamic, vec![], vec![], Some(2)),
            (dynamic, list, vec![], Some(2)),
            (dynamic, vec![], delegates, Some(4)),
        ] {
            let (chain_id, gas) = (U256::from(1_337), Gas::new(21_000));
            let unsigned = UnsignedTransaction {
                chain_id,
                nonce: 3,
                price,
                gas,
                to: None,
                value: one,
                data: vec![1],
                access_list,
                authorizations,
            };
            let raw = wallet.sign(address, &unsigned).unwrap();
            assert_eq!(raw.first().copied().filter(|byte| *byte < 0xc0), kind);
        }
    }
}

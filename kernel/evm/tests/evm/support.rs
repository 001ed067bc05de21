//! A state in memory, a key that signs, and a chain of one block to execute on.
#![allow(unreachable_pub, reason = "shared by the modules of one test binary")]

use k256::ecdsa::SigningKey;
use millrace_evm::system::{Approval, KeyChangeFault, KeyChangeRequest};
use millrace_evm::{
    AccountChange, Authorization, BlockEnvironment, Changes, Fees, Fork, Invalid, Outcome, Recovered,
    Signature, SignedTransaction, State, StateReader, Transaction, TransactionError, TransactionType, keccak,
    transact,
};
use millrace_primitives::{
    Account, Address, BlockNumber, ContractHash, EMPTY_CODE_HASH, Epoch, Gas, H160, H256, Timestamp, U256,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Chain of the tests.
pub const CHAIN_ID: u64 = 1337;
/// Whose tickets the native token is.
pub const TICKETER: ContractHash = ContractHash::new([8; 20]);
/// One gwei.
pub const BASE_FEE: u64 = 1_000_000_000;
/// Gas that pays for 150 bytes at one gwei.
pub const DA_OVERHEAD_GAS: u64 = 600_000;

/// The reader failed because it was told to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken;

/// Key, signature, number and chain of a request.
pub type Asked = (Vec<u8>, [u8; 64], u64, U256);

/// A sequencer in office, as far as the EVM is concerned: it signs everything, or nothing for a reason.
#[derive(Clone, Default, Debug)]
pub struct Office {
    pub epoch: Epoch,
    pub refusal: Option<KeyChangeFault>,
    /// What it was asked about.
    pub asked: RefCell<Vec<Asked>>,
}

/// A state in memory that counts its reads and can fail at one of them.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    pub accounts: BTreeMap<Address, Account>,
    pub storage: BTreeMap<(Address, H256), H256>,
    pub codes: BTreeMap<H256, Vec<u8>>,
    pub block_hashes: BTreeMap<u64, H256>,
    pub office: Office,
    pub reads: Cell<u32>,
    /// The read, counted from 1, that fails.
    pub fails_at: Cell<Option<u32>>,
}

impl Memory {
    fn count(&self) -> Result<(), Broken> {
        self.reads.set(self.reads.get() + 1);
        if self.fails_at.get() == Some(self.reads.get()) { Err(Broken) } else { Ok(()) }
    }

    pub fn fund(&mut self, address: Address, wei: U256) {
        self.accounts.entry(address).or_default().balance = wei;
    }

    pub fn install(&mut self, address: Address, code: &[u8]) {
        let code_hash = keccak(code);
        self.codes.insert(code_hash, code.to_vec());
        let account = self.accounts.entry(address).or_default();
        (account.code_hash, account.nonce) = (code_hash, 1);
    }

    pub fn apply(&mut self, changes: &Changes) {
        for (address, AccountChange { account, storage_cleared, slots }) in &changes.accounts {
            match account {
                Some(account) => self.accounts.insert(*address, *account),
                None => self.accounts.remove(address),
            };
            if *storage_cleared || account.is_none() {
                self.storage.retain(|(owner, _), _| owner != address);
            }
            for (slot, value) in slots {
                if value.is_zero() {
                    self.storage.remove(&(*address, *slot));
                } else {
                    self.storage.insert((*address, *slot), *value);
                }
            }
        }
        self.codes.extend(changes.codes.clone());
    }

    pub fn total(&self) -> U256 {
        self.accounts.values().fold(U256::zero(), |sum, account| sum + account.balance)
    }
}

impl StateReader for Memory {
    type Error = Broken;

    fn account(&self, address: Address) -> Result<Option<Account>, Broken> {
        self.count()?;
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: H256) -> Result<H256, Broken> {
        self.count()?;
        Ok(self.storage.get(&(address, slot)).copied().unwrap_or_default())
    }

    fn code(&self, code_hash: H256) -> Result<Vec<u8>, Broken> {
        self.count()?;
        assert_ne!(code_hash, EMPTY_CODE_HASH, "the empty code is known without asking");
        Ok(self.codes[&code_hash].clone())
    }

    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, Broken> {
        self.count()?;
        Ok(self.block_hashes.get(&number.get()).copied())
    }

    fn epoch(&self) -> Result<Epoch, Broken> {
        self.count()?;
        Ok(self.office.epoch)
    }

    fn approve_key_change(
        &self,
        request: &KeyChangeRequest<'_>,
    ) -> Result<Result<Approval, KeyChangeFault>, Broken> {
        self.count()?;
        let KeyChangeRequest { key, signature, requests, chain_id } = *request;
        self.office.asked.borrow_mut().push((key.to_vec(), *signature, requests, chain_id));
        let text = String::from;
        let [old_key, new_key, signature] = [text("old"), text("new"), text("signature")];
        Ok(match self.office.refusal {
            Some(fault) => Err(fault),
            None => Ok(Approval { epoch: self.office.epoch, old_key, new_key, signature }),
        })
    }
}

/// A user with a key.
pub struct User {
    key: SigningKey,
    pub address: Address,
}

/// The user number `index`, from 1.
pub fn user(index: u8) -> User {
    let key = SigningKey::from_bytes(&[index; 32].into()).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let address = H160::from_slice(&keccak(&point.as_bytes()[1..]).0[12..]);
    User { key, address }
}

impl User {
    pub fn sign(&self, transaction: Transaction) -> SignedTransaction {
        let signature = self.sign_digest(transaction.signing_hash().0);
        transaction.sign(signature)
    }

    pub fn sign_digest(&self, digest: [u8; 32]) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(&digest).unwrap();
        let (r, s) = signature.split_bytes();
        Signature {
            r: U256::from_big_endian(&r),
            s: U256::from_big_endian(&s),
            y_parity: recovery.is_y_odd(),
        }
    }

    pub fn authorize(&self, chain_id: U256, address: Address, nonce: u64) -> Authorization {
        let claim = Authorization { chain_id, address, nonce, y_parity: 0, r: U256::zero(), s: U256::zero() };
        let Signature { r, s, y_parity } = self.sign_digest(claim.signing_hash().0);
        Authorization { y_parity: u8::from(y_parity), r, s, ..claim }
    }

    pub fn recovered(&self, transaction: Transaction) -> Recovered {
        self.sign(transaction).recover().unwrap()
    }
}

/// A dynamic-fee transaction that pays well.
pub fn dynamic(nonce: u64, to: Option<Address>, gas: u64, data: Vec<u8>) -> Transaction {
    Transaction {
        transaction_type: TransactionType::DynamicFee,
        chain_id: Some(U256::from(CHAIN_ID)),
        nonce,
        gas_limit: Gas::new(gas),
        max_fee_per_gas: U256::from(10 * BASE_FEE),
        max_priority_fee_per_gas: U256::zero(),
        to,
        value: U256::zero(),
        data,
        access_list: Vec::new(),
        authorizations: Vec::new(),
    }
}

/// A block to execute in.
pub fn block() -> BlockEnvironment {
    BlockEnvironment {
        number: BlockNumber::new(1000),
        timestamp: Timestamp::new(1_800_000_000),
        beneficiary: H160::repeat_byte(0xfe),
        gas_limit: Gas::new(1 << 50),
        base_fee: U256::from(BASE_FEE),
        chain_id: U256::from(CHAIN_ID),
        prev_randao: H256::zero(),
        blob_base_fee: U256::one(),
        fork: Fork::Cancun,
        ticketer: Some(TICKETER),
    }
}

/// Fees without data availability, so that gas is that of Ethereum.
pub fn no_da() -> Fees {
    Fees { da_fee_per_byte: U256::zero(), ..Fees::default() }
}

/// A block over a state in memory, one user with money.
pub struct Chain {
    pub state: State<Memory>,
    pub block: BlockEnvironment,
    pub fees: Fees,
    pub alice: User,
}

pub type Transacted = Result<Outcome, TransactionError<Broken>>;

impl Chain {
    pub fn new(memory: Memory) -> Self {
        let mut memory = memory;
        let alice = user(1);
        memory.fund(alice.address, U256::exp10(24));
        Self { state: State::new(memory), block: block(), fees: no_da(), alice }
    }

    pub fn transact(&mut self, transaction: &Recovered) -> Transacted {
        transact(&mut self.state, &self.block, &self.fees, transaction)
    }

    pub fn alice_sends(&mut self, transaction: Transaction) -> Transacted {
        let recovered = self.alice.recovered(transaction);
        self.transact(&recovered)
    }

    /// Alice calls with 10 million gas; must be valid.
    pub fn call(&mut self, to: Address, data: &[u8]) -> Outcome {
        let nonce = self.nonce();
        self.alice_sends(dynamic(nonce, Some(to), 10_000_000, data.to_vec())).unwrap()
    }

    /// Alice creates a contract; must be valid.
    pub fn create(&mut self, initcode: &[u8]) -> Outcome {
        let nonce = self.nonce();
        self.alice_sends(dynamic(nonce, None, 10_000_000, initcode.to_vec())).unwrap()
    }

    pub fn nonce(&self) -> u64 {
        self.state.account(self.alice.address).unwrap().unwrap().nonce
    }

    pub fn balance(&self, address: Address) -> U256 {
        self.state.account(address).unwrap().map(|account| account.balance).unwrap_or_default()
    }

    pub fn slot(&self, address: Address, slot: u64) -> U256 {
        let value = self.state.storage(address, word(slot)).unwrap();
        U256::from_big_endian(value.as_bytes())
    }
}

pub fn invalid(transacted: Transacted) -> Invalid {
    match transacted {
        Err(TransactionError::Invalid(invalid)) => invalid,
        other => panic!("not invalid: {other:?}"),
    }
}

pub fn word(value: u64) -> H256 {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&value.to_be_bytes());
    H256(bytes)
}

pub fn address(value: u64) -> Address {
    H160::from(word(value))
}

/// Initialisation code that deploys `code`.
pub fn deployer(code: &[u8]) -> Vec<u8> {
    let size = u16::try_from(code.len()).unwrap().to_be_bytes();
    // PUSH2 size DUP1 PUSH1 11 PUSH0 CODECOPY PUSH0 RETURN: eleven bytes before the code.
    let mut out = vec![0x61, size[0], size[1], 0x80, 0x60, 0x0b, 0x5f, 0x39, 0x5f, 0xf3, 0x00];
    out.extend_from_slice(code);
    out
}

/// Code that pushes the words in order, first at the bottom, with the shortest push.
pub fn push(value: impl Into<U256>) -> Vec<u8> {
    let value = value.into();
    let size = value.bits().div_ceil(8);
    let mut bytes = [0; 32];
    value.to_big_endian(&mut bytes);
    let mut out = vec![0x5f + size as u8];
    out.extend_from_slice(&bytes[32 - size..]);
    out
}

/// Code in hexadecimal, spaces allowed.
pub fn code(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap()
}

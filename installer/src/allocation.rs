//! The accounts and contracts that are there before block 1.

use crate::{
    Contract, Funds, GenesisState,
    error::{Fault, ParameterError},
    text::{address, amount, cannot_be, code, word},
};
use millrace_layout::world::{Code, Slots};
use millrace_primitives::{Account, Address, H256, U256};
use sha3::{Digest, Keccak256};
use std::collections::BTreeMap;

/// Addresses up to this one are precompiles, or are kept for them (EIP-7587 reserves 0x100 to 0x1ff for rollups).
const PRECOMPILES_MAX: u64 = 0x1ff;
/// The first byte of the addresses of the bridges and of their storage, followed by zeros but for the last byte
/// (`docs/bridge.md`).
const BRIDGES_FIRST_BYTE: u8 = 0xff;

/// Accounts and contracts, understood.
#[derive(Default)]
pub(crate) struct Allocation {
    /// Each account once.
    pub(crate) accounts: BTreeMap<Address, Account>,
    /// The code of those that have some, by its hash.
    pub(crate) codes: BTreeMap<H256, Code>,
    /// The storage of those that have some.
    pub(crate) slots: Slots,
    /// What all have together.
    supply: U256,
}

impl Allocation {
    /// # Errors
    /// [`ParameterError`] names the account.
    pub(crate) fn read(genesis: &GenesisState) -> Result<Self, ParameterError> {
        let mut allocation = Self::default();
        for (name, funds) in &genesis.accounts {
            allocation.funds(&format!("genesis.accounts.{name}"), name, funds)?;
        }
        for (name, contract) in &genesis.contracts {
            allocation.contract(&format!("genesis.contracts.{name}"), name, contract)?;
        }
        Ok(allocation)
    }

    fn funds(&mut self, field: &str, name: &str, funds: &Funds) -> Result<(), ParameterError> {
        let address = address(field, name)?;
        let balance = amount(field, &funds.balance)?;
        if balance.is_zero() && funds.nonce == 0 {
            return Err(cannot_be(field, 0, "an account without balance and nonce is no account"));
        }
        self.add(field, address, Account { balance, nonce: funds.nonce, ..Account::default() })
    }

    fn contract(&mut self, field: &str, name: &str, contract: &Contract) -> Result<(), ParameterError> {
        let address = address(field, name)?;
        if is_taken(address) {
            let reason = "a precompile or a bridge of the kernel is there: the code would never run";
            return Err(ParameterError::new(field, Fault::Address { value: name.to_owned(), reason }));
        }
        let code = code(&format!("{field}.code"), &contract.code)?;
        let code_hash = H256(Keccak256::digest(&code).into());
        let balance = amount(&format!("{field}.balance"), &contract.balance)?;
        self.add(field, address, Account { nonce: contract.nonce, balance, code_hash })?;
        self.codes.insert(code_hash, Code(code));
        self.storage(&format!("{field}.storage"), address, &contract.storage)
    }

    fn storage(
        &mut self,
        field: &str,
        address: Address,
        storage: &BTreeMap<String, String>,
    ) -> Result<(), ParameterError> {
        let mut slots = BTreeMap::new();
        for (slot, value) in storage {
            let field = format!("{field}.{slot}");
            let (slot, word) = (word(&field, slot)?, word(&field, value)?);
            if word.is_zero() {
                return Err(cannot_be(field, value, "a slot that is not named is zero already"));
            }
            if slots.insert(slot, word).is_some() {
                return Err(ParameterError::new(field, Fault::Twice));
            }
        }
        if !slots.is_empty() {
            self.slots.insert(address, slots);
        }
        Ok(())
    }

    fn add(&mut self, field: &str, address: Address, account: Account) -> Result<(), ParameterError> {
        let supply = self.supply.checked_add(account.balance);
        let too_much = || cannot_be(field, account.balance, "the balances together exceed 256 bits");
        self.supply = supply.ok_or_else(too_much)?;
        match self.accounts.insert(address, account) {
            None => Ok(()),
            Some(_) => Err(ParameterError::new(field, Fault::Twice)),
        }
    }
}

/// Whether the kernel answers at an address, whatever code is there.
fn is_taken(address: Address) -> bool {
    let bytes = address.as_bytes();
    let is_small = U256::from_big_endian(bytes) <= U256::from(PRECOMPILES_MAX);
    let is_bridge = bytes.first() == Some(&BRIDGES_FIRST_BYTE) && bytes[1..19].iter().all(|byte| *byte == 0);
    is_small || is_bridge
}

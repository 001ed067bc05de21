//! Where the state comes from.

use crate::system::{Approval, KeyChangeFault, KeyChangeRequest};
use alloc::rc::Rc;
use alloc::vec::Vec;
use millrace_primitives::{Account, Address, BlockNumber, Epoch, H256};

/// The state as it was before the block. A [`super::State`] asks each account, slot and code at most once.
pub trait StateReader {
    /// What can go wrong below.
    type Error;

    /// The account, `None` when there is none.
    ///
    /// # Errors
    /// Whatever the store answers.
    fn account(&self, address: Address) -> Result<Option<Account>, Self::Error>;

    /// A slot of the storage of an account; zero when it was never set.
    ///
    /// # Errors
    /// Whatever the store answers.
    fn storage(&self, address: Address, slot: H256) -> Result<H256, Self::Error>;

    /// The code with this Keccak-256, which is in some account: its absence is an error. Not asked for
    /// [`millrace_primitives::EMPTY_CODE_HASH`].
    ///
    /// # Errors
    /// Whatever the store answers.
    fn code(&self, code_hash: H256) -> Result<Vec<u8>, Self::Error>;

    /// The hash of one of the last 256 blocks, `None` when unknown.
    ///
    /// # Errors
    /// Whatever the store answers.
    fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, Self::Error>;

    /// Whether a slot of this account is set, asked only where a contract is about to be created over an
    /// account without code and nonce (EIP-7610). On a chain that started after EIP-161 there is no such
    /// account, hence the default.
    ///
    /// # Errors
    /// Whatever the store answers.
    fn has_storage(&self, _address: Address) -> Result<bool, Self::Error> {
        Ok(false)
    }

    /// The epoch of who is in charge of ordering, or was last. Where nobody ever is, zero.
    ///
    /// # Errors
    /// Whatever the store answers.
    fn epoch(&self) -> Result<Epoch, Self::Error> {
        Ok(Epoch::ZERO)
    }

    /// Whether the sequencer in office has signed this request. It is the same for all of a block. Where nobody is in
    /// charge, nobody has.
    ///
    /// # Errors
    /// Whatever the store answers. The inner result says why the request is refused.
    fn approve_key_change(
        &self,
        _request: &KeyChangeRequest<'_>,
    ) -> Result<Result<Approval, KeyChangeFault>, Self::Error> {
        Ok(Err(KeyChangeFault::Nobody))
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<T: StateReader + ?Sized> StateReader for $pointer {
            type Error = T::Error;

            fn account(&self, address: Address) -> Result<Option<Account>, Self::Error> {
                (**self).account(address)
            }

            fn storage(&self, address: Address, slot: H256) -> Result<H256, Self::Error> {
                (**self).storage(address, slot)
            }

            fn code(&self, code_hash: H256) -> Result<Vec<u8>, Self::Error> {
                (**self).code(code_hash)
            }

            fn block_hash(&self, number: BlockNumber) -> Result<Option<H256>, Self::Error> {
                (**self).block_hash(number)
            }

            fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
                (**self).has_storage(address)
            }

            fn epoch(&self) -> Result<Epoch, Self::Error> {
                (**self).epoch()
            }

            fn approve_key_change(
                &self,
                request: &KeyChangeRequest<'_>,
            ) -> Result<Result<Approval, KeyChangeFault>, Self::Error> {
                (**self).approve_key_change(request)
            }
        }
    )*};
}

delegate!(&T, Rc<T>);

//! The contract by which a single sequencer hands its key over.
//!
//! What is asked for is kept in the storage of the contract, so that it is undone with the frame that asked, survives a
//! pause of the block, and is part of its state root. Slot 0 counts the requests, slots 1 and 2 have the last one:
//!
//! ```text
//! slot 1   epoch u32 | size of what follows u8 | first byte or two of the key     (to the right)
//! slot 2   last 32 bytes of the key
//! ```
//! Who is in office, what it has to sign and what is a key of the layer 1 is known to the reader of the state
//! ([`StateReader::approve_key_change`]), not here. What becomes of a request once its block is there is not decided here either.

use super::abi::{Arguments, Event, Words, texts};
use super::{Answer, Call, Failure, KEY_CHANGES, charge, emit, hold};
use crate::machine::{Backend, READ_FAILED};
use crate::state::{Changes, State, StateReader, word};
use alloc::string::String;
use alloc::vec::Vec;
use evm::GasMutState;
use millrace_primitives::{Epoch, H256, U256};

/// `change_sequencer_key(bytes publicKey, bytes signature)`
pub(super) const CHANGE: [u8; 4] = [0xb8, 0x9a, 0xa2, 0x2f];
/// `sequencer_key_change_counter()`
pub(super) const COUNTER: [u8; 4] = [0xf0, 0x14, 0xbd, 0x2a];

pub(super) const EVENT: &[u8] = b"ChangeSequencerKeyEvent(string,string,string)";

/// Gas of a request, the check of its signature aside: as on Etherlink.
pub const KEY_CHANGE_GAS: u64 = 24_200;
/// Gas of checking a key and a signature. At the 6,000 ticks that a unit stands for it covers those of P-256, the
/// dearest, for which stage 1 reckons with 1.8·10^8.
pub const SIGNATURE_GAS: u64 = 30_000;
/// Gas of asking for the counter: a cold slot and a cold account.
pub const COUNTER_GAS: u64 = 4_700;

/// Bytes of the longest key: tag of the curve, and a compressed point.
const KEY_BYTES_MAX: usize = 34;
const SIGNATURE_BYTES: usize = 64;

const REQUESTS: u64 = 0;
const HEAD: u64 = 1;
const TAIL: u64 = 2;

/// What a call asks for. Whether the sequencer has signed it is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyChangeRequest<'a> {
    /// The new key in the binary form of the layer 1, 33 or 34 bytes.
    pub key: &'a [u8],
    /// The signature of the key in office.
    pub signature: &'a [u8; 64],
    /// How many requests there were before.
    pub requests: u64,
    /// The chain.
    pub chain_id: U256,
}

/// The sequencer in office has signed a request. Its parts in the text form of the layer 1, for the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// The epoch of the sequencer in office.
    pub epoch: Epoch,
    /// Its key.
    pub old_key: String,
    /// The key that it asks for.
    pub new_key: String,
    /// Its signature.
    pub signature: String,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyChangeFault {
    /// Nobody is in office.
    Nobody,
    /// A committee is: only governance changes it.
    Committee,
    /// It is no key of the layer 1 that could sign blueprints.
    Key,
    /// The key is in office already.
    SameKey,
    /// The key in office did not sign this.
    Signature,
}

impl KeyChangeFault {
    const fn reason(self) -> &'static str {
        match self {
            Self::Nobody => "nobody is in charge of ordering",
            Self::Committee => "only governance changes a committee",
            Self::Key => "not a public key of a sequencer",
            Self::SameKey => "the key is in office already",
            Self::Signature => "the sequencer has not signed this",
        }
    }
}

/// A request that a block has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyChange {
    /// Its number: how many there were before.
    pub number: u64,
    /// The epoch of the sequencer that asked.
    pub epoch: Epoch,
    /// The key that it asks for, in the binary form of the layer 1.
    pub key: Vec<u8>,
}

/// The last request of the block that `changes` are of, if it has one; `state` is the one that they were taken from. Those
/// before it in the same block count as replaced.
///
/// # Errors
/// When the state cannot be read.
pub fn key_change<R: StateReader>(
    state: &State<R>,
    changes: &Changes,
) -> Result<Option<KeyChange>, R::Error> {
    let slot = |index: u64| word(U256::from(index));
    let Some(requests) =
        changes.accounts.get(&KEY_CHANGES).and_then(|change| change.slots.get(&slot(REQUESTS)))
    else {
        return Ok(None);
    };
    let requests = U256::from_big_endian(requests.as_bytes());
    // Not from the changes: a key may be asked for twice.
    let head = state.storage(KEY_CHANGES, slot(HEAD))?;
    let tail = state.storage(KEY_CHANGES, slot(TAIL))?;
    Ok(number(requests.saturating_sub(U256::one())).and_then(|number| unpack(number, (head, tail))))
}

fn number(requests: U256) -> Option<u64> {
    u64::try_from(requests).ok()
}

/// The words of slots 1 and 2.
fn pack(epoch: Epoch, key: &[u8]) -> Option<(H256, H256)> {
    let (first, tail) = key.split_last_chunk::<32>()?;
    let size = u8::try_from(first.len()).ok()?;
    let head = match first {
        [tag] => [0, *tag],
        [tag, sign] => [*tag, *sign],
        _ => return None,
    };
    let mut packed = H256::zero();
    let [.., a, b, c, d, packed_size, one, two] = &mut packed.0;
    [*a, *b, *c, *d] = epoch.get().to_be_bytes();
    *packed_size = size;
    [*one, *two] = head;
    Some((packed, H256(*tail)))
}

fn unpack(number: u64, (head, tail): (H256, H256)) -> Option<KeyChange> {
    let [.., a, b, c, d, size, one, two] = head.0;
    let first = [one, two];
    let first = first.get(first.len().checked_sub(usize::from(size))?..)?;
    let epoch = Epoch::new(u32::from_be_bytes([a, b, c, d]));
    Some(KeyChange { number, epoch, key: [first, tail.as_bytes()].concat() })
}

pub(super) fn call<H: Backend>(
    call: &Call<'_>,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    let (selector, arguments) = call.input.split_first_chunk::<4>().ok_or(super::NO_FUNCTION)?;
    match *selector {
        CHANGE => {
            if !call.is_plain {
                return Err(Failure::Reverted("only a plain call may change the key"));
            }
            // Nobody could get it back.
            if !call.value.is_zero() {
                return Err(Failure::Reverted("the contract takes no wei"));
            }
            change(Arguments(arguments), gas, host)
        }
        COUNTER if !call.is_direct => Err(Failure::Reverted("only a call of the contract is answered")),
        COUNTER if !call.value.is_zero() => Err(Failure::Reverted("the contract takes no wei")),
        COUNTER => {
            charge(gas, COUNTER_GAS)?;
            let epoch = U256::from(host.epoch().get());
            let counter = requests(host).saturating_add(epoch);
            Ok(Answer::Returns(Words::default().number(counter).done()))
        }
        _ => Err(super::NO_FUNCTION),
    }
}

fn requests<H: Backend>(host: &H) -> U256 {
    let value = host.storage(KEY_CHANGES, word(U256::from(REQUESTS)));
    U256::from_big_endian(value.as_bytes())
}

fn change<H: Backend>(
    arguments: Arguments<'_>,
    gas: &mut impl GasMutState,
    host: &mut H,
) -> Result<Answer, Failure> {
    charge(gas, KEY_CHANGE_GAS.saturating_add(SIGNATURE_GAS))?;
    let (key, signature) = (arguments.bytes(0)?, arguments.bytes(1)?);
    if key.len() > KEY_BYTES_MAX {
        return Err(Failure::Reverted(KeyChangeFault::Key.reason()));
    }
    let signature: &[u8; SIGNATURE_BYTES] =
        signature.try_into().map_err(|_| Failure::Reverted("a signature has 64 bytes"))?;
    let before = requests(host);
    let number = number(before).ok_or(Failure::Reverted("too many changes"))?;
    let request = KeyChangeRequest { key, signature, requests: number, chain_id: host.chain_id() };
    let approval = host.approve_key_change(&request).ok_or(Failure::Exit(READ_FAILED.into()))?;
    let approval = approval.map_err(|fault| Failure::Reverted(fault.reason()))?;
    let (head, tail) = pack(approval.epoch, key).ok_or(Failure::Reverted(KeyChangeFault::Key.reason()))?;
    let slots = [(REQUESTS, word(before.saturating_add(U256::one()))), (HEAD, head), (TAIL, tail)];
    for (slot, value) in slots {
        host.set_storage(KEY_CHANGES, word(U256::from(slot)), value)?;
    }
    hold(host, KEY_CHANGES)?;
    let data = texts(&[&approval.old_key, &approval.new_key, &approval.signature]);
    emit(KEY_CHANGES, Event { signature: EVENT, indexed: None, data }, 0, gas, host)?;
    Ok(Answer::Done)
}

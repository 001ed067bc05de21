//! Records which accounts and slots an execution touches.

use super::meter::Meter;
use super::steps::word;
use millrace_evm::trace::{Enter, Step};
use millrace_primitives::{Address, H160, H256};
use std::collections::{BTreeMap, BTreeSet};

/// About what an account or a slot takes in a set.
const ENTRY_BYTES: usize = 96;

/// Accounts and slots so far.
#[derive(Default)]
pub(super) struct Touched {
    /// With their slots.
    pub(super) accounts: BTreeMap<Address, BTreeSet<H256>>,
    /// Those whose code was called: it may be that of another.
    pub(super) called: BTreeSet<Address>,
    /// Those that were created inside.
    pub(super) created: BTreeSet<Address>,
    /// The first frame's: who calls, and who is called or created.
    pub(super) outermost: Option<(Address, Address)>,
}

impl Touched {
    pub(super) fn account(&mut self, address: Address, meter: &mut Meter<'_>) {
        if !self.accounts.contains_key(&address) && meter.take(ENTRY_BYTES) {
            self.accounts.insert(address, BTreeSet::new());
        }
    }

    pub(super) fn slot(&mut self, address: Address, key: H256, meter: &mut Meter<'_>) {
        self.account(address, meter);
        if let Some(keys) = self.accounts.get_mut(&address)
            && !keys.contains(&key)
            && meter.take(ENTRY_BYTES)
        {
            keys.insert(key);
        }
    }

    pub(super) fn enter(&mut self, enter: &Enter<'_>, meter: &mut Meter<'_>) {
        if self.outermost.is_none() {
            self.outermost = Some((enter.caller, enter.target));
            self.called.insert(enter.target);
        } else if enter.scheme.creates() {
            self.account(enter.target, meter);
            self.created.insert(enter.target);
        }
    }

    /// What the opcode looks at, whether or not it can be paid for, as go-ethereum has it.
    pub(super) fn step(&mut self, step: &Step<'_>, meter: &mut Meter<'_>) {
        let address_at = |below_top: usize| step.peek(below_top).map(|value| H160::from(word(value)));
        match step.opcode {
            // SLOAD, SSTORE
            0x54 | 0x55 => {
                if let Some(key) = step.peek(0) {
                    self.slot(step.address, word(key), meter);
                }
            }
            // BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, SELFDESTRUCT
            0x31 | 0x3b | 0x3c | 0x3f | 0xff => {
                if let Some(address) = address_at(0) {
                    self.account(address, meter);
                }
            }
            // CALL, CALLCODE, DELEGATECALL, STATICCALL
            0xf1 | 0xf2 | 0xf4 | 0xfa if step.stack_size() >= 5 => {
                if let Some(address) = address_at(1) {
                    self.account(address, meter);
                    self.called.insert(address);
                }
            }
            _ => {}
        }
    }
}

//! The tez of the layer 1, and which outbox messages were executed: what operations change besides inboxes.
//! All of it can be taken back, level by level.

use crate::sandbox::codec::{Damaged, Reader, Writer};
use millrace_primitives::{L1Account, L1Level, Mutez};
use std::collections::{BTreeMap, BTreeSet};

/// What an operation changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Tez that go from one account to another; to nobody when they are burned.
    Pay {
        /// Who pays.
        from: L1Account,
        /// Who gets it.
        to: Option<L1Account>,
        /// How much.
        amount: Mutez,
    },
    /// An outbox message is executed, which happens once.
    Execute {
        /// Its level.
        level: L1Level,
        /// Its place in the outbox of the level.
        index: u32,
    },
}

/// Why an operation fails. It is in its block all the same, and its fee is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failed {
    /// More than there is.
    #[error("the balance of an account is too low")]
    Balance,
    /// It was before.
    #[error("the outbox message was executed before")]
    Executed,
}

/// How a change is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Undo {
    /// The account had this much.
    Balance(L1Account, Mutez),
    /// The message was not executed.
    Executed(L1Level, u32),
}

/// The accounts and the executed messages.
#[derive(Clone, Default, Debug)]
pub(super) struct Ledger {
    balances: BTreeMap<L1Account, Mutez>,
    executed: BTreeSet<(u32, u32)>,
}

impl Ledger {
    pub(super) fn balance(&self, account: &L1Account) -> Mutez {
        self.balances.get(account).copied().unwrap_or(Mutez::ZERO)
    }

    pub(super) fn set_balance(&mut self, account: L1Account, balance: Mutez) {
        if balance == Mutez::ZERO {
            self.balances.remove(&account);
        } else {
            self.balances.insert(account, balance);
        }
    }

    pub(super) fn is_executed(&self, level: L1Level, index: u32) -> bool {
        self.executed.contains(&(level.get(), index))
    }

    pub(super) fn set_executed(&mut self, level: L1Level, index: u32) {
        self.executed.insert((level.get(), index));
    }

    /// Does all of it, or nothing and says why not. What would take it back is added to `undo`.
    pub(super) fn apply(&mut self, effects: &[Effect], undo: &mut Vec<Undo>) -> Result<(), Failed> {
        let before = undo.len();
        let failed = effects.iter().find_map(|effect| self.apply_one(effect, undo).err());
        let Some(failed) = failed else { return Ok(()) };
        let half_done = undo.split_off(before);
        self.undo(&half_done);
        Err(failed)
    }

    fn apply_one(&mut self, effect: &Effect, undo: &mut Vec<Undo>) -> Result<(), Failed> {
        match *effect {
            Effect::Pay { from, to, amount } => {
                let has = self.balance(&from);
                let rest = has.checked_sub(amount.get()).ok_or(Failed::Balance)?;
                undo.push(Undo::Balance(from, has));
                self.set_balance(from, rest);
                if let Some(to) = to {
                    let has = self.balance(&to);
                    let sum = has.checked_add(amount.get()).ok_or(Failed::Balance)?;
                    undo.push(Undo::Balance(to, has));
                    self.set_balance(to, sum);
                }
            }
            Effect::Execute { level, index } => {
                if self.is_executed(level, index) {
                    return Err(Failed::Executed);
                }
                undo.push(Undo::Executed(level, index));
                self.set_executed(level, index);
            }
        }
        Ok(())
    }

    /// Takes changes back, the last one first.
    pub(super) fn undo(&mut self, changes: &[Undo]) {
        for change in changes.iter().rev() {
            match *change {
                Undo::Balance(account, balance) => self.set_balance(account, balance),
                Undo::Executed(level, index) => {
                    self.executed.remove(&(level.get(), index));
                }
            }
        }
    }
}

impl Effect {
    pub(super) fn write(&self, writer: Writer) -> Writer {
        match self {
            Self::Pay { from, to, amount } => {
                let writer = writer.fixed(&[0]).fixed(from.as_bytes());
                let writer = match to {
                    None => writer.fixed(&[0]),
                    Some(to) => writer.fixed(&[1]).fixed(to.as_bytes()),
                };
                writer.fixed(&amount.get().to_be_bytes())
            }
            Self::Execute { level, index } => {
                writer.fixed(&[1]).fixed(&level.get().to_be_bytes()).fixed(&index.to_be_bytes())
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        match reader.u8()? {
            0 => {
                let from = L1Account::new(reader.fixed()?);
                let to = match reader.u8()? {
                    0 => None,
                    1 => Some(L1Account::new(reader.fixed()?)),
                    _ => return Err(Damaged),
                };
                Ok(Self::Pay { from, to, amount: Mutez::new(reader.u64()?) })
            }
            1 => Ok(Self::Execute { level: L1Level::new(reader.u32()?), index: reader.u32()? }),
            _ => Err(Damaged),
        }
    }
}

impl Undo {
    pub(super) fn write(&self, writer: Writer) -> Writer {
        match self {
            Self::Balance(account, balance) => {
                writer.fixed(&[0]).fixed(account.as_bytes()).fixed(&balance.get().to_be_bytes())
            }
            Self::Executed(level, index) => {
                writer.fixed(&[1]).fixed(&level.get().to_be_bytes()).fixed(&index.to_be_bytes())
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        match reader.u8()? {
            0 => Ok(Self::Balance(L1Account::new(reader.fixed()?), Mutez::new(reader.u64()?))),
            1 => Ok(Self::Executed(L1Level::new(reader.u32()?), reader.u32()?)),
            _ => Err(Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: L1Account = L1Account::new([1; 22]);
    const TWO: L1Account = L1Account::new([2; 22]);

    fn pay(from: L1Account, to: Option<L1Account>, amount: u64) -> Effect {
        Effect::Pay { from, to, amount: Mutez::new(amount) }
    }

    fn balances(ledger: &Ledger) -> [u64; 2] {
        [ONE, TWO].map(|account| ledger.balance(&account).get())
    }

    #[test]
    fn effects_happen_together_and_can_be_taken_back() {
        let mut ledger = Ledger::default();
        ledger.set_balance(ONE, Mutez::new(10));
        let execute = Effect::Execute { level: L1Level::new(3), index: 1 };
        let mut undo = Vec::new();
        ledger.apply(&[pay(ONE, Some(TWO), 4), execute, pay(ONE, None, 1)], &mut undo).unwrap();
        assert_eq!(balances(&ledger), [5, 4]);
        // The second of two effects fails: the first did not happen.
        let kept = undo.clone();
        let failed = ledger.apply(&[pay(ONE, Some(TWO), 5), execute], &mut undo);
        assert_eq!((failed, undo.len()), (Err(Failed::Executed), kept.len()));
        let failed = ledger.apply(&[pay(TWO, None, 4), pay(TWO, None, 1)], &mut undo);
        assert_eq!((failed, balances(&ledger)), (Err(Failed::Balance), [5, 4]));
        let rich = Mutez::MAX;
        ledger.set_balance(TWO, rich);
        assert_eq!(ledger.apply(&[pay(ONE, Some(TWO), 1)], &mut undo), Err(Failed::Balance));
        ledger.set_balance(TWO, Mutez::new(4));

        ledger.undo(&undo);
        assert_eq!(balances(&ledger), [10, 0]);
        assert!(!ledger.is_executed(L1Level::new(3), 1));
        // To oneself: nothing comes of nothing.
        ledger.apply(&[pay(ONE, Some(ONE), 10)], &mut undo).unwrap();
        assert_eq!(balances(&ledger), [10, 0]);
    }
}

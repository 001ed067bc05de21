//! Taking a state one block further, by whichever kernel is in it.
//!
//! A kernel that this program has natively runs natively, any other as wasm, and which of them it is may change on the way:
//! an upgrade that is due takes over before the block. What a run leaves behind, and what follows it, is the same either way
//! ([`millrace_pvm::run_until_rest`]).

use crate::{Engine, EngineError, host::NativeHost};
use millrace_block::{BlueprintFault, Candidate, Dropped, TransactionFault};
use millrace_core::make_block;
use millrace_layout::{
    Value as _,
    node::{self, Change, Made, Ordered, Outcome},
};
use millrace_primitives::{Block, BlockHash};
use millrace_pvm::{
    self as pvm, Caller, NODE_ENTRY, PvmError, Runs,
    durable::{Durable, Key},
    note_started, run_until_rest,
};
use millrace_wire::blueprint::Blueprint;

/// Levels that one block may take at most. One that does not start ends a level; so does a migration that waits for one.
const LEVELS_MAX: u32 = 64;

/// How kernels are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Natively when it is the kernel of this program, as wasm otherwise.
    #[default]
    Native,
    /// As wasm always.
    Wasm,
    /// Both ways when it is the kernel of this program; a difference is an error.
    Verify,
}

/// A blueprint that became a block.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The state after it.
    pub state: Durable,
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: BlockHash,
    /// What the blueprint had and the block has not. A reason that only a later kernel knows is
    /// [`TransactionFault::Rule`].
    pub dropped: Vec<Dropped>,
    /// The kernel that took over before the block, and made it.
    pub switched: Option<Switched>,
    /// Kernels that were to take over, and did not.
    pub failed: Vec<FailedUpgrade>,
}

/// A kernel that took over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// The root of its preimages.
    pub root_hash: [u8; 33],
}

/// A kernel that did not take over, or gave way again to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedUpgrade {
    /// The root of its preimages.
    pub root_hash: [u8; 33],
    /// Why (`millrace_upgrade::Refusal`).
    pub reason: u8,
}

impl Engine {
    /// Makes the next block of `state`, which stays as it is. An upgrade that is due with it takes over first.
    ///
    /// # Errors
    /// [`EngineError::Blueprint`] when it is not one for this state; [`EngineError::PageMissing`] when an upgrade is due whose
    /// kernel is not there: nothing is lost, and the same can be tried again; [`EngineError::Kernel`] and
    /// [`EngineError::NoNodeEntry`] for a kernel that cannot be run here; [`EngineError::Differs`] in [`Mode::Verify`];
    /// what else goes wrong in a kernel.
    pub fn apply(&self, state: &Durable, blueprint: &Blueprint) -> Result<Applied, EngineError> {
        self.apply_own(state, &Candidate::of_authority(blueprint.clone()))
    }

    /// The same for a block that the kernel made on its own account.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub fn apply_own(&self, state: &Durable, candidate: &Candidate) -> Result<Applied, EngineError> {
        match self.mode {
            Mode::Native => Session::new(self, state, candidate, true).run().1,
            Mode::Wasm => Session::new(self, state, candidate, false).run().1,
            Mode::Verify => self.verify(state, candidate),
        }
    }

    fn verify(&self, state: &Durable, candidate: &Candidate) -> Result<Applied, EngineError> {
        let (was_native, native) = Session::new(self, state, candidate, true).run();
        if !was_native {
            return native;
        }
        let wasm = Session::new(self, state, candidate, false).run().1;
        match (native, wasm) {
            (Ok(native), Ok(wasm)) => match difference(&native, &wasm) {
                None => Ok(native),
                Some(place) => Err(EngineError::Differs { place }),
            },
            // What the host cannot do says nothing about either.
            (Err(error @ (EngineError::PageMissing { .. } | EngineError::Pvm(_))), _)
            | (_, Err(error @ (EngineError::PageMissing { .. } | EngineError::Pvm(_)))) => Err(error),
            (Err(EngineError::Blueprint(native)), Err(EngineError::Blueprint(wasm))) if native == wasm => {
                Err(EngineError::Blueprint(native))
            }
            (Err(native), Err(EngineError::NoOutcome { .. })) => Err(native),
            (native, wasm) => {
                let said = |applied: Result<Applied, EngineError>| {
                    applied.map_or_else(|error| error.to_string(), |applied| applied.hash.to_string())
                };
                Err(EngineError::Differs { place: format!("the outcome: {}; {}", said(native), said(wasm)) })
            }
        }
    }
}

/// The first thing that differs.
fn difference(native: &Applied, wasm: &Applied) -> Option<String> {
    if let Some((key, _)) = native.state.differences_since(&wasm.state).first() {
        return Some(key.clone());
    }
    let of = |applied: &Applied| {
        let Applied { hash, block, dropped, switched, failed, .. } = applied.clone();
        (hash, block, dropped, switched, failed)
    };
    (of(native) != of(wasm)).then(|| "what is told of the block".to_owned())
}

/// The runs that one block takes.
struct Session<'a> {
    engine: &'a Engine,
    candidate: &'a Candidate,
    may_be_native: bool,
    was_native: bool,
    durable: Durable,
    outcome: Option<Outcome>,
    last: Option<pvm::Outcome>,
    debug: Vec<u8>,
}

impl Runs for Session<'_> {
    type Error = EngineError;

    fn durable(&mut self) -> &mut Durable {
        &mut self.durable
    }

    fn run_once(&mut self) -> Result<pvm::Outcome, EngineError> {
        let foreign = self.engine.kernels.check(&self.durable).err();
        let outcome = match (foreign, &self.engine.caller) {
            (None, _) if self.may_be_native => self.run_natively()?,
            (_, Some(caller)) => self.run_as_wasm(caller)?,
            (Some(foreign), None) => return Err(foreign.into()),
            (None, None) => self.run_natively()?,
        };
        self.last = Some(outcome.clone());
        Ok(outcome)
    }
}

impl<'a> Session<'a> {
    fn new(engine: &'a Engine, state: &Durable, candidate: &'a Candidate, may_be_native: bool) -> Self {
        Self {
            engine,
            candidate,
            may_be_native,
            was_native: false,
            durable: state.clone(),
            outcome: None,
            last: None,
            debug: Vec::new(),
        }
    }

    /// The block, and whether any of the runs was native.
    fn run(mut self) -> (bool, Result<Applied, EngineError>) {
        let made = self.run_levels();
        (self.was_native, made.and_then(|made| self.applied(made)))
    }

    fn run_levels(&mut self) -> Result<Made, EngineError> {
        for _ in 0..LEVELS_MAX {
            run_until_rest(self)?;
            match (self.outcome.take(), self.last.take()) {
                (Some(Outcome::Made(made)), _) => return Ok(made),
                (Some(Outcome::Rejected(code)), _) => return Err(rejected(code)),
                // The next level goes on: with this kernel, or with the one before.
                (Some(Outcome::Waits), _) | (None, Some(pvm::Outcome::FellBack { .. })) => {}
                (None, Some(pvm::Outcome::Trapped(trap))) => {
                    return Err(EngineError::Trapped { trap, debug: self.printed() });
                }
                (None, Some(pvm::Outcome::Stuck(stuck))) => {
                    return Err(EngineError::Stuck { stuck, debug: self.printed() });
                }
                (None, Some(pvm::Outcome::Finished) | None) => break,
            }
        }
        Err(EngineError::NoOutcome { debug: self.printed() })
    }

    fn printed(&self) -> String {
        String::from_utf8_lossy(&self.debug).trim_end().to_owned()
    }

    fn run_natively(&mut self) -> Result<pvm::Outcome, EngineError> {
        self.was_native = true;
        note_started(&mut self.durable);
        let preimages = self.engine.caller.as_ref().map(Caller::preimages);
        let mut host = NativeHost::revealing(std::mem::take(&mut self.durable), preimages);
        let made = make_block(&mut host, self.candidate);
        self.debug.extend_from_slice(host.take_debug().as_bytes());
        if let Some(fault) = host.take_fault() {
            return Err(fault.into());
        }
        self.durable = host.durable;
        self.outcome = made?;
        Ok(pvm::Outcome::Finished)
    }

    fn run_as_wasm(&mut self, caller: &Caller) -> Result<pvm::Outcome, EngineError> {
        let key = node::blueprint()?;
        if !self.durable.exists(key.path().as_str()) {
            let Candidate { ordered_by, blueprint, .. } = self.candidate;
            let ordered = Ordered { ordered_by: *ordered_by, blueprint: blueprint.clone() };
            self.durable.set(Key::trusted(key.path().as_str()), ordered.encode());
        }
        let called = caller.call(NODE_ENTRY, &mut self.durable, &mut self.debug);
        let outcome = called.map_err(|error| match error {
            PvmError::FunctionMissing { function } => {
                let kernel = self.engine.kernels.check(&self.durable).err();
                EngineError::NoNodeEntry { kernel: kernel.unwrap_or_default(), function }
            }
            error => error.into(),
        })?;
        self.outcome = node::outcome()?.read(&NativeHost::new(&self.durable))?;
        Ok(outcome)
    }

    fn applied(self, made: Made) -> Result<Applied, EngineError> {
        let mut host = NativeHost::new(&self.durable);
        node::clear(&mut host)?;
        let Made { hash, header, body, dropped, upgrades } = made;
        let dropped = dropped.into_iter().map(|dropped| Dropped {
            position: dropped.position,
            fault: TransactionFault::from_code(dropped.reason).unwrap_or(TransactionFault::Rule),
            item: dropped.item,
        });
        Ok(Applied {
            state: host.durable,
            block: Block { header, transactions: body.transactions, receipts: body.receipts },
            hash,
            dropped: dropped.collect(),
            switched: switched(&upgrades),
            failed: failed(&upgrades),
        })
    }
}

fn rejected(code: u8) -> EngineError {
    BlueprintFault::from_code(code).map_or(EngineError::UnknownFault { code }, EngineError::Blueprint)
}

/// The last kernel that took over and did not give way again.
fn switched(upgrades: &[Change]) -> Option<Switched> {
    let mut standing: Vec<[u8; 33]> = Vec::new();
    for Change { root_hash, reason } in upgrades {
        if *reason == 0 {
            standing.push(*root_hash);
        } else if standing.last() == Some(root_hash) {
            standing.pop();
        }
    }
    standing.last().map(|root_hash| Switched { root_hash: *root_hash })
}

fn failed(upgrades: &[Change]) -> Vec<FailedUpgrade> {
    let failures = upgrades.iter().filter(|change| change.reason != 0);
    failures.map(|&Change { root_hash, reason }| FailedUpgrade { root_hash, reason }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_gave_way_again_has_not_taken_over() {
        let change = |name: u8, reason| Change { root_hash: [name; 33], reason };
        let stands = |changes: &[Change]| switched(changes).map(|switched| switched.root_hash[0]);
        assert_eq!(stands(&[]), None);
        assert_eq!(stands(&[change(1, 0)]), Some(1));
        assert_eq!(stands(&[change(1, 0), change(1, 9)]), None);
        assert_eq!(stands(&[change(1, 0), change(2, 0), change(2, 9)]), Some(1));
        // One that never took over changes nothing.
        assert_eq!(stands(&[change(1, 0), change(1, 5), change(3, 0), change(2, 5)]), Some(3));
        let failures = failed(&[change(1, 0), change(1, 9), change(2, 5)]);
        assert_eq!(failures.iter().map(|failure| failure.reason).collect::<Vec<_>>(), [9, 5]);
    }

    #[test]
    fn an_unknown_reason_is_named() {
        assert!(matches!(rejected(3), EngineError::Blueprint(BlueprintFault::Parent)));
        assert!(matches!(rejected(200), EngineError::UnknownFault { code: 200 }));
    }
}

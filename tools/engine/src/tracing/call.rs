//! Calls that are watched: their traces, and the access lists that they would have.

use super::meter::{Fault, Meter};
use super::{Ended, Record, Recorder, check, finish_calls, finish_steps, prestate, touched::Touched};
use crate::calls::fees_of;
use crate::host::NativeHost;
use crate::overrides::CallReader;
use crate::states::parameters;
use crate::{Call, CallError, CallOutcome, Engine, Simulation};
use millrace_evm::execute::{BlockEnvironment, TransactionError, perform, simulate_traced};
use millrace_evm::is_precompile;
use millrace_evm::state::State;
use millrace_evm::transaction::AccessListItem;
use millrace_primitives::Address;
use millrace_pvm::durable::Durable;
use millrace_trace::{AccessList, PrestateOptions, Trace, Watch};

/// Executions of the search for an access list, at most: each may follow another path than the one before.
const ATTEMPTS_MAX: usize = 16;

impl Engine {
    /// Executes a call on `state` and records what is asked for.
    ///
    /// # Errors
    /// [`CallError`]; a call that reverts has a trace.
    pub fn trace_call(
        &self,
        state: &Durable,
        simulation: &Simulation<'_>,
        watch: Watch,
    ) -> Result<Trace, CallError> {
        let environment = self.environment(state, simulation)?;
        let host = NativeHost::reading(state)?;
        let reader = CallReader::new(&host, simulation.overrides, simulation.goes_on);
        let fees = fees_of(&parameters(state)?, simulation);
        let mut meter = Meter::new(simulation.goes_on);
        let mut recorder = Recorder::new(watch, &mut meter);
        let mut after = State::new(&reader);
        let performed = perform(&mut after, &environment, &fees, simulation.call, &mut recorder);
        let record = recorder.record;
        check(&meter)?;
        let CallOutcome { gas_used, output, halt, .. } = performed?;
        let gas_limit = simulation.call.gas.unwrap_or(fees.execution_gas_limit_max);
        let ended = Ended { gas_limit, gas_used, output, halt };
        Ok(match record {
            Record::Steps(steps) => Trace::Steps(finish_steps(steps, ended)),
            Record::Calls(calls) => Trace::Calls(finish_calls(calls, &ended)),
            Record::Touched(mut touched) => {
                let options = match watch {
                    Watch::Prestate(options) => options,
                    _ => PrestateOptions::default(),
                };
                touch_given(&mut touched, simulation.call, &environment, &mut meter);
                check(&meter)?;
                let read = prestate::read(touched, options, &State::new(&reader), &after);
                Trace::Prestate(read.map_err(TransactionError::Reader)?)
            }
        })
    }

    /// The access list with which a call is cheapest for what it touches, and what becomes of it with that: the list
    /// is right when an execution with it touches nothing else.
    ///
    /// # Errors
    /// [`CallError`]; a call that reverts has a list.
    pub fn access_list(
        &self,
        state: &Durable,
        simulation: &Simulation<'_>,
    ) -> Result<(AccessList, CallOutcome), CallError> {
        let environment = self.environment(state, simulation)?;
        let host = NativeHost::reading(state)?;
        let reader = CallReader::new(&host, simulation.overrides, simulation.goes_on);
        let fees = fees_of(&parameters(state)?, simulation);
        let watch = Watch::Prestate(PrestateOptions::default());
        let mut overlay = State::new(&reader);
        let mut call = simulation.call.clone();
        let mut last = None;
        for _ in 0..ATTEMPTS_MAX {
            let mut meter = Meter::new(simulation.goes_on);
            let mut recorder = Recorder::new(watch, &mut meter);
            let outcome = simulate_traced(&mut overlay, &environment, &fees, &call, &mut recorder);
            let Record::Touched(touched) = recorder.record else { break };
            check(&meter)?;
            let outcome = outcome?;
            let mut list = call.access_list.clone();
            let grew = extend(&mut list, &touched, |address| {
                is_warm(&environment, simulation.call, &touched, address)
            });
            last = Some((std::mem::replace(&mut call.access_list, list), outcome));
            if !grew {
                break;
            }
        }
        let (list, outcome) = last.ok_or(CallError::Interrupted)?;
        Ok((list.into_iter().map(|item| (item.address, item.storage_keys)).collect(), outcome))
    }
}

/// What is warm without a list, so that its address need not be in one.
fn is_warm(environment: &BlockEnvironment, call: &Call, touched: &Touched, address: Address) -> bool {
    let is_outermost = touched.outermost.is_some_and(|(caller, target)| [caller, target].contains(&address));
    let is_authority = call.authorizations.iter().any(|one| one.authority() == Some(address));
    is_outermost
        || is_authority
        || touched.created.contains(&address)
        || address == environment.beneficiary
        || is_precompile(environment.fork, address)
}

/// Adds what is missing in the list, in ascending order; whether anything was.
fn extend(list: &mut Vec<AccessListItem>, touched: &Touched, is_warm: impl Fn(Address) -> bool) -> bool {
    let mut grew = false;
    for (address, keys) in &touched.accounts {
        if keys.is_empty() && is_warm(*address) {
            continue;
        }
        let place = match list.iter().position(|item| item.address == *address) {
            Some(place) => place,
            None => {
                grew = true;
                list.push(AccessListItem { address: *address, storage_keys: Vec::new() });
                list.len() - 1
            }
        };
        for key in keys {
            if !list[place].storage_keys.contains(key) {
                grew = true;
                list[place].storage_keys.push(*key);
            }
        }
    }
    grew
}

/// What a call touches before its first opcode.
fn touch_given(touched: &mut Touched, call: &Call, block: &BlockEnvironment, meter: &mut Meter<'_>) {
    let outermost = touched.outermost.map(|(caller, target)| [caller, target]);
    let authorities = call.authorizations.iter().filter_map(|one| one.authority());
    let given: Vec<Address> =
        outermost.into_iter().flatten().chain([block.beneficiary]).chain(authorities).collect();
    for address in given {
        touched.account(address, meter);
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Interrupted => Self::Interrupted,
            Fault::TooLarge => Self::TraceTooLarge,
        }
    }
}

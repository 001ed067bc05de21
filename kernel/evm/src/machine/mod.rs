//! The engine: the `evm` crate with our own frames, host and outermost call.

mod bridge;
mod copies;
mod delegation;
mod host;
mod input;
mod interpreter;
mod invoker;
mod opcodes;
mod resolver;
mod watch;

pub(crate) use host::{Backend, Host};
pub(crate) use interpreter::READ_FAILED;
pub(crate) use invoker::{Ended, Message};

use crate::state::StateReader;
use crate::trace::Tracer;
use invoker::{Invoker, STACK_DEPTH};
use resolver::Resolver;

/// Runs the outermost call. A failure to read the state is left in the state.
pub(crate) fn run<R: StateReader, T: Tracer>(message: Message, host: &mut Host<'_, R, T>) -> Ended {
    let resolver = Resolver { fork: host.fork() };
    let gas_limit = message.gas_limit;
    match evm::transact(message, Some(STACK_DEPTH), host, &Invoker::new(&resolver)) {
        Ok(ended) => ended,
        Err(error) => Ended {
            result: Err(error),
            output: alloc::vec::Vec::new(),
            gas_used: gas_limit,
            gas_spent: gas_limit,
        },
    }
}

#[cfg(test)]
mod tests;

//! Logs of a call that is tried out.

use crate::keccak;
use crate::tracing::meter::Meter;
use millrace_evm::trace::{Enter, Exit, Scheme, SelfDestruct, Step, Tracer};
use millrace_primitives::{Address, H160, H256, Log, U256};

/// Where the logs stand that tell of transfers of the native token.
const TRANSFERS: Address = H160([0xee; 20]);

/// Collects logs, and tells of transfers of the native token as ERC-20 contracts tell of theirs.
pub(super) struct Transfers<'m, 'a> {
    shows: bool,
    meter: &'m mut Meter<'a>,
    pub(super) logs: Vec<Log>,
    /// How many logs there were when each open frame began.
    frames: Vec<usize>,
}

impl<'m, 'a> Transfers<'m, 'a> {
    pub(super) const fn new(shows: bool, meter: &'m mut Meter<'a>) -> Self {
        Self { shows, meter, logs: Vec::new(), frames: Vec::new() }
    }

    fn tell(&mut self, from: Address, to: Address, value: U256) {
        if !self.shows || value.is_zero() {
            return;
        }
        let mut data = vec![0; 32];
        value.to_big_endian(&mut data);
        let topics = vec![keccak(b"Transfer(address,address,uint256)"), H256::from(from), H256::from(to)];
        self.logs.push(Log { address: TRANSFERS, topics, data });
    }
}

impl Tracer for Transfers<'_, '_> {
    fn enter(&mut self, enter: &Enter<'_>) {
        self.frames.push(self.logs.len());
        if enter.scheme != Scheme::DelegateCall {
            self.tell(enter.caller, enter.target, enter.value.unwrap_or_default());
        }
    }

    fn exit(&mut self, exit: &Exit<'_>) {
        let began = self.frames.pop().unwrap_or_default();
        if exit.halt.is_some() {
            self.logs.truncate(began);
        }
    }

    fn step(&mut self, _: &Step<'_>) {
        self.meter.tick();
    }

    fn log(&mut self, log: &Log) {
        if self.shows {
            self.logs.push(log.clone());
        }
    }

    fn self_destruct(&mut self, end: &SelfDestruct) {
        self.tell(end.contract, end.beneficiary, end.balance);
    }

    fn goes_on(&self) -> bool {
        self.meter.fault().is_none()
    }
}

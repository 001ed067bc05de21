//! The host functions for other engines than ours, to compare them. Not part of the machine.

use super::{Refusal, calls, host_functions};
use crate::durable::Durable;
use crate::guest::{Effects, Guest, GuestMemory, HostUse, LevelContext};
use crate::reveal::Preimages;
use crate::version::import_index;
use crate::{Constants, Rollup};
use std::sync::Arc;

/// The host of the runs of one level.
pub struct PortableHost(Guest);

impl PortableHost {
    /// A host that starts from this storage, with these inputs.
    pub fn new(
        level: u32,
        rollup: Rollup,
        preimages: Arc<dyn Preimages>,
        durable: Durable,
        inputs: Vec<Vec<u8>>,
    ) -> Self {
        let constants = Constants::default();
        let inputs = Arc::new(inputs);
        let context = LevelContext { level, rollup, constants, preimages, inputs, debug_sink: None };
        Self(Guest {
            context,
            effects: Effects { durable, ..Effects::default() },
            calls: [0; crate::version::IMPORTS_COUNT],
            host_use: HostUse::default(),
            memory: GuestMemory::Several,
            limits: crate::guest::limits(),
            deadline: None,
            meter: None,
            debug_streamed: 0,
            watch: None,
        })
    }

    /// The durable storage.
    pub fn durable(&mut self) -> &mut Durable {
        &mut self.0.effects.durable
    }

    /// Calls a host function; integers of 32 bits are sign-extended. `None` when the run has to end.
    pub fn call(&mut self, name: &str, arguments: &[i64], memory: &mut [u8]) -> Option<i64> {
        macro_rules! dispatch {
            ($($name:literal $function:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
                match name {
                    $($name => {
                        const IMPORT: usize = import_index($name);
                        self.0.count_call(IMPORT);
                        let mut arguments = arguments.iter();
                        $(let $argument = *arguments.next()? as $type;)*
                        calls::$function(memory, &mut self.0, $($argument),*).map(i64::from)
                    })*
                    "write_debug" => {
                        let [from, count] = arguments else { return None };
                        calls::write_debug(memory, &mut self.0, *from as i32, *count as i32).map(i64::from)
                    }
                    _ => return None,
                }
            };
        }
        match host_functions!(dispatch!) {
            Ok(result) => Some(result),
            Err(Refusal::Code(code)) => Some(code.code().into()),
            Err(Refusal::Abort(_)) => None,
        }
    }
}

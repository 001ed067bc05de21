//! What the machine is doing, and what it holds.

use super::Session;
use crate::messages::{input, output};
use crate::reply::Reply;
use crate::values::{Kind, show};
use millrace_pvm::{BootPhase, Outcome, Phase, Stuck, function_names};
use serde_json::json;

impl Session {
    pub(super) fn show_status(&mut self) -> Reply {
        let status = match self.steps.phase() {
            Phase::Collect | Phase::Stuck(_) => "Waiting for input",
            Phase::Snapshot | Phase::Ended(_) => "Evaluating",
        };
        let internal = self.internal_status();
        Reply::new(format!("Status: {status}\nInternal_status: {internal}\n"))
            .with("status", status)
            .with("internal_status", internal)
    }

    fn internal_status(&mut self) -> String {
        match self.steps.phase() {
            Phase::Collect => "Collect".into(),
            Phase::Stuck(stuck) => format!("Stuck ({})", cause(stuck)),
            Phase::Ended(_) if self.is_padding => "Padding".into(),
            Phase::Ended(Outcome::Trapped(trap)) => format!("Evaluation failed ({trap})"),
            Phase::Ended(_) => "Evaluation succeeded".into(),
            Phase::Snapshot if self.spent == 0 => "Snapshot".into(),
            Phase::Snapshot => {
                let boot = self.known_kernel().map(|known| known.boot).unwrap_or_default();
                let name = match self.spent {
                    spent if spent <= boot.decode => "Decode",
                    spent if spent <= boot.decode.saturating_add(boot.link) => "Link",
                    spent if spent < boot.total() => "Init",
                    _ => "Eval",
                };
                name.into()
            }
        }
    }

    pub(super) fn show_inbox(&self) -> Reply {
        let level = self.steps.level();
        let messages: Vec<_> = self.steps.inputs().collect();
        let shown = messages.iter().map(|(counter, bytes)| {
            format!("{{ raw_level: {level};\n  counter: {counter}\n  payload: {} }}", input(bytes))
        });
        let text = shown.collect::<Vec<_>>().join("\n");
        let listed: Vec<_> = messages
            .iter()
            .map(|(counter, bytes)| {
                json!({ "level": level, "counter": counter, "bytes": hex::encode(bytes), "payload": input(bytes) })
            })
            .collect();
        Reply::new(format!("Inbox has {} messages:\n{text}\n", messages.len())).with("inbox", listed)
    }

    pub(super) fn show_outbox(&self, level: u32) -> Reply {
        let is_open = self.next_level > 0 && level == self.steps.level();
        let kept = self.outboxes.get(&level).map(Vec::as_slice);
        let messages = if is_open { Some(self.steps.outbox()) } else { kept };
        let Some(messages) = messages else {
            return Reply::line(format!("No outbox found at level {level}"));
        };
        let text = messages.iter().map(|bytes| output(bytes)).collect::<Vec<_>>().join("\n");
        let listed: Vec<_> = messages
            .iter()
            .map(|bytes| json!({ "bytes": hex::encode(bytes), "message": output(bytes) }))
            .collect();
        Reply::new(format!("Outbox has {} messages:\n{text}\n", messages.len()))
            .with("level", level)
            .with("outbox", listed)
    }

    pub(super) fn show_memory(&mut self, address: u32, size_bytes: usize, kind: Kind) -> Reply {
        let can_look = matches!(self.steps.phase(), Phase::Ended(_)) && !self.is_padding;
        if !can_look {
            let state = self.internal_status();
            return Reply::line(format!("Error: Cannot inspect memory during internal state {state}"));
        }
        match self.steps.observed().memory.read(address as usize, size_bytes) {
            Some(bytes) => {
                let shown = show(kind, &bytes);
                Reply::new(format!("{shown}\n")).with("value", shown)
            }
            None => Reply::line("Error: out of bounds memory access"),
        }
    }

    pub(super) fn dump_function_symbols(&self) -> Reply {
        let kernel = self.steps.durable().get(millrace_pvm::BOOT_KEY.as_str());
        let names = kernel.map(|kernel| function_names(&kernel.to_bytes())).unwrap_or_default();
        let lines = names.iter().map(|(function, name)| format!(" - func[{function}] <{name}>"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let listed: Vec<_> =
            names.iter().map(|(function, name)| json!({ "function": function, "name": name })).collect();
        Reply::new(format!("Functions:\n{text}\n")).with("functions", listed)
    }

    pub(super) fn show_host_calls(&self) -> Reply {
        let mut rows: Vec<_> = self.host_calls.iter().collect();
        rows.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.ticks));
        let mut text = format!(
            "{:>12} {:>9} {:>14} {:>14}  {}\n",
            "calls", "refused", "bytes", "ticks", "host function"
        );
        let mut listed = Vec::new();
        for (name, calls) in rows {
            let bytes = calls.key_bytes.saturating_add(calls.moved_bytes);
            text.push_str(&format!(
                "{:>12} {:>9} {bytes:>14} {:>14}  {name}\n",
                calls.calls, calls.refused, calls.ticks
            ));
            listed.push(json!({
                "name": name,
                "calls": calls.calls,
                "refused": calls.refused,
                "key_bytes": calls.key_bytes,
                "moved_bytes": calls.moved_bytes,
                "ticks": calls.ticks,
            }));
        }
        Reply::new(text).with("host_calls", listed)
    }

    pub(super) fn show_functions(&self, count: usize) -> Reply {
        let (functions, sum) = (self.last_profile.functions(), self.last_profile.operators());
        let mut text =
            format!("{:>14} {:>7} {:>14} {:>12}  {}\n", "operators", "", "with callees", "calls", "function");
        let mut listed = Vec::new();
        for function in functions.iter().take(count) {
            let share = function.operators as f64 * 100.0 / sum.max(1) as f64;
            text.push_str(&format!(
                "{:>14} {share:>6.2}% {:>14} {:>12}  {}\n",
                function.operators, function.operators_inclusive, function.calls, function.name
            ));
            listed.push(json!({
                "name": function.name,
                "operators": function.operators,
                "operators_inclusive": function.operators_inclusive,
                "calls": function.calls,
            }));
        }
        Reply::new(text).with("operators", sum).with("functions", listed)
    }
}

/// Why a machine is stuck, in Octez's form; its words for what happened inside are those of OCaml, ours are not.
fn cause(stuck: &Stuck) -> String {
    let exception = |detail: &str| format!("{{ raw_exception: {detail}; explanation: Some: {detail} }}");
    match stuck {
        Stuck::NoFallbackKernel { phase, detail } => match phase {
            BootPhase::Decode => format!("No_fallback_kernel (Decode_cause {})", exception(detail)),
            BootPhase::Link => format!("No_fallback_kernel (Link_cause {detail})"),
            BootPhase::Init => format!("No_fallback_kernel (Init_cause {})", exception(detail)),
        },
        Stuck::NoEntry => format!("Invalid_state ({stuck})"),
        Stuck::TooManyTicks => "Too_many_ticks".into(),
        Stuck::MalformedMigration => format!("Unknown_error ({stuck})"),
        Stuck::EntryWithParameters | Stuck::CallStackExhausted | Stuck::Fatal { .. } => {
            format!("Eval_error {}", exception(&stuck.to_string()))
        }
    }
}

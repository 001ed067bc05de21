//! The last argument of the `debug_trace…` methods: what to record, in the form of go-ethereum.

use crate::arguments::{Argument, field};
use crate::call::{BlockOverrides, Overrides};
use crate::override_argument::StateOverrides;
use millrace_trace::{CallOptions, PrestateOptions, StepOptions, Watch};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What to record, and of a call what it pretends.
pub(crate) struct TraceArgument {
    pub(crate) watch: Watch,
    pub(crate) overrides: Overrides,
}

impl Default for TraceArgument {
    fn default() -> Self {
        Self { watch: Watch::Steps(StepOptions::default()), overrides: Overrides::default() }
    }
}

/// How long a trace may take is up to the node, and every state it has is at hand: `timeout` and `reexec` are taken
/// and ignored. So is `debug`, which prints on a console.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields<'a> {
    tracer: Option<String>,
    #[serde(borrow)]
    tracer_config: Option<&'a RawValue>,
    #[serde(default)]
    disable_stack: bool,
    #[serde(default)]
    disable_storage: bool,
    #[serde(default)]
    enable_memory: bool,
    disable_memory: Option<bool>,
    #[serde(default)]
    enable_return_data: bool,
    disable_return_data: Option<bool>,
    #[serde(default)]
    limit: u64,
    #[serde(borrow)]
    state_overrides: Option<&'a RawValue>,
    #[serde(borrow)]
    block_overrides: Option<&'a RawValue>,
    #[allow(dead_code)]
    timeout: Option<String>,
    #[allow(dead_code)]
    reexec: Option<u64>,
    #[allow(dead_code)]
    debug: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct CallFields {
    only_top_call: bool,
    with_log: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct PrestateFields {
    diff_mode: bool,
    disable_code: bool,
    disable_storage: bool,
}

impl Argument for TraceArgument {
    fn read(json: &str) -> Result<Self, String> {
        let fields: Fields<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let accounts: Option<StateOverrides> = field(fields.state_overrides, "stateOverrides")?;
        let block: Option<BlockOverrides> = field(fields.block_overrides, "blockOverrides")?;
        let overrides =
            Overrides { accounts: accounts.unwrap_or_default().0, block: block.unwrap_or_default() };
        let watch = match fields.tracer.as_deref() {
            // Remix names the default.
            None | Some("" | "structLogger") => Watch::Steps(StepOptions {
                no_stack: fields.disable_stack,
                no_storage: fields.disable_storage,
                memory: fields.enable_memory || fields.disable_memory == Some(false),
                return_data: fields.enable_return_data || fields.disable_return_data == Some(false),
                limit: fields.limit,
            }),
            Some("callTracer") => {
                let CallFields { only_top_call, with_log } = config(fields.tracer_config)?;
                Watch::Calls(CallOptions { only_top: only_top_call, logs: with_log })
            }
            Some("prestateTracer") => {
                let PrestateFields { diff_mode, disable_code, disable_storage } =
                    config(fields.tracer_config)?;
                Watch::Prestate(PrestateOptions {
                    diff: diff_mode,
                    no_code: disable_code,
                    no_storage: disable_storage,
                })
            }
            Some(other) => {
                return Err(format!(
                    "tracer: {other:?} is not supported: there are callTracer, prestateTracer and, when it is left \
                     out, the struct logger"
                ));
            }
        };
        Ok(Self { watch, overrides })
    }
}

fn config<'a, T: Deserialize<'a> + Default>(json: Option<&'a RawValue>) -> Result<T, String> {
    match json {
        None => Ok(T::default()),
        Some(json) if json.get() == "null" => Ok(T::default()),
        Some(json) => serde_json::from_str(json.get()).map_err(|error| format!("tracerConfig: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: serde_json::Value) -> Result<Watch, String> {
        TraceArgument::read(&json.to_string()).map(|argument| argument.watch)
    }

    #[test]
    fn options_are_those_of_each_tracer() {
        let steps = |options| Ok(Watch::Steps(options));
        let table = [
            (json!({}), steps(StepOptions::default())),
            (json!({ "tracer": null, "timeout": "10s", "reexec": 128 }), steps(StepOptions::default())),
            (
                json!({ "disableStack": true, "disableStorage": true, "enableMemory": true,
                    "enableReturnData": true, "limit": 5 }),
                steps(StepOptions {
                    no_stack: true,
                    no_storage: true,
                    memory: true,
                    return_data: true,
                    limit: 5,
                }),
            ),
            (
                json!({ "disableMemory": false, "disableReturnData": true }),
                steps(StepOptions { memory: true, ..StepOptions::default() }),
            ),
            (json!({ "tracer": "callTracer" }), Ok(Watch::Calls(CallOptions::default()))),
            (
                json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true, "onlyTopCall": true } }),
                Ok(Watch::Calls(CallOptions { only_top: true, logs: true })),
            ),
            (
                json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }),
                Ok(Watch::Prestate(PrestateOptions { diff: true, ..PrestateOptions::default() })),
            ),
        ];
        for (json, expected) in table {
            assert_eq!(read(json.clone()), expected, "{json}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let table = [
            (json!("callTracer"), "invalid type"),
            (json!({ "tracer": "4byteTracer" }), "\"4byteTracer\" is not supported"),
            (json!({ "tracer": "{ step: function() {} }" }), "is not supported"),
            (json!({ "trace": "callTracer" }), "unknown field `trace`"),
            (json!({ "txIndex": "0x1" }), "unknown field `txIndex`"),
            (
                json!({ "tracer": "callTracer", "tracerConfig": { "withLogs": true } }),
                "tracerConfig: unknown field `withLogs`",
            ),
            (json!({ "limit": -1 }), "invalid value"),
            (json!({ "stateOverrides": [] }), "stateOverrides: expected an object"),
        ];
        for (json, reason) in table {
            let refusal = read(json.clone()).expect_err("is refused");
            assert!(refusal.contains(reason), "{json}: {refusal}");
        }
    }
}

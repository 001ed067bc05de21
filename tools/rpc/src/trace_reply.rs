//! Traces in the forms of go-ethereum: those of its struct logger, `callTracer` and `prestateTracer`.

use crate::api::{Json, json};
use crate::error::{RpcError, revert_reason};
use crate::hexadecimal::{Data, Fixed, Quantity};
use millrace_primitives::{Address, H256};
use millrace_trace::{AccountState, Frame, FrameLog, Step, Steps, Trace, opcode_name};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Bytes of a word of memory.
const WORD_BYTES: usize = 32;

/// A trace as it is answered.
pub(crate) fn shown(trace: &Trace) -> Result<Json, RpcError> {
    match trace {
        Trace::Steps(steps) => json(&StepsReply::new(steps)),
        Trace::Calls(frames) => calls(frames),
        Trace::Prestate(prestate) => match &prestate.after {
            None => json(&accounts(&prestate.before)),
            Some(after) => json(&DifferenceReply { pre: accounts(&prestate.before), post: accounts(after) }),
        },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepsReply<'a> {
    gas: u64,
    failed: bool,
    return_value: Data<'a>,
    struct_logs: Vec<StepReply<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepReply<'a> {
    pc: u64,
    op: OpcodeName,
    gas: u64,
    gas_cost: u64,
    depth: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<Vec<Quantity>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Vec<Fixed<WORD_BYTES>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<BTreeMap<String, Fixed<32>>>,
}

/// The name of an opcode, also of one that does not exist.
struct OpcodeName(u8);

impl Serialize for OpcodeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match opcode_name(self.0) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(&format_args!("opcode {:#x} not defined", self.0)),
        }
    }
}

impl<'a> StepsReply<'a> {
    fn new(steps: &'a Steps) -> Self {
        Self {
            gas: steps.gas.get(),
            failed: steps.failed,
            return_value: Data(&steps.output),
            struct_logs: steps.steps.iter().map(StepReply::new).collect(),
        }
    }
}

impl<'a> StepReply<'a> {
    fn new(step: &'a Step) -> Self {
        let word = |bytes: &[u8]| {
            let mut word = [0; WORD_BYTES];
            word[..bytes.len()].copy_from_slice(bytes);
            Fixed(word)
        };
        let memory = step.memory.as_ref();
        let returned = step.return_data.as_deref().filter(|bytes| !bytes.is_empty());
        Self {
            pc: step.position,
            op: OpcodeName(step.opcode),
            gas: step.gas,
            gas_cost: step.gas_cost,
            depth: step.depth,
            error: step.error.as_deref(),
            stack: step.stack.as_ref().map(|words| words.iter().copied().map(Quantity).collect()),
            return_data: returned.map(Data),
            memory: memory.map(|memory| memory.chunks(WORD_BYTES).map(word).collect()),
            storage: step.storage.as_ref().map(slots),
        }
    }
}

fn slots(storage: &BTreeMap<H256, H256>) -> BTreeMap<String, Fixed<32>> {
    let slot = |(key, value): (&H256, &H256)| (Data(key.as_bytes()).to_text(), Fixed::from(*value));
    storage.iter().map(slot).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FrameReply<'a> {
    from: Fixed<20>,
    gas: Quantity,
    gas_used: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Fixed<20>>,
    input: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revert_reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogReply<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Quantity>,
    r#type: &'static str,
}

#[derive(Serialize)]
struct LogReply<'a> {
    address: Fixed<20>,
    topics: Vec<Fixed<32>>,
    data: Data<'a>,
    position: Quantity,
}

impl<'a> FrameReply<'a> {
    fn new(frame: &'a Frame) -> Self {
        let log = |log: &'a FrameLog| LogReply {
            address: log.address.into(),
            topics: log.topics.iter().copied().map(Fixed::from).collect(),
            data: Data(&log.data),
            position: u64::from(log.position).into(),
        };
        // Only what reverts has an output and an error.
        let reason = frame.error.as_ref().and_then(|_| revert_reason(&frame.output));
        Self {
            from: frame.from.into(),
            gas: frame.gas.into(),
            gas_used: frame.gas_used.into(),
            to: frame.to.map(Fixed::from),
            input: Data(&frame.input),
            output: (!frame.output.is_empty()).then_some(Data(&frame.output)),
            error: frame.error.as_deref(),
            revert_reason: reason,
            logs: frame.logs.iter().map(log).collect(),
            value: frame.value.map(Quantity),
            r#type: frame.kind.name(),
        }
    }
}

/// The tree of calls, written from the flat list: calls nest 1,024 deep, and the stack of this thread may not be deep
/// enough to follow.
fn calls(frames: &[Frame]) -> Result<Json, RpcError> {
    let mut text = String::new();
    let mut open = 0u32;
    for (index, frame) in frames.iter().enumerate() {
        let shown = serde_json::to_string(&FrameReply::new(frame));
        let shown = shown.map_err(|error| RpcError::internal(&error.to_string()))?;
        text.push_str(shown.strip_suffix('}').unwrap_or(&shown));
        let next = frames.get(index + 1).map(|next| next.depth);
        if next.is_some_and(|next| next > frame.depth) {
            text.push_str(r#","calls":["#);
            open += 1;
            continue;
        }
        text.push('}');
        while open > next.unwrap_or_default() {
            text.push_str("]}");
            open -= 1;
        }
        if next.is_some() {
            text.push(',');
        }
    }
    RawValue::from_string(text).map_err(|error| RpcError::internal(&error.to_string()))
}

#[derive(Serialize)]
struct DifferenceReply<'a> {
    post: BTreeMap<String, AccountReply<'a>>,
    pre: BTreeMap<String, AccountReply<'a>>,
}

#[derive(Serialize)]
struct AccountReply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage: BTreeMap<String, Fixed<32>>,
}

fn accounts(accounts: &BTreeMap<Address, AccountState>) -> BTreeMap<String, AccountReply<'_>> {
    let reply = |account: &AccountState| AccountReply {
        balance: account.balance.map(Quantity),
        code: None,
        nonce: account.nonce,
        storage: slots(&account.storage),
    };
    let shown = accounts.iter().map(|(address, account)| {
        let code = account.code.as_deref().map(Data);
        (Data(address.as_bytes()).to_text(), AccountReply { code, ..reply(account) })
    });
    shown.collect()
}

/// A trace of each transaction of a block, with its name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedTrace {
    pub(crate) tx_hash: Fixed<32>,
    pub(crate) result: Json,
}

/// What `eth_createAccessList` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedReply<'a> {
    pub(crate) access_list: Vec<ListedAccount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
    pub(crate) gas_used: Quantity,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedAccount {
    address: Fixed<20>,
    storage_keys: Vec<Fixed<32>>,
}

impl ListedAccount {
    pub(crate) fn new((address, keys): &(Address, Vec<H256>)) -> Self {
        let storage_keys = keys.iter().copied().map(Fixed::from).collect();
        Self { address: (*address).into(), storage_keys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::{Gas, U256};
    use millrace_trace::{FrameKind, Prestate};
    use serde_json::{Value, json};

    fn value(trace: &Trace) -> Value {
        serde_json::from_str(shown(trace).expect("is shown").get()).expect("is JSON")
    }

    fn address(byte: u8) -> String {
        format!("0x{}", hex::encode([byte; 20]))
    }

    fn word(byte: u8) -> String {
        format!("0x{}", hex::encode([byte; 32]))
    }

    fn frame(depth: u32, kind: FrameKind) -> Frame {
        Frame {
            depth,
            kind,
            from: Address::repeat_byte(1),
            to: Some(Address::repeat_byte(2)),
            value: None,
            gas: 16,
            gas_used: 1,
            input: vec![],
            output: vec![],
            error: None,
            logs: vec![],
        }
    }

    /// Types of frames, and of the frames in them.
    fn tree(frame: &Value) -> Value {
        let calls: Vec<_> = frame["calls"].as_array().into_iter().flatten().map(tree).collect();
        json!([frame["type"], calls])
    }

    #[test]
    fn frames_nest_as_they_called() {
        use FrameKind::{Call, Create, DelegateCall, SelfDestruct, StaticCall};
        let frames = vec![
            frame(0, Call),
            frame(1, StaticCall),
            frame(2, DelegateCall),
            frame(3, SelfDestruct),
            frame(1, Create),
            frame(1, Call),
            frame(2, Call),
        ];
        let expected = json!([
            "CALL",
            [
                ["STATICCALL", [["DELEGATECALL", [["SELFDESTRUCT", []]]]]],
                ["CREATE", []],
                ["CALL", [["CALL", []]]],
            ]
        ]);
        assert_eq!(tree(&value(&Trace::Calls(frames))), expected);
        assert_eq!(tree(&value(&Trace::Calls(vec![frame(0, Call)]))), json!(["CALL", []]));
        // Deeper than any stack could follow.
        let deep: Vec<_> = (0..100_000).map(|depth| frame(depth, Call)).collect();
        let text = shown(&Trace::Calls(deep)).expect("is shown");
        assert!(text.get().ends_with(&"]}".repeat(99_999)));
    }

    #[test]
    fn a_frame_has_the_fields_of_go_ethereum() {
        let mut reverted = frame(0, FrameKind::Call);
        reverted.value = Some(U256::from(5));
        reverted.input = vec![0xab];
        reverted.error = Some("execution reverted".to_owned());
        reverted.output = [&[0x4e, 0x48, 0x7b, 0x71][..], &[0; 31], &[0x01]].concat();
        let expected = json!({ "from": address(1), "to": address(2), "gas": "0x10", "gasUsed": "0x1",
            "input": "0xab", "output": format!("0x{}", hex::encode(&reverted.output)), "value": "0x5",
            "error": "execution reverted", "revertReason": "assert(false)", "type": "CALL" });
        assert_eq!(value(&Trace::Calls(vec![reverted])), expected);
        let mut logs = frame(0, FrameKind::Create);
        logs.to = None;
        logs.logs = vec![FrameLog {
            address: Address::repeat_byte(3),
            topics: vec![H256::repeat_byte(4)],
            data: vec![5],
            position: 1,
        }];
        let shown = value(&Trace::Calls(vec![logs]));
        let log = json!({ "address": address(3), "topics": [word(4)], "data": "0x05", "position": "0x1" });
        assert_eq!(shown["logs"], json!([log]));
        assert_eq!((shown.get("to"), shown.get("output"), shown.get("error")), (None, None, None));
    }

    #[test]
    fn steps_have_the_fields_of_go_ethereum() {
        let whole = Step {
            position: 7,
            opcode: 0x55,
            gas: 100,
            gas_cost: 20,
            depth: 1,
            error: None,
            stack: Some(vec![U256::zero(), U256::from(255)]),
            memory: Some(vec![1; 32]),
            return_data: Some(vec![2]),
            storage: Some(BTreeMap::from([(H256::repeat_byte(3), H256::repeat_byte(4))])),
        };
        let bare =
            Step { opcode: 0x0c, error: Some("invalid opcode".to_owned()), depth: 2, ..Step::default() };
        let steps = Steps { gas: Gas::new(9), failed: true, output: vec![0xaa], steps: vec![whole, bare] };
        let expected = json!({ "gas": 9, "failed": true, "returnValue": "0xaa", "structLogs": [
            { "pc": 7, "op": "SSTORE", "gas": 100, "gasCost": 20, "depth": 1, "stack": ["0x0", "0xff"],
              "memory": [word(1)], "returnData": "0x02", "storage": { word(3): word(4) } },
            { "pc": 0, "op": "opcode 0xc not defined", "gas": 0, "gasCost": 0, "depth": 2,
              "error": "invalid opcode" },
        ] });
        assert_eq!(value(&Trace::Steps(steps)), expected);
    }

    #[test]
    fn accounts_leave_out_what_they_have_not() {
        let account = AccountState {
            balance: Some(U256::from(16)),
            nonce: Some(3),
            code: Some(vec![0x60]),
            storage: BTreeMap::from([(H256::repeat_byte(1), H256::zero())]),
        };
        let before = BTreeMap::from([
            (Address::repeat_byte(1), account),
            (Address::repeat_byte(2), AccountState { balance: Some(U256::zero()), ..Default::default() }),
        ]);
        let all = json!({
            address(1): { "balance": "0x10", "nonce": 3, "code": "0x60", "storage": { word(1): word(0) } },
            address(2): { "balance": "0x0" },
        });
        let prestate = Prestate { before: before.clone(), after: None };
        assert_eq!(value(&Trace::Prestate(prestate)), all);
        let prestate = Prestate { before, after: Some(BTreeMap::new()) };
        assert_eq!(value(&Trace::Prestate(prestate)), json!({ "pre": all, "post": {} }));
    }
}

//! An inspection for programs.

use super::{Content, Decoded, Inspection, Instruction, Kernel, Stored, values::shown};
use crate::{Amount, INSTALLER_BYTES_MAX};
use millrace_layout::{upgrade::KernelRoot, world::Code};
use millrace_primitives::{EMPTY_CODE_HASH, U256};
use millrace_wire::base58::Base58Check;
use serde_json::{Value, json};

impl Inspection {
    /// Everything that is known, as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "installer": {
                "size_bytes": self.size_bytes,
                "size_bytes_max": INSTALLER_BYTES_MAX - 1,
                "is_sdk_kernel": self.is_sdk_kernel,
            },
            "kernel": self.kernel.as_ref().map(kernel),
            "instructions": self.instructions.iter().map(instruction).collect::<Vec<_>>(),
            "values": self.values.iter().map(stored).collect::<Vec<_>>(),
            "parameters": self.parameters,
            "faults": self.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

fn kernel(kernel: &Kernel) -> Value {
    let missing: Vec<String> = kernel.missing.iter().map(ToString::to_string).collect();
    json!({
        "root_hash": kernel.root_hash.to_string(),
        "size_bytes": kernel.size_bytes,
        "pages": kernel.pages,
        "missing": missing,
        "pvm_version": kernel.pvm_version,
    })
}

fn instruction(instruction: &Instruction) -> Value {
    match instruction {
        Instruction::Reveal { hash, to } => json!({ "reveal": { "hash": hash.to_string(), "to": to } }),
        Instruction::Move { from, to } => json!({ "move": { "from": from, "to": to } }),
        Instruction::Set { value, to } => json!({ "set": { "value": hex::encode(value), "to": to } }),
        Instruction::Unknown { tag, size_bytes, reason } => {
            json!({ "unknown": { "tag": tag, "size_bytes": size_bytes, "reason": reason } })
        }
    }
}

fn stored(stored: &Stored) -> Value {
    let bytes = stored.content.bytes();
    let root = match &stored.content {
        Content::Revealed(hash, _) => Some(hash.to_string()),
        Content::Bytes(_) => None,
    };
    json!({
        "path": stored.path,
        "key": stored.key,
        "size_bytes": bytes.map(<[u8]>::len),
        "hex": bytes.map(hex::encode),
        "revealed_from": root,
        "value": stored.decoded.as_ref().map(decoded),
    })
}

/// A value as JSON: amounts as text, words and hashes as hexadecimal digits after `0x`.
pub(super) fn decoded(decoded: &Decoded) -> Value {
    match decoded {
        Decoded::Parameters(parameters) => {
            let written = super::values::written(parameters, None, &super::values::World::default());
            let mut value = serde_json::to_value(written).unwrap_or_default();
            // Authority and accounts have keys of their own.
            if let Value::Object(map) = &mut value {
                map.remove("sequencer");
                map.insert("chain_id".to_owned(), chain_id(parameters.chain_id));
                map.insert(
                    "genesis".to_owned(),
                    json!({
                        "timestamp": parameters.genesis_timestamp.get(),
                        "allocation_digest": format!("{:?}", parameters.allocation_digest),
                    }),
                );
            }
            value
        }
        Decoded::Authority(authority) => {
            let members: Vec<String> = authority.members.iter().map(Base58Check::to_base58).collect();
            json!({ "epoch": authority.epoch.get(), "quorum": authority.quorum, "members": members })
        }
        Decoded::Account(address, account) => json!({
            "address": shown(*address),
            "balance": Amount(account.balance).in_largest_unit(),
            "nonce": account.nonce,
            "code_hash": (account.code_hash != EMPTY_CODE_HASH).then(|| format!("{:?}", account.code_hash)),
        }),
        Decoded::Code(hash, Code(code)) => {
            json!({ "hash": format!("{hash:?}"), "code": format!("0x{}", hex::encode(code)) })
        }
        Decoded::Slot(address, slot, value) => json!({
            "address": shown(*address),
            "slot": format!("{slot:?}"),
            "value": format!("{value:?}"),
        }),
        Decoded::Version(version) => json!(version),
        Decoded::Root(KernelRoot(root)) => json!(hex::encode(root)),
    }
}

/// A number, or the text of one that is too large for most readers.
fn chain_id(chain_id: U256) -> Value {
    u64::try_from(chain_id).map_or_else(|_| json!(chain_id.to_string()), |number| json!(number))
}

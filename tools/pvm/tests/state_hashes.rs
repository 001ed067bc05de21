//! The hash of the whole machine: recorded ones of Octez's, and all levels of the vectors in the folder that
//! `MILLRACE_PVM_VECTORS` names.

use millrace_pvm::reveal::RevealHash;
use millrace_pvm::{
    Constants, DalParameters, Machine, MachineConfig, PreimageMap, Preimages, Pvm, PvmError, Registers,
    Rollup, State, Status, Version,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROLLUP: Rollup = Rollup { address: [0; 20], origination_level: 0 };

fn machine() -> Machine {
    Machine::new(MachineConfig::default()).expect("a machine")
}

fn originate(kernel: &str) -> Pvm {
    let kernel = hex::decode(kernel).expect("hexadecimal digits");
    Pvm::originate(machine(), ROLLUP, Arc::new(PreimageMap::default()), Version::V5, kernel)
}

fn shown(pvm: &Pvm) -> String {
    pvm.state().hash().map_or_else(|| "unknown".into(), |hash| hash.to_string())
}

/// The inputs of a level with these external messages, the time and the hash of the block before being zeros.
fn inputs(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let info = millrace_pvm::inputs::LevelInfo { predecessor_timestamp: 0, predecessor: [0; 32] };
    let messages: Vec<_> = messages.iter().map(|message| millrace_pvm::inputs::external(message)).collect();
    millrace_pvm::inputs::level_inputs(info, None, &messages)
}

#[test]
fn outboxes_reboots_and_values_hash_as_octez_hashed_them() {
    // Three runs a level, a hundred messages of 4 bytes in its outbox.
    const KERNEL: &str = "0061736d0100000001130360027f7f017f60057f7f7f7f7f017f60000002610311736d6172745f726f6c6c75705f636f\
     72650c77726974655f6f7574707574000011736d6172745f726f6c6c75705f636f72650b73746f72655f777269746500\
     0111736d6172745f726f6c6c75705f636f72650a73746f72655f726561640001030201020503010002071402036d656d\
     02000a6b65726e656c5f72756e00030a940101910101037f41e4004102410041f800410410021a41f800280200210041\
     f800200041016a36020041e4004102410041f800410410011a034041f403200041e8076c20016a36020041f403410410\
     002102200141016a210120014128490d000b41d804200236020041aa014106410420006c41d804410410011a20004103\
     704102490440418c01411241004100410010011a0b0b0b2d030041e4000b022f6e00418c010b122f6b65726e656c2f65\
     6e762f7265626f6f740041aa010b062f636f646573";
    let mut pvm = originate(KERNEL);
    assert_eq!(shown(&pvm), "srs134vgMZ8UBpCqudTjgdQJ6B7mNrDU9F14vGooSzWD4VzzXbRFyx");
    for (level, expected) in [
        (0, "srs11SGKfkZLWksn6gFLyKgeUNJwgVro22ZqAPPU48fRv16D5xEFQz"),
        (1, "srs12xNXtGYFAuNtd4AAeGhxDA5rEMgrWPc57EWNDXMNxdkMPP3ugp"),
    ] {
        let report = pvm.run_level(level, &inputs(&[])).expect("a level");
        assert_eq!((report.runs.len(), report.outbox.len()), (3, 100));
        assert_eq!(shown(&pvm), expected);
    }
}

#[test]
fn a_stuck_machine_hashes_as_octez_hashed_it_once_its_ticks_are_known() {
    // It has no function `kernel_run`.
    const KERNEL: &str =
        "0061736d01000000010401600000030201000503010001070d02016d0200056f7468657200000a040102000b";
    const PHASES_TICKS: u64 = 76 + 1 + 39;
    let mut pvm = originate(KERNEL);
    assert_eq!(shown(&pvm), "srs11oCHwLbjdDksY5BavmJjUBZ1fngdpZHMx9hDt18jNZNzfdpLtq");
    pvm.run_level(0, &inputs(&[b"L0M0", b"L0M1", b"L0M2"])).expect("a level");
    assert_eq!(shown(&pvm), "unknown");
    let mut state = pvm.state().clone();
    state.count_stuck_run(PHASES_TICKS);
    pvm.set_state(state);
    assert_eq!(shown(&pvm), "srs12cTk8EE8vkBLceHB15psnxeyk7aBmQ1SddgBcxpAqaMMRsW7Y6");
    pvm.run_level(1, &inputs(&[b"L1M0", b"L1M1", b"L1M2"])).expect("a level");
    assert_eq!(shown(&pvm), "srs11Wp1QafLaqdjgepZGZv2NBEGDKc5ichHt4yd4n4bDXQGcwNQuB");
}

#[test]
fn each_level_has_its_hash_and_a_state_of_which_less_is_known_has_none() {
    // The window is two levels, and a level is a run.
    let constants = Constants { outbox_validity_levels: 2, ..Constants::default() };
    let kernel =
        wat::parse_str(r#"(module (memory (export "m") 1) (func (export "kernel_run")))"#).expect("a kernel");
    let mut pvm = originate(&hex::encode(kernel));
    let mut start = pvm.state().clone();
    start.registers = Some(Registers::originated(constants));
    pvm.set_state(start.clone());
    let mut seen = vec![shown(&pvm)];
    for level in 0..4 {
        pvm.run_level(level, &inputs(&[])).expect("a level");
        seen.push(shown(&pvm));
    }
    let ticks = pvm.state().registers.as_ref().and_then(Registers::tick);
    assert_eq!(ticks, Some(4 * 2 * u128::from(constants.ticks_per_snapshot)));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "each level has another hash");
    assert_eq!(State::of(start.durable, Status::WaitingForInput).hash(), None);
}

struct Recorded {
    preimages: BTreeMap<Vec<u8>, Vec<u8>>,
    dal: DalParameters,
}

impl Preimages for Recorded {
    fn preimage(&self, hash: &RevealHash) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.preimages.get(hash.as_slice()).cloned())
    }

    fn dal_page(&self, _: millrace_pvm::DalPage) -> std::io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn dal_parameters(&self) -> DalParameters {
        self.dal
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string of hexadecimal digits")).expect("hexadecimal digits")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The machine of a vector, originated as it was.
fn recorded(vector: &Value, machine: &Machine) -> Pvm {
    let parameters = &vector["params"];
    let (metadata, dal) = (bytes(&parameters["metadata"]), bytes(&parameters["dal_parameters"]));
    let word = |index: usize| i64::from_be_bytes(dal[8 * index..8 * index + 8].try_into().expect("8 bytes"));
    let preimages = vector["preimages"].as_object().expect("a table of preimages");
    let preimages = preimages.iter().map(|(hash, data)| (hex::decode(hash).expect("a hash"), bytes(data)));
    let dal = DalParameters {
        number_of_slots: word(0),
        attestation_lag: word(1),
        slot_size_bytes: word(2),
        page_size_bytes: word(3),
    };
    let rollup = Rollup {
        address: metadata[..20].try_into().expect("20 bytes"),
        origination_level: u32::from_be_bytes(metadata[20..].try_into().expect("4 bytes")),
    };
    let version = Version::parse(vector["pvm_version"].as_str().expect("a version").as_bytes())
        .expect("a known version");
    let preimages = Arc::new(Recorded { preimages: preimages.collect(), dal });
    let mut pvm =
        Pvm::originate(machine.clone(), rollup, preimages, version, bytes(&vector["kernel"]["wasm"]));
    let constants = Constants {
        ticks_per_snapshot: number(&parameters["ticks_per_snapshot"]),
        outbox_validity_levels: number(&parameters["outbox_validity_period"]) as u32,
        outbox_messages_per_level_max: number(&parameters["outbox_message_limit"]) as usize,
        reboots_per_level_max: number(&parameters["maximum_reboots_per_input"]) as u32,
    };
    let mut state = pvm.state().clone();
    state.registers = Some(Registers::originated(constants));
    pvm.set_state(state);
    pvm
}

/// Levels that agree and those of which the hash is not known; the first that does not agree is an error.
#[derive(Default)]
struct Agreement {
    at_rest: usize,
    stuck: usize,
    unknown: Vec<String>,
}

impl Agreement {
    fn add(&mut self, vector: &Value, machine: &Machine) -> Result<(), String> {
        let mut pvm = recorded(vector, machine);
        let name = &vector["name"];
        if vector["expected"]["initial_state_hash"]["b58"] != shown(&pvm) {
            return Err(format!("{name}: the origination"));
        }
        self.at_rest += 1;
        let levels = vector["levels"].as_array().expect("levels");
        for (level, expected) in levels.iter().zip(vector["expected"]["levels"].as_array().expect("levels")) {
            let inputs: Vec<_> = level["inbox"].as_array().expect("an inbox").iter().map(bytes).collect();
            let was_stuck = pvm.state().status != Status::WaitingForInput;
            match pvm.run_level(number(&expected["level"]) as u32, &inputs) {
                Err(PvmError::PreimageMissing { .. }) => {
                    self.unknown.push(format!("{name}: in the middle of a run"));
                    return Ok(());
                }
                report => drop(report.map_err(|error| format!("{name}: {error}"))?),
            }
            let is_stuck = pvm.state().status != Status::WaitingForInput;
            if is_stuck && !was_stuck {
                // The recording counts what this machine does not.
                let last = expected["runs"].as_array().and_then(|runs| runs.last()).expect("a run");
                let phases = last["ticks"].as_object().expect("ticks of phases");
                let mut state = pvm.state().clone();
                state.count_stuck_run(phases.values().map(number).sum());
                pvm.set_state(state);
            }
            match pvm.state().hash() {
                None => self.unknown.push(format!("{name}: {:?}", pvm.state().status)),
                Some(hash) if expected["state_hash"]["b58"] != hash.to_string() => {
                    return Err(format!("{name}, level {}: {hash}", expected["level"]));
                }
                Some(_) if is_stuck => self.stuck += 1,
                Some(_) => self.at_rest += 1,
            }
        }
        Ok(())
    }
}

#[test]
fn recorded_levels_hash_as_octez_hashed_them() {
    /// Only counting ticks finds out that it is stuck.
    const WITHOUT_TICKS: [&str; 2] = ["too_many_ticks", "too_many_ticks_edge_fails"];
    let Some(folder) = std::env::var_os("MILLRACE_PVM_VECTORS") else {
        eprintln!("MILLRACE_PVM_VECTORS names no folder: no vector was run");
        return;
    };
    let machine = machine();
    let mut agreement = Agreement::default();
    let mut differences = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of vectors") {
        let file = entry.expect("an entry of the folder").path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let content = std::fs::read_to_string(&file).expect("a readable file");
        let vector: Value = serde_json::from_str(&content).expect("a vector");
        if !WITHOUT_TICKS.iter().any(|name| vector["name"] == *name) {
            differences.extend(agreement.add(&vector, &machine).err());
        }
    }
    let Agreement { at_rest, stuck, unknown } = agreement;
    eprintln!("{at_rest} states at rest and {stuck} stuck ones agree, {} are not known:", unknown.len());
    unknown.iter().for_each(|state| eprintln!("  {state}"));
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(at_rest > 0, "no vector in the folder");
}

//! From YAML to files, and back by the rules of the PVM's installer.

mod readback;

use crate::*;
use millrace_layout::{
    Value,
    parameters::{self as layout, Parameters as StoredParameters},
};
use millrace_primitives::{Account, Address, Epoch, Fork, Gas, H256, PreimageHash, U256};
use millrace_wire::{
    address::{Curve, PublicKeyHash},
    authority::{Authority, PublicKey},
    base58::Base58Check,
    signature::SecretKey,
};
use sha3::{Digest as _, Keccak256};

const EXAMPLE: &str = include_str!("../rollup.example.yaml");
const SANDBOX: &str = include_str!("../sandbox.yaml");

/// A kernel of about `size_bytes` bytes that passes the check of artifacts.
fn kernel(size_bytes: usize) -> Vec<u8> {
    // Bytes that differ from page to page.
    let data: String = (0..size_bytes).map(|i| format!("\\{:02x}", (i * 7 + i / 4_091) % 251)).collect();
    let text = format!(
        r#"(module (memory (export "memory") 40) (func (export "kernel_run")) (data (i32.const 0) "{data}"))"#
    );
    wat::parse_str(text).expect("the test's kernel")
}

/// An instruction of the program, decoded by the format of the Octez documents.
#[derive(PartialEq, Eq, Debug)]
enum Instruction {
    Reveal { hash: PreimageHash, to: String },
    Move { from: String, to: String },
    Set { value: Vec<u8>, to: String },
}

fn bytes<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (bytes, rest) = input.split_at(length);
    *input = rest;
    bytes
}

fn le_u32(input: &mut &[u8]) -> usize {
    u32::from_le_bytes(bytes(input, 4).try_into().expect("four bytes")) as usize
}

fn path(input: &mut &[u8]) -> String {
    let length = usize::from(bytes(input, 1)[0]);
    String::from_utf8(bytes(input, length).to_vec()).expect("a path")
}

/// Reads the program as the installer kernel does: from the end of its own module.
fn program(installer: &[u8]) -> Vec<Instruction> {
    let (rest, mut size) = installer.split_at(installer.len() - 4);
    let mut input = &rest[rest.len() - le_u32(&mut size)..];
    let mut instructions = Vec::new();
    while !input.is_empty() {
        let length = le_u32(&mut input);
        assert!(length <= INSTRUCTION_BYTES_MAX, "the installer's buffer has {INSTRUCTION_BYTES_MAX} bytes");
        let mut one = bytes(&mut input, length);
        instructions.push(match bytes(&mut one, 1) {
            [0] => {
                let length = le_u32(&mut one);
                let hash = PreimageHash::from_slice(bytes(&mut one, length)).expect("33 bytes");
                Instruction::Reveal { hash, to: path(&mut one) }
            }
            [1] => Instruction::Move { from: path(&mut one), to: path(&mut one) },
            [2] => {
                let length = le_u32(&mut one);
                Instruction::Set { value: bytes(&mut one, length).to_vec(), to: path(&mut one) }
            }
            tag => panic!("no instruction has tag {tag:?}"),
        });
        assert!(one.is_empty(), "bytes after an instruction");
    }
    instructions
}

/// Reveals as the installer kernel does: pages of hashes at most three deep, then contents.
fn reveal(preimages: &Preimages, hash: &PreimageHash, depth_max: usize, out: &mut Vec<u8>) {
    let page = preimages.page(hash).expect("a page that the tree names");
    assert!(page.len() <= PAGE_BYTES_MAX);
    assert_eq!(Preimages::name(page), *hash, "a page is named by its digest");
    let (header, body) = page.split_at(5);
    assert_eq!(u32::from_be_bytes(header[1..].try_into().expect("four bytes")) as usize, body.len());
    match header[0] {
        0 => out.extend_from_slice(body),
        1 => {
            assert!(depth_max > 0, "deeper than the installer goes");
            let (hashes, []) = body.as_chunks::<33>() else { panic!("a broken page of hashes") };
            hashes.iter().for_each(|hash| reveal(preimages, &PreimageHash::new(*hash), depth_max - 1, out));
        }
        tag => panic!("no page has tag {tag}"),
    }
}

fn revealed(preimages: &Preimages, hash: &PreimageHash) -> Vec<u8> {
    let mut out = Vec::new();
    reveal(preimages, hash, 3, &mut out);
    out
}

/// The values that a program leaves in durable storage, by path.
fn installed(dist: &Dist) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut store = std::collections::BTreeMap::new();
    for instruction in program(&dist.installer) {
        match instruction {
            Instruction::Reveal { hash, to } => store.insert(to, revealed(&dist.preimages, &hash)),
            Instruction::Move { from, to } => {
                let value = store.remove(&from).expect("something to move");
                store.insert(to, value)
            }
            Instruction::Set { value, to } => store.insert(to, value),
        };
    }
    store
}

#[test]
fn the_files_say_what_the_code_says_and_the_example_states_every_default() {
    assert_eq!(Parameters::from_yaml(SANDBOX).expect("the sandbox parses"), development::parameters());
    let example = Parameters::from_yaml(EXAMPLE).expect("the example parses");
    let mut of_a_sandbox = development::parameters();
    of_a_sandbox.fees = Fees::default();
    of_a_sandbox.genesis.contracts.clear();
    of_a_sandbox.contracts = Contracts::default();
    assert_eq!(example, of_a_sandbox);
    let minimal = Parameters::from_yaml(&format!("sequencer: {}", development::SEQUENCER)).expect("enough");
    assert_eq!(minimal, Parameters::new(development::SEQUENCER));
    assert_eq!(minimal.fees, example.fees);
    assert_eq!(minimal.limits, example.limits);
    assert_eq!(minimal.dal, example.dal);
    assert_eq!(minimal.upgrades, example.upgrades);
    // The texts of our defaults mean the kernel's defaults.
    let genesis = minimal.genesis().expect("sound defaults");
    assert_eq!(genesis.parameters, StoredParameters::default());
}

#[test]
fn the_development_keys_belong_together() {
    let secret = SecretKey::from_base58(development::SEQUENCER_SECRET).expect("a secret key");
    assert_eq!(secret.public_key().to_base58(), development::SEQUENCER);
}

#[test]
fn the_installer_leaves_the_kernel_and_every_genesis_value() {
    let mut parameters = development::parameters();
    parameters.chain_id = 4242;
    parameters.ticketer = Some("KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn".to_owned());
    parameters.pool = Some("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".to_owned());
    // More than 123 pages: two levels of hashes.
    let kernel = kernel(600_000);
    let dist = build(&parameters, &kernel).expect("an installer");
    assert!(dist.installer.len() < INSTALLER_BYTES_MAX);
    millrace_artifact::check(&dist.installer, millrace_artifact::Purpose::Installer)
        .expect("a module for the PVM");
    assert_eq!(revealed(&dist.preimages, &dist.root_hash), kernel);
    assert_eq!(dist.preimages.count(), kernel.len().div_ceil(4_091) + 2 + 1);

    let store = installed(&dist);
    assert_eq!(store.get("/kernel/boot.wasm"), Some(&kernel));
    let stored = StoredParameters::decode(&store["/base/parameters"]).expect("parameters");
    assert_eq!(stored.chain_id, U256::from(4242));
    assert_eq!(stored.fork, Fork::Osaka);
    assert_eq!(stored.contracts.ticketer.map(|kt1| kt1.to_base58()), parameters.ticketer);
    assert_eq!(stored.execution_gas_transaction_max, Gas::new(30_000_000));
    let authority = Authority::decode(&store["/base/authority"]).expect("an authority");
    let sequencer = PublicKey::from_base58(development::SEQUENCER).expect("a key");
    assert_eq!(authority, Authority::single(Epoch::new(0), sequencer));

    let mut addresses: Vec<String> = development::ACCOUNTS.iter().map(|a| a[2..].to_lowercase()).collect();
    addresses.sort_unstable();
    let balance = U256::exp10(22);
    for address in &addresses {
        let account =
            Account::decode(&store[&format!("/evm/world/accounts/{address}/info")]).expect("an account");
        assert_eq!(account, Account { balance, ..Account::default() });
    }
    let code = hex::decode(&development::DEPLOYER_CODE[2..]).expect("digits");
    let code_hash = H256(Keccak256::digest(&code).into());
    let deployer = development::DEPLOYER[2..].to_lowercase();
    let account = Account::decode(&store[&format!("/evm/world/accounts/{deployer}/info")]);
    let expected = Account { nonce: 1, code_hash, ..Account::default() };
    assert_eq!(account, Some(expected));
    assert_eq!(store[&format!("/evm/world/codes/{}", hex::encode(code_hash))], code);
    assert_eq!(store.len(), 3 + addresses.len() + 2, "nothing else is written");
    let address = |digits: &String| Address::from_slice(&hex::decode(digits).expect("digits"));
    let plain = Account { balance, ..Account::default() };
    let mut accounts: Vec<_> = addresses.iter().map(|digits| (address(digits), plain)).collect();
    accounts.push((address(&deployer), expected));
    accounts.sort_unstable_by_key(|(address, _)| *address);
    assert_eq!(stored.allocation_digest, millrace_layout::world::allocation_digest(&accounts));
}

#[test]
fn the_genesis_commits_to_code_nonce_and_storage() {
    let digest = |change: &dyn Fn(&mut Contract)| {
        let mut parameters = development::parameters();
        change(parameters.genesis.contracts.get_mut(development::DEPLOYER).expect("the deployer"));
        parameters.genesis().expect("sound parameters").parameters.allocation_digest
    };
    let storage = |slot: &str, value: &str| [(slot.to_owned(), value.to_owned())].into();
    let digests = [
        digest(&|_| {}),
        digest(&|contract| contract.storage = storage("0x1", "0x2")),
        digest(&|contract| contract.storage = storage("0x2", "0x1")),
        digest(&|contract| contract.code = "0x00".to_owned()),
        digest(&|contract| contract.nonce = 0),
        digest(&|contract| contract.balance = "1".to_owned()),
    ];
    for (index, one) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(one), "{index}");
    }
}

#[test]
fn the_largest_code_is_revealed_and_shared_by_contracts() {
    let code: Vec<u8> = (0..CODE_BYTES_MAX).map(|i| (i % 239) as u8).collect();
    let contract = Contract::new(format!("0x{}", hex::encode(&code)));
    let mut parameters = development::parameters();
    for index in 1..=2 {
        parameters.genesis.contracts.insert(format!("0xc0de{index:036x}"), contract.clone());
    }
    let dist = build(&parameters, &kernel(100)).expect("an installer");
    let hash = hex::encode(Keccak256::digest(&code));
    assert_eq!(installed(&dist)[&format!("/evm/world/codes/{hash}")], code);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let kernel = kernel(9_000);
    let build = || build(&development::parameters(), &kernel).expect("an installer");
    assert_eq!(build(), build());
}

#[test]
fn a_value_beyond_the_installers_buffer_is_revealed() {
    let mut genesis = development::parameters().genesis().expect("sound parameters");
    let members: Vec<PublicKey> = (0..20).map(|i| SecretKey::from_seed(&[i; 32]).public_key()).collect();
    let authority = Authority { epoch: Epoch::new(0), members, quorum: 14 };
    genesis.authority = Some(authority.clone());
    let mut preimages = Preimages::default();
    let kernel = kernel(100);
    let root_hash = preimages.add(&kernel).expect("pages");
    let installer = crate::program::installer(&genesis, root_hash, &mut preimages).expect("an installer");
    let parameters = development::parameters();
    let dist = Dist { kernel, installer, preimages, root_hash, parameters };
    assert!(
        matches!(&program(&dist.installer)[3], Instruction::Reveal { to, .. } if to == "/base/authority")
    );
    assert_eq!(Authority::decode(&installed(&dist)["/base/authority"]), Some(authority));
}

#[test]
fn too_many_accounts_are_refused_with_the_size() {
    let mut parameters = development::parameters();
    let account = |i: usize| (format!("0x{i:040x}"), Funds::new("1 ether"));
    parameters.genesis.contracts.clear();
    parameters.genesis.accounts = (1..=100).map(account).collect();
    let kernel = kernel(100);
    build(&parameters, &kernel).expect("a hundred accounts fit");
    parameters.genesis.accounts = (1..=200).map(account).collect();
    let error = build(&parameters, &kernel).expect_err("200 do not");
    let InstallerError::TooLarge { size_bytes, accounts: 200, account_bytes } = error else {
        panic!("{error}")
    };
    assert!(size_bytes > INSTALLER_BYTES_MAX && account_bytes < size_bytes && account_bytes > 200 * 72);
}

#[test]
fn what_does_not_come_from_a_text_is_checked_too() {
    let refusal = |change: &dyn Fn(&mut Parameters)| {
        let mut parameters = development::parameters();
        change(&mut parameters);
        parameters.genesis().expect_err("nonsense").to_string()
    };
    let with = |field: &str, error: String| assert!(error.starts_with(field), "{error}");
    with("sequencer: ", refusal(&|p| p.sequencer = "edpk".to_owned()));
    with("chain_id: expected", refusal(&|p| p.chain_id = 0));
    with("fees.base_fee_min: ", refusal(&|p| p.fees.base_fee_min = "0".to_owned()));
    with("limits.gas_limit_header: expected", refusal(&|p| p.limits.gas_limit_header = u64::MAX));
    with(
        "genesis.accounts.a: ",
        refusal(&|p| p.genesis.accounts.extend([("a".to_owned(), Funds::new("1"))])),
    );
    let too_large = format!("0x{}", "00".repeat(CODE_BYTES_MAX + 1));
    let contract = Contract::new(too_large);
    let address = format!("0xc0de{:036x}", 1);
    with(
        &format!("genesis.contracts.{address}.code: no code: more than 24,576 bytes"),
        refusal(&|p| p.genesis.contracts.extend([(address.clone(), contract.clone())])),
    );
}

#[test]
fn what_is_imported_is_listed_once_and_from_somewhere() {
    let account = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
    let text = format!(
        "sequencer: {}\ndal:\n  enabled: true\n  slots: [7, 0]\n  publishers: [{account}]",
        development::SEQUENCER
    );
    let parameters = Parameters::from_yaml(&text).expect("sound");
    let dal = parameters.genesis().expect("sound").parameters.dal;
    assert_eq!((dal.is_enabled, dal.has_signals, dal.slots), (true, true, vec![0, 7]));
    assert_eq!(dal.publishers.iter().map(Base58Check::to_base58).collect::<Vec<_>>(), [account]);
    let refusal = |change: &dyn Fn(&mut Dal)| {
        let mut parameters = parameters.clone();
        change(&mut parameters.dal);
        parameters.genesis().expect_err("nonsense").to_string()
    };
    let with = |field: &str, error: String| assert!(error.starts_with(field), "{error}");
    with("dal.slots[1]:", refusal(&|dal| dal.slots = vec![3, 3]));
    with("dal.publishers[1]:", refusal(&|dal| dal.publishers.push(account.to_owned())));
    with("dal.publishers[1]:", refusal(&|dal| dal.publishers.push(development::SEQUENCER.to_owned())));
    with(
        "dal.publishers:",
        refusal(&|dal| {
            let many = (0..=layout::PUBLISHERS_MAX as u8)
                .map(|byte| PublicKeyHash { curve: Curve::Bls, hash: [byte; 20] });
            dal.publishers = many.map(|publisher| publisher.to_base58()).collect();
        }),
    );
    with("dal.enabled:", refusal(&|dal| (dal.slots, dal.publishers) = (vec![], vec![])));
    with("dal.slots:", refusal(&|dal| (dal.signals, dal.publishers) = (false, vec![])));
}

#[test]
fn a_kernel_that_the_pvm_refuses_is_not_shipped() {
    let floats =
        wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "kernel_run") (local f64)))"#);
    let error = build(&development::parameters(), &floats.expect("a module")).expect_err("floats");
    assert!(matches!(error, InstallerError::Artifact(_)), "{error}");
}

#[test]
fn the_folder_holds_exactly_what_was_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = build(&development::parameters(), &kernel(20_000)).expect("an installer");
    first.write(folder.path()).expect("written");
    let second = build(&development::parameters(), &kernel(10_000)).expect("an installer");
    second.write(folder.path()).expect("written over");
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect(name);
    assert_eq!(read("kernel.wasm"), second.kernel);
    assert_eq!(read("installer.wasm"), second.installer);
    let names = |sub: &str| {
        let mut names: Vec<String> = std::fs::read_dir(folder.path().join(sub))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(""), ["installer.wasm", "kernel.wasm", "preimages", "rollup.json"]);
    let pages: Vec<String> = second.preimages.iter().map(|(hash, _)| hash.to_string()).collect();
    assert_eq!(names("preimages"), pages);
    assert!(
        pages
            .iter()
            .all(|name| name.len() == 66 && read(&format!("preimages/{name}")).len() <= PAGE_BYTES_MAX)
    );
    let index: serde_json::Value = serde_json::from_slice(&read("rollup.json")).expect("JSON");
    assert_eq!(index["root_hash"], second.root_hash.to_string());
    assert_eq!(index["kernel"]["size_bytes"], second.kernel.len());
    assert_eq!(index["parameters"]["chain_id"], 1337);
    // Writing the same again touches nothing.
    let time =
        |name: &str| std::fs::metadata(folder.path().join(name)).expect(name).modified().expect("a time");
    let before = time("kernel.wasm");
    second.write(folder.path()).expect("written again");
    assert_eq!(time("kernel.wasm"), before);
}

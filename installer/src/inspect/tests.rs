//! Installers of ours, of others, and of nobody who means well.

use super::*;
use crate::{Dist, PAGE_BYTES_MAX, development};
use millrace_layout::catalog;
use tezos_smart_rollup_host::path::OwnedPath;
use tezos_smart_rollup_installer::installer::with_config_program;
use tezos_smart_rollup_installer_config::binary::owned::{
    OwnedBytes, OwnedConfigInstruction, OwnedConfigProgram,
};

/// A kernel of several pages that passes the check of artifacts.
fn a_kernel() -> Vec<u8> {
    let data: String = (0..20_000).map(|i| format!("\\{:02x}", (i * 7 + i / 4_091) % 251)).collect();
    let text = format!(
        r#"(module (memory (export "memory") 40) (func (export "kernel_run")) (data (i32.const 0) "{data}"))"#
    );
    wat::parse_str(text).expect("the test's kernel")
}

fn a_dist() -> Dist {
    build(&development::parameters(), &a_kernel()).expect("an installer")
}

fn path(text: &str) -> OwnedPath {
    OwnedPath::try_from(text.to_owned()).expect("a path")
}

fn set(to: &str, value: &[u8]) -> OwnedConfigInstruction {
    OwnedConfigInstruction::set_instr(OwnedBytes(value.to_vec()), path(to))
}

/// An installer with these instructions.
fn with(instructions: Vec<OwnedConfigInstruction>) -> Vec<u8> {
    with_config_program(OwnedConfigProgram(instructions))
}

/// An installer with a program of any bytes.
fn with_bytes(program: &[u8]) -> Vec<u8> {
    let empty = with(vec![]);
    let parts = program::parts(&empty).expect("parts");
    let mut contents = vec![6];
    contents.extend_from_slice(b"config");
    contents.extend_from_slice(program);
    contents.extend_from_slice(&u32::try_from(program.len()).expect("small").to_le_bytes());
    let mut module = parts.kernel.to_vec();
    module.push(0);
    let mut size = contents.len();
    while size >= 0x80 {
        module.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    module.push(size as u8);
    module.extend_from_slice(&contents);
    module
}

/// One instruction with its size before it.
fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("small").to_le_bytes(), bytes].concat()
}

/// The program of ours, changed.
fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Inspection {
    let genesis = development::parameters().genesis().expect("sound");
    let mut values = genesis.settings().expect("settings");
    values.extend(genesis.allocation().expect("allocation"));
    change(&mut values);
    let dist = a_dist();
    let boot = path(&BOOT_KERNEL.to_string());
    let mut program = vec![OwnedConfigInstruction::reveal_instr(dist.root_hash.as_bytes().into(), boot)];
    program.extend(values.iter().map(|(to, value)| set(to, value)));
    inspect(&with(program), Pages::Memory(&dist.preimages)).expect("an installer")
}

fn faults(inspection: &Inspection) -> Vec<String> {
    inspection.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn an_installer_of_ours_is_told_whole() {
    let dist = a_dist();
    let inspection = inspect(&dist.installer, Pages::Memory(&dist.preimages)).expect("an installer");
    assert_eq!(faults(&inspection), [""; 0]);
    let found = inspection.parameters.as_ref().and_then(|parameters| parameters.genesis().ok());
    assert_eq!(found, development::parameters().genesis().ok());
    assert!(inspection.is_sdk_kernel);
    assert_eq!(inspection.size_bytes, dist.installer.len());
    let kernel = inspection.kernel.as_ref().expect("a kernel");
    assert_eq!(kernel.root_hash, dist.root_hash);
    assert_eq!((kernel.size_bytes, kernel.pages), (Some(dist.kernel.len()), dist.preimages.count()));
    assert_eq!(kernel.pvm_version.as_deref(), Some("2.0.0"));
    let text = inspection.to_string();
    for line in [
        &format!("{} bytes in {} pages, needs PVM 2.0.0 or later", dist.kernel.len(), dist.preimages.count()),
        "  chain_id: 1337",
        "  fork: osaka",
        "  fees.base_fee_min: 1 gwei",
        "  members[0]: edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
        "  balance: 10000 ether",
        "  address: 0x4e59b44847b379578588920cA78FbF26c0B4956C",
        "nothing is wrong with it",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let json = inspection.to_json();
    assert_eq!(json["kernel"]["root_hash"], dist.root_hash.to_string());
    assert_eq!(json["parameters"]["chain_id"], 1337);
    assert_eq!(json["values"].as_array().map(Vec::len), Some(inspection.values.len()));
    assert_eq!(json["instructions"].as_array().map(Vec::len), Some(inspection.instructions.len()));
    assert_eq!(json["faults"], serde_json::json!([]));
    for value in &inspection.values {
        assert!(value.decoded.is_some() && value.key.is_some(), "{value}");
    }
}

#[test]
fn pages_may_be_somewhere_else_or_partly_missing_or_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let dist = a_dist();
    dist.write(folder.path()).expect("written");
    let (file, pages) = (folder.path().join("installer.wasm"), folder.path().join("preimages"));
    let look = |pages| inspect_file(&file, pages, None).expect("an installer");
    assert_eq!(faults(&look(Pages::Folder(&pages))), [""; 0]);
    // Nobody said where they are: no fault, and no size.
    let without = look(Pages::None);
    assert_eq!(faults(&without), [""; 0]);
    assert!(without.to_string().contains("of unknown size: 0 pages are at hand"), "{without}");
    // One less, one too large, one of other bytes.
    let (hash, page) = dist.preimages.iter().find(|(_, page)| page[0] == 0).expect("contents");
    let one = pages.join(hash.to_string());
    std::fs::remove_file(&one).expect("removed");
    let named = |end: &str| [format!("page {hash}, which /kernel/boot.wasm needs{end}")];
    assert_eq!(faults(&look(Pages::Folder(&pages))), named(", is missing"));
    std::fs::write(&one, vec![0; PAGE_BYTES_MAX + 1]).expect("written");
    assert_eq!(faults(&look(Pages::Folder(&pages))), named(": it has 4097 bytes; a page has at most 4096"));
    let mut other = page.to_vec();
    other[100] ^= 1;
    std::fs::write(&one, other).expect("written");
    assert_eq!(faults(&look(Pages::Folder(&pages))), named(": its bytes are not those of its name"));
}

/// The pages of a tree in which each page of hashes names the one below so many times.
fn tower(depth: usize, width: usize, bottom: &[u8]) -> (PreimageHash, Vec<(PreimageHash, Vec<u8>)>) {
    let mut pages = vec![(Preimages::name(bottom), bottom.to_vec())];
    for _ in 0..depth {
        let below = pages.last().expect("a page").0;
        let body = below.as_bytes().repeat(width);
        let mut page = vec![1];
        page.extend_from_slice(&u32::try_from(body.len()).expect("small").to_be_bytes());
        page.extend_from_slice(&body);
        pages.push((Preimages::name(&page), page));
    }
    (pages.last().expect("a page").0, pages)
}

#[test]
fn hostile_pages_end_in_a_reason() {
    let contents = |size: usize| {
        let mut page = vec![0];
        page.extend_from_slice(&u32::try_from(size).expect("small").to_be_bytes());
        page.resize(5 + size, 7);
        page
    };
    for (depth, width, bottom, reason) in [
        (4, 1, contents(1), "pages are stacked deeper than the installer kernel goes"),
        (3, 123, contents(1), "there are more than 8448 pages"),
        (2, 123, contents(4_091), "the contents have more than 16777216 bytes"),
        (0, 1, vec![0, 0, 0, 0, 2, 7], "it does not have the length that it gives"),
        (0, 1, vec![0, 0, 0], "it is too short"),
        (0, 1, vec![2, 0, 0, 0, 0], "no page has tag 2"),
        (0, 1, vec![1, 0, 0, 0, 1, 7], "it is no list of hashes"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, pages) = tower(depth, width, &bottom);
        for (hash, page) in pages {
            std::fs::write(folder.path().join(hash.to_string()), page).expect("written");
        }
        let revealed = pages::reveal(Pages::Folder(folder.path()), &root);
        assert_eq!(revealed.broken.map(|(_, reason)| reason).as_deref(), Some(reason));
        assert_eq!(revealed.contents, None);
    }
    // Three levels of hashes are what the installer kernel goes.
    let folder = tempfile::tempdir().expect("a folder");
    let (root, pages) = tower(3, 2, &contents(3));
    for (hash, page) in pages {
        std::fs::write(folder.path().join(hash.to_string()), page).expect("written");
    }
    assert_eq!(pages::reveal(Pages::Folder(folder.path()), &root).contents, Some(vec![7; 24]));
}

#[test]
fn parameters_are_inspected_with_and_without_a_kernel() {
    let parameters = development::parameters();
    let without = inspect_parameters(&parameters, None).expect("sound");
    assert_eq!((faults(&without), &without.kernel), (vec![], &None));
    let kernel = a_kernel();
    let with = inspect_parameters(&parameters, Some(&kernel)).expect("sound");
    assert_eq!(faults(&with), [""; 0]);
    assert_eq!(with.kernel.as_ref().and_then(|kernel| kernel.size_bytes), Some(kernel.len()));
    assert_eq!(with.size_bytes, without.size_bytes, "the root has a fixed size");
    assert_eq!(with.values, without.values);
    let error = inspect_parameters(&parameters, Some(b"no kernel")).expect_err("no kernel");
    assert!(error.to_string().starts_with("the kernel cannot be shipped"), "{error}");
}

#[test]
fn an_installer_of_another_rollup_is_shown_as_far_as_it_is_known() {
    // As Etherlink's: a kernel and values at its own paths; and an instruction of a later SDK.
    let mut program = Vec::new();
    let root = [[0].as_slice(), &[9; 32]].concat();
    let reveal = [&[0, 33, 0, 0, 0], root.as_slice(), &[17], b"/kernel/boot.wasm"].concat();
    program.extend(framed(&reveal));
    program.extend(framed(&[&[2, 2, 0, 0, 0, 0x05, 0x39, 13], b"/evm/chain_id".as_slice()].concat()));
    program.extend(framed(&[&[2, 3, 0, 0, 0], b"KT1".as_slice(), &[10], b"/evm/admin"].concat()));
    program.extend(framed(&[3, 1, 2, 3]));
    let inspection = inspect(&with_bytes(&program), Pages::None).expect("an installer");
    assert_eq!(faults(&inspection), ["instruction 4 is unknown: no instruction has this tag"]);
    assert_eq!(inspection.parameters, None);
    let text = inspection.to_string();
    for line in [
        &format!("kernel     {}, of unknown size: 0 pages are at hand", hex::encode(&root)),
        "  2: set /evm/chain_id to 2 bytes",
        "  4: unknown instruction, tag 3, 4 bytes: no instruction has this tag",
        "/evm/admin: 3 bytes\n  \"KT1\"",
        "/evm/chain_id: 2 bytes\n  0539",
        "1 fault",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn hostile_programs_are_read_as_far_as_they_go() {
    let long_path = [b"/".as_slice(), &[b'a'; 240]].concat();
    let at = |value: &[u8], path: &[u8]| {
        let size = u32::try_from(value.len()).expect("small").to_le_bytes();
        [[2].as_slice(), &size, value, &[path.len() as u8], path].concat()
    };
    for (program, expected) in [
        (vec![1, 0, 0], "the program breaks off at its byte 0"),
        (vec![255, 255, 255, 255, 2], "the program breaks off at its byte 0"),
        ([framed(&at(b"x", b"/a")), vec![9, 0, 0, 0]].concat(), "the program breaks off at its byte 13"),
        (framed(&[]), "instruction 1 is unknown: it is empty"),
        (framed(&[2]), "instruction 1 is unknown: its value breaks off or is too large"),
        (framed(&[2, 255, 255, 255, 255]), "instruction 1 is unknown: its value breaks off or is too large"),
        (
            framed(&[0, 1, 0, 0, 0, 7, 2, b'/', b'a']),
            "instruction 1 is unknown: its hash does not have 33 bytes",
        ),
        (framed(&[1, 2, b'/', b'a']), "instruction 1 is unknown: a path is missing"),
        (framed(&[1, 9, b'/', b'a']), "instruction 1 is unknown: a path breaks off"),
        (framed(&at(b"x", b"a")), "instruction 1 is unknown: a path is none that the PVM takes"),
        (framed(&at(b"x", b"/a//b")), "instruction 1 is unknown: a path is none that the PVM takes"),
        (framed(&at(b"x", b"/a/")), "instruction 1 is unknown: a path is none that the PVM takes"),
        (framed(&at(b"x", b"/\xff")), "instruction 1 is unknown: a path is none that the PVM takes"),
        (framed(&at(b"x", &long_path)), "instruction 1 is unknown: a path is none that the PVM takes"),
        (framed(&[at(b"x", b"/a"), vec![0]].concat()), "instruction 1 is unknown: there are bytes after it"),
        (framed(&at(b"x", b"/readonly/a")), "instruction 1: /readonly/a cannot be written"),
        (framed(&[1, 2, b'/', b'a', 2, b'/', b'b']), "instruction 1: there is nothing at /a to move"),
        (
            framed(&[1, 2, b'/', b'a', 9, b'/', b'r', b'e', b'a', b'd', b'o', b'n', b'l', b'y']),
            "instruction 1: /readonly cannot be written",
        ),
        (
            [framed(&at(b"xyz", b"/a")), framed(&at(b"x", b"/a"))].concat(),
            "instruction 2: /a has a value already",
        ),
        (framed(&[0; 3_000]), "instruction 1: 3000 bytes, and the installer kernel has room for"),
        (framed(&[]).repeat(8_193), "more than 8192 instructions"),
    ] {
        let inspection = inspect(&with_bytes(&program), Pages::None).expect(expected);
        let faults = faults(&inspection);
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected}: {faults:?}");
        assert!(faults.contains(&"no kernel: nothing is left at /kernel/boot.wasm".to_owned()), "{faults:?}");
    }
}

#[test]
fn values_are_written_and_moved_as_by_the_pvm() {
    let instructions = [
        ("set", "/a", "long value"),
        // A shorter value leaves the rest of a longer one.
        ("set", "/a", "SHORT"),
        ("set", "/b/c", "child"),
        ("set", "/b", "node"),
        ("set", "/d/old", "gone"),
        ("set", "/bc", "stays"),
        ("move", "/b", "/d"),
    ];
    let instructions: Vec<Instruction> = instructions
        .iter()
        .map(|(what, one, other)| match *what {
            "set" => Instruction::Set { value: other.as_bytes().to_vec(), to: (*one).to_owned() },
            _ => Instruction::Move { from: (*one).to_owned(), to: (*other).to_owned() },
        })
        .collect();
    let (state, faults) = state::run(&instructions, Pages::None);
    let state: Vec<(&str, &[u8])> =
        state.iter().map(|(path, content)| (path.as_str(), content.bytes().expect("bytes"))).collect();
    assert_eq!(
        state,
        [("/a", b"SHORTvalue".as_slice()), ("/bc", b"stays"), ("/d", b"node"), ("/d/c", b"child")]
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn values_that_make_no_rollup_are_said() {
    assert_eq!(faults(&changed(|_| {})), [""; 0]);
    let parameters = catalog::PARAMETERS.pattern;
    let authority = catalog::AUTHORITY.pattern;
    let find = |values: &mut Vec<(String, Vec<u8>)>, start: &str| {
        values.iter().position(|(path, _)| path.starts_with(start)).expect("a value")
    };
    let cut = changed(|values| {
        values[0].1.pop();
    });
    assert_eq!(faults(&cut), [format!("{parameters} does not decode: the kernel would stop at it")]);
    let without = changed(|values| {
        values.remove(0);
    });
    assert_eq!(
        faults(&without),
        [format!("nothing is left at {parameters}: the kernel does not start without")]
    );
    // Nobody orders: allowed, and shown.
    let nobody = changed(|values| {
        values.remove(1);
    });
    assert_eq!(faults(&nobody), [""; 0]);
    assert_eq!(nobody.parameters.map(|parameters| parameters.sequencer).as_deref(), Some(crate::NOBODY));
    let off_curve = changed(|values| {
        let key = values[1].1.len() - 32;
        values[1].1[key..].fill(0);
        values[1].1[key] = 2;
    });
    assert_eq!(
        faults(&off_curve),
        ["the authority cannot take office: the key of member 0 is not a point of its curve"]
    );
    let zero_base_fee = changed(|values| {
        let mut stored = development::parameters().genesis().expect("sound").parameters;
        stored.base_fee_min = millrace_primitives::U256::zero();
        values[0].1 = millrace_layout::Value::encode(&stored);
    });
    assert_eq!(
        faults(&zero_base_fee),
        [
            "the builder would refuse this: fees.base_fee_min: 0 cannot be: the base fee must be positive: gas is divided by it"
        ]
    );
    let richer = changed(|values| {
        let account = find(values, "/evm/world/accounts");
        values[account].1[39] ^= 1;
    });
    assert_eq!(
        faults(&richer),
        ["the digest of the allocation is not that of the accounts that are written"]
    );
    let other_code = changed(|values| {
        let code = find(values, "/evm/world/codes");
        values[code].1.push(0);
    });
    assert!(faults(&other_code)[0].ends_with(" holds code of another hash"), "{:?}", faults(&other_code));
    let no_code = changed(|values| {
        let code = find(values, "/evm/world/codes");
        values.remove(code);
    });
    assert_eq!(faults(&no_code), ["the code of 0x4e59b44847b379578588920ca78fbf26c0b4956c is not written"]);
    let stray = changed(|values| {
        let account = development::ACCOUNTS[0][2..].to_lowercase();
        values.push((format!("/evm/world/accounts/{account}/storage/{}", "01".repeat(32)), vec![1; 32]));
    });
    assert_eq!(
        faults(&stray),
        [
            "storage of 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266, which is no contract",
            "the digest of the allocation is not that of the accounts that are written"
        ]
    );
    let unknown = changed(|values| values.push(("/base/parameter".to_owned(), vec![1])));
    assert_eq!(faults(&unknown), ["/base/parameter is no key of this layout: nothing reads it"]);
    let kernels = changed(|values| values.push((catalog::L1_CLOCK.pattern.to_owned(), vec![0; 12])));
    assert_eq!(
        faults(&kernels),
        [format!("{} is a key that only the kernel writes", catalog::L1_CLOCK.pattern)]
    );
    assert!(changed(|_| {}).values.iter().any(|value| value.path == authority));
}

#[test]
fn a_kernel_that_the_pvm_refuses_is_a_fault() {
    let mut preimages = Preimages::default();
    let root = preimages.add(b"no module").expect("pages");
    let reveal = OwnedConfigInstruction::reveal_instr(root.as_bytes().into(), path(&BOOT_KERNEL.to_string()));
    let inspection = inspect(&with(vec![reveal]), Pages::Memory(&preimages)).expect("an installer");
    assert!(faults(&inspection)[0].starts_with("the PVM does not run the kernel: "), "{inspection}");
    // Set instead of revealed: no root, and still looked at.
    let set =
        inspect(&with(vec![set(&BOOT_KERNEL.to_string(), b"no module")]), Pages::None).expect("an installer");
    assert_eq!(set.kernel, None);
    assert!(faults(&set)[0].starts_with("the PVM does not run the kernel: "), "{set}");
}

#[test]
fn an_installer_too_large_for_an_origination_is_a_fault() {
    let values = (0..20).map(|index| set(&format!("/large/{index}"), &[7; 1_900])).collect();
    let installer = with(values);
    let inspection = inspect(&installer, Pages::None).expect("an installer");
    let size = installer.len();
    assert_eq!(faults(&inspection)[0], format!("{size} bytes: an origination has room for less than 32000"));
}

#[test]
fn files_that_are_no_installers_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&file, bytes).expect("written");
        inspect_file(&file, Pages::None, None).expect_err("no installer").to_string()
    };
    let no_program = "no installer: its last section is not a custom section config with a program";
    assert_eq!(refusal(&[0xff, 0xfe]), "neither a WebAssembly module nor a text");
    assert_eq!(
        refusal(b"chain_id: 5"),
        format!(
            "{}:1:1: sequencer: missing: who orders transactions? Give a public key, a committee, or nobody",
            file.display()
        )
    );
    assert!(refusal(b"\0asm").starts_with("no WebAssembly module: "));
    assert_eq!(refusal(b"\0asm\x01\0\0\0"), no_program);
    assert_eq!(refusal(&a_kernel()), no_program);
    assert_eq!(refusal(b"\0asm\x01\0\0\0\0\x09\x06config\x01\0"), no_program);
    assert_eq!(
        refusal(b"\0asm\x01\0\0\0\0\x0c\x06config\x07\x02\0\0\0"),
        "the program has 1 bytes, and the size behind it says 2"
    );
    // The installer kernel looks at the end of its module.
    let mut behind = a_dist().installer;
    behind.extend_from_slice(b"\0\x02\x01x");
    assert_eq!(refusal(&behind), no_program);
    assert!(
        inspect_file(&folder.path().join("none"), Pages::None, None)
            .expect_err("nothing")
            .to_string()
            .starts_with("cannot read ")
    );
    std::fs::File::create(&file).and_then(|file| file.set_len(FILE_BYTES_MAX + 1)).expect("a large file");
    let error = inspect_file(&file, Pages::None, None).expect_err("large");
    assert_eq!(
        error.to_string(),
        "4194305 bytes are more than any installer or file of parameters has (4194304)"
    );
}

#[test]
fn no_change_of_a_byte_and_no_cut_makes_it_panic() {
    let dist = a_dist();
    let end = dist.installer.len();
    let start = program::parts(&dist.installer).expect("parts").kernel.len();
    for length in start..end {
        assert!(inspect(&dist.installer[..length], Pages::None).is_err(), "cut at {length}");
    }
    for position in start..end {
        for flip in [0xff, 0x01, 0x80] {
            let mut bad = dist.installer.clone();
            bad[position] ^= flip;
            if let Ok(inspection) = inspect(&bad, Pages::Memory(&dist.preimages)) {
                // What is shown of it is made too.
                assert!(!inspection.to_string().is_empty());
                assert!(inspection.to_json().is_object());
            }
        }
    }
}

//! Pages, modules, and versions of storage. Whole levels: `kernel/core/src/tests/rows/upgrades.rs`.

use crate::{
    Refusal, Release, Stage0, Standing, Step, StepFault, Turn, UpgradeError, module,
    page::{self, Page},
    prepare,
};
use millrace_host::{Budget, MemoryHost};
use millrace_layout::version::{self, CURRENT, StorageVersion};

const READY: Result<Stage0, UpgradeError> = Ok(Stage0::Ready(Standing::Settled));

#[test]
fn a_new_storage_is_stamped_and_a_foreign_one_left_alone() {
    let mut host = MemoryHost::default();
    let run = |host: &mut MemoryHost| {
        let mut budget = Budget::RUN;
        prepare(host, &Release::current(), &mut budget)
    };
    assert_eq!(run(&mut host), READY);
    assert_eq!(version::read(&host), Ok(Some(CURRENT)));
    assert_eq!(run(&mut host), READY);

    let future = StorageVersion(CURRENT.0 + 1);
    version::key().unwrap().write(&mut host, &future).unwrap();
    let before = host.dump();
    assert_eq!(run(&mut host), Err(UpgradeError::UnknownVersion(future)));
    assert_eq!(host.dump(), before);
}

#[test]
fn each_version_has_a_step_to_the_next() {
    let reaches = |release: &Release<'_, MemoryHost>| {
        (1..=release.layout.0).all(|from| release.reaches(StorageVersion(from)))
    };
    assert!(reaches(&Release::current()), "a new layout needs a migration");
    let turn: fn(&mut MemoryHost, &[u8]) -> Result<Turn, StepFault> = |_, _| Ok(Turn::Done);
    let steps = [1, 2].map(|from| Step { from: StorageVersion(from), turn });
    assert!(reaches(&Release { layout: StorageVersion(3), steps: &steps }));
    assert!(!reaches(&Release { layout: StorageVersion(4), steps: &steps }));
    assert!(!reaches(&Release { layout: StorageVersion(3), steps: &steps[1..] }));
}

#[test]
fn the_layout_is_written_in_digits() {
    assert_eq!(crate::decimal(0), *b"00000000");
    assert_eq!(crate::decimal(12_045), *b"00012045");
    let shown = std::str::from_utf8(&crate::LAYOUT).unwrap().parse();
    assert_eq!(shown, Ok(CURRENT.0));
}

#[test]
fn reasons_are_known_by_their_numbers() {
    for code in 1..=15 {
        assert_eq!(Refusal::from_code(code).map(Refusal::code), Some(code));
    }
    assert_eq!(Refusal::from_code(15), Some(Refusal::Reading));
    assert_eq!([0, 16, 255].map(Refusal::from_code), [None; 3]);
}

#[test]
fn a_page_is_what_it_says_to_the_byte() {
    let hash = [[0; 33], [1; 33]].concat();
    let page = |tag: u8, length: u32, body: &[u8]| [&[tag][..], &length.to_be_bytes(), body].concat();
    assert_eq!(page::decode(&page(0, 3, b"abc")), Ok(Page::Contents(b"abc")));
    assert!(matches!(page::decode(&page(1, 66, &hash)), Ok(Page::Hashes(hashes)) if hashes.len() == 2));
    for bad in [
        vec![],
        vec![0; 4],
        page(0, 0, b""),
        page(1, 0, b""),
        page(0, 2, b"abc"),
        page(0, 4, b"abc"),
        page(2, 3, b"abc"),
        page(1, 65, &hash[..65]),
        page(1, 34, &hash[..34]),
    ] {
        assert_eq!(page::decode(&bad), Err(Refusal::Page), "{bad:?}");
    }
}

/// Imports a function, a table, a memory and a global, and exports what it is told.
fn with_imports(kind: u8, index: u8) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // Types: (i32) -> i32, () -> ().
    module.extend_from_slice(&[1, 9, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0]);
    let imports: [&[u8]; 4] = [
        b"\x01m\x01f\0\0",
        b"\x01m\x01t\x01\x70\x01\x01\x05",
        b"\x01m\x01m\x02\0\x80\x01",
        b"\x01m\x01g\x03\x7f\0",
    ];
    let imports = imports.concat();
    module.extend_from_slice(&[2, imports.len() as u8 + 1, 4]);
    module.extend_from_slice(&imports);
    module.extend_from_slice(&[3, 2, 1, 1, 7, 14, 1, 10]);
    module.extend_from_slice(b"kernel_run");
    module.extend_from_slice(&[kind, index]);
    module
}

#[test]
fn a_module_shows_its_entry_and_no_bytes_trap_the_reader() {
    assert_eq!(module::check(&with_imports(0, 1)), Ok(()));
    // The imported function takes a parameter; there is no third; not a function.
    for (kind, index) in [(0, 0), (0, 2), (2, 0)] {
        assert_eq!(module::check(&with_imports(kind, index)), Err(Refusal::Entry));
    }
    let whole = with_imports(0, 1);
    for end in 0..whole.len() {
        assert!(module::check(&whole[..end]).is_err(), "{end}");
    }
    for index in 8..whole.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[index] = byte;
            // Any answer will do: it ends, and does not panic.
            let answer = module::check(&bytes);
            assert!(
                answer.is_ok()
                    || matches!(answer, Err(Refusal::Sections | Refusal::Entry | Refusal::Memories))
            );
        }
    }
    let endless = [&b"\0asm\x01\0\0\0"[..], &[3, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    assert_eq!(module::check(&endless), Err(Refusal::Sections));
    let second_memory = [&whole[..], &[5, 3, 1, 0, 1]].concat();
    assert_eq!(module::check(&second_memory), Err(Refusal::Memories));
}

//! The rows of the specification of the PVM that a kernel can see.

use super::*;
use crate::{limits, store::Store as _};

const A: Path<'_> = Path::constant("/a");
const B: Path<'_> = Path::constant("/b");

fn host_with(entries: &[(&str, &[u8])]) -> MemoryHost {
    let mut host = MemoryHost::default();
    for (key, value) in entries {
        host.set_value(key, value.to_vec());
    }
    host
}

#[test]
fn reads_answer_the_codes_of_the_pvm() {
    let host = host_with(&[("/a", b"abc"), ("/empty", b""), ("/node/x", b"1")]);
    let read = |key, offset, size| host.store_read(Path::new(key).unwrap(), offset, &mut vec![0; size]);
    assert_eq!(read("/a", 0, 2), Ok(2));
    assert_eq!(read("/a", 1, 2_048), Ok(2));
    assert_eq!(read("/a", 0, 0), Ok(0));
    assert_eq!(read("/a", 3, 1), Err(HostError::InvalidAccess));
    assert_eq!(read("/empty", 0, 1), Err(HostError::InvalidAccess));
    assert_eq!(read("/node", 0, 1), Err(HostError::NotAValue));
    // The size is looked at before the key.
    assert_eq!(read("/absent", 0, 2_049), Err(HostError::InputOutputTooLarge));
    assert_eq!(host.store_value_size(A), Ok(3));
    assert_eq!(host.store_value_size(B), Err(HostError::NotAValue));
}

#[test]
fn writes_answer_the_codes_of_the_pvm() {
    let mut host = host_with(&[("/a", b"abc")]);
    assert_eq!(host.store_write(A, 1, b"X"), Ok(()));
    assert_eq!(host.value("/a"), Some(&b"aXc"[..]));
    assert_eq!(host.store_write(A, 3, b"d"), Ok(()));
    assert_eq!(host.value("/a"), Some(&b"aXcd"[..]));
    assert_eq!(host.store_write(A, 5, b"e"), Err(HostError::InvalidAccess));
    assert_eq!(host.store_write(B, 1, b"e"), Err(HostError::InvalidAccess));
    assert_eq!(host.value("/b"), None);
    assert_eq!(host.store_write(B, 0, b""), Ok(()));
    assert_eq!(host.value("/b"), Some(&b""[..]));
    assert_eq!(host.store_write(A, 9, &[0; 2_049]), Err(HostError::InputOutputTooLarge));
    let read_only = Path::constant("/readonly/x");
    // Read-only comes before the size; a longer first step is an ordinary key.
    assert_eq!(host.store_write(read_only, 0, &[0; 2_049]), Err(HostError::ReadOnly));
    assert_eq!(host.store_delete(Path::constant("/readonly")), Err(HostError::ReadOnly));
    assert_eq!(host.store_write(Path::constant("/readonlyx"), 0, b"1"), Ok(()));
}

#[test]
fn whole_values_pass_the_size_of_a_host_call() {
    for size in [0, 1, 2_047, 2_048, 2_049, 4_096, 5_000] {
        let mut host = host_with(&[("/a", &[9; 9_000])]);
        let value: Vec<u8> = (0..size).map(|i| i as u8).collect();
        assert_eq!(host.write_value(A, &value), Ok(()));
        assert_eq!(host.read_value(A, size), Ok(Some(value.clone())), "{size}");
        if size > 0 {
            assert_eq!(host.read_value(A, size - 1), Err(HostError::ValueSizeExceeded), "{size}");
        }
    }
    assert_eq!(MemoryHost::default().read_value(A, 10), Ok(None));
}

#[test]
fn a_node_is_a_value_or_what_is_below() {
    let host = host_with(&[("/a", b"1"), ("/a/x", b"2"), ("/a/y/z", b"3"), ("/ab", b"4"), ("/a-b", b"5")]);
    assert_eq!(host.store_list_size(A), Ok(3));
    assert_eq!(host.store_list_size(B), Ok(0));
    assert_eq!(host.store_has_value(Path::constant("/a/y")), Ok(false));
    assert_eq!(host.store_has_node(Path::constant("/a/y")), Ok(true));
    assert_eq!(host.store_has_node(Path::constant("/a/y/z/w")), Ok(false));
}

#[test]
fn deletes_remove_the_node_or_only_the_value() {
    let full = host_with(&[("/a", b"1"), ("/a/x", b"2"), ("/ab", b"4")]);
    let mut host = full.clone();
    assert_eq!(host.store_delete(A), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/ab"]);
    assert_eq!(host.store_delete(A), Ok(()));
    let mut host = full;
    assert_eq!(host.store_delete_value(A), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/a/x", "/ab"]);
}

#[test]
fn copy_and_move_replace_the_whole_target() {
    let full = host_with(&[("/a", b"1"), ("/a/x", b"2"), ("/b/old", b"3")]);
    let mut host = full.clone();
    assert_eq!(host.store_copy(A, B), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/a", "/a/x", "/b", "/b/x"]);
    let mut host = full.clone();
    assert_eq!(host.store_move(A, B), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/b", "/b/x"]);
    // Into its own child, onto itself, onto its parent.
    let mut host = full.clone();
    assert_eq!(host.store_move(A, Path::constant("/a/c")), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/a/c", "/a/c/x", "/b/old"]);
    assert_eq!(host.store_move(Path::constant("/a/c"), A), Ok(()));
    assert_eq!(host.store_move(A, A), Ok(()));
    assert_eq!(host.dump(), full.dump());
    // Into its own child: the old subtree, nested once.
    assert_eq!(host.store_copy(A, Path::constant("/a/c")), Ok(()));
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/a", "/a/c", "/a/c/x", "/a/x", "/b/old"]);
}

#[test]
fn copy_and_move_check_the_target_first() {
    let (absent, read_only) = (Path::constant("/absent"), Path::constant("/readonly/x"));
    let mut host = host_with(&[("/a", b"1"), ("/readonly/x", b"2")]);
    assert_eq!(host.store_copy(absent, read_only), Err(HostError::ReadOnly));
    assert_eq!(host.store_copy(absent, A), Err(HostError::NotANode));
    assert_eq!(host.store_copy(read_only, B), Ok(()));
    assert_eq!(host.store_move(read_only, B), Err(HostError::ReadOnly));
    assert_eq!(host.store_move(absent, A), Err(HostError::NotANode));
    assert_eq!(host.value("/a"), Some(&b"1"[..]));
}

#[test]
fn the_outbox_of_a_level_is_bounded() {
    let mut host = MemoryHost::default();
    assert_eq!(host.write_output(&[0; 4_097]), Err(HostError::InputOutputTooLarge));
    for _ in 0..limits::OUTBOX_MESSAGES_PER_LEVEL_MAX {
        assert_eq!(host.write_output(&[0; 4_096]), Ok(()));
    }
    assert_eq!(host.write_output(&[]), Err(HostError::OutboxFull));
    host.open_level(L1Level::new(2), []);
    assert_eq!(host.write_output(&[]), Ok(()));
}

#[test]
fn a_level_runs_until_no_reboot_is_asked_for() {
    let mut host = MemoryHost::default();
    host.open_level(L1Level::new(1), (0..3).map(|n| vec![n]));
    let mut seen = Vec::new();
    let end = host.run_level(|host| {
        seen.extend(host.read_input().unwrap());
        if host.unread_count() > 0 {
            host.request_reboot().unwrap();
        }
        RunEnd::Returned
    });
    assert_eq!(end, LevelEnd { runs: 3, too_many_reboots: false });
    assert_eq!(seen.iter().map(|input| input.index).collect::<Vec<_>>(), [0, 1, 2]);
    let mut left = Vec::new();
    host.open_level(L1Level::new(2), [vec![1]]);
    let end = host.run_level(|host| {
        left.push(host.reboots_left().unwrap());
        host.request_reboot().unwrap();
        RunEnd::Returned
    });
    assert_eq!(end, LevelEnd { runs: 1_001, too_many_reboots: true });
    assert_eq!((left.first(), left.last()), (Some(&1_000), Some(&0)));
    assert_eq!(host.unread_count(), 0);
    assert!(host.value(TOO_MANY_REBOOT).is_some());
}

#[test]
fn a_trap_keeps_what_was_written_and_raises_the_flag() {
    let mut host = MemoryHost::default();
    let end = host.run_level(|host| {
        host.store_write(A, 0, b"1").unwrap();
        RunEnd::Trapped
    });
    assert_eq!(end.runs, 1);
    assert_eq!(host.value("/a"), Some(&b"1"[..]));
    assert!(host.value(STUCK).is_some());
    host.run_level(|_| RunEnd::Returned);
    assert!(host.value(STUCK).is_none());
}

#[test]
fn the_chosen_call_fails_without_effect() {
    let three_writes = |host: &mut MemoryHost| {
        ["/a", "/b", "/c"].map(|key| host.store_write(Path::new(key).unwrap(), 0, b"1"))
    };
    let mut host = MemoryHost::default();
    host.set_fault(Some(FaultAt::Once(1)));
    assert_eq!(three_writes(&mut host), [Ok(()), Err(FAULT), Ok(())]);
    assert_eq!(host.dump().into_keys().collect::<Vec<_>>(), ["/a", "/c"]);
    let mut host = MemoryHost::default();
    host.set_fault(Some(FaultAt::Dead(1)));
    assert_eq!(three_writes(&mut host), [Ok(()), Err(FAULT), Err(FAULT)]);
    host.set_fault(None);
    assert_eq!(three_writes(&mut host), [Ok(()); 3]);
    assert_eq!(host.calls(Call::Write), 6);
    assert_eq!(host.fallible_calls(), 3);
}

#[test]
fn a_failed_read_of_the_inbox_leaves_the_message_there() {
    let mut host = MemoryHost::default();
    host.open_level(L1Level::new(1), [vec![1]]);
    host.set_fault(Some(FaultAt::Once(0)));
    assert_eq!(host.read_input(), Err(FAULT));
    assert_eq!(host.read_input().unwrap().unwrap().bytes, [1]);
    assert_eq!(host.read_input(), Ok(None));
}

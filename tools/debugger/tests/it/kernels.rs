//! Small kernels.

/// What all of them import and have.
fn module(body: &str) -> String {
    format!(
        r#"(module
          (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
          (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
          (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "reveal_preimage" (func $reveal_preimage (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          {body})"#
    )
}

/// Counts its runs in `/count` (i32), says so, sends the external messages on, and reboots once a level.
pub(super) fn counting() -> String {
    module(
        r#"
          (data (i32.const 0) "/count/kernel/env/rebootrun\n")
          (func $count
            (drop (call $store_read (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 100) (i32.const 4)))
            (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 1)))
            (drop (call $store_write (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 100) (i32.const 4))))
          (func $forward (local $n i32)
            (loop $next
              (local.set $n (call $read_input (i32.const 200) (i32.const 300) (i32.const 4096)))
              (if (local.get $n) (then
                (if (i32.eq (i32.load8_u (i32.const 300)) (i32.const 1)) (then
                  (drop (call $write_output (i32.const 301) (i32.sub (local.get $n) (i32.const 1))))))
                (br $next)))))
          (func (export "kernel_run")
            (call $count)
            (call $write_debug (i32.const 24) (i32.const 4))
            (if (i32.and (i32.load (i32.const 100)) (i32.const 1))
              (then (drop (call $store_write (i32.const 6) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0))))
              (else (call $forward))))"#,
    )
}

/// Leaves a mark and traps.
pub(super) fn trapping() -> String {
    module(
        r#"(data (i32.const 0) "/mark")
          (func (export "kernel_run")
            (drop (call $store_write (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 5)))
            (unreachable))"#,
    )
}

/// Reveals the preimage of the hash at `/hash` into `/page`.
pub(super) fn revealing() -> String {
    module(
        r#"(data (i32.const 0) "/hash/page")
          (func (export "kernel_run")
            (drop (call $store_read (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 100) (i32.const 33)))
            (drop (call $store_write (i32.const 5) (i32.const 5) (i32.const 0) (i32.const 200)
              (call $reveal_preimage (i32.const 100) (i32.const 33) (i32.const 200) (i32.const 2048)))))"#,
    )
}

/// Calls functions that call each other, one of them with several results and early returns.
pub(super) fn calling() -> String {
    module(
        r#"(table 1 funcref) (elem (i32.const 0) $leaf)
          (func $leaf (drop (i64.const 1)))
          (func $pair (param i32) (result i32 i64)
            (if (local.get 0) (then (return (i32.const 1) (i64.const 2))))
            (call $leaf) (i32.const 3) (i64.const 4))
          (func $down (param i32)
            (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "kernel_run")
            (call $pair (i32.const 1)) (drop) (drop)
            (call $pair (i32.const 0)) (drop) (drop)
            (call_indirect (i32.const 0))
            (call $down (i32.const 3)))"#,
    )
}

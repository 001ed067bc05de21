//! A small kernel, and sandboxes that run it.

use millrace_l1::client::{RollupNode, RollupNodeConfig};
use millrace_l1::sandbox::{Sandbox, SandboxConfig};
use millrace_pvm::reveal::reveal_hash;
use std::path::{Path, PathBuf};

/// What the letter `P` makes the kernel reveal.
pub(crate) const PREIMAGE: &[u8] = b"what the kernel asks for";

/// Counts all messages at `/count` (32 bits, little-endian) and keeps the last external one at
/// `/messages/last`. The first byte of its payload may be an instruction: `T` trap, `S` recurse for ever,
/// `O` write it to the outbox, `W` write what follows to the outbox, `D` write debug output, `P` reveal [`PREIMAGE`] to `/revealed`, `F` write to
/// `/extra`, `X` delete `/extra`.
const WAT: &str = r#"(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $store_delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $reveal (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "/count")
  (data (i32.const 16) "/messages/last")
  (data (i32.const 32) "/revealed")
  (data (i32.const 48) "/extra")
  (data (i32.const 64) "HASH")
  (func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func $is (param $letter i32) (result i32)
    (i32.eq (i32.load8_u (i32.const 1025)) (local.get $letter)))
  (func $obey (param $size i32)
    (if (call $is (i32.const 84)) (then (unreachable)))
    (if (call $is (i32.const 83)) (then (drop (call $deep (i32.const 0)))))
    (if (call $is (i32.const 79)) (then
      (drop (call $write_output (i32.const 1024) (local.get $size)))))
    (if (call $is (i32.const 87)) (then
      (drop (call $write_output (i32.const 1026) (i32.sub (local.get $size) (i32.const 2))))))
    (if (call $is (i32.const 68)) (then (call $write_debug (i32.const 1024) (local.get $size))))
    (if (call $is (i32.const 80)) (then
      (local.set $size (call $reveal (i32.const 64) (i32.const 33) (i32.const 8192) (i32.const 2048)))
      (drop (call $store_write
        (i32.const 32) (i32.const 9) (i32.const 0) (i32.const 8192) (local.get $size)))))
    (if (call $is (i32.const 70)) (then
      (drop (call $store_write
        (i32.const 48) (i32.const 6) (i32.const 0) (i32.const 1024) (i32.const 1)))))
    (if (call $is (i32.const 88)) (then (drop (call $store_delete (i32.const 48) (i32.const 6))))))
  (func (export "kernel_run") (local $size i32)
    (drop (call $store_read (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 200) (i32.const 4)))
    (loop $next
      (local.set $size (call $read_input (i32.const 208) (i32.const 1024) (i32.const 4096)))
      (if (local.get $size) (then
        (i32.store (i32.const 200) (i32.add (i32.load (i32.const 200)) (i32.const 1)))
        (drop (call $store_write
          (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 200) (i32.const 4)))
        (if (i32.eq (i32.load8_u (i32.const 1024)) (i32.const 1)) (then
          (drop (call $store_delete (i32.const 16) (i32.const 14)))
          (drop (call $store_write
            (i32.const 16) (i32.const 14) (i32.const 0) (i32.const 1024) (local.get $size)))
          (call $obey (local.get $size))))
        (br $next))))))"#;

/// A folder with a kernel and a data directory.
pub(crate) struct Site {
    path: PathBuf,
    /// Removes the folder in the end, if it is ours.
    _folder: Option<tempfile::TempDir>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hash: String = reveal_hash(PREIMAGE).iter().map(|byte| format!("\\{byte:02x}")).collect();
        let wasm = wat::parse_str(WAT.replace("HASH", &hash)).unwrap();
        std::fs::write(folder.path().join("installer.wasm"), wasm).unwrap();
        std::fs::create_dir(folder.path().join("preimages")).unwrap();
        Self { path: folder.path().to_owned(), _folder: Some(folder) }
    }

    /// A site that another process has made.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, _folder: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(crate) fn installer(&self) -> PathBuf {
        self.path.join("installer.wasm")
    }

    /// Puts the preimage where the kernel can have it.
    pub(crate) fn provide_preimage(&self) {
        let name: String = reveal_hash(PREIMAGE).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(self.path.join("preimages").join(name), PREIMAGE).unwrap();
    }

    /// Levels on demand only.
    pub(crate) fn config(&self) -> SandboxConfig {
        let preimages = self.path.join("preimages");
        SandboxConfig {
            level_time_ms: None,
            ..SandboxConfig::new(self.data_dir(), self.installer(), preimages)
        }
    }

    pub(crate) async fn start(&self) -> Sandbox {
        Sandbox::start(self.config()).await.unwrap()
    }

    /// The same site as a crash would leave it: the files as they are, while a sandbox has them open.
    pub(crate) fn crash_image(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&self.path, folder.path());
        Self { path: folder.path().to_owned(), _folder: Some(folder) }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn client(sandbox: &Sandbox) -> RollupNode {
    RollupNode::new(&sandbox.endpoint(), RollupNodeConfig::default()).unwrap()
}

/// The bytes of `/count`.
pub(crate) fn count(messages: u32) -> Vec<u8> {
    messages.to_le_bytes().to_vec()
}

//! Compares wasm engines on a kernel: `engines KERNEL.wasm INPUTS.json [PREIMAGES]`.
fn main() {}

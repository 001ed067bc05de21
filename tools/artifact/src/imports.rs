//! The host functions of the PVM.

use std::fmt;
use wasmparser::ValType;

/// The module that all imports name.
pub const HOST_MODULE: &str = "smart_rollup_core";

/// Versions of the PVM, by what its durable key `/readonly/wasm_version` says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PvmVersion {
    /// 2.0.0, since the protocol Mumbai.
    V0,
    /// 2.0.0-r1, since Nairobi.
    V1,
    /// 2.0.0-r2, since Oxford.
    V2,
    /// 2.0.0-r3.
    V3,
}

impl fmt::Display for PvmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V0 => "2.0.0",
            Self::V1 => "2.0.0-r1",
            Self::V2 => "2.0.0-r2",
            Self::V3 => "2.0.0-r3",
        })
    }
}

/// A host function.
#[derive(PartialEq, Eq, Debug)]
pub struct HostFunction {
    /// Its name in [`HOST_MODULE`].
    pub name: &'static str,
    /// The types of its parameters.
    pub parameters: &'static [ValType],
    /// The types of its results.
    pub results: &'static [ValType],
    /// The version that brought it.
    pub since: PvmVersion,
}

const I: ValType = ValType::I32;
const L: ValType = ValType::I64;

const fn function(
    name: &'static str,
    parameters: &'static [ValType],
    results: &'static [ValType],
    since: PvmVersion,
) -> HostFunction {
    HostFunction { name, parameters, results, since }
}

/// What a kernel may import: the functions up to PVM 2.0.0-r5. The `nds_*` functions of 2.0.0-r6 are not among
/// them: the fast executor of Octez lacks them, and calling one before it is activated breaks the slow PVM.
pub const PERMITTED: &[HostFunction] = &[
    function("read_input", &[I, I, I], &[I], PvmVersion::V0),
    function("write_output", &[I, I], &[I], PvmVersion::V0),
    function("write_debug", &[I, I], &[], PvmVersion::V0),
    function("store_has", &[I, I], &[I], PvmVersion::V0),
    function("store_list_size", &[I, I], &[L], PvmVersion::V0),
    function("store_get_nth_key", &[I, I, L, I, I], &[I], PvmVersion::V0),
    function("store_delete", &[I, I], &[I], PvmVersion::V0),
    function("store_copy", &[I, I, I, I], &[I], PvmVersion::V0),
    function("store_move", &[I, I, I, I], &[I], PvmVersion::V0),
    function("store_value_size", &[I, I], &[I], PvmVersion::V0),
    function("store_read", &[I, I, I, I, I], &[I], PvmVersion::V0),
    function("store_write", &[I, I, I, I, I], &[I], PvmVersion::V0),
    function("reveal_preimage", &[I, I, I, I], &[I], PvmVersion::V0),
    function("reveal_metadata", &[I, I], &[I], PvmVersion::V0),
    function("store_delete_value", &[I, I], &[I], PvmVersion::V1),
    function("store_create", &[I, I, I], &[I], PvmVersion::V1),
    function("__internal_store_get_hash", &[I, I, I, I], &[I], PvmVersion::V1),
    function("store_exists", &[I, I], &[I], PvmVersion::V2),
    function("reveal", &[I, I, I, I], &[I], PvmVersion::V3),
];

/// A function type as text, as in `(i32, i64) -> (i32)`.
pub(crate) fn signature(parameters: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(parameters), list(results))
}

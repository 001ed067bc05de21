//! Bytes that are almost kernels: damaged ones, and modules put together at random.

use crate::{machine, run, session};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, MemArg, MemorySection, MemoryType, Module, RefType, StartSection, TableSection, TableType,
    TypeSection, ValType,
};

/// Kernels to damage: what the machine looks at is in each.
const SEEDS: [&str; 4] = [
    r#"(module (import "smart_rollup_core" "store_write" (func $w (param i32 i32 i32 i32 i32) (result i32)))
      (import "smart_rollup_core" "read_input" (func $r (param i32 i32 i32) (result i32)))
      (memory 1) (export "memory" (memory 0)) (data (i32.const 0) "/kernel/env/reboot")
      (func (export "kernel_run") (local $n i32)
        (loop $l (local.set $n (call $r (i32.const 100) (i32.const 200) (i32.const 4096)))
          (drop (call $w (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 200) (local.get $n)))
          (br_if $l (local.get $n)))))"#,
    r#"(module (memory 1 3) (export "memory" (memory 0)) (table 4 funcref) (elem (i32.const 1) $f $g)
      (type $t (func (param i32) (result i32))) (global $x (mut i64) (i64.const 5))
      (func $f (type $t) (i32.div_s (i32.const 7) (local.get 0)))
      (func $g (type $t) (block (result i32) (br_table 0 0 (i32.const 9) (local.get 0))))
      (func $s (global.set $x (i64.extend_i32_u (memory.grow (i32.const 1))))) (start $s)
      (func (export "kernel_run") (drop (call_indirect (type $t) (i32.const 2) (i32.wrap_i64 (global.get $x))))))"#,
    r#"(module (memory 1) (export "memory" (memory 0)) (data $d "passive") (elem $e funcref (ref.null func))
      (table $t 2 10 funcref)
      (func (export "kernel_run")
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $d)
        (memory.copy (i32.const 10) (i32.const 0) (i32.const 7)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 9))
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))
        (drop (table.grow $t (ref.null func) (i32.const 1)))
        (v128.store (i32.const 32) (i32x4.add (v128.const i32x4 1 2 3 4) (v128.load (i32.const 0))))))"#,
    r#"(module (memory 1) (export "memory" (memory 0))
      (func $deep (param i32) (result i32)
        (if (result i32) (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
      (func (export "kernel_run") (drop (call $deep (i32.const 1000)))))"#,
];

/// Names of exports, and of imports with the right and the wrong type.
const NAMES: [&str; 8] =
    ["kernel_run", "memory", "node_run", "store_has", "write_debug", "reveal_metadata", "no_such", ""];

fn damaged(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = wat::parse_str(SEEDS[rng.usize(..SEEDS.len())]).expect("a kernel");
    for _ in 0..rng.usize(1..=4) {
        let at = rng.usize(..bytes.len());
        match rng.u8(..6) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = rng.u8(..),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, rng.u8(..)),
            4 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.usize(..5)],
            _ => bytes.truncate(at.max(8)),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn value_type(rng: &mut fastrand::Rng) -> ValType {
    match rng.u8(..) {
        0 => ValType::F64,
        1..=9 => ValType::V128,
        10..=19 => ValType::FUNCREF,
        20..=99 => ValType::I64,
        _ => ValType::I32,
    }
}

/// A number of pages or elements: small, or so many that no host has them.
fn minimum(rng: &mut fastrand::Rng) -> u64 {
    match rng.u8(..40) {
        0 => 65_536,
        1 => 65_537,
        2 => u64::from(u32::MAX),
        3 => 10_000_000,
        4 => 10_000_001,
        _ => rng.u64(..4),
    }
}

/// A module of the right shape: most of its sections are there, and what they say is anything.
fn shaped(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut module = Module::new();
    let type_count = rng.u32(1..4);
    let mut types = TypeSection::new();
    types.ty().function([], []);
    for _ in 1..type_count {
        let parameters: Vec<_> = (0..rng.usize(..6)).map(|_| value_type(rng)).collect();
        let results: Vec<_> = (0..rng.usize(..3)).map(|_| value_type(rng)).collect();
        types.ty().function(parameters, results);
    }
    module.section(&types);
    let mut imports = ImportSection::new();
    let import_count = if rng.u8(..4) == 0 { rng.u32(1..4) } else { 0 };
    for _ in 0..import_count {
        let from = if rng.u8(..8) == 0 { "env" } else { "smart_rollup_core" };
        imports.import(from, NAMES[rng.usize(..NAMES.len())], EntityType::Function(rng.u32(..type_count)));
    }
    module.section(&imports);
    let function_count = rng.u32(1..5);
    let mut functions = FunctionSection::new();
    for index in 0..function_count {
        functions.function(if index == 0 { 0 } else { rng.u32(..type_count) });
    }
    module.section(&functions);
    memories_and_tables(rng, &mut module);
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i32_const(rng.i32(..)));
    module.section(&globals);
    let all_functions = import_count + function_count;
    let mut exports = ExportSection::new();
    if rng.u8(..12) > 0 {
        exports.export("memory", ExportKind::Memory, 0);
    }
    exports.export(
        "kernel_run",
        ExportKind::Func,
        if rng.u8(..16) == 0 { rng.u32(..9) } else { import_count },
    );
    if rng.u8(..6) == 0 {
        exports.export(NAMES[rng.usize(..NAMES.len())], ExportKind::Func, rng.u32(..all_functions));
    }
    module.section(&exports);
    if rng.u8(..8) == 0 {
        module.section(&StartSection { function_index: rng.u32(..all_functions) });
    }
    let mut elements = ElementSection::new();
    let members: Vec<_> = (0..rng.usize(..4)).map(|_| rng.u32(..all_functions)).collect();
    elements.active(None, &ConstExpr::i32_const(rng.i32(-1..4)), Elements::Functions(members.into()));
    module.section(&elements);
    let mut code = CodeSection::new();
    for _ in 0..function_count {
        code.function(&body(rng, all_functions));
    }
    module.section(&code);
    let mut data = DataSection::new();
    let at = if rng.u8(..8) == 0 { rng.i32(..) } else { rng.i32(0..1_000) };
    data.active(0, &ConstExpr::i32_const(at), vec![7; rng.usize(..64)]);
    module.section(&data);
    if rng.u8(..8) == 0 {
        module
            .section(&CustomSection { name: "name".into(), data: vec![rng.u8(..); rng.usize(..16)].into() });
    }
    module.finish()
}

fn memories_and_tables(rng: &mut fastrand::Rng, module: &mut Module) {
    let mut tables = TableSection::new();
    let maximum = (rng.u8(..3) == 0).then(|| rng.u64(6..12));
    let element_type = if rng.u8(..8) == 0 { RefType::EXTERNREF } else { RefType::FUNCREF };
    let minimum_of_table = minimum(rng) + 4;
    tables.table(TableType {
        element_type,
        table64: false,
        minimum: minimum_of_table.min(u32::MAX.into()),
        maximum,
        shared: false,
    });
    module.section(&tables);
    let mut memories = MemorySection::new();
    for _ in 0..if rng.u8(..10) == 0 { rng.u8(..4) } else { 1 } {
        let maximum = (rng.u8(..3) == 0).then(|| rng.u64(4..65_600));
        memories.memory(MemoryType {
            minimum: minimum(rng).max(1),
            maximum,
            memory64: rng.u8(..40) == 0,
            shared: false,
            page_size_log2: None,
        });
    }
    module.section(&memories);
}

/// Instructions that may or may not fit each other: a body that does not validate is for the host to find out.
fn body(rng: &mut fastrand::Rng, functions: u32) -> Function {
    let locals: Vec<_> = (0..rng.u32(..3)).map(|_| (rng.u32(1..40), value_type(rng))).collect();
    let mut function = Function::new(locals);
    let memory = MemArg { offset: u64::from(rng.u32(..)), align: rng.u32(..3), memory_index: 0 };
    let mut open = 0;
    for _ in 0..rng.usize(..40) {
        // Pairs that leave the stack as it was, most of the time.
        match rng.u8(..20) {
            0 => drop(function.instruction(&Instruction::I32Const(rng.i32(..)))),
            1 => drop(function.instruction(&Instruction::Drop)),
            2 => drop(function.instruction(&Instruction::Call(rng.u32(..functions)))),
            3 => {
                function.instruction(&Instruction::Loop(BlockType::Empty));
                open += 1;
            }
            4 => {
                function.instruction(&Instruction::Block(BlockType::Empty));
                open += 1;
            }
            5 if open > 0 => {
                function
                    .instruction(&Instruction::I32Const(rng.i32(0..2)))
                    .instruction(&Instruction::BrIf(0));
            }
            6 if open > 0 => {
                function.instruction(&Instruction::End);
                open -= 1;
            }
            7 => {
                function.instruction(&Instruction::I32Const(rng.i32(..)));
                function.instruction(&Instruction::I32Load(memory)).instruction(&Instruction::Drop);
            }
            8 => {
                function.instruction(&Instruction::I32Const(rng.i32(0..1_000)));
                function.instruction(&Instruction::I64Const(rng.i64(..)));
                function.instruction(&Instruction::I64Store(MemArg { offset: 0, ..memory }));
            }
            9 => {
                function.instruction(&Instruction::I32Const(rng.i32(-1..70_000)));
                function.instruction(&Instruction::MemoryGrow(0)).instruction(&Instruction::Drop);
            }
            10 => {
                function.instruction(&Instruction::I32Const(rng.i32(-1..4)));
                function.instruction(&Instruction::CallIndirect { type_index: 0, table_index: 0 });
            }
            11 if rng.u8(..32) == 0 => drop(function.instruction(&Instruction::F64Const(1.0.into()))),
            12 => drop(function.instruction(&Instruction::Unreachable)),
            13 => drop(function.instruction(&Instruction::LocalGet(rng.u32(..9)))),
            14 => {
                for argument in [rng.i32(..), rng.i32(..), rng.i32(..)] {
                    function.instruction(&Instruction::I32Const(argument));
                }
                function.instruction(&Instruction::MemoryFill(0));
            }
            15 => {
                function.instruction(&Instruction::I32Const(rng.i32(..3)));
                function.instruction(&Instruction::I32Const(rng.i32(..3)));
                function.instruction(&Instruction::I32DivS).instruction(&Instruction::Drop);
            }
            16 => {
                function.instruction(&Instruction::RefNull(wasm_encoder::HeapType::FUNC));
                function.instruction(&Instruction::I32Const(rng.i32(-1..20_000_000)));
                function.instruction(&Instruction::TableGrow(0)).instruction(&Instruction::Drop);
            }
            _ => drop(function.instruction(&Instruction::Nop)),
        }
    }
    for _ in 0..=open {
        function.instruction(&Instruction::End);
    }
    function
}

#[test]
fn no_bytes_in_place_of_a_kernel_upset_the_host() {
    let machine = machine();
    let seen = session::run(400, 2, |rng| {
        let kernel = if rng.bool() { damaged(rng) } else { shaped(rng) };
        // Whether it is a kernel can be asked before.
        let is_accepted = millrace_pvm::accept(&kernel).is_ok();
        let mut seen = run(&machine, &kernel);
        seen.push(if is_accepted { "accepted" } else { "refused" }.into());
        seen
    });
    assert!(seen.is_empty() || seen.len() >= 9, "{seen:?}");
}

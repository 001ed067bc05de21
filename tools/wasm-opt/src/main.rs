//! `millrace-wasm-opt [options] IN OUT`: runs Binaryen over a kernel, for fewer executed instructions first and
//! fewer bytes second.
//!
//! A crate of its own, outside the default members of the workspace, because Binaryen is C++ that takes minutes to
//! compile: it is built only where `dist/` is made. The version is pinned by the lock file, and Binaryen is
//! deterministic for given options, so that the bytes of a kernel can be reproduced.
//!
//! Without options it runs the recipe that kernels ship with. The options are there to look for a better one,
//! with `make bench` as the judge; they apply on top of the recipe, and `--level` comes first:
//! ```text
//! --level 1|2|3|4|s|z        Binaryen's -O level
//! --always-inline N          inline functions of at most N instructions everywhere
//! --one-caller-inline N      inline functions of at most N instructions that are called once
//! --flexible-inline N        inline light functions of at most N instructions
//! --inline-loops yes|no      inline functions that contain loops, too
//! --low-memory-unused yes|no assume that nothing lives below address 1,024
//! --converge                 repeat until nothing changes
//! --pass NAME                run this pass after the others; may be repeated
//! ```
//!
//! What was measured on the first kernel (830,098 bytes, 1,112,048 executed operators for a transfer in a full block,
//! 1,364,642 for an ERC-20 transfer):
//! ```text
//! level 3                                   752,815 bytes   1,109,040   1,360,346
//! level 4 (flattens first)                  756,806         1,115,596   1,367,453   worse than nothing
//! level z                                   750,381         1,109,053   1,360,103
//! level 3, low memory unused                747,721         1,104,957   1,353,851
//! the same, inlining with loops up to 100   760,109         1,103,270   1,350,836   the recipe
//! the same, up to 200, until it converges   771,179         1,102,342   1,349,329   five times slower
//! ```
//! LLVM has done most of it already: Binaryen gains a twelfth of the size, and less than a hundredth of the operators.

use anyhow::{Context, bail};
use std::io::Write;
use wasm_opt::{Feature, OptimizationOptions, Pass};

/// What the PVM accepts of WebAssembly beyond its first version. Multi-value and SIMD are left out, as in the
/// check of the artifact, and so is everything with floats.
const FEATURES: [Feature; 4] =
    [Feature::MutableGlobals, Feature::SignExt, Feature::BulkMemory, Feature::ReferenceTypes];

/// Light functions of at most this many instructions are inlined; Binaryen's own default is 20.
const FLEXIBLE_INLINE_MAX: u32 = 100;
/// Functions of at most this many instructions are inlined into their only caller.
const ONE_CALLER_INLINE_MAX: u32 = 2_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Request { options, input, output } = Request::parse(&arguments)?;
    let before = std::fs::metadata(&input).with_context(|| format!("cannot read {input}"))?.len();
    options.run(&input, &output).with_context(|| format!("wasm-opt failed on {input}"))?;
    let after = std::fs::metadata(&output)?.len();
    writeln!(std::io::stdout(), "{output}: {before} bytes before, {after} bytes after")?;
    Ok(())
}

/// What the command line asks for.
struct Request {
    options: OptimizationOptions,
    input: String,
    output: String,
}

impl Request {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = recipe(OptimizationOptions::new_opt_level_3());
        let mut files = Vec::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--level" => options = recipe(level(value()?)?),
                "--always-inline" => {
                    options.always_inline_max_size(value()?.parse()?);
                }
                "--one-caller-inline" => {
                    options.one_caller_inline_max_size(value()?.parse()?);
                }
                "--flexible-inline" => {
                    options.flexible_inline_max_size(value()?.parse()?);
                }
                "--inline-loops" => {
                    options.allow_functions_with_loops(value()? == "yes");
                }
                "--low-memory-unused" => {
                    options.low_memory_unused(value()? == "yes");
                }
                "--converge" => {
                    options.set_converge();
                }
                "--pass" => {
                    let name = value()?;
                    options.add_pass(pass(name)?);
                }
                option if option.starts_with('-') => bail!("no option {option}; --level comes first"),
                _ => files.push(word.clone()),
            }
        }
        let [input, output] = <[String; 2]>::try_from(files)
            .map_err(|_| anyhow::anyhow!("usage: millrace-wasm-opt [options] IN OUT"))?;
        Ok(Self { options, input, output })
    }
}

fn level(name: &str) -> anyhow::Result<OptimizationOptions> {
    Ok(match name {
        "1" => OptimizationOptions::new_opt_level_1(),
        "2" => OptimizationOptions::new_opt_level_2(),
        "3" => OptimizationOptions::new_opt_level_3(),
        "4" => OptimizationOptions::new_opt_level_4(),
        "s" => OptimizationOptions::new_optimize_for_size(),
        "z" => OptimizationOptions::new_optimize_for_size_aggressively(),
        _ => bail!("no level {name}"),
    })
}

/// The passes worth trying that no level runs, or that may gain from a second turn.
fn pass(name: &str) -> anyhow::Result<Pass> {
    let known = [
        Pass::CodeFolding,
        Pass::DaeOptimizing,
        Pass::Directize,
        Pass::Gufa,
        Pass::GufaOptimizing,
        Pass::InliningOptimizing,
        Pass::Licm,
        Pass::LocalCse,
        Pass::MergeSimilarFunctions,
        Pass::OptimizeAddedConstantsPropagate,
        Pass::PrecomputePropagate,
        Pass::Rereloop,
        Pass::SsaNomerge,
        Pass::Vacuum,
    ];
    let names = known.iter().map(Pass::name).collect::<Vec<_>>().join(", ");
    known
        .into_iter()
        .find(|pass| pass.name() == name)
        .with_context(|| format!("no pass {name}; there are {names}"))
}

/// What every kernel is treated with, whatever the level.
fn recipe(mut options: OptimizationOptions) -> OptimizationOptions {
    options.mvp_features_only();
    for feature in FEATURES {
        options.enable_feature(feature);
    }
    // Every run of the PVM starts from a fresh instance, so memory is zero where no data is.
    options.zero_filled_memory(true);
    // The lowest kilobyte is the end of the stack, which grows down from its top of one megabyte; data and heap lie
    // above. A constant below 1,024 may then be folded into the offset of an access, which makes a difference only
    // where an address wraps around to that kilobyte: there the access traps now, as stack overflows should.
    options.low_memory_unused(true);
    options.allow_functions_with_loops(true);
    options.flexible_inline_max_size(FLEXIBLE_INLINE_MAX);
    options.one_caller_inline_max_size(ONE_CALLER_INLINE_MAX);
    options.debug_info(false);
    for pass in [Pass::StripDebug, Pass::StripProducers, Pass::StripTargetFeatuers] {
        options.add_pass(pass);
    }
    options
}

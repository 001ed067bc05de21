//! A rehearsal as text and as JSON.

use super::{
    Announcement, BlockDifference, ChainComparison, Cost, LevelComparison, Rehearsal, Verdict, Way, Weight,
    limits::RUN_TICKS_MAX, reason_text,
};
use crate::time::show;
use millrace_layout::governance::Source;
use millrace_primitives::{BlockHash, BlockNumber, Ticks};
use millrace_wire::base58::Base58Check as _;
use serde_json::{Value, json};
use std::fmt;

impl Rehearsal {
    /// What each time took in all.
    fn totals(&self) -> (Cost, Cost) {
        let total = |of: fn(&LevelComparison) -> &Cost| {
            self.levels.iter().fold(Cost::default(), |total, level| total.and(of(level)))
        };
        (total(|level| &level.without), total(|level| &level.with))
    }

    /// Things to look at twice, whatever the verdict is.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let largest = self.totals().1.largest_run_ticks;
        if largest > RUN_TICKS_MAX {
            warnings.push(format!(
                "the largest run with the upgrade takes about {} ticks, more than {} can be proven with",
                scientific(largest),
                scientific(RUN_TICKS_MAX)
            ));
        }
        if self.announcement.way == Way::NoContract {
            warnings.push(
                "the rollup listens to no contract that may announce this: in truth it cannot be upgraded"
                    .into(),
            );
        }
        if self.waiting_before > 0 {
            warnings.push(format!("{} other upgrades wait already", self.waiting_before));
        }
        if self.chain.as_ref().is_some_and(|chain| chain.equal == 0 && chain.first_difference.is_none()) {
            warnings.push("no block was made in these levels: there was nothing to compare".into());
        }
        if !self.is_baseline_recorded {
            warnings.push("what the rollup itself made of these levels is not known".into());
        }
        for level in &self.levels {
            warnings.extend(level.troubles.iter().map(|trouble| format!("level {}: {trouble}", level.level)));
        }
        warnings
    }

    /// All of it.
    pub fn to_json(&self) -> Value {
        let (without, with) = self.totals();
        let levels: Vec<_> = self.levels.iter().map(level_json).collect();
        json!({
            "verdict": verdict_json(&self.verdict),
            "root_hash": self.proposal.root_hash.to_string(),
            "announcement": announcement_json(&self.announcement),
            "switch": self.switch.as_ref().map(|switch| json!({
                "level": switch.level.get(),
                "first_block_min": switch.first_block.start(),
                "first_block_max": switch.first_block.end(),
            })),
            "levels": levels,
            "total": { "without": cost_json(&without), "with": cost_json(&with) },
            "run_ticks_max": RUN_TICKS_MAX.get(),
            "is_baseline_recorded": self.is_baseline_recorded,
            "chain": self.chain.as_ref().map(chain_json),
            "storage": { "count": self.storage.count(), "places": self.storage },
            "storage_version": { "before": self.storage_versions[0], "after": self.storage_versions[1] },
            "kernel_root": self.kernel_root.map(|root| root.to_string()),
            "warnings": self.warnings(),
        })
    }
}

fn verdict_json(verdict: &Verdict) -> Value {
    let kind = match verdict {
        Verdict::Good => "good",
        Verdict::ChainDiffers { .. } => "chain-differs",
        Verdict::Behind { .. } => "behind",
        Verdict::Unreadable => "unreadable",
        Verdict::Ignored { .. } => "ignored",
        Verdict::Refused(_) => "refused",
        Verdict::GaveWay(_) => "gave-way",
        Verdict::Dead(_) => "dead",
        Verdict::NotDue => "not-due",
    };
    let reason = match verdict {
        Verdict::Refused(code) | Verdict::GaveWay(code) => Some(*code),
        _ => None,
    };
    let weight = match verdict.weight() {
        Weight::Good => "good",
        Weight::Bad => "bad",
        Weight::Unknown => "unknown",
    };
    json!({ "kind": kind, "weight": weight, "reason": reason, "text": verdict.to_string() })
}

fn announcement_json(announcement: &Announcement) -> Value {
    let Announcement { source, activation, way } = announcement;
    let (way, contract, notice_s) = match way {
        Way::Message(contract) => ("message", Some(contract.to_base58()), None),
        Way::NoContract => ("no-contract", None, None),
        Way::Notice { notice_s } => ("notice", None, Some(notice_s)),
    };
    json!({
        "source": source_text(*source),
        "activation": show(*activation),
        "activation_s": activation.get(),
        "way": way,
        "contract": contract,
        "notice_s": notice_s,
    })
}

const fn source_text(source: Source) -> &'static str {
    match source {
        Source::Kernel => "kernel governance",
        Source::Security => "security governance",
        Source::Admin => "the administrator",
    }
}

fn cost_json(cost: &Cost) -> Value {
    json!({
        "runs": cost.runs,
        "operators": cost.operators,
        "ticks": cost.ticks.get(),
        "largest_run_ticks": cost.largest_run_ticks.get(),
        "host_calls": cost.host_calls,
        "wall_us": cost.wall_us,
    })
}

fn level_json(level: &LevelComparison) -> Value {
    json!({
        "level": level.level.get(),
        "without": cost_json(&level.without),
        "with": cost_json(&level.with),
        "troubles": level.troubles,
    })
}

fn chain_json(chain: &ChainComparison) -> Value {
    let number = |head: Option<BlockNumber>| head.map(BlockNumber::get);
    json!({
        "equal_blocks": chain.equal,
        "first_difference": chain.first_difference.map(|BlockDifference { number, without, with }| json!({
            "number": number.get(),
            "without": without.map(|hash| format!("0x{hash}")),
            "with": with.map(|hash| format!("0x{hash}")),
        })),
        "head": { "without": number(chain.head_without), "with": number(chain.head_with) },
    })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("GOOD: the kernel took over, and every block is the same as without it"),
            Self::ChainDiffers { is_expected: true } => {
                f.write_str("GOOD: the kernel took over; blocks are other ones than without it, as expected")
            }
            Self::ChainDiffers { is_expected: false } => {
                f.write_str("BAD: the kernel took over, and blocks are other ones than without it")
            }
            Self::Behind { blocks } => {
                write!(f, "BAD: the kernel took over and made {blocks} blocks less than the one before")
            }
            Self::Unreadable => f.write_str(
                "UNKNOWN: the kernel took over, and this program cannot read the blocks that it keeps",
            ),
            Self::Ignored { reason } => write!(f, "BAD: the rollup ignored the announcement: {reason}"),
            Self::Refused(code) => {
                write!(f, "BAD: the kernel that runs refused it: {}", reason_text(*code))
            }
            Self::GaveWay(code) => write!(
                f,
                "BAD: it took over and gave way to the kernel before: {}",
                reason_text(*code)
            ),
            Self::Dead(reason) => write!(f, "BAD: the rollup is dead for good: {reason}"),
            Self::NotDue => f.write_str(
                "UNKNOWN: the levels were over before it was due; replay more of them, or choose an earlier activation",
            ),
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = source_text(self.source);
        match self.way {
            Way::Message(contract) => write!(f, "by {who}, {}", contract.to_base58())?,
            Way::NoContract => write!(f, "in the name of {who}, put among those that wait")?,
            Way::Notice { notice_s } => {
                write!(f, "in the name of {who}, as if {notice_s} s before")?;
            }
        }
        write!(f, ", for {}", show(self.activation))
    }
}

impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.verdict)?;
        writeln!(f, "kernel           {}", self.proposal.root_hash)?;
        writeln!(f, "announced        {}", self.announcement)?;
        match &self.switch {
            None => writeln!(f, "took over        never")?,
            Some(switch) if switch.first_block.start() == switch.first_block.end() => {
                writeln!(
                    f,
                    "took over        in level {}, from block {} on",
                    switch.level,
                    switch.first_block.start()
                )?;
            }
            Some(switch) => writeln!(
                f,
                "took over        in level {}, from one of the blocks {} to {} on",
                switch.level,
                switch.first_block.start(),
                switch.first_block.end()
            )?,
        }
        let root =
            self.kernel_root.map_or("the one that the rollup began with".into(), |root| root.to_string());
        writeln!(f, "kernel at end    {root}")?;
        let version = |version: Option<u64>| version.map_or("none".into(), |version| version.to_string());
        let [before, after] = self.storage_versions.map(version);
        writeln!(f, "storage version  {before} before, {after} after")?;
        self.write_chain(f)?;
        self.write_costs(f)?;
        self.write_storage(f)?;
        self.warnings().iter().try_for_each(|warning| writeln!(f, "WARNING: {warning}"))
    }
}

impl Rehearsal {
    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(chain) = &self.chain else { return writeln!(f, "blocks           cannot be read") };
        let shown = |number: Option<BlockNumber>| number.map_or("none".into(), |number| number.to_string());
        writeln!(
            f,
            "blocks           {} are the same; the last is {} without, {} with the upgrade",
            chain.equal,
            shown(chain.head_without),
            shown(chain.head_with)
        )?;
        let Some(BlockDifference { number, without, with }) = &chain.first_difference else { return Ok(()) };
        let hash = |hash: &Option<BlockHash>| hash.map_or("none".into(), |hash| format!("0x{hash}"));
        writeln!(f, "first other      block {number}\n  without        {}", hash(without))?;
        writeln!(f, "  with           {}", hash(with))
    }

    fn write_costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  level      runs       operators             ticks      largest run             ms")?;
        writeln!(f, "         without/with; ticks are estimated from operators, bytes moved and host calls")?;
        for level in &self.levels {
            write_cost(f, &level.level.to_string(), (&level.without, &level.with))?;
        }
        let (without, with) = self.totals();
        write_cost(f, "all", (&without, &with))?;
        let share = with.largest_run_ticks.get() as f64 * 100.0 / RUN_TICKS_MAX.get() as f64;
        writeln!(
            f,
            "The largest run with the upgrade takes {share:.1} % of the {} ticks that a run may.",
            scientific(RUN_TICKS_MAX)
        )
    }

    fn write_storage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} keys of the durable storage differ in the end", self.storage.count())?;
        for (place, group) in &self.storage.groups {
            writeln!(
                f,
                "  {place}: {} added, {} changed, {} removed",
                group.added, group.changed, group.removed
            )?;
            for key in &group.first {
                let size = |size: Option<usize>| size.map_or("-".into(), |size| size.to_string());
                let (before, after) = (size(key.size_bytes_before), size(key.size_bytes_after));
                writeln!(f, "    {} ({before} -> {after} bytes)", key.key)?;
            }
        }
        Ok(())
    }
}

fn write_cost(f: &mut fmt::Formatter<'_>, name: &str, costs: (&Cost, &Cost)) -> fmt::Result {
    let (without, with) = costs;
    let pair = |without: String, with: String| format!("{without}/{with}");
    let ms = |cost: &Cost| (cost.wall_us / 1_000).to_string();
    writeln!(
        f,
        "{name:>7} {:>9} {:>15} {:>17} {:>16} {:>14}",
        pair(without.runs.to_string(), with.runs.to_string()),
        pair(scientific_count(without.operators), scientific_count(with.operators)),
        pair(scientific(without.ticks), scientific(with.ticks)),
        pair(scientific(without.largest_run_ticks), scientific(with.largest_run_ticks)),
        pair(ms(without), ms(with))
    )
}

fn scientific(ticks: Ticks) -> String {
    scientific_count(ticks.get())
}

/// As in `1.2e9`.
fn scientific_count(count: u64) -> String {
    format!("{:.1e}", count as f64)
}

//! `millrace l1 fault`: what goes wrong because it was told to.

use clap::Subcommand;
use millrace_l1::MessageId;
use millrace_l1::client::ClientError;
use millrace_l1::control::Control;
use millrace_l1::control::faults::{
    Behaviour, Clock, Fate, FullBlocks, InForce, Levels, Migration, Operations, Reorg, Which,
};

/// Make things go wrong on the layer 1, or with its rollup node.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace l1 fault reorg 2              the last two blocks give way to two others
  millrace l1 fault reorg 1 --lost       and what was in them never comes back
  millrace l1 fault stop-levels
  millrace l1 fault resume-levels --burst 20
  millrace l1 fault skip-time 43200      the layer 1 is twelve hours later
  millrace l1 fault drop --next 1        the next operation is taken and lost
  millrace l1 fault rollup-node hanging
  millrace l1 fault mend")]
pub(super) struct Fault {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Have the newest blocks give way to others.
    Reorg {
        /// How many; 1 or 2, for what is deeper is final.
        levels: u32,
        /// How many come in their place: as many when left out, never fewer.
        #[arg(long, value_name = "LEVELS")]
        new_levels: Option<u32>,
        /// Their operations are lost, instead of being in the new blocks before all others.
        #[arg(long, conflicts_with = "late")]
        lost: bool,
        /// Their operations come so many levels later.
        #[arg(long, value_name = "LEVELS")]
        late: Option<u32>,
        /// Final blocks may give way too, which no layer 1 does.
        #[arg(long)]
        beyond_finality: bool,
    },
    /// No more levels come by themselves.
    StopLevels,
    /// Levels come again.
    ResumeLevels {
        /// Levels that come all at once, before that.
        #[arg(long, value_name = "LEVELS", default_value_t = 0)]
        burst: u32,
    },
    /// The clock of the layer 1 jumps ahead, or back: then the times of blocks stand still until it has caught up.
    SkipTime {
        /// By how much.
        #[arg(value_name = "SECONDS", allow_negative_numbers = true)]
        skip_s: i64,
    },
    /// Operations are taken and never seen again.
    Drop(Operation),
    /// Operations come later.
    Delay {
        /// By how many levels.
        levels: u32,
        #[command(flatten)]
        operation: Operation,
    },
    /// Others fill the next blocks.
    FullBlocks {
        /// How many.
        levels: u32,
        /// Bytes of each that are left.
        #[arg(long, value_name = "BYTES", default_value_t = 0)]
        free_bytes: usize,
        /// They are filled with messages for another rollup, which this one has to read as well.
        #[arg(long)]
        messages: bool,
    },
    /// The next level is the first of another protocol.
    Migrate {
        /// Its name as rollups are told, such as t024_024.
        protocol: String,
    },
    /// How the rollup node behaves: working, stopped, hanging, refusing-injections, bad-gateway, or slow=MS.
    RollupNode {
        /// How.
        #[arg(value_parser = behaviour)]
        behaviour: Behaviour,
    },
    /// What is in force.
    Show,
    /// End all faults. The clock goes on from where it is.
    Mend,
}

/// Which operations.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Operation {
    /// Those of the next so many injections and calls, however many messages each has.
    #[arg(long, value_name = "COUNT")]
    next: Option<u32>,
    /// The one of this name, which waits.
    #[arg(long, value_name = "ID")]
    id: Option<MessageId>,
}

impl Operation {
    fn meet(self, fate: Fate) -> Operations {
        let which = match (self.id, self.next) {
            (Some(id), _) => Which::Id(id),
            (None, count) => Which::Next(count.unwrap_or(1)),
        };
        Operations { fate, which }
    }
}

impl Fault {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let in_force = match self.kind {
            Kind::Reorg { levels, new_levels, lost, late, beyond_finality } => {
                let late = late.map(Fate::DelayedLevels);
                let operations = if lost { Some(Fate::Dropped) } else { late };
                let reorg = Reorg { levels, new_levels, operations, beyond_finality };
                let head = control.reorganise(&reorg).await?;
                return Ok(format!("level {} is now {}", head.level, head.block_hash));
            }
            Kind::StopLevels => control.levels(Levels { stopped: true, burst: 0 }).await?,
            Kind::ResumeLevels { burst } => control.levels(Levels { stopped: false, burst }).await?,
            Kind::SkipTime { skip_s } => control.clock(Clock { skip_s }).await?,
            Kind::Drop(operation) => control.operations(operation.meet(Fate::Dropped)).await?,
            Kind::Delay { levels, operation } => {
                control.operations(operation.meet(Fate::DelayedLevels(levels))).await?
            }
            Kind::FullBlocks { levels, free_bytes, messages } => {
                control.full_blocks(FullBlocks { levels, free_bytes, messages }).await?
            }
            Kind::Migrate { protocol } => control.migrate(&Migration { protocol }).await?,
            Kind::RollupNode { behaviour } => control.behave(behaviour).await?,
            Kind::Show => control.faults().await?,
            Kind::Mend => control.mend().await?,
        };
        Ok(text(&in_force))
    }
}

/// The faults in force, a line each.
fn text(in_force: &InForce) -> String {
    let mut lines = Vec::new();
    if in_force.levels_stopped {
        lines.push("levels have stopped".to_owned());
    }
    if in_force.clock_offset_s != 0 {
        let offset_s = in_force.clock_offset_s;
        lines.push(format!("the clock of the layer 1 is ahead by {offset_s} s"));
    }
    if let Some((fate, count)) = in_force.arriving {
        let what = match fate {
            Fate::Dropped => "lost".to_owned(),
            Fate::DelayedLevels(levels) => format!("late by {levels} levels"),
        };
        lines.push(format!("the operations of the next {count} injections are {what}"));
    }
    if let Some(full) = in_force.full_blocks {
        let FullBlocks { levels, free_bytes, .. } = full;
        lines.push(format!("the next {levels} blocks are full but for {free_bytes} bytes"));
    }
    match in_force.rollup_node {
        Behaviour::Working => {}
        Behaviour::SlowMs(delay_ms) => lines.push(format!("the rollup node takes {delay_ms} ms to answer")),
        Behaviour::Stopped => lines.push("the rollup node is stopped".to_owned()),
        Behaviour::Hanging => lines.push("the rollup node hangs".to_owned()),
        Behaviour::RefusingInjections => lines.push("the rollup node takes no messages".to_owned()),
        Behaviour::BadGateway => lines.push("the rollup node answers 502".to_owned()),
    }
    if lines.is_empty() { "nothing is wrong".to_owned() } else { lines.join("\n") }
}

fn behaviour(text: &str) -> Result<Behaviour, String> {
    let delay_ms = |digits: &str| digits.parse().map_err(|_| "slow=MS takes milliseconds".to_owned());
    match text {
        "working" => Ok(Behaviour::Working),
        "stopped" => Ok(Behaviour::Stopped),
        "hanging" => Ok(Behaviour::Hanging),
        "refusing-injections" => Ok(Behaviour::RefusingInjections),
        "bad-gateway" => Ok(Behaviour::BadGateway),
        text => match text.strip_prefix("slow=") {
            Some(digits) => delay_ms(digits).map(Behaviour::SlowMs),
            None => {
                Err("one of working, stopped, hanging, refusing-injections, bad-gateway, slow=MS".to_owned())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_has_a_line_each() {
        let nothing = InForce {
            levels_stopped: false,
            clock_offset_s: 0,
            arriving: None,
            full_blocks: None,
            rollup_node: Behaviour::Working,
        };
        assert_eq!(text(&nothing), "nothing is wrong");
        let all = InForce {
            levels_stopped: true,
            clock_offset_s: -5,
            arriving: Some((Fate::DelayedLevels(3), 2)),
            full_blocks: Some(FullBlocks { levels: 4, free_bytes: 7, messages: false }),
            rollup_node: Behaviour::SlowMs(20),
        };
        let lines = text(&all);
        assert_eq!(lines.lines().count(), 5);
        for word in ["stopped", "-5 s", "late by 3", "next 2", "next 4", "7 bytes", "20 ms"] {
            assert!(lines.contains(word), "{word} is not in {lines}");
        }
    }

    #[test]
    fn a_rollup_node_behaves_in_so_many_ways() {
        assert_eq!(behaviour("slow=250"), Ok(Behaviour::SlowMs(250)));
        assert_eq!(behaviour("bad-gateway"), Ok(Behaviour::BadGateway));
        for wrong in ["slow", "slow=", "slow=x", "gone"] {
            assert!(behaviour(wrong).is_err(), "{wrong}");
        }
    }
}

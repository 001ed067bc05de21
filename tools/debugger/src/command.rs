//! What can be asked, and how it is written.

use crate::values::Kind;

pub use crate::values::Kind as ValueKind;

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One tick.
    Tick,
    /// To the end of `kernel_run`, its memory kept.
    Result,
    /// To the end of the run, and into the one after it.
    KernelRun,
    /// To where the next inbox is waited for.
    Inbox,
}

/// How to profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileOptions {
    /// Merge equal stacks; ours always are.
    pub is_collapsed: bool,
    /// Measure the time of each run.
    pub with_time: bool,
    /// One run, not all of the level.
    pub is_one_run: bool,
}

/// A point between two of which the durable storage can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// A name that `mark` gave.
    Mark(String),
    /// The end of a level.
    Level(u32),
    /// Before the first level.
    Origination,
    /// Now.
    Now,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `time <command>`
    Time(Box<Self>),
    /// `show inbox`
    ShowInbox,
    /// `show outbox at level <level>`
    ShowOutbox(u32),
    /// `show status`
    ShowStatus,
    /// `show durable storage`
    ShowDurableStorage,
    /// `show subkeys [<path>]`
    ShowSubkeys(String),
    /// `show key <key> [as <kind>]`
    ShowKey(String, Kind),
    /// `show memory at <address> …`
    ShowMemory {
        /// The first byte.
        address: u32,
        /// How many.
        size_bytes: usize,
        /// How to show them.
        kind: Kind,
    },
    /// `dump function symbols`
    DumpFunctionSymbols,
    /// `step <kind>`
    Step(Step),
    /// `load inputs`
    LoadInputs,
    /// `reveal preimage [<hex>]`
    RevealPreimage,
    /// `reveal metadata`
    RevealMetadata,
    /// `profile [<options>]`
    Profile(ProfileOptions),
    /// `show host calls`
    ShowHostCalls,
    /// `show functions [<count>]`
    ShowFunctions(usize),
    /// `mark <name>`
    Mark(String),
    /// `diff <point> [<point>]`
    Diff(Point, Point),
    /// `help`
    Help,
    /// `stop`
    Stop,
}

/// Functions that are shown unless another number is asked for.
const FUNCTIONS_SHOWN: usize = 20;

/// How often a command may be timed at once.
const TIMES_MAX: usize = 8;

/// What `help` says, one command after another.
pub(crate) const HELP: &[&str] = &[
    "time <command>: does <command> and says how long it took.",
    "show inbox: the messages that the kernel has not read, and their number.",
    "show outbox at level <level>: the messages that were written for the layer 1 at <level>.",
    "show status: what the PVM is doing.",
    "show durable storage: the whole tree, as Octez keeps it, ten steps deep.",
    "show subkeys [<path>] | ls [<path>]: the names right below <path> (default '/').",
    "show key <key> [as <kind>]: the value of <key>, as hex, string, u16, i32, i64, u128 or u256; numbers are little endian and \
     have no sign.",
    "dump function symbols: the names of functions that the kernel brings along; none when it was stripped of them.",
    "step <how far>:
          - tick: one tick of decoding, linking and initialising. `kernel_run` itself is native code here and cannot be stopped \
     in: from its beginning, one step leads to its end, and says how many ticks that is.
          - result: to the end of `kernel_run`. Its memory can be looked at until the next step.
          - kernel_run: to the end of the present run, padding included.
          - inbox: to where the next inbox is waited for, over all reboots. Loads the next inbox when one is waited for.",
    "load inputs: takes the inputs of the next level, when the kernel waits for them.",
    "reveal preimage [<hex>], reveal metadata: Octez answers a kernel that waits for a reveal by these. Here none ever waits: a \
     preimage that is in no file is asked for while the kernel runs.",
    "profile [--collapsed] [--without-time] [--no-reboot]: runs the next inbox, or goes on with the present one, and counts the \
     operators of every stack of calls. Writes collapsed stacks and a flame graph to files. `--no-reboot` profiles one \
     `kernel_run`, `--without-time` leaves times out; stacks are always collapsed.",
    "show functions [<count>]: of the last profile, the functions that took most (default 20).",
    "show host calls: what the last step or profile called of the host, with bytes and the ticks that they took.",
    "show memory at <address> for <length> bytes [as string] | show memory at <address> as <kind>: memory, after `step result`.",
    "mark <name>: remembers the durable storage under <name>.",
    "diff <point> [<point>]: what differs in the durable storage between two points (the second is `now` unless given). A point is a \
     mark, `level:<level>` for the end of a level, `origination` or `now`.",
    "help | man: this.",
    "stop: ends the session.",
];

impl Command {
    /// The command in a line, if it is one.
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.trim().split(' ').filter(|word| !word.is_empty()).collect();
        // Each `time` is one command around another.
        let times = words.iter().take_while(|word| **word == "time").count();
        if times > TIMES_MAX {
            return None;
        }
        let mut command = Self::parse_words(words.get(times..)?)?;
        for _ in 0..times {
            command = Self::Time(Box::new(command));
        }
        Some(command)
    }

    fn parse_words(words: &[&str]) -> Option<Self> {
        Some(match words {
            ["show", rest @ ..] => return Self::parse_show(rest),
            ["ls"] => Self::ShowSubkeys("/".into()),
            ["ls", path] => Self::ShowSubkeys((*path).to_owned()),
            ["dump", "function", "symbols"] => Self::DumpFunctionSymbols,
            ["step", "tick"] => Self::Step(Step::Tick),
            ["step", "result"] => Self::Step(Step::Result),
            ["step", "kernel_run"] => Self::Step(Step::KernelRun),
            ["step", "inbox"] => Self::Step(Step::Inbox),
            ["load", "inputs"] => Self::LoadInputs,
            ["reveal", "preimage"] | ["reveal", "preimage", _] => Self::RevealPreimage,
            ["reveal", "metadata"] => Self::RevealMetadata,
            ["profile", options @ ..] => Self::Profile(profile_options(options)?),
            ["mark", name] => Self::Mark((*name).to_owned()),
            ["diff", from] => Self::Diff(point(from)?, Point::Now),
            ["diff", from, to] => Self::Diff(point(from)?, point(to)?),
            ["help" | "man"] => Self::Help,
            ["stop"] => Self::Stop,
            _ => return None,
        })
    }

    fn parse_show(words: &[&str]) -> Option<Self> {
        Some(match words {
            ["inbox"] => Self::ShowInbox,
            ["outbox", "at", "level", level] => Self::ShowOutbox(u32::try_from(integer(level)?).ok()?),
            ["status"] => Self::ShowStatus,
            ["durable", "storage"] => Self::ShowDurableStorage,
            ["subkeys"] => Self::ShowSubkeys("/".into()),
            ["subkeys", path] => Self::ShowSubkeys((*path).to_owned()),
            ["key", key] => Self::ShowKey((*key).to_owned(), Kind::Hex),
            ["key", key, "as", kind] => Self::ShowKey((*key).to_owned(), Kind::parse(kind)?),
            ["memory", "at", address, "for", length, "bytes"] => memory(address, length, Kind::Hex)?,
            ["memory", "at", address, "for", length, "bytes", "as", "string"] => {
                memory(address, length, Kind::String)?
            }
            ["memory", "at", address, "as", kind] => {
                let kind @ Kind::Integer { size_bytes, .. } = Kind::parse_integer(kind)? else { return None };
                Self::ShowMemory { address: self::address(address)?, size_bytes, kind }
            }
            ["host", "calls"] => Self::ShowHostCalls,
            ["functions"] => Self::ShowFunctions(FUNCTIONS_SHOWN),
            ["functions", count] => Self::ShowFunctions(usize::try_from(integer(count)?).ok()?),
            _ => return None,
        })
    }
}

fn memory(address: &str, length: &str, kind: Kind) -> Option<Command> {
    let size_bytes = usize::try_from(integer(length)?).ok()?;
    Some(Command::ShowMemory { address: self::address(address)?, size_bytes, kind })
}

/// An address: 32 bits, which Octez writes with a sign.
fn address(text: &str) -> Option<u32> {
    let number = integer(text)?;
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(|number| number as u32))
}

/// A number as OCaml writes it: in decimal, hexadecimal, octal or binary, `_` between digits.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some("0u" | "0U") => (10, &digits[2..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let number = i64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    number.checked_mul(sign)
}

fn profile_options(words: &[&str]) -> Option<ProfileOptions> {
    let mut options = ProfileOptions { is_collapsed: false, with_time: true, is_one_run: false };
    for word in words {
        match *word {
            "--collapsed" => options.is_collapsed = true,
            "--without-time" => options.with_time = false,
            "--no-reboot" => options.is_one_run = true,
            _ => return None,
        }
    }
    Some(options)
}

fn point(word: &str) -> Option<Point> {
    Some(match word {
        "now" => Point::Now,
        "origination" => Point::Origination,
        _ => match word.strip_prefix("level:") {
            Some(level) => Point::Level(level.parse().ok()?),
            None => Point::Mark(word.to_owned()),
        },
    })
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mark(name) => f.write_str(name),
            Self::Level(level) => write!(f, "level:{level}"),
            Self::Origination => f.write_str("origination"),
            Self::Now => f.write_str("now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_read() {
        let memory = |address, size_bytes, kind| Command::ShowMemory { address, size_bytes, kind };
        let u16 = Kind::Integer { name: "u16", size_bytes: 2 };
        let profile = |is_collapsed, with_time, is_one_run| {
            Command::Profile(ProfileOptions { is_collapsed, with_time, is_one_run })
        };
        for (line, command) in [
            ("time  step inbox ", Command::Time(Box::new(Command::Step(Step::Inbox)))),
            ("show inbox", Command::ShowInbox),
            ("show outbox at level 0x10", Command::ShowOutbox(16)),
            ("show status", Command::ShowStatus),
            ("show durable storage", Command::ShowDurableStorage),
            ("ls", Command::ShowSubkeys("/".into())),
            ("show subkeys", Command::ShowSubkeys("/".into())),
            ("ls /a", Command::ShowSubkeys("/a".into())),
            ("show key /a", Command::ShowKey("/a".into(), Kind::Hex)),
            ("show key /a as uint16", Command::ShowKey("/a".into(), u16)),
            ("dump function symbols", Command::DumpFunctionSymbols),
            ("step tick", Command::Step(Step::Tick)),
            ("step result", Command::Step(Step::Result)),
            ("step kernel_run", Command::Step(Step::KernelRun)),
            ("load inputs", Command::LoadInputs),
            ("reveal preimage 00", Command::RevealPreimage),
            ("reveal metadata", Command::RevealMetadata),
            ("profile", profile(false, true, false)),
            ("profile --no-reboot --collapsed --without-time", profile(true, false, true)),
            ("show memory at 0xffff_ffff for 10 bytes", memory(u32::MAX, 10, Kind::Hex)),
            ("show memory at -1 for 0b11 bytes as string", memory(u32::MAX, 3, Kind::String)),
            ("show memory at 8 as u16", memory(8, 2, u16)),
            ("show host calls", Command::ShowHostCalls),
            ("show functions 3", Command::ShowFunctions(3)),
            ("mark a", Command::Mark("a".into())),
            ("diff a", Command::Diff(Point::Mark("a".into()), Point::Now)),
            ("diff level:3 origination", Command::Diff(Point::Level(3), Point::Origination)),
            ("man", Command::Help),
            ("stop", Command::Stop),
        ] {
            assert_eq!(Command::parse(line), Some(command), "{line}");
        }
    }

    #[test]
    fn anything_else_is_no_command() {
        for line in [
            "",
            "time",
            "step",
            "step over",
            "show",
            "show key",
            "show key /a as u8",
            "show outbox at level -1",
            "show outbox at level 99999999999",
            "show memory at a for 1 bytes",
            "show memory at 0 for -1 bytes",
            "show memory at 0 as string",
            "show memory at 0xfffffffff for 1 bytes",
            "profile --fast",
            "diff",
            "diff level:x",
            "STOP",
            "show memory at 0x for 1 bytes",
        ] {
            assert_eq!(Command::parse(line), None, "{line}");
        }
        let timed = |times| Command::parse(&["time ".repeat(times), "stop".to_owned()].concat());
        assert!(matches!(timed(TIMES_MAX), Some(Command::Time(_))));
        assert_eq!(timed(200_000), None);
    }
}

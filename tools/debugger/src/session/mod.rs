//! A session: a machine, the levels that come, and the commands about them.

mod files;
mod profiling;
mod showing;
mod stepping;

use crate::command::{Command, HELP, Point};
use crate::inputs::{self, Inbox};
use crate::profile::{Stacks, Symbols};
use crate::reply::Reply;
use crate::reveals::Source;
use crate::terminal::{Line, Shared, Terminal};
use crate::timings::Timings;
use crate::{DebuggerError, durable, installer_config, kernel_file};
use millrace_primitives::RollupAddress;
use millrace_pvm::durable::{Durable, Handle};
use millrace_pvm::{
    BootPhase, HostCalls, Machine, MachineConfig, Observe, PvmError, Rollup, RunTicks, Steps, Version,
};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What a session is about.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kernel: `.wasm`, `.wast`, `.wat` or `.hex`.
    pub kernel: PathBuf,
    /// The messages of each level; none: all levels are over.
    pub inputs: Option<PathBuf>,
    /// The address of the rollup.
    pub rollup: RollupAddress,
    /// Where preimages are.
    pub preimage_dir: PathBuf,
    /// Where pages of the data-availability layer are.
    pub dal_pages_dir: PathBuf,
    /// The version of the PVM that the rollup starts with.
    pub version: Version,
    /// Whether debug output of the kernel is shown.
    pub shows_debug: bool,
    /// Plugins of Octez: named, but not loaded.
    pub plugins: Vec<String>,
    /// Values that are there before the kernel runs.
    pub installer_config: Option<PathBuf>,
    /// Where profiles are written.
    pub flamecharts_dir: PathBuf,
    /// Where the times of debug output are written.
    pub timings_file: Option<PathBuf>,
}

/// A machine, the levels that come, and the commands about them.
pub struct Session {
    terminal: Shared,
    steps: Steps,
    inboxes: VecDeque<Inbox>,
    next_level: u32,
    /// Ticks of the present run that steps have gone through.
    spent: u64,
    /// Those of the run that was made last, without what it is filled up with.
    last_ticks: RunTicks,
    /// Whether the present run has begun to be filled up.
    is_padding: bool,
    /// The kernel that was looked at last.
    kernel: Option<KnownKernel>,
    /// Runs with stacks; made when it is first needed.
    profiler: Option<Machine>,
    flamecharts_dir: PathBuf,
    last_profile: Stacks,
    host_calls: BTreeMap<&'static str, HostCalls>,
    outboxes: BTreeMap<u32, Vec<Vec<u8>>>,
    origination: Durable,
    levels: BTreeMap<u32, Durable>,
    marks: BTreeMap<String, Durable>,
    /// What the present command has said so far.
    said: Reply,
}

/// What is known of the kernel at a node.
struct KnownKernel {
    at: Handle,
    boot: RunTicks,
    symbols: Symbols,
}

impl Session {
    /// Reads the files, checks the kernel and puts it into the PVM.
    ///
    /// # Errors
    /// [`DebuggerError`] says which file is no good, and why.
    pub fn start(options: &Options, mut terminal: Terminal) -> Result<Self, DebuggerError> {
        let wasm = kernel_file::read(&options.kernel)?;
        let name = kernel_file::name(&options.kernel);
        kernel_file::check(&name, &wasm)?;
        if !options.shows_debug {
            terminal.hide_debug();
        }
        if let Some(path) = &options.timings_file {
            terminal.time_debug(Timings::new(Box::new(files::create(path)?)));
        }
        let terminal = Shared::new(terminal);
        let source = Source {
            terminal: terminal.clone(),
            preimages: options.preimage_dir.clone(),
            dal_pages: options.dal_pages_dir.clone(),
        };
        let config = MachineConfig { counts_ticks: true, observe: Observe::Ends, ..MachineConfig::default() };
        let rollup = Rollup { address: *options.rollup.as_bytes(), origination_level: 0 };
        let machine = Machine::new(config)?;
        let mut steps = Steps::originate(machine, rollup, Arc::new(source), options.version, wasm);
        if let Err((phase, detail)) = steps.check_kernel()? {
            let kind = if phase == BootPhase::Decode { "decoding error" } else { "link failure" };
            return Err(DebuggerError::Kernel { name, kind, detail });
        }
        if let Some(path) = &options.installer_config {
            installer_config::apply(path, steps.durable_mut())?;
        }
        let sink = terminal.clone();
        steps.stream_debug(Arc::new(move |bytes| sink.lock().kernel_debug(bytes)));
        let inboxes = match &options.inputs {
            Some(path) => inputs::read(path, &options.rollup)?,
            None => Vec::new(),
        };
        for plugin in &options.plugins {
            let text = format!("Loading the plugin {plugin} failed: plugins of Octez are OCaml code");
            terminal.lock().print_error(&text)?;
        }
        Ok(Self {
            terminal,
            origination: steps.durable().clone(),
            steps,
            inboxes: inboxes.into(),
            next_level: 0,
            spent: 0,
            last_ticks: RunTicks::default(),
            is_padding: false,
            kernel: None,
            profiler: None,
            flamecharts_dir: options.flamecharts_dir.clone(),
            last_profile: Stacks::default(),
            host_calls: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            levels: BTreeMap::new(),
            marks: BTreeMap::new(),
            said: Reply::default(),
        })
    }

    /// Answers commands until one ends the session, or the terminal has no more.
    ///
    /// # Errors
    /// [`DebuggerError::Terminal`].
    pub fn run(&mut self) -> Result<(), DebuggerError> {
        loop {
            let line = self.terminal.lock().read_line()?;
            let goes_on = match line {
                None => return Ok(()),
                Some(Line::Text(line)) => self.answer(&line)?,
                Some(Line::TooLong) => {
                    self.say(Reply::error("A line that is too long to be a command"))?;
                    self.finish("")?;
                    true
                }
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Does the command in a line; `false` when it ends the session.
    fn answer(&mut self, line: &str) -> Result<bool, DebuggerError> {
        let goes_on = match Command::parse(line) {
            Some(command) => self.command(&command)?,
            None => {
                self.say(Reply::error(format!("Unknown command `{line}`")))?;
                true
            }
        };
        self.finish(line)?;
        Ok(goes_on)
    }

    fn command(&mut self, command: &Command) -> Result<bool, DebuggerError> {
        let reply = match command {
            Command::Stop => return Ok(false),
            Command::Time(command) => return self.timed(command),
            Command::Step(step) => return self.step(*step).map(|()| true),
            Command::Profile(options) => return self.profile(*options).map(|()| true),
            Command::LoadInputs => return self.load_inputs().map(|_| true),
            Command::ShowInbox => self.show_inbox(),
            Command::ShowOutbox(level) => self.show_outbox(*level),
            Command::ShowStatus => self.show_status(),
            Command::ShowDurableStorage => durable::tree(self.steps.durable()),
            Command::ShowSubkeys(path) => durable::subkeys(self.steps.durable(), path),
            Command::ShowKey(key, kind) => durable::key(self.steps.durable(), key, *kind),
            Command::ShowMemory { address, size_bytes, kind } => {
                self.show_memory(*address, *size_bytes, *kind)
            }
            Command::DumpFunctionSymbols => self.dump_function_symbols(),
            Command::RevealPreimage => Reply::line("Error: not a reveal step"),
            Command::RevealMetadata => Reply::line("Error: Not in a reveal step"),
            Command::ShowHostCalls => self.show_host_calls(),
            Command::ShowFunctions(count) => self.show_functions(*count),
            Command::Mark(name) => self.mark(name),
            Command::Diff(from, to) => self.diff(from, to),
            Command::Help => {
                let lines = HELP.iter().map(|line| format!("  {line}\n")).collect::<String>();
                Reply::new(lines).with("help", HELP.to_vec())
            }
        };
        self.say(reply)?;
        Ok(true)
    }

    fn timed(&mut self, command: &Command) -> Result<bool, DebuggerError> {
        let start = Instant::now();
        let goes_on = self.command(command)?;
        let took = start.elapsed();
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.say(Reply::new(format!("took {took:.3?}\n")).with("took_ns", nanoseconds))?;
        Ok(goes_on)
    }

    /// Answers a part at once, so that it stands before what the kernel writes next.
    fn say(&mut self, reply: Reply) -> Result<(), DebuggerError> {
        let mut terminal = self.terminal.lock();
        if !terminal.is_json() {
            terminal.print(&reply.text)?;
            if let Some(error) = &reply.error {
                terminal.print_error(error)?;
            }
        }
        drop(terminal);
        self.said = std::mem::take(&mut self.said).and(reply);
        Ok(())
    }

    /// Ends a command.
    fn finish(&mut self, command: &str) -> Result<(), DebuggerError> {
        let said = std::mem::take(&mut self.said);
        let mut terminal = self.terminal.lock();
        if terminal.is_json() {
            let debug = terminal.take_debug();
            let object = said.into_json(command, debug);
            terminal.print(&format!("{object}\n"))?;
        }
        Ok(())
    }

    /// What the host could not do: it is said, and the session goes on from the state before.
    fn say_fault(&mut self, fault: &PvmError) -> Result<(), DebuggerError> {
        self.say(Reply::error(format!("Error: {fault}")))
    }

    fn mark(&mut self, name: &str) -> Reply {
        if name.starts_with("level:") || ["now", "origination"].contains(&name) {
            return Reply::line(format!("`{name}` is a point already"));
        }
        self.marks.insert(name.to_owned(), self.steps.durable().clone());
        Reply::new(format!("Marked {name}\n")).with("mark", name)
    }

    fn diff(&self, from: &Point, to: &Point) -> Reply {
        let missing = |point: &Point| Reply::line(format!("There is no point {point}"));
        let Some(older) = self.at(from) else { return missing(from) };
        let Some(newer) = self.at(to) else { return missing(to) };
        durable::differences((&from.to_string(), older), (&to.to_string(), newer))
    }

    fn at(&self, point: &Point) -> Option<&Durable> {
        match point {
            Point::Mark(name) => self.marks.get(name),
            Point::Level(level) => self.levels.get(level),
            Point::Origination => Some(&self.origination),
            Point::Now => Some(self.steps.durable()),
        }
    }

    /// The kernel that is in its place, looked at once.
    fn known_kernel(&mut self) -> Option<&KnownKernel> {
        let at = self.steps.durable().handle(millrace_pvm::BOOT_KEY.as_str())?;
        let is_known = self.kernel.as_ref().is_some_and(|known| known.at.is_same(&at));
        if !is_known {
            let wasm = at.value()?.to_bytes();
            let (boot, symbols) = (self.steps.boot_ticks(), Symbols::of(&wasm));
            drop(wasm);
            self.kernel = Some(KnownKernel { at, boot, symbols });
        }
        self.kernel.as_ref()
    }
}

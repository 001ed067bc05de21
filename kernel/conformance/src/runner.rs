//! Runs all cases of all files on threads, each file on one.
//!
//! A panic is caught and is its case's failure. A case that takes longer than
//! [`Options::case_time_max`] is given up: its thread is left to itself, and another one takes up the file after it.
//! That is why these are plain threads: a scope would wait for those that were given up.

use crate::case::{Case, Id, Verdict};
use crate::collect::{self, Fixture};
use crate::format::{self, Found};
use crate::report::{Outcome, Report};
use crate::skips::Skip;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

/// The stack of the threads that run cases: what the main thread of a process has on Linux. Calls nest 1,024 deep
/// on the heap of the EVM, so they need none of it.
pub const STACK_BYTES: usize = 8 * 1024 * 1024;

const THREAD_NAME: &str = "case";

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder, a file or an archive of fixtures.
    pub vectors: PathBuf,
    /// Only cases whose path, test and place hold this text.
    pub filter: Option<String>,
    /// Tells of each account what differs.
    pub verbose: bool,
    /// After this long a case has hung.
    pub case_time_max: Duration,
    /// What is not run.
    pub skips: Vec<Skip>,
}

/// A part of a file: its number, and how many of its cases were dealt with before.
type Job = (usize, usize);

/// What a thread tells.
enum Event {
    /// It has nothing to do.
    Idle,
    /// Its file is a scenario of the PVM.
    OfThePvm,
    /// Its file is about older forks only.
    Older,
    /// It begins this case, the number of which is counted in its file.
    Began(usize, Id),
    /// What became of the case it began; and the entries of the skip list that applied.
    Ended(Verdict, Vec<usize>),
}

struct Worker {
    jobs: Sender<Job>,
    is_given_up: Arc<AtomicBool>,
    job: Option<Job>,
    running: Option<(usize, Id, Instant)>,
}

struct Coordinator {
    options: Arc<Options>,
    fixtures: Arc<Vec<Fixture>>,
    events: Sender<(usize, Event)>,
    workers: BTreeMap<usize, Worker>,
    /// Numbers of workers are not used again.
    workers_made: usize,
    waiting: Vec<Job>,
    outcomes: Vec<((usize, usize), Outcome)>,
    pvm_files: usize,
    older_files: usize,
    skips_used: BTreeSet<usize>,
}

/// Runs everything.
pub fn run(options: &Options) -> Report {
    catch_panics();
    let fixtures = Arc::new(collect::collect(&options.vectors));
    let (events, received) = mpsc::channel();
    let mut coordinator = Coordinator {
        options: Arc::new(options.clone()),
        waiting: (0..fixtures.len()).rev().map(|file| (file, 0)).collect(),
        fixtures,
        events,
        workers: BTreeMap::new(),
        workers_made: 0,
        outcomes: Vec::new(),
        pvm_files: 0,
        older_files: 0,
        skips_used: BTreeSet::new(),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..threads.min(coordinator.fixtures.len()) {
        coordinator.hire();
    }
    coordinator.conduct(&received);
    coordinator.report()
}

impl Coordinator {
    fn hire(&mut self) {
        let number = self.workers_made;
        self.workers_made += 1;
        let (jobs, taken) = mpsc::channel();
        let is_given_up = Arc::new(AtomicBool::new(false));
        let hand = Hand {
            number,
            options: Arc::clone(&self.options),
            fixtures: Arc::clone(&self.fixtures),
            events: self.events.clone(),
            is_given_up: Arc::clone(&is_given_up),
        };
        let builder = thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || hand.work(&taken)).expect("the system has a thread to give");
        self.workers.insert(number, Worker { jobs, is_given_up, job: None, running: None });
    }

    /// Until no worker is left.
    fn conduct(&mut self, received: &Receiver<(usize, Event)>) {
        while !self.workers.is_empty() {
            match received.recv_timeout(self.patience()) {
                Ok((worker, event)) => self.take(worker, event),
                // Nothing is waiting in the channel, so what is late is late.
                Err(RecvTimeoutError::Timeout) => self.give_up_late(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// How long until a case is late.
    fn patience(&self) -> Duration {
        let elapsed = self.workers.values().filter_map(|worker| worker.running.as_ref());
        let longest = elapsed.map(|(_, _, since)| since.elapsed()).max().unwrap_or_default();
        self.options.case_time_max.saturating_sub(longest)
    }

    fn take(&mut self, number: usize, event: Event) {
        // One that was given up tells nothing that counts.
        let Some(worker) = self.workers.get_mut(&number) else { return };
        match event {
            Event::Idle => {
                worker.job = self.waiting.pop();
                match worker.job {
                    Some(job) => worker.jobs.send(job).expect("an idle worker listens"),
                    None => drop(self.workers.remove(&number)),
                }
            }
            Event::OfThePvm => self.pvm_files += 1,
            Event::Older => self.older_files += 1,
            Event::Began(case, id) => worker.running = Some((case, id, Instant::now())),
            Event::Ended(verdict, skips) => {
                self.skips_used.extend(skips);
                if let (Some((file, _)), Some((case, id, since))) = (worker.job, worker.running.take()) {
                    let outcome = Outcome { id, verdict, time: since.elapsed() };
                    self.outcomes.push(((file, case), outcome));
                }
            }
        }
    }

    fn give_up_late(&mut self) {
        let most = self.options.case_time_max;
        let is_late =
            |worker: &Worker| worker.running.as_ref().is_some_and(|(_, _, since)| since.elapsed() >= most);
        let late: Vec<usize> =
            self.workers.iter().filter(|(_, worker)| is_late(worker)).map(|(number, _)| *number).collect();
        for number in late {
            let Some(Worker { is_given_up, job: Some((file, _)), running: Some((case, id, since)), .. }) =
                self.workers.remove(&number)
            else {
                continue;
            };
            is_given_up.store(true, Ordering::Relaxed);
            let verdict = Verdict::Failed(format!("did not end within {} s", most.as_secs_f64()));
            self.outcomes.push(((file, case), Outcome { id, verdict, time: since.elapsed() }));
            self.waiting.push((file, case + 1));
            self.hire();
        }
    }

    fn report(mut self) -> Report {
        self.outcomes.sort_by_key(|(place, _)| *place);
        let is_unused = |(index, skip): &(usize, &Skip)| {
            let suite = skip.suite.as_ref().filter(|_| self.options.filter.is_none());
            let is_present = suite.is_some_and(|suite| self.fixtures.iter().any(|f| f.path.contains(suite)));
            is_present && !self.skips_used.contains(index)
        };
        let unused = self.options.skips.iter().enumerate().filter(is_unused);
        Report {
            files: self.fixtures.len() - self.pvm_files,
            pvm_files: self.pvm_files,
            older_files: self.older_files,
            unused_skips: unused.map(|(_, skip)| skip.clone()).collect(),
            outcomes: self.outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
        }
    }
}

/// What a thread has.
struct Hand {
    number: usize,
    options: Arc<Options>,
    fixtures: Arc<Vec<Fixture>>,
    events: Sender<(usize, Event)>,
    is_given_up: Arc<AtomicBool>,
}

impl Hand {
    fn tell(&self, event: Event) {
        // Nobody listens any more when the run is over.
        let _ = self.events.send((self.number, event));
    }

    fn work(&self, jobs: &Receiver<Job>) {
        self.tell(Event::Idle);
        while let Ok(job) = jobs.recv() {
            self.run_file(job);
            self.tell(Event::Idle);
        }
    }

    fn run_file(&self, (file, done): Job) {
        let Some(fixture) = self.fixtures.get(file) else { return };
        let cases = match format::read(fixture) {
            Found::Cases(cases) if cases.is_empty() => return self.tell(Event::Older),
            Found::Cases(cases) => cases,
            Found::OfThePvm => return self.tell(Event::OfThePvm),
        };
        for (number, case) in cases.into_iter().enumerate().skip(done) {
            if self.is_given_up.load(Ordering::Relaxed) {
                return;
            }
            if self.options.filter.as_ref().is_none_or(|text| case.id.to_string().contains(text)) {
                self.tell(Event::Began(number, case.id.clone()));
                let (verdict, skips) = self.judge(&case);
                self.tell(Event::Ended(verdict, skips));
            }
        }
    }

    fn judge(&self, case: &Case) -> (Verdict, Vec<usize>) {
        let applying = self.options.skips.iter().enumerate().filter(|(_, skip)| skip.applies_to(case));
        let applying: Vec<(usize, &Skip)> = applying.collect();
        let verdict = match applying.first() {
            Some((_, skip)) => Verdict::Skipped(skip.reason.clone()),
            None => guarded(|| case.run(self.options.verbose)),
        };
        (verdict, applying.into_iter().map(|(index, _)| index).collect())
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic becomes a failure with its message and place.
fn guarded(run: impl FnOnce() -> Verdict) -> Verdict {
    panic::catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Verdict::Failed(format!("panicked: {}", LAST_PANIC.with(RefCell::take))))
}

/// Keeps what a panic of a case says instead of printing it.
fn catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some(THREAD_NAME) {
                LAST_PANIC.with(|last| *last.borrow_mut() = panic.to_string());
            } else {
                otherwise(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_says_what_and_where() {
        catch_panics();
        let case = || guarded(|| panic!("on purpose"));
        let builder = thread::Builder::new().name(THREAD_NAME.to_owned());
        let verdict = builder.spawn(case).unwrap().join().unwrap();
        let Verdict::Failed(why) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("on purpose") && why.contains("runner.rs"), "{why}");
    }
}

//! Finding the item with which no block can be made.
//!
//! A selection that fails as a whole is tried in halves: a half that works becomes a block, so that what is left
//! shrinks around the culprit. An item that fails alone is only a suspect: it is found guilty when the block without
//! it works, for then neither disk nor state is at fault. When that block fails too, nobody is guilty, and the items
//! are tried again one by one once a block without any works.

/// Selections as large as this are not limited.
const UNLIMITED: usize = usize::MAX;

/// How blocks are made at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Of at most so many items.
    AtMost(usize),
    /// Without any, to see whether the item that failed alone is to blame.
    Probe,
    /// Without any, until that works: something else is broken.
    Broken,
}

/// What a block that worked says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing about anybody.
    Clear,
    /// The item that failed alone last is to blame: it must not be tried again.
    Guilty,
}

/// Decides how many of the items that wait the next block takes.
#[derive(Clone, Copy, Debug)]
pub struct Isolation {
    mode: Mode,
}

impl Default for Isolation {
    fn default() -> Self {
        Self { mode: Mode::AtMost(UNLIMITED) }
    }
}

impl Isolation {
    /// How many items the next block may take.
    pub const fn items_max(&self) -> usize {
        match self.mode {
            Mode::AtMost(count) => count,
            Mode::Probe | Mode::Broken => 0,
        }
    }

    /// Whether a culprit is looked for, and a block is due however little there is to put into it.
    pub const fn is_probing(&self) -> bool {
        matches!(self.mode, Mode::Probe | Mode::Broken)
    }

    /// A block with so many items was made.
    pub fn succeeded(&mut self) -> Verdict {
        let (mode, verdict) = match self.mode {
            Mode::AtMost(count) => (Mode::AtMost(count.saturating_mul(2)), Verdict::Clear),
            Mode::Probe => (Mode::AtMost(UNLIMITED), Verdict::Guilty),
            Mode::Broken => (Mode::AtMost(1), Verdict::Clear),
        };
        self.mode = mode;
        verdict
    }

    /// No block could be made of so many items. Answers whether the next attempt is another one, and worth making
    /// at once.
    pub fn failed(&mut self, items: usize) -> bool {
        self.mode = match items {
            0 => Mode::Broken,
            1 => Mode::Probe,
            items => Mode::AtMost(items / 2),
        };
        items > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes blocks of `items`, some of which are poisonous; `is_broken` tells whether the attempt of this number
    /// fails whatever it holds. Answers who was found guilty and how many attempts it took.
    fn run(items: usize, poisonous: &[usize], is_broken: impl Fn(usize) -> bool) -> (Vec<usize>, usize) {
        let mut waiting: Vec<usize> = (0..items).collect();
        let (mut guilty, mut suspect, mut attempts) = (Vec::new(), None, 0);
        let mut isolation = Isolation::default();
        while !waiting.is_empty() {
            let count = waiting.len().min(isolation.items_max());
            assert!(count > 0 || isolation.is_probing());
            let fails = is_broken(attempts) || waiting[..count].iter().any(|item| poisonous.contains(item));
            attempts += 1;
            assert!(attempts < 10_000, "it goes on for ever");
            if fails {
                suspect = (count == 1).then(|| waiting[0]);
                isolation.failed(count);
            } else {
                waiting.drain(..count);
                if isolation.succeeded() == Verdict::Guilty {
                    let culprit = suspect.take().unwrap();
                    waiting.retain(|item| *item != culprit);
                    guilty.push(culprit);
                }
            }
        }
        (guilty, attempts)
    }

    #[test]
    fn without_trouble_nothing_is_limited() {
        assert_eq!(run(500, &[], |_| false), (vec![], 1));
    }

    #[test]
    fn the_culprit_is_found_wherever_it_is_and_the_others_get_through() {
        for items in [1, 2, 3, 7, 64, 500] {
            for culprit in [0, items / 2, items - 1] {
                let (guilty, attempts) = run(items, &[culprit], |_| false);
                assert_eq!(guilty, [culprit], "of {items}");
                assert!(attempts <= 40, "{attempts} attempts for {culprit} of {items}");
            }
        }
    }

    #[test]
    fn several_culprits_are_found_and_nobody_else() {
        assert_eq!(run(100, &[0, 1, 50, 99], |_| false).0, [0, 1, 50, 99]);
        assert_eq!(run(3, &[0, 1, 2], |_| false).0, [0, 1, 2]);
    }

    #[test]
    fn when_nothing_works_nobody_is_guilty() {
        assert_eq!(run(20, &[], |attempt| attempt < 30).0, [0usize; 0]);
        // Also while a culprit is looked for.
        assert_eq!(run(20, &[7], |attempt| (3..30).contains(&attempt)).0, [7]);
    }
}

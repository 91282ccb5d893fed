//! Bars on a time axis, in halves of a column: heavy where the span itself runs, light where it waits for its children.

use super::tree::Tree;

/// A time axis over so many columns.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    start_ns: u64,
    duration_ns: u64,
    columns: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Empty,
    Light,
    Heavy,
}

impl Axis {
    /// The axis of a whole trace.
    pub fn new(tree: &Tree, columns: usize) -> Self {
        Self { start_ns: tree.start_ns, duration_ns: tree.duration_ns(), columns }
    }

    /// A bar from `from` to `to`; `covered` are the times in which children ran. Leading spaces, bar, trailing spaces.
    pub fn bar(&self, from: u64, to: u64, covered: &[(u64, u64)]) -> (usize, String, usize) {
        let halves = self.halves(from, to, covered);
        let first = halves.iter().position(|half| *half != Half::Empty).unwrap_or(0) / 2;
        let last = halves.iter().rposition(|half| *half != Half::Empty).unwrap_or(0) / 2;
        let drawn = halves[first * 2..=last * 2 + 1].chunks_exact(2).map(|pair| glyph(pair[0], pair[1]));
        (first, drawn.collect(), self.columns - last - 1)
    }

    /// The scale: times at round distances, each written where its tick stands.
    pub fn scale(&self) -> String {
        let step = self.step();
        let mut out = String::new();
        let mut at = 0;
        while at <= self.duration_ns {
            let label = format!("╵{}", crate::text::duration(at));
            let column = self.half(self.start_ns + at) / 2;
            let width = crate::text::columns(&out);
            if column + crate::text::columns(&label) > self.columns {
                break;
            }
            if column >= width + usize::from(width > 0) {
                out.push_str(&" ".repeat(column - width));
                out.push_str(&label);
            }
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
        let width = crate::text::columns(&out);
        out.push_str(&" ".repeat(self.columns.saturating_sub(width)));
        out
    }

    /// 1, 2 or 5 times a power of ten, so that labels have room.
    fn step(&self) -> u64 {
        const COLUMNS_PER_LABEL: usize = 12;
        let labels = (self.columns / COLUMNS_PER_LABEL).max(1) as u64;
        let least = (self.duration_ns / labels).max(1);
        let mut power: u64 = 1;
        loop {
            for factor in [1, 2, 5] {
                let step = power.saturating_mul(factor);
                if step >= least {
                    return step;
                }
            }
            power = power.saturating_mul(10);
        }
    }

    fn halves(&self, from: u64, to: u64, covered: &[(u64, u64)]) -> Vec<Half> {
        let total = self.columns * 2;
        let first = self.half(from).min(total - 1);
        let after = self.half_after(to).clamp(first + 1, total);
        let mut halves = vec![Half::Empty; total];
        halves[first..after].fill(Half::Heavy);
        for (from, to) in covered {
            // Only what is covered from edge to edge is light, so that a sliver of own time stays visible.
            let (from, to) = (self.half_after(*from).max(first), self.half(*to).min(after));
            if from < to {
                halves[from..to].fill(Half::Light);
            }
        }
        halves
    }

    fn half(&self, at: u64) -> usize {
        self.scaled(at, 0)
    }

    fn half_after(&self, at: u64) -> usize {
        self.scaled(at, u128::from(self.duration_ns.max(1)) - 1)
    }

    fn scaled(&self, at: u64, round: u128) -> usize {
        let since = u128::from(at.saturating_sub(self.start_ns));
        let duration = u128::from(self.duration_ns.max(1));
        ((since * (self.columns as u128) * 2 + round) / duration) as usize
    }
}

fn glyph(left: Half, right: Half) -> char {
    match (left, right) {
        (Half::Empty, Half::Empty) => ' ',
        (Half::Light, Half::Empty) => '╴',
        (Half::Empty, Half::Light) => '╶',
        (Half::Heavy, Half::Empty) => '╸',
        (Half::Empty, Half::Heavy) => '╺',
        (Half::Light, Half::Light) => '─',
        (Half::Heavy, Half::Heavy) => '━',
        (Half::Light, Half::Heavy) => '╼',
        (Half::Heavy, Half::Light) => '╾',
    }
}

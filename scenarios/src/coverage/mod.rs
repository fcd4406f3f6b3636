//! Coverage: which faults have struck at which step of the protocol, and which marks were hit. An empty cell is a thing that nobody has
//! tried, however many schedules have passed.
//!
//! A fault has struck where it did something: a disk fault at the step on files that it spoiled, a fault that loses or doubles messages at
//! both ends of each message that it took or doubled, every other where it began. One that waits for what never comes fills no cell.

mod cells;
mod step;
mod watcher;

use std::collections::BTreeMap;

pub use self::cells::all_cells;
pub use self::step::Step;
pub(crate) use self::watcher::Watcher;

/// How often each kind of fault has struck a node at each step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid(BTreeMap<(Step, &'static str), u64>);

impl Grid {
    /// So many more.
    pub fn add(&mut self, step: Step, fault: &'static str, times: u64) {
        *self.0.entry((step, fault)).or_default() += times;
    }

    /// Both together.
    pub fn join(&mut self, other: &Self) {
        other.cells().for_each(|(step, fault, times)| self.add(step, fault, times));
    }

    /// The cells that are not empty.
    pub fn cells(&self) -> impl Iterator<Item = (Step, &'static str, u64)> {
        self.0.iter().map(|(&(step, fault), &times)| (step, fault, times))
    }

    /// How often `fault` has struck at `step`.
    #[must_use]
    pub fn at(&self, step: Step, fault: &str) -> u64 {
        self.cells().find(|&(at, kind, _)| at == step && kind == fault).map_or(0, |(_, _, times)| times)
    }

    /// The cells that should not be empty and are.
    pub fn empty(&self) -> impl Iterator<Item = (Step, &'static str)> {
        all_cells().filter(|&(step, fault)| !self.0.contains_key(&(step, fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_empty_until_something_struck_there() {
        let mut grid = Grid::default();
        let cells = all_cells().count();
        assert_eq!(grid.empty().count(), cells);
        grid.add(Step::Mapping, "crash", 2);
        let mut other = Grid::default();
        other.add(Step::Mapping, "crash", 3);
        other.add(Step::Parting, "pause", 1);
        grid.join(&other);
        assert_eq!((grid.at(Step::Mapping, "crash"), grid.at(Step::Mapping, "pause")), (5, 0));
        assert_eq!(grid.empty().count(), cells - 2);
    }
}

//! What a power loss took, by name: for whoever reads a run that is recorded, and for nobody who compares two.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Of how many names, and of how many files, it tells: who reads wants to know where to look, and not the whole disk.
const MOST: usize = 12;

/// The names and files that a power loss hit, the first dozen of each; none in a run that nobody records. In histories that are compared the
/// digest beside it stands for them: here all are equal.
#[derive(Clone, Default)]
pub struct Lost(Option<Arc<Both>>);

#[derive(Default)]
struct Both {
    names: Dozen,
    files: Dozen,
}

/// The first of some, each once, and whether there were others.
#[derive(Default)]
struct Dozen {
    first: Vec<String>,
    more: bool,
}

impl Lost {
    /// The first changes of names that were undone: `new`, `old -> new`, `removal of old`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |both| &both.names.first)
    }

    /// The first files that lost bytes, each by a name that it had.
    #[must_use]
    pub fn files(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |both| &both.files.first)
    }
}

impl fmt::Display for Lost {
    /// `names: new, old -> new; files: log`; nothing, when nothing was lost or kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(both) = &self.0 else { return Ok(()) };
        let mut between = "";
        for (what, Dozen { first, more }) in [("names", &both.names), ("files", &both.files)] {
            if !first.is_empty() {
                write!(f, "{between}{what}: {}", first.join(", "))?;
                between = "; ";
            }
            if *more {
                f.write_str(" and more")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl PartialEq for Lost {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lost {}

impl Hash for Lost {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// What was lost so far, if anybody wants to know.
pub(crate) struct Telling(Option<Both>);

impl Telling {
    pub(crate) fn new(is_asked_for: bool) -> Self {
        Self(is_asked_for.then(Both::default))
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.0.is_some()
    }

    /// A change of names was undone.
    pub(crate) fn name(&mut self, words: impl FnOnce() -> String) {
        if let Some(both) = &mut self.0 {
            both.names.add(words);
        }
    }

    /// A file has lost bytes.
    pub(crate) fn file(&mut self, words: impl FnOnce() -> String) {
        if let Some(both) = &mut self.0 {
            both.files.add(words);
        }
    }

    pub(crate) fn told(self) -> Lost {
        Lost(self.0.map(Arc::new))
    }
}

impl Dozen {
    fn add(&mut self, words: impl FnOnce() -> String) {
        let words = words();
        if self.first.contains(&words) {
            return;
        }
        match self.first.len() {
            MOST => self.more = true,
            _ => self.first.push(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dozen_is_told_each_once() {
        let mut told = Telling::new(true);
        (0..15).for_each(|nth| told.name(|| format!("n{}", nth / 2)));
        let lost = told.told();
        assert_eq!(lost.to_string(), "names: n0, n1, n2, n3, n4, n5, n6, n7");
        let mut told = Telling::new(true);
        (0..15).for_each(|nth| told.name(|| format!("n{nth}")));
        let lost = told.told();
        assert_eq!(lost.names().len(), 12);
        assert!(lost.to_string().ends_with("n10, n11 and more"), "{lost}");
        assert!(lost.files().is_empty());
    }
}

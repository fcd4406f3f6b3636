//! What a power loss took, by name: for whoever reads a run that is recorded, and for nobody who compares two.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Of how many names, and of how many files, it tells in words: who reads wants to know where to look, and not the whole disk.
const MOST: usize = 12;

/// The names and files that a power loss hit; none in a run that nobody records. In histories that are compared the digest beside it stands
/// for them: here all are equal. Shown, the first dozen of each: `names: new, old -> new, removal of old; files: log`.
#[derive(Clone, Default)]
pub struct Lost(Option<Arc<Told>>);

#[derive(Default)]
struct Told {
    paths: BTreeSet<Arc<str>>,
    /// The first changes of names that were undone.
    names: Dozen,
    /// The first files that lost bytes, each by a name that it had.
    files: Dozen,
}

/// The first of some, each once, and whether there were others.
#[derive(Default)]
struct Dozen {
    first: Vec<String>,
    more: bool,
}

impl Lost {
    /// Every path that may not be what it was: its name is another file's or nobody's now, or its file has lost bytes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|told| &told.paths).map(|path| &**path)
    }
}

impl<'a> FromIterator<&'a str> for Lost {
    /// What a power loss took that hit these paths, without words for it: for histories made by hand.
    fn from_iter<T: IntoIterator<Item = &'a str>>(paths: T) -> Self {
        let paths = paths.into_iter().map(Arc::from).collect();
        Self(Some(Arc::new(Told { paths, ..Told::default() })))
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(told) = &self.0 else { return Ok(()) };
        let mut between = "";
        for (what, Dozen { first, more }) in [("names", &told.names), ("files", &told.files)] {
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
pub(crate) struct Telling(Option<Told>);

impl Telling {
    pub(crate) fn new(is_asked_for: bool) -> Self {
        Self(is_asked_for.then(Told::default))
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.0.is_some()
    }

    /// A change of names was undone.
    pub(crate) fn change(&mut self, paths: impl IntoIterator<Item = Arc<str>>, words: impl FnOnce() -> String) {
        if let Some(told) = &mut self.0 {
            told.paths.extend(paths);
            told.names.add(words());
        }
    }

    /// What lay at a path cannot be reached any more.
    pub(crate) fn unreachable(&mut self, path: &Arc<str>) {
        if let Some(told) = &mut self.0 {
            told.paths.insert(Arc::clone(path));
        }
    }

    /// A file that had these names has lost bytes.
    pub(crate) fn file(&mut self, names: &[Arc<str>]) {
        if let Some(told) = &mut self.0 {
            told.paths.extend(names.iter().cloned());
            told.files.add(names.first().map_or("a file without a name", |name| name).to_owned());
        }
    }

    pub(crate) fn told(self) -> Lost {
        Lost(self.0.map(Arc::new))
    }
}

impl Dozen {
    fn add(&mut self, words: String) {
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
        let lost = |count: usize, every: usize| {
            let mut told = Telling::new(true);
            (0..count).for_each(|nth| told.change([format!("n{nth}").into()], || format!("n{}", nth / every)));
            told.told()
        };
        assert_eq!(lost(15, 2).to_string(), "names: n0, n1, n2, n3, n4, n5, n6, n7");
        let many = lost(15, 1);
        assert_eq!(many.paths().count(), 15);
        assert!(many.to_string().ends_with("n10, n11 and more"), "{many}");
    }
}

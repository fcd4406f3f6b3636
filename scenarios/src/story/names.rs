//! Names for numbers: a promise speaks of a worker by the number that the coordinator gave it, and everything else in a story by the node that
//! it lives on. The two differ as soon as the second node registers first, so the number gets its node beside it.

use std::collections::BTreeMap;

use mr_core::ids::WorkerId;

/// `words`, in which `worker 3` becomes `w2 (worker 3)`, as far as `homes` says where a worker lives.
pub(super) fn with_names(words: &str, homes: &BTreeMap<WorkerId, String>) -> String {
    const WORD: &str = "worker ";
    let mut named = String::new();
    let mut rest = words;
    while let Some(at) = rest.find(WORD) {
        let (before, from) = rest.split_at(at);
        let number = &from[WORD.len()..];
        let number = &number[..number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len())];
        let (worker, behind) = from.split_at(WORD.len() + number.len());
        named.push_str(before);
        let home = number.parse().ok().and_then(|number| homes.get(&WorkerId(number)));
        match home.filter(|home| !before.ends_with(&format!("{home} ("))) {
            Some(home) => named.push_str(&format!("{home} ({worker})")),
            None => named.push_str(worker),
        }
        rest = behind;
    }
    named + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gets_its_node_beside_it_once() {
        let homes = BTreeMap::from([(WorkerId(1), "w2".to_owned()), (WorkerId(12), "w1".to_owned())]);
        for (words, named) in [
            ("worker 1 waited, and worker 12", "w2 (worker 1) waited, and w1 (worker 12)"),
            ("w2 (worker 1) waited", "w2 (worker 1) waited"),
            ("worker 3, of worker 1", "worker 3, of w2 (worker 1)"),
            ("a worker of the word worker ", "a worker of the word worker "),
            ("", ""),
        ] {
            assert_eq!(with_names(words, &homes), named);
        }
    }
}

//! The promises in words, a sentence each, for the report of a failure. What exactly is promised stands at the top of each file.

/// Every promise, with its sentence. The last three have no file here: they are judged when a run has ended, or been repeated.
const SENTENCES: [(&str, &str); 25] = [
    ("outputs", "an output that anybody can see has the bytes of the sequential run, and stays"),
    ("commits_are_real", "what is committed lies complete and durable under its name"),
    ("done_once", "only one attempt of a task counts, and only its output can be given up"),
    ("maps_before_reduces", "no reduce starts before every map is committed"),
    ("not_reissued_in_time", "a task is not given out again while an attempt of it is in time"),
    ("left_to_others", "what a worker has had trouble with is left to others for a while, if there are any"),
    ("registered_once", "a worker that starts is registered once"),
    ("slots_respected", "a worker is never given more attempts than it has slots"),
    ("committed_inputs", "a reduce reads the committed attempt of every map, and never two of one"),
    ("work_done_once", "where nothing goes wrong each task runs exactly once"),
    ("prompt", "a task that can be given out goes at once to a worker that waits"),
    ("backup_tasks", "near the end of a phase a straggler gets one living backup, at once, and nobody else does"),
    ("private_files", "no two attempts ever share a file"),
    ("counters", "counters count each record of committed work exactly once"),
    ("fails_honestly", "a job that must fail fails with the reason, and no other job fails"),
    ("quiet_after_end", "nothing is done after the job is done"),
    ("everyone_agrees", "everybody who leaves in peace says the same of how the job ended"),
    ("gives_up_cleanly", "a worker that gives up leaves nothing half-done behind"),
    ("leaves_when_told", "a worker that is told to stop leaves soon, and its tasks go to others at once"),
    ("nothing_left", "nothing but the outputs is left of a job that has ended"),
    ("finishes", "once the last fault has healed the job ends in time, and everybody exits"),
    ("agreement", "all runs of one workload have the same outputs"),
    ("no_panic", "no part of the system panics"),
    ("determinism", "one schedule runs one way"),
    ("harness", "the harness itself does not crash"),
];

/// The names of all that can be broken.
pub(crate) fn promises() -> impl Iterator<Item = &'static str> {
    SENTENCES.iter().map(|(name, _)| *name)
}

/// The promise called `name`, in a sentence.
pub(crate) fn in_words(name: &str) -> &'static str {
    let row = SENTENCES.iter().find(|(promise, _)| *promise == name);
    row.map_or("something that nobody has put into words", |(_, sentence)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files here that are no promise.
    const OTHERS: [&str; 6] = ["idle_workers", "mod", "nobody_left", "struck", "testing", "words"];
    /// Promises that are no file here.
    const OF_THE_CAMPAIGN: [&str; 3] = ["determinism", "harness", "no_panic"];

    #[test]
    fn every_file_of_a_promise_has_its_sentence_and_every_sentence_its_file() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/invariants");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
        files.retain(|name| !OTHERS.contains(&name.as_str()));
        files.extend(OF_THE_CAMPAIGN.map(str::to_owned));
        files.sort();
        let mut promises: Vec<_> = promises().collect();
        promises.sort_unstable();
        assert_eq!(promises, files);
    }
}

//! The seeds of a campaign shared out, and its results put together again by `mrsim merge`.

use super::*;

#[test]
fn shards_share_the_seeds_out() {
    let folder = folder(&[("endless", ENDLESS)]);
    let mut seeds: Vec<u64> = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let file = folder.path().join(shard.replace('/', "-"));
        mrsim_in(
            &folder,
            &["run", "--seeds", "4..15", "--reports", "0", "--shard", shard, "--json", file.to_str().unwrap()],
        );
        seeds.extend(
            json(&file).iter().filter(|line| line["kind"] == "failure").filter_map(|line| line["seed"].as_u64()),
        );
    }
    seeds.sort_unstable();
    assert_eq!(seeds, (4..15).collect::<Vec<_>>());
}

/// The table and what stands under it, without what depends on the machine.
fn told(output: &Output) -> String {
    let text = stdout(output);
    let lines = text.lines().skip(1).filter(|line| !line.contains("schedules/s"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_results_of_shards_add_up_to_those_of_the_whole() {
    let folder = folder(&[("endless", ENDLESS), ("rotten", ROTTEN_INPUT)]);
    let run = |name: &str, shard: &[&str]| {
        let file = folder.path().join(name).to_str().unwrap().to_owned();
        let arguments = [&["run", "--seeds", "0..12", "--reports", "0", "--json", &file], shard].concat();
        (mrsim_in(&folder, &arguments), file)
    };
    let (whole, _) = run("whole", &[]);
    let parts = ["1/3", "2/3", "3/3"].map(|shard| run(&shard.replace('/', "of"), &["--shard", shard]).1);
    let merged = mrsim(&["merge", &parts[0], &parts[1], &parts[2]]);
    let sorted = |text: String| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(merged.status.code(), whole.status.code());
    let table = |output: &Output| told(output).split("\n\n").next().unwrap().to_owned();
    assert_eq!(sorted(table(&merged)), sorted(table(&whole)));
    let without_one = mrsim(&["merge", &parts[0], &parts[2]]);
    assert_eq!(without_one.status.code(), Some(2), "what is not there cannot be known to have passed");
    assert!(stderr(&without_one).contains("of 3 shards only 2 are there; missing: 2/3"), "{}", stderr(&without_one));
}

/// A tiny campaign, its results in a file called so.
fn results(folder: &TempDir, name: &str, arguments: &[&str]) -> String {
    let file = folder.path().join(name).to_str().unwrap().to_owned();
    mrsim_in(folder, &[&["run", "--reports", "0", "--json", &file], arguments].concat());
    file
}

#[test]
fn only_shards_of_the_same_seeds_and_scenarios_make_a_whole() {
    let folder = folder(&[("one", FINE), ("two", FINE)]);
    let first = results(&folder, "first", &["one", "--seeds", "0..8", "--shard", "1/2"]);
    for others in [
        "one --seeds 0..4",
        "one --seeds 1..8",
        "two --seeds 0..8",
        "--seeds 0..8",
        "one --seeds 0..8 --for 1s",
        "one --seeds 0.. --for 10ms",
    ] {
        let arguments: Vec<&str> = others.split(' ').chain(["--shard", "2/2"]).collect();
        let second = results(&folder, "second", &arguments);
        let output = mrsim(&["merge", &first, &second]);
        assert_eq!(output.status.code(), Some(2), "{others}");
        assert!(stderr(&output).contains("of 2 shards only 1 are there; missing: "), "{others}: {}", stderr(&output));
    }
}

#[test]
fn whole_campaigns_are_added_up_unless_they_share_schedules() {
    let folder = folder(&[("one", FINE), ("two", FINE)]);
    let one = results(&folder, "one", &["one", "--seeds", "0..8"]);
    let two = results(&folder, "two", &["two", "--seeds", "0..8"]);
    let more = results(&folder, "more", &["one", "--seeds", "8..10"]);
    let part = results(&folder, "part", &["--seeds", "0..2"]);
    let all = mrsim(&["merge", &one, &two, &more]);
    assert_eq!(all.status.code(), Some(0), "{}", stderr(&all));
    assert!(stdout(&all).contains("0 of 18 broke a promise"), "{}", stdout(&all));
    let twice = mrsim(&["merge", &one, &part]);
    assert_eq!(twice.status.code(), Some(2), "{}", stdout(&twice));
    assert!(
        stderr(&twice).contains("would count twice: one, seeds 0..8; and 2 scenarios, seeds 0..2"),
        "{}",
        stderr(&twice)
    );
}

#[test]
fn a_campaign_of_the_usual_length_ends_somewhere() {
    let folder = folder(&[("one", FINE), ("two", FINE)]);
    let usual = results(&folder, "usual", &[]);
    let within = results(&folder, "within", &["--seeds", "4999..5001"]);
    let twice = mrsim(&["merge", &usual, &within]);
    assert_eq!(twice.status.code(), Some(2), "{}", stdout(&twice));
    assert!(stderr(&twice).contains("would count twice: 2 scenarios, seeds 0..5000; and"), "{}", stderr(&twice));
}

#[test]
fn a_campaign_that_could_have_ended_early_has_what_it_says_that_it_ran() {
    let folder = folder(&[("one", FINE), ("two", FINE), ("endless", ENDLESS)]);
    let whole = results(&folder, "whole", &["one", "two", "--seeds", "0..9", "--fail-fast"]);
    let boxed = results(&folder, "boxed", &["one", "--seeds", "0..9", "--for", "1h"]);
    let stopped = results(&folder, "stopped", &["endless", "--seeds", "0..9", "--fail-fast"]);
    let ended_early = |file: &str| json(Path::new(file)).last().map(|total| total["ended_early"].clone());
    assert_eq!(
        [&whole, &boxed, &stopped].map(|file| ended_early(file)),
        [false, false, true].map(|early| Some(early.into()))
    );
    let last = results(&folder, "last", &["one", "--seeds", "8..12"]);
    for file in [&whole, &boxed] {
        let twice = mrsim(&["merge", file, &last]);
        assert_eq!(twice.status.code(), Some(2), "{}", stdout(&twice));
        assert!(stderr(&twice).contains("such as seed 8 of one, are in both"), "{}", stderr(&twice));
    }
    let next = results(&folder, "next", &["one", "two", "--seeds", "9..12"]);
    let rest = results(&folder, "rest", &["endless", "--seeds", "1..9"]);
    let added = mrsim(&["merge", &whole, &next, &stopped, &rest]);
    assert!(stdout(&added).contains("9 of 33 failed: 1 in 3"), "{}{}", stdout(&added), stderr(&added));
}

#[test]
fn results_that_do_not_belong_together_are_not_added_up() {
    let folder = folder(&[("endless", ENDLESS)]);
    let file = folder.path().join("results.jsonl");
    mrsim_in(&folder, &["run", "--seeds", "0..2", "--reports", "0", "--json", file.to_str().unwrap()]);
    let file = file.to_str().unwrap();
    let twice = mrsim(&["merge", file, file]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(stderr(&twice).contains("each must be given once"), "{}", stderr(&twice));
    let text = fs::read_to_string(file).unwrap();
    let without_total: String = text.lines().filter(|line| !line.contains("\"total\"")).collect::<Vec<_>>().join("\n");
    for (wrong, why) in [(without_total.as_str(), "was cut off"), ("{}", "is no result"), ("not json", "is no result")]
    {
        let other = folder.path().join("wrong.jsonl");
        fs::write(&other, wrong).unwrap();
        let output = mrsim(&["merge", other.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(why) && stderr(&output).contains("wrong.jsonl"), "{}", stderr(&output));
    }
}

#[test]
fn a_file_whose_parts_contradict_each_other_is_refused() {
    let folder = folder(&[("fine", FINE), ("endless", ENDLESS)]);
    let whole = fs::read_to_string(results(&folder, "whole", &["--seeds", "0..3"])).unwrap();
    let other = folder.path().join("changed.jsonl");
    let merged = |text: &str| {
        fs::write(&other, text).unwrap();
        mrsim(&["merge", other.to_str().unwrap()])
    };
    assert_eq!(merged(&whole).status.code(), Some(3), "as it is");
    let without = |word: &str| whole.lines().filter(|line| !line.contains(word)).collect::<Vec<_>>().join("\n");
    let twice = |word: &str| {
        let line = whole.lines().find(|line| line.contains(word)).unwrap();
        whole.replacen(line, &format!("{line}\n{line}"), 1)
    };
    let failure = whole.lines().next().unwrap();
    let another = whole.lines().nth(1).unwrap();
    for (text, why) in [
        (without("\"kind\":\"failure\""), "of endless 3 schedules failed, and it has the lines of 0"),
        (whole.replacen(failure, another, 1), "it tells the failure of endless, seed 1, twice"),
        (whole.replacen("\"liveness\"", "\"passed\"", 1), "seed 0, as a failure that has passed"),
        (without("\"scenario\":\"fine\",\"schedules\""), "come to 3 schedules, 3 of them failed, and its total to 6"),
        (
            without("\"scenario\":\"endless\",\"schedules\""),
            "come to 3 schedules, 0 of them failed, and its total to 6",
        ),
        (twice("\"scenario\":\"fine\",\"schedules\""), "two lines tell what fine comes to"),
        (twice("\"kind\":\"total\""), "come to 0 schedules, 0 of them failed, and its total to 6"),
        (whole.replacen("\"failed\":0", "\"failed\":9", 1), "of fine more schedules failed than there were"),
    ] {
        let output = merged(&text);
        assert_eq!(output.status.code(), Some(2), "{why}: {}", stdout(&output));
        assert!(stderr(&output).contains("changed.jsonl") && stderr(&output).contains(why), "{}", stderr(&output));
    }
}

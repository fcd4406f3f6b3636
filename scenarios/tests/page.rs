//! The page, opened in a real headless browser: what it draws is what the trace says, and keys do what they say. Without a browser the tests
//! say that they are skipped; with `MR_REQUIRE_BROWSER` set they fail instead.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use scenarios::story::{LinkEnd, Story, page};
use scenarios::{Recorded, Scenario};
use serde_json::Value;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A run in which much goes wrong, and its page; nothing when there is no browser to open it in.
struct Opened {
    story: Story,
    browser: &'static str,
}

fn open() -> Option<Opened> {
    let there = |browser: &&str| Command::new(browser).arg("--version").output().is_ok();
    let Some(browser) = BROWSERS.into_iter().find(there) else {
        assert!(std::env::var_os("MR_REQUIRE_BROWSER").is_none(), "there is no browser: run ci/install-browser");
        eprintln!("skipped: there is no browser; ci/install-browser installs one");
        return None;
    };
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/partition_two_way.toml");
    let schedule = Scenario::read(&cases).unwrap().draw(5);
    Some(Opened { story: Recorded::run(&schedule, None).unwrap().story, browser })
}

impl Opened {
    /// The page's document after its scripts, and `probe` behind them, have run.
    fn document(&self, probe: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        let probe = format!("<pre id=probe></pre><script>{probe}</script></body>");
        fs::write(&file, page(&self.story, "partition_two_way, seed <5>").replace("</body>", &probe)).unwrap();
        let mut command = Command::new(self.browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,900", "--dump-dom"]);
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let output = command.args([profile, format!("file://{}", file.display())]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `probe` found out, in JSON.
    fn probe(&self, probe: &str) -> Value {
        let document =
            self.document(&format!("document.getElementById('probe').textContent = JSON.stringify({probe})"));
        let found = Regex::new(r#"(?s)<pre id="probe">(.*?)</pre>"#).unwrap();
        let text = found.captures(&document).expect("the page's own script ran to its end")[1].replace("&amp;", "&");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn count(document: &str, pattern: &str) -> usize {
    Regex::new(pattern).unwrap().find_iter(document).count()
}

#[test]
fn what_is_drawn_is_what_the_trace_says() {
    let Some(opened) = open() else { return };
    let (document, story) = (opened.document(""), &opened.story);
    assert!(
        document.contains("<h1 id=\"title\">partition_two_way, seed &lt;5&gt;</h1>"),
        "the title, and no markup in it"
    );
    assert_eq!(count(&document, r#"data-attempt=""#), story.bars.len());
    for bar in &story.bars {
        let fate = serde_json::to_string(&bar.fate).unwrap().replace('"', "");
        let attempt = scenarios::story::short(bar.attempt);
        assert!(document.contains(&format!(r#"class="bar {fate}" data-attempt="{attempt}""#)), "{fate} {attempt}");
    }
    let told = |link: &&scenarios::story::Link| !story.moments[link.sent].routine;
    assert_eq!(count(&document, r#"data-link=""#), story.links.iter().filter(told).count());
    let vanished = story.links.iter().filter(told).filter(|link| link.end == LinkEnd::Vanished).count();
    assert!(vanished > 0, "the run is one in which messages vanish");
    assert_eq!(count(&document, r#"class="link vanished"#), vanished);
    assert_eq!(count(&document, r#"<rect class="band "#), story.bands.len() + 5, "and five in the legend");
    let listed = story.moments.iter().filter(|moment| !moment.routine).count();
    assert_eq!(count(&document, r#"<li id="event-"#), listed);
    for node in &story.nodes {
        assert!(document.contains(&format!(">{node}</text>")), "{node}");
    }
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let Some(opened) = open() else { return };
    let text = page(&opened.story, "a page");
    assert_eq!(count(&text, r#"(src|href)=|@import|url\(h"#), 0);
    let loaded = opened.probe("performance.getEntriesByType('resource').length");
    assert_eq!(loaded, 0);
}

#[test]
fn keys_toggle_step_zoom_and_find() {
    let Some(opened) = open() else { return };
    let found = opened.probe(
        r#"(() => {
            const press = (key) => dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            const links = () => document.querySelectorAll("[data-link]").length;
            const chosen = () => document.querySelector("[aria-selected=true]")?.id;
            const seen = { links: links() };
            press("m"); seen.without = links();
            press("m"); seen.again = links();
            press("ArrowRight"); press("ArrowRight"); seen.second = chosen();
            press("ArrowLeft"); seen.first = chosen();
            const span = () => view.to - view.from;
            const whole = span(); press("+"); seen.closer = span() < whole; press("0"); seen.back = span() === whole;
            const filter = document.getElementById("filter");
            filter.value = "map 0.1"; filter.dispatchEvent(new Event("input"));
            seen.filtered = document.querySelectorAll('#events li').length;
            press("b"); seen.last = selected;
            return seen;
        })()"#,
    );
    let story = &opened.story;
    assert_eq!(found["links"], found["again"]);
    assert_eq!(found["without"], 0);
    assert_eq!((&found["first"], &found["second"]), (&"event-0".into(), &"event-1".into()));
    assert_eq!((&found["closer"], &found["back"]), (&true.into(), &true.into()));
    assert_eq!(found["last"], story.moments.len() - 1);
    let of_map = |moment: &&scenarios::story::Moment| {
        let attempt = moment.attempt.map(scenarios::story::short).unwrap_or_default();
        let lane = moment.lane.map_or("", |lane| story.nodes[lane].as_str());
        let text = format!("{lane} {} {attempt}", moment.words);
        !moment.routine && text.contains("map") && text.contains("0.1")
    };
    assert_eq!(found["filtered"], story.moments.iter().filter(of_map).count());
}

//! What the index lets through and the engine then finds is what the engine finds by
//! evaluating every rule, for whatever events.

mod common;

use std::path::{Path, PathBuf};

use common::events::{Random, random};
use sentinel_sigma::load;

fn check(folders: &[PathBuf], events: usize) {
    let mut loaded = load(folders);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let words = common::words(folders);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.extend([
        "curl",
        " -k",
        "-o",
        "secret",
        "Secret",
        "task",
        "42",
        "straße-task",
        "plain",
    ]);
    let mut source = Random(42);
    let mut matched = 0;
    for _ in 0..events {
        let event = random(&mut source, &words);
        let mut hits = Vec::new();
        loaded.set.observe(&event, &mut hits);
        let found: Vec<usize> = hits.iter().map(|hit| hit.rule).collect();
        let expected = loaded.set.evaluate_all(&event);
        let names = |rules: &[usize]| -> Vec<String> {
            let rules = rules.iter().map(|&rule| &loaded.set.rules()[rule]);
            rules.map(|rule| rule.title.clone()).collect()
        };
        assert_eq!(names(&found), names(&expected), "{event:#?}");
        matched += usize::from(!found.is_empty());
    }
    // Events that match nothing would prove nothing.
    assert!(matched * 50 > events, "only {matched} of {events} match");
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_index_loses_no_match_of_any_modifier() {
    check(&[here("tests/rules")], 60_000);
}

#[test]
fn the_index_loses_no_match_of_the_shipped_rules() {
    check(&[here("../../packaging/rules")], 30_000);
}

#[test]
fn the_index_loses_no_match_of_all_linux_rules() {
    match common::sigmahq() {
        Some(folder) => check(&[folder], 30_000),
        None => println!(
            "skipped: the_index_loses_no_match_of_all_linux_rules: no rules of SigmaHQ here"
        ),
    }
}

//! The rules that are shipped: all of them can match, and none lacks its credits.

use std::path::Path;

use sentinel_event::Severity;
use sentinel_sigma::{Standing, load};

#[test]
fn shipped_rules_work_and_keep_their_credits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/rules");
    let loaded = load(std::slice::from_ref(&folder));
    assert_eq!(loaded.problems, []);
    assert!(
        loaded.set.rules().len() >= 50,
        "{}",
        loaded.set.rules().len()
    );
    for rule in loaded.set.rules().iter() {
        assert!(
            matches!(rule.standing, Standing::Evaluated(_)),
            "{}",
            rule.name
        );
        assert!(
            !rule.author.is_empty() && !rule.id.is_empty(),
            "{}",
            rule.name
        );
        assert!(rule.severity >= Severity::Medium, "{}", rule.name);
    }
    let notice = std::fs::read_to_string(folder.join("NOTICE")).expect("is there");
    assert!(notice.contains("https://github.com/SigmaHQ/Detection-Rule-License"));
}

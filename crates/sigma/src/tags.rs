//! ATT&CK techniques of a rule, from its tags.

use std::borrow::Cow;

use sentinel_detect::techniques::ALL;
use sentinel_event::Technique;

/// The techniques that the tags name, in their order. Where the table of techniques
/// knows one, by its id or the one before it, both ids and the name are those of the
/// table; another one stands under the id that the rule gives.
pub fn techniques(tags: &[String]) -> Vec<Technique> {
    let mut found: Vec<Technique> = Vec::new();
    for tag in tags {
        let Some(id) = technique_id(tag) else {
            continue;
        };
        let known = ALL.iter().find(|t| t.id == id).or_else(|| {
            let by_legacy = |t: &&Technique| t.legacy_id == id;
            ALL.iter().find(by_legacy)
        });
        let technique = known.cloned().unwrap_or_else(|| Technique {
            id: Cow::Owned(id.clone()),
            legacy_id: Cow::Owned(id),
            name: Cow::Borrowed(""),
        });
        if !found.contains(&technique) {
            found.push(technique);
        }
    }
    found
}

/// `T1027.001` for the tag `attack.t1027.001`.
fn technique_id(tag: &str) -> Option<String> {
    let id = tag.to_ascii_uppercase();
    let id = id.strip_prefix("ATTACK.")?;
    let digits = id.strip_prefix('T')?;
    let (main, sub) = digits.split_once('.').unwrap_or((digits, "000"));
    let number =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    (number(main, 4) && number(sub, 3)).then(|| id.to_owned())
}

/// Whether the rule looks for what reads, too: discovery, collection, credential access.
pub fn wants_reads(tags: &[String]) -> bool {
    const TACTICS: [&str; 6] = [
        "attack.discovery",
        "attack.collection",
        "attack.credential-access",
        "attack.credential_access",
        "attack.reconnaissance",
        "attack.exfiltration",
    ];
    tags.iter().any(|tag| {
        TACTICS
            .iter()
            .any(|tactic| tag.eq_ignore_ascii_case(tactic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_techniques_with_both_ids_where_they_are_known() {
        let tags = [
            "attack.stealth",
            "attack.t1059.004",
            "attack.T9999",
            "cve.2021-1",
            "attack.t12",
        ];
        let tags = tags.map(str::to_owned);
        let found = techniques(&tags);
        let ids: Vec<&str> = found.iter().map(|t| &*t.id).collect();
        assert_eq!(ids, ["T1059.004", "T9999"]);
        assert!(found[0].name.contains("Unix Shell"));
        for known in ALL {
            let tag = format!("attack.{}", known.legacy_id.to_lowercase());
            let found = techniques(&[tag]);
            let same = ALL
                .iter()
                .any(|t| *t == found[0] && t.legacy_id == known.legacy_id);
            assert!(same || found[0].id == known.legacy_id, "{known:?}");
        }
    }
}

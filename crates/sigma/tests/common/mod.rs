//! Where rules for tests are.

use std::path::{Path, PathBuf};

/// The rules of SigmaHQ, where they are.
pub fn sigmahq() -> Option<PathBuf> {
    let named = std::env::var_os("SENTINEL_SIGMA_RULES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sigma");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

#[allow(dead_code, reason = "each test uses its part")]
pub mod events;

/// Words that the rules in these files look for.
#[allow(dead_code, reason = "each test uses its part")]
pub fn words(folders: &[PathBuf]) -> Vec<String> {
    let mut words = std::collections::BTreeSet::new();
    for file in sentinel_sigma::files_in(folders, &mut Vec::new()) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let detection = text.split_once("\ndetection:").map_or("", |(_, rest)| rest);
        for line in detection.lines() {
            let value = line.trim_start_matches([' ', '-']);
            let value = value.split_once(": ").map_or(value, |(_, value)| value);
            let value = value.split_once(" #").map_or(value, |(value, _)| value);
            words.insert(value.trim().trim_matches(['\'', '"']).to_owned());
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

#[allow(dead_code, reason = "each test uses its part")]
pub mod workload;

/// The rules of SigmaHQ, else those that are shipped.
#[allow(dead_code, reason = "each test uses its part")]
pub fn most_rules() -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/rules");
    sigmahq().unwrap_or(shipped)
}

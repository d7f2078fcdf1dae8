use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 450;
const BANNED: [&str; 4] = ["todo!(", "unimplemented!(", "dbg!(", "FIXME"];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("reads").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            sources(&path, found);
        } else if path
            .extension()
            .is_some_and(|e| e == "rs" || e == "c" || e == "h")
        {
            found.push(path);
        }
    }
}

#[test]
fn files_are_small_and_finished() {
    let mut found = Vec::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    assert!(found.len() > 50, "only {} files were found", found.len());
    let mut wrong = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("is text");
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        if path.ends_with("tests/tidy.rs") {
            continue;
        }
        for banned in BANNED.iter().filter(|banned| text.contains(**banned)) {
            wrong.push(format!("{}: {banned}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where C is spoken: with the kernel, whose answer about a peer's groups no library
/// fetches, and with SQLite. Every other crate root forbids or denies unsafe code.
const BORDERS: [&str; 3] = [
    "crates/sentineld/sensor",
    "crates/sentineld/service/access/groups.rs",
    "crates/query/src/vtab.rs",
];

#[test]
fn unsafe_code_stays_at_the_border() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(&root.join("crates"), &mut found);
    for path in found {
        let text = fs::read_to_string(&path).expect("is text");
        let inside = BORDERS
            .iter()
            .any(|border| path.starts_with(root.join(border)));
        let holds = text.lines().map(str::trim_start).any(|line| {
            !line.starts_with("//") && (line.contains("unsafe {") || line.contains("unsafe impl"))
        });
        assert!(inside || !holds, "{} holds unsafe code", path.display());
    }
}

//! dpkg: one list of paths for each package, and a list of diverted files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::Reading;

/// What changes with every change of the database.
pub const FILES: &[&str] = &[
    "/var/lib/dpkg/info",
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/diversions",
];

/// Reads all lists; none where there is no dpkg.
pub fn read(root: &str, reading: &mut Reading) {
    let diversions = fs::read(format!("{root}/var/lib/dpkg/diversions")).unwrap_or_default();
    let diversions = Diversions::parse(&String::from_utf8_lossy(&diversions));
    let Ok(entries) = fs::read_dir(format!("{root}/var/lib/dpkg/info")) else {
        return;
    };
    let mut lists: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "list"))
        .collect();
    // In an order that does not depend on the folder's: see `Reading::finish`.
    lists.sort();
    for list in lists {
        let Some(name) = package_of(&list) else {
            continue;
        };
        let Ok(bytes) = fs::read(&list) else {
            continue;
        };
        reading.package(name);
        for path in String::from_utf8_lossy(&bytes).lines() {
            // The list begins with the root folder.
            if path.len() > 2 {
                reading.file(diversions.place_of(path, name));
            }
        }
    }
}

/// `libc6:amd64.list` is the list of `libc6`.
fn package_of(list: &Path) -> Option<&str> {
    let name = list.file_stem()?.to_str()?;
    Some(name.split_once(':').map_or(name, |(name, _)| name))
}

/// Files that lie elsewhere because another package took their place.
struct Diversions(HashMap<String, (String, String)>);

impl Diversions {
    /// Lines in threes: the path, where it is put instead, and who put it there.
    fn parse(text: &str) -> Diversions {
        let lines: Vec<&str> = text.lines().collect();
        let threes = lines.chunks_exact(3);
        Diversions(
            threes
                .map(|three| (three[0].into(), (three[1].into(), three[2].into())))
                .collect(),
        )
    }

    /// Where the file lies that `package` has under this path.
    fn place_of<'a>(&'a self, path: &'a str, package: &str) -> &'a str {
        match self.0.get(path) {
            Some((place, by)) if by != package => place,
            _ => path,
        }
    }
}

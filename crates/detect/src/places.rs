//! Sets of paths by which families of files are described.

use crate::paths::within;

/// A set of paths.
pub enum Place {
    /// Exactly this file.
    File(&'static str),
    /// Everything below this directory.
    Below(&'static str),
    /// What is below the directory and ends so.
    Ending(&'static str, &'static str),
    /// This file in somebody's home.
    Home(&'static str),
    /// Everything below this directory in somebody's home.
    HomeBelow(&'static str),
    /// Everything below the directory whose path holds this part, except samples.
    Part(&'static str, &'static str),
    /// Every file with this name, or this ending, in a Python library of the system or of
    /// a user; not in that of a virtual environment, which only its own programs read.
    Python(&'static str),
}

const UNIT_FOLDERS: [&str; 6] = [
    "/etc/systemd",
    "/usr/lib/systemd",
    "/usr/local/lib/systemd",
    "/lib/systemd",
    "/run/systemd/system",
    "/run/systemd/user",
];

/// Where container runtimes keep the files of images, which nothing on the host reads.
const IMAGE_STORES: [&str; 5] = [
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/lxd",
    "/var/lib/machines",
];

/// Whether `path` may belong to any family: almost every path is excluded here, before
/// the list is walked.
pub fn may_matter(path: &str) -> bool {
    let starts = [
        "/bin/",
        "/sbin/",
        "/etc/",
        "/usr/",
        "/lib/",
        "/lib64/",
        "/var/",
        "/run/systemd/",
        "/run/udev/",
    ];
    let candidate = starts.iter().any(|start| path.starts_with(start)) || path.contains("/.");
    let in_image = IMAGE_STORES.iter().any(|store| within(path, store));
    candidate && !in_image && !is_draft(path)
}

impl Place {
    /// Whether `path` belongs to the set.
    pub fn holds(&self, path: &str) -> bool {
        match self {
            Place::File(file) => path == *file,
            // The folder itself counts too: what is mounted or linked there takes its place.
            Place::Below(folder) => within(path, folder),
            Place::Ending("", end) => path.ends_with(end) && is_unit_place(path),
            Place::Ending(folder, end) => path.ends_with(end) && within(path, folder),
            Place::Home(name) => in_home(path) == Some(*name),
            Place::HomeBelow(folder) => in_home(path).is_some_and(|rest| within(rest, folder)),
            Place::Part(folder, part) => {
                within(path, folder) && path.contains(part) && !path.ends_with(".sample")
            }
            Place::Python(end) => path.ends_with(end) && is_system_library(path),
        }
    }
}

/// Whether it is an editor's swap file or backup: nothing runs files with such names.
fn is_draft(path: &str) -> bool {
    path.ends_with('~')
        || [".swp", ".swx", ".swo"]
            .iter()
            .any(|end| path.ends_with(end))
}

fn is_system_library(path: &str) -> bool {
    let of_system = within(path, "/usr/lib") || within(path, "/usr/local/lib");
    let of_user = in_home(path).is_some_and(|rest| within(rest, ".local/lib"));
    (of_system || of_user) && path.contains("-packages/")
}

fn is_unit_place(path: &str) -> bool {
    UNIT_FOLDERS.iter().any(|folder| within(path, folder))
        || in_home(path).is_some_and(|rest| within(rest, ".config/systemd/user"))
}

/// What follows the home in `path`: homes are /root, /var/www, the folders of /home and
/// those in which services live.
fn in_home(path: &str) -> Option<&str> {
    let own = ["/root/", "/var/www/"];
    if let Some(rest) = own.iter().find_map(|home| path.strip_prefix(home)) {
        return Some(rest);
    }
    let users = ["/home/", "/var/lib/", "/srv/", "/opt/"];
    let below = users.iter().find_map(|users| path.strip_prefix(users))?;
    below.split_once('/').map(|(_, rest)| rest)
}

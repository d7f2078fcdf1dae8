use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rusqlite::Connection;

use super::*;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("has a folder")).expect("makes folders");
    fs::write(path, text).expect("writes");
}

fn check(owners: &Owners, expected: &[(&str, Option<&str>)]) {
    for (path, package) in expected {
        assert_eq!(owners.find(path).as_deref(), *package, "{path}");
    }
}

/// A host with merged /usr, one diverted file, and a package of two architectures.
fn debian() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    symlink("usr/bin", root.path().join("bin")).expect("links");
    symlink("usr/lib", root.path().join("lib")).expect("links");
    let info = "var/lib/dpkg/info";
    let list = |name: &str, text: &str| write(root.path(), &format!("{info}/{name}.list"), text);
    list(
        "coreutils",
        "/.\n/bin\n/bin/ls\n/usr/bin/env\n/usr/share/doc/coreutils/README\n",
    );
    list("libc6:amd64", "/.\n/lib/x86_64-linux-gnu/libc.so.6\n");
    list("dash", "/.\n/bin/sh\n");
    list("bash", "/.\n/bin/sh\n/bin/odd name\n");
    write(
        root.path(),
        "var/lib/dpkg/info/dash.md5sums",
        "/not/a/list\n",
    );
    write(
        root.path(),
        "var/lib/dpkg/diversions",
        "/bin/sh\n/bin/sh.distrib\ndash\n",
    );
    write(root.path(), "var/lib/dpkg/status", "");
    root
}

#[test]
fn dpkg_knows_the_owners_of_files_wherever_they_lie() {
    let root = debian();
    let mut packages = Packages::below(root.path().into(), 1_000);
    let owners = packages.read_if_changed().expect("was never read");
    check(
        &owners,
        &[
            ("/usr/bin/ls", Some("coreutils")),
            ("/usr/bin/env", Some("coreutils")),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", Some("libc6")),
            ("/usr/bin/sh", Some("dash")),
            ("/usr/bin/sh.distrib", Some("bash")),
            ("/bin/sh.distrib", None),
            ("/usr/bin/odd name", Some("bash")),
            // The kernel never says this name where /bin is a link.
            ("/bin/ls", None),
            ("/usr/bin/ls2", None),
            ("/not/a/list", None),
            ("/usr/share/doc/coreutils/README", None),
            ("", None),
        ],
    );
    assert_eq!(owners.packages(), 4);
}

#[test]
fn a_diverted_file_is_found_where_it_was_put() {
    let root = debian();
    write(
        root.path(),
        "var/lib/dpkg/diversions",
        "/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/env\n/usr/bin/env.real\nwrapper\n",
    );
    let mut packages = Packages::below(root.path().into(), 1_000);
    let owners = packages.read_if_changed().expect("was never read");
    check(
        &owners,
        &[
            ("/usr/bin/env.real", Some("coreutils")),
            ("/usr/bin/env", None),
            ("/usr/bin/sh.distrib", Some("bash")),
        ],
    );
}

#[test]
fn a_database_is_read_again_only_when_it_changed() {
    let root = debian();
    let mut packages = Packages::below(root.path().into(), 1_000);
    let first = packages.read_if_changed().expect("was never read");
    assert!(packages.read_if_changed().is_none());
    write(root.path(), "var/lib/dpkg/info/new.list", "/usr/bin/new\n");
    let second = packages.read_if_changed().expect("has changed");
    check(&first, &[("/usr/bin/new", None)]);
    check(&second, &[("/usr/bin/new", Some("new"))]);
    assert!(second.generation() > first.generation());
}

#[test]
fn there_is_a_limit_and_what_is_beyond_is_counted() {
    let root = debian();
    let mut packages = Packages::below(root.path().into(), 3);
    let owners = packages.read_if_changed().expect("was never read");
    assert!(owners.files() <= 3, "{}", owners.files());
    assert!(owners.files_left_out() > 0);
}

/// A header as rpm writes it: the index, then the store.
fn header(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut folders: Vec<&str> = files.iter().map(|(folder, _)| *folder).collect();
    folders.dedup();
    let number = |folder| folders.iter().position(|f| *f == folder).unwrap_or(0) as u32;
    let indexes: Vec<u8> = files
        .iter()
        .flat_map(|(folder, _)| number(*folder).to_be_bytes())
        .collect();
    let texts = |texts: &mut dyn Iterator<Item = &str>| -> Vec<u8> {
        texts.flat_map(|t| t.bytes().chain([0])).collect()
    };
    let values: [(u32, u32, usize, Vec<u8>); 4] = [
        (1000, 6, 1, texts(&mut std::iter::once(name))),
        (1116, 4, files.len(), indexes),
        (1117, 8, files.len(), texts(&mut files.iter().map(|f| f.1))),
        (1118, 8, folders.len(), texts(&mut folders.iter().copied())),
    ];
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, count, bytes) in values.iter().filter(|value| value.2 > 0) {
        while *kind == 4 && store.len() % 4 != 0 {
            store.push(0);
        }
        for field in [*tag, *kind, store.len() as u32, *count as u32] {
            index.extend(field.to_be_bytes());
        }
        store.extend(bytes);
    }
    let entries = (index.len() / 16) as u32;
    let lengths = [entries.to_be_bytes(), (store.len() as u32).to_be_bytes()];
    [lengths.concat(), index, store].concat()
}

fn rpm_database(root: &Path, blobs: &[Vec<u8>]) {
    let folder = root.join("usr/lib/sysimage/rpm");
    fs::create_dir_all(&folder).expect("makes folders");
    let database = Connection::open(folder.join("rpmdb.sqlite")).expect("opens");
    database
        .execute_batch("create table Packages (hnum integer primary key, blob blob not null)")
        .expect("makes a table");
    for blob in blobs {
        let sql = "insert into Packages (blob) values (?)";
        database.execute(sql, [blob]).expect("inserts");
    }
}

#[test]
fn rpm_headers_are_read_and_broken_ones_passed_over() {
    let root = tempfile::tempdir().expect("a folder");
    let broken = header("broken", &[("/usr/bin/", "broken")]);
    rpm_database(
        root.path(),
        &[
            header(
                "bash",
                &[
                    ("/usr/bin/", "bash"),
                    ("/usr/bin/", "sh"),
                    ("/etc/skel/", ".rc"),
                ],
            ),
            header("gpg-pubkey", &[]),
            broken[..30].to_vec(),
            vec![0xff; 40],
            Vec::new(),
            header("coreutils", &[("/usr/bin/", "ls")]),
        ],
    );
    let mut packages = Packages::below(root.path().into(), 1_000);
    let owners = packages.read_if_changed().expect("was never read");
    check(
        &owners,
        &[
            ("/usr/bin/bash", Some("bash")),
            ("/usr/bin/sh", Some("bash")),
            ("/etc/skel/.rc", Some("bash")),
            ("/usr/bin/ls", Some("coreutils")),
            ("/usr/bin/broken", None),
        ],
    );
    assert_eq!(owners.packages(), 3);
}

#[test]
fn a_database_that_is_none_says_so() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "var/lib/rpm/Packages", "Berkeley");
    let mut reading = Reading::new(Links::default(), 10);
    let root_text = root.path().to_str().expect("is text");
    let problem = rpm::read(root_text, &mut reading).expect_err("is refused");
    assert!(
        problem.contains("var/lib/rpm/Packages is of another format"),
        "{problem}"
    );
    write(
        root.path(),
        "var/lib/rpm/rpmdb.sqlite",
        "no database at all, but long enough",
    );
    let problem = rpm::read(root_text, &mut reading).expect_err("is refused");
    assert!(
        problem.contains("rpmdb.sqlite: file is not a database"),
        "{problem}"
    );
    assert_eq!(problem.lines().count(), 1);
}

#[test]
fn this_host_knows_its_own_shell() {
    let shell = fs::canonicalize("/bin/bash").expect("is there");
    let mut packages = Packages::of_host(1_000_000);
    let owners = packages.read_if_changed().expect("was never read");
    if owners.packages() == 0 {
        println!("skipped: this_host_knows_its_own_shell: no dpkg and no rpm database here");
        return;
    }
    check(&owners, &[(shell.to_str().expect("is text"), Some("bash"))]);
}

//! `sentinelctl lab` becomes the training program, wherever that is installed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::run::{Ran, copy};

fn run(program: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(program);
    command.env_clear().args(args);
    command.output().expect("the program starts").into()
}

#[test]
fn the_training_program_answers_or_its_absence_is_told() {
    let prefix = tempfile::tempdir().expect("a folder");
    let (bin, libexec) = (
        prefix.path().join("bin"),
        prefix.path().join("libexec/sentinel"),
    );
    for folder in [&bin, &libexec] {
        fs::create_dir_all(folder).expect("is made");
    }
    let program = bin.join("sentinelctl");
    copy(Path::new(env!("CARGO_BIN_EXE_sentinelctl")), &program);

    let ran = run(&program, &["lab", "table", "a", "b", "--label", "y"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "sentinelctl: the program sentinel-train, which measures models, is not installed; \
         'make build' builds it, and 'make install' installs it\n"
    );

    let trainer = libexec.join("sentinel-train");
    let script = prefix.path().join("script");
    fs::write(&script, "#!/bin/sh\necho \"$@\"\nexit 7\n").expect("is written");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("it is ours");
    copy(&script, &trainer);
    for (args, passed_on) in [
        (&["lab", "table", "a", "--json"][..], "lab table a --json\n"),
        (&["--json", "lab", "table", "a"], "lab table a --json\n"),
        (&["lab", "--help"], "lab --help\n"),
        (
            &["lab", "commands", "--seed", "7"],
            "lab commands --seed 7\n",
        ),
    ] {
        let ran = run(&program, args);
        assert_eq!((ran.code, &*ran.stderr), (Some(7), ""), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, passed_on, "{args:?}");
    }
}

//! Exec records: the image of a program that was started.

use std::mem::{offset_of, size_of};
use std::sync::Arc;

use sentinel_event::{Backing, Exec, Namespaces};
use sentinel_process::Image;

use super::names::{bytes_of, components, owned, path_of, shared, split_argv, until_nul};
use super::{backing_of, file_of, set, stdio_of, types, view};

/// The texts of an exec record, whose places depend on its size class.
struct ExecTexts<'a> {
    names: &'a [u8],
    filename: &'a [u8],
    argv: &'a [u8],
}

macro_rules! exec_texts {
    ($record:ident, $($class:ident)*) => {
        $(if $record.len() == size_of::<types::$class>() {
            let class: &types::$class = view($record)?;
            return Some((&class.image, ExecTexts {
                names: &$record[offset_of!(types::$class, names)..][..class.names.len()],
                filename: &$record[offset_of!(types::$class, filename)..][..class.filename.len()],
                argv: &$record[offset_of!(types::$class, argv)..][..class.argv.len()],
            }));
        })*
    };
}

fn exec_parts(record: &[u8]) -> Option<(&types::sentinel_image, ExecTexts<'_>)> {
    exec_texts!(record, sentinel_exec_small sentinel_exec_medium sentinel_exec_large);
    None
}

/// Decodes an exec record of any size.
pub(super) fn exec(record: &[u8]) -> Option<Image> {
    let (image, texts) = exec_parts(record)?;
    let argv = texts.argv.get(..image.argv_length as usize)?;
    let filename = texts.filename.get(..image.filename_length as usize)?;
    let interpreter = components(texts.names, &image.interpreter)?;
    let file = file_of(&image.exe);
    let backing = backing_of(&image.exe);
    Some(Image {
        exec: Exec {
            filename: owned(until_nul(filename)),
            interpreter: interpreter.first().map(|name| owned(name)),
            previous_exe: Arc::default(),
        },
        exe: path_of(texts.names, &image.path, backing)?,
        file,
        backing,
        comm: shared(until_nul(&bytes_of(&image.comm))),
        argv: split_argv(argv),
        cwd: path_of(texts.names, &image.cwd, Backing::File)?,
        auid: set(image.auid),
        session: set(image.session),
        cap_effective: image.cap_effective,
        tty: Some(bytes_of(&image.tty))
            .filter(|tty| tty[0] != 0)
            .map(|tty| shared(until_nul(&tty))),
        cgroup: path_of(texts.names, &image.cgroup, Backing::File)?,
        cgroup_id: image.cgroup_id,
        namespaces: Namespaces {
            mnt: image.mnt_ns,
            pid: image.pid_ns,
            net: image.net_ns,
            user: image.user_ns,
            uts: image.uts_ns,
            ipc: image.ipc_ns,
            cgroup: image.cgroup_ns,
        },
        stdio: [0, 1, 2].map(|fd| stdio_of(&image.stdio[fd])),
    })
}

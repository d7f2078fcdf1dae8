//! The system calls that are looked at when they return: which observation each makes,
//! and its number on each architecture. Documentation and tests walk this list, so that no
//! variant of a system call is forgotten silently.

use std::collections::BTreeMap;

use super::hooks::{HookState, HookStatus};
use super::types::{self, sentinel_call as wire, sentinel_limit as limit};

/// The program that is attached and calls the one that looks.
pub const DISPATCHER: &str = "handle_call";

/// Whether a program looks at calls: it is not attached but called by the [`DISPATCHER`].
pub fn looks_at_calls(program: &str) -> bool {
    program.starts_with("call_")
}

/// A system call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// The observation that it makes.
    pub observation: &'static str,
    pub(super) wire: wire,
    /// Number on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
    pub x86_64: Option<u16>,
    /// Number for 32-bit callers on x86 (syscall_32.tbl), or one that stands for what lies
    /// behind a call that is many; [`Call::i386_made`] has the number that is called.
    pub i386: Option<u16>,
    /// Number on architectures with the common table (scripts/syscall.tbl), such as arm64.
    pub generic: Option<u16>,
}

impl Call {
    /// The number that a 32-bit caller on x86 calls.
    pub fn i386_made(&self) -> Option<u16> {
        let number = self.i386?;
        let many = MANY.iter().find(|(_, behind)| behind.contains(&number));
        Some(many.map_or(number, |(called, _)| *called))
    }
}

const fn call(
    name: &'static str,
    observation: &'static str,
    id: wire,
    x86_64: u16,
    i386: u16,
    generic: u16,
) -> Call {
    const fn some(number: u16) -> Option<u16> {
        match number {
            NONE => None,
            number => Some(number),
        }
    }
    Call {
        name,
        observation,
        wire: id,
        x86_64: some(x86_64),
        i386: some(i386),
        generic: some(generic),
    }
}

/// There is no such call.
const NONE: u16 = u16::MAX;
/// What lies behind socketcall of 32-bit callers, in the order of `include/uapi/linux/net.h`.
const SOCKETCALLS: u16 = limit::SENTINEL_CALL_SOCKETCALLS.0 as u16;
/// What of ipc is looked at.
const IPC_SHMAT: u16 = limit::SENTINEL_CALL_IPC_SHMAT.0 as u16;
/// Calls of 32-bit callers that are many, and the numbers that stand for what lies behind.
const MANY: [(u16, std::ops::Range<u16>); 2] = [
    (
        102,
        SOCKETCALLS..limit::SENTINEL_CALL_SOCKETCALLS_END.0 as u16,
    ),
    (117, IPC_SHMAT..IPC_SHMAT + 1),
];

/// Every call, and for the calls that make two observations a row for each.
#[rustfmt::skip]
pub const CALLS: &[Call] = &[
    // An open may empty the file. These rows stand before those for open, whose numbers
    // they share: the later row is the one that counts, and looks at both.
    call("open", "truncate", wire::SENTINEL_CALL_OPEN, 2, 5, NONE),
    call("openat", "truncate", wire::SENTINEL_CALL_OPENAT, 257, 295, 56),
    call("openat2", "truncate", wire::SENTINEL_CALL_OPENAT2, 437, 437, 437),
    call("creat", "truncate", wire::SENTINEL_CALL_CREAT, 85, 8, NONE),
    call("open_by_handle_at", "truncate", wire::SENTINEL_CALL_OPEN_BY_HANDLE_AT, 304, 342, 265),
    call("open", "open", wire::SENTINEL_CALL_OPEN, 2, 5, NONE),
    call("openat", "open", wire::SENTINEL_CALL_OPENAT, 257, 295, 56),
    call("openat2", "open", wire::SENTINEL_CALL_OPENAT2, 437, 437, 437),
    call("creat", "open", wire::SENTINEL_CALL_CREAT, 85, 8, NONE),
    call("open_by_handle_at", "open_by_handle", wire::SENTINEL_CALL_OPEN_BY_HANDLE_AT, 304, 342, 265),
    call("memfd_create", "memfd", wire::SENTINEL_CALL_MEMFD_CREATE, 319, 356, 279),
    call("mmap", "mmap", wire::SENTINEL_CALL_MMAP, 9, NONE, 222),
    call("mmap2", "mmap", wire::SENTINEL_CALL_MMAP, NONE, 192, NONE),
    call("old_mmap", "mmap", wire::SENTINEL_CALL_MMAP, NONE, 90, NONE),
    call("mprotect", "mprotect", wire::SENTINEL_CALL_MPROTECT, 10, 125, 226),
    call("pkey_mprotect", "mprotect", wire::SENTINEL_CALL_MPROTECT, 329, 380, 288),
    call("shmat", "shmat", wire::SENTINEL_CALL_SHMAT, 30, 397, 196),
    call("ipc(SHMAT)", "shmat", wire::SENTINEL_CALL_SHMAT, NONE, IPC_SHMAT, NONE),
    call("execve", "exec_failed", wire::SENTINEL_CALL_EXECVE, 59, 11, 221),
    call("execveat", "exec_failed", wire::SENTINEL_CALL_EXECVEAT, 322, 358, 281),
    call("bind", "bind", wire::SENTINEL_CALL_BIND, 49, 361, 200),
    call("socketcall(BIND)", "bind", wire::SENTINEL_CALL_BIND, NONE, SOCKETCALLS + 2, NONE),
    call("connect", "unix_connect", wire::SENTINEL_CALL_CONNECT, 42, 362, 203),
    call("socketcall(CONNECT)", "unix_connect", wire::SENTINEL_CALL_CONNECT, NONE, SOCKETCALLS + 3, NONE),
    call("unlink", "unlink", wire::SENTINEL_CALL_UNLINK, 87, 10, NONE),
    call("rmdir", "unlink", wire::SENTINEL_CALL_RMDIR, 84, 40, NONE),
    call("unlinkat", "unlink", wire::SENTINEL_CALL_UNLINKAT, 263, 301, 35),
    call("rename", "rename", wire::SENTINEL_CALL_RENAME, 82, 38, NONE),
    call("renameat", "rename", wire::SENTINEL_CALL_RENAMEAT, 264, 302, 38),
    call("renameat2", "rename", wire::SENTINEL_CALL_RENAMEAT2, 316, 353, 276),
    call("link", "link", wire::SENTINEL_CALL_LINK, 86, 9, NONE),
    call("linkat", "link", wire::SENTINEL_CALL_LINKAT, 265, 303, 37),
    call("symlink", "symlink", wire::SENTINEL_CALL_SYMLINK, 88, 83, NONE),
    call("symlinkat", "symlink", wire::SENTINEL_CALL_SYMLINKAT, 266, 304, 36),
    call("truncate", "truncate", wire::SENTINEL_CALL_TRUNCATE, 76, 92, 45),
    call("truncate64", "truncate", wire::SENTINEL_CALL_TRUNCATE, NONE, 193, NONE),
    call("ftruncate", "truncate", wire::SENTINEL_CALL_FTRUNCATE, 77, 93, 46),
    call("ftruncate64", "truncate", wire::SENTINEL_CALL_FTRUNCATE, NONE, 194, NONE),
    call("chmod", "chmod", wire::SENTINEL_CALL_CHMOD, 90, 15, NONE),
    call("fchmod", "chmod", wire::SENTINEL_CALL_FCHMOD, 91, 94, 52),
    call("fchmodat", "chmod", wire::SENTINEL_CALL_FCHMODAT, 268, 306, 53),
    call("fchmodat2", "chmod", wire::SENTINEL_CALL_FCHMODAT2, 452, 452, 452),
    call("chown", "chown", wire::SENTINEL_CALL_CHOWN, 92, 182, NONE),
    call("chown32", "chown", wire::SENTINEL_CALL_CHOWN, NONE, 212, NONE),
    call("lchown", "chown", wire::SENTINEL_CALL_LCHOWN, 94, 16, NONE),
    call("lchown32", "chown", wire::SENTINEL_CALL_LCHOWN, NONE, 198, NONE),
    call("fchown", "chown", wire::SENTINEL_CALL_FCHOWN, 93, 95, 55),
    call("fchown32", "chown", wire::SENTINEL_CALL_FCHOWN, NONE, 207, NONE),
    call("fchownat", "chown", wire::SENTINEL_CALL_FCHOWNAT, 260, 298, 54),
    call("setxattr", "setxattr", wire::SENTINEL_CALL_SETXATTR, 188, 226, 5),
    call("lsetxattr", "setxattr", wire::SENTINEL_CALL_LSETXATTR, 189, 227, 6),
    call("fsetxattr", "setxattr", wire::SENTINEL_CALL_FSETXATTR, 190, 228, 7),
    call("removexattr", "setxattr", wire::SENTINEL_CALL_REMOVEXATTR, 197, 235, 14),
    call("lremovexattr", "setxattr", wire::SENTINEL_CALL_LREMOVEXATTR, 198, 236, 15),
    call("fremovexattr", "setxattr", wire::SENTINEL_CALL_FREMOVEXATTR, 199, 237, 16),
    call("setxattrat", "setxattr", wire::SENTINEL_CALL_SETXATTRAT, 463, 463, 463),
    call("removexattrat", "setxattr", wire::SENTINEL_CALL_REMOVEXATTRAT, 466, 466, 466),
    call("mount", "mount", wire::SENTINEL_CALL_MOUNT, 165, 21, 40),
    call("move_mount", "mount", wire::SENTINEL_CALL_MOVE_MOUNT, 429, 429, 429),
    call("umount", "umount", wire::SENTINEL_CALL_UMOUNT2, NONE, 22, NONE),
    call("umount2", "umount", wire::SENTINEL_CALL_UMOUNT2, 166, 52, 39),
    call("dup", "redirect", wire::SENTINEL_CALL_DUP, 32, 41, 23),
    call("dup2", "redirect", wire::SENTINEL_CALL_DUP2, 33, 63, NONE),
    call("dup3", "redirect", wire::SENTINEL_CALL_DUP3, 292, 330, 24),
    call("fcntl", "redirect", wire::SENTINEL_CALL_FCNTL, 72, 55, 25),
    call("fcntl64", "redirect", wire::SENTINEL_CALL_FCNTL, NONE, 221, NONE),
    call("recvmsg", "redirect", wire::SENTINEL_CALL_RECVMSG, 47, 372, 212),
    call("recvmmsg", "redirect", wire::SENTINEL_CALL_RECVMSG, 299, 337, 243),
    call("recvmmsg_time64", "redirect", wire::SENTINEL_CALL_RECVMSG, NONE, 417, NONE),
    call("socketcall(RECVMSG)", "redirect", wire::SENTINEL_CALL_RECVMSG, NONE, SOCKETCALLS + 17, NONE),
    call("socketcall(RECVMMSG)", "redirect", wire::SENTINEL_CALL_RECVMSG, NONE, SOCKETCALLS + 19, NONE),
    call("socket", "redirect", wire::SENTINEL_CALL_SOCKET, 41, 359, 198),
    call("socketcall(SOCKET)", "redirect", wire::SENTINEL_CALL_SOCKET, NONE, SOCKETCALLS + 1, NONE),
    // Rows for accept stand after those for redirect, whose numbers they share: the later
    // row is the one that counts, and looks at both.
    call("accept", "redirect", wire::SENTINEL_CALL_SOCKET, 43, NONE, 202),
    call("accept4", "redirect", wire::SENTINEL_CALL_SOCKET, 288, 364, 242),
    call("socketcall(ACCEPT)", "redirect", wire::SENTINEL_CALL_SOCKET, NONE, SOCKETCALLS + 5, NONE),
    call("socketcall(ACCEPT4)", "redirect", wire::SENTINEL_CALL_SOCKET, NONE, SOCKETCALLS + 18, NONE),
    call("accept", "accept", wire::SENTINEL_CALL_ACCEPT, 43, NONE, 202),
    call("accept4", "accept", wire::SENTINEL_CALL_ACCEPT, 288, 364, 242),
    call("socketcall(ACCEPT)", "accept", wire::SENTINEL_CALL_ACCEPT, NONE, SOCKETCALLS + 5, NONE),
    call("socketcall(ACCEPT4)", "accept", wire::SENTINEL_CALL_ACCEPT, NONE, SOCKETCALLS + 18, NONE),
    call("pidfd_getfd", "redirect", wire::SENTINEL_CALL_PIDFD_GETFD, 438, 438, 438),
    call("pidfd_getfd", "pidfd_getfd", wire::SENTINEL_CALL_PIDFD_GETFD, 438, 438, 438),
    call("ptrace", "ptrace", wire::SENTINEL_CALL_PTRACE, 101, 26, 117),
    call("process_vm_writev", "process_vm_writev", wire::SENTINEL_CALL_PROCESS_VM_WRITEV, 311, 348, 271),
    call("process_vm_readv", "process_vm_readv", wire::SENTINEL_CALL_PROCESS_VM_READV, 310, 347, 270),
    call("process_madvise", "process_madvise", wire::SENTINEL_CALL_PROCESS_MADVISE, 440, 440, 440),
    call("setuid", "credentials", wire::SENTINEL_CALL_SETUID, 105, 213, 146),
    call("setreuid", "credentials", wire::SENTINEL_CALL_SETREUID, 113, 203, 145),
    call("setresuid", "credentials", wire::SENTINEL_CALL_SETRESUID, 117, 208, 147),
    call("setfsuid", "credentials", wire::SENTINEL_CALL_SETFSUID, 122, 215, 151),
    call("setgid", "credentials", wire::SENTINEL_CALL_SETGID, 106, 214, 144),
    call("setregid", "credentials", wire::SENTINEL_CALL_SETREGID, 114, 204, 143),
    call("setresgid", "credentials", wire::SENTINEL_CALL_SETRESGID, 119, 210, 149),
    call("setfsgid", "credentials", wire::SENTINEL_CALL_SETFSGID, 123, 216, 152),
    call("setuid16", "credentials", wire::SENTINEL_CALL_SETUID, NONE, 23, NONE),
    call("setreuid16", "credentials", wire::SENTINEL_CALL_SETREUID, NONE, 70, NONE),
    call("setresuid16", "credentials", wire::SENTINEL_CALL_SETRESUID, NONE, 164, NONE),
    call("setfsuid16", "credentials", wire::SENTINEL_CALL_SETFSUID, NONE, 138, NONE),
    call("setgid16", "credentials", wire::SENTINEL_CALL_SETGID, NONE, 46, NONE),
    call("setregid16", "credentials", wire::SENTINEL_CALL_SETREGID, NONE, 71, NONE),
    call("setresgid16", "credentials", wire::SENTINEL_CALL_SETRESGID, NONE, 170, NONE),
    call("setfsgid16", "credentials", wire::SENTINEL_CALL_SETFSGID, NONE, 139, NONE),
    call("capset", "credentials", wire::SENTINEL_CALL_CAPSET, 126, 185, 91),
    call("unshare", "namespace", wire::SENTINEL_CALL_UNSHARE, 272, 310, 97),
    call("setns", "namespace", wire::SENTINEL_CALL_SETNS, 308, 346, 268),
    call("init_module", "module", wire::SENTINEL_CALL_INIT_MODULE, 175, 128, 105),
    call("finit_module", "module", wire::SENTINEL_CALL_FINIT_MODULE, 313, 350, 273),
    call("bpf", "bpf", wire::SENTINEL_CALL_BPF, 321, 357, 280),
    call("kexec_load", "kexec", wire::SENTINEL_CALL_KEXEC_LOAD, 246, 283, 104),
    call("kexec_file_load", "kexec", wire::SENTINEL_CALL_KEXEC_FILE_LOAD, 320, NONE, 294),
];

/// What the dispatcher needs to know.
pub(super) struct Tables {
    /// Which call a number stands for.
    pub numbers: types::sentinel_calls,
    /// Which program looks at a call, by `enum sentinel_call`.
    pub programs: BTreeMap<u32, &'static str>,
}

/// The tables for the observations that calls are to make. Where programs for calls work
/// beside other programs, those look at 64-bit callers and they at 32-bit ones.
pub(super) fn tables(hooks: &[HookStatus]) -> Tables {
    let mut tables = Tables {
        numbers: types::sentinel_calls::default(),
        programs: BTreeMap::new(),
    };
    let makes = |observation: &str, at_calls: bool| {
        let mut running = hooks
            .iter()
            .filter(|status| status.state == HookState::Running)
            .map(|status| status.hook);
        running.find(|hook| {
            hook.observation == observation && looks_at_calls(hook.program) == at_calls
        })
    };
    if let Some(hook) = makes("truncate", true) {
        let again = wire::SENTINEL_CALL_OPEN_TRUNCATE;
        tables.programs.insert(again.0, hook.program);
    }
    for call in CALLS {
        let Some(hook) = makes(call.observation, true) else {
            continue;
        };
        tables.programs.insert(call.wire.0, hook.program);
        let has_company =
            makes(call.observation, false).is_some_and(|hook| !tells_success_only(hook.program));
        let (native, compat) = match cfg!(target_arch = "x86_64") {
            true => (call.x86_64, call.i386),
            // 32-bit callers there use numbers of a table that is not listed.
            false => (call.generic, None),
        };
        let native = native.filter(|_| !has_company);
        set(&mut tables.numbers, native, call.wire, NATIVE);
        set(&mut tables.numbers, compat, call.wire, COMPAT);
        let made = compat.and_then(|_| call.i386_made());
        if made != compat {
            set(&mut tables.numbers, made, wire::SENTINEL_CALL_MANY, COMPAT);
        }
    }
    tables
}

/// Whether a program beside the calls does not see those that fail.
pub(super) fn tells_success_only(program: &str) -> bool {
    program == "handle_module"
}

/// Where the call of a 64-bit caller stands in a number's entry, in bits.
const NATIVE: u32 = 0;
/// The same for 32-bit callers.
const COMPAT: u32 = 8;

fn set(table: &mut types::sentinel_calls, number: Option<u16>, call: wire, place: u32) {
    let slot = number.and_then(|number| table.of_number.get_mut(usize::from(number)));
    if let Some(slot) = slot {
        *slot = *slot & !(0xff << place) | (call.0 as u16) << place;
    }
}

/// The name of a call, as `operation` gives it.
pub(super) fn name(call: u32) -> Option<&'static str> {
    match wire(call) {
        wire::SENTINEL_CALL_CLONE => Some("clone"),
        wire::SENTINEL_CALL_IO_URING_SETUP => Some("setup"),
        call => CALLS.iter().find(|c| c.wire == call).map(|c| c.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::hooks::{HOOKS, choose};

    #[test]
    fn each_number_means_one_call_of_an_observation() {
        let columns: [fn(&Call) -> Option<u16>; 3] = [|c| c.x86_64, |c| c.i386, |c| c.generic];
        for number in columns {
            for (index, call) in CALLS
                .iter()
                .enumerate()
                .filter(|(_, c)| number(c).is_some())
            {
                let twin = CALLS[..index]
                    .iter()
                    .find(|c| number(c) == number(call) && c.observation == call.observation);
                assert!(twin.is_none(), "{} has the number of {twin:?}", call.name);
                let namesake = CALLS.iter().find(|c| number(c) == number(call));
                assert_eq!(namesake.map(|c| c.name), Some(call.name));
            }
        }
    }

    #[test]
    fn each_observation_has_its_hook() {
        for call in CALLS {
            assert!(
                HOOKS
                    .iter()
                    .any(|h| looks_at_calls(h.program) && h.observation == call.observation),
                "no hook makes {} of {}",
                call.observation,
                call.name
            );
        }
    }

    #[test]
    fn calls_that_a_deeper_hook_sees_are_left_alone() {
        let native = |tables: &Tables, number: usize| {
            wire((tables.numbers.of_number[number] >> NATIVE & 0xff).into())
        };
        let compat = |tables: &Tables, number: usize| {
            wire((tables.numbers.of_number[number] >> COMPAT & 0xff).into())
        };
        let all = tables(&choose(|_| None));
        let none = wire::SENTINEL_CALL_NONE;
        assert_eq!(native(&all, 87), none, "unlink has a deeper hook");
        assert_eq!(native(&all, 101), wire::SENTINEL_CALL_PTRACE);
        assert_eq!(native(&all, 43), wire::SENTINEL_CALL_SOCKET);
        let tracepoints = tables(&choose(|program| {
            (program == "handle_mprotect").then(String::new)
        }));
        assert_eq!(
            native(&tracepoints, 10),
            none,
            "mprotect has programs of its own"
        );
        assert_eq!(compat(&tracepoints, 125), wire::SENTINEL_CALL_MPROTECT);
        let shallow = tables(&choose(|program| {
            let deeper = ["handle_unlink", "handle_rmdir"];
            deeper.contains(&program).then(String::new)
        }));
        assert_eq!(native(&shallow, 87), wire::SENTINEL_CALL_UNLINK);
        assert_eq!(compat(&shallow, 10), wire::SENTINEL_CALL_UNLINK);
    }

    /// Some calls make two observations, of which the program for the later row knows both.
    #[test]
    fn each_call_has_the_program_that_knows_all_it_makes() {
        let check = |broken: &str, call: wire, expected: Option<&str>| {
            let tables = tables(&choose(|program| {
                let is_broken = broken.split(' ').any(|name| name == program);
                is_broken.then(String::new)
            }));
            let found = tables.programs.get(&call.0).copied();
            assert_eq!(found, expected, "{call:?} without {broken}");
        };
        check("", wire::SENTINEL_CALL_ACCEPT, None);
        check(
            "handle_accept",
            wire::SENTINEL_CALL_ACCEPT,
            Some("call_accept"),
        );
        check(
            "handle_accept",
            wire::SENTINEL_CALL_SOCKET,
            Some("call_redirect"),
        );
        check("", wire::SENTINEL_CALL_PIDFD_GETFD, Some("call_action"));
        check("call_action", wire::SENTINEL_CALL_PTRACE, None);
        check("call_action", wire::SENTINEL_CALL_BIND, Some("call_bind"));
        check("", wire::SENTINEL_CALL_OPEN_BY_HANDLE_AT, Some("call_open"));
        check("", wire::SENTINEL_CALL_OPENAT, None);
        check("", wire::SENTINEL_CALL_OPEN_TRUNCATE, None);
        check(
            "handle_truncate handle_file_truncate",
            wire::SENTINEL_CALL_OPENAT,
            Some("call_action"),
        );
        check(
            "handle_truncate handle_file_truncate",
            wire::SENTINEL_CALL_OPEN_TRUNCATE,
            Some("call_action"),
        );
        check("", wire::SENTINEL_CALL_SHMAT, Some("call_memory"));
    }
}

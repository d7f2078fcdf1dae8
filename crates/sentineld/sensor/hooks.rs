//! The registry of hooks: which programs make an observation, in order of preference,
//! and what each cannot see.

use super::calls;

/// How deep in the kernel a hook sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// On the function that every way to act goes through.
    Inner,
    /// On a tracepoint.
    Tracepoint,
}

impl Tier {
    /// The name shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Inner => "inner",
            Tier::Tracepoint => "tracepoint",
        }
    }
}

/// One program of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// What it observes.
    pub observation: &'static str,
    /// Hooks of one observation with the same number work together; the lowest number
    /// of which any works is used, the others stay off.
    pub choice: u8,
    /// Name of the program in `bpf/`.
    pub program: &'static str,
    /// Where it is attached.
    pub attach_point: &'static str,
    /// How deep.
    pub tier: Tier,
    /// What escapes it, in a few words; empty when nothing is known to.
    pub blind_to: &'static str,
}

const IMPLIED: &str = "shmat, READ_IMPLIES_EXEC";
const COMPAT: &str = "32-bit system calls";
const IO_URING: &str = "io_uring";
const USER_MEMORY: &str = "io_uring; the caller can change the names while they are read";
const OTHER_PIDS: &str = "targets that the caller's pid namespace numbers otherwise";

const fn hook(
    observation: &'static str,
    choice: u8,
    program: &'static str,
    attach_point: &'static str,
    tier: Tier,
    blind_to: &'static str,
) -> Hook {
    Hook {
        observation,
        choice,
        program,
        attach_point,
        tier,
        blind_to,
    }
}

use Tier::{Inner, Tracepoint};

/// Every hook.
#[rustfmt::skip]
pub const HOOKS: &[Hook] = &[
    hook("exec", 0, "handle_exec", "tp_btf/sched_process_exec", Tracepoint, ""),
    hook("fork", 0, "handle_fork", "tp_btf/sched_process_fork", Tracepoint, ""),
    hook("exit", 0, "handle_exit", "tp_btf/sched_process_exit", Tracepoint, ""),
    hook("connect", 0, "handle_state", "tp_btf/inet_sock_set_state", Tracepoint, ""),
    hook("listen", 0, "handle_state", "tp_btf/inet_sock_set_state", Tracepoint, ""),
    hook("close", 0, "handle_state", "tp_btf/inet_sock_set_state", Tracepoint, "connections that began before the sensor"),
    hook("accept", 0, "handle_accept", "fexit/inet_csk_accept", Inner, ""),
    hook("accept", 1, "call_accept", "tp_btf/sys_exit", Tracepoint, IO_URING),
    hook("bind", 0, "call_bind", "tp_btf/sys_exit", Tracepoint, IO_URING),
    hook("send", 0, "handle_packet", "tp_btf/net_dev_queue", Tracepoint, ""),
    hook("dns", 0, "handle_packet", "tp_btf/net_dev_queue", Tracepoint, "TCP, TLS, HTTPS"),
    hook("unix_connect", 0, "call_action", "tp_btf/sys_exit", Tracepoint, IO_URING),
    hook("open", 0, "handle_open", "fexit/do_file_open", Inner, ""),
    hook("open", 1, "handle_open_filp", "fexit/do_filp_open", Inner, ""),
    hook("open", 2, "call_open", "tp_btf/sys_exit", Tracepoint, IO_URING),
    hook("open_by_handle", 0, "call_open", "tp_btf/sys_exit", Tracepoint, ""),
    hook("memfd", 0, "handle_memfd", "fexit/__x64_sys_memfd_create", Inner, ""),
    hook("memfd", 0, "handle_memfd_compat", "fexit/__ia32_sys_memfd_create", Inner, ""),
    hook("memfd", 1, "call_memfd", "tp_btf/sys_exit", Tracepoint, ""),
    hook("mmap", 0, "handle_mmap", "fexit/vm_mmap_pgoff", Inner, IMPLIED),
    hook("mmap", 1, "enter_mmap", "tracepoint/syscalls/sys_enter_mmap", Tracepoint, ""),
    hook("mmap", 1, "exit_mmap", "tracepoint/syscalls/sys_exit_mmap", Tracepoint, COMPAT),
    hook("mmap", 1, "call_memory", "tp_btf/sys_exit", Tracepoint, ""),
    hook("mmap", 2, "enter_mmap", "tracepoint/syscalls/sys_enter_mmap", Tracepoint, ""),
    hook("mmap", 2, "exit_mmap_by_fd", "tracepoint/syscalls/sys_exit_mmap", Tracepoint, COMPAT),
    hook("mmap", 2, "call_memory", "tp_btf/sys_exit", Tracepoint, ""),
    hook("mprotect", 0, "handle_mprotect", "fexit/security_file_mprotect", Inner, ""),
    hook("mprotect", 1, "enter_mprotect", "tracepoint/syscalls/sys_enter_mprotect", Tracepoint, ""),
    hook("mprotect", 1, "exit_mprotect", "tracepoint/syscalls/sys_exit_mprotect", Tracepoint, COMPAT),
    hook("mprotect", 1, "enter_pkey_mprotect", "tracepoint/syscalls/sys_enter_pkey_mprotect", Tracepoint, ""),
    hook("mprotect", 1, "exit_pkey_mprotect", "tracepoint/syscalls/sys_exit_pkey_mprotect", Tracepoint, COMPAT),
    hook("mprotect", 1, "call_memory", "tp_btf/sys_exit", Tracepoint, "what the memory was before"),
    hook("mprotect", 2, "call_memory", "tp_btf/sys_exit", Tracepoint, "what the memory was before, and what stands behind it"),
    hook("shmat", 0, "call_memory", "tp_btf/sys_exit", Tracepoint, "READ_IMPLIES_EXEC"),
    hook("exec_failed", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("unlink", 0, "handle_unlink", "fexit/security_path_unlink", Inner, ""),
    hook("unlink", 0, "handle_rmdir", "fexit/security_path_rmdir", Inner, ""),
    hook("unlink", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("rename", 0, "handle_rename", "fexit/security_path_rename", Inner, ""),
    hook("rename", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("link", 0, "handle_link", "fexit/security_path_link", Inner, ""),
    hook("link", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("symlink", 0, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("truncate", 0, "handle_truncate", "fexit/security_path_truncate", Inner, "the new length"),
    hook("truncate", 0, "handle_file_truncate", "fexit/security_file_truncate", Inner, "the new length"),
    hook("truncate", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("chmod", 0, "handle_chmod", "fexit/security_path_chmod", Inner, ""),
    hook("chmod", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("chown", 0, "handle_chown", "fexit/security_path_chown", Inner, ""),
    hook("chown", 1, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("setxattr", 0, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("mount", 0, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("umount", 0, "call_action", "tp_btf/sys_exit", Tracepoint, USER_MEMORY),
    hook("redirect", 0, "call_redirect", "tp_btf/sys_exit", Tracepoint, "further descriptors of one message, further messages of one call"),
    hook("ptrace", 0, "call_action", "tp_btf/sys_exit", Tracepoint, OTHER_PIDS),
    hook("process_vm_writev", 0, "call_action", "tp_btf/sys_exit", Tracepoint, OTHER_PIDS),
    hook("process_vm_readv", 0, "call_action", "tp_btf/sys_exit", Tracepoint, OTHER_PIDS),
    hook("process_madvise", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("pidfd_getfd", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("kill", 0, "handle_signal", "tp_btf/signal_generate", Tracepoint, ""),
    hook("credentials", 0, "call_credentials", "tp_btf/sys_exit", Tracepoint, ""),
    hook("namespace", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("module", 0, "handle_module", "tp_btf/module_load", Tracepoint, ""),
    // Loads that fail, which the kernel tells of nowhere else.
    hook("module", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("module", 1, "call_action", "tp_btf/sys_exit", Tracepoint, "the name of a module that is loaded from memory"),
    hook("bpf", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("kexec", 0, "call_action", "tp_btf/sys_exit", Tracepoint, ""),
    hook("io_uring", 0, "handle_io_uring_create", "tp_btf/io_uring_create", Tracepoint, ""),
    hook("io_uring_submit", 0, "handle_io_uring_submit", "tp_btf/io_uring_submit_req", Tracepoint, "what the operations act on"),
    hook("io_uring_submit", 1, "handle_io_uring_submit_sqe", "tp_btf/io_uring_submit_sqe", Tracepoint, "what the operations act on"),
];

/// Whether a hook works, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    /// Attached.
    Running,
    /// Not wanted, because a better hook of the same observation works.
    Off(String),
    /// Wanted, but refused by the kernel or absent from it.
    Failed(String),
}

impl HookState {
    /// The name shown to people.
    pub fn name(&self) -> &'static str {
        match self {
            HookState::Running => "running",
            HookState::Off(_) => "off",
            HookState::Failed(_) => "failed",
        }
    }

    /// Why it is not running; empty while it is.
    pub fn reason(&self) -> &str {
        match self {
            HookState::Running => "",
            HookState::Off(reason) | HookState::Failed(reason) => reason,
        }
    }
}

/// A hook and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookStatus {
    /// Which.
    pub hook: Hook,
    /// How it fares.
    pub state: HookState,
}

/// Decides which hooks to attach: for each observation the first choice of which some
/// program can be loaded. `loadable` says why a program cannot be, if it cannot.
/// A program that stands in several choices of an observation is listed once, where it is
/// used.
pub fn choose(loadable: impl Fn(&str) -> Option<String>) -> Vec<HookStatus> {
    let mut hooks: Vec<HookStatus> = HOOKS
        .iter()
        .map(|hook| {
            let best = HOOKS
                .iter()
                .filter(|h| h.observation == hook.observation)
                .filter(|h| choice_works(h.observation, h.choice, &loadable))
                .map(|h| h.choice)
                .min();
            let state = match (loadable(hook.program), best) {
                (Some(reason), _) => HookState::Failed(reason),
                (None, Some(best)) if best == hook.choice => HookState::Running,
                (None, Some(_)) => {
                    HookState::Off("a better hook for this observation works".into())
                }
                (None, None) => HookState::Off("its companion cannot be loaded".into()),
            };
            HookStatus { hook: *hook, state }
        })
        .collect();
    let place = |hook: &Hook| (hook.observation, hook.program);
    let running: Vec<_> = hooks
        .iter()
        .filter(|h| h.state == HookState::Running)
        .map(|h| place(&h.hook))
        .collect();
    let mut listed = Vec::new();
    hooks.retain(|status| {
        let place = place(&status.hook);
        let used_elsewhere = status.state != HookState::Running && running.contains(&place);
        let again = listed.contains(&place);
        listed.push(place);
        !used_elsewhere && (!again || status.state == HookState::Running)
    });
    hooks
}

/// A choice works when its deepest tier does: companions of an inner hook do not stand in
/// for it. Where the hooks of a choice are pairs, some exit needs its entry.
fn choice_works(observation: &str, choice: u8, loadable: &impl Fn(&str) -> Option<String>) -> bool {
    let all = || {
        HOOKS
            .iter()
            .filter(|h| h.observation == observation && h.choice == choice)
    };
    // A program for calls does not stand in for those that it accompanies, either.
    let alone = all().all(|h| calls::looks_at_calls(h.program));
    let hooks = || all().filter(|h| alone || !calls::looks_at_calls(h.program));
    let inner = hooks().any(|h| h.tier == Tier::Inner);
    let works = |enter: bool| {
        hooks().any(|h| {
            h.program.starts_with("enter_") == enter
                && (!inner || h.tier == Tier::Inner)
                && loadable(h.program).is_none()
        })
    };
    let paired = hooks().any(|h| h.program.starts_with("enter_"));
    works(false) && (!paired || works(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(broken: &[&str], observation: &str, expected: &[(&str, &str)]) {
        let chosen = choose(|program| broken.contains(&program).then(|| "refused".to_owned()));
        let found: Vec<(&str, &str)> = chosen
            .iter()
            .filter(|status| status.hook.observation == observation)
            .map(|status| (status.hook.program, status.state.name()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_working_choice_wins() {
        check(
            &[],
            "accept",
            &[("handle_accept", "running"), ("call_accept", "off")],
        );
        check(
            &["handle_accept"],
            "accept",
            &[("handle_accept", "failed"), ("call_accept", "running")],
        );
    }

    #[test]
    fn a_pair_without_its_exit_falls_to_the_next_choice() {
        check(
            &["handle_mmap", "exit_mmap"],
            "mmap",
            &[
                ("handle_mmap", "failed"),
                ("exit_mmap", "failed"),
                ("enter_mmap", "running"),
                ("exit_mmap_by_fd", "running"),
                ("call_memory", "running"),
            ],
        );
    }

    #[test]
    fn a_companion_does_not_stand_in_for_its_inner_hook() {
        check(
            &["handle_memfd", "handle_memfd_compat"],
            "memfd",
            &[
                ("handle_memfd", "failed"),
                ("handle_memfd_compat", "failed"),
                ("call_memfd", "running"),
            ],
        );
    }

    #[test]
    fn what_fails_is_told_beside_what_succeeds() {
        let both = [("handle_module", "running"), ("call_action", "running")];
        check(&[], "module", &both);
        let calls = [("handle_module", "failed"), ("call_action", "running")];
        check(&["handle_module"], "module", &calls);
    }

    #[test]
    fn one_program_may_make_several_observations() {
        let broken = ["handle_unlink", "handle_rmdir"];
        let expected = [
            ("handle_unlink", "failed"),
            ("handle_rmdir", "failed"),
            ("call_action", "running"),
        ];
        check(&broken, "unlink", &expected);
        check(&broken, "ptrace", &[("call_action", "running")]);
        check(
            &broken,
            "chmod",
            &[("handle_chmod", "running"), ("call_action", "off")],
        );
    }

    #[test]
    fn nothing_is_attached_when_nothing_works() {
        let chosen = choose(|_| Some("refused".to_owned()));
        assert!(
            chosen
                .iter()
                .all(|s| matches!(s.state, HookState::Failed(_)))
        );
    }
}

//! The registry of hooks: which programs make an observation, in order of preference,
//! and what each cannot see.

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

const COMPAT_IO_URING: &str = "32-bit system calls, io_uring";
const IMPLIED: &str = "shmat, READ_IMPLIES_EXEC";
const COMPAT: &str = "32-bit system calls";

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
    hook("connect", 0, "handle_connect", "tp_btf/inet_sock_set_state", Tracepoint, ""),
    hook("accept", 0, "handle_accept", "fexit/inet_csk_accept", Inner, ""),
    hook("accept", 1, "exit_accept", "tracepoint/syscalls/sys_exit_accept", Tracepoint, COMPAT_IO_URING),
    hook("accept", 1, "exit_accept4", "tracepoint/syscalls/sys_exit_accept4", Tracepoint, COMPAT_IO_URING),
    hook("open", 0, "handle_open", "fexit/do_file_open", Inner, ""),
    hook("open", 0, "exit_open_by_handle_at", "tracepoint/syscalls/sys_exit_open_by_handle_at", Tracepoint, COMPAT),
    hook("open", 1, "handle_open_filp", "fexit/do_filp_open", Inner, ""),
    hook("open", 1, "exit_open_by_handle_at", "tracepoint/syscalls/sys_exit_open_by_handle_at", Tracepoint, COMPAT),
    hook("open", 2, "exit_open", "tracepoint/syscalls/sys_exit_open", Tracepoint, COMPAT_IO_URING),
    hook("open", 2, "exit_openat", "tracepoint/syscalls/sys_exit_openat", Tracepoint, COMPAT_IO_URING),
    hook("open", 2, "exit_openat2", "tracepoint/syscalls/sys_exit_openat2", Tracepoint, COMPAT_IO_URING),
    hook("open", 2, "exit_creat", "tracepoint/syscalls/sys_exit_creat", Tracepoint, COMPAT),
    hook("open", 2, "exit_open_by_handle_at", "tracepoint/syscalls/sys_exit_open_by_handle_at", Tracepoint, COMPAT),
    hook("memfd", 0, "handle_memfd", "fexit/__x64_sys_memfd_create", Inner, ""),
    hook("memfd", 0, "handle_memfd_compat", "fexit/__ia32_sys_memfd_create", Inner, ""),
    hook("memfd", 1, "exit_memfd_create", "tracepoint/syscalls/sys_exit_memfd_create", Tracepoint, COMPAT),
    hook("mmap", 0, "handle_mmap", "fexit/vm_mmap_pgoff", Inner, IMPLIED),
    hook("mmap", 1, "enter_mmap", "tracepoint/syscalls/sys_enter_mmap", Tracepoint, COMPAT),
    hook("mmap", 1, "exit_mmap", "tracepoint/syscalls/sys_exit_mmap", Tracepoint, COMPAT),
    hook("mmap", 2, "enter_mmap", "tracepoint/syscalls/sys_enter_mmap", Tracepoint, COMPAT),
    hook("mmap", 2, "exit_mmap_by_fd", "tracepoint/syscalls/sys_exit_mmap", Tracepoint, COMPAT),
    hook("mprotect", 0, "handle_mprotect", "fexit/security_file_mprotect", Inner, ""),
    hook("mprotect", 1, "enter_mprotect", "tracepoint/syscalls/sys_enter_mprotect", Tracepoint, COMPAT),
    hook("mprotect", 1, "exit_mprotect", "tracepoint/syscalls/sys_exit_mprotect", Tracepoint, COMPAT),
    hook("mprotect", 1, "enter_pkey_mprotect", "tracepoint/syscalls/sys_enter_pkey_mprotect", Tracepoint, COMPAT),
    hook("mprotect", 1, "exit_pkey_mprotect", "tracepoint/syscalls/sys_exit_pkey_mprotect", Tracepoint, COMPAT),
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
/// A program that stands in several choices is listed once, where it is used.
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
    let running: Vec<Hook> = hooks
        .iter()
        .filter(|h| h.state == HookState::Running)
        .map(|h| h.hook)
        .collect();
    let mut listed = Vec::new();
    hooks.retain(|status| {
        let used_elsewhere = status.state != HookState::Running
            && running.iter().any(|h| h.program == status.hook.program);
        let again = listed.contains(&status.hook.program);
        listed.push(status.hook.program);
        !used_elsewhere && (!again || status.state == HookState::Running)
    });
    hooks
}

/// A choice works when its deepest tier does: companions of an inner hook do not stand in
/// for it. Where the hooks of a choice are pairs, some exit needs its entry.
fn choice_works(observation: &str, choice: u8, loadable: &impl Fn(&str) -> Option<String>) -> bool {
    let hooks = || {
        HOOKS
            .iter()
            .filter(|h| h.observation == observation && h.choice == choice)
    };
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
            &[
                ("handle_accept", "running"),
                ("exit_accept", "off"),
                ("exit_accept4", "off"),
            ],
        );
        check(
            &["handle_accept"],
            "accept",
            &[
                ("handle_accept", "failed"),
                ("exit_accept", "running"),
                ("exit_accept4", "running"),
            ],
        );
        check(
            &["handle_accept", "exit_accept"],
            "accept",
            &[
                ("handle_accept", "failed"),
                ("exit_accept", "failed"),
                ("exit_accept4", "running"),
            ],
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
            ],
        );
    }

    #[test]
    fn a_companion_does_not_stand_in_for_its_inner_hook() {
        let by_handle = "exit_open_by_handle_at";
        check(
            &[
                "handle_open",
                "handle_open_filp",
                "exit_open",
                "exit_creat",
                "exit_openat2",
            ],
            "open",
            &[
                ("handle_open", "failed"),
                ("handle_open_filp", "failed"),
                ("exit_open", "failed"),
                ("exit_openat", "running"),
                ("exit_openat2", "failed"),
                ("exit_creat", "failed"),
                (by_handle, "running"),
            ],
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

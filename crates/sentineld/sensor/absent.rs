//! What the running kernel was built without, read off its type information: hooks, and the
//! functions that programs call. One program that cannot be loaded fails the whole object,
//! and to find out which by trying takes long, so what can be known is not tried.

use std::collections::{BTreeMap, BTreeSet};

use libbpf_rs::btf::types::{Enum, Func};
use libbpf_rs::btf::{Btf, BtfType};

use super::hooks::HOOKS;
use super::host;

/// Shown for a hook that is not there.
pub const ABSENT: &str = "this kernel does not have it";
const TOO_OLD: &str = "this kernel is too old for it";

/// Functions of the kernel that are younger than 5.10 and that programs cannot do without,
/// as `enum bpf_func_id` names them.
const NEEDS: &[(&str, &[&str])] = &[
    (
        "BPF_FUNC_find_vma",
        &[
            "exit_mmap",
            "enter_mprotect",
            "exit_mprotect",
            "enter_pkey_mprotect",
            "exit_pkey_mprotect",
        ],
    ),
    (
        "BPF_FUNC_get_func_ret",
        &[
            "handle_accept",
            "handle_memfd",
            "handle_memfd_compat",
            "handle_mmap",
            "handle_open",
            "handle_open_filp",
        ],
    ),
];

/// The programs that cannot work here, and why. Empty where the type information cannot be
/// read; then all are tried.
pub fn programs() -> BTreeMap<&'static str, String> {
    let Ok(kernel) = Btf::from_path(host::btf_path()) else {
        return BTreeMap::new();
    };
    let functions = functions(&kernel);
    let has_hook = |attach_point: &str| match attach_point.split_once('/') {
        Some(("tp_btf", name)) => kernel
            .type_by_name::<BtfType<'_>>(&format!("btf_trace_{name}"))
            .is_some(),
        Some(("fexit", name)) => kernel.type_by_name::<Func<'_>>(name).is_some(),
        _ => true,
    };
    absent(has_hook, |function| functions.contains(function))
}

/// The functions that programs may call.
fn functions(kernel: &Btf<'_>) -> BTreeSet<String> {
    let names = kernel.type_by_name::<Enum<'_>>("bpf_func_id");
    let members = names.iter().flat_map(|names| names.iter());
    members
        .filter_map(|member| Some(member.name?.to_string_lossy().into_owned()))
        .collect()
}

fn absent(
    has_hook: impl Fn(&str) -> bool,
    has_function: impl Fn(&str) -> bool,
) -> BTreeMap<&'static str, String> {
    let too_old = NEEDS
        .iter()
        .filter(|(function, _)| !has_function(function))
        .flat_map(|(_, programs)| {
            programs
                .iter()
                .map(|program| (*program, TOO_OLD.to_owned()))
        });
    let hookless = HOOKS
        .iter()
        .filter(|hook| !has_hook(hook.attach_point))
        .map(|hook| (hook.program, ABSENT.to_owned()));
    too_old.chain(hookless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_that_needs_something_has_a_hook() {
        for program in NEEDS.iter().flat_map(|(_, programs)| programs.iter()) {
            assert!(HOOKS.iter().any(|h| h.program == *program), "{program}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_its_reason() {
        let check = |hook: &str, function: &str, program: &str, expected: Option<&str>| {
            let absent = absent(|h| h != hook, |f| f != function);
            let found = absent.get(program).map(String::as_str);
            assert_eq!(found, expected, "{program} without {hook} and {function}");
        };
        check("", "", "exit_mmap", None);
        check("", "BPF_FUNC_find_vma", "exit_mmap", Some(TOO_OLD));
        check("", "BPF_FUNC_find_vma", "exit_mmap_by_fd", None);
        check("fexit/do_file_open", "", "handle_open", Some(ABSENT));
        check("fexit/do_file_open", "", "handle_open_filp", None);
        check("tp_btf/module_load", "", "handle_module", Some(ABSENT));
    }
}

//! The page of docs/ that says what is observed, where, and through which system calls,
//! written from the lists that the sensor itself uses.

use std::fmt::Write;

use super::calls::CALLS;
use super::hooks::HOOKS;

const HEAD: &str = "\
# Observations

What the sensor observes, and where in the kernel. Of the hooks of one observation the first
choice that the running kernel supports is used; `sentinel probe` and `sentinelctl status --all` say
which that is on this host. *Inner* hooks sit on a function that every way to act goes through;
they need a kernel that lets its functions be patched (5.17 or later for most). Tracepoints work
everywhere from 5.10 on.

This page is written from the sensor's own lists; a test compares the two.

## Hooks

| observation | choice | attached to | tier | cannot see |
|---|---|---|---|---|
";

const CALLS_HEAD: &str = "
## System calls

Where an observation has no inner hook, these system calls make it, in their 64-bit and their
32-bit form; the numbers are those of x86-64, of 32-bit callers on x86, and of architectures with
the common table. `tests/calls.rs` makes each of them on a live sensor.

| system call | observation | x86-64 | i386 | common |
|---|---|---|---|---|
";

const TAIL: &str = "
## What is read from where

Paths, sockets, ids and images come from the kernel's own objects. Where only the caller's text
exists (names on the tracepoint tier, names of BPF programs), the event carries the flag
`user_memory`: the caller could have changed it while it was read. Calls of the x32 ABI are not
looked at; Debian's kernels refuse them unless booted with `syscall.x32=y`. Operations of io_uring
are reported by their name (`io_uring`), and by what they act on where an inner hook sees that.
";

/// The whole page as Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    // Writing into a String cannot fail.
    for hook in HOOKS {
        let blind = if hook.blind_to.is_empty() {
            "-"
        } else {
            hook.blind_to
        };
        let _ = writeln!(
            page,
            "| {} | {} | `{}` | {} | {blind} |",
            hook.observation,
            hook.choice + 1,
            hook.attach_point,
            hook.tier.name(),
        );
    }
    page.push_str(CALLS_HEAD);
    let number = |number: Option<u16>| number.map_or("-".to_owned(), |n| n.to_string());
    for call in CALLS {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            call.name,
            call.observation,
            number(call.x86_64),
            number(call.i386_made()),
            number(call.generic),
        );
    }
    page.push_str(TAIL);
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// With SENTINEL_WRITE_DOCS set, writes the page instead.
    #[test]
    fn the_page_says_what_the_lists_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/observations.md");
        let page = super::page();
        if std::env::var_os("SENTINEL_WRITE_DOCS").is_some() {
            std::fs::write(&path, &page).expect("writes");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == page,
            "{} is out of date; SENTINEL_WRITE_DOCS=1 cargo test --lib page writes it",
            path.display()
        );
    }
}

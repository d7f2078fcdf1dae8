//! Capabilities: held while the programs are loaded and /proc is read, given up before
//! anything hostile is parsed. Threads inherit what the one that starts them holds, so
//! this happens on the first thread while there is no other.

use std::thread;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use thiserror::Error;

/// The kernel did not let a capability go.
#[derive(Debug, Error)]
#[error("cannot give up the capabilities that only loading takes: {0}")]
pub struct PrivilegeError(std::io::Error);

/// Gives up every capability that is not used from now on. `counters_readable` tells
/// whether the kernel's counters can be read by the thread that asks: kernels before
/// 5.19 let nobody without CAP_BPF do that when `kernel.unprivileged_bpf_disabled` is
/// set, and then that one is kept.
pub fn give_up(counters_readable: impl Fn() -> bool + Sync) -> Result<(), PrivilegeError> {
    let mut kept = CapabilitySet::empty();
    if nix::unistd::geteuid().is_root() {
        // A daemon in the foreground may be told to use folders of other users.
        kept |= CapabilitySet::DAC_OVERRIDE;
    }
    if !tried_without(&counters_readable) {
        kept |= CapabilitySet::BPF;
    }
    let held = capabilities(None).map_err(failed)?.permitted;
    restrict(held & kept)?;
    let names: Vec<_> = (held & kept).iter_names().map(|(name, _)| name).collect();
    tracing::debug!("capabilities kept: {names:?}");
    Ok(())
}

/// Asks on a thread of its own that has given up everything.
fn tried_without(question: &(impl Fn() -> bool + Sync)) -> bool {
    thread::scope(|scope| {
        let answer = scope.spawn(|| restrict(CapabilitySet::empty()).is_ok() && question());
        answer.join().unwrap_or(false)
    })
}

/// Leaves this thread with just these. What is not permitted cannot be ambient, so an
/// executed program gets none either.
fn restrict(kept: CapabilitySet) -> Result<(), PrivilegeError> {
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(failed)
}

fn failed(error: rustix::io::Errno) -> PrivilegeError {
    PrivilegeError(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_gone_for_the_threads_that_follow() {
        let held = thread::spawn(|| {
            give_up(|| true).expect("giving up needs no privilege");
            let own = capabilities(None).expect("ours");
            let child = thread::spawn(|| capabilities(None).expect("the child's").permitted);
            (own, child.join().expect("ends"))
        });
        let (own, child) = held.join().expect("ends");
        let root = nix::unistd::geteuid().is_root();
        let expected = match root {
            true => CapabilitySet::DAC_OVERRIDE & own.permitted,
            false => CapabilitySet::empty(),
        };
        assert_eq!((own.effective, own.permitted), (expected, expected));
        assert_eq!((own.inheritable, child), (CapabilitySet::empty(), expected));
    }
}

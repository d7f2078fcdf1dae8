//! Loads and attaches the programs: facts first, then the choice of hooks, then one
//! load of the whole object with just those programs.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, OpenObject, PrintLevel};
use thiserror::Error;

use super::absent;
use super::attendance::{Absence, Attendance};
use super::calls;
use super::filter::Muted;
use super::hooks::{HOOKS, HookState, HookStatus, Tier, choose};
use super::host::{self, Host, HostError};
use super::keep::Place;
use super::progress::Progress;
use super::repeats::Repeats;
use super::skel::{OpenSentinelSkel, SentinelSkel, SentinelSkelBuilder};
use super::takeover::{self, Before, Earlier};
use super::{Config, types};
use crate::clock;
use crate::privileges::PrivilegeError;

/// Programs that do not work here, and why.
type Broken = BTreeMap<&'static str, String>;

/// Why no program could be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The host cannot be watched.
    #[error(transparent)]
    Host(#[from] HostError),
    /// libbpf refused the object.
    #[error("the kernel refused the sensor's programs: {0}")]
    Refused(libbpf_rs::Error),
    /// The kernel keeps us privileged.
    #[error(transparent)]
    Privileges(#[from] PrivilegeError),
    /// Nothing works, so there is nothing to run for.
    #[error("no hook could be attached; `sentinel probe` lists the reasons")]
    NoHooks,
}

/// The loaded programs and the links that keep them attached.
pub struct Loaded {
    pub skel: SentinelSkel<'static>,
    pub links: Links,
    pub hooks: Vec<HookStatus>,
    pub repeats: Repeats,
    pub muted: Muted,
    pub attendance: Attendance,
    pub progress: Progress,
    /// What there is to tell of the time before.
    pub before: Before,
}

/// What keeps the programs attached: dropping it detaches those that nobody else keeps.
pub enum Links {
    /// Of programs that this daemon attached.
    Own(Vec<(&'static str, Link)>),
    /// Of programs that an earlier one did.
    Kept {
        /// Held, and closed with this.
        _fds: Vec<OwnedFd>,
    },
}

impl Links {
    /// Leaves the programs attached for as long as somebody else keeps them.
    pub fn leave(self) {
        if let Links::Own(links) = self {
            for (_, mut link) in links {
                // Otherwise libbpf would switch off what is behind the descriptor.
                link.disconnect();
            }
        }
    }
}

/// Takes over what an earlier daemon left, or loads and attaches everything that works here.
/// `last_seq` is the number of the last event that is safe in the journal.
pub fn load(
    config: &Config,
    host: &Host,
    place: &Place,
    last_seq: u64,
) -> Result<Loaded, LoadError> {
    host::prepare()?;
    libbpf_rs::set_print(Some((PrintLevel::Debug, log_libbpf)));
    let programs = takeover::fingerprint(config, host);
    let mut earlier = None;
    let mut is_unreadable = false;
    if let Some(kept) = place.take() {
        let names: Vec<String> = kept.keys().cloned().collect();
        match Earlier::open(kept) {
            Some(found) if found.progress.programs() == programs => {
                match takeover::take_over(config, host, found, last_seq) {
                    Ok(loaded) => return Ok(loaded),
                    Err((error, found)) => {
                        tracing::warn!("cannot take over the kernel programs: {error}");
                        earlier = Some(found);
                    }
                }
            }
            found => earlier = found,
        }
        if earlier.is_none() {
            tracing::warn!("what another version of the sensor left cannot be read");
            place.clear(names.iter().map(String::as_str));
            is_unreadable = true;
        }
    }
    let mut loaded = load_anew(config, host, place, last_seq, programs, earlier)?;
    if is_unreadable {
        let now_ns = clock::boot_ns();
        loaded.before.lost.push(takeover::blind(Absence {
            begin_ns: now_ns,
            end_ns: now_ns,
        }));
    }
    Ok(loaded)
}

fn load_anew(
    config: &Config,
    host: &Host,
    place: &Place,
    last_seq: u64,
    programs: u64,
    earlier: Option<Earlier>,
) -> Result<Loaded, LoadError> {
    let mut broken = absent::programs();
    broken.extend(refused_inner(host, &broken));
    let mut hooks = choose(|program| broken.get(program).cloned());
    let mut skel = match open_and_load(config, host, &hooks) {
        Ok(skel) => skel,
        Err(_) => {
            // One bad program fails the whole object: find out which.
            broken = refused(host);
            hooks = choose(|program| broken.get(program).cloned());
            open_and_load(config, host, &hooks).map_err(LoadError::Refused)?
        }
    };
    let muted = Muted::new(&skel.maps, &config.filter).map_err(LoadError::Refused)?;
    let mut attendance = Attendance::of(&skel.maps.bss, config.lease()).map_err(refused_by)?;
    attendance.begin();
    let (progress, memory) = Progress::create(programs).map_err(LoadError::Refused)?;
    let mut repeats =
        Repeats::new(&skel.maps, progress, host.page_bytes).map_err(LoadError::Refused)?;
    if config.aggregation_window_ms > 0 {
        repeats.begin().map_err(LoadError::Refused)?;
    }
    let first = progress.note_drain([0, 0], clock::boot_ns());
    progress.number_drain(first, Some(last_seq));
    // What another version of the programs wrote ends where ours begins.
    let until_ns = clock::boot_ns();
    let earlier = earlier.map(|earlier| earlier.detach(place));
    let links = attach(&mut skel, &mut hooks);
    if links.is_empty() {
        return Err(LoadError::NoHooks);
    }
    progress.leave_note(&takeover::note_of(&hooks));
    let kept = takeover::keep(place, &skel, &links, &memory);
    let mut before = Before {
        gap_reason: kept.err(),
        ..Before::default()
    };
    before.replace(earlier, until_ns, last_seq, host);
    Ok(Loaded {
        skel,
        links: Links::Own(links),
        hooks,
        repeats,
        muted,
        attendance,
        progress,
        before,
    })
}

/// Finds out which hooks work here, and leaves nothing attached.
pub fn probe() -> Result<Vec<HookStatus>, LoadError> {
    let host = Host::read()?;
    let place = Place::Nowhere(String::new());
    load(&Config::default(), &host, &place, 0).map(|loaded| loaded.hooks)
}

/// The functions of inner hooks are tried one by one beforehand: whether a kernel lets them
/// be patched cannot be read off anywhere.
fn refused_inner(host: &Host, absent: &Broken) -> Broken {
    HOOKS
        .iter()
        .filter(|hook| hook.tier == Tier::Inner && !absent.contains_key(hook.program))
        .filter_map(|hook| {
            let (_, function) = hook.attach_point.split_once('/')?;
            let reason = try_function(function, host)?;
            Some((hook.program, reason))
        })
        .collect()
}

/// Attaches a program that does nothing to a function; says why that fails, if it does.
fn try_function(function: &str, host: &Host) -> Option<String> {
    const PROGRAM: &str = "try_function";
    let mut storage = MaybeUninit::uninit();
    let result = open(&mut storage, &least(), host, &[], |name| name == PROGRAM)
        .and_then(|mut skel| {
            let program = &mut skel.progs.try_function;
            program.set_attach_target(0, Some(function.to_owned()))?;
            skel.load()
        })
        .and_then(|skel| attach_one(&skel, PROGRAM).map(drop));
    result.err().map(|error| short(&error))
}

/// The least that a trial needs.
fn least() -> Config {
    Config {
        priority_ring_bytes: 1 << 20,
        bulk_ring_bytes: 1 << 20,
        ..Config::default()
    }
}

fn refused(host: &Host) -> Broken {
    let programs: BTreeSet<&str> = HOOKS.iter().map(|h| h.program).collect();
    programs
        .into_iter()
        .filter_map(|program| try_one(program, host).map(|reason| (program, reason)))
        .collect()
}

/// Loads and attaches one program alone; says why that fails, if it does.
fn try_one(program: &str, host: &Host) -> Option<String> {
    let mut storage = MaybeUninit::uninit();
    let result = open(&mut storage, &least(), host, &[], |name| name == program)
        .and_then(OpenSkel::load)
        .and_then(|skel| match calls::looks_at_calls(program) {
            true => Ok(()),
            false => attach_one(&skel, program).map(drop),
        });
    result.err().map(|error| short(&error))
}

pub(super) fn open<'obj>(
    storage: &'obj mut MaybeUninit<OpenObject>,
    config: &Config,
    host: &Host,
    hooks: &[HookStatus],
    wanted: impl Fn(&str) -> bool,
) -> libbpf_rs::Result<OpenSentinelSkel<'obj>> {
    let mut builder = SentinelSkelBuilder::default();
    if host::btf_path() != "/sys/kernel/btf/vmlinux" {
        builder.obj_builder.btf_custom_path(host::btf_path())?;
    }
    let mut skel = builder.open(storage)?;
    skel.maps
        .priority_ring
        .set_max_entries(config.priority_ring_bytes)?;
    skel.maps
        .bulk_ring
        .set_max_entries(config.bulk_ring_bytes)?;
    if let Some(rodata) = skel.maps.rodata_data.as_deref_mut() {
        rodata.knobs = types::sentinel_knobs {
            pidns_inum: host.pidns_inum,
            tells_modules: hooks.iter().any(tells_of_success).into(),
        };
        rodata.calls = calls::tables(hooks).numbers;
    }
    for mut program in skel.open_object_mut().progs_mut() {
        let load = program.name().to_str().is_some_and(&wanted);
        program.set_autoload(load);
    }
    Ok(skel)
}

/// The calls then tell of failures, and of nothing else.
fn tells_of_success(status: &HookStatus) -> bool {
    calls::tells_success_only(status.hook.program) && status.state == HookState::Running
}

fn open_and_load(
    config: &Config,
    host: &Host,
    hooks: &[HookStatus],
) -> libbpf_rs::Result<SentinelSkel<'static>> {
    // The object lives as long as the daemon, which loads it once.
    let storage = Box::leak(Box::new(MaybeUninit::uninit()));
    open(storage, config, host, hooks, |name| {
        let runs = |hook: &HookStatus| hook.state == HookState::Running;
        hooks.iter().any(|h| {
            let is_called = calls::looks_at_calls(h.hook.program);
            runs(h) && (h.hook.program == name || (is_called && name == calls::DISPATCHER))
        })
    })?
    .load()
}

/// Attaches the chosen programs; a failure is written into the hook's state. Those for
/// calls are put behind the dispatcher, which is attached in their place.
fn attach(skel: &mut SentinelSkel<'static>, hooks: &mut [HookStatus]) -> Vec<(&'static str, Link)> {
    let mut links = Vec::new();
    let programs = calls::tables(hooks).programs;
    if !programs.is_empty() {
        let dispatched =
            dispatch(skel, &programs).and_then(|()| attach_one(skel, calls::DISPATCHER));
        match dispatched {
            Ok(link) => links.push((calls::DISPATCHER, link)),
            Err(error) => hooks
                .iter_mut()
                .filter(|h| calls::looks_at_calls(h.hook.program))
                .filter(|h| h.state == HookState::Running)
                .for_each(|h| h.state = HookState::Failed(short(&error))),
        }
    }
    // A program may make several observations; it is attached once.
    let mut attached: BTreeMap<&str, HookState> = BTreeMap::new();
    let wanted = |h: &&mut HookStatus| {
        h.state == HookState::Running && !calls::looks_at_calls(h.hook.program)
    };
    for status in hooks.iter_mut().filter(wanted) {
        let program = status.hook.program;
        let state = attached
            .entry(program)
            .or_insert_with(|| match attach_one(skel, program) {
                Ok(link) => {
                    links.push((program, link));
                    HookState::Running
                }
                Err(error) => HookState::Failed(short(&error)),
            });
        status.state = state.clone();
    }
    links
}

/// Puts the programs for calls where the dispatcher finds them, each under the numbers of
/// the calls that it looks at. The kernel empties that table when the last process that
/// holds it ends, unless it is pinned.
fn dispatch(
    skel: &SentinelSkel<'_>,
    programs: &BTreeMap<u32, &'static str>,
) -> libbpf_rs::Result<()> {
    for (call, name) in programs {
        let program = skel
            .object()
            .progs_mut()
            .find(|program| program.name() == *name);
        let program = program.ok_or_else(|| no_program(name))?;
        let fd = program.as_fd().as_raw_fd();
        skel.maps
            .call_programs
            .update(&call.to_ne_bytes(), &fd.to_ne_bytes(), MapFlags::ANY)?;
    }
    Ok(())
}

fn no_program(name: &str) -> libbpf_rs::Error {
    std::io::Error::new(
        std::io::ErrorKind::NotFound,
        format!("the object has no program {name}"),
    )
    .into()
}

fn attach_one(skel: &SentinelSkel<'_>, name: &str) -> libbpf_rs::Result<Link> {
    let program = skel
        .object()
        .progs_mut()
        .find(|program| program.name() == name);
    match program {
        Some(program) => program.attach(),
        None => Err(no_program(name)),
    }
}

fn refused_by(error: std::io::Error) -> LoadError {
    LoadError::Refused(error.into())
}

/// What the kernel's answer means, where it has a meaning worth telling.
fn short(error: &libbpf_rs::Error) -> String {
    let text = format!("{error}");
    if text.contains("os error 1)") {
        "the kernel refuses it (EPERM)".to_owned()
    } else if text.contains("os error 13)") {
        "the verifier refuses it (EACCES)".to_owned()
    } else if text.contains("os error 3)") || error.kind() == libbpf_rs::ErrorKind::NotFound {
        absent::ABSENT.to_owned()
    } else if text.contains("os error 22)") {
        "this kernel is too old for it (EINVAL)".to_owned()
    } else {
        text
    }
}

fn log_libbpf(level: PrintLevel, text: String) {
    let text = text.trim_end();
    match level {
        PrintLevel::Warn => tracing::debug!(target: "libbpf", "{text}"),
        PrintLevel::Info | PrintLevel::Debug => tracing::trace!(target: "libbpf", "{text}"),
    }
}

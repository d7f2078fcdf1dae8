//! Programs that an earlier daemon left attached: the same ones go on under this daemon,
//! others are read to their end and removed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use libbpf_rs::skel::{OpenSkel, Skel};
use libbpf_rs::{Link, MapCore, MapHandle};
use sentinel_event::{Flags, Lost, Ring};
use sentinel_process::{Actor, Observed, What};

use super::attendance::{Absence, Attendance};
use super::calls::{self, CALLS};
use super::filter::Muted;
use super::hooks::{HOOKS, HookState, HookStatus};
use super::keep::{Kept, LAST, Place, orphans};
use super::load::{Links, Loaded, open};
use super::progress::Progress;
use super::repeats::Repeats;
use super::resume::{Resumed, resume};
use super::shared::Positions;
use super::skel::{OpenSentinelSkel, SentinelSkel};
use super::stats::{CELLS, KINDS, kind_of};
use super::{Config, Host};
use crate::clock;

const MAP: &str = "map_";
const LINK: &str = "link_";

/// What there is to tell of the time before this daemon.
#[derive(Default)]
pub struct Before {
    /// Since when what follows may have been told to nobody, in nanoseconds since boot, where
    /// programs were taken over.
    pub since_ns: Option<u64>,
    /// Events that nobody will ever tell.
    pub lost: Vec<Observed>,
    /// Rings of other programs, to be read to their end.
    pub rings: Option<SentinelSkel<'static>>,
    /// Records in them that are older are told.
    pub until_ns: u64,
    /// Why a crash of this daemon leaves a gap, if it does.
    pub gap_reason: Option<String>,
}

/// What an earlier daemon left.
pub struct Earlier {
    kept: Kept,
    pub progress: Progress,
}

impl Earlier {
    /// `None` when it is of a version of which nothing is known.
    pub fn open(kept: Kept) -> Option<Earlier> {
        let progress = Progress::open(kept.get(LAST)?)?;
        Some(Earlier { kept, progress })
    }

    /// Detaches the programs; what they wrote can still be read.
    pub fn detach(mut self, place: &Place) -> Earlier {
        place.clear(self.kept.keys().map(String::as_str));
        self.kept.retain(|name, _| !name.starts_with(LINK));
        self
    }

    fn map(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.kept.get(&map_name(name)).map(AsFd::as_fd)
    }
}

/// Tells programs that this daemon would load from others: their code, and all that is
/// fixed once they are loaded.
pub fn fingerprint(config: &Config, host: &Host) -> u64 {
    let mut hasher = DefaultHasher::new();
    env!("SENTINEL_PROGRAMS").hash(&mut hasher);
    format!("{HOOKS:?}").hash(&mut hasher);
    format!("{CALLS:?}").hash(&mut hasher);
    config.priority_ring_bytes.hash(&mut hasher);
    config.bulk_ring_bytes.hash(&mut hasher);
    host.pidns_inum.hash(&mut hasher);
    hasher.finish()
}

/// What became of each hook, for the daemon that takes over.
pub fn note_of(hooks: &[HookStatus]) -> Vec<u8> {
    let rows: Vec<(usize, &str, &str)> = hooks
        .iter()
        .filter_map(|status| {
            let index = HOOKS.iter().position(|hook| *hook == status.hook)?;
            Some((index, status.state.name(), status.state.reason()))
        })
        .collect();
    serde_json::to_vec(&rows).unwrap_or_default()
}

fn hooks_of(note: &[u8]) -> Option<Vec<HookStatus>> {
    let rows: Vec<(usize, String, String)> = serde_json::from_slice(note).ok()?;
    let status = |(index, state, reason): (usize, String, String)| {
        let state = match &*state {
            "running" => HookState::Running,
            "off" => HookState::Off(reason),
            _ => HookState::Failed(reason),
        };
        Some(HookStatus {
            hook: *HOOKS.get(index)?,
            state,
        })
    };
    rows.into_iter().map(status).collect()
}

/// Leaves the objects for the next daemon; says why a crash leaves a gap, if it does.
pub fn keep(
    place: &Place,
    skel: &SentinelSkel<'_>,
    links: &[(&'static str, Link)],
    memory: &MapHandle,
) -> Result<(), String> {
    let mut objects: Vec<(String, BorrowedFd<'_>)> = Vec::new();
    let object = skel.object();
    let maps: Vec<_> = object.maps().collect();
    for map in &maps {
        objects.push((map_name(&map.name().to_string_lossy()), map.as_fd()));
    }
    for (program, link) in links {
        objects.push((format!("{LINK}{program}"), link.as_fd()));
    }
    objects.push((LAST.to_owned(), memory.as_fd()));
    place.put(&objects)
}

/// The BPF file system takes no dots.
fn map_name(name: &str) -> String {
    format!("{MAP}{}", name.replace('.', "_"))
}

/// Goes on with the programs of an earlier daemon, which are those that this one would
/// load. Gives them back when that fails.
pub fn take_over(
    config: &Config,
    host: &Host,
    earlier: Earlier,
    last_seq: u64,
) -> Result<Loaded, (String, Earlier)> {
    match try_take_over(config, host, &earlier, last_seq) {
        Ok(loaded) => {
            let links = earlier.kept.into_iter();
            let links = links.filter(|(name, _)| name.starts_with(LINK));
            Ok(Loaded {
                links: Links::Kept {
                    _fds: links.map(|(_, fd)| fd).collect(),
                },
                ..loaded
            })
        }
        Err(error) => Err((error, earlier)),
    }
}

fn try_take_over(
    config: &Config,
    host: &Host,
    earlier: &Earlier,
    last_seq: u64,
) -> Result<Loaded, String> {
    let progress = earlier.progress;
    let hooks = hooks_of(&progress.note()).ok_or("the note about its hooks is not readable")?;
    let missing = hooks
        .iter()
        .filter(|status| status.state == HookState::Running)
        .find(|status| {
            let program = match calls::looks_at_calls(status.hook.program) {
                true => calls::DISPATCHER,
                false => status.hook.program,
            };
            let name = format!("{LINK}{program}");
            !earlier.kept.contains_key(&name)
        });
    if let Some(status) = missing {
        return Err(format!("{} is not attached any more", status.hook.program));
    }
    let bss = earlier.kept.iter().find(|(name, _)| name.ends_with("_bss"));
    let (_, bss) = bss.ok_or("its variables are gone")?;
    let mut attendance = Attendance::of(bss, config.lease()).map_err(|error| error.to_string())?;
    // Before anything else, so that the lease does not end while that is done, and what
    // this daemon does for it is not told.
    let absence = attendance.begin();
    let skel = skeleton_over(config, host, |name| {
        let fd = earlier.map(name);
        fd.map(Some)
            .ok_or_else(|| format!("its map {name} is gone"))
    })?;
    let sizes = [config.priority_ring_bytes, config.bulk_ring_bytes].map(u64::from);
    let rings = positions(&skel, host).map_err(|error| error.to_string())?;
    let resumed = resume(progress, rings, sizes, last_seq);
    if resumed.is_uncertain {
        let number = progress.note_drain(rings.map(|ring| ring.consumer()), clock::boot_ns());
        progress.number_drain(number, Some(last_seq));
    }
    let refused = |error: libbpf_rs::Error| error.to_string();
    let mut repeats = Repeats::new(&skel.maps, progress, host.page_bytes).map_err(refused)?;
    let aggregates = config.aggregation_window_ms > 0;
    repeats.go_on(aggregates).map_err(refused)?;
    let muted = Muted::new(&skel.maps, &config.filter).map_err(refused)?;
    let mut lost = losses(&resumed);
    lost.extend(absence.map(blind));
    tracing::info!(
        "took over the kernel programs of an earlier run, with {} bytes to read",
        rings.iter().map(Positions::waiting).sum::<u64>()
    );
    Ok(Loaded {
        skel,
        links: Links::Kept { _fds: Vec::new() },
        hooks,
        repeats,
        muted,
        attendance,
        progress,
        before: Before {
            since_ns: Some(resumed.since_ns),
            lost,
            ..Before::default()
        },
    })
}

/// The longest lease that can be set, with some time to spare.
const STALE_NS: u64 = 2 * 3_600_000_000_000;

/// Removes programs that no daemon will come back for: those whose data folder is gone, and
/// those that nobody has read for so long that they do nothing any more.
pub fn remove_stale() {
    for orphan in orphans() {
        let memory = orphan.take().remove(LAST);
        let slots = memory.and_then(Progress::open).map(|p| p.slots());
        let read_ns = slots.and_then(|slots| slots.last().map(|slot| slot.time_ns));
        let is_old = read_ns.is_none_or(|ns| clock::boot_ns().saturating_sub(ns) > STALE_NS);
        if is_old || !orphan.data_dir.exists() {
            tracing::info!(
                "removing {}, left by a daemon that is gone",
                orphan.path.display()
            );
            orphan.remove();
        }
    }
}

/// The positions of both rings.
pub fn positions(skel: &SentinelSkel<'_>, host: &Host) -> std::io::Result<[Positions; 2]> {
    Ok([
        Positions::of(&skel.maps.priority_ring, host.page_bytes)?,
        Positions::of(&skel.maps.bulk_ring, host.page_bytes)?,
    ])
}

/// A skeleton of no programs, over maps that exist. `map` says which; those of which it
/// says `None` are made anew.
fn skeleton_over<'fd>(
    config: &Config,
    host: &Host,
    map: impl Fn(&str) -> Result<Option<BorrowedFd<'fd>>, String>,
) -> Result<SentinelSkel<'static>, String> {
    let refused = |error: libbpf_rs::Error| error.to_string();
    // The object lives as long as the daemon.
    let storage = Box::leak(Box::new(MaybeUninit::uninit()));
    let mut skel: OpenSentinelSkel<'static> =
        open(storage, config, host, &[], |_| false).map_err(refused)?;
    for mut own in skel.open_object_mut().maps_mut() {
        let name = own.name().to_string_lossy().into_owned();
        if let Some(fd) = map(&name)? {
            own.reuse_fd(fd).map_err(refused)?;
        }
    }
    skel.load().map_err(refused)
}

impl Before {
    /// What an earlier daemon of other programs left, which ended at `until_ns`.
    pub fn replace(&mut self, earlier: Option<Earlier>, until_ns: u64, last_seq: u64, host: &Host) {
        let Some(earlier) = earlier else { return };
        // Between the end of the one and the beginning of the other nobody saw anything.
        let mut gap = Absence {
            begin_ns: until_ns,
            end_ns: clock::boot_ns(),
        };
        match Before::rings_of(&earlier, last_seq, host) {
            Ok((skel, resumed)) => {
                tracing::info!("reading what other kernel programs of an earlier run wrote");
                self.lost.extend(losses(&resumed));
                self.rings = Some(skel);
                self.until_ns = until_ns;
            }
            Err(error) => {
                tracing::warn!("cannot read what an earlier run of the sensor left: {error}");
                let slots = earlier.progress.slots();
                let safe = slots.iter().filter(|slot| slot.last_seq.is_some());
                let since_ns = safe.map(|slot| slot.time_ns).max();
                gap.begin_ns = since_ns.unwrap_or(until_ns).min(until_ns);
            }
        }
        self.lost.push(blind(gap));
    }

    fn rings_of(
        earlier: &Earlier,
        last_seq: u64,
        host: &Host,
    ) -> Result<(SentinelSkel<'static>, Resumed), String> {
        if !earlier.progress.is_readable() {
            return Err("its records are of another version".to_owned());
        }
        let skel = skeleton_over(&Config::default(), host, |name| {
            Ok(earlier.map(name).filter(|_| name.ends_with("_ring")))
        })?;
        let rings = positions(&skel, host).map_err(|error| error.to_string())?;
        let sizes = [
            skel.maps.priority_ring.max_entries(),
            skel.maps.bulk_ring.max_entries(),
        ];
        let resumed = resume(earlier.progress, rings, sizes.map(u64::from), last_seq);
        Ok((skel, resumed))
    }
}

/// A time in which nothing was seen, as an event.
pub fn blind(absence: Absence) -> Observed {
    lost_event(absence.begin_ns, absence.end_ns, None, None, 0)
}

/// What a daemon took that was killed before it was safe, as events.
fn losses(resumed: &Resumed) -> Vec<Observed> {
    let now_ns = clock::boot_ns();
    let since_ns = resumed.since_ns;
    let mut events: Vec<Observed> = (0..CELLS)
        .filter(|cell| resumed.lost[*cell] > 0)
        .map(|cell| {
            let ring = Ring::ALL[cell / KINDS];
            let kind = kind_of((cell % KINDS) as u16);
            lost_event(since_ns, now_ns, Some(ring), kind, resumed.lost[cell])
        })
        .collect();
    if resumed.is_uncertain {
        events.push(lost_event(now_ns, now_ns, None, None, 0));
    }
    events
}

/// An interval in which events were lost; both ends are counted since boot.
pub fn lost_event(
    begin_ns: u64,
    end_ns: u64,
    ring: Option<Ring>,
    kind: Option<sentinel_event::Kind>,
    count: u64,
) -> Observed {
    Observed {
        time_ns: begin_ns,
        actor: Actor::default(),
        result: 0,
        flags: Flags::default(),
        count: 1,
        what: What::Lost(Lost {
            ring,
            kind,
            count,
            until_ns: clock::wall_of_boot_ns() + end_ns as i64,
        }),
    }
}

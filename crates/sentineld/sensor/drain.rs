//! Drains the rings on a thread of its own and hands on batches in time order.

use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapHandle, RingBuffer, RingBufferBuilder};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sentinel_event::Ring;
use sentinel_process::Observed;

use super::decode::{decode, kind_number};
use super::keep::Place;
use super::load::{Links, Loaded, load};
use super::progress::{Mark, Progress};
use super::repeats::exited;
use super::shared::Positions;
use super::skel::SentinelSkel;
use super::stats::{KINDS, Stats, kind_of};
use super::takeover::{self, Before, lost_event};
use super::{Config, FilterSwitch, HookStatus, Host, LoadError};
use crate::{clock, privileges};

/// Batches that may wait between the draining thread and the pipeline. A full queue
/// stops the draining, so that a loss happens in the rings, where it is counted.
const QUEUE_BATCHES: usize = 16;
/// Records taken from a ring before the other one gets its turn.
const TURN_RECORDS: usize = 2048;
/// Turns that the priority ring gets in a row, so that whoever floods it cannot make a
/// batch grow without end.
const PRIORITY_TURNS_MAX: usize = 4;
/// A pause after each drain that found something: it lets a batch gather instead of
/// waking up once per record.
const GATHER: Duration = Duration::from_millis(4);
/// Drains at the end, where the programs go on writing.
const LAST_TURNS: usize = 16;
const LOSS_INTERVAL: Duration = Duration::from_secs(1);

/// A running sensor. Dropping it detaches all programs.
pub struct Sensor {
    /// What became of each hook.
    pub hooks: Vec<HookStatus>,
    /// Its counters.
    pub stats: Arc<Stats>,
    /// Changes its filter.
    pub filter: FilterSwitch,
    /// What it saw; ends when the sensor stops.
    pub observations: Receiver<Drained>,
    /// Why a crash of this daemon leaves a gap; `None` when the next daemon goes on where it
    /// stopped.
    pub gap_reason: Option<String>,
    /// Since when its first observations were made by programs that an earlier daemon left,
    /// in nanoseconds since boot.
    pub since_ns: Option<u64>,
    /// How far its progress is kept.
    pub progress: Mark,
    stop: Stop,
}

/// What one drain of the rings gave.
pub struct Drained {
    /// Sorted by time.
    pub observed: Vec<Observed>,
    /// Wants to know the number of the last event that is made of them, or of the last
    /// before, when there is none.
    pub mark: Option<Mark>,
}

/// What outlives the daemon.
pub struct Keeping {
    /// Where the kernel's objects wait for the next daemon.
    pub place: Place,
    /// The number of the last event that is safe in the journal.
    pub last_seq: u64,
}

/// Stops the sensor's thread.
struct Stop {
    flag: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sensor {
    /// Loads and attaches on the caller's thread, so that failure is an error and not
    /// silence, then starts to drain. In between `attached` is called, so that it can
    /// read what privileges are needed for; after it this process holds none that only
    /// loading takes.
    pub fn start(
        config: &Config,
        host: &Host,
        keeping: Keeping,
        attached: impl FnOnce(),
    ) -> Result<Sensor, LoadError> {
        let Keeping { place, last_seq } = keeping;
        let mut loaded = load(config, host, &place, last_seq)?;
        let gap_reason = loaded.before.gap_reason.take();
        let since_ns = loaded.before.since_ns;
        let progress = Mark::new(loaded.progress, 0);
        let counters =
            MapHandle::try_from(&loaded.skel.maps.counters).map_err(LoadError::Refused)?;
        let sizes = [
            config.priority_ring_bytes.into(),
            config.bulk_ring_bytes.into(),
        ];
        let stats = Arc::new(Stats::new(counters, loaded.progress, sizes));
        attached();
        privileges::give_up(|| stats.are_readable())?;
        let flag = Arc::new(AtomicBool::new(false));
        let (sender, observations) = sync_channel(QUEUE_BATCHES);
        let hooks = loaded.hooks.clone();
        let filter = loaded.muted.switch();
        let thread = {
            let (stats, flag, host) = (Arc::clone(&stats), Arc::clone(&flag), host.clone());
            let rhythm = Rhythm {
                drain: Duration::from_millis(config.drain_interval_ms.into()),
                window: Duration::from_millis(config.aggregation_window_ms.into()),
            };
            thread::Builder::new()
                .name("sensor".into())
                .spawn(move || run(loaded, &place, &stats, &flag, &sender, rhythm, &host))
                .map_err(|error| LoadError::Refused(error.into()))?
        };
        Ok(Sensor {
            hooks,
            stats,
            filter,
            observations,
            gap_reason,
            since_ns,
            progress,
            stop: Stop {
                flag,
                thread: Some(thread),
            },
        })
    }

    /// What makes the sensor stop; setting it detaches the programs, drains what the
    /// rings still hold, and ends `observations`.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop.flag)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.flag.store(true, Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sensor's thread ended with a panic");
        }
    }
}

/// How often something is looked at.
#[derive(Clone, Copy)]
struct Rhythm {
    /// The rings.
    drain: Duration,
    /// What the kernel counts; zero for never.
    window: Duration,
}

fn run(
    loaded: Loaded,
    place: &Place,
    stats: &Arc<Stats>,
    stop: &AtomicBool,
    sender: &SyncSender<Drained>,
    rhythm: Rhythm,
    host: &Host,
) {
    let Loaded {
        skel,
        links,
        mut repeats,
        mut muted,
        mut attendance,
        progress,
        before,
        ..
    } = loaded;
    let rings = Rings::open(&skel, host, Some(progress), stats);
    let Ok(rings) = rings else {
        tracing::error!("cannot map the rings into memory; nothing will be seen");
        return;
    };
    if !tell_before(before, host, stats, sender) {
        return;
    }
    let mut losses = Losses::new(stats, progress);
    let mut links = Some(links);
    let mut more = false;
    let mut turns_left = LAST_TURNS;
    loop {
        let stopping = stop.load(Relaxed);
        if !stopping {
            if !more {
                wait(&rings.priority, &rings.bulk, rhythm.drain);
            }
        } else if let Some(links) = links.take() {
            match place.outlives_the_end() {
                // What comes from now on is for the next daemon, if there is one.
                true => links.leave(),
                // Detach first: what is in the rings then is all there will ever be.
                false => detach(links, place),
            }
        }
        muted.look();
        stats.set_used_bytes(Ring::Priority, rings.positions[0].waiting());
        stats.set_used_bytes(Ring::Bulk, rings.positions[1].waiting());
        more = drain(&rings.priority, &rings.bulk);
        turns_left = turns_left.saturating_sub(usize::from(stopping));
        let is_last = stopping && (!more || (place.outlives_the_end() && turns_left == 0));
        let mut batch = rings.batch.borrow_mut();
        batch.extend(attendance.keep_up().map(takeover::blind));
        losses.report(stopping, &mut batch);
        let mut observed = std::mem::take(&mut *batch);
        drop(batch);
        if !stopping {
            let exited = exited(&observed);
            repeats.flush(rhythm.window, exited, stats, &mut observed);
        } else if is_last && !place.outlives_the_end() {
            repeats.finish(&mut observed);
        }
        let found = !observed.is_empty();
        if found {
            observed.sort_by_key(|o| o.time_ns);
            let number =
                progress.note_drain(rings.positions.map(|r| r.consumer()), clock::boot_ns());
            repeats.note_drain(number);
            let mark = Some(Mark::new(progress, number));
            if sender.send(Drained { observed, mark }).is_err() {
                return;
            }
        }
        if is_last {
            return;
        }
        if found && !more {
            thread::sleep(GATHER);
        }
    }
}

/// Detaches the programs for good.
fn detach(links: Links, place: &Place) {
    place.clear(std::iter::empty());
    drop(links);
}

/// Tells what happened before this daemon, as far as that is not in its own rings. Says
/// whether anybody listens.
fn tell_before(
    before: Before,
    host: &Host,
    stats: &Arc<Stats>,
    sender: &SyncSender<Drained>,
) -> bool {
    let send = |mut observed: Vec<Observed>| {
        observed.sort_by_key(|o| o.time_ns);
        let mark = None;
        observed.is_empty() || sender.send(Drained { observed, mark }).is_ok()
    };
    if let Some(skel) = &before.rings {
        let Ok(rings) = Rings::open(skel, host, None, stats) else {
            tracing::error!("cannot map the rings of an earlier run into memory");
            return true;
        };
        let mut more = true;
        while more {
            more = drain(&rings.priority, &rings.bulk);
            let mut observed = std::mem::take(&mut *rings.batch.borrow_mut());
            // What is younger is in our own rings, too. Those programs did not know whose
            // work it is to replace them.
            let own = std::process::id();
            observed.retain(|o| o.time_ns <= before.until_ns && o.actor.pid != own);
            if !send(observed) {
                return false;
            }
        }
    }
    send(before.lost)
}

/// Takes a turn at both rings; says whether either has more than fitted into the turn.
///
/// The bulk ring first: whatever it holds was written after the exec or fork that made
/// its process, which is then certain to be in the priority ring by the time it is read.
fn drain(priority: &RingBuffer<'_>, bulk: &RingBuffer<'_>) -> bool {
    let full = TURN_RECORDS as i32;
    let bulk_full = bulk.consume_raw_n(TURN_RECORDS) == full;
    let mut turns = 0;
    while turns < PRIORITY_TURNS_MAX && priority.consume_raw_n(TURN_RECORDS) == full {
        turns += 1;
    }
    bulk_full || turns > 0
}

fn wait(priority: &RingBuffer<'_>, bulk: &RingBuffer<'_>, interval: Duration) {
    // SAFETY: both descriptors belong to ring buffers that outlive this call.
    let fds = unsafe {
        [
            BorrowedFd::borrow_raw(priority.epoll_fd()),
            BorrowedFd::borrow_raw(bulk.epoll_fd()),
        ]
    };
    let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    let timeout = PollTimeout::try_from(interval).unwrap_or(PollTimeout::MAX);
    // An interrupted wait is as good as one that ended by itself.
    let _ = poll(&mut fds, timeout);
}

/// Both rings, and where what is read in them goes.
struct Rings {
    priority: RingBuffer<'static>,
    bulk: RingBuffer<'static>,
    positions: [Positions; 2],
    batch: Rc<RefCell<Vec<Observed>>>,
}

impl Rings {
    /// Those of a loaded object. What is read is counted in `progress`.
    fn open(
        skel: &SentinelSkel<'_>,
        host: &Host,
        progress: Option<Progress>,
        stats: &Arc<Stats>,
    ) -> libbpf_rs::Result<Rings> {
        let positions = takeover::positions(skel, host)?;
        let batch = Rc::new(RefCell::new(Vec::new()));
        let page_bytes = host.page_bytes;
        let open = |ring: Ring, map: &dyn MapCore| {
            let (batch, stats) = (Rc::clone(&batch), Arc::clone(stats));
            let position = positions[ring as usize];
            let take = move |record: &[u8]| {
                if let (Some(kind), Some(progress)) = (kind_number(record), progress) {
                    progress.consume(ring, kind, position.consumer());
                }
                match decode(record, page_bytes) {
                    Some(observed) => batch.borrow_mut().push(observed),
                    None => stats.count_undecodable(),
                }
                0
            };
            let mut builder = RingBufferBuilder::new();
            builder.add(map, take)?;
            builder.build()
        };
        Ok(Rings {
            priority: open(Ring::Priority, &skel.maps.priority_ring)?,
            bulk: open(Ring::Bulk, &skel.maps.bulk_ring)?,
            positions,
            batch,
        })
    }
}

/// Turns the growth of the loss counters into events.
struct Losses<'a> {
    stats: &'a Stats,
    progress: Progress,
    looked: Instant,
    looked_ns: u64,
}

impl<'a> Losses<'a> {
    fn new(stats: &'a Stats, progress: Progress) -> Losses<'a> {
        // What was lost while there was no daemon is told from where the last one looked.
        let slots = progress.slots();
        let looked_ns = slots
            .last()
            .map_or_else(clock::boot_ns, |slot| slot.time_ns);
        Losses {
            stats,
            progress,
            looked: Instant::now(),
            looked_ns,
        }
    }

    fn report(&mut self, now: bool, out: &mut Vec<Observed>) {
        if !now && self.looked.elapsed() < LOSS_INTERVAL {
            return;
        }
        let (lost, until_ns) = (self.stats.lost(), clock::boot_ns());
        let mut account = self.progress.account(self.progress.account_number());
        let before = out.len();
        for (cell, total) in lost.iter().enumerate() {
            let count = total.saturating_sub(account.told[cell]);
            if count > 0 {
                let (ring, kind) = (Ring::ALL[cell / KINDS], kind_of((cell % KINDS) as u16));
                let event = lost_event(self.looked_ns, until_ns, Some(ring), kind, count);
                out.push(event);
            }
        }
        if out.len() > before {
            account.told = lost;
            self.progress.set_account(&account);
        }
        self.looked = Instant::now();
        self.looked_ns = until_ns;
    }
}

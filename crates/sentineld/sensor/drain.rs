//! Drains the rings on a thread of its own and hands on batches in time order.

use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use libbpf_rs::{AsRawLibbpf, MapHandle, RingBuffer, RingBufferBuilder};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sentinel_event::{Flags, Lost, Ring};
use sentinel_process::{Actor, Observed, What};

use super::decode::{decode, kind_number};
use super::load::{Loaded, load};
use super::repeats::exited;
use super::stats::{KINDS, Stats, kind_of};
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
const LOSS_INTERVAL: Duration = Duration::from_secs(1);

/// A running sensor. Dropping it detaches all programs.
pub struct Sensor {
    /// What became of each hook.
    pub hooks: Vec<HookStatus>,
    /// Its counters.
    pub stats: Arc<Stats>,
    /// Changes its filter.
    pub filter: FilterSwitch,
    /// What it saw, in batches sorted by time; ends when the sensor stops.
    pub observations: Receiver<Vec<Observed>>,
    stop: Stop,
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
        attached: impl FnOnce(),
    ) -> Result<Sensor, LoadError> {
        let loaded = load(config, host)?;
        let counters =
            MapHandle::try_from(&loaded.skel.maps.counters).map_err(LoadError::Refused)?;
        let sizes = [
            config.priority_ring_bytes.into(),
            config.bulk_ring_bytes.into(),
        ];
        let stats = Arc::new(Stats::new(counters, sizes));
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
                .spawn(move || run(loaded, &stats, &flag, &sender, rhythm, host.page_bytes))
                .map_err(|error| LoadError::Refused(error.into()))?
        };
        Ok(Sensor {
            hooks,
            stats,
            filter,
            observations,
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
    stats: &Arc<Stats>,
    stop: &AtomicBool,
    sender: &SyncSender<Vec<Observed>>,
    rhythm: Rhythm,
    page_bytes: u64,
) {
    let Loaded {
        skel,
        links,
        mut repeats,
        mut muted,
        ..
    } = loaded;
    let batch = Rc::new(RefCell::new(Vec::new()));
    let rings = Ring::ALL.map(|ring| open_ring(&skel.maps, ring, &batch, stats, page_bytes));
    let [Ok(priority), Ok(bulk)] = rings else {
        tracing::error!("cannot map the rings into memory; nothing will be seen");
        return;
    };
    let mut losses = Losses::new(stats);
    let mut links = Some(links);
    let mut more = false;
    loop {
        let stopping = stop.load(Relaxed);
        if stopping {
            // Detach first: what is in the rings then is all there will ever be.
            links.take();
        } else if !more {
            wait(&priority, &bulk, rhythm.drain);
        }
        muted.look();
        stats.set_used_bytes(Ring::Priority, waiting_bytes(&priority));
        stats.set_used_bytes(Ring::Bulk, waiting_bytes(&bulk));
        more = drain(&priority, &bulk);
        losses.report(stopping, &mut batch.borrow_mut());
        let mut observed = std::mem::take(&mut *batch.borrow_mut());
        if !stopping {
            let exited = exited(&observed);
            repeats.flush(rhythm.window, exited, stats, &mut observed);
        } else if !more {
            repeats.finish(&mut observed);
        }
        let found = !observed.is_empty();
        if found {
            observed.sort_by_key(|o| o.time_ns);
            if sender.send(observed).is_err() {
                return;
            }
        }
        if stopping && !more {
            return;
        }
        if found && !more {
            thread::sleep(GATHER);
        }
    }
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

/// Bytes that the ring holds now.
fn waiting_bytes(ring: &RingBuffer<'_>) -> u64 {
    // SAFETY: the ring buffer is alive and has exactly one ring, the one numbered 0.
    unsafe {
        let ring = libbpf_sys::ring_buffer__ring(ring.as_libbpf_object().as_ptr(), 0);
        libbpf_sys::ring__avail_data_size(ring) as u64
    }
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

fn open_ring(
    maps: &super::skel::SentinelMaps<'_>,
    ring: Ring,
    batch: &Rc<RefCell<Vec<Observed>>>,
    stats: &Arc<Stats>,
    page_bytes: u64,
) -> libbpf_rs::Result<RingBuffer<'static>> {
    let (batch, stats) = (Rc::clone(batch), Arc::clone(stats));
    let take = move |record: &[u8]| {
        if let Some(kind) = kind_number(record) {
            stats.count_received(ring, kind);
        }
        match decode(record, page_bytes) {
            Some(observed) => batch.borrow_mut().push(observed),
            None => stats.count_undecodable(),
        }
        0
    };
    let map = match ring {
        Ring::Priority => &maps.priority_ring,
        Ring::Bulk => &maps.bulk_ring,
    };
    let mut builder = RingBufferBuilder::new();
    builder.add(map, take)?;
    builder.build()
}

/// Turns the growth of the loss counters into events.
struct Losses<'a> {
    stats: &'a Stats,
    known: [[u64; KINDS]; 2],
    looked: Instant,
    looked_ns: u64,
}

impl<'a> Losses<'a> {
    fn new(stats: &'a Stats) -> Losses<'a> {
        Losses {
            stats,
            known: stats.lost(),
            looked: Instant::now(),
            looked_ns: clock::boot_ns(),
        }
    }

    fn report(&mut self, now: bool, out: &mut Vec<Observed>) {
        if !now && self.looked.elapsed() < LOSS_INTERVAL {
            return;
        }
        let (lost, until_ns) = (self.stats.lost(), clock::boot_ns());
        for ring in Ring::ALL {
            for (number, total) in lost[ring as usize].iter().enumerate() {
                let count = total - self.known[ring as usize][number];
                if count > 0 {
                    out.push(Observed {
                        time_ns: self.looked_ns,
                        actor: Actor::default(),
                        result: 0,
                        flags: Flags::default(),
                        count: 1,
                        what: What::Lost(Lost {
                            ring: Some(ring),
                            kind: kind_of(number as u16),
                            count,
                            until_ns: clock::wall_of_boot_ns() + until_ns as i64,
                        }),
                    });
                }
            }
        }
        self.known = lost;
        self.looked = Instant::now();
        self.looked_ns = until_ns;
    }
}

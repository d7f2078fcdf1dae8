//! `sentinel run`: puts the parts together and takes them apart again.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use sentinel_detect::Engine;
use sentinel_process::{Enricher, Table};
use sentinel_store::{Store, Writer, reader};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::acknowledgements::Acknowledgements;
use crate::allow::Allowed;
use crate::audit::Audit;
use crate::config::Config;
use crate::coverage::CoverageFile;
use crate::hub::Hub;
use crate::identity::Identity;
use crate::journald::AlertLog;
use crate::learning::{Learning, LearningBoard};
use crate::mode::ModeFile;
use crate::pipeline::{Judges, KnownAlerts};
use crate::procfs::Procfs;
use crate::rules::{Book, Page, Rules};
use crate::sensor::{Host, Keeping, Place, Sensor, check_privileges, tasks};
use crate::service::{self, Door, Facts, Socket};
use crate::settings::Settings;
use crate::source::{Live, Observations};
use crate::{clock, console, journald, metrics, notify, pipeline, rules, sensor};

/// How often what allow rules suppressed is put on the disk.
const COUNTS_INTERVAL: Duration = Duration::from_secs(60);

/// Runs the daemon until a signal ends it.
pub fn run(settings: Settings, with_console: bool) -> Result<()> {
    let config = settings.config.clone();
    journald::set_level(config.log_level);
    check_privileges()?;
    sensor::bound_kept_memory();
    let host = Host::read()?;
    // In the order of what is cheapest to refuse: the socket tells of a second daemon
    // before the data folder is touched, the folder before the kernel is.
    let socket = Socket::bind(&config.service.socket)?;
    config.check_files(&settings.file)?;
    let tcp = service::bind_tcp(&config.service.tcp)?;
    let metrics = metrics::bind(&config.metrics)?;
    let (store, problems) = Store::open(&config.data_dir, &host.name, config.store.clone())?;
    for problem in problems {
        tracing::warn!("{problem}");
    }
    let mode = Arc::new(ModeFile::open(&config.data_dir)?);
    let audit = Audit::open(&config.data_dir)?;
    let acknowledgements = Acknowledgements::open(&config.data_dir)?;
    let coverage = CoverageFile::open(&config.data_dir)?;
    let allowed = Arc::new(Allowed::open(&config.data_dir)?);
    let rules = rules::read(&config.rules);
    let book = Arc::new(Book::default());
    book.turn_to(Page::of(&rules.set, &rules.problems));
    // Until here there is one thread; those that are started from now on hold no
    // capability that is not in use.
    let mut seeds = Vec::new();
    sensor::remove_stale();
    let keeping = Keeping {
        place: Place::choose(&config.data_dir),
        last_seq: store.last_stored_event(),
    };
    let sensor = Sensor::start(&config.sensor, &host, keeping, || {
        let tasks = tasks(&host);
        seeds = Procfs::new().all(&tasks);
    })?;
    let (event_seq, alert_seq) = store.last_seq();
    let writer = Arc::new(Writer::start(store).context("cannot start the store's thread")?);
    let hub = Arc::new(Hub::new(alert_seq));
    let log = Arc::new(AlertLog::start().context("cannot start the log's thread")?);
    let identity =
        Identity::start(&config.identity).context("cannot start the thread for digests")?;
    let board = Arc::new(LearningBoard::default());
    let facts = Arc::new(Facts {
        learning: Arc::clone(&board),
        started_ns: clock::unix_ns(),
        started: Instant::now(),
        hooks: sensor.hooks.clone(),
        gap_reason: sensor.gap_reason.clone(),
        sensor: Arc::clone(&sensor.stats),
        identity: Box::new(identity.stats()),
        filter: sensor.filter.clone(),
        hub: Arc::clone(&hub),
        mode: Arc::clone(&mode),
        settings: Mutex::new(settings),
        audit,
        acknowledgements,
        coverage,
        allowed: Arc::clone(&allowed),
        rules: Arc::clone(&book),
        door: Arc::new(Door::new(&config.service)),
        tls: tcp.as_ref().map(service::TcpListener::tls),
        writer: Arc::clone(&writer),
        log: Arc::clone(&log),
        host: host.clone(),
    });
    let stop_sensor = sensor.stop_flag();
    let table = Table::new(
        host.boot_id,
        clock::wall_of_boot_ns(),
        config.sensor.processes_max as usize,
    );
    let source = Live::new(
        Observations {
            observations: sensor.observations,
            since_ns: sensor.since_ns,
            progress: sensor.progress,
        },
        Enricher::new(table, event_seq + 1),
        seeds,
        identity,
    );
    let learn = config.learn.clone();
    let judges = Judges {
        engine: Engine::new(&config.detect),
        learning: Learning::open(&config.data_dir, learn, mode, board)?,
        rules: Rules::new(rules.set, book),
        allowed: Arc::clone(&allowed),
    };
    let known = known_alerts(&config.data_dir, alert_seq);
    let ended = CancellationToken::new();
    let pipeline = {
        let (hub, writer, log) = (Arc::clone(&hub), Arc::clone(&writer), Arc::clone(&log));
        // Dropped when the pipeline ends for whatever reason, a panic included.
        let ended = ended.clone().drop_guard();
        thread::Builder::new()
            .name("pipeline".into())
            .spawn(move || {
                let _ended = ended;
                pipeline::run(source, judges, &hub, &writer, &log, known)
            })
            .context("cannot start the pipeline's thread")?
    };
    let since = Instant::now();
    let listeners = ((socket, tcp), metrics);
    let served = serve(&config, listeners, Arc::clone(&facts), with_console, &ended);
    notify::stopping();
    stop_sensor.store(true, Relaxed);
    let piped = pipeline
        .join()
        .map_err(|_| anyhow!("the pipeline ended with a panic"));
    keep_counts(&allowed);
    if with_console {
        console::sum_up(&facts, since.elapsed());
    }
    drop(facts);
    let stored = match Arc::into_inner(writer) {
        Some(writer) => writer.stop().context("cannot close the store"),
        None => Err(anyhow!("the store is still in use and was not closed")),
    };
    served.and(piped).and(stored)
}

/// Puts on the disk what allow rules suppressed; a disk that would not have it keeps nothing
/// else from being done.
fn keep_counts(allowed: &Allowed) {
    if let Err(error) = allowed.keep_counts() {
        tracing::warn!("what allow rules suppressed is not kept: {error:#}");
    }
}

/// The ids of the latest alerts in the store.
fn known_alerts(data_dir: &Path, last_seq: u64) -> KnownAlerts {
    const LATEST: u64 = 10_000;
    let after_seq = last_seq.saturating_sub(LATEST);
    let stored = match reader::alerts_after(data_dir, after_seq, LATEST as usize) {
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!("cannot read earlier alerts, some may be raised again: {error}");
            Vec::new()
        }
    };
    KnownAlerts::new(stored.into_iter().map(|alert| alert.id), last_seq)
}

/// Where the control plane listens.
type Sockets = (Socket, Option<service::TcpListener>);

/// Serves the control plane until a signal asks to stop.
fn serve(
    config: &Config,
    (sockets, metrics): (Sockets, Option<metrics::Listener>),
    facts: Arc<Facts>,
    with_console: bool,
    pipeline_ended: &CancellationToken,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("service")
        .enable_all()
        .build()
        .context("cannot start the control plane's threads")?;
    let result = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
        let service = tokio::spawn({
            let (config, facts) = (config.service.clone(), Arc::clone(&facts));
            let shutdown = shutdown.clone();
            async move { service::serve(&config, sockets, facts, shutdown.cancelled()).await }
        });
        if with_console {
            console::greet(&facts, &config.service.socket);
            tokio::spawn(console::show(Arc::clone(&facts.hub)));
        }
        if let Some(listener) = metrics {
            let facts = Arc::clone(&facts);
            tokio::spawn(async move {
                if let Err(error) = metrics::serve(listener, facts).await {
                    tracing::error!(target: "health", "metrics are not served: {error:#}");
                }
            });
        }
        notify::ready(&facts);
        tokio::spawn(notify::keep_alive(Arc::clone(&facts)));
        let mut minute = tokio::time::interval(COUNTS_INTERVAL);
        tokio::pin!(service);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    let facts = Arc::clone(&facts);
                    tokio::task::spawn_blocking(move || service::reload_by_signal(&facts));
                }
                _ = minute.tick() => {
                    let allowed = Arc::clone(&facts.allowed);
                    tokio::task::spawn_blocking(move || keep_counts(&allowed));
                }
                () = pipeline_ended.cancelled() => {
                    // A daemon that sees nothing must not look as if it did.
                    return Err(anyhow!("the sensor or the pipeline ended by itself"));
                }
                ended = &mut service => {
                    return ended.context("the control plane ended with a panic")?;
                }
            }
        }
        shutdown.cancel();
        // A client that holds its stream open must not hold up the end.
        let _ = tokio::time::timeout(Duration::from_secs(1), service).await;
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

//! From an event to a row of features, and from the event into the tables: always in this
//! order, so that no event is judged by its own count.

use std::f32::consts::TAU;

use sentinel_event::{Connection, ExecId, Process};

use crate::arguments::{self, Words};
use crate::hash::{pair, text};
use crate::identity;
use crate::live::{Image, Live};
use crate::moment::{DAY_NS, HOUR_NS, MINUTE_NS, Moment};
use crate::profile::Profile;
use crate::relation::{BITS_MAX, Seen, bits};
use crate::schema::*;
use crate::tables::{HOST, Tables};

/// A program that was never seen is one of so many.
const PROGRAMS: f64 = 65_536.0;
const FOLDERS: f64 = 4_096.0;
const UNITS: f64 = 65_536.0;
const ORIGINS: f64 = 65_536.0;
const PORTS: f64 = 4_096.0;

/// Who did it, as keys of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) program: u64,
    pub(crate) parent: u64,
    pub(crate) grandparent: u64,
    pub(crate) unit: u64,
    pub(crate) folder: u64,
    pub(crate) user: u64,
    pub(crate) tree: u64,
    pub(crate) tty: bool,
    /// It comes with a package, or was approved, so it needs no quarantine.
    pub(crate) trusted: bool,
}

/// A program start, measured and not yet learned.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) row: Row,
    pub(crate) keys: Keys,
    words: Words,
    login: Option<(ExecId, u64)>,
}

/// A connection, measured and not yet learned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contact {
    pub(crate) row: Row,
    pub(crate) program: u64,
    pub(crate) tree: u64,
    pub(crate) port: u64,
    pub(crate) network: u64,
    scope: u64,
    /// As with a program start.
    pub(crate) trusted: bool,
}

/// The keys of a process; names that are new are remembered.
pub(crate) fn keys(process: &Process, live: &mut Live, tables: &mut Tables) -> Keys {
    let mut program = |process: Option<&Process>| {
        let Some(process) = process else {
            return HOST;
        };
        live.text.clear();
        let key = live.program(process);
        if !live.text.is_empty() {
            tables.name(key, &live.text);
        }
        key
    };
    let parent = process.parent.as_deref();
    let (program, parent, grandparent) = (
        program(Some(process)),
        program(parent),
        program(parent.and_then(|parent| parent.parent.as_deref())),
    );
    identity::write_unit(process, &mut live.text);
    let unit = text(&live.text);
    tables.name(unit, &live.text);
    let user = identity::user(process);
    if tables.named(user).is_none() {
        tables.name(user, &identity::user_name(process));
    }
    Keys {
        program,
        parent,
        grandparent,
        unit,
        folder: text(identity::directory(&process.exe)),
        user,
        tree: identity::tree_key(process),
        tty: process.tty.is_some(),
        trusted: identity::from_package(process),
    }
}

/// Measures a program start.
pub(crate) fn start(process: &Process, live: &mut Live, tables: &mut Tables, at: &Moment) -> Start {
    let keys = keys(process, live, tables);
    let (shape, words) = arguments::look(&process.argv);
    let mut row = [0.0; COLUMNS];
    let Keys {
        program, parent, ..
    } = keys;
    let overall = tables
        .programs
        .probability(HOST, program, 1.0 / PROGRAMS, at);
    let child = tables.parents.probability(parent, program, overall, at);
    row[PC] = bits(child);
    let above = pair(keys.grandparent, parent);
    row[GPC] = tables.grandparents.surprise(above, program, child, at);
    row[UNIT] = tables
        .units
        .surprise(keys.unit, program, overall.min(1.0 / UNITS.sqrt()), at);
    row[DEPTH] = process.ancestors().count().min(16) as f32;
    row[EXE] = bits(overall);
    row[DIR] = tables
        .folders
        .surprise(HOST, keys.folder, 1.0 / FOLDERS, at);
    row[PATH] = f32::from(identity::path_flags(process));
    row[USER] = tables.users.surprise(keys.user, program, overall, at);
    row[PRIV] = rights(process);
    row[ARG_LENGTH] = shape.length;
    row[ARG_ENTROPY] = shape.entropy;
    row[ARG_SYMBOLS] = shape.symbols;
    row[ARG_LONGEST] = shape.longest;
    row[ARG_TOP3] = words.top3(&tables.words, program, at);
    let login = measure_login(process, live, tables, at, keys.user);
    row[ORIGIN] = login.map_or(0.0, |(_, _, bits)| bits);
    measure_sequence(&mut row, live, tables, &keys);
    measure_time(&mut row, tables, &keys, at);
    measure_counts(&mut row, process, live, tables, &keys, at);
    row[SERVED] = f32::from(u8::from(live.served(process, at.time_ns)));
    Start {
        row,
        keys,
        words,
        login: login.map(|(id, network, _)| (id, network)),
    }
}

/// Rights that differ from those of who started it.
fn rights(process: &Process) -> f32 {
    let parent_uid = process
        .parent
        .as_ref()
        .map_or(process.uid, |parent| parent.uid);
    let facts = [
        process.euid != process.uid,
        process.file.mode & 0o4000 != 0,
        process.uid == 0 && parent_uid != 0,
    ];
    facts
        .into_iter()
        .map(|fact| f32::from(u8::from(fact)))
        .sum()
}

/// The first program of a login tells where it came from; later ones say nothing new.
fn measure_login(
    process: &Process,
    live: &Live,
    tables: &Tables,
    at: &Moment,
    user: u64,
) -> Option<(ExecId, u64, f32)> {
    let (id, accepted) = live.login(process).filter(|(_, a)| !a.counted)?;
    let network = identity::network(accepted.peer);
    let base = 1.0 / ORIGINS;
    Some((
        id,
        network,
        tables.origins.surprise(user, network, base, at),
    ))
}

fn measure_sequence(row: &mut Row, live: &Live, tables: &Tables, keys: &Keys) {
    let none = Default::default();
    let tree = live.trees.get(&keys.tree).unwrap_or(&none);
    let surprise = tables
        .sequences
        .0
        .surprise(tree.context(), keys.program as u32);
    row[SEQ] = surprise.min(BITS_MAX);
    row[SEQ_TOP3] = tree.top3(row[SEQ]);
}

fn measure_time(row: &mut Row, tables: &Tables, keys: &Keys, at: &Moment) {
    let angle = (at.time_ns.rem_euclid(DAY_NS)) as f32 / DAY_NS as f32 * TAU;
    (row[HOUR_SIN], row[HOUR_COS]) = angle.sin_cos();
    let user = tables.user_hours.get(keys.user);
    row[USER_HOUR] = user.map_or_else(
        || bits(1.0 / 24.0),
        |user| user.hours.surprise(at.hour, &tables.host_hours),
    );
    let none = Profile::default();
    let profile = tables.profiles.get(keys.program).unwrap_or(&none);
    row[HOUR] = profile.hours.surprise(at.hour, &tables.host_hours);
    row[DOW] = profile.day_surprise(&tables.host_workdays, at);
    row[GAP] = profile
        .pause_now(at, tables.gap_ns)
        .map_or(0.0, |pause| profile.pause.z(pause));
    row[AGE] = if profile.runs > 0 {
        ((at.time_ns - profile.first_ns).max(0) as f32 / DAY_NS as f32).ln_1p()
    } else {
        0.0
    };
}

fn measure_counts(
    row: &mut Row,
    process: &Process,
    live: &Live,
    tables: &Tables,
    keys: &Keys,
    at: &Moment,
) {
    let none = Profile::default();
    let profile = tables.profiles.get(keys.program).unwrap_or(&none);
    row[TTY] = Profile::either(&profile.ttys, keys.tty, at);
    let minutes = tables.minutes[crate::rates::class(at)];
    let (minute, hour) = (at.time_ns / MINUTE_NS, at.time_ns / HOUR_NS);
    row[RATE_MINUTE] = profile.minute.tail(minute, at, minutes);
    row[RATE_HOUR] = profile.hour.tail(hour, at, minutes / 60.0);
    row[HOST_RATE] = tables.host_minute.tail(minute, at, minutes);
    if let Some(parent) = &process.parent {
        let known = tables
            .profiles
            .get(keys.parent)
            .map(|parent| parent.children);
        let children = live.children(parent, at.time_ns) as f32;
        row[FANOUT] = known.map_or(0.0, |known| known.z(children.ln_1p()));
    }
}

/// Counts a program start. `learn` is false for what must not become normal; what the
/// process is, is remembered all the same.
pub(crate) fn learn_start(
    start: &Start,
    process: &Process,
    live: &mut Live,
    tables: &mut Tables,
    at: &Moment,
    learn: bool,
) -> Seen {
    let Keys {
        program,
        parent,
        trusted,
        ..
    } = start.keys;
    let image = Image {
        row: start.row,
        program,
        connected: false,
    };
    live.images.insert(process.exec_id, image);
    let (tree, gone) = live.trees.entry(start.keys.tree, Default::default);
    let context = tree.tokens;
    let length = tree.length.min(context.len());
    let whole = tree.push(program as u32, start.row[SEQ], learn);
    let ended = gone.and_then(|(key, mut tree)| Some((key, tree.end()?)));
    let whole = whole.map(|order| (start.keys.tree, order));
    for (tree, order) in ended.into_iter().chain(whole) {
        tables.chains.offer(at.day, tree, &order);
    }
    let burst = process
        .parent
        .as_ref()
        .and_then(|parent| live.count_child(parent, at.time_ns));
    if let Some(accepted) = start.login.and_then(|(id, _)| live.accepted.get_mut(&id)) {
        accepted.counted = true;
    }
    tables.host_minute.count(at.time_ns / MINUTE_NS, at);
    if !learn {
        return Seen::Quarantined;
    }
    let seen = tables.parents.observe(parent, program, at, trusted);
    tables.programs.observe(HOST, program, at, trusted);
    let above = pair(start.keys.grandparent, parent);
    tables.grandparents.observe(above, program, at, trusted);
    tables.units.observe(start.keys.unit, program, at, trusted);
    tables.folders.observe(HOST, start.keys.folder, at, trusted);
    tables.users.observe(start.keys.user, program, at, trusted);
    start.words.learn(&mut tables.words, program, at, trusted);
    if let Some((_, network)) = start.login {
        tables.origins.observe(start.keys.user, network, at, false);
    }
    let context = &context[context.len() - length..];
    tables.sequences.0.observe(context, program as u32);
    tables.host_hours.learn(at);
    tables.learn_day(at);
    tables.learn_user_hour(start.keys.user, at);
    let gap_ns = tables.gap_ns;
    let (profile, _) = tables.profiles.entry(program, Profile::default);
    profile.learn_run(at, start.keys.tty, gap_ns);
    if let Some(profile) = tables.profiles.get_mut(parent).filter(|_| burst.is_some()) {
        profile.children.learn((burst.unwrap_or(0) as f32).ln_1p());
    }
    seen
}

/// Measures a connection that was begun.
pub(crate) fn contact(
    process: &Process,
    connection: &Connection,
    live: &mut Live,
    tables: &mut Tables,
    at: &Moment,
) -> Contact {
    let image = image(process, live, tables, at);
    let program = image.program;
    let peer = connection.peer.ip();
    let (network, scope) = (identity::network(peer), identity::scope(peer));
    let port = identity::port(connection.peer.port());
    let mut row = image.row;
    let none = Profile::default();
    let profile = tables.profiles.get(program).unwrap_or(&none);
    row[NET] = profile.net_surprise(at);
    let any_port = tables.ports.probability(HOST, port, 1.0 / PORTS, at);
    row[PORT] = tables.ports.surprise(program, port, any_port, at);
    let networks = [1.0, 4.0, 256.0, 256.0, 65_536.0][scope as usize];
    let of_scope = tables.scopes.probability(program, scope, 0.25, at);
    let anywhere = tables
        .networks
        .probability(HOST, network, 1.0 / networks, at);
    row[DEST] = tables.networks.surprise(
        program,
        network,
        (of_scope * anywhere.max(1.0 / networks)).min(1.0),
        at,
    );
    let new = live.new_networks(program, at.time_ns)
        + u32::from(tables.networks.counts(program, network).pair == 0);
    row[NEW_DESTS] = (new as f32).ln_1p();
    row[SERVED] = f32::from(u8::from(live.served(process, at.time_ns)));
    Contact {
        row,
        program,
        tree: identity::tree_key(process),
        port,
        network,
        scope,
        trusted: identity::from_package(process),
    }
}

/// The row of the image that a process runs: its own, that of the process it is a copy
/// of, or made now for one that began before anybody watched.
fn image(process: &Process, live: &mut Live, tables: &mut Tables, at: &Moment) -> Image {
    let known = std::iter::once(process)
        .chain(process.ancestors().take(8).map(|ancestor| &**ancestor))
        .take_while(|ancestor| ancestor.exe == process.exe)
        .find_map(|ancestor| live.images.get(&ancestor.exec_id).copied());
    if let Some(image) = known {
        return image;
    }
    let start = start(process, live, tables, at);
    let image = Image {
        row: start.row,
        program: start.keys.program,
        connected: false,
    };
    live.images.insert(process.exec_id, image);
    image
}

/// Counts a connection.
pub(crate) fn learn_contact(
    contact: &Contact,
    process: &Process,
    live: &mut Live,
    tables: &mut Tables,
    at: &Moment,
    learn: bool,
) -> Seen {
    let Contact {
        program,
        port,
        network,
        scope,
        trusted,
        ..
    } = *contact;
    if tables.networks.counts(program, network).pair == 0 {
        live.count_new_network(program, at.time_ns);
    }
    if !learn {
        return Seen::Quarantined;
    }
    let image = live.images.get(&process.exec_id).copied();
    if let Some(profile) = tables.profiles.get_mut(program) {
        profile.connections = profile.connections.saturating_add(1);
        if image.is_none_or(|image| !image.connected) {
            profile.connects += at.weight;
        }
    }
    if let Some(image) = image {
        live.images.insert(
            process.exec_id,
            Image {
                connected: true,
                ..image
            },
        );
    }
    tables.ports.observe(HOST, port, at, trusted);
    tables.ports.observe(program, port, at, trusted);
    tables.scopes.observe(program, scope, at, true);
    tables.networks.observe(HOST, network, at, trusted);
    tables.networks.observe(program, network, at, trusted)
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;

//! Clients that mean no good, or are broken, at the socket of this host and at the network's:
//! memory stays bounded, and events flow.

mod door;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use sentinel_api::v1::sentinel_client::SentinelClient;
use sentinel_api::v1::{EventUpdate, GetModeRequest, StreamEventsRequest};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status, Streaming};

use door::{Door, Doors};

use crate::support::{Daemon, Follow, PATIENCE, Trigger};

/// What all abuse together may add to the daemon's memory: the history's row groups and
/// the process table grow too, whatever clients do.
const GROWTH_MIB_MAX: u64 = 256;

/// The rings are large so that only clients, and not other programs on a busy machine, could
/// be why something is lost. Their memory is the kernel's and not counted here.
const LARGE_RINGS: &str = "[sensor]\npriority_ring_bytes = 67108864\nbulk_ring_bytes = 67108864\n";

/// What the daemon has allocated.
fn memory_mib(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .expect("a number")
        / 1024
}

/// Carries bytes as they are, whatever the service expects.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(out, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        let left = bytes::Buf::remaining(from);
        bytes::Buf::advance(from, left);
        Ok(Some(()))
    }
}

/// Calls with arbitrary bytes; the code of the answer.
async fn call_raw(door: &Door, path: &'static str, bytes: Vec<u8>) -> Code {
    let channel = door.connect().await.expect("connects");
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("is ready");
    let path = PathAndQuery::from_static(path);
    match client.unary(Request::new(bytes), path, Raw).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A client that behaves still gets what happens now.
fn events_flow(follow: &Follow) {
    let trigger = Trigger::new();
    let path = trigger.path();
    trigger.run(&["exit", "0"]);
    follow.find("event of the trigger", |event| {
        event["exe"] == path.as_str()
    });
}

#[test]
fn malformed_and_giant_messages_are_refused_one_by_one() {
    let test = "malformed_and_giant_messages_are_refused_one_by_one";
    if let Some(daemon) = Daemon::start(test) {
        let door = Door::of_host(&daemon);
        malformed_and_giant(&daemon, &door);
        daemon.stop();
    }
}

#[test]
fn malformed_and_giant_messages_from_afar_are_refused_one_by_one() {
    let test = "malformed_and_giant_messages_from_afar_are_refused_one_by_one";
    if let Some(doors) = Doors::open(test, "") {
        malformed_and_giant(doors.daemon(), &doors.of_admin());
        doors.stop();
    }
}

fn malformed_and_giant(daemon: &Daemon, door: &Door) {
    let before = memory_mib(daemon);
    runtime().block_on(async {
        let set_mode = "/sentinel.v1.Sentinel/SetMode";
        let list = "/sentinel.v1.Sentinel/ListAlerts";
        // A field that ends too early, a wire type that does not exist, a length without end,
        // and text that is not UTF-8.
        for bytes in [
            vec![0x08],
            vec![0x0f, 0xff],
            vec![0x12, 0xff, 0xff, 0xff, 0xff, 0x0f],
            vec![0x12, 0x02, 0xff, 0xfe],
        ] {
            let code = call_raw(door, list, bytes.clone()).await;
            assert!(
                matches!(code, Code::Internal | Code::InvalidArgument),
                "{bytes:?}: {code:?}"
            );
        }
        assert_eq!(
            call_raw(door, set_mode, vec![0x08, 0x63]).await,
            Code::InvalidArgument
        );
        for _ in 0..20 {
            let code = call_raw(door, set_mode, vec![0; 64 << 20]).await;
            assert!(
                matches!(code, Code::OutOfRange | Code::ResourceExhausted),
                "{code:?}"
            );
        }
        let unknown = call_raw(door, "/sentinel.v1.Sentinel/Explode", vec![]).await;
        assert_eq!(unknown, Code::Unimplemented);
    });
    check_growth(daemon, before, "by messages");
    assert_eq!(daemon.ctl_json(&["--json", "mode"])["mode"], "learn");
}

/// How much more memory it takes than before.
fn check_growth(daemon: &Daemon, before: u64, what: &str) {
    let grown = memory_mib(daemon).saturating_sub(before);
    println!("memory grew by {grown} MiB {what}");
    assert!(grown < GROWTH_MIB_MAX, "memory grew by {grown} MiB {what}");
}

const STREAMS: usize = 1000;
const CONNECTIONS: usize = 25;

/// Waits until the daemon has noticed that earlier connections are gone: until so many
/// can be open at once.
async fn room_for(door: &Door, connections: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut open = Vec::new();
        for _ in 0..connections {
            let Ok(channel) = door.connect().await else {
                break;
            };
            // Whether there is a place shows with the first call.
            let asked = SentinelClient::new(channel.clone())
                .get_mode(GetModeRequest {})
                .await;
            if asked.is_err() {
                break;
            }
            open.push(channel);
        }
        if open.len() == connections {
            return;
        }
        assert!(Instant::now() < deadline, "only {} found room", open.len());
        drop(open);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn a_thousand_idle_streams_and_a_flood_of_connections_are_bounded() {
    let test = "a_thousand_idle_streams_and_a_flood_of_connections_are_bounded";
    if let Some(daemon) = Daemon::start(test) {
        let door = Door::of_host(&daemon);
        idle_streams_and_flood(&daemon, &door);
        daemon.stop();
    }
}

#[test]
fn a_thousand_idle_streams_and_a_flood_of_connections_from_afar_are_bounded() {
    let test = "a_thousand_idle_streams_and_a_flood_of_connections_from_afar_are_bounded";
    if let Some(doors) = Doors::open(test, "") {
        idle_streams_and_flood(doors.daemon(), &doors.of_reader());
        doors.stop();
    }
}

fn idle_streams_and_flood(daemon: &Daemon, door: &Door) {
    let follow = Follow::start(daemon, &["--json", "events", "--follow", "--kind", "exec"]);
    let before = memory_mib(daemon);
    // They send nothing, and stay.
    let flood = door.flood(500);
    events_flow(&follow);
    drop(flood);
    let runtime = runtime();
    // As many as are opened below.
    runtime.block_on(room_for(door, CONNECTIONS));
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let mut open: Vec<Streaming<EventUpdate>> = Vec::new();
    runtime.block_on(async {
        for _ in 0..CONNECTIONS {
            let Ok(channel) = door.connect().await else {
                continue;
            };
            for _ in 0..STREAMS / CONNECTIONS {
                // Nothing has this path, so nothing is ever sent.
                let request = StreamEventsRequest {
                    exe_prefix: "/nothing/is/here".to_owned(),
                    ..StreamEventsRequest::default()
                };
                let mut client = SentinelClient::new(channel.clone());
                let answer = client.stream_events(request).await;
                let name = answer
                    .as_ref()
                    .map_or_else(|s| s.code().to_string(), |_| "open".into());
                *answers.entry(name).or_default() += 1;
                open.extend(answer.map(|stream| stream.into_inner()));
            }
        }
    });
    println!("of {STREAMS} streams: {answers:?}");
    assert!(
        open.len() >= 100 && open.len() <= 128,
        "{} are open",
        open.len()
    );
    events_flow(&follow);
    check_growth(daemon, before, "by idle streams");
    // When they leave, their places are free again.
    drop(open);
    runtime.block_on(room_for(door, CONNECTIONS));
    drop(runtime);
    let deadline = Instant::now() + PATIENCE;
    while !daemon.ctl(&["alerts"]).status.success() || !daemon.ctl(&["mode"]).status.success() {
        assert!(Instant::now() < deadline, "the places are not free again");
        std::thread::sleep(Duration::from_millis(100));
    }
    let status = daemon.ctl_json(&["--json", "status"]);
    assert!(
        status["access"]["turned_away_total"].as_u64() > Some(500),
        "{}",
        status["access"]
    );
}

#[test]
fn clients_that_stop_reading_hold_up_nobody() {
    let test = "clients_that_stop_reading_hold_up_nobody";
    if let Some(daemon) = Daemon::start_with(test, LARGE_RINGS) {
        let door = Door::of_host(&daemon);
        unread_streams(&daemon, &door);
        daemon.stop();
    }
}

#[test]
fn clients_from_afar_that_stop_reading_hold_up_nobody() {
    let test = "clients_from_afar_that_stop_reading_hold_up_nobody";
    if let Some(doors) = Doors::open(test, LARGE_RINGS) {
        unread_streams(doors.daemon(), &doors.of_reader());
        doors.stop();
    }
}

fn unread_streams(daemon: &Daemon, door: &Door) {
    let follow = Follow::start(daemon, &["--json", "events", "--follow", "--kind", "exec"]);
    let before = memory_mib(daemon);
    // It runs only while it is told to.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut unread: Vec<Streaming<EventUpdate>> = Vec::new();
    runtime.block_on(async {
        for _ in 0..2 {
            let channel = door.connect().await.expect("connects");
            for _ in 0..50 {
                let mut client = SentinelClient::new(channel.clone());
                let answer = client.stream_events(StreamEventsRequest::default()).await;
                unread.push(answer.expect("opens").into_inner());
            }
        }
    });
    // The clients' runtime stands still from here on: nothing is read from its sockets.
    let trigger = Trigger::new();
    for _ in 0..400 {
        trigger.run(&["exit", "0"]);
    }
    events_flow(&follow);
    check_growth(daemon, before, "by streams that nobody reads");
    let status = daemon.ctl_json(&["--json", "status"]);
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    drop(unread);
}

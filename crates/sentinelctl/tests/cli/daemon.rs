//! A daemon that answers what the test wants and remembers what it was asked.

mod fake;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use sentinel_api::v1::sentinel_server::SentinelServer;
use sentinel_api::v1::*;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

use fake::Fake;

/// What the daemon knows.
#[derive(Default)]
pub struct Knowledge {
    pub mode: Mutex<i32>,
    pub alerts: Vec<Alert>,
    pub events: Vec<EventUpdate>,
    /// Whether streams end after the last item instead of staying open.
    pub streams_end: bool,
    /// Whether changes are refused.
    pub read_only: bool,
    /// The requests so far, as their Debug text.
    pub asked: Mutex<Vec<String>>,
}

/// A running daemon; it ends when this is dropped.
pub struct Daemon {
    folder: TempDir,
    pub knowledge: Arc<Knowledge>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Daemon {
    pub fn start(knowledge: Knowledge) -> Daemon {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("sentinel.sock");
        let knowledge = Arc::new(knowledge);
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let service = SentinelServer::new(Fake(knowledge.clone()));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::bind(socket).expect("a socket");
                ready.send(()).expect("the test waits");
                let serve = Server::builder()
                    .add_service(service)
                    .serve_with_incoming(UnixListenerStream::new(listener));
                // Not gracefully: open streams would keep the test from ending.
                tokio::select! {
                    result = serve => result.expect("it serves"),
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().expect("the daemon starts");
        Daemon {
            folder,
            knowledge,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("sentinel.sock")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.knowledge.asked.lock().expect("not poisoned"))
    }

    /// Stops as a killed daemon does.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the daemon does not panic");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// 2023-11-14 22:13:20 UTC.
pub fn time() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_700_000_000,
        nanos: 0,
    })
}

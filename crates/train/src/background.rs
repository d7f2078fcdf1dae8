//! What makes training a guest on the host: whatever else wants the processor, the disk
//! or the memory comes first.
//!
//! Owns what the process asks of the kernel about itself, and nothing about training.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Processor time only while nobody else wants it, and so the disk, whose idle class
/// follows from that scheduling policy; first in the queue when memory runs out. A kernel
/// that refuses one of these leaves a process that is less modest and works the same.
pub fn yield_to_others() {
    // This one also sets niceness to 0, which is why it comes first.
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    let _ = nice(19);
    // Whoever starts us may be protected, and what it started is not worth that.
    let _ = std::fs::write("/proc/self/oom_score_adj", "900");
}

/// Holds the address space at `bytes`: an allocation beyond it ends the process, and with
/// it only this training run.
///
/// # Errors
/// Where a lower limit is in force already.
pub fn limit_memory(bytes: u64) -> Result<()> {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    setrlimit(Resource::As, limit).with_context(|| format!("cannot limit memory to {bytes} bytes"))
}

/// What candle's two pools of threads go by; it asks nothing but these.
const THREADS: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Keeps candle on one thread: its matrices are too small to gain from more, and sums are
/// then taken in one order on every machine. Without the variables, its second pool would wait
/// for work by turning in circles, and every operation would read /proc/cpuinfo: four fifths
/// of all processor time. A process cannot safely change its own environment while it runs, so
/// it begins anew.
///
/// # Errors
/// Where threads were started before.
pub fn use_one_thread() -> Result<()> {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    if THREADS.iter().any(|name| std::env::var_os(name).is_none()) {
        let one = THREADS.map(|name| (name, "1"));
        // By its path, as the kernel calls a process by the last part of it; by the other one
        // where that is a new program by now.
        let path = std::env::current_exe().unwrap_or_default();
        let args: Vec<OsString> = args.collect();
        for program in [path, PathBuf::from("/proc/self/exe")] {
            let mut again = Command::new(program);
            // Where this is refused, training works all the same, and slowly.
            let _ = again.arg0(&name).args(&args).envs(one).exec();
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    pool.build_global().context("cannot start a thread")
}

//! Events from elsewhere, one JSON object per line.
//!
//! This crate owns the text format and turns lines into the same
//! [`sentinel_event::Event`]s that the sensor makes: it sorts them ([`order`]),
//! follows processes through fork, exec and exit so that each event has its
//! ancestry ([`table`]), and says of each bad line what is wrong with it. It reads
//! from any [`std::io::BufRead`] and writes nothing; keeping the events is
//! `sentinel-store`'s work.
//!
//! # Format
//!
//! Every line has `time` (RFC 3339), `kind` and `pid`; `host`, `tid`, `ppid`, `exe`,
//! `uid`, `user`, `comm`, `result`, `count` and `flags` may stand on any. Further keys:
//!
//! | kind | keys, required ones first |
//! |---|---|
//! | `fork` | **`child`** |
//! | `exec`, `process` | **`exe`**, **`argv`**, `euid`, `gid`, `egid`, `auid`, `session`, `tty`, `tty_name`, `cwd`, `unit`, `container`, `cgroup`, `mnt_ns` and the other namespaces, `stdio`, `stdio_inode`, `stdio_local`, `stdio_peer`, `filename`, `interpreter`, `previous_exe`, `backing`, `cap_effective` |
//! | `exit` | `code`, `signal`, `run_ns`, `cpu_ns`, `peak_rss_bytes` |
//! | `connect`, `accept` | **`addr`**, **`port`**, `proto`, `local_addr`, `local_port`, `peer_port`, `inode` |
//! | `open`, `memfd` | **`path`**, `access`, `open_flags`, `fd`, `backing` |
//! | `mmap`, `mprotect`, `shmat` | **`prot`**, `path`, `backing`, `old_prot`, `map_flags`, `address`, `length` |
//! | `unlink`, `rename` and what else is done to files | **`path`**, for rename, link and symlink also **`to`**, `operation`, `argument`, `backing` |
//! | `ptrace`, `process_vm_writev` and what else is done to processes | **`target_pid`**, `target_exe`, `operation`, `argument`, `address`, `length` |
//! | `redirect` | **`fd`**, **`object`**, `old_fd`, `operation`, `object_inode`, `object_local`, `object_peer` |
//! | `bind`, `listen`, `close`, `send`, `dns` | **`port`**, **`local_addr`** (bind, listen) or **`addr`**, `proto`, `bytes_sent`, `bytes_received`, `run_ns`, `name`, `operation` |
//! | `credentials` | `operation`, `old_uid` and the like, `new_uid` and the like |
//! | `namespace`, `module`, `bpf`, `kexec`, `io_uring` | `operation`, `name`, `argument` |
//! | `lost` | `count`, `until`, `ring`, `lost_kind`; needs no `pid` |
//!
//! Lines with a file take its identity from `dev`, `inode`, `ctime`, `nlink`, `mode`
//! and `owner`. Columns that follow from others (`seq`, `exec_id`,
//! `ancestors` and the like) are accepted and ignored, so that exported events can be
//! read again; other keys are counted as unknown.

#![forbid(unsafe_code)]

mod action;
mod event;
mod fields;
mod line;
mod order;
mod read;
mod table;

pub use read::{BadLine, Importer, Report, read_all};

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The ABI between the kernel programs and the daemon: every record that crosses a
 * ring, every counter, every knob. Rust sees these types only through the
 * skeleton. Fixed-width integers, explicit padding, no bool, no bit fields; a
 * hole in the layout does not compile (-Wpadded around this header).
 *
 * All times are nanoseconds of CLOCK_BOOTTIME unless a comment says otherwise.
 * All addresses are in network byte order, all ports in host byte order.
 */
#ifndef SENTINEL_H
#define SENTINEL_H

#include "sentinel_calls.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

enum sentinel_kind {
	SENTINEL_KIND_NONE = 0,
	SENTINEL_KIND_EXEC = 1,
	SENTINEL_KIND_FORK = 2,
	SENTINEL_KIND_EXIT = 3,
	SENTINEL_KIND_CONNECT = 4,
	SENTINEL_KIND_ACCEPT = 5,
	SENTINEL_KIND_OPEN = 6,
	SENTINEL_KIND_MEMFD = 7,
	SENTINEL_KIND_MMAP = 8,
	SENTINEL_KIND_MPROTECT = 9,
	SENTINEL_KIND_BIND = 10,
	SENTINEL_KIND_LISTEN = 11,
	SENTINEL_KIND_CLOSE = 12,
	SENTINEL_KIND_SEND = 13,
	SENTINEL_KIND_DNS = 14,
	SENTINEL_KIND_UNIX_CONNECT = 15,
	SENTINEL_KIND_EXEC_FAILED = 16,
	SENTINEL_KIND_UNLINK = 17,
	SENTINEL_KIND_RENAME = 18,
	SENTINEL_KIND_LINK = 19,
	SENTINEL_KIND_SYMLINK = 20,
	SENTINEL_KIND_TRUNCATE = 21,
	SENTINEL_KIND_CHMOD = 22,
	SENTINEL_KIND_CHOWN = 23,
	SENTINEL_KIND_SETXATTR = 24,
	SENTINEL_KIND_MOUNT = 25,
	SENTINEL_KIND_UMOUNT = 26,
	SENTINEL_KIND_SHMAT = 27,
	SENTINEL_KIND_REDIRECT = 28,
	SENTINEL_KIND_PTRACE = 29,
	SENTINEL_KIND_PROCESS_WRITE = 30,
	SENTINEL_KIND_PROCESS_READ = 31,
	SENTINEL_KIND_PROCESS_MADVISE = 32,
	SENTINEL_KIND_PIDFD_GETFD = 33,
	SENTINEL_KIND_KILL = 34,
	SENTINEL_KIND_CREDENTIALS = 35,
	SENTINEL_KIND_NAMESPACE = 36,
	SENTINEL_KIND_MODULE = 37,
	SENTINEL_KIND_BPF = 38,
	SENTINEL_KIND_KEXEC = 39,
	SENTINEL_KIND_IO_URING = 40,
	SENTINEL_KIND_COUNT = 41,
};

/* Counters are kept per ring and kind: index = ring * SENTINEL_KIND_COUNT + kind. */
enum sentinel_ring {
	SENTINEL_RING_PRIORITY = 0,
	SENTINEL_RING_BULK = 1,
	SENTINEL_RING_COUNT = 2,
};

enum sentinel_limit {
	/* Bumped with every change of this file's layouts. */
	SENTINEL_ABI_VERSION = 6,
	/* Longest name of a path component or interpreter, with its NUL. */
	SENTINEL_NAME_BYTES = 256,
	SENTINEL_COMM_BYTES = 16,
	SENTINEL_TTY_BYTES = 32,
	/* Components of a path that are followed before the path is cut. */
	SENTINEL_PATH_DEPTH = 96,
	SENTINEL_CGROUP_DEPTH = 24,
	/* Longest path that a system call takes, with its NUL. */
	SENTINEL_PATH_BYTES = 4096,
	/* Numbers of system calls end below this on every architecture. */
	SENTINEL_CALL_NUMBERS = 512,
	/*
	 * Numbers that no system call has, for what lies behind one that is many: those of
	 * socketcall begin here, in the order of include/uapi/linux/net.h, and this is
	 * ipc's SHMAT.
	 */
	SENTINEL_CALL_SOCKETCALLS = 480,
	SENTINEL_CALL_SOCKETCALLS_END = 501,
	SENTINEL_CALL_IPC_SHMAT = 504,
	/* A question of RFC 1035: a name of at most 255 bytes, type and class. */
	SENTINEL_QUESTION_BYTES = 264,
	/* Different objects whose repeats are counted in one window. */
	SENTINEL_REPEATS = 4096,
	/* Executables, folders and cgroups together that a filter may name. */
	SENTINEL_MUTED = 1024,
};

/* Header flags. */
enum sentinel_flag {
	SENTINEL_FLAG_TRUNCATED = 1,
	SENTINEL_FLAG_COMPAT = 2,
	SENTINEL_FLAG_THREAD_EXEC = 4,
	/* The memory area could not be looked at: its file is the descriptor's, or not known. */
	SENTINEL_FLAG_UNCERTAIN_FILE = 8,
	/* A path or name was read from the caller's memory, which the caller can change. */
	SENTINEL_FLAG_USER_MEMORY = 16,
};

/* sentinel_file flags. */
enum sentinel_file_flag {
	/* No name leads to the dentry: unlinked, O_TMPFILE or never hashed. */
	SENTINEL_FILE_UNHASHED = 1,
	/* On a mount that only the kernel uses, such as the one behind memfds. */
	SENTINEL_FILE_KERNEL_MOUNT = 2,
	/* The dentry's name begins with "memfd:". */
	SENTINEL_FILE_MEMFD = 4,
};

/* Who acts: opens every record. */
struct sentinel_header {
	__u64 time_ns;
	__u64 start_ns; /* start of the thread group */
	__s64 result;
	__u32 size;  /* of the whole record in bytes */
	__u16 kind;  /* enum sentinel_kind */
	__u16 flags; /* enum sentinel_flag */
	__u32 pid;   /* thread group id in the daemon's pid namespace */
	__u32 tid;
	__u32 ppid;	/* thread group id of real_parent */
	__u32 exec_seq; /* task_struct.self_exec_id: the image within the process */
	__u32 uid;
	__u32 euid;
	__u32 gid;
	__u32 egid;
};

struct sentinel_file {
	__u64 inode;
	__s64 ctime_ns; /* Unix time */
	__u32 dev;	/* major << 20 | minor */
	__u32 nlink;
	__u32 mode;
	__u32 uid;
	__u32 fs_magic;
	__u32 flags; /* enum sentinel_file_flag */
};

struct sentinel_socket {
	__u64 inode;	/* 0 while it has no file */
	__u16 family;	/* AF_*; 0 when there is no socket */
	__u16 protocol; /* IPPROTO_* */
	__u16 local_port;
	__u16 peer_port;
	__u8 local_addr[16]; /* the first 4 bytes for AF_INET */
	__u8 peer_addr[16];
};

struct sentinel_stdio {
	__u64 inode;
	__u32 mode; /* 0 when the descriptor is closed */
	__u32 rdev; /* device of a character device, major << 20 | minor */
	struct sentinel_socket socket;
};

/* How much of a record's `names` is in use. */
struct sentinel_names {
	__u32 used;	 /* bytes */
	__u32 truncated; /* 1 when a name did not fit or a path was too deep */
};

/* A run of bytes in a record's `names`. */
struct sentinel_span {
	__u32 offset;
	__u32 length;
};

/*
 * Paths travel as their components, leaf first, each with its NUL, because that
 * is the order in which dentries are walked.
 */
struct sentinel_image {
	struct sentinel_file exe;
	struct sentinel_stdio stdio[3];
	__u64 cap_effective;
	__u64 cgroup_id;
	__u32 mnt_ns;
	__u32 pid_ns;
	__u32 net_ns;
	__u32 user_ns;
	__u32 uts_ns;
	__u32 ipc_ns;
	__u32 cgroup_ns;
	__u32 auid;	       /* (__u32)-1 when unset */
	__u32 session;	       /* (__u32)-1 when unset */
	__u32 argv_length;     /* bytes in `argv` */
	__u32 filename_length; /* bytes in `filename`, with its NUL */
	__u32 old_tid;	       /* the thread that called exec */
	struct sentinel_span path;
	struct sentinel_span cwd;
	struct sentinel_span cgroup;
	struct sentinel_span interpreter; /* empty when the file runs itself */
	struct sentinel_names names;
	char comm[SENTINEL_COMM_BYTES];
	char tty[SENTINEL_TTY_BYTES]; /* empty when there is none */
};

/*
 * One exec, in three sizes: the ring reserves constant sizes only, most execs are
 * short, and none may lose an argument before 32 KiB. `names` has room for one
 * more name than its nominal size so that a masked offset is always in bounds.
 */
#define SENTINEL_EXEC(suffix, names_bytes, filename_bytes, argv_bytes) \
	struct sentinel_exec_##suffix {                                \
		struct sentinel_header header;                         \
		struct sentinel_image image;                           \
		char names[(names_bytes) + SENTINEL_NAME_BYTES];       \
		char filename[filename_bytes];                         \
		char argv[argv_bytes];                                 \
	}

SENTINEL_EXEC(small, 512, 256, 512);
SENTINEL_EXEC(medium, 2048, 1024, 4096);
SENTINEL_EXEC(large, 16384, 4096, 32768);

struct sentinel_fork {
	struct sentinel_header header;
	__u64 child_start_ns;
	__u32 child_pid;
	__u32 child_ppid; /* differs from the caller with CLONE_PARENT */
};

struct sentinel_exit {
	struct sentinel_header header;
	__u64 cpu_ns; /* of all its threads */
	__u64 peak_rss_pages;
	__u32 status; /* as wait(2) gives it */
	__u32 pad;
};

/* connect, accept */
struct sentinel_connection {
	struct sentinel_header header;
	struct sentinel_socket socket;
};

/* open, memfd */
struct sentinel_open_head {
	struct sentinel_header header;
	struct sentinel_file file;
	struct sentinel_span path;
	struct sentinel_names names;
	__u32 open_flags; /* file->f_flags */
	__u32 created;	  /* 1 when this open made the file */
	__s32 fd;
	__u32 pad;
};

/* mmap, mprotect */
struct sentinel_memory_head {
	struct sentinel_header header;
	struct sentinel_file file; /* inode 0 for anonymous memory */
	struct sentinel_span path;
	struct sentinel_names names;
	__u64 address;
	__u64 length;
	__u32 prot;
	__u32 old_prot;	 /* mprotect only */
	__u32 map_flags; /* mmap only */
	__u32 pad;
};

#define SENTINEL_PATHED(name, suffix, names_bytes)               \
	struct sentinel_##name##_##suffix {                      \
		struct sentinel_##name##_head head;              \
		char names[(names_bytes) + SENTINEL_NAME_BYTES]; \
	}

SENTINEL_PATHED(open, small, 256);
SENTINEL_PATHED(open, large, 4096);
SENTINEL_PATHED(memory, small, 256);
SENTINEL_PATHED(memory, large, 4096);

/* Another process, as far as the hook knows it. */
struct sentinel_target {
	__u64 start_ns; /* 0 when only the pid is known */
	__u32 pid;
	__u32 ppid;
	__u32 exec_seq;
	__u32 uid;
};

/*
 * What was done to a file, a process or the kernel. `path` and `to` are components, leaf
 * first; a path that comes from the caller is its first component, whole, followed by
 * those of the folder that it is relative to.
 */
struct sentinel_action_head {
	struct sentinel_header header;
	struct sentinel_file file;
	struct sentinel_target target;
	struct sentinel_span path;
	struct sentinel_span to;
	struct sentinel_names names;
	__u64 argument;
	__u64 address;
	__u64 length;
	__u32 call; /* enum sentinel_call */
	__u32 pad;
};

/* The spare room behind `names` is for one more path from the caller. */
struct sentinel_action_small {
	struct sentinel_action_head head;
	char names[256 + SENTINEL_NAME_BYTES];
};

struct sentinel_action_large {
	struct sentinel_action_head head;
	char names[8192 + SENTINEL_PATH_BYTES];
};

/* A descriptor that became another's twin, or a socket, on 0, 1 or 2. */
struct sentinel_redirect {
	struct sentinel_header header;
	struct sentinel_stdio stdio;
	__s32 fd;
	__s32 old_fd; /* -1 where there is none */
	__u32 call;   /* enum sentinel_call */
	__u32 pad;
};

/* bind, listen, send */
struct sentinel_endpoint {
	struct sentinel_header header;
	struct sentinel_socket socket;
};

/* The end of a TCP connection, with the header of who began it. */
struct sentinel_close {
	struct sentinel_header header;
	struct sentinel_socket socket;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 run_ns;
	__u32 old_state; /* TCP_* (include/net/tcp_states.h) */
	__u32 pad;
};

/* A question to a name server. */
struct sentinel_dns {
	struct sentinel_header header;
	struct sentinel_socket socket;
	__u32 question_length;
	__u32 pad;
	__u8 question[SENTINEL_QUESTION_BYTES]; /* as on the wire: name, type, class */
};

/*
 * What makes two opens or connections the same: the process image with its rights, the
 * object, and the access. A file is its inode by the name and the mount that led to it, so
 * that another name of the same file is another object.
 */
struct sentinel_repeat_key {
	__u64 start_ns;
	__u64 object[3];
	__u32 pid;
	__u32 exec_seq;
	__u32 uid;
	__u32 euid;
	__u32 access;
	__u32 kind; /* enum sentinel_kind */
};

/* How often a thing was done again in one window. */
struct sentinel_repeat {
	__u64 count;   /* without the first, which has a record of its own */
	__u64 last_ns; /* when it was done last */
	/* close: totals of the repeats */
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 run_ns;
	struct sentinel_open_small record; /* the first one's, of whatever kind */
};

/* New ids are in the header. */
struct sentinel_credentials {
	struct sentinel_header header;
	__u64 cap_effective;
	__u32 call; /* enum sentinel_call */
	__u32 pad;
};

/* One per ring, kind and processor; grows for ever. */
struct sentinel_counter {
	__u64 sent;	    /* events that a hook produced */
	__u64 lost;	    /* of these, events that found no room in the ring */
	__u64 aggregated;   /* of these, events counted into an earlier record */
	__u64 last_lost_ns; /* when one was last lost; 0 for never */
	__u64 filtered;	    /* not among those sent: nobody wants to hear of them */
};

/* What a filter can name. */
enum sentinel_mute {
	SENTINEL_MUTE_EXECUTABLE = 0,
	SENTINEL_MUTE_FOLDER = 1,
	SENTINEL_MUTE_CGROUP = 2,
	SENTINEL_MUTE_COUNT = 3,
};

struct sentinel_muted {
	__u64 number; /* of the inode, or the cgroup's id */
	__u32 dev;    /* of the inode, major << 20 | minor */
	__u32 what;   /* enum sentinel_mute */
};

/* What the daemon decides before the programs are loaded. */
struct sentinel_knobs {
	__u32 pidns_inum;    /* the daemon's pid namespace; 0 when that is the initial one */
	__u32 tells_modules; /* whether a tracepoint tells of modules that were loaded */
};

/*
 * Whether somebody attends to the programs, which outlive a daemon that is killed. The
 * daemon renews it; once it is over the programs do nothing.
 */
struct sentinel_attendance {
	__u64 until_ns;	  /* CLOCK_MONOTONIC, so that a host that slept was not left alone */
	__u64 daemon_pid; /* the daemon's own file noise is not reported */
};

/*
 * Which call a number means: for 64-bit callers in the low byte, for 32-bit ones in the
 * high one; 0 for none of interest.
 */
struct sentinel_calls {
	__u16 of_number[SENTINEL_CALL_NUMBERS];
};

#pragma GCC diagnostic pop

#endif

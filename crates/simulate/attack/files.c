/*
 * Files made, changed and read, by every way that the kernel has. The caller names
 * only files that are the simulator's own, or opens others without a change.
 */
#include "attack.h"

static const char COMMENT[] = "# made by " MARK " and removed at once\n";

static void finish(long fd, int comment)
{
	if (comment)
		fill(fd, COMMENT, sizeof(COMMENT) - 1);
	must("close", SYS(close, fd));
}

/*
 * write PATH: a new file with nothing but a comment. One that is there already is
 * opened for appending, and nothing is appended.
 */
static void act_write(struct stage *stage)
{
	long flags = OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE;
	long fd = SYS(open, word(stage, 1), flags, 0600);
	int is_new = fd != -EXISTS;

	if (!is_new)
		fd = SYS(open, word(stage, 1), OPEN_WRITE | OPEN_APPEND);
	finish(must("open", fd), is_new);
}

static void act_creat(struct stage *stage)
{
	finish(must("creat", SYS(creat, word(stage, 1), 0600)), 1);
}

static void act_openat2(struct stage *stage)
{
	uint64_t how[3] = { OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, 0600, 0 };

	finish(must("openat2", SYS(openat2, AT_CWD, word(stage, 1), how, sizeof(how))), 1);
}

/* By its handle, so that no path is named when it is opened. */
static void act_handle(struct stage *stage)
{
	struct {
		uint32_t bytes;
		int32_t type;
		char handle[128];
	} name = { .bytes = 128 };
	int mount;
	long root = must("open", SYS(open, "/etc", OPEN_READ));

	must("name_to_handle_at", SYS(name_to_handle_at, AT_CWD, word(stage, 1), &name, &mount, 0));
	finish(must("open_by_handle_at", SYS(open_by_handle_at, root, &name, OPEN_WRITE)), 1);
}

static void act_uring_write(struct stage *stage)
{
	struct operation operation = {
		.opcode = 18 /* IORING_OP_OPENAT */,
		.fd = AT_CWD,
		.address = (uintptr_t)word(stage, 1),
		.bytes = 0600,
		.flags = OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE,
	};

	finish(must("opening through io_uring", uring(&operation)), 1);
}

static void act_uring_read(struct stage *stage)
{
	struct operation operation = { .opcode = 18,
				       .fd = AT_CWD,
				       .address = (uintptr_t)word(stage, 1) };

	finish(must("opening through io_uring", uring(&operation)), 0);
}

static void act_uring_unlink(struct stage *stage)
{
	struct operation operation = { .opcode = 36 /* IORING_OP_UNLINKAT */,
				       .fd = AT_CWD,
				       .address = (uintptr_t)word(stage, 1) };

	must("unlinking through io_uring", uring(&operation));
}

static void act_uring_rename(struct stage *stage)
{
	struct operation operation = { .opcode = 35 /* IORING_OP_RENAMEAT */,
				       .fd = AT_CWD,
				       .address = (uintptr_t)word(stage, 1),
				       .offset = (uintptr_t)word(stage, 2),
				       .bytes = (uint32_t)AT_CWD };

	must("renaming through io_uring", uring(&operation));
}

/* read PATH...: of each a single byte, which is forgotten. */
static void act_read(struct stage *stage)
{
	for (int i = 1; i < stage->count; i++) {
		long fd = SYS(open, word(stage, i), OPEN_READ);
		char byte;

		if (fd == -NO_ENTRY)
			refuse("this host has no such file");
		must("open", fd);
		must("read", SYS(read, fd, &byte, 1));
		SYS(close, fd);
	}
}

static void act_rename(struct stage *stage)
{
	must("rename", SYS(rename, word(stage, 1), word(stage, 2)));
}

static void act_renameat2(struct stage *stage)
{
	must("renameat2", SYS(renameat2, AT_CWD, word(stage, 1), AT_CWD, word(stage, 2), 0));
}

static void act_link(struct stage *stage)
{
	must("link", SYS(link, word(stage, 1), word(stage, 2)));
}

static void act_symlink(struct stage *stage)
{
	must("symlink", SYS(symlink, word(stage, 1), word(stage, 2)));
}

/* unlink PATH... */
static void act_unlink(struct stage *stage)
{
	for (int i = 1; i < stage->count; i++)
		must("unlink", SYS(unlink, word(stage, i)));
}

/* visit PATH: a file is opened for writing, and nothing is written. */
static void act_visit(struct stage *stage)
{
	long fd = SYS(open, word(stage, 1), OPEN_WRITE);

	if (fd == -NO_ENTRY)
		refuse("this host has no such file");
	finish(must("open", fd), 0);
}

/* mark WAY PATH MODE: a new file whose mode gives rights away. */
static void act_mark(struct stage *stage)
{
	const char *way = word(stage, 1), *path = word(stage, 2);
	long mode = (long)number_of(word(stage, 3), 8);
	long is_open = same(way, "open");
	long fd = must("open", SYS(open, path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE,
				   is_open ? mode : 0600));

	fill(fd, COMMENT, sizeof(COMMENT) - 1);
	if (same(way, "chmod"))
		must("chmod", SYS(chmod, path, mode));
	else if (same(way, "fchmod"))
		must("fchmod", SYS(fchmod, fd, mode));
	else if (same(way, "fchmodat2"))
		must("fchmodat2", SYS(fchmodat2, AT_CWD, path, mode, 0));
	else if (!is_open)
		broken("there is no way of this name");
}

/* capability PATH: a new file with CAP_NET_RAW, which nothing can execute. */
static void act_capability(struct stage *stage)
{
	/* <linux/capability.h>, struct vfs_cap_data: revision 2 and effective; permitted. */
	static const uint32_t data[5] = { 0x02000001, 1 << 13 };
	const char *path = word(stage, 1);

	finish(must("open", SYS(open, path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, 0600)), 1);
	must("setxattr", SYS(setxattr, path, "security.capability", data, sizeof(data), 0));
}

static void act_truncate(struct stage *stage)
{
	must("truncate", SYS(truncate, word(stage, 1), 0));
}

static void act_ftruncate(struct stage *stage)
{
	long fd = must("open", SYS(open, word(stage, 1), OPEN_WRITE));

	must("ftruncate", SYS(ftruncate, fd, 0));
}

/* The way of `: > file`. */
static void act_open_truncate(struct stage *stage)
{
	finish(must("open", SYS(open, word(stage, 1), OPEN_WRITE | OPEN_TRUNCATE)), 0);
}

static void act_overwrite(struct stage *stage)
{
	long fd = must("open", SYS(open, word(stage, 1), OPEN_BOTH));

	fill(fd, "\0\0\0\0\0\0\0\0", 8);
}

/* chmod PATH MODE, the mode in octal. */
static void act_chmod(struct stage *stage)
{
	must("chmod", SYS(chmod, word(stage, 1), number_of(word(stage, 2), 8)));
}

static void act_fchmod(struct stage *stage)
{
	long fd = must("open", SYS(open, word(stage, 1), OPEN_READ));

	must("fchmod", SYS(fchmod, fd, number_of(word(stage, 2), 8)));
}

static void act_fchmodat2(struct stage *stage)
{
	must("fchmodat2", SYS(fchmodat2, AT_CWD, word(stage, 1), number_of(word(stage, 2), 8), 0));
}

static void act_chown(struct stage *stage)
{
	must("chown", SYS(chown, word(stage, 1), 65534, 65534));
}

/* bind FROM TO: in a mount namespace of its own, which ends with this process. */
static void act_bind(struct stage *stage)
{
	must("unshare", SYS(unshare, 0x20000 /* CLONE_NEWNS */));
	must("making mounts private",
	     SYS(mount, "none", "/", 0, 0x44000 /* MS_REC | MS_PRIVATE */, 0));
	must("mount", SYS(mount, word(stage, 1), word(stage, 2), 0, 4096 /* MS_BIND */, 0));
}

static long seconds(void)
{
	long time[2];

	must("clock_gettime", SYS(clock_gettime, 1 /* CLOCK_MONOTONIC */, time));
	return time[0];
}

static void open_and_close(const char *path)
{
	long fd = must("open", SYS(open, path, OPEN_READ));

	SYS(close, fd);
}

/*
 * flood PATH SECONDS: one file, opened as fast as it goes, until it was opened as often in as
 * many seconds in a row as nobody does without a purpose.
 */
static void act_flood(struct stage *stage)
{
	enum { FLOOD = 40000, LIMIT_SECONDS = 8 };
	const char *path = word(stage, 1);
	long wanted = (long)number_of(word(stage, 2), 10), lasted = 0;
	long begun = seconds(), second = begun;

	while (lasted < wanted) {
		long count = 0;

		for (; seconds() == second; count += 64)
			for (int i = 0; i < 64; i++)
				open_and_close(path);
		second = seconds();
		lasted = count < FLOOD ? 0 : lasted + 1;
		if (second - begun > LIMIT_SECONDS)
			refuse("this machine is too busy to flood it");
	}
}

const struct entry FILES[] = {
	{ "write", act_write },
	{ "creat", act_creat },
	{ "openat2", act_openat2 },
	{ "handle", act_handle },
	{ "uring-write", act_uring_write },
	{ "uring-read", act_uring_read },
	{ "uring-unlink", act_uring_unlink },
	{ "uring-rename", act_uring_rename },
	{ "read", act_read },
	{ "flood", act_flood },
	{ "rename", act_rename },
	{ "renameat2", act_renameat2 },
	{ "link", act_link },
	{ "symlink", act_symlink },
	{ "unlink", act_unlink },
	{ "visit", act_visit },
	{ "mark", act_mark },
	{ "capability", act_capability },
	{ "truncate", act_truncate },
	{ "ftruncate", act_ftruncate },
	{ "open-truncate", act_open_truncate },
	{ "overwrite", act_overwrite },
	{ "chmod", act_chmod },
	{ "fchmod", act_fchmod },
	{ "fchmodat2", act_fchmodat2 },
	{ "chown", act_chown },
	{ "bind", act_bind },
	{ 0 },
};

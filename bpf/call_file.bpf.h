/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* System calls that change files, where the kernel lets us look no deeper. */
#ifndef SENTINEL_CALL_FILE_BPF_H
#define SENTINEL_CALL_FILE_BPF_H

#include "action.bpf.h"
#include "call.bpf.h"

#define AT_EMPTY_PATH 0x1000

static __always_inline void named__at(struct named *named, __u64 dirfd, __u64 text)
{
	named->dirfd = dirfd;
	named->text = (const char *)text;
}

static __always_inline void named__here(struct named *named, __u64 text)
{
	named__at(named, AT_FDCWD, text);
}

static __always_inline void named__plain(struct named *named, __u64 text)
{
	named->text = (const char *)text;
	named->is_plain = 1;
}

static __always_inline void named__fd(struct named *named, __u64 fd)
{
	named->file = file__of_fd((void *)bpf_get_current_task(), fd);
}

static __noinline int call__names(struct call *call, struct action *action)
{
	__u64 *args = call->args;

	action->ring = SENTINEL_RING_BULK;
	switch (call->id) {
	case SENTINEL_CALL_UNLINK:
	case SENTINEL_CALL_RMDIR:
		action->kind = SENTINEL_KIND_UNLINK;
		named__here(&action->path, args[0]);
		break;
	case SENTINEL_CALL_UNLINKAT:
		action->kind = SENTINEL_KIND_UNLINK;
		named__at(&action->path, args[0], args[1]);
		action->argument = args[2];
		break;
	case SENTINEL_CALL_RENAME:
		action->kind = SENTINEL_KIND_RENAME;
		named__here(&action->path, args[0]);
		named__here(&action->to, args[1]);
		break;
	case SENTINEL_CALL_RENAMEAT2:
		action->argument = args[4];
		/* fallthrough */
	case SENTINEL_CALL_RENAMEAT:
		action->kind = SENTINEL_KIND_RENAME;
		named__at(&action->path, args[0], args[1]);
		named__at(&action->to, args[2], args[3]);
		break;
	/* The new name is what appears; `to` is the file behind it. */
	case SENTINEL_CALL_LINK:
		action->kind = SENTINEL_KIND_LINK;
		named__here(&action->to, args[0]);
		named__here(&action->path, args[1]);
		break;
	case SENTINEL_CALL_LINKAT:
		action->kind = SENTINEL_KIND_LINK;
		named__at(&action->to, args[0], args[1]);
		named__at(&action->path, args[2], args[3]);
		break;
	case SENTINEL_CALL_SYMLINK:
		action->kind = SENTINEL_KIND_SYMLINK;
		named__plain(&action->to, args[0]);
		named__here(&action->path, args[1]);
		break;
	case SENTINEL_CALL_SYMLINKAT:
		action->kind = SENTINEL_KIND_SYMLINK;
		named__plain(&action->to, args[0]);
		named__at(&action->path, args[1], args[2]);
		break;
	default:
		return 0;
	}
	return call__counts(call);
}

static __noinline int call__attributes(struct call *call, struct action *action)
{
	__u64 *args = call->args;

	action->ring = SENTINEL_RING_BULK;
	switch (call->id) {
	case SENTINEL_CALL_TRUNCATE:
		action->kind = SENTINEL_KIND_TRUNCATE;
		named__here(&action->path, args[0]);
		action->argument = args[1];
		break;
	case SENTINEL_CALL_FTRUNCATE:
		action->kind = SENTINEL_KIND_TRUNCATE;
		named__fd(&action->path, args[0]);
		action->argument = args[1];
		break;
	case SENTINEL_CALL_CHMOD:
		action->kind = SENTINEL_KIND_CHMOD;
		named__here(&action->path, args[0]);
		action->argument = args[1];
		break;
	case SENTINEL_CALL_FCHMOD:
		action->kind = SENTINEL_KIND_CHMOD;
		named__fd(&action->path, args[0]);
		action->argument = args[1];
		break;
	case SENTINEL_CALL_FCHMODAT:
	case SENTINEL_CALL_FCHMODAT2:
		action->kind = SENTINEL_KIND_CHMOD;
		named__at(&action->path, args[0], args[1]);
		action->argument = args[2];
		break;
	case SENTINEL_CALL_CHOWN:
	case SENTINEL_CALL_LCHOWN:
		action->kind = SENTINEL_KIND_CHOWN;
		named__here(&action->path, args[0]);
		action->argument = args[1] << 32 | (__u32)args[2];
		break;
	case SENTINEL_CALL_FCHOWN:
		action->kind = SENTINEL_KIND_CHOWN;
		named__fd(&action->path, args[0]);
		action->argument = args[1] << 32 | (__u32)args[2];
		break;
	case SENTINEL_CALL_FCHOWNAT:
		action->kind = SENTINEL_KIND_CHOWN;
		named__at(&action->path, args[0], args[1]);
		action->argument = args[2] << 32 | (__u32)args[3];
		break;
	case SENTINEL_CALL_SETXATTR:
	case SENTINEL_CALL_LSETXATTR:
	case SENTINEL_CALL_REMOVEXATTR:
	case SENTINEL_CALL_LREMOVEXATTR:
		action->kind = SENTINEL_KIND_SETXATTR;
		named__here(&action->path, args[0]);
		named__plain(&action->to, args[1]);
		break;
	case SENTINEL_CALL_SETXATTRAT:
	case SENTINEL_CALL_REMOVEXATTRAT:
		action->kind = SENTINEL_KIND_SETXATTR;
		named__at(&action->path, args[0], args[1]);
		named__plain(&action->to, args[3]);
		break;
	case SENTINEL_CALL_FSETXATTR:
	case SENTINEL_CALL_FREMOVEXATTR:
		action->kind = SENTINEL_KIND_SETXATTR;
		named__fd(&action->path, args[0]);
		named__plain(&action->to, args[1]);
		break;
	default:
		return 0;
	}
	return call__counts(call);
}

static __noinline int call__mounts(struct call *call, struct action *action)
{
	__u64 *args = call->args;

	action->ring = SENTINEL_RING_PRIORITY;
	switch (call->id) {
	case SENTINEL_CALL_MOUNT:
		action->kind = SENTINEL_KIND_MOUNT;
		named__plain(&action->to, args[0]);
		named__here(&action->path, args[1]);
		action->argument = args[3];
		break;
	case SENTINEL_CALL_MOVE_MOUNT:
		action->kind = SENTINEL_KIND_MOUNT;
		named__at(&action->to, args[0], args[1]);
		named__at(&action->path, args[2], args[3]);
		action->argument = args[4];
		break;
	case SENTINEL_CALL_UMOUNT2:
		action->kind = SENTINEL_KIND_UMOUNT;
		named__here(&action->path, args[0]);
		/* The old call of 32-bit callers shares the number's meaning, not its flags. */
		action->argument = call->is_compat ? 0 : args[1];
		break;
	default:
		return 0;
	}
	return call__counts(call);
}

/* A program that could not be started. What came of those that could, exec tells. */
static __noinline int call__failed_exec(struct call *call, struct action *action)
{
	action->ring = SENTINEL_RING_BULK;
	action->kind = SENTINEL_KIND_EXEC_FAILED;
	if (call->id == SENTINEL_CALL_EXECVE)
		named__here(&action->path, call->args[0]);
	else
		named__at(&action->path, call->args[0], call->args[1]);
	return call->result < 0;
}

#endif

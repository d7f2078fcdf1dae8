/* The calls of calls.c that open and change files. */

static int opens(void)
{
	/* Each is two observations, since it also empties the file. */
	struct open_how how = { .flags = O_RDWR | O_TRUNC };
	int fd = make_file("file");

	close(fd);
	if (is("openat"))
		must(wanted, syscall(SYS_openat, AT_FDCWD, "file", O_RDWR | O_TRUNC));
	else if (is("openat2"))
		must(wanted, syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)));
#ifdef SYS_open
	else if (is("open"))
		must(wanted, syscall(SYS_open, "file", O_RDWR | O_TRUNC));
	else if (is("creat"))
		must(wanted, syscall(SYS_creat, "file", 0600));
#endif
	else if (is("open_by_handle_at")) {
		struct file_handle *handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
		int mount_id, folder = must("open", open(".", O_RDONLY | O_DIRECTORY));

		handle->handle_bytes = MAX_HANDLE_SZ;
		must("name_to_handle_at", name_to_handle_at(AT_FDCWD, "file", handle, &mount_id, 0));
		must(wanted, syscall(SYS_open_by_handle_at, folder, handle, O_RDWR | O_TRUNC));
	} else
		return NOT_HERE;
	return 0;
}

static int names(void)
{
	close(make_file("file"));
	must("mkdir", mkdir("folder", 0700));
#ifdef SYS_unlink
	if (is("unlink"))
		must(wanted, syscall(SYS_unlink, "file"));
	if (is("rmdir"))
		must(wanted, syscall(SYS_rmdir, "folder"));
	if (is("rename"))
		must(wanted, syscall(SYS_rename, "file", "other"));
	if (is("link"))
		must(wanted, syscall(SYS_link, "file", "other"));
	if (is("symlink"))
		must(wanted, syscall(SYS_symlink, "target", "other"));
#endif
	if (is("unlinkat"))
		must(wanted, syscall(SYS_unlinkat, AT_FDCWD, "file", 0));
	if (is("renameat"))
		must(wanted, syscall(SYS_renameat, AT_FDCWD, "file", AT_FDCWD, "other"));
	if (is("renameat2"))
		must(wanted, syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "other", 0));
	if (is("linkat"))
		must(wanted, syscall(SYS_linkat, AT_FDCWD, "file", AT_FDCWD, "other", 0));
	if (is("symlinkat"))
		must(wanted, syscall(SYS_symlinkat, "target", AT_FDCWD, "other"));
	return 0;
}

static int attributes(void)
{
	int fd = make_file("file");

	must("setxattr", setxattr("file", "user.old", "x", 1, 0));
	if (is("truncate"))
		must(wanted, syscall(SYS_truncate, "file", 7));
	if (is("ftruncate"))
		must(wanted, syscall(SYS_ftruncate, fd, 7));
#ifdef SYS_truncate64
	if (is("truncate64"))
		must(wanted, syscall(SYS_truncate64, "file", 7, 0));
	if (is("ftruncate64"))
		must(wanted, syscall(SYS_ftruncate64, fd, 7, 0));
#endif
#ifdef SYS_chmod
	if (is("chmod"))
		must(wanted, syscall(SYS_chmod, "file", 0640));
#endif
	if (is("fchmod"))
		must(wanted, syscall(SYS_fchmod, fd, 0640));
	if (is("fchmodat"))
		must(wanted, syscall(SYS_fchmodat, AT_FDCWD, "file", 0640));
	if (is("fchmodat2"))
		must(wanted, syscall(452, AT_FDCWD, "file", 0640, 0));
#ifdef SYS_chown
	if (is("chown"))
		must(wanted, syscall(SYS_chown, "file", 1, 2));
	if (is("lchown"))
		must(wanted, syscall(SYS_lchown, "file", 1, 2));
#endif
#ifdef SYS_chown32
	if (is("chown32"))
		must(wanted, syscall(SYS_chown32, "file", 1, 2));
	if (is("lchown32"))
		must(wanted, syscall(SYS_lchown32, "file", 1, 2));
	if (is("fchown32"))
		must(wanted, syscall(SYS_fchown32, fd, 1, 2));
#endif
	if (is("fchown"))
		must(wanted, syscall(SYS_fchown, fd, 1, 2));
	if (is("fchownat"))
		must(wanted, syscall(SYS_fchownat, AT_FDCWD, "file", 1, 2, 0));
	if (is("setxattr"))
		must(wanted, syscall(SYS_setxattr, "file", "user.new", "x", 1, 0));
	if (is("lsetxattr"))
		must(wanted, syscall(SYS_lsetxattr, "file", "user.new", "x", 1, 0));
	if (is("fsetxattr"))
		must(wanted, syscall(SYS_fsetxattr, fd, "user.new", "x", 1, 0));
	if (is("setxattrat")) {
		/* struct xattr_args of include/uapi/linux/xattr.h */
		struct {
			uint64_t value;
			uint32_t size, flags;
		} args = { (uintptr_t)"x", 1, 0 };

		must(wanted, syscall(463, AT_FDCWD, "file", 0, "user.new", &args, sizeof(args)));
	}
	if (is("removexattrat"))
		must(wanted, syscall(466, AT_FDCWD, "file", 0, "user.old"));
	if (is("removexattr"))
		must(wanted, syscall(SYS_removexattr, "file", "user.old"));
	if (is("lremovexattr"))
		must(wanted, syscall(SYS_lremovexattr, "file", "user.old"));
	if (is("fremovexattr"))
		must(wanted, syscall(SYS_fremovexattr, fd, "user.old"));
	return 0;
}

static int mounts(void)
{
	must("unshare", unshare(CLONE_NEWNS));
	must("mount", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	must("mkdir", mkdir("folder", 0700));
	must("mkdir", mkdir("other", 0700));
	must("mount", syscall(SYS_mount, "none", "folder", "tmpfs", 0, NULL));
	if (is("move_mount"))
		must(wanted, syscall(SYS_move_mount, AT_FDCWD, "folder", AT_FDCWD, "other", 0));
	else if (is("umount2"))
		must(wanted, syscall(SYS_umount2, "folder", 0));
#ifdef SYS_umount
	else if (is("umount"))
		must(wanted, syscall(SYS_umount, "folder"));
#endif
	return 0;
}

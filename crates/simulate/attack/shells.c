/*
 * Shells that are commanded over a connection within this machine.
 *
 * Three processes: the one that the simulator started only waits; one child is the
 * intruder, who asks the shell for a sum and is content when the answer comes; the
 * other is the victim, which becomes the shell. The two know each other only by the
 * connection, as on two hosts.
 */
#include "net.h"

#define QUESTION "echo " MARK "-$((40 + 2))\n"
#define ANSWER MARK "-42"

struct scene {
	struct stage *stage;
	const char *way;
	struct address address;
	long listener;
	/* The words from which on the program of the victim is named. */
	int program;
};

/* What is asked travels, is computed and comes back: a shell is at the other end. */
static void command(long connection)
{
	char heard[4096];
	size_t count = 0;

	fill(connection, QUESTION, sizeof(QUESTION) - 1);
	while (count < sizeof(heard) - 1) {
		long more = must("reading the answer of the shell",
				 SYS(read, connection, heard + count, sizeof(heard) - 1 - count));

		if (more == 0)
			broken("the shell ended without an answer");
		count += (size_t)more;
		heard[count] = 0;
		if (find(heard, ANSWER))
			return;
	}
	broken("the shell answered something else");
}

static _Noreturn void intrude(const struct scene *scene, int inward, long done, long end)
{
	char byte;
	long connection;

	if (inward) {
		connection = connect_to(&scene->address);
	} else {
		connection = accept_one(scene->listener);
	}
	command(connection);
	fill(done, "!", 1);
	/* Until the simulator has seen enough. */
	SYS(read, end, &byte, 1);
	SYS(write, connection, "exit\n", 5);
	leave(0);
}

/* Becomes the program, with the port of the intruder where its words say PORT. */
static _Noreturn void become(const struct scene *scene)
{
	char *words[32];
	char port[16], text[4096], *end = text;
	int count = 0;

	append_number(port, port_of(&scene->address));
	for (int i = scene->program; i < scene->stage->count && count < 31; i++) {
		const char *word = scene->stage->words[i], *hole;

		if (end + length(word) + 32 > text + sizeof(text))
			broken("the command is too long");
		words[count++] = end;
		while ((hole = find(word, "PORT"))) {
			while (word < hole)
				*end++ = *word++;
			end = append(end, port);
			word += 4;
		}
		end = append(end, word) + 1;
	}
	words[count] = 0;
	must("executing the shell", SYS(execve, words[0], words, scene->stage->environment));
	broken("the kernel executed nothing and said nothing");
}

static void put_at(long from, long to)
{
	/* dup3 refuses what dup2 does nothing for. */
	if (from != to)
		must("dup3", SYS(dup3, from, to, 0));
}

static _Noreturn void become_on(const struct scene *scene, long connection)
{
	for (long fd = 0; fd < 3; fd++)
		put_at(connection, fd);
	if (connection > 2)
		SYS(close, connection);
	become(scene);
}

/* What one side says goes to the other, until one of the two has nothing more. */
static _Noreturn void relay(long left, long right_read, long right_write)
{
	struct {
		int fd;
		short events, found;
	} watched[2] = { { (int)left, 1, 0 }, { (int)right_read, 1, 0 } };

	for (;;) {
		must("poll", SYS(poll, watched, 2, -1));
		for (int side = 0; side < 2; side++) {
			char bytes[1024];
			long count;

			if (!watched[side].found)
				continue;
			count = SYS(read, watched[side].fd, bytes, sizeof(bytes));
			if (count <= 0)
				leave(0);
			fill(side ? left : right_write, bytes, (size_t)count);
		}
	}
}

static _Noreturn void through_pipes(const struct scene *scene, long connection)
{
	int down[2], up[2];

	must("pipe2", SYS(pipe2, down, OPEN_CLOEXEC));
	must("pipe2", SYS(pipe2, up, OPEN_CLOEXEC));
	if (fork_child() == 0) {
		put_at(down[0], 0);
		put_at(up[1], 1);
		put_at(up[1], 2);
		SYS(close, connection);
		become(scene);
	}
	SYS(close, up[1]);
	relay(connection, up[0], down[1]);
}

static _Noreturn void through_terminal(const struct scene *scene, long connection)
{
	char path[32];
	int number, unlock = 0;
	long master = must("opening a terminal",
			   SYS(open, "/dev/ptmx", OPEN_BOTH | 0400 /* O_NOCTTY */ | OPEN_CLOEXEC));

	must("TIOCSPTLCK", SYS(ioctl, master, 0x40045431, &unlock));
	must("TIOCGPTN", SYS(ioctl, master, 0x80045430, &number));
	append_number(append(path, "/dev/pts/"), (unsigned long)number);
	if (fork_child() == 0) {
		long terminal;

		must("setsid", SYS(setsid));
		terminal = must("opening a terminal", SYS(open, path, OPEN_BOTH));
		must("TIOCSCTTY", SYS(ioctl, terminal, 0x540e, 0));
		SYS(close, connection);
		become_on(scene, terminal);
	}
	relay(connection, master, master);
}

/* Another process makes the connection and hands it over. */
static long handed_over(const struct scene *scene, int taken)
{
	int pair[2];
	long opener;

	must("socketpair", SYS(socketpair, NET_UNIX, 1 | OPEN_CLOEXEC, 0, pair));
	opener = fork_child();
	if (opener == 0) {
		long connection = connect_to(&scene->address);
		char number[8] = { 0 };

		SYS(prctl, 0x59616d61 /* PR_SET_PTRACER */, -1L);
		if (taken) {
			*number = (char)connection;
			fill(pair[1], number, 1);
		} else {
			send_descriptor(pair[1], connection);
		}
		for (;;)
			sleep_ms(1000);
	}
	if (taken) {
		char number;
		long process = must("pidfd_open", SYS(pidfd_open, opener, 0));

		must("read", SYS(read, pair[0], &number, 1));
		return must("pidfd_getfd", SYS(pidfd_getfd, process, number, 0));
	}
	return receive_descriptor(pair[0]);
}

/*
 * The shell begins on a pipe, as one that already runs, with the connection on a high
 * descriptor; what it reads first has it put the connection on its own streams.
 */
static _Noreturn void become_shell_first(const struct scene *scene)
{
	static const char ORDER[] = "exec 0<&9 1>&9 2>&9\n";
	int down[2];
	long connection = connect_to(&scene->address);

	put_at(connection, 9);
	if (connection != 9)
		SYS(close, connection);
	must("pipe2", SYS(pipe2, down, OPEN_CLOEXEC));
	fill(down[1], ORDER, sizeof(ORDER) - 1);
	put_at(down[0], 0);
	become(scene);
}

static _Noreturn void fall(const struct scene *scene)
{
	const char *way = scene->way;

	if (same(way, "command"))
		become(scene);
	if (same(way, "bind"))
		become_on(scene, accept_one(scene->listener));
	if (same(way, "accept-on-0")) {
		/* The lowest free number is the one that is given out. */
		SYS(close, 0);
		become_on(scene, accept_one(scene->listener));
	}
	if (same(way, "scm-rights"))
		become_on(scene, handed_over(scene, 0));
	if (same(way, "pidfd-getfd"))
		become_on(scene, handed_over(scene, 1));
	if (same(way, "uring"))
		become_on(scene, connect_by_uring(&scene->address));
	if (same(way, "running"))
		become_shell_first(scene);

	long connection = connect_to(&scene->address);

	if (same(way, "dup"))
		become_on(scene, connection);
	if (same(way, "fcntl")) {
		for (long fd = 0; fd < 3; fd++) {
			SYS(close, fd);
			must("fcntl", SYS(fcntl, connection, 0 /* F_DUPFD */, fd));
		}
		become(scene);
	}
	if (same(way, "fork")) {
		/* In a session of its own, and its parent is gone. */
		if (must("fork", SYS(fork)))
			leave(0);
		must("setsid", SYS(setsid));
		if (must("fork", SYS(fork)))
			leave(0);
		become_on(scene, connection);
	}
	if (same(way, "pipes"))
		through_pipes(scene, connection);
	if (same(way, "terminal"))
		through_terminal(scene, connection);
	broken("there is no way of this name");
}

/* shell FAMILY WAY PROGRAM ARGUMENT... */
static void act_shell(struct stage *stage)
{
	struct scene scene = { .stage = stage, .way = word(stage, 2), .program = 3 };
	int inward = same(scene.way, "bind") || same(scene.way, "accept-on-0");
	int done[2], end[2], status = 0;
	long intruder, victim;
	char byte;

	/* Orphans come back to this process, which sees to their end. */
	SYS(prctl, 36 /* PR_SET_CHILD_SUBREAPER */, 1);
	scene.address = loopback(family_named(word(stage, 1)));
	scene.listener = listen_at(&scene.address);
	must("pipe2", SYS(pipe2, done, OPEN_CLOEXEC));
	must("pipe2", SYS(pipe2, end, OPEN_CLOEXEC));
	victim = fork_child();
	if (victim == 0) {
		SYS(close, done[1]);
		SYS(close, end[1]);
		fall(&scene);
	}
	intruder = fork_child();
	if (intruder == 0) {
		SYS(close, done[0]);
		SYS(close, end[1]);
		intrude(&scene, inward, done[1], end[0]);
	}
	SYS(close, done[1]);
	SYS(close, scene.listener);
	for (int waited_ms = 0;; waited_ms += 10) {
		struct {
			int fd;
			short events, found;
		} watched = { done[0], 1, 0 };

		must("poll", SYS(poll, &watched, 1, 10));
		if (watched.found) {
			if (must("read", SYS(read, done[0], &byte, 1)) == 1)
				break;
			wait_for(intruder, &status);
			leave(status >> 8 & 0xff ?: STATUS_BROKEN);
		}
		/* A victim that cannot says so; one that forks ends early with 0. */
		if (SYS(wait4, victim, &status, 1 /* WNOHANG */, 0) == victim && status)
			leave(status >> 8 & 0xff ?: STATUS_BROKEN);
		if (waited_ms > 8000)
			broken("no shell answered in time");
	}
	echo();
	SYS(close, end[1]);
	/* The shells have nobody to talk to any more, and end with their connections. */
	while (wait_for(-1, &status) > 0)
		;
	leave(0);
}

/* serve PROGRAM ARGUMENT...: a server that starts a program for whoever calls. */
static void act_serve(struct stage *stage)
{
	struct scene scene = { .stage = stage, .program = 1 };
	long caller, child;
	int status = 0;

	scene.address = loopback(NET_V4);
	scene.listener = listen_at(&scene.address);
	caller = fork_child();
	if (caller == 0) {
		long connection = connect_to(&scene.address);
		char byte;

		SYS(read, connection, &byte, 1);
		leave(0);
	}
	accept_one(scene.listener);
	child = fork_child();
	if (child == 0) {
		long nothing = must("open", SYS(open, "/dev/null", OPEN_BOTH));

		become_on(&scene, nothing);
	}
	wait_for(child, &status);
	if (status)
		broken("the program that the server started failed");
	echo();
	leave(0);
}

/* relay PORT: standard input and output, joined with a connection, as nc does. */
static void act_relay(struct stage *stage)
{
	struct address address = loopback(NET_V4);
	unsigned long port = number_of(word(stage, 1), 10);

	address.as.bytes[2] = (uint8_t)(port >> 8);
	address.as.bytes[3] = (uint8_t)port;
	relay(connect_to(&address), 0, 1);
}

/* Appends a name as the parts that DNS makes of it; gives where it ends. */
static uint8_t *append_name(uint8_t *end, const char *name)
{
	while (*name) {
		uint8_t count = 0;

		while (name[count] && name[count] != '.') {
			end[1 + count] = (uint8_t)name[count];
			count++;
		}
		*end = count;
		end += 1 + count;
		name += count;
		if (*name == '.')
			name++;
	}
	*end = 0;
	return end + 1;
}

/*
 * ask NAME: a question for the address of a name. The server that gets it is a socket of
 * this process at an address of this machine, so that nobody else hears of it.
 */
static void act_ask(struct stage *stage)
{
	/* Any id; a question that may be passed on; one of them. */
	uint8_t question[300] = { 5, 3, 1, 0, 0, 1 }, *end = question + 12;
	struct address address = loopback(NET_V4);
	long server = must("socket", SYS(socket, NET_V4, 2 /* SOCK_DGRAM */, 0));
	long client = must("socket", SYS(socket, NET_V4, 2, 0));

	address.as.bytes[3] = 53;
	address.as.bytes[5] = 83;
	must("bind", SYS(bind, server, address.as.bytes, address.length));
	if (length(word(stage, 1)) > 250)
		broken("the name is too long");
	end = append_name(end, word(stage, 1));
	/* Type A of the internet. */
	end[1] = end[3] = 1;
	must("sendto", SYS(sendto, client, question, (size_t)(end + 4 - question), 0,
			   address.as.bytes, address.length));
}

const struct entry SHELLS[] = {
	{ "ask", act_ask },
	{ "shell", act_shell },
	{ "serve", act_serve },
	{ "relay", act_relay },
	{ 0 },
};

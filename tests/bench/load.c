// Loads for the benchmark. Each runs for a time and prints how often it did its thing and
// how long that took:
//
//   load exec SECONDS [PER_SECOND]   starts /bin/true from two processes
//   load open SECONDS                openat and close, two threads
//   load connect SECONDS             TCP connect and accept on loopback, two threads
//
// They speak only to this machine and end by themselves.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2 };

static double until;
static double pause_between;
static unsigned long done[WORKERS];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static unsigned long run_exec(void)
{
	char *const argv[] = { "/bin/true", NULL }, *const envp[] = { NULL };
	unsigned long count = 0;
	double next = now();

	while (now() < until) {
		pid_t pid;

		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, envp))
			errx(1, "cannot start %s", argv[0]);
		waitpid(pid, NULL, 0);
		count++;
		next += pause_between;
		while (pause_between > 0 && now() < next)
			usleep((next - now()) * 1e6 + 1);
	}
	return count;
}

static void *run_open(void *result)
{
	unsigned long count = 0;

	while (now() < until)
		for (int i = 0; i < 64; i++, count++) {
			int fd = openat(AT_FDCWD, "/etc/passwd", O_RDONLY);

			if (fd < 0)
				err(1, "open");
			close(fd);
		}
	*(unsigned long *)result = count;
	return NULL;
}

static void *run_connect(void *result)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	// A reset instead of TIME_WAIT: there are only so many ports.
	struct linger reset = { .l_onoff = 1 };
	socklen_t length = sizeof(address);
	unsigned long count = 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (void *)&address, length) || listen(listener, 16) ||
	    getsockname(listener, (void *)&address, &length))
		err(1, "listen");
	for (; now() < until; count++) {
		int client = socket(AF_INET, SOCK_STREAM, 0), server;

		setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (connect(client, (void *)&address, length))
			err(1, "connect");
		server = accept(listener, NULL, NULL);
		if (server < 0)
			err(1, "accept");
		close(client);
		close(server);
	}
	*(unsigned long *)result = count;
	return NULL;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	double seconds = argc > 2 ? atof(argv[2]) : 0, begin = now();
	unsigned long total = 0;

	if (seconds <= 0 || seconds > 60)
		errx(2, "usage: load exec|open|connect SECONDS [PER_SECOND]");
	until = begin + seconds;
	if (argc > 3)
		pause_between = WORKERS / atof(argv[3]);
	if (!strcmp(what, "exec")) {
		unsigned long *counts =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (counts == MAP_FAILED)
			err(1, "mmap");
		for (int i = 0; i < WORKERS; i++)
			if (fork() == 0) {
				counts[i] = run_exec();
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		memcpy(done, counts, sizeof(done));
	} else {
		void *(*run)(void *) = !strcmp(what, "open") ? run_open : run_connect;
		pthread_t threads[WORKERS];

		if (strcmp(what, "open") && strcmp(what, "connect"))
			errx(2, "%s is no load", what);
		for (int i = 0; i < WORKERS; i++)
			if (pthread_create(&threads[i], NULL, run, &done[i]))
				errx(1, "cannot start a thread");
		for (int i = 0; i < WORKERS; i++)
			pthread_join(threads[i], NULL);
	}
	for (int i = 0; i < WORKERS; i++)
		total += done[i];
	printf("%lu %.6f\n", total, now() - begin);
	return 0;
}

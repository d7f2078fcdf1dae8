/* hold PID NAME: stops the one thread of a process that has this name, as a bug would
 * that makes it wait for ever; the others go on. Holds it until killed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

static int has_name(const char *tasks, const char *tid, const char *name)
{
	char path[512], comm[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/comm", tasks, tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = 0;
	fclose(file);
	return strcmp(comm, name) == 0;
}

int main(int argc, char **argv)
{
	char tasks[64];
	struct dirent *entry;
	DIR *dir;

	if (argc != 3)
		return 2;
	snprintf(tasks, sizeof(tasks), "/proc/%s/task", argv[1]);
	dir = opendir(tasks);
	while (dir && (entry = readdir(dir))) {
		if (!has_name(tasks, entry->d_name, argv[2]))
			continue;
		if (ptrace(PTRACE_SEIZE, atoi(entry->d_name), 0, 0) ||
		    ptrace(PTRACE_INTERRUPT, atoi(entry->d_name), 0, 0)) {
			perror("ptrace");
			return 1;
		}
		puts("held");
		fflush(stdout);
		pause();
	}
	fprintf(stderr, "no thread is named %s\n", argv[2]);
	return 1;
}

/* What reaches into the kernel or over the borders of a container, and does no harm. */
#include "attack.h"

/* write-back PATH: a setting of the kernel is read and written again as it was. */
static void act_write_back(struct stage *stage)
{
	char value[512];
	long fd = must("open", SYS(open, word(stage, 1), OPEN_BOTH));
	long count = must("read", SYS(read, fd, value, sizeof(value)));

	must("lseek", SYS(lseek, fd, 0, 0));
	fill(fd, value, (size_t)count);
}

/* init-module: something that is no module, which the kernel refuses. */
static void act_init_module(struct stage *stage)
{
	static const char nonsense[] = MARK;
	long answer = SYS(init_module, nonsense, sizeof(nonsense), "");

	(void)stage;
	if (answer == 0)
		broken("the kernel loaded what is no module");
	/* ENOEXEC: it was looked at, and so it had come all the way. */
	if (answer != -8)
		must("init_module", answer);
}

const struct entry KERNEL[] = {
	{ "write-back", act_write_back },
	{ "init-module", act_init_module },
	{ 0 },
};

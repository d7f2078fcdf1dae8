/*
 * What the attacks share: their words to the parent and the way in which they end.
 *
 * An attack that the kernel refuses ends with 77, one that goes wrong with 78; its
 * last words are "STEP: errno N", which the parent puts into English. One that
 * happened calls stay(), as a payload does: it echoes its input to the end.
 */
#ifndef SENTINEL_ATTACK_H
#define SENTINEL_ATTACK_H

#include "kernel.h"

#define MARK "sentinel-simulation"

enum { STATUS_NOT_POSSIBLE = 77, STATUS_BROKEN = 78 };

/* What an attack was started with: words[0] is its own name. */
struct stage {
	int count;
	char **words;
	char **environment;
};

typedef void attack(struct stage *stage);

/* One line of the list of attacks. */
struct entry {
	const char *name;
	attack *act;
};

extern const struct entry FILES[], MEMORY[], PROGRAMS[], SHELLS[], TARGETS[], KERNEL[], RIGHTS[];

/* text.c */
void *memset(void *to, int byte, size_t count);
void *memcpy(void *to, const void *from, size_t count);
size_t length(const char *text);
int same(const char *left, const char *right);
const char *find(const char *text, const char *part);
char *append(char *end, const char *text);
char *append_number(char *end, unsigned long number);
uint64_t number_of(const char *text, unsigned int base);

/* attack.c */
const char *word(struct stage *stage, int index);
_Noreturn void leave(int status);
_Noreturn void refuse(const char *why);
_Noreturn void broken(const char *why);
long must(const char *step, long answer);
_Noreturn void perform(struct stage *stage);
void echo(void);
_Noreturn void stay(void);
long fork_child(void);
long wait_for(long pid, int *status);
void fill(long fd, const void *bytes, size_t count);
long map(long address, size_t bytes, int protection, int flags, long fd);
void sleep_ms(long ms);

/* programs.c */
void install_itself(const char *path);

/* uring.c: one operation through a ring of its own; the kernel's answer. */
struct operation {
	uint8_t opcode;
	int32_t fd;
	uint64_t offset;
	uint64_t address;
	uint32_t bytes;
	uint32_t flags;
};
long uring(const struct operation *operation);

#endif

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Opens and connections that repeat: the first of a window has a record, the others are
 * counted. The daemon ends a window by putting an empty map into the place of the full
 * one. The kernel returns from that only when every program that may still count into the
 * full one has ended, so what is read then is exact.
 *
 * A window that is full takes no new object; what is not in it is reported as ever.
 */
#ifndef SENTINEL_REPEAT_BPF_H
#define SENTINEL_REPEAT_BPF_H

#include "common.bpf.h"

/* Sizes, not types: the compiler leaves types out that only a map in a map mentions. */
struct window {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SENTINEL_REPEATS);
	__uint(key_size, sizeof(struct sentinel_repeat_key));
	__uint(value_size, sizeof(struct sentinel_repeat));
};

/* Holds the window that is counted into; nothing while aggregation is off. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct window);
} repeats __weak SEC(".maps");

extern const volatile struct sentinel_repeat no_repeat;

static __always_inline void *window__now(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&repeats, &only);
}

/* Whose repeats these are. Ids that changed since are another key. */
static __always_inline void repeat__actor(struct sentinel_repeat_key *key,
					  const struct sentinel_header *header)
{
	key->start_ns = header->start_ns;
	key->pid = header->pid;
	key->exec_seq = header->exec_seq;
	key->uid = header->uid;
	key->euid = header->euid;
}

/* Counts one more of what is known in this window; NULL when it is not. */
static __always_inline struct sentinel_repeat *
repeat__count(void *window, const struct sentinel_repeat_key *key, __u32 ring)
{
	struct sentinel_repeat *repeat = bpf_map_lookup_elem(window, key);

	if (!repeat)
		return NULL;
	counter__aggregated(ring, key->kind);
	__sync_fetch_and_add(&repeat->count, 1);
	repeat->last_ns = bpf_ktime_get_boot_ns();
	return repeat;
}

/*
 * Remembers the record of a first one. Of two threads that are first at the same time
 * each has its own record, and one of them is remembered.
 */
static __always_inline void repeat__begin(void *window, const struct sentinel_repeat_key *key,
					  const void *record, __u32 size)
{
	struct sentinel_repeat *repeat;

	if (bpf_map_update_elem(window, key, (const void *)&no_repeat, BPF_NOEXIST))
		return;
	repeat = bpf_map_lookup_elem(window, key);
	if (repeat)
		bpf_probe_read_kernel(&repeat->record, size, record);
}

#endif

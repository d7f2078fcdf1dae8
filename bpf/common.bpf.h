/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What every program shares: the two rings, the counters, the knobs, and the one
 * way to reserve a record, so that a loss cannot be forgotten.
 *
 * There is no per-processor scratch memory anywhere: from 6.13 on a program can be
 * preempted and another run of it would overwrite the buffer. Records are built in
 * the ring itself.
 */
#ifndef SENTINEL_COMMON_BPF_H
#define SENTINEL_COMMON_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "read.bpf.h"
#include "sentinel.h"

#define PROT_EXEC 4
/* A quarter of the least bulk ring that the daemon accepts. */
#define BULK_WAKEUP_BYTES (1 << 18)

extern const volatile struct sentinel_knobs knobs;
extern const volatile struct sentinel_calls calls;
extern volatile struct sentinel_attendance attendance;

/* Sizes are set by the daemon before loading; these are the least that work. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} priority_ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} bulk_ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SENTINEL_RING_COUNT *SENTINEL_KIND_COUNT);
	__type(key, __u32);
	__type(value, struct sentinel_counter);
} counters __weak SEC(".maps");

/* Whether no daemon has been there for so long that the host is to be left in peace. */
static __always_inline bool attendance__is_over(void)
{
	return bpf_ktime_get_ns() > attendance.until_ns;
}

static __always_inline struct sentinel_counter *counter__of(__u32 ring, __u32 kind)
{
	__u32 index = ring * SENTINEL_KIND_COUNT + kind;

	return bpf_map_lookup_elem(&counters, &index);
}

/*
 * Atomic although the counter belongs to this processor: an interrupt's program, or
 * a preempting one, may count on the same processor in the middle of an addition.
 */
static __always_inline void counter__sent(__u32 ring, __u32 kind)
{
	struct sentinel_counter *counter = counter__of(ring, kind);

	if (counter)
		__sync_fetch_and_add(&counter->sent, 1);
}

static __always_inline void counter__lost(__u32 ring, __u32 kind)
{
	struct sentinel_counter *counter = counter__of(ring, kind);

	if (!counter)
		return;
	__sync_fetch_and_add(&counter->lost, 1);
	counter->last_lost_ns = bpf_ktime_get_boot_ns();
}

/* An event that nobody wants to hear of. */
static __always_inline void counter__filtered(__u32 ring, __u32 kind)
{
	struct sentinel_counter *counter = counter__of(ring, kind);

	if (counter)
		__sync_fetch_and_add(&counter->filtered, 1);
}

/* An event that is counted into the record of an earlier one. */
static __always_inline void counter__aggregated(__u32 ring, __u32 kind)
{
	struct sentinel_counter *counter = counter__of(ring, kind);

	if (!counter)
		return;
	__sync_fetch_and_add(&counter->sent, 1);
	__sync_fetch_and_add(&counter->aggregated, 1);
}

/* Reserves a record for an event that is counted already; NULL after counting a loss. */
static __always_inline void *record__enlarge(__u32 ring, __u32 kind, __u64 size)
{
	void *record = ring == SENTINEL_RING_PRIORITY ? bpf_ringbuf_reserve(&priority_ring, size, 0)
						      : bpf_ringbuf_reserve(&bulk_ring, size, 0);

	if (!record)
		counter__lost(ring, kind);
	return record;
}

/* Counts the event and reserves its record; NULL after counting a loss. */
static __always_inline void *record__reserve(__u32 ring, __u32 kind, __u64 size)
{
	counter__sent(ring, kind);
	return record__enlarge(ring, kind, size);
}

/*
 * A wake-up per record is what costs most, on both sides (an interrupt here, a
 * context switch there). The daemon looks at the bulk ring on a timer; only a ring
 * that fills quickly wakes it.
 */
static __always_inline __u64 ring__wakeup(__u32 ring)
{
	if (ring == SENTINEL_RING_PRIORITY)
		return 0;
	return bpf_ringbuf_query(&bulk_ring, BPF_RB_AVAIL_DATA) > BULK_WAKEUP_BYTES
		       ? 0
		       : BPF_RB_NO_WAKEUP;
}

/*
 * The result of a system call, read once: the verifier refuses a context pointer that
 * the compiler has moved, which it does when a field is used twice.
 */
static __always_inline long exit__result(struct trace_event_raw_sys_exit *ctx)
{
	long result = ctx->ret;

	asm volatile("" : "+r"(result));
	return result;
}

#endif

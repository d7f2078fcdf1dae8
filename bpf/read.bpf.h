/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Reading fields of the kernel's objects. BPF_CORE_READ() asks a helper for every arrow,
 * 20 ns each, which is what most of a program's time goes to. Where the kernel lets a
 * pointer be cast to its type (6.2 and later), READ() loads the fields as C does; the
 * kernel makes such loads harmless, and one that would fault gives zero, as with the
 * helper.
 *
 * READ() is not for pointers that a loop carries along: the verifier knows where each
 * came from and would check every turn anew.
 */
#ifndef SENTINEL_READ_BPF_H
#define SENTINEL_READ_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Stands for a kernel that can cast: came two versions later, in 6.4. */
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((preserve_access_index));

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* A value, and so without const. */
#define read__type(from) typeof(({ *(from); }))

#define read__cast(from) \
	((read__type(from) *)bpf_rdonly_cast((from), bpf_core_type_id_kernel(read__type(from))))

#define READ(from, ...)                                                                      \
	(bpf_core_type_exists(struct bpf_iter_num) ? ___arrow(read__cast(from), __VA_ARGS__) \
						   : BPF_CORE_READ(from, __VA_ARGS__))

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does nothing. The daemon attaches it to a function in order to learn whether this kernel
 * lets that one be patched, which is quicker than to have a whole program verified for it.
 */
#include "common.bpf.h"

SEC("fexit")
int try_function(__u64 *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

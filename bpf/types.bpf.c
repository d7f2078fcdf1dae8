// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the ABI visible to the daemon: the skeleton describes the types of global
 * variables, so each record type has one here. Nothing reads or writes them.
 */
#include "filter.bpf.h"
#include "repeat.bpf.h"

const volatile struct sentinel_knobs knobs SEC(".rodata") = {};

const volatile struct sentinel_calls calls SEC(".rodata") = {};

volatile struct sentinel_attendance attendance SEC(".bss") = {};

const volatile struct sentinel_repeat no_repeat SEC(".rodata") = {};

/* The daemon lets one of them be counted into and reads the other. */
struct window repeats_even SEC(".maps");
struct window repeats_odd SEC(".maps");

enum sentinel_kind abi_kind;
enum sentinel_call abi_call;
enum sentinel_flag abi_flag;
enum sentinel_file_flag abi_file_flag;
enum sentinel_ring abi_ring;
enum sentinel_limit abi_limit;
struct sentinel_exec_small *abi_exec_small;
struct sentinel_exec_medium *abi_exec_medium;
struct sentinel_exec_large *abi_exec_large;
struct sentinel_fork *abi_fork;
struct sentinel_exit *abi_exit;
struct sentinel_connection *abi_connection;
struct sentinel_open_small *abi_open_small;
struct sentinel_open_large *abi_open_large;
struct sentinel_memory_small *abi_memory_small;
struct sentinel_memory_large *abi_memory_large;
struct sentinel_action_small *abi_action_small;
struct sentinel_action_large *abi_action_large;
struct sentinel_redirect *abi_redirect;
struct sentinel_endpoint *abi_endpoint;
struct sentinel_close *abi_close;
struct sentinel_dns *abi_dns;
struct sentinel_credentials *abi_credentials;
struct sentinel_counter *abi_counter;
struct sentinel_repeat_key *abi_repeat_key;
struct sentinel_repeat *abi_repeat;
enum sentinel_mute abi_mute;
struct sentinel_muted *abi_muted;

#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a guest: lays out what a booted host has, runs /run/command with
# its output on the second serial line, tells its exit code on a line of its own, and
# turns the machine off. A guest that dies on the way tells no exit code.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=dumb

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs securityfs /sys/kernel/security
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
hostname kernel-test
ifconfig lo 127.0.0.1 up

stty -F /dev/ttyS1 raw -echo
sh /run/command </dev/null >/dev/ttyS1 2>&1
echo "exit code: $?" >/dev/ttyS1
# The line must have left the port before the power goes.
sleep 1
poweroff -f

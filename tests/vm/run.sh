#!/usr/bin/env bash
# Runs inside the machine once it is up: the command that boot.sh left, with its output
# on the second serial line; then tells its exit code there and turns the machine off.
stty --file /dev/ttyS1 raw -echo
bash /run/command </dev/null >/dev/ttyS1 2>&1
echo "exit code: $?" >/dev/ttyS1
# The line must have left the port before the power goes.
sleep 1
systemctl poweroff --force --force

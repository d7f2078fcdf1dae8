#!/bin/busybox sh
# shellcheck shell=dash
# The first process in the initramfs: finds the disk and hands over to the init on it.
/bin/busybox --install -s /bin
export PATH=/bin

mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do
  insmod "$module" || echo "cannot load $module" >/dev/console
done
mount -t ext4 /dev/vda /root || {
  echo "cannot mount the disk" >/dev/console
  poweroff -f
}
mount -t tmpfs tmpfs /root/run
cp /command /root/run/command
mount --move /dev /root/dev
exec switch_root /root /sbin/init

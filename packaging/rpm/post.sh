# shellcheck shell=sh
systemd-sysusers sentinel.conf || :
systemd-tmpfiles --create sentinel.conf || :
journalctl --update-catalog || :
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
	# After an upgrade; a service that does not run is not started.
	if [ "$1" -gt 1 ]; then
		systemctl try-restart sentinel.service || :
	fi
fi

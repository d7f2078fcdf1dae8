#!/usr/bin/env bash
# Runs inside the guest: what the programs of a server do by themselves, and what its
# administrator does with them. The service watches, and whatever it raises of medium
# severity or worse must be in noise.expected with a reason.
set -uo pipefail
# shellcheck source=tests/checks.sh
source /test/checks.sh
# shellcheck source=tests/quiet.sh
source /test/quiet.sh

ctl() { sentinelctl "$@"; }
job_ran=/run/cron-ran

# What was there before anybody watched: an account with a key, rules of sudo, a job, a log.
furnish() {
  install -d -m 0700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 &&
    useradd --create-home --shell /bin/bash ann &&
    install -d -m 0700 -o ann -g ann /home/ann/.ssh &&
    install -m 0600 -o ann -g ann /root/.ssh/id_ed25519.pub /home/ann/.ssh/authorized_keys &&
    echo 'ann ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ann && chmod 0440 /etc/sudoers.d/ann &&
    echo "127.0.0.1 $(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >/root/.ssh/known_hosts &&
    printf '* * * * * root /bin/sh -c "date >>%s; /sbin/ip link >/dev/null 2>&1 || ls / >/dev/null"\n' "$job_ran" >/etc/cron.d/every-minute &&
    seq 5000 >/var/log/app.log && chmod 0640 /var/log/app.log || return
  cat >/etc/logrotate.d/app <<'END'
/var/log/app.log {
  daily
  rotate 3
  compress
  create 0640 root adm
  sharedscripts
  postrotate
    systemctl kill --signal HUP cron.service
  endscript
}
END
  systemctl restart cron.service
}

watches() {
  systemd-sysusers && systemd-tmpfiles --create && systemctl enable --now sentinel.service && ctl status
}

# make_package VERSION: a package as servers have them: a program, a service with a timer, a
# setting, a job, a log to rotate and a user, set up by scripts.
make_package() {
  local tree=/srv/tree-$1
  mkdir -p "$tree"/{DEBIAN,usr/bin,usr/lib/systemd/system,etc/cron.d,etc/logrotate.d,etc/profile.d}
  printf '#!/bin/sh\necho tool %s\n' "$1" >"$tree/usr/bin/honest-tool" && chmod 0755 "$tree/usr/bin/honest-tool"
  printf 'interval = %s\n' "$1" >"$tree/etc/honest-tool.conf"
  printf '17 3 * * * root test -x /usr/bin/honest-tool && /usr/bin/honest-tool # %s\n' "$1" >"$tree/etc/cron.d/honest-tool"
  printf '/var/log/honest-tool.log {\n  weekly\n  missingok\n}\n' >"$tree/etc/logrotate.d/honest-tool"
  printf 'export HONEST_TOOL=%s\n' "$1" >"$tree/etc/profile.d/honest-tool.sh"
  printf '[Service]\nType=oneshot\nUser=honest\nExecStart=/usr/bin/honest-tool\n' >"$tree/usr/lib/systemd/system/honest-tool.service"
  printf '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n' >"$tree/usr/lib/systemd/system/honest-tool.timer"
  printf '/etc/%s\n' honest-tool.conf cron.d/honest-tool logrotate.d/honest-tool profile.d/honest-tool.sh >"$tree/DEBIAN/conffiles"
  printf 'Package: honest-tool\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: a tool\n' "$1" >"$tree/DEBIAN/control"
  cat >"$tree/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  getent passwd honest >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin honest
  touch /var/log/honest-tool.log
  chown honest /var/log/honest-tool.log
  systemctl daemon-reload
  deb-systemd-helper enable honest-tool.timer >/dev/null
  deb-systemd-invoke restart honest-tool.timer
fi
END
  cat >"$tree/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
[ "$1" != remove ] || deb-systemd-invoke stop honest-tool.timer
END
  cat >"$tree/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
if [ "$1" = purge ]; then
  deb-systemd-helper purge honest-tool.timer >/dev/null
  deb-systemd-helper unmask honest-tool.timer >/dev/null
  systemctl daemon-reload
  rm -f /var/log/honest-tool.log
  userdel honest
fi
END
  chmod 0755 "$tree"/DEBIAN/p*
  dpkg-deb --build "$tree" "/srv/archive/honest-tool_$1.deb" >/dev/null
}

# An archive in a folder, of which apt needs an index.
index() {
  local deb
  cd /srv/archive || return
  for deb in *.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
  done >Packages
  cd /
}

make_archive() {
  mkdir -p /srv/archive && make_package 1.0 && index && echo 'deb [trusted=yes] file:/srv/archive ./' >/etc/apt/sources.list
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get --yes "$@"; }

installs() {
  apt update && apt install honest-tool && [[ $(honest-tool) == 'tool 1.0' ]] &&
    systemctl is-enabled honest-tool.timer && systemctl start honest-tool.service
}

upgrades() {
  make_package 2.0 && index && apt update && apt upgrade && [[ $(honest-tool) == 'tool 2.0' ]] && systemctl is-active honest-tool.timer
}

purges() { apt purge honest-tool && [[ ! -e /etc/honest-tool.conf ]]; }

remote=(ssh -o BatchMode=yes ann@127.0.0.1)

runs_commands() { [[ $("${remote[@]}" 'ls / | wc -l; id -un; sudo id -u' | tail -2 | xargs) == 'ann 0' ]]; }

# A shell on a terminal, to which somebody types: programs throw away what is typed ahead.
types() {
  local line
  for line in tty 'cd /tmp' 'sudo -i' whoami exit 'less /etc/passwd' q exit; do
    sleep 0.5
    echo "$line"
  done | timeout 30 "${remote[@]}" -tt >/tmp/typed 2>&1
  cat /tmp/typed
  grep '^/dev/pts/' /tmp/typed && grep '^root' /tmp/typed
}

copies() {
  seq 1000 >/tmp/numbers && scp -q -o BatchMode=yes /tmp/numbers ann@127.0.0.1:numbers &&
    echo 'get numbers /tmp/fetched' | sftp -q -o BatchMode=yes -b - ann@127.0.0.1 && cmp /tmp/numbers /tmp/fetched &&
    tar c -C /etc apt | "${remote[@]}" 'tar x' && "${remote[@]}" 'tar c apt' | tar t
}

changes_user() { su --login ann --command 'id -un' && runuser --user ann -- id && "${remote[@]}" 'su --version; sudo --user ann true'; }

rotates() {
  logrotate --force /etc/logrotate.conf && [[ -e /var/log/app.log.1.gz || -e /var/log/app.log.1 ]] && systemctl start logrotate.service
}

runs_at() {
  echo 'id >/run/at-ran' | at now && eventually 70 test -s /run/at-ran
}

manages() {
  systemctl daemon-reload && systemctl daemon-reexec && systemctl restart cron.service ssh.service && systemctl list-timers --all &&
    systemctl start dpkg-db-backup.service e2scrub_reap.service systemd-tmpfiles-clean.service; true
  systemd-run --quiet --wait --pipe --uid ann id && systemd-run --quiet --wait --on-active=1 true
  loginctl list-sessions && journalctl --rotate && journalctl --lines 3 && timedatectl show >/dev/null; true
}

job_has_run() { [[ -s $job_ran ]]; }

furnish >/tmp/furnished 2>&1 && make_archive >>/tmp/furnished 2>&1 || { cat /tmp/furnished; exit 1; }
rm -f "$job_ran"
check 'the service watches' watches
((checks_failed == 0)) || finish
check 'a package with a service, a timer, a job and a user is installed' installs
check 'it is upgraded from an archive' upgrades
check 'it is purged' purges
check 'commands are run over ssh, also as root' runs_commands
check 'somebody types into a shell over ssh' types
check 'files are copied by scp, sftp and tar over ssh' copies
check 'users are changed' changes_user
check 'logs are rotated, compressed, and their keeper is told' rotates
check 'the service manager is told to read its units, and works' manages
check 'a job for later is run' runs_at
check 'cron runs a job' eventually 75 job_has_run
# What is under way arrives within a second.
sleep 2
check 'nothing of it is worth a medium alert' is_quiet /test/noise.expected 1
finish

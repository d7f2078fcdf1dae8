"""What a server does by itself: daemons, timers, scheduled jobs, upgrades, deployments."""

from host import DAY, arrivals, at, internet, stream, weekday

MIRRORS = ["151.101.2.132", "151.101.66.132", "151.101.130.132"]
BACKUP = "10.0.0.20"
MONITOR = "10.0.0.5"


class Services:
    """The daemons that run from the beginning, by name."""

    def __init__(self, host, seed):
        self.host, self.seed = host, seed
        begin = at(0, 0, 0, 1)
        self.daemons = {}
        for name, argv, uid in [
            ("systemd-journald", ["/usr/lib/systemd/systemd-journald"], 0),
            ("systemd-resolved", ["/usr/lib/systemd/systemd-resolved"], 101),
            ("systemd-timesyncd", ["/usr/lib/systemd/systemd-timesyncd"], 102),
            ("ssh", ["/usr/sbin/sshd", "-D"], 0),
            ("cron", ["/usr/sbin/cron", "-f"], 0),
            ("nginx", ["/usr/sbin/nginx", "-g", "daemon on; master_process on;"], 0),
            ("postgresql", ["/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/15/main"], 110),
            ("redis-server", ["/usr/bin/redis-server", "127.0.0.1:6379"], 111),
            ("app", ["/srv/app/venv/bin/python3", "/srv/app/venv/bin/gunicorn", "app:main"], 1500),
            ("node-exporter", ["/usr/bin/prometheus-node-exporter"], 112),
            ("dbus", ["/usr/bin/dbus-daemon", "--system"], 103),
        ]:
            begin += 0.4
            exe = "/usr/bin/python3.11" if name == "app" else argv[0]
            self.daemons[name] = host.init.run(begin, argv, exe, uid=uid, unit=f"{name}.service")
        self.workers = [self.daemons["app"].fork(begin + 1 + n) for n in range(3)]
        self.daemons["worker"] = self.daemons["nginx"].fork(begin + 1)
        self.daemons["worker"].keys["uid"] = 33

    def day(self, day):
        for activity in (self.web, self.cron, self.timers, self.noise, self.backup, self.upgrade, self.deploy):
            activity(day, stream(self.seed, activity.__name__, day))

    def web(self, day, rng):
        nginx, postgres = self.daemons["worker"], self.daemons["postgresql"]
        for hour in range(24):
            busy = 25 + 50 * (8 <= hour < 20) * (1.0 if weekday(day) else 0.6)
            for time in arrivals(rng, at(day, hour), at(day, hour + 1), busy):
                worker = rng.choice(self.workers)
                nginx.accept(time, internet(rng), 443)
                nginx.connect(time + 0.001, "127.0.0.1", 8000)
                worker.accept(time + 0.002, "127.0.0.1", 8000)
                if rng.random() < 0.3:
                    worker.connect(time + 0.01, "127.0.0.1", 5432)
                    backend = postgres.fork(time + 0.012)
                    backend.exit(time + rng.uniform(1, 60))
                if rng.random() < 0.1:
                    worker.connect(time + 0.01, "127.0.0.1", 6379)
                if rng.random() < 0.05:
                    worker.connect(time + 0.02, rng.choice(("34.120.8.9", "34.120.8.77")), 443)
                if rng.random() < 0.04:
                    # Pictures are made smaller by a program of its own.
                    shell = worker.run(time + 0.03, ["sh", "-c", f"convert /srv/app/in/{rng.randrange(10**6)}.jpg -resize 200x200 out.jpg"], "/usr/bin/dash")
                    shell.do(time + 0.04, ["convert", f"/srv/app/in/{rng.randrange(10**6)}.jpg", "-resize", "200x200", "out.jpg"], 0.4, "/usr/bin/convert-im6.q16")
                    shell.exit(time + 0.5)
        for minute in range(24 * 60):
            self.daemons["node-exporter"].accept(at(day, 0, minute, 12 + rng.random()), MONITOR, 9100)

    def job(self, time, command, uid=0):
        """What cron does for each job: a child, a shell, and what the line says."""
        child = self.daemons["cron"].fork(time)
        shell = child.run(time + 0.01, ["/bin/sh", "-c", command], "/usr/bin/dash", uid=uid, auid=uid, cwd="/", stdio=["null", "pipe", "pipe"])
        shell.parent = child
        return shell

    def cron(self, day, rng):
        for slot in range(24 * 12):
            time = at(day, 0, slot * 5, 1 + rng.random())
            shell = self.job(time, "/usr/local/lib/monitoring/check.sh")
            check = shell.run(time + 0.03, ["/bin/bash", "/usr/local/lib/monitoring/check.sh"], "/usr/bin/bash")
            for n, argv in enumerate((["/usr/bin/df", "-P"], ["/usr/bin/free", "-m"], ["/usr/bin/awk", "NR==2{print $3}"], ["/usr/bin/uptime"])):
                check.do(time + 0.05 + n * 0.02, argv)
            send = check.run(time + 0.15, ["/usr/bin/curl", "-s", "-d@-", f"http://{MONITOR}:9091/metrics/job/check"])
            send.connect(time + 0.16, MONITOR, 9091)
            for n, process in enumerate((send, check, shell)):
                process.exit(time + 0.2 + n * 0.01)
        for hour in range(24):
            time = at(day, hour, 17, rng.random())
            shell = self.job(time, "cd / && run-parts --report /etc/cron.hourly")
            shell.do(time + 0.02, ["run-parts", "--report", "/etc/cron.hourly"], 0.02, "/usr/bin/run-parts")
            shell.exit(time + 0.1)
        time = at(day, 6, 25, rng.random())
        shell = self.job(time, "test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily")
        parts = shell.run(time + 0.02, ["run-parts", "--report", "/etc/cron.daily"], "/usr/bin/run-parts")
        time += 0.1
        for script, inner in (("apt-compat", ["/usr/lib/apt/apt.systemd.daily"]), ("dpkg", ["/usr/bin/cp", "-p", "/var/lib/dpkg/status", "/var/backups/dpkg.status"]),
                              ("logrotate", ["/usr/sbin/logrotate", "/etc/logrotate.conf"]), ("man-db", ["/usr/bin/mandb", "--quiet"])):
            task = parts.run(time, ["/bin/sh", f"/etc/cron.daily/{script}"], "/usr/bin/dash")
            task.do(time + 0.1, inner, rng.uniform(0.2, 3))
            if script == "logrotate":
                task.do(time + 2, ["/usr/bin/gzip"], 0.5)
                task.do(time + 3, ["/usr/bin/systemctl", "kill", "-s", "USR1", "nginx"], 0.1)
            task.exit(time + 4)
            time += 5
        parts.exit(time)
        shell.exit(time + 0.01)

    def timers(self, day, rng):
        init = self.host.init
        for hour in (6, 18):
            time = at(day, hour, 0, rng.uniform(0, 3_000))
            script = init.run(time, ["/bin/sh", "/usr/lib/apt/apt.systemd.daily", "update"], "/usr/bin/dash", unit="apt-daily.service")
            get = script.run(time + 0.3, ["apt-get", "-qq", "-y", "update"], "/usr/bin/apt-get")
            for n in range(3):
                method = get.run(time + 0.5 + n, ["/usr/lib/apt/methods/https"], uid=42)
                method.connect(time + 0.6 + n, rng.choice(MIRRORS), 443)
                method.exit(time + 4 + n)
            get.exit(time + 9)
            script.exit(time + 9.1)
        for hour in (3, 15):
            time = at(day, hour, 0, rng.uniform(0, 3_000))
            bot = init.run(time, ["/usr/bin/python3", "/usr/bin/certbot", "-q", "renew"], "/usr/bin/python3.11", unit="certbot.service")
            bot.exit(time + 3)
        init.do(at(day, 0, 0, 5), ["/usr/bin/systemd-tmpfiles", "--clean"], 0.2, unit="systemd-tmpfiles-clean.service")
        if day % 7 == 6:
            init.do(at(day, 3, 10, rng.random()), ["/usr/sbin/fstrim", "--listed-in", "/etc/fstab"], 8, unit="fstrim.service")
        for hour in range(0, 24, 4):
            self.daemons["systemd-timesyncd"].connect(at(day, hour, 31, rng.random()), "162.159.200.1", 123, "udp")

    def noise(self, day, rng):
        """Strangers who try the door of every server."""
        for time in arrivals(rng, at(day, 0), at(day + 1, 0), 25):
            child = self.daemons["ssh"].run(time, ["/usr/sbin/sshd", "-D", "-R"], "/usr/sbin/sshd")
            child.accept(time + 0.01, internet(rng), 22)
            child.exit(time + rng.uniform(1, 8), 255)

    def backup(self, day, rng):
        time = at(day, 2, 30, rng.random())
        shell = self.job(time, "/usr/local/sbin/backup.sh", 0)
        script = shell.run(time + 0.02, ["/bin/bash", "/usr/local/sbin/backup.sh"], "/usr/bin/bash")
        dump = script.run(time + 0.1, ["pg_dump", "-Fc", "app"], "/usr/lib/postgresql/15/bin/pg_dump", uid=110)
        dump.connect(time + 0.2, "127.0.0.1", 5432)
        dump.exit(time + rng.uniform(40, 90))
        script.do(time + 95, ["/usr/bin/gzip", "-9", "/var/backups/app.dump"], 20)
        sync = script.run(time + 120, ["rsync", "-a", "/var/backups/", f"{BACKUP}:/backups/"], "/usr/bin/rsync", uid=0)
        ssh = sync.run(time + 120.1, ["ssh", BACKUP, "rsync", "--server"], "/usr/bin/ssh")
        ssh.connect(time + 120.2, BACKUP, 22)
        for n, process in enumerate((ssh, sync, script, shell)):
            process.exit(time + 160 + n)

    def upgrade(self, day, rng):
        """Security updates, some nights: new programs in the names of old ones."""
        if rng.random() > 0.3 and day not in (4, 11):
            return
        time = at(day, 6, 40, rng.uniform(0, 1_200))
        main = self.host.init.run(time, ["/usr/bin/python3", "/usr/bin/unattended-upgrade"], "/usr/bin/python3.11", unit="apt-daily-upgrade.service")
        names = rng.sample(("libssl3", "curl", "openssh-server", "vim", "tzdata", "base-files", "linux-image", "python3.11", "nginx", "sudo", "perl"), 1 + day % 3)
        for name in names:
            dpkg = main.run(time + 1, ["/usr/bin/dpkg", "--unpack", f"/var/cache/apt/archives/{name}.deb"])
            dpkg.do(time + 1.2, ["/usr/bin/dpkg-deb", "--fsys-tarfile", f"{name}.deb"], 0.6)
            dpkg.do(time + 1.3, ["/usr/bin/tar", "-x"], 0.5)
            script = dpkg.run(time + 3, ["/bin/sh", f"/var/lib/dpkg/info/{name}.postinst", "configure"], "/usr/bin/dash")
            script.do(time + 3.1, ["/usr/sbin/ldconfig"], 0.1)
            script.do(time + 3.3, ["/usr/bin/deb-systemd-helper", "update-state"], 0.1)
            script.do(time + 3.5, ["/usr/bin/systemctl", "daemon-reload"], 0.2)
            if name == "linux-image":
                script.do(time + 4, ["/usr/sbin/update-initramfs", "-u"], 20)
                script.do(time + 30, ["/usr/sbin/update-grub"], 3)
            script.exit(time + 40)
            dpkg.exit(time + 40.1)
            time += 45
        main.exit(time + 1)

    def deploy(self, day, rng):
        """A new version of the application, twice a week."""
        if day % 7 not in (1, 3):
            return
        time = at(day, 14, 0, rng.uniform(0, 5_000))
        shell = self.host.init.run(time, ["/bin/bash", "/srv/app/deploy.sh"], "/usr/bin/bash", unit="app-deploy.service", uid=1500)
        git = shell.run(time + 0.1, ["git", "pull"], "/usr/bin/git")
        ssh = git.run(time + 0.2, ["ssh", "git@github.com", "git-upload-pack"], "/usr/bin/ssh")
        ssh.connect(time + 0.3, rng.choice(("140.82.121.3", "140.82.121.4")), 22)
        ssh.exit(time + 2)
        git.exit(time + 2.1)
        pip = shell.run(time + 3, ["/srv/app/venv/bin/python3", "-m", "pip", "install", "-r", "requirements.txt"], "/usr/bin/python3.11")
        pip.connect(time + 4, "151.101.0.223", 443)
        pip.exit(time + 15)
        shell.do(time + 16, ["/usr/bin/systemctl", "reload", "app"], 0.3)
        shell.exit(time + 17)


def days(services, first, last):
    for day in range(first, last):
        services.day(day)


__all__ = ["BACKUP", "DAY", "MONITOR", "Services", "days"]

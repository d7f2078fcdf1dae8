"""People at work: when they come, from where, and what each of them types."""

from host import at, stream, weekday

GITHUB = ("140.82.121.3", "140.82.121.4")

# What everybody types, with weights; {n} becomes a number.
COMMON = {
    "ls -la": 20, "ls --color=auto": 20, "cat notes{n}.txt": 6, "less README.md": 5, "grep -rn foo{n} .": 8, "vim src/file{n}.py": 9,
    "find . -name *.py": 3, "tail -n 100 /var/log/syslog": 4, "df -h": 2, "du -sh .": 2, "ps aux": 3, "man grep": 1,
    "cp a{n} b{n}": 3, "mv a{n} b{n}": 3, "rm -f tmp{n}": 3, "mkdir dir{n}": 2, "head -n 20 data{n}.csv": 3, "wc -l data{n}.csv": 2, "sort data{n}.csv": 2,
    "date": 1, "clear": 4, "id": 0.3, "whoami": 0.2, "uptime": 1, "which python3": 0.7, "diff a{n} b{n}": 1.5, "tmux attach": 1, "htop": 1,
}
# A long tail: each is rare, so some come for the first time in any week.
RARE = ("bc xxd od tree file stat lsof strace nc dig host ping traceroute watch xargs tee cut paste comm uniq tac nl fold shuf seq factor jq yq "
        "zcat zgrep bzip2 xz unzip zip cpio rsync scp sftp wget curl lsblk blkid mount free vmstat iostat mpstat sar pidstat ss ip ethtool nproc lscpu "
        "getent groups last w who env printenv locale timedatectl hostnamectl loginctl crontab at screen nano ed sed awk perl ruby lua tclsh "
        "openssl gpg sha256sum md5sum base64 uuidgen column expand rev tr dos2unix iconv hexdump strings nm objdump readelf ldd gdb valgrind").split()


class Person:
    def __init__(self, name, uid, home, own, days, begins, hours, per_hour):
        self.name, self.uid, self.home, self.own = name, uid, home, own
        self.days, self.begins, self.hours, self.per_hour = days, begins, hours, per_hour
        words = {**COMMON, **own}
        self.lines, self.weights = list(words), list(words.values())


PEOPLE = [
    Person("alice", 1001, "84.112.7.33",
           {"git status": 30, "git diff": 14, "git commit -am wip{n}": 8, "git pull": 5, "git push": 5, "make": 12, "make test": 6, "cargo build": 4, "python3 run{n}.py": 8, "docker ps": 2},
           (0, 1, 2, 3, 4), 8.7, 8.5, 28),
    Person("bob", 1002, "84.112.90.4",
           {"psql app": 14, "pg_dump -t users app": 1, "sudo -u postgres psql": 3, "python3 report{n}.py": 5, "git pull": 1},
           (0, 1, 2, 3, 4), 9.3, 7.5, 15),
    Person("carol", 1003, "91.65.3.120",
           {"sudo systemctl status nginx": 6, "sudo journalctl -u app": 8, "ssh 10.0.0.20": 3, "ssh 10.0.0.5": 3, "sudo apt list --upgradable": 1, "curl -s http://127.0.0.1:8000/health": 5, "sudo tail -f /var/log/nginx/error.log": 4},
           (0, 1, 2, 3, 4, 5), 8.0, 8.0, 18),
    Person("dave", 1004, "84.112.7.90",
           {"python3 train{n}.py": 10, "jupyter nbconvert n{n}.ipynb": 2, "git pull": 3, "psql app": 2},
           (1, 3, 4), 10.2, 6.0, 14),
]
# Where programs are that do not lie in /usr/bin.
ELSEWHERE = {"python3": "/usr/bin/python3.11", "vim": "/usr/bin/vim.basic", "awk": "/usr/bin/mawk", "nc": "/usr/bin/nc.openbsd", "fstrim": "/usr/sbin/fstrim",
             "perl": "/usr/bin/perl", "cargo": "/home/alice/.cargo/bin/cargo", "jupyter": "/home/dave/.local/bin/jupyter", "psql": "/usr/lib/postgresql/15/bin/psql"}


def exe_of(name):
    return ELSEWHERE.get(name, f"/usr/bin/{name}")


def login(sshd, time, addr, uid, name, tty="pts/0"):
    """Somebody comes by ssh; returns his session and his shell."""
    session = sshd.run(time, ["/usr/sbin/sshd", "-D", "-R"], "/usr/sbin/sshd")
    session.accept(time + 0.01, addr, 22)
    user = session.fork(time + 0.6)
    user.keys.update(uid=uid, auid=uid, unit=f"session-{name}.scope")
    shell = user.run(time + 0.7, ["-bash"], "/usr/bin/bash", tty=True, cwd=f"/home/{name}", stdio=["tty", "tty", "tty"])
    for n, argv in enumerate((["/usr/bin/dircolors", "-b"], ["/usr/bin/lesspipe"])):
        shell.do(time + 0.8 + n * 0.02, argv)
    return session, user, shell


class People:
    def __init__(self, services, seed):
        self.services, self.seed = services, seed
        self.new_office = {"bob": (9, "84.112.200.7")}

    def day(self, day):
        for person in PEOPLE:
            rng = stream(self.seed, person.name, day)
            ill = rng.random() < 0.06
            overtime = not weekday(day) and rng.random() < 0.12
            if day % 7 in person.days and not ill:
                self.work(person, day, rng, person.begins + rng.gauss(0, 0.4), person.hours + rng.gauss(0, 0.6))
            elif overtime:
                self.work(person, day, rng, rng.uniform(10, 19), rng.uniform(0.5, 2))
            if weekday(day) and rng.random() < 0.08:
                # A look at the server in the evening.
                self.work(person, day, rng, rng.uniform(19.5, 22.5), rng.uniform(0.2, 0.7))

    def work(self, person, day, rng, begins, hours):
        begin = at(day, 0) + begins * 3_600
        addr = person.home
        if person.name in self.new_office and day >= self.new_office[person.name][0]:
            addr = self.new_office[person.name][1]
        session, user, shell = login(self.services.daemons["ssh"], begin, addr, person.uid, person.name)
        time, end = begin + 5, begin + hours * 3_600
        while time < end:
            # People type in bursts, and eat at noon.
            time += rng.expovariate(person.per_hour / 3_600) if rng.random() < 0.3 else rng.expovariate(1 / 12)
            if rng.random() < 0.02:
                time += rng.uniform(600, 3_600)
            time = self.type(person, shell, time, rng, day)
        for process in (shell, user, session):
            process.exit(max(time, end) + 1)

    def type(self, person, shell, time, rng, day):
        if rng.random() < 0.012:
            name = RARE[min(int(rng.expovariate(1 / 18)), len(RARE) - 1)]
            return shell.do(time, [name, f"arg{rng.randrange(50)}"], rng.uniform(0.01, 2), exe_of(name))
        if person.name == "alice" and day >= 9 and rng.random() < 0.05:
            # A tool that she has found last week.
            return shell.do(time, ["rg", f"foo{rng.randrange(40)}"], 0.1, "/usr/bin/rg")
        line = rng.choices(person.lines, person.weights)[0].replace("{n}", str(rng.randrange(40)))
        argv = line.split()
        special = {"git": self.git, "make": self.make, "cargo": self.cargo, "psql": self.database, "ssh": self.ssh, "curl": self.curl, "man": self.man, "sudo": self.sudo}
        return special.get(argv[0], self.plain)(shell, time, argv, rng)

    def plain(self, shell, time, argv, rng):
        return shell.do(time, argv, rng.uniform(0.005, 20 if argv[0] in ("vim", "less", "python3", "htop") else 0.3), exe_of(argv[0]))

    def git(self, shell, time, argv, rng):
        git = shell.run(time, argv, "/usr/bin/git")
        if argv[1] in ("pull", "push"):
            ssh = git.run(time + 0.05, ["ssh", "git@github.com"], "/usr/bin/ssh")
            ssh.connect(time + 0.1, rng.choice(GITHUB), 22)
            ssh.exit(time + 1.5)
        elif argv[1] == "diff":
            git.do(time + 0.05, ["less", "-FRX"], rng.uniform(0.1, 30), "/usr/bin/less")
        git.exit(time + 2)
        return time + 2

    def make(self, shell, time, argv, rng):
        make = shell.run(time, argv, "/usr/bin/make")
        for _ in range(rng.randrange(2, 14)):
            time += rng.uniform(0.2, 0.9)
            source = f"src/unit{rng.randrange(60)}.c"
            sub = make.run(time, ["/bin/sh", "-c", f"gcc -O2 -c {source}"], "/usr/bin/dash")
            gcc = sub.run(time + 0.01, ["gcc", "-O2", "-c", source], "/usr/bin/x86_64-linux-gnu-gcc-12")
            gcc.do(time + 0.02, ["/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "-quiet", source], 0.15)
            gcc.do(time + 0.18, ["as", "-o", "x.o"], 0.02, "/usr/bin/x86_64-linux-gnu-as")
            gcc.exit(time + 0.22)
            sub.exit(time + 0.23)
        link = make.run(time + 1, ["gcc", "-o", "app"], "/usr/bin/x86_64-linux-gnu-gcc-12")
        collect = link.run(time + 1.02, ["/usr/lib/gcc/x86_64-linux-gnu/12/collect2", "-o", "app"])
        collect.do(time + 1.04, ["/usr/bin/ld", "-o", "app"], 0.2, "/usr/bin/x86_64-linux-gnu-ld.bfd")
        collect.exit(time + 1.3)
        link.exit(time + 1.31)
        if "test" in argv:
            for n in range(rng.randrange(1, 5)):
                make.do(time + 1.4 + n, [f"/home/alice/app/build/test_{rng.randrange(12)}"], 0.4)
        make.exit(time + 8)
        return time + 8

    def cargo(self, shell, time, argv, rng):
        cargo = shell.run(time, argv, exe_of("cargo"))
        for n in range(rng.randrange(1, 9)):
            cargo.do(time + n, ["/home/alice/.rustup/toolchains/stable/bin/rustc", "--crate-name", f"unit{rng.randrange(30)}"], 0.9)
        cargo.exit(time + 10)
        return time + 10

    def database(self, shell, time, argv, rng):
        client = shell.run(time, argv, exe_of("psql"))
        client.connect(time + 0.05, "127.0.0.1", 5432)
        self.services.daemons["postgresql"].fork(time + 0.06).exit(time + 60)
        client.exit(time + rng.uniform(5, 200))
        return time + 5

    def ssh(self, shell, time, argv, rng):
        client = shell.run(time, argv, "/usr/bin/ssh")
        client.connect(time + 0.05, argv[1], 22)
        client.exit(time + rng.uniform(20, 900))
        return time + 20

    def curl(self, shell, time, argv, rng):
        client = shell.run(time, argv, "/usr/bin/curl")
        client.connect(time + 0.01, "127.0.0.1", 8000)
        client.exit(time + 0.1)
        return time + 0.1

    def man(self, shell, time, argv, rng):
        man = shell.run(time, argv, "/usr/bin/man")
        man.do(time + 0.1, ["/usr/bin/groff", "-mandoc"], 0.1)
        man.do(time + 0.2, ["less"], rng.uniform(3, 60), "/usr/bin/less")
        man.exit(time + 60)
        return time + 30

    def sudo(self, shell, time, argv, rng):
        sudo = shell.run(time, argv, "/usr/bin/sudo", euid=0)
        rest = argv[3:] if argv[1] == "-u" else argv[1:]
        uid = 110 if argv[1] == "-u" else 0
        time = sudo.do(time + 0.05, rest, rng.uniform(0.05, 10), exe_of(rest[0]), uid=uid)
        sudo.exit(time + 0.01)
        return time

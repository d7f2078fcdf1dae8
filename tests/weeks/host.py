"""A made-up host: processes that fork, run programs, talk and end, as JSON lines.

Owns process numbers, what children inherit, and the order of events. What happens on the
host, and when, is decided by the other files.
"""

import datetime
import json
import random

# A Monday, so that the days of a week are known by their number.
BEGIN = datetime.datetime(2026, 3, 2, tzinfo=datetime.timezone.utc).timestamp()
DAY = 86_400.0
INHERITED = ("uid", "auid", "tty", "cwd", "unit", "stdio")


def stream(seed, *names):
    """A source of randomness of its own for each activity: what one does never changes
    another."""
    return random.Random("/".join(map(str, (seed, *names))))


class Host:
    def __init__(self):
        self.events = []
        self.pids = 300
        self.begun = []
        self.init = Process(self, None, "/usr/lib/systemd/systemd", 1)
        self.init.keys = {"uid": 0, "unit": "init.scope", "tty": False, "cwd": "/",
                          "stdio": ["null", "null", "null"]}
        self.init.emit(BEGIN, "exec", exe=self.init.exe, argv=["/sbin/init"], ppid=0, **self.init.keys)

    def pid(self):
        self.pids += 1
        return self.pids

    def record(self):
        """Remembers the processes begun from now on; returns their list."""
        self.begun = []
        return self.begun

    def write(self, file, later=0.0, until=float("inf")):
        """All events in the order of time, one line each: so many seconds later than they
        were made up for, and none after a point in time."""
        self.events.sort(key=lambda event: event[:2])
        for time, _, event in self.events:
            time += later
            if time > until:
                break
            stamp = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
            text = stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            file.write(json.dumps({"time": text, **event}, separators=(",", ":")) + "\n")


class Process:
    def __init__(self, host, parent, exe, pid):
        self.host, self.parent, self.exe, self.pid = host, parent, exe, pid
        self.keys = dict(parent.keys) if parent else {}

    def emit(self, time, kind, **keys):
        event = {"kind": kind, "pid": self.pid, **keys}
        self.host.events.append((time, len(self.host.events), event))

    def fork(self, time):
        """A child that runs the same program."""
        child = Process(self.host, self, self.exe, self.host.pid())
        self.host.begun.append(child)
        self.emit(time, "fork", child=child.pid)
        return child

    def exec(self, time, argv, exe=None, backing="file", **keys):
        """Becomes another program, by default the one named first."""
        self.exe = exe or argv[0]
        self.keys.update(keys)
        event = {key: self.keys[key] for key in INHERITED if self.keys.get(key) is not None}
        if backing != "file":
            event["backing"] = backing
        ppid = self.parent.pid if self.parent else 0
        self.emit(time, "exec", exe=self.exe, argv=argv, ppid=ppid, euid=keys.get("euid", self.keys["uid"]), **event)
        return self

    def run(self, time, argv, exe=None, **keys):
        """A child that runs a program."""
        return self.fork(time).exec(time + 0.002, argv, exe, **keys)

    def do(self, time, argv, seconds=0.02, exe=None, **keys):
        """A child that runs a program and ends; returns the time of its end."""
        self.run(time, argv, exe, **keys).exit(time + 0.002 + seconds)
        return time + 0.002 + seconds

    def exit(self, time, code=0):
        self.emit(time, "exit", code=code)

    def connect(self, time, addr, port, proto="tcp"):
        self.emit(time, "connect", addr=addr, port=port, proto=proto)

    def accept(self, time, addr, port):
        self.emit(time, "accept", addr=addr, port=port)

    def open(self, time, path, access="r"):
        self.emit(time, "open", path=path, access=access)

    def unlink(self, time, path):
        self.emit(time, "unlink", path=path)


def at(day, hour, minute=0, second=0.0):
    return BEGIN + day * DAY + hour * 3_600 + minute * 60 + second


def weekday(day):
    return day % 7 < 5


def arrivals(rng, begin, end, per_hour):
    """Times of a Poisson process."""
    time = begin
    while True:
        time += rng.expovariate(per_hour / 3_600)
        if time >= end:
            return
        yield time


def internet(rng):
    """An address of somebody far away."""
    return f"{rng.choice((31, 45, 62, 77, 81, 91, 93, 104, 151, 178, 185))}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"

#!/usr/bin/env python3
"""Writes three weeks of a made-up server as JSON lines for `sentinelctl import`.

    generate.py --seed 1 EVENTS.jsonl TRUTH.json

One week to learn from, with services, scheduled jobs, people at work, builds and
upgrades; and two in which the same goes on, a little changed, with one or two attacks on
every other day, as many as a small budget of alerts can tell of. The same seed gives the same bytes, and attacks change nothing but what they add. TRUTH
says when learning ends, which days are benign, and which processes each attack has.
"""

import argparse
import json
import time

from attacks import CHAINS, begins
from host import BEGIN, DAY, Host, at, stream
from people import People
from services import Services

LEARN_DAYS, DAYS = 7, 21
ATTACK_DAYS = (8, 10, 12, 14, 16, 18, 20)


def week(seed, chains=True, plant=None, poison=0.0):
    """A host with all its events, and the truth about them."""
    host = Host()
    services = Services(host, seed)
    people = People(services, seed)
    for day in range(DAYS):
        services.day(day)
        people.day(day)
    truth = {"seed": seed, "begin": BEGIN, "learn_until": at(LEARN_DAYS, 0), "end": at(DAYS, 0),
             "benign_days": [day for day in range(LEARN_DAYS, DAYS) if day not in ATTACK_DAYS or not chains], "chains": []}
    if plant:
        # One attack happens once while learning goes on, and is not to be learned from it.
        CHAINS[plant](services, begins(plant, 3, stream(seed, "plant")), stream(seed, plant, "plant"))
    if poison:
        rng, benign, added = stream(seed, "poison"), len(host.events), 0
        while len(host.events) - benign < poison * benign * LEARN_DAYS / DAYS:
            name = rng.choice(sorted(CHAINS))
            CHAINS[name](services, at(rng.randrange(1, LEARN_DAYS), 0, 0, rng.uniform(0, DAY - 4_000)), rng)
            added += 1
        truth["poisoned_by"] = added
    for n, name in enumerate(CHAINS if chains else ()):
        day = ATTACK_DAYS[n % len(ATTACK_DAYS)]
        begin = begins(name, day, stream(seed, name, "begin"))
        begun, first = host.record(), len(host.events)
        CHAINS[name](services, begin, stream(seed, name))
        end = max(event[0] for event in host.events[first:])
        truth["chains"].append({"name": name, "day": day, "begin": begin, "end": end, "pids": [process.pid for process in begun]})
    return host, truth


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-chains", action="store_true", help="leave out all attacks")
    parser.add_argument("--plant", metavar="CHAIN", choices=sorted(CHAINS), help="let an attack happen once while learning goes on")
    parser.add_argument("--poison", metavar="SHARE", type=float, default=0.0, help="of the events learned from, how many are of attacks")
    parser.add_argument("events", type=argparse.FileType("w"))
    parser.add_argument("truth", type=argparse.FileType("w"))
    parser.add_argument("--until-now", metavar="DAYS", type=int, help="let the first so many days end now, whatever day of the week that is; TRUTH keeps the days as they were made up")
    args = parser.parse_args()
    host, truth = week(args.seed, not args.no_chains, args.plant, args.poison)
    later, until = 0.0, float("inf")
    if args.until_now:
        until = time.time()
        later = until - until % DAY - (args.until_now - 1) * DAY - BEGIN
    host.write(args.events, later, until)
    json.dump(truth, args.truth, indent=1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What the generator promises; prints one line of counts."""

import collections
import io
import sys

from attacks import CHAINS
from evaluate import match, stamp
from generate import week
from host import BEGIN, DAY

failed = []


def check(name, holds):
    print(f"{'ok' if holds else 'FAILED'}      {name}")
    if not holds:
        failed.append(name)


def lines(host):
    file = io.StringIO()
    host.write(file)
    return file.getvalue().splitlines()


def kinds(host, days):
    inside = [event for time, _, event in host.events if days[0] <= (time - BEGIN) // DAY < days[1]]
    return collections.Counter(event["kind"] for event in inside)


host, truth = week(1)
quiet, quiet_truth = week(1, chains=False)
check("the same seed gives the same lines", lines(host) == lines(week(1)[0]))
check("another seed gives others", lines(host) != lines(week(2)[0]))
check("attacks only add to what happens", set(lines(quiet)) < set(lines(host)))
check("each attack has processes of its own", len({pid for chain in truth["chains"] for pid in chain["pids"]}) == sum(len(chain["pids"]) for chain in truth["chains"]))
check("all attacks happen, none while learning", len(truth["chains"]) == len(CHAINS) and all(chain["begin"] > truth["learn_until"] for chain in truth["chains"]))
check("benign days have no attacks", not {chain["day"] for chain in truth["chains"]} & set(truth["benign_days"]) and len(quiet_truth["benign_days"]) == 14)
learned = kinds(host, (0, 7))
check("a week has 20,000 programs and 100,000 events", learned["exec"] > 20_000 and sum(learned.values()) > 100_000)
check("nights and weekends are quieter than work days", kinds(host, (5, 7))["exec"] / 2 < 0.8 * kinds(host, (0, 5))["exec"] / 5)
news = {event["exe"] for time, _, event in quiet.events if event["kind"] == "exec" and time >= truth["learn_until"]} - \
       {event["exe"] for time, _, event in quiet.events if event["kind"] == "exec" and time < truth["learn_until"]}
check(f"honest news comes later ({len(news)} programs)", 3 <= len(news) <= 60)
planted, _ = week(1, plant="miner")
check("a planted attack is in the week to learn from", any(event.get("exe") == "/tmp/kdevtmpfsi" and time < truth["learn_until"] for time, _, event in planted.events))
poisoned, poison_truth = week(1, poison=0.05)
extra = kinds(poisoned, (0, 7)).total() / learned.total() - 1
check(f"poisoning adds the share asked for ({extra:.3f})", 0.045 < extra < 0.065)
first = truth["chains"][0]
alert = {"time": stamp(first["begin"] + 5), "pid": first["pids"][0]}
other = {"time": stamp(truth["learn_until"] + 5), "pid": first["pids"][0]}
caught, false = match(truth, [alert, other])
check("an alert counts for the attack whose process it names, in its time only", list(caught) == [first["name"]] and false == [other])
file = io.StringIO()
quiet.write(file, later=5 * DAY, until=BEGIN + 8 * DAY)
moved = file.getvalue().splitlines()
check("moved in time, it is the same until it ends", len(moved) == sum(event[0] <= BEGIN + 3 * DAY for event in quiet.events)
      and [line.split(",", 1)[1] for line in moved] == [line.split(",", 1)[1] for line in lines(quiet)[:len(moved)]])
print(f"{13 - len(failed)} passed, {len(failed)} failed, 0 skipped")
sys.exit(bool(failed))

#!/usr/bin/env python3
"""Judges what a learned week is worth: alerts on benign days, and attacks caught.

    evaluate.py [--seeds 5] [--bin target/release] [--networks] [--plant CHAIN | --poison 0.05]

For each seed a host is made up, imported, and replayed with the first week to learn from,
by the programs that a user has. An attack is caught where an alert names one of its
processes, or a process that it has begun. On benign days each detector's p-values are held
against what they promise: one event in a thousand has at most a thousandth. Ends with 1 where
a goal is missed.
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from attacks import CHAINS
from generate import week
from host import BEGIN, DAY

ALERTS_PER_DAY_MAX = 3
RECALL_MIN = 0.9
# Alerts come some time after what they are about.
LATE_SECONDS = 900
# What was judged on a day, as `sentinel replay` tells it.
TAIL = re.compile(r"(\d{4}-\d\d-\d\d): p <= 0.001: (.*)")
TAIL_MAX = 2.0
# A tail of fewer expected events says nothing about a detector.
EXPECTED_MIN = 5.0


def stamp(seconds):
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def replay(programs, folder, host, truth, networks):
    """What the programs say of the weeks after the one that is learned from: alerts, and for
    each day and detector how many events were judged, and how many were in the tail."""
    events, data = folder / "events.jsonl", folder / "data"
    with events.open("w") as file:
        host.write(file)
    said = subprocess.run([programs / "sentinelctl", "import", events, data], capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"evaluate: sentinelctl import failed: {said.stderr.strip()}")
    command = [programs / "sentinel", "replay", data, "--learn-until", stamp(truth["learn_until"]), "--json"]
    said = subprocess.run(command + ["--networks"] * networks, capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"evaluate: sentinel replay failed: {said.stderr.strip()}")
    found = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    return found, tails(said.stderr)


def tails(text):
    """By day since the week began and by detector: events in the tail, and events judged."""
    days = {}
    for date, counts in TAIL.findall(text):
        day = round((seconds(date + "T00:00:00Z") - BEGIN) / DAY)
        days[day] = {name: (int(tail), int(judged)) for name, tail, judged in re.findall(r"(\w+) (\d+) of (\d+)", counts)}
    return days


def calibration(days, benign):
    """By detector: events in the tail on benign days, and how many there should have been."""
    sums = collections.defaultdict(lambda: (0, 0.0))
    for day in benign:
        for name, (tail, judged) in days.get(day, {}).items():
            sums[name] = (sums[name][0] + tail, sums[name][1] + judged / 1000)
    return sums


def match(truth, found):
    """The chains that each alert is about, by name, and the alerts that are about none."""
    caught, false = collections.defaultdict(list), []
    for alert in found:
        time = seconds(alert["time"])
        names = [chain["name"] for chain in truth["chains"]
                 if alert["pid"] in chain["pids"] and chain["begin"] - 1 <= time <= chain["end"] + LATE_SECONDS]
        for name in names:
            caught[name].append(alert)
        if not names:
            false.append(alert)
    return caught, false


def sizes(found):
    """How unlikely each alert says that it is, where it says so."""
    return [alert["p"] if alert.get("p") is not None else alert["score"] for alert in found
            if alert.get("p") is not None or alert.get("score") is not None]


def judge(truth, found, verbose):
    caught, false = match(truth, found)
    per_day = collections.Counter(int((seconds(alert["time"]) - BEGIN) // DAY) for alert in false)
    benign = [per_day[day] for day in truth["benign_days"]]
    missed = [chain["name"] for chain in truth["chains"] if chain["name"] not in caught]
    if verbose:
        for alert in false:
            print(f"    false: {alert['time']} {alert['detection']} {alert.get('exe')}: {alert['summary']}")
    return {"benign": benign, "caught": caught, "missed": missed, "false": false}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("target/release"))
    parser.add_argument("--networks", action="store_true", help="train the networks each night, which takes minutes")
    parser.add_argument("--plant", metavar="CHAIN", choices=[*sorted(CHAINS), "each"], help="let this attack happen once while learning goes on, or with each seed another; it must be caught all the same")
    parser.add_argument("--poison", metavar="SHARE", type=float, default=0.0, help="of the events learned from, how many are of attacks")
    parser.add_argument("--verbose", action="store_true", help="print each false alert")
    args = parser.parse_args()
    days, chains, recalled, all_sizes, kinds = [], 0, 0, [], collections.Counter()
    planted_missed, in_tail = [], collections.defaultdict(lambda: (0, 0.0))
    for seed in range(args.seeds):
        plant = sorted(CHAINS)[seed % len(CHAINS)] if args.plant == "each" else args.plant
        host, truth = week(seed, plant=plant, poison=args.poison)
        with tempfile.TemporaryDirectory() as folder:
            found, judged = replay(args.bin.resolve(), pathlib.Path(folder), host, truth, args.networks)
        for name, (observed, nominal) in calibration(judged, truth["benign_days"]).items():
            in_tail[name] = (in_tail[name][0] + observed, in_tail[name][1] + nominal)
        result = judge(truth, found, args.verbose)
        days += result["benign"]
        chains += len(truth["chains"])
        recalled += len(result["caught"])
        all_sizes += sizes(found)
        for about in result["caught"].values():
            kinds.update({alert["detection"] for alert in about})
        if plant in result["missed"]:
            planted_missed.append(f"{plant} with seed {seed}")
        print(f"seed {seed}: {len(found)} alerts; on benign days {result['benign']}; "
              f"{len(result['caught'])} of {len(truth['chains'])} attacks caught"
              + (f", missed {', '.join(result['missed'])}" if result["missed"] else "")
              + (f", {plant} was there once while learning" if plant else ""), flush=True)
    recall = recalled / chains
    print(f"false alerts per benign day: mean {statistics.mean(days):.2f}, most {max(days)} (goal: {ALERTS_PER_DAY_MAX} or fewer)")
    print(f"attacks caught: {recalled} of {chains}, {recall:.0%} (goal: {RECALL_MIN:.0%} or more); by " + ", ".join(f"{name} {n}" for name, n in kinds.most_common()))
    print("observed over nominal tail rate at 1e-3 on benign days: " +
          ", ".join(f"{name} {observed / nominal:.2f}" for name, (observed, nominal) in in_tail.items() if nominal > 0) + f" (goal: {TAIL_MAX:.0f} or less)")
    wrong = []
    if not in_tail:
        wrong.append("nothing was judged on benign days")
    for name, (observed, nominal) in in_tail.items():
        if nominal >= EXPECTED_MIN and observed > TAIL_MAX * nominal:
            wrong.append(f"of {name}'s p-values, {observed} are at most 0.001, where {nominal:.0f} should be")
    if max(days) > ALERTS_PER_DAY_MAX:
        wrong.append("too many alerts on a benign day")
    # Whole attacks that were seen on several days of learning are as normal as anything that
    # repeats; what poison must not do is to make honest days noisy or p-values wrong.
    if recall < RECALL_MIN and not args.poison:
        wrong.append("too few attacks caught")
    if planted_missed:
        wrong.append(f"seen once while learning, and missed later: {', '.join(planted_missed)}")
    # A model that has collapsed says the same of everything.
    if len(all_sizes) >= 10 and len(set(all_sizes)) < len(all_sizes) / 10:
        wrong.append("nearly all alerts have the same score")
    for sentence in wrong:
        print(f"failed: {sentence}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

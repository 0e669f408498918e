"""PyrateLimiter's RedisBucket, called as src/bin/stores/contests/redis_calls.rs calls ours.

Usage: pyrate_limiter_calls.py PORT

For each line with two spans in seconds it calls for the first one until its windows are full, and then measures for the
second one. It answers with three medians in microseconds: a rate that is never reached, some of 1,000 in 2 s at the pace
at which a full window lets one more start, and some of three such rates at once. They take turns, each back to back.
"""

import sys
from statistics import median
from time import perf_counter, perf_counter_ns

from pyrate_limiter import Limiter, Rate, RedisBucket
from redis import Redis

STARTS = 1_000
WINDOW_MS = 2_000
PACE = 0.002
BUCKETS = 3
TURN = 0.005
# Who is late calls the more often, until the window is full again, but not for longer than this.
LATE = 0.1


def limiter(port, name, *rates):
    return Limiter(RedisBucket.init(list(rates), Redis(port=port), name))


class Paced:
    """A limiter of full windows, and when it lets one more start."""

    def __init__(self, limiter):
        self.limiter = limiter
        self.due = 0.0

    def call_if_due(self, took):
        begun = perf_counter()
        if begun < self.due:
            return
        self.due = max(self.due, begun - LATE)
        micros, is_granted = timed(self.limiter)
        if is_granted:
            took.append(micros)
            self.due += PACE
        else:
            self.due = begun + PACE / 2


def take_turn(windows, took):
    """Calls those that are due until none is, for a turn at most."""
    end = perf_counter() + TURN
    while True:
        before = len(took)
        for paced in windows:
            paced.call_if_due(took)
        if len(took) == before or perf_counter() >= end:
            return


def timed(limiter):
    begun = perf_counter_ns()
    is_granted = limiter.try_acquire("calls", blocking=False)
    return (perf_counter_ns() - begun) / 1e3, is_granted


def main():
    port = int(sys.argv[1])
    # It knows rates by their log alone.
    always = limiter(port, "pyrate-always", Rate(1_000_000, 1_000))
    sliding = [
        Paced(limiter(port, f"pyrate-sliding{index}", Rate(STARTS, WINDOW_MS)))
        for index in range(BUCKETS)
    ]
    rates = [Rate(STARTS // part, WINDOW_MS // part) for part in (4, 2, 1)]
    three = [Paced(limiter(port, f"pyrate-three{index}", *rates)) for index in range(BUCKETS)]

    def call_for(span):
        took = ([], [], [])
        end = perf_counter() + span
        while perf_counter() < end:
            turn_end = perf_counter() + TURN
            while perf_counter() < turn_end:
                micros, is_granted = timed(always)
                assert is_granted, "this rate is never reached"
                took[0].append(micros)
            take_turn(sliding, took[1])
            take_turn(three, took[2])
        return took

    for line in sys.stdin:
        fill, span = map(float, line.split())
        call_for(fill)
        print(*(median(took) for took in call_for(span)), flush=True)


main()

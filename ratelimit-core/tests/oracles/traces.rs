//! All the traces there are, and what is made of them: the one list that says so.

/// What is made of the traces of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// Every event of them is replayed, but for so many that are left out.
    Compared(Events),
    /// The same elsewhere, by a policy that is no part of the engine: in that folder of the workspace, as single files.
    ByExample(&'static str, Events),
    /// Not there, and why.
    NotCompared(&'static str),
}

/// How many traces there are of a kind, how many of their events are compared, and how many are left out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) traces: usize,
    pub(crate) compared: usize,
    pub(crate) left_out: usize,
    pub(crate) why: &'static str,
}

const fn all(traces: usize, compared: usize) -> Use {
    Use::Compared(Events { traces, compared, left_out: 0, why: "" })
}

const fn but(traces: usize, compared: usize, left_out: usize, why: &'static str) -> Use {
    Use::Compared(Events { traces, compared, left_out, why })
}

const PARTED: &str =
    "once the two states have parted on purpose, up to the next time at which both are fresh";

/// By kind, `<peer>/<kind>`, in that order. Those of `asyncutils` are replayed by the tests of the leaky bucket.
pub(crate) const TRACES: [(&str, Use); 27] = [
    ("asyncutils/leaky-acquire", all(6, 680)),
    ("asyncutils/leaky-drain", all(7, 1072)),
    ("asyncutils/leaky-wait", all(7, 1024)),
    (
        "asyncutils/token-bug-reference",
        Use::NotCompared(
            "a defect: what it lacks is waited for, and the time of the wait credited a second time, so that up to \
             twice the rate passes; our token bucket is the one of the laws",
        ),
    ),
    ("governor/direct", all(15, 2448)),
    ("governor/keyed", all(5, 880)),
    ("hikari/rest", all(8, 1331)),
    ("hikari/windowed", but(10, 1454, 290, PARTED)),
    (
        "limits/fixed-hit",
        Use::NotCompared(
            "a refused call counts as well there, which law 4 rules out: a refusal changes nothing; the same window \
             asked first is `limits/fixed-test-hit`",
        ),
    ),
    ("limits/fixed-test-hit", all(8, 1262)),
    ("limits/moving", all(10, 1920)),
    (
        "limits/sliding-counter",
        // No rate of ours is meant so; the example replays them on its own policy (`examples/own_policy/replay.rs`).
        Use::ByExample(
            "examples/own_policy/fixtures",
            Events { traces: 10, compared: 1693, left_out: 0, why: "" },
        ),
    ),
    ("pyrate/blocking", all(6, 550)),
    (
        "pyrate/fixed-aligned",
        but(7, 1230, 184, "its windows are aligned to its clock, ours open at their first use"),
    ),
    ("pyrate/gcra", all(8, 1073)),
    ("pyrate/sliding-1", all(10, 2785)),
    ("pyrate/sliding-2", all(10, 1698)),
    ("pyrate/sliding-3", all(10, 2045)),
    ("pyrate/sliding-v2", all(7, 1178)),
    ("pyrate/validate", but(1, 123, 27, "a bucket of no rate is made by another constructor")),
    ("tokenfloat/try", all(10, 2029)),
    ("tokenfloat/wait", all(5, 740)),
    ("xtime/allow", all(7, 1250)),
    ("xtime/allow-float", but(4, 763, 98, PARTED)),
    ("xtime/reconfigure", but(4, 405, 644, PARTED)),
    ("xtime/reserve", but(7, 755, 364, PARTED)),
    ("xtime/reserve-float", but(3, 201, 177, PARTED)),
];

/// What the list says of `kind`.
pub(crate) fn listed(kind: &str) -> Option<Events> {
    TRACES.iter().find_map(|(known, made)| match made {
        Use::Compared(events) if *known == kind => Some(*events),
        _ => None,
    })
}

//! The parameters, as one table.

use syn::Ident;
use syn::ext::IdentExt;

use super::suggest;

/// The parameters by meaning; [`TABLE`] gives each its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    Bucket,
    Key,
    Weight,
    MaxDelay,
    Rate,
    Burst,
    OnLimited,
    Permit,
    Feedback,
    Registry,
    Crate,
}

/// One parameter. Duplicates, unknown names and proposals are all read off this table, so that no check of one
/// parameter can disagree with that of another.
pub(super) struct Row {
    pub(super) parameter: Parameter,
    pub(super) name: &'static str,
    /// What a message shows as the right way to write it.
    pub(super) example: &'static str,
    /// Whether its name says enough without a value.
    pub(super) alone: bool,
    /// What other limiters call it: an edit distance would not find these.
    pub(super) foreign: &'static [&'static str],
}

pub(super) const TABLE: [Row; 11] = [
    Row {
        parameter: Parameter::Bucket,
        name: "bucket",
        example: "bucket = \"name\"",
        alone: false,
        foreign: &["name", "limiter", "limit_name", "limiter_name", "id", "rate_limited"],
    },
    Row {
        parameter: Parameter::Key,
        name: "key",
        example: "key = \"{user}\"",
        alone: false,
        foreign: &["by", "key_by", "key_fn", "keys", "partition"],
    },
    Row {
        parameter: Parameter::Weight,
        name: "weight",
        example: "weight = 2",
        alone: false,
        foreign: &["permits", "tokens", "cost", "units", "n", "consume"],
    },
    Row {
        parameter: Parameter::MaxDelay,
        name: "max_delay",
        example: "max_delay = \"500ms\"",
        alone: false,
        foreign: &["delay", "timeout", "wait", "max_wait", "timeout_duration", "block", "blocking"],
    },
    Row {
        parameter: Parameter::Rate,
        name: "rate",
        example: "rate = \"10/s\"",
        alone: false,
        foreign: &[
            "rps",
            "qps",
            "per",
            "per_second",
            "per_minute",
            "per_hour",
            "per_day",
            "every",
            "requests",
            "calls",
            "max_requests",
            "max_calls",
            "max_rate",
            "period",
            "interval",
            "window",
            "limit",
            "quota",
            "limit_for_period",
        ],
    },
    Row {
        parameter: Parameter::Burst,
        name: "burst",
        example: "burst = 5",
        alone: false,
        foreign: &["capacity", "max_burst", "burst_size", "bucket_size"],
    },
    Row {
        parameter: Parameter::OnLimited,
        name: "on_limited",
        example: "on_limited = |err| ..",
        alone: false,
        foreign: &["fallback", "fallback_method", "map_err", "default", "on_error", "on_limit", "or_else"],
    },
    Row {
        parameter: Parameter::Permit,
        name: "permit",
        example: "permit = permit",
        alone: false,
        foreign: &["bind", "binding", "ticket", "lease"],
    },
    Row {
        parameter: Parameter::Feedback,
        name: "feedback",
        example: "feedback = |answer| ..",
        alone: true,
        foreign: &["observe", "learn", "answer", "response", "on_response", "headers", "server_feedback"],
    },
    Row {
        parameter: Parameter::Registry,
        name: "registry",
        example: "registry = self.limits",
        alone: false,
        foreign: &["limits", "limiters", "store"],
    },
    Row {
        parameter: Parameter::Crate,
        name: "crate",
        example: "crate = ::rate_limited",
        alone: false,
        foreign: &["krate"],
    },
];

impl Row {
    /// The right ways to write it, for a message.
    pub(super) fn ways(&self) -> String {
        let Row { name, example, alone, .. } = self;
        if *alone { format!("`{name}` alone, or as in `{example}`") } else { format!("it as in `{example}`") }
    }
}

impl Parameter {
    pub(super) fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.parameter == self).map_or("", |row| row.name)
    }
}

/// What a name that was written stands for.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Own(&'static Row),
    Foreign(&'static Row),
    Near(&'static Row),
    Unknown,
}

pub(super) fn meaning(name: &Ident) -> Meaning {
    let text = name.unraw().to_string();
    let named = |name: &str| TABLE.iter().find(|row| row.name == name);
    if let Some(row) = named(&text) {
        return Meaning::Own(row);
    }
    if let Some(row) = TABLE.iter().find(|row| row.foreign.contains(&text.as_str())) {
        return Meaning::Foreign(row);
    }
    suggest::nearest(&text, TABLE.iter().map(|row| row.name))
        .and_then(named)
        .map_or(Meaning::Unknown, Meaning::Near)
}

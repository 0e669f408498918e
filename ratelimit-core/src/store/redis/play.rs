//! Plays asks: the common ones by a script that decides, all others by reading, judging here, and writing what comes of it
//! if nobody was faster.

use std::sync::Arc;
use std::time::Duration;

use super::numbers;
use super::script::{Script, Scripts};
use super::transport::{Args, Command, Reply, Transport};
use crate::clock::{Clock, SystemClock};
use crate::store::{Answer, Ask, Entry, Failure, Written};
use crate::time::Timestamp;

/// How many asks one script plays at most: nobody else is served meanwhile.
const MOST: usize = 128;
/// How often what others changed meanwhile is read again.
const TRIES: u32 = 64;

/// One call of a store's, with the time that it may take.
#[derive(Debug)]
pub(super) struct Player<'a> {
    transport: &'a dyn Transport,
    scripts: &'a Scripts,
    /// What every key begins with.
    prefix: &'a str,
    until: Timestamp,
}

/// What is asked of one bucket by the same limits, in order.
#[derive(Debug)]
struct Group<'a> {
    bucket: &'a str,
    /// The first that is asked.
    first: &'a Ask,
    script: Arc<Script>,
    /// By their places among all that is asked.
    places: Vec<usize>,
    keys: Args,
    rest: Args,
}

/// Of each entry the record that was read.
type States = Vec<Option<Vec<u8>>>;
type Answers = Vec<Option<Result<Answer, Failure>>>;

impl<'a> Player<'a> {
    pub(super) fn new(
        transport: &'a dyn Transport,
        scripts: &'a Scripts,
        prefix: &'a str,
        timeout: Duration,
    ) -> Self {
        let until = SystemClock.now().saturating_add(timeout);
        Player { transport, scripts, prefix, until }
    }

    /// Plays `asks`. Of each bucket the next are sent together, up to the first that is not the common case, which has to
    /// be over before those behind it are sent. Buckets share nothing: so the order between them cannot be seen.
    pub(super) fn play(&self, asks: &[Ask]) -> Vec<Result<Answer, Failure>> {
        let mut answers: Answers = vec![None; asks.len()];
        let mut tries = vec![0; asks.len()];
        while answers.iter().any(Option::is_none) {
            if self.left().is_zero() {
                for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                    *answer = Some(Err(Failure::no_time()));
                }
                break;
            }
            let (groups, alone) = self.groups(asks, &answers);
            let odd = self.play_groups(asks, groups, &mut answers);
            for place in alone.into_iter().chain(odd) {
                let parts = (asks.get(place), answers.get_mut(place), tries.get_mut(place));
                let (Some(ask), Some(answer), Some(tries)) = parts else { continue };
                *tries += 1;
                // Who was overtaken comes again with the next round, as what made it odd may be over.
                *answer = self.play_here(ask).transpose().or_else(|| {
                    let busy = || format!("others changed the state {TRIES} times while it was looked at");
                    (*tries >= TRIES).then(|| Err(Failure::of_state(busy())))
                });
            }
        }
        answers.into_iter().flatten().collect()
    }

    /// What is to be sent next, for each bucket: a group of common asks, or one that has to be played alone.
    fn groups<'b>(&self, asks: &'b [Ask], answers: &Answers) -> (Vec<Group<'b>>, Vec<usize>) {
        let (mut groups, mut alone): (Vec<Group<'b>>, _) = (Vec::new(), Vec::new());
        // Those of which no more is to be sent in this round.
        let mut closed: Vec<&str> = Vec::new();
        let open = asks.iter().zip(answers).enumerate().filter(|(_, (_, answer))| answer.is_none());
        let open: Vec<(usize, &Ask)> = open.map(|(place, (ask, _))| (place, ask)).collect();
        for alike in open.chunk_by(|(_, one), (_, other)| numbers::are_alike(one, other)) {
            let [(place, ask), ..] = *alike else { continue };
            let Some(bucket) = ask.entries().next().map(Entry::bucket) else {
                alone.push(place);
                continue;
            };
            if closed.contains(&bucket) {
                continue;
            }
            let script = self.scripts.acquire(ask);
            let known = groups.iter().position(|group| group.bucket == bucket);
            let taken = script.and_then(|script| {
                let index = known.unwrap_or_else(|| {
                    let (keys, rest) = (Args::with_room(), Args::with_room());
                    groups.push(Group {
                        bucket,
                        first: ask,
                        script: Arc::clone(&script),
                        places: Vec::new(),
                        keys,
                        rest,
                    });
                    groups.len() - 1
                });
                let group =
                    groups.get_mut(index).filter(|group| numbers::are_of_one_limit(group.first, ask))?;
                self.add(group, alike)
            });
            if taken == Some(alike.len()) {
                continue;
            }
            closed.push(bucket);
            if taken.is_none() && known.is_none() {
                alone.push(place);
            }
        }
        groups.retain(|group| !group.places.is_empty());
        (groups, alone)
    }

    /// Adds what is alike to a group, as far as there is room: how many; `None` if none.
    fn add(&self, group: &mut Group<'_>, alike: &[(usize, &Ask)]) -> Option<usize> {
        let (before, taken) = (group.rest.len(), alike.len().min(MOST - group.places.len()));
        let (_, ask) = alike.first().filter(|_| taken > 0)?;
        if numbers::push_argument(ask, taken, &mut group.rest).is_none() {
            group.rest.truncate(before);
            return None;
        }
        self.push_keys(ask, &mut group.keys);
        group.places.extend(alike.iter().take(taken).map(|(place, _)| *place));
        Some(taken)
    }

    /// Plays the groups, and gives those that turned out not to be the common case: the first of what remains of a group.
    fn play_groups(&self, asks: &[Ask], groups: Vec<Group<'_>>, answers: &mut Answers) -> Vec<usize> {
        let of_group = |Group { script, places, keys, rest, .. }| ((script, keys, rest), places);
        let (calls, groups): (Vec<_>, Vec<_>) = groups.into_iter().map(of_group).unzip();
        let mut odd = Vec::new();
        for (reply, places) in self.call(calls).into_iter().zip(groups) {
            let asked: Vec<_> = places.iter().filter_map(|place| asks.get(*place)).collect();
            let played = reply.and_then(Reply::bytes).and_then(|reply| {
                let no_sense = || Failure::strange("the server's script replied what makes no sense");
                numbers::answers(&reply, &asked).ok_or_else(no_sense)
            });
            match played {
                Ok(played) => {
                    odd.extend(places.get(played.len()));
                    for (place, answer) in places.iter().zip(played) {
                        answers.get_mut(*place).map(|to| to.insert(Ok(answer)));
                    }
                }
                // Which of them were played nobody knows: all of them count as spent.
                Err(failure) => {
                    for place in &places {
                        answers.get_mut(*place).map(|to| to.insert(Err(failure.clone())));
                    }
                }
            }
        }
        odd
    }

    /// Plays `ask` by what this program knows: it reads, judges, and writes; `None` if somebody else wrote meanwhile.
    fn play_here(&self, ask: &Ask) -> Result<Option<Answer>, Failure> {
        let (mut keys, mut rest) = (Args::with_room(), Args::default());
        self.push_keys(ask, &mut keys);
        let read = self.call_one(&self.scripts.read, keys.clone(), Args::default())?;
        let (now, states) = read_reply(read, keys.len())?;
        let known: Vec<Option<&[u8]>> = states.iter().map(Option::as_deref).collect();
        let judged = ask.judge(now, &known)?;
        if judged.writes().all(|write| write.is_none()) {
            return Ok(Some(judged.into_answer()));
        }
        for (known, write) in known.iter().zip(judged.writes()) {
            rest.push(known.unwrap_or_default());
            rest.push(write.map_or(&[], Written::state));
            let ends = write.map_or(0, |write| (now + write.keep_for()).as_micros().div_ceil(1000));
            rest.push(ends.to_string().as_bytes());
        }
        match self.call_one(&self.scripts.swap, keys, rest)? {
            Reply::Integer(1) => Ok(Some(judged.into_answer())),
            Reply::Integer(0) => Ok(None),
            other => Err(other.unexpected()),
        }
    }

    fn push_keys(&self, ask: &Ask, keys: &mut Args) {
        for entry in ask.entries() {
            let (mark, key) = entry.suffix();
            keys.push_parts(&[self.prefix, entry.bucket(), "}", mark, key]);
        }
    }

    fn call_one(&self, script: &Arc<Script>, keys: Args, rest: Args) -> Result<Reply, Failure> {
        self.call(vec![(Arc::clone(script), keys, rest)]).pop().unwrap_or_else(|| Err(no_reply()))
    }

    /// Calls scripts by their hashes; those that the server does not know it is sent as text, once.
    ///
    /// The text in place of `SCRIPT LOAD` and the hash once more: nobody can make the server forget it in between.
    fn call(&self, calls: Vec<(Arc<Script>, Args, Args)>) -> Vec<Result<Reply, Failure>> {
        let by_hash = |(script, keys, rest): (Arc<Script>, _, _)| {
            (Command::script("EVALSHA", &script.hash, keys, rest), script)
        };
        let (commands, scripts): (Vec<_>, Vec<_>) = calls.into_iter().map(by_hash).unzip();
        let mut replies = self.send(&commands);
        if !replies.iter().any(is_unknown) {
            return replies;
        }
        let (unknown, by_text): (Vec<_>, Vec<_>) = replies
            .iter_mut()
            .zip(commands.into_iter().zip(scripts))
            .filter(|(reply, _)| is_unknown(reply))
            .map(|(reply, (command, script))| (reply, command.and_script("EVAL", &script.text)))
            .unzip();
        for (unknown, reply) in unknown.into_iter().zip(self.send(&by_text)) {
            *unknown = reply;
        }
        replies
    }

    /// As many replies as there are commands.
    fn send(&self, commands: &[Command]) -> Vec<Result<Reply, Failure>> {
        if commands.is_empty() {
            return Vec::new();
        }
        let left = self.left();
        if left.is_zero() {
            return commands.iter().map(|_| Err(Failure::no_time())).collect();
        }
        let mut replies = self.transport.send(commands, left);
        replies.resize_with(commands.len(), || Err(no_reply()));
        replies
    }

    fn left(&self) -> Duration {
        self.until.saturating_since(SystemClock.now())
    }
}

fn no_reply() -> Failure {
    Failure::new("the transport gave no reply")
}

fn is_unknown(reply: &Result<Reply, Failure>) -> bool {
    matches!(reply, Ok(Reply::Error(text)) if text.starts_with("NOSCRIPT"))
}

/// The time, and the records.
fn read_reply(reply: Reply, entries: usize) -> Result<(Duration, States), Failure> {
    let Reply::List(list) = reply else { return Err(reply.unexpected()) };
    let number = |reply: Option<&Reply>| match reply {
        Some(Reply::Bytes(digits)) => str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        _ => None,
    };
    let time = number(list.first()).zip(number(list.get(1)));
    let states = list.iter().skip(2).map(|reply| match reply {
        Reply::Nil => Some(None),
        Reply::Bytes(bytes) => Some(Some(bytes.clone())),
        _ => None,
    });
    match (time, states.collect::<Option<Vec<_>>>()) {
        (Some((seconds, micros)), Some(states)) if states.len() == entries => {
            let now = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros));
            Ok((now, states))
        }
        _ => Err(Reply::List(list).unexpected()),
    }
}

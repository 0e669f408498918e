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
    /// With their places among all that is asked.
    asked: Vec<(usize, &'a Ask)>,
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
        // Of those that are played alone; as a rule there are none.
        let mut tries = Vec::new();
        loop {
            let (groups, alone) = self.groups(asks, &answers);
            let odd = self.play_groups(groups, &mut answers);
            for place in alone.into_iter().chain(odd) {
                tries.resize(asks.len(), 0);
                let parts = (asks.get(place), answers.get_mut(place), tries.get_mut(place));
                let (Some(ask), Some(answer), Some(tries)) = parts else { continue };
                *tries += 1;
                // Who was overtaken comes again with the next round, as what made it odd may be over.
                *answer = self.play_here(ask).transpose().or_else(|| {
                    let busy = || format!("others changed the state {TRIES} times while it was looked at");
                    (*tries >= TRIES).then(|| Err(Failure::of_state(busy())))
                });
            }
            if answers.iter().all(Option::is_some) || self.left().is_zero() {
                break;
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(Failure::no_time()))).collect()
    }

    /// What is to be sent next, for each bucket: a group of common asks, or one that has to be played alone.
    fn groups<'b>(&self, asks: &'b [Ask], answers: &Answers) -> (Vec<Group<'b>>, Vec<usize>) {
        let (mut groups, mut alone): (Vec<Group<'b>>, _) = (Vec::new(), Vec::new());
        // Those of which no more is to be sent in this round.
        let mut closed: Vec<&str> = Vec::new();
        let mut open: Vec<(usize, &Ask)> = Vec::with_capacity(asks.len());
        let all = asks.iter().zip(answers).enumerate();
        open.extend(all.filter(|(_, (_, answer))| answer.is_none()).map(|(place, (ask, _))| (place, ask)));
        for alike in open.chunk_by(|(_, one), (_, other)| numbers::are_alike(one, other)) {
            let [(place, ask), ..] = *alike else { continue };
            let Some(bucket) = ask.all_entries().next().map(Entry::bucket) else {
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
                    groups.push(Group { bucket, first: ask, script, asked: Vec::new(), keys, rest });
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
        groups.retain(|group| !group.asked.is_empty());
        (groups, alone)
    }

    /// Adds what is alike to a group, as far as there is room: how many; `None` if none.
    fn add<'b>(&self, group: &mut Group<'b>, alike: &[(usize, &'b Ask)]) -> Option<usize> {
        let (before, taken) = (group.rest.len(), alike.len().min(MOST - group.asked.len()));
        let alike = alike.get(..taken)?;
        let (_, ask) = alike.first()?;
        if numbers::push_argument(ask, taken, &mut group.rest).is_none() {
            group.rest.truncate(before);
            return None;
        }
        self.push_keys(ask, &mut group.keys);
        group.asked.extend_from_slice(alike);
        Some(taken)
    }

    /// Plays the groups, and gives those that turned out not to be the common case: the first of what remains of a group.
    fn play_groups(&self, mut groups: Vec<Group<'_>>, answers: &mut Answers) -> Vec<usize> {
        let mut calls = Vec::with_capacity(groups.len());
        for Group { script, keys, rest, .. } in &mut groups {
            calls.push((&**script, std::mem::take(keys), std::mem::take(rest)));
        }
        let mut odd = Vec::new();
        for (reply, Group { asked, .. }) in self.call(calls).into_iter().zip(&groups) {
            let played = reply.and_then(Reply::bytes).and_then(|reply| {
                let no_sense = || Failure::strange("the server's script replied what makes no sense");
                numbers::answers(&reply, asked).ok_or_else(no_sense)
            });
            match played {
                Ok(played) => {
                    odd.extend(asked.get(played.len()).map(|(place, _)| *place));
                    for ((place, _), answer) in asked.iter().zip(played) {
                        answers.get_mut(*place).map(|to| to.insert(Ok(answer)));
                    }
                }
                // Which of them were played nobody knows: all of them count as spent.
                Err(failure) => {
                    for (place, _) in asked {
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
        for entry in ask.all_entries() {
            let (mark, key) = entry.suffix();
            keys.push_parts(&[self.prefix, entry.bucket(), "}", mark, key]);
        }
    }

    fn call_one(&self, script: &Script, keys: Args, rest: Args) -> Result<Reply, Failure> {
        self.call(vec![(script, keys, rest)]).pop().unwrap_or_else(|| Err(no_reply()))
    }

    /// Calls scripts by their hashes; those that the server does not know it is sent as text, once.
    ///
    /// The text in place of `SCRIPT LOAD` and the hash once more: nobody can make the server forget it in between.
    fn call(&self, mut calls: Vec<(&Script, Args, Args)>) -> Vec<Result<Reply, Failure>> {
        let by_hash = |(script, keys, rest): &mut (&Script, Args, Args)| {
            Command::script("EVALSHA", &script.hash, std::mem::take(keys), std::mem::take(rest))
        };
        let commands: Vec<Command> = calls.iter_mut().map(by_hash).collect();
        let mut replies = self.send(&commands);
        if !replies.iter().any(is_unknown) {
            return replies;
        }
        let (unknown, by_text): (Vec<_>, Vec<_>) = replies
            .iter_mut()
            .zip(commands.into_iter().zip(calls))
            .filter(|(reply, _)| is_unknown(reply))
            .map(|(reply, (command, (script, ..)))| (reply, command.and_script("EVAL", &script.text)))
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

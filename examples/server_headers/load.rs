//! The load: callers who share lists of what is to be asked, and hang up on some of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::client::{ApiError, Discord, Github};

const CHANNELS: std::ops::RangeInclusive<u32> = 1..=5;

/// What a caller asks for, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Post(u32),
    Edit(u32),
    Read(u32),
    Pin(u32),
    Emojis,
    Issues,
    Commits,
    Search,
}

/// How calls went, as their callers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub answered: usize,
    /// Asked again until they were answered.
    pub rejected: usize,
    pub dropped: usize,
}

impl Tally {
    pub fn plus(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            rejected: self.rejected + other.rejected,
            dropped: self.dropped + other.dropped,
        }
    }
}

/// So much of each as its limit lets through in `span`, and a third of a window more: lists that end with a whole window
/// would be a window late for one call that is dropped and can not be counted exactly.
fn jobs(span: Duration) -> Vec<(Job, usize, usize)> {
    let fill_in = |span: Duration, calls: u64, seconds: u64| {
        let calls = span.as_secs() / seconds * calls + calls.div_ceil(3);
        usize::try_from(calls).unwrap_or(usize::MAX)
    };
    let fill = |calls, seconds| fill_in(span, calls, seconds);
    let of_channel = |channel| {
        let messages = fill(10, 5);
        [
            (Job::Post(channel), messages / 2, 2),
            (Job::Edit(channel), messages - messages / 2, 1),
            (Job::Read(channel), fill(20, 6), 3),
        ]
    };
    let core = fill(150, 12);
    let others = [
        (Job::Pin(1), fill(3, 30), 1),
        // Others use it up now and then, and the time that takes is not ours.
        (Job::Emojis, fill_in(span / 2, 6, 6), 2),
        (Job::Issues, core / 2, 6),
        (Job::Commits, core - core / 2, 6),
        (Job::Search, fill(20, 12), 3),
    ];
    CHANNELS.flat_map(of_channel).chain(others).collect()
}

pub struct Load {
    pub callers: JoinSet<Result<Tally, ApiError>>,
    /// How many callers there are, and how many calls.
    pub size: (usize, usize),
}

impl Load {
    /// Everybody begins at once and ends with the list.
    pub fn start(discord: &Discord, github: &Github, seed: u64, drops: u8, span: Duration) -> Self {
        let mut load = Self { callers: JoinSet::new(), size: (0, 0) };
        let mut seeds = Rng::with_seed(seed);
        for (job, calls, callers) in jobs(span) {
            let left = Arc::new(AtomicUsize::new(calls));
            for _ in 0..callers {
                let (discord, github) = (discord.clone(), github.clone());
                let caller = Caller { job, discord, github, dice: seeds.fork(), drops, hang_up: false };
                load.callers.spawn(caller.work(Arc::clone(&left)));
            }
            load.size = (load.size.0 + callers, load.size.1 + calls);
        }
        load
    }
}

/// How a call ended.
enum Ended {
    Served,
    Rejected,
    /// Nobody waits for the answer any more.
    Dropped,
}

struct Caller {
    job: Job,
    discord: Discord,
    github: Github,
    dice: Rng,
    /// Of a hundred calls.
    drops: u8,
    /// Hang up on the next call that is not answered before.
    hang_up: bool,
}

impl Caller {
    async fn work(mut self, left: Arc<AtomicUsize>) -> Result<Tally, ApiError> {
        let mut tally = Tally::default();
        let take = |left: usize| left.checked_sub(1);
        while let Ok(number) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            let number = u32::try_from(number).unwrap_or(0);
            self.hang_up |= self.dice.u8(0..100) < self.drops;
            loop {
                match self.call(number).await? {
                    Ended::Served => tally.answered += 1,
                    Ended::Dropped => tally.dropped += 1,
                    // The bucket has been told: it holds everybody back for as long as the server asked.
                    Ended::Rejected => {
                        tally.rejected += 1;
                        continue;
                    }
                }
                break;
            }
        }
        Ok(tally)
    }

    async fn call(&mut self, number: u32) -> Result<Ended, ApiError> {
        if !self.hang_up {
            return self.ask(number).await;
        }
        let half_way = Duration::from_micros(self.dice.u64(0..150_000));
        let left = [self.discord.sent.next(), self.github.sent.next()];
        let [discord, github] = left;
        let hangs_up = async {
            tokio::select! { () = discord => {}, () = github => {} }
            tokio::time::sleep(half_way).await;
        };
        tokio::select! {
            answer = self.ask(number) => answer,
            () = hangs_up => {
                self.hang_up = false;
                Ok(Ended::Dropped)
            }
        }
    }

    async fn ask(&self, number: u32) -> Result<Ended, ApiError> {
        let Self { discord, github, .. } = self;
        let answer = match self.job {
            Job::Post(channel) => discord.post(channel, "hello").await?,
            Job::Edit(channel) => discord.edit(channel, number, "hello again").await?,
            Job::Pin(channel) => discord.pin(channel, number).await?,
            Job::Emojis => discord.emojis().await?,
            Job::Issues => github.issues("rust-lang/rust").await?,
            Job::Commits => github.commits("rust-lang/rust").await?,
            Job::Search => github.search("rate limit").await?,
            Job::Read(channel) => return ended(discord.history(channel).await),
        };
        ended(answer.error_for_status().map_err(ApiError::from))
    }
}

fn ended<T>(answer: Result<T, ApiError>) -> Result<Ended, ApiError> {
    match answer {
        Ok(_) => Ok(Ended::Served),
        Err(ApiError::Http(error))
            if matches!(error.status(), Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN)) =>
        {
            Ok(Ended::Rejected)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_takes_a_last_window_that_it_does_not_fill() {
        let jobs = jobs(Duration::from_secs(36));
        assert!(jobs.iter().map(|(.., callers)| callers).sum::<usize>() >= 32);
        let calls =
            |wanted| jobs.iter().filter(|(job, ..)| *job == wanted).map(|(_, calls, _)| calls).sum::<usize>();
        assert_eq!(calls(Job::Post(3)) + calls(Job::Edit(3)), 7 * 10 + 4);
        assert_eq!(calls(Job::Read(5)), 6 * 20 + 7);
        assert_eq!(calls(Job::Issues) + calls(Job::Commits), 3 * 150 + 50);
        assert_eq!(calls(Job::Search), 3 * 20 + 7);
        assert_eq!((calls(Job::Pin(1)), calls(Job::Emojis)), (4, 3 * 6 + 2));
    }
}

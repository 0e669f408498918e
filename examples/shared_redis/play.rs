//! What happens: all call, a process is killed, the store goes away and comes back, all call on.

use std::error::Error;
use std::time::Duration;

use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Args;
use crate::client::LIMIT;
use crate::crew::{Crew, name};
use crate::place::{Directory, Place, Redis};
use crate::server::{Arrival, Server};
use crate::worker::{Diary, TASKS};

/// How long Redis stays away, until it is started again.
const AWAY: Duration = Duration::from_secs(1);

/// What a run was like. Times are those of the server's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub processes: usize,
    pub log: Vec<Arrival>,
    pub killed: Option<(usize, Duration)>,
    /// When the store was away, one after the other.
    pub outages: Vec<(Duration, Duration)>,
    pub ended: Duration,
    /// Of all processes but the one that was killed.
    pub diary: Diary,
}

/// Plays it, or as much of it as there is until it is interrupted.
pub async fn play(args: &Args) -> Result<Record, Box<dyn Error>> {
    let interrupted = interrupted()?;
    let mut stage = Stage::set_up(args).await?;
    tokio::select! {
        biased;
        () = interrupted => {}
        played = stage.play(args) => played?,
    }
    stage.clear(args.run_for)
}

struct Stage {
    server: Server,
    crew: Crew,
    // Below those who use it: what is dropped goes in this order.
    place: Place,
    bar: ProgressBar,
    killed: Option<(usize, Duration)>,
    outages: Vec<(Duration, Option<Duration>)>,
}

impl Stage {
    async fn set_up(args: &Args) -> Result<Self, Box<dyn Error>> {
        let place =
            if args.sqlite { Place::File(Directory::new()?) } else { Place::Redis(Redis::start().await?) };
        let server = Server::start(args.processes * TASKS, args.seed)?;
        let address = place.address();
        println!(
            "{} processes of {TASKS} tasks call {}, with their limit in {address} (Ctrl-C ends it)\n",
            args.processes, server.url
        );
        let bar = progress_bar(args.run_for)?;
        let crew = Crew::start(args.processes, &server, &address)?;
        Ok(Self { server, crew, place, bar, killed: None, outages: Vec::new() })
    }

    async fn play(&mut self, args: &Args) -> Result<(), Box<dyn Error>> {
        let first = self.first_arrival().await?;
        self.until(first + args.run_for / 3, first).await?;
        self.kill_one(Rng::with_seed(args.seed).usize(0..args.processes))?;
        // In the middle of one of the windows that began with the first call: then some milliseconds do not make a whole
        // window of difference to what the limit allows until then.
        let half_way = Duration::from_secs(args.run_for.as_secs() / 2).saturating_sub(LIMIT.per() / 2);
        self.until(first + half_way, first).await?;
        if let Place::Redis(redis) = &mut self.place {
            self.outages.push((self.server.now(), None));
            redis.kill()?;
            self.bar.set_message("Redis is away");
            self.until(self.server.now() + AWAY, first).await?;
            self.bring_back().await?;
        }
        self.until(first + args.run_for, first).await
    }

    fn kill_one(&mut self, process: usize) -> Result<(), Box<dyn Error>> {
        self.crew.kill(process)?;
        self.killed = Some((process, self.server.now()));
        self.bar.set_message(format!("process {} is killed", name(process)));
        Ok(())
    }

    async fn bring_back(&mut self) -> Result<(), Box<dyn Error>> {
        if let Place::Redis(redis) = &mut self.place {
            redis.come_back().await?;
        }
        if let Some((_, to)) = self.outages.last_mut() {
            *to = Some(self.server.now());
        }
        self.bar.set_message("Redis is back");
        Ok(())
    }

    async fn first_arrival(&mut self) -> Result<Duration, Box<dyn Error>> {
        loop {
            if let Some(first) = self.server.log().first() {
                return Ok(first.at);
            }
            self.look()?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits, and shows how it goes.
    async fn until(&mut self, end: Duration, first: Duration) -> Result<(), Box<dyn Error>> {
        loop {
            let now = self.server.now();
            self.bar.set_position(u64::try_from(now.saturating_sub(first).as_millis())?);
            if now >= end {
                return Ok(());
            }
            self.look()?;
            tokio::time::sleep(end.saturating_sub(now).min(Duration::from_millis(100))).await;
        }
    }

    /// Sees to it that all are there.
    fn look(&mut self) -> Result<(), Box<dyn Error>> {
        if let Some((process, status)) = self.crew.missing()? {
            return Err(format!("process {} has ended by itself: {status}", name(process)).into());
        }
        if let Place::Redis(redis) = &mut self.place {
            redis.look()?;
        }
        let log = self.server.log();
        let served = log.iter().filter(|arrival| arrival.served).count();
        self.bar.set_prefix(format!("{served} served, {} answered 429", log.len() - served));
        Ok(())
    }

    fn clear(self, run_for: Duration) -> Result<Record, Box<dyn Error>> {
        let mut log = self.server.log();
        // To the nanosecond: one more would be one more window.
        let planned = log.first().map(|first| first.at + run_for);
        let ended = planned.map_or(self.server.now(), |planned| planned.min(self.server.now()));
        log.retain(|arrival| arrival.at <= ended);
        let processes = self.crew.len();
        let outages = self.outages.iter().map(|&(from, to)| (from, to.unwrap_or(ended))).collect();
        let diary = self.crew.dismiss()?;
        self.bar.finish_and_clear();
        Ok(Record { processes, log, killed: self.killed, outages, ended, diary })
    }
}

/// Draws nothing where stderr is no terminal.
fn progress_bar(run_for: Duration) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{bar:30.green} {elapsed} {prefix}  {wide_msg:.dim}")?;
    Ok(ProgressBar::new(u64::try_from(run_for.as_millis())?).with_style(style))
}

/// Ends once somebody wants this program to end.
fn interrupted() -> Result<impl Future<Output = ()>, Box<dyn Error>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        let (mut interrupt, mut terminate, mut hangup) = (interrupt?, terminate?, hangup?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::place::Trouble;
    use crate::report::Summary;

    async fn played(sqlite: bool) -> Result<(Record, Summary), Box<dyn Error>> {
        let args = Args { processes: 3, run_for: Duration::from_secs(5), sqlite, seed: 1 };
        let record = play(&args).await?;
        let summary = Summary::of(&record);
        println!("{summary}");
        // Nothing here is about how fast this machine is. Each by itself, three processes would be served a third.
        assert!(summary.server_429 * 10 <= summary.served, "{summary:?}");
        assert!((1..=1000).contains(&summary.utilisation), "{summary:?}");
        let of = |process| record.log.iter().filter(move |arrival| arrival.process == process);
        assert!((0..3).all(|process| of(process).count() > 0));
        let (killed, at) = record.killed.ok_or("nobody was killed")?;
        // But for what was on its way.
        assert!(of(killed).all(|arrival| arrival.at < at + Duration::from_secs(1)));
        assert!(record.diary.answered > 0 && record.diary.answered <= summary.served);
        Ok((record, summary))
    }

    #[tokio::test]
    async fn processes_share_a_server_that_is_killed() -> Result<(), Box<dyn Error>> {
        let (_, summary) = match played(false).await {
            Err(error) if matches!(error.downcast_ref(), Some(Trouble::Missing)) => return skip(error),
            played => played?,
        };
        assert_eq!((summary.processes, summary.outages), (3, 1));
        Ok(())
    }

    /// Past the capture of what tests print, as who skips a test has to be told; where it has to run this is a failure.
    fn skip(error: Box<dyn Error>) -> Result<(), Box<dyn Error>> {
        if std::env::var_os("RATE_LIMITED_NEEDS_SERVERS").is_some() {
            return Err(error);
        }
        writeln!(std::io::stderr(), "skipped: {error}")?;
        Ok(())
    }

    #[tokio::test]
    async fn processes_share_a_file() -> Result<(), Box<dyn Error>> {
        let (record, summary) = played(true).await?;
        assert_eq!((summary.processes, summary.outages), (3, 0));
        let first = record.log.first().ok_or("nobody called")?.at;
        assert_eq!(record.ended, first + Duration::from_secs(5));
        Ok(())
    }
}

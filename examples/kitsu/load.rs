//! The load: more callers than the limits could ever satisfy, all calling until the registry is closed.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rate_limited::ErrorKind;
use tokio::task::JoinSet;

use crate::client::{Anime, ApiError, BlockingKitsu, Kitsu};
use crate::server::CATALOGUE;

pub const TASKS: usize = 40;
pub const THREADS: usize = 4;

/// How one call went.
pub struct Call {
    pub function: &'static str,
    /// From the call to the start of the function's body, or why it was refused here.
    pub waited: Result<Duration, ErrorKind>,
    /// What went wrong once it was sent.
    pub failure: Option<String>,
}

pub struct Callers {
    kitsu: Kitsu,
    threads: Vec<BlockingKitsu>,
}

impl Callers {
    /// Opens a connection for everyone. Otherwise the first calls, which all start at once, would reach the server as their
    /// connections get ready, and all that comes after would be measured from that blur.
    pub async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        let kitsu = Kitsu::new(url)?;
        let mut greetings = JoinSet::new();
        for _ in 0..TASKS {
            let kitsu = kitsu.clone();
            greetings.spawn(async move { kitsu.health().await });
        }
        while let Some(greeted) = greetings.join_next().await {
            greeted??;
        }
        let threads: Vec<_> = (0..THREADS).map(|_| BlockingKitsu::new(url)).collect();
        threads.iter().try_for_each(BlockingKitsu::health)?;
        Ok(Self { kitsu, threads })
    }

    /// All callers together; each hands in its diary once the registry is closed.
    pub fn start(self, bar: &ProgressBar) -> JoinSet<Vec<Call>> {
        let mut callers = JoinSet::new();
        for (number, kitsu) in self.threads.into_iter().enumerate() {
            let diary = Diary::new(bar);
            callers.spawn_blocking(move || {
                if number == 0 { look_up(&kitsu, diary) } else { watch_trends(&kitsu, diary) }
            });
        }
        for number in 0..TASKS {
            callers.spawn(browse(self.kitsu.clone(), number, Diary::new(bar)));
        }
        callers
    }
}

/// Looks at one anime after the other, and every fourth time searches instead; one task in four is too impatient for that.
async fn browse(kitsu: Kitsu, number: usize, mut diary: Diary) -> Vec<Call> {
    for step in number.. {
        let asked = Instant::now();
        let (function, answer) = match (step % 4, number % 4) {
            (0, 0) => ("suggest", kitsu.suggest("mu").await.map(|found| first_title(&found))),
            (0, _) => ("search", kitsu.search("mo").await.map(|found| first_title(&found))),
            _ => ("anime", kitsu.anime(some_id(step)).await.map(|anime| title(&anime))),
        };
        if !diary.note(function, kitsu.sent.since(asked), answer) {
            break;
        }
    }
    diary.calls
}

fn look_up(kitsu: &BlockingKitsu, mut diary: Diary) -> Vec<Call> {
    for step in 0.. {
        let asked = Instant::now();
        let answer = kitsu.anime(some_id(step)).map(|anime| title(&anime));
        if !diary.note("anime (thread)", kitsu.sent.since(asked), answer) {
            break;
        }
    }
    diary.calls
}

fn watch_trends(kitsu: &BlockingKitsu, mut diary: Diary) -> Vec<Call> {
    loop {
        let asked = Instant::now();
        let answer = kitsu.trending().map(|found| first_title(&found));
        if !diary.note("trending (thread)", kitsu.sent.since(asked), answer) {
            return diary.calls;
        }
    }
}

fn some_id(step: usize) -> usize {
    step % CATALOGUE.len() + 1
}

fn title(anime: &Anime) -> String {
    format!("{}. {}", anime.id, anime.attributes.canonical_title)
}

fn first_title(found: &[Anime]) -> String {
    found.first().map_or_else(|| "nothing".to_owned(), title)
}

/// One caller's calls.
struct Diary {
    calls: Vec<Call>,
    bar: ProgressBar,
}

impl Diary {
    fn new(bar: &ProgressBar) -> Self {
        Self { calls: Vec::new(), bar: bar.clone() }
    }

    /// Whether there is any point in calling again.
    fn note(&mut self, function: &'static str, waited: Duration, answer: Result<String, ApiError>) -> bool {
        let (waited, failure) = match answer {
            Ok(title) => {
                self.bar.set_message(title);
                (Ok(waited), None)
            }
            Err(ApiError::Limited(refusal)) => (Err(refusal.kind()), None),
            Err(failure) => (Ok(waited), Some(failure.to_string())),
        };
        self.calls.push(Call { function, waited, failure });
        waited != Err(ErrorKind::Closed)
    }
}

/// When one caller's last request left, which tells how long the call had waited for it.
#[derive(Default)]
pub struct Stopwatch(Mutex<Option<Instant>>);

impl Stopwatch {
    pub fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn since(&self, asked: Instant) -> Duration {
        let sent = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.map_or(Duration::ZERO, |sent| sent.saturating_duration_since(asked))
    }
}

/// A copy is for another caller, who starts afresh.
impl Clone for Stopwatch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

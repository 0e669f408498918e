//! One of the processes that call: this program again, told by its environment what to do.

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use rate_limited::ErrorKind;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Api, ApiError, keep_limit_in};
use crate::place::apart;

/// How many calls a process has on its way or in line at any time. All of them together are about as many as the limit lets
/// through in a second: then starts are reserved long before they are due, also where the store is slow.
pub const TASKS: usize = 8;

/// How long a task lets the store alone that did not answer.
const PAUSE: Duration = Duration::from_millis(50);

/// By the environment rather than by options, so that tests can start processes too: their options are the test harness's.
const JOB: &str = "SHARED_REDIS_JOB";

/// What a process is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which process it is.
    pub process: usize,
    /// The server's URL.
    pub server: String,
    /// Where the limit is kept.
    pub store: String,
}

/// How its calls went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diary {
    pub answered: usize,
    /// Refused here, as the store did not answer.
    pub refused: usize,
    /// Why, the last time.
    pub reason: Option<String>,
}

impl Job {
    /// `None` = this process is not one of those.
    pub fn from_env() -> Option<Result<Self, serde_json::Error>> {
        Some(serde_json::from_str(&env::var(JOB).ok()?))
    }

    /// A process with this job. It ends as its input does, so also if whoever has started it is gone, and then writes its
    /// diary.
    pub fn command(&self) -> Result<Command, io::Error> {
        let mut command = Command::new(env::current_exe()?);
        command.args(ARGUMENTS).env(JOB, serde_json::to_string(self)?);
        apart(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Ok(command)
    }

    /// Calls until the input ends.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        let diary = serde_json::to_string(&self.work()?)?;
        // One that nobody is there to read is no harm.
        let _ = writeln!(io::stdout(), "{MARK}{diary}");
        Ok(())
    }

    fn work(&self) -> Result<Diary, Box<dyn Error>> {
        keep_limit_in(&self.store)?;
        let api = Api::new(&self.server)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut callers = JoinSet::new();
            let over = input_ends();
            for _ in 0..TASKS {
                callers.spawn(call(api.clone(), self.process, over.clone()));
            }
            let mut diary = Diary::default();
            while let Some(ended) = callers.join_next().await {
                diary = diary.plus(ended??);
            }
            Ok(diary)
        })
    }
}

/// Calls without a pause until it is over. Who still waits in line then leaves it.
async fn call(api: Api, process: usize, mut over: watch::Receiver<bool>) -> Result<Diary, ApiError> {
    let mut diary = Diary::default();
    let calls = async {
        api.meet().await?;
        loop {
            match api.work(process).await {
                Ok(()) => diary.answered += 1,
                Err(ApiError::Limited(refusal)) if refusal.kind() == ErrorKind::Store => {
                    diary.refused += 1;
                    diary.reason = Some(reason(&refusal));
                    tokio::time::sleep(PAUSE).await;
                }
                // The server has counted it, and so will the report.
                Err(ApiError::Http(error)) if error.status() == Some(StatusCode::TOO_MANY_REQUESTS) => {}
                Err(error) => return Err(error),
            }
        }
    };
    tokio::select! {
        _ = over.wait_for(|is_over| *is_over) => {}
        failed = calls => return failed,
    }
    Ok(diary)
}

/// What stands behind a refusal.
fn reason(refusal: &rate_limited::Error) -> String {
    refusal.source().map_or_else(|| refusal.to_string(), ToString::to_string)
}

/// On a thread that nobody waits for: reading blocks.
fn input_ends() -> watch::Receiver<bool> {
    let (tell, told) = watch::channel(false);
    thread::spawn(move || {
        // Nothing is written there; an error is an end, too.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        tell.send_replace(true);
    });
    told
}

/// What the line with the diary begins with: the test harness writes lines of its own.
const MARK: &str = "diary: ";

impl Diary {
    /// From what a process has written.
    pub fn read(output: &str) -> Option<Self> {
        output.lines().find_map(|line| serde_json::from_str(line.strip_prefix(MARK)?).ok())
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            refused: self.refused + other.refused,
            reason: other.reason.or(self.reason),
        }
    }
}

/// None, unless this is a test: then those that have the harness run nothing but `works`.
const ARGUMENTS: &[&str] = if cfg!(test) {
    &["worker::tests::works", "--exact", "--ignored", "--nocapture", "--quiet"]
} else {
    &[]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "runs in a process that another test starts"]
    fn works() {
        let Some(job) = Job::from_env() else { return };
        job.expect("a job").run().expect("a run");
    }

    #[test]
    fn a_diary_is_read_as_it_was_written() {
        let diary = Diary { answered: 7, refused: 2, reason: Some("gone\n".to_owned()) };
        let output = format!("\nrunning 1 test\n{MARK}{}\n.\n", serde_json::to_string(&diary).expect("text"));
        assert_eq!(Diary::read(&output), Some(diary.clone()));
        assert_eq!(Diary::read("running 1 test\n"), None);
        let both = diary.clone().plus(Diary { answered: 1, refused: 0, reason: None });
        assert_eq!(both, Diary { answered: 8, ..diary });
    }
}

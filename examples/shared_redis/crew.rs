//! The processes that call: started together, killed on every way out.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::worker::{Diary, Job};

/// How long a process may take to end once it is told to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Dropped, it kills all that are left.
pub struct Crew(Vec<Member>);

struct Member {
    child: Child,
    /// It was meant to end.
    is_killed: bool,
}

/// What a process is called: A, B, C..
pub fn name(process: usize) -> char {
    ('A'..='Z').nth(process).unwrap_or('?')
}

impl Crew {
    /// So many processes, which call `server` and keep its limit at `store`.
    pub fn start(processes: usize, server: &Server, store: &str) -> io::Result<Self> {
        let mut crew = Self(Vec::new());
        for process in 0..processes {
            let job = Job { process, server: server.url.clone(), store: store.to_owned() };
            crew.0.push(Member { child: job.command()?.spawn()?, is_killed: false });
        }
        Ok(crew)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// By `SIGKILL`: it gets to do nothing any more.
    pub fn kill(&mut self, process: usize) -> io::Result<()> {
        let Some(member) = self.0.get_mut(process) else { return Ok(()) };
        member.is_killed = true;
        member.child.kill()?;
        member.child.wait()?;
        Ok(())
    }

    /// A process that has ended by itself, and how.
    pub fn missing(&mut self) -> io::Result<Option<(usize, ExitStatus)>> {
        for (process, member) in self.0.iter_mut().enumerate().filter(|(_, member)| !member.is_killed) {
            if let Some(status) = member.child.try_wait()? {
                return Ok(Some((process, status)));
            }
        }
        Ok(None)
    }

    /// Has all of them end, and reads their diaries; that of a process that was killed is lost.
    pub fn dismiss(mut self) -> io::Result<Diary> {
        // All of them first, so that none calls on while another one is waited for.
        self.0.iter_mut().for_each(|member| drop(member.child.stdin.take()));
        let mut diary = Diary::default();
        for member in self.0.iter_mut().filter(|member| !member.is_killed) {
            let began = Instant::now();
            while member.child.try_wait()?.is_none() {
                if began.elapsed() > PATIENCE {
                    return Err(io::Error::other("a process does not end"));
                }
                thread::sleep(Duration::from_millis(5));
            }
            let mut output = String::new();
            if let Some(pipe) = &mut member.child.stdout {
                pipe.read_to_string(&mut output)?;
            }
            diary = diary.plus(Diary::read(&output).unwrap_or_default());
        }
        Ok(diary)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for Member { child, .. } in &mut self.0 {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So none is left behind by a program that was killed itself.
    #[test]
    fn processes_end_with_their_input() -> Result<(), Box<dyn std::error::Error>> {
        // They wait for one that never comes.
        let server = Server::start(2 * crate::worker::TASKS + 1, 1)?;
        let file = crate::place::Place::File(crate::place::Directory::new()?);
        let mut crew = Crew::start(2, &server, &file.address())?;
        assert_eq!(crew.missing()?, None);
        for member in &mut crew.0 {
            drop(member.child.stdin.take());
            assert!(member.child.wait()?.success());
        }
        assert!(crew.missing()?.is_some_and(|(process, status)| process == 0 && status.success()));
        assert_eq!(crew.dismiss()?, Diary::default());
        Ok(())
    }
}

//! Which node of a cluster a key lies on, and how to get there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo};

use super::server::Server;
use super::transport::{Command, Reply, Transport};
use crate::clock::{Clock, SystemClock, nap};
use crate::store::Failure;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;

/// How many slots the keys of a cluster are divided into.
const SLOTS: u16 = 16_384;
/// Until what lies between two nodes, as its slot moves, is asked for again.
const PAUSE: Duration = Duration::from_millis(5);
/// With less time than this it is not asked for again: of what has no answer in time nobody knows whether it was played.
const SPARE: Duration = Duration::from_millis(20);

/// A cluster of servers.
///
/// Of our own rather than of the `redis` crate's, whose clusters connect, ask for the slots and try again within what each
/// of these may take by itself: here all of it together takes no longer than the caller allows, and nothing is sent twice
/// but what a node refused since it lies elsewhere, or between two nodes.
pub(super) struct Cluster {
    seeds: Vec<Arc<Server>>,
    map: Mutex<Map>,
}

/// Who has which slots, as far as is known.
#[derive(Clone, Default)]
struct Map {
    nodes: BTreeMap<String, Arc<Server>>,
    /// By the last of each range: its first, and its node.
    slots: BTreeMap<u16, (u16, Arc<Server>)>,
}

impl Cluster {
    /// `None` without any node.
    pub(super) fn new(infos: Vec<ConnectionInfo>) -> Option<Self> {
        let seeds: Vec<_> = infos.into_iter().map(|info| Arc::new(Server::new(info))).collect();
        (!seeds.is_empty()).then(|| Cluster { seeds, map: Mutex::default() })
    }

    /// The node of `slot`; where that is not known, nodes are asked.
    fn node(&self, slot: u16, until: Timestamp) -> Result<Arc<Server>, Failure> {
        let known = || self.lock().node(slot);
        if let Some(node) = known() {
            return Ok(node);
        }
        self.learn(until)?;
        known().ok_or_else(|| Failure::new(format!("no node of the cluster has slot {slot}")))
    }

    /// Asks one node after the other which slots are where, each for half of the time that is left at most.
    fn learn(&self, until: Timestamp) -> Result<(), Failure> {
        let known: Vec<_> = self.lock().nodes.values().cloned().collect();
        let mut failure = None;
        for server in self.seeds.iter().chain(&known) {
            let left = until.saturating_since(SystemClock.now());
            let reply = server.send(&[Command::new(&["CLUSTER", "SLOTS"])], left / 2).pop();
            match reply {
                // One that knows of none is not in the cluster any more.
                Some(Ok(Reply::List(ranges))) if !ranges.is_empty() => {
                    let unnamed = self.lock().replace(&ranges, server);
                    // Connections are closed without the lock.
                    drop(unnamed);
                    return Ok(());
                }
                Some(Ok(other)) => failure = Some(other.unexpected()),
                Some(Err(error)) => failure = Some(error),
                None => {}
            }
        }
        Err(failure.unwrap_or_else(|| Failure::new("no node of the cluster is known")))
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends to one node what lies there; and what it does not play to where it says that it lies, or again, as long as it
    /// is between two nodes and there is time.
    fn exchange(
        &self,
        node: &Arc<Server>,
        commands: &[Command],
        until: Timestamp,
    ) -> Vec<Result<Reply, Failure>> {
        let time = left(until);
        let mut replies = node.send(commands, time);
        if time.is_zero() {
            // That nothing was sent says nothing of the node.
            return replies;
        }
        for (reply, command) in replies.iter_mut().zip(commands) {
            self.follow(node, command, reply, until);
            while begins(reply, &["TRYAGAIN"]) && left(until) > PAUSE + SPARE {
                nap(PAUSE);
                // It may have been longer.
                if left(until) < SPARE {
                    break;
                }
                if let Some(anew) = node.send(std::slice::from_ref(command), left(until)).pop() {
                    *reply = anew;
                }
                self.follow(node, command, reply, until);
            }
        }
        let is_stale = |reply| begins(reply, &["CLUSTERDOWN", "READONLY", "MASTERDOWN"]);
        if replies.iter().any(|reply| reply.is_err() || is_stale(reply)) {
            self.lock().forget(node);
        }
        replies
    }

    /// Sends to where `node` says that it lies, once, what it does not play.
    fn follow(
        &self,
        node: &Arc<Server>,
        command: &Command,
        reply: &mut Result<Reply, Failure>,
        until: Timestamp,
    ) {
        let Some((asking, address)) = elsewhere(reply) else { return };
        let mut map = self.lock();
        if !asking {
            map.forget(node);
        }
        let target = map.at(&address, node);
        drop(map);
        let Some(target) = target else { return };
        let mut both = Vec::with_capacity(2);
        if asking {
            both.push(Command::new(&["ASKING"]));
        }
        both.push(command.clone());
        if let Some(anew) = target.send(&both, left(until)).pop() {
            *reply = anew;
        }
    }
}

fn left(until: Timestamp) -> Duration {
    until.saturating_since(SystemClock.now())
}

/// Whether it is an error with one of these codes.
fn begins(reply: &Result<Reply, Failure>, codes: &[&str]) -> bool {
    matches!(reply, Ok(Reply::Error(text)) if codes.iter().any(|code| text.starts_with(code)))
}

impl Transport for Cluster {
    fn send(&self, commands: &[Command], timeout: Duration) -> Vec<Result<Reply, Failure>> {
        let until = SystemClock.now().saturating_add(timeout);
        let mut replies: Vec<_> = vec![None; commands.len()];
        // What lies on one node goes there together, in its order.
        let mut by_node: Vec<(Arc<Server>, Vec<usize>)> = Vec::new();
        for ((place, command), reply) in commands.iter().enumerate().zip(&mut replies) {
            match self.node(slot(command.key().unwrap_or_default()), until) {
                Ok(node) => match by_node.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &node)) {
                    Some((_, places)) => places.push(place),
                    None => by_node.push((node, vec![place])),
                },
                Err(failure) => *reply = Some(Err(failure)),
            }
        }
        for (node, places) in by_node {
            let there: Vec<_> = places.iter().filter_map(|place| commands.get(*place)).cloned().collect();
            for (place, answer) in places.into_iter().zip(self.exchange(&node, &there, until)) {
                replies.get_mut(place).map(|reply| reply.insert(answer));
            }
        }
        let missing = || Err(Failure::new("a node of the cluster gave no reply"));
        replies.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect()
    }
}

impl Map {
    fn node(&self, slot: u16) -> Option<Arc<Server>> {
        let (_, (first, node)) = self.slots.range(slot..).next()?;
        (*first <= slot).then(|| Arc::clone(node))
    }

    /// Only what `ranges` says is known then; gives the nodes that it does not name.
    fn replace(&mut self, ranges: &[Reply], teller: &Arc<Server>) -> Vec<Arc<Server>> {
        self.slots.clear();
        for range in ranges {
            self.enter(range, teller);
        }
        let named: BTreeSet<_> = self.slots.values().map(|(_, node)| Arc::as_ptr(node)).collect();
        let (kept, unnamed) = std::mem::take(&mut self.nodes)
            .into_iter()
            .partition(|(_, node)| named.contains(&Arc::as_ptr(node)));
        self.nodes = kept;
        BTreeMap::into_values(unnamed).collect()
    }

    /// What lies on `node` is not known any more: who asks for it asks where.
    fn forget(&mut self, node: &Arc<Server>) {
        self.slots.retain(|_, (_, owner)| !Arc::ptr_eq(owner, node));
    }

    /// Notes a range of slots: its first, its last, and the node that writes them; `teller` said so.
    fn enter(&mut self, range: &Reply, teller: &Arc<Server>) -> Option<()> {
        let Reply::List(range) = range else { return None };
        let [Reply::Integer(first), Reply::Integer(last), Reply::List(node), ..] = &**range else {
            return None;
        };
        let [host, Reply::Integer(port), ..] = &**node else { return None };
        let host = match host {
            Reply::Bytes(host) => str::from_utf8(host).ok()?,
            // It does not know its own name, which is where it was asked then.
            _ => "",
        };
        let node = self.at(&format!("{host}:{port}"), teller)?;
        self.slots.insert(u16::try_from(*last).ok()?, (u16::try_from(*first).ok()?, node));
        Some(())
    }

    /// The node at `address`, reached as `teller` is.
    fn at(&mut self, address: &str, teller: &Arc<Server>) -> Option<Arc<Server>> {
        let (host, port) = address.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let mut info = teller.info().clone();
        let addr = match info.addr().clone() {
            ConnectionAddr::Tcp(own, _) => ConnectionAddr::Tcp(named(host, own), port),
            ConnectionAddr::TcpTls { host: own, insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host: named(host, own), port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host.to_owned(), port),
        };
        info = info.set_addr(addr);
        let name = info.addr().to_string();
        Some(Arc::clone(self.nodes.entry(name).or_insert_with(|| Arc::new(Server::new(info)))))
    }
}

fn named(host: &str, teller: String) -> String {
    if host.is_empty() || host == "?" { teller } else { host.to_owned() }
}

/// Where a node says that something lies, and whether only this once.
fn elsewhere(reply: &Result<Reply, Failure>) -> Option<(bool, String)> {
    let Ok(Reply::Error(text)) = reply else { return None };
    let mut words = text.split(' ');
    let asking = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    Some((asking, words.nth(1)?.to_owned()))
}

/// The slot of a key: by what stands between its first braces, if anything does.
fn slot(key: &[u8]) -> u16 {
    let tag = || {
        let (_, rest) = key.split_at_checked(key.iter().position(|byte| *byte == b'{')? + 1)?;
        rest.get(..rest.iter().position(|byte| *byte == b'}')?).filter(|tag| !tag.is_empty())
    };
    crc16(tag().unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as the cluster's specification has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.seeds).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Arc<Server> {
        Arc::new(Server::new(crate::store::redis::info(url).unwrap()))
    }

    fn range(first: i64, last: i64, host: &str, port: i64) -> Reply {
        let node = vec![Reply::Bytes(host.into()), Reply::Integer(port), Reply::Bytes(b"an id".to_vec())];
        Reply::List(vec![Reply::Integer(first), Reply::Integer(last), Reply::List(node)])
    }

    #[test]
    fn nodes_that_the_newest_map_does_not_name_are_forgotten() {
        let (mut map, teller) = (Map::default(), server("redis://10.0.0.1:7000"));
        map.replace(&[range(0, 99, "10.0.0.1", 7000), range(100, 16_383, "10.0.0.2", 7001)], &teller);
        let stays = map.node(100).unwrap();
        // Who was named in between, as a slot moved there.
        map.at("10.0.0.9:7009", &teller).unwrap();
        let unnamed =
            map.replace(&[range(0, 50, "10.0.0.3", 7002), range(51, 16_383, "10.0.0.2", 7001)], &teller);
        assert_eq!(unnamed.len(), 2);
        let names: Vec<&str> = map.nodes.keys().map(String::as_str).collect();
        assert_eq!(names, ["10.0.0.2:7001", "10.0.0.3:7002"]);
        assert!(Arc::ptr_eq(&stays, &map.node(51).unwrap()), "with its connections");
        map.forget(&stays);
        assert!(map.node(51).is_none() && map.node(50).is_some());
    }
}

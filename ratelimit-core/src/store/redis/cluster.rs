//! Which node of a cluster a key lies on, and how to get there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo};

use super::server::Server;
use super::transport::{Command, Reply, Transport};
use crate::clock::{Clock, SystemClock};
use crate::store::Failure;
use crate::sync::Mutex;
use crate::time::Timestamp;

/// How many slots the keys of a cluster are divided into.
const SLOTS: u16 = 16_384;

/// A cluster of servers.
///
/// Of our own rather than of the `redis` crate's, whose clusters connect, ask for the slots and try again within what each
/// of these may take by itself: here all of it together takes no longer than the caller allows, and nothing is sent twice
/// but what a node refused since it lies elsewhere.
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
        let known = || self.map.lock().unwrap_or_else(PoisonError::into_inner).node(slot);
        if let Some(node) = known() {
            return Ok(node);
        }
        self.learn(until)?;
        known().ok_or_else(|| Failure::new(format!("no node of the cluster has slot {slot}")))
    }

    /// Asks one node after the other which slots are where, each for half of the time that is left at most.
    fn learn(&self, until: Timestamp) -> Result<(), Failure> {
        let known: Vec<_> =
            self.map.lock().unwrap_or_else(PoisonError::into_inner).nodes.values().cloned().collect();
        let mut failure = None;
        for server in self.seeds.iter().chain(&known) {
            let left = until.saturating_since(SystemClock.now());
            let reply = server.send(&[Command::new(&["CLUSTER", "SLOTS"])], left / 2).pop();
            match reply {
                Some(Ok(Reply::List(ranges))) => {
                    let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
                    map.slots.clear();
                    for range in ranges {
                        map.enter(&range, server);
                    }
                    return Ok(());
                }
                Some(Ok(other)) => failure = Some(other.unexpected()),
                Some(Err(error)) => failure = Some(error),
                None => {}
            }
        }
        Err(failure.unwrap_or_else(|| Failure::new("no node of the cluster is known")))
    }

    fn forget(&self) {
        self.map.lock().unwrap_or_else(PoisonError::into_inner).slots.clear();
    }

    /// Sends to one node what lies there, and what it says lies elsewhere, once, to there.
    fn exchange(
        &self,
        node: &Arc<Server>,
        commands: &[Command],
        until: Timestamp,
    ) -> Vec<Result<Reply, Failure>> {
        let left = |until: Timestamp| until.saturating_since(SystemClock.now());
        let mut replies = node.send(commands, left(until));
        for (reply, command) in replies.iter_mut().zip(commands) {
            let Some(elsewhere) = elsewhere(reply) else { continue };
            let (asking, address) = elsewhere;
            if !asking {
                self.forget();
            }
            let target = self.map.lock().unwrap_or_else(PoisonError::into_inner).at(&address, node);
            let Some(target) = target else { continue };
            let mut both = Vec::with_capacity(2);
            if asking {
                both.push(Command::new(&["ASKING"]));
            }
            both.push(command.clone());
            if let Some(anew) = target.send(&both, left(until)).pop() {
                *reply = anew;
            }
        }
        let is_stale = |reply: &Result<Reply, Failure>| match reply {
            Err(_) => true,
            Ok(Reply::Error(text)) => {
                ["CLUSTERDOWN", "READONLY", "MASTERDOWN"].iter().any(|code| text.starts_with(code))
            }
            Ok(_) => false,
        };
        if replies.iter().any(is_stale) {
            self.forget();
        }
        replies
    }
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

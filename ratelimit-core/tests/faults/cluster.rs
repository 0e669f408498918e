//! Nodes of clusters that are lost.

use std::time::{Duration, Instant};

use ratelimit_core::store::{OnOutage, RedisStore};
use ratelimit_core::{Bucket, Error, ErrorKind, Rate};

use crate::machine::{in_real_time, must};
use crate::redis_server::{RedisServer, cluster_of_six, wait_until};
use crate::watched::Watched;

/// For how long a node that is lost may be silent, in milliseconds: then the others begin to agree that it is, and half a
/// second to a second later that its replica is the master.
const NODE_TIMEOUT: u64 = 200;

/// A master, and the replica that takes over from it.
struct Pair<'a> {
    nodes: &'a mut [RedisServer],
    master: usize,
}

impl<'a> Pair<'a> {
    /// Of the bucket, once its replica follows.
    fn of(bucket: &str, nodes: &'a mut [RedisServer]) -> Self {
        let slot: usize = nodes[0].run(&format!("CLUSTER KEYSLOT {{default:{bucket}}}"));
        let pair = Pair { master: slot * 3 / 16_384, nodes };
        wait_until(|| pair.replica().run::<String>("INFO replication").contains("master_link_status:up"));
        pair
    }

    fn master(&self) -> &RedisServer {
        &self.nodes[self.master]
    }

    fn replica(&self) -> &RedisServer {
        &self.nodes[self.master + 3]
    }

    /// Whether the replica has all that its master has.
    fn is_alike(&self) -> bool {
        let offset = |node: &RedisServer, name: &str| {
            let told: String = node.run("INFO replication");
            told.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        offset(self.master(), "master_repl_offset:") == offset(self.replica(), "slave_repl_offset:")
    }

    /// From now on the replica hears of nothing.
    fn parts(&self) {
        self.replica().run::<String>("CONFIG SET masteruser nobody");
        self.replica().run::<String>("CONFIG SET masterauth nothing");
        self.master().run::<i64>("CLIENT KILL TYPE replica");
        wait_until(|| self.replica().run::<String>("INFO replication").contains("master_link_status:down"));
    }

    fn loses_its_master(&mut self) {
        for node in &*self.nodes {
            node.run::<String>(&format!("CONFIG SET cluster-node-timeout {NODE_TIMEOUT}"));
        }
        self.nodes[self.master].kill();
    }

    /// Whether the others have agreed that the replica is the master: how long that takes is theirs.
    fn is_whole(&self) -> bool {
        let is_well = |node: &RedisServer| node.run::<String>("CLUSTER INFO").contains("cluster_state:ok");
        let mut alive = self.nodes.iter().enumerate().filter(|(index, _)| *index != self.master);
        self.replica().run::<String>("INFO replication").contains("role:master")
            && alive.all(|(_, node)| is_well(node))
    }
}

fn over(nodes: &[RedisServer]) -> RedisStore {
    RedisStore::cluster(nodes.iter().map(RedisServer::url)).expect("URLs")
}

#[test]
fn a_master_of_a_cluster_lost() {
    in_real_time(|| {
        let Some(mut nodes) = cluster_of_six() else { return };
        let mut calls = Watched::of(over(&nodes), OnOutage::Deny);
        let mut pair = Pair::of("api", &mut nodes);
        calls.goes_well(30);
        pair.loses_its_master();
        let (lost, mut failed, mut started) = (Instant::now(), 0, None);
        wait_until(|| {
            match calls.call() {
                Ok(()) => _ = started.get_or_insert_with(|| lost.elapsed()),
                Err(_) => failed += 1,
            }
            pair.is_whole()
        });
        assert!(failed > 0, "nobody else has what it had");
        let agreed = lost.elapsed();
        calls.recovers();
        let started = started.unwrap_or_else(|| lost.elapsed());
        println!("{started:?} from the loss to the first start, {agreed:?} until the nodes had agreed");
        // How long they take is theirs: half a second to a second until a replica asks for votes, and seconds if one is lost.
        assert!(started < agreed + Duration::from_secs(1), "{started:?}, agreed after {agreed:?}");
        calls.counts();
    });
}

/// `None` where the store did not answer.
fn answered<T>(called: Result<T, Error>) -> Option<T> {
    called.map_err(|error| assert_eq!(error.kind(), ErrorKind::Store, "{error}")).ok()
}

const AMOUNT: u32 = 40;
/// What each process has started as the replica heard of all, and what after that.
const BEFORE: [u32; 3] = [10, 0, 2];
const AFTER: [u32; 3] = [8, 15, 5];

/// What a replica had not heard of is lost with its master. Who meets the older state first puts back what is its own.
#[test]
fn a_master_of_a_cluster_lost_with_its_last_starts() {
    in_real_time(|| {
        let Some(mut nodes) = cluster_of_six() else { return };
        let open = |_| Bucket::named("api", Rate::per_hour(AMOUNT)).store(over(&nodes)).guard(Duration::ZERO);
        let processes: Vec<Bucket> = (0..3).map(open).collect();
        let mut pair = Pair::of("api", &mut nodes);
        let start = |process: usize, times| {
            (0..times).for_each(|_| drop(processes[process].try_acquire().expect("there is enough")));
        };
        BEFORE.into_iter().enumerate().for_each(|(process, times)| start(process, times));
        wait_until(|| pair.is_alike());
        pair.parts();
        AFTER.into_iter().enumerate().for_each(|(process, times)| start(process, times));
        let used = |process: usize| {
            let mut used = None;
            // A process that has not heard of the new master asks the old one first.
            wait_until(|| {
                used = answered(processes[process].peek());
                used.is_some()
            });
            used.map_or(0, |seen| seen.rates()[0].used())
        };
        assert_eq!(used(2), AMOUNT);
        pair.loses_its_master();
        wait_until(|| pair.is_whole());
        // The one that was the last to write comes first, with 7 of its own.
        let mut first = None;
        wait_until(|| {
            first = answered(processes[2].try_acquire());
            first.is_some()
        });
        let known: u32 = BEFORE.into_iter().sum();
        assert_eq!(used(2), known + 7 + 1);
        // To the others it is a state like any.
        assert_eq!([used(0), used(1)], [known + 7 + 1; 2]);
        let mut further = 1;
        for bucket in processes.iter().cycle().take(3 * 2 * AMOUNT as usize) {
            match bucket.try_acquire() {
                Ok(_) => further += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Limited, "{error}"),
            }
        }
        must(further <= AMOUNT, || format!("{further}: no more than one further amount"));
        assert_eq!(used(0), AMOUNT, "as much as there is");
        assert_eq!(further, AMOUNT - known - 7, "less what was known, or told by who came first");
    });
}

//! The store on clusters: whose nodes have which slots, while slots move, and when a node is lost.

use std::collections::BTreeSet;
use std::thread;

use super::redis_server::{cluster_of_six, wait_until};
use super::servers::{ask, hourly, in_threads, is_granted, play, play_one, take};
use super::*;

/// One of `bucket` and `key`, and of the total of all keys.
fn of(bucket: &str, key: Option<&str>, plan: &Arc<Plan>) -> Ask {
    let mut ask = ask(bucket, key, plan, take(1));
    let entry = Entry::total(&escaped(bucket));
    ask.parts.push(Part { entry, plan: Arc::clone(plan), known: Known::default() });
    ask
}

/// The slot of a bucket, and which of the first three nodes has it in the beginning.
fn owner(nodes: &[RedisServer], bucket: &str) -> (u64, usize) {
    let slot = nodes.last().unwrap().run(&format!("CLUSTER KEYSLOT {{default:{bucket}}}"));
    (slot, (0..3).find(|index| slot < (index + 1) * 16_384 / 3).unwrap().try_into().unwrap())
}

fn assign(nodes: &[RedisServer], slot: u64, to: &RedisServer) {
    let id: String = to.run("CLUSTER MYID");
    nodes
        .iter()
        .take(3)
        .for_each(|node| _ = node.run::<String>(&format!("CLUSTER SETSLOT {slot} NODE {id}")));
}

/// How often these nodes were asked for the slots.
fn asked_for_slots(nodes: &[&RedisServer]) -> usize {
    let calls = |node: &&RedisServer| {
        let stats: String = node.run("INFO commandstats");
        let calls = stats.split_once("cmdstat_cluster|slots:calls=")?.1;
        calls.split(',').next()?.parse::<usize>().ok()
    };
    nodes.iter().filter_map(calls).sum()
}

#[test]
fn a_cluster_keeps_each_bucket_on_one_node() {
    let Some(nodes) = cluster_of_six() else { return };
    let store = RedisStore::cluster([nodes[5].url()]).unwrap();
    let plan = hourly(40);
    let of = |bucket: &str, key: Option<&str>| of(bucket, key, &plan);
    let asks: Vec<_> =
        (0..60).map(|index| of(&format!("b{}", index % 12), Some(&format!("k{}", index % 5)))).collect();
    assert!(play(&store, &asks).iter().all(is_granted));
    let mut slots = BTreeSet::new();
    let mut used = 0;
    for node in nodes.iter().take(3) {
        let keys: Vec<String> = node.run("KEYS *");
        used += usize::from(!keys.is_empty());
        slots.extend(keys.iter().map(|key| {
            (
                key.split(['{', '}']).nth(1).unwrap().to_owned(),
                node.run::<u64>(&format!("CLUSTER KEYSLOT {key}")),
            )
        }));
    }
    assert_eq!((slots.len(), used), (12, 3), "each bucket lies in one slot: {slots:?}");
    let granted =
        in_threads(8, |_| (0..20).filter(|_| is_granted(&play_one(&store, &of("b0", None)))).count());
    assert_eq!(granted, 35, "all but those of the keys before");
    // A slot that moves is found again.
    let (slot, owner) = owner(&nodes, "moved");
    assign(&nodes, slot, &nodes[(owner + 1) % 3]);
    assert!(is_granted(&play_one(&store, &of("moved", None))));
}

/// A key and the total of a bucket lie on two nodes for a moment: neither plays what is asked, until they lie together.
#[test]
fn a_call_is_played_once_a_slot_that_moves_has_moved() {
    let Some(nodes) = cluster_of_six() else { return };
    let store = RedisStore::cluster([nodes[0].url()]).unwrap();
    let ask = of("moving", None, &hourly(3));
    assert!(is_granted(&play_one(&store, &ask)));
    let (slot, owner) = owner(&nodes, "moving");
    let (from, to) = (&nodes[owner], &nodes[(owner + 1) % 3]);
    let id = |node: &RedisServer| node.run::<String>("CLUSTER MYID");
    to.run::<String>(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", id(from)));
    from.run::<String>(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", id(to)));
    let migrate = |key: &str| {
        assert_eq!(from.run::<String>(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port())), "OK");
    };
    migrate("rl:v1:{default:moving}/total");
    // As it says itself, in the time that there is; on a machine that stands still that may be over as it is asked.
    wait_until(|| {
        let answer = store.play(std::slice::from_ref(&ask), Duration::from_millis(500)).pop().unwrap();
        let why = answer.unwrap_err().to_string();
        assert!(!why.contains("within 0ns"), "what was not asked has no answer: {why}");
        why.contains("TRYAGAIN")
    });
    let refused = || -> usize {
        let stats: String = from.run("INFO errorstats");
        let count = stats.split_once("errorstat_TRYAGAIN:count=").map(|(_, rest)| rest.trim_end());
        count.and_then(|rest| rest.lines().next()?.parse().ok()).unwrap_or(0)
    };
    let before = refused();
    thread::scope(|scope| {
        let waits = scope.spawn(|| play_one(&store, &ask));
        wait_until(|| refused() > before);
        migrate("rl:v1:{default:moving}");
        assign(&nodes, slot, to);
        assert!(is_granted(&waits.join().unwrap()));
    });
    // What was not played is not spent.
    let granted = (0..3).filter(|_| is_granted(&play_one(&store, &ask))).count();
    assert_eq!(granted, 1);
}

/// Where the slots of the others are is not asked anew.
#[test]
fn a_node_that_fails_leaves_the_others_alone() {
    let Some(mut nodes) = cluster_of_six() else { return };
    let store = RedisStore::cluster(nodes.iter().map(RedisServer::url)).unwrap();
    let plan = hourly(1000);
    let names: Vec<String> = (0..20).map(|index| format!("b{index}")).collect();
    let at = |node: usize| names.iter().find(|name| owner(&nodes, name).1 == node).unwrap();
    let [lost, other] = [0, 1].map(|node| ask(at(node), None, &plan, take(1)));
    assert!(play(&store, &[lost.clone(), other.clone()]).iter().all(is_granted));
    nodes[0].kill();
    let alive: Vec<&RedisServer> = nodes.iter().skip(1).collect();
    for _ in 0..5 {
        // Nobody has taken its place yet.
        let _ = store.play(std::slice::from_ref(&lost), Duration::from_millis(100));
        let before = asked_for_slots(&alive);
        assert!(is_granted(&play_one(&store, &other)));
        assert_eq!(asked_for_slots(&alive), before);
    }
}

#[test]
fn a_node_that_is_lost_is_replaced_by_its_replica() {
    let Some(mut nodes) = cluster_of_six() else { return };
    let store = RedisStore::cluster(nodes.iter().map(RedisServer::url)).unwrap();
    let plan = hourly(1000);
    let one = || play_one(&store, &ask("api", None, &plan, take(1)));
    assert!(is_granted(&one()));
    let (_, owner) = owner(&nodes, "api");
    wait_until(|| {
        nodes
            .iter()
            .skip(3)
            .all(|node| node.run::<String>("INFO replication").contains("master_link_status:up"))
    });
    nodes[owner].kill();
    wait_until(|| one().is_ok());
}

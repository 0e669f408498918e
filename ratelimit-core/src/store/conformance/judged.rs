//! Many asks of all sorts, each answer held against what judging comes to at the time that it tells.

use std::time::Duration;

use super::Promise;
use super::lab::{Bucket, Found, Lab, ask, ensure, plan};
use super::twin::Twin;
use crate::rate::Rate;
use crate::store::ask::{Acquire, Ask, Part, Said, Verb};

/// `SplitMix64`, as the kit for policies has it.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn weight(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(end.into())).unwrap_or(0) + 1
    }
}

/// Short windows, so that some are over while others are not.
fn limits() -> [Vec<Rate>; 4] {
    let ms = Duration::from_millis;
    let (window, bucket, fixed) = (
        Rate::new(4, ms(20)),
        Rate::new(3, ms(30)).burst(6),
        Rate::new(5, Duration::from_nanos(17_000_001)).fixed(),
    );
    [vec![window], vec![bucket], vec![fixed], vec![bucket, window, fixed, Rate::new(300, ms(40))]]
}

/// The entries of an ask: a key's, and perhaps that of all keys.
fn entries(bucket: &Bucket, rates: &[Rate], with_total: bool) -> Vec<Vec<Part>> {
    let (keyed, together) = (plan(rates), plan(&[Rate::new(9, Duration::from_millis(25))]));
    let parts = ["a", "b", "c"].map(|key| {
        let total = with_total.then(|| bucket.total(&together));
        std::iter::once(bucket.key(key, &keyed)).chain(total).collect()
    });
    parts.to_vec()
}

pub(super) fn many_asks(lab: &Lab<'_>) -> Found {
    let handles = lab.handles::<3>();
    let mut numbers = Numbers(6);
    for (rates, with_total) in limits().iter().flat_map(|rates| [(rates, false), (rates, true)]) {
        let keys = entries(&lab.bucket(), rates, with_total);
        let (mut twin, mut starts) = (Twin::default(), Vec::new());
        for handle in handles.iter().cycle().take(40) {
            let count = numbers.below(4) + 1;
            let asks: Vec<Ask> = (0..count).filter_map(|_| next(&mut numbers, &keys, &mut starts)).collect();
            for (ask, said) in asks.iter().zip(handle.all(&asks)?) {
                if let (
                    Said::Granted { start, .. },
                    Verb::Acquire(Acquire { weight, .. }) | Verb::Charge { weight },
                ) = (&said, &ask.verb)
                {
                    starts.push((ask.parts.clone(), *start, *weight));
                }
                let agreed = twin.agrees(ask, &said);
                ensure(agreed.is_ok(), Promise::AsJudged, || {
                    let why = agreed.err().unwrap_or_default();
                    format!("{:?} of {rates:?}, total or not: {with_total}, was answered by {why}", ask.verb)
                })?;
            }
        }
    }
    Ok(())
}

type Start = (Vec<Part>, u64, u32);

fn next(numbers: &mut Numbers, keys: &[Vec<Part>], starts: &mut Vec<Start>) -> Option<Ask> {
    let index = usize::try_from(numbers.below(keys.len() as u64)).ok()?;
    let parts: Vec<&Part> = keys.get(index)?.iter().collect();
    let weight = numbers.weight(3);
    Some(match numbers.below(12) {
        0 => ask(&parts, Verb::Charge { weight }),
        1 => ask(&parts, Verb::Reset),
        2 | 3 if !starts.is_empty() => {
            let (parts, start, weight) = starts.pop()?;
            let parts: Vec<&Part> = parts.iter().collect();
            ask(&parts, Verb::Refund { start, weight, given: numbers.weight(weight), born: [0; 2] })
        }
        _ => {
            let (after, slack) =
                (numbers.below(3) * numbers.below(5_000), numbers.below(2) * numbers.below(30_000));
            let allowance = if numbers.below(3) == 0 { 0 } else { 60_000 };
            let reserves = numbers.below(2) == 0;
            ask(&parts, Verb::Acquire(Acquire { weight, after, slack, allowance, reserves }))
        }
    })
}

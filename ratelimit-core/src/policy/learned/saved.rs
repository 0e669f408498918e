//! What is known of a window as bytes, as stores keep it. Numbers are little-endian, times nanoseconds.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 0 nothing was said, 1 there is no window, 2 to 4 there is one: its end lies between two times, is over, is not said |
//! | 9 | if there is one: its limit (1 and the number, or 0), |
//! | 24 | what remains, and the two times, the second 0 where there is one |
//! | 8 each | heard, opened, paused until, the last rejection |
//! | 4 | rejections in a row |
//! | 32 | the two lots that were lost: weight and time |

use super::lost::{Lost, Lot};
use super::{End, Learned, Manner, Rejections, Said, Window};
use crate::policy::saved::{Reader, put};
use crate::time::Timestamp;

impl Learned {
    /// Appends all that is known, but for the calls that are on their way.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        match self.said {
            Said::Nothing => out.push(0),
            Said::NoWindow => out.push(1),
            Said::Window(Window { limit, remaining, end }) => {
                let (kind, times) = match end {
                    End::Between(first, last) => (2, [first, last]),
                    End::After(over) => (3, [over, Timestamp::ZERO]),
                    End::Unsaid(sent) => (4, [sent, Timestamp::ZERO]),
                };
                out.extend([kind, u8::from(limit.is_some())]);
                put(out, limit.unwrap_or(0), 8);
                put(out, remaining, 8);
                for time in times {
                    put(out, time.as_nanos(), 8);
                }
            }
        }
        for time in [self.heard, self.opened, self.paused_until, self.rejections.last] {
            put(out, time.as_nanos(), 8);
        }
        put(out, self.rejections.count.into(), 4);
        for lot in [self.lost.earlier, self.lost.later] {
            put(out, lot.weight, 8);
            put(out, lot.last.as_nanos(), 8);
        }
    }

    /// What was saved, with so much on its way; `None` if these bytes cannot be that.
    pub(crate) fn load(manner: Manner, in_flight: u64, bytes: &mut Reader<'_>) -> Option<Self> {
        let said = match bytes.number(1)? {
            0 => Said::Nothing,
            1 => Said::NoWindow,
            kind @ 2..=4 => {
                let has_limit = bytes.number(1)?;
                let limit = bytes.u64()?;
                let remaining = bytes.u64()?;
                let [first, last] = [time(bytes)?, time(bytes)?];
                let end = match kind {
                    2 => End::Between(first, last),
                    3 => End::After(first),
                    _ => End::Unsaid(first),
                };
                Said::Window(Window { limit: (has_limit == 1).then_some(limit), remaining, end })
            }
            _ => return None,
        };
        let [heard, opened, paused_until, rejected] =
            [time(bytes)?, time(bytes)?, time(bytes)?, time(bytes)?];
        let rejections = Rejections { count: bytes.u32()?, last: rejected };
        let mut load = || Some(Lot { weight: bytes.u64()?, last: time(bytes)? });
        let (earlier, later) = (load()?, load()?);
        let lost = Lost { earlier, later };
        Some(Learned { manner, said, in_flight, heard, opened, paused_until, rejections, lost })
    }

    /// All times as if it were so much earlier: where a clock was put back.
    pub(crate) fn shift_back(&mut self, by: u64) {
        let back = |time: &mut Timestamp| *time = Timestamp::from_nanos(time.as_nanos().saturating_sub(by));
        if let Said::Window(Window { end, .. }) = &mut self.said {
            match end {
                End::Between(first, last) => [first, last].into_iter().for_each(back),
                End::After(time) | End::Unsaid(time) => back(time),
            }
        }
        let Learned { heard, opened, paused_until, rejections, lost, .. } = self;
        let lots = [&mut lost.earlier.last, &mut lost.later.last];
        [heard, opened, paused_until, &mut rejections.last].into_iter().chain(lots).for_each(back);
    }

    /// Until when anything is remembered that a fresh one would not know, but for the calls that are on their way.
    pub(crate) fn remembered_until(&self) -> Timestamp {
        let over = self.over_at();
        if self.said == Said::Nothing { over } else { over.max(self.heard).plus(self.manner.remember) }
    }
}

fn time(bytes: &mut Reader<'_>) -> Option<Timestamp> {
    bytes.u64().map(Timestamp::from_nanos)
}

//! Taking without asking: what was spent already counts, also where that is a debt.

use super::KeyId;
use super::due::Refusal;
use super::effects::Effects;
use super::learning::Origin;
use super::locked::Changed;
use super::plan::Forecast;
use super::shared::Shared;
use super::state::{Grant, Reading, State};
use crate::error::ErrorKind;

impl Shared {
    pub(crate) fn charge(&self, key: KeyId, origin: Origin, weight: u32) -> Changed<Result<Grant, Refusal>> {
        self.change(|state, reading, effects| state.charge((key, origin), weight, reading, effects))
    }
}

impl State {
    /// Takes `weight` now, whatever the rates say, and also during a pause.
    fn charge(
        &mut self,
        (key, origin): (KeyId, Origin),
        weight: u32,
        reading: Reading,
        effects: &mut Effects,
    ) -> Result<Grant, Refusal> {
        if self.closed {
            return Err(Refusal::of(ErrorKind::Closed));
        }
        let route = self.set_out(origin);
        if weight == 0 {
            return Ok(self.free_pass(key, route, reading));
        }
        self.catch_up(key, reading, effects);
        if !self.make_room_to_start(key, route, reading) {
            return Err(Refusal::of(ErrorKind::TooManyKeys));
        }
        let before = self.forecast_sharers(key, reading);
        let grant = self.commit((key, route), reading, weight, reading.clock);
        effects.meet_panic();
        self.judge_sharers(key, &before, reading, effects);
        grant.ok_or(Refusal::of(ErrorKind::Limited))
    }

    /// When those would start whose turn a commit on `key` may move: its own line, with a total everybody.
    pub(super) fn forecast_sharers(&self, key: KeyId, reading: Reading) -> Forecast {
        if self.memory.has_total() { self.forecast_all(reading) } else { self.forecast(key, reading) }
    }

    /// Refuses those whose turn was moved past their allowance since `before`, and plans the others anew.
    pub(super) fn judge_sharers(
        &mut self,
        key: KeyId,
        before: &Forecast,
        reading: Reading,
        effects: &mut Effects,
    ) {
        if self.memory.has_total() {
            self.judge_all(before, reading, effects);
        } else {
            self.judge(key, before, reading, effects);
            self.settle(key, reading, effects);
        }
    }
}

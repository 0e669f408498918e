//! The annotated functions of the program whose permits know them: by numbers, for which a permit has room.

use crate::error::SiteName;
use crate::sync::Mutex;
use std::sync::PoisonError;

/// Those that have a number, which is their place and one.
static SITES: Mutex<Vec<SiteName>> = Mutex::new(Vec::new());

/// A number for `site`, which asks once.
pub(crate) fn number(site: SiteName) -> u32 {
    let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    sites.push(site);
    u32::try_from(sites.len()).unwrap_or(0)
}

/// The site of that number; 0 = none.
pub(super) fn named(number: u32) -> Option<SiteName> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    let sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    sites.get(place).copied()
}

//! Whether the wall clock can be believed, so that one that jumps does not empty the store.
//!
//! A mark on disk says what the time was when it was last believed, and how long the machine had been up then. From the
//! second one follows what the time should be now: while the process runs, and over a restart of it. Where the machine
//! itself was started anew nobody knows how long it was off; a few days are believed. A clock that is elsewhere is *in
//! doubt* until it comes back, or has stayed there for a day. Meanwhile the store goes by whichever of both times is
//! safer: what is old enough to go is old enough by both, and what is received is received at the later of both.
//! A machine that does not tell how long it is up is believed always.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use model::time::{Clock, UnixNanos, Uptime};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Next, Result};

const FILE: &str = "clock.json";

/// A clock that is off by more is in doubt.
const OFF_MAX: Duration = Duration::from_secs(3600);

/// A machine that was started anew may have been off for so long without doubt.
const UNSEEN_MAX: Duration = Duration::from_secs(3 * 24 * 3600);

/// So long a clock is in doubt that keeps the time to which it jumped, counted while the process runs.
const DOUBT_MAX: Duration = Duration::from_secs(24 * 3600);

/// How often the mark is written while nothing happens.
const WRITE_EVERY_NS: u64 = 60_000_000_000;

/// What was known at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The time, as far as it is believed, Unix nanoseconds.
    time_ns: UnixNanos,
    /// Which run of the machine this was, and how long it had been up.
    boot: u64,
    up_ns: u64,
    /// The wall clock says another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
}

/// A wall clock that is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// By how much it is ahead of the time that is believed, in nanoseconds.
    pub ahead_ns: i64,
    /// For how long it has kept that, in nanoseconds; it is believed after a day.
    pub kept_ns: u64,
    /// The machine was started anew since the time was believed, so nobody knows how late it is.
    #[serde(default)]
    pub unseen: bool,
}

impl Doubt {
    /// When the clock will be believed if it goes on like this.
    pub fn left(&self) -> Duration {
        DOUBT_MAX.saturating_sub(Duration::from_nanos(self.kept_ns))
    }
}

/// Watches the clock.
pub(super) struct Watch {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    mark: Option<Mark>,
    /// How long the machine had been up when the mark was written last.
    written: Option<u64>,
}

impl Watch {
    /// Reads what the last process left; a mark that is damaged is none.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let mark = read(&path).unwrap_or_else(|error| {
            tracing::warn!(%error, "the time of the last run is not known");
            None
        });
        Self { path, state: Mutex::new(State { mark, written: None }) }
    }

    /// Looks at the clock, and notes on disk now and then what it says. Nothing is older than the answer makes it.
    pub(super) fn look(&self, clock: &dyn Clock) -> UnixNanos {
        let wall = clock.now();
        let Some(uptime) = clock.uptime() else { return wall };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = judged(state.mark.as_ref(), wall, uptime);
        let before = state.mark.as_ref().and_then(|mark| mark.doubt);
        let has_changed = before.is_some() != mark.doubt.is_some();
        if has_changed {
            said(mark.doubt);
        }
        let careful = wall.min(mark.time_ns);
        if has_changed
            || state.written.is_none_or(|written| mark.up_ns.saturating_sub(written) >= WRITE_EVERY_NS)
        {
            state.written = Some(mark.up_ns);
            if let Err(error) = write(&self.path, &mark) {
                tracing::debug!(%error, "cannot note the time");
            }
        }
        state.mark = Some(mark);
        careful
    }

    /// Is the clock in doubt, as of the last look?
    pub(super) fn doubt(&self) -> Option<Doubt> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.mark.as_ref().and_then(|mark| mark.doubt)
    }

    /// When something that arrives now has arrived: no earlier than the time that is believed.
    pub(super) fn received(&self, now: UnixNanos) -> UnixNanos {
        match self.doubt() {
            Some(doubt) if doubt.ahead_ns < 0 => now.saturating_add(doubt.ahead_ns.unsigned_abs()),
            _ => now,
        }
    }
}

/// What is to be believed after one more look.
fn judged(last: Option<&Mark>, wall: UnixNanos, uptime: Uptime) -> Mark {
    let Uptime { boot, up_ns } = uptime;
    let believed = Mark { time_ns: wall, boot, up_ns, doubt: None };
    let Some(last) = last else { return believed };
    let is_same_run = last.boot == boot;
    let elapsed = is_same_run.then(|| up_ns.saturating_sub(last.up_ns));
    let time_ns = last.time_ns.saturating_add(elapsed.unwrap_or(0));
    let ahead = i128::from(wall) - i128::from(time_ns);
    let unseen = !is_same_run || last.doubt.is_some_and(|doubt| doubt.unseen);
    let ahead_max = if unseen { UNSEEN_MAX } else { OFF_MAX };
    if (-nanos(OFF_MAX)..=nanos(ahead_max)).contains(&ahead) {
        return believed;
    }
    let ahead_ns = i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX });
    // While the machine was off the distance grows by itself; while it is on that is another jump.
    let is_kept =
        |doubt: &Doubt| !is_same_run || i128::from(doubt.ahead_ns).abs_diff(ahead) <= OFF_MAX.as_nanos();
    let kept =
        last.doubt.filter(is_kept).map_or(0, |doubt| doubt.kept_ns.saturating_add(elapsed.unwrap_or(0)));
    if u128::from(kept) >= DOUBT_MAX.as_nanos() {
        return believed;
    }
    Mark { time_ns, boot, up_ns, doubt: Some(Doubt { ahead_ns, kept_ns: kept, unseen }) }
}

fn said(doubt: Option<Doubt>) {
    match doubt {
        Some(doubt) => tracing::error!(
            ahead_s = doubt.ahead_ns / 1_000_000_000,
            "the clock jumped: until it comes back, or has kept the new time for a day, nothing goes by its age \
             that would not go by the old time too"
        ),
        None => tracing::info!("the clock is believed again"),
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

/// The file: the mark, and the checksum of its JSON.
#[derive(Serialize, Deserialize)]
struct Written {
    mark: Mark,
    crc32c: String,
}

fn sum(mark: &Mark) -> Result<String> {
    let bytes = serde_json::to_vec(mark).doing(Next::Refuse, "write the time")?;
    Ok(format!("{:08x}", crc32c::crc32c(&bytes)))
}

fn read(path: &Path) -> Result<Option<Mark>> {
    let doing = || format!("read {}", path.display());
    let bytes = match fs::read(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.doing(Next::Refuse, doing())?,
    };
    let Written { mark, crc32c } = serde_json::from_slice(&bytes).doing(Next::Repair, doing())?;
    if sum(&mark)? != crc32c {
        return Err(Error::new(Next::Repair, format!("{}: its checksum does not hold", path.display())));
    }
    Ok(Some(mark))
}

fn write(path: &Path, mark: &Mark) -> Result<()> {
    let written = Written { crc32c: sum(mark)?, mark: mark.clone() };
    let bytes = serde_json::to_vec(&written).doing(Next::Refuse, "write the time")?;
    let new = path.with_extension("json.new");
    let writing = fs::File::create(&new)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, path));
    writing.doing(Next::Retry, format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;
    const DAY: u64 = 24 * HOUR;
    const NOW: u64 = 20_000 * DAY;

    fn up(boot: u64, hours: u64) -> Uptime {
        Uptime { boot, up_ns: hours * HOUR }
    }

    /// Believed at noon after ten hours of the first run of the machine.
    fn noon() -> Mark {
        judged(None, NOW, up(1, 10))
    }

    fn ahead(mark: &Mark) -> Option<i64> {
        mark.doubt.map(|doubt| doubt.ahead_ns / HOUR as i64)
    }

    #[test]
    fn time_that_passes_is_no_jump_asleep_awake_or_stopped() {
        for hours in [0, 1, 30, 9000] {
            let mark = judged(Some(&noon()), NOW + hours * HOUR, up(1, 10 + hours));
            assert_eq!((mark.time_ns, mark.doubt), (NOW + hours * HOUR, None));
        }
        let weekend = judged(Some(&noon()), NOW + 3 * DAY, up(2, 0));
        assert_eq!(weekend.doubt, None, "the machine was off");
        assert_eq!(judged(Some(&noon()), NOW + HOUR, up(1, 10)).doubt, None, "an hour is nothing");
    }

    #[test]
    fn a_jump_is_seen_whatever_happened_between() {
        let jumps = [
            (NOW + 365 * DAY, up(1, 11)),
            (NOW - 365 * DAY, up(1, 11)),
            (NOW + 365 * DAY, up(2, 0)),
            (NOW - 365 * DAY, up(2, 0)),
            (NOW + 4 * HOUR, up(1, 11)),
            (NOW - 2 * HOUR, up(2, 0)),
        ];
        for (wall, uptime) in jumps {
            let mark = judged(Some(&noon()), wall, uptime);
            assert!(mark.doubt.is_some(), "{wall} {uptime:?}");
            assert!((NOW..=NOW + HOUR).contains(&mark.time_ns));
        }
        assert_eq!(ahead(&judged(Some(&noon()), NOW + 4 * HOUR, up(1, 11))), Some(3));
        assert_eq!(ahead(&judged(Some(&noon()), 0, up(1, 10))), Some(-20_000 * 24));
        assert!(judged(Some(&noon()), u64::MAX, up(1, 10)).doubt.is_some(), "no sum overflows");
    }

    #[test]
    fn doubt_ends_when_the_clock_comes_back() {
        let doubtful = judged(Some(&noon()), NOW + 365 * DAY, up(1, 11));
        let back = judged(Some(&doubtful), NOW + 2 * HOUR, up(1, 12));
        assert_eq!((back.time_ns, back.doubt), (NOW + 2 * HOUR, None));
        let without_battery = judged(Some(&noon()), 0, up(2, 0));
        assert!(without_battery.doubt.is_some_and(|doubt| doubt.unseen));
        let set = judged(Some(&without_battery), NOW + 2 * DAY, up(2, 0));
        assert_eq!((set.time_ns, set.doubt), (NOW + 2 * DAY, None), "the network told the time");
    }

    #[test]
    fn a_time_that_is_kept_for_a_day_is_believed_also_over_restarts() {
        let mut mark = judged(Some(&noon()), NOW + 365 * DAY, up(1, 10));
        for hour in 1..24 {
            mark = judged(Some(&mark), NOW + 365 * DAY + hour * HOUR, up(1, 10 + hour));
            assert_eq!((ahead(&mark), mark.time_ns), (Some(365 * 24), NOW + hour * HOUR));
        }
        let off = judged(Some(&mark), NOW + 370 * DAY, up(2, 0));
        assert_eq!(off.doubt.map(|doubt| doubt.kept_ns), Some(23 * HOUR));
        let believed = judged(Some(&off), NOW + 370 * DAY + HOUR, up(2, 1));
        assert_eq!((believed.time_ns, believed.doubt), (NOW + 370 * DAY + HOUR, None));
        let other = judged(Some(&mark), NOW + 700 * DAY, up(1, 34));
        assert_eq!(other.doubt.map(|doubt| doubt.kept_ns), Some(0), "another jump begins anew");
    }

    #[test]
    fn a_damaged_mark_is_none_and_a_whole_one_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(read(&path).unwrap(), None);
        let mark = judged(Some(&noon()), NOW + 365 * DAY, up(u64::MAX, 11));
        write(&path, &mark).unwrap();
        assert_eq!(read(&path).unwrap(), Some(mark));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(read(&path).is_err() || at > 0, "byte {at}");
            let _no_panic = read(&path);
        }
    }
}

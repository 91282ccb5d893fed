//! Group commit: one thread writes what waits, syncs once, and answers everyone.
//!
//! Whoever waits alone is written at once; while the disk is busy the next group gathers. A failed
//! write or sync is never repeated on the same file: its segment is abandoned, its group refused.
//! When nothing waits any more, a mark says that what lies before it was acknowledged: damage to the last frame
//! is then told from a write that was never finished.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    Position, Settings, Sync,
    disk::{Disk, File},
    error::{Doing, Error, Next, Result},
    frame::{Frame, HEADER_BYTES, Packed},
    segment::{self, Found, Label},
};

/// Bodies above this are compressed on a blocking thread.
const PACK_INLINE_BYTES_MAX: usize = 512 << 10;

/// A group's buffer above this is given back after use.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// How long nothing must be written until a mark is.
const MARK_AFTER: Duration = Duration::from_millis(50);

/// Failures in a row after which appends are refused without trying.
const FAILURES_MAX: u32 = 2;

/// The writing half of a journal. Dropping it writes what waits and ends its thread.
pub struct Journal {
    shared: Arc<Shared>,
    bytes_room: Arc<Semaphore>,
    frames_room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: u64,
}

/// Figures of a journal since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Segments on disk.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames appended.
    pub frames: u64,
    /// Bytes appended, as on disk.
    pub bytes_stored: u64,
    /// Bytes of bodies appended, before compression.
    pub bytes_raw: u64,
    /// Groups written, each with one fsync.
    pub groups: u64,
    /// Time spent writing and syncing.
    pub busy: Duration,
    /// Writes or syncs that failed.
    pub failures: u64,
    /// Bytes that wait for the disk.
    pub bytes_waiting: u64,
    /// Appends are refused until the disk works again.
    pub refusing: bool,
}

struct Shared {
    settings: Settings,
    disk: Arc<dyn Disk>,
    queue: Mutex<Queue>,
    wake: Condvar,
    segments: Mutex<BTreeMap<u64, u64>>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    frames: AtomicU64,
    bytes_stored: AtomicU64,
    bytes_raw: AtomicU64,
    groups: AtomicU64,
    busy_ns: AtomicU64,
    failures: AtomicU64,
}

struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Where the next frame that is taken will go; offset 0 asks for a new segment.
    next: Position,
    closed: bool,
    refusing: Option<Refusing>,
}

struct Refusing {
    until: Instant,
    cause: String,
}

struct Waiting {
    packed: Packed,
    done: oneshot::Sender<Result<Position>>,
    _room: [OwnedSemaphorePermit; 2],
}

impl Journal {
    pub(crate) fn start(disk: Arc<dyn Disk>, settings: Settings, found: &Found) -> Result<Self> {
        let highest = found.segments.last().map_or(0, |present| present.segment);
        let epochs = found.segments.iter().filter_map(|present| present.label);
        let epoch = epochs.map(|label| label.epoch).max().unwrap_or(0) + 1;
        let next = Position { segment: highest.max(settings.segment_floor) + 1, offset: 0 };
        let limits = &settings.limits;
        let bytes_room = Arc::new(Semaphore::new(kibibytes(limits.queue_bytes_max) as usize));
        let frames_room = Arc::new(Semaphore::new(limits.queue_frames_max));
        let segments = found.segments.iter().map(|present| (present.segment, present.bytes)).collect();
        let queue = Queue { waiting: VecDeque::new(), bytes: 0, next, closed: false, refusing: None };
        let shared = Arc::new(Shared {
            settings,
            disk,
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            segments: Mutex::new(segments),
            counters: Counters::default(),
        });
        let writer = Writer {
            shared: shared.clone(),
            open: None,
            previous: found.last,
            sequence: found.sequence,
            epoch,
            buffer: Vec::new(),
            unmarked: false,
            failures: 0,
        };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run());
        let thread = Mutex::new(Some(thread.doing(Next::Retry, "start its thread")?));
        Ok(Self { shared, bytes_room, frames_room, thread, epoch })
    }

    /// Keeps a frame; returns once it is durable.
    ///
    /// Whoever stops waiting does not know whether it is kept.
    pub async fn append(&self, frame: Frame) -> Result<Position> {
        self.shared.admit()?;
        let packed = self.pack(frame).await?;
        let room = self.room(packed.len()).await?;
        let (done, outcome) = oneshot::channel();
        {
            let mut queue = lock(&self.shared.queue);
            if queue.closed {
                return Err(closed());
            }
            queue.bytes += packed.len();
            queue.waiting.push_back(Waiting { packed, done, _room: room });
        }
        self.shared.wake.notify_one();
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Sends what is appended from now on to a new segment and returns where that begins.
    ///
    /// Frames acknowledged before this call lie before it, frames appended after it do not; a frame
    /// that is on its way lies on either side.
    pub fn cut(&self) -> Position {
        lock(&self.shared.queue).cut()
    }

    /// Removes the segments that lie wholly before `position`; returns how many.
    pub fn truncate(&self, position: Position) -> Result<u64> {
        let old: Vec<u64> =
            lock(&self.shared.segments).range(..position.segment).map(|(id, _)| *id).collect();
        for segment in &old {
            match self.shared.disk.remove(&segment::name(*segment)) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::new(Next::Retry, "remove a segment", cause));
                }
                _ => lock(&self.shared.segments).remove(segment),
            };
        }
        if !old.is_empty() {
            self.shared.disk.sync_dir().doing(Next::Retry, "sync its directory")?;
        }
        Ok(old.len() as u64)
    }

    /// Counts up with every opening of the directory.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Figures since the opening.
    pub fn stat(&self) -> Stat {
        let counters = &self.shared.counters;
        let (segments, bytes) = {
            let segments = lock(&self.shared.segments);
            (segments.len() as u64, segments.values().sum())
        };
        let queue = lock(&self.shared.queue);
        Stat {
            segments,
            bytes,
            frames: counters.frames.load(Relaxed),
            bytes_stored: counters.bytes_stored.load(Relaxed),
            bytes_raw: counters.bytes_raw.load(Relaxed),
            groups: counters.groups.load(Relaxed),
            busy: Duration::from_nanos(counters.busy_ns.load(Relaxed)),
            failures: counters.failures.load(Relaxed),
            bytes_waiting: queue.bytes as u64,
            refusing: queue.refusing.is_some(),
        }
    }

    /// Writes what waits, answers it, and ends. Later appends are refused.
    pub fn close(&self) {
        lock(&self.shared.queue).closed = true;
        self.shared.wake.notify_one();
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's thread panicked");
        }
    }

    async fn pack(&self, frame: Frame) -> Result<Packed> {
        let compression = self.shared.settings.compression;
        if frame.compressed || frame.body.len() <= PACK_INLINE_BYTES_MAX {
            return Packed::new(&frame, compression);
        }
        let packing = tokio::task::spawn_blocking(move || Packed::new(&frame, compression));
        packing.await.unwrap_or_else(|_| Err(Error::new(Next::Refuse, "compress a frame", "it panicked")))
    }

    async fn room(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2]> {
        let bytes = bytes.min(self.shared.settings.limits.queue_bytes_max);
        let bytes = self.bytes_room.clone().acquire_many_owned(kibibytes(bytes));
        let frames = self.frames_room.clone().acquire_owned();
        Ok([bytes.await.map_err(|_| closed())?, frames.await.map_err(|_| closed())?])
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Refuses while the disk does not work, but lets one frame through now and then to try it.
    fn admit(&self) -> Result<()> {
        let mut queue = lock(&self.queue);
        let Some(refusing) = &mut queue.refusing else { return Ok(()) };
        let now = Instant::now();
        if now < refusing.until {
            let cause = format!("it is read-only until the disk works again: {}", refusing.cause);
            return Err(Error::new(Next::Retry, "append a frame", cause));
        }
        refusing.until = now + self.settings.limits.probe_every;
        Ok(())
    }
}

impl Queue {
    /// Takes what one write can hold and settles where it goes.
    fn take(&mut self, settings: &Settings) -> Group {
        if self.next.offset >= settings.limits.segment_bytes_max {
            self.next = next_segment(self.next.segment);
        }
        let segment = self.next.segment;
        let mut offset = self.next.offset.max(segment::START);
        let mut group = Group { segment, start: offset, frames: Vec::new(), bytes: 0 };
        while let Some(waiting) = self.waiting.front() {
            if !group.frames.is_empty()
                && group.bytes + waiting.packed.len() > settings.limits.group_bytes_max
            {
                break;
            }
            group.bytes += waiting.packed.len();
            offset += waiting.packed.len() as u64;
            group.frames.extend(self.waiting.pop_front());
        }
        self.bytes -= group.bytes;
        self.next.offset = offset;
        group
    }

    fn cut(&mut self) -> Position {
        if self.next.offset > 0 {
            self.next = next_segment(self.next.segment);
        }
        self.next
    }
}

struct Group {
    segment: u64,
    start: u64,
    frames: Vec<Waiting>,
    bytes: usize,
}

struct Writer {
    shared: Arc<Shared>,
    open: Option<Open>,
    /// The last segment that holds acknowledged frames, and where they end.
    previous: (u64, u64),
    sequence: u64,
    epoch: u64,
    buffer: Vec<u8>,
    /// The open segment ends with acknowledged frames, not with a mark.
    unmarked: bool,
    failures: u32,
}

/// What the writer does next.
enum Turn {
    Write(Group),
    Mark,
    End,
}

struct Open {
    segment: u64,
    file: Box<dyn File>,
    salt: u32,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.turn() {
                Turn::Write(group) => self.commit(group),
                Turn::Mark => self.mark(),
                Turn::End => return,
            }
        }
    }

    fn turn(&self) -> Turn {
        let mut queue = lock(&self.shared.queue);
        while queue.waiting.is_empty() {
            let mut late = false;
            if !queue.closed {
                let wait = if self.unmarked { MARK_AFTER } else { Duration::MAX };
                let woken = self.shared.wake.wait_timeout(queue, wait);
                let (again, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                (queue, late) = (again, timeout.timed_out());
            }
            match &self.open {
                _ if !queue.waiting.is_empty() => break,
                Some(open) if self.unmarked && (late || queue.closed) => {
                    if queue.next.segment == open.segment {
                        queue.next.offset += HEADER_BYTES as u64;
                    }
                    return Turn::Mark;
                }
                _ if queue.closed => return Turn::End,
                _ => {}
            }
        }
        Turn::Write(queue.take(&self.shared.settings))
    }

    fn commit(&mut self, group: Group) {
        let began = Instant::now();
        let outcome = self.write(&group);
        let busy_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.counters.busy_ns.fetch_add(busy_ns, Relaxed);
        match outcome {
            Ok(()) => self.kept(group),
            Err(error) => self.failed(group, &error),
        }
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
    }

    /// Writes a mark behind the acknowledged frames. It need not last, so it is not synced.
    fn mark(&mut self) {
        self.unmarked = false;
        let Some(open) = &mut self.open else { return };
        self.buffer.clear();
        Packed::mark().put(self.sequence, open.salt, &mut self.buffer);
        if let Err(error) = open.file.append(&self.buffer) {
            let segment = open.segment;
            tracing::warn!(segment, %error, "cannot mark the end of a journal segment: it is abandoned");
            self.shared.counters.failures.fetch_add(1, Relaxed);
            self.open = None;
            let mut queue = lock(&self.shared.queue);
            queue.next = queue.next.max(next_segment(segment));
            return;
        }
        if let Some(bytes) = lock(&self.shared.segments).get_mut(&open.segment) {
            *bytes += self.buffer.len() as u64;
        }
    }

    fn write(&mut self, group: &Group) -> Result<()> {
        if self.open.as_ref().is_none_or(|open| open.segment != group.segment) {
            self.open = None;
            self.open = Some(self.open_segment(group.segment)?);
        }
        let Some(open) = &mut self.open else { return Err(closed()) };
        self.buffer.clear();
        for (sequence, waiting) in (self.sequence..).zip(&group.frames) {
            waiting.packed.put(sequence, open.salt, &mut self.buffer);
        }
        open.file.append(&self.buffer).doing(Next::Retry, "write to the disk")?;
        if self.shared.settings.sync == Sync::Always {
            open.file.sync().doing(Next::Retry, "sync to the disk")?;
        }
        Ok(())
    }

    fn open_segment(&self, segment: u64) -> Result<Open> {
        let label = Label::new(segment, self.epoch, self.sequence, self.previous);
        let doing = "begin a segment";
        let mut file = self.shared.disk.create(&segment::name(segment)).doing(Next::Retry, doing)?;
        lock(&self.shared.segments).insert(segment, segment::START);
        file.append(&label.encode()).doing(Next::Retry, doing)?;
        if self.shared.settings.sync == Sync::Always {
            file.sync().doing(Next::Retry, doing)?;
            self.shared.disk.sync_dir().doing(Next::Retry, doing)?;
        }
        Ok(Open { segment, file, salt: label.salt() })
    }

    fn kept(&mut self, group: Group) {
        let counters = &self.shared.counters;
        counters.groups.fetch_add(1, Relaxed);
        counters.frames.fetch_add(group.frames.len() as u64, Relaxed);
        counters.bytes_stored.fetch_add(group.bytes as u64, Relaxed);
        self.sequence += group.frames.len() as u64;
        self.unmarked = true;
        self.previous = (group.segment, group.start + group.bytes as u64);
        lock(&self.shared.segments).insert(self.previous.0, self.previous.1);
        if std::mem::take(&mut self.failures) > 0 {
            lock(&self.shared.queue).refusing = None;
            tracing::info!(segment = group.segment, "the journal's disk works again");
        }
        let mut offset = group.start;
        for waiting in group.frames {
            let position = Position { segment: group.segment, offset };
            offset += waiting.packed.len() as u64;
            counters.bytes_raw.fetch_add(waiting.packed.len_raw(), Relaxed);
            let _nobody_waits = waiting.done.send(Ok(position));
        }
    }

    /// Gives up the segment: after a failed sync nobody knows what its file holds.
    fn failed(&mut self, group: Group, error: &Error) {
        (self.open, self.unmarked) = (None, false);
        self.failures += 1;
        self.shared.counters.failures.fetch_add(1, Relaxed);
        tracing::error!(segment = group.segment, %error, "journal segment abandoned");
        if self.previous.0 != group.segment && self.shared.disk.remove(&segment::name(group.segment)).is_ok()
        {
            lock(&self.shared.segments).remove(&group.segment);
        }
        {
            let mut queue = lock(&self.shared.queue);
            queue.next = queue.next.max(next_segment(group.segment));
            if self.failures >= FAILURES_MAX {
                let until = Instant::now() + self.shared.settings.limits.probe_every;
                queue.refusing = Some(Refusing { until, cause: error.to_string() });
            }
        }
        for waiting in group.frames {
            let refused = Error::new(Next::Retry, "append a frame", error);
            let _nobody_waits = waiting.done.send(Err(refused));
        }
    }
}

fn next_segment(segment: u64) -> Position {
    Position { segment: segment + 1, offset: 0 }
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).max(1)
}

fn closed() -> Error {
    Error::new(Next::Retry, "append a frame", "the journal is closed")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The next segments, made ready on a thread of their own so that a commit does not wait for zeros.
//!
//! What is ready is also the reserve: it is already written, so a full disk cannot take it away. When no more can be
//! made the thread says why, and tries again every second and whenever somebody is waiting.

use std::{
    collections::VecDeque,
    fs, io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    format::{Header, JournalId},
    segment::{self, Segment},
};

const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How segments are made.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) dir: PathBuf,
    pub(super) id: JournalId,
    pub(super) segment_bytes: u32,
    pub(super) spare: usize,
}

impl Maker {
    /// The next segment: a retired one if there is any, else a new one.
    pub(super) fn make(&self, number: u64) -> io::Result<Segment> {
        let header = Header { id: self.id, number, bytes: self.segment_bytes };
        for old in segment::numbers(&self.dir, "spare")? {
            let spare = segment::spare_path(&self.dir, old);
            if fs::metadata(&spare)?.len() == u64::from(self.segment_bytes) {
                return Segment::recycle(&self.dir, &spare, header);
            }
            fs::remove_file(&spare)?;
        }
        Segment::create(&self.dir, header)
    }
}

/// The queue of ready segments and the thread that fills it.
#[derive(Debug)]
pub(super) struct Ahead {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    maker: Maker,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<Segment>,
    next: u64,
    failures: u64,
    trouble: Option<Arc<io::Error>>,
    waiting: bool,
    stop: bool,
}

impl Ahead {
    pub(super) fn start(maker: Maker, ready: VecDeque<Segment>, next: u64) -> io::Result<Self> {
        let state = State { ready, next, failures: 0, trouble: None, waiting: false, stop: false };
        let shared = Arc::new(Shared { maker, state: Mutex::new(state), changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal-ahead".into()).spawn(move || of_thread.work())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The next segment, waiting for it if need be; or why there is none.
    pub(super) fn take(&self) -> Result<Segment, Arc<io::Error>> {
        let mut state = self.shared.lock();
        let failures = state.failures;
        loop {
            if let Some(segment) = state.ready.pop_front() {
                state.waiting = false;
                self.shared.changed.notify_all();
                return Ok(segment);
            }
            if let Some(trouble) = state.trouble.clone().filter(|_| state.failures > failures) {
                state.waiting = false;
                return Err(trouble);
            }
            state.waiting = true;
            self.shared.changed.notify_all();
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives back what was taken and not written to.
    pub(super) fn give_back(&self, segments: Vec<Segment>) {
        let mut state = self.shared.lock();
        segments.into_iter().rev().for_each(|segment| state.ready.push_front(segment));
    }

    /// How many are ready, and what keeps more from being made.
    pub(super) fn ready(&self) -> (usize, Option<Arc<io::Error>>) {
        let state = self.shared.lock();
        (state.ready.len(), state.trouble.clone())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell: a half-made segment has no name yet.
            thread.join().ok();
        }
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.lock();
        let mut rested = false;
        while !state.stop {
            let tired = state.trouble.is_some() && !state.waiting && !rested;
            if state.ready.len() >= self.maker.spare {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if tired {
                let waited = self.changed.wait_timeout(state, RETRY_EVERY).unwrap_or_else(PoisonError::into_inner);
                (state, rested) = (waited.0, waited.1.timed_out());
            } else {
                let number = state.next;
                drop(state);
                let made = self.maker.make(number);
                state = self.lock();
                state.record(made);
                rested = false;
                self.changed.notify_all();
            }
        }
    }

    // Nothing is left half-changed under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn record(&mut self, made: io::Result<Segment>) {
        match made {
            Ok(segment) => {
                self.ready.push_back(segment);
                self.next += 1;
                self.trouble = None;
            }
            Err(error) => {
                self.failures += 1;
                self.trouble = Some(Arc::new(error));
                self.waiting = false;
            }
        }
    }
}

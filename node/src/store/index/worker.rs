//! Writing rows on a thread of its own: the engine hands over a frozen overlay and goes on; it drops the overlay when
//! the answer comes. One batch at a time, so memory is bounded by two overlays.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::{Index, IndexError, Rows};
use crate::store::{
    baseline::{self, Baseline, BaselineError},
    journal::Position,
};

struct Job {
    rows: Arc<Rows>,
    watermark: Position,
    baseline: Option<PathBuf>,
}

/// A batch that is in the index and on disk.
#[derive(Debug)]
pub struct Drained {
    /// The rows stand for the journal up to here.
    pub to: Position,
    /// The baseline that was asked for, or why there is none: the one before still stands then.
    pub baseline: Option<Result<Baseline, BaselineError>>,
}

/// The engine's end of the thread.
#[derive(Debug)]
pub struct Indexer {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Result<Drained, IndexError>>,
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts the thread.
    pub fn start(index: Index) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel::<Job>(1);
        let (outbox, done) = sync_channel(1);
        let work = move || {
            // Ends when the engine lets go of either end.
            for Job { rows, watermark, baseline } in inbox {
                let written = index.apply(&rows, watermark).and_then(|()| index.checkpoint());
                drop(rows);
                let drained = written
                    .map(|()| Drained { to: watermark, baseline: baseline.map(|dir| baseline::write(&index, &dir)) });
                // A baseline has just said how many bytes the rows are.
                if let Ok(Drained { baseline: Some(Ok(baseline)), .. }) = &drained {
                    index.slim(baseline.bytes);
                }
                if outbox.send(drained).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("indexer".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), done, busy: false, thread: Some(thread) })
    }

    /// Hands over rows and the position they stand for; if a directory is given, a baseline of all rows is written there
    /// afterwards. Refused while the batch before has no answer yet.
    pub fn submit(
        &mut self,
        rows: Arc<Rows>,
        watermark: Position,
        baseline: Option<PathBuf>,
    ) -> Result<(), IndexError> {
        if self.busy {
            return Err(IndexError::Busy);
        }
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(Job { rows, watermark, baseline }).is_ok());
        self.busy = sent;
        if sent { Ok(()) } else { Err(stopped()) }
    }

    /// Whether a batch is under way.
    pub const fn busy(&self) -> bool {
        self.busy
    }

    /// The answer for the batch under way, once there is one: its rows are in the index and on disk up to here.
    pub fn poll(&mut self) -> Option<Result<Drained, IndexError>> {
        if !self.busy {
            return None;
        }
        let answer = match self.done.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(stopped()),
        };
        self.busy = false;
        Some(answer)
    }

    /// Waits for the batch under way, if there is one.
    pub fn wait(&mut self) -> Option<Result<Drained, IndexError>> {
        let answer = self.busy.then(|| self.done.recv().unwrap_or_else(|_| Err(stopped())));
        self.busy = false;
        answer
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A batch under way has room for its answer, so the thread ends by itself; its panic was reported by `poll`.
            thread.join().ok();
        }
    }
}

fn stopped() -> IndexError {
    IndexError::Failed { cause: "its thread has stopped".into() }
}

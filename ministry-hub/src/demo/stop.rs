//! When to stop: Ctrl-C, a polite kill, a closed terminal, or the time asked for.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Everything that may ask the demo to end.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    /// Takes the signals over from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until someone asks.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Waits until someone asks or the time is up; without a time, only the former.
    pub(crate) async fn within(&mut self, time: Option<Duration>) {
        match time {
            // Being asked before the time is up is as good an end.
            Some(time) => tokio::time::timeout(time, self.asked()).await.unwrap_or(()),
            None => self.asked().await,
        }
    }
}

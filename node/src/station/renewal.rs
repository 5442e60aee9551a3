//! Certificates are renewed while the station runs: the folder of its bundle is read again on SIGHUP, and every minute.
//!
//! What does not read, or is another station's, changes nothing and is said once. Lines that live on go on; a line made
//! with the old certificate ends with it, and the next one has the new.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    identity::{Identity, readable},
    io::Io,
    link::socket::Sessions,
};

/// How often the folder is read without being told to.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Whoever is told to look. From here on SIGHUP ends no process any more, so this comes before anything that takes long.
pub(super) struct Told(std::io::Result<Signal>);

impl Told {
    pub(super) fn listen() -> Self {
        Self(signal(SignalKind::hangup()).inspect_err(|error| {
            tracing::warn!(%error, "SIGHUP cannot be heard; renewed certificates are found within a minute all the same");
        }))
    }

    /// Never, if it cannot be heard.
    async fn now(&mut self) -> Option<()> {
        match &mut self.0 {
            Ok(told) => told.recv().await,
            Err(_) => None,
        }
    }
}

/// Keeps the identity what the folder says, for as long as the station runs.
pub(super) async fn keep_current(
    mut told: Told,
    identity: Arc<ArcSwap<Identity>>,
    sessions: Sessions,
    io: Arc<dyn Io>,
) {
    let mut complaint = String::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(()) = told.now() => {}
        }
        let current = identity.load_full();
        let reading = current.clone();
        let read = tokio::task::spawn_blocking(move || reading.reload()).await;
        let Ok(read) = read else { return };
        match read {
            Ok(fresh) if fresh.is_same(&current) => complaint.clear(),
            Ok(fresh) => {
                complaint.clear();
                let (transport, signing) = (fresh.transport_not_after(), fresh.signing_not_after());
                let fresh = Arc::new(fresh);
                identity.store(fresh.clone());
                let ended = sessions.recheck(&fresh, io.now());
                let (transport, signing) = (readable(transport), readable(signing));
                tracing::info!(transport, signing, ended, "the certificates were renewed; these are their last days");
            }
            Err(error) => {
                let error = error.to_string();
                if error != complaint {
                    tracing::warn!(
                        error,
                        "the folder of the certificates does not read; the station goes on with those it has"
                    );
                    complaint = error;
                }
            }
        }
    }
}

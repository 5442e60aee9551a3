//! Waiting for a document to come as far as was asked: its view again whenever it changes, until then or until time is up.

use std::time::Duration;

use proto::v1::{DocumentView, GetRequest};

use super::{
    call::Call,
    exit::{Exit, Failure},
};
use crate::desk::client::Station;

/// What a look at the document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not yet.
    Waiting,
    /// As far as was asked.
    Reached,
    /// It will not come so far any more.
    Never,
}

impl Verdict {
    /// What the shell is told.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Waiting => Exit::NotInTime,
            Self::Reached => Exit::Done,
            Self::Never => Exit::Failed,
        }
    }
}

/// Looks at the document until `judge` has seen enough or the time is up, and returns the last verdict and view.
pub(super) async fn watch(
    call: &Call,
    station: &mut Station,
    number: &str,
    patience: Option<Duration>,
    mut judge: impl FnMut(&DocumentView) -> Verdict,
) -> Result<(Verdict, DocumentView), Failure> {
    let mut last = call.document(station, number).await?;
    let mut verdict = judge(&last);
    if verdict != Verdict::Waiting {
        return Ok((verdict, last));
    }
    let deadline = patience.map(|patience| tokio::time::Instant::now() + patience);
    let mut views =
        call.answer(station.watch(GetRequest { document: number.to_owned(), ..Default::default() }).await)?;
    loop {
        let next = match deadline {
            Some(deadline) => match tokio::time::timeout_at(deadline, views.message()).await {
                Ok(next) => next,
                Err(_) => return Ok((verdict, last)),
            },
            None => views.message().await,
        };
        // A stream that ends while somebody waits is a station that stopped.
        let ended = || tonic::Status::unavailable("the station stopped");
        last = next.and_then(|view| view.ok_or_else(ended)).map_err(|status| call.failure(&status))?;
        verdict = judge(&last);
        if verdict != Verdict::Waiting {
            return Ok((verdict, last));
        }
    }
}

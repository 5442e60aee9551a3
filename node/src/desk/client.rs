//! How the command line reaches its own station: gRPC over a Unix socket, no password and no port. Who may open the
//! socket is an operator; the file's group decides that.

use std::{error::Error, io, path::Path, time::Duration};

use hyper_util::rt::TokioIo;
use proto::v1::station_client::StationClient;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

use crate::limits;

/// A station, spoken to.
pub type Station = StationClient<Channel>;

/// A list of documents may be many frames long; the station on the other end is our own.
const ANSWER_BYTES_MAX: usize = 64 * limits::FRAME_BYTES_MAX;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Nobody answered on the socket.
#[derive(Debug, thiserror::Error)]
#[error("no station answers on {socket}: {source}")]
pub struct Unreachable {
    socket: String,
    source: tonic::transport::Error,
}

impl Unreachable {
    /// What the system said: a missing socket (not started) and a forbidden one (not in the group) differ.
    pub fn io(&self) -> Option<&io::Error> {
        let mut at: Option<&(dyn Error + 'static)> = Some(&self.source);
        while let Some(error) = at {
            if let Some(io) = error.downcast_ref() {
                return Some(io);
            }
            at = error.source();
        }
        None
    }
}

/// Connects to the station that listens on this socket.
pub async fn connect(socket: &Path) -> Result<Station, Unreachable> {
    let path = socket.to_owned();
    let dial = tower::service_fn(move |_| {
        let path = path.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
    });
    // The address is never looked up; HTTP/2 merely wants one.
    let channel = Endpoint::from_static("http://station.local")
        .connect_timeout(CONNECT_WITHIN)
        .connect_with_connector(dial)
        .await
        .map_err(|source| Unreachable { socket: socket.display().to_string(), source })?;
    Ok(StationClient::new(channel)
        .max_decoding_message_size(ANSWER_BYTES_MAX)
        .max_encoding_message_size(limits::FRAME_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_station_that_was_never_started_is_told_from_other_failures() {
        let dir = tempfile::tempdir().unwrap();
        let failed = connect(&dir.path().join("none.sock")).await.unwrap_err();
        assert_eq!(failed.io().map(io::Error::kind), Some(io::ErrorKind::NotFound));
    }
}

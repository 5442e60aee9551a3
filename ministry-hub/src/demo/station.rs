//! Speaking to a station through its local socket, as its own people do.

use std::{io, path::PathBuf, time::Duration};

use hyper_util::rt::TokioIo;
use proto::v1::station_client::StationClient;
use tokio::net::UnixStream;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

/// A station's local interface. Cheap to clone.
pub(crate) type Client = StationClient<Channel>;

/// How long an officer waits for an answer before asking again.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// A long list of documents, with room to spare.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A client that dials on first use and again after every failure, so that it outlives the station's deaths.
pub(crate) fn client(socket: PathBuf) -> Client {
    let channel = Endpoint::from_static("http://station.local").timeout(ANSWER_WITHIN).connect_with_connector_lazy(
        tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        }),
    );
    StationClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// Whether the same call may succeed later: the station is down, slow or full, and has not said no.
pub(crate) fn later(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::Internal
            | Code::ResourceExhausted
    )
}

#[cfg(test)]
mod tests {
    use proto::v1::StatusRequest;

    use super::*;

    #[tokio::test]
    async fn a_station_that_is_not_there_may_be_asked_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let mut client = client(dir.path().join("nobody.sock"));
        let refused = client.get_status(StatusRequest {}).await.unwrap_err();
        assert!(later(&refused), "{refused:?}");
        assert!(!later(&Status::failed_precondition("scope")));
        assert!(!later(&Status::invalid_argument("place")));
    }
}

//! Dialling one above us, and saying plainly why it did not work.
//!
//! In TLS 1.3 the client is done before the server has looked at its certificate: a refusal arrives later, as an
//! alert in place of the first data, and HTTP/2 would show it as a cancelled call. So a dial is finished only when
//! the parent's first byte is here, and until then we send nothing: data of ours, unread when the parent closes,
//! would make the system throw its alert away.

use std::{
    io,
    net::{Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, pki_types::ServerName};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, TlsStream};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{
    counted::Counted,
    listen::peer_of,
    network::Network,
    peer::{Peer, PeerIo},
};
use crate::{
    identity::{ALPN, Identity, Neighbour, PeerRefused, refusal_in},
    io::Io,
    limits,
    link::trouble::Trouble,
};

/// rustls wants a name to connect to. It is neither sent nor compared: the parent is known by its certificate.
const NO_NAME: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// Why there is no link to the parent. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Not `host:port`.
    #[error("`{endpoint}` is not an address; write host:port in the topology")]
    Endpoint {
        /// As configured.
        endpoint: String,
    },
    /// The name leads nowhere.
    #[error("{endpoint} cannot be found: {source}; check the name in the topology and this machine's DNS")]
    Lookup {
        /// As configured.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answers at all.
    #[error("{endpoint} cannot be reached: {source}; check the line, the firewall and that the parent runs")]
    Unreachable {
        /// As configured.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The line swallows what we send.
    #[error("{endpoint} did not answer within {}s while {doing}; check the line and the firewall", .within.as_secs())]
    TimedOut {
        /// As configured.
        endpoint: String,
        /// What was waited for.
        doing: &'static str,
        /// How long.
        within: Duration,
    },
    /// What answers is not our parent.
    #[error(
        "{endpoint} is refused by this station: {why}; check the address, then the topology and root.pem on both sides"
    )]
    RefusedByUs {
        /// As configured.
        endpoint: String,
        /// Our reason.
        why: PeerRefused,
    },
    /// The parent does not want us.
    #[error("{endpoint} refuses this station (TLS alert: {}); {}", alert_name(.alert), advice(.alert))]
    RefusedByThem {
        /// As configured.
        endpoint: String,
        /// What it told us.
        alert: AlertDescription,
    },
    /// Something else listens there.
    #[error("{endpoint} does not speak HTTP/2 over TLS 1.3: {detail}; another program may have that port")]
    Protocol {
        /// As configured.
        endpoint: String,
        /// What was seen.
        detail: String,
    },
    /// It broke off before we were through.
    #[error("{endpoint} broke off: {source}; it may be starting, stopping or too busy, its log says which")]
    BrokenOff {
        /// As configured.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
}

impl DialError {
    /// Which of the known troubles it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Endpoint { .. } => Trouble::BadAddress,
            Self::Lookup { .. } => Trouble::UnknownHost,
            Self::Unreachable { .. } => Trouble::Unreachable,
            Self::TimedOut { .. } => Trouble::TimedOut,
            Self::RefusedByUs { .. } => Trouble::PeerRefused,
            Self::RefusedByThem { .. } => Trouble::RefusedByPeer,
            Self::Protocol { .. } => Trouble::NotAStation,
            Self::BrokenOff { .. } => Trouble::BrokenOff,
        }
    }
}

/// Connects to the parent. The channel lives as long as the connection: when it breaks, dial again, so that a channel
/// and its [`Peer`] are always the same connection.
pub async fn dial(
    network: &impl Network,
    endpoint: &str,
    identity: &Identity,
    io: Arc<dyn Io>,
) -> Result<(Channel, Peer), DialError> {
    dial_as(Neighbour::Parent, network, endpoint, identity, io).await
}

/// Connects to one above us: only to the one that is meant.
pub(crate) async fn dial_as(
    neighbour: Neighbour,
    network: &impl Network,
    endpoint: &str,
    identity: &Identity,
    io: Arc<dyn Io>,
) -> Result<(Channel, Peer), DialError> {
    let by = Instant::now() + limits::HANDSHAKE_WITHIN;
    let is_address =
        endpoint.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !is_address {
        return Err(DialError::Endpoint { endpoint: endpoint.to_owned() });
    }
    let (stream, address) = in_time(by, endpoint, "connecting", network.connect(endpoint)).await?;
    shaken_by(by, stream, address, endpoint, (identity, neighbour), io).await
}

/// A line that swallows what we send must not hold us up.
async fn in_time<T>(
    by: Instant,
    endpoint: &str,
    doing: &'static str,
    work: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    let within = limits::HANDSHAKE_WITHIN;
    timeout_at(by, work)
        .await
        .unwrap_or_else(|_| Err(DialError::TimedOut { endpoint: endpoint.to_owned(), doing, within }))
}

/// The same over a stream that is already there.
pub async fn dial_over<S>(
    stream: S,
    address: SocketAddr,
    endpoint: &str,
    identity: &Identity,
    io: Arc<dyn Io>,
) -> Result<(Channel, Peer), DialError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let by = Instant::now() + limits::HANDSHAKE_WITHIN;
    shaken_by(by, stream, address, endpoint, (identity, Neighbour::Parent), io).await
}

async fn shaken_by<S>(
    by: Instant,
    stream: S,
    address: SocketAddr,
    endpoint: &str,
    ours: (&Identity, Neighbour),
    io: Arc<dyn Io>,
) -> Result<(Channel, Peer), DialError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    in_time(by, endpoint, "shaking hands", async {
        let wire = shake_hands(stream, address, endpoint, ours, io).await?;
        let peer = wire.peer().clone();
        Ok((channel(endpoint, wire).await?, peer))
    })
    .await
}

async fn shake_hands<S>(
    stream: S,
    address: SocketAddr,
    endpoint: &str,
    (identity, neighbour): (&Identity, Neighbour),
    io: Arc<dyn Io>,
) -> Result<PeerIo<S>, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let named = || endpoint.to_owned();
    let protocol = |detail: &str| DialError::Protocol { endpoint: named(), detail: detail.to_owned() };
    let config = identity.client_config_for(neighbour, io.clone()).map_err(|error| protocol(&error.to_string()))?;
    let connecting = TlsConnector::from(config).connect(ServerName::from(NO_NAME), Counted::new(stream));
    let mut tls = connecting.await.map_err(|error| why(endpoint, error))?;
    if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(protocol("it did not agree to h2"));
    }
    // The server's SETTINGS come unasked for; if it refuses us, its alert comes instead.
    if tls.fill_buf().await.map_err(|error| why(endpoint, error))?.is_empty() {
        return Err(why(endpoint, io::ErrorKind::UnexpectedEof.into()));
    }
    let tls = TlsStream::from(tls);
    match peer_of(&tls, address, identity, neighbour, &*io) {
        Ok(Some(peer)) => Ok(PeerIo::new(tls, peer, io)),
        Ok(None) => Err(protocol("it showed no certificate")),
        Err(why) => Err(DialError::RefusedByUs { endpoint: named(), why }),
    }
}

async fn channel<S>(endpoint: &str, wire: PeerIo<S>) -> Result<Channel, DialError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = settings(endpoint).map_err(|_| DialError::Endpoint { endpoint: endpoint.to_owned() })?;
    // Handed over once: tonic would otherwise reconnect behind our back, to we know not whom.
    let once = Mutex::new(Some(TokioIo::new(wire)));
    let connector = service_fn(move |_: Uri| {
        let wire = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(wire.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection has ended")))
    });
    settings
        .connect_with_connector(connector)
        .await
        .map_err(|error| DialError::BrokenOff { endpoint: endpoint.to_owned(), source: io::Error::other(error) })
}

/// Scheme `http`: the TLS below is ours, and tonic must not look for its own.
fn settings(endpoint: &str) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{endpoint}"))?
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_adaptive_window(false)
        .max_frame_size(limits::H2_FRAME_BYTES)
        .http2_max_header_list_size(limits::HEADER_LIST_BYTES_MAX)
        .http2_max_local_error_reset_streams(limits::RESET_STREAMS_MAX)
        .http2_max_concurrent_reset_streams(limits::STREAMS_MAX as usize)
        .http2_keep_alive_interval(limits::KEEPALIVE_EVERY)
        .keep_alive_timeout(limits::KEEPALIVE_WITHIN)
        .keep_alive_while_idle(true)
        .buffer_size(limits::STREAMS_MAX as usize)
        // Until the parent answers a call, that is: a stream that has been answered may stay open for weeks.
        .timeout(limits::ANSWER_WITHIN))
}

fn why(endpoint: &str, error: io::Error) -> DialError {
    let endpoint = endpoint.to_owned();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => DialError::RefusedByThem { endpoint, alert: *alert },
        Some(tls) => match refusal_in(tls) {
            Some(why) => DialError::RefusedByUs { endpoint, why },
            None => DialError::Protocol { endpoint, detail: tls.to_string() },
        },
        None => DialError::BrokenOff { endpoint, source: error },
    }
}

fn alert_name(alert: &AlertDescription) -> String {
    format!("{alert:?}")
}

fn advice(alert: &AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateExpired => {
            "have the transport certificate renewed, and compare the clocks of both machines"
        }
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "its root.pem is another: this station's bundle is from another network, or one of the two is out of date"
        }
        AlertDescription::CertificateRequired => "it saw no certificate: check transport.pem",
        AlertDescription::ProtocolVersion | AlertDescription::NoApplicationProtocol => {
            "it speaks something else than a station: another program may have that port"
        }
        _ => "its log names the reason; most often its topology does not have this station below it",
    }
}

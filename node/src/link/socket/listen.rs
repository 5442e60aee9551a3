//! Answering children: an accept loop of our own, because a library's lets a silent stranger wait in line before an
//! honest child.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsStream};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tracing::Instrument;

use super::{
    counted::Counted,
    network::{self, Listener},
    peer::{Life, Peer, PeerIo},
    pending::Pending,
    sessions::Sessions,
};
use crate::{
    identity::{ALPN, Identity, Neighbour, PeerRefused, refusal_in},
    io::Io,
    limits::{HANDSHAKE_WITHIN, HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX},
};

/// Finished handshakes waiting for tonic to take them: it takes them at once, unless it is stopping.
const READY_MAX: usize = 16;
/// How long to wait when the machine has no more descriptors, instead of asking it without a pause.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why a connection never became a link.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// We know who it is, or claims to be, and it may not be here.
    #[error(transparent)]
    Refused(#[from] PeerRefused),
    /// It showed no certificate.
    #[error("it showed no certificate: no station of ours, see what runs at that address")]
    NoCertificate,
    /// It does not speak what links speak.
    #[error("it does not speak HTTP/2 over TLS 1.3 (ALPN h2): no station of ours, see what runs at that address")]
    Protocol,
    /// It took too long.
    #[error("it did not finish its handshake within {}s: a bad line, or no station of ours", HANDSHAKE_WITHIN.as_secs())]
    TimedOut,
    /// Not TLS, or broken off.
    #[error("its handshake failed: {0}; if that is no station of ours, see what runs at that address")]
    Tls(#[from] io::Error),
    /// Our own settings do not hold together.
    #[error("this station's TLS settings are not usable: {0}")]
    Settings(#[from] rustls::Error),
}

/// Connections from children, ready for `tonic`'s `serve_with_incoming`. Each handshake uses the identity held at that
/// moment, so a reload is a store. Ends when the stream is dropped.
pub fn listen<L: Listener>(
    listener: L,
    identity: Arc<ArcSwap<Identity>>,
    sessions: Sessions,
    io: Arc<dyn Io>,
) -> impl Stream<Item = io::Result<PeerIo<L::Stream>>> + Send + 'static {
    let (ready, taken) = mpsc::channel(READY_MAX);
    tokio::spawn(accept_all(listener, Door { identity, sessions, io, ready }));
    ReceiverStream::new(taken)
}

/// What every handshake needs.
struct Door<S> {
    identity: Arc<ArcSwap<Identity>>,
    sessions: Sessions,
    io: Arc<dyn Io>,
    ready: mpsc::Sender<io::Result<PeerIo<S>>>,
}

impl<S> Clone for Door<S> {
    fn clone(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            sessions: self.sessions.clone(),
            io: self.io.clone(),
            ready: self.ready.clone(),
        }
    }
}

async fn accept_all<L: Listener>(listener: L, door: Door<L::Stream>) {
    let mut pending: Pending<AbortHandle> = Pending::new(HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX);
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = door.ready.closed() => return,
            Some(done) = handshakes.join_next_with_id() => {
                let id = done.map_or_else(|error| error.id(), |(id, ())| id);
                pending.forget(|handle| handle.id() == id);
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let span = tracing::info_span!("handshake", %address);
                    let handle = handshakes.spawn(door.clone().admit(stream, address).instrument(span));
                    if let Some(oldest) = pending.admit(address.ip(), handle) {
                        oldest.abort();
                    }
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }
}

async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    // The caller went away before we looked: nothing of ours is short.
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "cannot accept connections; raise the service's LimitNOFILE if this goes on");
        sleep(ACCEPT_PAUSE).await;
    }
}

impl<S: network::Stream> Door<S> {
    async fn admit(self, stream: S, address: SocketAddr) {
        let identity = self.identity.load_full();
        let shaken = accept_over(stream, address, &identity, self.io.clone());
        match timeout(HANDSHAKE_WITHIN, shaken).await.unwrap_or(Err(HandshakeError::TimedOut)) {
            Ok(wire) => {
                let seat = self.sessions.seat(wire.peer().clone(), certificates(wire.tls()));
                // A reload stores, then rechecks who is seated: this one may have missed both.
                let latest = self.identity.load_full();
                if !Arc::ptr_eq(&latest, &identity) {
                    self.sessions.recheck(&latest, self.io.now());
                }
                // Nobody takes it when the server is stopping; then it is dropped here, and closed.
                self.ready.send(Ok(wire.seated(seat))).await.ok();
            }
            // The verifier has told that one, with the name.
            Err(HandshakeError::Refused(_)) => {}
            Err(error) => tracing::info!(reason = %error, "connection refused"),
        }
    }
}

/// Shakes hands with a child over any stream. The caller bounds the time.
pub async fn accept_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: SocketAddr,
    identity: &Identity,
    io: Arc<dyn Io>,
) -> Result<PeerIo<S>, HandshakeError> {
    let acceptor = TlsAcceptor::from(identity.server_config(io.clone())?);
    let tls = TlsStream::from(acceptor.accept(Counted::new(stream)).await.map_err(why)?);
    // A caller that offers no protocol at all gets through the handshake.
    if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(HandshakeError::Protocol);
    }
    let peer = peer_of(&tls, address, identity, Neighbour::Child, &*io)?.ok_or(HandshakeError::NoCertificate)?;
    Ok(PeerIo::new(tls, peer, io).first_byte_soon())
}

/// Who is at the other end of a finished handshake. Asked again rather than believed that the verifier was asked: that
/// is the difference between a mistake in a TLS setting and a stranger inside.
pub(super) fn peer_of<S>(
    tls: &TlsStream<Counted<S>>,
    address: SocketAddr,
    identity: &Identity,
    neighbour: Neighbour,
    io: &dyn Io,
) -> Result<Option<Peer>, PeerRefused> {
    let chain = certificates(tls);
    let Some((leaf, rest)) = chain.split_first() else { return Ok(None) };
    let now = io.now();
    let leaf = identity.admit(leaf, rest, neighbour, now)?;
    let mut dice = [0];
    io.random(&mut dice);
    let life = Life::of(leaf.not_after, identity.transport_not_after(), now, dice[0]);
    Ok(Some(Peer::new(leaf.id, leaf.not_after, address, life, tls.get_ref().0.arrived())))
}

fn certificates<S>(tls: &TlsStream<S>) -> Vec<CertificateDer<'static>> {
    tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec()
}

fn why(error: io::Error) -> HandshakeError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => HandshakeError::NoCertificate,
        Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => HandshakeError::Protocol,
        Some(tls) => refusal_in(tls).map_or_else(|| HandshakeError::Tls(error), HandshakeError::Refused),
        None => HandshakeError::Tls(error),
    }
}

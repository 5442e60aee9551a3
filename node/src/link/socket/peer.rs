//! Who is at the other end, and the wire to it: a stream that dies at once when it should.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::{Sleep, sleep},
};
use tokio_rustls::TlsStream;
use tonic::transport::server::Connected;

use super::sessions::Seat;
use crate::{
    identity::SpiffeId,
    io::{Io, Timestamp},
    limits::FIRST_BYTE_WITHIN,
};

/// The wall clock may jump, a machine may sleep: a certificate's end is looked at no less often than this.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(60);

/// A certificate names the second it is last good in; a handshake in that second succeeds, so a connection lives.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// Who is at the other end of a link. In a request's extensions on the answering side.
#[derive(Debug, Clone)]
pub struct Peer {
    /// From its certificate, and from nowhere else.
    pub id: SpiffeId,
    /// The last second of its certificate, and with it of the connection.
    pub not_after: Timestamp,
    /// Where it is, for people; it proves nothing.
    pub address: SocketAddr,
    switch: Arc<watch::Sender<Option<Cut>>>,
}

/// Why a connection was ended from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The peer's certificate came to its end.
    #[error("the peer's certificate expired")]
    Expired,
    /// The peer has connected again too often while this one lived.
    #[error("the peer has newer connections")]
    Replaced,
    /// Certificates or the topology changed, and the peer is a neighbour no more.
    #[error("the peer may not be here any more")]
    Refused,
    /// The link has no more use for it.
    #[error("this station closed the connection")]
    Closed,
}

impl Peer {
    pub(super) fn new(id: SpiffeId, not_after: Timestamp, address: SocketAddr) -> Self {
        Self { id, not_after, address, switch: Arc::new(watch::Sender::new(None)) }
    }

    /// Ends the connection, idle or not. The first reason stays.
    pub fn cut(&self, why: Cut) {
        self.switch.send_if_modified(|told| {
            told.is_none() && {
                *told = Some(why);
                true
            }
        });
    }

    /// Why this side ended the connection, if it did. A handler may outlive its connection: ask before what
    /// cannot be taken back.
    pub fn ended(&self) -> Option<Cut> {
        *self.switch.borrow()
    }

    /// Resolves when the connection must end.
    async fn end(self, io: Arc<dyn Io>) -> Cut {
        let mut switch = self.switch.subscribe();
        let told = async { switch.wait_for(Option::is_some).await.ok().and_then(|told| *told).unwrap_or(Cut::Closed) };
        tokio::select! {
            why = told => why,
            () = reaches(self.not_after + LAST_SECOND, &*io) => {
                self.cut(Cut::Expired);
                Cut::Expired
            }
        }
    }
}

async fn reaches(moment: Timestamp, io: &dyn Io) {
    loop {
        let left = moment.since(io.now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(LOOK_AT_CLOCK_EVERY)).await;
    }
}

/// The wire to a [`Peer`], over any stream.
pub struct PeerIo<S = TcpStream> {
    tls: TlsStream<S>,
    peer: Peer,
    end: Pin<Box<dyn Future<Output = Cut> + Send>>,
    cut: Option<Cut>,
    /// Gone once a byte has come. hyper has no timer for a peer that says nothing after its handshake.
    first_byte: Option<Pin<Box<Sleep>>>,
    /// Held for its drop.
    _seat: Option<Seat>,
}

impl<S> PeerIo<S> {
    pub(super) fn new(tls: TlsStream<S>, peer: Peer, io: Arc<dyn Io>) -> Self {
        let end = Box::pin(peer.clone().end(io));
        Self { tls, peer, end, cut: None, first_byte: None, _seat: None }
    }

    /// Also ends unless the first byte comes soon.
    pub(super) fn first_byte_soon(mut self) -> Self {
        self.first_byte = Some(Box::pin(sleep(FIRST_BYTE_WITHIN)));
        self
    }

    /// Also gives up its seat when it ends.
    pub(super) fn seated(mut self, seat: Seat) -> Self {
        self._seat = Some(seat);
        self
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) fn tls(&self) -> &TlsStream<S> {
        &self.tls
    }

    /// Fails once the connection must end, and otherwise wakes the task when it must: asked in both directions, so
    /// that a connection nobody uses dies as well.
    fn alive(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.is_none()
            && let Poll::Ready(why) = self.end.as_mut().poll(cx)
        {
            self.cut = Some(why);
        }
        self.cut.map_or(Ok(()), |why| Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)))
    }

    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let late = self.first_byte.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
        if late {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the peer said nothing after its handshake"));
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PeerIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?;
        let before = buffer.filled().len();
        match Pin::new(&mut self.tls).poll_read(cx, buffer) {
            Poll::Pending => {
                self.in_time(cx)?;
                Poll::Pending
            }
            ready => {
                if buffer.filled().len() > before {
                    self.first_byte = None;
                }
                ready
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PeerIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.alive(cx)?;
        Pin::new(&mut self.tls).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.alive(cx)?;
        Pin::new(&mut self.tls).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?;
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A farewell to a peer that was cut could wait for ever on a full socket.
        self.alive(cx)?;
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

impl<S> Connected for PeerIo<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

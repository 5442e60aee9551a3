//! Who is at the other end, and the wire to it: a stream that dies at once when it should.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Sleep, sleep},
};
use tokio_rustls::TlsStream;
use tonic::transport::server::Connected;

use super::{counted::Counted, sessions::Seat};
use crate::{
    identity::SpiffeId,
    io::{Io, Timestamp},
    limits::{CONNECTION_AGE, FIRST_BYTE_WITHIN},
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
    /// The last second of its certificate.
    pub not_after: Timestamp,
    /// Where it is, for people; it proves nothing.
    pub address: SocketAddr,
    life: Life,
    switch: Arc<watch::Sender<Option<Cut>>>,
    arrived: Arc<AtomicU64>,
}

/// Why a connection was ended from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The peer's certificate came to its end.
    #[error("the peer's certificate expired")]
    Expired,
    /// Our own certificate came to its end.
    #[error("this station's certificate expired")]
    OwnExpired,
    /// It lived as long as a connection may; another follows.
    #[error("the connection is old, and is made anew")]
    Aged,
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
    pub(super) fn new(
        id: SpiffeId,
        not_after: Timestamp,
        address: SocketAddr,
        life: Life,
        arrived: Arc<AtomicU64>,
    ) -> Self {
        Self { id, not_after, address, life, switch: Arc::new(watch::Sender::new(None)), arrived }
    }

    /// Bytes that have arrived. A large frame takes minutes on a slow line, and nobody may take that for silence.
    pub fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
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
            biased;
            why = told => why,
            () = reaches(self.life.until, &*io) => {
                self.cut(self.life.then);
                self.life.then
            }
        }
    }
}

/// Until when a connection lives if nothing else ends it, and what ends it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    until: Timestamp,
    then: Cut,
}

impl Life {
    /// Of a connection made now between two certificates: neither is outlived, and no connection grows old. The dice
    /// keep the children of one parent from coming back in step.
    pub(super) fn of(theirs: Timestamp, ours: Timestamp, now: Timestamp, dice: u8) -> Self {
        let age = CONNECTION_AGE.mul_f64(0.8 + 0.4 * f64::from(dice) / f64::from(u8::MAX));
        let ends =
            [(theirs + LAST_SECOND, Cut::Expired), (ours + LAST_SECOND, Cut::OwnExpired), (now + age, Cut::Aged)];
        let soonest = |a: (Timestamp, Cut), b: (Timestamp, Cut)| if b.0 < a.0 { b } else { a };
        let (until, then) = ends.into_iter().fold((Timestamp::from_us(i64::MAX), Cut::Aged), soonest);
        Self { until, then }
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
pub struct PeerIo<S> {
    tls: TlsStream<Counted<S>>,
    peer: Peer,
    end: Pin<Box<dyn Future<Output = Cut> + Send>>,
    cut: Option<Cut>,
    /// Gone once a byte has come. hyper has no timer for a peer that says nothing after its handshake.
    first_byte: Option<Pin<Box<Sleep>>>,
    /// Held for its drop.
    _seat: Option<Seat>,
}

impl<S> PeerIo<S> {
    pub(super) fn new(tls: TlsStream<Counted<S>>, peer: Peer, io: Arc<dyn Io>) -> Self {
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

    pub(super) fn tls(&self) -> &TlsStream<Counted<S>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Machine;

    const NOW: Timestamp = Timestamp::from_us(1_790_000_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_connection_outlives_neither_certificate_and_does_not_grow_old() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let life = |theirs, ours, dice| Life::of(NOW + theirs, NOW + ours, NOW, dice);
        assert_eq!(life(hours(1), DAY, 0), Life { until: NOW + hours(1) + LAST_SECOND, then: Cut::Expired });
        assert_eq!(life(DAY, hours(2), 0), Life { until: NOW + hours(2) + LAST_SECOND, then: Cut::OwnExpired });
        for dice in 0..=u8::MAX {
            let life = life(DAY, DAY, dice);
            assert_eq!(life.then, Cut::Aged);
            let age = life.until.since(NOW).as_secs_f64() / CONNECTION_AGE.as_secs_f64();
            assert!((0.799..=1.201).contains(&age), "{age}");
        }
        assert_ne!(life(DAY, DAY, 1), life(DAY, DAY, 2));
    }

    #[tokio::test]
    async fn when_it_is_old_it_ends_by_itself() {
        let io = Machine;
        let id = SpiffeId::parse("spiffe://drill.test/district/420100").unwrap();
        let life = Life { until: io.now() + Duration::from_millis(50), then: Cut::Aged };
        let peer = Peer::new(id, io.now() + DAY, ([127, 0, 0, 1], 1).into(), life, Arc::default());
        let end = tokio::time::timeout(Duration::from_secs(5), peer.clone().end(Arc::new(io))).await;
        assert_eq!((end.unwrap(), peer.ended()), (Cut::Aged, Some(Cut::Aged)));
    }
}

//! What lines are laid over: TCP in a station, whatever a trial puts in its place.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, lookup_host},
};

use super::dial::DialError;

/// Bytes both ways, in order, until it breaks.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Where a station calls from.
pub trait Network: Clone + Send + Sync + 'static {
    /// What a call gives.
    type Stream: Stream;

    /// Calls `host:port`. Says whom it reached, too.
    fn connect(&self, endpoint: &str) -> impl Future<Output = Result<(Self::Stream, SocketAddr), DialError>> + Send;
}

/// Where a station is called.
pub trait Listener: Send + 'static {
    /// What a call gives.
    type Stream: Stream;

    /// The next call, and from where.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// The machine's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Network for Tcp {
    type Stream = TcpStream;

    async fn connect(&self, endpoint: &str) -> Result<(TcpStream, SocketAddr), DialError> {
        let named = || endpoint.to_owned();
        let found = lookup_host(endpoint).await.map_err(|source| DialError::Lookup { endpoint: named(), source })?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in found {
            match TcpStream::connect(address).await {
                Ok(tcp) => {
                    tcp.set_nodelay(true).map_err(|source| DialError::BrokenOff { endpoint: named(), source })?;
                    return Ok((tcp, address));
                }
                Err(error) => last = error,
            }
        }
        Err(DialError::Unreachable { endpoint: named(), source: last })
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (tcp, address) = Self::accept(self).await?;
        // If it cannot be set the caller is gone already, which is not our listener's trouble.
        drop(tcp.set_nodelay(true));
        Ok((tcp, address))
    }
}

//! The simulated network under the lines of a station.

use std::{io, net::SocketAddr};

use node::link::socket::{DialError, Listener, Network};
use turmoil::net::{TcpListener, TcpStream};

/// Calls over it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simulated;

impl Network for Simulated {
    type Stream = TcpStream;

    async fn connect(&self, endpoint: &str) -> Result<(TcpStream, SocketAddr), DialError> {
        let unreachable = |source| DialError::Unreachable { endpoint: endpoint.to_owned(), source };
        let stream = TcpStream::connect(endpoint).await.map_err(unreachable)?;
        let address = stream.peer_addr().map_err(unreachable)?;
        Ok((stream, address))
    }
}

/// Is called over it.
pub(super) struct Port(pub(super) TcpListener);

impl Listener for Port {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

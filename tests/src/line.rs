//! A line that can be cut: a loopback proxy that moves bytes, and stops.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// One line.
pub struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Line {
    /// Lays a line to a station.
    pub async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, mut watched) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let Ok((mut near, _)) = listener.accept().await else { return };
                if !*watched.borrow_and_update() {
                    continue;
                }
                let mut cut = watched.clone();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(to).await else { return };
                    let nodelay = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far), if nodelay.is_ok() => {}
                        _ = cut.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { address, whole }
    }

    /// Where to call.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks what is connected and refuses what comes.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// The line holds again.
    pub fn heal(&self) {
        self.whole.send_replace(true);
    }
}

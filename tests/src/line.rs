//! A line that can be cut and slowed: a loopback proxy that moves bytes, and stops.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Bytes moved at a time. A slow line moves fewer, so that it is slow evenly.
const MOVED: usize = 64 * 1024;

/// One line.
pub struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    pace: watch::Sender<u32>,
}

impl Line {
    /// Lays a line to a station.
    pub async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, mut watched) = watch::channel(true);
        let (pace, paced) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else { return };
                if !*watched.borrow_and_update() {
                    continue;
                }
                let (mut cut, paced) = (watched.clone(), paced.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let nodelay = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
                    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                    let both = async {
                        tokio::join!(carry(from_near, to_far, paced.clone()), carry(from_far, to_near, paced));
                    };
                    tokio::select! {
                        () = both, if nodelay.is_ok() => {}
                        _ = cut.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { address, whole, pace }
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

    /// So many bytes a second each way; 0 = as many as it can.
    pub fn pace(&self, bytes_per_second: u32) {
        self.pace.send_replace(bytes_per_second);
    }
}

/// Moves bytes one way until either end closes.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pace: watch::Receiver<u32>) {
    let moved: io::Result<()> = async {
        let mut buffer = vec![0; MOVED];
        loop {
            let pace = *pace.borrow();
            // A twentieth of a second's worth.
            let most = if pace == 0 { MOVED } else { (pace as usize / 20).clamp(64, MOVED) };
            let read = from.read(&mut buffer[..most]).await?;
            if read == 0 {
                return to.shutdown().await;
            }
            to.write_all(&buffer[..read]).await?;
            if pace > 0 {
                tokio::time::sleep(Duration::from_secs_f64(read as f64 / f64::from(pace))).await;
            }
        }
    }
    .await;
    // A line that broke is a line that ended.
    drop(moved);
}

//! The telephone lines: every child reaches its parent through a small proxy of the demo, so that a line can be cut.
//!
//! Promises: bytes pass untouched in both directions (the stations' TLS is end to end); a cut line drops every
//! connection at once and takes no new one until it is healed; a line keeps its port for life, because a station
//! knows its parent by that address. While cut, the port stays bound and callers are hung up on: were it freed,
//! another process could take it.

use std::{io, net::SocketAddr};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Calls one line carries at once: a station makes one or two, and a storm leaves some dying.
const CALLS_MAX: usize = 64;
/// Bytes copied at a time, in each direction.
const COPY_BYTES: usize = 64 * 1024;

/// One line from a child to its parent.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    exchange: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    cut: bool,
    /// How often it was cut: a call that missed a short cut still learns of it.
    cuts: u64,
}

impl Line {
    /// Lays a line to a parent's address; it works from now on.
    pub(crate) async fn lay(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(State::default());
        let exchange = tokio::spawn(exchange(listener, to, seen));
        Ok(Self { address, state, exchange })
    }

    /// Where the child dials.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the line. False if it was cut already.
    pub(crate) fn cut(&self) -> bool {
        self.state.send_if_modified(|state| {
            let whole = !state.cut;
            state.cuts += u64::from(whole);
            state.cut = true;
            whole
        })
    }

    /// Heals the line. False if it was whole.
    pub(crate) fn heal(&self) -> bool {
        self.state.send_if_modified(|state| std::mem::take(&mut state.cut))
    }

    /// Whether it is cut now.
    pub(crate) fn is_cut(&self) -> bool {
        self.state.borrow().cut
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.exchange.abort();
    }
}

async fn exchange(listener: TcpListener, to: SocketAddr, state: watch::Receiver<State>) {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = calls.join_next() => {}
            accepted = listener.accept(), if calls.len() < CALLS_MAX => {
                // A failed accept is the caller's bad luck; the station will dial again.
                let now = *state.borrow();
                if let Ok((caller, _)) = accepted && !now.cut {
                    calls.spawn(call(caller, to, now.cuts, state.clone()));
                }
            }
        }
    }
}

async fn call(mut caller: TcpStream, to: SocketAddr, cuts: u64, mut state: watch::Receiver<State>) {
    let talk = async {
        let mut called = TcpStream::connect(to).await?;
        caller.set_nodelay(true)?;
        called.set_nodelay(true)?;
        tokio::io::copy_bidirectional_with_sizes(&mut caller, &mut called, COPY_BYTES, COPY_BYTES).await
    };
    tokio::select! {
        // Either end hung up or failed: both are told by the connections being dropped.
        _ = talk => {}
        _ = state.wait_for(|state| state.cuts != cuts) => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A parent that repeats what it hears.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await.ok();
                });
            }
        });
        address
    }

    async fn says_back(stream: &mut TcpStream, word: &[u8]) -> bool {
        let mut heard = vec![0; word.len()];
        stream.write_all(word).await.is_ok() && stream.read_exact(&mut heard).await.is_ok() && heard == word
    }

    #[tokio::test]
    async fn a_cut_drops_calls_and_refuses_new_ones_until_healed() {
        let line = Line::lay(echo().await).await.unwrap();
        let mut before = TcpStream::connect(line.address()).await.unwrap();
        assert!(says_back(&mut before, b"hello").await);

        assert!(line.cut() && line.is_cut());
        assert!(!line.cut(), "it was cut already");
        assert!(!says_back(&mut before, b"anyone?").await);
        let mut during = TcpStream::connect(line.address()).await.unwrap();
        assert!(!says_back(&mut during, b"anyone?").await);

        assert!(line.heal() && !line.is_cut());
        assert!(!line.heal(), "it was whole already");
        let mut after = TcpStream::connect(line.address()).await.unwrap();
        assert!(says_back(&mut after, b"hello again").await);
    }

    #[tokio::test]
    async fn a_cut_healed_at_once_still_drops_the_call() {
        let line = Line::lay(echo().await).await.unwrap();
        let mut call = TcpStream::connect(line.address()).await.unwrap();
        assert!(says_back(&mut call, b"hello").await);
        line.cut();
        line.heal();
        assert!(!says_back(&mut call, b"anyone?").await);
    }

    #[tokio::test]
    async fn bytes_pass_untouched_both_ways() {
        let line = Line::lay(echo().await).await.unwrap();
        let mut call = TcpStream::connect(line.address()).await.unwrap();
        let word: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let (mut read, mut write) = call.split();
        let (sent, heard) = tokio::join!(
            async {
                write.write_all(&word).await.unwrap();
                write.shutdown().await.unwrap();
            },
            async {
                let mut heard = Vec::new();
                read.read_to_end(&mut heard).await.unwrap();
                heard
            }
        );
        assert_eq!((sent, heard == word), ((), true));
    }

    #[tokio::test]
    async fn a_dead_parent_hangs_up_on_its_children() {
        let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
        let line = Line::lay(nobody).await.unwrap();
        let mut call = TcpStream::connect(line.address()).await.unwrap();
        assert!(!says_back(&mut call, b"anyone?").await);
    }
}

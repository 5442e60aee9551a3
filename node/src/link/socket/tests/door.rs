//! What a stranger meets, and that it keeps nobody out.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use tokio_rustls::{TlsConnector, client};

use super::*;
use crate::identity::testing::{DISTRICT, RELAY};

async fn links_within(parent: &Parent, child: &Identity, at_most: Duration) {
    let linked = timeout(at_most, async {
        let (channel, _peer) = parent.dialled_by(child).await.unwrap();
        HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    });
    linked.await.expect("kept out");
}

async fn from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

#[tokio::test]
async fn silence_and_garbage_at_the_door_keep_no_child_out() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let district = network.station(DISTRICT);
    let mut crowd = Vec::new();
    for number in 0..300_u32 {
        // From twenty addresses, so that all the seats are taken and not only those of one address.
        let mut tcp = from([127, 0, 0, 2 + (number % 20) as u8], parent.address).await;
        match number % 3 {
            0 => {}                                                    // says nothing
            1 => tcp.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap(),   // half a greeting
            _ => drop(tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await), // garbage
        }
        crowd.push(tcp);
    }
    links_within(&parent, &district, Duration::from_secs(2)).await;
    assert_eq!(parent.caller().id, *district.id());
    drop(crowd);
}

#[tokio::test]
async fn one_address_holds_few_unfinished_handshakes() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let mut silent = Vec::new();
    for _ in 0..=limits::HANDSHAKES_PER_ADDRESS_MAX {
        silent.push(TcpStream::connect(parent.address).await.unwrap());
        // One at a time, so that the first is the oldest.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let closed = timeout(Duration::from_secs(2), silent[0].read_u8()).await.expect("the oldest was kept");
    assert!(closed.is_err());
    let kept = timeout(Duration::from_millis(200), silent[1].read_u8()).await;
    assert!(kept.is_err(), "the others stay");
}

/// A child whose certificate is good, and that then speaks for itself.
async fn handmade(parent: &Parent, network: &Network) -> client::TlsStream<TcpStream> {
    let pair = network.transport(DISTRICT, |_| ());
    let tcp = TcpStream::connect(parent.address).await.unwrap();
    TlsConnector::from(careless(Some(&pair), &[b"h2"])).connect(nobody(), tcp).await.unwrap()
}

#[tokio::test]
async fn a_child_that_goes_silent_after_its_handshake_is_dropped() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let mut tls = handmade(&parent, &network).await;
    let mut greeting = Vec::new();
    let before = machine().now();
    let end = timeout(limits::FIRST_BYTE_WITHIN * 2, tls.read_to_end(&mut greeting)).await;
    end.expect("it was kept").ok();
    assert!(machine().now().since(before) > limits::FIRST_BYTE_WITHIN / 2);
}

#[tokio::test]
async fn the_limits_are_what_the_parent_announces() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let mut tls = handmade(&parent, &network).await;
    // They come unasked for: a dial waits for them.
    let announced = settings(&mut tls).await;
    assert_eq!(announced(3), limits::STREAMS_MAX);
    assert_eq!(announced(4), limits::STREAM_WINDOW_BYTES);
    assert_eq!(announced(5), limits::H2_FRAME_BYTES);
    assert_eq!(announced(6), limits::HEADER_LIST_BYTES_MAX);
}

#[tokio::test]
async fn the_limits_are_what_the_child_announces() {
    let network = Network::new();
    let (relay, district) = (network.station(RELAY), network.station(DISTRICT));
    let (near, far) = wire().await;
    let address = far.peer_addr().unwrap();
    let dialled = tokio::spawn(async move { dial_over(far, address, "relay.test:1", &district, machine()).await });
    let mut tls = accept_over(near, address, &relay, machine()).await.unwrap();
    tls.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap(); // SETTINGS, empty
    let mut preface = [0; 24];
    tls.read_exact(&mut preface).await.unwrap();
    assert!(preface.starts_with(b"PRI * HTTP/2.0"));
    let announced = settings(&mut tls).await;
    assert_eq!(announced(2), 0, "no push");
    assert_eq!(announced(4), limits::STREAM_WINDOW_BYTES);
    assert_eq!(announced(5), limits::H2_FRAME_BYTES);
    assert_eq!(announced(6), limits::HEADER_LIST_BYTES_MAX);
    assert!(dialled.await.unwrap().is_ok());
}

/// Reads the other side's SETTINGS.
async fn settings(wire: &mut (impl AsyncRead + Unpin)) -> impl Fn(u16) -> u32 {
    let mut head = [0; 9];
    wire.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    wire.read_exact(&mut settings).await.unwrap();
    move |id| {
        let mut all = settings.chunks_exact(6);
        let one = all.find(|one| one[..2] == id.to_be_bytes()).expect("not announced");
        u32::from_be_bytes(one[2..].try_into().unwrap())
    }
}

#[tokio::test]
async fn the_door_closes_with_its_stream() {
    let network = Network::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let relay = Arc::new(ArcSwap::new(network.station(RELAY)));
    drop(listen(listener, relay, Sessions::default(), machine()));
    for _ in 0..100 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still listening");
}

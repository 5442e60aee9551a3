//! What this machine could do at the very best: as many bytes over the same mutual TLS, two hops in a row, and nothing
//! else: no gRPC, no disk, nobody who understands them.

use std::{
    io::{Read, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Instant,
};

use node::{identity::Identity, io::Machine, topology::Topology};
use tests::country::{Country, unit};
use tokio_rustls::rustls::{ClientConnection, ServerConnection, StreamOwned, pki_types::ServerName};

/// What the middle hands on at once.
const HANDFUL: usize = 64 * 1024;

/// KiB a second from the district through the province to the ministry.
pub(crate) fn raw_tls(country: &Country, tree: &str, kib: usize) -> f64 {
    let identity = |station: &str| {
        let topology = Arc::new(Topology::parse(tree).unwrap());
        Identity::load(&country.path(&unit(station), "identity"), topology).unwrap()
    };
    let (ministry, to_ministry) = listen();
    let (province, to_province) = listen();
    let (hub, relay, district) = (identity("000000"), Arc::new(identity("420000")), identity("420100"));
    let reading = thread::spawn(move || {
        let mut from = answer(&ministry, &hub);
        carry(|handful| from.read(handful), |_| {})
    });
    thread::spawn(move || {
        let mut to = dial(to_ministry, &relay);
        let mut from = answer(&province, &relay);
        carry(|handful| from.read(handful), |handful| to.write_all(handful).unwrap());
        farewell(to);
    });
    let mut to = dial(to_province, &district);
    let handful = vec![b'x'; HANDFUL];
    to.write_all(&handful).unwrap();
    let began = Instant::now();
    for _ in 0..kib * 1024 / HANDFUL {
        to.write_all(&handful).unwrap();
    }
    farewell(to);
    assert!(reading.join().unwrap() >= kib * 1024);
    kib as f64 / began.elapsed().as_secs_f64()
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn answer(listener: &TcpListener, identity: &Identity) -> StreamOwned<ServerConnection, TcpStream> {
    let connection = ServerConnection::new(identity.server_config(Arc::new(Machine)).unwrap()).unwrap();
    StreamOwned::new(connection, listener.accept().unwrap().0)
}

fn dial(port: u16, identity: &Identity) -> StreamOwned<ClientConnection, TcpStream> {
    let config = identity.client_config(Arc::new(Machine)).unwrap();
    let name = ServerName::try_from("parent").unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket)
}

/// Until the end; how many bytes that was.
fn carry(mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>, mut write: impl FnMut(&[u8])) -> usize {
    let mut handful = vec![0; HANDFUL];
    let mut carried = 0;
    loop {
        match read(&mut handful).unwrap() {
            0 => return carried,
            bytes => {
                write(&handful[..bytes]);
                carried += bytes;
            }
        }
    }
}

fn farewell(mut to: StreamOwned<ClientConnection, TcpStream>) {
    to.conn.send_close_notify();
    to.flush().unwrap();
}

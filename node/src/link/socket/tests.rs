//! Real sockets, made-up authorities.

mod dialling;
mod door;
mod life;
mod refusals;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tonic::{Request, Streaming, service::interceptor::InterceptedService, transport::Channel};
use tonic_health::{
    pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient, health_server::HealthServer},
    server::{HealthReporter, HealthService},
};

use super::*;
use crate::identity::{
    Identity,
    testing::{Network, Pair, machine},
};

/// A parent that answers health checks, and notes who asked.
struct Parent {
    address: SocketAddr,
    identity: Arc<ArcSwap<Identity>>,
    sessions: Sessions,
    callers: Arc<Mutex<Vec<Peer>>>,
    server: JoinHandle<()>,
}

impl Drop for Parent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Parent {
    async fn start(identity: Arc<Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (identity, sessions) = (Arc::new(ArcSwap::new(identity)), Sessions::default());
        let incoming = listen(listener, identity.clone(), sessions.clone(), machine());
        let callers: Arc<Mutex<Vec<Peer>>> = Arc::default();
        let notes = callers.clone();
        let health = HealthServer::new(HealthService::from_health_reporter(HealthReporter::new()));
        let noting = InterceptedService::new(health, move |request: Request<()>| {
            notes.lock().unwrap().push(request.extensions().get::<Peer>().unwrap().clone());
            Ok(request)
        });
        let server = tokio::spawn(async move {
            server_builder().add_service(noting).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, identity, sessions, callers, server }
    }

    async fn dialled_by(&self, child: &Identity) -> Result<(Channel, Peer), DialError> {
        dial(&Tcp, &self.address.to_string(), child, machine()).await
    }

    /// The last one that called.
    fn caller(&self) -> Peer {
        self.callers.lock().unwrap().last().unwrap().clone()
    }
}

/// Both ends of one connection.
async fn wire() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, far)
}

/// A stream that says one thing and then idles.
async fn idle_stream(channel: &Channel) -> Streaming<HealthCheckResponse> {
    let mut stream =
        HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    stream
}

/// How long until the stream fails, which it must within `at_most`.
async fn time_to_death(stream: &mut Streaming<HealthCheckResponse>, at_most: Duration) -> Duration {
    let before = machine().now();
    let end = timeout(at_most, stream.message()).await.expect("the stream lived on");
    assert!(!matches!(end, Ok(Some(_))), "it said something: {end:?}");
    machine().now().since(before)
}

/// TLS of somebody who does not care whom it talks to.
fn careless(pair: Option<&Pair>, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Careless));
    let mut config = match pair {
        Some(pair) => config.with_client_auth_cert(vec![pair.certificate.clone()], pair.private_key()).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn nobody() -> ServerName<'static> {
    ServerName::try_from("nobody.test").unwrap()
}

#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("TLS 1.3 only")
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}

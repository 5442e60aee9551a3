//! Somebody with a socket and no place in the tree.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Shakes hands without looking whom it talks to, with the transport certificate in `identity` if any, and waits for
/// what it is told: in TLS 1.3 a server refuses after its client is done. The address is the caller's own.
pub async fn knock(at: SocketAddr, identity: Option<&Path>, alpn: &[u8]) -> (SocketAddr, io::Result<()>) {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Careless));
    let mut config = match identity {
        Some(directory) => {
            let certificates = CertificateDer::pem_file_iter(directory.join("transport.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(directory.join("transport.key")).unwrap();
            config.with_client_auth_cert(certificates.map(Result::unwrap).collect(), key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    let tcp = TcpStream::connect(at).await.unwrap();
    let own = tcp.local_addr().unwrap();
    let name = ServerName::from(at.ip());
    let told = match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Ok(tls) => first_byte(tls).await,
        Err(refused) => Err(refused),
    };
    (own, told)
}

async fn first_byte(mut tls: TlsStream<TcpStream>) -> io::Result<()> {
    tls.read_u8().await.map(drop)
}

/// What a client says first that knows TLS 1.2 and nothing later.
pub fn tls12_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    // No session, two cipher suites (ECDHE-ECDSA and ECDHE-RSA with AES-128-GCM), no compression.
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    // Groups: P-256; point formats: uncompressed; signatures: ECDSA with SHA-256.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3];
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let length = u16::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1];
    record.extend((length + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend(length.to_be_bytes());
    record.extend(hello);
    record
}

/// Believes anybody.
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
        Ok(HandshakeSignatureValid::assertion())
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
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

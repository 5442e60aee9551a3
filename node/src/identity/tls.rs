//! TLS as both ends of a link use it.
//!
//! Promises: TLS 1.3 only; no resumption, tickets or early data, because rustls does not ask a verifier again when a
//! session resumes, and a station refused since would walk in; ALPN is exactly `h2`; no name goes out in the
//! clear; no key log. The provider is passed in everywhere: a process-wide default is whatever a dependency set.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::SingleCertAndKey,
    time_provider::TimeProvider,
    version::TLS13,
};

use super::{
    BadChain, PeerRefused,
    chain::ALGORITHMS,
    leaf::{claimed_name, unix_time},
    trust::{Neighbour, Trust},
};
use crate::io::{Io, Timestamp};

/// The one protocol links speak.
pub(crate) const ALPN: &[u8] = b"h2";

/// What a station's TLS is made of.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) trust: Arc<Trust>,
    pub(super) key: Arc<SingleCertAndKey>,
    /// Our own certificate's beginning: it cannot be earlier than this, whatever the clock says.
    pub(super) floor: Timestamp,
}

impl Parts {
    /// For answering children.
    pub(super) fn server(&self, io: Arc<dyn Io>) -> Result<ServerConfig, Error> {
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), self.clock(io))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(self.verifier(Neighbour::Child))
            .with_cert_resolver(self.key.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(config)
    }

    /// For dialling somebody above.
    pub(super) fn client(&self, neighbour: Neighbour, io: Arc<dyn Io>) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), self.clock(io))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(neighbour))
            .with_client_cert_resolver(self.key.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Ok(config)
    }

    fn verifier(&self, neighbour: Neighbour) -> Arc<Verifier> {
        Arc::new(Verifier { trust: self.trust.clone(), neighbour })
    }

    fn clock(&self, io: Arc<dyn Io>) -> Arc<Clock> {
        Arc::new(Clock { io, floor: self.floor })
    }
}

/// Our time for rustls. A machine whose clock battery died wakes up in 1970, and must still verify.
struct Clock {
    io: Arc<dyn Io>,
    floor: Timestamp,
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.io.now().max(self.floor)))
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("floor", &self.floor).finish_non_exhaustive()
    }
}

/// Asks [`Trust`] in either direction, and writes down every no.
#[derive(Debug)]
struct Verifier {
    trust: Arc<Trust>,
    neighbour: Neighbour,
}

impl Verifier {
    fn admit(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        self.trust.admit(leaf, rest, self.neighbour, now).map(drop).map_err(|refused| {
            // The span around the handshake says from where.
            tracing::warn!(peer = claimed_name(leaf), reason = %refused, "peer refused");
            into_tls(refused, now)
        })
    }
}

/// The alert tells the other side what it may know: its certificate's dates and issuer are its own business, where it
/// stands in our tree is ours.
fn into_tls(refused: PeerRefused, time: UnixTime) -> Error {
    Error::InvalidCertificate(match refused {
        PeerRefused::Chain(BadChain::Foreign) => CertificateError::UnknownIssuer,
        PeerRefused::Chain(BadChain::Expired { not_after }) => {
            CertificateError::ExpiredContext { time, not_after: unix_time(not_after) }
        }
        PeerRefused::Chain(BadChain::NotYet { not_before }) => {
            CertificateError::NotValidYetContext { time, not_before: unix_time(not_before) }
        }
        other => CertificateError::Other(OtherError(Arc::new(other))),
    })
}

/// Our own reason, back out of a failed handshake; `None` if the handshake failed for another.
pub(crate) fn refusal_in(error: &Error) -> Option<PeerRefused> {
    let moment = |time: &UnixTime| Timestamp::default() + Duration::from_secs(time.as_secs());
    let Error::InvalidCertificate(bad) = error else { return None };
    match bad {
        CertificateError::UnknownIssuer => Some(BadChain::Foreign.into()),
        CertificateError::ExpiredContext { not_after, .. } => {
            Some(BadChain::Expired { not_after: moment(not_after) }.into())
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            Some(BadChain::NotYet { not_before: moment(not_before) }.into())
        }
        CertificateError::Other(other) => other.0.downcast_ref::<PeerRefused>().cloned(),
        _ => None,
    }
}

impl ClientCertVerifier for Verifier {
    /// Empty: hints would tell a stranger who our authorities are.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.admit(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

impl ServerCertVerifier for Verifier {
    /// The server name plays no part: addresses come from the topology, names from certificates, and DNS is not trusted.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.admit(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

fn no_tls12() -> Error {
    Error::General("TLS 1.2 is not spoken here".to_owned())
}

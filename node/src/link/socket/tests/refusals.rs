//! Who does not get in, on either side, and what each is told.

use rustls::{AlertDescription, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::identity::{
    BadChain, BadLeaf, PeerRefused,
    testing::{DISTRICT, HUB, OTHER_DISTRICT, OTHER_RELAY, RELAY, good, uri},
};

fn somewhere() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8443))
}

/// `RELAY` answers, somebody with this TLS calls: our reason, and the alert it is told.
async fn call(network: &Network, config: Arc<ClientConfig>) -> (HandshakeError, Option<AlertDescription>) {
    let (near, far) = wire().await;
    let relay = network.station(RELAY);
    let told = tokio::spawn(async move {
        let mut tls = match TlsConnector::from(config).connect(nobody(), far).await {
            Ok(tls) => tls,
            Err(error) => return alert_in(&error),
        };
        alert_in(&tls.read_u8().await.unwrap_err())
    });
    let refused = accept_over(near, somewhere(), &relay, machine()).await.err().expect("it was let in");
    (refused, told.await.unwrap())
}

fn alert_in(error: &std::io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

async fn refused(network: &Network, pair: &Pair) -> (PeerRefused, AlertDescription) {
    match call(network, careless(Some(pair), &[b"h2"])).await {
        (HandshakeError::Refused(why), Some(alert)) => (why, alert),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_caller_is_refused_for_its_own_reason_and_told_what_it_may_know() {
    use AlertDescription as Alert;
    let network = Network::new();
    let with = |change: fn(&mut rcgen::CertificateParams)| network.transport(DISTRICT, change);
    let named = |name| network.transport(name, |_| ());

    let foreign = refused(&network, &Network::new().transport(DISTRICT, |_| ())).await;
    assert_eq!(foreign, (BadChain::Foreign.into(), Alert::UnknownCA));
    let (why, alert) = refused(&network, &network.transport(DISTRICT, good(-9, -1))).await;
    assert!(matches!(why, PeerRefused::Chain(BadChain::Expired { .. })) && alert == Alert::CertificateExpired);
    let (why, alert) = refused(&network, &network.transport(DISTRICT, good(1, 9))).await;
    assert!(matches!(why, PeerRefused::Chain(BadChain::NotYet { .. })) && alert == Alert::CertificateExpired);
    let (why, _) = refused(&network, &with(|params| params.extended_key_usages.clear())).await;
    assert_eq!(why, BadChain::Use.into());
    let second = |params: &mut rcgen::CertificateParams| params.subject_alt_names.push(uri(OTHER_DISTRICT));
    assert_eq!(refused(&network, &with(second)).await.0, BadLeaf::Names { count: 2 }.into());
    let (why, _) = refused(&network, &named("spiffe://real.test/district/420100")).await;
    assert!(matches!(why, PeerRefused::Network { .. }));
    let (why, alert) = refused(&network, &named(OTHER_DISTRICT)).await;
    assert!(matches!(why, PeerRefused::NotMyChild { .. }) && alert == Alert::CertificateUnknown);
    assert!(matches!(refused(&network, &named(HUB)).await.0, PeerRefused::NotMyChild { .. }));
    let (why, _) = refused(&network, &named("spiffe://drill.test/relay/420100")).await;
    assert!(matches!(why, PeerRefused::Tier { .. }));
}

#[tokio::test]
async fn a_caller_without_a_certificate_or_without_h2_is_refused() {
    let network = Network::new();
    let (why, alert) = call(&network, careless(None, &[b"h2"])).await;
    assert!(matches!(why, HandshakeError::NoCertificate), "{why}");
    assert_eq!(alert, Some(AlertDescription::CertificateRequired));
    let pair = network.transport(DISTRICT, |_| ());
    let (why, alert) = call(&network, careless(Some(&pair), &[b"http/1.1"])).await;
    assert!(matches!(why, HandshakeError::Protocol), "{why}");
    assert_eq!(alert, Some(AlertDescription::NoApplicationProtocol));
    let (why, _) = call(&network, careless(Some(&pair), &[])).await;
    assert!(matches!(why, HandshakeError::Protocol), "{why}");
}

#[tokio::test]
async fn tls_1_2_is_answered_with_the_alert_for_it() {
    let (near, mut far) = wire().await;
    let relay = Network::new().station(RELAY);
    far.write_all(&tls_1_2_hello()).await.unwrap();
    let refused = accept_over(near, somewhere(), &relay, machine()).await.err().unwrap();
    assert!(matches!(refused, HandshakeError::Protocol), "{refused}");
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(&answer[5..], [2, 70], "fatal, protocol_version");
}

/// The greeting of a client that knows nothing newer than 1.2.
fn tls_1_2_hello() -> Vec<u8> {
    let extensions: &[u8] = &[
        0, 10, 0, 4, 0, 2, 0, 23, // groups: P-256
        0, 11, 0, 2, 1, 0, // points: uncompressed
        0, 13, 0, 6, 0, 4, 4, 3, 8, 4, // signatures: ECDSA P-256, RSA-PSS
    ];
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
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

/// `DISTRICT` dials, somebody with this certificate answers.
async fn answered_by(network: &Network, pair: &Pair) -> DialError {
    let (near, far) = wire().await;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.clone()], pair.private_key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let answering = tokio::spawn(async move { TlsAcceptor::from(Arc::new(config)).accept(far).await.is_ok() });
    let district = network.station(DISTRICT);
    let error = dial_over(near, somewhere(), "relay.test:8443", &district, machine()).await.unwrap_err();
    assert!(!answering.await.unwrap(), "the handshake went through");
    error
}

#[tokio::test]
async fn whoever_answers_in_the_parents_place_is_refused_before_anything_is_said() {
    let network = Network::new();
    for impostor in [OTHER_DISTRICT, OTHER_RELAY, HUB, DISTRICT] {
        let error = answered_by(&network, &network.transport(impostor, |_| ())).await;
        let DialError::RefusedByUs { why: PeerRefused::NotMyParent { id, .. }, .. } = error else {
            panic!("{impostor}: {error}");
        };
        assert_eq!(id.to_string(), impostor);
    }
    let foreign = answered_by(&network, &Network::new().transport(RELAY, |_| ())).await;
    assert!(matches!(foreign, DialError::RefusedByUs { why: PeerRefused::Chain(BadChain::Foreign), .. }), "{foreign}");
    let expired = answered_by(&network, &network.transport(RELAY, good(-9, -1))).await;
    assert!(expired.to_string().contains("it expired on"), "{expired}");
    let real = answered_by(&network, &network.transport("spiffe://real.test/relay/420000", |_| ())).await;
    assert!(real.to_string().contains("belongs to another network"), "{real}");
}

//! A dial either gives a link, or says what to do.

use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    identity::testing::{At, DISTRICT, HUB, OTHER_DISTRICT, OTHER_RELAY, RELAY, good},
    io::Timestamp,
};

#[tokio::test]
async fn a_child_reaches_its_parent_and_both_know_whom_they_have() {
    let network = Network::new();
    let (relay, district) = (network.station(RELAY), network.station(DISTRICT));
    let parent = Parent::start(relay.clone()).await;
    let (channel, above) = parent.dialled_by(&district).await.unwrap();
    assert_eq!(above.id, *relay.id());
    assert_eq!(above.not_after, relay.transport_not_after());
    assert_eq!(above.address, parent.address);
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    let caller = parent.caller();
    assert_eq!(caller.id, *district.id());
    assert_eq!(caller.not_after, district.transport_not_after());
    assert!(caller.ended().is_none() && above.ended().is_none());
}

#[tokio::test]
async fn three_tiers_are_two_links() {
    let network = Network::new();
    let hub = Parent::start(network.station(HUB)).await;
    let (_channel, above) = hub.dialled_by(&network.station(RELAY)).await.unwrap();
    assert_eq!(above.id.to_string(), HUB);
}

#[tokio::test]
async fn a_refusal_by_the_parent_is_quoted_with_what_to_do() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let refused = parent.dialled_by(&network.station_with(DISTRICT, good(-9, -1))).await.unwrap_err();
    let DialError::RefusedByThem { alert, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*alert, AlertDescription::CertificateExpired);
    let text = refused.to_string();
    assert!(text.contains("CertificateExpired") && text.contains("renewed"), "{text}");
    assert!(parent.callers.lock().unwrap().is_empty(), "it reached a handler");
}

#[tokio::test]
async fn a_parent_that_is_another_is_refused_by_name() {
    let network = Network::new();
    let parent = Parent::start(network.station(OTHER_RELAY)).await;
    let refused = parent.dialled_by(&network.station(DISTRICT)).await.unwrap_err().to_string();
    assert!(refused.contains(OTHER_RELAY) && refused.contains("reports to 420000"), "{refused}");
    let nobody = parent.dialled_by(&network.station(HUB)).await.unwrap_err().to_string();
    assert!(nobody.contains("moj reports to nobody"), "{nobody}");
    assert!(parent.dialled_by(&network.station(OTHER_DISTRICT)).await.is_ok());
}

#[tokio::test]
async fn a_machine_that_woke_up_in_1970_still_links() {
    let network = Network::new();
    // The parent's certificate is older than ours, which is all we know about the time.
    let parent = Parent::start(network.station_with(RELAY, good(-2, 90))).await;
    let clock = Arc::new(At(Timestamp::default()));
    let dialled = dial(&Tcp, &parent.address.to_string(), &network.station(DISTRICT), clock).await;
    assert!(dialled.is_ok(), "{}", dialled.unwrap_err());
}

/// Dials something that is no station.
async fn dial_at(endpoint: &str) -> DialError {
    let district = Network::new().station(DISTRICT);
    dial(&Tcp, endpoint, &district, machine()).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_station_is_named_for_what_it_is() {
    for endpoint in ["", "relay.test", ":8443", "relay.test:port", "relay.test:99999"] {
        assert!(matches!(dial_at(endpoint).await, DialError::Endpoint { .. }), "{endpoint}");
    }
    assert!(matches!(dial_at("no-such-host.invalid:1").await, DialError::Lookup { .. }));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = dial_at(&closed.to_string()).await;
    assert!(matches!(error, DialError::Unreachable { .. }), "{error}");

    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = web.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (mut tcp, _) = web.accept().await.unwrap();
        tcp.read_u8().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tcp
    });
    let error = dial_at(&address).await;
    assert!(matches!(error, DialError::Protocol { .. }), "{error}");
    drop(serving.await);

    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rude.local_addr().unwrap().to_string();
    tokio::spawn(async move { drop(rude.accept().await) });
    let error = dial_at(&address).await;
    assert!(matches!(error, DialError::BrokenOff { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_parent_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let before = machine().now();
    let error = dial_at(&address).await;
    assert!(matches!(error, DialError::TimedOut { .. }), "{error}");
    assert!(machine().now().since(before) < limits::HANDSHAKE_WITHIN * 2);
    drop(silent);
}

#[tokio::test]
async fn a_channel_never_reconnects_by_itself() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let (channel, above) = parent.dialled_by(&network.station(DISTRICT)).await.unwrap();
    let mut stream = idle_stream(&channel).await;
    above.cut(Cut::Closed);
    time_to_death(&mut stream, Duration::from_secs(2)).await;
    for _ in 0..3 {
        assert!(HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.is_err());
    }
    assert_eq!(parent.callers.lock().unwrap().len(), 1);
}

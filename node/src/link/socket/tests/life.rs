//! When a connection ends: at once, idle or not, and only that one.

use super::*;
use crate::{
    identity::testing::{DISTRICT, RELAY, good, good_for_seconds},
    topology::Topology,
};

const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_cut_ends_an_idle_stream_at_once() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let (channel, _above) = parent.dialled_by(&network.station(DISTRICT)).await.unwrap();
    let mut stream = idle_stream(&channel).await;
    let caller = parent.caller();
    caller.cut(Cut::Closed);
    caller.cut(Cut::Refused);
    time_to_death(&mut stream, AT_ONCE).await;
    assert_eq!(caller.ended(), Some(Cut::Closed), "the first reason stays");
}

#[tokio::test]
async fn a_cut_on_the_dialling_side_ends_it_as_well() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let (channel, above) = parent.dialled_by(&network.station(DISTRICT)).await.unwrap();
    let mut stream = idle_stream(&channel).await;
    above.cut(Cut::Closed);
    time_to_death(&mut stream, AT_ONCE).await;
}

#[tokio::test]
async fn a_connection_ends_with_its_peers_certificate() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let district = network.station_with(DISTRICT, good_for_seconds(3));
    let (channel, _above) = parent.dialled_by(&district).await.unwrap();
    let mut stream = idle_stream(&channel).await;
    time_to_death(&mut stream, Duration::from_secs(6)).await;
    assert!(machine().now().since(district.transport_not_after()) >= Duration::from_secs(1), "its last second is good");
    assert_eq!(parent.caller().ended(), Some(Cut::Expired));
    assert!(matches!(parent.dialled_by(&district).await, Err(DialError::RefusedByThem { .. })));
}

#[tokio::test]
async fn a_child_that_reconnects_pushes_out_its_own_oldest_connection() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let district = network.station(DISTRICT);
    let mut links = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_IDENTITY_MAX + 1 {
        let (channel, above) = parent.dialled_by(&district).await.unwrap();
        let stream = idle_stream(&channel).await;
        links.push((channel, above, stream));
    }
    let (_, _, oldest) = &mut links[0];
    time_to_death(oldest, AT_ONCE).await;
    let ended: Vec<_> = parent.callers.lock().unwrap().iter().map(Peer::ended).collect();
    assert_eq!(ended, [Some(Cut::Replaced), None, None]);
}

#[tokio::test]
async fn a_connection_gives_up_its_seat_when_it_ends() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let district = network.station(DISTRICT);
    let (kept, _above) = parent.dialled_by(&district).await.unwrap();
    let _stream = idle_stream(&kept).await;
    let first = parent.caller();
    for _ in 0..4 {
        let (channel, above) = parent.dialled_by(&district).await.unwrap();
        let mut stream = idle_stream(&channel).await;
        above.cut(Cut::Closed);
        time_to_death(&mut stream, AT_ONCE).await;
        // Until the parent has seen the end, too.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(first.ended(), None);
}

#[tokio::test]
async fn whoever_loses_its_place_loses_its_connection() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let (channel, _above) = parent.dialled_by(&network.station(DISTRICT)).await.unwrap();
    let mut stream = idle_stream(&channel).await;
    let now = machine().now();
    assert_eq!(parent.sessions.recheck(&parent.identity.load(), now), 0);

    let relay = reformed(&network);
    parent.identity.store(relay.clone());
    assert_eq!(parent.sessions.recheck(&relay, now), 1);
    time_to_death(&mut stream, AT_ONCE).await;
    assert_eq!(parent.caller().ended(), Some(Cut::Refused));
    assert!(matches!(parent.dialled_by(&network.station(DISTRICT)).await, Err(DialError::RefusedByThem { .. })));
}

#[tokio::test]
async fn a_handshake_during_a_reload_counts_as_after_it() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let tcp = TcpStream::connect(parent.address).await.unwrap();
    // By now the parent has begun, with what it knew.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let relay = reformed(&network);
    parent.identity.store(relay.clone());
    assert_eq!(parent.sessions.recheck(&relay, machine().now()), 0);
    let endpoint = parent.address.to_string();
    let error = dial_over(tcp, parent.address, &endpoint, &network.station(DISTRICT), machine()).await.unwrap_err();
    assert!(matches!(error, DialError::BrokenOff { .. }), "{error}");
    assert!(parent.callers.lock().unwrap().is_empty(), "it reached a handler");
}

/// The relay after a reform: the district now reports to the ministry.
fn reformed(network: &Network) -> Arc<Identity> {
    let places = network.topology.places().cloned().map(|mut place| {
        if place.unit.as_str() == "420100" {
            place.parent = Some(network.topology.root().clone());
        }
        place
    });
    let reformed = Topology::new(network.topology.network.clone(), places.collect()).unwrap();
    let dir = network.bundle(&network.transport(RELAY, |_| ()), &network.signing(RELAY, |_| ()));
    Arc::new(Identity::load(dir.path(), Arc::new(reformed)).unwrap())
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_at_the_next_handshake() {
    let network = Network::new();
    let parent = Parent::start(network.station(RELAY)).await;
    let district = network.station(DISTRICT);
    let (channel, before) = parent.dialled_by(&district).await.unwrap();
    parent.identity.store(network.station_with(RELAY, good(-1, 300)));
    let (_other, after) = parent.dialled_by(&district).await.unwrap();
    assert!(after.not_after > before.not_after);
    assert!(HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_ok(), "the old one goes on");
}

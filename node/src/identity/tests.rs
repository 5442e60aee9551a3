use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::{
    testing::{DISTRICT, HUB, Network, OTHER_DISTRICT, OTHER_RELAY, Pair, RELAY, good, machine, uri, write_pair},
    *,
};
use crate::topology::Tier;

fn now() -> Timestamp {
    machine().now()
}

/// What `RELAY` makes of a certificate at the other end.
fn judge(network: &Network, me: &str, pair: &Pair, neighbour: Neighbour) -> Result<SpiffeId, PeerRefused> {
    network.station(me).admit(&pair.certificate, &[], neighbour, now()).map(|leaf| leaf.id)
}

#[test]
fn a_station_loads_and_knows_itself() {
    let network = Network::new();
    let station = network.station(DISTRICT);
    assert_eq!(station.id().to_string(), DISTRICT);
    assert_eq!(station.unit().as_str(), "420100");
    assert!(station.transport_not_after() > now() && station.signing_not_after() > now());
    assert!(station.warnings(now()).is_empty());
    assert!(!format!("{station:?}").contains("key"));
}

#[test]
fn a_station_loads_with_certificates_of_any_age() {
    let network = Network::new();
    let dir = network.bundle(&network.transport(DISTRICT, good(-90, -1)), &network.signing(DISTRICT, good(-400, -2)));
    let station = Identity::load(dir.path(), network.topology.clone()).unwrap();
    let warnings = station.warnings(now());
    assert!(matches!(
        warnings.as_slice(),
        [IdentityWarning::TransportExpired { .. }, IdentityWarning::SigningExpired { .. }]
    ));
    assert!(network.station(HUB).signers().verify(station.signing_certificate_der(), "420100").is_ok());
}

#[test]
fn a_key_others_can_read_is_a_warning() {
    let network = Network::new();
    let dir = network.bundle(&network.transport(HUB, |_| ()), &network.signing(HUB, |_| ()));
    fs::set_permissions(dir.path().join("signing.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let station = Identity::load(dir.path(), network.topology.clone()).unwrap();
    assert_eq!(station.warnings(now()), [IdentityWarning::OpenKey { file: dir.path().join("signing.key") }]);
}

/// Breaks one thing in a good bundle; the error must name the file.
#[track_caller]
fn broken(file: &str, break_it: impl FnOnce(&Network, &Path)) -> String {
    let network = Network::new();
    let dir = network.bundle(&network.transport(RELAY, |_| ()), &network.signing(RELAY, |_| ()));
    break_it(&network, dir.path());
    let error = Identity::load(dir.path(), network.topology.clone()).unwrap_err().to_string();
    assert!(error.contains(file) && error.contains("; "), "no file or no remedy in: {error}");
    error
}

#[test]
fn a_broken_bundle_names_the_file_and_the_remedy() {
    for file in ["root.pem", "transport-ca.pem", "signing-ca.pem", "transport.pem", "signing.pem", "transport.key"] {
        broken(file, |_, dir| fs::remove_file(dir.join(file)).unwrap());
        broken(file, |_, dir| fs::write(dir.join(file), "-----BEGIN NONSENSE-----\n").unwrap());
    }
    let other = |_: &Network, dir: &Path| fs::write(dir.join("root.pem"), Network::new().root.pem()).unwrap();
    assert!(broken("transport.pem", other).contains("different bundles"));
    let swap = |network: &Network, dir: &Path| {
        fs::write(dir.join("transport.key"), network.transport(RELAY, |_| ()).key_pem()).unwrap();
    };
    assert!(broken("transport.key", swap).contains("not the key of"));
    let swap = |network: &Network, dir: &Path| {
        fs::write(dir.join("signing.key"), network.signing(RELAY, |_| ()).key_pem()).unwrap();
    };
    assert!(broken("signing.key", swap).contains("not the key of"));
    let mixed = |network: &Network, dir: &Path| write_pair(dir, "signing", &network.signing(HUB, |_| ()));
    assert!(broken("signing.pem", mixed).contains("this station is spiffe://drill.test/relay/420000"));
    let drill = |network: &Network, dir: &Path| {
        write_pair(dir, "transport", &network.transport("spiffe://real.test/relay/420000", |_| ()));
    };
    assert!(broken("transport.pem", drill).contains("trust domain is drill.test"));
    let nowhere = |network: &Network, dir: &Path| {
        write_pair(dir, "transport", &network.transport("spiffe://drill.test/district/420000", |_| ()));
    };
    assert!(broken("transport.pem", nowhere).contains("no such place"));
    let crossed = |network: &Network, dir: &Path| write_pair(dir, "transport", &network.signing(RELAY, |_| ()));
    broken("transport.pem", crossed);
}

#[test]
fn a_reload_sees_the_renewed_certificate_and_refuses_another_station() {
    let network = Network::new();
    let dir = network.bundle(&network.transport(RELAY, |_| ()), &network.signing(RELAY, |_| ()));
    let station = Identity::load(dir.path(), network.topology.clone()).unwrap();
    write_pair(dir.path(), "transport", &network.transport(RELAY, good(-1, 200)));
    assert!(station.reload().unwrap().transport_not_after() > station.transport_not_after());
    write_pair(dir.path(), "transport", &network.transport(OTHER_RELAY, |_| ()));
    write_pair(dir.path(), "signing", &network.signing(OTHER_RELAY, |_| ()));
    assert!(matches!(station.reload(), Err(IdentityError::OtherStation { .. })));
}

#[test]
fn neighbours_are_admitted_both_ways() {
    let network = Network::new();
    let district = network.transport(DISTRICT, |_| ());
    assert_eq!(judge(&network, RELAY, &district, Neighbour::Child).unwrap().to_string(), DISTRICT);
    let relay = network.transport(RELAY, |_| ());
    assert_eq!(judge(&network, DISTRICT, &relay, Neighbour::Parent).unwrap().to_string(), RELAY);
    assert_eq!(judge(&network, HUB, &relay, Neighbour::Child).unwrap().to_string(), RELAY);
    // Past the province: what it may bring is another question.
    assert_eq!(judge(&network, HUB, &district, Neighbour::Child).unwrap().to_string(), DISTRICT);
    let hub = network.transport(HUB, |_| ());
    assert_eq!(judge(&network, DISTRICT, &hub, Neighbour::Ministry).unwrap().to_string(), HUB);
}

#[test]
fn strangers_in_the_tree_are_refused() {
    let network = Network::new();
    let refused = |me, who, neighbour| judge(&network, me, &network.transport(who, |_| ()), neighbour).unwrap_err();
    use Neighbour::{Child, Ministry, Parent};
    assert!(matches!(refused(RELAY, OTHER_DISTRICT, Child), PeerRefused::NotMyChild { .. }));
    assert!(matches!(refused(RELAY, HUB, Child), PeerRefused::NotMyChild { .. }), "our parent dialling us");
    assert!(matches!(refused(RELAY, RELAY, Child), PeerRefused::NotMyChild { .. }), "ourselves");
    assert!(matches!(refused(DISTRICT, OTHER_DISTRICT, Parent), PeerRefused::NotMyParent { .. }));
    assert!(matches!(refused(DISTRICT, HUB, Parent), PeerRefused::NotMyParent { .. }), "a grandparent");
    assert!(matches!(refused(DISTRICT, OTHER_RELAY, Parent), PeerRefused::NotMyParent { .. }));
    assert!(matches!(refused(DISTRICT, RELAY, Ministry), PeerRefused::NotTheMinistry { .. }));
    assert!(matches!(refused(HUB, HUB, Child), PeerRefused::NotMyChild { .. }), "ourselves");
    assert!(matches!(refused(HUB, RELAY, Parent), PeerRefused::NotMyParent { .. }), "the ministry has no parent");
    assert!(matches!(
        refused(RELAY, "spiffe://drill.test/relay/420100", Child),
        PeerRefused::Tier { tier: Tier::District, .. }
    ));
    assert!(matches!(refused(RELAY, "spiffe://drill.test/district/999999", Child), PeerRefused::Unknown { .. }));
    assert!(matches!(refused(RELAY, "spiffe://real.test/district/420100", Child), PeerRefused::Network { .. }));
}

#[test]
fn certificates_that_break_a_rule_are_refused_each_for_its_reason() {
    let network = Network::new();
    let refused = |pair: &Pair| judge(&network, RELAY, pair, Neighbour::Child).unwrap_err();
    let changed = |change: fn(&mut rcgen::CertificateParams)| refused(&network.transport(DISTRICT, change));

    assert_eq!(refused(&Network::new().transport(DISTRICT, |_| ())), BadChain::Foreign.into());
    let expired = refused(&network.transport(DISTRICT, good(-20, -1)));
    assert!(matches!(expired, PeerRefused::Chain(BadChain::Expired { .. })));
    let early = refused(&network.transport(DISTRICT, good(1, 20)));
    assert!(matches!(early, PeerRefused::Chain(BadChain::NotYet { .. })));
    assert_eq!(refused(&network.signing(DISTRICT, |_| ())), BadChain::Use.into());
    assert_eq!(changed(|params| params.extended_key_usages = vec![]), BadChain::Use.into());
    let server_only = changed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(server_only, BadChain::Use.into());
    assert_eq!(
        changed(|params| params.subject_alt_names.push(uri("spiffe://drill.test/district/420100"))),
        BadLeaf::Names { count: 2 }.into()
    );
    assert_eq!(changed(|params| params.subject_alt_names.clear()), BadLeaf::Names { count: 0 }.into());
    let upper = changed(|params| params.subject_alt_names = vec![uri("spiffe://Drill.test/district/420100")]);
    assert!(matches!(upper, PeerRefused::Leaf(BadLeaf::Name(_))));
    assert_eq!(changed(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)), BadLeaf::Authority.into());
    let authority = changed(|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0)));
    assert!(matches!(authority, PeerRefused::Chain(BadChain::Rule(_))), "{authority}");
}

#[test]
fn a_seal_is_checked_against_the_office_it_names() {
    let network = Network::new();
    let (district, hub) = (network.station(DISTRICT), network.station(HUB));
    let key = hub.signers().verify(district.signing_certificate_der(), "420100").unwrap();
    assert_eq!(key, district.signer());
    let signature = district.sign(b"report");
    assert!(key.check(b"report", &signature));
    assert!(!key.check(b"rep0rt", &signature) && !key.check(b"report", &signature[..63]));

    // Twice: the second answer comes from memory and must not be kinder.
    for _ in 0..2 {
        let other = hub.signers().verify(district.signing_certificate_der(), "310100");
        assert!(matches!(other, Err(SignerError::OtherUnit { .. })));
    }
}

#[test]
fn only_the_signing_authority_makes_signers() {
    let network = Network::new();
    let hub = network.station(HUB);
    let verify = |pair: &Pair| hub.signers().verify(&pair.certificate, "420100").unwrap_err();
    assert_eq!(verify(&network.transport(DISTRICT, |_| ())), BadChain::Use.into());
    assert_eq!(verify(&Network::new().signing(DISTRICT, |_| ())), BadChain::Foreign.into());
    let drill = verify(&network.signing("spiffe://real.test/district/420100", |_| ()));
    assert!(matches!(drill, SignerError::Network { .. }));
    assert_eq!(hub.signers().verify(b"junk", "420100").unwrap_err(), BadLeaf::Unreadable.into());
    let elsewhere = Signers::new(&[network.root.der().clone()], &[network.signing.der().clone()], "real.test");
    let station = network.signing(DISTRICT, |_| ());
    assert!(matches!(elsewhere.unwrap().verify(&station.certificate, "420100"), Err(SignerError::Network { .. })));
}

#[test]
fn a_seal_outlives_its_certificate() {
    let network = Network::new();
    let old = network.signing(DISTRICT, good(-900, -500));
    assert!(network.station(HUB).signers().verify(&old.certificate, "420100").is_ok());
}

#[test]
fn tls_is_1_3_without_memory() {
    let network = Network::new();
    let station = network.station(RELAY);
    let server = station.server_config(machine()).unwrap();
    assert_eq!(server.alpn_protocols, [ALPN]);
    assert_eq!((server.send_tls13_tickets, server.max_early_data_size), (0, 0));
    assert!(!server.session_storage.can_cache());
    assert!(!server.key_log.will_log("CLIENT_TRAFFIC_SECRET_0"));
    let client = station.client_config(machine()).unwrap();
    assert_eq!(client.alpn_protocols, [ALPN]);
    assert!(!client.enable_sni && !client.enable_early_data);
    assert!(!client.key_log.will_log("CLIENT_TRAFFIC_SECRET_0"));
    assert!(Arc::strong_count(&server) == 1, "nothing holds a config: a reload takes effect at the next handshake");
}

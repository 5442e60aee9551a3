//! What an authority issues, read back by another library than the one that wrote it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use ::time::{Duration, OffsetDateTime, macros::datetime};
use certs::{Authority, Certificate, Error, Profile, PublicKeyData, Tier, Topology, Usage, new_key};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::{der_parser::Oid, pem::Pem, prelude::*};

const NOW: OffsetDateTime = datetime!(2026-08-01 08:00 UTC);
const TOPOLOGY: &str = "# 原样\n[network]\nname = \"演练\"\ntrust_domain = \"drill.test\"\n";
const NAME: &str = "spiffe://drill.test/district/420100";
const FILES: [&str; 10] = [
    "desk.key",
    "desk.pem",
    "root.pem",
    "signing-ca.pem",
    "signing.key",
    "signing.pem",
    "topology.toml",
    "transport-ca.pem",
    "transport.key",
    "transport.pem",
];

fn authority() -> Authority {
    Authority::create("演练", "drill.test", NOW).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    Pem::iter_from_buffer(pem.as_bytes()).next().unwrap().unwrap().contents
}

fn parse(der: &[u8]) -> X509Certificate<'_> {
    let (rest, certificate) = X509Certificate::from_der(der).unwrap();
    assert!(rest.is_empty());
    certificate
}

fn uris<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a str> {
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let uri = |name: &GeneralName<'a>| if let GeneralName::URI(uri) = name { *uri } else { panic!("{name}") };
    names.value.general_names.iter().map(uri).collect()
}

/// TLS client, TLS server, everything else.
fn uses(certificate: &X509Certificate<'_>) -> Option<(bool, bool, Vec<String>)> {
    let uses = certificate.extended_key_usage().unwrap()?.value;
    assert!(!uses.any && !uses.code_signing && !uses.email_protection && !uses.time_stamping && !uses.ocsp_signing);
    Some((uses.client_auth, uses.server_auth, uses.other.iter().map(Oid::to_id_string).collect()))
}

fn oids(oids: &[&str]) -> Vec<String> {
    oids.iter().map(|oid| (*oid).to_owned()).collect()
}

fn check_leaf(certificate: &X509Certificate<'_>, days: i64) {
    assert_eq!(uris(certificate), [NAME]);
    assert_eq!(certificate.key_usage().unwrap().unwrap().value.flags, 1, "digitalSignature and nothing else");
    let constraints = certificate.basic_constraints().unwrap().unwrap().value;
    assert!(!constraints.ca, "an explicit CA:FALSE");
    assert!(
        certificate
            .iter_extensions()
            .any(|e| matches!(e.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(_)))
    );
    assert_eq!(certificate.validity().not_before.to_datetime(), NOW - Duration::hours(1));
    assert_eq!(certificate.validity().not_after.to_datetime(), NOW + Duration::days(days));
    assert_eq!((certificate.raw_serial().len(), certificate.raw_serial()[0] & 0x80), (16, 0), "16 positive bytes");
}

#[test]
fn leaves_say_what_they_must_and_nothing_more() {
    let bundle = authority().issue_station(Tier::District, "420100", NOW).unwrap();
    let (transport, signing) = (der(&bundle.transport_pem), der(&bundle.signing_pem));
    let (transport, signing) = (parse(&transport), parse(&signing));
    check_leaf(&transport, 90);
    check_leaf(&signing, 400);
    assert_eq!(uses(&transport), Some((true, true, vec![])));
    assert_eq!(uses(&signing), Some((false, false, oids(&["1.3.6.1.4.1.32473.1.1"]))));
    assert_eq!(transport.public_key().raw, bundle.transport_key.subject_public_key_info());
    assert_eq!(signing.public_key().raw, bundle.signing_key.subject_public_key_info());
    assert_eq!(signing.public_key().algorithm.algorithm.to_id_string(), "1.3.101.112", "Ed25519");
}

#[test]
fn uses_nest_and_authorities_sign_what_is_below_them() {
    let bundle = authority().issue_station(Tier::District, "420100", NOW).unwrap();
    let [root, transport_ca, signing_ca, transport, signing] = [
        &bundle.root_pem,
        &bundle.transport_ca_pem,
        &bundle.signing_ca_pem,
        &bundle.transport_pem,
        &bundle.signing_pem,
    ]
    .map(|pem| der(pem));
    let [root, transport_ca, signing_ca] = [parse(&root), parse(&transport_ca), parse(&signing_ca)];
    let path = |ca: &X509Certificate<'_>| {
        assert!(ca.is_ca() && ca.key_usage().unwrap().unwrap().value.key_cert_sign());
        ca.basic_constraints().unwrap().unwrap().value.path_len_constraint
    };
    assert_eq!([&root, &transport_ca, &signing_ca].map(path), [Some(1), Some(0), Some(0)]);
    assert_eq!(uses(&root), None);
    assert_eq!(uses(&transport_ca), Some((true, true, vec![])));
    let signs = oids(&["1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.2"]);
    assert_eq!(uses(&signing_ca), Some((false, false, signs)));

    root.verify_signature(None).unwrap();
    transport_ca.verify_signature(Some(root.public_key())).unwrap();
    signing_ca.verify_signature(Some(root.public_key())).unwrap();
    parse(&transport).verify_signature(Some(transport_ca.public_key())).unwrap();
    parse(&signing).verify_signature(Some(signing_ca.public_key())).unwrap();
    parse(&signing).verify_signature(Some(transport_ca.public_key())).unwrap_err();
}

const TLS_CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const TLS_SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const SEAL: &[u8] = &[0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59, 1, 1];

/// Whether the verifier the stations use accepts `leaf` for `wanted`, below `issuer` and `root`.
fn accepted(root: &str, issuer: &str, leaf: &str, wanted: &'static [u8]) -> bool {
    let [root, issuer, leaf] = [root, issuer, leaf].map(|pem| CertificateDer::from(der(pem)));
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW.unix_timestamp().unsigned_abs()));
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let between = [issuer];
    let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
    let usage = webpki::KeyUsage::required(wanted);
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, at, usage, None, None).is_ok()
}

#[test]
fn no_certificate_passes_for_the_other_use_whatever_it_claims() {
    let authority = authority();
    let bundle = authority.issue_station(Tier::District, "420100", NOW).unwrap();
    let (root, links, seals) = (&bundle.root_pem, &bundle.transport_ca_pem, &bundle.signing_ca_pem);
    let passes =
        |issuer: &str, leaf: &str| [TLS_CLIENT, TLS_SERVER, SEAL].map(|wanted| accepted(root, issuer, leaf, wanted));
    assert_eq!(passes(links, &bundle.transport_pem), [true, true, false]);
    assert_eq!(passes(seals, &bundle.signing_pem), [false, false, true]);

    // An authority that claims the other's use, or every use, in a leaf is not believed: it has not got the use itself.
    let id = authority.station_id(Tier::District, "420100").unwrap();
    let claim = |usage, ekus| {
        let honest = authority.station_profile(&id, usage, NOW, 90).unwrap();
        authority.issue(&Profile { ekus, ..honest }, &new_key(usage).unwrap()).unwrap().pem()
    };
    let seal = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 32473, 1, 1]);
    assert_eq!(passes(links, &claim(Usage::Transport, vec![seal])), [false; 3]);
    let tls = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(passes(seals, &claim(Usage::Signing, tls)), [false; 3]);
    assert_eq!(passes(links, &claim(Usage::Transport, vec![ExtendedKeyUsagePurpose::Any])), [false; 3]);
    assert_eq!(passes(links, &claim(Usage::Transport, vec![])), [false; 3]);
}

#[test]
fn one_key_gets_a_new_serial_every_time() {
    let (authority, key) = (authority(), new_key(Usage::Transport).unwrap());
    let id = authority.station_id(Tier::District, "420100").unwrap();
    let profile = authority.station_profile(&id, Usage::Transport, NOW, 90).unwrap();
    let serial = |made: Certificate| parse(made.der()).raw_serial().to_vec();
    let made = || serial(authority.issue(&profile, &key).unwrap());
    assert_ne!(made(), made());
}

/// Asks to be the hub, an authority, for any use, and unlike a station in every way it can.
fn hostile_request(key: &KeyPair) -> String {
    let mut wish = CertificateParams::new(["hub.drill.test".to_owned()]).unwrap();
    wish.subject_alt_names.push(SanType::URI("spiffe://drill.test/hub/moj".try_into().unwrap()));
    wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wish.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    wish.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::Any, ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 32473, 1, 1])];
    wish.serialize_request(key).unwrap().pem().unwrap()
}

#[test]
fn a_hostile_request_contributes_its_key_only() {
    let (authority, key) = (authority(), new_key(Usage::Transport).unwrap());
    let id = authority.station_id(Tier::District, "420100").unwrap();
    let profile = authority.station_profile(&id, Usage::Transport, NOW, 90).unwrap();
    let made = authority.sign_csr(&hostile_request(&key), &profile).unwrap();
    let certificate = parse(made.der());
    check_leaf(&certificate, 90);
    assert_eq!(uses(&certificate), Some((true, true, vec![])));
    assert_eq!(certificate.subject().to_string(), "CN=420100");
    assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
}

#[test]
fn a_request_that_proves_nothing_or_has_the_wrong_key_is_refused() {
    let authority = authority();
    let id = authority.station_id(Tier::District, "420100").unwrap();
    let profile = |usage| authority.station_profile(&id, usage, NOW, 90).unwrap();
    let request = hostile_request(&new_key(Usage::Transport).unwrap());
    assert!(matches!(authority.sign_csr(&request, &profile(Usage::Signing)), Err(Error::RequestKey { .. })));
    assert!(matches!(authority.sign_csr("garbage", &profile(Usage::Transport)), Err(Error::RequestShape)));

    // One character of its signature, well before the end.
    let end = request.find("\n-----END").unwrap() - 10;
    let other = if &request[end..=end] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &request[..end], &request[end + 1..]);
    assert!(matches!(authority.sign_csr(&forged, &profile(Usage::Transport)), Err(Error::RequestUnproven)));
}

#[test]
fn a_profile_may_be_as_odd_as_an_attack_needs() {
    let (authority, key) = (authority(), new_key(Usage::Transport).unwrap());
    let uris = vec![NAME.to_owned(), "spiffe://drill.test/hub/moj".to_owned()];
    let (not_before, not_after) = (NOW - Duration::days(10), NOW - Duration::days(1));
    let ekus = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let odd = Profile { uris: uris.clone(), hosts: Vec::new(), usage: Usage::Transport, ekus, not_before, not_after };
    let made = authority.issue(&odd, &key).unwrap();
    assert_eq!(self::uris(&parse(made.der())), uris);
    assert_eq!(uses(&parse(made.der())), Some((true, false, vec![])));
    assert_eq!(parse(made.der()).validity().not_after.to_datetime(), not_after);
}

#[test]
fn a_station_never_outlives_its_authority() {
    let authority = authority();
    let id = authority.station_id(Tier::District, "420100").unwrap();
    let late = authority.station_profile(&id, Usage::Signing, NOW + Duration::days(700), 400).unwrap();
    assert_eq!(late.not_after, NOW + Duration::days(731));
    let over = authority.issue_station(Tier::District, "420100", NOW + Duration::days(732));
    assert!(matches!(over, Err(Error::AuthorityEnded { .. })));
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_bundle_is_eight_files_and_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("420100");
    let authority = authority();
    authority.issue_station(Tier::District, "420100", NOW).unwrap().write(&to, TOPOLOGY).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, FILES);
    assert_eq!([mode(&to), mode(&to.join("transport.key")), mode(&to.join("signing.key"))], [0o700, 0o600, 0o600]);
    assert_eq!(fs::read_to_string(to.join("topology.toml")).unwrap(), TOPOLOGY);

    let before = fs::read(to.join("transport.key")).unwrap();
    let again = authority.issue_station(Tier::District, "420100", NOW).unwrap().write(&to, TOPOLOGY);
    assert!(matches!(again, Err(Error::Exists { .. })));
    assert_eq!(fs::read(to.join("transport.key")).unwrap(), before);
}

#[test]
fn an_authority_issues_after_its_root_key_went_into_the_safe() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca");
    authority().save(&ca).unwrap();
    for key in ["root.key", "transport-ca.key", "signing-ca.key"] {
        assert_eq!(mode(&ca.join(key)), 0o600, "{key}");
    }
    assert!(matches!(authority().save(&ca), Err(Error::Exists { .. })));
    fs::remove_file(ca.join("root.key")).unwrap();

    let loaded = Authority::load(&ca).unwrap();
    assert_eq!((loaded.name(), loaded.trust_domain()), ("演练", "drill.test"));
    let bundle = loaded.issue_station(Tier::District, "420100", NOW).unwrap();
    let (leaf, issuer) = (der(&bundle.transport_pem), der(&bundle.transport_ca_pem));
    parse(&leaf).verify_signature(Some(parse(&issuer).public_key())).unwrap();
    assert_eq!(parse(&leaf).issuer().as_raw(), parse(&issuer).subject().as_raw());

    let nowhere = dir.path().join("nowhere");
    assert!(matches!(Authority::load(&nowhere), Err(Error::NoAuthority { dir }) if dir == nowhere));
    fs::copy(ca.join("signing-ca.key"), ca.join("transport-ca.key")).unwrap();
    assert!(matches!(Authority::load(&ca), Err(Error::OtherKey { .. })));
}

#[test]
fn a_whole_country_is_quick() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/topology/national-2014.toml");
    let topology = Topology::read(&file).unwrap();
    let authority = Authority::create("2014", &topology.trust_domain, NOW).unwrap();
    let begun = std::time::Instant::now();
    for station in &topology.stations {
        authority.issue_station(station.tier, station.id.unit(), NOW).unwrap();
    }
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

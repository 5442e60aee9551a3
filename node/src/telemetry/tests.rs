use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use proto::v1::{Kind, Precedence, Status};

use super::*;
use crate::{config::LogFormat, io::Timestamp};

const EVERY_METRIC: &[&str] = &[
    "zhuji_build_info",
    "zhuji_messages_total",
    "zhuji_delivery_latency_seconds",
    "zhuji_hop_transit_seconds",
    "zhuji_human_dwell_seconds",
    "zhuji_queue_messages",
    "zhuji_queue_bytes",
    "zhuji_queue_oldest_message_age_seconds",
    "zhuji_delivery_attempts_total",
    "zhuji_duplicates_total",
    "zhuji_sequence_gaps",
    "zhuji_link_up",
    "zhuji_link_transitions_total",
    "zhuji_link_rtt_seconds",
    "zhuji_peer_clock_offset_seconds",
    "zhuji_peer_last_contact_timestamp_seconds",
    "zhuji_store_commit_duration_seconds",
    "zhuji_forgotten_total",
    "zhuji_losses",
    "zhuji_nil_reports_missing",
    "zhuji_obligations_overdue",
    "zhuji_store_free_bytes",
    "zhuji_store_used_bytes",
    "zhuji_store_recoveries_total",
    "zhuji_certificate_not_after_timestamp_seconds",
];

const URGENT: Traffic = Traffic {
    direction: Direction::Up,
    kind: Kind::InitialReport,
    precedence: Precedence::TeTi,
    status: Status::Exercise,
};

fn started(metrics: Option<&str>, otlp: Option<String>) -> Telemetry {
    let config = config::Telemetry {
        metrics: metrics.map(|address| address.parse().unwrap()),
        otlp,
        log: "info".to_owned(),
        log_format: LogFormat::Text,
    };
    let about = About { version: "0.1.0", revision: "abc", tier: Tier::Province, unit: Unit::parse("420000").unwrap() };
    Telemetry::start(&config, &about).unwrap()
}

fn see_everything_once(meters: &Meters) {
    let up = Direction::Up;
    meters.observe_filed(URGENT, 128);
    meters.observe_taken(URGENT, 2);
    meters.observe_delivered(URGENT, "420000", Duration::from_millis(700), 128);
    meters.observe_signed(URGENT, 1);
    meters.observe_completed(URGENT, 1);
    meters.observe_expired(URGENT, 1);
    meters.observe_refused(URGENT, 1);
    meters.observe_hop("420100", up, Precedence::TeTi, Duration::from_millis(3), Duration::from_micros(200), 1);
    meters.observe_hop("420100", up, Precedence::TeTi, Duration::from_millis(3), Duration::from_millis(9), 1);
    meters.observe_dwell("420000", Step::Sign, Precedence::TeTi, Duration::from_secs(40));
    meters.set_queue("420100", up, Precedence::TeTi, QueueState::InFlight, 7);
    meters.set_queue_bytes("420100", up, 4096);
    meters.set_oldest("420100", up, Precedence::TeTi, Duration::from_millis(1500));
    meters.observe_attempt("420100", Outcome::Deadline);
    meters.observe_duplicates("420100", Kind::Receipt, 3);
    meters.set_gaps("420100", up, 2);
    for (heard, ups) in [(false, 0), (false, 0), (true, 1), (true, 1), (false, 1)] {
        meters.set_link("420100", heard, ups);
    }
    meters.observe_rtt("420100", Duration::from_millis(2), -1500);
    meters.observe_contact("420100", Timestamp::from_us(1_790_000_000_000_000));
    meters.observe_commit(Duration::from_micros(800));
    meters.set_store(1 << 20, 1 << 30);
    meters.observe_forgotten(3);
    meters.set_losses(2, 1);
    meters.set_owed(&proto::v1::Owed { overdue_here: 1, ..Default::default() });
    meters.observe_recovery();
    meters.set_certificate("transport", "spiffe://test/relay/420000", Timestamp::from_us(1_800_000_000_000_000));
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_page_has_every_metric_with_exact_names_and_labels() {
    let telemetry = started(Some("127.0.0.1:0"), None);
    see_everything_once(&telemetry.meters());
    let page = get(telemetry.page().unwrap(), "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    for name in EVERY_METRIC {
        assert!(page.contains(&format!("# TYPE {name} ")), "{name} is missing from\n{page}");
    }
    assert_eq!(page.matches("# TYPE ").count(), EVERY_METRIC.len(), "and nothing else\n{page}");
    for line in [
        r#"zhuji_build_info{revision="abc",tier="province",version="0.1.0"} 1"#,
        r#"zhuji_messages_total{direction="up",kind="initial_report",precedence="te_ti",stage="queued",status="exercise"} 128"#,
        r#"zhuji_messages_total{direction="up",kind="initial_report",precedence="te_ti",stage="delivered",status="exercise"} 128"#,
        r#"zhuji_delivery_latency_seconds_bucket{direction="up",precedence="te_ti",province="420000",status="exercise",le="0.5"} 0"#,
        r#"zhuji_delivery_latency_seconds_bucket{direction="up",precedence="te_ti",province="420000",status="exercise",le="1"} 16"#,
        r#"zhuji_delivery_latency_seconds_bucket{direction="up",precedence="te_ti",province="420000",status="exercise",le="14400"} 16"#,
        r#"zhuji_hop_transit_seconds_count{direction="up",peer="420100",precedence="te_ti"} 1"#,
        r#"zhuji_human_dwell_seconds_sum{precedence="te_ti",province="420000",step="sign"} 40"#,
        r#"zhuji_queue_messages{direction="up",peer="420100",precedence="te_ti",state="in_flight"} 7"#,
        r#"zhuji_queue_oldest_message_age_seconds{direction="up",peer="420100",precedence="te_ti"} 1.5"#,
        r#"zhuji_delivery_attempts_total{outcome="deadline",peer="420100"} 1"#,
        r#"zhuji_duplicates_total{kind="receipt",peer="420100"} 3"#,
        r#"zhuji_link_up{peer="420100"} 0"#,
        r#"zhuji_link_transitions_total{peer="420100"} 2"#,
        r#"zhuji_peer_clock_offset_seconds{peer="420100"} -0.0015"#,
        r#"zhuji_peer_last_contact_timestamp_seconds{peer="420100"} 1790000000"#,
        "zhuji_forgotten_total 3",
        "zhuji_store_free_bytes 1073741824",
        "zhuji_store_used_bytes 1048576",
        "zhuji_store_recoveries_total 1",
        r#"zhuji_certificate_not_after_timestamp_seconds{role="transport",subject="spiffe://test/relay/420000"} 1800000000"#,
    ] {
        assert!(page.lines().any(|seen| seen == line), "{line} is missing from\n{page}");
    }
    telemetry.shutdown();
}

#[test]
fn the_probes_say_what_the_station_says() {
    let telemetry = started(Some("127.0.0.1:0"), None);
    let page = telemetry.page().unwrap();
    assert!(get(page, "/livez").starts_with("HTTP/1.1 200 OK"));
    let starting = get(page, "/readyz");
    assert!(starting.starts_with("HTTP/1.1 503 ") && starting.ends_with("starting\n"), "{starting}");
    telemetry.health().ready();
    assert!(get(page, "/readyz").starts_with("HTTP/1.1 200 OK"));
    assert!(get(page, "/").starts_with("HTTP/1.1 404 "));
    telemetry.shutdown();
    assert!(TcpStream::connect(page).is_err(), "closed");
}

#[test]
fn an_address_in_use_is_an_error_a_person_can_act_on() {
    let first = started(Some("127.0.0.1:0"), None);
    let address = first.page().unwrap();
    let config = config::Telemetry { metrics: Some(address), ..first.config.clone() };
    let about = About { version: "0", revision: "0", tier: Tier::District, unit: Unit::parse("1").unwrap() };
    let error = Telemetry::start(&config, &about).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot serve metrics on {address}: Address already in use")), "{error}");
    assert!(error.ends_with("choose another [telemetry] metrics address"), "{error}");
    first.shutdown();
}

#[test]
fn unconfigured_telemetry_is_deaf_and_has_no_thread() {
    let telemetry = started(None, None);
    assert!(telemetry.exits.is_none());
    see_everything_once(&telemetry.meters());
    assert_eq!(format!("{:?}", telemetry.meters()), "Meters(deaf)");
    telemetry.shutdown();
}

/// Metrics and spans both reach a collector by the time shutdown returns, without waiting for the next push.
#[tokio::test]
async fn the_collector_has_everything_after_shutdown() {
    let (got, mut pushed) = tokio::sync::mpsc::channel::<(String, Vec<u8>)>(16);
    let take = async move |uri: axum::http::Uri, body: axum::body::Bytes| {
        got.send((uri.path().to_owned(), body.to_vec())).await.unwrap();
        ([("content-type", "application/grpc"), ("grpc-status", "0")], ())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = tonic::service::Routes::from(axum::Router::new().fallback(take));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));

    let telemetry = started(None, Some(endpoint));
    telemetry.meters().observe_filed(URGENT, 1);
    let tracer = telemetry.exits.as_ref().unwrap().tracer.as_ref().unwrap().tracer("zhuji");
    let subscriber = log::subscriber("off", LogFormat::Text, std::io::sink, Some(tracer)).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("process up").in_scope(|| tracing::info_span!(target: "h2", "not ours").in_scope(|| ()));
    });
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await.unwrap();

    let mut all = Vec::new();
    while let Ok(push) = pushed.try_recv() {
        all.push(push);
    }
    let has = |service: &str, word: &str| {
        all.iter().any(|(path, body)| {
            path.contains(service) && body.windows(word.len()).any(|window| window == word.as_bytes())
        })
    };
    assert!(
        has("MetricsService/Export", "zhuji_messages_total"),
        "{:?}",
        all.iter().map(|(p, _)| p).collect::<Vec<_>>()
    );
    assert!(has("TraceService/Export", "process up"));
    assert!(!has("TraceService/Export", "not ours"));
    assert!(has("TraceService/Export", "420000"), "says which station");
}

/// A collector that is not there must not hold up the end of a station.
#[test]
fn a_missing_collector_delays_shutdown_by_seconds_only() {
    let telemetry = started(None, Some("http://127.0.0.1:1".to_owned()));
    telemetry.meters().observe_filed(URGENT, 1);
    let (done, ended) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        telemetry.shutdown();
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(15)).expect("shutdown returns");
}

//! What others see of a station: spans at a collector, health and reflection on its people's socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hyper_util::rt::TokioIo;
use node::{
    io::{Io, Machine},
    limits,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use proto::v1::{self, Precedence, Stage};
use tests::{
    country::{Country, eventually, small, unit},
    papers,
};
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

/// A collector that keeps what it gets: spans, by the station they come from.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_one in request.into_inner().resource_spans {
            let station = word(&of_one.resource.unwrap_or_default().attributes, "service.instance.id");
            let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| (station.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, endpoint)
    }

    /// Everything recorded about one document, wherever: the creation, and what links to it.
    fn story(&self, number: &str) -> Vec<(String, Span)> {
        let all = self.0.lock().unwrap();
        let about = |span: &Span| word(&span.attributes, "zhuji.number") == number;
        let Some((_, began)) = all.iter().find(|(_, span)| span.name.starts_with("create ") && about(span)) else {
            return Vec::new();
        };
        let linked = |span: &Span| {
            span.links.iter().any(|link| link.trace_id == began.trace_id && link.span_id == began.span_id)
        };
        all.iter().filter(|(_, span)| span == began || linked(span)).cloned().collect()
    }
}

fn word(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.clone());
    match value.and_then(|any| any.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_report_is_one_story_at_the_collector() {
    let (collector, endpoint) = Collector::start().await;
    let country = Country::start_with(&small(), &format!("otlp = \"{endpoint}\"")).await;
    let mut district = country.desk(&unit("420100")).await;
    let mut ministry = country.desk(&unit("000000")).await;
    let filed = district.file(papers::report("一袋封装损毁", Precedence::TeJi)).await.unwrap().into_inner();
    eventually("it is there", async || ministry.act(papers::act(&filed.number, Stage::Signed, "")).await.ok()).await;
    eventually("the district hears of it", async || {
        let view = district
            .get(v1::GetRequest { document: filed.number.clone(), ..Default::default() })
            .await
            .ok()?
            .into_inner();
        view.recipients[0].stages.iter().any(|stage| stage.stage() == Stage::Signed).then_some(())
    })
    .await;

    let expected = [
        ("000000", "deliver up"),
        ("000000", "process up"),
        ("000000", "send down"),
        ("000000", "sign"),
        ("420000", "process down"),
        ("420000", "process up"),
        ("420000", "send down"),
        ("420000", "send up"),
        ("420100", "create report"),
        ("420100", "deliver down"),
        ("420100", "process down"),
        ("420100", "send up"),
    ];
    let story = eventually("the collector has it all", async || {
        let story = collector.story(&filed.number);
        (story.len() >= expected.len()).then_some(story)
    })
    .await;
    let mut told: Vec<_> = story.iter().map(|(station, span)| (station.as_str(), span.name.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, expected);

    let by_name: BTreeMap<_, _> =
        story.iter().map(|(station, span)| ((station.as_str(), span.name.as_str()), span)).collect();
    let created = by_name[&("420100", "create report")];
    let arrived = by_name[&("000000", "process up")];
    let id = word(&created.attributes, "messaging.message.id");
    assert_eq!(id, uuid::Uuid::from_slice(&filed.id).unwrap().to_string());
    for span in [arrived, by_name[&("420000", "send up")], by_name[&("000000", "sign")]] {
        assert_eq!(word(&span.attributes, "messaging.message.id"), id, "{}", span.name);
        assert_eq!(word(&span.attributes, "messaging.system"), "zhuji");
        assert_ne!(span.trace_id, created.trace_id, "linked, not a child: it may come hours later");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        assert!(span.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset), "{span:?}");
    }
    assert_eq!((created.kind(), arrived.kind()), (SpanKind::Producer, SpanKind::Consumer));
    assert_eq!(word(&arrived.attributes, "zhuji.hop"), "420000");
    assert!(!word(&arrived.attributes, "zhuji.transit_ms").is_empty());
    let everything = format!("{story:?}");
    assert!(!everything.contains("封装") && !everything.contains("王五"), "no text and no name is in a span");
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_is_told_from_its_beginnings_only() {
    let (collector, endpoint) = Collector::start().await;
    let country = Country::start_with(&small(), &format!("otlp = \"{endpoint}\"")).await;
    let mut district = country.desk(&unit("420100")).await;
    let mut ministry = country.desk(&unit("000000")).await;
    let began = Machine.now();
    let batches = (0..400).map(|_| v1::FileBatch {
        requests: (0..5).map(|n| papers::report(&format!("第{n}件"), Precedence::Routine)).collect(),
    });
    let mut answers = district.file_many(tokio_stream::iter(batches)).await.unwrap().into_inner();
    let mut contexts = Vec::new();
    while let Some(answer) = answers.next().await {
        contexts.push(answer.unwrap().filed[0].number.clone());
    }
    let last = contexts.pop().unwrap();
    let view = eventually("the last is there", async || {
        ministry.get(v1::GetRequest { document: last.clone(), ..Default::default() }).await.ok()
    })
    .await
    .into_inner();
    assert_eq!(view.header.unwrap().trace_context.len(), 25, "recorded or not, it has a trace");
    // One that is urgent, so that what was recorded before has been exported when this has.
    let urgent = district.file(papers::report("一件", Precedence::TeTi)).await.unwrap().into_inner();
    eventually("the urgent one is told", async || (collector.story(&urgent.number).len() >= 3).then_some(())).await;
    let creations = collector.0.lock().unwrap().iter().filter(|(_, span)| span.name == "create report").count();
    let seconds = Machine.now().since(began).as_secs();
    let most = limits::TRACES_A_SECOND_MAX as usize * (seconds as usize + 2) + 1;
    assert!((2..=most.min(350)).contains(&creations), "{creations} of 401 calls were recorded in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peoples_socket_tells_its_health_and_what_it_serves() {
    let country = Country::start(&small()).await;
    let socket = country.path(&unit("420100"), "s");
    let dial = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { tokio::net::UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let channel =
        tonic::transport::Endpoint::from_static("http://station.local").connect_with_connector(dial).await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "zhuji.v1.Station"] {
        eventually("it serves", async || {
            let request = HealthCheckRequest { service: service.to_owned() };
            let answer = health.check(request).await.ok()?.into_inner();
            (answer.status() == ServingStatus::Serving).then_some(())
        })
        .await;
    }

    let ask = |message_request| ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
    let asked = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("zhuji.v1.Station.File".to_owned())),
    ];
    let mut reflection = ServerReflectionClient::new(channel);
    let mut answers = reflection.server_reflection_info(tokio_stream::iter(asked)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"zhuji.v1.Station"), "{names:?}");
    let described = answers.next().await.unwrap().unwrap().message_response;
    assert!(
        matches!(described, Some(MessageResponse::FileDescriptorResponse(files)) if !files.file_descriptor_proto.is_empty())
    );
}

//! The verbs against a station that answers as it was told to, over a real socket.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
};

use futures_util::{Stream, StreamExt, stream};
use proto::v1::{
    self as wire, ActRequest, Attachment, DocumentView, FileRequest, Filed, Precedence, Stage, StatusView,
    station_server::{Station, StationServer},
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;

use super::*;
use crate::cli::{
    exit::Exit,
    ladder::tests::{arrived, on_the_way},
    words::Lang,
};

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the station was told, and what it shall answer.
#[derive(Default)]
struct Script {
    filed: Vec<FileRequest>,
    acted: Vec<ActRequest>,
    attached: Vec<u8>,
    refuse: Option<Status>,
    /// What `Watch` tells after the first view; then nothing more comes.
    later: Vec<DocumentView>,
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Script>>);

impl Told {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

fn filed() -> Filed {
    Filed { number: "R-420100-0919-0007".into(), durable_us: 4_000, recipients: 1, ..Default::default() }
}

fn not_here<T>() -> Answer<T> {
    Err(Status::unimplemented("not in this test"))
}

#[tonic::async_trait]
impl Station for Told {
    type FileManyStream = Answers<wire::FiledBatch>;
    type WatchStream = Answers<DocumentView>;
    type FetchStream = Answers<wire::FetchResponse>;
    type ExportStream = Answers<wire::ExportPart>;

    async fn file(&self, request: Request<FileRequest>) -> Answer<Filed> {
        let mut script = self.script();
        if let Some(refusal) = script.refuse.clone() {
            return Err(refusal);
        }
        script.filed.push(request.into_inner());
        Ok(Response::new(filed()))
    }

    async fn file_many(&self, _: Request<Streaming<wire::FileBatch>>) -> Answer<Self::FileManyStream> {
        not_here()
    }

    async fn manage_officers(&self, _: Request<wire::OfficersRequest>) -> Answer<wire::OfficersResponse> {
        not_here()
    }

    async fn act(&self, request: Request<ActRequest>) -> Answer<Filed> {
        self.script().acted.push(request.into_inner());
        Ok(Response::new(filed()))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Answer<DocumentView> {
        if request.into_inner().document == "R-none" {
            return Err(Status::not_found("R-none"));
        }
        Ok(Response::new(on_the_way()))
    }

    async fn list(&self, _: Request<wire::ListRequest>) -> Answer<wire::ListResponse> {
        Ok(Response::new(wire::ListResponse { documents: vec![on_the_way(), arrived()], unsigned: 1, next: 9 }))
    }

    async fn watch(&self, _: Request<wire::GetRequest>) -> Answer<Self::WatchStream> {
        let later = self.script().later.clone().into_iter().map(Ok);
        Ok(Response::new(Box::pin(stream::iter(later).chain(stream::pending()))))
    }

    async fn list_obligations(&self, request: Request<wire::ObligationsRequest>) -> Answer<wire::ObligationsResponse> {
        // Two pages, and the second is asked for by what the first said.
        let next = if request.into_inner().before.is_empty() { vec![7; 16] } else { Vec::new() };
        let owed = wire::ObligationView { what: "sign".into(), owner: "420000".into(), ..Default::default() };
        Ok(Response::new(wire::ObligationsResponse { obligations: vec![owed], next: next.into() }))
    }

    async fn get_shift(&self, _: Request<wire::ShiftRequest>) -> Answer<wire::ShiftView> {
        Ok(Response::new(wire::ShiftView::default()))
    }

    async fn list_nil(&self, _: Request<wire::NilRequest>) -> Answer<wire::NilResponse> {
        Ok(Response::new(wire::NilResponse::default()))
    }

    async fn list_roster(&self, _: Request<wire::RosterRequest>) -> Answer<wire::RosterView> {
        Ok(Response::new(wire::RosterView::default()))
    }

    async fn list_readiness(&self, _: Request<wire::ReadinessRequest>) -> Answer<wire::ReadinessResponse> {
        Ok(Response::new(wire::ReadinessResponse::default()))
    }

    async fn get_policy(&self, _: Request<wire::PolicyRequest>) -> Answer<wire::PolicyView> {
        Ok(Response::new(wire::PolicyView { version: "1".into(), in_force: true, ..Default::default() }))
    }

    async fn get_status(&self, _: Request<wire::StatusRequest>) -> Answer<StatusView> {
        let link = wire::LinkView { unit: "420000".into(), name: "湖北".into(), parent: true, ..Default::default() };
        Ok(Response::new(StatusView { unit: "420100".into(), links: vec![link], ..Default::default() }))
    }

    async fn list_queue(&self, _: Request<wire::QueueRequest>) -> Answer<wire::QueueResponse> {
        Ok(Response::new(wire::QueueResponse::default()))
    }

    async fn retry_queue(&self, _: Request<wire::RetryRequest>) -> Answer<wire::RetryResponse> {
        Ok(Response::new(wire::RetryResponse::default()))
    }

    async fn ping(&self, request: Request<wire::PingRequest>) -> Answer<wire::PingResponse> {
        assert_eq!(request.into_inner().peer, "420000", "a name is sent as its unit");
        Ok(Response::new(wire::PingResponse::default()))
    }

    async fn pause_link(&self, _: Request<wire::PauseRequest>) -> Answer<wire::PauseResponse> {
        Ok(Response::new(wire::PauseResponse::default()))
    }

    async fn list_units(&self, _: Request<wire::UnitsRequest>) -> Answer<wire::UnitsResponse> {
        let unit = |unit: &str, name: &str, parent: &str| wire::UnitView {
            unit: unit.into(),
            name: name.into(),
            parent: parent.into(),
            ..Default::default()
        };
        let units =
            vec![unit("000000", "部级", ""), unit("420000", "湖北", "000000"), unit("420100", "武汉", "420000")];
        Ok(Response::new(wire::UnitsResponse { me: "420100".into(), units }))
    }

    async fn check(&self, _: Request<wire::CheckRequest>) -> Answer<wire::CheckResponse> {
        Ok(Response::new(wire::CheckResponse::default()))
    }

    async fn attach(&self, request: Request<Streaming<wire::AttachRequest>>) -> Answer<Attachment> {
        let mut pieces = request.into_inner();
        let head = pieces.message().await?.unwrap_or_default();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await? {
            bytes.extend_from_slice(&piece.bytes);
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref().to_vec().into();
        let length = u64::try_from(bytes.len()).unwrap();
        self.script().attached = bytes;
        Ok(Response::new(Attachment {
            digest,
            length,
            name: head.name,
            media_type: head.media_type,
            ..Default::default()
        }))
    }

    async fn fetch(&self, _: Request<wire::FetchRequest>) -> Answer<Self::FetchStream> {
        let bytes = self.script().attached.clone();
        let length = u64::try_from(bytes.len()).unwrap();
        let piece = move |bytes: &[u8]| Ok(wire::FetchResponse { bytes: bytes.to_vec().into(), length });
        let pieces: Vec<_> = bytes.chunks(100_000).map(piece).collect();
        Ok(Response::new(Box::pin(stream::iter(pieces))))
    }

    async fn export(&self, _: Request<wire::ExportRequest>) -> Answer<Self::ExportStream> {
        Err(Status::unimplemented("this station holds no event"))
    }
}

/// A station on a socket of its own, for as long as the test runs.
struct Ground {
    dir: tempfile::TempDir,
    told: Told,
    said: Said,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { dir: tempfile::tempdir().unwrap(), told: Told::default(), said: Said::default() };
        let (socket, told) = (ground.socket(), ground.told.clone());
        let (ready, listening) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let incoming = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
                ready.send(()).unwrap();
                let server = tonic::transport::Server::builder().add_service(StationServer::new(told));
                server.serve_with_incoming(incoming).await.unwrap();
            });
        });
        listening.recv().unwrap();
        ground
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    fn run(&self, tier: Tier, line: &str) -> Result<Exit, exit::Failure> {
        let socket = format!("--socket {} --no-input", self.socket().display());
        run(tier, &format!("{line} {socket}"), &self.said)
    }

    fn district(&self, line: &str) -> Result<Exit, exit::Failure> {
        self.run(Tier::District, &format!("district-node {line}"))
    }
}

/// What a call has said, for a look at it afterwards.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Said {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn run(tier: Tier, line: &str, said: &Said) -> Result<Exit, exit::Failure> {
    let words = Words::new(Lang::Zh);
    let mut root = command(&tool(tier), &words);
    root.build();
    let given = root.clone().try_get_matches_from(line.split_whitespace()).unwrap();
    let (name, under) = given.subcommand().unwrap();
    let streams = Streams { data: Box::new(said.clone()), words: Box::new(said.clone()) };
    act(&Call::new(tier, words, under, streams), name, under, root)
}

const SUBMIT: &str =
    "report submit --exercise --category 试卷安全 --occurred 00:00 --place 武汉 -m 封装损毁 --officer 张三";

#[test]
fn a_report_is_filed_as_it_was_said_and_waited_for() {
    let ground = Ground::new();
    ground.told.script().later.push(arrived());
    assert_eq!(ground.district(&format!("{SUBMIT} --wait=signed --timeout 20s")), Ok(Exit::Done));
    let expected = "\
已入队   R-420100-0919-0007   本机已落盘(4.0 ms)。断网、断电也不会丢。
✔ 部级 赵一 签收 09-19 08:46:31(用时 2:21)
 下一步  district-node report follow-up R-420100-0919-0007  续报
         district-node trace R-420100-0919-0007             查看全过程
";
    assert_eq!(ground.said.text(), expected);
    let script = ground.told.script();
    let [request] = script.filed.as_slice() else { panic!("{:?}", script.filed) };
    assert_eq!(request.status(), wire::Status::Exercise);
    assert_eq!(request.precedence(), Precedence::TeJi);
    assert_eq!(request.classification(), wire::Classification::Internal);
    assert_eq!(request.officer, "张三");
}

#[test]
fn a_wait_that_is_not_met_in_time_exits_5_and_what_is_there_already_is_not_waited_for() {
    let ground = Ground::new();
    assert_eq!(ground.district(&format!("{SUBMIT} --wait=ministry --timeout 50ms")), Ok(Exit::NotInTime));
    assert_eq!(ground.district(&format!("{SUBMIT} --wait=province --timeout 20s")), Ok(Exit::Done));
}

#[test]
fn a_refusal_by_a_rule_exits_6_and_an_unknown_number_1() {
    let ground = Ground::new();
    let details =
        tonic_types::ErrorDetails::with_error_info("request-in-report", "zhuji.v1", std::collections::HashMap::new());
    let refusal = Status::with_error_details(tonic::Code::FailedPrecondition, "request-in-report: asks", details);
    ground.told.script().refuse = Some(refusal);
    assert_eq!(ground.district(SUBMIT).unwrap_err().exit, Exit::Refused);
    assert_eq!(ground.district("trace R-none").unwrap_err().exit, Exit::Failed);
}

#[test]
fn nobody_speaks_for_the_office_without_a_name() {
    let ground = Ground::new();
    let anonymous = SUBMIT.replace("--officer 张三", "");
    assert_eq!(ground.district(&anonymous).unwrap_err().exit, Exit::NotPermitted);
    assert_eq!(ground.district("directive sign D-1").unwrap_err().exit, Exit::NotPermitted);
    assert_eq!(ground.district("report submit --exercise").unwrap_err().exit, Exit::Usage);
    assert!(ground.told.script().filed.is_empty());
}

#[test]
fn a_follow_up_is_as_real_as_what_it_follows() {
    let ground = Ground::new();
    assert_eq!(ground.district("report follow-up R-4201 -m 已更换 --officer 张三"), Ok(Exit::Done));
    let script = ground.told.script();
    assert_eq!(script.filed[0].status(), wire::Status::Exercise);
    assert_eq!(script.filed[0].incident, "R-4201");
    let content = script.filed[0].document.as_ref().and_then(|document| document.content.as_ref());
    let Some(wire::document::Content::Report(report)) = content else { panic!("{content:?}") };
    assert_eq!(report.place, "武汉/第三考点/A-12");
}

#[test]
fn an_attachment_goes_up_and_comes_back_as_it_was() {
    let ground = Ground::new();
    let path = ground.dir.path().join("照片.jpg");
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(ground.district(&format!("{SUBMIT} --attach {}", path.display())), Ok(Exit::Done));
    let attachment = ground.told.script().filed[0].attachments[0].clone();
    assert_eq!((attachment.name.as_str(), attachment.media_type.as_str()), ("照片.jpg", "image/jpeg"));
    assert_eq!(ground.told.script().attached, bytes);

    let back = ground.dir.path().join("back.jpg");
    let get = format!("attachment get {} -o {}", document::hex(&attachment.digest), back.display());
    assert_eq!(ground.district(&get), Ok(Exit::Done));
    assert_eq!(fs::read(&back).unwrap(), bytes);
    ground.told.script().attached[7] ^= 1;
    fs::remove_file(&back).unwrap();
    assert_eq!(ground.district(&get).unwrap_err().exit, Exit::Failed);
    assert!(!back.exists(), "altered bytes were written");
}

#[test]
fn an_officer_acts_on_a_directive() {
    let ground = Ground::new();
    assert_eq!(ground.district("directive cannot D-1 -m 道路中断 --officer 李六"), Ok(Exit::Done));
    let script = ground.told.script();
    assert_eq!(script.acted[0].stage(), Stage::CannotComply);
    assert_eq!((script.acted[0].officer.as_str(), script.acted[0].note.as_str()), ("李六", "道路中断"));
}

#[test]
fn a_superior_answers_directs_and_takes_back() {
    let ground = Ground::new();
    let hub = |line: &str| ground.run(Tier::Ministry, &format!("ministry-hub {line} --officer 赵一"));
    assert_eq!(hub("request deny R-4201 -m 不同意"), Ok(Exit::Done));
    assert_eq!(hub("directive issue --exercise --to 湖北,福建 --info 全部 --title 启用 -m 即刻"), Ok(Exit::Done));
    assert_eq!(hub("directive cancel D-1 --reason 有误").unwrap_err().exit, Exit::Usage);
    assert_eq!(hub("directive cancel D-1 --reason 有误 --yes"), Ok(Exit::Done));
    let script = ground.told.script();
    assert_eq!((script.filed[0].kind(), script.filed[0].refers_to.as_str()), (wire::Kind::Denial, "R-4201"));
    assert_eq!(
        (&script.filed[1].action_to, &script.filed[1].info_to),
        (&vec!["湖北".to_owned(), "福建".to_owned()], &vec!["全部".to_owned()])
    );
    assert_eq!(script.filed[2].kind(), wire::Kind::Cancel);
}

#[test]
fn everything_that_only_looks_can_be_looked_at() {
    let ground = Ground::new();
    let looks = [
        "status",
        "check",
        "check ping",
        "check --format nagios",
        "trace R-1",
        "queue ls",
        "queue inspect R-1",
        "queue retry --peer 湖北 --dry-run",
        "link ls",
        "link ping 湖北 -c 1",
        "report ls",
        "report show R-1",
        "report status R-1",
        "request ls",
        "directive ls",
        "msg show R-1",
    ];
    for line in looks {
        for format in ["", " --json", " -q"] {
            let exit = ground.district(&format!("{line}{format}")).map(Exit::code);
            assert_eq!(exit, Ok(0), "{line}{format}");
            let said = std::mem::take(&mut *ground.said.0.lock().unwrap());
            if format == " --json" {
                let value: serde_json::Value = serde_json::from_slice(&said).unwrap();
                assert!(value["schema"].as_str().is_some_and(|schema| schema.starts_with("zhuji.")), "{line}: {value}");
            }
        }
    }
    assert_eq!(ground.district("link ping 湖南").unwrap_err().exit, Exit::Usage);
}

#[test]
fn without_a_station_the_way_to_start_it_is_told() {
    let failure = run(Tier::District, "district-node status --socket /nowhere/s", &Said::default()).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert_eq!(failure.remedy[0], "启动: district-node run");
}

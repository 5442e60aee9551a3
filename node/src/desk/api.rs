//! The local interface: `zhuji.v1.Station` on a Unix socket. It translates; the rules and the engine decide.

mod evidence;
mod files;
mod machine;
mod people;
mod queue;

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use proto::v1::{self, station_server::Station};
use tonic::{Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    desk::{
        check, duties,
        officers::Officers,
        status::{self, Around},
        view,
    },
    engine::{
        news::News,
        run::{FileError, Handle, Stopped},
    },
    io::{Io, Timestamp},
    limits,
    link::{board::Board, pieces::Pieces},
    plan::{self, secrecy},
    post::{
        envelope::Run,
        opened::Opened,
        outgoing::Filing,
        refusal::{Code, Refusal},
        view::Copy,
    },
    telemetry::Traces,
    topology::{Topology, Unit},
};

/// Batches of one bulk filing under way at once: enough to fill a commit while the one before is written.
const BATCHES_UNDER_WAY: usize = 8;

/// Whose words the details of a refusal are.
const REFUSAL_DOMAIN: &str = "zhuji.v1";

/// Serves a station's own people.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Handle,
    /// The lines.
    pub board: Board,
    /// Attachments.
    pub pieces: Pieces,
    /// The rest of what a status shows.
    pub around: Arc<Around>,
    /// Where documents' traces begin.
    pub traces: Traces,
    /// Clock and dice.
    pub io: Arc<dyn Io>,
    /// Who may work here.
    pub officers: Officers,
}

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Views = tokio::sync::mpsc::Sender<Result<v1::DocumentView, Status>>;

#[tonic::async_trait]
impl Station for Api {
    type FileManyStream = Outgoing<v1::FiledBatch>;
    type WatchStream = Outgoing<v1::DocumentView>;
    type FetchStream = Outgoing<v1::FetchResponse>;
    type ExportStream = Outgoing<v1::ExportPart>;

    async fn file(&self, request: Request<v1::FileRequest>) -> Result<Response<v1::Filed>, Status> {
        let began = self.io.now();
        let filings = self.file_all(vec![request.into_inner()]).await?;
        let took = self.io.now().since(began);
        filings.first().map(|filing| Response::new(filed(filing, took))).ok_or_else(|| Status::internal("no answer"))
    }

    async fn file_many(
        &self,
        request: Request<Streaming<v1::FileBatch>>,
    ) -> Result<Response<Self::FileManyStream>, Status> {
        let api = self.clone();
        let answers = request
            .into_inner()
            .map(move |batch| {
                let api = api.clone();
                async move {
                    let began = api.io.now();
                    let filings = api.file_all(batch?.requests).await?;
                    let took = api.io.now().since(began);
                    Ok(v1::FiledBatch { filed: filings.iter().map(|filing| filed(filing, took)).collect() })
                }
            })
            .buffered(BATCHES_UNDER_WAY);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn act(&self, request: Request<v1::ActRequest>) -> Result<Response<v1::Filed>, Status> {
        let began = self.io.now();
        let filings = self.engine.act(request.into_inner()).await.map_err(from_file_error)?;
        let took = self.io.now().since(began);
        filings.first().map(|filing| Response::new(filed(filing, took))).ok_or_else(|| Status::internal("no answer"))
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::DocumentView>, Status> {
        let v1::GetRequest { document, officer } = request.into_inner();
        let mut view = self.view(document).await?;
        view::withhold(&mut view, &officer);
        if let Some(header) = view.header.as_ref().filter(|header| !view.withheld && secrecy::is_guarded(header)) {
            // Shown only once that is on record.
            self.engine.file(vec![secrecy::record(header, &officer)]).await.map_err(from_file_error)?;
        }
        Ok(Response::new(view))
    }

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let mut request = request.into_inner();
        if !request.incident.is_empty() {
            request.incident = self.incident(std::mem::take(&mut request.incident)).await?;
        }
        let mut listing = view::Listing::of(request);
        // A little at a time, so that nothing urgent waits for a long list.
        while !listing.complete() {
            let looked = self.engine.ask(move |desk| {
                listing.look(desk);
                listing
            });
            listing = looked.await.map_err(from_stopped)?;
        }
        let mut listed = listing.response;
        for document in &mut listed.documents {
            self.add_files(document);
            view::withhold(document, "");
        }
        Ok(Response::new(listed))
    }

    async fn watch(&self, request: Request<v1::GetRequest>) -> Result<Response<Self::WatchStream>, Status> {
        // Subscribed before the first look, so that nothing falls between the two.
        let news = self.engine.news();
        let (id, copies) = self.copies(request.into_inner().document).await?;
        let first = self.view_of_nobody(id.clone()).await?;
        let (out, views) = tokio::sync::mpsc::channel(4);
        tokio::spawn(self.clone().keep_showing(id, copies, first, news, out));
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(views))))
    }

    async fn list_obligations(
        &self,
        request: Request<v1::ObligationsRequest>,
    ) -> Result<Response<v1::ObligationsResponse>, Status> {
        self.obligations(request.into_inner()).await.map(Response::new)
    }

    async fn get_shift(&self, request: Request<v1::ShiftRequest>) -> Result<Response<v1::ShiftView>, Status> {
        let request = request.into_inner();
        let seen = self.engine.ask(move |desk| duties::shift(desk, &request));
        seen.await.map_err(from_stopped).map(Response::new)
    }

    async fn list_nil(&self, request: Request<v1::NilRequest>) -> Result<Response<v1::NilResponse>, Status> {
        let (request, silent) = (request.into_inner(), duties::silent(&self.around));
        let found = self.engine.ask(move |desk| duties::nil(desk, &request, &silent));
        found.await.map_err(from_stopped)?.map_err(from_refusal).map(Response::new)
    }

    async fn list_roster(&self, request: Request<v1::RosterRequest>) -> Result<Response<v1::RosterView>, Status> {
        let request = request.into_inner();
        let status = if request.status() == v1::Status::Unspecified { v1::Status::Actual } else { request.status() };
        let at = if request.at_us > 0 { Timestamp::from_us(request.at_us) } else { self.io.now() };
        let mut view = v1::RosterView { at_us: at.us(), units: Vec::new() };
        let below = |unit: &Unit| self.topology().is_ancestor(&self.me(), unit) || *unit == self.me();
        let units: Vec<_> = self.topology().places().map(|place| place.unit.clone()).filter(below).collect();
        // One by one, so that nothing urgent waits for all of them.
        for unit in units {
            let seen = self.engine.ask(move |desk| duties::roster(desk, &unit, status, at));
            view.units.push(seen.await.map_err(from_stopped)?);
        }
        Ok(Response::new(view))
    }

    async fn list_readiness(
        &self,
        request: Request<v1::ReadinessRequest>,
    ) -> Result<Response<v1::ReadinessResponse>, Status> {
        let request = request.into_inner();
        let below = |unit: &Unit| self.topology().is_ancestor(&self.me(), unit) || *unit == self.me();
        let units: Vec<_> = match self.topology().named(&request.unit) {
            _ if request.unit.is_empty() => {
                self.topology().places().map(|place| place.unit.clone()).filter(below).collect()
            }
            Some(place) if below(&place.unit) => vec![place.unit.clone()],
            _ => {
                let reason = format!("{} is neither this office nor below it", request.unit);
                return Err(no(Code::NotOverseen, &reason, &[&request.unit]));
            }
        };
        let status = if request.status() == v1::Status::Unspecified { v1::Status::Actual } else { request.status() };
        let silent = duties::silent(&self.around);
        let mut response = self.engine.ask(duties::exam).await.map_err(from_stopped)?;
        for unit in units {
            let since = silent.get(&unit).copied();
            let seen = self.engine.ask(move |desk| duties::readiness(desk, &unit, status, since));
            response.units.extend(seen.await.map_err(from_stopped)?);
        }
        Ok(Response::new(response))
    }

    async fn get_policy(&self, request: Request<v1::PolicyRequest>) -> Result<Response<v1::PolicyView>, Status> {
        let request = request.into_inner();
        let found = self.engine.ask(move |desk| duties::policy(desk, &request));
        found.await.map_err(from_stopped)?.map_err(from_refusal).map(Response::new)
    }

    async fn get_status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusView>, Status> {
        self.status().await.map(Response::new)
    }

    async fn list_queue(&self, request: Request<v1::QueueRequest>) -> Result<Response<v1::QueueResponse>, Status> {
        self.queue(request.into_inner()).await.map(Response::new)
    }

    async fn retry_queue(&self, request: Request<v1::RetryRequest>) -> Result<Response<v1::RetryResponse>, Status> {
        self.retry(request.into_inner()).await.map(Response::new)
    }

    async fn ping(&self, request: Request<v1::PingRequest>) -> Result<Response<v1::PingResponse>, Status> {
        self.ping_peer(&request.into_inner().peer).await.map(Response::new)
    }

    async fn pause_link(&self, request: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        self.pause(&request.into_inner()).map(Response::new)
    }

    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let status = self.status().await?;
        Ok(Response::new(v1::CheckResponse { items: check::items(&status, &request.into_inner().stage) }))
    }

    async fn list_units(&self, _: Request<v1::UnitsRequest>) -> Result<Response<v1::UnitsResponse>, Status> {
        let me = self.around.identity.load().unit().to_string();
        let units = self.topology().places().map(|place| v1::UnitView {
            unit: place.unit.to_string(),
            name: place.name.clone(),
            name_en: place.name_en.clone(),
            tier: place.tier.as_str().to_owned(),
            parent: place.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            phone: place.phone.clone().unwrap_or_default(),
        });
        Ok(Response::new(v1::UnitsResponse { me, units: units.collect() }))
    }

    async fn manage_officers(
        &self,
        request: Request<v1::OfficersRequest>,
    ) -> Result<Response<v1::OfficersResponse>, Status> {
        self.manage(request.into_inner()).await.map(Response::new)
    }

    async fn attach(&self, request: Request<Streaming<v1::AttachRequest>>) -> Result<Response<v1::Attachment>, Status> {
        self.take_file(request.into_inner()).await.map(Response::new)
    }

    async fn fetch(&self, request: Request<v1::FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        self.give_file(request.into_inner()).await.map(Response::new)
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        self.gather(request.into_inner()).await.map(Response::new)
    }
}

impl Api {
    /// Files documents under the trace of this call: all, or none.
    async fn file_all(&self, mut requests: Vec<v1::FileRequest>) -> Result<Vec<Filing>, Status> {
        requests.iter().try_for_each(|request| self.files_are_here(request))?;
        for request in requests.iter_mut().filter(|request| request.kind() == v1::Kind::Preparation) {
            self.add_machines_points(request).await?;
        }
        let creation = self.traces.create(&mut requests, &*self.io);
        let filed = self.engine.file(requests).await;
        creation.ended(&filed);
        filed.map_err(from_file_error)
    }

    async fn obligations(&self, request: v1::ObligationsRequest) -> Result<v1::ObligationsResponse, Status> {
        let limit = match request.limit as usize {
            0 => 50,
            asked => asked.min(limits::INCIDENTS_LISTED_MAX),
        };
        let (before, meant) = (Opened::from_slice(&request.before), request.incident.clone());
        let listed = self.engine.ask(move |desk| match meant.is_empty() {
            true => {
                let opened = desk.post.open_incidents(before, limit);
                let next = opened.last().filter(|_| opened.len() == limit).map(|last| last.to_bytes());
                Ok((opened.iter().map(|opened| opened.incident).collect(), next.unwrap_or_default()))
            }
            false => plan::find_incident(desk, &meant).map(|incident| (vec![incident], Bytes::new())),
        });
        let (incidents, next): (Vec<_>, _) = listed.await.map_err(from_stopped)?.map_err(from_refusal)?;
        let silent = Arc::new(duties::silent(&self.around));
        let mut response = v1::ObligationsResponse { obligations: Vec::new(), next };
        for incident in incidents {
            let silent = silent.clone();
            let owed = self.engine.ask(move |desk| duties::of_incident(desk, incident, &silent));
            let wanted = owed.await.map_err(from_stopped)?.into_iter().filter(|owed| {
                let open = !matches!(owed.verdict(), v1::Verdict::Done | v1::Verdict::Late);
                (open || request.closed) && (request.owner.is_empty() || owed.owner == request.owner)
            });
            response.obligations.extend(wanted);
        }
        Ok(response)
    }

    async fn view(&self, document: String) -> Result<v1::DocumentView, Status> {
        let found = self.engine.ask(move |desk| {
            let copy: Copy = plan::find(desk, &document, "document")?;
            Ok(view::document(desk, &copy))
        });
        let mut view = found.await.map_err(from_stopped)?.map_err(from_refusal)?;
        self.add_files(&mut view);
        Ok(view)
    }

    /// A document as it is shown to somebody who has not said who he is.
    async fn view_of_nobody(&self, document: String) -> Result<v1::DocumentView, Status> {
        let mut view = self.view(document).await?;
        view::withhold(&mut view, "");
        Ok(view)
    }

    /// The id of the incident a document belongs to.
    async fn incident(&self, document: String) -> Result<String, Status> {
        let found = self.engine.ask(move |desk| plan::find_incident(desk, &document));
        found.await.map_err(from_stopped)?.map_err(from_refusal).map(|incident| incident.to_string())
    }

    /// Sends a document to one who watches it, again whenever it has changed, until nobody listens.
    async fn keep_showing(self, id: String, copies: Vec<Run>, first: v1::DocumentView, mut news: News, out: Views) {
        let mut shown = first.clone();
        if out.send(Ok(first)).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                () = out.closed() => return,
                more = news.about(&copies) => if !more { return },
            }
            let view = self.view_of_nobody(id.clone()).await;
            match &view {
                Ok(view) if *view == shown => continue,
                Ok(view) => shown = view.clone(),
                Err(_) => {}
            }
            if out.send(view).await.is_err() {
                return;
            }
        }
    }

    /// The whole id of a document, and its envelopes.
    async fn copies(&self, document: String) -> Result<(String, Vec<Run>), Status> {
        let found = self.engine.ask(move |desk| {
            let found = plan::find(desk, &document, "document")?;
            let copies = desk.post.copies(found.id(), desk.read).into_iter();
            let runs = copies.map(|copy| Run { channel: copy.channel, first: copy.number, count: 1 }).collect();
            Ok((found.id().to_string(), runs))
        });
        found.await.map_err(from_stopped)?.map_err(from_refusal)
    }

    /// The whole status.
    pub async fn status(&self) -> Result<v1::StatusView, Status> {
        let owed = self.around.tally.owed(&self.engine, &self.around).await.map_err(from_stopped)?;
        let known = self.engine.ask(status::known).await.map_err(from_stopped)?;
        Ok(self.around.status(&known, owed, self.io.now()))
    }

    fn me(&self) -> Unit {
        self.around.identity.load().unit().clone()
    }

    fn topology(&self) -> &Topology {
        &self.around.topology
    }

    fn peer(&self, text: &str) -> Result<Unit, Status> {
        let named = self.topology().named(text).map(|place| place.unit.clone());
        named
            .filter(|unit| self.board.line(unit).is_some())
            .ok_or_else(|| no(Code::NotANeighbour, &format!("{text} is not a neighbour of this station"), &[text]))
    }
}

fn filed(filing: &Filing, took: Duration) -> v1::Filed {
    v1::Filed {
        id: filing.id.to_bytes(),
        number: filing.number.clone(),
        filed_at_us: filing.at.us(),
        durable_us: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
        recipients: filing.recipients,
        repeated: filing.repeated,
    }
}

fn from_stopped(stopped: Stopped) -> Status {
    no(Code::Stopped, &stopped.to_string(), &[])
}

/// No, in one call.
fn no(code: Code, reason: &str, facts: &[&str]) -> Status {
    from_refusal(Refusal::new(code, reason, facts))
}

fn from_file_error(error: FileError) -> Status {
    match error {
        FileError::Refused(refusal) => from_refusal(refusal),
        FileError::Stopped(stopped) => from_stopped(stopped),
    }
}

/// The one table from what is refused to what a caller sees. The message begins with the stable word; the details
/// carry it again, with the facts a sentence in another language needs.
fn from_refusal(refusal: Refusal) -> Status {
    let word = refusal.code.word();
    let facts = refusal.code.facts().iter().map(|name| (*name).to_owned()).zip(refusal.facts);
    let details = ErrorDetails::with_error_info(word, REFUSAL_DOMAIN, facts.collect::<HashMap<_, _>>());
    Status::with_error_details(grpc_code(refusal.code), format!("{word}: {}", refusal.reason), details)
}

fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::MissingDocument
        | Code::MissingStatus
        | Code::MissingOfficer
        | Code::MissingFields
        | Code::ParticularOfAnotherCategory
        | Code::ParticularNotRight
        | Code::ParticularWithoutSource
        | Code::ParticularFromTheFuture
        | Code::NotYetTold
        | Code::NoSuchSlot
        | Code::NoSuchPoint
        | Code::NotOverseen
        | Code::SameIncident
        | Code::NotAnOrder
        | Code::NotOnTheWay
        | Code::NotOptional
        | Code::NothingIsSent
        | Code::NotAPublication
        | Code::PointUnexplained
        | Code::BadPolicy
        | Code::NotAReport
        | Code::MissingReference
        | Code::MissingAddressee
        | Code::UnknownAddressee
        | Code::WrongDocument
        | Code::NotAnAct
        | Code::NotADigest
        | Code::UnknownOfficer
        | Code::PostsApart
        | Code::WeakPassword
        | Code::NotANeighbour
        | Code::AttachmentNotHere
        | Code::Ambiguous => tonic::Code::InvalidArgument,
        Code::NotFound | Code::AttachmentOnItsWay => tonic::Code::NotFound,
        Code::DiskNearlyFull | Code::DiskFull | Code::QueueFull => tonic::Code::ResourceExhausted,
        // Not `Unavailable`: that is what a caller sees when this station cannot be reached.
        Code::LinkDown | Code::LinkSilent => tonic::Code::Aborted,
        Code::Stopped => tonic::Code::Unavailable,
        Code::RecordLost => tonic::Code::DataLoss,
        Code::AttachmentFailed => tonic::Code::Internal,
        _ => tonic::Code::FailedPrecondition,
    }
}

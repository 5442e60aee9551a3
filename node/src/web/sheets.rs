//! What an office writes: one sheet a kind of document, shown, filled in, filed. A sheet says what it asks for and what
//! document that makes; everything all documents have in common is here.

mod decisions;
mod downward;
mod duty;
mod upward;

use axum::{
    Json,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse as _, Redirect, Response},
};
use proto::v1::{
    self, Classification, Document, DocumentView, FileRequest, Filed, Header, Kind, PolicyRequest, Precedence, Stage,
    Status, document::Content, station_server::Station as _,
};
use serde_json::json;
use std::net::SocketAddr;

use super::{
    Web,
    fields::{Field, Input},
    pages,
    parts::{Form, Group, Part, Table},
    said::{Mistake, Said},
    visit::{Page, Problem, Right, Visit},
};
use crate::{
    cli::{document, exit::Failure, terms::Listed as _, visible},
    plan::policy::Policy,
    topology::Tier,
};

/// What a sheet is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Nothing before it.
    Nothing,
    /// An incident it belongs to.
    Incident,
    /// One document it answers.
    Document,
    /// A document, if there is one.
    Maybe,
}

/// Where somebody goes when it is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// To the document.
    Document,
    /// To a page.
    Page(&'static str),
}

/// One kind of document, as a form.
pub(super) struct Sheet {
    pub(super) name: &'static str,
    /// The message it is called by; it is on the button as well.
    pub(super) title: &'static str,
    pub(super) right: Right,
    pub(super) tiers: &'static [Tier],
    pub(super) about: About,
    then: Then,
    /// The common things it does not ask for: it has them from what it is about, or does not travel.
    bare: bool,
    fields: fn(&Visit, &Around) -> Vec<Field>,
    later: fn(&Visit, &Around) -> Vec<Group>,
    write: fn(&Visit, &Said, &Around) -> Result<Written, Mistake>,
}

/// What a filled sheet makes.
pub(super) struct Written {
    kind: Kind,
    content: Content,
    /// What the sheet says besides; the common things are laid over it.
    more: FileRequest,
}

impl Written {
    pub(super) fn of(kind: Kind, content: Content) -> Self {
        Self { kind, content, more: FileRequest::default() }
    }

    pub(super) fn with(self, bend: impl FnOnce(&mut FileRequest)) -> Self {
        let mut more = self.more;
        bend(&mut more);
        Self { more, ..self }
    }
}

/// What the station knows that a sheet may need.
pub(super) struct Around {
    pub(super) about: Option<DocumentView>,
    pub(super) policy: Option<Policy>,
    /// Reports a bulletin may quote.
    pub(super) reports: Vec<DocumentView>,
}

impl Around {
    pub(super) fn header(&self) -> Header {
        self.about.as_ref().and_then(|view| view.header.clone()).unwrap_or_default()
    }

    fn number(&self) -> String {
        self.about.as_ref().map(document::number).unwrap_or_default()
    }
}

const ALL: &[Tier] = &[Tier::District, Tier::Province, Tier::Ministry];
const BELOW: &[Tier] = &[Tier::District, Tier::Province];
const ABOVE: &[Tier] = &[Tier::Province, Tier::Ministry];
const PROVINCE: &[Tier] = &[Tier::Province];
const MINISTRY: &[Tier] = &[Tier::Ministry];

fn nothing_later(_: &Visit, _: &Around) -> Vec<Group> {
    Vec::new()
}

/// All of them.
fn sheets() -> impl Iterator<Item = &'static Sheet> {
    upward::SHEETS.iter().chain(downward::SHEETS).chain(decisions::SHEETS).chain(duty::SHEETS)
}

/// The sheet of a name, if this officer may fill it in here.
pub(super) fn sheet(visit: &Visit, name: &str) -> Option<&'static Sheet> {
    sheets().find(|sheet| sheet.name == name && sheet.tiers.contains(&visit.tier()) && visit.may(sheet.right))
}

/// A link to a sheet, where it may be filled in.
pub(super) fn link(visit: &Visit, name: &str, about: &str) -> Option<(String, String)> {
    let sheet = sheet(visit, name)?;
    let about = form_urlencoded::byte_serialize(about.as_bytes()).collect::<String>();
    let query = if about.is_empty() { String::new() } else { format!("?about={about}") };
    Some((visit.w(sheet.title), format!("/file/{name}{query}")))
}

/// `GET /file/{sheet}?about=NUMBER`
pub(super) async fn show(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let visit = match Visit::of(&web, &headers, &uri, from, true).await {
        Ok(visit) => visit,
        Err(turned_away) => return turned_away.into_response(),
    };
    match page(&visit, &name).await {
        Ok(page) => visit.whole(page).await,
        Err(problem) => visit.problem(problem).await,
    }
}

pub(super) async fn page(visit: &Visit, name: &str) -> Result<Page, Problem> {
    let sheet = sheet(visit, name).ok_or_else(|| absent(name))?;
    let around = around(visit, sheet, visit.asked("about")).await?;
    // A link may have filled in what is known already.
    let given: Vec<_> = visit.query.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let form = form(visit, sheet, &around, &given, &visit.new_key(), None);
    let mut parts: Vec<_> = [about_part(visit, &around), Some(form)].into_iter().flatten().collect();
    parts.push(Part::Table(beside(visit, &around).await?));
    Ok(Page { layout: "sheet", aside: &["beside"], ..Page::new(visit.w(sheet.title), parts) })
}

/// What stands beside a sheet: the other documents of its incident, or what was sent last and how far it has come.
async fn beside(visit: &Visit, around: &Around) -> Result<Table, Problem> {
    let incident = around.header().incident;
    let (caption, views) = if incident.is_empty() {
        (visit.w("web-lately-sent"), visit.list(v1::Box::Filed, &pages::travelling(), 8).await?.documents)
    } else {
        let request = v1::ListRequest { incident: around.number(), limit: 12, ..Default::default() };
        let listed = visit.web.api.list(tonic::Request::new(request)).await?.into_inner();
        (visit.w("web-incident-documents"), listed.documents)
    };
    Ok(pages::briefly(visit, "beside", caption, &views))
}

fn absent(name: &str) -> Problem {
    if sheets().any(|sheet| sheet.name == name) { Problem::NotAllowed } else { Problem::NotFound }
}

/// `POST /file/{sheet}`
pub(super) async fn file(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let for_script = wants_json(request.headers());
    let visit = match Visit::of(&web, request.headers(), &uri, from, true).await {
        Ok(visit) if !visit.who.locked => visit,
        Ok(_) | Err(_) if for_script => return StatusCode::UNAUTHORIZED.into_response(),
        Ok(visit) => return visit.locked("").await,
        Err(turned_away) => return turned_away.into_response(),
    };
    match filed(&visit, &name, request).await {
        Ok(Answer::Filed(href, number)) if for_script => {
            Json(json!({ "number": number, "href": href })).into_response()
        }
        Ok(Answer::Filed(href, _)) => Redirect::to(&href).into_response(),
        Ok(Answer::Again(_, failure)) if for_script => {
            let told = json!({ "error": failure.sentence, "remedy": failure.remedy });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
        }
        Ok(Answer::Again(page, _)) => visit.framed(StatusCode::UNPROCESSABLE_ENTITY, page).await,
        Err(Problem::Stale) if for_script => StatusCode::UNAUTHORIZED.into_response(),
        Err(problem) => visit.problem(problem).await,
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json")
}

enum Answer {
    /// Where it is to be seen, and its number.
    Filed(String, String),
    /// The sheet again, with what is wrong.
    Again(Page, Failure),
}

async fn filed(visit: &Visit, name: &str, request: Request) -> Result<Answer, Problem> {
    let sheet = sheet(visit, name).ok_or_else(|| absent(name))?;
    let said = Said::read(visit, request).await?;
    said.check(visit, &format!("/file/{name}"))?;
    let around = around(visit, sheet, &said.given("_about")).await?;
    let failure = match written(visit, sheet, &said, &around).await {
        Ok(request) => match visit.web.api.file(tonic::Request::new(request)).await {
            Ok(filed) => return Ok(sent(visit, sheet, &filed.into_inner())),
            Err(status) => visit.failure(&status),
        },
        Err(mistake) => {
            let label = label(visit, sheet, &around, mistake.field);
            let sentence = visit.words.say("web-mistake", &[("field", label.into())]);
            Failure::new(crate::cli::exit::Exit::Usage, sentence).remedy(visit.w(mistake.hint))
        }
    };
    let error = Some((failure.sentence.clone(), failure.remedy.clone()));
    let form = form(visit, sheet, &around, said.pairs(), &said.given("_key"), error);
    let parts = vec![about_part(visit, &around), Some(form)].into_iter().flatten().collect();
    let page = Page { layout: "sheet", aside: &["beside"], ..Page::new(visit.w(sheet.title), parts) };
    Ok(Answer::Again(page, failure))
}

fn sent(visit: &Visit, sheet: &Sheet, filed: &Filed) -> Answer {
    let href = match sheet.then {
        Then::Document => format!("/m/{}?filed={}", filed.number, filed.durable_us),
        Then::Page(page) => format!("{page}?filed={}", filed.durable_us),
    };
    // Whoever hands the desk over has left it.
    if sheet.name == "handover" {
        visit.web.officers.logout(visit.session());
    }
    Answer::Filed(href, filed.number.clone())
}

async fn around(visit: &Visit, sheet: &Sheet, about: &str) -> Result<Around, Problem> {
    let about = match sheet.about {
        About::Nothing => None,
        About::Maybe if about.is_empty() => None,
        _ => Some(visit.outside(about).await?),
    };
    let policy = visit.web.api.get_policy(tonic::Request::new(PolicyRequest::default())).await?.into_inner();
    let reports = match sheet.name {
        "bulletin" => visit.list(v1::Box::Received, &crate::cli::report::KINDS, 50).await?.documents,
        _ => Vec::new(),
    };
    Ok(Around { about, policy: Policy::parse(&policy.text).ok(), reports })
}

/// The request a filled sheet makes.
async fn written(visit: &Visit, sheet: &Sheet, said: &Said, around: &Around) -> Result<FileRequest, Mistake> {
    let Written { kind, content, more } = (sheet.write)(visit, said, around)?;
    let content = match content {
        Content::Bulletin(bulletin) => Content::Bulletin(quoting(visit, bulletin).await),
        other => other,
    };
    let before = around.header();
    let usual = match &content {
        Content::Report(report) => around
            .policy
            .as_ref()
            .and_then(|policy| policy.usual.iter().find(|usual| usual.category == report.category()))
            .map(|usual| (usual.precedence, usual.classification)),
        _ => None,
    };
    let like = (around.about.is_some()).then(|| (before.precedence(), before.classification()));
    let (precedence, classification) = like.or(usual).unwrap_or(if sheet.bare {
        (Precedence::Routine, Classification::Internal)
    } else {
        (Precedence::TeJi, Classification::Internal)
    });
    let status = said.term::<Status>("status")?;
    let reference = match sheet.about {
        // A line of the log refers to what it is about, and does not join it.
        About::Maybe if sheet.bare => Default::default(),
        About::Incident | About::Maybe => (around.number(), String::new()),
        About::Document => (String::new(), around.number()),
        About::Nothing => Default::default(),
    };
    let or = |given: String, other: String| if given.is_empty() { other } else { given };
    Ok(FileRequest {
        document: Some(Document { content: Some(content) }),
        kind: kind.into(),
        status: status.map_or(if more.status != 0 { more.status } else { before.status }, Into::into),
        precedence: said.term::<Precedence>("precedence")?.unwrap_or(precedence).into(),
        classification: said.term::<Classification>("classification")?.unwrap_or(classification).into(),
        officer: visit.who.name.clone(),
        incident: or(more.incident.clone(), reference.0),
        refers_to: or(more.refers_to.clone(), reference.1),
        deliver_by_us: said.deadline("deliver_by", visit)?,
        expires_at_us: said.deadline("expires", visit)?,
        attachments: said.files.clone(),
        idempotency_key: said.once(),
        need_to_know: said.lines("need_to_know"),
        attachments_released_by: said.given("released_by"),
        ..more
    })
}

/// A report that is quoted without a text is quoted whole; what is for officers by name only for whoever may read it.
async fn quoting(visit: &Visit, mut bulletin: v1::Bulletin) -> v1::Bulletin {
    for quote in bulletin.quotes.iter_mut().filter(|quote| quote.text.is_empty()) {
        if let Ok(view) = visit.read(&quote.number).await
            && let Some(Content::Report(report)) = view.document.and_then(|document| document.content)
        {
            quote.text = report.text;
        }
    }
    bulletin
}

fn label(visit: &Visit, sheet: &Sheet, around: &Around, name: &str) -> String {
    let fields = all_fields(visit, sheet, around);
    fields.into_iter().find(|field| field.name == name).map_or_else(|| name.to_owned(), |field| field.label)
}

fn all_fields(visit: &Visit, sheet: &Sheet, around: &Around) -> Vec<Field> {
    let later = (sheet.later)(visit, around).into_iter().chain(common(visit, sheet));
    (sheet.fields)(visit, around).into_iter().chain(later.flat_map(|group| group.fields)).collect()
}

fn form(
    visit: &Visit,
    sheet: &Sheet,
    around: &Around,
    given: &[(String, String)],
    key: &str,
    error: Option<(String, Vec<String>)>,
) -> Part {
    let fill = |mut field: Field| {
        let all: Vec<_> =
            given.iter().filter(|(name, _)| *name == field.name).map(|(_, value)| value.as_str()).collect();
        if !all.is_empty() {
            field.value = if matches!(field.input, Input::Checks(_)) { all.join("\n") } else { all[0].to_owned() };
        }
        field
    };
    let action = format!("/file/{}", sheet.name);
    let mut fields: Vec<_> = (sheet.fields)(visit, around).into_iter().map(fill).collect();
    if sheet.about != About::Document && around.about.is_none() && !sheet.bare {
        fields.insert(0, fill(Field::reality(visit)));
    }
    let later = (sheet.later)(visit, around).into_iter().chain(common(visit, sheet));
    let later = later.map(|group| Group { fields: group.fields.into_iter().map(fill).collect(), ..group }).collect();
    let about = around.number();
    Part::Form(Form {
        id: "sheet",
        caption: String::new(),
        token: visit.form_token(&action),
        key: key.to_owned(),
        hidden: if about.is_empty() { Vec::new() } else { vec![("_about".into(), about.clone())] },
        fields,
        later,
        submit: visit.w(sheet.title),
        error,
        outbox: true,
        files: if sheet.bare { String::new() } else { visit.w("web-files") },
        draft: format!("{action}?{about}"),
        action,
    })
}

/// What any document that travels may have.
fn common(visit: &Visit, sheet: &Sheet) -> Option<Group> {
    if sheet.bare {
        return None;
    }
    let usual = || Some(visit.w("web-as-usual"));
    let fields = vec![
        Field::select::<Precedence>("precedence", visit.w("web-precedence"), &visit.words, usual()),
        Field::select::<Classification>("classification", visit.w("field-classification"), &visit.words, usual()),
        Field::area("need_to_know", visit.w("field-readers")).hint(visit.w("web-hint-readers")),
        Field::moment("deliver_by", visit.w("field-deliver-by"), &visit.words, true),
        Field::moment("expires", visit.w("field-expires"), &visit.words, true),
        Field::line("released_by", visit.w("web-released-by")).hint(visit.w("web-hint-released-by")),
    ];
    Some(Group { caption: visit.w("web-more"), of: String::new(), fields })
}

/// What the sheet is about, in one line.
fn about_part(visit: &Visit, around: &Around) -> Option<Part> {
    let view = around.about.as_ref()?;
    let title = crate::cli::trace::title(view, &visit.words);
    Some(Part::note("about", "quiet", visit.words.say("web-about", &[("title", title.into())]), Vec::new()))
}

/// `POST /act/{stage}`: a named officer's word about a document.
pub(super) async fn act(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(stage): Path<String>,
    request: Request,
) -> Response {
    let visit = match Visit::of(&web, request.headers(), &uri, from, true).await {
        Ok(visit) if !visit.who.locked => visit,
        Ok(visit) => return visit.locked("").await,
        Err(turned_away) => return turned_away.into_response(),
    };
    let acted = async {
        visit.needs(Right::Write)?;
        let stage = Stage::parse(&stage).filter(|stage| crate::cli::ladder::human(*stage)).ok_or(Problem::NotFound)?;
        let said = Said::read(&visit, request).await?;
        said.check(&visit, &visit.path)?;
        let document = said.given("document");
        let request = v1::ActRequest {
            document: document.clone(),
            stage: stage.into(),
            officer: visit.who.name.clone(),
            note: said.given("note"),
        };
        visit.web.api.act(tonic::Request::new(request)).await?;
        Ok(format!("/m/{}?acted={}", document, stage.code()))
    };
    match acted.await {
        Ok(href) => Redirect::to(&href).into_response(),
        Err(problem) => visit.problem(problem).await,
    }
}

/// A small form with one button, for an act that needs at most a note.
pub(super) fn act_form(visit: &Visit, stage: Stage, number: &str, note: bool) -> Part {
    let action = format!("/act/{}", stage.code());
    let label = visit.w(if stage == Stage::CannotComply { "web-why" } else { "web-note" });
    let field = Field::line("note", label);
    let field = if stage == Stage::CannotComply { field.required() } else { field };
    Part::Form(Form {
        id: match stage {
            Stage::Signed => "act-sign",
            Stage::Read => "act-read",
            Stage::Undertaken => "act-undertake",
            Stage::Completed => "act-done",
            _ => "act-cannot",
        },
        caption: String::new(),
        token: visit.form_token(&action),
        action,
        key: String::new(),
        hidden: vec![("document".into(), visible::line(number))],
        fields: if note { vec![field] } else { Vec::new() },
        later: Vec::new(),
        submit: stage.word(&visit.words),
        error: None,
        outbox: false,
        files: String::new(),
        draft: String::new(),
    })
}

/// `POST /do/{what}`: what changes the station or its people, and is no document.
pub(super) async fn perform(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(what): Path<String>,
    request: Request,
) -> Response {
    let visit = match Visit::of(&web, request.headers(), &uri, from, true).await {
        Ok(visit) if !visit.who.locked => visit,
        Ok(visit) => return visit.locked("").await,
        Err(turned_away) => return turned_away.into_response(),
    };
    match performed(&visit, &what, request).await {
        Ok(href) => Redirect::to(&href).into_response(),
        Err(problem) => visit.problem(problem).await,
    }
}

async fn performed(visit: &Visit, what: &str, request: Request) -> Result<String, Problem> {
    let right = match what {
        "retry" | "pause" | "resume" => Right::Operate,
        "officer" => Right::Enrol,
        _ => return Err(Problem::NotFound),
    };
    visit.needs(right)?;
    let said = Said::read(visit, request).await?;
    said.check(visit, &visit.path)?;
    let peer = said.given("peer");
    match what {
        "retry" => {
            let request = v1::RetryRequest { peer, held: said.given("held") == "yes", ..Default::default() };
            visit.web.api.retry_queue(tonic::Request::new(request)).await?;
            Ok("/ops/queues".to_owned())
        }
        "pause" | "resume" => {
            let minutes = said.given("minutes").parse::<u32>().unwrap_or(10).clamp(1, 24 * 60);
            let request = v1::PauseRequest {
                peer,
                resume: what == "resume",
                seconds: minutes * 60,
                reason: said.given("reason"),
            };
            visit.web.api.pause_link(tonic::Request::new(request)).await?;
            Ok("/ops/links".to_owned())
        }
        _ => {
            let posts = said.texts("posts").iter().filter_map(|post| v1::Post::parse(post)).map(Into::into).collect();
            let request = v1::OfficersRequest {
                name: said.given("name"),
                posts,
                password: said.given("password"),
                closed: said.given("account") == "closed",
                opened: said.given("account") == "opened",
                by: visit.who.name.clone(),
            };
            visit.web.api.manage_officers(tonic::Request::new(request)).await?;
            Ok("/admin/officers".to_owned())
        }
    }
}

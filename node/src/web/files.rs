//! What leaves the desk as a file: a page to print, 公文 (GB/T 9704), the ledger, evidence, attachments.

use std::net::SocketAddr;

use askama::Template;
use axum::{
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{Html, IntoResponse as _, Response},
};
use docx_rs::{
    AlignmentType, BorderType, Docx, LineSpacing, LineSpacingType, PageMargin, Paragraph, ParagraphBorder,
    ParagraphBorderPosition, ParagraphBorders, Run, RunFonts, SpecialIndentType,
};
use futures_util::TryStreamExt as _;
use proto::v1::{self, Box, DocumentView, Status, station_server::Station as _};
use rust_xlsxwriter::{Format, Workbook};
use tonic::Request;

use super::{
    Web,
    visit::{Problem, Right, Visit},
};
use crate::cli::{document, terms::Listed as _, time, visible, words::Lang};

/// Documents of a ledger.
const LEDGER: u32 = 1000;
/// GB/T 9704: margins of an A4 page in twentieths of a point (37, 28, 35 and 26 mm).
const MARGINS: [i32; 4] = [2098, 1587, 1984, 1474];
/// 28 points from line to line: 22 lines a page.
const LINE: i32 = 560;

/// A document as it is printed: the office's head, its number, a red line, the text, who and when.
struct Paper {
    office: String,
    number: String,
    urgency: String,
    label: String,
    exercise: String,
    title: String,
    to: String,
    facts: Vec<(String, String)>,
    lines: Vec<String>,
    date: String,
}

#[derive(Template)]
#[template(path = "print.html")]
struct Print<'a> {
    lang: &'a str,
    paper: &'a Paper,
}

impl Paper {
    fn of(visit: &Visit, view: &DocumentView) -> Self {
        let words = &visit.words;
        let header = view.header.clone().unwrap_or_default();
        let comma = visit.w("list-comma");
        let to =
            header.action_to.iter().map(|unit| document::address_text(unit, &visit.names, words)).collect::<Vec<_>>();
        let facts = document::content_fields(view, &visit.names, words);
        let kind = document::kind_text(view, words);
        let matter = document::matter_text(view, words);
        Self {
            office: visit.names.get(&header.origin),
            number: document::number(view),
            urgency: header.precedence().word(words),
            label: header.classification().word(words),
            exercise: match header.status() {
                Status::Actual => String::new(),
                status => status.word(words),
            },
            title: format!("{matter} {kind}").trim().to_owned(),
            to: to.join(&comma),
            facts: facts
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (visit.w(key), value))
                .collect(),
            lines: document::body_lines(view, &visit.names, words),
            date: time::day(document::created(&header), words),
        }
    }

    fn docx(&self) -> Result<Vec<u8>, String> {
        let [top, left, bottom, right] = MARGINS;
        let fonts = |name: &str| RunFonts::new().east_asia(name).ascii("Times New Roman").hi_ansi("Times New Roman");
        let run =
            |text: &str, font: &str, half_points: usize| Run::new().add_text(text).fonts(fonts(font)).size(half_points);
        let spaced = || LineSpacing::new().line(LINE).line_rule(LineSpacingType::Exact);
        let line = |run: Run| Paragraph::new().add_run(run).line_spacing(spaced());
        let body = |text: &str| {
            // Two characters of 16 points.
            line(run(text, "仿宋_GB2312", 32)).indent(None, Some(SpecialIndentType::FirstLine(640)), None, None)
        };
        let rule =
            ParagraphBorder::new(ParagraphBorderPosition::Bottom).val(BorderType::Single).size(12).color("E60012");
        let mut number = line(run(&self.number, "仿宋_GB2312", 32)).align(AlignmentType::Center);
        number.property = number.property.set_borders(ParagraphBorders::with_empty().set(rule));
        let urgent = [&self.label, &self.urgency, &self.exercise].map(String::as_str).join("  ");
        let mut docx = Docx::new()
            .page_size(11906, 16838)
            .page_margin(PageMargin::new().top(top).left(left).bottom(bottom).right(right))
            .add_paragraph(line(run(urgent.trim(), "黑体", 32)))
            .add_paragraph(
                Paragraph::new()
                    .add_run(run(&self.office, "方正小标宋简体", 72).color("E60012"))
                    .align(AlignmentType::Center),
            )
            .add_paragraph(number)
            .add_paragraph(line(Run::new()))
            .add_paragraph(
                Paragraph::new().add_run(run(&self.title, "方正小标宋简体", 44)).align(AlignmentType::Center),
            )
            .add_paragraph(line(Run::new()));
        if !self.to.is_empty() {
            docx = docx.add_paragraph(line(run(&format!("{}:", self.to), "仿宋_GB2312", 32)));
        }
        for text in &self.lines {
            docx = docx.add_paragraph(body(text));
        }
        for (name, value) in &self.facts {
            docx = docx.add_paragraph(body(&format!("{name}  {value}")));
        }
        let signed = |text: &str| {
            line(run(text, "仿宋_GB2312", 32)).align(AlignmentType::Right).indent(None, None, Some(640), None)
        };
        docx =
            docx.add_paragraph(line(Run::new())).add_paragraph(signed(&self.office)).add_paragraph(signed(&self.date));
        let mut bytes = std::io::Cursor::new(Vec::new());
        docx.build().pack(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes.into_inner())
    }
}

/// `GET /print/{document}`
pub(super) async fn print(
    State(web): State<Web>,
    from: ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Response {
    given(&web, headers, uri, from, async |visit| {
        visit.needs(Right::Look)?;
        let view = visit.read(&number).await?;
        let lang = if visit.words.lang() == Lang::Zh { "zh-CN" } else { "en" };
        let print = Print { lang, paper: &Paper::of(visit, &view) };
        Ok(Html(print.render().unwrap_or_default()).into_response())
    })
    .await
}

/// `GET /docx/{document}`
pub(super) async fn docx(
    State(web): State<Web>,
    from: ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Response {
    given(&web, headers, uri, from, async |visit| {
        visit.needs(Right::Look)?;
        let view = visit.read(&number).await?;
        let bytes = Paper::of(visit, &view).docx().map_err(broken)?;
        let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        Ok(attached(&format!("{}.docx", document::number(&view)), kind, Body::from(bytes)))
    })
    .await
}

/// `GET /xlsx/{which}`: what this office sent and received, a row each, without the texts.
pub(super) async fn xlsx(
    State(web): State<Web>,
    from: ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(_): Path<String>,
    headers: HeaderMap,
) -> Response {
    given(&web, headers, uri, from, async |visit| {
        visit.needs(Right::Look)?;
        let views = visit.list(Box::Unspecified, &[], LEDGER).await?.documents;
        let bytes = ledger(visit, &views).map_err(|error| broken(error.to_string()))?;
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        Ok(attached("ledger.xlsx", kind, Body::from(bytes)))
    })
    .await
}

fn ledger(visit: &Visit, views: &[DocumentView]) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    let heads = [
        ("head-number", 22.0),
        ("head-kind", 12.0),
        ("head-grade", 8.0),
        ("head-precedence", 8.0),
        ("field-classification", 8.0),
        ("web-reality", 8.0),
        ("head-matter", 28.0),
        ("head-from", 12.0),
        ("field-created", 18.0),
        ("field-arrived", 18.0),
        ("head-state", 20.0),
    ];
    for (column, (key, width)) in (0u16..).zip(heads) {
        sheet.write_string_with_format(0, column, visit.w(key), &bold)?;
        sheet.set_column_width(column, width)?;
    }
    let mut last = 0;
    for (row, view) in (1u32..).zip(views) {
        let Some(header) = &view.header else { continue };
        let cells = [
            document::number(view),
            document::kind_text(view, &visit.words),
            document::grade_text(view, &visit.words),
            document::precedence_text(view, &visit.words),
            header.classification().word(&visit.words),
            header.status().word(&visit.words),
            document::matter_text(view, &visit.words),
            visit.names.get(&header.origin),
            time::clock(document::created(header)),
            time::clock(view.arrived_us),
            document::state_text(view, &visit.words),
        ];
        // Written as texts: nothing a stranger wrote becomes a formula.
        for (column, text) in (0u16..).zip(cells) {
            sheet.write_string(row, column, text)?;
        }
        last = row;
    }
    sheet.autofilter(0, 0, last, 10)?;
    sheet.set_freeze_panes(1, 0)?;
    book.save_to_buffer()
}

/// `GET /evidence/{incident}`: everything sealed about an event, to be verified anywhere with public keys alone.
pub(super) async fn evidence(
    State(web): State<Web>,
    from: ConnectInfo<SocketAddr>,
    uri: Uri,
    Path(incident): Path<String>,
    headers: HeaderMap,
) -> Response {
    given(&web, headers, uri, from, async |visit| {
        visit.needs(Right::Look)?;
        let request = v1::ExportRequest {
            incident: incident.clone(),
            officer: visit.who.name.clone(),
            purpose: visit.w("web-evidence-purpose"),
        };
        let parts = visit.web.api.export(Request::new(request)).await?.into_inner();
        let bytes = parts.map_ok(|part| part.bytes).map_err(|status| std::io::Error::other(status.to_string()));
        Ok(attached(&format!("{incident}.evidence"), "application/octet-stream", Body::from_stream(bytes)))
    })
    .await
}

/// `GET /attachment/{document}/{digest}`
pub(super) async fn attachment(
    State(web): State<Web>,
    from: ConnectInfo<SocketAddr>,
    uri: Uri,
    Path((number, digest)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    given(&web, headers, uri, from, async |visit| {
        visit.needs(Right::Look)?;
        let view = visit.read(&number).await?;
        let files = view.attachments.iter().filter_map(|one| one.attachment.as_ref());
        let file = files.clone().find(|file| document::hex(&file.digest) == digest).ok_or(Problem::NotFound)?;
        let request =
            v1::FetchRequest { digest: file.digest.clone(), document: number.clone(), officer: visit.who.name.clone() };
        let parts = visit.web.api.fetch(Request::new(request)).await?.into_inner();
        let bytes = parts.map_ok(|part| part.bytes).map_err(|status| std::io::Error::other(status.to_string()));
        // Never shown in the page, whatever it says it is.
        Ok(attached(&file.name, "application/octet-stream", Body::from_stream(bytes)))
    })
    .await
}

async fn given(
    web: &Web,
    headers: HeaderMap,
    uri: Uri,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    make: impl AsyncFnOnce(&Visit) -> Result<Response, Problem>,
) -> Response {
    let visit = match Visit::of(web, &headers, &uri, from, true).await {
        Ok(visit) if !visit.who.locked => visit,
        Ok(visit) => return visit.locked("").await,
        Err(turned_away) => return turned_away.into_response(),
    };
    match make(&visit).await {
        Ok(response) => response,
        Err(problem) => visit.problem(problem).await,
    }
}

fn broken(why: String) -> Problem {
    Problem::Station(std::boxed::Box::new(tonic::Status::internal(why)))
}

fn attached(name: &str, kind: &'static str, body: Body) -> Response {
    let encoded =
        form_urlencoded::byte_serialize(visible::line(name).as_bytes()).collect::<String>().replace('+', "%20");
    let disposition = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{encoded}"));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

//! One request of one officer: who, in which language, from where, to which page. And the frame around what he sees.

use std::{collections::BTreeMap, net::SocketAddr};

use askama::Template;
use aws_lc_rs::hmac;
use axum::{
    http::{HeaderMap, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use proto::v1::{self, Post, UnitsRequest, station_server::Station as _};
use tonic::Request;

use super::{
    Web, pages,
    parts::{Part, Strip},
};
use crate::{
    cli::{
        exit::Failure,
        names::Names,
        terms::Listed as _,
        visible,
        words::{Lang, Words},
    },
    desk::officers::Present,
    io::Timestamp,
    topology::Tier,
};

/// `__Host-`: of this host alone, over TLS alone, for all of it. Browsers do not tell ports apart, so two desks on one
/// machine have two names.
pub(super) fn cookie_name(web: &Web) -> String {
    format!("__Host-zhuji-{}", web.place.unit)
}

const LANG: &str = "lang";

/// What somebody may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Read what the office has.
    Look,
    /// Write, sign and answer for the office.
    Write,
    /// Vote in the leading group.
    Vote,
    /// See the board.
    Board,
    /// Links, queues, store, certificates.
    Operate,
    /// Who may work here.
    Enrol,
    /// Who did what.
    Audit,
}

impl Right {
    /// Whether somebody with these posts has it.
    pub(super) fn of(self, posts: &[Post]) -> bool {
        let has = |among: &[Post]| posts.iter().any(|post| among.contains(post));
        match self {
            Self::Look => has(&[Post::DutyOfficer, Post::DutyLeader, Post::LeadingGroup, Post::Reader]),
            Self::Write => has(&[Post::DutyOfficer, Post::DutyLeader]),
            Self::Vote => has(&[Post::LeadingGroup]),
            Self::Board => has(&[Post::DutyOfficer, Post::DutyLeader, Post::LeadingGroup, Post::Reader, Post::Wall]),
            Self::Operate => has(&[Post::System]),
            Self::Enrol => has(&[Post::Security]),
            Self::Audit => has(&[Post::Audit]),
        }
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// No such page, or nothing under that number.
    NotFound,
    /// Not for somebody with these posts.
    NotAllowed,
    /// The station said no.
    Station(Box<tonic::Status>),
    /// The form was not made for this session, or is too old.
    Stale,
    /// The request is not what a form of ours sends.
    Malformed,
}

/// What was asked for besides the path.
pub(super) type Query = BTreeMap<String, String>;

/// One request.
pub(super) struct Visit {
    pub(super) web: Web,
    pub(super) who: Present,
    pub(super) words: Words,
    pub(super) names: Names,
    pub(super) units: v1::UnitsResponse,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) now: Timestamp,
    token: String,
}

/// A page to be shown.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) parts: Vec<Part>,
    /// How its parts stand beside each other: `desk`, `sheet`, `board`, or one below the other.
    pub(super) layout: &'static str,
    /// The parts of the narrow column, by name.
    pub(super) aside: &'static [&'static str],
}

impl Page {
    pub(super) fn new(title: String, parts: Vec<Part>) -> Self {
        Self { title, parts, layout: "", aside: &[] }
    }
}

#[derive(Template)]
#[template(path = "shell.html")]
struct Shell<'a> {
    lang: &'a str,
    title: &'a str,
    unit: &'a str,
    skip: String,
    theme: &'a str,
    layout: &'a str,
    view: String,
    strip: String,
    nav: Vec<Link>,
    nav_label: String,
    who: String,
    posts: String,
    logout: String,
    logout_token: String,
    other: (String, String),
    columns: [Vec<String>; 3],
    refresh: bool,
    said: BTreeMap<&'static str, String>,
    rotate: String,
}

/// An entry of the navigation.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
    pub(super) here: bool,
}

#[derive(Template)]
#[template(path = "locked.html")]
struct Locked<'a> {
    why: String,
    who: &'a str,
    password: String,
    unlock: String,
    back: String,
    wrong: String,
    token: String,
}

impl Visit {
    /// Lets in whoever has a session, and shows everybody else the way.
    pub(super) async fn of(
        web: &Web,
        headers: &HeaderMap,
        uri: &Uri,
        from: SocketAddr,
        acts: bool,
    ) -> Result<Self, Redirect> {
        let token = cookie(headers, &cookie_name(web)).unwrap_or_default();
        let who = web.officers.present(&token, &from.ip().to_string(), acts);
        let Some(who) = who else {
            let back = form_urlencoded::byte_serialize(uri.to_string().as_bytes()).collect::<String>();
            return Err(Redirect::to(&format!("/login?back={back}")));
        };
        let query = query(uri);
        let words = web.words(lang(headers, &query)).clone();
        let units = web.api.list_units(Request::new(UnitsRequest {})).await;
        let units = units.map(tonic::Response::into_inner).unwrap_or_default();
        let names = Names::of(units.clone(), words.lang());
        let (path, now) = (uri.path().to_owned(), web.api.io.now());
        Ok(Self { web: web.clone(), who, words, names, units, path, query, now, token })
    }

    /// A message of this officer's language.
    pub(super) fn w(&self, key: &str) -> String {
        self.words.text(key)
    }

    pub(super) fn tier(&self) -> Tier {
        self.web.tier()
    }

    pub(super) fn me(&self) -> &str {
        self.web.place.unit.as_str()
    }

    pub(super) fn may(&self, right: Right) -> bool {
        !self.who.locked && right.of(&self.who.posts)
    }

    pub(super) fn needs(&self, right: Right) -> Result<(), Problem> {
        if self.may(right) { Ok(()) } else { Err(Problem::NotAllowed) }
    }

    pub(super) fn asked(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// The path without its first segment.
    pub(super) fn rest(&self) -> String {
        let rest = self.path.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
        decoded(rest)
    }

    /// What a form to this place has to carry: of this session and of this place alone.
    pub(super) fn form_token(&self, action: &str) -> String {
        form_token(&self.token, action)
    }

    /// Whether it does.
    pub(super) fn check_token(&self, action: &str, given: &str) -> Result<(), Problem> {
        let right = form_token(&self.token, action);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), given.as_bytes());
        same.map_err(|_| Problem::Stale)
    }

    pub(super) fn session(&self) -> &str {
        &self.token
    }

    /// A key under which a form is filed once, however often it is sent.
    pub(super) fn new_key(&self) -> String {
        let mut bytes = [0; 16];
        self.web.api.io.random(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// One document, read by this officer: of a guarded one that is on record before it is shown.
    pub(super) async fn read(&self, document: &str) -> Result<v1::DocumentView, Problem> {
        let request = v1::GetRequest { document: document.to_owned(), officer: self.who.name.clone() };
        Ok(self.web.api.get(Request::new(request)).await?.into_inner())
    }

    /// One document's outside: what a form about it has to know.
    pub(super) async fn outside(&self, document: &str) -> Result<v1::DocumentView, Problem> {
        let request = v1::GetRequest { document: document.to_owned(), officer: String::new() };
        Ok(self.web.api.get(Request::new(request)).await?.into_inner())
    }

    /// The newest documents of some kinds.
    pub(super) async fn list(
        &self,
        which: v1::Box,
        kinds: &[v1::Kind],
        limit: u32,
    ) -> Result<v1::ListResponse, Problem> {
        let request = v1::ListRequest {
            r#box: which.into(),
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
            limit,
            ..Default::default()
        };
        Ok(self.web.api.list(Request::new(request)).await?.into_inner())
    }

    /// The station said no: told as the command line tells it.
    pub(super) fn failure(&self, status: &tonic::Status) -> Failure {
        Failure::of(status, &self.words, &self.names, crate::cli::call::program(self.tier()))
    }

    /// The page in its frame, and the parts of it that a stream keeps current.
    pub(super) async fn whole(&self, page: Page) -> Response {
        if self.who.locked {
            return self.locked("").await;
        }
        self.framed(StatusCode::OK, page).await
    }

    /// What is to be read instead of a page.
    pub(super) async fn problem(&self, problem: Problem) -> Response {
        if self.who.locked {
            return self.locked("").await;
        }
        let (code, sentence, remedy) = match &problem {
            Problem::NotFound => (StatusCode::NOT_FOUND, self.w("web-no-page"), Vec::new()),
            Problem::NotAllowed => {
                (StatusCode::FORBIDDEN, self.w("web-not-allowed"), vec![self.w("web-not-allowed-remedy")])
            }
            Problem::Stale => (StatusCode::FORBIDDEN, self.w("web-stale"), vec![self.w("web-stale-remedy")]),
            Problem::Malformed => (StatusCode::BAD_REQUEST, self.w("web-malformed"), Vec::new()),
            Problem::Station(status) => {
                let failure = self.failure(status);
                let code = match status.code() {
                    tonic::Code::NotFound => StatusCode::NOT_FOUND,
                    tonic::Code::Unavailable | tonic::Code::ResourceExhausted => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                (code, failure.sentence, failure.remedy)
            }
        };
        let parts = vec![Part::note("problem", "bad", sentence, remedy)];
        self.framed(code, Page::new(self.w("web-problem"), parts)).await
    }

    pub(super) async fn framed(&self, code: StatusCode, page: Page) -> Response {
        let strip = pages::strip(self).await;
        let lang = match self.words.lang() {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        };
        let dark = page.layout == "board" && self.asked("theme") != "light" || self.asked("theme") == "dark";
        let other = match self.words.lang() {
            Lang::Zh => ("en", "English"),
            Lang::En => ("zh", "中文"),
        };
        let posts = self.who.posts.iter().map(|post| post.word(&self.words)).collect::<Vec<_>>();
        let has_form = page.parts.iter().any(Part::is_form);
        let shell = Shell {
            lang,
            title: &page.title,
            unit: &self.names.get(self.me()),
            skip: self.w("web-skip"),
            theme: if dark { "dark" } else { "light" },
            layout: page.layout,
            view: self.view(),
            strip: Part::Strip(strip).html(),
            nav: pages::navigation(self),
            nav_label: self.w("web-navigation"),
            who: visible::line(&self.who.name),
            posts: posts.join(&self.w("list-comma")),
            logout: self.w("web-logout"),
            logout_token: self.form_token("/logout"),
            other: (format!("?lang={}", other.0), other.1.to_owned()),
            columns: columns(&page),
            refresh: !has_form,
            said: self.script_words(),
            rotate: self.asked("rotate").chars().filter(char::is_ascii_digit).take(4).collect(),
        };
        let cookie = self.query.get(LANG).map(|lang| {
            let lang = if lang == "en" { "en" } else { "zh" };
            [(header::SET_COOKIE, format!("{LANG}={lang}; Path=/; Max-Age=31536000; Secure; SameSite=Strict"))]
        });
        match shell.render() {
            Ok(html) => (code, cookie, Html(html)).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }

    /// The page as a stream asks for it again.
    fn view(&self) -> String {
        let query: String = self
            .query
            .iter()
            .filter(|(name, _)| *name != LANG)
            .map(|(name, value)| {
                let encoded = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
                format!("&{name}={encoded}")
            })
            .collect();
        let path = form_urlencoded::byte_serialize(self.path.as_bytes()).collect::<String>();
        format!("{path}{query}")
    }

    /// The few words the script says by itself.
    fn script_words(&self) -> BTreeMap<&'static str, String> {
        let keys = [
            ("ago", "web-js-ago"),
            ("live", "web-js-live"),
            ("late", "web-js-late"),
            ("gone", "web-js-gone"),
            ("draft", "web-js-draft"),
            ("kept", "web-js-kept"),
            ("taken", "web-js-taken"),
            ("mute", "web-js-mute"),
            ("login", "web-js-login"),
        ];
        keys.into_iter().map(|(name, key)| (name, self.w(key))).collect()
    }

    /// Instead of the page, when nobody has touched it for long: what is urgent is still there to see.
    pub(super) async fn locked(&self, wrong: &str) -> Response {
        let locked = Locked {
            why: self.w("web-locked-why"),
            who: &visible::line(&self.who.name),
            password: self.w("web-password"),
            unlock: self.w("web-unlock"),
            back: self.path.clone(),
            wrong: wrong.to_owned(),
            token: self.form_token("/unlock"),
        };
        let body = locked.render().unwrap_or_default();
        let page = Page::new(self.w("web-locked"), vec![Part::Html { id: "locked", html: body, form: true }]);
        self.framed(StatusCode::LOCKED, page).await
    }

    /// The parts of the page that may have changed, for a stream.
    pub(super) async fn current(&self) -> Vec<(String, String)> {
        let strip = Part::Strip(pages::strip(self).await);
        let mut all = vec![(strip.id().to_owned(), strip.html())];
        if !self.who.locked {
            // Of a page that is not there yet the strip is current all the same.
            if let Ok(page) = pages::page(self).await {
                let live = page.parts.iter().filter(|part| !part.is_form());
                all.extend(live.map(|part| (part.id().to_owned(), part.html())));
            }
        }
        all
    }

    /// The strip over every page.
    pub(super) fn empty_strip(&self) -> Strip {
        Strip::new(self.names.get(self.me()))
    }
}

/// What stands across the page, in the wide column, in the narrow one.
fn columns(page: &Page) -> [Vec<String>; 3] {
    let mut columns = [const { Vec::new() }; 3];
    for part in &page.parts {
        let across = matches!(part, Part::Note(_) | Part::Actions(_) | Part::Figures(_));
        let column = if page.aside.contains(&part.id()) { 2 } else { usize::from(!across || page.aside.is_empty()) };
        columns[column].push(part.html());
    }
    columns
}

/// The language somebody chose, or Chinese.
pub(super) fn lang(headers: &HeaderMap, query: &Query) -> Lang {
    let chosen = query.get(LANG).cloned().or_else(|| cookie(headers, LANG));
    if chosen.as_deref() == Some("en") { Lang::En } else { Lang::Zh }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut each = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    each.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
}

pub(super) fn query(uri: &Uri) -> Query {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn decoded(text: &str) -> String {
    // A path has no `+` for a space; everything else is spelled as in a form.
    let plus = text.replace('+', "%2B");
    form_urlencoded::parse(plus.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn form_token(session: &str, action: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, session.as_bytes());
    let tag = hmac::sign(&key, action.as_bytes());
    tag.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_good_in_one_session_and_for_one_place() {
        let token = form_token("a", "/file/report");
        assert_eq!(token, form_token("a", "/file/report"));
        assert_ne!(token, form_token("b", "/file/report"));
        assert_ne!(token, form_token("a", "/file/directive"));
    }

    #[test]
    fn the_three_administrators_see_no_content_and_nobody_sees_their_pages() {
        let content = [Right::Look, Right::Write, Right::Vote, Right::Board];
        for post in [Post::System, Post::Security, Post::Audit] {
            assert!(content.iter().all(|right| !right.of(&[post])), "{post:?}");
        }
        for post in [Post::DutyOfficer, Post::DutyLeader, Post::LeadingGroup, Post::Reader, Post::Wall] {
            assert!([Right::Operate, Right::Enrol, Right::Audit].iter().all(|right| !right.of(&[post])), "{post:?}");
        }
        assert!(!Right::Look.of(&[Post::Wall]));
    }

    #[test]
    fn a_path_may_hold_a_number_in_any_script() {
        assert_eq!(decoded("R-420100-0919-0007"), "R-420100-0919-0007");
        assert_eq!(decoded("%E6%8C%87%E7%A4%BA"), "指示");
        assert_eq!(decoded("a+b"), "a+b");
    }
}

//! Coming in and leaving. Each is in the journal, with the officer's name; a guess at a password as well.

use std::net::SocketAddr;

use askama::Template;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};

use super::{
    Web,
    visit::{self, Visit, cookie_name},
};
use crate::{
    cli::{
        time, visible,
        words::{Lang, Words},
    },
    desk::officers::NotLetIn,
};

/// More than any name and password.
const BYTES_MAX: usize = 4 * 1024;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    lang: &'a str,
    network: &'a str,
    unit: &'a str,
    title: String,
    name: String,
    password: String,
    enter: String,
    given: &'a str,
    back: &'a str,
    wrong: String,
    nobody: String,
    other: (String, String),
}

/// `GET /login`
pub(super) async fn form(State(web): State<Web>, uri: Uri, headers: HeaderMap) -> Response {
    let query = visit::query(&uri);
    let words = web.words(visit::lang(&headers, &query));
    let back = query.get("back").cloned().unwrap_or_default();
    page(&web, words, StatusCode::OK, &back, "", String::new())
}

fn page(web: &Web, words: &Words, code: StatusCode, back: &str, given: &str, wrong: String) -> Response {
    let place = &web.place;
    let english = words.lang() == Lang::En;
    let unit = if english && !place.name_en.is_empty() { &place.name_en } else { &place.name };
    let program = crate::cli::call::program(web.tier());
    let nobody = match web.officers.list().is_empty() {
        true => words.say("web-no-officers", &[("program", program.into())]),
        false => String::new(),
    };
    let other = if english { ("?lang=zh", "中文") } else { ("?lang=en", "English") };
    let login = Login {
        lang: if english { "en" } else { "zh-CN" },
        network: &web.api.around.topology.network.name,
        unit,
        title: words.text("web-login"),
        name: words.text("web-name"),
        password: words.text("web-password"),
        enter: words.text("web-enter"),
        given,
        back,
        wrong,
        nobody,
        other: (other.0.to_owned(), other.1.to_owned()),
    };
    match login.render() {
        Ok(html) => (code, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// `POST /login`
pub(super) async fn enter(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let words = web.words(visit::lang(request.headers(), &visit::Query::new())).clone();
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut said: visit::Query = form_urlencoded::parse(&bytes).into_owned().collect();
    let mut take = |name: &str| said.remove(name).unwrap_or_default();
    let (name, password, back) = (take("name"), take("password"), take("back"));
    match web.officers.login(&name, &password, &from.ip().to_string()).await {
        Ok(token) => {
            web.api.note_account(&name, &format!("login from {}", from.ip())).await;
            let cookie = format!("{}={token}; Path=/; Secure; HttpOnly; SameSite=Strict", cookie_name(&web));
            ([(header::SET_COOKIE, cookie)], Redirect::to(&inside(&back))).into_response()
        }
        Err(why) => {
            tracing::warn!(officer = visible::line(&name), %from, ?why, "not let in");
            // A guess is written down, not that somebody who has to wait knocks: that could go on for ever.
            if why == NotLetIn::Wrong && web.officers.list().iter().any(|officer| officer.name == name.trim()) {
                web.api.note_account(&name, &format!("refused from {}", from.ip())).await;
            }
            let code = match why {
                NotLetIn::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNAUTHORIZED,
            };
            page(&web, &words, code, &back, &name, told(&why, &words))
        }
    }
}

fn told(why: &NotLetIn, words: &Words) -> String {
    match why {
        NotLetIn::Wrong => words.text("web-wrong"),
        NotLetIn::Wait(wait) => words.say("web-wait", &[("span", time::about(*wait, words).into())]),
    }
}

/// Back to where somebody came from, if that is a page of ours.
fn inside(back: &str) -> String {
    let ours = back.starts_with('/') && !back.starts_with("//") && !back.contains(['\\', '\r', '\n']);
    let page = back.parse::<Uri>().is_ok_and(|uri| uri.host().is_none());
    if ours && page { back.to_owned() } else { "/".to_owned() }
}

/// `POST /logout`
pub(super) async fn leave(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    request: Request,
) -> Response {
    let Ok(visit) = Visit::of(&web, request.headers(), &uri, from, false).await else {
        return Redirect::to("/login").into_response();
    };
    let said = match super::said::Said::read(&visit, request).await {
        Ok(said) => said,
        Err(problem) => return visit.problem(problem).await,
    };
    if let Err(problem) = said.check(&visit, "/logout") {
        return visit.problem(problem).await;
    }
    if let Some(name) = web.officers.logout(visit.session()) {
        web.api.note_account(&name, "logout").await;
    }
    let gone = format!("{}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict", cookie_name(&web));
    ([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response()
}

/// `POST /unlock`
pub(super) async fn unlock(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    request: Request,
) -> Response {
    let visit = match Visit::of(&web, request.headers(), &uri, from, false).await {
        Ok(visit) => visit,
        Err(turned_away) => return turned_away.into_response(),
    };
    let said = match super::said::Said::read(&visit, request).await {
        Ok(said) => said,
        Err(problem) => return visit.problem(problem).await,
    };
    if let Err(problem) = said.check(&visit, "/unlock") {
        return visit.problem(problem).await;
    }
    match web.officers.unlock(visit.session(), &said.given("password")).await {
        Ok(()) => Redirect::to(&inside(&said.given("back"))).into_response(),
        Err(why) => visit.locked(&told(&why, &visit.words)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coming_in_leads_to_pages_of_ours_only() {
        assert_eq!(inside("/m/R-1?filed=4"), "/m/R-1?filed=4");
        for bad in ["", "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nb"]
        {
            assert_eq!(inside(bad), "/", "{bad:?}");
        }
    }
}

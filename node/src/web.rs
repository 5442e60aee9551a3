//! The desk in the browser: what the people of an office see and do, served by its own station over HTTPS.
//!
//! It is a second reader of the local interface, beside the command line: every page is made of what [`crate::desk::api`]
//! answers, and every form becomes a request to it. So a rule is told the same way in both, and nothing can be done here
//! that the station would not allow there. A page is a list of `parts`, made by a function of what the station said;
//! the whole page and what is pushed to it while it is open (`live`) come from that one function.
//!
//! Promises: nothing without a named officer ([`crate::desk::officers`]), and his name is on what he does; what an officer
//! may not see is not in the page; nothing a stranger wrote is markup; no script or style but ours, and no page needs a
//! script to work, the 首报 least of all; a line that is down blanks no page, and each says how old it is.

mod door;
mod entrance;
mod fields;
mod files;
mod live;
mod pages;
mod parts;
mod said;
mod sheets;
mod visit;

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::Uri,
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use self::visit::{Problem, Visit};
use crate::{
    cli::words::{Lang, Words},
    config,
    desk::{api::Api, officers::Officers},
    limits,
    topology::{Place, Tier},
};

/// A form with as many files as a document may have, each as long as it may be.
const FORM_WITH_FILES_BYTES_MAX: usize = (limits::ATTACHMENTS_MAX + 1) * limits::ATTACHMENT_BYTES_MAX as usize;

/// What all visits share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Web(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) api: Api,
    pub(crate) officers: Officers,
    pub(crate) place: Place,
    zh: Words,
    en: Words,
}

impl std::ops::Deref for Web {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Web {
    pub(crate) fn new(api: Api, officers: Officers, place: Place) -> Self {
        let (zh, en) = (Words::new(Lang::Zh), Words::new(Lang::En));
        Self(Arc::new(Inner { api, officers, place, zh, en }))
    }
}

impl Inner {
    pub(crate) fn words(&self, lang: Lang) -> &Words {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }

    pub(crate) fn tier(&self) -> Tier {
        self.place.tier
    }
}

/// Serves the desk for as long as the station lives. Fails where the address or the certificate cannot be used.
pub fn serve(config: &config::Desk, identity: &Path, api: Api, officers: Officers, place: Place) -> anyhow::Result<()> {
    let tls = door::Certificate::load(identity)?;
    let listener = std::net::TcpListener::bind(config.address).with_context(|| {
        format!("cannot listen on {} for the desk: is another program using it? see [desk] address", config.address)
    })?;
    listener.set_nonblocking(true)?;
    let router = router(Web::new(api, officers, place)).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::from_tcp(listener)?.acceptor(tls.acceptor());
    tokio::spawn(tls.keep_current());
    tokio::spawn(async move {
        if let Err(error) = server.serve(router).await {
            tracing::error!(%error, "the desk in the browser ended; the command line goes on");
        }
    });
    tracing::info!(address = %config.address, "the desk is open");
    Ok(())
}

fn router(web: Web) -> Router {
    Router::new()
        .route("/login", get(entrance::form).post(entrance::enter))
        .route("/logout", post(entrance::leave))
        .route("/unlock", post(entrance::unlock))
        .route("/events", get(live::events))
        .route("/file/{sheet}", get(sheets::show).post(sheets::file))
        .route("/act/{stage}", post(sheets::act))
        .route("/do/{what}", post(sheets::perform))
        .route("/print/{document}", get(files::print))
        .route("/docx/{document}", get(files::docx))
        .route("/xlsx/{which}", get(files::xlsx))
        .route("/evidence/{incident}", get(files::evidence))
        .route("/attachment/{document}/{digest}", get(files::attachment))
        .route("/assets/{name}", get(door::asset))
        .route("/sw.js", get(door::worker))
        .fallback(get(page))
        .layer(DefaultBodyLimit::max(FORM_WITH_FILES_BYTES_MAX))
        .layer(middleware::from_fn(door::guard))
        .with_state(web)
}

/// Any page that only shows.
async fn page(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    request: Request,
) -> Response {
    let visit = match Visit::of(&web, request.headers(), &uri, from, true).await {
        Ok(visit) => visit,
        Err(turned_away) => return turned_away.into_response(),
    };
    match pages::page(&visit).await {
        Ok(page) => visit.whole(page).await,
        Err(problem) => visit.problem(problem).await,
    }
}

impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        Self::Station(Box::new(status))
    }
}
